"""Validation: what Athena counts in a partition is what the ledger says was loaded into it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lakelanes.catalog import athena
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition
from lakelanes.errors import ValidationError
from lakelanes.lake import Lake
from lakelanes.names import sql_identifier, sql_string
from lakelanes.types import HiveType

log = logging.getLogger(__name__)

_PARTITIONS_PER_QUERY = 500
_WORKERS = 8
# What of an entry says what is in the table, and whether that is about to change.
_COUNTED = ("source", "state", "lease_until", "token", "live_etag", "live_rows")


@dataclass(frozen=True)
class PartitionCount:
    """Rows of a partition by the ledger and by Athena."""

    partition: str
    ledger: int
    athena: int


def validate(
    lake: Lake, entity: Entity, partitions: Iterable[Partition], *, attempts: int = 5, pause_seconds: float = 1.0
) -> list[PartitionCount]:
    """Compares what Athena counts in each partition with what the ledger says was loaded into it.

    Another lane may be loading into the same partition, and the ledger's index trails its table, so a difference is
    looked at again before it becomes a ValidationError. A partition that files keep arriving in meanwhile is left out
    of the answer: whoever loads them has it validated later. A 'csv' table is only checked to answer: its rows were not
    counted on the way. Partitions of rejected rows alone are left out.
    """
    waiting = sorted(partition for partition in set(partitions) if partition.is_complete)
    agreed: list[PartitionCount] = []
    before: dict[Partition, _LedgerCount] = {}
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause_seconds * attempt)
        counted = _athena_counts(lake, entity, waiting)
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="validate") as pool:
            ledger = list(pool.map(lambda partition: _ledger_count(lake, entity, partition), waiting))
        different: list[tuple[Partition, PartitionCount]] = []
        moving: set[Partition] = set()
        for partition, now in zip(waiting, ledger, strict=True):
            found = counted.get(tuple(partition.values), 0)
            count = PartitionCount(partition.path, found if now.rows is None else now.rows, found)
            if count.ledger == count.athena:
                agreed.append(count)
                continue
            different.append((partition, count))
            if now.busy or before.get(partition, now) != now:
                moving.add(partition)
            before[partition] = now
        waiting = [partition for partition, _ in different]
        if not different:
            return agreed
    for partition in sorted(moving):
        log.info("%s: files keep arriving in %s; it is validated later", entity.table_name, partition.path)
    different = [(partition, count) for partition, count in different if partition not in moving]
    if not different:
        return agreed
    lines = [f"{c.partition}: the ledger holds {c.ledger} rows, Athena counts {c.athena}" for _, c in different[:20]]
    raise ValidationError("\n  ".join([f"{entity.table_name}: {len(different)} partitions differ:", *lines]))


def _athena_counts(lake: Lake, entity: Entity, partitions: Sequence[Partition]) -> dict[tuple[str, ...], int]:
    """Rows per partition by Athena; keys are the partitions' values as the configuration writes them."""
    columns = ", ".join(sql_identifier(key.name) for key in entity.partition_keys)
    table = f"{sql_identifier(lake.config.resources.glue_database)}.{sql_identifier(entity.table_name)}"
    counts: dict[tuple[str, ...], int] = {}
    for start in range(0, len(partitions), _PARTITIONS_PER_QUERY):
        chunk = partitions[start : start + _PARTITIONS_PER_QUERY]
        # A list of values per key covers the chunk, and little beside it since its partitions are neighbours; unlike an
        # OR of partitions it is pruned in the catalogue.
        tests = []
        for position, key in enumerate(entity.partition_keys):
            values = sorted({_literal(key.type, partition.values[position]) for partition in chunk})
            tests.append(f"{sql_identifier(key.name)} IN ({', '.join(values)})")
        condition = "\n  AND ".join(tests)
        sql = f"SELECT {columns}, count(*) AS row_count\nFROM {table}\nWHERE {condition}\nGROUP BY {columns}"
        by_value = {_comparable(entity, partition.values): tuple(partition.values) for partition in chunk}
        for row in athena.query(lake, sql):
            found = by_value.get(_comparable(entity, [str(row[key.name]) for key in entity.partition_keys]))
            if found:
                counts[found] = int(row["row_count"] or 0)
    return counts


def _literal(kind: HiveType, value: str) -> str:
    if kind.text == "date":
        return f"DATE {sql_string(value)}"
    return sql_string(value) if kind.is_text else str(int(value))


def _comparable(entity: Entity, values: Sequence[str]) -> tuple[str, ...]:
    """Values as Athena prints them: an integer key's '03' is 3."""
    kinds = (key.type for key in entity.partition_keys)
    return tuple(
        value if kind.is_text or kind.text == "date" else str(int(value))
        for kind, value in zip(kinds, values, strict=True)
    )


@dataclass(frozen=True)
class _LedgerCount:
    """What the ledger has in a partition: rows (None when a file was not counted, in 'csv' tables), the versions of its
    files, and whether one is being loaded."""

    rows: int | None
    versions: frozenset[tuple[str, str, int]]
    busy: bool


def _ledger_count(lake: Lake, entity: Entity, partition: Partition) -> _LedgerCount:
    entries = list(lake.ledger.in_partition(entity.name, partition.path, fields=_COUNTED))
    now = lake.ledger.now()
    rows = [e.live_rows for e in entries if e.live_etag]
    return _LedgerCount(
        None if None in rows else sum(row or 0 for row in rows),
        frozenset((e.source, e.live_etag, e.token) for e in entries if e.live_etag),
        any(e.is_held(now) for e in entries),
    )
