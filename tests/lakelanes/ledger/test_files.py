"""The ledger's promises: one winner per version, nothing written without the claim, newer versions win."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.errors import LeaseLostError
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, Refusal, is_newer
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.source_file import SourceFile

NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)
FILE = SourceFile("bucket", "sales_data_2024_03_15.csv", "etag-1", 100, NOON)


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(lake: Lake, clock: Clock) -> Ledger:
    return Ledger(lake._client("dynamodb"), lake.config.resources.ledger_table, clock, lease_seconds=60)


def claim(ledger: Ledger, file: SourceFile = FILE, owner: str = "a", **options: object) -> Entry | Refusal:
    run_id = str(options.pop("run_id", f"run-of-{owner}"))
    return ledger.claim(file, "sales", "year=2024", owner=owner, lane="batch", run_id=run_id, **options)  # type: ignore[arg-type]


def held(ledger: Ledger, file: SourceFile = FILE, owner: str = "a", **options: object) -> Entry:
    entry = claim(ledger, file, owner, **options)
    assert isinstance(entry, Entry), entry
    return entry


def commit(ledger: Ledger, entry: Entry, rows: int = 3) -> Entry:
    return ledger.loaded(
        entry, rows_loaded=rows, rows_rejected=0, target="s3://t/x", target_etag="t1", rejects=None, rejects_etag=None
    )


def refusal(answer: Entry | Refusal) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.reason


def test_of_many_claimants_one_wins(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: claim(ledger, owner=f"owner-{n}"), range(24)))
    assert sum(isinstance(answer, Entry) for answer in answers) == 1
    assert {answer.reason for answer in answers if isinstance(answer, Refusal)} == {"claimed_elsewhere"}


def test_of_many_who_take_over_an_expired_claim_one_wins(ledger: Ledger, clock: Clock) -> None:
    held(ledger)
    clock.time += timedelta(seconds=61)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: claim(ledger, owner=f"owner-{n}"), range(24)))
    assert sum(isinstance(answer, Entry) for answer in answers) == 1


def test_a_loaded_version_is_not_claimed_again_unless_a_reload_is_asked_for(ledger: Ledger) -> None:
    commit(ledger, held(ledger))
    assert refusal(claim(ledger)) == "already_loaded"
    assert held(ledger, reload=True).token == 2


def test_an_older_event_never_follows_a_newer_one(ledger: Ledger) -> None:
    commit(ledger, held(ledger, replace(FILE, sequencer="0055AED6DCD90281E6")))
    older = replace(FILE, etag="etag-0", sequencer="0055AED6DCD90281E5")
    assert refusal(claim(ledger, older)) == "superseded"


def test_the_time_of_a_version_refuses_nothing(ledger: Ledger) -> None:
    """A multipart upload has the time at which it began, so the newest version may look older than the one before."""
    commit(ledger, held(ledger, replace(FILE, sequencer="0055AED6DCD90281E6")))
    looks_older = replace(FILE, etag="etag-2", last_modified=NOON - timedelta(seconds=5))
    assert held(ledger, looks_older).etag == "etag-2"


def test_a_newer_version_is_claimed_and_the_old_one_is_kept_as_superseded(ledger: Ledger) -> None:
    commit(ledger, held(ledger), rows=3)
    newer = replace(FILE, etag="etag-2", last_modified=NOON + timedelta(seconds=5))
    entry = held(ledger, newer)
    assert (entry.etag, entry.target_etag, entry.live_etag, entry.live_rows) == ("etag-2", "t1", "etag-1", 3)
    assert [(old.etag, old.rows_loaded) for old in ledger.in_state("sales", "superseded")] == [("etag-1", 3)]


def test_a_worker_that_lost_its_lease_cannot_report(ledger: Ledger, clock: Clock) -> None:
    slow = held(ledger, owner="slow")
    clock.time += timedelta(seconds=61)
    commit(ledger, held(ledger, owner="successor"), rows=7)
    with pytest.raises(LeaseLostError):
        commit(ledger, slow, rows=99)
    with pytest.raises(LeaseLostError):
        ledger.failed(slow, "too late", retryable=True)
    with pytest.raises(LeaseLostError):
        ledger.renew(slow)
    entry = ledger.get(FILE.uri)
    assert entry is not None
    assert (entry.state, entry.rows_loaded, entry.owner) == ("loaded", 7, "successor")


def test_the_next_try_of_a_run_takes_its_files_over_at_once(ledger: Ledger) -> None:
    killed = held(ledger, run_id="run-1")
    again = held(ledger, owner="b", run_id="run-1")
    assert again.token == killed.token + 1
    with pytest.raises(LeaseLostError):
        commit(ledger, killed)
    commit(ledger, again)


def test_a_renewed_lease_is_not_taken_over(ledger: Ledger, clock: Clock) -> None:
    entry = held(ledger)
    stale = ledger.get(FILE.uri)
    clock.time += timedelta(seconds=50)
    ledger.renew(entry)
    clock.time += timedelta(seconds=50)
    assert refusal(claim(ledger, owner="b", known=stale)) == "claimed_elsewhere"


def test_a_failed_file_is_claimed_again_and_its_attempts_are_counted(ledger: Ledger) -> None:
    ledger.failed(held(ledger), "SlowDown", retryable=True)
    again = held(ledger)
    assert (again.attempts, again.token) == (2, 2)


def test_a_new_version_starts_counting_attempts_anew(ledger: Ledger) -> None:
    ledger.failed(held(ledger), "SlowDown", retryable=True)
    newer = replace(FILE, etag="etag-2", last_modified=NOON + timedelta(seconds=5))
    assert held(ledger, newer).attempts == 1


def test_the_version_found_on_reading_replaces_the_one_that_was_listed(ledger: Ledger) -> None:
    entry = ledger.adopt(held(ledger), replace(FILE, etag="etag-2"))
    commit(ledger, entry)
    found = ledger.get(FILE.uri)
    assert found is not None
    assert (found.etag, found.live_etag) == ("etag-2", "etag-2")


def test_a_request_that_was_answered_into_the_void_and_sent_again_is_no_conflict(ledger: Ledger) -> None:
    entry = held(ledger)
    first = commit(ledger, entry)
    assert (
        ledger._put(first, "#t = :t AND #st = :c", {"#t": "token", "#st": "state"}, {":t": 1, ":c": "claimed"}) is None
    )


def test_many_entries_are_read_beyond_one_request(ledger: Ledger) -> None:
    files = [replace(FILE, key=f"file-{n}") for n in range(230)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: held(ledger, file), files))
    found = ledger.get_many([*(file.uri for file in files), "s3://bucket/unknown"])
    assert found.keys() == {file.uri for file in files}


def test_the_failures_of_a_run_are_found_by_its_id(ledger: Ledger) -> None:
    ledger.rejected(held(ledger), "column amount is missing", line=1, column="amount")
    commit(ledger, held(ledger, replace(FILE, key="good")))
    failures = ledger.failures_of_run("run-of-a", ["sales"])
    assert [(f.source, f.state, f.error_line, f.error_column) for f in failures] == [
        (FILE.uri, "rejected", 1, "amount")
    ]
    assert ledger.failures_of_run("run-of-b", ["sales"]) == []


def test_an_unmatched_file_is_news_once_per_version(ledger: Ledger) -> None:
    assert ledger.record_unmatched(FILE, "matches nothing")
    assert not ledger.record_unmatched(FILE, "matches nothing")
    assert ledger.record_unmatched(replace(FILE, etag="etag-2"), "matches nothing")


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


def test_a_report_whose_answer_was_lost_is_known_again_however_long_its_error_is(ledger: Ledger) -> None:
    reported = ledger.rejected(held(ledger), "x" * 3000)
    # The client sends the request again, and its condition no longer holds.
    assert ledger._put(reported, "attribute_not_exists(#s)", {"#s": "source"}, {}) is None


def test_a_file_stays_claimed_when_its_history_cannot_be_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(ledger, held(ledger))
    known, put = ledger.get(FILE.uri), ledger._db.put_item

    def throttled(**request: Any) -> Any:
        if request["Item"]["version"]["S"] != "current":
            raise ledger._db.exceptions.ProvisionedThroughputExceededException({"Error": {"Code": "x"}}, "PutItem")
        return put(**request)

    monkeypatch.setattr(ledger._db, "put_item", throttled)
    assert held(ledger, replace(FILE, etag="etag-2"), known=known).etag == "etag-2"
