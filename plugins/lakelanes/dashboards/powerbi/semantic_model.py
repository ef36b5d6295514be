"""The semantic model of all dashboards: a table per dataset, its measures, and the calendar that the tables share.

Names last, so that what people build on them does: a table has its dataset's name, a column that of the view's column,
a measure one of what it does. The titles of visuals are labels in the report.

Why one calendar: a click on a month of one chart has to filter the charts of other datasets on that page, and a model
filters from one table to another only along a relationship. Its periods are columns of dates (the first day of the
month, and so on), so that they sort, and lie on an axis, as they do on the Lake page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.loading import datasets_of
from lakelanes.dashboards.model import Dashboard, Dataset, Dimension, Measure, Unit, Visual, in_words
from lakelanes.dashboards.powerbi import dax, formats, mashup
from lakelanes.dashboards.powerbi.quoting import dax_column
from lakelanes.dashboards.view_columns import ColumnKind, Columns

# With a blank in it, it is no dataset's name.
CALENDAR = "Calendar dates"
DAY = "Date"
_PERIODS: tuple[Unit, ...] = ("week", "month", "quarter", "year")
_TYPES: dict[ColumnKind, str] = {
    "whole": "int64",
    # Power BI's own decimal has four digits after the point, and refuses a number of more than 15 before it.
    "decimal": "double",
    "double": "double",
    "boolean": "boolean",
    "date": "dateTime",
    "timestamp": "dateTime",
}


@dataclass(frozen=True)
class Field:
    """A column or a measure that a report refers to."""

    table: str
    name: str
    is_measure: bool = False


@dataclass(frozen=True)
class Column:
    """A column. ``expression``: the DAX of a calculated one, '' for one of the source."""

    name: str
    data_type: str
    expression: str = ""
    format: str | None = None
    is_hidden: bool = False
    is_key: bool = False


@dataclass(frozen=True)
class ModelMeasure:
    """A measure of the model. ``description``: the title of the first visual that shows it."""

    name: str
    expression: str
    format: str
    description: str


@dataclass
class Table:
    """A dataset's table; columns and measures by name, in the order of the files. ``source``: its M."""

    name: str
    dataset: Dataset
    source: str
    columns: dict[str, Column] = field(default_factory=dict)
    measures: dict[str, ModelMeasure] = field(default_factory=dict)
    # The column by which it is related to the calendar.
    day: str | None = None


@dataclass
class SemanticModel:
    """The model, and where in it the parts of visuals are."""

    tables: dict[str, Table]
    calendar: tuple[Column, ...]
    calendar_source: str
    _kinds: Mapping[str, Columns]
    _measures: dict[tuple[str, ...], Field] = field(default_factory=dict)
    _figures: dict[tuple[str, ...], tuple[Field, ...]] = field(default_factory=dict)

    def kinds(self, dataset: str) -> Columns:
        """The kinds of the columns of a dataset's view."""
        return self._kinds[dataset]

    def column(self, dataset: str, name: str) -> Field:
        """A column of a dataset."""
        return Field(dataset, name)

    def dimension(self, dataset: str, wanted: Dimension) -> Field:
        """What a visual groups by: a column of the calendar where it is the date that is related to it."""
        table = self.tables[dataset]
        is_date = wanted.column == table.dataset.date_column and table.day is not None
        kind = self._kinds[dataset][wanted.column]
        if is_date and (wanted.unit not in (None, "hour") or (wanted.unit is None and kind == "date")):
            return Field(CALENDAR, DAY if wanted.unit in (None, "day") else str(wanted.unit).capitalize())
        return Field(dataset, period_name(wanted.column, wanted.unit) if wanted.unit else wanted.column)

    def measure(self, dataset: str, wanted: Measure) -> Field:
        """A measure, as it is over any group of rows."""
        return self._measures[_key(dataset, wanted)]

    def figure(self, dataset: str, wanted: Measure, x: Dimension) -> tuple[Field, ...]:
        """A figure's measures: value, period, value of the period before, change."""
        return self._figures[_figure_key(dataset, wanted, x)]

    def format(self, of: Field) -> str | None:
        """The format that the model gives a column or measure."""
        if of.table == CALENDAR:
            return next(one.format for one in self.calendar if one.name == of.name)
        table = self.tables[of.table]
        return table.measures[of.name].format if of.is_measure else table.columns[of.name].format


def semantic_model(config: LakeConfig, dashboards: Iterable[Dashboard], views: Mapping[str, Columns]) -> SemanticModel:
    """The model of dashboards without faults. ``views``: the columns of each view."""
    dashboards = list(dashboards)
    datasets: Mapping[str, Dataset] = datasets_of(dashboards)
    visuals = [visual for dashboard in dashboards for visual in dashboard.visuals]
    partition_keys = {key.name for entity in config.entities.values() for key in entity.partition_keys}
    tables = {}
    for name, dataset in datasets.items():
        used = set(_columns_used(one for one in visuals if one.dataset == name)) | {dataset.date_column}
        tables[name] = _table(name, dataset, views[dataset.view], used, partition_keys)
    dates = [dax_column(one.name, one.dataset.date_column or "") for one in tables.values() if one.day]
    kinds = {name: views[dataset.view] for name, dataset in datasets.items()}
    model = SemanticModel(tables, tuple(_calendar()) if dates else (), dax.calendar(dates) if dates else "", kinds)
    for visual in visuals:
        for one in visual.dimensions:
            _add_period(model, visual.dataset, one)
        for measure in visual.y:
            _add_measure(model, visual, measure)
    return model


def period_name(column: str, unit: Unit | None) -> str:
    """The name of a calculated column that has the starts of periods."""
    return f"{column} by {unit}"


