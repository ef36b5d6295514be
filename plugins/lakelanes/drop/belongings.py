"""What the lake has of an entity or a DynamoDB table by its name, also of one that the configuration has no more.

Whose a table in Glue is, its parameter ``lakelanes.entity`` says. What the ledger knows of files says it too, by the
places of their objects. An object belongs to a name only if it is in a folder that the lake itself gave to one of the
name's tables; a folder of another entity or table of the configuration never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from lakelanes.alerts.incidents import Incident, stale_cause, uncured_incidents
from lakelanes.aws.storage import list_folder, place_of
from lakelanes.catalog import registrar, view_sources
from lakelanes.catalog.glue_tables import ENTITY, REJECTS_FOLDER, data_table, describe_all, rejects_table
from lakelanes.catalog.views import tables_of_views
from lakelanes.concurrently import map_concurrently
from lakelanes.config.model import Entity, Table, TableExport
from lakelanes.config.partitions import Partition
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.errors import DropError
from lakelanes.ledger.entries import Entry, State
from lakelanes.ledger.items import CURRENT
from lakelanes.ledger.notes import note_key
from lakelanes.tables.catalog import changes_table, snapshot_table
from lakelanes.tables.export_requests import export_folder, is_in_progress
from lakelanes.tables.ledger import Export, collection

if TYPE_CHECKING:
    from lakelanes.lake import Lake

Key = tuple[str, str]
_CHANGES, _CURRENT = "_changes", "_current"


@dataclass(frozen=True)
class Folder:
    """A folder of the analytics bucket, with a slash at its end, and what is in it."""

    prefix: str
    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Belongings:
    """What belongs to a name, and what else has to do with it.

    configured: where the configuration still has it, as a path; ''. tables, views: in Glue; the views read the tables,
    or are the table's own. entries: the ledger's of its files, with their past versions. keys: of the ledger's other
    items, counts, notes, parts and exports. alerts: those that are not cured. dashboards, view_files: files that read
    the views or tables; they stay. held: what a worker, or DynamoDB, is writing at this moment.
    """

    name: str
    configured: str = ""
    tables: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    folders: tuple[Folder, ...] = ()
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    keys: tuple[Key, ...] = field(default=(), repr=False)
    alerts: tuple[Incident, ...] = ()
    dashboards: tuple[str, ...] = ()
    view_files: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def files(self) -> list[Entry]:
        """The source files, each with its newest version."""
        return [entry for entry in self.entries if entry.version == CURRENT]

    @property
    def is_nothing(self) -> bool:
        """Whether the lake has nothing of the name."""
        # Whoever looks at an entity notes that he has counted its files, were there none.
        keys = set(self.keys) - {note_key(f"summaries/{self.name}")}
        return not (self.tables or self.views or self.folders or self.entries or keys or self.alerts)


def belongings(lake: Lake, name: str) -> Belongings:
    """What belongs to a name. Reads only, as many requests as there is to count.

    Raises DropError where the configuration gives a table of it to another entity or table.
    """
    described = describe_all(lake)
    entries = _entries(lake, name)
    noted = lake.ledger.read_note(journal(name))
    tables = _tables(lake, name, described, entries) | set(noted.get("tables", ()))
    _check_owners(lake, name, tables)
    exports = _exports(lake, name)
    current = {one.removesuffix(_CHANGES) + _CURRENT for one in tables if one.endswith(_CHANGES)}
    sources = frozenset(tables | current)
    inputs = view_sources.noted(lake)
    readers = {view for view in inputs if (view_sources.tables_read(inputs, view) or frozenset()) & sources}
    by_file = {view for view, read in tables_of_views().items() if read & sources}
    views = sorted((readers | current) & described.keys())
    keys = [*_counts(lake, name), *(key for key, _ in exports), *_parts(lake, name, entries)]
    keys += _notes(lake, name, sorted(tables), described)
    return Belongings(
        name,
        configured=_configured(lake, name),
        tables=tuple(sorted(tables & described.keys())),
        views=tuple(views),
        folders=tuple(_folders(lake, name, tables, bool(exports) or bool(current))),
        entries=tuple(entries),
        keys=tuple(keys),
        alerts=tuple(one for one in uncured_incidents(lake) if _is_of(one, name, views)),
        dashboards=tuple(_dashboards(readers | by_file | current)),
        view_files=tuple(sorted(f"{view}.sql" for view in by_file)),
        held=tuple(_held(lake, entries, [export for _, export in exports if export])),
    )


def journal(name: str) -> str:
    """The note of a drop that is under way: which tables it found, for whoever has to finish it."""
    return f"dropping/{name}"


def _configured(lake: Lake, name: str) -> str:
    if name in lake.config.entities:
        return f"entities.{name}"
    return f"tables.{name}" if name in lake.config.tables else ""


def _tables(lake: Lake, name: str, described: Mapping[str, Any], entries: Iterable[Entry]) -> set[str]:
    """Names of its tables: those that the configuration gives it, that Glue has for it, or that its files are in."""
    bucket = lake.config.resources.analytics_bucket
    found = {one for one, table in described.items() if _is_filled_by(bucket, name, table)} | set(
        _own_tables(lake, name)
    )
    for entry in entries:
        for uri in filter(None, (entry.target, entry.rejects)):
            where, key = place_of(uri)
            if where == bucket:
                parts = key.split("/")
                found.add(f"{parts[1]}_rejects" if parts[0] == REJECTS_FOLDER else parts[0])
    return found


def _is_filled_by(bucket: str, name: str, table: Any) -> bool:
    """Whether a table in Glue is the name's. One that somebody made elsewhere by a copied statement has its parameter,
    and is not."""
    if table.get("Parameters", {}).get(ENTITY) != name:
        return False
    location = table.get("StorageDescriptor", {}).get("Location", "").rstrip("/")
    return location.removeprefix(f"s3://{bucket}/") in (
        table["Name"],
        f"{REJECTS_FOLDER}/{table['Name'].removesuffix('_rejects')}",
    )


def _own_tables(lake: Lake, name: str) -> list[str]:
    owner: Entity | Table | None = lake.config.entities.get(name) or lake.config.tables.get(name)
    if isinstance(owner, Entity):
        return [data_table(owner).name, rejects_table(owner).name]
    return [changes_table(owner).name, snapshot_table(owner).name] if owner else []


def _check_owners(lake: Lake, name: str, tables: Iterable[str]) -> None:
    owners = view_sources.owners(lake.config)
    for table in sorted(tables):
        owner = owners.get(table)
        if owner is not None and owner.name != name:
            path = f"{'entities' if owner.is_entity else 'tables'}.{owner.name}.table_name"
            raise DropError(
                f"{table} was filled by {name} and is {owner.name}'s now ({path}), so {name} cannot be dropped: its "
                "files and theirs are in one folder"
            )


def _folders(lake: Lake, name: str, tables: Iterable[str], is_table: bool) -> Iterator[Folder]:
    """The folders that the lake gives to these tables, and that of the exports, with what is in them."""
    prefixes = set()
    for table in tables:
        prefixes.add(f"{table}/")
        if table.endswith("_rejects"):
            prefixes.add(f"{REJECTS_FOLDER}/{table.removesuffix('_rejects')}/")
    owner = lake.config.tables.get(name)
    if is_table or owner:
        prefixes.add(f"{export_folder(owner) if owner else TableExport().prefix + name}/")
    for prefix in sorted(prefixes):
        sizes = [listed["Size"] for listed in list_folder(lake.s3, lake.config.resources.analytics_bucket, prefix)]
        if sizes:
            yield Folder(prefix, len(sizes), sum(sizes))


def _entries(lake: Lake, name: str) -> list[Entry]:
    """The entries of its files as they are now; those that the index still has and the table no more are left out."""
    indexed = [entry for state in get_args(State) for entry in lake.ledger.in_state(name, state)]
    keys = dict.fromkeys((entry.source, entry.version) for entry in indexed)
    known = map(Entry.from_item, lake.ledger.read_items(keys))
    return sorted((entry for entry in known if entry.entity == name), key=lambda entry: (entry.source, entry.version))


def _parts(lake: Lake, name: str, entries: Iterable[Entry]) -> list[Key]:
    sources = [entry.source for entry in entries if entry.version == CURRENT and entry.parts is not None]
    found = map_concurrently(lake.ledger.parts, sources)
    return [part.key for parts in found for part in parts.values() if part.entity == name]


def _counts(lake: Lake, name: str) -> list[Key]:
    sources = [f"{kind}:{name}" for kind in ("total", "periods", "summary")]
    return [key for found in map_concurrently(lake.ledger.versions, sources) for key, _ in found]


def _exports(lake: Lake, name: str) -> list[tuple[Key, Export | None]]:
    found = lake.ledger.versions(collection(name))
    return [(key, Export.from_item(item) if key[1].startswith(("full#", "window#")) else None) for key, item in found]


def _notes(lake: Lake, name: str, tables: Iterable[str], described: Mapping[str, Any]) -> list[Key]:
    names = [f"summaries/{name}"]
    for table in tables:
        names.append(registrar.table_note(table))
        if table in described:
            names += _registered(lake, described[table])
    return [note_key(one) for one in lake.ledger.read_notes(names)]


def _registered(lake: Lake, described: Any) -> Iterator[str]:
    """The notes that there may be of a table's partitions: without the partitions they would keep them from Glue."""
    keys = [key["Name"] for key in described.get("PartitionKeys", ())]
    location = described["StorageDescriptor"].get("Location", "").rstrip("/") + "/"
    pages = lake.glue.get_paginator("get_partitions").paginate(
        DatabaseName=lake.config.resources.glue_database, TableName=described["Name"], ExcludeColumnSchema=True
    )
    for page in pages:
        for one in page["Partitions"]:
            partition = Partition(tuple(zip(keys, one["Values"], strict=True)))
            yield registrar.partition_note(described["Name"], location, keys, partition)


def _is_of(incident: Incident, name: str, views: Iterable[str]) -> bool:
    """Whether an alert is about the name alone, or about a view that goes with it."""
    return incident.owners == {name} or incident.cause in map(stale_cause, views)


def _dashboards(views: set[str]) -> Iterator[str]:
    for dashboard in read_dashboards():
        if any(dataset.view in views for dataset in dashboard.datasets.values()):
            yield f"{dashboard.name}.json"


def _held(lake: Lake, entries: Iterable[Entry], exports: Iterable[Export]) -> Iterator[str]:
    now = lake.ledger.now()
    for entry in entries:
        if entry.version == CURRENT and entry.is_held(now):
            until = entry.lease_until[:16].replace("T", " ")
            yield f"{entry.source}, by {entry.run_id or entry.owner} until {until} UTC"
    for export in exports:
        if export.state == "exporting" and export.export_arn and is_in_progress(lake, export.export_arn):
            yield f"the {export}, by DynamoDB"
