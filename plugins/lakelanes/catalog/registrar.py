"""The registrar: makes tables and partitions visible to Athena, for both lanes of files and for DynamoDB tables.

It has two strategies. Both create a table that is not there, give it the columns that the configuration gained, and
leave a table with registration 'projection' without partitions.

- ``look`` asks Glue each time which partitions are there, so what somebody took out or moved is put right: one
  BatchGetPartition per 1,000 partitions and one BatchCreatePartition per 100 new ones. For whoever registers many at a
  time: runs, sweeps, exports. With registration 'msck' the missing ones are left to MSCK REPAIR TABLE.
- ``remember`` relies on the ledger's notes of what was registered: one Glue call for a new partition, none for a known
  one. For the functions, of which any number may meet on a new partition at the same moment. A note gives its
  registration to one of them; the others go on, for their rows become visible with it, or wait until that is so.
  Whoever holds a note answers for it: a registration that failed keeps its message in the queue, and one whose process
  died can be taken over a little later. What somebody takes out of Glue comes back by a registrar that looks.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lakelanes.catalog import athena, partitions
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.glue_tables import GlueTable, describe, with_partitions
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition
from lakelanes.errors import OutOfTimeError
from lakelanes.names import ddl_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# Longer than a registration takes, and shorter than a message stays hidden after its function died.
_TURN_SECONDS = 30.0
# Files of a partition come within days, as a rule. For one that comes later Glue is asked once more.
_NOTE_KEPT = timedelta(days=90)
_REMEMBERED = 50_000
_POLL_SECONDS = 0.05
# Note: tables that were made or changed since the views were refreshed last.
VIEWS_DUE = "views-due"
# Note: the views that Athena refused when they were made last, each with its reason.
FAILED_VIEWS = "views-failed"


@dataclass(frozen=True)
class Registration:
    """What registering changed.

    tables_changed: names of the tables that were created or given columns. created: how many partitions were; of an
    entity, of its data table. relocated: partitions whose Location was not their folder, and is now:
    ``<table>/<path>: <found> -> <expected>``.
    """

    tables_changed: list[str] = field(default_factory=list)
    created: int = 0
    relocated: list[str] = field(default_factory=list)


class _Strategy(Protocol):
    def register(self, table: GlueTable, wanted: Sequence[Partition], wait_seconds: float) -> Registration: ...


class Registrar:
    """Registers partitions. Not thread-safe; one that remembers serves its process for as long as that lives."""

    def __init__(self, lake: Lake, strategy: Literal["look", "remember"]) -> None:
        self._lake = lake
        self._strategy: _Strategy = _Look(lake) if strategy == "look" else _Remember(lake)

    def register(self, table: GlueTable, wanted: Iterable[Partition], *, wait_seconds: float = 0) -> Registration:
        """Makes the partitions of a table visible to Athena; without any, a registrar that remembers does nothing.

        wait_seconds: how long one that remembers waits for partitions that somebody else is registering, and to take
        them over from one who died; 0: it leaves them to whoever is at it. Raises what AWS raises, CatalogError, and
        OutOfTimeError when that time is over.
        """
        return self._strategy.register(table, sorted(set(wanted)), wait_seconds)

    def register_entity(
        self, entity: Entity, loaded: Iterable[Partition], rejected: Iterable[Partition] | None = None
    ) -> Registration:
        """Makes visible what files of an entity brought: their rows, and their rejected rows.

        loaded, rejected: see ``glue_tables.with_partitions``.
        """
        tables = with_partitions(entity, loaded, rejected)
        done = {table.name: self.register(table, own) for table, own in tables}
        return Registration(
            tables_changed=[name for one in done.values() for name in one.tables_changed],
            created=done[entity.table_name].created if entity.table_name in done else 0,
            relocated=[line for one in done.values() for line in one.relocated],
        )


def unregistered(lake: Lake, entity: Entity, loaded: Iterable[Partition]) -> list[str]:
    """What a registrar that looks would change for these partitions, as ``<table>/<path>``, or ``<table>`` where that
    is not there. Reads only: one BatchGetPartition per table and 1,000 partitions, or one GetTable where Athena
    computes the partitions."""
    found: list[str] = []
    for table, own in with_partitions(entity, loaded):
        missing = _unregistered(lake, table, sorted(own))
        found += [table.name] if missing is None else [f"{table.name}/{partition.path}" for partition in missing]
    return found


def _unregistered(lake: Lake, table: GlueTable, wanted: Sequence[Partition]) -> list[Partition] | None:
    """The partitions that are missing or point elsewhere; None when there is no such table."""
    if not wanted:
        return []
    if table.entity.registration == "projection":
        return None if describe(lake, table.name) is None else []
    try:
        found = partitions.described(lake, table, wanted)
    except lake.glue.exceptions.EntityNotFoundException:
        return None
    return [p for p in wanted if p not in found or not partitions.is_in_place(lake, table, p, found[p])]


class _Look:
    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def register(self, table: GlueTable, wanted: Sequence[Partition], wait_seconds: float) -> Registration:
        lake = self._lake
        changed = [table.name] if ensure_table(lake, table) else []
        if not wanted or table.entity.registration == "projection":
            return Registration(changed)
        found = partitions.described(lake, table, wanted)
        missing = [partition for partition in wanted if partition not in found]
        created = len(missing)
        if missing and table.entity.registration == "msck":
            database, name = ddl_identifier(lake.config.resources.glue_database), ddl_identifier(table.name)
            athena.execute(lake, f"MSCK REPAIR TABLE {database}.{name}")
        elif missing:
            # Those that others have created meanwhile.
            existing = partitions.create(lake, table, missing, partitions.storage_of(lake, table))
            created -= len(existing)
            found |= partitions.described(lake, table, existing)
        return Registration(changed, created, self._relocated(table, found))

    def _relocated(self, table: GlueTable, found: dict[Partition, Any]) -> list[str]:
        """Corrects the Locations of those that do not point to their folders."""
        lines: list[str] = []
        for partition, description in sorted(found.items()):
            if partitions.is_in_place(self._lake, table, partition, description):
                continue
            partitions.relocate(self._lake, table, partition, description)
            before, after = partitions.location_of(description), table.location(self._lake, partition)
            lines.append(f"{table.name}/{partition.path}: {before} -> {after}")
            log.warning(
                "partition %s of %s pointed to %s; its Location is now %s", partition.path, table.name, before, after
            )
        return lines


class _Remember:
    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        # By table, how it stores rows: its StorageDescriptor.
        self._storage: dict[str, Any] = {}
        # Names of the notes of partitions that are registered.
        self._known: set[str] = set()

    def register(self, table: GlueTable, wanted: Sequence[Partition], wait_seconds: float) -> Registration:
        if not wanted:
            return Registration()
        fingerprint = _fingerprint(self._lake, table)
        changed = [table.name] if self._ensure_table(table, fingerprint) else []
        entity, created = table.entity, 0
        if entity.registration == "projection":
            return Registration(changed)
        location, keys = table.location(self._lake), [key.name for key in entity.partition_keys]
        names = {partition: partition_note(table.name, location, keys, partition) for partition in wanted}
        deadline = time.monotonic() + wait_seconds
        while open_ones := {p: name for p, name in names.items() if name not in self._known}:
            created += self._register_free(table, fingerprint, open_ones)
            taken = [name for name in open_ones.values() if name not in self._known]
            if not taken or not wait_seconds:
                break
            if time.monotonic() > deadline:
                raise OutOfTimeError(f"{taken[0]}: somebody else has not registered it in time")
            time.sleep(_POLL_SECONDS)
        return Registration(changed, created)

    def _register_free(self, table: GlueTable, fingerprint: str, notes: dict[Partition, str]) -> int:
        """Registers those of the partitions (with the names of their notes) that nobody has registered or is
        registering; returns how many. Those that are registered now are known from then on."""
        found = self._lake.ledger.read_notes(notes.values())
        done = {name for name, note in found.items() if "until" not in note}
        mine = [partition for partition, name in notes.items() if name not in done and self._take_turn(name)]
        try:
            if mine:
                self._create(table, fingerprint, mine)
        except BaseException:
            for partition in mine:
                self._lake.ledger.give_up_turn(notes[partition])
            raise
        for partition in mine:
            self._lake.ledger.write_note(notes[partition], {}, keep=_NOTE_KEPT)
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known |= done | {notes[partition] for partition in mine}
        return len(mine)

    def _take_turn(self, note: str) -> bool:
        return self._lake.ledger.take_turn(note, _TURN_SECONDS)

    def _create(self, table: GlueTable, fingerprint: str, wanted: list[Partition]) -> None:
        try:
            partitions.create(self._lake, table, wanted, self._storage[table.name])
        except self._lake.glue.exceptions.EntityNotFoundException:
            # Somebody dropped the table.
            del self._storage[table.name]
            self._lake.ledger.give_up_turn(table_note(table.name))
            self._ensure_table(table, fingerprint)
            partitions.create(self._lake, table, wanted, self._storage[table.name])

    def _ensure_table(self, table: GlueTable, fingerprint: str) -> bool:
        """Makes sure, once per process, that the table is as the configuration says, and learns how it stores rows;
        True when this changed it.

        Nothing is asked of Glue where the ledger notes that this was done for the same configuration.
        """
        deadline, changed = time.monotonic() + _TURN_SECONDS, False
        while table.name not in self._storage:
            note = self._lake.ledger.read_note(table_note(table.name))
            if note.get("fingerprint") == fingerprint:
                self._storage[table.name] = json.loads(note["storage"])
            elif "fingerprint" in note or self._take_turn(table_note(table.name)) or time.monotonic() > deadline:
                changed = self._make_table(table, fingerprint)
            else:
                time.sleep(_POLL_SECONDS)  # another process makes it
        return changed

    def _make_table(self, table: GlueTable, fingerprint: str) -> bool:
        changed = ensure_table(self._lake, table)
        storage = partitions.storage_of(self._lake, table)
        if changed:
            self._lake.ledger.write_note(VIEWS_DUE, {"table": table.name})
        self._lake.ledger.write_note(
            table_note(table.name), {"fingerprint": fingerprint, "storage": json.dumps(storage, sort_keys=True)}
        )
        self._storage[table.name] = storage
        return changed


def table_note(table: str) -> str:
    """The ledger's note of how a table was made, by the table's name."""
    return f"table/{table}"


def partition_note(table: str, location: str, keys: Sequence[str], partition: Partition) -> str:
    """The ledger's note that a partition is registered. location: the table's folder, with a slash at its end."""
    return f"registered/{table}/{_digest([location, list(keys)])}/{partition.path}"


def _fingerprint(lake: Lake, table: GlueTable) -> str:
    """What the table's definition in the configuration comes to."""
    keys = [(key.name, key.type.text) for key in table.entity.partition_keys]
    return _digest([table.location(lake), table.template, table.columns, keys, table.entity.registration])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
