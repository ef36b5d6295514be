"""The DuckDB database that runs translated queries: one for the process, one cursor for each query.

It reads nothing but what is registered with it (no files, no network, no extensions). Where DuckDB has
no function that does what Trino's does, a macro or a Python function over Arrow arrays is added here, named `t_...`.
"""

from __future__ import annotations

import functools
import json
import re
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from localaws.athena import jsonpath
from localaws.athena.values import java_double, java_float

_MARK = "@@"
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "preserve_insertion_order": "true",
}

# A failing CAST raises at run time and, unlike error(), works inside TRY.
_MACROS = f"""
CREATE MACRO t_fail(message) AS CAST(CAST('{_MARK}' || message || '{_MARK}' AS INTEGER) AS VARCHAR);
CREATE MACRO t_round_ms(x) AS make_timestamp(epoch_us(x) + 500 - (((epoch_us(x) + 500) % 1000) + 1000) % 1000);
CREATE MACRO t_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);
CREATE MACRO t_div_half_up(n, d) AS
    CASE WHEN d = 0 THEN CAST(t_fail('DIVISION_BY_ZERO: Division by zero') AS HUGEINT)
    ELSE (abs(n) // nullif(abs(d), 0) + CASE WHEN abs(n) % nullif(abs(d), 0) >= abs(d) - abs(n) % nullif(abs(d), 0)
          THEN 1 ELSE 0 END)
         * CASE WHEN (n < 0) <> (d < 0) THEN -1 ELSE 1 END END;
CREATE MACRO t_substr(x, start) AS
    CASE WHEN start > 0 THEN substr(x, start) WHEN start = 0 OR -start > length(x) THEN '' ELSE substr(x, start) END;
CREATE MACRO t_substr3(x, start, size) AS
    CASE WHEN size <= 0 OR start = 0 OR -start > length(x) THEN '' WHEN start > 0 THEN substr(x, start, size)
    ELSE substr(x, start + length(x) + 1, size) END;
CREATE MACRO t_split_part(x, delimiter, i) AS
    CASE WHEN i < 1
    THEN t_fail('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero')
    ELSE string_split(x, delimiter)[i] END;
"""

_lock = threading.Lock()
_database: duckdb.DuckDBPyConnection | None = None


def cursor() -> duckdb.DuckDBPyConnection:
    """A connection of its own to the process's database; close it after the query."""
    global _database
    with _lock:
        if _database is None:
            _database = _open()
        connection = _database.cursor()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _open() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_SETTINGS)
    connection.execute(_MACROS)
    for name, (function, parameters, result) in _FUNCTIONS.items():
        connection.create_function(name, function, list(parameters), result, type=ARROW, null_handling=SPECIAL)
    return connection


def fail_sql(code: str, text_sql: str, duckdb_type: str) -> str:
    """SQL that raises `code: text` when it is evaluated; `text_sql` is a SQL string expression."""
    return f"CAST(t_fail('{code}: ' || {text_sql}) AS {duckdb_type})"


def marked_failure(message: str) -> str | None:
    """The `CODE: text` that `t_fail` or a Python function raised, from DuckDB's error text."""
    found = re.search(f"{_MARK}(.*?){_MARK}", message, re.DOTALL)
    return found.group(1) if found else None


def _rowwise(function: Callable[..., Any], kind: pa.DataType, arity: int) -> Callable[..., pa.Array]:
    """The function over Arrow arrays that calls one over Python values for each row; a NULL argument gives NULL."""

    def vectorised(*columns: Any) -> pa.Array:
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        return pa.array([None if None in row else function(*row) for row in rows], type=kind)

    # DuckDB asks the function for its number of parameters.
    if arity == 1:
        return lambda a: vectorised(a)
    if arity == 2:
        return lambda a, b: vectorised(a, b)
    return lambda a, b, c: vectorised(a, b, c)


