"""A small client of Airflow's REST API."""

from __future__ import annotations

from typing import Any

import requests


class AirflowError(Exception):
    """Airflow refused a request; the text is its answer."""


class AirflowApi:
    """The REST API of an Airflow at ``url`` (as ``AIRFLOW_URL`` names it): of one without login, or in the name of a
    user and with the user's password (``login``)."""

    def __init__(self, url: str, timeout: float = 30.0, login: tuple[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._login = login
        self._session = requests.Session()
        # It is on this machine: no proxy.
        self._session.trust_env = False

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call ``/api/v2<path>``; returns the decoded answer, None if there is none. Raises AirflowError."""
        for attempt in (1, 2):
            if "Authorization" not in self._session.headers:
                self._session.headers["Authorization"] = f"Bearer {self.token()}"
            answer = self._send(method, f"/api/v2{path}", json=body, params=query)
            if answer.status_code != requests.codes.unauthorized or attempt == 2:
                break
            del self._session.headers["Authorization"]
        if not answer.ok:
            raise AirflowError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def token(self) -> str:
        """A new token of Airflow's. Raises AirflowError."""
        if self._login is None:
            answer = self._send("GET", "/auth/token")
        else:
            username, password = self._login
            answer = self._send("POST", "/auth/token", json={"username": username, "password": password})
        if not answer.ok:
            raise AirflowError(f"/auth/token: {answer.status_code} {answer.text}")
        return str(answer.json()["access_token"])

    def get(self, path: str, **query: Any) -> Any:
        """GET ``path``."""
        return self.request("GET", path, **query)

    def post(self, path: str, body: Any) -> Any:
        """POST ``body`` to ``path``."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH ``path`` with ``body``."""
        return self.request("PATCH", path, body)

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def health(self) -> dict[str, str | None]:
        """The status of metadatabase, scheduler, triggerer and dag_processor; "unreachable" for all while it starts."""
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        try:
            answer = self._send("GET", "/api/v2/monitor/health").json()
        except (requests.ConnectionError, requests.Timeout, ValueError):
            return dict.fromkeys(parts, "unreachable")
        return {part: (answer.get(part) or {}).get("status") for part in parts}

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, self.url + path, timeout=self.timeout, **options)
