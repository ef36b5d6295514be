"""The state is the worst of what the deadline, the expected period and the open alerts say, over all of them."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest

from lakelanes.alerts.incidents import Incident
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.overview.standing import (
    TROUBLED,
    TROUBLED_TABLES,
    ByDeadline,
    CellState,
    EntityState,
    TableState,
    alerts_about,
    entity_state,
    table_state,
)

DAY = "2024-03-15"


def alert(cause: str, state: str = "", entity: str | None = "sales") -> Incident:
    files = [FileFault(cause.removeprefix("file/"), "sales", state, "it is bad")] if state else []
    return Incident(cause, "since", Alert("a_dag", "run", entity, "reason", "do this", files=files))


ALERTS: dict[str, list[Incident]] = {
    "none": [],
    "refused": [alert("file/s3://b/one.csv", "rejected")],
    "failed": [alert("file/s3://b/one.csv", "failed")],
    "gone": [alert("file/s3://b/one.csv", "deleted")],
    "run": [alert(f"run/load_sales/{DAY}")],
    "missing": [alert(f"deadline/sales/{DAY}")],
    "bad rows": [alert(f"rejects/sales/{DAY}")],
    "drift": [alert("drift/sales")],
    "refused and missing": [alert(f"deadline/sales/{DAY}"), alert("file/s3://b/one.csv", "rejected")],
    "muted": [Incident("drift/sales", "s", Alert("d", "r", "sales", "x", "y"), muted_by="a", muted_until="9999")],
}
# What the deadline says, what is to be seen of the expected period, the open alerts: the state.
TABLE: list[tuple[ByDeadline, CellState, str, EntityState]] = [
    ("fresh", "none", "none", "fresh"),
    ("fresh", "loading", "none", "loading"),
    ("fresh", "rejected", "none", "rejected"),
    ("fresh", "failed", "none", "failed"),
    ("fresh", "none", "refused", "rejected"),
    ("fresh", "none", "failed", "failed"),
    ("fresh", "none", "gone", "failed"),
    ("fresh", "none", "run", "failed"),
    ("fresh", "none", "missing", "late"),
    ("fresh", "none", "bad rows", "alert"),
    ("fresh", "none", "drift", "alert"),
    ("fresh", "none", "muted", "alert"),
    ("waiting", "waiting", "none", "waiting"),
    ("waiting", "loading", "none", "loading"),
    ("waiting", "rejected", "none", "rejected"),
    ("waiting", "rejected", "refused", "rejected"),
    ("waiting", "failed", "none", "failed"),
    ("waiting", "waiting", "drift", "alert"),
    ("late", "missing", "none", "late"),
    ("late", "missing", "missing", "late"),
    ("late", "missing", "drift", "late"),
    ("late", "loading", "none", "late"),
    ("late", "rejected", "none", "rejected"),
    ("late", "rejected", "refused and missing", "rejected"),
    ("late", "failed", "missing", "failed"),
    ("no deadline", "none", "none", "no deadline"),
    ("no deadline", "none", "refused", "rejected"),
    ("no deadline", "none", "run", "failed"),
    ("no deadline", "rejected", "none", "rejected"),
    ("empty", "none", "none", "empty"),
    ("empty", "none", "run", "failed"),
]


@pytest.mark.parametrize(("by_deadline", "expected", "alerts", "state"), TABLE)
def test_the_state_is_the_worst_of_what_is_known(
    by_deadline: ByDeadline, expected: CellState, alerts: str, state: EntityState
) -> None:
    assert entity_state(by_deadline, expected, ALERTS[alerts]) == state


def test_no_state_contradicts_what_it_is_made_of() -> None:
    """Every combination: an open alert is trouble, and so is a period that is missing, failed or refused."""
    for by_deadline, expected, (name, alerts) in product(get_args(ByDeadline), get_args(CellState), ALERTS.items()):
        state, case = entity_state(by_deadline, expected, alerts), (by_deadline, expected, name)
        bad = bool(alerts) or by_deadline == "late" or expected in ("failed", "rejected", "missing")
        assert (state in TROUBLED) == bad, case
        if expected in ("failed", "rejected", "loading"):
            assert state != "waiting", case
        for more in ALERTS.values():
            worse = entity_state(by_deadline, expected, [*alerts, *more])
            assert list(get_args(EntityState)).index(worse) <= list(get_args(EntityState)).index(state), case


@pytest.mark.parametrize("by_exports", [one for one in get_args(TableState) if one != "alert"])
def test_an_open_alert_on_a_table_is_trouble_unless_its_exports_say_what_it_is(by_exports: TableState) -> None:
    assert table_state(by_exports, []) == by_exports
    expected = by_exports if by_exports in TROUBLED_TABLES else "alert"
    assert table_state(by_exports, [alert("run/export_orders/-")]) == expected


@pytest.mark.parametrize(
    ("incident", "about"),
    [
        (alert("drift/sales"), True),
        (alert("run/sweep_sources/-", entity="returns, sales"), True),
        (alert("file/s3://b/one.csv", "failed", entity=None), True),
        (alert("run/sweep_sources/-", entity=None), False),
        (alert("drift/sales_2", entity="sales_2"), False),
    ],
)
def test_an_alert_is_about_the_entities_that_it_or_its_files_name(incident: Any, about: bool) -> None:
    assert bool(alerts_about("sales", [incident])) == about
