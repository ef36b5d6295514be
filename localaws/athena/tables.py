"""Scanning a table: which partitions, which files, which columns, in which order, at what cost.

A scan is handed to DuckDB as an Arrow dataset whose scanner is ours. DuckDB's optimizer decides which columns and which
simple filters reach it; predicates over partition keys that are more than a comparison are found in the optimised plan.
Only partitions registered in Glue (or projected, where the table says so) are read.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from sqlglot import exp

from localaws.athena import duck, parquet, projection, text
from localaws.athena import types as t
from localaws.athena.catalogue import DEFAULT_PARTITION, Catalogue, Partition, Storage, Table, partition_name
from localaws.athena.errors import QueryCancelled, failure, not_supported, scan_limit_exceeded
from localaws.athena.objects import READ_WHOLE, DataFile, Objects
from localaws.athena.parquet import Wanted
from localaws.athena.syntax import Node
from localaws.athena.types import Type, to_arrow, to_duckdb

PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_HIDDEN: list[tuple[str, Type]] = [
    ("$path", t.VARCHAR),
    ("$file_size", t.BIGINT),
    ("$file_modified_time", t.TIMESTAMP_TZ),
]
_READERS = ThreadPoolExecutor(8, thread_name_prefix="athena-scan")
_AHEAD = 24
_GATHER_ROWS = 65_536


@dataclass
class ScanStatistics:
    """What a query read, and when it must stop. Shared by its scans."""

    cancelled: threading.Event
    cutoff: int | None
    bytes_scanned: int = 0
    error: BaseException | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        """Counts bytes; raises QueryFailed once the cutoff is passed."""
        with self._lock:
            self.bytes_scanned += count
            total = self.bytes_scanned
        if self.cutoff is not None and total > self.cutoff:
            raise scan_limit_exceeded(self.cutoff)

    def check(self) -> None:
        """Raises QueryCancelled once the query was stopped."""
        if self.cancelled.is_set():
            raise QueryCancelled


@dataclass(frozen=True)
class _Part:
    """A partition to read: its key values and where its files are."""

    values: tuple[Any, ...]
    storage: Storage
    name: str = ""


class _Dataset(ds.InMemoryDataset):  # type: ignore[misc]  # pyarrow has no types
    """What DuckDB sees: a dataset of the scan's schema whose scanner calls back."""

    def __new__(cls, schema: pa.Schema, on_scan: Callable[..., Any]) -> _Dataset:
        made: _Dataset = super().__new__(cls)
        return made

    def __init__(self, schema: pa.Schema, on_scan: Callable[..., Any]) -> None:
        super().__init__(schema.empty_table())
        self._on_scan = on_scan

    def scanner(self, columns: list[str] | None = None, filter: pc.Expression | None = None, **_: Any) -> Any:
        return self._on_scan(columns, filter)


