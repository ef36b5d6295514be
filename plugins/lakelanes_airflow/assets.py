"""The lake's tables as Airflow assets, and the events that say which partitions of them changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk import Asset

from lakelanes.config import Entity, LakeConfig, Table


def table_asset(config: LakeConfig, entity: Entity) -> Asset:
    """The asset of the entity's table; its URI is the table's folder."""
    return Asset(
        name=f"{config.resources.glue_database}.{entity.table_name}",
        uri=f"s3://{config.resources.analytics_bucket}/{entity.table_name}/",
        group="lakelanes",
        extra={"entity": entity.name},
    )


def current_asset(config: LakeConfig, table: Table) -> Asset:
    """The asset of a DynamoDB table's current state; its URI is the folder of the changes that it is made of."""
    return Asset(
        name=f"{config.resources.glue_database}.{table.current_view}",
        uri=f"s3://{config.resources.analytics_bucket}/{table.changes_table}/",
        group="lakelanes",
        extra={"table": table.name},
    )


def announce(context: Any, changed: Mapping[Asset, Collection[str]]) -> None:
    """Makes the task emit one event per partition key of ``changed``, and none for its other outlets.

    A declared outlet of a task that succeeds always emits an event. Which tables a run touches is known only now, so
    the outlets of this try are narrowed to them. An asset without keys (a table that is not partitioned by date) emits
    one event, without a key unless the run has one.
    """
    task = context["task"]
    task.outlets = [asset for asset in task.outlets if asset in changed]
    for asset in task.outlets:
        if keys := sorted(changed[asset]):
            context["outlet_events"][asset].add_partitions(keys)
