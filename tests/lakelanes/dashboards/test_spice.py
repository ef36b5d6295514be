"""Refreshing QuickSight's copies: which kind, once, followed to the end, counted, and what is said when it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.catalog import athena, views
from lakelanes.catalog.registrar import Registrar
from lakelanes.dashboards import loading, questions, refresh_plan, spice
from lakelanes.dashboards.refresh_plan import Look, Refresh
from lakelanes.errors import RefreshError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from tests.localaws.controls import control
from tests.support.lakes import put
from tests.support.localaws import LocalAws
from tests.support.spice import Spice
from tests.support.waiting import wait_for

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
VIEW = "SELECT transaction_date, customer_id, count(*) AS sales, sum(amount) AS revenue FROM sales_data GROUP BY 1, 2"
DAILY = {"view": "days", "date_column": "transaction_date", "changes_days": 7}
# The local AWS's clock is the machine's.
TODAY = date.today()


class Clock:
    """The real time, and so much later."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now().astimezone() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(make_lake: Callable[..., Lake], clock: Clock) -> Lake:
    return make_lake(clock=clock)


@pytest.fixture
def deploy(lake: Lake, local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spice]:
    """Makes the view, a dashboard with the data set 'days', and that in QuickSight: ``deploy(**dataset)``."""
    monkeypatch.setattr(questions, "VIEWS", tmp_path / "views")
    monkeypatch.setattr(loading, "DASHBOARDS", tmp_path / "boards")
    monkeypatch.setattr(spice, "read_dashboards", lambda: loading.read_dashboards(tmp_path / "boards"))
    control(local_aws, "quicksight/ingestions", hold=False, delay=0)

    def make(**dataset: Any) -> Spice:
        for folder in ("views", "boards"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "views" / "days.sql").write_text(VIEW)
        visual = {
            "id": "all",
            "title": "All",
            "kind": "figure",
            "dataset": "days",
            "y": [{"aggregation": "sum", "column": "sales"}],
        }
        board = {
            "title": "Board",
            "datasets": {"days": {**DAILY, **dataset}},
            "sheets": [{"title": "One", "visuals": [visual]}],
        }
        (tmp_path / "boards" / "board.json").write_text(json.dumps(board))
        views.refresh(lake, tmp_path / "views")
        made = Spice(local_aws, lake)
        made.create("days", spice.datasets(lake)["days"])
        return made

    return make


def load(
    lake: Lake, day: date, customers: int = 2, run_id: str = "load_sales/manual__1", *, register: bool = True
) -> None:
    key = f"sales_data_{day:%Y_%m_%d}.csv"
    put(lake, key, HEADER + "".join(f"t{n},c{n},1.50,{day}\n" for n in range(customers)))
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, list(list_prefix(lake, key)), lane="batch", run_id=run_id)
    if register:
        Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])


def look(lake: Lake, **options: Any) -> Look:
    return spice.plan(lake, **options)["days"]


def refreshed(lake: Lake, refresh: Refresh | None) -> spice.Done:
    """The refresh from its begin to its end."""
    assert refresh is not None
    assert spice.begin(lake, refresh)
    wait_for(lambda: spice.is_active(lake, refresh), lambda active: not active, refresh.ingestion_id)
    return spice.finish(lake, refresh, spice.datasets(lake)["days"])


def counted(lake: Lake) -> int:
    return int(athena.query(lake, "SELECT count(*) AS n FROM days")[0]["n"] or 0)


def test_the_first_refresh_reads_everything_and_the_next_waits_for_a_change(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice]
) -> None:
    clock.ahead = timedelta(minutes=-10)
    load(lake, TODAY - timedelta(days=1))
    clock.ahead = timedelta()
    made = deploy()
    found = look(lake)
    assert found.refresh and (found.refresh.kind, found.note) == ("FULL_REFRESH", "it was never refreshed")
    done = refreshed(lake, found.refresh)
    assert (done.rows, done.athena) == (2, 2) and len(made.rows("days")) == 2
    clock.ahead = timedelta(hours=3)
    found = look(lake)
    assert found.refresh is None and found.note.startswith("nothing changed since")
    assert not found.waits


def ready(lake: Lake, clock: Clock, deploy: Callable[..., Spice], **dataset: Any) -> Spice:
    """A data set that has been refreshed, some hours ago."""
    clock.ahead = timedelta(hours=-4)
    load(lake, TODAY - timedelta(days=30))
    load(lake, TODAY - timedelta(days=2))
    made = deploy(**dataset)
    clock.ahead = timedelta(hours=-3)
    refreshed(lake, look(lake).refresh)
    clock.ahead = timedelta(hours=-1)
    return made


