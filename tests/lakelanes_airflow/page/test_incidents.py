"""Open alerts on the page: all that the user may see, with their links."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.lake import Lake
from tests.lakelanes_airflow.page.test_app import GOOD, AsUser, load, text, uri


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
    assert shown.index("Open alerts") < shown.index("watch_lake found 17 March missing") < shown.index("Entities")
    assert "What to do: Upload it corrected" in shown
    assert '<p class="said">&lt;b&gt;</p>' in page, "what it says is text"
    links = re.findall(r'<a href="([^"]+)"[^>]*>(?:Look at it|Open the run)', page)
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
