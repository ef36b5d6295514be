"""Matching names and finding files, with the number of LIST requests that takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from lakelanes.config.partitions import (
    Partition,
    date_values,
    hive_escape,
    hive_unescape,
    partition_date,
    partition_key,
    partition_of,
)
from lakelanes.errors import AmbiguousFileError, PartitionValueError
from lakelanes.files.listing import list_entity, list_partition, list_recent
from lakelanes.files.matching import literal_prefix, match
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from tests.support.lakes import SALES, make_config, put

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
    ("value", "escaped"), [("a/b", "a%2Fb"), ("50%", "50%25"), ("k=v", "k%3Dv"), ("Zürich 1", "Zürich 1"), ("..", "..")]
)
def test_a_partition_value_is_escaped_as_hive_does(value: str, escaped: str) -> None:
    assert hive_escape(value) == escaped
    assert hive_unescape(escaped) == value
    partition = Partition((("city", value), ("year", "2024")))
    assert Partition.from_path(partition.path) == partition


def test_partition_and_airflow_key_name_each_other() -> None:
    sales = make_config().entities["sales"]
    partition = partition_of(sales, date_values(sales, "2024-03-15").values())
    assert partition.path == "year=2024/month=03/day=15"
    assert partition_key(sales, partition) == "2024-03-15"
    assert partition_date(sales, partition) == datetime(2024, 3, 15)
    with pytest.raises(
        PartitionValueError, match="'2024-3' is not a partition of entity sales: write it as 2024-03-15"
    ):
        date_values(sales, "2024-3")


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


def test_a_source_file_survives_the_way_through_json() -> None:
    file = SourceFile("b", "k ü", "e", 3, datetime.fromisoformat("2024-03-15T12:00:00+00:00"), "0A")
    assert SourceFile.from_dict(file.to_dict()) == file


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lake], list[str]]:
    """Counts the LIST requests of a lake: the list grows by a prefix per request."""

    def count(lake: Lake) -> list[str]:
        seen: list[str] = []
        lake.s3.meta.events.register(
            "provide-client-params.s3.ListObjectsV2", lambda params, **_: seen.append(params["Prefix"])
        )
        return seen

    return count


def fill(lake: Lake, keys: list[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: put(lake, key, "x"), keys))


def keys(files: list[SourceFile]) -> list[str]:
    return sorted(file.key for file in files)


def test_looking_for_a_day_costs_the_same_however_long_the_history(
    make_lake: Callable[..., Lake], lists: Callable[[Lake], list[str]]
) -> None:
    lake = make_lake({"sales": SALES, "returns": RETURNS})
    fill(
        lake,
        [
            f"{family}_{year}_{month:02}_{day:02}.csv"
            for family in ("sales_data", "returns")
            for year in range(2010, 2014)
            for month in range(1, 13)
            for day in range(1, 29)
        ],
    )
    fill(lake, ["old/sales_data_2012_02_02.csv", "z/y/sales_data_2012_02_02.csv", "z/other.txt"])
    requests = lists(lake)
    found = list_partition(lake, lake.config.entities["sales"], "2012-02-02")
    assert keys(found) == [
        "old/sales_data_2012_02_02.csv",
        "sales_data_2012_02_02.csv",
        "z/y/sales_data_2012_02_02.csv",
    ]
    # 2,688 files: one request per folder (4) and per family of names that fills a page (2), one for the day itself.
    assert len(requests) <= 7, requests


def test_a_folder_of_one_entity_takes_one_request_per_page_of_the_day(
    make_lake: Callable[..., Lake], lists: Callable[[Lake], list[str]]
) -> None:
    lake = make_lake({"sales": {**SALES, "source_prefix": "in/sales"}})
    fill(lake, [f"in/sales/sales_data_2024_03_{day:02}.csv" for day in range(1, 29)])
    requests = lists(lake)
    assert keys(list_partition(lake, lake.config.entities["sales"], "2024-03-15")) == [
        "in/sales/sales_data_2024_03_15.csv"
    ]
    assert len(requests) == 1


def test_dates_without_leading_zeros_are_found_by_their_date(make_lake: Callable[..., Lake]) -> None:
    pattern = r"sales_data_(\d{4})_(\d{1,2})_(\d{1,2})\.csv"
    lake = make_lake({"sales": {**SALES, "filename_pattern": pattern}})
    fill(lake, ["sales_data_2024_3_5.csv", "sales_data_2024_03_05.csv", "sales_data_2024_3_15.csv"])
    found = list_partition(lake, lake.config.entities["sales"], "2024-03-05")
    assert keys(found) == ["sales_data_2024_03_05.csv", "sales_data_2024_3_5.csv"]


@pytest.mark.parametrize(("kind", "value"), [("tinyint", "300"), ("int", "99999999999"), ("varchar(2)", "abc")])
def test_a_value_that_its_partition_key_cannot_hold_is_no_partition(kind: str, value: str) -> None:
    entity = {**SALES, "partition_keys": [{"name": "code", "type": kind}], "filename_pattern": r"code_(\w+)\.csv"}
    with pytest.raises(PartitionValueError, match=f"{value!r} is not of type"):
        match(make_config({"sales": entity}), f"code_{value}.csv")


def test_strange_keys_are_listed_as_they_are(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    strange = [
        "a b+c/sales_data_2024_03_15.csv",
        "März & co/100%/sales_data_2024_03_15.csv",
        "日本/sales_data_2024_03_15.csv",
    ]
    fill(lake, [*strange, "folder/"])
    assert keys(list_partition(lake, lake.config.entities["sales"], "2024-03-15")) == sorted(strange)
    assert keys(list_entity(lake, lake.config.entities["sales"])) == sorted(strange)


def test_recent_files_are_those_named_from_a_date_on(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    fill(lake, [f"sales_data_2024_03_{day:02}.csv" for day in range(10, 20)])
    since: Any = datetime.fromisoformat("2024-03-17T12:00:00+00:00")
    found = keys(list_recent(lake, lake.config.entities["sales"], since))
    assert found == ["sales_data_2024_03_17.csv", "sales_data_2024_03_18.csv", "sales_data_2024_03_19.csv"]
