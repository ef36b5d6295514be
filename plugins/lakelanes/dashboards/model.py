"""The description of a dashboard, a file of include/dashboards: its model.

One description has to mean the same in Athena's SQL, in QuickSight's expressions and in Power BI's DAX. So a measure is
one of a few aggregations that all three have, and what could be anything (an expression, a colour, a place on the
sheet) is not there: a column that needs an expression is a column of the view.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from lakelanes import names

# What QuickSight takes of a dashboard's sheets and a sheet's visuals
# (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_DashboardVersionDefinition.html,
# https://docs.aws.amazon.com/quicksight/latest/APIReference/API_SheetDefinition.html).
MAX_SHEETS = 20
MAX_VISUALS = 75

Kind = Literal["line", "bar", "stacked_bar", "table", "figure", "heat_map"]
Unit = Literal["hour", "day", "week", "month", "quarter", "year"]
Aggregation = Literal[
    "sum", "count", "distinct", "average", "minimum", "maximum", "weighted_average", "ratio_of_sums", "last"
]
Sort = Literal["ascending", "descending", "largest_first", "smallest_first"]

# The settings, beside "column", that each aggregation needs.
_NEEDS: dict[str, tuple[str, ...]] = {
    "sum": ("column",),
    "count": (),
    "distinct": ("column",),
    "average": ("column",),
    "minimum": ("column",),
    "maximum": ("column",),
    "weighted_average": ("column", "weight"),
    "ratio_of_sums": ("numerator", "denominator"),
    "last": ("column",),
}
_OPERANDS = ("column", "weight", "numerator", "denominator")


def _value(found: Any) -> Any:
    """A value of a filter: a number without a fraction is whole."""
    if isinstance(found, float) and found.is_integer():
        return int(found)
    if not isinstance(found, str | int | bool):
        raise ValueError(f"{found!r} is neither a text, nor a whole number, nor true or false")
    return found


def _bound(found: Any) -> Any:
    """The bound of a filter. A number is never taken for the seconds since 1970, as pydantic does of a date."""
    if isinstance(found, date):
        return found
    try:
        # Python reads more forms of a date than Athena.
        if isinstance(found, str) and (day := date.fromisoformat(found)).isoformat() == found:
            return day
    except ValueError:
        pass
    try:
        number = Decimal(str(found))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ValueError(f"{found!r} is neither a date such as '2024-03-15' nor a number")
    return number


Value = Annotated[Annotated[str, StringConstraints(strip_whitespace=False)] | int | bool, BeforeValidator(_value)]
Bound = Annotated[date | Decimal, BeforeValidator(_bound)]
ColumnName = Annotated[str, AfterValidator(names.column_name)]
DashboardName = Annotated[str, AfterValidator(names.dashboard_name)]
ViewName = Annotated[str, AfterValidator(names.table_name)]
Title = Annotated[str, Field(min_length=1, max_length=120)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=True)


class Dataset(_Settings):
    """What a dashboard reads: a view, and how QuickSight and Power BI keep its rows."""

    view: ViewName = Field(description="the view, a file of include/sql/views")
    mode: Literal["import", "direct"] = Field(
        "import",
        description="import: QuickSight (SPICE) and Power BI keep the rows and are refreshed after loads; "
        "direct: they ask Athena whenever somebody looks",
    )
    date_column: ColumnName | None = Field(
        None, description="column of type date or timestamp by which a refresh reads only what may have changed"
    )
    date_unit: Unit = Field(
        "day",
        description="what the values of date_column are cut to: a file of 15 March changes rows of 1 March where it is "
        "'month', and a refresh has to reach back so far",
    )
    changes_days: int | None = Field(
        None,
        ge=1,
        le=3650,
        description="how far back, in days, values may still change: a refresh reads so much again; "
        "null: every refresh reads everything",
    )
    refresh: Literal["after_loads", "never"] = Field(
        "after_loads", description="whether refresh_dashboards refreshes it after loads; never: people do"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Dataset:
        if self.changes_days is not None and self.date_column is None:
            raise ValueError("changes_days needs a date_column, by which a refresh finds what is that old")
        if self.changes_days is not None and self.mode == "direct":
            raise ValueError("changes_days is for mode 'import': nothing is kept of a dataset in mode 'direct'")
        return self


class Dimension(_Settings):
    """A column by whose values rows are grouped."""

    column: ColumnName = Field(description="a column of the dataset's view")
    unit: Unit | None = Field(None, description="of a date or timestamp: what it is cut to; a week begins on Monday")
    title: Title | None = Field(None, description="its label; by default the column's name in words")
    sort: Sort | None = Field(
        None,
        description="order of its values, or of their first measure; by default ascending, but the largest first for "
        "the text of a bar",
    )
    top: int | None = Field(
        None, ge=1, le=1000, description="so many of its values, those with the largest first measure"
    )

    @property
    def label(self) -> str:
        """Its title, or the column's name in words."""
        return self.title or in_words(self.column)


