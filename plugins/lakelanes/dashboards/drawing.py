"""What is drawn of an answer: its groups in the visual's order, as values and as texts.

A value that has no place on a scale (NaN, infinity, beyond LARGEST, a date beyond the year 9999) stands in the table
and not in the chart, which says how many there are: whatever one value is, the others are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property

from lakelanes.dashboards.model import Dimension, Measure, Unit, Visual
from lakelanes.dashboards.queries import sort_of
from lakelanes.dashboards.view_columns import DATES, NUMBERS, Columns

# More than any decimal(38) and any count; what scales make of it is still a float.
LARGEST = 1e100
NOTHING = "\N{EN DASH}"
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})([ T]\d{2}:\d{2}.*)?", re.ASCII)


@dataclass(frozen=True)
class Group:
    """A row of an answer: the texts of its dimensions and of its measures, None for null; ``numbers``: the measures
    where they have a place on a scale."""

    keys: tuple[str | None, ...]
    texts: tuple[str | None, ...]
    numbers: tuple[Decimal | None, ...]


@dataclass(frozen=True)
class Drawing:
    """A visual with its groups, sorted as it says."""

    visual: Visual
    columns: Columns
    groups: tuple[Group, ...]

    @property
    def headings(self) -> list[str]:
        """Of the table beside the chart: the labels of dimensions and measures."""
        return [*(one.label for one in self.visual.dimensions), *(one.label for one in self.visual.y)]

    @property
    def table(self) -> list[list[str]]:
        """The groups as people read them."""
        return [
            [
                *(
                    key_text(key, one, self.columns)
                    for key, one in zip(group.keys, self.visual.dimensions, strict=True)
                ),
                *(value_text(text, one) for text, one in zip(group.texts, self.visual.y, strict=True)),
            ]
            for group in self.groups
        ]

    @cached_property
    def left_out(self) -> int:
        """How many values no scale shows."""
        values = (pair for group in self.groups for pair in zip(group.texts, group.numbers, strict=True))
        unshown = sum(1 for text, number in values if text is not None and number is None)
        return unshown + sum(1 for group in self.groups if not self.has_place(group))

    def has_place(self, group: Group) -> bool:
        """Whether the group's dates, and the number along a line's axis, lie on a scale; none of them does not."""
        for key, one in zip(group.keys, self.visual.dimensions, strict=True):
            kind = self.columns[one.column]
            if kind in DATES and not (key and is_date(key)):
                return False
            if kind in NUMBERS and self.visual.kind == "line" and one is self.visual.x and number_of(key) is None:
                return False
        return True

    def order(self, index: int) -> list[str | None]:
        """The different values of a dimension, in its order."""
        return list(dict.fromkeys(key for key, _ in _ranked(self.visual, self.columns, self.groups, index)))

    @property
    def summary(self) -> str:
        """The chart in a sentence, for people who do not see it."""
        named = [one.label.lower() for one in self.visual.dimensions]
        what = f"{self.visual.kind.replace('_', ' ')}: {', '.join(one.label for one in self.visual.y)}"
        by = f" by {' and '.join(named)}" if named else ""
        ends = []
        for number, measure in enumerate(self.visual.y):
            found = [(group.numbers[number], group.texts[number]) for group in self.groups]
            placed = [(value, text) for value, text in found if value is not None]
            if placed:
                least, most = (value_text(pick(placed)[1], measure) for pick in (min, max))
                ends.append(f"from {least} to {most}")
        return f"{what}{by}; {len(self.groups)} values, {', '.join(ends) or 'none to draw'}"


@dataclass(frozen=True)
class Figure:
    """A figure: its value, of which period, and what it was a period before, as texts; '' where there is none.

    change: of the value against the one before, such as '+3.2 %'; direction: 'up', 'down' or 'even'.
    """

    value: str
    period: str = ""
    before: str = ""
    before_period: str = ""
    change: str = ""
    direction: str = ""


def drawing(visual: Visual, columns: Columns, rows: Iterable[Mapping[str, str | None]]) -> Drawing:
    """The drawing of an answer's rows, with columns d1, d2 ... and m1, m2 ..."""
    dimensions, measures = len(visual.dimensions), len(visual.y)
    groups = []
    for row in rows:
        texts = tuple(row[f"m{number}"] for number in range(1, measures + 1))
        keys = tuple(row[f"d{number}"] for number in range(1, dimensions + 1))
        groups.append(Group(keys, texts, tuple(map(number_of, texts))))
    if visual.kind == "figure":
        return Drawing(visual, columns, tuple(groups))
    places: list[dict[str | None, int]] = []
    for index in range(dimensions):
        ranked = dict.fromkeys(key for key, _ in _ranked(visual, columns, groups, index))
        places.append({key: place for place, key in enumerate(ranked)})
    groups.sort(key=lambda group: [place[key] for place, key in zip(places, group.keys, strict=True)])
    return Drawing(visual, columns, tuple(groups))


