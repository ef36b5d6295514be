"""Listing: files are found, with the number of LIST requests that takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from lakelanes.files.listing import list_entity, list_partition, list_recent
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from tests.support.lakes import SALES, put

RETURNS = {**SALES, "table_name": "returns", "filename_pattern": r"returns_(\d{4})_(\d{2})_(\d{2})\.csv"}


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
