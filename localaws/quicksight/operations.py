"""The REST-JSON protocol of QuickSight: which operation a request is, its members, and how replies are written.

Everything is read from the service's model in botocore, so it is what boto3 sends and expects
(https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html).
"""

from __future__ import annotations

import functools
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from localaws import validation
from localaws.protocol import AwsError, Reply, Request

Query = dict[str, list[str]]

_CONTENT_TYPE = "application/json"
INVALID = "InvalidParameterValueException"


@dataclass(frozen=True)
class Route:
    """An operation's method and path; ``literals`` is how many parts of the path are fixed."""

    name: str
    method: str
    pattern: re.Pattern[str]
    literals: int


DEFINITION = validation.Definition("quicksight", INVALID)


def service_model() -> Any:
    """botocore's model of QuickSight."""
    return validation.service_model("quicksight")


@functools.cache
def routes() -> tuple[Route, ...]:
    """All operations of the service, those of this local AWS among them; the most fixed paths come first."""
    model = service_model()
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        parts = http["requestUri"].partition("?")[0].split("/")
        fixed = [part for part in parts if part and not part.startswith("{")]
        pattern = "/".join(_part_pattern(part) for part in parts)
        found.append(Route(name, http["method"], re.compile(pattern), len(fixed)))
    return tuple(sorted(found, key=lambda route: -route.literals))


def operation_of(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The operation's name and the members in its path; None when the service has no such operation."""
    for route in routes():
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route.name, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def members_of(name: str, in_path: dict[str, str], query: Query, body: bytes) -> Request:
    """All members of a request, by their names; raises InvalidParameterValueException for a body that is no object."""
    try:
        sent = json.loads(body or b"{}")
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise AwsError(INVALID, "The request body is not a JSON object")
    shape = service_model().operation_model(name).input_shape
    found: Request = {}
    for member, each in shape.members.items():
        location, key = each.serialization.get("location"), each.serialization.get("name", member)
        if location == "uri":
            found[member] = _converted(each, in_path[key])
        elif location == "querystring" and key in query:
            values = query[key]
            found[member] = values if each.type_name == "list" else _converted(each, values[-1])
        elif location is None and key in sent:
            found[member] = sent.pop(key)
    # What is left over is unknown, and its check says so.
    return {**found, **{key: value for key, value in sent.items() if value is not None}}


def reply(payload: dict[str, Any]) -> Reply:
    """A successful reply; a payload's Status is the HTTP status."""
    status = int(payload.get("Status", 200))
    shown = {name: value for name, value in payload.items() if name != "Status" and value is not None}
    shown["RequestId"] = str(uuid.uuid4())
    return status, {"Content-Type": _CONTENT_TYPE}, json.dumps(shown, ensure_ascii=False).encode()


def error_reply(error: AwsError) -> Reply:
    """An error's reply, with the status that the service's model has for it."""
    shape = service_model().shape_for_error_code(error.code) if error.code in _error_codes() else None
    status = shape.metadata["error"]["httpStatusCode"] if shape is not None else error.status
    body = {"Message": error.message, "RequestId": str(uuid.uuid4()), **error.members}
    headers = {"Content-Type": _CONTENT_TYPE, "x-amzn-errortype": error.code}
    return status, headers, json.dumps(body).encode()


@functools.cache
def _error_codes() -> frozenset[str]:
    return frozenset(shape.error_code for shape in service_model().error_shapes)


def _part_pattern(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    # A resource's ARN has slashes of its own.
    return f"(?P<{part[1:-1]}>.+)" if part == "{ResourceArn}" else f"(?P<{part[1:-1]}>[^/]+)"


def _converted(shape: Any, text: str) -> Any:
    if shape.type_name in ("integer", "long") and re.fullmatch(r"-?\d+", text):
        return int(text)
    if shape.type_name == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
