"""A web server on loopback that takes what is posted to it, as Slack takes messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.served import served


class Webhook:
    """The server: its port, and path and JSON of each request so far."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                received.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])

    @property
    def texts(self) -> list[str]:
        """The messages so far."""
        return [body["text"] for _, body in self.received]


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    """Serves until the end of the block."""
    webhook = Webhook()
    with served(webhook.server):
        yield webhook
