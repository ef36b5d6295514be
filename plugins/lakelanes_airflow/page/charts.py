"""Charts of a view's rows as SVG: lines over time where there is a date, bars by category where there is none.

What is drawn follows from the rows, since it may be any view: x is the first column of dates, or the year, month and
day columns together; the measure is a column of numbers; a column of few texts gives a line each. The page shows the
rows themselves beside it, so a chart is never the only way to read them. Colours are CSS classes, for light and dark.

A value that has no place on a scale (NaN, infinity, beyond LARGEST, a date beyond the year 9999) leaves a gap, and the
chart says how many there are; a text is drawn cut. So whatever one value is, the others are drawn.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from markupsafe import Markup, escape

Row = dict[str, str | None]

log = logging.getLogger(__name__)

# More than any decimal(38) and any count; sums of it and the steps of its scale are still floats.
LARGEST = 1e100
_SMALLEST = 1e-100
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|[+-]?Infinity", re.ASCII)
# Exact to the last digit of both LARGEST and _SMALLEST, and never an error.
_SUM = Context(prec=210, traps=[])
# How Athena writes dates outside of the years 0000 to 9999.
_FAR_DATE = re.compile(r"[+-]\d{4,}-\d{2}-\d{2}([ T].*)?", re.ASCII)
_NAME = 60
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?([ T]\d{2}(:\d{2}.*)?)?")
_PARTS = ("year", "month", "day", "hour")
_SERIES = 6
_BARS = 12
_WIDTH, _HEIGHT = 640, 240
_KEPT = 64
_drawn: dict[str, tuple[Chart | None, Markup]] = {}
_drawing = threading.Lock()
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28


@dataclass(frozen=True)
class Chart:
    """series: values by x, in the order of xs; None where there is none. left_out: number of values that are not drawn,
    for they have no place on a scale."""

    kind: str
    measure: str
    by: str
    xs: list[str]
    series: dict[str, list[Decimal | None]]
    left_out: int = 0

    @property
    def summary(self) -> str:
        """The chart in a sentence, for people who do not see it."""
        values = [value for line in self.series.values() for value in line if value is not None]
        first, last = _shortened(self.xs[0]), _shortened(self.xs[-1])
        what = f"{self.measure} by {self.by}, {len(self.xs)} values from {first} to {last}"
        lines = f" in {len(self.series)} lines" if len(self.series) > 1 else ""
        return f"{what}{lines}; least {_short(min(values))}, most {_short(max(values))}"


def chart_of(rows: Sequence[Row]) -> Chart | None:
    """The chart that suits the rows; None when they have no number, or nothing to draw it by."""
    if not rows:
        return None
    columns = list(rows[0])
    parts = [name for name in _PARTS if name in columns]
    times = [name for name in columns if name not in parts and _is_time(rows, name)]
    numbers = [name for name in columns if name not in parts and name not in times and _is_number(rows, name)]
    texts = [name for name in columns if name not in (*parts, *times, *numbers)]
    if not numbers:
        return None
    measure = next((name for name in numbers if _all(rows, name, _is_fraction)), numbers[-1])
    if times or parts:
        label = times[0] if times else "-".join(parts)
        # A row without a date has no place on a line.
        dated = [(x, row) for row in rows if (x := row[times[0]] if times else _joined(row, parts))]
        far = {x for x, row in dated if _FAR_DATE.fullmatch(x) or ("year" in parts and len(row["year"] or "") > 4)}
        placed = [(x, row) for x, row in dated if x not in far]
        left_out = len(dated) - len(placed) + _beyond(measure, [row for _, row in placed])
        return _lines([row for _, row in placed], [x for x, _ in placed], label, measure, texts, left_out)
    totals = _summed((row[texts[0]] or "-", row[measure]) for row in rows) if texts else {}
    if not totals:
        return None
    first = sorted(totals, key=lambda name: -totals[name])[:_BARS]
    return Chart("bars", measure, texts[0], first, {measure: [totals[name] for name in first]}, _beyond(measure, rows))


def _joined(row: Row, parts: Sequence[str]) -> str:
    """The parts of a date as one text that sorts as time does; '' where one is missing."""
    values = [row[name] for name in parts]
    return "-".join(value.zfill(2) for value in values if value) if all(values) else ""


def drawn(query_id: str, rows: Sequence[Row]) -> tuple[Chart | None, Markup]:
    """The chart of a query's rows and its SVG. Both are remembered: a query's answer never changes.

    Never raises: rows that nobody thought of are said to be so, and keep no other view from being shown.
    """
    if not rows:  # there are none, or they could not be read this time
        return None, Markup("")
    found = _drawn.get(query_id)
    if found is None:
        try:
            chart = chart_of(rows)
            found = chart, svg(chart, f"c-{query_id}") if chart else Markup("")
        except Exception:
            log.exception("the rows of query %s cannot be drawn", query_id)
            found = None, Markup('<p class="notice" role="note">These rows cannot be drawn.</p>')
        with _drawing:
            _drawn[query_id] = found
            while len(_drawn) > _KEPT:
                del _drawn[next(iter(_drawn))]
    return found


def svg(chart: Chart, identifier: str) -> Markup:
    """The chart as an SVG element with a title that says what it shows."""
    inner = _bars_svg(chart) if chart.kind == "bars" else _lines_svg(chart)
    height = _TOP + 24 * len(chart.xs) + 8 if chart.kind == "bars" else _HEIGHT
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {w} {h}" aria-labelledby="{id}">'
        '<title id="{id}">{text}</title>{inner}</svg>'
    ).format(w=_WIDTH, h=height, id=identifier, text=chart.summary, inner=inner)


def _beyond(measure: str, rows: Sequence[Row]) -> int:
    """How many values there are that no scale shows."""
    return sum(row[measure] is not None and _value(row[measure]) is None for row in rows)


def _lines(
    rows: Sequence[Row], xs: list[str], label: str, measure: str, texts: list[str], left_out: int
) -> Chart | None:
    distinct = {name: {row[name] for row in rows} for name in texts}
    split = next((name for name in texts if 1 < len(distinct[name]) <= _SERIES), None)
    order = sorted(set(xs))
    series: dict[str, list[Decimal | None]] = {}
    for value in sorted(map(str, distinct[split])) if split else [measure]:
        own = [(x, row) for x, row in zip(xs, rows, strict=True) if split is None or str(row[split]) == value]
        totals = _summed((x, row[measure]) for x, row in own)
        series[value] = [totals.get(x) for x in order]
    has_values = any(value is not None for line in series.values() for value in line)
    return Chart("lines", measure, label, order, series, left_out) if has_values else None


def _summed(pairs: Iterable[tuple[str, str | None]]) -> dict[str, Decimal]:
    """The sum of each name's values; of a name with a value that no scale shows there is none."""
    totals: dict[str, Decimal] = {}
    beyond: set[str] = set()
    for name, text in pairs:
        if (value := _value(text)) is not None:
            totals[name] = _SUM.add(totals.get(name, Decimal()), value)
        elif text is not None:
            beyond.add(name)
    return {name: total for name, total in totals.items() if name not in beyond}


