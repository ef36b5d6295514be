"""The kept answers of the dashboard views: when Athena is asked again, and what is kept when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lakelanes.catalog import view_results, views
from lakelanes.catalog.registrar import Registrar
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake, utc_now
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import timestamp
from tests.support.lakes import put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
VIEW = "revenue_by_customer"


class Clock:
    """The real time, and so much later."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(make_lake: Callable[..., Lake], clock: Clock) -> Lake:
    return make_lake(clock=clock)


def load(lake: Lake, day: int, rows: str = "a,c1,1.50,2024-03-15\nb,c2,2.50,2024-03-15\n") -> None:
    key = f"sales_data_2024_03_{day:02}.csv"
    put(lake, key, HEADER + rows)
    files = list(list_prefix(lake, key))
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, files, lane="batch", run_id="run-1")
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])
    summaries.refresh(lake.ledger, lake.config.entities.values())


def make_view(
    lake: Lake, folder: Path, sql: str = "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1"
) -> None:
    (folder / f"{VIEW}.sql").write_text(sql)
    assert [outcome.action for outcome in views.refresh(lake, folder)] == ["created"]


def read(lake: Lake) -> view_results.ViewResult:
    [found] = view_results.read(lake, [VIEW])
    return found


def test_an_answer_is_kept_until_something_was_loaded_and_some_time_passed(
    lake: Lake, clock: Clock, tmp_path: Path
) -> None:
    assert view_results.names(lake) == []
    load(lake, 15)
    make_view(lake, tmp_path)
    assert view_results.names(lake) == view_results.stale(lake, [VIEW]) == [VIEW], "it was never asked"
    assert (read(lake).rows, read(lake).asked_at) == ([], "")
    assert view_results.update(lake, VIEW)
    found = read(lake)
    assert sorted((row["customer_id"], row["revenue"]) for row in found.rows) == [("c1", "1.50"), ("c2", "2.50")]
    assert found.error is None and found.is_whole and found.asked_at <= timestamp(clock())
    clock.ahead = timedelta(hours=5)
    assert view_results.stale(lake, [VIEW]) == [], "nothing was loaded since"
    clock.ahead = timedelta(0)
    load(lake, 16)
    assert view_results.stale(lake, [VIEW]) == [], "it was asked a moment ago"
    clock.ahead = view_results.MAX_AGE
    assert view_results.stale(lake, [VIEW]) == [VIEW]
    assert view_results.update(lake, VIEW)
    assert sorted(str(row["revenue"]) for row in read(lake).rows) == ["3.00", "5.00"]
    assert view_results.stale(lake, [VIEW]) == []


def test_of_several_who_ask_one_does(lake: Lake, clock: Clock, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert lake.ledger.take_turn(f"view-result-turn/{VIEW}", 900)
    assert not view_results.update(lake, VIEW)
    clock.ahead = timedelta(seconds=901)
    assert view_results.update(lake, VIEW), "who had the turn has died"


def test_what_athena_refuses_is_said_and_the_last_answer_stays(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert view_results.update(lake, VIEW)
    lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name="sales_data")
    assert view_results.update(lake, VIEW)
    found = read(lake)
    assert found.error is not None and "sales_data" in found.error
    assert len(found.rows) == 2
    load(lake, 16)
    assert view_results.update(lake, VIEW)
    assert read(lake).error is None


def test_an_answer_that_athena_has_forgotten_is_said_so(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    lake.ledger.write_note(f"view-result/{VIEW}", {"query_id": "11111111-2222-3333-4444-555555555555", "asked_at": "x"})
    found = read(lake)
    assert found.rows == [] and found.error is not None and "no longer kept" in found.error


def test_rows_beyond_the_limit_are_left_out(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_results, "MAX_ROWS", 2)
    load(lake, 15, "".join(f"t{n},c{n},1.00,2024-03-15\n" for n in range(5)))
    make_view(lake, tmp_path)
    assert view_results.update(lake, VIEW)
    found = read(lake)
    assert len(found.rows) == 2 and not found.is_whole


def test_a_view_without_rows_has_none(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path, "SELECT customer_id, amount FROM sales_data WHERE amount > 100")
    assert view_results.update(lake, VIEW)
    found = read(lake)
    assert (found.rows, found.error) == ([], None) and found.asked_at


def test_the_question_is_the_first_line_of_comment(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- What was sold?\n-- More.\nSELECT 1")
    (tmp_path / "b.sql").write_text("SELECT 1 -- not this")
    assert [view_results.question(name, tmp_path) for name in ("a", "b", "c")] == ["What was sold?", "", ""]
