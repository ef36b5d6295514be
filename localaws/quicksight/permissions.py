"""Who of QuickSight's users and groups may do what with a resource: kept and shown.

There are no users here, so that nobody's access follows from it, and principals are checked for their form alone.
"""

from __future__ import annotations

import re

from localaws.protocol import AwsError, Request
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import ANALYSIS, DASHBOARD, DATA_SET, DATA_SOURCE, THEME, Record, Resource

# https://docs.aws.amazon.com/quicksight/latest/APIReference/API_ResourcePermission.html
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:quicksight:[a-z0-9-]+:\d{12}:(user|group|namespace)/\S+")
# What owners may do, and readers as part of it:
# https://docs.aws.amazon.com/quicksight/latest/developerguide/permissions.html
_ACTIONS = {
    DATA_SOURCE: "DescribeDataSource DescribeDataSourcePermissions PassDataSource UpdateDataSource DeleteDataSource "
    "UpdateDataSourcePermissions",
    DATA_SET: "DescribeDataSet DescribeDataSetPermissions PassDataSet DescribeIngestion ListIngestions UpdateDataSet "
    "DeleteDataSet CreateIngestion CancelIngestion UpdateDataSetPermissions DescribeDataSetRefreshProperties "
    "PutDataSetRefreshProperties DeleteDataSetRefreshProperties DescribeRefreshSchedule ListRefreshSchedules "
    "CreateRefreshSchedule UpdateRefreshSchedule DeleteRefreshSchedule",
    ANALYSIS: "DescribeAnalysis DescribeAnalysisPermissions QueryAnalysis UpdateAnalysis DeleteAnalysis "
    "RestoreAnalysis UpdateAnalysisPermissions",
    DASHBOARD: "DescribeDashboard ListDashboardVersions QueryDashboard DescribeDashboardPermissions UpdateDashboard "
    "DeleteDashboard UpdateDashboardPermissions UpdateDashboardPublishedVersion UpdateDashboardLinks",
    THEME: "DescribeTheme DescribeThemeAlias ListThemeAliases ListThemeVersions DescribeThemePermissions UpdateTheme "
    "DeleteTheme CreateThemeAlias UpdateThemeAlias DeleteThemeAlias UpdateThemePermissions",
}


def granted(kind: str, permissions: list[Record]) -> list[Record]:
    """Permissions as they are kept; raises InvalidParameterValueException for a principal or action that cannot be."""
    known = {f"quicksight:{name}" for name in _ACTIONS[kind].split()}
    for each in permissions:
        if not _PRINCIPAL.fullmatch(each["Principal"]):
            raise AwsError(INVALID, f"Principal {each['Principal']} is no user, group or namespace of QuickSight")
        if unknown := sorted(set(each["Actions"]) - known):
            raise AwsError(INVALID, f"Actions {', '.join(unknown)} are not those of a {kind}")
    return [{"Principal": each["Principal"], "Actions": list(each["Actions"])} for each in permissions]


def change(resource: Resource, request: Request) -> None:
    """Grant and revoke what Update...Permissions asks for; what somebody has already is granted once."""
    if request.get("GrantLinkPermissions") or request.get("RevokeLinkPermissions"):
        raise AwsError(INVALID, "Link permissions are not supported by the local AWS")
    held = {each["Principal"]: list(each["Actions"]) for each in resource.permissions}
    for each in granted(resource.kind, request.get("GrantPermissions", [])):
        actions = held.setdefault(each["Principal"], [])
        actions += [action for action in each["Actions"] if action not in actions]
    for each in granted(resource.kind, request.get("RevokePermissions", [])):
        left = [action for action in held.get(each["Principal"], []) if action not in each["Actions"]]
        held[each["Principal"]] = left
    resource.permissions = [{"Principal": who, "Actions": actions} for who, actions in held.items() if actions]
