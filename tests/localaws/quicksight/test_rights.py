"""QuickSight with IAM enforced: what its callers need, and what its role needs to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.quicksight.rights import resource_arn
from tests.localaws.iam.test_requests import user
from tests.localaws.quicksight.conftest import Sales
from tests.localaws.quicksight.definitions_of_sales import definition
from tests.support.localaws import ACCOUNT, ENFORCED, REGION, LocalAws, running_localaws
from tests.support.waiting import wait_for

SET = f"arn:aws:quicksight:{REGION}:{ACCOUNT}:dataset/sales"
SOURCE = f"arn:aws:quicksight:{REGION}:{ACCOUNT}:datasource/lake"
CREATION = {"PhysicalTableMap": {"one": {"RelationalTable": {"DataSourceArn": SOURCE}}}}


@pytest.mark.parametrize(
    ("method", "path", "body", "resource"),
    [
        ("PUT", "data-sets/sales/ingestions/one", {}, f"{SET}/ingestion/one"),
        ("GET", "data-sets/sales/ingestions/one", {}, f"{SET}/ingestion/one"),
        ("GET", "data-sets/sales/ingestions", {}, "*"),
        ("GET", "data-sets", {}, "*"),
        ("POST", "data-sets", CREATION, SOURCE),
        ("POST", "data-sources", {}, "*"),
        ("PUT", "data-sets/sales", {}, SET),
        ("PUT", "data-sets/sales/refresh-properties", {}, SET),
        ("POST", "data-sets/sales/permissions", {}, SET),
        ("POST", "data-sets/sales/refresh-schedules", {"Schedule": {"ScheduleId": "d"}}, f"{SET}/refresh-schedule/d"),
        ("DELETE", "data-sets/sales/refresh-schedules/d", {}, f"{SET}/refresh-schedule/d"),
        ("POST", "restore/analyses/a", {}, f"arn:aws:quicksight:{REGION}:{ACCOUNT}:analysis/a"),
        ("GET", "dashboards/a/definition", {}, f"arn:aws:quicksight:{REGION}:{ACCOUNT}:dashboard/a"),
        ("GET", "dashboards", {}, f"arn:aws:quicksight:{REGION}:{ACCOUNT}:dashboard/*"),
    ],
)
def test_a_request_is_about_the_resource_of_the_authorization_reference(
    method: str, path: str, body: dict[str, Any], resource: str
) -> None:
    sent = json.dumps(body).encode()
    assert resource_arn(method, f"/accounts/{ACCOUNT}/{path}", sent, REGION, ACCOUNT) == resource


def test_tags_are_about_the_resource_that_they_name() -> None:
    assert resource_arn("GET", f"/resources/{SET}/tags", b"", REGION, ACCOUNT) == SET


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that enforces IAM."""
    with running_localaws(tmp_path_factory.mktemp("guarded"), environment=ENFORCED) as server:
        yield server


@pytest.fixture
def guarded_sales(guarded: LocalAws, make_sales: Callable[[LocalAws], Sales]) -> Sales:
    """Sales there."""
    return make_sales(guarded)


def reading(sales: Sales) -> list[dict[str, Any]]:
    """What a role needs to read the view, statement by statement."""
    glue = f"arn:aws:glue:{REGION}:{ACCOUNT}:"
    names = ["catalog", "database/default", f"database/{sales.database}", f"table/{sales.database}/*"]
    bucket = f"arn:aws:s3:::{sales.bucket}"
    rights = [
        (["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"], ["*"]),
        (
            ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"],
            [glue + name for name in names],
        ),
        (["s3:ListBucket", "s3:GetBucketLocation"], [bucket]),
        (["s3:GetObject"], [f"{bucket}/sales/*", f"{bucket}/results/*"]),
        (["s3:PutObject"], [f"{bucket}/results/*"]),
    ]
    return [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in rights]


