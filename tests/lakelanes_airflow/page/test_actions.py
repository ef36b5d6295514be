"""Requests to Airflow's own API as the user who pressed the button; the pages' tests press them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from lakelanes_airflow.page.actions import AirflowRefusedError, _reason, trigger


def request(**headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "scheme": "http", "server": ("testserver", 80), "path": "/lake/"}
    return Request({**scope, "root_path": "/lake", "query_string": b"", "headers": raw})


def test_a_dag_that_is_not_there_is_refused_with_airflows_reason(
    airflow_app: FastAPI, as_user: Callable[[str | None], TestClient]
) -> None:
    token = as_user("user").cookies["_token"]
    with pytest.raises(AirflowRefusedError, match="no_such_dag") as refused:
        asyncio.run(trigger(request(cookie=f"_token={token}"), "no_such_dag", {}))
    assert refused.value.status == 404


def test_without_the_users_credentials_airflow_refuses(airflow_app: FastAPI) -> None:
    with pytest.raises(AirflowRefusedError) as refused:
        asyncio.run(trigger(request(accept="text/html"), "load_sales", {}))
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"json": {"detail": "it is paused"}}, "it is paused"),
        ({"json": {"detail": [{"msg": "no date"}]}}, "[{'msg': 'no date'}]"),
        ({"json": ["x"]}, '["x"]'),
        ({"text": "x" * 600}, "x" * 500),
    ],
)
def test_the_reason_is_airflows_detail_or_the_beginning_of_its_answer(answer: dict[str, Any], reason: str) -> None:
    assert _reason(httpx.Response(400, **answer)) == reason
