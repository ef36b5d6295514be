"""DuckDB: COPY from read_csv with every type given; with store_rejects where a file has bad rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

_TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "smallint": "SMALLINT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    types = {name: _TYPES.get(text, text.upper()) for name, text in task["columns"].items()}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    reading = f"columns = {{{columns}}}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"'"
    reading += ", nullstr = '', allow_quoted_nulls = false"
    if task["gzip"]:
        reading += ", compression = 'gzip'"
    database = duckdb.connect()
    # Faster, and in less memory; the order of rows is not compared.
    database.execute("SET preserve_insertion_order = false")

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        with database.cursor() as cursor:
            store = ", store_rejects = true" if task["bad"] else ""
            keys, divided = "", ""
            if by := task.get("partition_by"):
                forms = {"year": "%Y", "month": "%m", "day": "%d"}
                keys = "".join(f", strftime({by}, '{form}') AS {name}" for name, form in forms.items())
                divided = f", PARTITION_BY ({', '.join(forms)})"
            written = cursor.execute(
                f"COPY (SELECT *{keys} FROM read_csv('{source}', {reading}{store})) "
                f"TO '{target}' (FORMAT parquet, COMPRESSION zstd{divided})"
            ).fetchone()
            rejected = None
            if task["bad"]:
                # What our rejects table says too: where, which column, why, and the row itself.
                cursor.execute(
                    "COPY (SELECT line, column_name, error_type, error_message, csv_line FROM reject_errors) "
                    f"TO '{rejects}' (FORMAT parquet, COMPRESSION zstd)"
                )
                rejected = cursor.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
        return (written[0] if written else 0), (rejected[0] if rejected else 0)

    return convert
