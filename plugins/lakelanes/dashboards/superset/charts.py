"""Charts: what a visual of include/dashboards is in Superset, by the controls of its chart.

The names of the controls are those of Superset 6.1 (superset-frontend/plugins: plugin-chart-echarts and
plugin-chart-table, each chart's controlPanel and buildQuery).
"""

from __future__ import annotations

from lakelanes.dashboards.model import Dimension, Visual
from lakelanes.dashboards.queries import sort_of
from lakelanes.dashboards.superset import formats
from lakelanes.dashboards.superset.datasets import VERSION, Json, Source, object_id
from lakelanes.dashboards.view_columns import DATES, NUMBERS, Columns

# Groups that a chart asks for. The largest ones, for Superset orders by measures: more than a visual can show.
MAX_GROUPS = 10_000
_PLAIN: Json = {"annotation_layers": [], "extra_form_data": {}, "time_range": "No filter"}


def chart(database: str, dashboard: str, visual: Visual, source: Source) -> Json:
    """The file of a chart. database: Glue's; dashboard: the name of the one that the visual is on."""
    make = {
        "line": _line,
        "bar": _bar,
        "stacked_bar": _bar,
        "table": _table,
        "figure": _figure,
        "heat_map": _heat_map,
    }[visual.kind]
    kind, controls = make(visual, source)
    return {
        "slice_name": visual.title,
        "description": visual.description,
        "viz_type": kind,
        "params": {**_PLAIN, "viz_type": kind, "adhoc_filters": source.tests(), **controls},
        "query_context": None,
        "cache_timeout": None,
        "uuid": chart_id(database, dashboard, visual),
        "version": VERSION,
        "dataset_uuid": source.dataset_id,
    }


def chart_id(database: str, dashboard: str, visual: Visual) -> str:
    return object_id(database, "chart", dashboard, visual.id)


def _line(visual: Visual, source: Source) -> tuple[str, Json]:
    return "echarts_timeseries_line", {**_axes(visual, source), "seriesType": "line", "markerEnabled": False}


def _bar(visual: Visual, source: Source) -> tuple[str, Json]:
    """Upright along time, else lying, with room for names."""
    axes = _axes(visual, source)
    is_upright = stands(visual, source.columns)
    is_alone = visual.series is None and len(visual.y) == 1
    if not is_upright:
        # The names that stand there say it, and are as long as they are: a title would stand across them.
        axes |= {"x_axis_title": "", "y_axis_title_margin": 30}
    return "echarts_timeseries_bar", {
        **axes,
        "orientation": "vertical" if is_upright else "horizontal",
        "stack": "Stack" if visual.kind == "stacked_bar" else None,
        "show_value": is_alone and not is_upright,
        "only_total": True,
    }


def stands(visual: Visual, columns: Columns) -> bool:
    """Whether the bars of a visual stand, as they do along time. columns: of its view."""
    return visual.x is not None and columns[visual.x.column] in DATES


def _axes(visual: Visual, source: Source) -> Json:
    """The controls that lines and bars have in common."""
    x, series = visual.x, visual.series
    assert x is not None, visual.id
    kind = source.columns[x.column]
    measures = [source.metric(one) for one in visual.y]
    first = visual.y[0]
    title = formats.measure_label(first) if len(visual.y) == 1 else first.unit or ""
    is_alone = series is None and len(visual.y) == 1
    found: Json = {
        "x_axis": source.column(x),
        "time_grain_sqla": formats.GRAINS[x.unit] if x.unit else None,
        "metrics": measures,
        "groupby": [_column(source, series)] if series else [],
        "row_limit": MAX_GROUPS,
        "order_desc": True,
        "truncate_metric": True,
        "show_empty_columns": True,
        "x_axis_title": x.label,
        "x_axis_title_margin": 30,
        "y_axis_title": title,
        "y_axis_title_margin": 75,
        "y_axis_title_position": "Left",
        "y_axis_format": formats.number_format(first),
        "x_axis_time_format": formats.period_format(x.unit),
        "tooltipTimeFormat": formats.period_format(x.unit),
        "rich_tooltip": True,
        "show_legend": not is_alone,
        "legendType": "scroll",
        "legendOrientation": "top",
        "sort_series_type": "name",
        "sort_series_ascending": True,
    }
    if kind not in DATES:
        found |= _order(visual, source, x, is_alone=is_alone)
    return found


