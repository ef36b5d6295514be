"""Our conversion of an export, from disk to disk, as the engine calls it: checksums and counts are checked."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

from benchmarks.exports import FLATTENED, KEY, ORDERS
from benchmarks.tools.lakelanes import FileSink
from lakelanes.config.model import Table
from lakelanes.tables.convert import convert_files
from lakelanes.tables.manifests import DataFile


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    schema = [{"name": name, "type": text, "attribute": FLATTENED.get(name, name)} for name, text in ORDERS.items()]
    table = Table.model_validate({"dynamodb_table": "orders", "table_name": "orders", "keys": [KEY], "schema": schema})
    files = [DataFile("bench", each["path"], each["itemCount"], each["md5Checksum"]) for each in task["files"]]

    def open_target(number: int) -> FileSink:
        return FileSink(os.path.join(task["target"], f"{number:05d}.parquet"))

    def convert_all() -> list[tuple[int, int]]:
        rows = convert_files(table, None, files, lambda file: io.FileIO(file.key), open_target)
        return [(count, 0) for count in rows.values()]

    return convert_all
