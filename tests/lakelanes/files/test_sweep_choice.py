"""Which files a sweep takes, by what the ledger says of them: to the last attempt, and not one more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakelanes.files.sweep import wants_loading
from lakelanes.ledger.entries import MAX_ATTEMPTS, Entry, State, timestamp
from lakelanes.ledger.source_file import SourceFile

NOW = datetime(2024, 3, 15, 12, tzinfo=UTC)
FILE = SourceFile("bucket", "sales_data_2024_03_15.csv", "etag-1", 100, NOW)
ENTRY = Entry(FILE.uri, etag=FILE.etag, attempts=1)


def wanted(entry: Entry | None, file: SourceFile = FILE) -> bool:
    return wants_loading(entry, file, timestamp(NOW))


def test_a_file_that_the_ledger_does_not_know_is_taken() -> None:
    assert wanted(None)


@pytest.mark.parametrize("state", ["failed", "claimed"])
@pytest.mark.parametrize(("attempts", "is_taken"), [(MAX_ATTEMPTS - 1, True), (MAX_ATTEMPTS, False)])
def test_a_file_is_tried_five_times(state: State, attempts: int, is_taken: bool) -> None:
    assert MAX_ATTEMPTS == 5
    assert wanted(replace(ENTRY, state=state, attempts=attempts)) is is_taken


@pytest.mark.parametrize(
    ("state", "same", "newer"),
    [
        ("unmatched", True, True),
        ("deferred", True, True),
        ("deleted", True, True),
        ("loaded", False, True),
        ("rejected", False, True),
    ],
)
def test_what_was_dealt_with_is_taken_only_in_another_version(state: State, same: bool, newer: bool) -> None:
    entry = replace(ENTRY, state=state, attempts=MAX_ATTEMPTS)
    assert wanted(entry) is same
    assert wanted(entry, replace(FILE, etag="etag-2")) is newer


@pytest.mark.parametrize(("seconds", "is_taken"), [(1, False), (0, False), (-1, True)])
def test_a_claimed_file_is_left_until_its_lease_is_over(seconds: int, is_taken: bool) -> None:
    entry = replace(ENTRY, state="claimed", lease_until=timestamp(NOW + timedelta(seconds=seconds)))
    assert wanted(entry) is is_taken
    assert wanted(entry, replace(FILE, etag="etag-2")) is is_taken
