"""Holds a template against itself and the views: every reference leads somewhere, nothing is beyond a limit.

cfn-lint knows members, enums, patterns and ranges, and no column
(https://github.com/aws-cloudformation/cfn-lint). What is wrong here, AWS would find when the stack is made, or nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lakelanes.dashboards.model import MAX_SHEETS, MAX_VISUALS
from lakelanes.dashboards.quicksight.data_sets import input_columns
from lakelanes.dashboards.quicksight.layout import COLUMNS
from lakelanes.dashboards.quicksight.resources import Properties
from lakelanes.dashboards.view_columns import Columns

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: of a template in S3, and of
# its resources.
MOST_BYTES = 1_000_000
MOST_RESOURCES = 500
_REFERENCE = re.compile(r"\{([^}]+)\}")


def template_faults(template: Properties, views: Mapping[str, Columns]) -> list[str]:
    """Every fault: the resource, where in it, what was found. views: the columns that the views have."""
    resources = template["Resources"]
    columns: dict[str, dict[str, str]] = {}
    found: list[str] = []
    for name, one in resources.items():
        if one["Type"] == "AWS::QuickSight::DataSet":
            found += [f"{name}: {fault}" for fault in _data_set(one["Properties"], views)]
            columns[name] = {each["Name"]: each["Type"] for each in _table(one["Properties"])["InputColumns"]}
    for name, one in resources.items():
        if "Definition" in one["Properties"]:
            found += [f"{name}: {fault}" for fault in _definition(one["Properties"]["Definition"], columns)]
    if len(resources) > MOST_RESOURCES:
        found.append(f"the template has {len(resources)} resources, and CloudFormation takes {MOST_RESOURCES}")
    return found


def _table(data_set: Properties) -> Properties:
    table: Properties = data_set["PhysicalTableMap"]["view"]["RelationalTable"]
    return table


def _data_set(data_set: Properties, views: Mapping[str, Columns]) -> Iterator[str]:
    """A data set's columns are those of its view, with their types, and its window is over one of them."""
    table = _table(data_set)
    if table["Name"] not in views:
        yield f"there is no view {table['Name']}"
        return
    known = {each["Name"]: each for each in input_columns(views[table["Name"]])}
    given = {each["Name"]: each for each in table["InputColumns"]}
    for name, each in given.items():
        if name not in known:
            yield f"view {table['Name']} has no column {name}"
        elif each != known[name]:
            yield f"column {name} is {_type(each)}, and in view {table['Name']} {_type(known[name])}"
    refresh = data_set.get("DataSetRefreshProperties", {}).get("RefreshConfiguration", {})
    window = refresh.get("IncrementalRefresh", {}).get("LookbackWindow")
    if window and given.get(window["ColumnName"], {}).get("Type") != "DATETIME":
        yield f"the LookbackWindow is over {window['ColumnName']}, which is no date of the data set"


def _type(column: Properties) -> str:
    return " ".join(column[name] for name in ("Type", "SubType") if name in column)


def _definition(definition: Properties, data_sets: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    declared = {}
    for each in definition["DataSetIdentifierDeclarations"]:
        logical = each["DataSetArn"]["Fn::GetAtt"][0]
        if logical not in data_sets:
            yield f"dataset {each['Identifier']} is {logical}, which the template has not"
        declared[each["Identifier"]] = set(data_sets.get(logical, ()))
    calculated = definition.get("CalculatedFields", [])
    for each in calculated:
        declared.get(each["DataSetIdentifier"], set()).add(each["Name"])
    for each in calculated:
        for name in _REFERENCE.findall(each["Expression"]):
            if name not in declared.get(each["DataSetIdentifier"], ()):
                yield f"calculated field {each['Name']!r}: its data set has no column {name!r}"
    for path, column in _columns(definition, ""):
        identifier, name = column["DataSetIdentifier"], column["ColumnName"]
        if identifier not in declared:
            yield f"{path}: there is no dataset {identifier!r}"
        elif name not in declared[identifier]:
            yield f"{path}: dataset {identifier} has no column {name!r}"
    sheets = definition["Sheets"]
    if len(sheets) > MAX_SHEETS:
        yield f"{len(sheets)} sheets, and QuickSight takes {MAX_SHEETS}"
    for sheet in sheets:
        yield from (f"{sheet['SheetId']}: {fault}" for fault in _sheet(sheet))


def _columns(value: Any, path: str) -> Iterator[tuple[str, Properties]]:
    """Every ColumnIdentifier below, with its place."""
    if isinstance(value, dict):
        if "ColumnName" in value and "DataSetIdentifier" in value:
            yield path, value
        for name, each in value.items():
            yield from _columns(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _columns(each, f"{path}[{number}]")


def _sheet(sheet: Properties) -> Iterator[str]:
    visuals = [one["VisualId"] for visual in sheet["Visuals"] for one in visual.values()]
    if len(visuals) > MAX_VISUALS:
        yield f"{len(visuals)} visuals, and QuickSight takes {MAX_VISUALS}"
    elements = [one for layout in sheet["Layouts"] for one in layout["Configuration"]["GridLayout"]["Elements"]]
    placed = [one["ElementId"] for one in elements]
    if sorted(placed) != sorted(visuals):
        yield f"the layout places {', '.join(placed)}, and the visuals are {', '.join(visuals)}"
    cells: dict[tuple[int, int], str] = {}
    for one in elements:
        if one["ColumnIndex"] + one["ColumnSpan"] > COLUMNS:
            yield f"{one['ElementId']} is wider than the grid"
        for column in range(one["ColumnIndex"], one["ColumnIndex"] + one["ColumnSpan"]):
            for row in range(one["RowIndex"], one["RowIndex"] + one["RowSpan"]):
                other = cells.setdefault((column, row), one["ElementId"])
                if other != one["ElementId"]:
                    yield f"{one['ElementId']} lies over {other}"
                    break
            else:
                continue
            break
