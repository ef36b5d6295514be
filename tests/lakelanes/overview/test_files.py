"""What the page and the terminal say of a lake: freshness, calendar, files, search, rejected rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.alerts import incidents, silence
from lakelanes.alerts.messages import Alert
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.sweep import find_unloaded, record_unmatched
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.files import Ledger
from lakelanes.overview import files
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = HEADER + "a,c,1.50,2024-03-15\n"


class Clock:
    def __init__(self, time: datetime) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2024, 3, 14, 1, tzinfo=UTC))


@pytest.fixture
def make(make_lake: Callable[..., Lake], clock: Clock) -> Callable[..., Lake]:
    def run(**settings: Any) -> Lake:
        return make_lake({"sales": {**SALES, **settings}}, clock=clock)

    return run


def load(lake: Lake, *keys: str, body: str = GOOD, lane: Any = "batch") -> None:
    for key in keys:
        put(lake, key, body)
    files = [file for file in list_prefix(lake, "") if file.key in keys]
    load_batch(lake, lake.config.entities["sales"], files, lane=lane, run_id="run-1")
    summaries.refresh(lake.ledger, lake.config.entities.values())


def key(day: int) -> str:
    return f"sales_data_2024_03_{day:02}.csv"


def test_freshness_follows_the_deadline(make: Callable[..., Lake], clock: Clock) -> None:
    lake = make(deadline_minutes=120)

    def state() -> tuple[str, str | None, str | None]:
        fresh = files.status(lake)[0].freshness
        return fresh.state, fresh.newest, fresh.deadline

    assert state() == ("empty", None, None)
    load(lake, key(12), key(13))
    assert state() == ("fresh", "2024-03-13", "2024-03-15T02:00:00.000000Z")
    clock.time = datetime(2024, 3, 15, 1, tzinfo=UTC)
    assert state()[0] == "waiting"
    clock.time = datetime(2024, 3, 15, 2, tzinfo=UTC)
    assert state() == ("late", "2024-03-13", "2024-03-15T02:00:00.000000Z")
    load(lake, key(14))
    assert state() == ("fresh", "2024-03-14", "2024-03-16T02:00:00.000000Z")


def test_an_entity_whose_file_of_the_day_is_refused_does_not_wait_for_it(
    make: Callable[..., Lake], clock: Clock
) -> None:
    lake = make(deadline_minutes=120)
    load(lake, key(13))
    clock.time = datetime(2024, 3, 15, 0, 30, tzinfo=UTC)
    assert files.status(lake)[0].freshness.state == "waiting"
    load(lake, key(14), body="wrong\n1\n")
    fresh = files.status(lake)[0].freshness
    assert (fresh.state, fresh.next, fresh.expected, fresh.is_troubled) == ("rejected", "2024-03-14", "rejected", True)
    load(lake, key(14), body=GOOD)
    assert files.status(lake)[0].freshness.state == "fresh"


def test_an_entity_whose_first_file_is_refused_is_not_empty(make: Callable[..., Lake]) -> None:
    lake = make()
    load(lake, key(13), body="wrong\n1\n")
    fresh = files.status(lake)[0].freshness
    assert (fresh.state, fresh.newest, fresh.next) == ("rejected", None, "2024-03-13")


def test_an_open_alert_decides_the_state_until_it_is_cured_or_closed(make: Callable[..., Lake], clock: Clock) -> None:
    lake = make(deadline_minutes=120)
    load(lake, key(12), key(13))
    alert = Alert("watch_lake", "run", "sales", "2024-03-11 did not come", "Upload it")
    incidents.report(lake, "deadline/sales/2024-03-11", alert, lambda *_: None)
    [status] = files.status(lake)
    assert (status.freshness.state, status.alerts) == ("late", ("deadline/sales/2024-03-11",))
    [incident] = incidents.open_incidents(lake)
    assert files.status(lake, opened=[])[0].freshness.state == "fresh", "those that are given count"
    silence.close(lake, incident, "anna")
    assert (files.status(lake)[0].freshness.state, files.status(lake)[0].alerts) == ("fresh", ())


def test_the_lag_is_how_long_the_newest_period_has_been_over_and_says_when_that_is_late(
    make: Callable[..., Lake], clock: Clock
) -> None:
    lake = make(deadline_minutes=120)
    load(lake, key(12))

    def lag() -> tuple[int | None, int | None, int]:
        fresh = files.status(lake)[0].freshness
        return fresh.lag_minutes, fresh.lag_limit_minutes, fresh.behind

    clock.time = datetime(2024, 3, 12, 23, tzinfo=UTC)
    assert lag() == (-60, 26 * 60, 0)
    clock.time = datetime(2024, 3, 14, 1, 59, tzinfo=UTC)
    assert lag() == (25 * 60 + 59, 26 * 60, 0)
    clock.time = datetime(2024, 3, 14, 2, tzinfo=UTC)
    assert lag() == (26 * 60, 26 * 60, 1)
    clock.time = datetime(2024, 3, 16, 2, tzinfo=UTC)
    assert lag()[2] == 3
    clock.time = datetime(2025, 3, 16, 2, tzinfo=UTC)
    assert lag()[2] == files.MOST_BEHIND


def test_the_trend_is_of_the_last_periods_that_are_over_whether_there_are_rows_or_not(
    make: Callable[..., Lake], clock: Clock
) -> None:
    lake = make(deadline_minutes=60)
    assert files.status(lake)[0].trend == ()
    load(lake, key(9), key(12))
    load(lake, key(11), body="wrong\n1\n")
    trend = files.status(lake)[0].trend
    assert len(trend) == 30 and trend[-1].period == "2024-03-13"
    found = {point.period[8:]: (point.rows, point.state) for point in trend[-6:]}
    assert found == {
        "08": (0, "none"),
        "09": (1, "loaded"),
        "10": (0, "missing"),
        "11": (0, "rejected"),
        "12": (1, "loaded"),
        "13": (0, "missing"),
    }
    load(lake, key(20))
    assert files.status(lake)[0].trend[-1].period == "2024-03-20", "what is ahead of its time is shown"


def test_an_entity_without_dates_has_no_deadline(make: Callable[..., Lake]) -> None:
    lake = make(partition_keys=["region"], filename_pattern=r"sales_([a-z]+)\.csv")
    load(lake, "sales_north.csv")
    [status] = files.status(lake)
    assert (status.freshness.state, status.counts.files) == ("no deadline", 1)
    assert status.freshness.last_loaded_at


def test_a_calendar_tells_loaded_late_missing_failed_and_waiting(make: Callable[..., Lake], clock: Clock) -> None:
    lake = make(deadline_minutes=60)
    clock.time = datetime(2024, 3, 11, 0, 30, tzinfo=UTC)
    load(lake, key(5), key(10))
    clock.time = datetime(2024, 3, 13, 0, 30, tzinfo=UTC)
    load(lake, key(11))
    load(lake, key(12))
    load(lake, key(13), body="wrong\n1\n")
    clock.time = datetime(2024, 3, 16, 0, 30, tzinfo=UTC)
    cells = files.calendar(lake, lake.config.entities["sales"], "2024-03-04", "2024-03-17")
    assert {cell.period[8:]: cell.state for cell in cells} == {
        "04": "none",  # before the first
        "05": "loaded",  # backfilled: no lake was there to be late
        "06": "missing",
        "07": "missing",
        "08": "missing",
        "09": "missing",
        "10": "loaded",
        "11": "late",
        "12": "loaded",
        "13": "rejected",
        "14": "missing",
        "15": "waiting",
        "16": "none",
        "17": "none",
    }


def test_the_latest_files_come_by_pages_over_all_states(make: Callable[..., Lake], clock: Clock) -> None:
    lake = make()
    for day in range(1, 8):
        clock.time += timedelta(seconds=1)
        load(lake, key(day), body=GOOD if day % 2 else "wrong\n1\n")
    seen: list[str] = []
    after = ""
    while True:
        page = files.latest_files(lake, "sales", limit=3, after=after)
        seen += [entry.source.rsplit("_", 1)[1][:2] for entry in page.entries]
        after = page.after
        if not after:
            break
    assert seen == ["07", "06", "05", "04", "03", "02", "01"]
    refused = files.latest_files(lake, "sales", ["rejected"]).entries
    assert {entry.state for entry in refused} == {"rejected"} and len(refused) == 3
    assert refused[0].error and refused[0].error_line == 2


def test_a_page_that_is_just_full_is_the_last_one(make: Callable[..., Lake]) -> None:
    lake = make()
    load(lake, *(key(day) for day in range(1, 4)))
    page = files.latest_files(lake, "sales", limit=3)
    assert (len(page.entries), page.after) == (3, "")
    assert files.latest_files(lake, "sales", limit=2).after != ""


def test_files_of_the_same_instant_are_not_lost_between_pages(make: Callable[..., Lake]) -> None:
    lake = make()
    load(lake, *(key(day) for day in range(1, 6)))
    base = lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{key(1)}")
    assert base
    for number in range(7):
        twin = replace(base, source=f"s3://b/same-{number}", updated_at="2030-01-01T00:00:00.000000Z")
        lake.ledger.client.put_item(TableName=lake.ledger.table, Item=twin.to_item())
    first = files.latest_files(lake, "sales", ["loaded"], limit=3)
    second = files.latest_files(lake, "sales", ["loaded"], limit=3, after=first.after)
    third = files.latest_files(lake, "sales", ["loaded"], limit=3, after=second.after)
    found = [entry.source for page in (first, second, third) for entry in page.entries]
    assert len(set(found)) == 9 and {f"s3://b/same-{number}" for number in range(7)} <= set(found)


def test_search_finds_by_the_start_of_a_key_what_the_ledger_knows_and_what_it_does_not(
    make: Callable[..., Lake],
) -> None:
    lake = make(source_prefix="shop/")
    bucket = lake.config.resources.source_bucket
    load(lake, "shop/" + key(15))
    for extra in ("shop/" + key(16), "elsewhere/readme.txt"):
        put(lake, extra, GOOD)

    def found(text: str) -> dict[str, str]:
        return {one.key: one.state for one in files.search(lake, text).found}

    both = {"shop/" + key(15): "loaded", "shop/" + key(16): "new"}
    assert found("shop/sales_data_2024_03") == both
    assert found("sales_data_2024") == both  # of a name alone
    assert found(f"s3://{bucket}/shop/{key(16)}") == {"shop/" + key(16): "new"}
    assert found("elsewhere/") == {"elsewhere/readme.txt": "unmatched"}
    assert found("nothing/") == found("") == {}

    put(lake, "shop/" + key(15), GOOD + "b,c,2.00,2024-03-15\n")
    assert found("shop/" + key(15)) == {"shop/" + key(15): "replaced"}
    lake.s3.delete_object(Bucket=bucket, Key="shop/" + key(15))
    assert found("shop/" + key(15)) == {"shop/" + key(15): "loaded"}  # the ledger still knows


def test_a_file_of_no_entity_whose_name_is_ignored_is_said_to_be(make: Callable[..., Lake]) -> None:
    lake = make()
    uris = [put(lake, name, "x") for name in ("in/_SUCCESS", "in/a.txt", "in/b.txt")]
    record_unmatched(lake, find_unloaded(lake).unmatched)
    told = Lake.open(lake.config.model_copy(update={"ignored_names": (r"b\.txt",)}))
    for one, states in ((lake, ["ignored", "unmatched", "unmatched"]), (told, ["ignored", "unmatched", "ignored"])):
        found = {each.uri: each.state for each in files.search(one, "in/").found}
        assert found == dict(zip(uris, states, strict=True))
        listed = files.latest_files(one, "", ["unmatched"]).entries
        assert sorted(entry.source for entry in listed) == [uri for uri in uris if found[uri] == "unmatched"]
    first = files.latest_files(told, "", ["unmatched"], limit=1)
    second = files.latest_files(told, "", ["unmatched"], limit=1, after=first.after)
    assert [entry.source for entry in (*first.entries, *second.entries)] == [uris[1]]


def test_search_goes_on_where_it_ended(make: Callable[..., Lake]) -> None:
    lake = make()
    for day in range(1, 6):
        put(lake, key(day), GOOD)
    first = files.search(lake, "sales", limit=2)
    second = files.search(lake, "sales", limit=2, after=first.after)
    third = files.search(lake, "sales", limit=2, after=second.after)
    assert [one.key for page in (first, second, third) for one in page.found] == [key(day) for day in range(1, 6)]
    assert third.after == ""


def test_a_file_has_its_past_versions(make: Callable[..., Lake]) -> None:
    lake = make()
    load(lake, key(15))
    load(lake, key(15), body=GOOD + "b,c,2.00,2024-03-15\n")
    found = files.one_file(lake, f"s3://{lake.config.resources.source_bucket}/{key(15)}")
    assert found
    assert (found[0].rows_loaded, [entry.rows_loaded for entry in found[1]]) == (2, [1])
    assert files.one_file(lake, "s3://nowhere/x") is None
    lake.ledger.write_note("views", {"daily": "fingerprint"})
    assert lake.ledger.get("note:views") is not None
    assert files.one_file(lake, "note:views") is None, "an item of the ledger that is no file"


def test_the_files_of_a_partition_come_by_pages(make: Callable[..., Lake]) -> None:
    lake = make(filename_pattern=r"sales_data_(\d{4})_(\d{2})_(\d{2})_\w\.csv")
    load(lake, *(f"sales_data_2024_03_15_{letter}.csv" for letter in "abc"))
    path = "year=2024/month=03/day=15"
    first = files.partition_files(lake, "sales", path, limit=2)
    rest = files.partition_files(lake, "sales", path, limit=2, after=first.after)
    assert [entry.source[-5] for entry in (*first.entries, *rest.entries)] == ["a", "b", "c"]
    assert rest.after == ""
    [partition] = files.period_partitions(lake, lake.config.entities["sales"], "2024-03-15")
    assert (partition.version, partition.counts.loaded) == (path, 3)


def test_a_page_costs_the_same_however_many_files_there_are(make: Callable[..., Lake]) -> None:
    lake = make(filename_pattern=r"sales_data_(\d{4})_(\d{2})_(\d{2})_\d+\.csv")
    load(lake, *(f"sales_data_2024_03_01_{number}.csv" for number in range(2)))

    def items_read() -> int:
        read = 0

        def note(parsed: Any, **_: Any) -> None:
            nonlocal read
            read += parsed.get("ScannedCount", 0)

        name = "after-call.dynamodb"
        lake.ledger.client.meta.events.register(name, note, unique_id="count")
        files.status(lake)
        files.calendar(lake, lake.config.entities["sales"], "2024-03-01", "2024-03-31")
        files.latest_files(lake, "sales", limit=5)
        lake.ledger.client.meta.events.unregister(name, unique_id="count")
        return read

    load(lake, *(f"sales_data_2024_03_01_{number}.csv" for number in range(20)))
    before = items_read()
    load(lake, *(f"sales_data_2024_03_01_{number}.csv" for number in range(60)))
    assert before == items_read()
    assert isinstance(lake.ledger, Ledger)
