"""What convert() is given, in groups: the source, the destination, the table, and how the work is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import pyarrow as pa

from lakelanes.convert.blocks import BLOCK_BYTES
from lakelanes.convert.cast import Judge
from lakelanes.convert.dialect import RFC_4180, Dialect
from lakelanes.convert.partition_reader import PartitionReader
from lakelanes.convert.partitioned import PartitionedTarget
from lakelanes.convert.policy import LoadPolicy, variant_name
from lakelanes.convert.read_ahead import Workers
from lakelanes.convert.row_groups import ROW_GROUP_BYTES
from lakelanes.convert.schema import table_schema
from lakelanes.convert.sink import OpenSink
from lakelanes.convert.source import Readable
from lakelanes.convert.writer import DEFAULT_SETTINGS, ParquetSettings
from lakelanes.types import HiveType


def threads_for_one_file() -> int:
    """The threads for a file that the process has to itself: one per core, within what memory allows."""
    return max(2, min(os.cpu_count() or 1, 4))


class Column(Protocol):
    """A column of the table; lakelanes.config.Column is one.

    An attribute `header`, where there is one and it is not None, is the column's name in the header of the files.
    `value_settings`, where there is one, are the settings of the dialect that the column has of its own (see
    lakelanes.convert.dialect.COLUMN_SETTINGS), and `required`, whether a null in it makes a row a bad one.
    """

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> HiveType: ...


@dataclass(frozen=True)
class Source:
    """A CSV file.

    open: opens its bytes for reading, plain or packed (gzip, bzip2, zstandard, zip); called once more when the file is
    refused, and when the table turns out to grow after a part of the target was written.
    name: what rejected rows carry as their source_file. dialect: how the file is written.
    """

    open: Callable[[], Readable]
    name: str
    dialect: Dialect = RFC_4180


@dataclass(frozen=True)
class Destination:
    """Where the rows go.

    open_target, open_rejects: open the sinks of the two Parquet files. The target is always written, even without a
    row (an empty file, or one of only a header); the rejects only when there are any. A sink is closed to commit it,
    the rejects first; when anything fails both are aborted. Of several that are opened one at most is closed. With a
    PartitionedTarget there is a target per partition that has rows, and when one fails those before it have been
    committed.
    stamp: goes into the footer of every file (Parquet's key-value metadata), so that files of equal rows and unequal
    stamps are unequal bytes.
    """

    open_target: OpenSink | PartitionedTarget
    open_rejects: OpenSink
    stamp: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetTable:
    """The table that the rows are for.

    columns: the table's, in its order; the file's may come in any order and are matched by name, unless the dialect
    says that there is no header.
    sort_by: columns by which the rows of each row group are sorted; none of them nested.
    partition_keys: names that no column may have which the table gains.
    add_columns: called with the columns that the target has beyond the table's, name -> Hive type, if there are any,
    before the sinks are closed; what it raises is raised by convert(), and nothing is committed.
    """

    columns: Sequence[Column]
    sort_by: Sequence[str] = ()
    partition_keys: Sequence[str] = ()
    add_columns: Callable[[Mapping[str, str]], object] = lambda columns: None


@dataclass(frozen=True)
class Tuning:
    """How the work is done. None of it changes the rows of the result.

    threads: how many parse and encode, for one large file; 1 does all in turn in the calling thread, for many files at
    once.
    fast: False reads every column the careful way. block_bytes: what is parsed at a time. row_group_bytes: Arrow data
    of a row group. parquet: how columns are stored; see writer.
    """

    threads: int = 2
    fast: bool = True
    block_bytes: int = BLOCK_BYTES
    row_group_bytes: int = ROW_GROUP_BYTES
    parquet: ParquetSettings = DEFAULT_SETTINGS


@dataclass(frozen=True)
class Task:
    """All that convert() was given, and what follows from it. workers: where its tuning has several threads."""

    source: Source
    destination: Destination
    table: TargetTable
    policy: LoadPolicy
    tuning: Tuning
    workers: Workers | None = None

    @contextmanager
    def with_workers(self) -> Generator[Task]:
        """The same task with the threads of its tuning, which have ended afterwards."""
        if self.tuning.threads == 1:
            yield self
            return
        with Workers(self.tuning.threads) as workers:
            yield replace(self, workers=workers)

    @cached_property
    def columns(self) -> list[tuple[str, HiveType]]:
        return [(column.name, column.type) for column in self.table.columns]

    @cached_property
    def headers(self) -> list[str]:
        """What the columns are called in files."""
        return [getattr(column, "header", None) or column.name for column in self.table.columns]

    @cached_property
    def judges(self) -> list[Judge]:
        """What the texts of each column mean."""
        dialect = self.source.dialect
        return [
            Judge(
                column.type,
                dialect.of_column(getattr(column, "value_settings", {})),
                required=getattr(column, "required", False),
                columns=len(self.table.columns),
            )
            for column in self.table.columns
        ]

    @cached_property
    def required(self) -> frozenset[str]:
        """What the columns are called in files which may hold no null."""
        judged = zip(self.headers, self.judges, strict=True)
        return frozenset(header for header, judge in judged if judge.required)

    @cached_property
    def partitions(self) -> PartitionReader | None:
        """What finds the partition of each row; None for a file that is of one partition as a whole."""
        target = self.destination.open_target
        return target.reader() if isinstance(target, PartitionedTarget) else None

    @cached_property
    def schema(self) -> pa.Schema:
        """What the target has of any file."""
        return table_schema(self.columns, self.policy.schema, numbered=self.partitions is not None)

    @cached_property
    def variants(self) -> list[str]:
        """The variant columns that the table may gain, in the order of their columns."""
        if self.policy.schema.type_misfits != "evolve":
            return []
        return [variant_name(name) for name, kind in self.columns if kind.kind != "string"]

    def grown(self, schema: pa.Schema, wider: pa.Schema) -> pa.Schema:
        """The fields of both, variant columns last."""
        known = set(schema.names)
        fields = [*schema, *(wanted for wanted in wider if wanted.name not in known)]
        order = {name: place for place, name in enumerate(self.variants)}
        return pa.schema(sorted(fields, key=lambda wanted: order.get(wanted.name, -1)))