def test_a_change_within_the_window_is_read_again_and_one_before_it_needs_all(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice]
) -> None:
    made = ready(lake, clock, deploy)
    load(lake, TODAY - timedelta(days=2), 5)
    clock.ahead = timedelta(minutes=-50)
    found = look(lake)
    assert found.refresh and found.refresh.kind == "INCREMENTAL_REFRESH"
    done = refreshed(lake, found.refresh)
    assert (done.rows, len(made.rows("days"))) == (7, 7)
    clock.ahead = timedelta(minutes=-30)
    load(lake, TODAY - timedelta(days=30), 4)
    clock.ahead = timedelta(minutes=-20)
    found = look(lake)
    assert found.refresh and found.refresh.kind == "FULL_REFRESH" and "changed at" in found.note
    assert refreshed(lake, found.refresh).rows == 9 == len(made.rows("days")) == counted(lake)


def test_a_column_of_months_reaches_back_to_the_first_of_the_month(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice]
) -> None:
    clock.ahead = timedelta()
    dataset = spice.Dataset(view="days", date_column="transaction_date", date_unit="month", changes_days=40)
    assert refresh_plan._cut(date(2024, 3, 15), "month") == date(2024, 3, 1)
    assert [refresh_plan._cut(date(2024, 3, 15), unit) for unit in ("day", "week", "quarter", "year")] == [
        date(2024, 3, 15),
        date(2024, 3, 11),
        date(2024, 1, 1),
        date(2024, 1, 1),
    ]
    start = refresh_plan.window_start(dataset, datetime(2024, 4, 20).astimezone())
    assert start == date(2024, 3, 12), "a day later than QuickSight's, whose day may begin at another hour"


def test_a_deletion_and_a_view_made_anew_are_read_whole(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice], tmp_path: Path
) -> None:
    made = ready(lake, clock, deploy)
    (tmp_path / "views" / "days.sql").write_text(VIEW.replace("sum(amount)", "max(amount)"))
    views.refresh(lake, tmp_path / "views")
    found = look(lake)
    assert found.refresh and (found.refresh.kind, found.note) == ("FULL_REFRESH", "the view days was made anew")
    refreshed(lake, found.refresh)
    assert len(made.rows("days")) == 4


def test_what_is_being_loaded_is_waited_for_but_not_for_long(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice]
) -> None:
    ready(lake, clock, deploy)
    load(lake, TODAY - timedelta(days=3))
    clock.ahead += timedelta(minutes=2)
    found = look(lake)
    assert found.waits and found.note.startswith("files are being loaded")
    for _ in range(3):
        clock.ahead += timedelta(minutes=9)
        load(lake, TODAY - timedelta(days=4), 3)
    clock.ahead += timedelta(minutes=2)
    assert look(lake).refresh, "the oldest has waited for half an hour"


def test_a_backfill_is_refreshed_once_at_its_end(lake: Lake, clock: Clock, deploy: Callable[..., Spice]) -> None:
    made = ready(lake, clock, deploy)
    clock.ahead = timedelta(hours=1)
    begun = len(made.begun("days"))
    for number in range(12):
        load(lake, TODAY - timedelta(days=60 - number), run_id=f"load_sales/backfill__{number}")
        clock.ahead += timedelta(minutes=4)
        found = look(lake)
        assert found.refresh is None and found.note.startswith("a backfill is loading")
    clock.ahead += timedelta(minutes=2)
    assert refreshed(lake, look(lake).refresh).rows == 4 + 24
    assert len(made.begun("days")) == begun + 1


def test_a_partition_that_is_not_registered_yet_is_waited_for(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice]
) -> None:
    ready(lake, clock, deploy)
    day = TODAY - timedelta(days=5)
    load(lake, day, register=False)
    clock.ahead += timedelta(minutes=6)
    assert look(lake).note == f"partition year={day:%Y}/month={day:%m}/day={day:%d} of sales_data is not registered yet"
    entity = lake.config.entities["sales"]
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, f"sales_data_{day:%Y_%m_%d}.csv")])
    assert look(lake).refresh


def test_a_retry_goes_on_with_the_ingestion_that_there_is(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice], local_aws: LocalAws
) -> None:
    load(lake, TODAY)
    made = deploy()
    control(local_aws, "quicksight/ingestions", hold=True)
    try:
        first = look(lake).refresh
        assert first and spice.begin(lake, first) and spice.is_active(lake, first)
        clock.ahead = timedelta(hours=1)
        again = look(lake).refresh
        assert again == first and spice.begin(lake, again), "whoever tries again finds its own"
    finally:
        control(local_aws, "quicksight/ingestions", hold=False)
    assert refreshed(lake, again).rows == 2
    assert [one["IngestionId"] for one in made.begun("days")] == [first.ingestion_id]


