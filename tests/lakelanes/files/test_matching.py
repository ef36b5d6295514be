"""Matching: which entity takes a name, and which partition the name spells."""

from __future__ import annotations

import pytest

from lakelanes.errors import AmbiguousFileError, PartitionValueError
from lakelanes.files.matching import literal_prefix, match
from tests.support.lakes import SALES, make_config

RETURNS = {**SALES, "table_name": "returns", "filename_pattern": r"returns_(\d{4})_(\d{2})_(\d{2})\.csv"}


@pytest.mark.parametrize(
    "key",
    [
        "sales_data_2024_03_15.csv",
        "incoming/2024/sales_data_2024_03_15.csv",
        "März 2024/a+b c%20/sales_data_2024_03_15.csv",
    ],
)
def test_a_name_gives_entity_and_partition_whatever_folder_it_is_in(key: str) -> None:
    found = match(make_config(), key)
    assert found is not None
    assert (found.entity.name, found.partition.path) == ("sales", "year=2024/month=03/day=15")


@pytest.mark.parametrize("key", ["sales_data_2024_03_15.csv.bak", "xsales_data_2024_03_15.csv", "readme.txt", ""])
def test_the_whole_name_has_to_match(key: str) -> None:
    assert match(make_config(), key) is None


def test_a_key_that_matches_two_entities_belongs_to_none() -> None:
    config = make_config({"sales": SALES, "all": {**RETURNS, "filename_pattern": r".*?_(\d{4})_(\d{2})_(\d{2})\.csv"}})
    with pytest.raises(AmbiguousFileError, match=r"entities\.sales\.filename_pattern, entities\.all\.filename_pattern"):
        match(config, "sales_data_2024_03_15.csv")


def test_a_date_that_does_not_exist_is_no_partition() -> None:
    with pytest.raises(PartitionValueError, match="year=2024, month=02, day=30 is not a date"):
        match(make_config(), "sales_data_2024_02_30.csv")


def test_a_pattern_with_a_slash_is_held_against_the_key_below_the_prefix() -> None:
    pattern = r"(\d{4})/(\d{2})/(\d{2})/sales\.csv"
    config = make_config({"sales": {**SALES, "filename_pattern": pattern, "source_prefix": "in"}})
    found = match(config, "in/2024/03/15/sales.csv")
    assert found is not None
    assert found.partition.values == ["2024", "03", "15"]
    assert match(config, "elsewhere/2024/03/15/sales.csv") is None


def test_named_groups_may_stand_in_any_order() -> None:
    pattern = r"sales_(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})\.csv"
    found = match(make_config({"sales": {**SALES, "filename_pattern": pattern}}), "sales_15032024.csv")
    assert found is not None
    assert found.partition.path == "year=2024/month=03/day=15"


@pytest.mark.parametrize(
    ("pattern", "prefix", "dated"),
    [
        (r"sales_data_(\d{4})_(\d{2})_(\d{2})\.csv", "sales_data_", "sales_data_2024_03_15.csv"),
        (r"sales-(\d\d\d\d)(\d{2})([0-9]{2})-\d+\.csv", "sales-", "sales-20240315-"),
        (r"sales_(\d{4})_(\d{1,2})_(\d{2})\.csv", "sales_", "sales_2024_"),
        (r"sales?_(\d{4})_(\d{2})_(\d{2})", "sale", "sale"),
        (r"(?i:sales)_(\d{4})_(\d{2})_(\d{2})", "", ""),
        (r"a_(\d{4})_(\d{2})_(\d{2})|b", "", ""),
        (r"x(\d{4})_(\d{2})_(\d{2})\.(?:csv|txt)", "x", "x2024_03_15."),
    ],
)
def test_the_start_that_all_names_share_is_read_from_the_pattern(pattern: str, prefix: str, dated: str) -> None:
    sales = make_config({"sales": {**SALES, "filename_pattern": pattern}}).entities["sales"]
    assert literal_prefix(sales) == prefix
    assert literal_prefix(sales, {"year": "2024", "month": "03", "day": "15"}) == dated


@pytest.mark.parametrize(("kind", "value"), [("tinyint", "300"), ("int", "99999999999"), ("varchar(2)", "abc")])
def test_a_value_that_its_partition_key_cannot_hold_is_no_partition(kind: str, value: str) -> None:
    entity = {**SALES, "partition_keys": [{"name": "code", "type": kind}], "filename_pattern": r"code_(\w+)\.csv"}
    with pytest.raises(PartitionValueError, match=f"{value!r} is not of type"):
        match(make_config({"sales": entity}), f"code_{value}.csv")
