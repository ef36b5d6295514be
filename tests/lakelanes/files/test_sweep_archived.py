"""A file in an archive: what it is told, how it waits, and that the sweep loads it by itself once it is restored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lakelanes.files import sweep as sweeps
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.sweep import find_unloaded
from lakelanes.lake import Lake
from lakelanes.ledger.entries import MAX_ATTEMPTS
from tests.faults.points import refusal
from tests.lakelanes.files.support import HEADER, KEY, later, load, rows, table
from tests.support.lakes import put


class Archive:
    """Has S3 treat the source files as archived, until they are restored; counts the looks at them."""

    def __init__(self, lake: Lake) -> None:
        self.restored = False
        self.looks = 0
        self.refuses_looks = False
        self.head: dict[str, str] = {"StorageClass": "DEEP_ARCHIVE"}
        self._source = lake.config.resources.source_bucket
        lake.s3.meta.events.register_first("before-send.s3.GetObject", self._get)
        lake.s3.meta.events.register_first("before-send.s3.HeadObject", self._refuse)
        lake.s3.meta.events.register("after-call.s3.HeadObject", self._look)

    def _get(self, request: Any, **_: Any) -> Any:
        if self._source in request.url and not self.restored:
            return refusal(request, "s3", "InvalidObjectState", 403, StorageClass="DEEP_ARCHIVE")
        return None

    def _refuse(self, request: Any, **_: Any) -> Any:
        return refusal(request, "s3", "403", 403) if self.refuses_looks else None

    def _look(self, parsed: Any, **_: Any) -> None:
        self.looks += 1
        parsed.update(self.head)
        if self.restored:
            parsed["Restore"] = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'


@pytest.fixture
def archive(lake: Lake) -> Iterator[Archive]:
    yield Archive(lake)


def swept(lake: Lake) -> list[FileOutcome]:
    """What a sweep loads."""
    sales = lake.config.entities["sales"]
    return load_batch(lake, sales, find_unloaded(lake).files.get("sales", []), lane="batch", run_id="sweep")


def test_an_archived_file_is_told_of_with_its_class_and_the_command_that_restores_it(
    lake: Lake, archive: Archive
) -> None:
    uri = put(lake, KEY, HEADER + rows(2))
    [outcome] = swept(lake)
    assert (outcome.state, outcome.retryable) == ("failed", False)
    bucket = lake.config.resources.source_bucket
    assert str(outcome.error).startswith(f"{uri} is archived (DEEP_ARCHIVE) and cannot be read before it is restored")
    assert f"aws s3api restore-object --bucket {bucket} --key '{KEY}' --restore-request" in str(outcome.error)
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.waits_for, entry.lease_until) == ("failed", "restore", "")


def test_it_waits_as_long_as_it_takes_and_is_loaded_by_the_sweep_after_it_was_restored(
    lake: Lake, archive: Archive
) -> None:
    uri = put(lake, KEY, HEADER + rows(2))
    swept(lake)
    for _ in range(3 * MAX_ATTEMPTS):
        found = find_unloaded(lake)
        assert (found.files, found.archived) == ({}, 1)
    entry = lake.ledger.get(uri)
    assert entry is not None and entry.attempts == 1, "waiting is no attempt"
    archive.head["Restore"] = 'ongoing-request="true"'
    assert find_unloaded(lake).files == {}, "it is being restored"
    archive.restored = True
    [outcome] = swept(lake)
    assert outcome.state == "loaded"
    entry = lake.ledger.get(uri)
    assert entry is not None and entry.waits_for is None
    assert find_unloaded(lake).archived == 0
    load(lake, [])
    assert lake.ledger.get(uri) == entry


def test_a_file_that_was_restored_late_is_loaded_however_often_it_was_tried(lake: Lake, archive: Archive) -> None:
    put(lake, KEY, HEADER + rows(1))
    sales = lake.config.entities["sales"]
    for number in range(MAX_ATTEMPTS + 2):
        load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id=f"run {number}")
    archive.restored = True
    then = later(lake)
    assert [outcome.state for outcome in load(then, find_unloaded(then).files["sales"])] == ["loaded"]
    assert len(table(lake)) == 1


def test_another_version_in_its_place_is_loaded_without_a_look(lake: Lake, archive: Archive) -> None:
    put(lake, KEY, HEADER + rows(1))
    swept(lake)
    archive.looks = 0
    put(lake, KEY, HEADER + rows(3))
    found = find_unloaded(lake)
    assert (len(found.files["sales"]), found.archived, archive.looks) == (1, 0, 0)


@pytest.mark.parametrize(
    ("head", "is_readable"),
    [
        ({"StorageClass": "GLACIER"}, False),
        ({"StorageClass": "GLACIER_IR"}, True),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, False),
        ({"StorageClass": "INTELLIGENT_TIERING"}, True),
        ({}, True),
    ],
)
def test_which_classes_wait(lake: Lake, archive: Archive, head: dict[str, str], is_readable: bool) -> None:
    put(lake, KEY, HEADER + rows(1))
    swept(lake)
    archive.head = head
    assert bool(find_unloaded(lake).files) is is_readable


def test_a_look_that_is_refused_keeps_no_other_file_from_being_found(lake: Lake, archive: Archive) -> None:
    put(lake, KEY, HEADER + rows(1))
    swept(lake)
    put(lake, "sales_data_2024_03_16.csv", HEADER + rows(1))
    archive.refuses_looks = True
    found = find_unloaded(lake)
    assert [file.key for file in found.files["sales"]] == ["sales_data_2024_03_16.csv"]
    assert found.archived == 1


def test_of_many_a_part_is_looked_at_in_each_sweep_and_all_in_time(
    lake: Lake, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 6):
        put(lake, f"sales_data_2024_03_{day:02}.csv", HEADER + rows(1))
    swept(lake)
    archive.restored, archive.looks = True, 0
    monkeypatch.setattr(sweeps, "_HEADS", 2)
    found: set[str] = set()
    for number in range(3):
        now = lake.clock() + number * sweeps.SWEEP_EVERY
        one = find_unloaded(Lake.open(lake.config, clock=lambda now=now: now))  # type: ignore[misc]
        found |= {file.key for file in one.files.get("sales", [])}
    assert len(found) == 5
