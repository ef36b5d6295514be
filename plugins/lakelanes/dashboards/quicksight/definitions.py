"""Definitions: the whole of a dashboard, which its analysis and its published version have in common.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_DashboardVersionDefinition.html
"""

from __future__ import annotations

from collections.abc import Mapping

from lakelanes.dashboards.model import Dashboard, Sheet
from lakelanes.dashboards.quicksight.calculated import CalculatedFields
from lakelanes.dashboards.quicksight.data_sets import data_set_resource
from lakelanes.dashboards.quicksight.fields import Fields
from lakelanes.dashboards.quicksight.filters import filter_groups
from lakelanes.dashboards.quicksight.layout import grid
from lakelanes.dashboards.quicksight.resources import Properties, arn_of, resource
from lakelanes.dashboards.quicksight.visuals import visual
from lakelanes.dashboards.view_columns import Columns


def definition(dashboard: Dashboard, views: Mapping[str, Columns]) -> Properties:
    """The Definition of a dashboard whose references are without fault."""
    used = {one.dataset for one in dashboard.visuals}
    datasets = {name: dataset for name, dataset in dashboard.datasets.items() if name in used}
    calculated = CalculatedFields({column for dataset in datasets.values() for column in views[dataset.view]})
    sheets: list[Properties] = []
    groups: list[Properties] = []
    for number, sheet in enumerate(dashboard.sheets, 1):
        own = [
            Fields(one, datasets[one.dataset], views[datasets[one.dataset].view], calculated) for one in sheet.visuals
        ]
        sheets.append(_sheet(f"sheet{number}", sheet, own))
        groups += [group for fields in own for group in filter_groups(f"sheet{number}", fields)]
    found: Properties = {
        "DataSetIdentifierDeclarations": [
            {"Identifier": name, "DataSetArn": arn_of(data_set_resource(name))} for name in datasets
        ],
        "Sheets": sheets,
    }
    if fields := calculated.properties():
        found["CalculatedFields"] = fields
    if groups:
        found["FilterGroups"] = groups
    return found | {"Options": {"WeekStart": "MONDAY"}}


def board(kind: str, dashboard: Dashboard, definition: Properties) -> Properties:
    """The resource of an 'Analysis' or a 'Dashboard'."""
    return resource(
        kind,
        dashboard.name,
        {"Name": dashboard.title, "ThemeArn": arn_of("Theme"), "Definition": definition},
    )


def _sheet(identifier: str, sheet: Sheet, fields: list[Fields]) -> Properties:
    return {
        "SheetId": identifier,
        "Name": sheet.title,
        "ContentType": "INTERACTIVE",
        "Visuals": [visual(one) for one in fields],
        "Layouts": [grid(sheet.visuals)],
    }
