"""Filter groups: which rows a visual shows, and which values of a dimension.

A group of its own for each filter, for a row has to pass all groups, and not all filters of a group.
https://docs.aws.amazon.com/quicksight/latest/APIReference/API_FilterGroup.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from lakelanes.dashboards.model import Filter
from lakelanes.dashboards.quicksight import expressions
from lakelanes.dashboards.quicksight.fields import Fields
from lakelanes.dashboards.quicksight.resources import Properties


def filter_groups(sheet: str, fields: Fields) -> list[Properties]:
    """The groups of a visual's filters and of its ``top``."""
    found = [*_row_filters(fields), *_top(fields)]
    return [_group(sheet, fields.visual.id, number, one) for number, one in enumerate(found, 1)]


def _group(sheet: str, visual: str, number: int, one: Properties) -> Properties:
    ((kind, properties),) = one.items()
    scope = {"SheetId": sheet, "Scope": "SELECTED_VISUALS", "VisualIds": [visual]}
    return {
        "FilterGroupId": f"{visual}-group{number}",
        "Filters": [{kind: {"FilterId": f"{visual}-filter{number}", **properties}}],
        "ScopeConfiguration": {"SelectedSheets": {"SheetVisualScopingConfigurations": [scope]}},
        "Status": "ENABLED",
        "CrossDataset": "SINGLE_DATASET",
    }


def _row_filters(fields: Fields) -> Iterator[Properties]:
    for one in fields.visual.filters:
        if one.in_ is not None:
            yield _of_values(fields, one, one.in_, is_in=True)
        if one.not_in is not None:
            yield _of_values(fields, one, one.not_in, is_in=False)
        if isinstance(one.from_, date) or isinstance(one.to, date):
            yield _of_dates(fields, one)
        elif one.from_ is not None or one.to is not None:
            yield _of_numbers(fields, one)
        if one.last_days:
            yield _of_last_days(fields, one)


def _of_values(fields: Fields, one: Filter, values: tuple[str | int | bool, ...], *, is_in: bool) -> Properties:
    """A list of texts; of other columns, a list of what a calculated field says of them."""
    kind = fields.columns[one.column]
    if kind == "text":
        column = fields.column(one.column)
        wanted: list[str] = [str(value) for value in values]
        operator = "CONTAINS" if is_in else "DOES_NOT_CONTAIN"
    else:
        label = f"{one.column} in {', '.join(map(str, values))}"
        column = fields.calculated(label, expressions.membership(one.column, kind, values))
        wanted, operator = (["in"] if is_in else ["out", "null"]), "CONTAINS"
    # A row without a value is in no list, and so passes not_in.
    nulls = "NON_NULLS_ONLY" if is_in else "ALL_VALUES"
    listed = {"MatchOperator": operator, "CategoryValues": wanted, "NullOption": nulls}
    return {"CategoryFilter": {"Column": column, "Configuration": {"FilterListConfiguration": listed}}}


def _of_numbers(fields: Fields, one: Filter) -> Properties:
    bounds: Properties = {}
    for name, include, bound in (
        ("RangeMinimum", "IncludeMinimum", one.from_),
        ("RangeMaximum", "IncludeMaximum", one.to),
    ):
        if bound is not None and not isinstance(bound, date):
            # A double in the API.
            bounds |= {name: {"StaticValue": int(bound) if bound == int(bound) else float(bound)}, include: True}
    return {
        "NumericRangeFilter": {"Column": fields.column(one.column), **bounds, "NullOption": "NON_NULLS_ONLY"},
    }


def _of_dates(fields: Fields, one: Filter) -> Properties:
    """Days, the last one whole: up to the midnight after it, which is not included."""
    bounds: Properties = {}
    if isinstance(one.from_, date):
        bounds |= {"RangeMinimumValue": _midnight(one.from_), "IncludeMinimum": True}
    if isinstance(one.to, date):
        bounds |= {"RangeMaximumValue": _midnight(one.to + timedelta(days=1)), "IncludeMaximum": False}
    properties = {"Column": fields.column(one.column), **bounds, "NullOption": "NON_NULLS_ONLY"}
    return {"TimeRangeFilter": {**properties, "TimeGranularity": "MILLISECOND"}}


def _midnight(day: date) -> Properties:
    return {"StaticValue": f"{day.isoformat()}T00:00:00Z"}


def _of_last_days(fields: Fields, one: Filter) -> Properties:
    """https://docs.aws.amazon.com/quicksight/latest/APIReference/API_RelativeDatesFilter.html"""
    return {
        "RelativeDatesFilter": {
            "Column": fields.column(one.column),
            "AnchorDateConfiguration": {"AnchorOption": "NOW"},
            "TimeGranularity": "DAY",
            "RelativeDateType": "LAST",
            "RelativeDateValue": one.last_days,
            "NullOption": "NON_NULLS_ONLY",
        }
    }


def _top(fields: Fields) -> Iterator[Properties]:
    """The values of a dimension with the largest first measure.

    No limit of the chart's items: that would take the first in the order of the chart, whatever it is.
    https://docs.aws.amazon.com/quicksight/latest/APIReference/API_TopBottomFilter.html
    """
    for one in fields.visual.topped:
        column, function = fields.aggregated(fields.visual.y[0])
        direction = "ASC" if one.sort == "smallest_first" else "DESC"
        order: Properties = {"Column": column, "SortDirection": direction}
        if function:
            order["AggregationFunction"] = function
        properties: Properties = {"Column": fields.column(one.column), "Limit": one.top}
        properties["AggregationSortConfigurations"] = [order]
        if one.unit:
            properties["TimeGranularity"] = one.unit.upper()
        yield {"TopBottomFilter": properties}
