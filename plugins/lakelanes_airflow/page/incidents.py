"""Open alerts on the page, as far as the user may see what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request

from lakelanes.alerts.incidents import Incident, open_incidents
from lakelanes.config.model import LakeConfig
from lakelanes.lake import Lake
from lakelanes_airflow.notifications.run_alerts import EXPORT_PREFIX, LOAD_PREFIX
from lakelanes_airflow.page.access import User, may_read
from lakelanes_airflow.page.render import PREFIX


@dataclass(frozen=True)
class OpenAlert:
    """An open alert. page: path of the page that shows its cause, below the Lake page's root. run: path of its run in
    Airflow's UI. '' where there is none."""

    incident: Incident
    page: str
    run: str


def visible(request: Request, user: User, lake: Lake) -> list[OpenAlert]:
    """The open alerts of the entities, tables and DAGs that the user may see, newest first; one Query of the ledger."""
    return [
        OpenAlert(one, _page(one.alert.page_url or ""), urlsplit(one.run_url or "").path)
        for one in open_incidents(lake)
        if _may_see(request, user, lake.config, one)
    ]


def _page(url: str) -> str:
    """The path below the Lake page's root; '' for its first page, which lists the alerts, and for other addresses."""
    return url.removeprefix(PREFIX).removesuffix("/") if url.startswith(f"{PREFIX}/") else ""


def _may_see(request: Request, user: User, config: LakeConfig, incident: Incident) -> bool:
    dags = []
    for name in (incident.entity or "").split(", "):
        dags += [LOAD_PREFIX + name] if name in config.entities else []
        dags += [EXPORT_PREFIX + name] if name in config.tables else []
    return all(may_read(request, user, dag) for dag in dags or [incident.dag_id])
