"""Open alerts on the page: all that the user may see, with their links."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session

from lakelanes.alerts import incidents, silence
from lakelanes.alerts.incidents import Incident
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.files.sweep import find_unloaded, record_unmatched
from lakelanes.lake import Lake
from tests.lakelanes_airflow.page.test_app import GOOD, AsUser, load, text, uri
from tests.lakelanes_airflow.page.test_visibility import Rights, rights
from tests.support.lakes import put

__all__ = ["rights"]
MISSING, BROKEN = "deadline/sales/2024-03-17", "run/refresh_views/-"


def test_open_alerts_stand_first_with_what_to_do_and_where_to_look(as_user: AsUser, lake: Lake) -> None:
    client = as_user("viewer")
    assert "Open alerts There are none." in text(client.get("/lake/").text)
    load(lake, d15=GOOD, d16="wrong\n1\n")

    def report(cause: str, **more: Any) -> None:
        alert = Alert(**{"dag_id": "load_sales", "run_id": "r", "entity": "sales", "reason": "<b>", **more})
        assert incidents.report(lake, cause, alert, lambda *_: None)

    run = "https://airflow.example/dags/load_sales/runs/r%2B1"
    file = "/lake/file?uri=" + quote(uri(lake, "16"), safe="")
    report(f"file/{uri(lake, '16')}", what_to_do="Upload it corrected", run_url=run, page_url=file)
    missing = {"event": "found 17 March missing", "page_url": "/lake/entities/sales/periods/2024-03-17"}
    report("deadline/sales/2024-03-17", what_to_do="Upload it", dag_id="watch_lake", **missing)
    report("run/refresh_views/-", what_to_do="Clear it", entity=None, dag_id="refresh_views", page_url="/lake/")
    report(
        "stale/x", what_to_do="Look", entity=None, dag_id="refresh_views", page_url="https://elsewhere.example/lake/"
    )
    page = client.get("/lake/").text
    shown = text(page)
    title = "sales: 17 March 2024 did not arrive"
    assert shown.index("Open alerts") < shown.index(title) < shown.index("Entities")
    assert "What to do: Upload it corrected" in shown
    assert '<p class="said">&lt;b&gt;</p>' in page, "what it says is text"
    links = re.findall(r'<a class="button" href="([^"]+)"[^>]*>(?:Look at it|Open file|Open the run)', page)
    assert sorted(links) == [
        "/dags/load_sales/runs/r%2B1",
        "/lake/entities/sales/periods/2024-03-17",
        file,
    ]
    for link in links:
        if link.startswith("/lake"):
            assert client.get(link.replace("&amp;", "&")).status_code == 200
    for incident in incidents.open_incidents(lake):
        incidents.cure(lake, incident.cause, "it is cured", lambda *_: None)
    assert "Open alerts There are none." in text(client.get("/lake/").text)


@pytest.fixture
def opened(lake: Lake) -> Lake:
    """A lake with an alert about its entity, and one about none."""
    report(lake, MISSING, "no file came", "sales", partition_key="2024-03-17")
    report(lake, BROKEN, "the workgroup is full", None, dag_id="refresh_views")
    return lake


def report(lake: Lake, cause: str, reason: str, entity: str | None, **more: Any) -> None:
    told = {"dag_id": "watch_lake", "run_id": "r", "what_to_do": "Do this", "event": "failed"}
    alert = Alert(**{**told, "entity": entity, "reason": reason, **more})
    assert incidents.report(lake, cause, alert, lambda *_: None)


def refused(lake: Lake, *days: str) -> list[str]:
    """Refused files with their alerts; their URIs."""
    load(lake, **{f"d{day}": "wrong\n1\n" for day in days})
    for day in days:
        fault = FileFault(uri(lake, day), "sales", "rejected", "no column is there", 2)
        told = Alert(
            "load_sales", "r", "sales", "", "Upload it", files=[fault], page_url=f"/lake/file?uri={fault.file}"
        )
        assert incidents.report_all(lake, incidents.file_alerts(told), lambda *_: None)
    return [uri(lake, day) for day in days]


def by_cause(lake: Lake) -> dict[str, Incident]:
    return {one.cause: one for one in incidents.uncured_incidents(lake)}


def test_an_alert_is_muted_in_the_users_name_and_listed_folded(as_user: AsUser, opened: Lake) -> None:
    client, before = as_user("user"), datetime.now(UTC)
    answer = client.post("/lake/alerts/mute", data={"cause": MISSING, "hours": "4"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/lake/?done=muted")
    muted = by_cause(opened)[MISSING]
    until = datetime.fromisoformat(muted.muted_until)
    assert muted.muted_by == "user" and abs(until - before - timedelta(hours=4)) < timedelta(minutes=5)
    page = client.get(answer.headers["location"]).text
    folded = re.search(r"<summary>(.*?)</summary>", page, re.DOTALL)
    assert folded and text(folded[1]).strip() == (
        f"sales: 17 March 2024 did not arrive muted by user until {until:%Y-%m-%d %H:%M} UTC"
    )
    assert "Muted. It speaks again if it is still open then." in page
    assert client.post("/lake/alerts/unmute", data={"cause": MISSING}).headers["location"] == "/lake/?done=unmuted"
    assert by_cause(opened)[MISSING].muted_by == "" and "muted by" not in client.get("/lake/").text


def test_an_alert_is_closed_in_the_users_name_and_gone(as_user: AsUser, opened: Lake) -> None:
    client = as_user("user")
    answer = client.post("/lake/alerts/close", data={"cause": [MISSING, BROKEN]})
    assert answer.headers["location"] == "/lake/?done=closed"
    assert {one.closed_by for one in by_cause(opened).values()} == {"user"}
    assert "Open alerts There are none." in text(client.get("/lake/").text)
    assert client.post("/lake/alerts/close", data={"cause": MISSING}).headers["location"] == "/lake/?done=over"


def test_what_is_over_or_was_never_open_is_said_to_be(as_user: AsUser, lake: Lake) -> None:
    for path, more in (("mute", {"hours": "1"}), ("unmute", {}), ("close", {})):
        answer = as_user("user").post(f"/lake/alerts/{path}", data={"cause": "drift/sales", **more})
        assert answer.headers["location"] == "/lake/?done=over"
    assert "It was over, or closed, by then" in as_user("user").get("/lake/?done=over").text
    assert as_user("user").get("/lake/?done=<b>").text.count("&lt;b&gt;") == 0


@pytest.mark.parametrize("hours", ["0", "-1", "721", "x", ""])
def test_a_mute_lasts_an_hour_at_least_and_thirty_days_at_most(as_user: AsUser, opened: Lake, hours: str) -> None:
    answer = as_user("user").post("/lake/alerts/mute", data={"cause": MISSING, "hours": hours})
    assert answer.status_code == 422 and by_cause(opened)[MISSING].muted_by == ""


def test_a_viewer_has_no_buttons_and_cannot_do_without_them(as_user: AsUser, opened: Lake) -> None:
    [file] = refused(opened, "18")
    shown, offered = as_user("viewer").get("/lake/").text, as_user("user").get("/lake/").text
    for action in ("/alerts/mute", "/alerts/close", "/entities/sales/retry"):
        assert action in offered and action not in shown
    assert f'href="/lake/file?uri={file}"' in shown, "the file can be looked at"
    for cause, dag_id in ((MISSING, "load_sales"), (BROKEN, "refresh_views")):
        answer = as_user("viewer").post("/lake/alerts/close", data={"cause": cause})
        assert answer.status_code == 403 and f"You may not trigger {dag_id}" in answer.text
    assert {one.closed_by for one in by_cause(opened).values()} == {""}


def test_who_may_act_on_some_of_the_alerts_alone_changes_none_and_what_is_hidden_stays(
    as_user: AsUser, opened: Lake, rights: Rights
) -> None:
    rights.dags = {"load_sales"}
    answer = as_user("user").post("/lake/alerts/close", data={"cause": BROKEN})
    assert answer.headers["location"] == "/lake/?done=over", "who may not see it does not learn that it is open"
    assert by_cause(opened)[BROKEN].closed_by == ""
    assert "refresh_views" not in as_user("user").get("/lake/").text
    rights.dags = None
    assert as_user("viewer").get("/lake/").status_code == 200


def test_files_that_were_refused_for_one_reason_are_one_alert_and_one_press_loads_them_again(
    as_user: AsUser, lake: Lake, dags: dict[str, Any]
) -> None:
    files = refused(lake, "15", "16", "17")
    client = as_user("user")
    page = client.get("/lake/").text
    shown = text(page)
    assert "3 files of sales were refused: no column is there" in shown and "3 files: same cause" in shown
    assert len(re.findall(r'href="/lake/file\?uri=[^"]+" title="s3:[^"]+"><span class="hidden">Open file', page)) == 3
    every = re.search(
        r'<form method="post" action="/lake/entities/sales/retry">((?:(?!</form>).)*Retry all 3)', page, re.S
    )
    assert every and set(re.findall(r'name="uri" value="([^"]+)"', every[1])) == set(files)
    answer = client.post("/lake/entities/sales/retry", data={"uri": files, "first_page": "true"})
    assert answer.status_code == 303 and answer.headers["location"].startswith("/lake/?run=load_sales")
    with create_session() as session:
        runs = session.query(DagRun).filter_by(dag_id="load_sales", triggering_user_name="user").all()
        assert {"keys": files, "reload": False} in [run.conf for run in runs]
    again = client.post("/lake/entities/sales/retry", data={"uri": [*files, "s3://elsewhere/x.csv"]})
    assert again.status_code == 404 and "knows no file s3://elsewhere/x.csv" in again.text


def test_one_press_of_retry_leaves_out_what_was_loaded_meanwhile(
    as_user: AsUser, lake: Lake, dags: dict[str, Any]
) -> None:
    [bad] = refused(lake, "15")
    load(lake, d14=GOOD)
    as_user("user").post("/lake/entities/sales/retry", data={"uri": [uri(lake, "14"), bad]})
    with create_session() as session:
        runs = session.query(DagRun).filter_by(dag_id="load_sales", triggering_user_name="user").all()
        assert {"keys": [bad], "reload": False} in [run.conf for run in runs]


def test_files_of_no_entity_are_among_the_alerts(as_user: AsUser, lake: Lake) -> None:
    put(lake, "in/readme.txt", "x")
    record_unmatched(lake, find_unloaded(lake).unmatched)
    client = as_user("viewer")
    shown = text(client.get("/lake/").text)
    assert shown.index("Open alerts") < shown.index("readme.txt matches no entity") < shown.index("Entities")
    assert re.search(r'href="/lake/file\?uri=s3%3A[^"]+readme.txt">Open file', client.get("/lake/").text)
    for number in range(9):
        put(lake, f"in/other{number}.txt", "x")
    record_unmatched(lake, find_unloaded(lake).unmatched)
    assert "More than 8 files match no entity" in text(client.get("/lake/").text)


def test_a_state_never_contradicts_the_alerts_above_it(as_user: AsUser, lake: Lake) -> None:
    today = datetime.now(UTC)
    load(lake, d15=GOOD)
    put(lake, f"sales_data_{today - timedelta(days=2):%Y_%m_%d}.csv", GOOD)
    load(lake)
    client = as_user("viewer")

    def badge() -> str:
        found = re.search(r'<article[^>]*"entity-sales">.*?badge is-([a-z-]+)', client.get("/lake/").text, re.DOTALL)
        assert found
        return found[1]

    assert badge() in ("waiting", "late")
    report(lake, "drift/sales", "a column is gone", "sales")
    assert badge() in ("alert", "late")
    silence.mute(lake, by_cause(lake)["drift/sales"], today + timedelta(hours=1), "anna")
    assert badge() in ("alert", "late"), "muted is not cured"
    report(lake, f"deadline/sales/{today:%Y-%m-%d}", "no file", "sales")
    assert badge() == "late"
    put(lake, f"sales_data_{today - timedelta(days=1):%Y_%m_%d}.csv", "wrong\n1\n")
    load(lake)
    assert badge() == "rejected"
