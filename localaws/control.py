"""Controls for tests and the demo, under ``/_localaws/``: requests to the local AWS itself, which AWS does not have.

docs/what-runs-where.md lists the controls.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

_PREFIX = "/_localaws/"

Request = dict[str, Any]
Control = Callable[[Request], Request]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class ControlError(ValueError):
    """A control was asked for something that it cannot do; the message says what is wrong."""


def with_controls(application: Application, controls: dict[tuple[str, str], Control]) -> Application:
    """The ASGI application with the controls, by method and path below ``/_localaws/``, in front of it."""

    async def controlled(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await application(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, payload = _answer(controls, scope["method"], scope["path"][len(_PREFIX) :], body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(payload).encode()})

    return controlled


def _answer(controls: dict[tuple[str, str], Control], method: str, path: str, body: bytes) -> tuple[int, Request]:
    control = controls.get((method, path))
    if control is None:
        known = ", ".join(sorted(f"{method} {_PREFIX}{path}" for method, path in controls))
        return 404, {"error": f"no control {method} {_PREFIX}{path}; there are {known}"}
    try:
        request = json.loads(body or b"{}")
        if not isinstance(request, dict):
            raise ControlError("the body is not a JSON object")
        return 200, control(request)
    except ValueError as error:
        return 400, {"error": str(error)}


def members(request: Request, **kinds: type | tuple[type, ...]) -> Request:
    """The request itself; raises ControlError for a member that is unknown or of another type."""
    for name, value in request.items():
        if name not in kinds:
            raise ControlError(f"unknown member {name!r}; there are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]):
            raise ControlError(f"{name} is {value!r}, expected {kinds[name]}")
    return request
