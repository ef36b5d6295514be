"""Which periods one view of the calendar shows, and in which rows and columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lakelanes.config.deadlines import periods
from lakelanes.config.model import Entity
from lakelanes.ledger.summaries import Counts, Summary
from lakelanes.overview.files import Cell
from lakelanes_airflow.page.calendars import (
    Fold,
    Grid,
    Run,
    Span,
    blocks,
    heats,
    long_name,
    notable,
    runs,
    short_name,
    span_of,
    tally,
    told,
)
from tests.support.lakes import SALES, make_config

NOW = datetime(2024, 3, 15, 10, tzinfo=UTC)
HOURLY = {
    "filename_pattern": r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
}
MONTHLY = {"filename_pattern": r"plan_(\d{4})-(\d{2})\.csv", "partition_keys": ["year", "month"]}
YEARLY = {"filename_pattern": r"census_(\d{4})\.csv", "partition_keys": ["year"]}


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, **settings}}).entities["sales"]


def whole(first: str = "", last: str = "") -> Summary:
    return Summary("x", "y", first=first, last=last)


def cell(period: str, state: Any = "loaded", **counts: int) -> Cell:
    return Cell(period, state, Counts(**counts), None)


def days(first: str, count: int, state: Any = "loaded") -> list[Cell]:
    start = date.fromisoformat(first)
    return [cell(f"{start + timedelta(days=number)}", state) for number in range(count)]


def test_a_year_of_days_leads_to_the_years_that_have_files() -> None:
    span = span_of(entity(), "2023", whole("2022-06-01", "2024-03-14"), NOW)
    assert span == Span("2023", "2023-01-01", "2023-12-31", "2022", "2024")
    first = span_of(entity(), "2022", whole("2022-06-01", "2024-03-14"), NOW)
    assert (first.before, first.after) == ("", "2023")


@pytest.mark.parametrize("wanted", ["", "nonsense", "20x4", "2024-03"])
def test_what_names_no_year_is_the_last_with_files(wanted: str) -> None:
    assert span_of(entity(), wanted, whole("2022-06-01", "2023-03-14"), NOW).name == "2023"


def test_without_files_it_is_the_year_of_today() -> None:
    assert span_of(entity(), "", whole(), NOW).name == "2024"


def test_an_hourly_entity_is_shown_by_the_month() -> None:
    span = span_of(entity(**HOURLY), "2024-02", whole("2024-01-01T00", "2024-03-15T09"), NOW)
    assert span == Span("2024-02", "2024-02-01T00", "2024-02-29T23", "2024-01", "2024-03")
    december = span_of(entity(**HOURLY), "2023-12", whole("2023-12-01T00", "2024-03-15T09"), NOW)
    assert (december.last, december.before, december.after) == ("2023-12-31T23", "", "2024-01")


def test_months_and_years_are_one_view() -> None:
    months = span_of(entity(**MONTHLY), "", whole("2022-05", "2024-02"), NOW)
    assert months == Span("2022 to 2024", "2022-01", "2024-12", "", "")
    assert span_of(entity(**YEARLY), "", whole(), NOW) == Span("2024", "2024", "2024", "", "")


def test_a_month_of_days_is_its_weeks_from_monday() -> None:
    cells = [*days("2024-03-01", 31), cell("2024-04-01", "none")]
    [march] = blocks(entity(), Span("2024", "2024-01-01", "2024-12-31", "", ""), cells)
    assert isinstance(march, Grid) and march.title == "March 2024" and march.labels[0] == "W9"
    assert [one and one.period for one in march.rows[0]] == [*[None] * 4, "2024-03-01", "2024-03-02", "2024-03-03"]
    assert sum(one is not None for row in march.rows for one in row) == 31


def test_hours_are_columns_and_days_are_rows() -> None:
    cells = [cell("2024-03-15T00"), cell("2024-03-15T23"), cell("2024-03-16T00", "none")]
    [grid] = blocks(entity(**HOURLY), Span("2024-03", "", "", "", ""), cells)
    assert isinstance(grid, Grid) and grid.labels == ("Fri 15",) and len(grid.headings) == 24
    assert [column for column, one in enumerate(grid.rows[0]) if one] == [0, 23]


def test_an_hour_that_clocks_skip_has_no_cell() -> None:
    own = entity(**HOURLY, timezone="Europe/Zurich")
    span = span_of(own, "2024-03", whole("2024-03-01T00", "2024-03-31T23"), NOW)
    [grid] = blocks(own, span, [cell(period) for period in periods(own, span.first, span.last)])
    assert isinstance(grid, Grid)
    assert [column for column, one in enumerate(grid.rows[30]) if one is None] == [2]
    assert all(all(row) for row in grid.rows[:30])


def test_months_are_columns_and_years_are_rows() -> None:
    cells = [cell("2023-12"), cell("2024-01")]
    [grid] = blocks(entity(**MONTHLY), Span("2023 to 2024", "", "", "", ""), cells)
    assert isinstance(grid, Grid) and grid.labels == ("2023", "2024")
    assert [[column for column, one in enumerate(row) if one] for row in grid.rows] == [[11], [0]]
    [years] = blocks(entity(**YEARLY), Span("2019 to 2024", "", "", "", ""), [cell("2019"), cell("2024")])
    assert isinstance(years, Grid) and years.labels == ("2010s", "2020s")
    assert [[one.period for one in row if one] for row in years.rows] == [["2019"], ["2024"]]


def test_months_in_which_all_is_missing_are_folded_into_a_line() -> None:
    span = Span("2023", "2023-01-01", "2023-12-31", "", "")
    cells = [*days("2023-01-01", 14), *days("2023-01-15", 330, "missing"), *days("2023-12-11", 21)]
    january, fold, december = blocks(entity(), span, cells)
    assert isinstance(january, Grid) and isinstance(fold, Fold) and isinstance(december, Grid)
    assert (january.title, december.title) == ("January 2023", "December 2023")
    assert told(fold.run, "day") == "2023-01-15 to 2023-12-10: 330 days missing"
    assert [grid.title.split()[0] for grid in fold.grids][::9] == ["February", "November"]


def test_a_year_that_begins_with_nothing_and_days_that_are_to_come_are_folded_too() -> None:
    span = Span("2023", "2023-01-01", "2023-12-31", "", "")
    cells = [*days("2023-01-01", 334, "missing"), *days("2023-12-01", 31)]
    fold, _ = blocks(entity(), span, cells)
    assert isinstance(fold, Fold) and told(fold.run, "day") == "2023-01-01 to 2023-11-30: 334 days missing"
    today = [*days("2023-01-01", 40, "missing"), cell("2023-02-10", "waiting"), *days("2023-02-11", 18, "none")]
    january, february = blocks(entity(), span, today)
    assert isinstance(january, Fold) and isinstance(february, Grid), "a day that may still come is no missing one"
    assert isinstance(blocks(entity(), span, [*today[:40], *days("2023-02-10", 19, "none")])[0], Fold)


def test_a_month_that_lacks_a_month_of_days_is_shown() -> None:
    cells = [*days("2023-02-01", 28, "missing"), *days("2023-03-01", 31)]
    assert all(isinstance(one, Grid) for one in blocks(entity(), Span("2023", "", "", "", ""), cells))


def test_days_of_hours_and_years_of_months_fold_within_their_table() -> None:
    hours = [cell(f"2024-03-{day:02}T{hour:02}", "loaded" if day in (1, 6) else "missing")
             for day in range(1, 7) for hour in range(24)]  # fmt: skip
    before, fold, after = blocks(entity(**HOURLY), Span("2024-03", "", "", "", ""), hours)
    assert isinstance(before, Grid) and isinstance(fold, Fold) and isinstance(after, Grid)
    assert (before.labels, fold.grids[0].labels[0], after.labels) == (("Fri 1",), "Sat 2", ("Wed 6",))
    assert told(fold.run, "hour") == "2024-03-02 00:00 to 2024-03-05 23:00: 96 hours missing"
    months = [cell(f"{year}-{month:02}", "loaded" if year in (2020, 2024) else "missing")
              for year in range(2020, 2025) for month in range(1, 13)]  # fmt: skip
    _, fold, _ = blocks(entity(**MONTHLY), Span("2020 to 2024", "", "", "", ""), months)
    assert isinstance(fold, Fold) and told(fold.run, "month") == "2021-01 to 2023-12: 36 months missing"


def test_rejected_rows_stand_out_where_the_state_does_not_say_them() -> None:
    cells = [
        cell("2024-03-01", rejects_batch=3, withheld_batch=1),
        *days("2024-03-02", 2),
        *days("2024-03-04", 3, "missing"),
        cell("2024-03-07", "rejected", rejects_fast=9),
        cell("2024-03-08", "rejected"),
        cell("2024-03-09", "late", rejects_fast=1),
        cell("2024-03-10", "failed"),
        cell("2024-03-11", rejects_batch=2, withheld_batch=2),
        cell("2024-03-12", "none"),
    ]
    assert [told(run, "day") for run in notable(cells)] == [
        "2024-03-10: failed",
        "2024-03-09: 1 row rejected",
        "2024-03-07 to 2024-03-08: 2 days refused",
        "2024-03-04 to 2024-03-06: 3 days missing",
        "2024-03-01: 2 rows rejected",
    ]
    counted = {name: count for name, count in tally(cells).items() if count}
    assert counted == {"loaded": 4, "missing": 3, "rejected": 2, "late": 1, "failed": 1, "rejects": 2}
    assert runs(cells)[2] == Run("2024-03-04", "2024-03-06", 3, "missing")


def test_heat_is_how_many_rows_compared_with_the_most() -> None:
    cells = [cell(f"2024-03-15T{hour:02}", rows=rows) for hour, rows in enumerate((0, 1, 200, 201, 1000))]
    assert list(heats(cells).values()) == [1, 1, 2, 5]
    assert heats([cell("2024-03-15T00")]) == {}


@pytest.mark.parametrize(
    ("period", "long", "short"),
    [
        ("2024", "2024", "2024"),
        ("2024-03", "March 2024", "3"),
        ("2024-03-05", "5 March 2024", "5"),
        ("2024-03-05T09", "5 March 2024, 09:00", "09"),
    ],
)
def test_periods_are_named_for_people(period: str, long: str, short: str) -> None:
    assert (long_name(period), short_name(period)) == (long, short)
