"""Dashboards: tabs, rows of a grid, and that all of their parts are found."""

from __future__ import annotations

from typing import Any

from tests.lakelanes.dashboards.powerbi.made import SUM, dashboard, everything
from tests.lakelanes.dashboards.superset.made import documents

FIGURE = {"kind": "figure", "y": [SUM]}
BAR = {"kind": "bar", "x": {"column": "store"}, "y": [SUM]}


def position(*visuals: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = documents(dashboard(*visuals))["dashboards/shop.yaml"]["position"]
    return found


def test_neighbours_of_one_size_share_a_row_and_fill_it() -> None:
    found = position(FIGURE, FIGURE, BAR, BAR, BAR)
    rows = [found[name]["children"] for name in found["TAB-1"]["children"]]
    assert rows == [["CHART-v0", "CHART-v1"], ["CHART-v2", "CHART-v3"], ["CHART-v4"]]
    assert [found[f"CHART-v{number}"]["meta"]["width"] for number in range(5)] == [6, 6, 6, 6, 12]
    assert found["CHART-v4"]["meta"]["height"] > found["CHART-v2"]["meta"]["height"]


def test_every_part_is_a_child_once_of_the_parents_that_it_names() -> None:
    for name, made in documents(*everything()).items():
        if not name.startswith("dashboards/"):
            continue
        parts = {key: part for key, part in made["position"].items() if isinstance(part, dict)}
        children = [child for part in parts.values() for child in part["children"]]
        assert sorted(children) == sorted(set(parts) - {"ROOT_ID", "HEADER_ID"})
        for key, part in parts.items():
            assert part["id"] == key
            for child in part["children"]:
                assert parts[child]["parents"] == [*part.get("parents", []), key]


def test_the_charts_are_those_of_the_bundle_and_descriptions_are_shown() -> None:
    found = documents(*everything())
    charts = {one["uuid"]: one for path, one in found.items() if path.startswith("charts/")}
    named = []
    for path, made in found.items():
        if path.startswith("dashboards/"):
            shown = made["metadata"]["expanded_slices"]
            for part in made["position"].values():
                if isinstance(part, dict) and part["type"] == "CHART":
                    named.append(part["meta"]["uuid"])
                    assert (str(part["meta"]["chartId"]) in shown) == bool(charts[named[-1]]["description"])
    assert sorted(named) == sorted(charts)