def _table(name: str, dataset: Dataset, kinds: Columns, used: set[str | None], partition_keys: set[str]) -> Table:
    # What is nested or of an unknown type only counts: as text, where a measure needs it.
    taken = {column: kind for column, kind in kinds.items() if kind not in ("other", "unknown") or column in used}
    table = Table(name, dataset, mashup.source(dataset, taken))
    for column, kind in taken.items():
        is_hidden = (column == dataset.date_column and kind == "date") or (
            column in partition_keys and column not in used
        )
        data_type = _TYPES.get(kind, "string")
        table.columns[column] = Column(column, data_type, "", formats.column_format(kind), is_hidden)
    if dataset.date_column:
        table.day = dataset.date_column
        if kinds[dataset.date_column] == "timestamp":
            table.day = period_name(dataset.date_column, "day")
            expression = dax.period_column("day", name, dataset.date_column)
            table.columns[table.day] = Column(table.day, "dateTime", expression, formats.period_format("day"), True)
    return table


def _calendar() -> Iterator[Column]:
    at = dax_column(CALENDAR, DAY)
    yield Column(DAY, "dateTime", "", formats.period_format("day"), is_key=True)
    for unit in _PERIODS:
        yield Column(unit.capitalize(), "dateTime", dax.start_of(unit, at), formats.period_format(unit))


def _columns_used(visuals: Iterable[Visual]) -> Iterator[str]:
    for visual in visuals:
        yield from (one.column for one in visual.dimensions)
        yield from (one.column for one in visual.filters)
        yield from (column for measure in visual.y for _, column in measure.operands)


def _add_period(model: SemanticModel, dataset: str, dimension: Dimension) -> None:
    """The calculated column of a dimension whose periods are not the calendar's."""
    found, table = model.dimension(dataset, dimension), model.tables[dataset]
    if found.table != CALENDAR and dimension.unit and found.name not in table.columns:
        expression = dax.period_column(dimension.unit, dataset, dimension.column)
        table.columns[found.name] = Column(
            found.name, "dateTime", expression, formats.period_format(dimension.unit), is_hidden=False
        )


def _add_measure(model: SemanticModel, visual: Visual, measure: Measure) -> None:
    dataset, kinds = visual.dataset, model.kinds(visual.dataset)
    table, key, what = model.tables[dataset], _key(dataset, measure), _words(measure)
    if key not in model._measures:
        expression = dax.measure_dax(measure, dataset, table.dataset.date_column)
        model._measures[key] = _added(model, table, what, expression, formats.measure_format(measure, kinds), visual)
    if visual.kind != "figure" or visual.x is None or visual.x.unit is None:
        return
    figure_key = _figure_key(dataset, measure, visual.x)
    if figure_key not in model._figures:
        model._figures[figure_key] = _added_figure(model, visual, measure, visual.x, visual.x.unit)


def _added_figure(
    model: SemanticModel, visual: Visual, measure: Measure, x: Dimension, unit: Unit
) -> tuple[Field, ...]:
    dataset, table = visual.dataset, model.tables[visual.dataset]
    base = model.measure(dataset, measure)
    what = _words(measure) + ("" if x.column == table.dataset.date_column else f" by {in_words(x.column).lower()}")
    texts = (f"last {unit}", f"last {unit}'s start", f"{unit} before", f"{unit}'s change")
    names = [_free(model, f"{what}, {text} ({dataset})") for text in texts]
    column = period_name(x.column, unit) if unit == "hour" else x.column
    found = dax.figure(measure, base.name, unit, dataset, column, (names[0], names[2]))
    shown = formats.measure_format(measure, model.kinds(dataset))
    expressions = (found.value, found.period, found.before, found.change)
    all_formats = (shown, formats.period_format(unit), shown, formats.change_format(measure))
    for name, expression, one in zip(names, expressions, all_formats, strict=True):
        table.measures[name] = ModelMeasure(name, expression, one, visual.title)
    return tuple(Field(dataset, name, is_measure=True) for name in names)


def _added(model: SemanticModel, table: Table, what: str, expression: str, shown: str, visual: Visual) -> Field:
    name = _free(model, f"{what} ({table.name})")
    table.measures[name] = ModelMeasure(name, expression, shown, visual.title)
    return Field(table.name, name, is_measure=True)


def _free(model: SemanticModel, wanted: str) -> str:
    """A name that no measure of the model has; case does not tell two apart in Power BI."""
    taken = {name.casefold() for table in model.tables.values() for name in table.measures}
    number, name = 1, wanted
    while name.casefold() in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _key(dataset: str, measure: Measure) -> tuple[str, ...]:
    """What tells measures apart; how their values are shown does not."""
    return (dataset, measure.aggregation, *(f"{name}={column}" for name, column in measure.operands))


def _figure_key(dataset: str, measure: Measure, x: Dimension) -> tuple[str, ...]:
    # The change of percentages is another number.
    return (*_key(dataset, measure), measure.format, x.column, str(x.unit))


def _words(measure: Measure) -> str:
    """A measure's name: what it does, to which columns."""
    column, weight, above, below = (
        in_words(name or "") for name in (measure.column, measure.weight, measure.numerator, measure.denominator)
    )
    match measure.aggregation:
        case "sum":
            return f"Sum of {column.lower()}"
        case "count":
            return f"Count of {column.lower()}" if measure.column else "Count of rows"
        case "distinct":
            return f"Different values of {column.lower()}"
        case "average":
            return f"Average of {column.lower()}"
        case "minimum":
            return f"Smallest {column.lower()}"
        case "maximum":
            return f"Largest {column.lower()}"
        case "last":
            return f"Last {column.lower()}"
        case "weighted_average":
            return f"Average of {column.lower()} by {weight.lower()}"
        case "ratio_of_sums":
            return f"{above} by {below.lower()}"
