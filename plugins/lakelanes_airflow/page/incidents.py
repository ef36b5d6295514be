"""Open alerts on the page, as far as the user may see what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lakelanes.alerts.incidents import Incident, open_incidents, refresh_cause, stale_cause
from lakelanes.catalog import view_sources
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.loading import datasets_of, read_dashboards
from lakelanes.errors import DashboardError
from lakelanes.lake import Lake
from lakelanes_airflow.page.render import PREFIX
from lakelanes_airflow.page.visibility import Visibility


@dataclass(frozen=True)
class OpenAlert:
    """An open alert. page: path of the page that shows its cause, below the Lake page's root. run: path of its run in
    Airflow's UI. '' where there is none."""

    incident: Incident
    page: str
    run: str


def visible(sight: Visibility, lake: Lake) -> list[OpenAlert]:
    """The open alerts of the entities, tables, views and DAGs that the user may see, newest first; one Query of the
    ledger, and a request more when one is about a view."""
    opened = open_incidents(lake)
    datasets = _views_of_datasets(opened)
    views = {name for one in opened if (name := _view(one, datasets))}
    inputs = view_sources.noted(lake) if views else {}
    tables = {name: view_sources.tables_read(inputs, name) for name in views}
    return [
        OpenAlert(one, _page(one.alert.page_url or ""), urlsplit(one.run_url or "").path)
        for one in opened
        if _may_see(sight, lake.config, one, _view(one, datasets), tables)
    ]


def _page(url: str) -> str:
    """The path below the Lake page's root; '' for its first page, which lists the alerts, and for other addresses."""
    return url.removeprefix(PREFIX).removesuffix("/") if url.startswith(f"{PREFIX}/") else ""


def _views_of_datasets(opened: list[Incident]) -> Mapping[str, str]:
    """The view of each data set, where an alert is about one. The files are read only then."""
    if not any(one.kind == "refresh" for one in opened):
        return {}
    try:
        return {name: dataset.view for name, dataset in datasets_of(read_dashboards()).items()}
    except DashboardError:
        return {}


def _view(incident: Incident, datasets: Mapping[str, str]) -> str:
    """The view that an alert is about; '' for none. A data set that the dashboards have no more reads no view that is
    known."""
    if incident.kind == "stale":
        return incident.cause.removeprefix(stale_cause(""))
    if incident.kind == "refresh":
        name = incident.cause.removeprefix(refresh_cause(""))
        return datasets.get(name, f"the view of {name}")
    return ""


def _may_see(
    sight: Visibility,
    config: LakeConfig,
    incident: Incident,
    view: str,
    tables: Mapping[str, frozenset[str] | None],
) -> bool:
    if view:
        return sight.rows_of(tables[view])
    names = {name for name in (incident.entity or "").split(", ") if name}
    names |= {fault.entity for fault in incident.alert.files if fault.entity}
    seen = [sight.table(name) for name in names & config.tables.keys()]
    # A name that the configuration has no more is taken for an entity's, which none but readers of every DAG may see.
    seen += [sight.entity(name) for name in names if name in config.entities or name not in config.tables]
    return all(seen) if seen else sight.dag(incident.dag_id)
