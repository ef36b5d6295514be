"""What the ledger answers: by URI, by run, by state a page at a time, by partition, and of a file's past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.ledger.entries import Entry, Part, PartChanges
from lakelanes.ledger.files import Ledger
from tests.lakelanes.ledger.support import FILE, NOON, Clock, commit, held
from tests.support.waiting import wait_for


def test_many_entries_are_read_beyond_one_request(ledger: Ledger) -> None:
    files = [replace(FILE, key=f"file-{n}") for n in range(230)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: held(ledger, file), files))
    found = ledger.get_many([*(file.uri for file in files), "s3://bucket/unknown"])
    assert found.keys() == {file.uri for file in files}


def test_any_number_of_files_is_asked_for_in_parts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakelanes.ledger.queries._READ_AT_ONCE", 2)
    for key in "abc":
        held(ledger, replace(FILE, key=key))
    sources = ["s3://bucket/unknown", *(replace(FILE, key=key).uri for key in "abc")]
    asked: list[list[str]] = []
    ledger.client.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem",
        lambda params, **_: asked.append([key["source"]["S"] for key in params["RequestItems"][ledger.table]["Keys"]]),
    )
    found = list(ledger.each(iter(sources)))
    assert [source for source, _ in found] == sources
    assert [entry and entry.source for _, entry in found] == [None, *sources[1:]]
    assert list(map(sorted, asked)) == [sorted(sources[:2]), sorted(sources[2:])]


def test_of_many_entries_those_attributes_are_read_that_are_named(ledger: Ledger) -> None:
    entry = commit(ledger, held(ledger))
    answers: list[Mapping[str, Any]] = []
    ledger.client.meta.events.register("after-call.dynamodb.BatchGetItem", lambda parsed, **_: answers.append(parsed))
    found = dict(ledger.each([FILE.uri, "s3://bucket/unknown"], fields=("source", "state", "etag")))
    assert found == {FILE.uri: Entry(FILE.uri, state="loaded", etag=entry.etag), "s3://bucket/unknown": None}
    assert [item.keys() for item in answers[0]["Responses"][ledger.table]] == [{"source", "state", "etag"}]


def test_of_a_partition_and_of_a_state_those_attributes_are_read_that_are_named(ledger: Ledger) -> None:
    commit(ledger, held(ledger))
    fields, expected = ("source", "token"), [Entry(FILE.uri, token=1)]
    for answer in (
        lambda: list(ledger.in_partition("sales", "year=2024", fields=fields)),
        lambda: list(ledger.in_state("sales", "loaded", fields=fields)),
        lambda: list(ledger.in_state("sales", "loaded", NOON, fields=fields)),
    ):
        assert until(answer, 1) == expected


def test_the_failures_of_a_run_are_found_by_its_id(ledger: Ledger) -> None:
    ledger.rejected(held(ledger), "column amount is missing", line=1, column="amount")
    commit(ledger, held(ledger, replace(FILE, key="good")))
    failures = ledger.failures_of_run("run-of-a", ["sales"])
    assert [(f.source, f.state, f.error_line, f.error_column) for f in failures] == [
        (FILE.uri, "rejected", 1, "amount")
    ]
    assert ledger.failures_of_run("run-of-b", ["sales"]) == []


def load(ledger: Ledger, clock: Clock, count: int) -> list[str]:
    """So many files, one a second; their URIs, newest first."""
    uris: list[str] = []
    for number in range(count):
        clock.time += timedelta(seconds=1)
        uris.insert(0, commit(ledger, held(ledger, replace(FILE, key=f"file-{number}"))).source)
    return uris


def until(answer: Callable[[], list[Entry]], count: int) -> list[Entry]:
    """What an index says once it has caught up."""
    return wait_for(answer, lambda found: len(found) == count, f"{count} entries")


def test_the_files_of_a_state_come_a_page_at_a_time_newest_first(ledger: Ledger, clock: Clock) -> None:
    uris = load(ledger, clock, 5)
    until(lambda: list(ledger.in_state("sales", "loaded")), 5)
    first = ledger.latest("sales", "loaded", 2)
    assert [entry.source for entry in first] == uris[:2]
    rest = ledger.latest("sales", "loaded", 9, before=(first[-1].updated_at, first[-1].source))
    assert [entry.source for entry in rest] == uris[2:]
    [few] = ledger.latest("sales", "loaded", 1, fields=("source", "updated_at"))
    assert (few.source, few.etag) == (uris[0], "")


@pytest.mark.parametrize("newest_first", [True, False])
def test_files_are_read_by_their_change_in_either_order_from_any_place(
    ledger: Ledger, clock: Clock, newest_first: bool
) -> None:
    uris = load(ledger, clock, 5)
    if not newest_first:
        uris.reverse()
    until(lambda: list(ledger.in_state("sales", "loaded")), 5)
    found = list(ledger.by_change("sales", "loaded", newest_first=newest_first, page=2))
    assert [entry.source for entry in found] == uris
    for number, entry in enumerate(found):
        rest = ledger.by_change(
            "sales", "loaded", after=(entry.updated_at, entry.source), newest_first=newest_first, page=2
        )
        assert [one.source for one in rest] == uris[number + 1 :]


@pytest.mark.parametrize("newest_first", [True, False])
def test_files_of_one_moment_come_in_the_order_of_their_uris_whatever_the_index_has(
    ledger: Ledger, newest_first: bool
) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html: the sort key need not be unique."""
    uris = [commit(ledger, held(ledger, replace(FILE, key=f"file-{number}"))).source for number in (3, 0, 4, 1, 2)]
    until(lambda: list(ledger.in_state("sales", "loaded")), 5)
    # The local one has the order of the table's keys.
    ledger.client.meta.events.register("after-call.dynamodb.Query", lambda parsed, **_: parsed["Items"].reverse())
    found = [entry.source for entry in ledger.by_change("sales", "loaded", newest_first=newest_first, page=2)]
    assert found == sorted(uris, reverse=newest_first)


