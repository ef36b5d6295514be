"""Files of meter readings, and what Athena is to answer once they are loaded."""

from __future__ import annotations

from decimal import Decimal

from tests.end_to_end.world import World


def readings(day: str, rows: int) -> tuple[str, Decimal]:
    """A day's file of about 32 bytes a row, and the sum of its kWh."""
    lines, total = ["meter,kwh,read_at"], Decimal()
    for number in range(1, rows + 1):
        value = f"{number}.{number % 1000:03}"
        lines.append(f"m{number % 7},{value},{day} 00:15:00")
        total += Decimal(value)
    return "\n".join([*lines, ""]), total


def put_readings(world: World, month: str, days: dict[int, int]) -> dict[str, tuple[int, Decimal]]:
    """Puts one file per day with so many rows; returns rows and kWh by day as Athena is to answer them."""
    expected = {}
    for day, rows in days.items():
        text, total = readings(f"{month}-{day:02}", rows)
        world.put(f"utilities/north/readings-{month}-{day:02}.csv", text)
        expected[f"{day:02}"] = (rows, total)
    return expected


def answer(world: World, year: str, month: str) -> dict[str, tuple[int, Decimal]]:
    """Rows and kWh by day, by Athena."""
    rows = world.query(
        f"SELECT day, count(*) AS readings, sum(kwh) AS total FROM meter_readings "
        f"WHERE year = '{year}' AND month = '{month}' GROUP BY day"
    )
    return {str(day): (int(str(count)), Decimal(str(total))) for day, count, total in rows}
