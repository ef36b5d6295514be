"""Statements that write a query's rows: CREATE TABLE AS, INSERT INTO and UNLOAD, in Parquet alone.

Files are as the Hive connector writes them: timestamps as INT96, decimals as fixed length byte arrays, lists of three
levels. What has been written stays when a statement fails later
(https://docs.aws.amazon.com/athena/latest/ug/ctas-considerations-limitations.html).
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from localaws.athena import types as t
from localaws.athena.casts import Expr, cast_sql, coerce
from localaws.athena.catalogue import (
    CATALOG,
    DEFAULT_PARTITION,
    Catalogue,
    Column,
    Storage,
    Table,
    table_from_glue,
)
from localaws.athena.ddl import Ddl, Name, NewTable, default_location, named_columns, table_input
from localaws.athena.duck import fail_sql
from localaws.athena.errors import QueryCancelled, failure, not_supported
from localaws.athena.objects import split_location
from localaws.athena.planning import Analysis, OutputColumn, Query
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn
from localaws.athena.select import plan, run_planned
from localaws.athena.syntax import quote
from localaws.athena.tables import PARQUET_SERDE, ScanStatistics
from localaws.athena.types import Type, to_arrow, to_duckdb
from localaws.athena.values import column_texts

# What a WITH may give a property.
Property = str | int | bool | tuple[str, ...]

# https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
MOST_PARTITIONS = 100
# https://docs.aws.amazon.com/athena/latest/ug/compression-formats.html
_COMPRESSIONS = {"GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "NONE": "none", "UNCOMPRESSED": "none"}
_DEFAULT_COMPRESSION = "GZIP"
_TABLE_PROPERTIES = {"format", "write_compression", "parquet_compression", "external_location", "partitioned_by",
                     "table_type", "is_external"}  # fmt: skip
_NOT_BUILT = {"bucketed_by", "bucket_count", "field_delimiter", "compression_level", "orc_compression", "location",
              "partitioning"}  # fmt: skip
# The types of partition keys whose values have one text.
_KEY_TYPES = {"varchar", "char", "boolean", "tinyint", "smallint", "integer", "bigint", "date", "decimal"}


@dataclass
class _Rows:
    """A query's rows, its columns named and typed as they are to be stored; the last are the partition keys."""

    names: list[str]
    kinds: list[Type]
    keys: int
    query: Query
    analysis: Analysis
    stats: ScanStatistics

    def columns(self) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
        """The columns of the table that they make, and its partition keys."""
        columns = tuple(Column(name, t.to_hive(kind)) for name, kind in zip(self.names, self.kinds, strict=True))
        place = len(columns) - self.keys
        return columns[:place], columns[place:]

    def read(self) -> pa.Table:
        """Runs the query. The columns have DuckDB's names still."""
        return run_planned(self.query, self.analysis, self.stats)


