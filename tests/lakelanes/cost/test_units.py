"""Sizes and units of the ledger's items, and what a file writes on which key."""

from __future__ import annotations

import yaml

from lakelanes.cost.units import (
    INDEXES,
    by_key,
    file_items,
    file_writes,
    item_bytes,
    read_units,
    write_units,
    writes_of,
)
from lakelanes.ledger.items import to_item
from scripts.deploy import TEMPLATE


def test_the_size_of_an_item_is_that_of_its_names_and_values() -> None:
    assert item_bytes({"ab": {"S": "cde"}}) == 5
    assert item_bytes({"é": {"S": "€"}}) == 2 + 3, "in UTF-8"
    assert item_bytes({"n": {"N": "12345"}}) == 1 + 4, "a byte for two digits and one more"
    assert item_bytes(to_item({"b": True, "l": ["x", "yz"], "m": {"k": 1}})) == (1 + 1) + (1 + 3 + 2 + 3) + (
        1 + 3 + 2 + 2
    )


def test_units_are_of_a_kilobyte_written_and_four_read() -> None:
    assert [write_units(size) for size in (1, 1024, 1025, 3000)] == [1, 1, 2, 3]
    assert [read_units(size) for size in (1, 4096, 4097)] == [1, 1, 2]
    assert read_units(4097, consistent=False) == 1


def test_an_index_whose_key_changes_is_written_at_the_old_and_the_new_place() -> None:
    old = to_item({"source": "f", "entity_state": "e#claimed", "updated_at": "1", "entity_partition": "e#p"})
    new = to_item({"source": "f", "entity_state": "e#loaded", "updated_at": "2", "entity_partition": "e#p"})
    found = by_key(writes_of(old, new))
    assert found == {
        ("", "FILE"): 1,
        ("by_partition", "e#p"): 1,
        ("by_state", "e#claimed"): 1,
        ("by_state", "e#loaded"): 1,
    }
    large = {**new, "error": {"S": "x" * 1100}}
    assert by_key(writes_of(old, large))["by_state", "e#claimed"] == 1, "what goes away is small"
    assert by_key(writes_of(old, large))["by_partition", "e#p"] == 2


def test_a_file_takes_two_units_of_its_partition_and_of_claimed_and_one_of_loaded() -> None:
    found = by_key(file_writes())
    assert found == {
        ("", "FILE"): 2,
        ("by_partition", "ENTITY#PARTITION"): 2,
        ("by_state", "ENTITY#claimed"): 2,
        ("by_state", "ENTITY#loaded"): 1,
    }
    assert sum(found.values()) == 7


def test_long_names_make_an_item_of_two_units() -> None:
    long = "s3://example-lake-source/" + "folder/" * 60 + "sales_data_2024_03_15.csv"
    claimed, loaded = file_items(source=long)
    assert item_bytes(claimed) < 1024 < item_bytes(loaded)
    found = by_key(file_writes((claimed, loaded)))
    assert found["by_partition", "ENTITY#PARTITION"] == 3
    assert found["by_state", "ENTITY#claimed"] == 2


def test_the_indexes_are_those_of_the_template() -> None:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    ledger = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader)["Resources"]["LedgerTable"]["Properties"]
    found = {
        index["IndexName"]: tuple(key["AttributeName"] for key in index["KeySchema"])
        for index in ledger["GlobalSecondaryIndexes"]
    }
    assert found == INDEXES
    assert {index["Projection"]["ProjectionType"] for index in ledger["GlobalSecondaryIndexes"]} == {"ALL"}
