"""What the buttons do: requests to Airflow's own REST API, as the logged-in user.

The request goes to the application that this one is mounted in, inside the process: no address of the server has to be
known, no proxy is passed, and Airflow checks the user's rights and writes its audit log as for any other request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
from fastapi import Request

from lakelanes.errors import LakeError

# Headers that authenticate the user to Airflow.
_CREDENTIALS = ("authorization", "cookie")


class AirflowRefusedError(LakeError):
    """Airflow refused a request; the text is its reason, ``status`` its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def trigger(request: Request, dag_id: str, conf: dict[str, Any]) -> str:
    """Starts a run of a DAG with these parameters, of no partition key; returns the run's id."""
    body = {"logical_date": None, "conf": conf, "note": _NOTE}
    answer = await _post(request, f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns", body)
    return str(answer["dag_run_id"])


_NOTE = "Started from the Lake page"


async def _post(request: Request, path: str, body: dict[str, Any]) -> Any:
    # Imported here, for the import makes the whole application where there is none yet.
    from airflow.api_fastapi.main import app

    headers = {name: value for name in _CREDENTIALS if (value := request.headers.get(name))}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url.replace(path="/"))) as client:
        answer = await client.post(path, json=body, headers=headers)
    if not answer.is_success:
        raise AirflowRefusedError(answer.status_code, _reason(answer))
    return answer.json()


def _reason(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:500]
    return detail if isinstance(detail, str) else str(detail)
