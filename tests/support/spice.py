"""The data sets of a lake's dashboards in the local QuickSight, made by hand, and the rows that their readers see."""

from __future__ import annotations

from typing import Any

from lakelanes.dashboards import questions
from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.spice import data_set_id
from lakelanes.lake import Lake
from tests.localaws.controls import control
from tests.support.localaws import ACCOUNT, LocalAws
from tests.support.waiting import wait_for

_TYPES = {"text": "STRING", "whole": "INTEGER", "decimal": "DECIMAL", "double": "DECIMAL", "boolean": "BOOLEAN"}
ROLE = "aws-quicksight-service-role-v0"
_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"quicksight.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)
_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


class Spice:
    """QuickSight's copies of a lake's views."""

    def __init__(self, aws: LocalAws, lake: Lake) -> None:
        self.aws, self.lake = aws, lake
        self.client: Any = aws.client("quicksight")
        iam: Any = aws.client("iam")
        try:
            iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_TRUST)
            iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=_ALL)
        except iam.exceptions.EntityAlreadyExistsException:
            pass
        resources = lake.config.resources
        self.client.create_data_source(
            AwsAccountId=ACCOUNT,
            DataSourceId=resources.glue_database,
            Name="lake",
            Type="ATHENA",
            DataSourceParameters={"AthenaParameters": {"WorkGroup": resources.workgroup_name}},
        )

    def create(self, name: str, dataset: Dataset) -> None:
        """Makes a data set as infrastructure/dashboards.yaml does, and waits for its first rows."""
        columns = questions.columns_of(self.lake.config)[dataset.view]
        database = self.lake.config.resources.glue_database
        region = self.lake.config.aws.region
        table = {
            "DataSourceArn": f"arn:aws:quicksight:{region}:{ACCOUNT}:datasource/{database}",
            "Catalog": "AwsDataCatalog",
            "Schema": database,
            "Name": dataset.view,
            "InputColumns": [{"Name": n, "Type": _TYPES.get(kind, "DATETIME")} for n, kind in columns.items()],
        }
        reply = self.client.create_data_set(
            AwsAccountId=ACCOUNT,
            DataSetId=data_set_id(self.lake, name),
            Name=name,
            ImportMode="SPICE",
            PhysicalTableMap={"table": {"RelationalTable": table}},
        )
        if dataset.changes_days:
            window = {"ColumnName": dataset.date_column, "Size": dataset.changes_days, "SizeUnit": "DAY"}
            self.client.put_data_set_refresh_properties(
                AwsAccountId=ACCOUNT,
                DataSetId=data_set_id(self.lake, name),
                DataSetRefreshProperties={"RefreshConfiguration": {"IncrementalRefresh": {"LookbackWindow": window}}},
            )
        wait_for(
            lambda: self.ingestion(name, reply["IngestionId"])["IngestionStatus"],
            lambda status: status in ("COMPLETED", "FAILED"),
            f"the first rows of {name}",
        )

    def ingestion(self, name: str, identifier: str) -> dict[str, Any]:
        found = self.client.describe_ingestion(
            AwsAccountId=ACCOUNT, DataSetId=data_set_id(self.lake, name), IngestionId=identifier
        )
        return dict(found["Ingestion"])

    def begun(self, name: str) -> list[dict[str, Any]]:
        """The refreshes that the API has begun, oldest first."""
        found = self.client.list_ingestions(AwsAccountId=ACCOUNT, DataSetId=data_set_id(self.lake, name))
        wanted = ("FULL_REFRESH", "INCREMENTAL_REFRESH")
        return [one for one in reversed(found["Ingestions"]) if one.get("RequestType") in wanted]

    def rows(self, name: str) -> list[list[Any]]:
        """The rows that readers see."""
        return list(control(self.aws, "quicksight/spice", data_set=data_set_id(self.lake, name))["rows"])
