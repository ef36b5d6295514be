"""Where the Lake page shows what an alert is about: addresses within Airflow's UI."""

from __future__ import annotations

from urllib.parse import quote

OVERVIEW = "/lake/"
DASHBOARDS = "/lake/dashboards"
UNMATCHED = "/lake/files?state=unmatched"


def entity(name: str) -> str:
    return f"/lake/entities/{_quoted(name)}"


def period(entity_name: str, name: str) -> str:
    return f"{entity(entity_name)}/periods/{_quoted(name)}"


def table(name: str) -> str:
    return f"/lake/tables/{_quoted(name)}"


def file(uri: str) -> str:
    return f"/lake/file?uri={_quoted(uri)}"


def _quoted(text: str) -> str:
    return quote(text, safe="")