def _order(visual: Visual, source: Source, x: Dimension, *, is_alone: bool) -> Json:
    """The order of what is not along time: by the measure, by the whole bar where it has parts, or by the value.

    A lying bar's first value is at the bottom.
    """
    order = sort_of(visual, x, source.columns)
    is_by_size = order in ("largest_first", "smallest_first")
    by = formats.measure_label(visual.y[0]) if is_by_size else source.column(x)
    if not is_alone:
        by = "sum" if is_by_size else "name"
    is_ascending = order in ("ascending", "smallest_first")
    is_lying = visual.kind != "line"
    found: Json = {
        "x_axis_sort": by,
        "x_axis_sort_asc": is_ascending != is_lying,
        "x_axis_sort_series": by if not is_alone else "name",
        "x_axis_sort_series_ascending": is_ascending != is_lying,
    }
    if source.columns[x.column] in NUMBERS and is_lying:
        found["xAxisForceCategorical"] = True
    return found


def _table(visual: Visual, source: Source) -> tuple[str, Json]:
    first, *_ = visual.columns
    order = sort_of(visual, first, source.columns)
    by_size = next((one for one in visual.columns if one.sort in ("largest_first", "smallest_first")), None)
    if by_size:
        sorted_by, is_descending = source.metric(visual.y[0]), by_size.sort == "largest_first"
    else:
        # Superset orders groups by a measure; within a group of the first column there is one value of it.
        sorted_by = source.expression(f"min({source.grouped(first, qualified=True)})", first.label)
        is_descending = order == "descending"
    shown: Json = {}
    for one in visual.y:
        kind = source.columns[one.column] if one.column else "unknown"
        if one.aggregation in ("minimum", "maximum") and kind in DATES:
            written = formats.period_format("day") if kind == "date" else formats.TIMESTAMP
            shown[formats.measure_label(one)] = {"d3TimeFormat": written}
        else:
            shown[formats.measure_label(one)] = {"d3NumberFormat": formats.number_format(one)}
    return "table", {
        "query_mode": "aggregate",
        "groupby": [_column(source, one, labelled=True) for one in visual.columns],
        "metrics": [source.metric(one) for one in visual.y],
        "timeseries_limit_metric": sorted_by,
        "order_desc": is_descending,
        "row_limit": MAX_GROUPS,
        "table_timestamp_format": formats.period_format("day"),
        "column_config": shown,
        "show_cell_bars": False,
        "color_pn": False,
        "page_length": 0,
        "include_search": False,
    }


def _figure(visual: Visual, source: Source) -> tuple[str, Json]:
    """The last period's value, its change against the period before, and the line of all; or a value alone."""
    measure, x = visual.y[0], visual.x
    found: Json = {
        "metric": source.metric(measure),
        "y_axis_format": formats.number_format(measure),
        "header_font_size": 0.4,
        "subtitle": measure.unit or "",
    }
    if x is None or x.unit is None:
        return "big_number_total", found
    return "big_number", found | {
        "x_axis": source.column(x),
        "time_grain_sqla": formats.GRAINS[x.unit],
        "aggregation": "LAST_VALUE",
        "compare_lag": 1,
        # Also of percentages it is relative: from 10 % to 12 % is +20 %.
        "compare_suffix": f"{'relative to' if measure.format == 'percent' else 'against'} the {x.unit} before",
        "show_timestamp": True,
        "time_format": formats.period_format(x.unit),
        "show_trend_line": True,
        "start_y_axis_at_zero": True,
        "rolling_type": "None",
        "subheader_font_size": 0.15,
    }


def _heat_map(visual: Visual, source: Source) -> tuple[str, Json]:
    x, rows, measure = visual.x, visual.series, visual.y[0]
    assert x is not None and rows is not None, visual.id
    # The first row is at the bottom.
    return "heatmap_v2", {
        "x_axis": _column(source, x),
        "groupby": _column(source, rows),
        "metric": source.metric(measure),
        "row_limit": MAX_GROUPS,
        "sort_x_axis": _axis_order(visual, source, x, reverse=False),
        "sort_y_axis": _axis_order(visual, source, rows, reverse=True),
        "normalize_across": "heatmap",
        "legend_type": "continuous",
        "linear_color_scheme": "schemeBlues",
        "xscale_interval": 1,
        "yscale_interval": 1,
        "left_margin": "auto",
        "bottom_margin": "auto",
        "value_bounds": [None, None],
        "y_axis_format": formats.number_format(measure),
        "x_axis_time_format": formats.period_format(x.unit),
        "show_legend": True,
        "show_percentage": False,
        "show_values": True,
        "normalized": False,
    }


def _axis_order(visual: Visual, source: Source, one: Dimension, *, reverse: bool) -> str:
    order = sort_of(visual, one, source.columns)
    by = "value" if order in ("largest_first", "smallest_first") else "alpha"
    return f"{by}_{'asc' if (order in ('ascending', 'smallest_first')) != reverse else 'desc'}"


def _column(source: Source, one: Dimension, *, labelled: bool = False) -> str | Json:
    """A dimension: a column of the dataset where that is what people read, else the expression of it."""
    if source.columns[one.column] not in DATES and not labelled:
        return source.column(one)
    return {"expressionType": "SQL", "sqlExpression": source.grouped(one), "label": one.label}
