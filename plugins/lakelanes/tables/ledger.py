"""A DynamoDB table's exports and snapshots in the ledger: items of their own in the ledger's table.

The items of a table have the same partition key, ``source = 'export#<table>'``; the sort key is ``version``:

- ``chain``: the incarnation of the table that its exports follow, and since when (``Chain``).
- ``full#<minute>`` and ``window#<minute>``: an export, planned or finished (``Export``).
- ``snapshot#<second>``: a snapshot that can be read (``Snapshot``).

Every write is conditional on the ``revision`` that was read: of several concurrent writers one succeeds, and the others
get the item that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from lakelanes.errors import LedgerConflictError
from lakelanes.ledger import items
from lakelanes.ledger.items import Item
from lakelanes.tables.windows import Window, minute_text, parse_minute

if TYPE_CHECKING:
    from lakelanes.lake import Lake

ExportKind = Literal["full", "window"]
ExportState = Literal["planned", "exporting", "exported", "converted", "published", "failed", "gap"]
# States of an export whose change rows are in the lake.
CONVERTED: frozenset[ExportState] = frozenset({"converted", "published"})

_SECOND_FORM = "%Y%m%dT%H%M%SZ"
_REASON_LENGTH = 1000


def second_text(moment: datetime) -> str:
    """Value of the partition column ``as_of``: ``20240315T104500Z``."""
    return moment.astimezone(UTC).strftime(_SECOND_FORM)


def parse_second(text: str) -> datetime:
    """The inverse of ``second_text``."""
    return datetime.strptime(text, _SECOND_FORM).replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Record:
    """An item. ``revision`` counts its writes; 0 for one that is not in the ledger yet."""

    table: str
    revision: int = 0
    updated_at: str = ""

    @property
    def version(self) -> str:
        raise NotImplementedError

    def to_item(self) -> Item:
        """The item as DynamoDB's API takes it."""
        values = items.attributes_of(self, without=("table",))
        return items.to_item({**values, "source": collection(self.table), "version": self.version})

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return items.record_of(cls, item, table=item["source"]["S"].removeprefix("export#"))


_R = TypeVar("_R", bound=_Record)


@dataclass(frozen=True, kw_only=True)
class Chain(_Record):
    """What the exports of a table follow.

    base: moment of the full export that the windows follow, as ``minute_text`` writes it. table_arn, table_id: the
    incarnation of the table. run_id: the run that started the chain. gap, reason: why no window can be added, or None.
    """

    base: str
    table_arn: str
    table_id: str
    run_id: str = ""
    gap: str | None = None
    reason: str | None = None

    @property
    def version(self) -> str:
        return "chain"

    @property
    def start(self) -> datetime:
        return parse_minute(self.base)


@dataclass(frozen=True, kw_only=True)
class Export(_Record):
    """One export, of the whole table as it was at ``start`` (kind full), or of the changes from ``start`` to ``end``.

    attempt: counts the requests to DynamoDB; each has a token of its own. run_id: the run that is responsible for it.
    lines: number of lines in the export, by DynamoDB. rows, files: number of rows and of files in the lake.
    """

    kind: ExportKind
    start: str
    end: str
    table_arn: str
    table_id: str
    state: ExportState = "planned"
    run_id: str = ""
    attempt: int = 1
    export_arn: str | None = None
    submitted_at: str | None = None
    reason: str | None = None
    lines: int | None = None
    rows: int | None = None
    files: int | None = None
    planned_at: str = ""

    @property
    def version(self) -> str:
        return f"{self.kind}#{self.start}"

    @property
    def window(self) -> Window:
        """The time covered; empty for a full export."""
        return Window(parse_minute(self.start), parse_minute(self.end))

    @property
    def is_converted(self) -> bool:
        return self.state in CONVERTED

    def __str__(self) -> str:
        if self.kind == "full":
            return f"full export of {self.table} as of {self.window.start:%Y-%m-%dT%H:%MZ}"
        return f"window {self.window} of {self.table}"


