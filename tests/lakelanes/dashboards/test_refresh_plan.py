"""What changed since a data set was refreshed, which refresh that asks for, and when. Its whole way: test_spice.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lakelanes.catalog import view_sources
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import HIVE_NULL
from lakelanes.dashboards import refresh_plan
from lakelanes.dashboards.model import Dataset, Unit
from lakelanes.dashboards.refresh_plan import Change, Look, Refresh
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes.ledger.entries import timestamp
from tests.support.lakes import SALES, make_config, put
from tests.support.source_tables import ORDERS

NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)
HEADER = "transaction_id,customer_id,amount,transaction_date\n"
DAYS = Dataset(view="days", date_column="transaction_date", changes_days=7)
BACKFILL = "load_sales/backfill__1"
# Its partitions are told by its rows.
SPREAD: dict[str, Any] = {
    "table_name": "spread",
    "filename_pattern": r"spread_\d+\.csv",
    "partition_keys": [
        {"name": name, "column": "day", "format": form} for name, form in (("year", "%Y"), ("month", "%m"))
    ],
    "schema": [{"name": "id", "type": "string"}, {"name": "day", "type": "date"}],
    "settle_seconds": 0,
}


class Clock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(make_lake: Callable[..., Lake], clock: Clock) -> Lake:
    """A lake in which the view 'days' of the sales was made."""
    made = make_lake(
        {"sales": SALES, "spread": SPREAD}, tables={"orders": {"dynamodb_table": "plan-orders", **ORDERS}}, clock=clock
    )
    note_view(made, "sales_data")
    return made


def note_view(lake: Lake, *inputs: str, fingerprint: str = "first") -> None:
    lake.ledger.write_note("views", {"days": fingerprint})
    view_sources.note(lake, "days", inputs)


def load(lake: Lake, day: date, rows: int = 1, run_id: str = "load_sales/manual__1", *, register: bool = True) -> None:
    key = f"sales_data_{day:%Y_%m_%d}.csv"
    put(lake, key, HEADER + "".join(f"t{n},c{n},1.50,{day}\n" for n in range(rows)))
    run(lake, "sales", key, run_id)
    if register:
        entity = lake.config.entities["sales"]
        Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])


def run(lake: Lake, entity: str, key: str, run_id: str = "load_sales/manual__1") -> list[str]:
    files = list(list_prefix(lake, key))
    outcomes = load_batch(lake, lake.config.entities[entity], files, lane="batch", run_id=run_id)
    return [outcome.state for outcome in outcomes]


def changes(lake: Lake, dataset: Dataset = DAYS, since: datetime | None = None) -> list[Change]:
    found = refresh_plan.changes_of(lake, dataset, timestamp(since or NOW - timedelta(days=1)))
    return sorted(found, key=lambda one: (one.path, one.has_rows))


def look(lake: Lake, dataset: Dataset = DAYS, used: int = 0, **options: Any) -> Look:
    return refresh_plan.look(lake, "days", dataset, used=used, **options)


def refreshed(lake: Lake, at: datetime, **more: Any) -> None:
    """Notes that SPICE has the state of a moment."""
    note = {"until": timestamp(at), "fingerprint": "first", "refreshed_at": timestamp(at), **more}
    refresh_plan.write_note(lake, "days", note)


@pytest.mark.parametrize(
    ("days", "now", "start"),
    [
        # One day less than QuickSight surely reads: its day may begin at another hour than ours.
        (7, NOW, date(2024, 3, 14)),
        (1, NOW, date(2024, 3, 20)),
        (31, datetime(2024, 3, 1, 0, 0, tzinfo=UTC), date(2024, 1, 31)),
        (3650, datetime(2024, 3, 20, 23, 59, tzinfo=UTC), date(2014, 3, 24)),
    ],
)
def test_the_first_day_that_is_surely_read_again(days: int, now: datetime, start: date) -> None:
    dataset = Dataset(view="days", date_column="day", changes_days=days)
    assert refresh_plan.window_start(dataset, now) == start


def key_of(name: str, **more: str) -> dict[str, str]:
    return {"name": name, **more}


@pytest.mark.parametrize(
    ("keys", "path", "day"),
    [
        (["year", "month", "day"], "year=2024/month=03/day=15", date(2024, 3, 15)),
        (["year", "month", "day", "hour"], "year=2024/month=03/day=15/hour=23", date(2024, 3, 15)),
        (["year", "month"], "year=2024/month=03", date(2024, 3, 1)),
        (["year"], "year=2024", date(2024, 1, 1)),
        (["dt"], "dt=2024-03-15", date(2024, 3, 15)),
        (["shop"], "shop=a", None),
        (["year", "month", "day"], "", None),
        (["year", "month", "day"], "~3f", None),
        (["year", "month", "day"], f"year=2024/month=03/day={HIVE_NULL}", None),
    ],
)
def test_the_first_day_that_a_partition_is_about(keys: list[str], path: str, day: date | None) -> None:
    pattern = "sales_" + "_".join(rf"(?P<{key}>[\w-]+)" for key in keys) + r"\.csv"
    entity = make_config({"sales": {**SALES, "filename_pattern": pattern, "partition_keys": keys}}).entities["sales"]
    assert refresh_plan._first_day(entity, path) == day


@pytest.mark.parametrize(
    ("unit", "start"),
    [
        ("hour", date(2024, 5, 16)),
        ("day", date(2024, 5, 16)),
        ("week", date(2024, 5, 13)),
        ("month", date(2024, 5, 1)),
        ("quarter", date(2024, 4, 1)),
        ("year", date(2024, 1, 1)),
    ],
)
def test_the_start_of_the_period_in_which_a_day_lies(unit: Unit, start: date) -> None:
    assert refresh_plan._cut(date(2024, 5, 16), unit) == start == refresh_plan._cut(start, unit)


def test_a_load_changes_its_partition_and_a_new_version_the_old_ones_too(lake: Lake, clock: Clock) -> None:
    load(lake, date(2024, 3, 15), 2)
    [first] = changes(lake)
    assert first == Change("sales", "year=2024/month=03/day=15", date(2024, 3, 15), timestamp(NOW), False, True)
    clock.now += timedelta(hours=1)
    load(lake, date(2024, 3, 15), 3, BACKFILL)
    old, new = changes(lake, since=NOW + timedelta(minutes=30))
    assert (old.has_rows, new.has_rows) == (False, True), "that which it superseded has none any more"
    assert new.by_backfill and new.at == timestamp(clock.now)
    clock.now += timedelta(hours=1)
    assert changes(lake, since=clock.now) == []
    assert len(changes(lake, since=NOW + timedelta(hours=1, seconds=59))) == 2, "the index may lag behind"


def test_a_file_that_was_refused_changes_the_rejects_and_one_that_is_gone_is_a_change(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_14.csv", HEADER + "t,c,much,2024-03-14\n")
    assert run(lake, "sales", "sales_data_2024_03_14.csv") == ["rejected"]
    key = "sales_data_2024_03_16.csv"
    put(lake, key, HEADER + "t,c,1.50,2024-03-16\n")
    files = list(list_prefix(lake, key))
    lake.s3.delete_object(Bucket=lake.config.resources.source_bucket, Key=key)
    outcomes = load_batch(lake, lake.config.entities["sales"], files, lane="batch", run_id="load_sales/manual__1")
    assert [outcome.state for outcome in outcomes] == ["deleted"]
    assert [(one.day, one.has_rows) for one in changes(lake)] == [
        (date(2024, 3, 14), False),
        (date(2024, 3, 16), False),
    ]


def test_the_partitions_of_a_files_rows_are_each_a_change_and_those_that_it_left(lake: Lake, clock: Clock) -> None:
    note_view(lake, "spread")
    put(lake, "spread_1.csv", "id,day\na,2024-01-05\nb,2024-03-06\n")
    run(lake, "spread", "spread_1.csv")
    january, march = changes(lake)
    assert (january.path, january.day, january.has_rows) == ("year=2024/month=01", date(2024, 1, 1), True)
    assert (march.path, march.day, march.has_rows) == ("year=2024/month=03", date(2024, 3, 1), True)
    clock.now += timedelta(hours=1)
    put(lake, "spread_1.csv", "id,day\nb,2024-03-06\nc,2024-02-06\n")
    run(lake, "spread", "spread_1.csv")
    found = {(one.path, one.has_rows) for one in changes(lake, since=clock.now)}
    assert {("year=2024/month=02", True), ("year=2024/month=03", True), ("year=2024/month=01", False)} <= found
    assert ("year=2024/month=01", True) not in found


def test_only_what_the_view_reads_counts(lake: Lake) -> None:
    load(lake, date(2024, 3, 15))
    note_view(lake, "spread")
    lake.ledger.write_note(view_sources._NOTE, {"days": ["spread"]})
    assert changes(lake) == []
    lake.ledger.write_note(view_sources._NOTE, {"days": ["sales_data_rejects"]})
    assert [one.entity for one in changes(lake)] == ["sales"]


def test_of_a_table_of_dynamodb_nothing_says_when_it_changed(lake: Lake) -> None:
    lake.ledger.write_note(view_sources._NOTE, {"days": ["sales_data", "orders_current"]})
    load(lake, date(2024, 3, 15))
    assert refresh_plan.may_always_change(lake, DAYS)
    soon = NOW - refresh_plan.TABLE_SPACING + timedelta(seconds=1)
    assert [one.entity for one in changes(lake, since=soon)] == ["sales"]
    table, sales = changes(lake, since=NOW - refresh_plan.TABLE_SPACING)
    assert table == Change("orders", "", None, timestamp(NOW - refresh_plan.MAX_WAIT), False)
    assert sales.entity == "sales"
    refreshed(lake, NOW - timedelta(hours=2))
    found = look(lake)
    assert found.refresh and found.refresh.kind == "FULL_REFRESH"
    assert found.note == "orders changed, and no date says which of its rows"


def test_a_view_whose_tables_are_not_known_may_read_anything(lake: Lake) -> None:
    load(lake, date(2024, 3, 15))
    for inputs in ({}, {"days": ["of_somebody_else"]}):
        lake.ledger.write_note(view_sources._NOTE, inputs)
        assert refresh_plan.may_always_change(lake, DAYS)
        assert [one.entity for one in changes(lake)] == ["a table", "sales"]
    lake.ledger.write_note(view_sources._NOTE, {"days": ["sales_data"]})
    assert not refresh_plan.may_always_change(lake, DAYS)


def loaded_and_quiet(lake: Lake, clock: Clock, *days: date, run_id: str = "load_sales/manual__1") -> None:
    """A data set that was refreshed two hours ago; an hour ago days were loaded."""
    refreshed(lake, NOW - timedelta(hours=2))
    clock.now = NOW - timedelta(hours=1)
    for day in days:
        load(lake, day, run_id=run_id)
    clock.now = NOW


def test_a_refresh_is_incremental_where_all_changes_lie_within(lake: Lake, clock: Clock) -> None:
    loaded_and_quiet(lake, clock, date(2024, 3, 14), date(2024, 3, 19))
    found = look(lake)
    assert found == Look(
        Refresh(
            "days",
            "INCREMENTAL_REFRESH",
            "all that changed is of 2024-03-14 or later",
            timestamp(NOW),
            "days-20240320T120000000000Z",
            "first",
        ),
        "all that changed is of 2024-03-14 or later",
        timestamp(NOW - timedelta(hours=1)),
    )
    assert found.refresh and Refresh.from_dict(found.refresh.to_dict()) == found.refresh and not found.waits


@pytest.mark.parametrize(
    ("dataset", "days", "reason"),
    [
        (DAYS, [date(2024, 3, 13)], "sales changed at 2024-03-13, and an incremental refresh begins at 2024-03-14"),
        (
            DAYS.model_copy(update={"date_unit": "week"}),
            [date(2024, 3, 15)],
            "sales changed at 2024-03-15, and an incremental refresh begins at 2024-03-14",
        ),
        (
            DAYS.model_copy(update={"date_unit": "month"}),
            [date(2024, 3, 19)],
            "sales changed at 2024-03-19, and an incremental refresh begins at 2024-03-14",
        ),
        (Dataset(view="days", date_column="transaction_date"), [date(2024, 3, 19)], "it has no changes_days"),
    ],
)
def test_a_refresh_is_full_where_a_change_lies_before(
    lake: Lake, clock: Clock, dataset: Dataset, days: list[date], reason: str
) -> None:
    loaded_and_quiet(lake, clock, *days)
    found = look(lake, dataset)
    assert found.refresh and (found.refresh.kind, found.note) == ("FULL_REFRESH", reason)


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ({"until": ""}, "it was never refreshed"),
        ({"fingerprint": "other"}, "the view days was made anew"),
        ({"unequal": 1}, "the last refresh had other rows than Athena"),
    ],
)
def test_what_is_noted_asks_for_a_full_one(lake: Lake, clock: Clock, note: dict[str, Any], reason: str) -> None:
    loaded_and_quiet(lake, clock, date(2024, 3, 19))
    refreshed(lake, NOW - timedelta(hours=2), **note)
    found = look(lake)
    assert found.refresh and (found.refresh.kind, found.note) == ("FULL_REFRESH", reason)


def test_nothing_is_due_without_a_view_or_a_change(lake: Lake, clock: Clock) -> None:
    refreshed(lake, NOW - timedelta(hours=2))
    assert look(lake) == Look(None, f"nothing changed since {timestamp(NOW - timedelta(hours=2))}")
    asked = look(lake, asked=True)
    assert asked.refresh and asked.refresh.kind == "FULL_REFRESH", "somebody wants it all the same"
    lake.ledger.write_note("views", {})
    assert look(lake) == Look(None, "the view days is not made yet")


def test_a_refresh_that_is_being_made_goes_on(lake: Lake, clock: Clock) -> None:
    loaded_and_quiet(lake, clock, date(2024, 3, 19))
    first = look(lake).refresh
    assert first
    refreshed(lake, NOW - timedelta(hours=2), requested=first.to_dict())
    clock.now += timedelta(minutes=20)
    assert look(lake, used=32) == Look(first, f"goes on with {first.ingestion_id}", first.until)


@pytest.mark.parametrize(
    ("used", "minutes", "is_due"),
    [
        (0, 9, False),
        (0, 10, True),
        (13, 10, True),
        # Half of those that are ours are used: the others are spread over the day.
        (14, 55, False),
        (14, 56, True),
        (25, 56, True),
        (26, 600, False),
    ],
)
def test_refreshes_are_spaced_over_the_day(lake: Lake, clock: Clock, used: int, minutes: int, is_due: bool) -> None:
    loaded_and_quiet(lake, clock, date(2024, 3, 19))
    at = NOW - timedelta(hours=1, minutes=30)
    refreshed(lake, at, refreshed_at=timestamp(NOW - timedelta(minutes=minutes)))
    found = look(lake, used=used)
    assert bool(found.refresh) is is_due and found.waits is not is_due
    assert look(lake, used=31, asked=True).refresh and not look(lake, used=32, asked=True).refresh


@pytest.mark.parametrize(
    ("run_id", "quiet", "waited", "is_due"),
    [
        ("load_sales/manual__1", 4, 10, False),
        ("load_sales/manual__1", 5, 10, True),
        ("load_sales/manual__1", 1, 29, False),
        ("load_sales/manual__1", 1, 30, True),
        (BACKFILL, 1, 719, False),
        (BACKFILL, 1, 720, True),
        (BACKFILL, 5, 10, True),
    ],
)
def test_a_refresh_waits_for_quiet_but_not_for_ever(
    lake: Lake, clock: Clock, run_id: str, quiet: int, waited: int, is_due: bool
) -> None:
    refreshed(lake, NOW - timedelta(days=1))
    for number, minutes in enumerate((waited, quiet)):
        clock.now = NOW - timedelta(minutes=minutes)
        load(lake, date(2024, 3, 18 + number), run_id=run_id)
    clock.now = NOW
    found = look(lake)
    assert bool(found.refresh) is is_due, found
    if not is_due:
        assert found.note.startswith("a backfill is loading" if run_id == BACKFILL else "files are being loaded")
        assert found.oldest == timestamp(NOW - timedelta(minutes=waited))


def test_a_partition_that_glue_does_not_have_is_waited_for_half_a_day(lake: Lake, clock: Clock) -> None:
    refreshed(lake, NOW - timedelta(days=1))
    load(lake, date(2024, 3, 19), register=False)
    clock.now += timedelta(minutes=6)
    note = "partition year=2024/month=03/day=19 of sales_data is not registered yet"
    assert look(lake).note == note, "nor is its table there"
    clock.now = NOW
    load(lake, date(2024, 3, 18))
    clock.now += timedelta(minutes=6)
    assert look(lake).note == note
    clock.now = NOW + refresh_plan.MAX_BACKFILL_WAIT
    assert look(lake).refresh, "what never comes is not waited for"


def test_partitions_by_projection_need_no_registration(make_lake: Callable[..., Lake], clock: Clock) -> None:
    lake = make_lake({"sales": {**SALES, "registration": "projection"}}, clock=clock)
    note_view(lake, "sales_data")
    refreshed(lake, NOW - timedelta(days=1))
    load(lake, date(2024, 3, 19), register=False)
    clock.now += timedelta(minutes=6)
    assert look(lake).refresh


def test_an_entity_without_dates_is_read_whole(make_lake: Callable[..., Lake], clock: Clock) -> None:
    shops = {**SALES, "filename_pattern": r"sales_data_(?P<shop>\w+)\.csv", "partition_keys": ["shop"]}
    lake = make_lake({"sales": shops}, clock=clock)
    note_view(lake, "sales_data")
    refreshed(lake, NOW - timedelta(days=1))
    put(lake, "sales_data_a.csv", HEADER + "t,c,1.50,2024-03-19\n")
    run(lake, "sales", "sales_data_a.csv")
    [found] = changes(lake)
    assert (found.path, found.day) == ("shop=a", None)
    entity = lake.config.entities["sales"]
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, "sales_data_a.csv")])
    clock.now += timedelta(minutes=6)
    assert look(lake).note == "sales changed, and no date says which of its rows"
