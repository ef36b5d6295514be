"""Requests against the service's definition."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from localaws.protocol import AwsError
from localaws.quicksight.operations import DEFINITION

GOOD: dict[str, Any] = {
    "AwsAccountId": "000000000000",
    "DataSetId": "sales",
    "Name": "Sales",
    "ImportMode": "SPICE",
    "PhysicalTableMap": {
        "one": {
            "RelationalTable": {
                "DataSourceArn": "arn:aws:quicksight:us-east-1:000000000000:datasource/lake",
                "Name": "sales",
                "InputColumns": [{"Name": "city", "Type": "STRING"}],
            }
        }
    },
}


def spoiled(path: list[Any], value: Any) -> dict[str, Any]:
    """The good request with another value at a path; None takes it away."""
    request = copy.deepcopy(GOOD)
    within: Any = request
    for part in path[:-1]:
        within = within[part]
    if value is None:
        del within[path[-1]]
    else:
        within[path[-1]] = value
    return request


TABLE = ["PhysicalTableMap", "one", "RelationalTable"]


def test_a_request_by_the_definition_is_taken() -> None:
    DEFINITION.check_request("CreateDataSet", GOOD)


@pytest.mark.parametrize(
    ("path", "value", "where", "constraint"),
    [
        (["Name"], None, "'Name'", "must not be null"),
        ([*TABLE, "InputColumns"], None, "'PhysicalTableMap.one.RelationalTable.InputColumns'", "must not be null"),
        ([*TABLE, "Colour"], "red", "'PhysicalTableMap.one.RelationalTable.Colour'", "Unknown member"),
        (["ImportMode"], "FAST", "'ImportMode'", r"enum value set: \[SPICE, DIRECT_QUERY\]"),
        (["AwsAccountId"], "00000000000a", "'AwsAccountId'", "regular expression pattern"),
        (["AwsAccountId"], "0", "'AwsAccountId'", "length greater than or equal to 12"),
        ([*TABLE, "InputColumns", 0, "Name"], "", r"InputColumns\[0\].Name'", "length greater than or equal to 1"),
        ([*TABLE, "Name"], "x" * 257, "RelationalTable.Name'", "length less than or equal to 256"),
        (["Name"], 7, "'Name'", "of type string"),
        (["Tags"], [], "'Tags'", "length greater than or equal to 1"),
        (
            ["PhysicalTableMap", "one", "CustomSql"],
            {"DataSourceArn": "arn", "Name": "n", "SqlQuery": "SELECT 1"},
            "'PhysicalTableMap.one'",
            "only one of the attributes",
        ),
    ],
)
def test_what_the_definition_does_not_allow_is_refused_with_its_path(
    path: list[Any], value: Any, where: str, constraint: str
) -> None:
    with pytest.raises(AwsError, match=where) as caught:
        DEFINITION.check_request("CreateDataSet", spoiled(path, value))
    assert caught.value.code == "InvalidParameterValueException"
    with pytest.raises(AwsError, match=constraint):
        DEFINITION.check_request("CreateDataSet", spoiled(path, value))


def board(visuals: int = 1, sheets: int = 1, identifier: str = "v") -> dict[str, Any]:
    """A dashboard of sheets with as many empty visuals each."""
    content = {"EmptyVisual": {"VisualId": identifier, "DataSetIdentifier": "sales"}}
    definition = {
        "DataSetIdentifierDeclarations": [{"Identifier": "sales", "DataSetArn": "arn"}],
        "Sheets": [{"SheetId": "s", "Visuals": [content] * visuals}] * sheets,
    }
    return {"AwsAccountId": "000000000000", "DashboardId": "b", "Name": "B", "Definition": definition}


def test_a_dashboard_has_20_sheets_and_75_visuals_on_each_at_most() -> None:
    DEFINITION.check_request("CreateDashboard", board(75, 20))
    for given, where in ((board(76, 20), r"Sheets\[0\]\.Visuals"), (board(1, 21), "Definition.Sheets'")):
        with pytest.raises(AwsError, match=where):
            DEFINITION.check_request("CreateDashboard", given)


def test_an_id_has_letters_of_ascii_alone() -> None:
    with pytest.raises(AwsError, match=r"VisualId' failed .* regular expression pattern"):
        DEFINITION.check_request("CreateDashboard", board(identifier="größe"))


def test_a_number_out_of_range_is_refused() -> None:
    window = {"ColumnName": "day", "Size": 0, "SizeUnit": "DAY"}
    properties = {"RefreshConfiguration": {"IncrementalRefresh": {"LookbackWindow": window}}}
    request = {"AwsAccountId": "000000000000", "DataSetId": "sales", "DataSetRefreshProperties": properties}
    with pytest.raises(AwsError, match=r"Size' failed .* value greater than or equal to 1"):
        DEFINITION.check_request("PutDataSetRefreshProperties", request)
