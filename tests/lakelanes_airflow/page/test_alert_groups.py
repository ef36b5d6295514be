"""Alerts are titled by what they are about and why, and those that say the same are one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakelanes.alerts.incidents import Incident
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes_airflow.page import alert_groups
from lakelanes_airflow.page.alert_groups import file_of, groups

NO_COLUMN = "no column 'amount'"


def alert(cause: str, reason: str, entity: str | None = "sales", dag_id: str = "watch_lake") -> Incident:
    return Incident(cause, "since", Alert(dag_id, "run", entity, reason, "do this", event="failed"))


def of_file(name: str, reason: str = NO_COLUMN, state: str = "rejected", column: str | None = None) -> Incident:
    uri = f"s3://bucket/in/{name}"
    fault = FileFault(uri, "sales", state, reason, 2, column)
    told = Alert("load_sales", "run", "sales", f"1 file was not loaded; the first: {fault}", "do", files=[fault])
    return Incident(f"file/{uri}", "since", told)


@pytest.mark.parametrize(
    ("incident", "title"),
    [
        (of_file("a_1.csv"), "a_1.csv was refused: no column 'amount'"),
        (of_file("a_1.csv", "the disk is full", "failed"), "a_1.csv was not loaded: the disk is full"),
        (of_file("a_1.csv", "it is gone", "deleted"), "a_1.csv was gone before it could be read: it is gone"),
        (of_file("a_1.csv", "killed", "interrupted"), "a_1.csv was interrupted: killed"),
        (alert("deadline/sales/2024-03-15", "no file"), "sales: 15 March 2024 did not arrive"),
        (alert("deadline/sales/2024-03-15T09", "no file"), "sales: 15 March 2024, 09:00 did not arrive"),
        (alert("rejects/sales/2024-03-15", "5 of 9 rows"), "sales, 15 March 2024: too many rejected rows"),
        (alert("rejects/sales/s3://b/in/x.csv", "5 of 9"), "sales, x.csv: too many rejected rows"),
        (alert("rejects/sales/year=2024/region=n", "5"), "sales, year=2024/region=n: too many rejected rows"),
        (
            alert("run/load_sales/2024-03-15", "full", dag_id="load_sales"),
            "load_sales failed for 2024-03-15: full",
        ),
        (alert("run/load_sales/-", "full\nmore", dag_id="load_sales"), "load_sales failed: full"),
        (alert("drift/sales", "x"), "The table of sales in Glue is not what the configuration says"),
        (alert("gap/orders", "recovery_off", "orders"), "Changes of orders are no longer exported: recovery_off"),
        (alert("stale/daily", "view daily is out of date: late"), "View daily is out of date: late"),
        (alert("refresh/Power BI", "throttled", None), "Power BI was not refreshed: throttled"),
        (alert("import/configuration", "x", None), "The configuration cannot be read"),
        (alert("import/load.py", "x", None), "The DAG file load.py cannot be imported"),
        (alert("dead-letters", "x", None), "The dead-letter queue holds messages that are no notifications"),
        (alert("other/thing", "x", None), "watch_lake failed"),
    ],
)
def test_an_alert_is_titled_by_what_it_is_about_and_why(incident: Incident, title: str) -> None:
    [group] = groups([incident])
    assert group.title == title


def test_files_that_were_refused_for_the_same_reason_are_one_alert() -> None:
    same = [of_file(f"a_{number}.csv", f"{NO_COLUMN} in a_{number}.csv") for number in range(12)]
    others = [of_file("b.csv", "no column 'date'"), of_file("c.csv", state="failed"), of_file("d.csv", column="id")]
    first, *rest = groups([*same[:6], *others, *same[6:]])
    assert first.title == "12 files of sales were refused: no column 'amount' in a_0.csv"
    assert first.incidents == tuple(same) and first.reasons_differ
    assert [len(group.incidents) for group in rest] == [1, 1, 1]
    assert not groups([of_file("a.csv"), of_file("b.csv")])[0].reasons_differ


def test_figures_do_not_make_a_reason_another_one() -> None:
    reasons = ("'x' is no date: 2 of 3 rows, from line 3", "'x' is no date: 40 of 41 rows, from line 7")
    [group] = groups([of_file(f"{name}.csv", reason) for name, reason in zip("ab", reasons, strict=True)])
    assert len(group.incidents) == 2 and group.reasons_differ


def test_partitions_of_one_entity_and_views_for_one_reason_are_one_alert() -> None:
    missing = [alert(f"deadline/sales/2024-03-{day}", f"no file for {day}") for day in (15, 13, 14)]
    [group] = groups(missing)
    assert group.title == "sales: 3 partitions did not arrive, from 13 March 2024 to 15 March 2024"
    assert len(groups([*missing, alert("deadline/other/2024-03-15", "no file", "other")])) == 2
    late = [alert(f"stale/{name}", f"view {name} is out of date: sales is late", name) for name in ("daily", "weekly")]
    [views] = groups(late)
    assert views.title == "2 views: view daily is out of date: sales is late"
    assert len(groups([alert("drift/a", "x", "a"), alert("drift/b", "x", "b")])) == 2


def test_what_is_muted_by_another_or_until_another_time_is_apart() -> None:
    one, two, three, four = (of_file(f"{name}.csv") for name in "abcd")
    muted = [replace(one, muted_by="anna", muted_until="9"), replace(two, muted_by="anna", muted_until="9")]
    assert [
        len(group.incidents) for group in groups([*muted, three, replace(four, muted_by="b", muted_until="9")])
    ] == [*(2, 1, 1)]


def test_a_group_has_no_more_alerts_than_a_form_can_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_groups, "MOST_IN_A_GROUP", 3)
    assert [len(one.incidents) for one in groups([of_file(f"{n}.csv") for n in range(7)])] == [3, 3, 1]


def test_the_reason_is_told_where_the_title_leaves_some_of_it_out() -> None:
    long = "the header has " + ", ".join(f"column_{number}" for number in range(60))
    [cut] = groups([of_file("a.csv", long)])
    assert cut.title.endswith("…") and len(cut.title) < 200 and cut.reason == long
    assert groups([of_file("a.csv")])[0].reason == ""
    assert groups([alert("deadline/sales/2024-03-15", "by midnight")])[0].reason == "by midnight"


def test_an_alert_on_a_file_has_its_uri() -> None:
    assert file_of(of_file("a.csv")) == "s3://bucket/in/a.csv"
    assert file_of(alert("rejects/sales/s3://b/in/x.csv", "5 of 9")) == ""
