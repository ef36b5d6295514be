"""A stack with QuickSight's resources: deployed, changed, refused and deleted by CloudFormation."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from localaws.quicksight.operations import service_model
from localaws.quicksight.templates import coerced
from tests.localaws.quicksight.conftest import Sales
from tests.localaws.quicksight.definitions_of_sales import definition
from tests.support.localaws import ACCOUNT, STACK_WAIT

OWN = {"AwsAccountId": {"Ref": "AWS::AccountId"}}


def template(sales: Sales, prefix: str) -> dict[str, Any]:
    """All six types of resources, each with the prefix in its id."""
    source = sales.quicksight.describe_data_source(AwsAccountId=ACCOUNT, DataSourceId=sales.source.rpartition("/")[2])
    physical = sales.physical()
    physical["one"]["RelationalTable"]["DataSourceArn"] = {"Fn::GetAtt": ["Source", "Arn"]}
    window = {"ColumnName": "sold_at", "Size": {"Ref": "Days"}, "SizeUnit": "DAY"}
    board = definition("")
    board["DataSetIdentifierDeclarations"][0]["DataSetArn"] = {"Fn::GetAtt": ["Set", "Arn"]}
    schedule = {
        "ScheduleId": "daily",
        "RefreshType": "INCREMENTAL_REFRESH",
        "StartAfterDateTime": "2026-01-31T00:00:00",
        "ScheduleFrequency": {"Interval": "DAILY", "TimeOfTheDay": "06:00", "TimeZone": "Europe/Berlin"},
    }
    resources = {
        "Source": {
            "DataSourceId": prefix,
            "Name": "Lake",
            "Type": "ATHENA",
            "DataSourceParameters": source["DataSource"]["DataSourceParameters"],
        },
        "Set": {
            "DataSetId": prefix,
            "Name": "Sales",
            "ImportMode": "SPICE",
            "PhysicalTableMap": physical,
            "DataSetRefreshProperties": {"RefreshConfiguration": {"IncrementalRefresh": {"LookbackWindow": window}}},
        },
        "Schedule": {"DataSetId": prefix, "Schedule": schedule},
        "Theme": {
            "ThemeId": prefix,
            "Name": "Ours",
            "BaseThemeId": "CLASSIC",
            "Configuration": {"DataColorPalette": {"Colors": ["#112233"]}},
        },
        "Analysis": {"AnalysisId": prefix, "Name": "Sales", "Definition": copy.deepcopy(board)},
        "Dashboard": {
            "DashboardId": prefix,
            "Name": "Sales",
            "ThemeArn": {"Fn::GetAtt": ["Theme", "Arn"]},
            "Definition": copy.deepcopy(board),
        },
    }
    types = {"Source": "DataSource", "Set": "DataSet", "Schedule": "RefreshSchedule"}
    made: dict[str, Any] = {
        name: {"Type": f"AWS::QuickSight::{types.get(name, name)}", "Properties": {**OWN, **properties}}
        for name, properties in resources.items()
    }
    made["Schedule"]["DependsOn"] = "Set"
    outputs = {name: {"Value": {"Ref": name}} for name in made}
    return {"Parameters": {"Days": {"Type": "Number", "Default": 2}}, "Resources": made, "Outputs": outputs}


def deploy(sales: Sales, name: str, body: dict[str, Any], verb: str = "create") -> dict[str, str]:
    """Create or update a stack by a change set; returns its outputs. Raises WaiterError when it fails."""
    client = sales.aws.client("cloudformation")
    change = {"StackName": name, "ChangeSetName": sales.unique("change-")}
    client.create_change_set(**change, ChangeSetType=verb.upper(), TemplateBody=json.dumps(body))
    client.get_waiter("change_set_create_complete").wait(**change, WaiterConfig=STACK_WAIT)
    client.execute_change_set(**change)
    client.get_waiter(f"stack_{verb}_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def reasons(sales: Sales, name: str) -> str:
    events = sales.aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(each.get("ResourceStatusReason", "") for each in events)


@pytest.fixture
def prefix(sales: Sales) -> str:
    sales.put([(1, "Köln", "1.00", None, None)])
    return sales.unique("stacked-")


def test_a_stack_has_everything_that_its_template_names(sales: Sales, prefix: str) -> None:
    outputs = deploy(sales, prefix, template(sales, prefix))
    assert outputs["Set"] == f"{ACCOUNT}|{prefix}"
    assert outputs["Theme"] == f"{prefix}|{ACCOUNT}"
    assert outputs["Schedule"] == f"{ACCOUNT}|{prefix}|daily"
    own = {"AwsAccountId": ACCOUNT, "DataSetId": prefix}
    assert [row[:2] for row in sales.spice(prefix)] == [[1, "Köln"]]
    found = sales.quicksight.describe_data_set_refresh_properties(**own)["DataSetRefreshProperties"]
    assert found["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]["Size"] == 2
    schedule = sales.quicksight.describe_refresh_schedule(**own, ScheduleId="daily")["RefreshSchedule"]
    assert schedule["ScheduleFrequency"]["Timezone"] == "Europe/Berlin"
    assert schedule["StartAfterDateTime"].isoformat().startswith("2026-01-31T")
    board = sales.quicksight.describe_dashboard(AwsAccountId=ACCOUNT, DashboardId=prefix)["Dashboard"]
    assert board["Version"]["Status"] == "CREATION_SUCCESSFUL"
    client = sales.aws.client("cloudformation")
    client.delete_stack(StackName=prefix)
    client.get_waiter("stack_delete_complete").wait(StackName=prefix, WaiterConfig=STACK_WAIT)
    for call, member in (
        ("describe_data_source", "DataSourceId"),
        ("describe_data_set", "DataSetId"),
        ("describe_theme", "ThemeId"),
        ("describe_analysis", "AnalysisId"),
        ("describe_dashboard", "DashboardId"),
    ):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            getattr(sales.quicksight, call)(AwsAccountId=ACCOUNT, **{member: prefix})


def test_a_changed_template_publishes_a_version_and_edits_the_data_set(sales: Sales, prefix: str) -> None:
    body = template(sales, prefix)
    deploy(sales, prefix, body)
    body["Resources"]["Dashboard"]["Properties"]["Name"] = "Changed"
    body["Resources"]["Set"]["Properties"]["PhysicalTableMap"]["one"]["RelationalTable"]["InputColumns"].pop()
    deploy(sales, prefix, body, "update")
    board = sales.quicksight.describe_dashboard(AwsAccountId=ACCOUNT, DashboardId=prefix)["Dashboard"]
    assert (board["Name"], board["Version"]["VersionNumber"]) == ("Changed", 2)
    assert len(sales.spice(prefix)[0]) == 4
    kinds = sales.quicksight.list_ingestions(AwsAccountId=ACCOUNT, DataSetId=prefix)["Ingestions"]
    assert [each["RequestType"] for each in kinds] == ["EDIT", "INITIAL_INGESTION"]


def first_visual(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["Resources"]["Dashboard"]["Properties"]["Definition"]["Sheets"][0]["Visuals"][0]
    return found


def unknown_property(body: dict[str, Any]) -> None:
    body["Resources"]["Set"]["Properties"]["Colour"] = "red"


def unknown_member(body: dict[str, Any]) -> None:
    first_visual(body)["BarChartVisual"]["Colour"] = "red"


def gone_column(body: dict[str, Any]) -> None:
    filters = body["Resources"]["Dashboard"]["Properties"]["Definition"]["FilterGroups"][0]["Filters"]
    filters[0]["CategoryFilter"]["Column"]["ColumnName"] = "gone"


def gone_view(body: dict[str, Any]) -> None:
    body["Resources"]["Set"]["Properties"]["PhysicalTableMap"]["one"]["RelationalTable"]["Name"] = "gone"


def zone_of_the_api(body: dict[str, Any]) -> None:
    frequency = body["Resources"]["Schedule"]["Properties"]["Schedule"]["ScheduleFrequency"]
    frequency["Timezone"] = frequency.pop("TimeZone")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (unknown_property, "Unknown member 'Colour'"),
        (unknown_member, "Unknown member 'Definition.Sheets[0].Visuals[0].BarChartVisual.Colour'"),
        (gone_column, "COLUMN_REPLACEMENT_MISSING"),
        (gone_view, "SQL_TABLE_NOT_FOUND"),
        (zone_of_the_api, "in templates it is TimeZone"),
    ],
)
def test_a_faulty_template_fails_and_leaves_nothing(sales: Sales, prefix: str, spoil: Any, reason: str) -> None:
    body = template(sales, prefix)
    spoil(body)
    with pytest.raises(WaiterError):
        deploy(sales, prefix, body)
    assert reason in reasons(sales, prefix)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        sales.quicksight.describe_data_set(AwsAccountId=ACCOUNT, DataSetId=prefix)


@pytest.mark.parametrize(
    ("shape", "given", "made"),
    [
        ("LookbackWindow", {"Size": "7", "ColumnName": 7}, {"Size": 7, "ColumnName": "7"}),
        ("LookbackWindow", {"Size": "many"}, {"Size": "many"}),
        ("SslProperties", {"DisableSsl": "true"}, {"DisableSsl": True}),
    ],
)
def test_texts_of_a_template_are_numbers_and_booleans_where_the_api_has_them(
    shape: str, given: dict[str, Any], made: dict[str, Any]
) -> None:
    assert coerced(service_model().shape_for(shape), given) == made
