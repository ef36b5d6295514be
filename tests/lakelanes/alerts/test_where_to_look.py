"""Every alert says where to look: by a link where there is an Airflow, and by a command in any case."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from lakelanes.__main__ import build_parser
from lakelanes.alerts import incidents, where_to_look
from lakelanes.alerts.messages import Alert, FileFault, with_addresses
from lakelanes.lake import Lake
from lakelanes.tables.stream_report import BatchReport, RecordFault, refusal_alert, unreadable_alert
from tests.support.lakes import make_config
from tests.support.source_tables import ORDERS

ROOT = Path(__file__).resolve().parents[3]
BASE = "https://airflow.example/base"
FILE = "s3://b/in/it's (1).csv"
BARE = Alert("some_dag", "run-1", None, "it failed", "Mend it.", run_url="/dags/some_dag/runs/run-1")
QUOTED = "s3%3A%2F%2Fb%2Fin%2Fit%27s%20%281%29.csv"
# What is reported of each cause that names neither page nor command: cause, entity, page, command.
CAUSES = {
    f"file/{FILE}": ("sales", f"/lake/file?uri={QUOTED}", f"lakelanes files {shlex.quote(FILE)}"),
    "run/load_sales/2024-03-15": ("sales", "/lake/", "lakelanes status sales"),
    "run/refresh_views/-": (None, "/lake/", "lakelanes status"),
    "deadline/sales/2024-03-15": ("sales", "/lake/entities/sales", "lakelanes status sales"),
    "rejects/sales/2024-03-15": (
        "sales",
        "/lake/entities/sales",
        "lakelanes files --entity sales --partition 2024-03-15",
    ),
    f"rejects/sales/{FILE}": ("sales", f"/lake/file?uri={QUOTED}", f"lakelanes files {shlex.quote(FILE)}"),
    "dead-letters": (None, "/lake/", "lakelanes status"),
    "drift/sales": ("sales", "/lake/", "lakelanes status sales"),
    "stale/daily": ("daily", "/lake/dashboards", "lakelanes status"),
    "refresh/daily": ("daily", "/lake/dashboards", "airflow dags list-runs refresh_dashboards"),
    "gap/orders": ("orders", "/lake/tables/orders", "lakelanes tables status orders"),
    "import/load_entities.py": (None, "/lake/", "airflow dags list-import-errors"),
    "import/configuration": (None, "/lake/", "lakelanes check"),
}


def is_command(line: str) -> bool:
    """Whether the command exists and takes these words."""
    program, *words = shlex.split(line)
    if program == "airflow":
        return words[:1] == ["dags"] and words[1] in ("list-import-errors", "list-runs")
    return program == "lakelanes" and build_parser().parse_args(words) is not None


def test_every_cause_of_the_docs_is_among_these() -> None:
    causes = (ROOT / "docs" / "alerts.md").read_text().split("\n## Causes\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)[/`]", causes, re.MULTILINE)
    assert len(listed) == 11
    assert set(listed) == {cause.split("/")[0] for cause in CAUSES}


@pytest.mark.parametrize("cause", CAUSES)
def test_an_alert_that_names_nothing_has_a_link_and_a_command_by_its_cause(lake: Lake, cause: str) -> None:
    entity, page, command = CAUSES[cause]
    sent: list[Alert] = []
    incidents.report(lake, cause, replace(BARE, entity=entity), lambda _, alert: sent.append(alert))
    [alert] = sent
    assert (alert.page_url, alert.command) == (page, command) and is_command(command)
    [opened] = incidents.open_incidents(lake)
    assert (opened.alert.page_url, opened.alert.command) == (page, command)
    shown = with_addresses(alert, BASE + "/").text
    assert f"Look at it on the Lake page:\n  {BASE}{page}\n" in shown
    assert f"Or in the terminal:\n  {command}" in shown
    assert f"{BASE}/dags/some_dag/runs/run-1" in shown


def test_what_the_alert_names_itself_stays() -> None:
    own = replace(BARE, page_url="/lake/entities/sales/periods/2024-03-15", command="lakelanes plan")
    assert where_to_look.of_cause("deadline/sales/2024-03-15", own) == own


@pytest.mark.parametrize("base", [None, ""])
def test_without_an_airflow_there_is_the_command_and_no_half_a_link(base: str | None) -> None:
    alert = with_addresses(replace(BARE, page_url="/lake/"), base)
    assert (alert.page_url, alert.run_url) == (None, None)
    assert "/lake" not in alert.text and "/dags" not in alert.text
    assert "Look at it in the terminal:\n  lakelanes status" in alert.text


def test_whole_addresses_stay_as_they_are() -> None:
    alert = replace(BARE, page_url="https://a.example/lake/", run_url="https://a.example/dags/x")
    for base in (BASE, ""):
        done = with_addresses(alert, base)
        assert (done.page_url, done.run_url) == (alert.page_url, alert.run_url)


def test_several_alerts_in_one_message_have_what_they_have_in_common() -> None:
    found = {f"file/s3://b/{n}": where_to_look.of_cause(f"file/s3://b/{n}", BARE) for n in (1, 2)}
    merged = incidents.merged([replace(one, entity="sales") for one in found.values()])
    assert (merged.page_url, merged.command) == ("/lake/", "lakelanes status sales")
    same = [replace(BARE, command="lakelanes plan", page_url="/lake/files")] * 2
    assert (incidents.merged(same).page_url, incidents.merged(same).command) == ("/lake/files", "lakelanes plan")


def test_the_streams_alerts_have_them_too() -> None:
    """They open no incident: nothing cures them."""
    table = make_config(tables={"orders": {"dynamodb_table": "shop-orders", **ORDERS}}).tables["orders"]
    unreadable = unreadable_alert(table, BatchReport("arn"), [RecordFault("1", "{}", "no keys")])
    for alert, page, command in (
        (unreadable, "/lake/tables/orders", "lakelanes status orders"),
        (refusal_alert(BatchReport("arn")), "/lake/", "lakelanes status"),
    ):
        done = with_addresses(alert, BASE)
        assert (done.page_url, done.command) == (BASE + page, command) and is_command(command)


def test_no_alert_is_published_but_by_the_function_that_adds_them() -> None:
    """So no kind of alert can be without."""
    sources = {
        path: path.read_text() for folder in ("plugins", "lambdas", "dags") for path in (ROOT / folder).rglob("*.py")
    }
    publishing = [path.name for path, text in sources.items() if re.search(r"sns\.publish\(", text)]
    assert publishing == ["messages.py"]


def test_a_recovery_says_where_to_look_as_well(lake: Lake) -> None:
    sent: list[Alert] = []
    fault = FileFault(FILE, "sales", "failed", "x")
    for cause, alert in incidents.file_alerts(replace(BARE, files=[fault])).items():
        incidents.report(lake, cause, alert, lambda *_: None)
        incidents.cure(lake, cause, "it was loaded", lambda _, alert: sent.append(alert))
    assert sent[0].recovered and sent[0].command == f"lakelanes files {shlex.quote(FILE)}"