class Writer:
    """Carries out one statement."""

    def __init__(self, context: QueryContext) -> None:
        self.context = context
        self.ddl = Ddl(context)
        self.catalogue = Catalogue(context.glue)

    # --- the statements

    def create_table_as(self, name: Name, given: dict[str, Property], sql: str, with_data: bool) -> QueryResult:
        """https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html"""
        _check_properties(given, _TABLE_PROPERTIES, "table property")
        database, existing, full_name = self.ddl.find(name)
        if existing is not None:
            raise failure("TABLE_ALREADY_EXISTS", f"Table '{full_name}' already exists", 1, 1)
        if not self.catalogue.has_database(database):
            raise failure("NOT_FOUND", f"Schema {database} not found")
        keys = _names(given, "partitioned_by")
        rows = self._planned(sql, keys)
        compression = _compression(given, "write_compression", "parquet_compression")
        location = self._new_location(given, f"{database}.{name.name}")
        columns, partition_keys = rows.columns()
        properties = {"has_encrypted_data": "false", "parquet.compression": compression}
        created = table_input(
            NewTable(
                name=name,
                columns=columns,
                partition_keys=partition_keys,
                stored_as="PARQUET",
                location=location,
                properties={**properties, "trino_query_id": self.context.identifier},
            )
        )
        table = table_from_glue(database, created)
        count, partitions = self._write(rows, table, {}, compression) if with_data else (0, {})
        self.context.glue.create_table(DatabaseName=database, TableInput=created)
        self.ddl.create_partitions(self.catalogue.table(database, name.name) or table, partitions)
        return _written("DDL", "CREATE_TABLE_AS_SELECT", count, rows.stats)

    def insert(self, name: Name, columns: Sequence[str], sql: str) -> QueryResult:
        """https://docs.aws.amazon.com/athena/latest/ug/insert-into.html; without `columns` all are meant."""
        _, table, full_name = self.ddl.find(name)
        if table is None:
            raise failure("TABLE_NOT_FOUND", f"Table '{full_name}' does not exist", 1, 1)
        _check_insertable(table)
        rows = self._matched(table, columns, sql)
        existing = {p.values: p.storage.location for p in self.catalogue.partitions(table)} if rows.keys else {}
        named = {name.lower(): value for name, value in table.parameters.items()}
        given = next((named[n] for n in ("parquet.compression", "write.compression") if n in named), "")
        compression = given.upper() if given.upper() in _COMPRESSIONS else _DEFAULT_COMPRESSION
        count, partitions = self._write(rows, table, existing, compression)
        self.ddl.create_partitions(table, {v: place for v, place in partitions.items() if v not in existing})
        return _written("DML", "INSERT", count, rows.stats)

    def unload(self, sql: str, location: str, given: dict[str, Property]) -> QueryResult:
        """https://docs.aws.amazon.com/athena/latest/ug/unload.html"""
        _check_properties(given, {"format", "compression", "partitioned_by"}, "property")
        if "format" not in given:
            raise failure("INVALID_TABLE_PROPERTY", "UNLOAD needs the property 'format'")
        rows = self._planned(sql, _names(given, "partitioned_by"))
        if not rows.keys:
            # Where it writes partitions, the location may have some
            # (https://docs.aws.amazon.com/athena/latest/ug/unload.html#unload-syntax).
            self._check_empty(location, "UNLOAD")
        table = Table("", "", "", *rows.columns(), Storage(location), {}, "")
        count, _ = self._write(rows, table, {}, _compression(given, "compression"))
        return _written("DML", "UNLOAD", count, rows.stats)

    # --- the rows

    def _planned(self, sql: str, keys: Sequence[str]) -> _Rows:
        """The rows of a query that says how its columns are named, which are stored as they are."""
        stats = ScanStatistics(self.context.cancelled, self.context.bytes_scanned_cutoff)
        query, analysis = plan(sql, self.context, stats)
        columns = named_columns(query)
        names = [name for name, _ in columns]
        missing = [key for key in keys if key not in names]
        if missing:
            raise failure("INVALID_TABLE_PROPERTY", f"Partition columns {_listed(missing)} not present in schema")
        if keys and len(keys) == len(names):
            raise failure("INVALID_TABLE_PROPERTY", "Table contains only partition columns")
        if keys and names[-len(keys) :] != list(keys):
            raise failure(
                "HIVE_COLUMN_ORDER_MISMATCH",
                "Partition keys must be the last columns in the table and in the same order as the table properties: "
                f"{_listed(keys)}",
            )
        for name, kind in columns:
            _check_stored(name, kind)
        return _Rows(names, [kind for _, kind in columns], len(keys), query, analysis, stats)

    def _matched(self, table: Table, columns: Sequence[str], sql: str) -> _Rows:
        """The rows of INSERT's query as the table has them."""
        stats = ScanStatistics(self.context.cancelled, self.context.bytes_scanned_cutoff)
        stored = {c.name: t.parse_hive(c.type) for c in (*table.columns, *table.partition_keys)}
        wanted = list(columns) or list(stored)
        for name in wanted:
            if name not in stored:
                raise failure("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {name}", 1, 1)
            if wanted.count(name) > 1:
                raise failure("DUPLICATE_COLUMN_NAME", f"Insert column name is specified more than once: {name}", 1, 1)
        query, analysis = plan(sql, self.context, stats)
        given = [column.type for column in query.columns]
        if len(given) != len(wanted) or not all(map(_insertable, given, (stored[name] for name in wanted))):
            raise failure(
                "TYPE_MISMATCH",
                "Insert query has mismatched column types: "
                f"Table: {_listed(stored[name] for name in wanted)}, Query: {_listed(given)}",
                1,
                1,
            )
        items, named = [], []
        for place, (name, kind) in enumerate(stored.items()):
            _check_stored(name, kind)
            found = query.columns[wanted.index(name)] if name in wanted else None
            value = _assigned(found, kind) if found else f"CAST(NULL AS {to_duckdb(kind)})"
            named.append(OutputColumn(name, kind, f"$w{place}"))
            items.append(f'{value} AS "$w{place}"')
        matched = Query(f"SELECT {', '.join(items)} FROM ({query.sql})", named)
        return _Rows(list(stored), list(stored.values()), len(table.partition_keys), matched, analysis, stats)

    # --- the files

    def _new_location(self, given: dict[str, Property], name: str) -> str:
        """Where CREATE TABLE AS writes: an empty folder."""
        location = given.get("external_location")
        if location is None:
            return self.context.tables
        if not self.context.may_say_where:
            raise failure(
                "INVALID_TABLE_PROPERTY",
                "The Create Table As Select query failed because it was submitted with an 'external_location' property "
                "to an Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
                "'external_location' property and resubmit the query.",
            )
        self._check_empty(str(location), f"table '{name}'")
        return str(location)

    def _check_empty(self, location: str, what: str) -> None:
        bucket, prefix = split_location(location)
        if self.context.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]:
            raise failure("HIVE_PATH_ALREADY_EXISTS", f"Target directory for {what} already exists: {location}")

    def _write(
        self, rows: _Rows, table: Table, existing: dict[tuple[str, ...], str], compression: str
    ) -> tuple[int, dict[tuple[str, ...], str]]:
        """Writes a file for each partition: how many rows, and the partitions' locations."""
        found = rows.read()
        place = len(rows.names) - rows.keys
        parts: dict[tuple[str, ...], Any] = {(): None} if found.num_rows and not rows.keys else {}
        if rows.keys:
            texts = [_key_texts(found.column(i), rows.kinds[i]) for i in range(place, len(rows.names))]
            for number, values in enumerate(zip(*texts, strict=True)):
                parts.setdefault(values, []).append(number)
        if len(parts) > MOST_PARTITIONS:
            text = f"Exceeded limit of {MOST_PARTITIONS} open writers for partitions/buckets"
            raise failure("HIVE_TOO_MANY_OPEN_PARTITIONS", text)
        schema = pa.schema(
            [(n, to_arrow(k, named=True)) for n, k in zip(rows.names[:place], rows.kinds[:place], strict=True)]
        )
        data = found.select(range(place))
        locations = {}
        for values, numbers in parts.items():
            location = existing.get(values) or (default_location(table, values) if values else table.storage.location)
            self._put(location, data if numbers is None else data.take(numbers), schema, compression)
            locations[values] = location
        return found.num_rows, locations if rows.keys else {}

    def _put(self, location: str, data: pa.Table, schema: pa.Schema, compression: str) -> None:
        if self.context.cancelled.is_set():
            raise QueryCancelled
        bucket, prefix = split_location(location)
        # As Trino names them: when, which of the engine's queries, which of its files.
        name = f"{time.strftime('%Y%m%d_%H%M%S', time.gmtime())}_00000_{self.context.identifier[:5]}_{uuid.uuid4()}"
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(
            sink,
            schema,
            compression=_COMPRESSIONS[compression],
            use_deprecated_int96_timestamps=True,
            store_schema=False,
        ) as writer:
            for batch in data.combine_chunks().to_batches():
                # The same buffers under the stored names, also those of rows' fields.
                writer.write_batch(pa.ipc.read_record_batch(batch.serialize(), schema))
        self.context.written.append(f"s3://{bucket}/{prefix}{name}")
        body = sink.getvalue().to_pybytes()
        self.context.s3.put_object(Bucket=bucket, Key=prefix + name, Body=body, **self.context.encryption)


