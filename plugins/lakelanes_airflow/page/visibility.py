"""What a user sees of the lake: the entities, tables, views and alerts whose DAGs' runs the user may read.

Whoever may read any DAG may open the page, so each route that shows rows, names or counts of more than one entity asks
here. A view is seen by those who may see every entity and table that it reads. What cannot be told to be of certain
entities is seen by those who may see all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request

from lakelanes.catalog import view_sources
from lakelanes.catalog.view_sources import Owner
from lakelanes.config.model import LakeConfig
from lakelanes_airflow.notifications.run_alerts import EXPORT_PREFIX, LOAD_PREFIX
from lakelanes_airflow.page.access import User, may_read, may_trigger


class Visibility:
    """What one user sees, for the time of one request: each DAG is asked for once."""

    def __init__(self, request: Request, user: User, config: LakeConfig) -> None:
        self._request, self._user, self._config = request, user, config
        self._known: dict[str, bool] = {}
        self._triggers: dict[str, bool] = {}

    def dag(self, dag_id: str) -> bool:
        """Whether the user may read the runs of a DAG."""
        if dag_id not in self._known:
            self._known[dag_id] = may_read(self._request, self._user, dag_id)
        return self._known[dag_id]

    def trigger(self, dag_id: str) -> bool:
        """Whether the user may start runs of a DAG, and so act on what is about it."""
        if dag_id not in self._triggers:
            self._triggers[dag_id] = may_trigger(self._request, self._user, dag_id)
        return self._triggers[dag_id]

    def entity(self, name: str) -> bool:
        """Whether the user sees an entity; one that the configuration has no more, too."""
        return self.dag(LOAD_PREFIX + name)

    def table(self, name: str) -> bool:
        """Whether the user sees a DynamoDB table."""
        return self.dag(EXPORT_PREFIX + name)

    def entities(self) -> list[str]:
        """The entities that the user sees, in the configuration's order."""
        return [name for name in self._config.entities if self.entity(name)]

    def tables(self) -> list[str]:
        """The DynamoDB tables that the user sees, in the configuration's order."""
        return [name for name in self._config.tables if self.table(name)]

    def all(self) -> bool:
        """Whether the user sees every entity and table."""
        return all(map(self.entity, self._config.entities)) and all(map(self.table, self._config.tables))

    def rows_of(self, tables: Iterable[str] | None) -> bool:
        """Whether the user sees the rows of these tables of the catalogue; None for tables that are not known."""
        owners = view_sources.owners_of(self._config, tables)
        return self.all() if owners is None else all(map(self._owner, owners))

    def _owner(self, owner: Owner) -> bool:
        return self.entity(owner.name) if owner.is_entity else self.table(owner.name)
