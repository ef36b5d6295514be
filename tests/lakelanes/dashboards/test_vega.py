"""Charts as Vega-Lite: what each kind is made of, that the renderer draws it from its data alone, and its colours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.dashboards import vega
from lakelanes.dashboards.drawing import NOTHING, Drawing, drawing
from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.view_columns import Columns
from tests.support.properties import examples

COLUMNS: Columns = {"word": "text", "shop": "text", "whole": "whole", "day": "date", "at": "timestamp"}
CSS = Path(vega.__file__).resolve().parents[2] / "lakelanes_airflow" / "page" / "static" / "lake.css"
SUM: dict[str, Any] = {"aggregation": "sum", "column": "price", "title": "Sum"}
COUNT: dict[str, Any] = {"aggregation": "count", "title": "Rows"}
# https://vega.github.io/vega-lite/docs/: what a specification, a layer, a channel and a mark of ours may have.
TOP = {"$schema", "description", "width", "height", "autosize", "background", "padding", "data", "config"}
LAYER = {"mark", "encoding", "transform"}
MARKS = {
    "line": {"point", "strokeWidth"},
    "bar": {"binSpacing", "orient"},
    "rect": set(),
    "text": {"align", "dx", "dy", "fontSize"},
}
POSITION = {"field", "type", "title", "sort", "axis", "scale", "stack", "timeUnit"}
CHANNELS = {
    "x": POSITION,
    "y": POSITION,
    "x2": {"field"},
    "xOffset": {"field", "type", "sort", "scale"},
    "yOffset": {"field", "type", "sort", "scale"},
    "order": {"field", "type", "sort"},
    "color": {"field", "type", "title", "scale", "legend", "value", "condition"},
    "text": {"field", "type", "value"},
}
TYPES = {"quantitative", "temporal", "ordinal", "nominal"}
AXIS = {"grid", "titleAngle", "titleAlign", "titleX", "titleY", "labelLimit", "labelAngle", "labelFlush", "format"}
AXIS |= {"labelExpr", "tickCount", "tickMinStep", "titlePadding", "values"}
SCALE = {"type", "zero", "nice", "domainMax", "domainMin", "domain", "range", "interpolate"}
Rows = list[tuple[str | None, ...]]


def drawn(rows: Rows, kind: str, **settings: Any) -> Drawing:
    visual = Visual.model_validate({"id": "v", "title": "V", "kind": kind, "dataset": "own", "y": [SUM], **settings})
    count = len(visual.dimensions)
    names = [*(f"d{at + 1}" for at in range(count)), *(f"m{at + 1}" for at in range(len(visual.y)))]
    return drawing(visual, COLUMNS, [dict(zip(names, row, strict=True)) for row in rows])


DAY = {"x": {"column": "day", "unit": "day"}}
WORD = {"x": {"column": "word"}}
SHOP = {"series": {"column": "shop"}}
DAYS: Rows = [("2024-03-14", "10"), ("2024-03-15", "12.5"), ("2024-03-17", "-3")]
WORDS: Rows = [("a", "3"), (None, "5"), ("c", "-2")]
OF_SHOPS: Rows = [("2024-03-14", "s", "1"), ("2024-03-14", "t", "2"), ("2024-03-15", "s", "3")]
WORDS_OF_SHOPS: Rows = [("a", "s", "1"), ("a", None, "2"), ("b", "s", "3")]
TWO_OF_DAYS: Rows = [("2024-03-14", "10", "1"), ("2024-03-15", "12.5", None)]
CASES: dict[str, tuple[Rows, str, dict[str, Any]]] = {
    "line": (DAYS, "line", DAY),
    "line of a series": (OF_SHOPS, "line", {**DAY, **SHOP}),
    "line of two": (TWO_OF_DAYS, "line", {**DAY, "y": [SUM, COUNT]}),
    "line of numbers": ([("-2", "1"), ("10", "2"), (None, "3"), ("NaN", "4")], "line", {"x": {"column": "whole"}}),
    "line of words": (WORDS, "line", WORD),
    "line of moments": ([("2024-03-14 07:08:09.123", "1")], "line", {"x": {"column": "at"}}),
    **{
        f"{kind} by {unit}": ([("2024-01-01", "1"), ("2025-01-01", "2")], kind, {"x": {"column": "day", "unit": unit}})
        for kind in ("line", "bar")
        for unit in ("day", "week", "month", "quarter", "year")
    },
    "line by hour": ([("2024-03-14 07:00:00.000", "1")], "line", {"x": {"column": "at", "unit": "hour"}}),
    "bar by hour": ([("2024-03-14 07:00:00.000", "1")], "bar", {"x": {"column": "at", "unit": "hour"}}),
    "bar": (WORDS, "bar", WORD),
    "bar of a series": (WORDS_OF_SHOPS, "bar", {**WORD, **SHOP}),
    "bar of two": ([("a", "1", "2"), ("b", "3", "4")], "bar", {**WORD, "y": [SUM, COUNT]}),
    "bar of a series over time": (OF_SHOPS, "bar", {**DAY, **SHOP}),
    "stacked bar": (WORDS_OF_SHOPS, "stacked_bar", {**WORD, **SHOP}),
    "stacked bar over time": (OF_SHOPS, "stacked_bar", {"x": {"column": "day", "unit": "week"}, **SHOP}),
    "stacked bar of two": (TWO_OF_DAYS, "stacked_bar", {**DAY, "y": [SUM, COUNT]}),
    "heat map": (WORDS_OF_SHOPS, "heat_map", {**WORD, **SHOP}),
    "heat map over time": (OF_SHOPS, "heat_map", {**DAY, **SHOP}),
    "heat map of one": ([("a", "s", "7")], "heat_map", {**WORD, **SHOP}),
    "percent": ([("a", "0.25"), ("b", "0.001")], "bar", {**WORD, "y": [{**SUM, "format": "percent"}]}),
    "large": ([("a", "1E99"), ("b", "-123456.7")], "bar", {**WORD, "y": [{**SUM, "unit": "CHF"}]}),
    "nothing": ([], "line", DAY),
    "nothing to draw": ([(None, "1"), ("2024-03-14", "NaN")], "line", DAY),
    "nothing in a heat map": ([("a", "s", None)], "heat_map", {**WORD, **SHOP}),
    "nothing of bars": ([("a", None)], "bar", WORD),
}


def svg(spec: dict[str, Any]) -> str:
    # 6.1 as the page draws it; nothing may be fetched.
    image = str(vl_convert.vegalite_to_svg(spec, vl_version="6.1", allowed_base_urls=[]))
    # Gradients are numbered through a process.
    return re.sub(r"gradient_\d+", "gradient", image)


def texts(image: str) -> list[str]:
    root = ElementTree.fromstring(image)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def inner(found: Any, name: str) -> Iterator[Any]:
    """What stands under a name, anywhere."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key == name:
                yield value
            yield from inner(value, name)
    elif isinstance(found, list):
        for one in found:
            yield from inner(one, name)


