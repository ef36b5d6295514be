"""The bars of a card, as the numbers of an SVG that the template writes: small, without a script, and in the theme's
colours by their classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lakelanes.overview.trends import Point
from lakelanes_airflow.page.calendars import long_name

# Units of the picture, which is as wide as its card.
STEP, GAP, HEIGHT = 10, 2, 40
# So many bars have room, so that a few are not as wide as blocks.
_ROOM = 14
# Of a period with rows, so that few of them are seen beside many, and of one without that should have some.
_LEAST, _MARK = 2, 4
_TOLD = ("missing", "rejected", "failed")
_UNITS = {4: "year", 7: "month", 10: "day", 13: "hour"}


@dataclass(frozen=True)
class Bar:
    """A period: its rectangle, the state that it is coloured by, and what it says."""

    x: int
    y: int
    height: int
    state: str
    label: str


@dataclass(frozen=True)
class Sparkline:
    """Bars, oldest first, and what they say in words."""

    bars: tuple[Bar, ...]
    description: str

    @property
    def width(self) -> int:
        return STEP * max(_ROOM, len(self.bars)) - GAP


def sparkline(points: Sequence[Point]) -> Sparkline | None:
    """The picture of these points; None of none. A period without rows is a low mark where its state says that
    something is wrong, and a blank else."""
    if not points:
        return None
    most = max(point.rows for point in points)
    bars = tuple(_bar(place, point, most) for place, point in enumerate(points, max(0, _ROOM - len(points))))
    unit, (first, last) = _UNITS[len(points[0].period)], (points[0], points[-1])
    counts = Counter(point.state for point in points)
    wrong = "".join(f"; {counts[state]} {state}" for state in _TOLD if counts[state])
    return Sparkline(
        bars,
        f"Rows by {unit}, {long_name(first.period)} to {long_name(last.period)}: {most:,} at most, {last.rows:,} in "
        f"the last {unit}{wrong}",
    )


def _bar(place: int, point: Point, most: int) -> Bar:
    height = max(_LEAST, round(HEIGHT * point.rows / most)) if point.rows else _MARK * (point.state in _TOLD)
    label = f"{long_name(point.period)}: {point.rows:,} row{'s'[: point.rows != 1]}"
    said = f", {point.state}" if point.state not in ("loaded", "none") else ""
    return Bar(STEP * place, HEIGHT - height, height, point.state, label + said)