def _lines_svg(chart: Chart) -> Markup:
    values = [value for line in chart.series.values() for value in line if value is not None]
    ticks = _ticks(float(min([Decimal(), *values])), float(max([Decimal(), *values])))
    low, high = ticks[0], ticks[-1]

    def x(place: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (place / (len(chart.xs) - 1) if len(chart.xs) > 1 else 0.5)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text class="tick end" x="{}" y="{ty}">{}</text>'
        ).format(
            _LEFT, _WIDTH - _RIGHT, _LEFT - 8, _short(Decimal(str(tick))), y=round(y(tick), 1), ty=round(y(tick) + 4, 1)
        )
        for tick in ticks
    ]
    shown = sorted({0, len(chart.xs) // 2, len(chart.xs) - 1})
    anchors = {shown[0]: "start", shown[-1]: "end"} if len(shown) > 1 else {}
    for place in shown:
        parts.append(
            Markup('<text class="tick {}" x="{}" y="{}">{}</text>').format(
                anchors.get(place, "middle"), round(x(place), 1), _HEIGHT - 8, chart.xs[place][:16]
            )
        )
    for number, line in enumerate(chart.series.values()):
        for run in _runs(line):
            points = " ".join(f"{x(place):.1f},{y(float(value)):.1f}" for place, value in run)
            if len(run) == 1:
                place, value = run[0]
                parts.append(
                    Markup('<circle class="dot s{}" cx="{}" cy="{}" r="3"/>').format(
                        number, round(x(place), 1), round(y(float(value)), 1)
                    )
                )
            else:
                parts.append(Markup('<polyline class="line s{}" points="{}"/>').format(number, points))
    return Markup("").join(parts)


def _bars_svg(chart: Chart) -> Markup:
    [series] = chart.series.values()
    values = [float(value or 0) for value in series]
    low, high = min([0.0, *values]), max([0.0, *values])
    left, room = 200, _WIDTH - 200 - 90
    scale = room / ((high - low) or 1)
    zero = left - low * scale
    parts = []
    if low < 0:
        bottom = _TOP + 24 * len(values)
        parts.append(
            Markup('<line class="grid" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(_TOP, bottom, x=round(zero, 1))
        )
    for number, (name, value) in enumerate(zip(chart.xs, series, strict=True)):
        top, width = _TOP + 24 * number, abs(values[number]) * scale
        start = zero - width if values[number] < 0 else zero
        parts.append(
            Markup(
                '<text class="tick end" x="{}" y="{}">{}</text>'
                '<rect class="bar s0" x="{}" y="{}" width="{}" height="16" rx="2"/>'
                '<text class="tick start" x="{}" y="{}">{}</text>'
            ).format(
                left - 8,
                top + 13,
                _cut(name, 28),
                round(start, 1),
                top,
                round(max(width, 1), 1),
                round(max(start + width, zero) + 8, 1),
                top + 13,
                _short(value or Decimal()),
            )
        )
    return Markup("").join(parts)


def _runs(line: Sequence[Decimal | None]) -> list[list[tuple[int, Decimal]]]:
    """The stretches of a line between its gaps."""
    runs: list[list[tuple[int, Decimal]]] = [[]]
    for place, value in enumerate(line):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _ticks(low: float, high: float) -> list[float]:
    """Four or five round values that cover what is drawn."""
    if low == high:
        high = low + 1
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if (high - low) / (step * factor) <= 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{step * number:.12g}") for number in range(first, last + 1)]


def _short(value: Decimal) -> str:
    if value and not 1e-2 <= abs(value) < 1e15:
        return f"{value:.2e}"
    for size, sign in ((10**9, "bn"), (10**6, "m"), (10**3, "k")):
        if abs(value) >= size:
            return f"{value / size:,.1f}".removesuffix(".0") + f" {sign}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _cut(text: str, length: int) -> Markup:
    return escape(_shortened(text, length))


def _shortened(text: str, length: int = _NAME) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _all(rows: Sequence[Row], name: str, test: object) -> bool:
    values = [row[name] for row in rows if row[name] is not None]
    return bool(values) and all(test(value) for value in values)  # type: ignore[operator]


def _is_time(rows: Sequence[Row], name: str) -> bool:
    def is_date(text: str) -> bool:
        return bool(_DATE.fullmatch(text) or _FAR_DATE.fullmatch(text))

    return _all(rows, name, is_date) and any(row[name] and _DATE.fullmatch(row[name] or "") for row in rows)


def _is_number(rows: Sequence[Row], name: str) -> bool:
    return _all(rows, name, _NUMBER.fullmatch) and any(_value(row[name]) is not None for row in rows)


def _is_fraction(text: str) -> bool:
    return "." in text or _value(text) is None


def _value(text: str | None) -> Decimal | None:
    """The number of a text; None where it has no place on a scale. What is too small to be seen is 0."""
    # As a float first: of a decimal with a huge exponent most operations would fail, or write out all of its zeros.
    if text is None or not abs(size := float(text)) <= LARGEST:
        return None
    return Decimal(text) if abs(size) >= _SMALLEST else Decimal()