class Measure(_Settings):
    """A number made of a group of rows."""

    aggregation: Aggregation = Field(
        description="sum, average, minimum, maximum of a column; count of rows, or of a column's values; distinct: "
        "count of different values; weighted_average of a column by a weight; ratio_of_sums: sum of the numerator by "
        "sum of the denominator; last: sum of the column over the rows of the group's last date (of the date_column)"
    )
    column: ColumnName | None = Field(None, description="the column; of count it may be left out")
    weight: ColumnName | None = Field(None, description="of a weighted_average")
    numerator: ColumnName | None = Field(None, description="of a ratio_of_sums")
    denominator: ColumnName | None = Field(None, description="of a ratio_of_sums")
    title: Title | None = Field(None, description="its label; by default made of aggregation and column")
    format: Literal["number", "percent"] = Field("number", description="percent: 0.25 is shown as 25 %")
    decimals: int = Field(0, ge=0, le=6, description="digits after the decimal point that are shown")
    unit: Annotated[str, Field(min_length=1, max_length=12)] | None = Field(
        None, description="what is shown after the number, such as 'CHF' or 'h'"
    )

    @model_validator(mode="after")
    def _operands(self) -> Measure:
        needed, given = _NEEDS[self.aggregation], {name for name in _OPERANDS if getattr(self, name) is not None}
        allowed = {*needed, *(["column"] if self.aggregation == "count" else [])}
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"{self.aggregation} needs {' and '.join(missing)}")
        if surplus := sorted(given - allowed):
            raise ValueError(f"{self.aggregation} has no {' or '.join(surplus)}")
        if self.format == "percent" and self.unit:
            raise ValueError("percent has its own unit, so leave unit out")
        return self

    @property
    def operands(self) -> tuple[tuple[str, str], ...]:
        """The settings that name columns, with those columns."""
        return tuple((name, value) for name in _OPERANDS if (value := getattr(self, name)) is not None)

    @property
    def label(self) -> str:
        """Its title, or one made of aggregation and columns."""
        if self.title:
            return self.title
        if self.aggregation == "ratio_of_sums":
            return f"{in_words(self.numerator or '')} by {in_words(self.denominator or '').lower()}"
        of = in_words(self.column or "rows")
        return of if self.aggregation == "sum" else f"{of}, {self.aggregation.replace('_', ' ')}"

    @property
    def is_additive(self) -> bool:
        """Whether the values of groups may be added up, as the stack of a bar does."""
        return self.aggregation in ("sum", "count")


class Filter(_Settings):
    """Which rows a visual shows. Exactly one test; rows without a value pass none but not_in."""

    column: ColumnName = Field(description="a column of the dataset's view")
    in_: tuple[Value, ...] | None = Field(None, alias="in", min_length=1, description="one of these values")
    not_in: tuple[Value, ...] | None = Field(None, min_length=1, description="none of these values, or no value")
    from_: Bound | None = Field(None, alias="from", description="this date or number, or a later or larger one")
    to: Bound | None = Field(None, description="this date or number, or an earlier or smaller one")
    last_days: int | None = Field(
        None, ge=1, le=3660, description="of a date or timestamp: the last so many days, today (UTC) included"
    )

    @model_validator(mode="after")
    def _one_test(self) -> Filter:
        tests = [self.in_ is not None, self.not_in is not None, self.last_days is not None]
        if [*tests, self.from_ is not None or self.to is not None].count(True) != 1:
            raise ValueError("needs exactly one test: in, not_in, from and to, or last_days")
        if self.from_ is not None and self.to is not None and type(self.from_) is not type(self.to):
            raise ValueError("from and to must both be dates, or both be numbers")
        return self


