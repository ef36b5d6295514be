"""Visuals: the chart, table, KPI or heat map that a visual of include/dashboards is in QuickSight.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_Visual.html
"""

from __future__ import annotations

from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.queries import sort_of
from lakelanes.dashboards.quicksight.fields import Field, Fields
from lakelanes.dashboards.quicksight.resources import Properties
from lakelanes.dashboards.quicksight.theme import GRADIENT
from lakelanes.dashboards.view_columns import DATES


def visual(fields: Fields) -> Properties:
    """The Visual of these fields."""
    kind = fields.visual.kind
    make = {
        "line": _line,
        "bar": _bar,
        "stacked_bar": _bar,
        "table": _table,
        "figure": _figure,
        "heat_map": _heat_map,
    }[kind]
    name, configuration = make(fields)
    return {name: {"VisualId": fields.visual.id, **_headings(fields.visual), "ChartConfiguration": configuration}}


def _headings(one: Visual) -> Properties:
    below: Properties = {"Visibility": "HIDDEN"}
    if one.description:
        below = {"Visibility": "VISIBLE", "FormatText": {"PlainText": one.description}}
    return {"Title": {"Visibility": "VISIBLE", "FormatText": {"PlainText": one.title}}, "Subtitle": below}


def _line(fields: Fields) -> tuple[str, Properties]:
    wells = {"LineChartAggregatedFieldWells": _wells(fields)}
    return "LineChartVisual", {
        "FieldWells": wells,
        "SortConfiguration": {"CategorySort": _sorting(fields, 0)},
        "Type": "LINE",
        "XAxisLabelOptions": _labels(fields.x),
        "PrimaryYAxisLabelOptions": _labels(*fields.measures),
        "Legend": _legend(fields),
        "DataLabels": {"Visibility": "HIDDEN"},
    }


def _bar(fields: Fields) -> tuple[str, Properties]:
    """Upright along time, else lying, with room for names."""
    x, series = fields.visual.x, fields.series
    upright = x is not None and fields.columns[x.column] in DATES
    sorting: Properties = {"CategorySort": _sorting(fields, 0)}
    if series:
        sorting["ColorSort"] = _sorting(fields, 1)
    labels = {"ColorLabelOptions": _labels(series)} if series else {}
    return "BarChartVisual", {
        "FieldWells": {"BarChartAggregatedFieldWells": _wells(fields)},
        "SortConfiguration": sorting,
        "Orientation": "VERTICAL" if upright else "HORIZONTAL",
        "BarsArrangement": "STACKED" if fields.visual.kind == "stacked_bar" else "CLUSTERED",
        "CategoryLabelOptions": _labels(fields.x),
        "ValueLabelOptions": _labels(*fields.measures),
        **labels,
        "Legend": _legend(fields),
        "DataLabels": {"Visibility": "HIDDEN" if _is_colourful(fields) else "VISIBLE", "Overlap": "DISABLE_OVERLAP"},
    }


def _heat_map(fields: Fields) -> tuple[str, Properties]:
    columns, rows = fields.dimensions
    wells = {"Rows": [rows.properties], "Columns": [columns.properties], "Values": _all(fields.measures)}
    return "HeatMapVisual", {
        "FieldWells": {"HeatMapAggregatedFieldWells": wells},
        "SortConfiguration": {"HeatMapRowSort": _sorting(fields, 1), "HeatMapColumnSort": _sorting(fields, 0)},
        "RowLabelOptions": _labels(rows),
        "ColumnLabelOptions": _labels(columns),
        "ColorScale": {"Colors": [{"Color": colour} for colour in GRADIENT], "ColorFillType": "GRADIENT"},
        "Legend": {"Visibility": "VISIBLE", "Title": {"CustomLabel": fields.measures[0].label}},
        "DataLabels": {"Visibility": "VISIBLE", "Overlap": "DISABLE_OVERLAP"},
    }