@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("case", CASES)
def test_a_specification_has_what_vega_lite_knows(case: str, theme: vega.Theme, size: vega.Size) -> None:
    rows, kind, settings = CASES[case]
    spec = vega.spec(drawn(rows, kind, **settings), theme=theme, size=size)
    assert spec["$schema"] == "https://vega.github.io/schema/vega-lite/v6.json"
    assert set(spec) - TOP <= {"layer", "encoding"} and spec["layer"]
    assert spec["width"] == {"wide": 620, "narrow": 330}[size] and spec["height"] >= 60
    assert json.loads(json.dumps(spec, allow_nan=False)) == spec
    for layer in spec["layer"]:
        assert set(layer) <= LAYER
        mark = layer["mark"]
        assert set(mark) - {"type"} <= MARKS[mark["type"]]
        for name, channel in {**spec.get("encoding", {}), **layer["encoding"]}.items():
            assert set(channel) <= CHANNELS[name], name
            assert channel.get("type", "nominal") in TYPES
            assert ("field" in channel) != ("value" in channel)
    for name, known in (("axis", AXIS), ("scale", SCALE)):
        for one in inner([spec["layer"], spec.get("encoding")], name):
            assert set(one) <= known
    # Nothing to fetch, nothing to follow.
    assert not [*inner(spec, "url"), *inner(spec, "href"), *inner(spec, "tooltip")]


