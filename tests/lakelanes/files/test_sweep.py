"""The sweep: what no lane has loaded, and what dead workers left."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.sweep import find_unloaded, record_unmatched, register_done
from lakelanes.lake import Lake
from lakelanes.ledger import queries
from lakelanes.ledger.entries import MAX_ATTEMPTS, Entry
from tests.lakelanes.files.support import HEADER, KEY, later, leave_uncommitted, load, rows, table
from tests.support.lakes import SALES, put


def test_the_sweep_settles_a_file_that_was_deleted_after_its_worker_died(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, HEADER + rows(3) + "t9,c9,bad,2024-03-15\n")
    leave_uncommitted(lake, monkeypatch)
    lake.s3.delete_object(Bucket=lake.config.resources.source_bucket, Key=KEY)
    found = find_unloaded(later(lake))
    assert [file.uri for file in found.files["sales"]] == [uri]
    assert [o.state for o in load(later(lake), found.files["sales"])] == ["deleted"]
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.live_rows, entry.rejects is not None) == ("deleted", 3, True)
    assert find_unloaded(later(lake)).files == {}


def test_the_sweep_sees_what_was_put_after_a_refusal(lake: Lake) -> None:
    """A worker hangs before its upload; its successor refuses the next version; then the upload comes."""
    put(lake, KEY, HEADER + rows(3))
    successor = later(lake)

    def overtake(**_: Any) -> None:
        lake.s3.meta.events.unregister("before-call.s3.PutObject", overtake)
        put(successor, KEY, "nonsense\n1\n")
        assert [o.state for o in load(successor)] == ["rejected"]

    lake.s3.meta.events.register("before-call.s3.PutObject", overtake)
    sales = lake.config.entities["sales"]
    assert [o.state for o in load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="slow")] == [
        "claimed_elsewhere"
    ]
    [file] = find_unloaded(successor).files["sales"]
    assert [o.state for o in load(successor, [file])] == ["rejected"]  # and validates
    assert len(table(lake)) == 3
    assert find_unloaded(successor).files == {}


def test_the_sweep_registers_what_a_worker_left_unregistered(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    sales = lake.config.entities["sales"]
    load_batch(lake, sales, list_entity(lake, sales), lane="fast", run_id="killed")
    sweep = find_unloaded(lake)
    assert sweep.files == {}
    assert register_done(lake, sweep) == 1
    assert len(table(lake)) == 3
    assert register_done(lake, find_unloaded(lake)) == 0


def test_a_sweep_finds_what_is_in_no_table_and_reports_strangers_once(make_lake: Callable[..., Lake]) -> None:
    everything = {
        **SALES,
        "table_name": "both",
        "filename_pattern": r"(?:sales_data|twice)_(\d{4})_(\d{2})_(\d{2})\.csv",
    }
    lake = make_lake({"sales": SALES, "both": everything})
    put(lake, "sales_data_2024_03_15.csv.gz", HEADER + rows(1))
    put(lake, "twice_2024_03_15.csv", HEADER + rows(1))
    put(lake, "sales_data_2024_03_16.csv", HEADER + rows(1))
    stranger = put(lake, "notes/readme.txt", "hello")
    found = find_unloaded(lake)
    assert {name: [f.name for f in files] for name, files in found.files.items()} == {
        "sales": ["sales_data_2024_03_15.csv.gz", "sales_data_2024_03_16.csv"],
        "both": ["twice_2024_03_15.csv"],
    }
    assert [file.uri for file in found.unmatched] == [stranger]
    record_unmatched(lake, found.unmatched)
    load(lake, found.files["sales"])
    again = find_unloaded(lake)
    assert again.files.keys() == {"both"}
    assert again.unmatched == []
    assert (
        lake.s3.get_object(Bucket=lake.config.resources.source_bucket, Key="notes/readme.txt")["Body"].read()
        == b"hello"
    )


def test_a_sweep_counts_ignored_names_and_reports_none_of_them(lake: Lake) -> None:
    for key in ("_SUCCESS", "in/.DS_Store", "in_$folder$", "notes/readme.txt"):
        put(lake, key, "")
    put(lake, KEY, HEADER + rows(1))
    found = find_unloaded(lake)
    assert [file.key for file in found.unmatched] == ["notes/readme.txt"]
    assert found.ignored == 3
    told = Lake.open(lake.config.model_copy(update={"ignored_names": (r"readme\.txt", r"sales_data_.*")}))
    found = find_unloaded(told)
    assert (found.unmatched, found.ignored) == ([], 4)
    assert [file.key for file in found.files["sales"]] == [KEY], "what an entity takes is loaded"


def test_a_sweep_leaves_a_file_alone_that_is_still_being_written(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "settle_seconds": 60}})
    put(lake, KEY, HEADER + rows(1))
    found = find_unloaded(lake)
    assert (found.files, found.settling) == ({}, 1)
    later = Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(seconds=61))
    assert [file.key for file in find_unloaded(later).files["sales"]] == [KEY]


def test_a_sweep_tries_failed_files_again_and_refused_ones_only_in_a_new_version(lake: Lake) -> None:
    put(lake, KEY, "nonsense\n1\n")
    load(lake)
    assert find_unloaded(lake).files == {}
    put(lake, KEY, HEADER + rows(1))
    assert len(find_unloaded(lake).files["sales"]) == 1


def test_a_sweep_leaves_what_somebody_holds_and_what_failed_too_often(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(1))
    [file] = list_entity(lake, lake.config.entities["sales"])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claim = lake.ledger.claim(file, "sales", None, owner="worker", lane="fast", run_id=f"try-{attempt}")
        assert isinstance(claim, Entry)
        assert find_unloaded(lake).files == {}
        wanted = {"sales": [file]} if attempt < MAX_ATTEMPTS else {}
        assert find_unloaded(later(lake)).files == wanted
        lake.ledger.failed(claim, "no answer", retryable=True)
        assert find_unloaded(lake).files == wanted


def test_a_full_sweep_holds_no_more_of_what_is_done_with_than_it_reads_at_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 10):
        put(lake, f"sales_data_2024_03_{day:02}.csv", HEADER + rows(1))
    load(lake)
    new = put(lake, "sales_data_2024_03_10.csv", HEADER + rows(1))
    monkeypatch.setattr(queries, "_READ_AT_ONCE", 2)
    held: list[weakref.ref[Entry]] = []
    most, get_many = [], lake.ledger.get_many

    def watched(sources: Iterable[str], **options: Any) -> dict[str, Entry]:
        most.append(sum(one() is not None for one in held))
        found = get_many(sources, **options)
        held.extend(map(weakref.ref, found.values()))
        return found

    monkeypatch.setattr(lake.ledger, "get_many", watched)
    sweep = find_unloaded(lake, full=True)
    assert [file.uri for file in sweep.files["sales"]] == [new]
    assert (sweep.listed, len(sweep.done["sales"])) == (10, 9)
    assert len(held) == 9 and len(most) == 5 and max(most) <= 2
