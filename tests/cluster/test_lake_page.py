"""The Lake page under FabAuthManager and gunicorn: which routes each of its roles may see."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from lakelanes_airflow.page.app import the_app
from tests.cluster.machines import Machines
from tests.end_to_end.readings import put_readings

ROUTES = [(method, route.path) for route in the_app().routes for method in getattr(route, "methods", ["GET"])]
STARTERS = ("User", "Op", "Admin")
# In this order: who may not press a button is asked while there is something to press it for.
READERS = ("Viewer", *STARTERS)
DAY, KEY = "2026-01-01", "utilities/north/readings-2026-01-01.csv"
REFUSED = "visits_20260101T09.csv.gz"


@pytest.fixture(scope="module")
def loaded(machines: Machines) -> Machines:
    """A cluster with a loaded file, and an open alert on one that was refused."""
    put_readings(machines, "2026-01", {1: 5})
    assert machines.trigger("load_readings", conf={"partition": DAY})["state"] == "success"
    machines.put(REFUSED, "room,people\nblue,1\n")
    machines.alert_of(machines.trigger("load_visits", conf={"keys": [REFUSED]}))
    return machines


def send(machines: Machines, role: str | None, method: str, path: str) -> requests.Response:
    """What the page answers to the user with a role; to nobody for None."""
    bucket = f"s3://{machines.resources.source_bucket}"
    form = {"uri": f"{bucket}/none", "period": DAY, "cause": f"file/{bucket}/{REFUSED}", "hours": "4"}
    places = {
        **{"entity": "readings", "period": DAY, "name": "lake.css", "visual": "revenue_by_day"},
        **{"table": "orders", "kind": "window", "start": "20240315T1000Z"},
    }
    headers = {"Sec-Fetch-Site": "same-origin"}
    if role is not None:
        headers["Authorization"] = f"Bearer {machines.token(role)}"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            f"{machines.stack.airflow_url}/lake{path.format(**places)}",
            headers=headers,
            params={"uri": f"{bucket}/{KEY}"} if path.startswith("/file") else None,
            data=form if method == "POST" else None,
            timeout=120,
            allow_redirects=False,
        )


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_open_to_the_roles_that_may_and_to_no_other(loaded: Machines, method: str, path: str) -> None:
    assert send(loaded, None, method, path).status_code == 401
    assert send(loaded, "Public", method, path).status_code == 403
    allowed = STARTERS if method == "POST" else READERS
    answers: dict[str, Any] = {role: send(loaded, role, method, path) for role in READERS}
    for role, answer in answers.items():
        # What is not there is not there for all who may look.
        assert (answer.status_code == 403) == (role not in allowed), f"{role}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, f"{role}: {answer.text[:300]}"
    if method == "GET":
        assert len({answer.status_code for answer in answers.values()}) == 1


def test_a_viewer_sees_what_is_loaded_and_an_operator_may_retry(loaded: Machines) -> None:
    for role in READERS:
        page = send(loaded, role, "GET", "/entities/{entity}")
        assert page.status_code == 200 and "meter_readings" in page.text, role
        file = send(loaded, role, "GET", "/file")
        assert file.status_code == 200 and KEY in file.text, role


def test_every_process_of_the_api_server_answers_alike(loaded: Machines) -> None:
    """Each has its own memory; what one found in the background the other has to find itself."""
    pages = [send(loaded, "Viewer", "GET", "/entities/{entity}").text for _ in range(12)]
    assert all("readings" in page for page in pages)
    css = {send(loaded, "Viewer", "GET", "/static/{name}").content for _ in range(6)}
    assert len(css) == 1
