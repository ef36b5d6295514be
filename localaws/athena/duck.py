"""The DuckDB databases that run translated queries: one for the process, one more for TRY; one cursor for each query.

It reads nothing but what is registered with it (no files, no network, no extensions). Where DuckDB has
no function that does what Trino's does, a macro or a Python function over Arrow arrays is added here, named `t_...`.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import math
import re
import threading
import unicodedata
from collections.abc import Callable
from typing import Any, Literal

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from localaws.athena import jsonpath
from localaws.athena.values import java_double, java_float, trino_double, trino_float

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
CREATE MACRO t_map_concat(a, b) AS map_from_entries(list_concat(map_entries(b),
    list_filter(map_entries(a), lambda t_e: NOT list_contains(map_keys(b), struct_extract(t_e, 'key')))));
CREATE MACRO t_signed_year(x, form) AS TRY_CAST(
    CASE WHEN regexp_matches(x, '^[-+][0-9]') THEN
        CASE WHEN starts_with(x, '-') THEN '-' ELSE '' END || lpad(regexp_extract(x, '^.([0-9]{{1,4}})', 1), 4, '0')
        || strftime(try_strptime('2000' || regexp_replace(x, '^.[0-9]{{1,4}}', ''), form), '-%m-%d %H:%M:%S.%f') END
    AS TIMESTAMP);
CREATE MACRO t_pivot(x) AS CASE WHEN year(x) = 1969 THEN x + INTERVAL 100 YEARS ELSE x END;
CREATE MACRO t_substr(x, start) AS
    CASE WHEN start > 0 THEN substr(x, start) WHEN x IS NULL THEN NULL
    WHEN start = 0 OR -start > length(x) THEN '' ELSE substr(x, start) END;
CREATE MACRO t_substr3(x, start, size) AS
    CASE WHEN x IS NULL THEN NULL WHEN size <= 0 OR start = 0 OR -start > length(x) THEN ''
    WHEN start > 0 THEN substr(x, start, size) ELSE substr(x, start + length(x) + 1, size) END;
CREATE MACRO t_split_part(x, delimiter, i) AS
    CASE WHEN i < 1
    THEN t_fail('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero')
    ELSE string_split(x, delimiter)[i] END;
"""

_lock = threading.Lock()
_databases: dict[bool, duckdb.DuckDBPyConnection] = {}
atexit.register(_databases.clear)  # or DuckDB writes what was left of them to the standard error


