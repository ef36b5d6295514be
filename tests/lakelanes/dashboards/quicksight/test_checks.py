"""Faults that are planted in the template of the repository: each is found, with its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from lakelanes.config.loading import DEFAULT_PATH, load_config
from lakelanes.dashboards.quicksight import checks
from lakelanes.dashboards.quicksight.checks import template_faults
from lakelanes.dashboards.quicksight.template import dashboards_template
from lakelanes.dashboards.view_columns import view_columns
from tests.support.localaws import ACCOUNT

CONFIG = load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": ACCOUNT})
VIEWS = {name: dict(columns) for name, columns in view_columns(CONFIG).columns.items()}
TEMPLATE = dashboards_template(CONFIG)


def dashboard(template: dict[str, Any]) -> Any:
    return template["Resources"]["DashboardSales"]["Properties"]["Definition"]


def data_set(template: dict[str, Any], name: str = "DataSetSales") -> Any:
    return template["Resources"][name]["Properties"]["PhysicalTableMap"]["view"]["RelationalTable"]


def elements(template: dict[str, Any]) -> Any:
    return dashboard(template)["Sheets"][0]["Layouts"][0]["Configuration"]["GridLayout"]["Elements"]


def test_the_template_of_the_repository_has_none() -> None:
    assert template_faults(TEMPLATE, VIEWS) == []


def unknown_column(template: dict[str, Any]) -> None:
    kpi = dashboard(template)["Sheets"][0]["Visuals"][0]["KPIVisual"]["ChartConfiguration"]
    kpi["FieldWells"]["Values"][0]["NumericalMeasureField"]["Column"]["ColumnName"] = "revenues"


def unknown_dataset(template: dict[str, Any]) -> None:
    kpi = dashboard(template)["Sheets"][0]["Visuals"][0]["KPIVisual"]["ChartConfiguration"]
    kpi["FieldWells"]["Values"][0]["NumericalMeasureField"]["Column"]["DataSetIdentifier"] = "elsewhere"


def unknown_data_set_resource(template: dict[str, Any]) -> None:
    dashboard(template)["DataSetIdentifierDeclarations"][0]["DataSetArn"]["Fn::GetAtt"][0] = "DataSetGone"


def column_left_out_of_the_data_set(template: dict[str, Any]) -> None:
    columns = data_set(template)["InputColumns"]
    columns[:] = [one for one in columns if one["Name"] != "refunds"]


def column_that_the_view_lacks(template: dict[str, Any]) -> None:
    data_set(template)["InputColumns"].append({"Name": "profit", "Type": "DECIMAL"})


def column_of_another_type(template: dict[str, Any]) -> None:
    next(one for one in data_set(template)["InputColumns"] if one["Name"] == "revenue")["SubType"] = "FLOAT"


def view_that_is_not_there(template: dict[str, Any]) -> None:
    data_set(template)["Name"] = "revenues"


def window_over_no_date(template: dict[str, Any]) -> None:
    refresh = template["Resources"]["DataSetSales"]["Properties"]["DataSetRefreshProperties"]["RefreshConfiguration"]
    refresh["IncrementalRefresh"]["LookbackWindow"]["ColumnName"] = "revenue"


def overlapping_layout(template: dict[str, Any]) -> None:
    elements(template)[1]["ColumnIndex"] -= 1


def element_beside_the_sheet(template: dict[str, Any]) -> None:
    elements(template)[1]["ColumnIndex"] += 1


def visual_without_a_place(template: dict[str, Any]) -> None:
    elements(template).pop()


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (unknown_column, "DashboardSales: Sheets[0].Visuals[0].KPIVisual.ChartConfiguration.FieldWells.Values[0]."),
        (unknown_dataset, "there is no dataset 'elsewhere'"),
        (unknown_data_set_resource, "DashboardSales: dataset sales is DataSetGone, which the template has not"),
        (
            column_left_out_of_the_data_set,
            "calculated field 'Refunds, calculated': its data set has no column",
        ),
        (column_that_the_view_lacks, "DataSetSales: view revenue_by_day_and_category has no column profit"),
        (
            column_of_another_type,
            "revenue is DECIMAL FLOAT, and in view revenue_by_day_and_category DECIMAL FIXED",
        ),
        (view_that_is_not_there, "DataSetSales: there is no view revenues"),
        (window_over_no_date, "DataSetSales: the LookbackWindow is over revenue, which is no date of the data set"),
        (overlapping_layout, "DashboardSales: sheet1: refunds_of_the_month lies over revenue_of_the_month"),
        (element_beside_the_sheet, "DashboardSales: sheet1: refunds_of_the_month is wider than the grid"),
        (visual_without_a_place, "DashboardSales: sheet1: the layout places revenue_of_the_month, "),
    ],
)
def test_a_planted_fault_is_found(plant: Callable[[dict[str, Any]], None], expected: str) -> None:
    template = copy.deepcopy(TEMPLATE)
    plant(template)
    faults = template_faults(template, VIEWS)
    assert any(expected in fault for fault in faults), faults


def test_a_column_that_was_dropped_from_a_view_is_found() -> None:
    views = {
        **VIEWS,
        "rows_by_day": {name: kind for name, kind in VIEWS["rows_by_day"].items() if name != "rows_loaded"},
    }
    assert "DataSetRowsByDay: view rows_by_day has no column rows_loaded" in template_faults(TEMPLATE, views)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("MAX_SHEETS", "3 sheets, and QuickSight takes 1"), ("MAX_VISUALS", "4 visuals, and QuickSight takes 1")],
)
def test_what_is_beyond_a_limit_is_found(monkeypatch: pytest.MonkeyPatch, limit: str, expected: str) -> None:
    monkeypatch.setattr(checks, limit, 1)
    assert any(expected in fault for fault in template_faults(TEMPLATE, VIEWS))


def test_more_resources_than_a_template_has_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_RESOURCES", 5)
    assert template_faults(TEMPLATE, VIEWS)[-1].endswith("resources, and CloudFormation takes 5")
