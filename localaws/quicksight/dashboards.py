"""Dashboards: each update is a version, of which one is published.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateDashboard.html, API_UpdateDashboard.html
"""

from __future__ import annotations

from localaws.protocol import AwsError, Request
from localaws.quicksight import permissions
from localaws.quicksight.boards import checked, described
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import DASHBOARD, Context, Record, Resource, Store, page

_SHAPE = "DashboardVersionDefinition"
_SHOWN = ("Arn", "DashboardId", "Name", "CreatedTime", "LastUpdatedTime")
_VERSION = (
    "CreatedTime",
    "Errors",
    "VersionNumber",
    "Status",
    "Arn",
    "DataSetArns",
    "Description",
    "ThemeArn",
    "Sheets",
)
_LATEST, _PUBLISHED = "$LATEST", "$PUBLISHED"


class Dashboards:
    """The operations on dashboards."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, context: Context, request: Request) -> Record:
        """CreateDashboard: its first version is published, unless it has errors."""
        made = checked(self._store, context, _SHAPE, request)
        permitted = permissions.granted(DASHBOARD, request.get("Permissions", []))
        resource = self._store.create(context, DASHBOARD, request["DashboardId"], request)
        resource.permissions = permitted
        resource.more["versions"] = []
        version = _add_version(context, resource, request, made)
        if "Errors" not in version:
            _publish(context, resource, version)
        reply = {"Arn": resource.arn, "VersionArn": version["Arn"], "DashboardId": resource.id}
        return {**reply, "CreationStatus": "CREATION_IN_PROGRESS"}

    def update(self, context: Context, request: Request) -> Record:
        """UpdateDashboard: a new version, which is not published by that."""
        resource = self.find(context, request)
        made = checked(self._store, context, _SHAPE, request)
        version = _add_version(context, resource, request, made)
        resource.record["LastUpdatedTime"] = context.now
        reply = {"Arn": resource.arn, "VersionArn": version["Arn"], "DashboardId": resource.id}
        return {**reply, "CreationStatus": "CREATION_IN_PROGRESS"}

    def publish(self, context: Context, request: Request) -> Record:
        """UpdateDashboardPublishedVersion."""
        resource = self.find(context, request)
        version = _version(resource, {"VersionNumber": request["VersionNumber"]})
        if "Errors" in version:
            raise AwsError(INVALID, f"Version {version['VersionNumber']} of {resource.id} is {version['Status']}")
        _publish(context, resource, version)
        return {"DashboardId": resource.id, "DashboardArn": resource.arn}

    def describe(self, context: Context, request: Request) -> Record:
        """DescribeDashboard: the published version where none is named."""
        resource = self.find(context, request)
        version = _version(resource, request)
        shown = {name: version[name] for name in _VERSION if name in version}
        return {"Dashboard": {**resource.record, "Version": shown}}

    def describe_definition(self, context: Context, request: Request) -> Record:
        """DescribeDashboardDefinition."""
        resource = self.find(context, request)
        version = _version(resource, request)
        return described(resource.id, resource.record["Name"], version, version["Status"], "DashboardId")

    def delete(self, context: Context, request: Request) -> Record:
        """DeleteDashboard, with all its versions."""
        if "VersionNumber" in request:
            raise AwsError(INVALID, "Deleting a version of a dashboard is not supported by the local AWS")
        resource = self.find(context, request)
        self._store.remove(resource)
        return {"Arn": resource.arn, "DashboardId": resource.id}

    def every(self, context: Context, request: Request) -> Record:
        """ListDashboards."""
        found = []
        for each in self._store.every(context.scope, DASHBOARD):
            shown = {name: each.record[name] for name in (*_SHOWN, "LastPublishedTime") if name in each.record}
            if "published" in each.more:
                shown["PublishedVersionNumber"] = each.more["published"]
            found.append(shown)
        return page(request, found, "DashboardSummaryList")

    def versions(self, context: Context, request: Request) -> Record:
        """ListDashboardVersions."""
        names = ("Arn", "CreatedTime", "VersionNumber", "Status", "Description")
        made = self.find(context, request).more["versions"]
        found = [{name: each[name] for name in names if name in each} for each in made]
        return page(request, found, "DashboardVersionSummaryList")

    def find(self, context: Context, request: Request) -> Resource:
        """The one that a request names; raises ResourceNotFoundException."""
        return self._store.get(context.scope, DASHBOARD, request["DashboardId"])


def _add_version(context: Context, resource: Resource, request: Request, made: Record) -> Record:
    number = len(resource.more["versions"]) + 1
    version: Record = {
        "VersionNumber": number,
        "Arn": f"{resource.arn}/version/{number}",
        "CreatedTime": context.now,
        "Status": "CREATION_FAILED" if "Errors" in made else "CREATION_SUCCESSFUL",
        **made,
    }
    for given, shown in (("VersionDescription", "Description"), ("DashboardPublishOptions", "DashboardPublishOptions")):
        if request.get(given):
            version[shown] = request[given]
    resource.more["versions"].append(version)
    resource.record.update(DashboardId=resource.id, Name=request["Name"])
    return version


def _publish(context: Context, resource: Resource, version: Record) -> None:
    resource.more["published"] = version["VersionNumber"]
    resource.record["LastPublishedTime"] = context.now


def _version(resource: Resource, request: Request) -> Record:
    """The version that a request names; raises ResourceNotFoundException."""
    versions: list[Record] = resource.more["versions"]
    published = resource.more.get("published", len(versions))
    alias = request.get("AliasName", _PUBLISHED)
    if alias not in (_LATEST, _PUBLISHED):
        raise AwsError("ResourceNotFoundException", f"Dashboard {resource.id} has no alias {alias}")
    number: int = request.get("VersionNumber", len(versions) if alias == _LATEST else published)
    if number > len(versions):
        raise AwsError("ResourceNotFoundException", f"Dashboard {resource.id} has no version {number}")
    return versions[number - 1]