def _written(statement: str, substatement: str, count: int, stats: ScanStatistics) -> QueryResult:
    columns = [ResultColumn("rows", "bigint", 19)]
    return QueryResult(statement, substatement, columns, [], stats.bytes_scanned, written=count)


# --- properties


def _check_properties(given: dict[str, Property], known: set[str], what: str) -> None:
    for name, value in given.items():
        if name in _NOT_BUILT:
            raise not_supported(f"the {what} {name}")
        if name not in known:
            raise failure("INVALID_TABLE_PROPERTY", f"Catalog '{CATALOG}' {what} '{name}' does not exist", 1, 1)
        if isinstance(value, tuple) != (name == "partitioned_by") or isinstance(value, bool) != (name == "is_external"):
            raise failure("INVALID_TABLE_PROPERTY", f"Invalid value for {what} '{name}': {value}", 1, 1)
    for name, only in (("format", "PARQUET"), ("table_type", "HIVE"), ("is_external", "TRUE")):
        if str(given.get(name, only)).upper() != only:
            raise not_supported(f"the {what} {name} = {given[name]}")


def _names(given: dict[str, Property], name: str) -> list[str]:
    value = given.get(name, ())
    return [item.lower() for item in value] if isinstance(value, tuple) else []


def _compression(given: dict[str, Property], *names: str) -> str:
    chosen = [str(given[name]).upper() for name in names if name in given]
    if len(chosen) > 1:
        # https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html#ctas-table-properties
        raise failure("INVALID_TABLE_PROPERTY", f"Only one of {', '.join(names)} may be given", 1, 1)
    if chosen and chosen[0] not in _COMPRESSIONS:
        raise not_supported(f"the compression {chosen[0]}")
    return chosen[0] if chosen else _DEFAULT_COMPRESSION


