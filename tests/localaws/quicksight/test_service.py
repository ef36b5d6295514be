"""Data sources, data sets, schedules, analyses, dashboards and themes, by real clients."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localaws.controls import control
from tests.localaws.quicksight.conftest import COLUMNS, Sales
from tests.localaws.quicksight.definitions_of_sales import definition
from tests.support.localaws import ACCOUNT
from tests.support.waiting import wait_for

USER = f"arn:aws:quicksight:us-east-1:{ACCOUNT}:user/default/ann"
OWNER = {"Principal": USER, "Actions": ["quicksight:DescribeDashboard", "quicksight:QueryDashboard"]}


def refused(call: Any, /, **members: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(AwsAccountId=ACCOUNT, **members)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def data_set(sales: Sales) -> dict[str, Any]:
    """A data set that is read directly."""
    return sales.create(ImportMode="DIRECT_QUERY")


def status(sales: Sales, identifier: str) -> dict[str, Any]:
    """A data source once its connection was tried."""
    return wait_for(
        lambda: dict(
            sales.quicksight.describe_data_source(AwsAccountId=ACCOUNT, DataSourceId=identifier)["DataSource"]
        ),
        lambda found: not found["Status"].endswith("IN_PROGRESS"),
    )


def test_a_data_source_is_tried_in_its_workgroup(sales: Sales) -> None:
    quicksight = sales.quicksight
    found = status(sales, sales.source.rpartition("/")[2])
    assert (found["Status"], found["Type"], found["Arn"]) == ("CREATION_SUCCESSFUL", "ATHENA", sales.source)
    identifier = sales.unique("broken-")
    members = {"AwsAccountId": ACCOUNT, "DataSourceId": identifier, "Name": "Broken"}
    gone = {"AthenaParameters": {"WorkGroup": "gone"}}
    quicksight.create_data_source(**members, Type="ATHENA", DataSourceParameters=gone)
    assert status(sales, identifier)["Status"] == "CREATION_FAILED"
    assert status(sales, identifier)["ErrorInfo"]["Type"] == "GENERIC_SQL_FAILURE"
    quicksight.update_data_source(**members, DataSourceParameters={"AthenaParameters": {"WorkGroup": "primary"}})
    assert status(sales, identifier)["Status"] == "UPDATE_FAILED"
    assert refused(quicksight.create_data_source, DataSourceId=identifier, Name="x", Type="ATHENA") == (
        "ResourceExistsException"
    )
    quicksight.delete_data_source(AwsAccountId=ACCOUNT, DataSourceId=identifier)
    assert refused(quicksight.describe_data_source, DataSourceId=identifier) == "ResourceNotFoundException"


def test_an_ingestion_without_its_data_source_fails(sales: Sales) -> None:
    data_set = sales.create()["DataSetId"]
    sales.quicksight.delete_data_source(AwsAccountId=ACCOUNT, DataSourceId=sales.source.rpartition("/")[2])
    assert sales.refresh(data_set)["ErrorInfo"]["Type"] == "DATA_SOURCE_NOT_FOUND"


def test_a_data_set_shows_its_columns_as_analyses_have_them(sales: Sales, data_set: dict[str, Any]) -> None:
    found = sales.quicksight.describe_data_set(AwsAccountId=ACCOUNT, DataSetId=data_set["DataSetId"])["DataSet"]
    assert {each["Name"]: each["Type"] for each in found["OutputColumns"]} == {**COLUMNS, "online": "INTEGER"}
    listed = sales.quicksight.list_data_sets(AwsAccountId=ACCOUNT)["DataSetSummaries"]
    assert data_set["Arn"] in {each["Arn"] for each in listed}


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"PhysicalTableMap": {}}, "InvalidParameterValueException"),
        (
            {"RowLevelPermissionDataSet": {"Arn": "arn", "PermissionPolicy": "GRANT_ACCESS"}},
            "InvalidParameterValueException",
        ),
        ({"FolderArns": ["arn"]}, "InvalidParameterValueException"),
    ],
)
def test_what_is_not_supported_is_refused(sales: Sales, members: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match="not supported by the local AWS") as caught:
        sales.create(ImportMode="DIRECT_QUERY", **members)
    assert caught.value.response["Error"]["Code"] == code


def test_a_data_set_of_no_data_source_is_refused(sales: Sales) -> None:
    physical = sales.physical()
    physical["one"]["RelationalTable"]["DataSourceArn"] = f"{sales.source}-gone"
    with pytest.raises(ClientError) as caught:
        sales.create(PhysicalTableMap=physical)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_schedules_are_five_at_most_and_checked(sales: Sales) -> None:
    quicksight, data_set = sales.quicksight, sales.loaded()
    daily = {"Interval": "DAILY", "TimeOfTheDay": "06:30", "Timezone": "Europe/Berlin"}

    def schedule(number: int, kind: str = "FULL_REFRESH", **frequency: Any) -> dict[str, Any]:
        return {"ScheduleId": f"s{number}", "RefreshType": kind, "ScheduleFrequency": {**daily, **frequency}}

    create = quicksight.create_refresh_schedule
    for number in range(5):
        create(AwsAccountId=ACCOUNT, DataSetId=data_set, Schedule=schedule(number))
    assert refused(create, DataSetId=data_set, Schedule=schedule(0)) == "ResourceExistsException"
    assert refused(create, DataSetId=data_set, Schedule=schedule(5)) == "LimitExceededException"
    update = quicksight.update_refresh_schedule
    for frequency in (
        {"TimeOfTheDay": "24:00"},
        {"Timezone": "Mars/Olympus"},
        {"Interval": "WEEKLY"},
        {"Interval": "MINUTE15"},
    ):
        refusal = refused(update, DataSetId=data_set, Schedule=schedule(0, **frequency))
        assert refusal == "InvalidParameterValueException"
    incremental = schedule(0, "INCREMENTAL_REFRESH")
    assert refused(update, DataSetId=data_set, Schedule=incremental) == "PreconditionNotMetException"
    sales.look_back(data_set, 1, "WEEK")
    update(AwsAccountId=ACCOUNT, DataSetId=data_set, Schedule=incremental)
    found = quicksight.describe_refresh_schedule(AwsAccountId=ACCOUNT, DataSetId=data_set, ScheduleId="s0")
    assert found["RefreshSchedule"]["RefreshType"] == "INCREMENTAL_REFRESH"
    assert refused(quicksight.delete_data_set_refresh_properties, DataSetId=data_set) == "ConflictException"
    quicksight.delete_refresh_schedule(AwsAccountId=ACCOUNT, DataSetId=data_set, ScheduleId="s0")
    quicksight.delete_data_set_refresh_properties(AwsAccountId=ACCOUNT, DataSetId=data_set)
    assert refused(quicksight.describe_data_set_refresh_properties, DataSetId=data_set) == "ResourceNotFoundException"
    assert len(quicksight.list_refresh_schedules(AwsAccountId=ACCOUNT, DataSetId=data_set)["RefreshSchedules"]) == 4


def test_refresh_properties_are_for_spice(sales: Sales, data_set: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="is not a SPICE dataset and is not supported for incremental refresh"):
        sales.look_back(data_set["DataSetId"], 1, "DAY")


def test_a_dashboard_has_versions_of_which_one_is_published(sales: Sales, data_set: dict[str, Any]) -> None:
    quicksight, identifier = sales.quicksight, sales.unique("board-")
    members = {"AwsAccountId": ACCOUNT, "DashboardId": identifier, "Name": "Sales"}
    theme = "arn:aws:quicksight::aws:theme/MIDNIGHT"
    quicksight.create_dashboard(
        **members, Definition=definition(data_set["Arn"]), ThemeArn=theme, Permissions=[OWNER], VersionDescription="one"
    )
    first = quicksight.describe_dashboard(AwsAccountId=ACCOUNT, DashboardId=identifier)["Dashboard"]["Version"]
    assert first["Status"] == "CREATION_SUCCESSFUL"
    assert first["DataSetArns"] == [data_set["Arn"]]
    assert first["Sheets"] == [{"SheetId": "overview", "Name": "Overview"}]
    changed = definition(data_set["Arn"])
    changed["Sheets"][0]["Name"] = "Changed"
    quicksight.update_dashboard(**members, Definition=changed)
    shown = quicksight.describe_dashboard_definition(AwsAccountId=ACCOUNT, DashboardId=identifier)
    assert shown["Definition"] == definition(data_set["Arn"])
    quicksight.update_dashboard_published_version(AwsAccountId=ACCOUNT, DashboardId=identifier, VersionNumber=2)
    shown = quicksight.describe_dashboard_definition(AwsAccountId=ACCOUNT, DashboardId=identifier)
    assert shown["Definition"] == changed
    (listed,) = (
        each
        for each in quicksight.list_dashboards(AwsAccountId=ACCOUNT)["DashboardSummaryList"]
        if each["DashboardId"] == identifier
    )
    assert listed["PublishedVersionNumber"] == 2


def test_a_version_with_errors_cannot_be_published(sales: Sales, data_set: dict[str, Any]) -> None:
    quicksight, identifier = sales.quicksight, sales.unique("board-")
    broken = definition(data_set["Arn"])
    broken["FilterGroups"][0]["Filters"][0]["CategoryFilter"]["Column"]["ColumnName"] = "gone"
    quicksight.create_dashboard(AwsAccountId=ACCOUNT, DashboardId=identifier, Name="Sales", Definition=broken)
    version = quicksight.describe_dashboard(AwsAccountId=ACCOUNT, DashboardId=identifier)["Dashboard"]["Version"]
    assert version["Status"] == "CREATION_FAILED"
    assert [each["Type"] for each in version["Errors"]] == ["COLUMN_REPLACEMENT_MISSING"]
    (listed,) = (
        each
        for each in quicksight.list_dashboards(AwsAccountId=ACCOUNT)["DashboardSummaryList"]
        if each["DashboardId"] == identifier
    )
    assert "PublishedVersionNumber" not in listed
    publish = quicksight.update_dashboard_published_version
    assert refused(publish, DashboardId=identifier, VersionNumber=1) == "InvalidParameterValueException"


def test_an_analysis_that_is_deleted_can_be_restored_for_a_time(clocked_sales: Sales) -> None:
    sales = clocked_sales
    quicksight, identifier = sales.quicksight, sales.unique("analysis-")
    arn = sales.create(ImportMode="DIRECT_QUERY")["Arn"]
    members = {"AwsAccountId": ACCOUNT, "AnalysisId": identifier}

    def make() -> None:
        quicksight.create_analysis(**members, Name="Sales", Definition=definition(arn))

    def state() -> str:
        return str(quicksight.describe_analysis(**members)["Analysis"]["Status"])

    make()
    assert state() == "CREATION_SUCCESSFUL"
    quicksight.delete_analysis(**members, RecoveryWindowInDays=7)
    assert state() == "DELETED"
    with pytest.raises(ClientError, match="already exists"):
        make()
    quicksight.restore_analysis(**members)
    assert state() == "CREATION_SUCCESSFUL"
    quicksight.delete_analysis(**members, RecoveryWindowInDays=7)
    control(sales.aws, "clock", advance=7 * 24 * 3600)
    make()
    quicksight.delete_analysis(**members, ForceDeleteWithoutRecovery=True)
    assert refused(quicksight.describe_analysis, AnalysisId=identifier) == "ResourceNotFoundException"


def test_themes_are_made_of_others_and_used_by_dashboards(sales: Sales, data_set: dict[str, Any]) -> None:
    quicksight, identifier = sales.quicksight, sales.unique("theme-")
    configuration = {"DataColorPalette": {"Colors": ["#112233", "#445566"]}}
    members = {"ThemeId": identifier, "Name": "Ours", "Configuration": configuration}
    assert refused(quicksight.create_theme, **members, BaseThemeId="gone") == "ResourceNotFoundException"
    arn = quicksight.create_theme(AwsAccountId=ACCOUNT, **members, BaseThemeId="CLASSIC")["Arn"]
    quicksight.update_theme(AwsAccountId=ACCOUNT, ThemeId=identifier, BaseThemeId="MIDNIGHT", Name="Theirs")
    theme = quicksight.describe_theme(AwsAccountId=ACCOUNT, ThemeId=identifier)["Theme"]
    assert (theme["Name"], theme["Version"]["VersionNumber"]) == ("Theirs", 2)
    assert theme["Version"]["Configuration"] == configuration
    board = {"DashboardId": sales.unique("board-"), "Name": "Sales", "Definition": definition(data_set["Arn"])}
    create = quicksight.create_dashboard
    assert refused(create, **board, ThemeArn=f"{arn}-gone") == "ResourceNotFoundException"
    create(AwsAccountId=ACCOUNT, **board, ThemeArn=arn)


def test_permissions_and_tags_are_kept(sales: Sales, data_set: dict[str, Any]) -> None:
    quicksight, identifier = sales.quicksight, sales.unique("board-")
    arn = quicksight.create_dashboard(
        AwsAccountId=ACCOUNT,
        DashboardId=identifier,
        Name="Sales",
        Definition=definition(data_set["Arn"]),
        Permissions=[OWNER],
        Tags=[{"Key": "team", "Value": "lake"}],
    )["Arn"]
    change = quicksight.update_dashboard_permissions
    wrong = {**OWNER, "Actions": ["quicksight:DescribeDataSet"]}
    assert refused(change, DashboardId=identifier, GrantPermissions=[wrong]) == "InvalidParameterValueException"
    revoked = {**OWNER, "Actions": ["quicksight:QueryDashboard"]}
    change(AwsAccountId=ACCOUNT, DashboardId=identifier, RevokePermissions=[revoked])
    shown = quicksight.describe_dashboard_permissions(AwsAccountId=ACCOUNT, DashboardId=identifier)
    assert shown["Permissions"] == [{**OWNER, "Actions": ["quicksight:DescribeDashboard"]}]
    quicksight.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    quicksight.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert quicksight.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]


def test_what_is_not_of_the_request_or_the_account_is_refused(sales: Sales) -> None:
    with pytest.raises(ClientError) as caught:
        sales.quicksight.list_data_sets(AwsAccountId="111111111111")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError) as caught:
        sales.quicksight.list_users(AwsAccountId=ACCOUNT, Namespace="default")
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    scope = (
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/quicksight/aws4_request, SignedHeaders=host, Signature=0"
    )
    request = urllib.request.Request(
        f"{sales.aws.endpoint_url}/accounts/{ACCOUNT}/data-sources",
        data=json.dumps({"DataSourceId": "x", "Name": "x", "Type": "ATHENA", "Colour": "red"}).encode(),
        headers={"Authorization": scope},
        method="POST",
    )
    with pytest.raises(urllib.error.HTTPError) as answered:
        urllib.request.urlopen(request, timeout=30)
    assert answered.value.code == 400
    assert "Unknown member 'Colour'" in json.load(answered.value)["Message"]