class TableScan:
    """One reference to a table in a query."""

    def __init__(
        self, table: Table, number: int, catalogue: Catalogue, objects: Objects, stats: ScanStatistics
    ) -> None:
        self.table = table
        self.name = f"scan_{number}"
        self.catalogue = catalogue
        self.objects = objects
        self.stats = stats
        self.predicates: list[Node] = []
        typed = [(c.name, _column_type(table, c.name, c.type)) for c in (*table.columns, *table.partition_keys)]
        # Plain names, and different ones in every scan: the plan names columns, not scans.
        self.columns = [(name, kind, f"s{number}_c{i}") for i, (name, kind) in enumerate(typed)]
        self.hidden = [
            (name, kind, f"s{number}_h{i}") for i, (name, kind) in enumerate(_HIDDEN) if name not in dict(typed)
        ]
        self.data_columns = [Wanted(*column) for column in self.columns[: len(table.columns)]]
        self.keys = self.columns[len(table.columns) :]
        self._row = f"s{number}_row"
        if table.partition_keys:
            self.hidden.append(("$partition", t.VARCHAR, f"s{number}_h{len(_HIDDEN)}"))
        names = [name for name, _ in typed]
        if len(set(names)) != len(names):
            raise failure(
                "HIVE_INVALID_METADATA",
                f"Hive metadata for table {table.name} is invalid: Table descriptor contains duplicate columns",
            )

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes the scan known to a DuckDB connection under its name."""
        connection.register(self.name, _Dataset(self.schema, self._scan))

    @property
    def key_labels(self) -> list[str]:
        """The DuckDB names of the partition keys."""
        return [label for _, _, label in self.keys]

    @functools.cached_property
    def schema(self) -> pa.Schema:
        # DuckDB reads the first column for count(*), so the first one costs nothing.
        fields = [pa.field(self._row, pa.bool_())]
        for _, kind, label in (*self.columns, *self.hidden):
            fields.append(pa.field(label, pa.timestamp("us", "UTC") if kind == t.TIMESTAMP_TZ else to_arrow(kind)))
        return pa.schema(fields)

    # --- partitions

    def _parts(self) -> list[_Part]:
        if not self.keys:
            return [_Part((), self.table.storage)]
        if self.table.parameters.get("projection.enabled", "").lower() == "true":
            found = projection.partitions(
                self.table, [(name, kind) for name, kind, _ in self.keys], self._named_predicates()
            )
        else:
            found = self.catalogue.partitions(self.table, self._glue_expression())
            for partition in found:
                self._check_partition_schema(partition)
        return self._prune(found)

    def _glue_expression(self) -> str | None:
        """The predicates that are equalities over text keys, as a filter for Glue, which then lists few partitions."""
        text_keys = {label: name for name, kind, label in self.keys if kind == t.VARCHAR}
        parts = []
        for predicate in self.predicates:
            node = predicate.unnest()
            if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Literal) and node.expression.is_string:
                name, value = text_keys.get(node.this.name), node.expression.name
                if isinstance(node.this, exp.Column) and name and re.fullmatch(r"[\w. :-]+", value, re.ASCII):
                    parts.append(f"{name}='{value}'")
        return " AND ".join(parts) or None

    def _prune(self, found: list[Partition]) -> list[_Part]:
        """The partitions whose key values satisfy the predicates, in the order they came."""
        if not found:
            return []
        keys = [(name, kind) for name, kind, _ in self.keys]
        values = [typed_values([p.values[i] for p in found], *key) for i, key in enumerate(keys)]
        rows = pa.table([*values, pa.array(range(len(found)))], names=[*self.key_labels, "place"])
        kept = set(range(len(found)))
        if self.predicates:
            with duck.cursor() as scratch:
                scratch.register("partitions", rows)
                for predicate in self.predicates:
                    try:
                        chosen = scratch.sql(f"SELECT place FROM partitions WHERE {predicate.sql('duckdb')}").fetchall()
                    except duckdb.Error:
                        # It fails for some value, or needs more than the keys: the query itself applies it.
                        continue
                    kept &= {row[0] for row in chosen}
        columns = [column.to_pylist() for column in values]
        return [
            _Part(tuple(column[i] for column in columns), found[i].storage, partition_name(self.table, found[i].values))
            for i in sorted(kept)
        ]

    def _check_partition_schema(self, partition: Partition) -> None:
        own = {column.name: column.type for column in partition.storage.columns}
        for column in self.table.columns:
            declared = own.get(column.name)
            if declared is None or declared.lower() == column.type.lower():
                continue
            if not _convertible(declared, column.type):
                label = "/".join(f"{k}={v}" for (k, _, _), v in zip(self.keys, partition.values, strict=True))
                raise failure(
                    "HIVE_PARTITION_SCHEMA_MISMATCH",
                    "There is a mismatch between the table and partition schemas. The types are incompatible and "
                    f"cannot be coerced. The column '{column.name}' in table "
                    f"'{self.table.database}.{self.table.name}' is declared as type '{column.type}', but "
                    f"partition '{label}' declared column '{column.name}' as type '{declared}'.",
                )

    # --- reading

    def _scan(self, columns: list[str] | None, filter_: pc.Expression | None) -> SimpleNamespace:
        """A scanner, of which DuckDB wants a stream of batches alone."""
        names = columns if columns is not None else self.schema.names
        schema = pa.schema([self.schema.field(name) for name in names])
        return SimpleNamespace(
            to_reader=lambda: pa.RecordBatchReader.from_batches(schema, self._guarded(names, filter_))
        )

    def _guarded(self, names: list[str], filter_: pc.Expression | None) -> Iterator[pa.RecordBatch]:
        """The scan's batches. DuckDB turns an exception into text, so the exception is kept in the statistics."""
        try:
            for table in self._gathered(self._with_filtered(names, filter_), filter_):
                yield from table.select(names).combine_chunks().to_batches()
        except BaseException as error:
            if self.stats.error is None and not isinstance(error, GeneratorExit):
                self.stats.error = error
            raise

    def _with_filtered(self, names: list[str], filter_: pc.Expression | None) -> pa.Schema:
        """The columns asked for and those that the filter names. Arrow names the latter only when it misses them."""
        chosen = list(names)
        while True:
            schema = pa.schema([self.schema.field(name) for name in chosen])
            try:
                if filter_ is not None:
                    schema.empty_table().filter(filter_)
                return schema
            except pa.ArrowInvalid as error:
                text_ = str(error)
                missing = [
                    n for n in self.schema.names if n not in chosen and f"FieldRef.Name({n})" in text_.split(" in ")[0]
                ]
                if not missing:
                    raise
                chosen += missing

    def _gathered(self, schema: pa.Schema, filter_: pc.Expression | None) -> Iterator[pa.Table]:
        """Small batches put together and filtered: a partition's file may hold a handful of rows."""
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in self._batches(schema, filter_):
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= _GATHER_ROWS:
                yield _filtered(waiting, schema, filter_)
                waiting, rows = [], 0
        if waiting:
            yield _filtered(waiting, schema, filter_)

    def _batches(self, schema: pa.Schema, filter_: pc.Expression | None) -> Iterator[pa.RecordBatch]:
        self.stats.check()
        parts = self._parts()
        listed = self.objects.files(part.storage.location for part in parts)
        work = [(part, file) for part in parts for file in listed[part.storage.location]]
        wanted = [column for column in self.data_columns if column.label in schema.names]
        pending: list[Future[list[pa.RecordBatch]] | Iterator[pa.RecordBatch]] = []
        remaining = iter(work)

        def submit() -> None:
            following = next(remaining, None)
            if following is None:
                return
            reading = self._read(*following, wanted, schema, filter_)
            # Small files are read ahead in threads; a large one batch by batch, so that it is never held whole.
            small = following[1].size <= READ_WHOLE
            pending.append(_READERS.submit(list, reading) if small else reading)

        for _ in range(_AHEAD):
            submit()
        try:
            while pending:
                first = pending.pop(0)
                yield from first.result() if isinstance(first, Future) else first
                self.stats.check()
                submit()
        finally:
            for waiting in pending:
                if isinstance(waiting, Future):
                    waiting.cancel()

    def _read(
        self, part: _Part, file: DataFile, wanted: list[Wanted], schema: pa.Schema, filter_: pc.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        self.stats.check()
        for batch, cost in self._file(part, file, wanted, filter_):
            self.stats.add(cost)
            self.stats.check()
            yield self._completed(batch, part, file, schema)

    def _file(
        self, part: _Part, file: DataFile, wanted: list[Wanted], filter_: pc.Expression | None
    ) -> Iterator[tuple[pa.RecordBatch, int]]:
        serde = part.storage.serde or self.table.storage.serde
        if serde == PARQUET_SERDE:
            return parquet.read(self.objects, file, wanted, filter_, self.schema)
        if serde in (text.OPEN_CSV, text.LAZY_SIMPLE):
            return text.read(self.objects, file, part.storage, self.table.parameters, self.data_columns, wanted)
        raise not_supported(f"Deserializer {serde or 'of table ' + self.table.name}")

    def _completed(self, batch: pa.RecordBatch, part: _Part, file: DataFile, schema: pa.Schema) -> pa.RecordBatch:
        """A file's batch with its partition's and file's constants, in the scan's order."""
        known: dict[str, Any] = {
            "$path": file.uri,
            "$file_size": file.size,
            "$file_modified_time": file.modified * 1000,
            "$partition": part.name,
        }
        constants: dict[str, Any] = {label: known[name] for name, _, label in self.hidden}
        constants.update(zip(self.key_labels, part.values, strict=True))
        arrays = []
        for wanted in schema:
            if wanted.name == self._row:
                arrays.append(pa.nulls(batch.num_rows, pa.bool_()))
            elif wanted.name in constants:
                arrays.append(pa.repeat(pa.scalar(constants[wanted.name], wanted.type), batch.num_rows))
            else:
                arrays.append(batch.column(wanted.name))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _named_predicates(self) -> list[Node]:
        """The predicates over partition keys, under the keys' own names."""
        names = {label: name for name, _, label in self.keys}
        named = [predicate.copy() for predicate in self.predicates]
        for column in (column for predicate in named for column in predicate.find_all(exp.Column)):
            column.this.set("this", names[column.name])
        return named


def _filtered(batches: list[pa.RecordBatch], schema: pa.Schema, filter_: pc.Expression | None) -> pa.Table:
    table = pa.Table.from_batches(batches, schema)
    return table if filter_ is None else table.filter(filter_)


def _column_type(table: Table, name: str, text_: str) -> Type:
    try:
        return t.parse_hive(text_)
    except ValueError as error:
        raise failure("HIVE_INVALID_METADATA", f"column {name} of {table.full_name}: {error}") from error


def typed_values(texts: list[str], name: str, kind: Type) -> pa.Array:
    """Values of a partition key in its type; HIVE_INVALID_PARTITION_VALUE when one is not of that type."""
    given = pa.array([None if text_ == DEFAULT_PARTITION else text_ for text_ in texts], pa.string())
    if kind.name == "varchar":
        return given
    with duck.cursor() as scratch:
        scratch.register("texts", pa.table({"x": given}))
        values = scratch.sql(f"SELECT TRY_CAST(x AS {to_duckdb(kind)}) AS x FROM texts").to_arrow_table()["x"]
    wrong = given.filter(pc.and_(values.combine_chunks().is_null(), given.is_valid()))
    if len(wrong):
        raise failure(
            "HIVE_INVALID_PARTITION_VALUE", f"Invalid partition value '{wrong[0]}' for {kind} partition key: {name}"
        )
    return values.combine_chunks().cast(to_arrow(kind))


_WIDENING = {
    ("tinyint", "smallint"), ("tinyint", "integer"), ("tinyint", "bigint"), ("smallint", "integer"),
    ("smallint", "bigint"), ("integer", "bigint"), ("real", "double"), ("varchar", "varchar"), ("char", "char"),
    ("decimal", "decimal"), ("integer", "varchar"), ("bigint", "varchar"), ("smallint", "varchar"),
    ("tinyint", "varchar"), ("date", "varchar"), ("timestamp", "varchar"), ("varchar", "char"),
}  # fmt: skip


def _convertible(declared: str, expected: str) -> bool:
    """Whether Hive converts a partition's declared type to the table's."""
    try:
        source, target = t.parse_hive(declared), t.parse_hive(expected)
    except ValueError:
        return False
    return source == target or (source.name, target.name) in _WIDENING
