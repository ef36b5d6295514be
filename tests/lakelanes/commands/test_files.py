"""``files`` lists files by state, by partition and by the start of their key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lakelanes.commands.files import partition_paths_of
from lakelanes.errors import PartitionValueError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import BAD, GOOD, Terminal, load
from tests.support.lakes import SALES, make_config, put

HOURLY = {
    **SALES,
    "table_name": "logs",
    "source_prefix": "logs/",
    "filename_pattern": r"log_(\d{4})(\d{2})(\d{2})_(\d{2})\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
}


def test_files_are_listed_by_state_by_partition_and_by_the_start_of_their_key(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    load(lake)
    put(lake, "sales_data_2024_03_16.csv", BAD)
    load(lake)
    put(lake, "sales_data_2024_03_17.csv", GOOD)

    def names(*arguments: str) -> list[str]:
        found = terminal.data("files", *arguments)
        return sorted(one.get("source", one.get("uri", ""))[-6:-4] for one in found)

    assert names() == ["15", "16"]
    assert names("--state", "rejected") == ["16"]
    assert names("--partition", "2024-03-15") == names("--partition", "year=2024/month=03/day=15") == ["15"]
    assert names("sales_data_2024_03") == ["15", "16", "17"]
    assert names("--limit", "1") == ["16"]
    text = terminal.text("files", "--state", "rejected")
    assert "line 2: none of the table's columns" in text
    heading, row = text.splitlines()[:2]
    assert row[heading.index("BAD ROWS") :].split()[:2] == ["0", "1"], "its row is withheld, and no bad one"
    assert "WITHHELD" in heading
    assert terminal.text("files", "nothing") == "no file's key starts with 'nothing'\n"
    assert "no lane has seen it" in terminal.text("files", "sales_data_2024_03_17")


def test_a_day_of_an_hourly_entity_is_its_hours(lake: Lake, terminal: Terminal) -> None:
    path = Path(os.environ["LAKE_CONFIG"])
    raw = json.loads(path.read_text())
    raw["entities"]["logs"] = HOURLY
    path.write_text(json.dumps(raw))
    both = Lake.open()
    for name in ("log_20240315_00.csv", "log_20240315_23.csv", "log_20240316_00.csv"):
        put(both, f"logs/{name}", GOOD)
    put(both, "sales_data_2024_03_15.csv", GOOD)
    load(both)
    load_batch(both, both.config.entities["logs"], list(list_prefix(both, "logs")), lane="batch", run_id="run-1")

    def names(*arguments: str) -> list[str]:
        return sorted(one["source"].rsplit("/", 1)[-1] for one in terminal.data("files", *arguments))

    hours = ["log_20240315_00.csv", "log_20240315_23.csv"]
    assert names("--entity", "logs", "--partition", "2024-03-15") == hours
    assert names("--entity", "logs", "--partition", "2024-03-15T23") == hours[1:]
    assert names("--partition", "2024-03-15") == [*hours, "sales_data_2024_03_15.csv"]
    assert names("--partition", "2024-03-15T00") == hours[:1], "the daily entity has no hours, so it does not count"
    assert names("--entity", "sales", "--partition", "2024-03") == ["sales_data_2024_03_15.csv"]
    assert names("--partition", "2024-03-15", "--state", "loaded", "--state", "loaded") == names(
        "--partition", "2024-03-15"
    )
    assert len(terminal.data("files", "--partition", "2024-03-15", "--limit", "2")) == 2
    assert "is not a partition of entity sales" in terminal.text("files", "--partition", "15.03.2024")
    assert terminal.code == 1


def test_a_date_that_holds_several_partitions_means_all_of_them() -> None:
    lake = Lake(make_config({"sales": SALES, "logs": HOURLY}))
    assert len(partition_paths_of(lake, "logs", "2024-03-15")) == 24
    assert len(partition_paths_of(lake, "sales", "2024-02")) == 29
    zurich = Lake(make_config({"logs": {**HOURLY, "timezone": "Europe/Zurich"}}))
    hours = partition_paths_of(zurich, "logs", "2024-03-31")
    assert [path[-2:] for path in hours] == [f"{hour:02}" for hour in range(24)], "02 too: files can be named for it"
    assert partition_paths_of(lake, "sales", "2024-02-29") == ["year=2024/month=02/day=29"]
    assert partition_paths_of(lake, "logs", "year=2024/month=03/day=15/hour=07") == [
        "year=2024/month=03/day=15/hour=07"
    ]
    with pytest.raises(PartitionValueError):
        partition_paths_of(lake, "logs", "2024-3-15")
