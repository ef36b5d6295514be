"""JSON functions (https://trino.io/docs/current/functions/json.html)."""

from __future__ import annotations

import re

from localaws.athena import jsonpath
from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.functions.registry import Call, function, same_length
from localaws.athena.syntax import text_literal


def _document(call: Call, index: int = 0) -> str:
    value = call.args[index]
    return value.sql if value.type == t.JSON else call.text(index)


def _path(call: Call) -> str:
    path = call.constant(1)
    if jsonpath.steps(path) is None:
        code = "NOT_SUPPORTED" if path.startswith("$") else "INVALID_FUNCTION_ARGUMENT"
        raise call.fail(code, f"Invalid JSON path: '{path}'")
    return call.text(1)


@function("json_extract_scalar", takes=(2,))
def _extract_scalar(call: Call) -> Expr:
    kind = same_length([call.args[0].type])
    return Expr(f"t_json_scalar({_document(call)}, {_path(call)})", kind)


@function("json_extract", takes=(2,))
def _extract(call: Call) -> Expr:
    return Expr(f"t_json_extract({_document(call)}, {_path(call)})", t.JSON)


@function("json_size", takes=(2,))
def _size(call: Call) -> Expr:
    return Expr(f"t_json_size({_document(call)}, {_path(call)})", t.BIGINT)


@function("json_array_length", takes=(1,))
def _array_length(call: Call) -> Expr:
    return Expr(f"t_json_length({_document(call)})", t.BIGINT)


@function("json_parse", takes=(1,))
def _parse(call: Call) -> Expr:
    return Expr(f"t_json_parse({call.text(0)})", t.JSON)


# A path of SQL/JSON (https://trino.io/docs/current/functions/json.html#json-path-language): members and items alone.
_SQL_PATH = re.compile(r"""(lax|strict)\s+(\$(?:\.[A-Za-z_]\w*|\."[^"\\]*"|\[\d+\])*)""", re.ASCII)


@function("json_value", "json_exists", takes=(2,))
def _by_sql_path(call: Call) -> Expr:
    if not call.args[0].type.is_text and call.args[0].type != t.UNKNOWN:
        raise call.fail("TYPE_MISMATCH", f"Cannot read input of type {call.args[0].type} as JSON using formatting JSON")
    path = call.constant(1)
    if not path.startswith(("lax", "strict")):
        raise call.fail("SYNTAX_ERROR", f"mismatched input of the path '{path}' expecting {{'lax', 'strict'}}")
    found = _SQL_PATH.fullmatch(path)
    if found is None:
        raise call.fail("NOT_SUPPORTED", f"the path '{path}'")
    plain = re.sub(r'\."([^"]*)"', r'["\1"]', found[2])
    kind = t.VARCHAR if call.name == "json_value" else t.BOOLEAN
    return Expr(f"t_{call.name}({call.text(0)}, {text_literal(plain)}, '{found[1]}')", kind)


@function("json_format", takes=(1,))
def _format(call: Call) -> Expr:
    if call.args[0].type != t.JSON:
        raise call.mismatch()
    return Expr(call.args[0].sql, t.VARCHAR)