@pytest.mark.parametrize("case", CASES)
def test_the_renderer_draws_it_and_twice_the_same(case: str) -> None:
    rows, kind, settings = CASES[case]
    found = drawn(rows, kind, **settings)
    spec = vega.spec(found)
    image = svg(spec)
    assert image == svg(vega.spec(drawn(rows, kind, **settings)))
    marks = re.findall(r'class="mark-(?:rect|line|symbol|text) role-mark[^"]*"[^>]*>(.*?)</g>', image, re.DOTALL)
    count = sum("y" in value for value in spec["data"]["values"])
    assert count == sum(
        number is not None for group in found.groups if found.has_place(group) for number in group.numbers
    )
    paths = sum(mark.count("<path") + mark.count("<text") for mark in marks)
    assert paths >= count if count else texts(image) == ["No values to draw"]
    assert "NaN" not in image and "undefined" not in image
    assert not re.search(r"<script|\son\w+=|href=|<image|url\((?!#)", image)


def test_values_names_and_times_are_those_of_the_answer() -> None:
    spec = vega.spec(drawn(OF_SHOPS, "line", **DAY, **SHOP))
    assert spec["data"]["values"] == [
        {"x": "2024-03-14T00:00:00Z", "series": "s", "y": 1.0, "label": "1"},
        {"x": "2024-03-14T00:00:00Z", "series": "t", "y": 2.0, "label": "2"},
        {"x": "2024-03-15T00:00:00Z", "series": "s", "y": 3.0, "label": "3"},
    ]
    numbers = vega.spec(drawn([("-2", "1"), ("10", "2"), (None, "3"), ("NaN", "4")], "line", x={"column": "whole"}))
    assert [one["x"] for one in numbers["data"]["values"]] == [-2.0, 10.0], "nothing is not at zero"
    at = vega.spec(drawn([("2024-03-14 07:08:09.123", "1")], "line", x={"column": "at"}))
    assert at["data"]["values"][0]["x"] == "2024-03-14T07:08:09.123Z"
    two = vega.spec(drawn(TWO_OF_DAYS, "line", **DAY, y=[SUM, COUNT]))
    assert [(one["series"], one["y"]) for one in two["data"]["values"]] == [("Sum", 10.0), ("Rows", 1.0), ("Sum", 12.5)]
    bars = vega.spec(drawn(WORDS, "bar", **WORD))
    assert [(one["x"], one["y"]) for one in bars["data"]["values"]] == [("a", 3.0), ("c", -2.0), (NOTHING, 5.0)]
    of_month: Rows = [("2024-03-01", "s", "1"), ("2024-03-01", "t", "2")]
    months = vega.spec(drawn(of_month, "heat_map", x={"column": "day", "unit": "month"}, **SHOP))
    assert months["encoding"]["x"]["scale"]["domain"] == ["2024-03"]
    assert months["encoding"]["y"]["scale"]["domain"] == ["s", "t"]


def marks(case: str) -> list[str]:
    rows, kind, settings = CASES[case]
    return [layer["mark"]["type"] for layer in vega.spec(drawn(rows, kind, **settings))["layer"]]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("line", ["line", "text"]),
        ("line of a series", ["line"]),
        ("bar", ["bar", "text"]),
        ("bar of a series", ["bar"]),
        ("stacked bar", ["bar"]),
        ("bar by week", ["bar"]),
        ("heat map", ["rect", "text"]),
    ],
)
def test_each_kind_has_its_marks(case: str, expected: list[str]) -> None:
    assert marks(case) == expected


def encoding(case: str, **more: Any) -> dict[str, Any]:
    rows, kind, settings = CASES[case]
    return dict(vega.spec(drawn(rows, kind, **{**settings, **more}))["layer"][0]["encoding"])


