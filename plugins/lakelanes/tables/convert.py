"""Converts an export's data files to change rows in Parquet: several files at once, a thread each, in constant memory.

Which data files become which Parquet file follows from the manifest alone, and so does its key: converting an export
again replaces the same objects.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lakelanes.aws.storage import ObjectReader, ObjectWriter, written_object
from lakelanes.config.model import Table
from lakelanes.convert.errors import ConversionError
from lakelanes.convert.sink import Sink
from lakelanes.convert.writer import TableWriter
from lakelanes.errors import ExportDataError
from lakelanes.tables.changes import change_schema
from lakelanes.tables.data_files import DataReader, OpenData
from lakelanes.tables.manifests import DataFile, ExportManifest
from lakelanes.tables.scanner import LineError, Scanner

# DynamoDB writes many small files; a Parquet file of some ten megabytes is what Athena reads well.
ITEMS_PER_FILE = 50_000
# More threads than this hold more memory than they are worth: each has a block, a row group and an upload's parts.
_MOST_THREADS = 4

OpenChanges = Callable[[int], Sink]


@dataclass(frozen=True)
class ChangeFile:
    """A Parquet file of change rows."""

    uri: str
    rows: int
    etag: str
    size: int


def convert_export(
    s3: Any, export: ExportManifest, table: Table, bucket: str, folder: str, *, threads: int | None = None
) -> list[ChangeFile]:
    """Converts the export into `<folder><export id>-<number>.parquet` and returns what was written; nothing for an
    export without items.

    folder: of the partition, with a slash at the end. Raises ExportDataError, naming file and line, when the export is
    of another table or differs from its manifests. Files that were complete by then stay, and the next attempt replaces
    them.
    """
    if not export.table_arn.endswith(f":table/{table.dynamodb_table}"):
        raise ExportDataError(export.arn, f"it is of {export.table_arn}, expected table {table.dynamodb_table}")
    writers: dict[int, ObjectWriter] = {}

    def open_data(file: DataFile) -> ObjectReader:
        return ObjectReader(s3, file.bucket, file.key)

    def open_changes(number: int) -> ObjectWriter:
        key = f"{folder}{export.export_id}-{number:05d}.parquet"
        there = written_object(s3, bucket, key)
        writers[number] = ObjectWriter(s3, bucket, key, expected_etag=there.etag if there else None)
        return writers[number]

    rows = convert_files(table, export.export_micros, export.files, open_data, open_changes, threads=threads)
    return [
        ChangeFile(writer.uri, rows[number], str(writer.etag), writer.size)
        for number, writer in sorted(writers.items())
    ]


def convert_files(
    table: Table,
    export_micros: int | None,
    files: Sequence[DataFile],
    open_data: OpenData,
    open_changes: OpenChanges,
    *,
    threads: int | None = None,
) -> dict[int, int]:
    """Converts data files into numbered Parquet files; returns how many rows each has.

    export_micros: time of a full export in microseconds since 1970-01-01 UTC; None for an incremental one.
    """
    groups = dict(enumerate(grouped(files)))
    count = threads or min(os.cpu_count() or 1, _MOST_THREADS)
    with ThreadPoolExecutor(max(1, min(count, len(groups))), thread_name_prefix="export-convert") as pool:
        started = {
            number: pool.submit(_convert_group, table, export_micros, group, open_data, open_changes, number)
            for number, group in groups.items()
        }
        try:
            rows = {number: future.result() for number, future in started.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if (found := sum(rows.values())) != (wanted := sum(file.items for file in files)):
        raise ConversionError(f"{found} rows were made of {wanted} items")
    return {number: count for number, count in rows.items() if count}


def grouped(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """The data files of each Parquet file, in the manifest's order: until they have ITEMS_PER_FILE items."""
    group: list[DataFile] = []
    for file in files:
        group.append(file)
        if sum(each.items for each in group) >= ITEMS_PER_FILE:
            yield group
            group = []
    if group:
        yield group


def _convert_group(
    table: Table,
    export_micros: int | None,
    files: Sequence[DataFile],
    open_data: OpenData,
    open_changes: OpenChanges,
    number: int,
) -> int:
    scanner = Scanner(table, export_micros)
    writer = TableWriter(lambda: open_changes(number), change_schema(table))
    rows = 0
    try:
        for file in files:
            reader = DataReader(file, open_data)
            for data, length in reader.blocks():
                try:
                    batches, lines = scanner.scan(data, length)
                except LineError as error:
                    raise ExportDataError(file.uri, error.reason, reader.lines + error.line + 1) from None
                made = sum(batch.num_rows for batch in batches)
                if made != lines:
                    raise ConversionError(f"{file.uri}: {made} rows were made of {lines} lines")
                for batch in batches:
                    writer.write(batch)
                reader.lines += lines
                rows += lines
        if rows:
            writer.close()
    except BaseException:
        writer.abort()
        raise
    return rows
