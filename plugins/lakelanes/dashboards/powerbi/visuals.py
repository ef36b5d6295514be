"""A visual as PBIR: its type, its fields, their order, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterator

from lakelanes.dashboards.model import Dimension, Visual
from lakelanes.dashboards.powerbi import formats
from lakelanes.dashboards.powerbi.filters import Json, field_json, filter_config
from lakelanes.dashboards.powerbi.layout import Place
from lakelanes.dashboards.powerbi.quoting import text_literal
from lakelanes.dashboards.powerbi.semantic_model import Field, SemanticModel
from lakelanes.dashboards.queries import sort_of
from lakelanes.dashboards.view_columns import DATES

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report"
_SCHEMA = f"{SCHEMAS}/definition/visualContainer/2.9.0/schema.json"
# By kind, for names and for dates along the axis: those lie, these stand.
_TYPES = {
    "line": ("lineChart", "lineChart"),
    "bar": ("clusteredBarChart", "clusteredColumnChart"),
    "stacked_bar": ("barChart", "columnChart"),
    "table": ("tableEx", "tableEx"),
    "figure": ("cardVisual", "cardVisual"),
    "heat_map": ("pivotTable", "pivotTable"),
}
# Of a heat map; the texts on both keep their contrast.
_COLD, _HOT = "#eaf2fb", "#6db3f8"
# Labels and fields of a role.
Shown = list[tuple[str, Field, str | None]]


def visual_json(model: SemanticModel, dashboard: str, visual: Visual, name: str, place: Place, order: int) -> Json:
    """The file of a visual. name: once per page. order: its number on the page, for the keyboard."""
    kinds = model.kinds(visual.dataset)
    is_upright = visual.x is not None and kinds[visual.x.column] in DATES
    roles = dict(_roles(model, visual))
    query: Json = {"queryState": {role: {"projections": _projections(model, shown)} for role, shown in roles.items()}}
    if sort := list(_sort(model, visual)):
        query["sortDefinition"] = {"sort": sort}
    found: Json = {
        "$schema": _SCHEMA,
        "name": name,
        "position": {
            "x": place.x,
            "y": place.y,
            "z": order,
            "width": place.width,
            "height": place.height,
            "tabOrder": order,
        },
        "visual": {
            "visualType": _TYPES[visual.kind][is_upright],
            "query": query,
            "objects": _objects(model, visual, is_upright=is_upright),
            "visualContainerObjects": _container(visual),
            "drillFilterOtherVisuals": True,
        },
    }
    if filters := filter_config(model, dashboard, visual):
        found["filterConfig"] = filters
    return found


def _roles(model: SemanticModel, visual: Visual) -> Iterator[tuple[str, Shown]]:
    def grouped(one: Dimension) -> tuple[str, Field, str | None]:
        return one.label, model.dimension(visual.dataset, one), None

    kinds = model.kinds(visual.dataset)
    measures: Shown = [
        (one.label, model.measure(visual.dataset, one), formats.measure_format(one, kinds)) for one in visual.y
    ]
    if visual.kind == "figure":
        yield "Data", _figure(model, visual) if visual.x else measures
    elif visual.kind == "table":
        yield "Values", [*map(grouped, visual.columns), *measures]
    elif visual.kind == "heat_map" and visual.x and visual.series:
        yield "Rows", [grouped(visual.series)]
        yield "Columns", [grouped(visual.x)]
        yield "Values", measures
    elif visual.x:
        yield "Category", [grouped(visual.x)]
        if visual.series:
            yield "Series", [grouped(visual.series)]
        yield "Y", measures


def _figure(model: SemanticModel, visual: Visual) -> Shown:
    """Value and period, and what it was the period before."""
    measure, x = visual.y[0], visual.x
    if x is None or x.unit is None:
        raise ValueError(f"figure {visual.id} has no period")
    shown = formats.measure_format(measure, model.kinds(visual.dataset))
    labels = [measure.label]
    for text in (x.label, f"{x.unit.capitalize()} before", "Change"):
        labels.append(text if text not in labels else f"{text} ({visual.kind})")
    all_formats = (shown, formats.period_format(x.unit), shown, formats.change_format(measure))
    return list(zip(labels, model.figure(visual.dataset, measure, x), all_formats, strict=True))


def _projections(model: SemanticModel, shown: Shown) -> list[Json]:
    found = []
    for label, field, text in shown:
        one: Json = {"field": field_json(field), "queryRef": f"{field.table}.{field.name}", "nativeQueryRef": label}
        one["displayName"] = label
        if text and text != model.format(field):
            one["format"] = text
        found.append(one)
    return found


def _sort(model: SemanticModel, visual: Visual) -> Iterator[Json]:
    """As ``queries`` sorts: by the first measure where a dimension says so, then by the values."""
    by_measure, by_value = [], []
    if visual.kind == "figure":
        return
    dimensions = visual.dimensions
    for one in dimensions:
        sort = sort_of(visual, one, model.kinds(visual.dataset))
        # A chart sorts its axis alone; its series are in the order of their names.
        if one is visual.series and visual.kind != "heat_map":
            continue
        if sort in ("largest_first", "smallest_first"):
            by_measure.append((model.measure(visual.dataset, visual.y[0]), sort == "largest_first"))
        if visual.kind in ("table", "heat_map") or not by_measure:
            by_value.append((model.dimension(visual.dataset, one), sort == "descending"))
    for field, is_descending in [*by_measure[:1], *by_value]:
        yield {"field": field_json(field), "direction": "Descending" if is_descending else "Ascending"}


def _objects(model: SemanticModel, visual: Visual, *, is_upright: bool) -> Json:
    no, yes = _literal("false"), _literal("true")
    match visual.kind:
        case "table":
            return {"total": [_properties(totals=no)]}
        case "heat_map":
            measure = model.measure(visual.dataset, visual.y[0])
            every_cell = {"data": [{"dataViewWildcard": {"matchingOption": 1}}]}
            selector = {**every_cell, "metadata": f"{measure.table}.{measure.name}"}
            return {
                "subTotals": [_properties(rowSubtotals=no, columnSubtotals=no)],
                "values": [{**_properties(backColor=_gradient(measure)), "selector": selector}],
            }
        case "figure":
            return {"layout": [_properties(columnCount=_literal("4L"), maxTiles=_literal("4L"))]}
    found: Json = {
        "categoryAxis": [_properties(showAxisTitle=yes)],
        "valueAxis": [_properties(showAxisTitle=yes)],
    }
    if visual.kind == "bar" and not visual.series and len(visual.y) == 1 and not is_upright:
        found["labels"] = [_properties(show=yes)]
    if is_upright and visual.kind != "line" and visual.x and visual.x.unit not in (None, "hour", "day"):
        # A bar as wide as its place, not a day wide.
        found["categoryAxis"][0]["properties"]["axisType"] = _literal("'Categorical'")
    return found


def _gradient(measure: Field) -> Json:
    """The colour of a cell's ground, by its value."""
    ends = {end: {"color": _literal(text_literal(colour))["expr"]} for end, colour in (("min", _COLD), ("max", _HOT))}
    strategy = {"nullColoringStrategy": {"strategy": _literal("'noColor'")["expr"]}}
    rule = {"Input": field_json(measure), "FillRule": {"linearGradient2": {**ends, **strategy}}}
    return {"solid": {"color": {"expr": {"FillRule": rule}}}}


def _container(visual: Visual) -> Json:
    """Title and description, and both for people who do not see the chart."""
    found = {"title": [_properties(show=_literal("true"), text=_text(visual.title))]}
    if visual.description:
        found["subTitle"] = [_properties(show=_literal("true"), text=_text(visual.description))]
    spoken = ". ".join([visual.title, *([visual.description] if visual.description else [])])
    found["general"] = [_properties(altText=_text(spoken))]
    return found


def _properties(**values: Json) -> Json:
    return {"properties": values}


def _text(text: str) -> Json:
    return _literal(text_literal(text))


def _literal(text: str) -> Json:
    return {"expr": {"Literal": {"Value": text}}}