def test_bars_lie_or_stand_and_are_stacked_or_side_by_side() -> None:
    assert (encoding("bar")["y"]["field"], encoding("bar")["x"]["field"]) == ("x", "y")
    assert encoding("bar")["y"]["scale"]["domain"] == ["a", "c", NOTHING], (
        "the largest is first, and what has no name last"
    )
    beside = encoding("bar of a series")
    assert beside["yOffset"]["scale"]["domain"] == ["s", NOTHING] and beside["x"]["stack"] is None
    assert encoding("bar of a series over time")["xOffset"]["scale"]["domain"] == ["s", "t"]
    assert encoding("stacked bar")["x"]["stack"] == "zero" and "yOffset" not in encoding("stacked bar")
    upright = encoding("bar by month")
    assert (upright["x"]["timeUnit"], upright["y"]["field"]) == ("utcyearmonth", "y")
    weeks = encoding("bar by week")
    assert weeks["x2"] == {"field": "end"} and "timeUnit" not in weeks["x"]
    assert weeks["x"]["axis"]["values"] == ["2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        ([("a", "0.5")], {}, ",.2~f"),
        ([("a", "50")], {}, ","),
        ([("a", "-50000")], {}, "~s"),
        ([("a", "0.5")], {"format": "percent"}, ".0%"),
        ([("a", "0.05")], {"format": "percent"}, ".1%"),
        ([("a", "0.005")], {"format": "percent"}, ".2%"),
    ],
)
def test_the_axis_of_values_has_digits_for_its_range(values: Rows, settings: dict[str, Any], expected: str) -> None:
    spec = vega.spec(drawn(values, "line", **WORD, y=[{**SUM, **settings}]))
    assert spec["layer"][0]["encoding"]["y"]["axis"]["labelExpr"] == f"format(datum.value, '{expected}')"


def test_a_line_far_from_zero_shows_how_it_changes_and_a_bar_how_large_it_is() -> None:
    far: Rows = [("2024-03-14", "100"), ("2024-03-15", "110")]

    def zero(kind: str, rows: Rows) -> Any:
        return vega.spec(drawn(rows, kind, **DAY))["layer"][0]["encoding"]["y"]["scale"]["zero"]

    assert zero("line", far) is False and zero("bar", far) is True
    assert zero("line", [("2024-03-14", "100"), ("2024-03-15", "150")]) is True
    assert zero("line", [("2024-03-14", "-100"), ("2024-03-15", "-110")]) is True


def test_whole_values_have_no_ticks_between_them() -> None:
    def step(value: str, **settings: Any) -> Any:
        spec = vega.spec(drawn([("a", value)], "line", **WORD, y=[{**SUM, **settings}]))
        return spec["layer"][0]["encoding"]["y"]["axis"].get("tickMinStep")

    assert (step("2"), step("2.5"), step("1", format="percent")) == (1, None, None)


@pytest.mark.parametrize(("value", "shown"), [("15", "15"), ("1234", "1,000"), ("0.25", "0.25"), ("20000", "20k")])
def test_the_legend_of_a_heat_map_is_written_in_digits(value: str, shown: str) -> None:
    found = drawn([("a", "s", "0"), ("b", "s", value)], "heat_map", **WORD, **SHOP, y=[{**SUM, "decimals": 2}])
    assert shown in texts(svg(vega.spec(found)))


def test_titles_have_the_unit_and_the_chart_a_sentence() -> None:
    spec = vega.spec(drawn(DAYS, "line", **DAY, y=[{**SUM, "unit": "CHF"}]))
    assert spec["layer"][0]["encoding"]["y"]["title"] == "Sum (CHF)"
    assert spec["layer"][0]["encoding"]["x"]["title"] == "Day"
    assert spec["description"] == "V. line: Sum by day; 3 values, from -3 CHF to 12 CHF"
    two = vega.spec(drawn(TWO_OF_DAYS, "line", **DAY, y=[{**SUM, "unit": "h"}, {**COUNT, "unit": "h"}]))
    assert two["layer"][0]["encoding"]["y"]["title"] == "h"


def test_many_cells_and_many_bars_have_no_values_in_them() -> None:
    few: Rows = [(f"w{at:02}", "1") for at in range(24)]
    assert len(vega.spec(drawn(few, "bar", **WORD))["layer"]) == 2
    assert len(vega.spec(drawn([*few, ("x", "1")], "bar", **WORD))["layer"]) == 1
    cells: Rows = [(f"w{at:02}", f"s{row}", "1") for at in range(13) for row in range(12)]
    found = drawn(cells, "heat_map", **WORD, **SHOP)
    assert len(vega.spec(found)["layer"]) == 2 and len(vega.spec(found, size="narrow")["layer"]) == 1