class Visual(_Settings):
    """One chart, table or figure."""

    id: DashboardName = Field(description="its name, once per dashboard")
    title: Title = Field(description="what it says, above it")
    description: str | None = Field(None, max_length=1000, description="what one should know to read it")
    kind: Kind = Field(description="line, bar, stacked_bar, table, figure (with the period before) or heat_map")
    dataset: DashboardName = Field(description="one of the dashboard's datasets")
    x: Dimension | None = Field(None, description="along the axis; of a figure: its period; of a heat map: its columns")
    series: Dimension | None = Field(None, description="a line, a colour or a part of a bar each; a heat map's rows")
    columns: tuple[Dimension, ...] = Field((), description="of a table: the columns that group its rows")
    y: tuple[Measure, ...] = Field(min_length=1, max_length=12, description="the measures")
    filters: tuple[Filter, ...] = Field((), description="which rows; each has to pass all")

    @model_validator(mode="after")
    def _suits_its_kind(self) -> Visual:
        if faults := list(_misfits(self)):
            raise ValueError(f"a {self.kind.replace('_', ' ')} {'; '.join(faults)}")
        if len(self.topped) > 1:
            raise ValueError("top can be set for one dimension of a visual alone")
        if len({one.column for one in self.dimensions}) < len(self.dimensions):
            raise ValueError("a column can group the rows of a visual once")
        labels = [*(one.label for one in self.dimensions), *(one.label for one in self.y)]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"{twice[0]!r} is the label of two of its columns: give one a title")
        return self

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What groups the rows: x and series, or a table's columns."""
        return (*(one for one in (self.x, self.series) if one), *self.columns)

    @property
    def topped(self) -> tuple[Dimension, ...]:
        """The dimensions that show some of their values."""
        return tuple(one for one in self.dimensions if one.top)


def _misfits(visual: Visual) -> Any:
    """What a visual has, or lacks, for its kind."""
    kind = visual.kind
    if kind == "table":
        if visual.x or visual.series:
            yield "has columns, and neither x nor series"
        if not visual.columns:
            yield "needs columns"
        return
    if visual.columns:
        yield "has x and series; columns are a table's"
    if visual.x is None and kind != "figure":
        yield "needs x"
    if kind == "figure" and (visual.series or len(visual.y) > 1):
        yield "has one y and no series"
    if kind == "heat_map" and (visual.series is None or len(visual.y) > 1):
        yield "needs series, and has one y"
    if kind in ("line", "bar", "stacked_bar") and visual.series and len(visual.y) > 1:
        yield "has several y or a series, not both"
    if kind == "stacked_bar":
        if not visual.series and len(visual.y) == 1:
            yield "needs a series, or several y"
        if not all(measure.is_additive for measure in visual.y):
            yield "stacks sums and counts alone: other measures do not add up"
    if len({(one.format, one.unit) for one in visual.y}) > 1:
        yield "has one axis, so all y need the same format and unit"


class Sheet(_Settings):
    """A page of a dashboard."""

    title: Title = Field(description="its name on the tab")
    visuals: tuple[Visual, ...] = Field(min_length=1, max_length=MAX_VISUALS, description="in the order of reading")


class Dashboard(_Settings):
    """A file of include/dashboards; its name is the file's."""

    name: DashboardName = Field("dashboard", exclude=True)
    title: Title = Field(description="its name")
    description: str | None = Field(None, max_length=1000, description="whom it is for, and what it answers")
    datasets: dict[DashboardName, Dataset] = Field(
        min_length=1, description="what it reads, by name; a name means the same in all dashboards"
    )
    sheets: tuple[Sheet, ...] = Field(min_length=1, max_length=MAX_SHEETS, description="its pages")

    @property
    def visuals(self) -> tuple[Visual, ...]:
        """Those of all sheets."""
        return tuple(visual for sheet in self.sheets for visual in sheet.visuals)


def in_words(name: str) -> str:
    """A column's name as a label: 'revenue_target' is 'Revenue target'."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
