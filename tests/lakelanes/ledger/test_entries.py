"""What an item of the ledger says: all of an entry, the keys of its indexes, and the order of versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from lakelanes.ledger.entries import (
    Entry,
    Part,
    bucket_of,
    is_newer,
    place_in_index,
    timestamp,
    told_rejects,
)
from tests.lakelanes.ledger.support import FILE, NOON

ENTRY = Entry(
    FILE.uri,
    entity="sales",
    state="loaded",
    lane="fast",
    token=3,
    size=100,
    partition="year=2024",
    rows_loaded=7,
    added_columns=("a", "b"),
    retryable=True,
)


def test_an_entry_comes_back_from_its_item() -> None:
    for entry in (ENTRY, Entry(FILE.uri), replace(ENTRY, added_columns=None, partition=None, parts=0)):
        assert Entry.from_item(entry.to_item()) == entry


def test_an_item_is_in_both_indexes_while_it_is_current_and_in_by_state_alone_afterwards() -> None:
    item = ENTRY.to_item()
    assert (item["entity_state"], item["entity_partition"]) == ({"S": "sales#loaded"}, {"S": "sales#year=2024"})
    past = replace(ENTRY, version="etag@1", state="superseded").to_item()
    assert past["entity_state"] == {"S": "sales#superseded"}
    assert "entity_partition" not in past
    assert "entity_partition" not in Entry(FILE.uri, state="unmatched").to_item()


def test_a_file_without_a_partition_is_in_a_bucket_of_the_index() -> None:
    entry = replace(ENTRY, partition=None)
    assert place_in_index(entry) == bucket_of(FILE.uri)
    assert place_in_index(ENTRY) == "year=2024"
    buckets = {bucket_of(f"s3://b/{number}") for number in range(5000)}
    assert len(buckets) == 256
    assert all(bucket.startswith("~") for bucket in buckets)


@pytest.mark.parametrize(("length", "kept"), [(1000, "x" * 1000), (1001, "x" * 1000 + "…")])
def test_an_error_is_cut_to_a_thousand_characters(length: int, kept: str) -> None:
    assert replace(ENTRY, error="x" * length).to_item()["error"] == {"S": kept}


@pytest.mark.parametrize(
    ("rejected", "withheld", "said"),
    [
        (300, 88, " (212 bad rows, 88 withheld)"),
        (2, 1, " (1 bad row, 1 withheld)"),
        (300, 0, " (300 bad rows)"),
        (300, 300, " (300 rows withheld)"),
        (1, 1, " (1 row withheld)"),
        (0, 0, ""),
        (None, None, ""),
    ],
)
def test_bad_rows_are_told_apart_from_those_that_were_withheld(
    rejected: int | None, withheld: int | None, said: str
) -> None:
    assert told_rejects(rejected, withheld) == said
    bad = replace(ENTRY, rows_rejected=rejected, rows_withheld=withheld).rows_bad
    assert bad == (None if rejected is None else rejected - (withheld or 0))


def test_the_rejected_rows_of_an_older_entry_count_as_bad_ones() -> None:
    item = replace(ENTRY, rows_rejected=5).to_item()
    assert "rows_withheld" not in item
    assert Entry.from_item(item).rows_bad == 5


def test_no_two_claims_have_one_stamp() -> None:
    stamps = [replace(ENTRY, token=token, etag=etag, owner=o).stamp for token in (1, 2) for etag in "ab" for o in "xy"]
    assert len({tuple(stamp.items()) for stamp in stamps}) == 8


def test_a_part_comes_back_from_its_item_with_its_folder_as_the_version() -> None:
    part = Part(FILE.uri, "bucket/t/day=1", "sales", "day=1", 2, "s3://bucket/t/day=1/x", "e", "etag-1", 5, "now")
    item = part.to_item()
    assert (item["version"], item["entity_partition"]) == ({"S": "part#bucket/t/day=1"}, {"S": "sales#day=1"})
    assert "folder" not in item
    assert Part.from_item(item) == part
    gone = replace(part, target=None, target_etag=None)
    assert Part.from_item(gone.to_item()) == gone


def test_a_part_is_confirmed_when_its_object_is_there_or_when_it_has_none() -> None:
    part = Part(FILE.uri, "f", "sales", "day=1", 1, "s3://x")
    assert not part.is_confirmed
    assert replace(part, target_etag="e").is_confirmed
    assert replace(part, target=None).is_confirmed


@pytest.mark.parametrize(
    ("known", "other", "newer"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E4", True),
        ("0A", "09FF", True),
        ("09FF", "0A", False),
        ("0a", "0A00", False),
    ],
)
def test_sequencers_are_compared_as_hexadecimal_padded_on_the_right(known: str, other: str, newer: bool) -> None:
    assert is_newer(Entry("s3://b/k", sequencer=known), replace(FILE, sequencer=other)) is newer


@pytest.mark.parametrize(("seconds", "newer"), [(-1, False), (0, False), (1, True)])
def test_without_two_sequencers_the_later_change_is_the_newer_version(seconds: int, newer: bool) -> None:
    known = Entry(FILE.uri, sequencer="0A", last_modified=timestamp(NOON + timedelta(seconds=seconds)))
    assert is_newer(known, FILE) is newer


def test_times_sort_as_text_whatever_their_zone() -> None:
    zone = timezone(timedelta(hours=2))
    times = [datetime(2024, 3, 15, 14, 0, 0, 1, zone), NOON, datetime(2024, 3, 15, 11, 59, tzinfo=UTC)]
    assert sorted(map(timestamp, times)) == [timestamp(time) for time in sorted(times)]
    assert timestamp(times[0]) == "2024-03-15T12:00:00.000001Z"
