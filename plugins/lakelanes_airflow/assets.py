"""The lake's tables as Airflow assets, and the events that say which of their partitions changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk import Asset

from lakelanes.config.model import Entity, LakeConfig, Table


def table_asset(config: LakeConfig, entity: Entity) -> Asset:
    """The asset of the entity's table; its URI is the table's folder."""
    return _asset(config, entity.table_name, entity.table_name, {"entity": entity.name})


def current_asset(config: LakeConfig, table: Table) -> Asset:
    """The asset of a DynamoDB table's current state; its URI is the folder of the changes behind it."""
    return _asset(config, table.current_view, table.changes_table, {"table": table.name})


def _asset(config: LakeConfig, name: str, folder: str, extra: dict[str, Any]) -> Asset:
    resources = config.resources
    return Asset(
        name=f"{resources.glue_database}.{name}",
        uri=f"s3://{resources.analytics_bucket}/{folder}/",
        group="lakelanes",
        extra=extra,
    )


def announce(context: Any, changed: Mapping[Asset, Collection[str]]) -> None:
    """Makes the task emit one event per partition key of ``changed``, and none for its other outlets.

    Every declared outlet of a task that succeeds emits an event. Which tables a run touches is known only now, so the
    outlets of this try are reduced to those. An asset without keys (a table that is not partitioned by date) emits one
    event, with no key unless the run has one.
    """
    task = context["task"]
    task.outlets = [asset for asset in task.outlets if asset in changed]
    for asset in task.outlets:
        if keys := sorted(changed[asset]):
            context["outlet_events"][asset].add_partitions(keys)
