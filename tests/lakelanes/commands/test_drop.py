"""``drop`` lists what the lake has of a name; with --yes it deletes that, and says what it deleted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.ownership import MARKER
from tests.lakelanes.commands.terminal import GOOD, Terminal, load
from tests.lakelanes.drop.filled import keys
from tests.support.lakes import SALES, put


def reconfigured(lake: Lake, tmp_path: Path, **settings: object) -> str:
    """A configuration of the same lake that has no sales any more, and another entity instead."""
    raw = json.loads(Path(os.environ["LAKE_CONFIG"]).read_text())
    other = {**SALES, "table_name": "other", "filename_pattern": r"other_(\d{4})_(\d{2})_(\d{2})\.csv"}
    path = tmp_path / "without.json"
    path.write_text(json.dumps({**raw, "entities": {"other": other}, **settings}))
    return str(path)


def test_a_list_deletes_nothing_and_its_exit_code_says_so(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    load(lake)
    without = reconfigured(lake, tmp_path)
    said = terminal.text("drop", "sales", "--config", without)
    assert terminal.code == 3
    assert said.splitlines()[0] == "sales: would be deleted"
    assert "1 object, " in said and f"s3://{lake.config.resources.analytics_bucket}/sales_data/" in said
    assert "ledger        1 file" in said
    assert "1 source file will be of no entity" in said and "ignored_names" in said
    assert "dashboards    " in said and "sales.json" in said
    assert said.splitlines()[-1] == "nothing was deleted; `lakelanes drop sales --yes` deletes it"
    assert lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/sales_data_2024_03_15.csv")
    ignoring = reconfigured(lake, tmp_path, ignored_names=[r"sales_data_.*"])
    assert "will be of no entity" not in terminal.text("drop", "sales", "--config", ignoring)


def test_yes_deletes_it_and_a_second_time_there_is_nothing(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    uri = put(lake, "sales_data_2024_03_15.csv", GOOD)
    load(lake)
    without = reconfigured(lake, tmp_path)
    listed = terminal.data("drop", "sales", "--config", without)
    assert (terminal.code, listed["deleted"], listed["configured"]) == (3, False, None)
    done = terminal.data("drop", "sales", "--yes", "--config", without)
    assert (terminal.code, done["deleted"]) == (0, True)
    assert done["deletes"] == listed["deletes"] and done["deletes"]["files"] == 1
    [folder] = done["deletes"]["objects"]
    assert folder["folder"].endswith("-analytics/sales_data/") and folder["objects"] == 1 and folder["bytes"] > 0
    assert done["stays"]["source_files"] == 1
    assert lake.ledger.get(uri) is None
    assert keys(lake, lake.config.resources.analytics_bucket) == [MARKER]
    assert "have nothing named 'sales'" in terminal.text("drop", "sales", "--yes", "--config", without)
    assert terminal.code == 1


def test_what_is_configured_is_listed_and_not_deleted(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    load(lake)
    said = terminal.text("drop", "sales")
    assert terminal.code == 3
    assert "nothing was deleted, and --yes would not do it: the configuration still has entities.sales" in said
    assert "will be of no entity" not in said
    said = terminal.text("drop", "sales", "--yes")
    assert terminal.code == 1 and said.startswith("the configuration still has entities.sales")
    assert len(keys(lake, lake.config.resources.analytics_bucket)) == 2


def test_a_long_list_is_cut_and_a_held_file_is_named(lake: Lake, terminal: Terminal) -> None:
    at = "2024-03-15T00:00:00.000000Z"
    for number in range(7):
        entry = Entry(f"s3://b/{number}", entity="old", state="loaded", target=_target(lake, number), updated_at=at)
        lake.dynamodb.put_item(TableName=lake.ledger.table, Item=entry.to_item())
        lake.s3.put_object(Bucket=lake.config.resources.analytics_bucket, Key=f"old_{number}/x", Body=b"12")
    until = "2999-01-01T00:00:00.000000Z"
    held = Entry("s3://b/held", entity="old", state="claimed", run_id="r/1", lease_until=until, updated_at=at)
    lake.dynamodb.put_item(TableName=lake.ledger.table, Item=held.to_item())
    said = terminal.text("drop", "old")
    assert "--yes would not do it: old is being written to: s3://b/held, by r/1 until 2999-01-01 00:00 UTC" in said
    assert said.count("1 object, 2 bytes in s3://") == 7
    assert "8 files" in said
    assert terminal.text("drop", "old", "--yes").startswith("old is being written to: ")
    assert terminal.code == 1


def _target(lake: Lake, number: int) -> str:
    return f"s3://{lake.config.resources.analytics_bucket}/old_{number}/day=1/x.parquet"


@pytest.mark.parametrize("name", ["", "a b", "../sales", "1st", "x" * 101])
def test_what_is_no_name_is_refused_before_anything_is_asked(lake: Lake, terminal: Terminal, name: str) -> None:
    assert "is not an entity name" in terminal.text("drop", name)
    assert terminal.code == 1
