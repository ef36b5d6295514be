"""The bars of a card: as high as the rows are many, marks for what is wrong, and the same in words."""

from __future__ import annotations

from lakelanes.overview.trends import Point
from lakelanes_airflow.page.sparklines import HEIGHT, STEP, sparkline

DAYS = [
    Point("2024-03-11", 0, "none"),
    Point("2024-03-12", 1, "loaded"),
    Point("2024-03-13", 0, "missing"),
    Point("2024-03-14", 5000, "late"),
    Point("2024-03-15", 0, "rejected"),
]


def test_a_bar_is_as_high_as_its_rows_are_many_and_a_period_that_is_wrong_has_a_mark() -> None:
    line = sparkline(DAYS)
    assert line
    assert [bar.height for bar in line.bars] == [0, 2, 4, HEIGHT, 4]
    assert [bar.y for bar in line.bars] == [HEIGHT, HEIGHT - 2, HEIGHT - 4, 0, HEIGHT - 4]
    assert [bar.label for bar in line.bars][2:] == [
        "13 March 2024: 0 rows, missing",
        "14 March 2024: 5,000 rows, late",
        "15 March 2024: 0 rows, rejected",
    ]
    assert line.bars[1].label == "12 March 2024: 1 row"


def test_it_says_in_words_what_it_shows() -> None:
    line = sparkline(DAYS)
    assert line and line.description == (
        "Rows by day, 11 March 2024 to 15 March 2024: 5,000 at most, 0 in the last day; 1 missing; 1 rejected"
    )
    hours = sparkline([Point("2024-03-15T09", 0, "none"), Point("2024-03-15T10", 3, "loaded")])
    assert hours and hours.description.endswith("3 at most, 3 in the last hour")


def test_a_few_bars_stand_at_the_right_end_and_many_fill_the_picture() -> None:
    few = sparkline(DAYS)
    assert few and (few.width, few.bars[-1].x) == (14 * STEP - 2, 13 * STEP)
    many = sparkline([Point(f"2024-03-{day:02}", day, "loaded") for day in range(1, 31)])
    assert many and (many.width, many.bars[0].x, many.bars[-1].x) == (298, 0, 290)


def test_no_points_and_no_rows() -> None:
    assert sparkline([]) is None
    empty = sparkline([Point("2024", 0, "none")])
    assert empty and [bar.height for bar in empty.bars] == [0]
