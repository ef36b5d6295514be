"""Nobody without a login sees anything, viewers change nothing, and no other site can press a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.lake import Lake
from lakelanes_airflow.page.access import from_the_page, reader
from lakelanes_airflow.page.app import the_app
from tests.support.source_tables import ORDERS

PLACES = {
    **{"entity": "sales", "period": "2024-03-15", "name": "lake.css"},
    "visual": "revenue_by_day",
    **{"table": "orders", "kind": "window", "start": "20240315T1000Z"},
}
CAUSE = "deadline/sales/2024-03-15"
QUERY = {"uri": "s3://bucket/key"}
ROUTES = [(method, route.path) for route in the_app().routes for method in getattr(route, "methods", ["GET"])]
each_route = pytest.mark.parametrize(("method", "path"), ROUTES)


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    """A lake with an entity and a table, and an open alert."""
    lake = make_lake({"orders": {"dynamodb_table": "shop-orders", **ORDERS}})
    alert = Alert("watch_lake", "run", "sales", "no file of sales came", "Upload it")
    assert incidents.report(lake, CAUSE, alert, lambda *_: None)
    return lake


def send(client: TestClient, method: str, path: str, **options: Any) -> Any:
    where = "/lake" + path.format(**PLACES)
    fields = {"uri": "s3://bucket/key", "period": "2024-03-15", "cause": CAUSE, "hours": "4"}
    data = fields if method == "POST" else None
    return client.request(method, where, params=QUERY if path.startswith("/file") else None, data=data, **options)


def test_every_route_is_one_that_asks_who_is_there() -> None:
    """A mount or a plain route would pass by the dependencies of the application."""
    assert len(ROUTES) == 21
    for route in the_app().routes:
        assert isinstance(route, APIRoute), route
        asked = [dependency.call for dependency in route.dependant.dependencies]
        assert reader in asked, route.path
        if route.methods != {"GET"}:
            assert from_the_page in asked, route.path


@each_route
def test_without_a_login_there_is_nothing(
    as_user: Callable[[str | None], TestClient], lake: Lake, method: str, path: str
) -> None:
    answer = send(as_user(None), method, path)
    assert answer.status_code == 401
    assert "sales" not in answer.text.replace("load_sales", "") and "shop-orders" not in answer.text


@each_route
def test_a_token_that_airflow_did_not_sign_is_refused(
    as_user: Callable[[str | None], TestClient], lake: Lake, method: str, path: str
) -> None:
    answer = send(as_user(None), method, path, headers={"Authorization": "Bearer made.up.token"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_a_viewer_cannot_press_a_button(
    as_user: Callable[[str | None], TestClient], lake: Lake, dags: dict[str, Any], path: str
) -> None:
    answer = send(as_user("viewer"), "POST", path)
    assert answer.status_code == 403
    dag = "export_orders" if "tables" in path else "load_sales"
    assert f"You may not trigger {dag}" in answer.text


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
        # As an Airflow without a login makes every request look.
        {"authorization": "Bearer {token}", "sec-fetch-site": "cross-site"},
        {"authorization": "Bearer {token}", "origin": "https://evil.example"},
    ],
)
def test_a_button_pressed_by_another_site_does_nothing(
    as_user: Callable[[str | None], TestClient], lake: Lake, path: str, headers: dict[str, str]
) -> None:
    client = as_user("user")
    del client.headers["sec-fetch-site"]
    token = client.cookies["_token"]
    answer = send(client, "POST", path, headers={name: text.format(token=token) for name, text in headers.items()})
    assert answer.status_code == 403
    assert "does not come from the Lake page" in answer.text


def test_an_older_browser_may_tell_its_origin_instead(as_user: Callable[[str | None], TestClient], lake: Lake) -> None:
    client = as_user("user")
    del client.headers["sec-fetch-site"]
    answer = send(client, "POST", "/entities/{entity}/retry", headers={"origin": "http://testserver"})
    assert answer.status_code == 404
    assert "The ledger knows no file" in answer.text


def test_a_program_brings_its_own_token(as_user: Callable[[str | None], TestClient], lake: Lake) -> None:
    token, client = as_user("user").cookies["_token"], as_user(None)
    del client.headers["sec-fetch-site"]
    answer = send(client, "POST", "/entities/{entity}/retry", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 404
    assert "The ledger knows no file" in answer.text


def test_every_answer_forbids_what_is_not_its_own(as_user: Callable[[str | None], TestClient], lake: Lake) -> None:
    for client, path in ((as_user("viewer"), "/lake/"), (as_user(None), "/lake/"), (as_user("viewer"), "/lake/none")):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "<script>" not in answer.text and " style=" not in answer.text


def test_nothing_is_documented_to_strangers(as_user: Callable[[str | None], TestClient], lake: Lake) -> None:
    for path in ("/lake/docs", "/lake/openapi.json", "/lake/static/app.py", "/lake/static/../app.py"):
        assert as_user("viewer").get(path).status_code == 404
