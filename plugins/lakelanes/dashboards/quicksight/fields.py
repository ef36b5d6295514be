"""Fields of visuals: the dimensions and measures of one, as QuickSight groups, aggregates and formats them.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_DimensionField.html, API_MeasureField.html
"""

from __future__ import annotations

from dataclasses import dataclass

from lakelanes.dashboards.model import Dataset, Dimension, Measure, Visual
from lakelanes.dashboards.quicksight import expressions
from lakelanes.dashboards.quicksight.calculated import CalculatedFields
from lakelanes.dashboards.quicksight.resources import Properties
from lakelanes.dashboards.view_columns import DATES, Columns

# What dates are shown as: https://docs.aws.amazon.com/quicksight/latest/user/format-a-date-field.html. A quarter as
# QuickSight does it.
_DATE_FORMATS = {
    "hour": "YYYY-MM-DD HH:mm",
    "day": "YYYY-MM-DD",
    "week": "YYYY-MM-DD",
    "month": "YYYY-MM",
    "year": "YYYY",
}
_SIMPLE = {"sum": "SUM", "average": "AVERAGE", "minimum": "MIN", "maximum": "MAX"}
_COUNTS = {"count": "COUNT", "distinct": "DISTINCT_COUNT"}


@dataclass(frozen=True)
class Field:
    """A field of a visual. ``column``: the column, or the calculated field, that it is of."""

    id: str
    column: Properties
    label: str
    properties: Properties

    def sorted(self, direction: str) -> Properties:
        """An entry of a list to sort by; direction: ASC or DESC."""
        return {"FieldSort": {"FieldId": self.id, "Direction": direction}}

    @property
    def axis_label(self) -> Properties:
        """Its label along an axis, in a legend, in what is shown of a point."""
        return {"CustomLabel": self.label, "ApplyTo": {"FieldId": self.id, "Column": self.column}}


class Fields:
    """The fields of a visual."""

    def __init__(self, visual: Visual, dataset: Dataset, columns: Columns, calculated: CalculatedFields) -> None:
        self.visual, self.columns = visual, columns
        self._dataset, self._calculated = dataset, calculated
        self.dimensions = tuple(self._dimension(number, one) for number, one in enumerate(visual.dimensions, 1))
        self.measures = tuple(self._measure(number, one) for number, one in enumerate(visual.y, 1))

    @property
    def x(self) -> Field | None:
        """Of the visual's x."""
        return self.dimensions[0] if self.visual.x else None

    @property
    def series(self) -> Field | None:
        """Of the visual's series."""
        return self.dimensions[-1] if self.visual.series else None

    def column(self, name: str) -> Properties:
        """A column, or a calculated field, of the visual's data set."""
        return {"DataSetIdentifier": self.visual.dataset, "ColumnName": name}

    def calculated(self, label: str, expression: str) -> Properties:
        """A calculated field of the visual's data set as a column."""
        return self.column(self._calculated.name(self.visual.dataset, label, expression))

    def aggregated(self, measure: Measure) -> tuple[Properties, Properties]:
        """The column of a measure, and its AggregationFunction; {} where the column is aggregated already."""
        dataset, name = self._dataset, measure.column or ""
        match measure.aggregation:
            case "ratio_of_sums":
                return self.calculated(measure.label, expressions.ratio_of_sums(measure, self.columns)), {}
            case "weighted_average":
                return self.calculated(measure.label, expressions.weighted_average(measure, self.columns)), {}
            case "last":
                expression = expressions.last(measure, dataset.date_column or "", self._partitions())
                return self.calculated(measure.label, expression), {}
            case "count" if not measure.column:
                return self.calculated(measure.label, expressions.count_of_rows(self.columns)), {}
        kind, function = self.columns[name], {**_SIMPLE, **_COUNTS}[measure.aggregation]
        if kind in DATES:
            return self.column(name), {"DateAggregationFunction": function}
        if kind == "text":
            return self.column(name), {"CategoricalAggregationFunction": function}
        simple = {"SimpleNumericalAggregation": function}
        return self.column(name), {"NumericalAggregationFunction": simple}

    def _partitions(self) -> list[str]:
        """The columns and calculated fields whose values make a group of the visual."""
        return [
            self._calculated.name(
                self.visual.dataset, f"{one.column} by {one.unit}", expressions.period(one.column, one.unit)
            )
            if one.unit
            else one.column
            for one in self.visual.dimensions
        ]

    def _dimension(self, number: int, one: Dimension) -> Field:
        kind = self.columns[one.column]
        properties: Properties = {"FieldId": f"{self.visual.id}.d{number}", "Column": self.column(one.column)}
        if kind in DATES:
            name = "DateDimensionField"
            unit = one.unit or ("day" if kind == "date" else None)
            properties["DateGranularity"] = unit.upper() if unit else "MILLISECOND"
            if shown := _DATE_FORMATS.get(unit or ""):
                properties["FormatConfiguration"] = {"DateTimeFormat": shown}
        else:
            name = "CategoricalDimensionField" if kind == "text" else "NumericalDimensionField"
        return Field(properties["FieldId"], properties["Column"], one.label, {name: properties})

    def _measure(self, number: int, one: Measure) -> Field:
        column, function = self.aggregated(one)
        properties: Properties = {"FieldId": f"{self.visual.id}.m{number}", "Column": column}
        number_format = {"FormatConfiguration": _number_format(one)}
        if "DateAggregationFunction" in function:
            name, aggregation = "DateMeasureField", function["DateAggregationFunction"]
            is_date = one.aggregation in ("minimum", "maximum")
            shown = _DATE_FORMATS["day" if self.columns[one.column or ""] == "date" else "hour"]
            wanted: Properties = (
                {"DateTimeFormat": shown} if is_date else {"NumericFormatConfiguration": _number_format(one)}
            )
        elif "CategoricalAggregationFunction" in function:
            name, aggregation = "CategoricalMeasureField", function["CategoricalAggregationFunction"]
            wanted = {"NumericFormatConfiguration": _number_format(one)}
        else:
            name, aggregation = "NumericalMeasureField", function.get("NumericalAggregationFunction")
            wanted = number_format
        if aggregation:
            properties["AggregationFunction"] = aggregation
        properties["FormatConfiguration"] = wanted
        label = f"{one.label} ({one.unit})" if one.unit else one.label
        return Field(properties["FieldId"], column, label, {name: properties})


def _number_format(measure: Measure) -> Properties:
    """https://docs.aws.amazon.com/quicksight/latest/APIReference/API_NumericFormatConfiguration.html"""
    shown: Properties = {
        "SeparatorConfiguration": {
            "DecimalSeparator": "DOT",
            "ThousandsSeparator": {"Symbol": "COMMA", "Visibility": "VISIBLE"},
        },
        "DecimalPlacesConfiguration": {"DecimalPlaces": measure.decimals},
    }
    if measure.format == "percent":
        return {"PercentageDisplayFormatConfiguration": shown}
    suffix = {"Suffix": f" {measure.unit}"} if measure.unit else {}
    return {"NumberDisplayFormatConfiguration": {**suffix, **shown, "NumberScale": "NONE"}}
