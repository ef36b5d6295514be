"""A double of the calls of Power BI's REST API that are made here, with its forms of answers and errors.

https://learn.microsoft.com/en-us/rest/api/power-bi/datasets/refresh-dataset-in-group and the two beside it; one refresh
of a model at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.support.served import served

TENANT, CLIENT, SECRET, WORKSPACE, MODEL = "tenant-1", "client-1", "se/cr?et", "workspace-1", "model-1"
_ROOT = f"/v1.0/myorg/groups/{WORKSPACE}/datasets/{MODEL}/refreshes"


class PowerBIDouble:
    """begun: the bodies of the requests for a refresh. status: what refreshes are in; details: of the answer on one.
    refuse: status and error of the next request for a refresh."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.status = "Unknown"
        self.details: dict[str, Any] = {}
        self.refuse: tuple[int, dict[str, Any]] | None = None
        self.cancelled: list[str] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == f"/{TENANT}/oauth2/v2.0/token":
                    self._token(parse_qs(body))
                elif self._allowed() and self.path == _ROOT:
                    double._begin(self, json.loads(body))

            def do_GET(self) -> None:
                if self._allowed():
                    double._tell(self, self.path.removeprefix(f"{_ROOT}/"))

            def do_DELETE(self) -> None:
                if self._allowed():
                    double.cancelled.append(self.path.removeprefix(f"{_ROOT}/"))
                    double.status = "Cancelled"
                    self.answer(200)

            def _token(self, form: dict[str, list[str]]) -> None:
                wanted = {
                    "grant_type": ["client_credentials"],
                    "client_id": [CLIENT],
                    "client_secret": [SECRET],
                    "scope": ["https://analysis.windows.net/powerbi/api/.default"],
                }
                if form != wanted:
                    self.answer(401, {"error": "invalid_client", "error_description": f"sent: {form}"})
                else:
                    self.answer(200, {"access_token": "token-1", "expires_in": 3599})

            def _allowed(self) -> bool:
                if self.headers.get("Authorization") != "Bearer token-1":
                    self.answer(401)
                    return False
                if not self.path.startswith(_ROOT):
                    self.answer(404, {"error": {"code": "DatasetNotFound", "message": "no such model"}})
                    return False
                return True

            def answer(self, status: int, body: Any = None, **headers: str) -> None:
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _begin(self, handler: Any, body: dict[str, Any]) -> None:
        if self.refuse:
            status, error = self.refuse
            self.refuse = None
            handler.answer(status, error)
            return
        if self.begun and self.status == "Unknown":
            error = {
                "error": {"code": "", "message": "Another refresh request is already in progress for this dataset"}
            }
            handler.answer(400, error)
            return
        self.begun.append(body)
        self.status = "Unknown"
        request = f"refresh-{len(self.begun)}"
        handler.answer(202, x_ms_request_id=request, Location=f"{self.address}{_ROOT}/{request}")

    def _tell(self, handler: Any, request: str) -> None:
        if request not in [f"refresh-{number + 1}" for number in range(len(self.begun))]:
            handler.answer(404, {"error": {"code": "RefreshNotFound", "message": "no such refresh"}})
            return
        handler.answer(
            202 if self.status == "Unknown" else 200, {"status": self.status, "type": "Full", **self.details}
        )


@contextmanager
def running_power_bi() -> Iterator[PowerBIDouble]:
    """Serves until the end of the block."""
    double = PowerBIDouble()
    with served(double.server):
        yield double