def figure(drawn: Drawing) -> Figure | None:
    """The figure of a drawing of that kind; None when there is no row, or none with a period."""
    measure, x = drawn.visual.y[0], drawn.visual.x
    if x is None:
        return Figure(value_text(drawn.groups[0].texts[0], measure)) if drawn.groups else None
    groups = sorted((one for one in drawn.groups if drawn.has_place(one)), key=lambda one: str(one.keys[0]))
    if not groups:
        return None
    last = groups[-1]
    found = Figure(value_text(last.texts[0], measure), key_text(last.keys[0], x, drawn.columns))
    wanted = _period_before(str(last.keys[0]), x.unit or "day")
    before = next((one for one in groups if wanted and str(one.keys[0]).startswith(wanted)), None)
    if before is None:
        return found
    change, direction = _change(last.numbers[0], before.numbers[0], measure)
    period = key_text(before.keys[0], x, drawn.columns)
    return Figure(found.value, found.period, value_text(before.texts[0], measure), period, change, direction)


def is_date(text: str) -> bool:
    """Whether a text is a date or timestamp of the years 0000 to 9999, as Athena writes them."""
    return _DATE.fullmatch(text) is not None


def number_of(text: str | None) -> Decimal | None:
    """The number of a text; None where it has no place on a scale."""
    try:
        if text is None or not abs(float(text)) <= LARGEST:
            return None
        # Of a decimal with a huge exponent most operations would write out all of its zeros.
        return Decimal(text) if abs(float(text)) >= 1 / LARGEST else Decimal()
    except (ValueError, InvalidOperation):
        return None


def value_text(text: str | None, measure: Measure) -> str:
    """A measure's value as people read it: '1,234.50 CHF', '12.5 %'; what is no number as it is."""
    if text is None:
        return NOTHING
    number = number_of(text)
    if number is None:
        return text
    if measure.format == "percent":
        return f"{100 * number:z,.{measure.decimals}f} %"
    return f"{number:z,.{measure.decimals}f}" + (f" {measure.unit}" if measure.unit else "")


def key_text(key: str | None, dimension: Dimension, columns: Columns) -> str:
    """A dimension's value as people read it: a date in its unit ('2024-03', '2024 Q1'), any other as it is."""
    if key is None:
        return NOTHING
    found = _DATE.fullmatch(key) if columns[dimension.column] in DATES else None
    if not found:
        return key
    year, month, day = found.groups()[:3]
    match dimension.unit:
        case "year":
            return year
        case "quarter":
            return f"{year} Q{(int(month) + 2) // 3}"
        case "month":
            return f"{year}-{month}"
        case "hour":
            return key[:16].replace("T", " ")
        case "day" | "week":
            return f"{year}-{month}-{day}"
        case None:
            return key.removesuffix(".000")


def _ranked(
    visual: Visual, columns: Columns, groups: Sequence[Group], index: int
) -> list[tuple[str | None, tuple[object, ...]]]:
    """Each group's value of a dimension with its rank, in the order of ranks; nulls are last."""
    dimension = visual.dimensions[index]
    sort = sort_of(visual, dimension, columns)
    kind = columns[dimension.column]
    if sort in ("largest_first", "smallest_first"):
        totals: dict[str | None, Decimal] = {}
        for group in groups:
            totals[group.keys[index]] = totals.get(group.keys[index], Decimal()) + (group.numbers[0] or Decimal())
        sign = -1 if sort == "largest_first" else 1
        ranks = {key: (key is None, sign * total, str(key)) for key, total in totals.items()}
        return sorted(ranks.items(), key=lambda one: one[1])
    keys = {group.keys[index] for group in groups}
    values = sorted((key for key in keys if key is not None), key=lambda key: _comparable(key, kind))
    if sort == "descending":
        values.reverse()
    return [(key, (place,)) for place, key in enumerate([*values, *([None] if None in keys else [])])]


def _comparable(key: str, kind: str) -> tuple[Decimal, str]:
    return (number_of(key) or Decimal(), key) if kind in NUMBERS else (Decimal(), key)


def _period_before(key: str, unit: Unit) -> str | None:
    """The start of the period before the one that starts at ``key``, as Athena writes it; None before the calendar."""
    try:
        at = datetime.fromisoformat(key[:19])
        match unit:
            case "hour":
                return (at - timedelta(hours=1)).isoformat(" ")
            case "day" | "week":
                return (at - timedelta(days=1 if unit == "day" else 7)).date().isoformat()
            case "month" | "quarter":
                months = at.year * 12 + at.month - 1 - (1 if unit == "month" else 3)
                return date(months // 12, months % 12 + 1, 1).isoformat()
            case "year":
                return date(at.year - 1, 1, 1).isoformat()
    except (ValueError, OverflowError):
        return None


def _change(now: Decimal | None, before: Decimal | None, measure: Measure) -> tuple[str, str]:
    """Relative to what was before; of percentages the difference, in points."""
    if now is None or before is None:
        return "", ""
    direction = "up" if now > before else "down" if now < before else "even"
    if measure.format == "percent":
        return f"{100 * (now - before):+,.{measure.decimals}f} points", direction
    return (f"{100 * (now - before) / abs(before):+,.1f} %" if before else ""), direction
