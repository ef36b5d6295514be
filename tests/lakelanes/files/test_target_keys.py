"""Target keys: one object per source file, whatever its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakelanes.config.model import Entity
from lakelanes.files import file_objects
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.target_keys import rejects_key, target_key
from lakelanes.lake import Lake
from tests.lakelanes.files.support import HEADER, KEY, load, rejects, rows, table
from tests.support.lakes import SALES, make_config, put


def test_targets_of_rows_and_rejects_are_told_apart_by_folder() -> None:
    sales = make_config().entities["sales"]
    where = partition_for(sales, f"a b/{KEY}")
    assert target_key(sales, where, f"a b/{KEY}") == (
        "sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-421118ce.parquet"
    )
    assert rejects_key(sales, where, f"a b/{KEY}") == (
        "lake-rejects/sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-421118ce.parquet"
    )


ODD_NAMES = [
    "_u_2024.csv",
    "(1) x_2024.csv",
    " x_2024.csv",
    ".x_2024.csv",
    "~$x_2024.csv",
    "__2024.csv",
    "…_2024.csv",
    "._2024.csv",
]


@pytest.mark.parametrize("name", [*ODD_NAMES, "_.csv", ".csv", "..", "_", "__.__.csv"])
def test_no_object_is_hidden_from_athena_whatever_its_source_is_called(name: str) -> None:
    sales = make_config().entities["sales"]
    where = partition_for(sales, KEY)
    for key in (target_key(sales, where, name), rejects_key(sales, where, name)):
        assert not key.rsplit("/", 1)[-1].startswith(("_", "."))


def test_names_that_differ_only_in_front_have_objects_of_their_own() -> None:
    sales = make_config().entities["sales"]
    where = partition_for(sales, KEY)
    assert len({target_key(sales, where, name) for name in ["x.csv", "_x.csv", ".x.csv", "__x.csv", "a/x.csv"]}) == 5


def test_every_row_of_a_file_with_an_odd_name_is_in_an_answer(make_lake: Callable[..., Lake]) -> None:
    odd = {**SALES, "filename_pattern": r".*?_?(\d{4})\.csv", "partition_keys": ["year"]}
    lake = make_lake({"sales": odd})
    for name in ODD_NAMES:
        put(lake, name, HEADER + rows(2) + "t9,c9,bad,2024-03-15\n")
    assert {outcome.state for outcome in load(lake)} == {"loaded"}
    assert len(table(lake)) == 2 * len(ODD_NAMES)
    assert len(rejects(lake)) == len(ODD_NAMES)


def test_an_object_that_was_hidden_is_moved_by_a_reload(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an older version of the package named it."""
    key = f"in/_{KEY}"
    lake = Lake.open(lake.config.model_copy(update={"entities": {"sales": _any_prefix(lake)}}))
    put(lake, key, HEADER + rows(3))
    with monkeypatch.context() as older:
        older.setattr(
            file_objects, "target_key", lambda *given: target_key(*given).replace("sales_data_2024", "_sales_data_2024")
        )
        [outcome] = load_batch(
            lake, _any_prefix(lake), list_entity(lake, _any_prefix(lake)), lane="batch", run_id="older"
        )
        assert outcome.state == "loaded"
    assert [outcome.state for outcome in load(lake, reload=True)] == ["loaded"]  # and validates
    assert len(table(lake)) == 3
    listed = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="sales_data/")["Contents"]
    assert len(listed) == 1


def _any_prefix(lake: Lake) -> Entity:
    pattern = r".*sales_data_(\d{4})_(\d{2})_(\d{2})\.csv"
    return lake.config.entities["sales"].model_copy(update={"filename_pattern": pattern})
