"""Previews: what a load would do with each file, by what bucket and ledger say."""

from __future__ import annotations

from datetime import timedelta

from lakelanes.files.listing import list_entity
from lakelanes.files.preview import MAX_FILES, Preview, preview_files, summarize
from lakelanes.lake import Lake
from tests.lakelanes.files.support import HEADER, KEY, load, rows
from tests.support.lakes import put


def actions(lake: Lake, *, reload: bool = False) -> dict[str, str]:
    sales = lake.config.entities["sales"]
    later = Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(minutes=5))
    return {
        found.file[-6:-4]: found.action
        for found in preview_files(later, sales, list_entity(lake, sales), reload=reload)
    }


def test_each_file_has_what_a_run_would_do_with_it(lake: Lake) -> None:
    sales = lake.config.entities["sales"]
    put(lake, KEY, HEADER + rows(1))
    load(lake)
    put(lake, KEY.replace("15", "16"), HEADER + rows(1))
    put(lake, "sales_data_2024_02_30.csv", HEADER + rows(1))
    put(lake, KEY.replace("15", "17"), HEADER + rows(1))
    [taken] = [file for file in list_entity(lake, sales) if "17" in file.key]
    lake.ledger.claim(taken, "sales", "p", owner="o", lane="fast", run_id="another")
    assert actions(lake) == {"15": "already loaded", "16": "load", "17": "being loaded", "30": "refuse"}
    assert actions(lake, reload=True)["15"] == "load"


def test_a_file_that_was_just_written_settles_first(lake: Lake) -> None:
    sales = lake.config.entities["sales"].model_copy(update={"settle_seconds": 60})
    put(lake, KEY, HEADER + rows(1))
    [found] = preview_files(lake, sales, list_entity(lake, sales))
    assert (found.action, found.partition) == ("settling", "year=2024/month=03/day=15")


def test_a_report_names_what_would_be_done_first_and_counts_the_rest() -> None:
    loaded = [Preview(f"s3://in/a{number:04}", "sales", None, "already loaded", "") for number in range(MAX_FILES)]
    report = summarize([*loaded, Preview("s3://in/z", "sales", None, "load", "new")])
    assert report["counts"] == {"already loaded": MAX_FILES, "load": 1}
    assert [file["file"] for file in report["files"][:2]] == ["s3://in/z", "s3://in/a0000"]
    assert (len(report["files"]), report["left_off"]) == (MAX_FILES, 1)
