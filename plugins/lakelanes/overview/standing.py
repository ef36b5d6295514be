"""In which state an entity or a table is said to be: decided here alone, for the page and the terminal.

It is the worst of what is known: how the next period stands against its deadline, what became of that period's files,
and what the open alerts are about. So a state never contradicts an open alert, and an entity whose file of the day was
refused does not wait for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lakelanes.alerts.incidents import Incident

# Of a period, as a cell of the calendar shows it.
CellState = Literal["loaded", "late", "failed", "rejected", "loading", "missing", "waiting", "none"]
# What the clock alone says.
ByDeadline = Literal["fresh", "waiting", "late", "no deadline", "empty"]
EntityState = Literal["failed", "rejected", "late", "alert", "loading", "waiting", "fresh", "no deadline", "empty"]
TableState = Literal["fresh", "waiting", "late", "loading", "failed", "gap", "no deadline", "empty", "alert"]

_WORST_FIRST: tuple[EntityState, ...] = (
    *("failed", "rejected", "late", "alert"),
    *("loading", "waiting", "fresh", "no deadline", "empty"),
)
# Somebody has to act.
TROUBLED: frozenset[EntityState] = frozenset(("failed", "rejected", "late", "alert"))
TROUBLED_TABLES: frozenset[TableState] = frozenset(("late", "failed", "gap", "alert"))
_OF_A_CELL: dict[str, EntityState] = {
    **{"failed": "failed", "rejected": "rejected", "missing": "late"},
    **{"loading": "loading", "waiting": "waiting"},
}
_OF_A_CAUSE: dict[str, EntityState] = {"file": "failed", "run": "failed", "deadline": "late"}


def entity_state(by_deadline: ByDeadline, expected: CellState, alerts: Iterable[Incident]) -> EntityState:
    """An entity's state. expected: state of the first period that has no rows yet, 'none' while nothing of it is to be
    seen. alerts: the open ones that are about the entity, muted ones too."""
    found: set[EntityState | None] = {by_deadline, _OF_A_CELL.get(expected), *map(_of_alert, alerts)}
    return next(state for state in _WORST_FIRST if state in found)


def table_state(by_exports: TableState, alerts: Collection[Incident]) -> TableState:
    """A table's state. by_exports: what its exports say by themselves. alerts: the open ones that are about it."""
    return "alert" if alerts and by_exports not in TROUBLED_TABLES else by_exports


def alerts_about(name: str, opened: Iterable[Incident]) -> list[Incident]:
    """The alerts that are about an entity or a table, among others."""
    return [one for one in opened if name in one.names]


def _of_alert(incident: Incident) -> EntityState:
    if any(fault.state == "rejected" for fault in incident.alert.files):
        return "rejected"
    return _OF_A_CAUSE.get(incident.kind, "alert")
