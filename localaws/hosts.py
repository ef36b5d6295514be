"""Requests by foreign names are refused: a web page must not reach this server by a name that its owner lets point to
127.0.0.1 (DNS rebinding).

The names that stay are this machine's, and what lies below ``localhost``, where S3's virtual-hosted addresses are
(``bucket.localhost``): browsers and resolvers take all of it for the machine itself (RFC 6761, section 6.3). AWS's own
names never reach this server.
"""

from __future__ import annotations

from typing import Any

from localaws.control import Application

# A client of HTTP/1.0 may send no name at all; a browser always does.
_OWN = ("127.0.0.1", "localhost", "")


def with_hosts(application: Application) -> Application:
    """The ASGI application, which answers 403 to requests by other names than this machine's."""

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket") or is_own(host_of(scope)):
            await application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = b"This local AWS answers to 127.0.0.1, localhost and what ends with .localhost alone.\n"
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return checked


def host_of(scope: Any) -> str:
    """The name by which the request came, without its port, in lower case; '' where it has none."""
    named = [value for name, value in scope["headers"] if name == b"host"]
    host = named[-1].decode("latin-1").strip().lower() if named else ""
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() and name else host


def is_own(host: str) -> bool:
    """Whether the name is this machine's."""
    return host in _OWN or host.removesuffix(".").endswith(".localhost")
