"""The changes of a table by the day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from lakelanes.overview import trends
from lakelanes.overview.trends import MOST_WINDOWS, Point, of_table
from lakelanes.tables.ledger import Export
from lakelanes.tables.windows import minute_text

TODAY = date(2024, 3, 15)


def export(start: datetime, rows: int | None = 1, state: str = "published") -> Export:
    ends = start + timedelta(hours=1)
    return Export(
        table="orders",
        kind="window",
        start=minute_text(start),
        end=minute_text(ends),
        table_arn="arn",
        table_id="id",
        state=state,  # type: ignore[arg-type]
        rows=rows,
    )


def test_windows_are_added_up_by_the_day_up_to_today() -> None:
    exports = [
        export(datetime(2024, 3, 14, 1), 7),
        export(datetime(2024, 3, 13, 23), None, "failed"),
        export(datetime(2024, 3, 13, 0), 2),
        export(datetime(2024, 3, 11, 0), 1),
    ]
    assert [(point.period[8:], point.rows, point.state) for point in of_table(exports, TODAY)] == [
        ("11", 1, "loaded"),
        ("12", 0, "none"),
        ("13", 2, "failed"),
        ("14", 7, "loaded"),
        ("15", 0, "none"),
    ]
    assert of_table([], TODAY) == (Point("2024-03-15", 0, "none"),)


def test_older_days_are_left_out_and_so_is_one_that_may_not_be_whole() -> None:
    far = [export(datetime(2024, 3, 15, 23) - timedelta(hours=number)) for number in range(24 * 20)]
    assert len(of_table(far, TODAY)) == trends.DAYS
    quarters = [
        export(datetime(2024, 3, 15, 23, 45) - number * timedelta(minutes=15)) for number in range(MOST_WINDOWS)
    ]
    days = of_table(quarters, TODAY)
    assert [point.period[8:] for point in days] == ["13", "14", "15"] and {point.rows for point in days} == {96}
