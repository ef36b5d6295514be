"""What a dashboard refers to: views that exist, columns that they have, kinds of columns that suit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from lakelanes.config.raw_settings import near_match
from lakelanes.dashboards.model import Dashboard, Dataset, Dimension, Filter, Measure, Visual
from lakelanes.dashboards.view_columns import DATES, NUMBERS, Columns

# What is nested or binary groups nothing, and no BI tool takes it.
_NO_DIMENSION = ("other", "unknown")


def reference_faults(
    dashboards: Iterable[Dashboard], views: Mapping[str, Columns], others: Collection[str] = ()
) -> list[str]:
    """Every reference to a view or a column that is not there or does not suit: file, path, what was found.

    views: the columns of each view, as ``view_columns`` tells them, or as Glue has them. others: views that there are,
    and that this configuration does not make; what reads one waits for it.
    """
    found = ((dashboard, fault) for dashboard in dashboards for fault in _faults(dashboard, views, others))
    return [f"{dashboard.name}.json: {fault}" for dashboard, fault in found]


def _faults(dashboard: Dashboard, views: Mapping[str, Columns], others: Collection[str]) -> Iterator[str]:
    for name, dataset in dashboard.datasets.items():
        if dataset.view not in others:
            yield from _dataset_faults(name, dataset, views)
    for at, sheet in enumerate(dashboard.sheets):
        for index, visual in enumerate(sheet.visuals):
            dataset = dashboard.datasets[visual.dataset]
            if dataset.view in views:
                yield from _visual_faults(f"sheets[{at}].visuals[{index}]", visual, dataset, views)


def faulty_visuals(dashboard: Dashboard, views: Mapping[str, Columns], others: Collection[str] = ()) -> set[str]:
    """The ids of the visuals that cannot be asked for: of those whose dataset or themselves have a fault."""
    bad = {name for name, dataset in dashboard.datasets.items() if list(_dataset_faults(name, dataset, views))}
    found = set()
    for visual in dashboard.visuals:
        dataset = dashboard.datasets[visual.dataset]
        if dataset.view in others:
            continue
        if visual.dataset in bad or list(_visual_faults("", visual, dataset, views)):
            found.add(visual.id)
    return found


def _dataset_faults(name: str, dataset: Dataset, views: Mapping[str, Columns]) -> Iterator[str]:
    path = f"datasets.{name}"
    if dataset.view not in views:
        near = near_match(dataset.view, views)
        yield f"{path}.view: include/sql/views has no view {dataset.view!r}{near}"
    elif dataset.date_column:
        yield from _column(f"{path}.date_column", dataset.date_column, dataset, views, DATES, "a date or timestamp")


def _visual_faults(path: str, visual: Visual, dataset: Dataset, views: Mapping[str, Columns]) -> Iterator[str]:
    places: list[tuple[str, Dimension]] = []
    for name, one in (("x", visual.x), ("series", visual.series)):
        places += [(f"{path}.{name}", one)] if one else []
    places += [(f"{path}.columns[{index}]", one) for index, one in enumerate(visual.columns)]
    for where, dimension in places:
        yield from _dimension(where, dimension, dataset, views)
    if visual.kind == "figure" and visual.x and not visual.x.unit:
        yield f"{path}.x.unit: is missing; a figure compares a period with the one before"
    for index, measure in enumerate(visual.y):
        yield from _measure(f"{path}.y[{index}]", measure, visual, dataset, views)
    for index, wanted in enumerate(visual.filters):
        yield from _filter(f"{path}.filters[{index}]", wanted, dataset, views)


def _dimension(path: str, dimension: Dimension, dataset: Dataset, views: Mapping[str, Columns]) -> Iterator[str]:
    kind = views[dataset.view].get(dimension.column)
    if kind is None:
        yield from _column(f"{path}.column", dimension.column, dataset, views)
    elif kind in _NO_DIMENSION:
        yield f"{path}.column: {dimension.column!r} is of no type that groups rows{_cast_it(kind)}"
    elif dimension.unit and kind not in DATES:
        yield f"{path}.unit: {dimension.column!r} is no date or timestamp, so it has no {dimension.unit}"
    elif dimension.unit == "hour" and kind == "date":
        yield f"{path}.unit: {dimension.column!r} is a date, so it has no hour"


def _measure(
    path: str, measure: Measure, visual: Visual, dataset: Dataset, views: Mapping[str, Columns]
) -> Iterator[str]:
    for name, column in measure.operands:
        if measure.aggregation in ("count", "distinct"):
            yield from _column(f"{path}.{name}", column, dataset, views)
        elif measure.aggregation in ("minimum", "maximum") and visual.kind == "table":
            wanted = (*NUMBERS, *DATES)
            yield from _column(f"{path}.{name}", column, dataset, views, wanted, "a number or a date")
        else:
            yield from _column(f"{path}.{name}", column, dataset, views, NUMBERS, "a number")
    if measure.aggregation == "last" and dataset.date_column is None:
        yield f"{path}.aggregation: last needs a date_column of the dataset"


def _filter(path: str, one: Filter, dataset: Dataset, views: Mapping[str, Columns]) -> Iterator[str]:
    kind = views[dataset.view].get(one.column)
    if kind is None or kind in _NO_DIMENSION:
        yield from _column(
            f"{path}.column", one.column, dataset, views, (*NUMBERS, *DATES, "text", "boolean"), "simple"
        )
        return
    if one.last_days and kind not in DATES:
        yield f"{path}.last_days: {one.column!r} is no date or timestamp"
    for name, bound in (("from", one.from_), ("to", one.to)):
        wanted = NUMBERS if isinstance(bound, Decimal) else DATES
        if bound is not None and kind not in wanted:
            what = "number" if isinstance(bound, Decimal) else "date or timestamp"
            yield f"{path}.{name}: {one.column!r} is no {what}"
    for name, values in (("in", one.in_), ("not_in", one.not_in)):
        for index, value in enumerate(values or ()):
            if not _fits(value, kind):
                yield f"{path}.{name}[{index}]: {value!r} is no value of {one.column!r}, which is {_a(kind)}"


def _fits(value: str | int | bool, kind: str) -> bool:
    if kind in DATES:
        try:
            # Python reads more forms of a date than Athena.
            return isinstance(value, str) and value == date.fromisoformat(value).isoformat()
        except ValueError:
            return False
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    return isinstance(value, int) if kind in NUMBERS else isinstance(value, str)


def _column(
    path: str,
    column: str,
    dataset: Dataset,
    views: Mapping[str, Columns],
    kinds: Iterable[str] = (),
    what: str = "",
) -> Iterator[str]:
    columns = views[dataset.view]
    if column not in columns:
        yield f"{path}: view {dataset.view} has no column {column!r}{near_match(column, columns)}"
    elif kinds and columns[column] not in kinds:
        yield f"{path}: {column!r} is {_a(columns[column])}, not {what}{_cast_it(columns[column])}"


def _a(kind: str) -> str:
    words = {"whole": "a whole number", "double": "a double", "other": "of a nested type", "unknown": "of unknown type"}
    return words.get(kind, f"a {kind}" if kind != "text" else "text")


def _cast_it(kind: str) -> str:
    return "; CAST it in the view" if kind == "unknown" else ""
