"""A drawing as Vega-Lite (https://vega.github.io/vega-lite/docs/), which the page draws and people can take along.

The specification holds its data, so nothing is loaded by whoever draws it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lakelanes.dashboards.drawing import Drawing, Group, is_date, key_text, value_text
from lakelanes.dashboards.model import Measure
from lakelanes.dashboards.view_columns import DATES, NUMBERS

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
Theme = Literal["light", "dark"]
Size = Literal["wide", "narrow"]
_WIDTHS: dict[Size, int] = {"wide": 620, "narrow": 330}
_HEIGHT = 260
_BAR = 26
# More cells, or bars, than this have no room for their values.
_MOST_LABELS = 24
_MOST_CELLS = 160
_NAME = 40
# What XML has no place for (https://www.w3.org/TR/xml/#charsets): the renderer ends the whole process over one. And the
# two that end a line within JavaScript's texts.
_NO_XML = re.compile("[^\t\n\r\x20-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMATS = {
    "hour": "%-d %b %H:%M",
    "day": "%-d %b",
    "week": "%-d %b",
    "month": "%b %Y",
    "quarter": "Q%q %Y",
    "year": "%Y",
    None: "%-d %b %Y",
}
_TIME_UNITS = {
    "hour": "utcyearmonthdatehours",
    "day": "utcyearmonthdate",
    "month": "utcyearmonth",
    "quarter": "utcyearquarter",
    "year": "utcyear",
}


@dataclass(frozen=True)
class _Colours:
    text: str
    soft: str
    line: str
    cold: str
    hot: str
    on_cold: str
    on_hot: str
    # From which share of the way from cold to hot on a text is on_hot; not below the middle, which is the colour of all
    # cells where there is one value alone.
    hot_from: float
    series: tuple[str, ...]


# Each has a contrast of 3 to 1 at least against the card's ground (WCAG 2.2, 1.4.11), and texts 4.5 to 1 (1.4.3).
_COLOURS: dict[Theme, _Colours] = {
    "light": _Colours(
        text="#1b2430",
        soft="#5a6675",
        line="#dde2e9",
        cold="#eaf2fb",
        hot="#0b4f96",
        on_cold="#000000",
        on_hot="#ffffff",
        hot_from=0.74,
        series=(
            *("#0b6bcb", "#c2570c", "#1a7f4b", "#8b3fb5", "#a8326b", "#56606d"),
            *("#0e7c86", "#8a6d00", "#5b54d6", "#b3261e"),
        ),
    ),
    "dark": _Colours(
        text="#e8ecf1",
        soft="#a3aebb",
        line="#303843",
        cold="#1d2b3a",
        hot="#8cc4ff",
        on_cold="#ffffff",
        on_hot="#000000",
        hot_from=0.505,
        series=(
            *("#6db3f8", "#f2a05c", "#6fd6a0", "#cf9bed", "#f08bb8", "#b3bcc7"),
            *("#5fd0da", "#d9bd55", "#a9a4ff", "#ff9b93"),
        ),
    ),
}


def spec(drawn: Drawing, *, theme: Theme = "light", size: Size = "wide") -> dict[str, Any]:
    """The Vega-Lite specification of a drawing of kind line, bar, stacked bar or heat map."""
    visual = drawn.visual
    kind = {"line": _line, "bar": _bar, "stacked_bar": _bar, "heat_map": _heat_map}[visual.kind]
    values = list(_values(drawn))
    chart = kind(drawn, theme, size) if values else _nothing()
    return {
        "$schema": SCHEMA,
        "description": _text(f"{visual.title}. {drawn.summary}"),
        "width": _WIDTHS[size],
        "height": _HEIGHT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": "transparent",
        # Where Arial is not, texts may be wider than the renderer thinks.
        "padding": {"left": 14, "right": 8, "top": 6, "bottom": 6},
        "data": {"values": values or [{}]},
        **chart,
        "config": _config(_COLOURS[theme], size),
    }


def _config(colours: _Colours, size: Size) -> dict[str, Any]:
    return {
        # Of Arial's metrics, which the renderer knows: it measures the texts, and not the browser.
        "font": "Liberation Sans, Arial, Helvetica, sans-serif",
        "view": {"stroke": None},
        "range": {"category": list(colours.series)},
        "axis": {
            "labelColor": colours.soft,
            "titleColor": colours.soft,
            "gridColor": colours.line,
            "domainColor": colours.line,
            "tickColor": colours.line,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelLimit": 160 if size == "wide" else 110,
            "labelOverlap": "greedy",
            "labelSeparation": 8,
        },
        "legend": {
            "orient": "top",
            "labelColor": colours.text,
            "titleColor": colours.soft,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "columns": 4 if size == "wide" else 2,
            "labelLimit": 150,
        },
        "text": {"color": colours.text, "fontSize": 12},
    }


def _nothing() -> dict[str, Any]:
    """Instead of axes without values, on which the renderer would write NaN."""
    text = {"text": {"value": "No values to draw"}}
    return {"layer": [{"mark": {"type": "text"}, "encoding": text}], "height": 60}


def _text(found: str) -> str:
    """A text with a replacement character for what no image can hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", found)


