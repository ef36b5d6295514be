"""Data sets: one table, view or SELECT of Athena each, read directly or copied into SPICE.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateDataSet.html
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from localaws.protocol import AwsError, Request
from localaws.quicksight import permissions
from localaws.quicksight.ingestions import EDIT, INITIAL, Ingestions
from localaws.quicksight.operations import INVALID
from localaws.quicksight.spice import Spice
from localaws.quicksight.store import (
    DATA_SET,
    DATA_SOURCE,
    Context,
    Record,
    Resource,
    Store,
    not_supported,
    page,
)
from localaws.quicksight.tables import Table, table_of

SPICE = "SPICE"
# Members that would change rows or who sees them, which nothing here does.
_ABSENT = (
    "RowLevelPermissionDataSet",
    "RowLevelPermissionTagConfiguration",
    "ColumnLevelPermissionRules",
    "DatasetParameters",
    "UseAs",
    "DataPrepConfiguration",
    "SemanticModelConfiguration",
)
_KEPT = (
    "Name",
    "PhysicalTableMap",
    "LogicalTableMap",
    "ImportMode",
    "ColumnGroups",
    "FieldFolders",
    "DataSetUsageConfiguration",
    "PerformanceConfiguration",
)
_SUMMARY = ("Arn", "DataSetId", "Name", "CreatedTime", "LastUpdatedTime", "ImportMode")


@dataclass
class DataSets:
    """The operations on data sets."""

    store: Store
    ingestions: Ingestions
    spice: Spice

    def create(self, context: Context, request: Request) -> Record:
        """CreateDataSet: of a data set in SPICE the first ingestion begins."""
        self._check(context, request)
        permitted = permissions.granted(DATA_SET, request.get("Permissions", []))
        resource = self.store.create(context, DATA_SET, request["DataSetId"], request)
        resource.permissions = permitted
        resource.record["DataSetId"] = resource.id
        _define(resource, request)
        return {**self._ingested(context, resource, INITIAL), "Status": 201}

    def update(self, context: Context, request: Request) -> Record:
        """UpdateDataSet: everything is defined anew, and of a data set in SPICE an ingestion begins.

        "Each manual edit creates a new ingestion, which supersedes and ends the previous ingestion"
        (errors-spice-ingestion.html, INGESTION_SUPERSEDED).
        """
        resource = self.find(context, request)
        self._check(context, request)
        window = (resource.more.get("refresh") or {}).get("RefreshConfiguration", {}).get("IncrementalRefresh")
        table = table_of(request)
        if window and table.type_of(window["LookbackWindow"]["ColumnName"]) != "DATETIME":
            column = window["LookbackWindow"]["ColumnName"]
            raise AwsError(INVALID, f"The refresh properties look back on {column}, which would be no date column")
        _define(resource, request)
        resource.record["LastUpdatedTime"] = context.now
        if resource.record["ImportMode"] != SPICE:
            self.ingestions.abandon(resource)
            self.spice.drop(resource.arn)
        return {**self._ingested(context, resource, EDIT), "Status": 201}

    def describe(self, context: Context, request: Request) -> Record:
        """DescribeDataSet."""
        resource = self.find(context, request)
        return {"DataSet": {**resource.record, "ConsumedSpiceCapacityInBytes": self.ingestions.bytes_of(resource)}}

    def delete(self, context: Context, request: Request) -> Record:
        """DeleteDataSet, with its rows in SPICE, its ingestions and schedules; one that runs fails."""
        resource = self.find(context, request)
        self.store.remove(resource)
        self.ingestions.forget(resource)
        self.spice.drop(resource.arn)
        return {"Arn": resource.arn, "DataSetId": resource.id}

    def every(self, context: Context, request: Request) -> Record:
        """ListDataSets."""
        found = [
            {name: each.record[name] for name in _SUMMARY} | _NOBODY_IS_LEFT_OUT
            for each in self.store.every(context.scope, DATA_SET)
        ]
        return page(request, found, "DataSetSummaries")

    def find(self, context: Context, request: Request) -> Resource:
        """The one that a request names; raises ResourceNotFoundException."""
        return self.store.get(context.scope, DATA_SET, request["DataSetId"])

    def _check(self, context: Context, request: Request) -> None:
        for member in _ABSENT:
            if request.get(member):
                raise not_supported(f"{member} of a data set")
        named = table_of(request).data_source
        source = self.store.by_arn(context.scope, named)
        if source is None or source.kind != DATA_SOURCE:
            raise AwsError("ResourceNotFoundException", f"DataSource {named} is not found", ResourceType="DATA_SOURCE")
        context.check_right("quicksight:PassDataSource", named)

    def _ingested(self, context: Context, resource: Resource, kind: str) -> Record:
        reply: Record = {"Arn": resource.arn, "DataSetId": resource.id}
        if resource.record["ImportMode"] == SPICE:
            ingestion = self.ingestions.start(context, resource, str(uuid.uuid4()), kind)
            reply |= {"IngestionArn": ingestion.arn, "IngestionId": ingestion.id}
        return reply


_NOBODY_IS_LEFT_OUT = {"RowLevelPermissionTagConfigurationApplied": False, "ColumnLevelPermissionRulesApplied": False}


def _define(resource: Resource, request: dict[str, Any]) -> None:
    for member in _KEPT:
        resource.record.pop(member, None)
        if request.get(member) is not None:
            resource.record[member] = request[member]
    table: Table = table_of(request)
    resource.more["table"] = table
    resource.record["OutputColumns"] = table.output_columns()
