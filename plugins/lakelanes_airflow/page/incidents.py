"""Open alerts on the page: those of what the user may see, and where on the page each is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request

from lakelanes.config import LakeConfig
from lakelanes.deadlines import period_of
from lakelanes.incidents import Incident, open_incidents
from lakelanes.lake import Lake
from lakelanes_airflow.alerting import EXPORT_PREFIX, LOAD_PREFIX
from lakelanes_airflow.page.access import User, may_read


@dataclass(frozen=True)
class Shown:
    """An open alert. page: where on the Lake page it is looked at, below its root; run: path of its run in the Airflow
    UI. '' where there is none."""

    incident: Incident
    page: str
    run: str


def visible(request: Request, user: User, lake: Lake) -> list[Shown]:
    """The open alerts of the entities, tables and DAGs that the user may see, newest first; one Query of the ledger."""
    return [
        Shown(one, page_of(lake.config, one), urlsplit(one.run_url or "").path)
        for one in open_incidents(lake)
        if _may_see(request, user, lake.config, one)
    ]


def page_of(config: LakeConfig, incident: Incident) -> str:
    """Where on the Lake page the cause of an alert is looked at; '' for one that is none of its pages' matter."""
    kind, _, rest = incident.cause.partition("/")
    name, _, detail = rest.partition("/")
    if kind == "file":
        return f"/file?{urlencode({'uri': rest})}"
    if kind in ("deadline", "rejects") and name in config.entities:
        entity = config.entities[name]
        period = detail if kind == "deadline" else period_of(entity, detail)
        where = f"/entities/{quote(name, safe='')}"
        return f"{where}/periods/{quote(period, safe='')}" if period and entity.partition_grain else where
    if kind in ("gap", "drift") and name in config.tables:
        return f"/tables/{quote(name, safe='')}"
    if kind == "drift" and name in config.entities:
        return f"/entities/{quote(name, safe='')}"
    if kind == "stale":
        return "/dashboards"
    return ""


def _may_see(request: Request, user: User, config: LakeConfig, incident: Incident) -> bool:
    dags = []
    for name in (incident.entity or "").split(", "):
        dags += [LOAD_PREFIX + name] if name in config.entities else []
        dags += [EXPORT_PREFIX + name] if name in config.tables else []
    return all(may_read(request, user, dag) for dag in dags or [incident.dag_id])