def _values(drawn: Drawing) -> Iterator[dict[str, Any]]:
    """Its groups as Vega's data: x, series, y, and how y is read. Several measures are as many series.

    place: of stacked bars, that of the series, by which the parts are stacked.
    """
    visual = drawn.visual
    series = {name: place for place, name in enumerate(_series_names(drawn))}
    names = [_names_by_key(drawn, index) for index in range(min(2, len(visual.dimensions)))]
    for group in drawn.groups:
        if not drawn.has_place(group):
            continue
        for number, measure in enumerate(visual.y):
            value = group.numbers[number]
            if value is None:
                continue
            found = {
                **_keys(drawn, group, names),
                **({"series": _text(measure.label)} if len(visual.y) > 1 else {}),
                "y": float(value),
                "label": _text(value_text(group.texts[number], measure)),
            }
            yield found | ({"place": series[found["series"]]} if visual.kind == "stacked_bar" else {})


def _keys(drawn: Drawing, group: Group, names: list[dict[str | None, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, (dimension, key) in enumerate(zip(drawn.visual.dimensions[:2], group.keys, strict=False)):
        if at == 0 and _is_on_axis(drawn):
            found["x"] = _instant(key or "") if drawn.columns[dimension.column] in DATES else float(key or 0)
        else:
            found["x" if at == 0 else "series"] = names[at][key]
    return found


def _is_on_axis(drawn: Drawing) -> bool:
    """Whether x is a scale of time or numbers, on which what is missing leaves a gap, and not a list of names."""
    x, kind = drawn.visual.x, drawn.visual.kind
    if x is None or kind == "heat_map":
        return False
    of = drawn.columns[x.column]
    grouped = kind == "bar" and (drawn.visual.series or len(drawn.visual.y) > 1)
    return not grouped and (of in DATES or (of in NUMBERS and kind == "line"))


def _instant(key: str) -> str:
    """A date or timestamp of Athena as JavaScript reads it, in UTC, wherever it is drawn."""
    return f"{key[:10]}T{key[11:23] or '00:00:00'}Z"


def _names_by_key(drawn: Drawing, index: int) -> dict[str | None, str]:
    """A name for each value of a dimension, in its order: long ones are cut, and none is that of two values."""
    dimension = drawn.visual.dimensions[index]
    found: dict[str | None, str] = {}
    taken: dict[str, int] = {}
    for key in drawn.order(index):
        text = _text(key_text(key, dimension, drawn.columns))
        name = text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"
        taken[name] = taken.get(name, 0) + 1
        found[key] = name if taken[name] == 1 else f"{name} ({taken[name]})"
    return found


def _names(drawn: Drawing, index: int) -> list[str]:
    return list(_names_by_key(drawn, index).values())


def _in_order(names: list[str]) -> dict[str, Any]:
    """A channel's order of names. Not by ``sort``, of which Vega-Lite makes one condition within another: of a thousand
    names the renderer's stack overflows."""
    return {"sort": None, "scale": {"domain": names}}


def _line(drawn: Drawing, theme: Theme, size: Size) -> dict[str, Any]:
    x, y = _x(drawn), _y(drawn)
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "line", "point": len(drawn.groups) <= 80, "strokeWidth": 2},
            "encoding": {"x": x, "y": y, **_colour(drawn, theme)},
        }
    ]
    if not _series_names(drawn):
        last = {"text": {"field": "label", "type": "nominal"}, "x": x, "y": y}
        window = [{"window": [{"op": "rank", "as": "place"}], "sort": [{"field": "x", "order": "descending"}]}]
        layers.append(
            {
                "transform": [*window, {"filter": "datum.place == 1"}],
                "mark": {"type": "text", "align": "right", "dy": -10},
                "encoding": last,
            }
        )
    return {"layer": layers}