ODD = ['"', "'", "<b>&amp;</b>", "\\", "日本語", "a" * 500, "", " ", "datum.y", "${x}", "\u202e", "null", "__proto__"]


@pytest.mark.parametrize(("kind", "settings"), [("bar", WORD), ("line", WORD), ("heat_map", {**WORD, **SHOP})])
def test_names_are_text_whatever_they_hold(kind: str, settings: dict[str, Any]) -> None:
    rows: Rows = [(name, *(["s"] if kind == "heat_map" else []), str(at)) for at, name in enumerate(ODD, 10)]
    spec = vega.spec(drawn(rows, kind, **settings))
    image = svg(spec)
    assert len(spec["data"]["values"]) == len(ODD)
    shown = texts(image)
    if kind == "bar":
        assert {'"', "'", "<b>&amp;</b>", "\\", "日本語", "datum.y", "${x}", "null", "__proto__"} <= set(shown)
    assert not re.search(r"<b>|<script|href=", image)
    assert max(map(len, (one["x"] for one in spec["data"]["values"]))) == 40


def test_what_no_image_can_hold_is_replaced() -> None:
    """Over a character that XML does not have the renderer ends its whole process, Airflow's API server."""
    odd = ["\x00", "\x01", "\x1b", "\ufffe", "\uffff", "\ud800", "\u2028", "\u2029"]
    rows: Rows = [(f"a{name}b", f"c{name}d", str(at)) for at, name in enumerate(odd)]
    for kind in ("bar", "line", "stacked_bar", "heat_map"):
        x, series = ({"column": name, "title": f"{name}\x01"} for name in ("word", "shop"))
        spec = vega.spec(drawn(rows, kind, x=x, series=series, y=[{**SUM, "title": "S\x02", "unit": "\x03h"}]))
        image = svg(spec)
        ElementTree.fromstring(image)
        assert {one["x"] for one in spec["data"]["values"]} == {
            "a\ufffdb",
            *(f"a\ufffdb ({number})" for number in range(2, 9)),
        }
    two = vega.spec(drawn([("a", "1", "2")], "bar", **WORD, y=[{**SUM, "title": "S\x02"}, {**COUNT, "title": "\x1b"}]))
    assert "S\ufffd" in texts(svg(two)) and two["description"].count("\ufffd") == 2


def test_long_names_that_begin_alike_are_not_one() -> None:
    begin = "https://shop.example/products/" + "x" * 20
    rows: Rows = [(f"{begin}{name}", "1") for name in "abc"]
    spec = vega.spec(drawn(rows, "bar", **WORD))
    cut = begin[:39] + "…"
    assert [one["x"] for one in spec["data"]["values"]] == [cut, f"{cut} (2)", f"{cut} (3)"]
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [cut, f"{cut} (2)", f"{cut} (3)"]


def test_the_parts_of_a_bar_are_stacked_as_the_legend_has_them() -> None:
    spec = vega.spec(drawn(WORDS_OF_SHOPS, "stacked_bar", **WORD, **SHOP))
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["s", NOTHING]
    placed = {(one["series"], one["place"]) for one in spec["data"]["values"]}
    assert placed == {("s", 0), (NOTHING, 1)}
    order = {"field": "place", "type": "quantitative"}
    assert spec["layer"][0]["encoding"]["order"] == {**order, "sort": "ascending"}, "the first at the left"
    assert encoding("stacked bar over time")["order"] == {**order, "sort": "descending"}, "the first on top"
    assert encoding("stacked bar of two")["order"] == {**order, "sort": "descending"}
    assert "order" not in encoding("line of a series"), "which would draw the points of a line in another order"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_cells_of_a_single_value_have_the_colour_in_the_middle(theme: vega.Theme) -> None:
    spec = vega.spec(drawn([("a", "s", "7")], "heat_map", **WORD, **SHOP), theme=theme)
    colours = vega._COLOURS[theme]
    assert spec["layer"][1]["encoding"]["color"] == {
        "condition": {"test": "datum.y > 7.0", "value": colours.on_hot},
        "value": colours.on_cold,
    }
    middle = between(colours.cold, colours.hot, 0.5)
    assert contrast(colours.on_cold, middle) >= 4.5
    assert f'fill="rgb({", ".join(str(int(middle[at : at + 2], 16)) for at in (1, 3, 5))})"' in svg(spec)


