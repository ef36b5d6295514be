"""Snapshots: compaction makes the next one of the newest and the windows after it; old ones expire.

The new snapshot is written beside the old one and becomes visible when the view moves to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from lakelanes.aws.partial_answers import require_all
from lakelanes.aws.storage import DELETE_LIMIT, delete_objects, list_folder
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import GlueTable
from lakelanes.tables.catalog import changes_table, snapshot_partition, snapshot_table, window_partition
from lakelanes.tables.changes import change_schema
from lakelanes.tables.current import coverage, publish
from lakelanes.tables.ledger import Snapshot, TableLedger, parse_second, second_text
from lakelanes.tables.planning import check_ledger, exported_until
from lakelanes.tables.snapshot_merge import MEMORY_ROWS, SnapshotWriter, merge

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake


@dataclass(frozen=True)
class Compaction:
    """What a compaction did. snapshot: the new one; None where there was nothing to do, and ``note`` says why. changes:
    rows of the windows that it read."""

    snapshot: Snapshot | None
    changes: int = 0
    note: str = ""


def compact(lake: Lake, table: Table, *, memory_rows: int = MEMORY_ROWS) -> Compaction:
    """Makes the next snapshot of the newest one and the windows that follow it, and moves the view to it.

    memory_rows: changes whose keys are held in memory at a time.
    """
    lake.check_owner()
    ledger = TableLedger(lake, table.name)
    snapshots = ledger.snapshots()
    if not snapshots:
        return Compaction(None, note=f"not yet: {table.name} has no snapshot, which the first full export makes")
    if chain := ledger.chain():
        check_ledger(lake, table, ledger, chain)
    old = snapshots[-1]
    through = exported_until(ledger, old.moment)
    if through == old.moment:
        return Compaction(None, note=f"{table.name}: nothing was exported since {through:%Y-%m-%dT%H:%MZ}")
    windows = [export for export in ledger.windows(old.moment) if export.is_converted and export.window.end <= through]
    ensure_table(lake, changes_table(table))
    ensure_table(lake, snapshot_table(table))
    as_of = second_text(through)
    newest_first = [_keys(lake, window_folder(table, export.start)) for export in reversed(windows)]
    kept = _keys(lake, snapshot_folder(table, old.as_of))
    with SnapshotWriter(lake, change_schema(table), snapshot_folder(table, as_of)) as writer:
        changes = merge(lake, table, newest_first, kept, writer, memory_rows)
    # Deletes what a failed attempt left. One that still runs writes the same rows to the same keys, and these stay.
    _delete(lake, [key for key in _keys(lake, snapshot_folder(table, as_of)) if key not in writer.keys])
    snapshot, _ = ledger.write(
        Snapshot(
            table=table.name,
            as_of=as_of,
            made_by="compaction",
            table_id=old.table_id,
            rows=writer.rows,
            files=len(writer.keys),
        )
    )
    publish(lake, table)
    return Compaction(snapshot, changes)


def expire(lake: Lake, table: Table, keep: timedelta) -> list[str]:
    """Deletes the snapshots that were replaced longer than ``keep`` ago, and what failed compactions left.

    Never deletes the newest snapshot, nor the one that the view reads. Returns the ``as_of`` of the deleted ones.
    """
    ledger, own = TableLedger(lake, table.name), snapshot_table(table)
    current = coverage(lake, table)
    if current is None:
        return []
    snapshots = ledger.snapshots()
    limit = lake.clock() - keep
    known = {snapshot.as_of: snapshot for snapshot in snapshots}
    gone = [
        old.as_of
        for old, following in pairwise(snapshots)
        if old.moment < current.as_of and datetime.fromisoformat(following.updated_at) < limit
    ]
    # A folder without a snapshot in the ledger that is newer than the view may be one that is being written.
    gone += [as_of for as_of in _folders(lake, own) if as_of not in known and parse_second(as_of) < current.as_of]
    for as_of in gone:
        with suppress(lake.glue.exceptions.EntityNotFoundException):
            lake.glue.delete_partition(
                DatabaseName=lake.config.resources.glue_database, TableName=own.name, PartitionValues=[as_of]
            )
        _delete(lake, _keys(lake, snapshot_folder(table, as_of)))
        if as_of in known:
            ledger.forget(known[as_of])
    return gone


def snapshot_folder(table: Table, as_of: str) -> str:
    """Prefix of the keys of a snapshot's files, with a slash at the end."""
    return f"{snapshot_table(table).folder}/{snapshot_partition(as_of).path}/"


def window_folder(table: Table, start: str) -> str:
    """Prefix of the keys of an exported window's files, with a slash at the end."""
    return f"{changes_table(table).folder}/{window_partition('export', start).path}/"


def delete_others(lake: Lake, folder: str, export_id: str) -> None:
    """Deletes the objects of the folder that another export wrote."""
    _delete(lake, [key for key in _keys(lake, folder) if not key.startswith(f"{folder}{export_id}-")])


def _keys(lake: Lake, prefix: str) -> list[str]:
    """Keys of the analytics bucket that start with the prefix, in order."""
    return [listed["Key"] for listed in list_folder(lake.s3, lake.config.resources.analytics_bucket, prefix)]


def _folders(lake: Lake, own: GlueTable) -> list[str]:
    """The ``as_of`` of all folders of snapshots, in order."""
    prefix = f"{own.folder}/as_of="
    pages = lake.s3.get_paginator("list_objects_v2").paginate(
        Bucket=lake.config.resources.analytics_bucket, Prefix=prefix, Delimiter="/"
    )
    found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
    return [folder.removeprefix(prefix).rstrip("/") for folder in found]


def _delete(lake: Lake, keys: Sequence[str]) -> None:
    """Deletes objects of the analytics bucket, 1,000 a request. Raises PartialAnswerError when S3 leaves some."""
    bucket = lake.config.resources.analytics_bucket
    for start in range(0, len(keys), DELETE_LIMIT):
        left = delete_objects(lake.s3, bucket, keys[start : start + DELETE_LIMIT])
        require_all(left, f"objects of s3://{bucket} were not deleted")
