"""What a request to QuickSight asks IAM for: the action of its operation, on the resource that its path names.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonquicksight.html. What an operation needs
on other resources besides (PassDataSource, PassDataSet, iam:PassRole) it asks for itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from localaws.quicksight.operations import operation_of
from localaws.quicksight.tables import data_sources_in

# Kinds as paths have them, and as ARNs do.
_KINDS = {
    "analyses": "analysis",
    "dashboards": "dashboard",
    "data-sets": "dataset",
    "data-sources": "datasource",
    "themes": "theme",
}
_BELOW = {"ingestions": "ingestion", "refresh-schedules": "refresh-schedule"}
# Which name no resource, or have none in their path.
_ON_EVERYTHING = frozenset(
    {"CreateDataSource", "ListDataSets", "ListDataSources", "ListIngestions", "ListRefreshSchedules"}
)
_PATH = re.compile(r"/(?:restore/)?([a-z-]+)(?:/([^/]+)(?:/([a-z-]+)(?:/([^/]+))?)?)?")

Body = dict[str, Any]
Read = Callable[..., Any]


def install(actions: Any) -> None:
    """Have ministack's ``iam_actions`` read QuickSight's requests."""
    actions.SERVICE_TO_IAM_NAMESPACE["quicksight"] = "quicksight"
    action_of: Read = actions.extract_iam_action
    resource_of: Read = actions.extract_resource_arn

    def action(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> str | None:
        if service != "quicksight":
            found: str | None = action_of(service, method, path, headers, body, query)
            return found
        operation = operation_of(method, path)
        return f"quicksight:{operation[0]}" if operation else None

    def resource(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str
    ) -> str:
        if service != "quicksight":
            return str(resource_of(service, method, path, headers, body, query, region, account))
        return resource_arn(method, path, body, region, account)

    actions.extract_iam_action, actions.extract_resource_arn = action, resource


def resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> str:
    """The resource that a request is about; ``*`` where AWS checks its action against none."""
    operation = operation_of(method, path)
    if operation is None or operation[0] in _ON_EVERYTHING:
        return "*"
    name, in_path = operation
    if "ResourceArn" in in_path:
        return in_path["ResourceArn"]
    if name == "CreateDataSet":
        # On the data source of its table: the data set is not there yet.
        return next(iter(data_sources_in(_members(body))), "*")
    prefix = f"arn:aws:quicksight:{region}:{account}:"
    match = _PATH.fullmatch(path.removeprefix(f"/accounts/{in_path['AwsAccountId']}"))
    if match is None or match[1] not in _KINDS:
        return "*"
    arn = f"{prefix}{_KINDS[match[1]]}/{match[2] or '*'}"
    if match[3] not in _BELOW:
        return arn
    schedule = (_members(body).get("Schedule") or {}).get("ScheduleId")
    return f"{arn}/{_BELOW[match[3]]}/{match[4] or schedule or '*'}"


def _members(body: bytes) -> Body:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