def _bar(drawn: Drawing, theme: Theme, size: Size) -> dict[str, Any]:
    series = _series_names(drawn)
    stacked = drawn.visual.kind == "stacked_bar"
    y = _y(drawn, zero=True)
    y["stack"] = "zero" if stacked else None
    if drawn.visual.x and drawn.columns[drawn.visual.x.column] in DATES:
        return _upright_bars(drawn, theme, y, stacked=stacked)
    names = _names(drawn, 0)
    # Its title above the names, for beside them it would need their width.
    axis = {
        "grid": False,
        "titleAngle": 0,
        "titleAlign": "right",
        "titleX": -6,
        "titleY": -8,
        "labelLimit": 220 if size == "wide" else 150,
    }
    x = {"field": "x", "type": "nominal", **_in_order(names), "title": _x_label(drawn), "axis": axis}
    encoding: dict[str, Any] = {"y": x, "x": y, **_colour(drawn, theme)}
    if series and not stacked:
        encoding["yOffset"] = {"field": "series", "type": "nominal", **_in_order(series)}
    rows = len(names) * (len(series) or 1) if not stacked else len(names)
    if not series and len(names) <= _MOST_LABELS:
        _make_room(drawn, y, 1.2 if size == "wide" else 1.4)
    layers: list[dict[str, Any]] = [{"mark": {"type": "bar"}, "encoding": encoding}]
    if not series and len(names) <= _MOST_LABELS:
        label = {"y": x, "x": y, "text": {"field": "label", "type": "nominal"}}
        layers.append({"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": label})
    return {"layer": layers, "height": max(60, _BAR * rows)}


def _upright_bars(drawn: Drawing, theme: Theme, y: dict[str, Any], *, stacked: bool) -> dict[str, Any]:
    """Bars over time, from left to right."""
    x = _x(drawn)
    series = _series_names(drawn)
    encoding: dict[str, Any] = {"x": x, "y": y, **_colour(drawn, theme)}
    if series and not stacked:
        encoding["xOffset"] = {"field": "series", "type": "nominal", **_in_order(series)}
    elif drawn.visual.x and drawn.visual.x.unit == "week":
        # Vega's weeks begin on Sunday.
        encoding["x2"] = {"field": "end"}
        keys = [key for key in drawn.order(0) if key and is_date(key)]
        x["axis"] |= {"values": [_instant(key) for key in keys]}
    elif drawn.visual.x and drawn.visual.x.unit:
        x["timeUnit"] = _TIME_UNITS[drawn.visual.x.unit]
    bars: dict[str, Any] = {"mark": {"type": "bar", "binSpacing": 1, "orient": "vertical"}, "encoding": encoding}
    if "x2" in encoding:
        bars["transform"] = [{"calculate": "+toDate(datum.x) + 6.5 * 86400000", "as": "end"}]
    layers = [bars]
    return {"layer": layers}


def _heat_map(drawn: Drawing, theme: Theme, size: Size) -> dict[str, Any]:
    colours = _COLOURS[theme]
    columns, rows = _names(drawn, 0), _names(drawn, 1)
    measure = drawn.visual.y[0]
    values = [
        float(group.numbers[0]) for group in drawn.groups if group.numbers[0] is not None and drawn.has_place(group)
    ]
    series = drawn.visual.series
    axis = {"labelAngle": 0}
    x = {"field": "x", "type": "ordinal", **_in_order(columns), "title": _x_label(drawn), "axis": axis}
    title = _text(series.label) if series else None
    y = {"field": "series", "type": "ordinal", **_in_order(rows), "title": title, "axis": {"titlePadding": 12}}
    least, most = min(values), max(values)
    scale = {"range": [colours.cold, colours.hot], "domain": [least, most], "interpolate": "rgb"}
    # Vega adds a precision to a legend's "," and would write 2e+1 for 15.
    number = _number_format(measure, values)
    legend = {"format": ",.0f" if number == "," else number, "gradientLength": 160, "title": _y_label([measure])}
    colour = {"field": "y", "type": "quantitative", "scale": scale, "legend": legend}
    layers: list[dict[str, Any]] = [{"mark": {"type": "rect"}, "encoding": {"color": colour}}]
    if len(columns) * len(rows) <= _MOST_CELLS and len(columns) <= (13 if size == "wide" else 5):
        text = {"field": "label", "type": "nominal"}
        is_hot = f"datum.y > {least + colours.hot_from * (most - least)!r}"
        on = {"condition": {"test": is_hot, "value": colours.on_hot}, "value": colours.on_cold}
        mark = {"type": "text", "fontSize": 11 if len(columns) < 10 else 9}
        layers.append({"mark": mark, "encoding": {"text": text, "color": on}})
    return {"encoding": {"x": x, "y": y}, "layer": layers, "height": max(60, _BAR * len(rows))}


