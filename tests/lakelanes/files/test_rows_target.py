"""The converter's target for rows that say themselves which partition they are of."""

from __future__ import annotations

from lakelanes.config.partitions import data_fault
from lakelanes.convert.partition_reader import Values
from lakelanes.convert.sink import Sink
from lakelanes.files.rows_target import rows_target
from tests.support.lakes import SALES, make_config

KEYS = [
    "region",
    {"name": "day", "column": "transaction_date", "format": "%d"},
    {"name": "customer", "column": "customer_id"},
]


def nothing_opened(values: Values) -> Sink:
    raise AssertionError(values)


def test_a_target_has_the_keys_that_are_in_the_rows_and_the_entity_s_limit() -> None:
    settings = {**SALES, "partition_keys": KEYS, "filename_pattern": "s_(.*)", "max_partitions_per_file": 7}
    sales = make_config({"sales": settings}).entities["sales"]
    target = rows_target(sales, lambda values: data_fault(sales, ["ch", *values]), nothing_opened, lambda rows: None)
    assert [value.column for value in target.values] == ["transaction_date", "customer_id"]
    assert target.left_out == {"day", "customer"}
    assert target.limit == 7
    assert target.legal(("15", "c1")) is None
    # The position counts keys from the rows alone, and not the region in front of them.
    found = target.legal(("15", "c\n1"))
    assert found is not None
    assert found[0] == 1
    assert "customer" in found[1]
