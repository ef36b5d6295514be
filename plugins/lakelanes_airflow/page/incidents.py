"""Open alerts on the page, as far as the user may see what they are about, and the buttons that mute and close them.

An alert is muted and closed by those who may trigger the DAG of each entity and table that it is about, or, where it is
about none, the DAG that noticed it: those who may retry what failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Form, Request, Response
from pydantic import Field

from lakelanes.alerts import silence
from lakelanes.alerts.incidents import Incident, open_incidents, refresh_cause, stale_cause
from lakelanes.catalog import view_sources
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.loading import datasets_of, read_dashboards
from lakelanes.errors import DashboardError
from lakelanes.lake import Lake
from lakelanes_airflow.notifications.run_alerts import EXPORT_PREFIX, LOAD_PREFIX
from lakelanes_airflow.page.access import Reader, User, from_the_page, require_trigger
from lakelanes_airflow.page.alert_groups import MOST_IN_A_GROUP, AlertGroup, file_of, groups
from lakelanes_airflow.page.render import PREFIX, back_with
from lakelanes_airflow.page.visibility import Visibility
from lakelanes_airflow.process_lake import open_lake

# For how many hours an alert can be muted, and how the page says it.
MUTES = {1: "an hour", 4: "4 hours", 24: "a day", 72: "3 days", 168: "a week", 720: "30 days"}
_Causes = Annotated[list[Annotated[str, Field(max_length=1200)]], Form(max_length=MOST_IN_A_GROUP)]


@dataclass(frozen=True)
class OpenAlert:
    """An open alert. page: path of the page that shows its cause, below the Lake page's root. run: path of its run in
    Airflow's UI. file: URI of the file that it is about. '' where there is none."""

    incident: Incident
    page: str
    run: str
    file: str


@dataclass(frozen=True)
class AlertCard:
    """Alerts that say the same, as the page shows them. retried_by: the entity whose files they are, where the user may
    retry them; '' else. may_silence: whether the user may mute and close them."""

    group: AlertGroup
    alerts: tuple[OpenAlert, ...]
    retried_by: str
    may_silence: bool


@dataclass(frozen=True)
class OpenAlerts:
    """The open alerts of the first page, and those of them that are muted."""

    speaking: list[AlertCard]
    muted: list[AlertCard]


def add_routes(app: FastAPI) -> None:
    """Adds the buttons' routes to the Lake's application, whose own dependencies ask for a login."""
    for path, route in (("mute", mute_alerts), ("unmute", unmute_alerts), ("close", close_alerts)):
        app.post(f"/alerts/{path}", dependencies=[Depends(from_the_page)])(route)


def seen(sight: Visibility, lake: Lake, opened: Sequence[Incident]) -> list[Incident]:
    """The open alerts of the entities, tables, views and DAGs that the user may see, in their order; a request when one
    is about a view. ``opened``: all of them."""
    datasets = _views_of_datasets(opened)
    views = {name for one in opened if (name := _view(one, datasets))}
    inputs = view_sources.noted(lake) if views else {}
    tables = {name: view_sources.tables_read(inputs, name) for name in views}
    return [one for one in opened if _may_see(sight, lake.config, one, _view(one, datasets), tables)]


def arranged(sight: Visibility, lake: Lake, seen: Sequence[Incident]) -> OpenAlerts:
    """The alerts that the user may see as the first page shows them, with what the user may do about each."""
    now = lake.ledger.now()
    cards: dict[bool, list[AlertCard]] = {False: [], True: []}
    for group in groups(seen):
        cards[group.first.is_muted(now)].append(_card(sight, lake.config, group))
    return OpenAlerts(cards[False], cards[True])


def mute_alerts(
    request: Request, user: Reader, cause: _Causes, hours: Annotated[int, Form(ge=1, le=max(MUTES))]
) -> Response:
    """Mutes these open alerts, in the user's name, for so many hours."""
    until = open_lake().clock() + timedelta(hours=hours)
    return _change(request, user, cause, "muted", lambda lake, one: silence.mute(lake, one, until, _name(user)))


def unmute_alerts(request: Request, user: Reader, cause: _Causes) -> Response:
    """Ends the mute of these alerts."""
    return _change(request, user, cause, "unmuted", silence.unmute)


def close_alerts(request: Request, user: Reader, cause: _Causes) -> Response:
    """Closes these open alerts, in the user's name."""
    return _change(request, user, cause, "closed", lambda lake, one: silence.close(lake, one, _name(user)))


def _change(
    request: Request, user: User, causes: Sequence[str], done: str, change: Callable[[Lake, Incident], bool]
) -> Response:
    """Changes the alerts of these causes that are still open, all or, where a right is missing, none; back to the first
    page, which says what was done. What the user may not see is taken for over."""
    lake = open_lake()
    opened = [one for one in open_incidents(lake) if one.cause in set(causes)]
    named = seen(Visibility(request, user, lake.config), lake, opened)
    for dag_id in sorted({dag_id for one in named for dag_id in _dags(lake.config, one)}):
        require_trigger(request, user, dag_id)
    changed = [change(lake, one) for one in named]
    return back_with(request, "/", done=done if any(changed) else "over")


def _name(user: User) -> str:
    """The user as people know them; Airflow's own word where an auth manager has no name."""
    return str(user.get_name() or user.get_id())


def _card(sight: Visibility, config: LakeConfig, group: AlertGroup) -> AlertCard:
    alerts = tuple(
        OpenAlert(one, _page(one.alert.page_url or ""), urlsplit(one.run_url or "").path, file_of(one))
        for one in group.incidents
    )
    entity = group.first.entity or ""
    retried = all(one.file for one in alerts) and entity in config.entities and sight.trigger(LOAD_PREFIX + entity)
    dags = {dag_id for one in group.incidents for dag_id in _dags(config, one)}
    return AlertCard(group, alerts, entity if retried else "", all(map(sight.trigger, dags)))


def _dags(config: LakeConfig, incident: Incident) -> set[str]:
    """The DAGs that fill what an alert is about, else the one that noticed it."""
    names = frozenset() if incident.kind in ("stale", "refresh") else incident.names
    filled = {(EXPORT_PREFIX if name in config.tables else LOAD_PREFIX) + name for name in names}
    return filled or {incident.dag_id}


def _page(url: str) -> str:
    """The path below the Lake page's root; '' for its first page, which lists the alerts, and for other addresses."""
    return url.removeprefix(PREFIX).removesuffix("/") if url.startswith(f"{PREFIX}/") else ""


def _views_of_datasets(opened: Sequence[Incident]) -> Mapping[str, str]:
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
    names = incident.names
    seen = [sight.table(name) for name in names & config.tables.keys()]
    # A name that the configuration has no more is taken for an entity's, which none but readers of every DAG may see.
    seen += [sight.entity(name) for name in names if name in config.entities or name not in config.tables]
    return all(seen) if seen else sight.dag(incident.dag_id)
