"""JSON functions (https://trino.io/docs/current/functions/json.html)."""

from __future__ import annotations

import re

from localaws.athena import jsonpath
from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.functions.registry import Call, function, simple
from localaws.athena.syntax import text_literal


def _path(call: Call) -> str:
    path = call.constant(1)
    if jsonpath.steps(path) is None:
        code = "NOT_SUPPORTED" if path.startswith("$") else "INVALID_FUNCTION_ARGUMENT"
        raise call.fail(code, f"Invalid JSON path: '{path}'")
    return call.sql[1]


@function("json_extract_scalar(varchar(x), varchar) varchar(x)", "json_extract_scalar(json, varchar) varchar")
def _extract_scalar(call: Call) -> str:
    return f"t_json_scalar({call.sql[0]}, {_path(call)})"


@function("json_extract(json, varchar) json", "json_extract(varchar, varchar) json")
def _extract(call: Call) -> str:
    return f"t_json_extract({call.sql[0]}, {_path(call)})"


simple("json_array_length(json) bigint", "t_json_length({0})")
simple("json_array_length(varchar) bigint", "t_json_length({0})")
simple("json_parse(varchar) json", "t_json_parse({0})")


# A path of SQL/JSON (https://trino.io/docs/current/functions/json.html#json-path-language): members and items alone.
_SQL_PATH = re.compile(r"""(lax|strict)\s+(\$(?:\.[A-Za-z_]\w*|\."[^"\\]*"|\[\d+\])*)""", re.ASCII)


@function("json_value", "json_exists")
def _by_sql_path(call: Call) -> Expr:
    call.count(2)
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


@function("json_format")
def _format(call: Call) -> Expr:
    call.count(1)
    if call.args[0].type != t.JSON:
        raise call.mismatch()
    return Expr(call.args[0].sql, t.VARCHAR)
