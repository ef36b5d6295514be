"""Airflow's whole application answers by the names of the setting alone, and by any without it."""

from __future__ import annotations

import pytest
from airflow import plugins_manager
from airflow.api_fastapi.app import init_plugins
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lakelanes_airflow import trusted_hosts
from lakelanes_airflow.plugin import LakelanesPlugin


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """An application into which Airflow has put the plugin's, as it does at the API server's start."""
    monkeypatch.setenv("AIRFLOW__LAKELANES__ALLOWED_HOSTS", "127.0.0.1, localhost")
    found = (LakelanesPlugin.fastapi_apps, trusted_hosts.middlewares())
    monkeypatch.setattr(plugins_manager, "get_fastapi_plugins", lambda: found)
    app = FastAPI()
    app.get("/api/v2/version")(lambda: "3.3.1")
    init_plugins(app)
    return TestClient(app, follow_redirects=False)


@pytest.mark.parametrize("path", ["/api/v2/version", "/lake/", "/nothing"])
@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:8080", "www.localhost.evil", "127.0.0.1.evil", ""]
)
def test_other_names_are_refused_on_every_path(client: TestClient, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert (answer.status_code, answer.text) == (400, "Invalid host header")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:8080"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/v2/version", headers={"Host": host}).status_code == 200


def test_without_the_setting_every_name_is_answered() -> None:
    assert trusted_hosts.middlewares() == [] == LakelanesPlugin.fastapi_root_middlewares
