"""Registration of a load's partitions: the entity's table and that of its rejected rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from lakelanes.catalog import glue_tables
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, rejects_partition
from lakelanes.lake import Lake

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """What registering did: tables created or given columns, partitions created, and Locations corrected."""

    tables_changed: list[str]
    created: int
    relocated: list[str]


def register(lake: Lake, entity: Entity, partitions: Iterable[Partition]) -> Registered:
    """Makes partitions visible to Athena, the rejected rows' too; creates the tables the first time."""
    changed: list[str] = []
    created, relocated = 0, []
    for table, own in _by_table(entity, partitions):
        if glue_tables.ensure_table(lake, table):
            changed.append(table.name)
        result = glue_tables.register_partitions(lake, table, own)
        if table.name == entity.table_name:
            created = len(result.created)
        for move in result.relocated:
            relocated.append(f"{table.name}/{move.partition.path}: {move.found} -> {move.expected}")
            log.warning(
                "partition %s of %s pointed to %s; its Location is now %s",
                move.partition.path,
                table.name,
                move.found,
                move.expected,
            )
    return Registered(changed, created, relocated)


def unregistered(lake: Lake, entity: Entity, partitions: Iterable[Partition]) -> list[str]:
    """What of these partitions ``register`` would change, as ``<table>/<path>``, or ``<table>`` where that is not
    there. Reads only: one BatchGetPartition per table and 1,000 partitions."""
    found: list[str] = []
    for table, own in _by_table(entity, partitions):
        missing = glue_tables.unregistered(lake, table, own)
        found += [table.name] if missing is None else [f"{table.name}/{partition.path}" for partition in missing]
    return found


def _by_table(entity: Entity, partitions: Iterable[Partition]) -> list[tuple[glue_tables.GlueTable, set[Partition]]]:
    """The entity's tables, each with those of the partitions, in its own form, that it is to have."""
    wanted = set(partitions)
    tables = [(glue_tables.data_table(entity), {partition for partition in wanted if partition.is_complete})]
    if entity.format == "parquet":
        tables.append(
            (glue_tables.rejects_table(entity), {rejects_partition(entity, partition) for partition in wanted})
        )
    return tables
