"""Partitions of what the functions write: one Glue call for a new one, none for one that is known.

Any number of processes may meet on a new partition at the same moment. A note in the ledger gives its registration to
one of them; the others go on, for their rows become visible with it, or wait until that is so. Whoever holds a note
answers for it: a registration that failed keeps its message in the queue, and one whose process died can be taken over
a little later. Partitions that somebody takes out of Glue come back by the batch lane, which looks and does not
remember (``lakelanes.files.load.register``).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lakelanes.catalog import glue_tables
from lakelanes.catalog.glue_tables import GlueTable
from lakelanes.config.partitions import Partition
from lakelanes.errors import OutOfTimeError

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# Longer than a registration takes, and shorter than a message stays hidden after its function died.
_TURN_SECONDS = 30.0
_REMEMBERED = 50_000
_LOOK_SECONDS = 0.05
# Note: tables that were made or changed since the views were refreshed last.
VIEWS_DUE = "views-due"
# Note: the views that Athena refused when they were made last, each with its reason.
FAILED_VIEWS = "views-failed"


class Registrar:
    """Registers partitions, and remembers which are. Not thread-safe; one per process."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._storage: dict[str, Any] = {}
        self._known: set[str] = set()

    def register(self, table: GlueTable, partitions: Iterable[Partition], *, wait_seconds: float = 0) -> None:
        """Makes the partitions of the table visible to Athena; without any it does nothing.

        The table is created, or given new columns, when the configuration asks for it. wait_seconds: how long to wait
        for partitions that somebody else is registering, and to take them over from one who died. Raises what AWS
        raises, CatalogError, and OutOfTimeError when that time is over.
        """
        wanted = sorted(set(partitions))
        if not wanted:
            return
        fingerprint = _fingerprint(self._lake, table)
        self._ensure_table(table, fingerprint)
        entity = table.entity
        if entity.registration == "projection":
            return
        place = _digest([table.location(self._lake), [key.name for key in entity.partition_keys]])
        names = {p: f"registered/{table.name}/{place}/{p.path}" for p in wanted}
        unknown = {p: name for p, name in names.items() if name not in self._known}
        deadline = time.monotonic() + wait_seconds
        while unknown := self._settle(table, fingerprint, unknown):
            if not wait_seconds:
                return
            if time.monotonic() > deadline:
                raise OutOfTimeError(f"{next(iter(unknown.values()))}: somebody else has not registered it in time")
            time.sleep(_LOOK_SECONDS)

    def _settle(self, table: GlueTable, fingerprint: str, unknown: dict[Partition, str]) -> dict[Partition, str]:
        """Registers those of the partitions (with the names of their notes) that are nobody's yet; returns those that
        are in somebody else's hands."""
        if not unknown:
            return {}
        notes = self._lake.ledger.read_notes(unknown.values())
        done = {name for name, note in notes.items() if "until" not in note}
        mine = [p for p, name in unknown.items() if name not in done and self._take(name)]
        try:
            if mine:
                self._create(table, fingerprint, mine)
        except BaseException:
            for partition in mine:
                self._lake.ledger.give_up_turn(unknown[partition])
            raise
        for partition in mine:
            self._lake.ledger.write_note(unknown[partition], {})
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known |= done | {unknown[partition] for partition in mine}
        return {p: name for p, name in unknown.items() if name not in self._known}

    def _take(self, name: str) -> bool:
        return self._lake.ledger.take_turn(name, _TURN_SECONDS)

    def _create(self, table: GlueTable, fingerprint: str, partitions: list[Partition]) -> None:
        try:
            glue_tables.create_partitions(self._lake, table, partitions, self._storage[table.name])
        except self._lake.glue.exceptions.EntityNotFoundException:
            # Somebody dropped the table.
            del self._storage[table.name]
            self._lake.ledger.give_up_turn(_table_note(table))
            self._ensure_table(table, fingerprint)
            glue_tables.create_partitions(self._lake, table, partitions, self._storage[table.name])

    def _ensure_table(self, table: GlueTable, fingerprint: str) -> None:
        """Makes sure, once per process, that the table is as the configuration says, and learns how it stores rows.

        Nothing is asked of Glue where the ledger notes that this was done for the same configuration.
        """
        deadline = time.monotonic() + _TURN_SECONDS
        while table.name not in self._storage:
            note = self._lake.ledger.read_note(_table_note(table))
            if note.get("fingerprint") == fingerprint:
                self._storage[table.name] = json.loads(note["storage"])
            elif "fingerprint" in note or self._take(_table_note(table)) or time.monotonic() > deadline:
                self._make_table(table, fingerprint)
            else:
                time.sleep(_LOOK_SECONDS)  # another process makes it

    def _make_table(self, table: GlueTable, fingerprint: str) -> None:
        changed = glue_tables.ensure_table(self._lake, table)
        storage = glue_tables.storage_of(self._lake, table)
        if changed:
            self._lake.ledger.write_note(VIEWS_DUE, {"table": table.name})
        self._lake.ledger.write_note(
            _table_note(table), {"fingerprint": fingerprint, "storage": json.dumps(storage, sort_keys=True)}
        )
        self._storage[table.name] = storage


def _table_note(table: GlueTable) -> str:
    return f"table/{table.name}"


def _fingerprint(lake: Lake, table: GlueTable) -> str:
    """What the table's definition in the configuration comes to."""
    keys = [(key.name, key.type.text) for key in table.entity.partition_keys]
    return _digest([table.location(lake), table.template, table.columns, keys, table.entity.registration])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
