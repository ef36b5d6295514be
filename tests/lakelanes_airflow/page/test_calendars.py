"""Which periods one view of the calendar shows, and in which rows and columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.config.deadlines import periods
from lakelanes.config.model import Entity
from lakelanes.ledger.summaries import Counts, Summary
from lakelanes.overview.files import Cell
from lakelanes_airflow.page.calendars import Span, grids, long_name, short_name, span_of
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


def cell(period: str, state: Any = "loaded") -> Cell:
    return Cell(period, state, Counts(), None)


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
    cells = [cell(f"2024-03-{day:02}") for day in range(1, 32)] + [cell("2024-04-01", "none")]
    [march] = grids(entity(), Span("2024", "2024-01-01", "2024-12-31", "", ""), cells)
    assert march.title == "March 2024" and march.labels[0] == "W9"
    assert [one and one.period for one in march.rows[0]] == [*[None] * 4, "2024-03-01", "2024-03-02", "2024-03-03"]
    assert sum(one is not None for row in march.rows for one in row) == 31


def test_hours_are_columns_and_days_are_rows() -> None:
    cells = [cell(f"2024-03-15T{hour:02}") for hour in (0, 23)]
    [grid] = grids(entity(**HOURLY), Span("2024-03", "", "", "", ""), cells)
    assert grid.labels == ("15",) and len(grid.headings) == 24
    assert [column for column, one in enumerate(grid.rows[0]) if one] == [0, 23]


def test_an_hour_that_clocks_skip_has_no_cell() -> None:
    own = entity(**HOURLY, timezone="Europe/Zurich")
    span = span_of(own, "2024-03", whole("2024-03-01T00", "2024-03-31T23"), NOW)
    [grid] = grids(own, span, [cell(period) for period in periods(own, span.first, span.last)])
    assert [column for column, one in enumerate(grid.rows[30]) if one is None] == [2]
    assert all(all(row) for row in grid.rows[:30])


def test_months_are_columns_and_years_are_rows() -> None:
    [grid] = grids(entity(**MONTHLY), Span("2023 to 2024", "", "", "", ""), [cell("2023-12"), cell("2024-01")])
    assert grid.labels == ("2023", "2024")
    assert [[column for column, one in enumerate(row) if one] for row in grid.rows] == [[11], [0]]
    [years] = grids(entity(**YEARLY), Span("2024", "", "", "", ""), [cell("2024")])
    assert years.rows == [[cell("2024")]]


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