def test_what_is_not_taken_is_not_asked_for(ledger: Ledger, clock: Clock) -> None:
    load(ledger, clock, 7)
    until(lambda: list(ledger.in_state("sales", "loaded")), 7)
    asked = []
    ledger.client.meta.events.register("before-call.dynamodb.Query", lambda **_: asked.append(1))
    files = ledger.by_change("sales", "loaded", page=3)
    assert len(asked) == 0
    assert [next(files), next(files)] and len(asked) == 1
    assert len(list(files)) == 5 and len(asked) == 3


def test_files_of_one_moment_are_each_on_one_page(ledger: Ledger) -> None:
    uris = [commit(ledger, held(ledger, replace(FILE, key=f"file-{number}"))).source for number in range(4)]
    until(lambda: list(ledger.in_state("sales", "loaded")), 4)
    seen: list[str] = []
    before = None
    while page := ledger.latest("sales", "loaded", 1, before):
        seen.append(page[0].source)
        before = (page[0].updated_at, page[0].source)
    assert seen == sorted(uris, reverse=True)


def test_files_that_changed_since_a_moment_begin_with_that_moment(ledger: Ledger, clock: Clock) -> None:
    load(ledger, clock, 3)
    until(lambda: list(ledger.in_state("sales", "loaded")), 3)
    since = clock.time - timedelta(seconds=1)
    assert len(list(ledger.in_state("sales", "loaded", since))) == 2
    assert len(list(ledger.in_state("sales", "loaded", since + timedelta(microseconds=1)))) == 1


def test_a_partition_is_read_a_page_at_a_time_and_shows_whole_files_for_their_parts(ledger: Ledger) -> None:
    alone = commit(ledger, held(ledger, replace(FILE, key="a")))
    divided = held(ledger, replace(FILE, key="b"), parts=True)
    part = Part(divided.source, "bucket/sales_data/year=2024", "sales", "year=2024", 1, "s3://t/b", "e", "etag-1", 7)
    nothing = dict.fromkeys(("target", "target_etag", "rejects", "rejects_etag"))
    divided = ledger.loaded(divided, rows_loaded=7, rows_rejected=0, parts=PartChanges([part], (), 1), **nothing)
    until(lambda: ledger.page_of_partition("sales", "year=2024", 9), 2)
    assert ledger.page_of_partition("sales", "year=2024", 9) == [alone, divided]
    assert ledger.page_of_partition("sales", "year=2024", 1) == [alone]
    assert ledger.page_of_partition("sales", "year=2024", 9, after=alone.source) == [divided]


def test_the_past_of_a_file_is_its_last_versions_without_the_present_one(ledger: Ledger) -> None:
    for number in range(1, 5):
        commit(ledger, held(ledger, replace(FILE, etag=f"etag-{number}")), rows=number)
    assert [(old.etag, old.state, old.rows_loaded) for old in ledger.history(FILE.uri, 2)] == [
        ("etag-2", "superseded", 2),
        ("etag-3", "superseded", 3),
    ]