def cursor(sql: str = "") -> duckdb.DuckDBPyConnection:
    """A connection of its own to the process's database; close it after the query.

    The optimiser takes what occurs twice out of a TRY, works constants out before it, and turns sums round that would
    overflow: what has a TRY runs in a database that does none of it. The setting is one of a whole database.
    """
    tries = "TRY(" in sql
    with _lock:
        if tries not in _databases:
            _databases[tries] = _open()
            if tries:
                _databases[tries].execute("SET disabled_optimizers = 'common_subexpressions,expression_rewriter'")
        connection = _databases[tries].cursor()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _open() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_SETTINGS)
    connection.execute(_MACROS)
    for name, (function, parameters, result) in _FUNCTIONS.items():
        connection.create_function(
            name, function, list(parameters), _TYPES[result][0], type=ARROW, null_handling=SPECIAL
        )
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
    named = [inspect.Parameter(f"x{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(arity)]
    vectorised.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    return vectorised


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
    return None if found is jsonpath.MISSING else jsonpath.dump(found, jsonpath.as_double)


def _json_path(text: str, path: str, mode: str) -> list[Any] | None:
    """What a path of SQL/JSON finds in a document, None for an error. To a lax one, an item is a list of itself."""
    try:
        # Whatever follows a document is not read.
        found = [jsonpath.DECODER.raw_decode(text.lstrip(" \t\r\n"))[0]]
    except ValueError:
        return None
    for step in jsonpath.steps(path) or ():
        found, given = [], found
        for item in given:
            wanted = list if isinstance(step, int) else dict
            if mode == "lax" and not isinstance(item, wanted):
                item = [item] if wanted is list else item
            items = item if wanted is dict and mode == "lax" and isinstance(item, list) else [item]
            for one in items:
                fits = isinstance(one, wanted) and (step < len(one) if isinstance(step, int) else step in one)
                if fits:
                    found.append(one[step])
                elif mode == "strict":
                    return None
    return found


def _json_value(text: str, path: str, mode: str) -> str | None:
    """The one scalar that the path finds, as varchar; NULL where it is none."""
    found = _json_path(text, path, mode) or []
    value = jsonpath.scalar_text(found[0]) if len(found) == 1 else None
    if value is None or not isinstance(found[0], jsonpath.Number):
        return value
    if not re.fullmatch("-?[0-9]+", value):
        return trino_double(float(value))
    return value if -(2**63) <= int(value) < 2**63 else None


def _json_exists(text: str, path: str, mode: str) -> bool:
    return bool(_json_path(text, path, mode))


def _json_length(text: str) -> int | None:
    found = jsonpath.load(text)
    return len(found) if isinstance(found, list) else None


def _json_as(text: str, wanted: str) -> str | None:
    """A JSON scalar as the text that a CAST to varchar, integer, double, decimal or boolean begins with."""
    value = jsonpath.load(text)
    if value is None:
        return None
    if isinstance(value, list | dict):
        raise _marked("INVALID_CAST_ARGUMENT", f"Cannot cast '{text}' to {wanted}")
    if isinstance(value, bool):
        return ("true" if value else "false") if wanted in ("varchar", "boolean") else str(int(value))
    if not isinstance(value, jsonpath.Number):
        return str(value)
    if wanted == "boolean":
        return "true" if float(value) else "false"
    whole = re.fullmatch("-?[0-9]+", value)
    if wanted == "varchar":
        return str(value) if whole else trino_double(float(value))
    if wanted == "integer" and not whole:
        number = float(value)
        return str(math.floor(abs(number) + 0.5) * (-1 if number < 0 else 1))
    return str(value)


def _json_list(text: str, part: str) -> list[str] | None:
    """The items of an array, or the keys or values of an object, as JSON texts; keys as they are."""
    found = jsonpath.load(text)
    if found is None:
        return None
    if isinstance(found, dict) and part != "items":
        return [key if part == "keys" else jsonpath.dump(item) for key, item in found.items()]
    if isinstance(found, list) and part == "items":
        return [jsonpath.dump(item) for item in found]
    raise _marked("INVALID_CAST_ARGUMENT", f"Expected a json {part}, but got {text}")


def _json_field(text: str, name: str, index: int) -> str | None:
    """A field of a row that is cast from an object, by its name without case, or from an array, by its place."""
    value = jsonpath.load(text)
    if value is None:
        return None
    if isinstance(value, dict):
        found = next((item for key, item in value.items() if key.lower() == name.lower()), None)
        return jsonpath.dump(found)
    if isinstance(value, list) and index < len(value):
        return jsonpath.dump(value[index])
    raise _marked("INVALID_CAST_ARGUMENT", f"Expected a json array or object, but got {text}")


def _normalize(text: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> str:
    return unicodedata.normalize(form, text)


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _regexp_group(text: str, pattern: str, group: int) -> str | None:
    found = _compiled(pattern).search(text)
    return found.group(group) if found else None


_TYPES = {
    "T": ("VARCHAR", pa.string()), "L": ("BIGINT", pa.int64()), "I": ("INTEGER", pa.int32()),
    "D": ("DOUBLE", pa.float64()), "F": ("FLOAT", pa.float32()), "B": ("BLOB", pa.binary()),
    "A": ("VARCHAR[]", pa.list_(pa.string())), "O": ("BOOLEAN", pa.bool_()),
}  # fmt: skip
# The functions with their parameters' and the result's types.
_PYTHON: dict[str, tuple[Any, str]] = {
    "t_java_double": (java_double, "DT"), "t_java_real": (java_float, "FT"), "t_double_text": (trino_double, "DT"),
    "t_float_text": (trino_float, "FT"), "t_regexp_group": (_regexp_group, "TTIT"),
    "t_json_parse": (_json_parse, "TT"), "t_json_scalar": (_json_scalar, "TTT"),
    "t_json_extract": (_json_extract, "TTT"), "t_json_length": (_json_length, "TL"),
    "t_json_string": (jsonpath.dump, "TT"),
    "t_json_value": (_json_value, "TTTT"), "t_json_exists": (_json_exists, "TTTO"),
    "t_from_utf8": (lambda data: data.decode("utf-8", "replace"), "BT"),
    "t_normalize": (_normalize, "TTT"), "t_json_as": (_json_as, "TTT"), "t_json_list": (_json_list, "TTA"),
    "t_json_field": (_json_field, "TTIT"),
}  # fmt: skip
_FUNCTIONS = {
    name: (_rowwise(function, _TYPES[kinds[-1]][1], len(kinds) - 1), [_TYPES[of][0] for of in kinds[:-1]], kinds[-1])
    for name, (function, kinds) in _PYTHON.items()
}