def _table(fields: Fields) -> tuple[str, Properties]:
    every = (*fields.dimensions, *fields.measures)
    wells = {"GroupBy": _all(fields.dimensions), "Values": _all(fields.measures)}
    options = [{"FieldId": one.id, "CustomLabel": one.label, "Visibility": "VISIBLE"} for one in every]
    return "TableVisual", {
        "FieldWells": {"TableAggregatedFieldWells": wells},
        "SortConfiguration": {"RowSort": _row_sorting(fields)},
        "FieldOptions": {"SelectedFieldOptions": options, "Order": [one.id for one in every]},
        "TotalOptions": {"TotalsVisibility": "HIDDEN"},
    }


def _figure(fields: Fields) -> tuple[str, Properties]:
    """The last period's value beside that of the period before; percentages are compared in points."""
    configuration: Properties = {"FieldWells": {"Values": _all(fields.measures)}}
    options: Properties = {"PrimaryValueDisplayType": "ACTUAL"}
    if fields.x:
        configuration["FieldWells"]["TrendGroups"] = [fields.x.properties]
        configuration["SortConfiguration"] = {"TrendGroupSort": [fields.x.sorted("ASC")]}
        is_percent = fields.visual.y[0].format == "percent"
        options |= {
            "Comparison": {"ComparisonMethod": "DIFFERENCE" if is_percent else "PERCENT_DIFFERENCE"},
            "SecondaryValue": {"Visibility": "VISIBLE"},
            "TrendArrows": {"Visibility": "VISIBLE"},
            "Sparkline": {"Visibility": "VISIBLE", "Type": "LINE"},
        }
    configuration["KPIOptions"] = options
    return "KPIVisual", configuration


def _wells(fields: Fields) -> Properties:
    wells: Properties = {"Category": _all((fields.x,)), "Values": _all(fields.measures)}
    return wells | ({"Colors": [fields.series.properties]} if fields.series else {})


def _all(fields: tuple[Field | None, ...]) -> list[Properties]:
    return [one.properties for one in fields if one]


def _sorting(fields: Fields, index: int) -> list[Properties]:
    """How the values of a dimension are sorted. A bar's are sorted by its whole length where it has parts."""
    order = sort_of(fields.visual, fields.visual.dimensions[index], fields.columns)
    if order in ("largest_first", "smallest_first"):
        return [fields.measures[0].sorted("DESC" if order == "largest_first" else "ASC")]
    return [fields.dimensions[index].sorted("DESC" if order == "descending" else "ASC")]


def _row_sorting(fields: Fields) -> list[Properties]:
    """Of a table's rows: by the first measure where a column says so, then by the columns from left to right."""
    orders = [sort_of(fields.visual, one, fields.columns) for one in fields.visual.dimensions]
    by_size = [one for one in orders if one in ("largest_first", "smallest_first")]
    first = [fields.measures[0].sorted("DESC" if one == "largest_first" else "ASC") for one in by_size[:1]]
    by_value = [
        field.sorted("DESC" if order == "descending" else "ASC")
        for field, order in zip(fields.dimensions, orders, strict=True)
    ]
    return [*first, *by_value]


def _labels(*fields: Field | None) -> Properties:
    return {"Visibility": "VISIBLE", "AxisLabelOptions": [one.axis_label for one in fields if one]}


def _is_colourful(fields: Fields) -> bool:
    return fields.series is not None or len(fields.measures) > 1


def _legend(fields: Fields) -> Properties:
    if not _is_colourful(fields):
        return {"Visibility": "HIDDEN"}
    if fields.series is None:
        return {"Visibility": "VISIBLE", "Position": "TOP", "Title": {"Visibility": "HIDDEN"}}
    title = {"Visibility": "VISIBLE", "CustomLabel": fields.series.label}
    return {"Visibility": "VISIBLE", "Position": "TOP", "Title": title}
