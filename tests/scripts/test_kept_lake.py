"""A lake and the runs that speak of it are kept, and go back, together."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from scripts.kept_lake import KeptLake, kept_lakes, lake_name
from tests.support.lakes import make_config

HEADER = {"saved": "2026-01-31T12:00:00+00:00", "objects": 1, "bytes": 2_500_000, "tables": 3}


@pytest.fixture
def lake(tmp_path: Path) -> KeptLake:
    return KeptLake(tmp_path / "lakes" / "mine")


def _keep(lake: KeptLake) -> None:
    """What the local AWS does at its end."""
    lake.file.write_bytes(json.dumps(HEADER).encode() + b"\nand a pickle")
    lake.open_mark.unlink(missing_ok=True)


def _run(lake: KeptLake, name: str) -> None:
    """Airflow notes a run, and is killed with it in the write-ahead log."""
    database = sqlite3.connect(lake.database)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("CREATE TABLE IF NOT EXISTS runs (name)")
    database.execute("INSERT INTO runs VALUES (?)", (name,))
    database.commit()
    database.close()


def _runs(lake: KeptLake) -> list[str]:
    with contextlib.closing(sqlite3.connect(lake.database)) as database:
        return [name for (name,) in database.execute("SELECT name FROM runs ORDER BY name")]


def test_what_is_kept_is_said_in_words(lake: KeptLake) -> None:
    assert lake.contents() == "" and lake.written() == 0
    lake.begin()
    _keep(lake)
    assert lake.contents() == "1 object (2.5 MB) and 3 DynamoDB tables, as of 2026-01-31T12:00:00+00:00"
    lake.file.with_name("lake.kept.new").write_bytes(b"half")
    assert lake.written() == 4
    assert kept_lakes(lake.folder.parents[1]) == {"mine": lake}


def test_after_an_orderly_stop_nothing_is_lost(lake: KeptLake) -> None:
    assert lake.begin() == ""
    _run(lake, "one")
    _keep(lake)
    assert lake.begin() == ""
    assert _runs(lake) == ["one"]


def test_runs_go_back_to_when_the_lake_was_kept(lake: KeptLake) -> None:
    lake.begin()
    _run(lake, "one")
    _keep(lake)
    lake.begin()
    lake.open_mark.touch()
    _run(lake, "two")
    lost = lake.begin()
    assert "was not stopped in order" in lost and "they are as they were on 2026-01-31T12:00:00+00:00" in lost
    assert _runs(lake) == ["one"]
    assert lake.begin() == "", "it is said once"


def test_the_first_time_that_is_killed_leaves_nothing(lake: KeptLake) -> None:
    lake.begin()
    lake.open_mark.touch()
    _run(lake, "one")
    assert lake.begin().endswith("they begin empty")
    assert not lake.database.exists()


def test_a_lake_is_known_by_its_account_region_and_bucket() -> None:
    config = make_config()
    name = lake_name(config)
    for changed in (
        {"aws": config.aws.model_copy(update={"region": "eu-west-3"})},
        {"aws": config.aws.model_copy(update={"account_id": "111122223333"})},
        {"resources": config.resources.model_copy(update={"analytics_bucket": "other"})},
    ):
        assert lake_name(config.model_copy(update=changed)) != name
    same = config.resources.model_copy(update={"source_bucket": "other"})
    assert lake_name(config.model_copy(update={"resources": same})) == name
