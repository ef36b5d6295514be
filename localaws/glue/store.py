"""The catalogue's data: ministack's own stores, so that what CloudFormation creates there is seen here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localaws import protocol
from localaws.protocol import AwsError, Request

Record = dict[str, Any]


class Catalog:
    """Databases, tables and partitions of the account and region of the request being answered."""

    def __init__(self) -> None:
        # (account, region, "database/table") -> (the live table's record, its archived versions, oldest first)
        self._archives: dict[tuple[str, str, str], tuple[Record, list[Record]]] = {}

    def forget(self) -> None:
        """Drop all archived table versions."""
        self._archives.clear()

    def kept(self) -> dict[tuple[str, str, str], tuple[Record, list[Record]]]:
        """The archived versions, with the record of the live table that each list belongs to."""
        return self._archives

    def restore(self, kept: dict[tuple[str, str, str], tuple[Record, list[Record]]]) -> None:
        """Take them over from an earlier server."""
        self._archives.update(kept)

    def check_catalog_id(self, request: Request) -> None:
        """Raise EntityNotFoundException when the request names another account's catalogue."""
        wanted = request.get("CatalogId")
        if wanted is not None and wanted != self.account():
            raise AwsError("EntityNotFoundException", f"Catalog {wanted} not found.")

    def account(self) -> str:
        """The account of the request being answered."""
        from ministack.core.responses import get_account_id

        account: str = get_account_id()
        return account

    def databases(self) -> list[Record]:
        """All databases, by name."""
        return sorted(_stores()._databases.values(), key=lambda database: database["Name"])

    def database(self, name: str | None) -> Record:
        """The database; raises EntityNotFoundException."""
        folded = fold(name, "databaseName")
        record: Record | None = _stores()._databases.get(folded)
        if record is None:
            raise AwsError("EntityNotFoundException", f"Database {folded} not found.")
        return record

    def tables(self, database: str) -> list[Record]:
        """The database's tables, by name."""
        prefix = f"{database}/"
        found = [table for key, table in _stores()._tables.items() if key.startswith(prefix)]
        return sorted(found, key=lambda table: table["Name"])

    def table(self, database: str | None, name: str | None) -> Record:
        """The table; raises EntityNotFoundException, naming the database when that is missing."""
        parent = self.database(database)["Name"]
        folded = fold(name, "tableName")
        record: Record | None = _stores()._tables.get(f"{parent}/{folded}")
        if record is None:
            raise AwsError("EntityNotFoundException", f"Table {folded} not found.")
        return record

    def has_table(self, database: str, name: str) -> bool:
        """Whether the table exists; the names are already folded."""
        return f"{database}/{name}" in _stores()._tables

    def put_table(self, table: Record) -> None:
        """Store a table under its DatabaseName and Name."""
        _stores()._tables[_key(table)] = table

    def remove_table(self, table: Record) -> None:
        """Remove a table with its partitions, versions and statistics."""
        stores = _stores()
        for store in (
            stores._tables,
            stores._partitions,
            stores._partition_indexes,
            stores._table_column_statistics,
            stores._partition_column_statistics,
        ):
            store.pop(_key(table), None)
        self._archives.pop(self._scoped(table), None)

    def archive(self, table: Record) -> list[Record]:
        """The table's archived versions, oldest first; append to it to archive one."""
        live, versions = self._archives.get(self._scoped(table), (None, []))
        if live is not table:
            # CloudFormation has dropped the table and made it again, without a call of ours.
            versions = []
            self._archives[self._scoped(table)] = (table, versions)
        return versions

    def partitions(self, table: Record) -> list[Record]:
        """The table's partitions in no particular order; append to it to create one."""
        held: list[Record] = _stores()._partitions.setdefault(_key(table), [])
        return held

    def remove_partitions(self, table: Record, values: Iterable[tuple[str, ...]]) -> None:
        """Remove the partitions with these values, and their statistics."""
        gone = set(values)
        stores = _stores()
        for store in (stores._partitions, stores._partition_column_statistics):
            if _key(table) in store:
                store[_key(table)] = [one for one in store[_key(table)] if tuple(one.get("Values", ())) not in gone]

    def _scoped(self, table: Record) -> tuple[str, str, str]:
        from ministack.core.responses import get_account_id, get_region

        return get_account_id(), get_region(), _key(table)


def fold(name: str | None, member: str) -> str:
    """A database's or table's name as Glue keeps it, in lower case; raises ValidationException when there is none."""
    if not name or not isinstance(name, str):
        raise protocol.constraint_error("ValidationException", member, name, "Member must not be null or empty")
    protocol.check_length("ValidationException", member, name, 255)
    return name.lower()


def _key(table: Record) -> str:
    return f"{table['DatabaseName']}/{table['Name']}"


def _stores() -> Any:
    """ministack's Glue module, imported late: it is not needed before the first request."""
    from ministack.services import glue

    return glue
