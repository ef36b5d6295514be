"""Filter groups: each test of a visual's filters, its nulls, and the values of ``top``."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.quicksight.calculated import CalculatedFields
from lakelanes.dashboards.quicksight.filters import filter_groups
from tests.lakelanes.dashboards.quicksight.support import COLUMNS, column, fields


def filters(calculated: CalculatedFields | None = None, **settings: Any) -> list[dict[str, Any]]:
    """The filter of each group, without its id."""
    groups = filter_groups("sheet1", fields(calculated, **settings))
    found = []
    for group in groups:
        [one] = group["Filters"]
        [(kind, properties)] = one.items()
        found.append({kind: {name: value for name, value in properties.items() if name != "FilterId"}})
    return found


def category(name: str, operator: str, values: list[str], nulls: str) -> dict[str, Any]:
    listed = {"MatchOperator": operator, "CategoryValues": values, "NullOption": nulls}
    return {"CategoryFilter": {"Column": column(name), "Configuration": {"FilterListConfiguration": listed}}}


def test_a_group_is_for_its_visual_alone_and_has_one_filter() -> None:
    [first, second] = filter_groups(
        "sheet2", fields(filters=[{"column": "city", "in": ["Bern"]}, {"column": "sales", "from": 1}])
    )
    assert first["ScopeConfiguration"]["SelectedSheets"]["SheetVisualScopingConfigurations"] == [
        {"SheetId": "sheet2", "Scope": "SELECTED_VISUALS", "VisualIds": ["v"]}
    ]
    assert (first["FilterGroupId"], second["FilterGroupId"]) == ("v-group1", "v-group2")
    assert (first["Status"], first["CrossDataset"]) == ("ENABLED", "SINGLE_DATASET")
    assert len(first["Filters"]) == len(second["Filters"]) == 1


def test_texts_are_a_list_and_null_is_in_none() -> None:
    assert filters(filters=[{"column": "city", "in": ["Bern", "Köln"]}]) == [
        category("city", "CONTAINS", ["Bern", "Köln"], "NON_NULLS_ONLY")
    ]
    assert filters(filters=[{"column": "city", "not_in": ["Bern"]}]) == [
        category("city", "DOES_NOT_CONTAIN", ["Bern"], "ALL_VALUES")
    ]


@pytest.mark.parametrize(
    ("test", "wanted", "nulls"), [("in", ["in"], "NON_NULLS_ONLY"), ("not_in", ["out", "null"], "ALL_VALUES")]
)
def test_other_values_are_a_list_of_what_a_calculated_field_says(test: str, wanted: list[str], nulls: str) -> None:
    calculated = CalculatedFields(COLUMNS)
    found = filters(calculated, filters=[{"column": "sales", test: [1, 2]}])
    assert found == [category("sales in 1, 2", "CONTAINS", wanted, nulls)]
    [field] = calculated.properties()
    assert field["Expression"] == "ifelse(isNull({sales}), 'null', in({sales}, [1, 2]), 'in', 'out')"


def test_numbers_have_a_range_with_its_ends() -> None:
    assert filters(filters=[{"column": "rate", "from": 1.5, "to": 3}]) == [
        {
            "NumericRangeFilter": {
                "Column": column("rate"),
                "RangeMinimum": {"StaticValue": 1.5},
                "IncludeMinimum": True,
                "RangeMaximum": {"StaticValue": 3},
                "IncludeMaximum": True,
                "NullOption": "NON_NULLS_ONLY",
            }
        }
    ]


def test_dates_have_a_range_whose_last_day_is_whole() -> None:
    assert filters(filters=[{"column": "sold_at", "from": "2024-02-01", "to": "2024-02-29"}]) == [
        {
            "TimeRangeFilter": {
                "Column": column("sold_at"),
                "RangeMinimumValue": {"StaticValue": "2024-02-01T00:00:00Z"},
                "IncludeMinimum": True,
                "RangeMaximumValue": {"StaticValue": "2024-03-01T00:00:00Z"},
                "IncludeMaximum": False,
                "NullOption": "NON_NULLS_ONLY",
                "TimeGranularity": "MILLISECOND",
            }
        }
    ]


def test_the_last_days_are_counted_from_now() -> None:
    [found] = filters(filters=[{"column": "day", "last_days": 30}])
    properties = found["RelativeDatesFilter"]
    assert (properties["RelativeDateType"], properties["RelativeDateValue"]) == ("LAST", 30)
    assert (properties["TimeGranularity"], properties["AnchorDateConfiguration"]) == ("DAY", {"AnchorOption": "NOW"})
    assert properties["NullOption"] == "NON_NULLS_ONLY"


def test_top_is_by_the_first_measure() -> None:
    [found] = filters(x={"column": "city", "top": 5})
    assert found["TopBottomFilter"] == {
        "Column": column("city"),
        "Limit": 5,
        "AggregationSortConfigurations": [
            {
                "Column": column("revenue"),
                "SortDirection": "DESC",
                "AggregationFunction": {"NumericalAggregationFunction": {"SimpleNumericalAggregation": "SUM"}},
            }
        ],
    }


def test_top_of_the_smallest_is_the_other_way_round_and_may_be_by_a_calculated_field() -> None:
    ratio = {"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "sales", "title": "Basket"}
    [found] = filters(x={"column": "day", "unit": "month", "top": 5, "sort": "smallest_first"}, y=[ratio])
    assert found["TopBottomFilter"] == {
        "Column": column("day"),
        "Limit": 5,
        "AggregationSortConfigurations": [{"Column": column("Basket"), "SortDirection": "ASC"}],
        "TimeGranularity": "MONTH",
    }
