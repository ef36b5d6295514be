"""Definitions: all visuals of a dashboard on its sheets, the data sets that they use, the fields that they need."""

from __future__ import annotations

from typing import Any

from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.quicksight.definitions import board, definition
from tests.lakelanes.dashboards.quicksight.support import COLUMNS, TOTAL

RATIO = {"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "sales", "title": "Basket"}


def visual(name: str, **settings: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": "T",
        "kind": "bar",
        "dataset": "shop",
        "x": {"column": "city"},
        "y": [TOTAL],
        **settings,
    }


def dashboard(*sheets: list[dict[str, Any]]) -> Dashboard:
    return Dashboard.model_validate(
        {
            "name": "shops",
            "title": "Shops",
            "datasets": {"shop": {"view": "shop_view"}, "unused": {"view": "other"}},
            "sheets": [{"title": f"Sheet {number}", "visuals": list(sheet)} for number, sheet in enumerate(sheets)],
        }
    )


def made(*sheets: list[dict[str, Any]]) -> dict[str, Any]:
    return definition(dashboard(*sheets), {"shop_view": COLUMNS, "other": COLUMNS})


def test_visuals_stand_on_their_sheets() -> None:
    found = made([visual("a"), visual("b", kind="line")], [visual("c")])
    assert [(one["SheetId"], one["Name"]) for one in found["Sheets"]] == [("sheet1", "Sheet 0"), ("sheet2", "Sheet 1")]
    assert [[next(iter(one)) for one in sheet["Visuals"]] for sheet in found["Sheets"]] == [
        ["BarChartVisual", "LineChartVisual"],
        ["BarChartVisual"],
    ]
    assert found["Options"] == {"WeekStart": "MONDAY"}
    assert "CalculatedFields" not in found and "FilterGroups" not in found


def test_the_data_sets_that_are_drawn_are_declared() -> None:
    declared = made([visual("a")])["DataSetIdentifierDeclarations"]
    assert declared == [{"Identifier": "shop", "DataSetArn": {"Fn::GetAtt": ["DataSetShop", "Arn"]}}]


def test_visuals_share_a_calculated_field_and_have_filters_of_their_own() -> None:
    only = {"filters": [{"column": "city", "in": ["Bern"]}]}
    found = made([visual("a", y=[RATIO], **only)], [visual("b", y=[RATIO], **only)])
    assert [one["Name"] for one in found["CalculatedFields"]] == ["Basket"]
    assert [one["FilterGroupId"] for one in found["FilterGroups"]] == ["a-group1", "b-group1"]
    scopes = [one["ScopeConfiguration"]["SelectedSheets"] for one in found["FilterGroups"]]
    assert [one["SheetVisualScopingConfigurations"][0]["SheetId"] for one in scopes] == ["sheet1", "sheet2"]


def test_an_analysis_and_a_dashboard_are_of_the_same_definition() -> None:
    one = dashboard([visual("a")])
    for kind in ("Analysis", "Dashboard"):
        resource = board(kind, one, {"Sheets": []})
        assert (resource["Type"], resource["Properties"]["Name"]) == (f"AWS::QuickSight::{kind}", "Shops")
        assert resource["Properties"][f"{kind}Id"] == {"Fn::Sub": "${Prefix}-shops"}
        assert resource["Properties"]["Definition"] == {"Sheets": []}
