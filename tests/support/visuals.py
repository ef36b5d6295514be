"""What a visual answers, told from the rows of its view in plain Python: a second reading of its description."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from lakelanes.dashboards.model import Dataset, Filter, Measure, Visual

Row = Mapping[str, str | None]
Keys = tuple[str | None, ...]


def evaluate(visual: Visual, dataset: Dataset, rows: Iterable[Row]) -> dict[Keys, list[Any]]:
    """The visual's measures by its dimensions' values: fractions, whole numbers or texts, None for null."""
    kept = [row for row in rows if all(passes(row[one.column], one) for one in visual.filters)]
    groups: dict[Keys, list[Row]] = defaultdict(list)
    for row in kept:
        groups[tuple(cut(row[one.column], one.unit) for one in visual.dimensions)].append(row)
    if not visual.dimensions and not groups:
        groups[()] = []
    for index, one in enumerate(visual.dimensions):
        if one.top:
            by_value: dict[str | None, list[Row]] = defaultdict(list)
            for keys, group in groups.items():
                by_value[keys[index]] += group
            totals = {key: value_of(visual.y[0], dataset, group) for key, group in by_value.items()}
            sign = 1 if one.sort == "smallest_first" else -1
            ranks = {
                key: (total is None, sign * size(total), key is None, *in_order(key)) for key, total in totals.items()
            }
            first = sorted(ranks, key=lambda key: ranks[key])[: one.top]
            groups = defaultdict(list, {k: group for k, group in groups.items() if k[index] in first})
    return {keys: [value_of(measure, dataset, group) for measure in visual.y] for keys, group in groups.items()}


def size(value: Any) -> Any:
    """A measure's value as a number; of a date, or a timestamp, its place on the calendar."""
    return (datetime.fromisoformat(value) - datetime(1, 1, 1)).total_seconds() if isinstance(value, str) else value or 0


def in_order(key: str | None) -> tuple[Fraction, str]:
    """What sorts a dimension's values: numbers by size, others by their characters."""
    try:
        return Fraction(key or 0), ""
    except ValueError:
        return Fraction(), key or ""


def cut(text: str | None, unit: str | None) -> str | None:
    """The start of the period in which a date lies."""
    if text is None or unit is None:
        return text
    day = date.fromisoformat(text[:10])
    match unit:
        case "hour":
            return f"{text[:13]}:00:00.000"
        case "day":
            return str(day)
        case "week":
            return str(day - timedelta(days=day.weekday()))
        case "month":
            return str(day.replace(day=1))
        case "quarter":
            return str(date(day.year, 3 * ((day.month - 1) // 3) + 1, 1))
        case _:
            return str(date(day.year, 1, 1))


def passes(text: str | None, test: Filter) -> bool:
    if test.not_in is not None:
        return text is None or not any(is_said(text, value) for value in test.not_in)
    if text is None:
        return False
    if test.in_ is not None:
        return any(is_said(text, value) for value in test.in_)
    if test.last_days:
        return date.fromisoformat(text[:10]) > datetime.now(UTC).date() - timedelta(days=test.last_days)

    def value_like(bound: date | Decimal) -> Any:
        return date.fromisoformat(text[:10]) if isinstance(bound, date) else Decimal(text)

    above = test.from_ is None or value_like(test.from_) >= test.from_
    return above and (test.to is None or value_like(test.to) <= test.to)


def is_said(text: str, value: str | int | bool) -> bool:
    """Whether a value of a row is that of a filter; of a timestamp, a date is its midnight."""
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, int):
        return Fraction(text) == value
    return text in (value, f"{value} 00:00:00.000")


def value_of(measure: Measure, dataset: Dataset, rows: list[Row]) -> Any:
    def numbers(column: str | None) -> list[Fraction]:
        return [Fraction(text) for row in rows if (text := row[column or ""]) is not None]

    def total(column: str | None) -> Fraction | None:
        return sum(found, Fraction(0)) if (found := numbers(column)) else None

    def quotient(above: Fraction | None, below: Fraction | None) -> Fraction | None:
        return above / below if above is not None and below else None

    column = measure.column
    texts = [text for row in rows if (text := row[column or ""]) is not None] if column else []
    match measure.aggregation:
        case "sum":
            return total(column)
        case "count":
            return len(texts) if column else len(rows)
        case "distinct":
            return len(set(texts))
        case "average":
            return quotient(total(column), Fraction(len(texts)))
        case "minimum" | "maximum":
            pick = min if measure.aggregation == "minimum" else max
            if texts and "-" in texts[0][1:]:
                return pick(texts)
            return pick(numbers(column)) if texts else None
        case "ratio_of_sums":
            return quotient(total(measure.numerator), total(measure.denominator))
        case "weighted_average":
            both = [row for row in rows if row[column or ""] is not None and row[measure.weight or ""] is not None]
            products = [Fraction(str(row[column or ""])) * Fraction(str(row[measure.weight or ""])) for row in both]
            weights = [Fraction(str(row[measure.weight or ""])) for row in both]
            return quotient(sum(products, Fraction(0)), sum(weights, Fraction(0))) if both else None
        case "last":
            dates = [text for row in rows if (text := row[dataset.date_column or ""])]
            rows = [row for row in rows if not dates or row[dataset.date_column or ""] == max(dates)]
            return total(column)