def make_role(sales: Sales, statements: list[dict[str, Any]], trusted: str = "quicksight.amazonaws.com") -> str:
    """A role with these rights; returns its ARN."""
    iam, name = sales.aws.client("iam"), sales.unique("reader-")
    trust = [{"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy)
    return str(role["Arn"])


def use(sales: Sales, role: str | None) -> dict[str, Any]:
    """Let the data source have a role; returns it once its connection was tried."""
    identifier = sales.source.rpartition("/")[2]
    found = sales.quicksight.describe_data_source(AwsAccountId=ACCOUNT, DataSourceId=identifier)["DataSource"]
    parameters = {"WorkGroup": found["DataSourceParameters"]["AthenaParameters"]["WorkGroup"]}
    sales.quicksight.update_data_source(
        AwsAccountId=ACCOUNT,
        DataSourceId=identifier,
        Name="Athena",
        DataSourceParameters={"AthenaParameters": parameters | ({"RoleArn": role} if role else {})},
    )
    return wait_for(
        lambda: dict(
            sales.quicksight.describe_data_source(AwsAccountId=ACCOUNT, DataSourceId=identifier)["DataSource"]
        ),
        lambda found: not found["Status"].endswith("IN_PROGRESS"),
    )


def outcome(sales: Sales, data_set: str) -> str:
    """How a refresh ends: COMPLETED or the type of its error."""
    found = sales.refresh(data_set)
    return str(found.get("ErrorInfo", {}).get("Type", found["IngestionStatus"]))


def test_rows_are_read_with_the_rights_of_the_data_sources_role_alone(guarded_sales: Sales) -> None:
    sales = guarded_sales
    sales.put([(1, "Köln", "1.00", None, None)])
    # Without a role of its own it is read as the service's, which nobody has made.
    data_set = sales.create()["DataSetId"]
    assert outcome(sales, data_set) == "IAM_ROLE_NOT_AVAILABLE"
    assert use(sales, make_role(sales, reading(sales)))["Status"] == "UPDATE_SUCCESSFUL"
    assert outcome(sales, data_set) == "COMPLETED"
    stranger = use(sales, make_role(sales, reading(sales), "lambda.amazonaws.com"))
    assert (stranger["Status"], stranger["ErrorInfo"]["Type"]) == ("UPDATE_FAILED", "ACCESS_DENIED")
    assert outcome(sales, data_set) == "FAILURE_TO_ASSUME_ROLE"
    assert len(sales.spice(data_set)) == 1


# Athena says of a bucket that it may not look for only that it could not verify it.
@pytest.mark.parametrize(
    ("missing", "kind"), [(number, "SQL_EXCEPTION" if number == 2 else "PERMISSION_DENIED") for number in range(5)]
)
def test_each_right_of_the_role_is_needed(guarded_sales: Sales, missing: int, kind: str) -> None:
    sales = guarded_sales
    sales.put([(1, "Köln", "1.00", None, None)])
    statements = reading(sales)
    del statements[missing]
    data_set = sales.create()["DataSetId"]
    use(sales, make_role(sales, statements))
    assert outcome(sales, data_set) == kind


def test_a_refresh_needs_the_right_on_the_ingestions_of_its_data_set(guarded_sales: Sales) -> None:
    sales = guarded_sales
    data_set = sales.create()["DataSetId"]
    arn = f"arn:aws:quicksight:{REGION}:{ACCOUNT}:dataset/{data_set}"
    start = {"AwsAccountId": ACCOUNT, "DataSetId": data_set}
    for name, resource, allowed in (("all", f"{arn}/ingestion/*", True), ("set", arn, False)):
        rights = (["quicksight:CreateIngestion", "quicksight:DescribeIngestion"], resource)
        client = user(sales.aws, sales.unique(f"refresher-{name}"), rights)("quicksight")
        if allowed:
            client.create_ingestion(**start, IngestionId=name)
            client.describe_ingestion(**start, IngestionId=name)
            continue
        with pytest.raises(ClientError) as caught:
            client.create_ingestion(**start, IngestionId=name)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize("missing", [None, "quicksight:PassDataSource", "quicksight:PassDataSet", "iam:PassRole"])
def test_what_is_made_of_something_needs_the_right_to_pass_that_on(guarded_sales: Sales, missing: str | None) -> None:
    sales = guarded_sales
    role = make_role(sales, reading(sales))
    passing = [
        name for name in ("quicksight:PassDataSource", "quicksight:PassDataSet", "iam:PassRole") if name != missing
    ]
    making = ["quicksight:CreateDataSource", "quicksight:CreateDataSet", "quicksight:CreateDashboard"]
    quicksight = user(sales.aws, sales.unique("author-"), ([*making, *passing], "*"))("quicksight")
    identifier = sales.unique("authored-")
    refused = []

    def attempt(needed: str, call: Any, **members: Any) -> Any:
        try:
            return call(AwsAccountId=ACCOUNT, Name="x", **members)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException", error
            refused.append(needed)
            return None

    attempt(
        "iam:PassRole",
        quicksight.create_data_source,
        DataSourceId=identifier,
        Type="ATHENA",
        DataSourceParameters={"AthenaParameters": {"RoleArn": role}},
    )
    members = {"DataSetId": identifier, "PhysicalTableMap": sales.physical(), "ImportMode": "DIRECT_QUERY"}
    attempt("quicksight:PassDataSource", quicksight.create_data_set, **members)
    arn = sales.create(ImportMode="DIRECT_QUERY")["Arn"]
    attempt("quicksight:PassDataSet", quicksight.create_dashboard, DashboardId=identifier, Definition=definition(arn))
    assert refused == ([missing] if missing else [])