def _marked(code: str, text: str) -> ValueError:
    """What a Python function raises to fail the query with `code: text`."""
    return ValueError(f"{_MARK}{code}: {text}{_MARK}")


def _json_parse(text: str) -> str:
    try:
        return jsonpath.canonical(text)
    except ValueError as error:
        raise _marked("INVALID_FUNCTION_ARGUMENT", f"Cannot convert value to JSON: '{text}'") from error


def _json_scalar(text: str, path: str) -> str | None:
    found = jsonpath.extract(text, path)
    return None if found is jsonpath.MISSING else jsonpath.scalar_text(found)


def _json_extract(text: str, path: str) -> str | None:
    found = jsonpath.extract(text, path)
    return None if found is jsonpath.MISSING else jsonpath.dump(found)


def _json_length(text: str) -> int | None:
    found = jsonpath.load(text)
    return len(found) if isinstance(found, list) else None


def _json_size(text: str, path: str) -> int | None:
    found = jsonpath.extract(text, path)
    if found is jsonpath.MISSING:
        return None
    return len(found) if isinstance(found, list | dict) else 0


def _url_decode(text: str) -> str:
    return urllib.parse.unquote_plus(text, errors="strict")


def _url_encode(text: str) -> str:
    # Java's URLEncoder leaves letters, digits and .-*_ and writes a space as plus.
    return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")


def _url_part(part: str) -> Callable[[str], str | None]:
    def extract(text: str) -> str | None:
        try:
            found: str | None = getattr(urllib.parse.urlsplit(text), part)
        except ValueError:
            return None
        return found or ""

    return extract


def _url_port(text: str) -> int | None:
    try:
        return urllib.parse.urlsplit(text).port
    except ValueError:
        return None


def _url_parameter(text: str, name: str) -> str | None:
    for key, value in urllib.parse.parse_qsl(urllib.parse.urlsplit(text).query, keep_blank_values=True):
        if key == name:
            return value
    return None


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _regexp_group(text: str, pattern: str, group: int) -> str | None:
    found = _compiled(pattern).search(text)
    return found.group(group) if found else None


def _like(pairs: dict[str, tuple[Any, list[str], str, pa.DataType]]) -> dict[str, tuple[Any, list[str], str]]:
    return {
        name: (_rowwise(function, kind, len(args)), args, result)
        for name, (function, args, result, kind) in pairs.items()
    }


_FUNCTIONS = _like(
    {
        "t_java_double": (java_double, ["DOUBLE"], "VARCHAR", pa.string()),
        "t_java_float": (java_float, ["FLOAT"], "VARCHAR", pa.string()),
        "t_regexp_group": (_regexp_group, ["VARCHAR", "VARCHAR", "INTEGER"], "VARCHAR", pa.string()),
        "t_json_parse": (_json_parse, ["VARCHAR"], "VARCHAR", pa.string()),
        "t_json_scalar": (_json_scalar, ["VARCHAR", "VARCHAR"], "VARCHAR", pa.string()),
        "t_json_extract": (_json_extract, ["VARCHAR", "VARCHAR"], "VARCHAR", pa.string()),
        "t_json_length": (_json_length, ["VARCHAR"], "BIGINT", pa.int64()),
        "t_json_size": (_json_size, ["VARCHAR", "VARCHAR"], "BIGINT", pa.int64()),
        "t_json_string": (json.dumps, ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_decode": (_url_decode, ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_encode": (_url_encode, ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_host": (_url_part("hostname"), ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_path": (_url_part("path"), ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_protocol": (_url_part("scheme"), ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_query": (_url_part("query"), ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_fragment": (_url_part("fragment"), ["VARCHAR"], "VARCHAR", pa.string()),
        "t_url_port": (_url_port, ["VARCHAR"], "BIGINT", pa.int64()),
        "t_url_parameter": (_url_parameter, ["VARCHAR", "VARCHAR"], "VARCHAR", pa.string()),
    }
)