def test_series_and_titles_are_text_whatever_they_hold() -> None:
    rows: Rows = [("2024-03-14", name, "1") for name in ODD]
    title = 'Q1\'s "<i>" & \\ 日本'
    spec = vega.spec(drawn(rows, "line", **DAY, series={"column": "shop", "title": title}))
    image = svg(spec)
    assert title in texts(image) and "<i>" not in image
    assert len(spec["layer"][0]["encoding"]["color"]["scale"]["range"]) == len(ODD)


@pytest.mark.parametrize("kind", ["line", "bar", "stacked_bar", "heat_map"])
def test_two_thousand_groups_are_drawn(kind: str) -> None:
    if kind in ("line", "bar"):
        rows: Rows = [(f"w{at:04}", str(at)) for at in range(2000)]
        found = drawn(rows, kind, **WORD)
    else:
        found = drawn([(f"w{at // 20:03}", f"s{at % 20}", str(at)) for at in range(2000)], kind, **WORD, **SHOP)
    spec = vega.spec(found)
    assert len(spec["data"]["values"]) == 2000
    assert len(svg(spec)) < 3_000_000


def luminance(colour: str) -> float:
    """Relative luminance (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    full = colour.lstrip("#") if len(colour) == 7 else "".join(2 * digit for digit in colour.lstrip("#"))
    parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def grounds(theme: str) -> set[str]:
    """The grounds of cards, as the page's style sheet has them for a theme."""
    text = CSS.read_text(encoding="utf-8")
    found = re.findall(r"color-scheme: (\w+);.*?--card: (#\w+);", text, re.DOTALL)
    return {ground for scheme, ground in found if scheme == theme}


def test_the_grounds_are_read_from_the_style_sheet() -> None:
    assert grounds("light") == {"#fff"} and grounds("dark") == {"#1a1f26"}
    assert contrast("#000", "#ffffff") == pytest.approx(21) and contrast("#777", "#777777") == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_can_be_told_from_the_ground_of_its_card(theme: vega.Theme) -> None:
    """WCAG 2.2: 1.4.3 for texts, 1.4.11 for what is drawn."""
    colours = vega._COLOURS[theme]
    [ground] = grounds(theme)
    assert {name for name in (colours.text, colours.soft) if contrast(name, ground) < 4.5} == set()
    assert {name for name in colours.series if contrast(name, ground) < 3} == set()
    assert len(set(colours.series)) == 10
    assert contrast(colours.on_cold, colours.cold) >= 4.5 and contrast(colours.on_hot, colours.hot) >= 4.5
    assert contrast(colours.hot, ground) >= 3


def between(cold: str, hot: str, share: float) -> str:
    """A colour of Vega's scale, which goes from one to the other in RGB."""
    ends = [[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in (cold, hot)]
    return "#" + "".join(f"{int(a + share * (b - a) + 0.5):02x}" for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_text_of_every_cell_can_be_read(theme: vega.Theme) -> None:
    """Over the whole scale from cold to hot, with the text's colour that the specification takes there."""
    colours = vega._COLOURS[theme]
    least = min(
        contrast(
            colours.on_hot if share > colours.hot_from else colours.on_cold, between(colours.cold, colours.hot, share)
        )
        for share in (at / 100 for at in range(101))
    )
    assert least >= 4.5


@given(
    values=st.dictionaries(
        st.tuples(st.text(max_size=8), st.none() | st.text(max_size=8)),
        st.none() | st.floats().map(str) | st.integers().map(str),
        max_size=8,
    ),
    kind=st.sampled_from(["line", "bar", "stacked_bar", "heat_map"]),
    dated=st.booleans(),
)
@examples(40)
def test_any_answer_is_drawn(values: dict[tuple[str, str | None], str | None], kind: str, dated: bool) -> None:
    rows: Rows = [(word, shop, value) for (word, shop), value in values.items()]
    if dated:
        rows = [(f"2024-03-{1 + at:02}", shop, value) for at, (_, shop, value) in enumerate(rows)]
    spec = vega.spec(drawn(rows, kind, **(DAY if dated else WORD), **SHOP))
    json.dumps(spec, allow_nan=False)
    assert svg(spec).startswith("<svg")
