"""What a request asks IAM for: the actions and resources that ministack takes for others than AWS does.

The Service Authorization Reference names them:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Headers = dict[str, str]
# A query's workgroup by its id, None for one that is not known.
WorkgroupOf = Callable[[str], str | None]

# One permission for the single call and the one for many.
_BATCHES = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
# Operations of Glue whose members DatabaseName and Name are a database's.
_OF_DATABASES = frozenset({"CreateDatabase", "DeleteDatabase", "GetDatabase", "GetDatabases", "UpdateDatabase"})
_PRIMARY = "primary"
# What databases and tables are asked of Athena by
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html).
_CATALOG = "AwsDataCatalog"


def install(actions: Any, workgroup_of: WorkgroupOf) -> None:
    """Correct what ministack's ``iam_actions`` reads out of requests."""
    action_of, resource_of = actions.extract_iam_action, actions.extract_resource_arn

    def action(*arguments: Any, **options: Any) -> str | None:
        found: str | None = action_of(*arguments, **options)
        return _BATCHES.get(found, found) if found else found

    def resource(
        service: str, method: str, path: str, headers: Headers, body: bytes, query: Any, region: str, account: str
    ) -> str:
        if service == "athena":
            members = _members(body)
            if isinstance(members.get("CatalogName"), str):
                return f"arn:aws:athena:{region}:{account}:datacatalog/{_catalog(members['CatalogName'])}"
            workgroup = _workgroup(members, workgroup_of)
            return f"arn:aws:athena:{region}:{account}:workgroup/{workgroup}" if workgroup else "*"
        if service == "glue":
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            return f"arn:aws:glue:{region}:{account}:{_catalogued(operation, _members(body))}"
        found = str(resource_of(service, method, path, headers, body, query, region, account))
        bucket, _, key = path.lstrip("/").partition("/")
        if service == "s3" and key and found.startswith("arn:aws:s3:::"):
            # An object's key is what it is, slashes at its end and all.
            return f"arn:aws:s3:::{bucket}/{key}"
        return found

    actions.extract_iam_action, actions.extract_resource_arn = action, resource


def with_ancestors(resource: str) -> list[str]:
    """The resources of a request to Glue: what it names, and everything that this is in.

    A call needs the right on the table, its database and the catalogue
    (https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html).
    """
    head, _, name = resource.rpartition(":")
    kind, _, rest = name.partition("/")
    names = ["catalog"]
    if kind in ("database", "table"):
        names.append(f"database/{rest.partition('/')[0]}")
    if kind == "table":
        names.append(name)
    return [f"{head}:{one}" for one in names] if kind in ("catalog", "database", "table") else [resource]


def _workgroup(request: dict[str, Any], workgroup_of: WorkgroupOf) -> str | None:
    identifier = request.get("QueryExecutionId")
    if isinstance(identifier, str):
        return workgroup_of(identifier)
    if "QueryString" in request:
        return str(request.get("WorkGroup") or _PRIMARY)
    name = request.get("WorkGroup")
    return name if isinstance(name, str) else None


def _catalog(name: str) -> str:
    """A catalogue as its ARN names it: Glue's own is asked for in any case of letters."""
    return _CATALOG if name.lower() == _CATALOG.lower() else name


def _catalogued(operation: str, request: dict[str, Any]) -> str:
    """What of the catalogue a request names, as the last part of its ARN."""
    if operation in _OF_DATABASES:
        given = request.get("DatabaseInput") or {}
        name = request.get("Name") or given.get("Name")
        if operation == "GetDatabases":
            return "database/*"
        # Whoever deletes a database deletes the tables in it.
        return f"table/{name}/*" if operation == "DeleteDatabase" else f"database/{name}"
    database = request.get("DatabaseName")
    if not isinstance(database, str):
        return "catalog"
    given = request.get("TableInput") or {}
    table = request.get("TableName") or request.get("Name") or given.get("Name") or "*"
    return f"table/{database}/{table}"


def _members(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
