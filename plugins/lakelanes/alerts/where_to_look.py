"""Where people look at what an alert is about: a page of the Lake page, and a command of the terminal.

An alert that names neither has them by its cause; ``lakelanes.alerts.messages.with_addresses`` makes links of pages.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

from lakelanes.alerts import page_links
from lakelanes.alerts.messages import STATUS, Alert

UNMATCHED = "lakelanes files --state unmatched"
CHECK = "lakelanes check"


def files_command(uri: str) -> str:
    """The command that says what became of a file."""
    return f"lakelanes files {shlex.quote(uri)}"


def status_command(names: str | None) -> str:
    """The command that says how entities and tables stand, named as an alert names them ('sales, orders'); without a
    name all of them."""
    words = [shlex.quote(name) for name in (names or "").split(", ") if name]
    return " ".join([STATUS, *words])


def of_cause(cause: str, alert: Alert) -> Alert:
    """The alert of a cause (``lakelanes.alerts.incidents``), with the page and the command where it names none."""
    kind, _, what = cause.partition("/")
    page, command = _KINDS.get(kind, _elsewhere)(what, alert)
    return replace(alert, page_url=alert.page_url or page, command=alert.command or command)


def _of_file(uri: str, alert: Alert) -> tuple[str, str]:
    return page_links.file(uri), files_command(uri)


def _of_entity(what: str, alert: Alert) -> tuple[str, str]:
    name = what.partition("/")[0]
    return page_links.entity(name), status_command(name)


def _of_rejects(what: str, alert: Alert) -> tuple[str, str]:
    name, _, subject = what.partition("/")
    if subject.startswith("s3://"):
        return _of_file(subject, alert)
    partition = f"lakelanes files --entity {shlex.quote(name)} --partition {shlex.quote(subject)}"
    return page_links.entity(name), partition


def _of_table(name: str, alert: Alert) -> tuple[str, str]:
    return page_links.table(name), f"lakelanes tables status {shlex.quote(name)}"


def _of_view(name: str, alert: Alert) -> tuple[str, str]:
    return page_links.DASHBOARDS, STATUS


def _of_dataset(name: str, alert: Alert) -> tuple[str, str]:
    return page_links.DASHBOARDS, "airflow dags list-runs refresh_dashboards"


def _of_import(what: str, alert: Alert) -> tuple[str, str]:
    return page_links.OVERVIEW, CHECK if what == "configuration" else "airflow dags list-import-errors"


def _elsewhere(what: str, alert: Alert) -> tuple[str, str]:
    return page_links.OVERVIEW, status_command(alert.entity)


# By the first word of a cause; the others are found on the first page.
_KINDS: dict[str, Callable[[str, Alert], tuple[str, str]]] = {
    "deadline": _of_entity,
    "drift": _elsewhere,
    "file": _of_file,
    "gap": _of_table,
    "import": _of_import,
    "rejects": _of_rejects,
    "refresh": _of_dataset,
    "stale": _of_view,
}