def test_the_quota_is_kept_and_some_of_it_left_to_people(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice]
) -> None:
    ready(lake, clock, deploy)
    load(lake, TODAY)
    clock.ahead = timedelta(hours=1)
    dataset = spice.datasets(lake)["days"]

    def note(used: int, **options: Any) -> str:
        return refresh_plan.look(lake, "days", dataset, used=used, **options).note

    assert "left to people" in note(26) and note(25).startswith("all that changed")
    assert note(26, asked=True).startswith("all that changed"), "somebody asked for it"
    assert "QuickSight takes 32" in note(32, asked=True)
    refreshed(lake, look(lake).refresh)
    load(lake, TODAY, 3)
    clock.ahead += timedelta(minutes=20)
    assert look(lake).refresh and "lie between two" in note(14)


def test_a_used_up_day_is_no_failure(lake: Lake, deploy: Callable[..., Spice]) -> None:
    load(lake, TODAY)
    deploy()
    refresh = look(lake).refresh
    assert refresh
    refused = "before-call.quicksight.CreateIngestion"

    def refuse(code: str) -> Callable[..., None]:
        def answer(**_: Any) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateIngestion")

        lake.quicksight.meta.events.register(refused, answer)
        return answer

    answer = refuse("LimitExceededException")
    assert not spice.begin(lake, refresh)
    assert "requested" not in refresh_plan.read_note(lake, "days")
    lake.quicksight.meta.events.unregister(refused, answer)
    answer = refuse("AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        spice.begin(lake, refresh)
    lake.quicksight.meta.events.unregister(refused, answer)
    assert refreshed(lake, look(lake).refresh).rows == 2


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("SQL_SCHEMA_MISMATCH_ERROR", "the view has other columns than the data set: oops"),
        ("PERMISSION_DENIED", "QuickSight's role may not read the lake: oops"),
        ("INTERNAL_SERVICE_ERROR", "oops"),
    ],
)
def test_a_failed_ingestion_is_said_in_words_and_the_old_rows_stay(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice], local_aws: LocalAws, kind: str, said: str
) -> None:
    made = ready(lake, clock, deploy)
    load(lake, TODAY, 3)
    clock.ahead = timedelta()
    control(local_aws, "quicksight/ingestions", fail={"count": 1, "type": kind, "message": "oops"})
    with pytest.raises(RefreshError, match=rf"data set days: {said} \({kind}\)") as failed:
        refreshed(lake, look(lake).refresh)
    assert failed.value.remedy
    assert len(made.rows("days")) == 4
    clock.ahead = timedelta(minutes=11)
    again = look(lake).refresh
    assert again and again.kind == "INCREMENTAL_REFRESH", "what it was to bring is still missing"
    assert refreshed(lake, again).rows == 7


def test_dropped_rows_are_a_fault(lake: Lake, clock: Clock, deploy: Callable[..., Spice], local_aws: LocalAws) -> None:
    ready(lake, clock, deploy)
    load(lake, TODAY, 3)
    clock.ahead = timedelta()
    control(local_aws, "quicksight/ingestions", drop={"count": 1, "rows": 2})
    with pytest.raises(RefreshError, match="left out 2 rows"):
        refreshed(lake, look(lake).refresh)
    clock.ahead = timedelta(minutes=11)
    again = look(lake).refresh
    assert again and again.kind == "FULL_REFRESH"
    assert refreshed(lake, again).rows == 7 == counted(lake)


def test_other_rows_than_the_view_has_are_read_whole_and_told_when_they_stay(
    lake: Lake, clock: Clock, deploy: Callable[..., Spice], local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(lake, clock, deploy)
    load(lake, TODAY, 3)
    clock.ahead = timedelta()
    monkeypatch.setattr(spice, "_count", lambda lake, dataset: 99)
    assert refreshed(lake, look(lake).refresh).athena == 99
    clock.ahead = timedelta(minutes=15)
    again = look(lake).refresh
    assert again and (again.kind, again.reason) == ("FULL_REFRESH", "the last refresh had other rows than Athena")
    clock.ahead = timedelta(minutes=30)
    with pytest.raises(RefreshError, match="QuickSight has 7 rows, and the view days 99"):
        refreshed(lake, again)


def test_by_hand_one_data_set_is_refreshed_at_once(lake: Lake, clock: Clock, deploy: Callable[..., Spice]) -> None:
    ready(lake, clock, deploy)
    found = look(lake, only=["days"], full=True)
    assert found.refresh and (found.refresh.kind, found.note) == ("FULL_REFRESH", "a full one was asked for")
    with pytest.raises(RefreshError, match="there is days"):
        spice.plan(lake, only=["nothing"])


def test_what_is_not_deployed_is_passed_over(lake: Lake, deploy: Callable[..., Spice], local_aws: LocalAws) -> None:
    load(lake, TODAY)
    made = deploy()
    made.client.delete_data_set(AwsAccountId=lake.config.aws.account_id, DataSetId=spice.data_set_id(lake, "days"))
    assert look(lake) == Look(None, "it is not deployed to QuickSight")
