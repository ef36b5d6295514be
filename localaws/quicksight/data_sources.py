"""Data sources: how QuickSight reaches Athena, and as whom.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateDataSource.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localaws.protocol import AwsError, Request
from localaws.quicksight import permissions
from localaws.quicksight.operations import INVALID
from localaws.quicksight.reading import Athena, ReadingFailed
from localaws.quicksight.store import (
    DATA_SOURCE,
    Context,
    Record,
    Resource,
    Store,
    not_supported,
    page,
)

# The kinds of errors of an ingestion that a data source has too, by its own names.
_ERRORS = {
    "PERMISSION_DENIED": "ACCESS_DENIED",
    "IAM_ROLE_NOT_AVAILABLE": "ACCESS_DENIED",
    "FAILURE_TO_ASSUME_ROLE": "ACCESS_DENIED",
}
_DEFAULT_WORKGROUP = "primary"
_ABSENT = ("Credentials", "VpcConnectionProperties")


class DataSources:
    """The operations on data sources."""

    def __init__(self, store: Store, athena: Athena) -> None:
        self._store = store
        self._athena = athena
        self._tries = ThreadPoolExecutor(2, thread_name_prefix="quicksight-connection")

    def create(self, context: Context, request: Request) -> Record:
        """CreateDataSource: the connection is tried in the workgroup, and the outcome is the data source's status."""
        _check(context, request)
        permitted = permissions.granted(DATA_SOURCE, request.get("Permissions", []))
        resource = self._store.create(context, DATA_SOURCE, request["DataSourceId"], request)
        resource.permissions = permitted
        resource.record.update(DataSourceId=resource.id, Type=request["Type"])
        self._define(resource, request, "CREATION")
        reply = {"Arn": resource.arn, "DataSourceId": resource.id, "CreationStatus": "CREATION_IN_PROGRESS"}
        return {**reply, "Status": 202}

    def update(self, context: Context, request: Request) -> Record:
        """UpdateDataSource."""
        resource = self.find(context, request)
        _check(context, {"Type": resource.record["Type"], **request})
        self._define(resource, request, "UPDATE")
        resource.record["LastUpdatedTime"] = context.now
        return {"Arn": resource.arn, "DataSourceId": resource.id, "UpdateStatus": "UPDATE_IN_PROGRESS", "Status": 202}

    def describe(self, context: Context, request: Request) -> Record:
        """DescribeDataSource."""
        return {"DataSource": self.find(context, request).record}

    def delete(self, context: Context, request: Request) -> Record:
        """DeleteDataSource: "this operation breaks all the datasets that reference the deleted data source"."""
        resource = self.find(context, request)
        self._store.remove(resource)
        return {"Arn": resource.arn, "DataSourceId": resource.id}

    def every(self, context: Context, request: Request) -> Record:
        """ListDataSources."""
        found = [resource.record for resource in self._store.every(context.scope, DATA_SOURCE)]
        return page(request, found, "DataSources")

    def find(self, context: Context, request: Request) -> Resource:
        """The one that a request names; raises ResourceNotFoundException."""
        return self._store.get(context.scope, DATA_SOURCE, request["DataSourceId"])

    def _define(self, resource: Resource, request: Request, status: str) -> None:
        parameters: dict[str, Any] = request.get("DataSourceParameters") or {"AthenaParameters": {}}
        resource.record.update(Name=request["Name"], DataSourceParameters=parameters, Status=f"{status}_IN_PROGRESS")
        if request.get("SslProperties"):
            resource.record["SslProperties"] = request["SslProperties"]
        resource.record.pop("ErrorInfo", None)
        self._tries.submit(self._try_out, resource, parameters, status)

    def _try_out(self, resource: Resource, parameters: Record, status: str) -> None:
        outcome: Record = {"Status": f"{status}_SUCCESSFUL"}
        try:
            self._athena.try_out(resource.scope, *connection(parameters))
        except ReadingFailed as error:
            kind = _ERRORS.get(error.kind, "GENERIC_SQL_FAILURE")
            outcome = {"Status": f"{status}_FAILED", "ErrorInfo": {"Type": kind, "Message": error.message}}
        if resource.record["DataSourceParameters"] is parameters:
            resource.record.update(outcome)


def connection(parameters: Record) -> tuple[str, str | None]:
    """The workgroup of an Athena data source's DataSourceParameters, and the role that it has for itself."""
    athena = parameters.get("AthenaParameters", {})
    return athena.get("WorkGroup", _DEFAULT_WORKGROUP), athena.get("RoleArn")


def _check(context: Context, request: Request) -> None:
    if request["Type"] != "ATHENA":
        raise not_supported(f"A data source of type {request['Type']}")
    for member in _ABSENT:
        if request.get(member):
            raise not_supported(f"{member} of a data source")
    parameters = request.get("DataSourceParameters") or {}
    if parameters.keys() - {"AthenaParameters"}:
        found = ", ".join(parameters)
        raise AwsError(INVALID, f"DataSourceParameters has {found}; a source of type ATHENA takes AthenaParameters")
    athena = parameters.get("AthenaParameters", {})
    for member in ("ConsumerAccountRoleArn", "IdentityCenterConfiguration"):
        if athena.get(member):
            raise not_supported(f"AthenaParameters.{member}")
    if athena.get("RoleArn"):
        # https://docs.aws.amazon.com/quicksight/latest/user/datasource-permissions-iam-roles.html
        context.check_right("iam:PassRole", athena["RoleArn"])
