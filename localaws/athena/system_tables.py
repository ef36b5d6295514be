"""Tables that are made of the catalogue: information_schema."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from localaws.athena import types as t
from localaws.athena import views
from localaws.athena.catalogue import CATALOG, INFORMATION_SCHEMA, Catalogue, Table
from localaws.athena.errors import QueryFailed
from localaws.athena.types import Type, to_arrow


@dataclass
class CatalogueRelation:
    """A relation whose rows are already here."""

    name: str
    typed: list[tuple[str, Type]]
    rows: list[tuple[object, ...]]
    hidden: list[tuple[str, Type, str]] = field(default_factory=list)

    @property
    def columns(self) -> list[tuple[str, Type, str]]:
        return [(name, kind, name) for name, kind in self.typed]

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        schema = pa.schema([(name, to_arrow(kind)) for name, kind in self.typed])
        data = [dict(zip(schema.names, row, strict=True)) for row in self.rows]
        connection.register(self.name, pa.Table.from_pylist(data, schema))


def relation(catalogue: Catalogue, name: str, number: int) -> CatalogueRelation | None:
    """The table of that name in information_schema, or None when there is none."""
    maker = {"schemata": _schemata, "tables": _tables, "columns": _columns}.get(name)
    return maker(catalogue, f"system_{number}") if maker else None


def _text_columns(*names: str) -> list[tuple[str, Type]]:
    return [(name, t.VARCHAR) for name in names]


def _schemata(catalogue: Catalogue, alias: str) -> CatalogueRelation:
    rows: list[tuple[object, ...]] = [(CATALOG, name) for name in [*catalogue.databases(), INFORMATION_SCHEMA]]
    return CatalogueRelation(alias, _text_columns("catalog_name", "schema_name"), rows)


def _tables(catalogue: Catalogue, alias: str) -> CatalogueRelation:
    rows: list[tuple[object, ...]] = []
    for database in catalogue.databases():
        for table in catalogue.tables(database):
            rows.append((CATALOG, database, table.name, "VIEW" if table.is_view else "BASE TABLE"))
    return CatalogueRelation(alias, _text_columns("table_catalog", "table_schema", "table_name", "table_type"), rows)


def _columns(catalogue: Catalogue, alias: str) -> CatalogueRelation:
    rows: list[tuple[object, ...]] = []
    for database in catalogue.databases():
        for table in catalogue.tables(database):
            for place, (name, kind, comment, extra) in enumerate(described(table), 1):
                rows.append((CATALOG, database, table.name, name, place, None, "YES", kind, comment or None, extra))
    columns = _text_columns("table_catalog", "table_schema", "table_name", "column_name")
    columns += [("ordinal_position", t.BIGINT)]
    columns += _text_columns("column_default", "is_nullable", "data_type", "comment", "extra_info")
    return CatalogueRelation(alias, columns, rows)


def described(table: Table) -> list[tuple[str, str, str, str | None]]:
    """(name, Trino type, comment, 'partition key' or None) of each column of a table or view."""
    if table.is_view:
        try:
            return [(name.lower(), str(kind), "", None) for name, kind in views.decode(table).columns]
        except QueryFailed:
            return []
    found: list[tuple[str, str, str, str | None]] = []
    for columns, extra in ((table.columns, None), (table.partition_keys, "partition key")):
        for column in columns:
            try:
                kind = str(t.parse_hive(column.type))
            except ValueError:
                continue
            found.append((column.name, kind, column.comment, extra))
    return found
