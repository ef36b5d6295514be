"""Which visual each kind becomes, with which fields, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.powerbi.layout import Place
from lakelanes.dashboards.powerbi.visuals import visual_json
from tests.lakelanes.dashboards.powerbi.made import NASTY, ON_VISITS, SUM, VISUALS, dashboard, model_of

PLACE = Place(1, 2, 3, 4)
STORE: dict[str, Any] = {"column": "store"}
MONTHS: dict[str, Any] = {"column": "day", "unit": "month"}


def visual_of(**settings: Any) -> dict[str, Any]:
    made = dashboard(settings)
    return visual_json(model_of(made), made.name, made.visuals[0], "v0", PLACE, 5)


def projected(found: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """By role, what is shown under which label."""
    roles = found["visual"]["query"]["queryState"]
    return {
        role: [(one["queryRef"], one["displayName"]) for one in state["projections"]] for role, state in roles.items()
    }


def sorted_by(found: dict[str, Any]) -> list[tuple[str, str]]:
    sort = found["visual"]["query"].get("sortDefinition", {"sort": []})["sort"]
    return [(next(iter(one["field"].values()))["Property"], one["direction"]) for one in sort]


@pytest.mark.parametrize(
    ("kind", "x", "series", "visual_type"),
    [
        ("line", MONTHS, None, "lineChart"),
        ("line", STORE, None, "lineChart"),
        ("bar", STORE, None, "clusteredBarChart"),
        ("bar", MONTHS, None, "clusteredColumnChart"),
        ("stacked_bar", STORE, {"column": "is_web"}, "barChart"),
        ("stacked_bar", MONTHS, STORE, "columnChart"),
        ("heat_map", MONTHS, STORE, "pivotTable"),
        ("figure", MONTHS, None, "cardVisual"),
        ("figure", None, None, "cardVisual"),
    ],
)
def test_a_kind_has_its_visual_and_bars_over_time_stand(
    kind: str, x: dict[str, Any], series: dict[str, Any] | None, visual_type: str
) -> None:
    assert visual_of(kind=kind, x=x, series=series, y=[SUM])["visual"]["visualType"] == visual_type


def test_fields_have_roles_and_their_titles() -> None:
    total = ("shop.Sum of revenue (shop)", "Revenue")
    chart = visual_of(kind="line", x={**MONTHS, "title": "M"}, series=STORE, y=[SUM])
    assert projected(chart) == {
        "Category": [("Calendar dates.Month", "M")],
        "Series": [("shop.store", "Store")],
        "Y": [total],
    }
    heat_map = visual_of(kind="heat_map", x=STORE, series=MONTHS, y=[SUM])
    assert projected(heat_map) == {
        "Rows": [("Calendar dates.Month", "Day")],
        "Columns": [("shop.store", "Store")],
        "Values": [total],
    }
    table = visual_of(kind="table", columns=[STORE, MONTHS], y=[SUM])
    assert projected(table) == {"Values": [("shop.store", "Store"), ("Calendar dates.Month", "Day"), total]}


def test_a_figure_shows_its_period_and_the_one_before() -> None:
    with_change = {**SUM, "title": "Change"}
    found = projected(visual_of(kind="figure", x={**MONTHS, "title": "Month"}, y=[with_change]))
    names = ["last month", "last month's start", "month before", "month's change"]
    refs = [f"shop.Sum of revenue, {name} (shop)" for name in names]
    labels = ["Change", "Month", "Month before", "Change (figure)"]
    assert found == {"Data": list(zip(refs, labels, strict=True))}
    assert projected(visual_of(kind="figure", y=[SUM])) == {"Data": [("shop.Sum of revenue (shop)", "Revenue")]}


def test_a_format_that_is_not_the_models_is_the_visuals() -> None:
    other = {**SUM, "title": "Turnover", "decimals": 2}
    [first, second] = visual_of(kind="line", x=MONTHS, y=[SUM, other])["visual"]["query"]["queryState"]["Y"][
        "projections"
    ]
    assert "format" not in first and second["format"] == "#,0.00"
    made = dashboard({"kind": "figure", "x": MONTHS, "y": [SUM]}, {"kind": "figure", "x": MONTHS, "y": [other]})
    found = visual_json(model_of(made), made.name, made.visuals[1], "v1", PLACE, 1)
    data = found["visual"]["query"]["queryState"]["Data"]["projections"]
    assert [one.get("format") for one in data] == ["#,0.00", None, "#,0.00", None]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kind": "line", "x": MONTHS}, [("Month", "Ascending")]),
        ({"kind": "line", "x": {**MONTHS, "sort": "descending"}}, [("Month", "Descending")]),
        # As on the Lake page, the texts of bars by size.
        ({"kind": "bar", "x": STORE}, [("Sum of revenue (shop)", "Descending")]),
        ({"kind": "bar", "x": {**STORE, "sort": "ascending"}}, [("store", "Ascending")]),
        ({"kind": "bar", "x": {**STORE, "sort": "smallest_first"}}, [("Sum of revenue (shop)", "Ascending")]),
        ({"kind": "line", "x": MONTHS, "series": {**STORE, "sort": "largest_first"}}, [("Month", "Ascending")]),
        (
            {"kind": "heat_map", "x": STORE, "series": {**MONTHS, "sort": "descending"}},
            [("store", "Ascending"), ("Month", "Descending")],
        ),
        (
            {"kind": "table", "columns": [MONTHS, {**STORE, "sort": "largest_first"}]},
            [("Sum of revenue (shop)", "Descending"), ("Month", "Ascending"), ("store", "Ascending")],
        ),
        ({"kind": "figure", "x": MONTHS}, []),
    ],
)
def test_values_are_sorted_as_the_dashboard_says(settings: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert sorted_by(visual_of(**settings, y=[SUM])) == expected


def test_a_heat_map_colours_every_cell_by_its_value_and_has_no_totals() -> None:
    objects = visual_of(kind="heat_map", x=STORE, series=MONTHS, y=[SUM])["visual"]["objects"]
    [cells] = objects["values"]
    rule = cells["properties"]["backColor"]["solid"]["color"]["expr"]["FillRule"]
    assert rule["Input"]["Measure"]["Property"] == "Sum of revenue (shop)"
    assert set(rule["FillRule"]["linearGradient2"]) == {"min", "max", "nullColoringStrategy"}
    assert cells["selector"]["metadata"] == "shop.Sum of revenue (shop)"
    no = {"expr": {"Literal": {"Value": "false"}}}
    assert objects["subTotals"][0]["properties"] == {"rowSubtotals": no, "columnSubtotals": no}
    table = visual_of(kind="table", columns=[STORE], y=[SUM])["visual"]["objects"]
    assert table == {"total": [{"properties": {"totals": no}}]}


def test_bars_of_long_periods_are_wider_than_a_day() -> None:
    def axis(x: dict[str, Any], kind: str = "bar") -> Any:
        return visual_of(kind=kind, x=x, y=[SUM])["visual"]["objects"]["categoryAxis"][0]["properties"].get("axisType")

    categorical = {"expr": {"Literal": {"Value": "'Categorical'"}}}
    assert axis(MONTHS) == categorical
    assert axis({"column": "day", "unit": "day"}) is axis(MONTHS, "line") is axis(STORE) is None


def test_title_and_description_are_texts_whatever_they_say() -> None:
    found = visual_of(kind="line", x=MONTHS, y=[SUM], title=NASTY, description=f"{NASTY}!")
    container = found["visual"]["visualContainerObjects"]

    def text(of: str, name: str) -> str:
        value: str = container[of][0]["properties"][name]["expr"]["Literal"]["Value"]
        assert value.startswith("'") and value.endswith("'") and "'" not in value[1:-1].replace("''", "")
        return value[1:-1].replace("''", "'")

    assert text("title", "text") == NASTY
    assert text("subTitle", "text") == f"{NASTY}!"
    assert text("general", "altText") == f"{NASTY}. {NASTY}!"
    assert "subTitle" not in visual_of(kind="line", x=MONTHS, y=[SUM])["visual"]["visualContainerObjects"]


def test_a_visual_is_where_the_page_has_room_and_has_its_filters() -> None:
    found = visual_of(**VISUALS[6])
    assert found["position"] == {"x": 1, "y": 2, "z": 5, "width": 3, "height": 4, "tabOrder": 5}
    assert [one["type"] for one in found["filterConfig"]["filters"]] == [
        "Categorical",
        "Advanced",
        "Categorical",
        "TopN",
    ]
    assert "filterConfig" not in visual_of(**VISUALS[0])


def test_a_figure_without_a_period_cannot_be_compared() -> None:
    """The dashboards' check has refused it before."""
    made = dashboard(ON_VISITS[0])
    visual: Visual = made.visuals[0]
    assert visual.x is not None
    broken = visual.model_copy(update={"x": visual.x.model_copy(update={"unit": None})})
    with pytest.raises(ValueError, match="figure v0 has no period"):
        visual_json(model_of(made), made.name, broken, "v0", PLACE, 0)
