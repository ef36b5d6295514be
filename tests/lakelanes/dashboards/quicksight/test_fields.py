"""Fields of visuals: how a dimension groups, how a measure is aggregated, and how both are shown."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.quicksight.calculated import CalculatedFields
from tests.lakelanes.dashboards.quicksight.support import COLUMNS, column, fields


@pytest.mark.parametrize(
    ("dimension", "kind", "more"),
    [
        ({"column": "city"}, "CategoricalDimensionField", {}),
        ({"column": "sales"}, "NumericalDimensionField", {}),
        ({"column": "online"}, "NumericalDimensionField", {}),
        ({"column": "day", "unit": "month"}, "DateDimensionField", ("MONTH", "YYYY-MM")),
        ({"column": "day", "unit": "week"}, "DateDimensionField", ("WEEK", "YYYY-MM-DD")),
        ({"column": "day"}, "DateDimensionField", ("DAY", "YYYY-MM-DD")),
        ({"column": "sold_at", "unit": "hour"}, "DateDimensionField", ("HOUR", "YYYY-MM-DD HH:mm")),
        ({"column": "sold_at", "unit": "quarter"}, "DateDimensionField", ("QUARTER", None)),
        ({"column": "sold_at"}, "DateDimensionField", ("MILLISECOND", None)),
    ],
)
def test_a_dimension_groups_by_its_type_and_period(dimension: dict[str, Any], kind: str, more: Any) -> None:
    [found] = fields(x=dimension).dimensions
    expected: dict[str, Any] = {"FieldId": "v.d1", "Column": column(dimension["column"])}
    if more:
        expected["DateGranularity"] = more[0]
        if more[1]:
            expected["FormatConfiguration"] = {"DateTimeFormat": more[1]}
    assert found.properties == {kind: expected}


@pytest.mark.parametrize(
    ("measure", "kind", "aggregation"),
    [
        ({"aggregation": "sum", "column": "revenue"}, "NumericalMeasureField", {"SimpleNumericalAggregation": "SUM"}),
        (
            {"aggregation": "average", "column": "rate"},
            "NumericalMeasureField",
            {"SimpleNumericalAggregation": "AVERAGE"},
        ),
        ({"aggregation": "minimum", "column": "rate"}, "NumericalMeasureField", {"SimpleNumericalAggregation": "MIN"}),
        ({"aggregation": "maximum", "column": "sales"}, "NumericalMeasureField", {"SimpleNumericalAggregation": "MAX"}),
        ({"aggregation": "count", "column": "sales"}, "NumericalMeasureField", {"SimpleNumericalAggregation": "COUNT"}),
        (
            {"aggregation": "distinct", "column": "online"},
            "NumericalMeasureField",
            {"SimpleNumericalAggregation": "DISTINCT_COUNT"},
        ),
        ({"aggregation": "count", "column": "city"}, "CategoricalMeasureField", "COUNT"),
        ({"aggregation": "distinct", "column": "city"}, "CategoricalMeasureField", "DISTINCT_COUNT"),
        ({"aggregation": "distinct", "column": "day"}, "DateMeasureField", "DISTINCT_COUNT"),
        ({"aggregation": "maximum", "column": "day"}, "DateMeasureField", "MAX"),
        ({"aggregation": "minimum", "column": "sold_at"}, "DateMeasureField", "MIN"),
    ],
)
def test_a_measure_of_a_column_is_aggregated_by_the_visual(
    measure: dict[str, Any], kind: str, aggregation: Any
) -> None:
    [found] = fields(kind="table", columns=[{"column": "city"}], y=[measure]).measures
    properties = found.properties[kind]
    assert (properties["Column"], properties["AggregationFunction"]) == (column(measure["column"]), aggregation)


@pytest.mark.parametrize(
    ("measure", "expression"),
    [
        ({"aggregation": "count"}, "sum(ifelse(isNull({day}), 1, 1))"),
        (
            {"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "rate"},
            "sum({revenue}) / nullIf(sum({rate}), 0)",
        ),
        (
            {"aggregation": "weighted_average", "column": "rate", "weight": "revenue"},
            "sum({rate} * {revenue}) / nullIf(sumIf({revenue}, isNotNull({rate})), 0)",
        ),
    ],
)
def test_any_other_measure_is_a_calculated_field_that_is_aggregated_already(
    measure: dict[str, Any], expression: str
) -> None:
    calculated = CalculatedFields(COLUMNS)
    [found] = fields(calculated, y=[{**measure, "title": "Made"}]).measures
    properties = found.properties["NumericalMeasureField"]
    assert properties["Column"] == column("Made") and "AggregationFunction" not in properties
    assert calculated.properties() == [{"DataSetIdentifier": "shop", "Name": "Made", "Expression": expression}]


def test_the_last_is_of_the_groups_of_its_visual() -> None:
    calculated = CalculatedFields(COLUMNS)
    last = {"aggregation": "last", "column": "sales", "title": "Latest"}
    fields(calculated, x={"column": "day", "unit": "month"}, series={"column": "city"}, y=[last])
    assert {one["Name"]: one["Expression"] for one in calculated.properties()} == {
        "day by month": "truncDate('MM', {day})",
        "Latest": "sumIf({sales}, {day} = maxOver({day}, [{day by month}, {city}], PRE_AGG))",
    }


def shown(measure: dict[str, Any]) -> Any:
    [found] = fields(y=[measure]).measures
    return found.properties["NumericalMeasureField"]["FormatConfiguration"]["FormatConfiguration"]


def test_numbers_have_their_decimals_and_unit() -> None:
    found = shown({"aggregation": "sum", "column": "revenue", "decimals": 2, "unit": "CHF"})[
        "NumberDisplayFormatConfiguration"
    ]
    assert (found["Suffix"], found["NumberScale"]) == (" CHF", "NONE")
    assert found["DecimalPlacesConfiguration"] == {"DecimalPlaces": 2}
    assert fields(y=[{"aggregation": "sum", "column": "revenue", "unit": "CHF"}]).measures[0].label == "Revenue (CHF)"


def test_a_part_of_one_is_shown_as_a_percentage() -> None:
    found = shown({"aggregation": "average", "column": "rate", "format": "percent", "decimals": 1})
    assert found["PercentageDisplayFormatConfiguration"]["DecimalPlacesConfiguration"] == {"DecimalPlaces": 1}


def test_a_label_is_set_where_the_field_is_drawn() -> None:
    [found] = fields(x={"column": "city", "title": "Town"}).dimensions
    assert found.axis_label == {"CustomLabel": "Town", "ApplyTo": {"FieldId": "v.d1", "Column": column("city")}}
