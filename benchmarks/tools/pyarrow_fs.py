"""pyarrow from S3 to S3: its own file system, open_csv and ParquetWriter, batch by batch. No ledger, no catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from benchmarks.tools.arrow_types import convert_options

_GROUP_BYTES = 32 << 20


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    store = pafs.S3FileSystem(
        endpoint_override=endpoint.netloc, scheme=endpoint.scheme, region=os.environ["AWS_DEFAULT_REGION"]
    )
    options = convert_options(task["columns"])

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        rows = 0
        with (
            store.open_input_stream(source.removeprefix("s3://")) as stream,
            pacsv.open_csv(stream, convert_options=options) as reader,
            store.open_output_stream(target.removeprefix("s3://")) as out,
            pq.ParquetWriter(out, reader.schema, compression="zstd") as writer,
        ):
            waiting: list[Any] = []
            size = 0

            def flush() -> None:
                writer.write_table(pa.Table.from_batches(waiting, reader.schema))
                waiting.clear()

            for batch in reader:
                waiting.append(batch)
                rows += batch.num_rows
                size += batch.nbytes
                if size >= _GROUP_BYTES:
                    flush()
                    size = 0
            if waiting:
                flush()
        return rows, 0

    return convert
