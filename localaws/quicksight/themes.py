"""Themes: AWS's own, and those that are made of them.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateTheme.html
"""

from __future__ import annotations

from localaws.protocol import AwsError, Request
from localaws.quicksight import permissions
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import THEME, Context, Record, Resource, Scope, Store, page

MANAGED = ("CLASSIC", "MIDNIGHT", "SEASIDE", "RAINIER")
_MANAGED_ARN = "arn:aws:quicksight::aws:theme/"


class Themes:
    """The operations on themes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, context: Context, request: Request) -> Record:
        """CreateTheme."""
        self._check(context, request)
        permitted = permissions.granted(THEME, request.get("Permissions", []))
        resource = self._store.create(context, THEME, request["ThemeId"], request)
        resource.permissions = permitted
        resource.more["versions"] = []
        version = _add_version(context, resource, request, "CREATION_SUCCESSFUL")
        reply = {"Arn": resource.arn, "VersionArn": version["Arn"], "ThemeId": resource.id}
        return {**reply, "CreationStatus": "CREATION_IN_PROGRESS"}

    def update(self, context: Context, request: Request) -> Record:
        """UpdateTheme: a new version; what is not given is as in the one before."""
        resource = self.find(context, request)
        self._check(context, request)
        before = resource.more["versions"][-1]
        given = {"Name": resource.record["Name"], "Configuration": before["Configuration"], **request}
        version = _add_version(context, resource, given, "CREATION_SUCCESSFUL")
        resource.record["LastUpdatedTime"] = context.now
        reply = {"ThemeId": resource.id, "Arn": resource.arn, "VersionArn": version["Arn"]}
        return {**reply, "CreationStatus": "CREATION_IN_PROGRESS"}

    def describe(self, context: Context, request: Request) -> Record:
        """DescribeTheme: the newest version, or the one asked for."""
        resource = self.find(context, request)
        if request.get("AliasName", "$LATEST") != "$LATEST":
            raise AwsError("ResourceNotFoundException", f"Theme {resource.id} has no alias {request['AliasName']}")
        versions = resource.more["versions"]
        number = request.get("VersionNumber", len(versions))
        if number > len(versions):
            raise AwsError("ResourceNotFoundException", f"Theme {resource.id} has no version {number}")
        return {"Theme": {**resource.record, "Version": versions[number - 1]}}

    def delete(self, context: Context, request: Request) -> Record:
        """DeleteTheme, with all its versions."""
        if "VersionNumber" in request:
            raise AwsError(INVALID, "Deleting a version of a theme is not supported by the local AWS")
        resource = self.find(context, request)
        self._store.remove(resource)
        return {"Arn": resource.arn, "ThemeId": resource.id}

    def every(self, context: Context, request: Request) -> Record:
        """ListThemes: those of the account, and where it is asked for AWS's own."""
        found: list[Record] = []
        if request.get("Type", "ALL") in ("ALL", "QUICKSIGHT"):
            found += [{"Arn": f"{_MANAGED_ARN}{name}", "Name": name.title(), "ThemeId": name} for name in MANAGED]
        if request.get("Type", "ALL") in ("ALL", "CUSTOM"):
            for each in self._store.every(context.scope, THEME):
                shown = {
                    name: each.record[name] for name in ("Arn", "Name", "ThemeId", "CreatedTime", "LastUpdatedTime")
                }
                found.append({**shown, "LatestVersionNumber": len(each.more["versions"])})
        return page(request, found, "ThemeSummaryList")

    def find(self, context: Context, request: Request) -> Resource:
        """The one that a request names; raises ResourceNotFoundException."""
        return self._store.get(context.scope, THEME, request["ThemeId"])

    def _check(self, context: Context, request: Request) -> None:
        base = request["BaseThemeId"]
        if base not in MANAGED:
            self._store.get(context.scope, THEME, base)


def check_theme(store: Store, scope: Scope, arn: str | None) -> None:
    """Raise ResourceNotFoundException for the ARN of a theme that is not there."""
    if arn is None or (arn.startswith(_MANAGED_ARN) and arn.removeprefix(_MANAGED_ARN) in MANAGED):
        return
    found = store.by_arn(scope, arn)
    if found is None or found.kind != THEME:
        raise AwsError("ResourceNotFoundException", f"Theme {arn} is not found")


def _add_version(context: Context, resource: Resource, request: Request, status: str) -> Record:
    versions = resource.more["versions"]
    version = {
        "VersionNumber": len(versions) + 1,
        "Arn": f"{resource.arn}/version/{len(versions) + 1}",
        "BaseThemeId": request["BaseThemeId"],
        "CreatedTime": context.now,
        "Configuration": request["Configuration"],
        "Status": status,
    }
    if request.get("VersionDescription"):
        version["Description"] = request["VersionDescription"]
    versions.append(version)
    resource.record.update(Name=request["Name"], ThemeId=resource.id, Type="CUSTOM")
    return version