def _x(drawn: Drawing) -> dict[str, Any]:
    x = drawn.visual.x
    if x is None or not _is_on_axis(drawn):
        axis: dict[str, Any] = {"labelAngle": 0}
        order = _in_order(_names(drawn, 0))
        return {"field": "x", "type": "ordinal", **order, "title": _x_label(drawn), "axis": axis}
    axis = {"grid": False, "labelFlush": True}
    if drawn.columns[x.column] in NUMBERS:
        return {"field": "x", "type": "quantitative", "title": _x_label(drawn), "axis": axis, "scale": {"zero": False}}
    axis = {**axis, "format": _FORMATS[x.unit]}
    return {"field": "x", "type": "temporal", "scale": {"type": "utc"}, "title": _x_label(drawn), "axis": axis}


def _y(drawn: Drawing, *, zero: bool = False) -> dict[str, Any]:
    groups = filter(drawn.has_place, drawn.groups)
    values = [float(number) for group in groups for number in group.numbers if number is not None]
    # By labelExpr, since Vega would give all ticks of an axis the same prefix, and write 0k.
    axis = {"labelExpr": f"format(datum.value, '{_number_format(drawn.visual.y[0], values)}')", "tickCount": 5}
    if drawn.visual.y[0].format == "number" and all(value == int(value) for value in values):
        axis["tickMinStep"] = 1
    y: dict[str, Any] = {"field": "y", "type": "quantitative", "title": _y_label(drawn.visual.y), "axis": axis}
    # A line whose values are all far from zero shows how they change, a bar how large they are.
    wide = values and min(values) >= 0 and max(values) < 1.5 * min(values)
    y["scale"] = {"zero": zero or not wide, "nice": True}
    return y


def _make_room(drawn: Drawing, y: dict[str, Any], factor: float) -> None:
    """Makes the scale of bars longer than they are, for the values at their ends."""
    values = [float(one.numbers[0]) for one in drawn.groups if one.numbers[0] is not None]
    if values and max(values) > 0:
        y["scale"] |= {"domainMax": factor * max(values), "nice": False}
    if values and min(values) < 0:
        y["scale"] |= {"domainMin": factor * min(values), "nice": False}


def _number_format(measure: Measure, values: list[float]) -> str:
    """A format of d3 (https://d3js.org/d3-format) for the axis."""
    largest = max(map(abs, values), default=0)
    if measure.format == "percent":
        return ".0%" if largest >= 0.1 else ".1%" if largest >= 0.01 else ".2%"
    if largest >= 10_000:
        return "~s"
    return "," if largest >= 10 else ",.2~f"


def _y_label(measures: tuple[Measure, ...] | list[Measure]) -> str | None:
    unit = f" ({measures[0].unit})" if measures[0].unit else ""
    text = f"{measures[0].label}{unit}" if len(measures) == 1 else measures[0].unit
    return text and _text(text)


def _x_label(drawn: Drawing) -> str | None:
    return _text(drawn.visual.x.label) if drawn.visual.x else None


def _series_names(drawn: Drawing) -> list[str]:
    """The names of what has a colour each; [] for a chart of one colour."""
    if len(drawn.visual.y) > 1:
        return [_text(measure.label) for measure in drawn.visual.y]
    return _names(drawn, 1) if drawn.visual.series else []


def _colour(drawn: Drawing, theme: Theme) -> dict[str, Any]:
    names = _series_names(drawn)
    if not names:
        return {"color": {"value": _COLOURS[theme].series[0]}}
    title = _text(drawn.visual.series.label) if drawn.visual.series else None
    scale = {"domain": names, "range": [_COLOURS[theme].series[at % 10] for at in range(len(names))]}
    found: dict[str, Any] = {"color": {"field": "series", "type": "nominal", "title": title, "scale": scale}}
    if drawn.visual.kind == "stacked_bar":
        # The first of the legend on top, or at the left.
        is_upright = drawn.visual.x is not None and drawn.columns[drawn.visual.x.column] in DATES
        sort = "descending" if is_upright else "ascending"
        found["order"] = {"field": "place", "type": "quantitative", "sort": sort}
    return found


def series_colours(theme: Theme) -> tuple[str, ...]:
    """The colours of series, one after the other."""
    return _COLOURS[theme].series


def gradient(theme: Theme) -> tuple[str, str]:
    """The colours of a heat map's smallest and largest value."""
    return _COLOURS[theme].cold, _COLOURS[theme].hot