@dataclass(frozen=True, kw_only=True)
class Snapshot(_Record):
    """A snapshot that can be read: the table as it was at ``as_of``. made_by: a ``full`` export or a ``compaction``."""

    as_of: str
    made_by: Literal["full", "compaction"]
    table_id: str
    rows: int
    files: int

    @property
    def version(self) -> str:
        return f"snapshot#{self.as_of}"

    @property
    def moment(self) -> datetime:
        return parse_second(self.as_of)


@dataclass
class TableLedger:
    """Access to the items of one table. ``name`` is its name in the configuration."""

    lake: Lake
    name: str
    _db: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._db = self.lake.dynamodb

    def chain(self) -> Chain | None:
        item = self._get("chain")
        return Chain.from_item(item) if item else None

    def export(self, kind: ExportKind, start: str) -> Export | None:
        item = self._get(f"{kind}#{start}")
        return Export.from_item(item) if item else None

    def windows(self, since: datetime, until: datetime | None = None, *, limit: int | None = None) -> list[Export]:
        """The exports of windows that start at ``since`` or later, up to ``until``, in order; the first ``limit``."""
        last = f"window#{minute_text(until) if until else '~'}"
        return [Export.from_item(item) for item in self._query(f"window#{minute_text(since)}", last, limit)]

    def newest_windows(self, limit: int) -> list[Export]:
        """The exports of the ``limit`` newest windows, newest first."""
        return [Export.from_item(item) for item in self._query("window#", "window#~", limit, newest=True)]

    def snapshots(self) -> list[Snapshot]:
        """The table's snapshots, oldest first."""
        return [Snapshot.from_item(item) for item in self._query("snapshot#", "snapshot#~")]

    def newest_snapshots(self, limit: int) -> list[Snapshot]:
        """The ``limit`` newest snapshots, newest first."""
        return [Snapshot.from_item(item) for item in self._query("snapshot#", "snapshot#~", limit, newest=True)]

    def write(self, record: _R, **changes: Any) -> tuple[_R, bool]:
        """Writes ``record`` with ``changes``, unless the item was written since ``record`` was read.

        Returns the item as it is now, and whether this call wrote it. Raises LedgerConflictError when somebody removed
        the item.
        """
        if changes.get("reason"):
            changes["reason"] = str(changes["reason"])[:_REASON_LENGTH]
        wanted = replace(record, **changes, revision=record.revision + 1, updated_at=self.lake.ledger.now())
        if record.revision:
            condition = ("#r = :r", {"#r": "revision"}, {":r": record.revision})
        else:
            condition = ("attribute_not_exists(#v)", {"#v": "version"}, {})
        found = self.lake.ledger.put_if(wanted.to_item(), *condition)
        if found is None:
            return wanted, True
        if not found:
            raise LedgerConflictError(f"{record.version} of {self.name} was removed from the ledger meanwhile")
        return type(record).from_item(found), False

    def forget(self, record: _Record) -> None:
        """Removes an item."""
        self._db.delete_item(TableName=self._table, Key=self._key(record.version))

    @property
    def _table(self) -> str:
        return self.lake.config.resources.ledger_table

    def _key(self, version: str) -> dict[str, Any]:
        return items.key(collection(self.name), version)

    def _get(self, version: str) -> Any:
        return self._db.get_item(TableName=self._table, Key=self._key(version), ConsistentRead=True).get("Item")

    def _query(self, first: str, last: str, limit: int | None = None, newest: bool = False) -> list[Any]:
        pages = self._db.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#s = :s AND #v BETWEEN :first AND :last",
            ExpressionAttributeNames={"#s": "source", "#v": "version"},
            ExpressionAttributeValues={
                ":s": {"S": collection(self.name)},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            ScanIndexForward=not newest,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        return [item for page in pages for item in page["Items"]]


def chains(lake: Lake, tables: Iterable[str]) -> dict[str, Chain]:
    """The chains of many tables by name, without the tables that have none; one request per 100 tables."""
    items = lake.ledger.read_items((collection(name), "chain") for name in tables)
    return {chain.table: chain for chain in map(Chain.from_item, items)}


def collection(table: str) -> str:
    """The key that the items of a table share, by the table's name in the configuration."""
    return f"export#{table}"
