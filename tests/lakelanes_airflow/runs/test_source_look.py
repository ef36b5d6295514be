"""What a look at the source bucket shows; on a real local AWS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.config.model import Entity
from lakelanes.files.matching import partition_paths
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.runs.selection import Selection
from lakelanes_airflow.runs.source_look import (
    expected_place,
    look_at_source,
)
from tests.support.lakes import SALES, make_config, put

DAY = "sales_data_2024_03_15.csv"
PATH = "year=2024/month=03/day=15"


def source(key: str, size: int = 1) -> SourceFile:
    return SourceFile("bucket", key, "etag", size, datetime(2024, 3, 15, tzinfo=UTC))


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, **settings}}).entities["sales"]


def test_files_that_the_ledger_lacks_are_pending(lake: Lake) -> None:
    sales = lake.config.entities["sales"]
    assert not look_at_source(lake, sales, Selection()).complete, "nothing is there"
    put(lake, DAY, "x")
    put(lake, DAY.replace("15", "16"), "x")
    [first, second] = look_at_source(lake, sales, Selection()).pending
    claim = lake.ledger.claim(first, "sales", PATH, owner="o", lane="batch", run_id="load_sales/run-1")
    assert isinstance(claim, Entry)
    lake.ledger.loaded(
        claim, rows_loaded=1, rows_rejected=0, target="t", target_etag="e", rejects=None, rejects_etag=None
    )
    seen = look_at_source(lake, sales, Selection())
    assert (seen.found, seen.pending, seen.settled) == ([first, second], [second], [second])
    assert seen.loaders == {"load_sales/run-1"} and seen.complete
    assert look_at_source(lake, sales, Selection(reload=True)).pending == [first, second]


def test_a_file_settles_before_it_is_loaded(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(settle_seconds=3600)
    put(lake, DAY, "x")
    seen = look_at_source(lake, lake.config.entities["sales"], Selection())
    assert len(seen.pending) == 1 and seen.unsettled == seen.pending
    assert seen.settled == [] and not seen.complete


def test_the_place_of_a_partition_is_said_with_its_folder(lake: Lake) -> None:
    place = expected_place(lake, lake.config.entities["sales"], "2024-03-15")
    assert place == f"s3://{lake.config.resources.source_bucket}/**/sales_data_2024_03_15.csv*"


@pytest.mark.parametrize("key", ["sales_data_2024_02_31.csv"])
def test_a_name_that_spells_no_date_has_no_partition(key: str) -> None:
    files = [source(DAY), source(f"again/{DAY}"), source(key)]
    assert partition_paths(entity(), files) == {f"s3://bucket/{DAY}": PATH, f"s3://bucket/again/{DAY}": PATH}
