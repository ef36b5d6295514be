"""The client of Airflow's REST API, against a small server that answers as Airflow does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from scripts.airflow_api import AirflowApi, AirflowError
from tests.support.served import served


class Server(ThreadingHTTPServer):
    """Hands out tokens, accepts the last one only, and remembers the requests: method, path and body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tokens = 0
        self.logins: list[Any] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.answers: dict[str, tuple[int, Any]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == "/auth/token":
            login = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
            if login not in (None, {"username": "op", "password": "right"}):
                self._answer(401, {"detail": "Invalid credentials"})
                return
            self.server.logins.append(login)
            self.server.tokens += 1
            self._answer(201, {"access_token": f"token-{self.server.tokens}"})
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, json.loads(body) if body else None))
        if self.headers.get("Authorization") != f"Bearer token-{self.server.tokens}" and "health" not in self.path:
            self._answer(401, {"detail": "expired"})
            return
        self._answer(*self.server.answers.get(self.path.partition("?")[0], (404, {"detail": "none"})))

    do_POST = do_PATCH = do_DELETE = do_GET

    def _answer(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    with served(running):
        yield running


@pytest.fixture
def api(server: Server) -> Iterator[AirflowApi]:
    made = AirflowApi(f"{server.url}/")
    yield made
    made.close()


def test_one_token_serves_all_requests(server: Server, api: AirflowApi) -> None:
    server.answers["/api/v2/dags"] = (200, {"dags": []})
    assert api.get("/dags", limit=5) == {"dags": []}
    assert api.post("/dags", {"a": 1}) == {"dags": []}
    assert api.patch("/dags", {"is_paused": True}) == {"dags": []}
    assert server.tokens == 1
    assert server.requests == [
        ("GET", "/api/v2/dags?limit=5", None),
        ("POST", "/api/v2/dags", {"a": 1}),
        ("PATCH", "/api/v2/dags", {"is_paused": True}),
    ]


def test_a_token_that_has_expired_is_replaced_once(server: Server, api: AirflowApi) -> None:
    server.answers["/api/v2/dags"] = (200, {"dags": []})
    api.get("/dags")
    server.tokens += 1
    assert api.get("/dags") == {"dags": []}
    assert [path for _, path, _ in server.requests] == ["/api/v2/dags"] * 3


def test_a_login_is_what_a_token_is_got_by(server: Server) -> None:
    server.answers["/api/v2/dags"] = (200, {"dags": []})
    api = AirflowApi(server.url, login=("op", "right"))
    assert api.get("/dags") == {"dags": []}
    assert server.logins == [{"username": "op", "password": "right"}]
    api.close()
    wrong = AirflowApi(server.url, login=("op", "wrong"))
    with pytest.raises(AirflowError, match=r"401 .*Invalid credentials"):
        wrong.get("/dags")
    wrong.close()


def test_an_empty_answer_is_none(server: Server, api: AirflowApi) -> None:
    server.answers["/api/v2/dags/x"] = (204, None)
    assert api.request("DELETE", "/dags/x") is None


def test_a_refusal_is_an_error_with_airflows_reason(server: Server, api: AirflowApi) -> None:
    server.answers["/api/v2/dags/x"] = (409, {"detail": "it runs already"})
    with pytest.raises(AirflowError, match=r"POST /dags/x: 409 .*it runs already"):
        api.post("/dags/x", {})


def test_health_names_every_component(server: Server, api: AirflowApi) -> None:
    server.answers["/api/v2/monitor/health"] = (200, {"scheduler": {"status": "healthy"}, "triggerer": None})
    assert api.health() == {"metadatabase": None, "scheduler": "healthy", "triggerer": None, "dag_processor": None}


def test_an_airflow_that_starts_is_unreachable() -> None:
    with Server() as closed:
        url = closed.url
    api = AirflowApi(url)
    assert set(api.health().values()) == {"unreachable"}
    api.close()