# --- types


def _check_insertable(table: Table) -> None:
    if table.is_view:
        raise not_supported("Inserting into views is not supported", 1, 1)
    descriptor = table.raw.get("StorageDescriptor") or {}
    if table.storage.serde != PARQUET_SERDE:
        raise not_supported(f"INSERT INTO a table of the SerDe {table.storage.serde}")
    if descriptor.get("BucketColumns"):
        # https://docs.aws.amazon.com/athena/latest/ug/insert-into.html#insert-into-bucketed-tables-not-supported
        raise not_supported("INSERT INTO is not supported on bucketed tables")
    if table.parameters.get("projection.enabled", "").lower() == "true":
        raise not_supported("INSERT INTO a table with partition projection")


def _check_stored(name: str, kind: Type) -> None:
    """NOT_SUPPORTED for a type that a table of Hive's cannot have."""
    for part in re.findall(r"timestamp\(\d+\)(?! with)", str(kind)):
        if part != str(t.TIMESTAMP):
            text = f"Incorrect timestamp precision for {part}; the configured precision is MILLISECONDS"
            raise not_supported(f"{text}; column name: {name}")
    try:
        t.to_hive(kind)
    except ValueError as error:
        raise not_supported(f"Unsupported Hive type: {kind}") from error


def _insertable(given: Type, wanted: Type) -> bool:
    return t.coercible(given, wanted) or (given.is_text and wanted.is_text)


def _assigned(column: OutputColumn, kind: Type) -> str:
    """SQL of a value as the table's type; a text is never cut short."""
    value = Expr(quote(column.sql_name), column.type)
    if t.coercible(value.type, kind):
        return coerce(value, kind).sql
    text = f"'Cannot truncate non-space characters when casting from {value.type} to {kind} on INSERT'"
    return (
        f"CASE WHEN length(rtrim({value.sql}, ' ')) > {kind.args[0]} "
        f"THEN {fail_sql('INVALID_CAST_ARGUMENT', text, 'VARCHAR')} ELSE {cast_sql(value, kind)} END"
    )


def _key_texts(column: pa.ChunkedArray, kind: Type) -> list[str]:
    """The values of a partition key as Hive names them."""
    if kind.name not in _KEY_TYPES:
        raise not_supported(f"a partition key of type {kind}")
    texts = [text or DEFAULT_PARTITION for text in column_texts(column, kind)]
    odd = next((text for text in texts if not re.fullmatch("[ -~]*", text)), None)
    if odd is not None:
        raise failure(
            "HIVE_INVALID_PARTITION_VALUE",
            "Hive partition keys can only contain printable ASCII characters (0x20 - 0x7E). Invalid value: "
            f"{odd.encode().hex(' ').upper()}",
        )
    return texts


def _listed(items: Any) -> str:
    return f"[{', '.join(map(str, items))}]"
