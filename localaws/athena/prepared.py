"""Prepared statements of workgroups, by SQL and by the API; the records are ministack's own, so that they are kept.

See https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from localaws.access import Caller
from localaws.athena import metadata, parameters, workgroups
from localaws.athena.errors import InvalidRequest, QueryFailed
from localaws.iam import rights
from localaws.protocol import AwsError, Request

_MOST = 1000
_MISSING = "ResourceNotFoundException"


def create(request: Request) -> dict[str, Any]:
    """CreatePreparedStatement."""
    key, name = _key(request), request["StatementName"]
    if key in _store():
        raise InvalidRequest(f"PreparedStatement {name} already exists in WorkGroup {key.partition('/')[0]}")
    if len(_of(key.partition("/")[0])) >= _MOST:
        raise InvalidRequest(f"a workgroup has at most {_MOST} prepared statements")
    _put(request, key)
    return {}


def update(request: Request) -> dict[str, Any]:
    """UpdatePreparedStatement."""
    _found(request)
    _put(request, _key(request))
    return {}


def get(request: Request) -> dict[str, Any]:
    """GetPreparedStatement."""
    return {"PreparedStatement": _found(request)}


def delete(request: Request) -> dict[str, Any]:
    """DeletePreparedStatement."""
    _found(request)
    del _store()[_key(request)]
    return {}


def every(request: Request) -> dict[str, Any]:
    """ListPreparedStatements."""
    found = _of(_key(request).partition("/")[0])
    shown = [{name: one[name] for name in ("StatementName", "LastModifiedTime")} for one in found]
    chosen, token = metadata.paged(request, shown)
    return {"PreparedStatements": list(chosen), **token}


OPERATIONS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "CreatePreparedStatement": create, "DeletePreparedStatement": delete,
    "GetPreparedStatement": get, "ListPreparedStatements": every, "UpdatePreparedStatement": update,
}  # fmt: skip


class OfWorkgroup:
    """What PREPARE and DEALLOCATE do, with the caller's rights to the API's operations."""

    def __init__(self, caller: Caller, workgroup: str) -> None:
        self._caller = caller
        self._workgroup = workgroup

    def __call__(self, operation: str, **members: str) -> dict[str, Any]:
        """An operation's answer. Raises QueryFailed."""
        arn = f"arn:aws:athena:{self._caller.region}:{self._caller.account}:workgroup/{self._workgroup}"
        if not rights.allowed(self._caller, f"athena:{operation}", arn):
            raise QueryFailed(f"Insufficient permissions to execute the query. athena:{operation} on resource: {arn}")
        try:
            return OPERATIONS[operation]({**members, "WorkGroup": self._workgroup})
        except (AwsError, InvalidRequest) as error:
            raise QueryFailed(error.message) from error

    def resolved(self, sql: str, values: list[str]) -> str:
        """The statement that EXECUTE runs; its values are those of USING, or of the request. Raises InvalidRequest."""
        from localaws.athena.statements import read_execute

        name, given = read_execute(sql)
        try:
            found = self("GetPreparedStatement", StatementName=name)["PreparedStatement"]
            return parameters.substitute(found["QueryStatement"], [*given, *values])
        except QueryFailed as error:
            raise InvalidRequest(error.message) from error


def _store() -> Any:
    """ministack's prepared statements of the request's account and region, by workgroup and name."""
    from ministack.services import athena

    return athena._prepared_statements


def _of(workgroup: str) -> list[dict[str, Any]]:
    return [one for _, one in sorted(_store().items()) if one["WorkGroupName"] == workgroup]


def _key(request: Request) -> str:
    return f"{workgroups.find(request.get('WorkGroup')).name}/{request.get('StatementName') or ''}"


def _found(request: Request) -> dict[str, Any]:
    key = _key(request)
    found: dict[str, Any] | None = _store().get(key)
    if found is None:
        workgroup, _, name = key.partition("/")
        raise AwsError(_MISSING, f"PreparedStatement {name} was not found in WorkGroup {workgroup}")
    return found


def _put(request: Request, key: str) -> None:
    from localaws.athena.statements import parse

    text = request.get("QueryStatement") or ""
    parse(f"PREPARE p FROM {text}")
    _store()[key] = {
        "StatementName": request["StatementName"],
        "QueryStatement": text,
        "WorkGroupName": key.partition("/")[0],
        "Description": request.get("Description") or "",
        "LastModifiedTime": time.time(),
    }
