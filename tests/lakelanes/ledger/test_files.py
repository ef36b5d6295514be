"""The ledger's promises: one winner per version, nothing written without the claim, newer versions win."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.aws.failures import is_retryable
from lakelanes.errors import ClaimContendedError, LeaseLostError
from lakelanes.lake import Lake
from lakelanes.ledger import files
from lakelanes.ledger.entries import MOST_TRIES, Entry, Part, PartChanges, Refusal
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.source_file import SourceFile
from tests.lakelanes.ledger.support import FILE, NEWER, NOON, Clock, claim, commit, held


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


def test_when_a_version_was_tried_stays_known_after_its_load(ledger: Ledger, clock: Clock) -> None:
    times = []
    for _ in range(3):
        clock.time += timedelta(minutes=1)
        times.append(ledger.now())
        ledger.failed(held(ledger), "SlowDown", retryable=True)
    clock.time += timedelta(minutes=1)
    loaded = commit(ledger, held(ledger))
    assert (loaded.attempts, loaded.tries) == (0, (*times, loaded.claimed_at))
    assert ledger.get(FILE.uri) == loaded
    newer = held(ledger, replace(FILE, etag="etag-2", last_modified=NOON + timedelta(seconds=5)))
    assert newer.tries == (newer.claimed_at,), "of this version"
    assert ledger.history(FILE.uri)[0].tries == loaded.tries
    found = ledger.adopt(newer, replace(FILE, etag="etag-3"))
    assert found.tries == (newer.claimed_at,), "the try went on with the version that it found"


def test_of_many_tries_the_last_are_known(ledger: Ledger, clock: Clock) -> None:
    for _ in range(MOST_TRIES + 3):
        clock.time += timedelta(minutes=1)
        ledger.failed(held(ledger), "SlowDown", retryable=True)
    entry = ledger.get(FILE.uri)
    assert entry and entry.tries and len(entry.tries) == MOST_TRIES and entry.tries[-1] == entry.claimed_at


def test_tries_that_were_not_all_noted_are_not_made_up(ledger: Ledger) -> None:
    old = replace(held(ledger), state="failed", tries=None, lease_until="")
    ledger.client.put_item(TableName=ledger.table, Item=old.to_item())
    assert held(ledger).tries is None
    assert ledger.record_unmatched(replace(FILE, key="other"), "no entity")
    assert len(held(ledger, replace(FILE, key="other")).tries or ()) == 1


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


def test_an_unmatched_file_is_news_once_per_version(ledger: Ledger) -> None:
    assert ledger.record_unmatched(FILE, "matches nothing")
    assert not ledger.record_unmatched(FILE, "matches nothing")
    assert ledger.record_unmatched(replace(FILE, etag="etag-2"), "matches nothing")


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


class TestASequencer:
    def test_of_another_version_says_nothing_of_a_listed_one(self, ledger: Ledger) -> None:
        commit(ledger, held(ledger, replace(FILE, sequencer="0055AED6DCD90281E6")))
        assert held(ledger, NEWER).sequencer is None

    def test_of_the_same_version_is_kept_when_that_is_listed(self, ledger: Ledger) -> None:
        ledger.failed(held(ledger, replace(FILE, sequencer="0055AED6DCD90281E6")), "SlowDown", retryable=True)
        assert held(ledger).sequencer == "0055AED6DCD90281E6"

    def test_of_an_event_is_taken_over(self, ledger: Ledger) -> None:
        commit(ledger, held(ledger, replace(FILE, sequencer="0055AED6DCD90281E6")))
        assert held(ledger, replace(NEWER, sequencer="0055AED6DCD90281E7")).sequencer == "0055AED6DCD90281E7"


def test_a_version_that_was_claimed_and_never_loaded_is_no_part_of_the_history(ledger: Ledger, clock: Clock) -> None:
    held(ledger)
    clock.time += timedelta(seconds=61)
    held(ledger, NEWER)
    assert ledger.history(FILE.uri) == []


def test_a_version_that_is_claimed_again_is_no_part_of_the_history(ledger: Ledger) -> None:
    ledger.failed(held(ledger), "SlowDown", retryable=True)
    held(ledger)
    assert ledger.history(FILE.uri) == []


@pytest.mark.parametrize(("seconds", "is_free"), [(59, False), (60, False), (61, True)])
def test_a_lease_holds_until_its_last_moment(ledger: Ledger, clock: Clock, seconds: int, is_free: bool) -> None:
    held(ledger)
    clock.time += timedelta(seconds=seconds)
    answer = claim(ledger, owner="b")
    assert isinstance(answer, Entry) is is_free
    assert is_free or refusal(answer) == "claimed_elsewhere"


@pytest.mark.parametrize(("seconds", "is_free"), [(60, False), (61, True)])
def test_a_lease_that_was_renewed_meanwhile_keeps_the_file_from_who_read_the_entry_before(
    ledger: Ledger, clock: Clock, seconds: int, is_free: bool
) -> None:
    entry = held(ledger)
    stale = ledger.get(FILE.uri)
    clock.time += timedelta(seconds=60)
    ledger.renew(entry)
    clock.time += timedelta(seconds=seconds)
    assert isinstance(claim(ledger, owner="b", known=stale), Entry) is is_free


class TestAnEntryThatOthersKeepChanging:
    """Each time somebody is about to write it, it is claimed and given back by somebody else."""

    @pytest.fixture
    def contended(self, ledger: Ledger, lake: Lake, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Ledger:
        other = Ledger(Lake.open(lake.config).dynamodb, ledger.table, clock, lease_seconds=60)
        put = ledger._put
        self.tries = 0

        def overtaken(*arguments: Any) -> Entry | None:
            self.tries += 1
            other.failed(held(other, owner=f"other-{self.tries}"), "SlowDown", retryable=True)
            return put(*arguments)

        monkeypatch.setattr(ledger, "_put", overtaken)
        monkeypatch.setattr(files, "pause", lambda attempt: None)
        return ledger

    def test_is_given_up_with_an_error_that_names_the_file_and_can_be_retried(self, contended: Ledger) -> None:
        with pytest.raises(ClaimContendedError, match=f"{FILE.uri}: .* 12 times") as error:
            claim(contended)
        assert self.tries == 12
        assert is_retryable(error.value)

    def test_is_not_set_aside_either(self, contended: Ledger) -> None:
        with pytest.raises(ClaimContendedError, match=FILE.uri):
            set_aside(contended)

    def test_is_claimed_as_soon_as_they_stop(self, contended: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        overtaken = contended._put

        def eleven_times(*arguments: Any) -> Entry | None:
            return overtaken(*arguments) if self.tries < 11 else Ledger._put(contended, *arguments)

        monkeypatch.setattr(contended, "_put", eleven_times)
        assert held(contended).token == 12


def set_aside(ledger: Ledger, file: SourceFile = FILE, state: Any = "deferred") -> bool:
    return ledger.set_aside(file, "sales", "year=2024", state, "too large", lane="fast", run_id="message-1")


class TestAFileThatIsSetAside:
    def test_is_noted_as_if_it_had_been_claimed_and_given_back_without_an_attempt(self, ledger: Ledger) -> None:
        assert set_aside(ledger)
        entry = ledger.get(FILE.uri)
        assert entry is not None
        assert (entry.state, entry.error, entry.attempts, entry.token) == ("deferred", "too large", 0, 1)
        assert (entry.lease_until, entry.partition, entry.lane) == ("", "year=2024", "fast")
        assert entry.tries == ()
        claimed = held(ledger)
        assert (claimed.attempts, claimed.tries) == (1, (claimed.claimed_at,))

    def test_stays_with_who_holds_it(self, ledger: Ledger, clock: Clock) -> None:
        entry = held(ledger)
        clock.time += timedelta(seconds=60)
        assert not set_aside(ledger)
        commit(ledger, entry)

    def test_is_taken_from_who_died(self, ledger: Ledger, clock: Clock) -> None:
        held(ledger)
        clock.time += timedelta(seconds=61)
        assert set_aside(ledger)

    @pytest.mark.parametrize("end", ["loaded", "rejected"])
    def test_is_left_when_this_version_has_been_dealt_with(self, ledger: Ledger, end: str) -> None:
        entry = held(ledger)
        if end == "loaded":
            commit(ledger, entry)
        else:
            ledger.rejected(entry, "column amount is missing")
        assert not set_aside(ledger)
        assert set_aside(ledger, NEWER)

    def test_is_left_when_a_newer_version_is_known(self, ledger: Ledger) -> None:
        ledger.failed(held(ledger, replace(NEWER, sequencer="0B")), "SlowDown", retryable=True)
        assert not set_aside(ledger, replace(FILE, sequencer="0A"))
        assert set_aside(ledger, replace(FILE, sequencer="0C"))


def part(number: int, token: int = 1) -> Part:
    folder, partition = f"bucket/sales_data/day={number:03}", f"day={number:03}"
    return Part(FILE.uri, folder, "sales", partition, token, f"s3://{folder}/x.parquet", "e", "etag-1", number)


class TestAFileOfManyPartitions:
    @pytest.mark.parametrize("count", [0, 1, 99, 100, 199])
    def test_has_all_of_its_parts_once_it_is_committed(self, ledger: Ledger, count: int) -> None:
        entry = held(ledger, parts=True)
        assert entry.parts == 0
        parts = [part(number) for number in range(count)]
        done = commit_parts(ledger, entry, PartChanges(parts, (), count))
        assert (done.partition, done.target, done.live_etag, done.parts) == (None, None, None, count)
        assert ledger.parts(FILE.uri).keys() == {one.folder for one in parts}
        assert ledger.get(FILE.uri) == done

    def test_loses_those_that_it_has_no_rows_of_any_more(self, ledger: Ledger) -> None:
        commit_parts(ledger, held(ledger, parts=True), PartChanges([part(1), part(2)], (), 2))
        again = held(ledger, reload=True, parts=True)
        commit_parts(ledger, again, PartChanges([part(3, token=2)], [part(1).folder], 2))
        assert ledger.parts(FILE.uri).keys() == {part(2).folder, part(3).folder}

    def test_gets_no_part_from_a_worker_that_lost_its_lease(self, ledger: Ledger, clock: Clock) -> None:
        slow = held(ledger, parts=True)
        clock.time += timedelta(seconds=61)
        held(ledger, owner="successor", parts=True)
        with pytest.raises(LeaseLostError, match="somebody else has the file"):
            ledger.write_parts(slow, [part(1)])
        with pytest.raises(LeaseLostError):
            commit_parts(ledger, slow, PartChanges([part(1)], (), 1))
        assert ledger.parts(FILE.uri) == {}


def commit_parts(ledger: Ledger, claim: Entry, changes: PartChanges) -> Entry:
    nothing = dict.fromkeys(("target", "target_etag", "rejects", "rejects_etag"))
    return ledger.loaded(claim, rows_loaded=3, rows_rejected=0, parts=changes, **nothing)
