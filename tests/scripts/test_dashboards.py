"""The dashboards' stack on the local AWS: what is deployed, what is refused, and what its role may read."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.views import read_views
from lakelanes.config.loading import DEFAULT_PATH
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.loading import datasets_of, read_dashboards
from lakelanes.dashboards.quicksight import names
from lakelanes.dashboards.quicksight.role import tables_read
from lakelanes.dashboards.quicksight.template import dashboards_template
from scripts.change_sets import DeployError, Deployment, describe
from scripts.dashboards import dashboards_stack_name, deploy_dashboards
from scripts.deploy import stack_name
from scripts.sample_orders import Orders
from tests.localaws.controls import control
from tests.support.lakes import config_text, deploy_config, make_config
from tests.support.localaws import ACCOUNT, REPOSITORY, LocalAws
from tests.support.sample_lake import Sample, make_views, order_rows, put_orders, sample_lake
from tests.support.waiting import wait_for

PRINCIPAL = f"arn:aws:quicksight:us-east-1:{ACCOUNT}:group/default/analysts"
DASHBOARDS = read_dashboards()
DATASETS = datasets_of(DASHBOARDS)


def with_principal(config: LakeConfig) -> LakeConfig:
    settings = config.deployment.model_copy(update={"dashboards_principal": PRINCIPAL})
    return config.model_copy(update={"deployment": settings})


class Boards:
    """The dashboards of a lake, and how they are deployed."""

    def __init__(self, aws: LocalAws, sample: Sample) -> None:
        self.aws, self.sample, self.lake = aws, sample, sample.lake
        self.config = with_principal(sample.lake.config)
        self.name = dashboards_stack_name(stack_name(self.config))
        self.quicksight = aws.client("quicksight")
        self.first = self.deploy()

    def deploy(self, config: LakeConfig | None = None) -> Deployment | str | None:
        config = config or self.config
        clients = self.aws.client("cloudformation"), self.aws.client("glue")
        return deploy_dashboards(config, *clients, stack_name(config), upload=self._upload)

    def _upload(self, text: str) -> str:
        bucket = self.config.resources.analytics_bucket
        self.aws.client("s3").put_object(Bucket=bucket, Key="template.json", Body=text.encode())
        return f"{self.aws.endpoint_url}/{bucket}/template.json"

    def write_orders(self, count: int) -> None:
        """Other orders in the place of those that are there."""
        body = io.BytesIO()
        pq.write_table(order_rows([*map(Orders(9).order, range(count))]), body)
        bucket = self.config.resources.analytics_bucket
        self.aws.client("s3").put_object(Bucket=bucket, Key="orders_snapshot/orders.parquet", Body=body.getvalue())

    def resource(self, logical_id: str) -> str:
        found = self.aws.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def rows(self, dataset: str) -> int:
        shown = control(self.aws, "quicksight/spice", data_set=names.data_set_id(self.config, dataset), limit=100_000)
        return len(shown["rows"])

    def refresh(self, dataset: str, identifier: str) -> dict[str, Any]:
        """An ingestion from its begin to its end."""
        own = {"AwsAccountId": ACCOUNT, "DataSetId": names.data_set_id(self.config, dataset), "IngestionId": identifier}
        self.quicksight.create_ingestion(**own)
        return wait_for(
            lambda: dict(self.quicksight.describe_ingestion(**own)["Ingestion"]),
            lambda found: found["IngestionStatus"] in ("COMPLETED", "FAILED"),
            identifier,
        )


@pytest.fixture(scope="module")
def boards(local_aws: LocalAws) -> Iterator[Boards]:
    with sample_lake(local_aws, date(2024, 3, 2), 4, with_orders=True) as sample:
        # In the place of the table's snapshots, which the role may read.
        put_orders(sample.lake, [*map(Orders(7).order, range(60))], "orders_snapshot")
        assert set(make_views(sample.lake).values()) == {"created"}
        yield Boards(local_aws, sample)


def test_the_stack_has_every_dashboard(boards: Boards) -> None:
    assert isinstance(boards.first, Deployment) and boards.first.action == "created"
    stack = describe(boards.aws.client("cloudformation"), boards.name)
    assert stack is not None and stack["StackStatus"] == "CREATE_COMPLETE"
    for one in DASHBOARDS:
        identifier = names.resource_id(names.prefix(boards.config), one.name)
        found = boards.quicksight.describe_dashboard(AwsAccountId=ACCOUNT, DashboardId=identifier)["Dashboard"]
        assert (found["Name"], found["Version"]["Status"]) == (one.title, "CREATION_SUCCESSFUL")
        assert found["DashboardId"] in " ".join(boards.first.outputs.values())
        analysis = boards.quicksight.describe_analysis(AwsAccountId=ACCOUNT, AnalysisId=identifier)["Analysis"]
        assert analysis["Status"] == "CREATION_SUCCESSFUL"


@pytest.mark.parametrize("dataset", DATASETS)
def test_spice_has_as_many_rows_as_the_view(boards: Boards, dataset: str) -> None:
    [row] = athena.query(boards.lake, f"SELECT count(*) AS n FROM {DATASETS[dataset].view}")
    assert boards.rows(dataset) == int(row["n"] or 0) > 0
    arn = names.data_set_arn(boards.config, dataset)
    found = boards.quicksight.describe_data_set(
        AwsAccountId=ACCOUNT, DataSetId=names.data_set_id(boards.config, dataset)
    )["DataSet"]
    assert (found["Arn"], found["ImportMode"]) == (arn, "SPICE")


def test_a_data_set_that_changes_for_some_days_alone_is_refreshed_by_them(boards: Boards) -> None:
    identifier = {"AwsAccountId": ACCOUNT, "DataSetId": names.data_set_id(boards.config, "sales")}
    found = boards.quicksight.describe_data_set_refresh_properties(**identifier)["DataSetRefreshProperties"]
    window = found["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]
    assert window == {"ColumnName": "sales_date", "Size": 7, "SizeUnit": "DAY"}


def test_the_principal_may_look_and_change_nothing(boards: Boards) -> None:
    own = {"AwsAccountId": ACCOUNT, "DashboardId": names.resource_id(names.prefix(boards.config), "sales")}
    [found] = boards.quicksight.describe_dashboard_permissions(**own)["Permissions"]
    assert found["Principal"] == PRINCIPAL
    assert not [action for action in found["Actions"] if "Update" in action or "Delete" in action]


def test_deployed_again_nothing_changes(boards: Boards) -> None:
    again = boards.deploy()
    assert isinstance(again, Deployment) and again.action == "unchanged"


def test_a_column_that_the_view_in_glue_lacks_is_refused_before_anything_changes(boards: Boards) -> None:
    glue, database = boards.aws.client("glue"), boards.config.resources.glue_database
    table = glue.get_table(DatabaseName=database, Name="rows_by_day")["Table"]
    known = (
        "Name",
        "Description",
        "StorageDescriptor",
        "ViewOriginalText",
        "ViewExpandedText",
        "TableType",
        "Parameters",
    )
    kept = {name: table[name] for name in known if name in table}
    columns = kept["StorageDescriptor"]["Columns"]
    storage = {**kept["StorageDescriptor"], "Columns": [one for one in columns if one["Name"] != "rows_loaded"]}
    storage["Columns"][0] = {**storage["Columns"][0], "Type": "bigint"}
    # To QuickSight a date and a timestamp are the same.
    storage["Columns"][1] = {**storage["Columns"][1], "Type": "timestamp"}
    glue.update_table(DatabaseName=database, TableInput={**kept, "StorageDescriptor": storage})
    try:
        with pytest.raises(DeployError) as caught:
            boards.deploy()
    finally:
        glue.update_table(DatabaseName=database, TableInput=kept)
    assert "rows_by_day has no column rows_loaded" in str(caught.value)
    assert "rows_by_day.entity is whole, expected text" in str(caught.value)
    assert "refresh_views" in str(caught.value) and "covered_day" not in str(caught.value)


def test_without_the_views_it_is_said_what_to_do(local_aws: LocalAws) -> None:
    raw = json.loads(DEFAULT_PATH.read_text())
    lake = deploy_config(local_aws, make_config(raw["entities"], raw["tables"]))
    clients = local_aws.client("cloudformation"), local_aws.client("glue")
    name = stack_name(lake.config)
    said = deploy_dashboards(with_principal(lake.config), *clients, name)
    assert isinstance(said, str) and "rejected_rows, " in said and "deploy again" in said
    assert describe(clients[0], dashboards_stack_name(name)) is None
    assert deploy_dashboards(lake.config, *clients, name) is None


def test_a_lake_without_what_the_views_read_is_refused(local_aws: LocalAws) -> None:
    config = with_principal(make_config())
    with pytest.raises(DeployError, match="there is no dashboard of views that this configuration makes"):
        deploy_dashboards(config, local_aws.client("cloudformation"), local_aws.client("glue"), stack_name(config))


def test_dashboards_that_are_wanted_no_more_are_left_to_people(boards: Boards) -> None:
    said = boards.deploy(boards.lake.config)
    assert isinstance(said, str) and f"delete-stack --stack-name {boards.name}" in said


def test_no_right_of_the_role_is_left_over(boards: Boards) -> None:
    """Beside those of which the template says why they are kept, each right was used to fill SPICE."""
    with urllib.request.urlopen(f"{boards.aws.endpoint_url}/_localaws/iam", timeout=30) as reply:
        records = json.load(reply)["records"]
    role = boards.resource("Role")
    used = {
        (sid, place, one["action"])
        for one in records
        if f"/{role}/QuickSight" in one["principal"] and one["allowed"]
        for sid, place, _ in one["grants"]
    }
    resource = dashboards_template(boards.config)["Resources"]["Role"]
    [policy] = resource["Properties"]["Policies"]
    unseen = {tuple(one.split(" ")) for one in resource["Metadata"]["Unseen"]}
    assert not unseen & {(sid, action) for sid, _, action in used}
    for statement in policy["PolicyDocument"]["Statement"]:
        sid = statement["Sid"]
        for action in statement["Action"]:
            assert (sid, action) in unseen or any((sid, action) == (one[0], one[2]) for one in used), (sid, action)
        for place, named in enumerate(statement["Resource"]):
            assert any((sid, place) == one[:2] for one in used) or unused_here(sid, named["Fn::Sub"]), (sid, named)


def unused_here(sid: str, resource: str) -> bool:
    """Whether a resource is not looked at by this test: orders are of a snapshot alone; the SELECT of a data set names
    its database itself, and the local Athena keeps small objects that others have read."""
    return sid == "ReadTables" or resource.endswith(("/orders_changes", ":database/${DatabaseName}"))


def test_the_folders_that_the_role_reads_are_those_of_the_tables_in_glue(boards: Boards) -> None:
    glue, resources = boards.aws.client("glue"), boards.config.resources
    read = tables_read(boards.config, read_views(), {one.view for one in DATASETS.values()})
    places = {name: folder for name, folder in read.items() if folder and name != "orders_changes"}
    assert len(places) == 7
    for name, folder in places.items():
        table = glue.get_table(DatabaseName=resources.glue_database, Name=name)["Table"]
        assert table["StorageDescriptor"]["Location"] == f"s3://{resources.analytics_bucket}/{folder}/"


STATEMENTS = {
    "Query": "PERMISSION_DENIED",
    "ReadCatalogue": "PERMISSION_DENIED",
    "UseDatabase": "PERMISSION_DENIED",
    # Athena says of a bucket that it may not look for only that it could not verify it.
    "ListLake": "SQL_EXCEPTION",
    "ReadTables": "PERMISSION_DENIED",
    "KeepResults": "PERMISSION_DENIED",
}


@pytest.mark.parametrize("missing", [None, *STATEMENTS])
def test_a_refresh_needs_every_statement_of_the_role(boards: Boards, missing: str | None) -> None:
    iam, role = boards.aws.client("iam"), boards.resource("Role")
    document = iam.get_role_policy(RoleName=role, PolicyName="read-lake")["PolicyDocument"]
    statements = document["Statement"]
    assert {one["Sid"] for one in statements} == STATEMENTS.keys()

    def put(kept: list[dict[str, Any]]) -> None:
        text = json.dumps({**document, "Statement": kept})
        iam.put_role_policy(RoleName=role, PolicyName="read-lake", PolicyDocument=text)

    # An object that nobody has read: the local Athena keeps small ones that somebody did.
    boards.write_orders(10 + len(missing or ""))
    put([one for one in statements if one["Sid"] != missing])
    try:
        found = boards.refresh("fulfilment", f"without-{missing}")
    finally:
        put(statements)
    kind = found.get("ErrorInfo", {}).get("Type", found["IngestionStatus"])
    assert kind == (STATEMENTS[missing] if missing else "COMPLETED"), found


def test_a_deployment_says_what_became_of_the_dashboards(local_aws: LocalAws, tmp_path: Path) -> None:
    text = json.loads(config_text(json.loads(DEFAULT_PATH.read_text())["entities"]))
    path = tmp_path / "lake.json"
    path.write_text(json.dumps({**text, "deployment": {"dashboards_principal": PRINCIPAL}}))
    command = [sys.executable, "-m", "scripts.deploy", "--config", str(path), "--without-functions"]
    done = subprocess.run(
        [*command, "--parameter", "RequireTls=false"],
        env={**os.environ, **local_aws.environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert ": created\n" in done.stdout
    assert "-dashboards: not deployed, for the dashboards read views that are not there yet: " in done.stdout
    # No order is loaded here.
    assert "orders" not in done.stdout.partition("not there yet: ")[2]
