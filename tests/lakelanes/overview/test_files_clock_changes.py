"""Hours that clocks skip, and hours that come twice, in calendar and freshness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_between, list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.overview import files
from lakelanes.overview.files import Cell
from tests.support.lakes import SALES, put

HOURLY = {
    "filename_pattern": r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})[ab]?\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
    "timezone": "Europe/Zurich",
}
ROWS = "transaction_id,customer_id,amount,transaction_date\na,c,1.50,2024-03-15\n"


class Hourly:
    """A lake with an entity of hours in Zurich, and its clock."""

    def __init__(self, make_lake: Callable[..., Lake], now: datetime, settings: dict[str, Any]) -> None:
        self.now = now
        self.lake = make_lake({"sales": {**SALES, **HOURLY, **settings}}, clock=lambda: self.now)
        self.entity = self.lake.config.entities["sales"]

    def load(self, *hours: str) -> None:
        keys = [f"hits_{hour.replace('-', '')}.csv" for hour in hours]
        for key in keys:
            put(self.lake, key, ROWS)
        found = [file for file in list_prefix(self.lake, "") if file.key in keys]
        load_batch(self.lake, self.entity, found, lane="batch", run_id="run-1")
        summaries.refresh(self.lake.ledger, self.lake.config.entities.values())

    def calendar(self, first: str, last: str) -> dict[str, Cell]:
        return {cell.period: cell for cell in files.calendar(self.lake, self.entity, first, last)}


@pytest.fixture
def make(make_lake: Callable[..., Lake]) -> Callable[..., Hourly]:
    return lambda now, **settings: Hourly(make_lake, datetime.fromisoformat(now).replace(tzinfo=UTC), settings)


def test_an_hour_that_clocks_skip_is_not_waited_for(make: Callable[..., Hourly]) -> None:
    own = make("2026-03-29T00:30")
    own.load("2026-03-29T00", "2026-03-29T01")
    fresh = files.status(own.lake)[0].freshness
    assert (fresh.newest, fresh.next) == ("2026-03-29T01", "2026-03-29T03")
    assert fresh.deadline == "2026-03-29T05:00:00.000000Z", "04:00 in summer time, and three hours"
    own.now += timedelta(days=2)
    cells = own.calendar("2026-03-29T00", "2026-03-29T04")
    states = {period: cell.state for period, cell in cells.items()}
    hours = {"00": "loaded", "01": "loaded", "03": "missing", "04": "missing"}
    assert states == {f"2026-03-29T{hour}": state for hour, state in hours.items()}
    assert own.calendar("2026-03-29T02", "2026-03-29T02") == {}


def test_files_named_for_a_skipped_hour_are_in_the_table_and_never_late(make: Callable[..., Hourly]) -> None:
    """A sender whose clocks do not change names them so."""
    own = make("2026-03-29T00:30")
    own.load("2026-03-29T01")
    own.now += timedelta(days=2)
    own.load("2026-03-29T02", "2026-03-29T03")
    cells = own.calendar("2026-03-29T01", "2026-03-29T03")
    assert {period: cell.state for period, cell in cells.items()} == {
        "2026-03-29T01": "loaded",
        "2026-03-29T02": "loaded",
        "2026-03-29T03": "late",
    }
    assert cells["2026-03-29T02"].deadline is None and cells["2026-03-29T02"].counts.rows == 1
    assert own.calendar("2026-03-29T02", "2026-03-29T02") == {"2026-03-29T02": cells["2026-03-29T02"]}
    listed = list_between(own.lake, own.entity, "2026-03-29T02", "2026-03-29T02")
    assert [file.key for file in listed] == ["hits_20260329T02.csv"], "although the next hour begins at that moment"


def test_an_hour_that_comes_twice_is_one_cell_with_one_deadline_and_the_files_of_both(
    make: Callable[..., Hourly],
) -> None:
    own = make("2026-10-25T00:30")
    own.load("2026-10-25T01", "2026-10-25T02a", "2026-10-25T02b")
    cells = own.calendar("2026-10-25T01", "2026-10-25T03")
    assert list(cells) == ["2026-10-25T01", "2026-10-25T02", "2026-10-25T03"]
    assert (cells["2026-10-25T02"].counts.loaded, cells["2026-10-25T02"].counts.rows) == (2, 2)
    assert cells["2026-10-25T02"].deadline == "2026-10-25T05:00:00.000000Z", "03:00 in winter time, and three hours"
    assert cells["2026-10-25T01"].deadline == "2026-10-25T03:00:00.000000Z"


def test_periods_of_another_grain_are_no_cells(make: Callable[..., Hourly]) -> None:
    """As they are left in the ledger by a configuration that said otherwise."""
    own = make("2026-03-29T00:30")
    own.load("2026-03-29T01")
    daily = own.entity.model_copy(update={"date_format": "%Y-%m-%d"})
    for name in ("partition_grain", "grain", "date_keys"):
        daily.__dict__.pop(name, None)
    object.__setattr__(daily, "partition_keys", own.entity.partition_keys[:3])
    assert [cell.period for cell in files.calendar(own.lake, daily, "2026-03-29", "2026-03-30")] == [
        "2026-03-29",
        "2026-03-30",
    ]
