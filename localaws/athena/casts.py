"""CAST and implicit coercion as Trino does them, written as DuckDB expressions.

DuckDB's own casts accept more (`'1.5'` to an integer, `'yes'` to a boolean) and round differently (half to even from a
double), so each pair of types is spelled out; a pair that Trino refuses raises TYPE_MISMATCH.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.athena import types as t
from localaws.athena.duck import fail_sql
from localaws.athena.errors import not_supported
from localaws.athena.syntax import text_literal
from localaws.athena.types import Type, to_duckdb


@dataclass(frozen=True)
class Expr:
    """A translated expression: DuckDB SQL, its Trino type, and the constant's value when it is a literal."""

    sql: str
    type: Type
    literal: Any = None


class CannotCast(Exception):
    """Trino has no cast between the two types."""


_DECIMAL_TEXT = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DOUBLE_TEXT = r"\s*[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)[dDfF]?\s*"
_DATE_TEXT = r"\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*"
# A zone may follow, and is dropped. A zone that has a name with a stroke is not looked for here.
_TIMESTAMP_TEXT = (
    r"\s*[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( +([01]?[0-9]|2[0-3]):[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,12})?)?)?"
    r"\s*(Z|UTC|GMT|[+-][0-9]{2}:[0-9]{2})?\s*"
)


def coerce(value: Expr, target: Type) -> Expr:
    """`value` as `target`, for two types that Trino coerces without a CAST."""
    if value.type == target:
        return Expr(value.sql, target if target.zone == value.type.zone else value.type, value.literal)
    if value.type.is_text and target.name == "varchar" and value.type.name == "varchar":
        return Expr(value.sql, target, value.literal)
    return Expr(cast_sql(value, target), target)


def try_sql(sql: str) -> str:
    """SQL that is NULL where `sql` fails. A refusal at run time must not become NULL, and so is one at once."""
    if "NOT_SUPPORTED: " in sql:
        raise not_supported("TRY over an expression that is refused for some values")
    return f"TRY({sql})"


def cast_sql(value: Expr, target: Type) -> str:
    """DuckDB SQL of CAST(value AS target). Raises CannotCast when Trino knows no such cast."""
    source, sql, to = value.type, value.sql, to_duckdb(target)
    if source == target:
        return sql
    if source.name == "unknown":
        return f"CAST(NULL AS {to})"
    handler = _CASTS.get((_family(source), _family(target)))
    if handler is None:
        raise CannotCast
    if isinstance(handler, str):
        return handler.format(sql=sql, to=to, source=source, target=target)
    return handler(sql, source, target, to)


def _family(kind: Type) -> str:
    if kind.is_integer:
        return "integer"
    if kind.name == "real":
        return "double"
    return kind.name


def _checked(sql: str, pattern: str, to: str, message_sql: str, converted: str) -> str:
    failing = fail_sql("INVALID_CAST_ARGUMENT", message_sql, to)
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN regexp_full_match({sql}, '{pattern}') AND {converted} IS NOT NULL "
        f"THEN {converted} ELSE {failing} END"
    )


# How a text is read, by family: the pattern of all of it, what is said of another, and the value. {sql} is the text.
_FROM_TEXT = {
    "integer": ("[+-]?[0-9]+", "'Cannot cast ''' || {sql} || ''' to {name}'", "TRY_CAST({sql} AS {to})"),
    "double": (
        _DOUBLE_TEXT,
        "'Cannot cast ''' || {sql} || ''' to {name}'",
        "TRY_CAST(regexp_replace(trim({sql}), '[dDfF]$', '') AS {to})",
    ),
    "decimal": (
        _DECIMAL_TEXT,
        "'Cannot cast VARCHAR ''' || {sql} || ''' to DECIMAL({target.precision}, {target.scale})'",
        "TRY_CAST({sql} AS {to})",
    ),
    "date": (_DATE_TEXT, "'Value cannot be cast to date: ' || {sql}", "TRY_CAST(trim({sql}) AS DATE)"),
}


def _from_text(sql: str, source: Type, target: Type, to: str) -> str:
    pattern, message, converted = _FROM_TEXT[_family(target)]
    name = "INT" if target.name == "integer" else target.name.upper()
    given = {"sql": sql, "to": to, "target": target, "name": name}
    return _checked(sql, pattern, to, message.format(**given), converted.format(**given))


def _text_to_boolean(sql: str, source: Type, target: Type, to: str) -> str:
    message = f"'Cannot cast ''' || {sql} || ''' to BOOLEAN'"
    return (
        f"CASE WHEN {sql} IS NULL THEN NULL WHEN lower({sql}) IN ('t', 'true', '1') THEN TRUE "
        f"WHEN lower({sql}) IN ('f', 'false', '0') THEN FALSE ELSE {fail_sql('INVALID_CAST_ARGUMENT', message, to)} END"
    )


def _text_to_timestamp(sql: str, source: Type, target: Type, to: str) -> str:
    text = f"trim(regexp_replace({sql}, '\\s*(Z|UTC|GMT|[+-][0-9]{{2}}:[0-9]{{2}})\\s*$', ''))"
    full = f"CASE WHEN contains({text}, ':') THEN {text} ELSE {text} || ' 00:00:00' END"
    converted = _round(f"TRY_CAST({full} AS TIMESTAMP)", target)
    return _checked(sql, _TIMESTAMP_TEXT, to, f"'Value cannot be cast to timestamp: ' || {sql}", converted)


def _round(sql: str, target: Type) -> str:
    if target.precision >= 6:
        return sql
    if target.precision == 3:
        return f"t_round_ms({sql})"
    if target.precision == 0:
        return f"date_trunc('second', {sql} + INTERVAL 500 MILLISECONDS)"
    raise not_supported(f"timestamp({target.precision})")


def _text_to_text(sql: str, source: Type, target: Type, to: str) -> str:
    if source.name == "char" and target.name == "varchar":
        sql = f"rpad({sql}, {source.args[0]}, ' ')"
    if target.args and not (source.args and source.args[0] <= target.args[0]):
        sql = f"left({sql}, {target.args[0]})"
    return f"rtrim({sql}, ' ')" if target.name == "char" else sql


def _as_text(text: str, target: Type) -> str:
    if target.name == "char" or not target.args:
        return f"rtrim({text}, ' ')" if target.name == "char" else text
    failing = fail_sql(
        "INVALID_CAST_ARGUMENT", f"'Value ' || {text} || ' cannot be represented as {target}'", "VARCHAR"
    )
    return f"CASE WHEN length({text}) <= {target.args[0]} THEN {text} WHEN {text} IS NOT NULL THEN {failing} END"


def _to_text(sql: str, source: Type, target: Type, to: str) -> str:
    return _as_text(text_sql(sql, source), target)


def text_sql(sql: str, source: Type) -> str:
    """SQL of CAST(x AS varchar) for a value of type `source`."""
    if source.name == "double":
        return f"t_double_text({sql})"
    if source.name == "real":
        return f"t_float_text({sql})"
    if source.name == "decimal" and source.precision == source.scale:
        return f"regexp_replace(CAST({sql} AS VARCHAR), '^(-?)\\.', '\\10.')"
    if source.name == "timestamp":
        if source.precision == 0:
            return f"if(year({sql}) > 9999, '+', '') || strftime({sql}, '%Y-%m-%d %H:%M:%S')"
        # Java puts a sign before a year of more than four digits.
        text = f"strftime({sql}, '%Y-%m-%d %H:%M:%S.%f')"
        length = 20 + source.precision
        return f"if(year({sql}) > 9999, '+' || left({text}, {length + 1}), left({text}, {length}))"
    if source.name == "timestamp with time zone":
        return f"{text_sql(local_sql(sql, source), Type('timestamp', source.args))} || ' {source.zone}'"
    return f"CAST({sql} AS VARCHAR)"


def local_sql(sql: str, source: Type) -> str:
    """The wall-clock timestamp of a timestamp with time zone, in its own zone."""
    return f"timezone('{source.zone}', {sql})"


def scaled_sql(unscaled: str, kind: Type) -> str:
    """SQL of the decimal whose digits without the point are the HUGEINT `unscaled`."""
    whole = f"CAST({unscaled} AS DECIMAL(38,0))"
    if kind.scale:
        step = "0." + "1".rjust(kind.scale, "0")
        whole = f"({whole} * CAST('{step}' AS DECIMAL({kind.scale},{kind.scale})))"
    return f"CAST({whole} AS {to_duckdb(kind)})"


def _double_to_double(sql: str, source: Type, target: Type, to: str) -> str:
    if target.name == "double":
        return f"CAST({sql} AS DOUBLE)"
    # What a real does not hold is infinite.
    return (
        f"CASE WHEN abs({sql}) >= 3.4028235677973366e38 THEN CAST(sign({sql}) * CAST('Infinity' AS DOUBLE) AS FLOAT) "
        f"ELSE CAST({sql} AS FLOAT) END"
    )


def _to_precision(sql: str, source: Type, target: Type, to: str) -> str:
    """A timestamp, with or without a zone, as a timestamp of another precision; what is finer is rounded."""
    if source.name == target.name == "timestamp with time zone":
        moment = f"timezone('UTC', {sql})"
        return sql if source.precision <= target.precision else f"timezone('UTC', {_round(moment, target)})"
    local = sql if source.name == "timestamp" else local_sql(sql, source)
    return local if source.precision <= target.precision else _round(local, target)


def _array_to_array(sql: str, source: Type, target: Type, to: str) -> str:
    if source.element.name == "unknown":
        return f"CAST({sql} AS {to})"
    item = cast_sql(Expr("t_item", source.element), target.element)
    return f"list_transform({sql}, lambda t_item: {item})"


def _row_to_row(sql: str, source: Type, target: Type, to: str) -> str:
    if len(source.args) != len(target.args):
        raise CannotCast
    parts = []
    for i, ((_, a), (_, b)) in enumerate(zip(source.args, target.args, strict=True)):
        field = Expr(f"struct_extract({sql}, '{t.row_field(source, i)}')", a)
        parts.append(f'"{t.row_field(target, i)}" := {cast_sql(field, b)}')
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"


def _map_to_map(sql: str, source: Type, target: Type, to: str) -> str:
    if source.args[0].name == "unknown":
        return f"CAST({sql} AS {to})"
    key = cast_sql(Expr("t_item", source.args[0]), target.args[0])
    item = cast_sql(Expr("t_item", source.args[1]), target.args[1])
    return (
        f"CASE WHEN {sql} IS NOT NULL THEN map(list_transform(map_keys({sql}), lambda t_item: {key}), "
        f"list_transform(map_values({sql}), lambda t_item: {item})) END"
    )


def _json_to(sql: str, source: Type, target: Type, to: str) -> str:
    """By the JSON value's own kind: t_json_as says INVALID_CAST_ARGUMENT for what is none of the type."""
    return cast_sql(Expr(f"t_json_as({sql}, '{_family(target)}')", t.VARCHAR), target)


def _json_to_nested(sql: str, source: Type, target: Type, to: str) -> str:
    def item(kind: Type) -> str:
        return cast_sql(Expr("t_item", t.JSON), kind)

    if target.name == "array":
        return f"list_transform(t_json_list({sql}, 'items'), lambda t_item: {item(target.element)})"
    if target.name == "map":
        key = cast_sql(Expr("t_item", t.VARCHAR), target.args[0])
        keys = f"list_transform(t_json_list({sql}, 'keys'), lambda t_item: {key})"
        values = f"list_transform(t_json_list({sql}, 'values'), lambda t_item: {item(target.args[1])})"
        return f"CASE WHEN {keys} IS NOT NULL THEN map({keys}, {values}) END"
    fields = []
    for i, (name, kind) in enumerate(target.args):
        field = f"t_json_field({sql}, {text_literal(name or '')}, {i})"
        fields.append(f'"{t.row_field(target, i)}" := {cast_sql(Expr(field, t.JSON), kind)}')
    return f"CASE WHEN {sql} IS NOT NULL AND {sql} <> 'null' THEN struct_pack({', '.join(fields)}) END"


def _to_json(sql: str, source: Type, target: Type, to: str) -> str:
    def item(value: str, kind: Type) -> str:
        return f"coalesce({cast_sql(Expr(value, kind), t.JSON)}, 'null')"

    if source.is_text:
        return f"t_json_string({sql})"
    if source.is_integer or source.name in ("boolean", "decimal"):
        return text_sql(sql, source)
    if source.name in ("double", "real"):
        text = f"t_java_{source.name}({sql})"
        return f"CASE WHEN isfinite({sql}) THEN {text} ELSE '\"' || {text} || '\"' END"
    if source.name in ("date", "timestamp"):
        return f"('\"' || {text_sql(sql, source)} || '\"')"
    if source.name == "array":
        items = f"list_transform({sql}, lambda t_item: {item('t_item', source.element)})"
        return f"('[' || {_joined(sql, items)} || ']')"
    if source.name == "map" and source.args[0].name in ("varchar", *t.INTEGER_RANGE):
        key, value = text_sql("t_entry.key", source.args[0]), item("t_entry.value", source.args[1])
        # By the keys, which Java compares by UTF-16: what has two units comes before the end of what has one.
        order = rf"regexp_replace({key}, '([\x{{E000}}-\x{{FFFF}}])', chr(1114111) || '\1', 'g')"
        pair = f"struct_pack(k := {order}, v := t_json_string({key}) || ':' || {value})"
        pairs = f"list_sort(list_transform(map_entries({sql}), lambda t_entry: {pair}))"
        return "('{' || " + _joined(sql, f"list_transform({pairs}, lambda t_entry: t_entry.v)") + " || '}')"
    if source.name == "row":
        fields = [
            f"t_json_string({text_literal(name or '')}) || ':' || "
            + item(f"struct_extract({sql}, '{t.row_field(source, i)}')", kind)
            for i, (name, kind) in enumerate(source.args)
        ]
        return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {' || chr(44) || '.join(fields)} || '}}' END"
    raise not_supported(f"CAST({source} AS json)")


def _joined(sql: str, items: str) -> str:
    return f"CASE WHEN {sql} IS NOT NULL THEN coalesce(array_to_string({items}, ','), '') END"


def _absent(sql: str, source: Type, target: Type, to: str) -> str:
    raise not_supported(f"CAST({source} AS {target})")


# A function, or a template.
_Handler = Callable[[str, Type, Type, str], str] | str


def _casts(handler: _Handler, pairs: Mapping[str, str]) -> dict[tuple[str, str], _Handler]:
    """A handler for casts from families of types to others: each source with its targets, separated by commas."""
    return {(source, target): handler for source, targets in pairs.items() for target in targets.split(", ")}


_CASTS = {
    **_casts("CAST({sql} AS {to})", {
        "integer": "integer, double, decimal", "decimal": "decimal, integer, double",
        "boolean": "integer, double, decimal", "date": "timestamp", "timestamp": "date",
    }),
    **_casts("({sql} <> 0)", {"integer": "boolean", "decimal": "boolean", "double": "boolean"}),
    **_casts("CAST(round({sql}) AS {to})", {"double": "integer"}),
    # Through the shortest text, so that 1.005 is rounded as it is written, not as the nearest binary number.
    **_casts("CAST(CAST({sql} AS VARCHAR) AS {to})", {"double": "decimal"}),
    **_casts(_double_to_double, {"double": "double"}),
    **_casts(_from_text, {"varchar": "integer, double, decimal, date"}),
    **_casts(_text_to_boolean, {"varchar": "boolean"}),
    **_casts(_text_to_timestamp, {"varchar": "timestamp"}),
    **_casts(_text_to_text, {"varchar": "varchar, char", "char": "varchar, char"}),
    **_casts(_to_text, dict.fromkeys(
        ("integer", "decimal", "double", "boolean", "date", "timestamp", "timestamp with time zone"), "varchar"
    )),
    **_casts("timezone('{target.zone}', CAST({sql} AS TIMESTAMP))", {
        "date": "timestamp with time zone", "timestamp": "timestamp with time zone",
    }),
    **_casts("CAST(timezone('{source.zone}', {sql}) AS DATE)", {"timestamp with time zone": "date"}),
    **_casts(_to_precision, {
        "timestamp": "timestamp", "timestamp with time zone": "timestamp, timestamp with time zone",
    }),
    **_casts(_array_to_array, {"array": "array"}),
    **_casts(_row_to_row, {"row": "row"}),
    **_casts(_map_to_map, {"map": "map"}),
    **_casts(_json_to, {"json": "varchar, integer, double, decimal, boolean"}),
    **_casts(_json_to_nested, {"json": "array, map, row"}),
    **_casts(_to_json, dict.fromkeys(
        ("integer", "decimal", "boolean", "varchar", "double", "date", "timestamp", "array", "map", "row"), "json"
    )),
    # What Trino casts and this engine does not.
    **_casts(_absent, {
        "varchar": "time, varbinary, timestamp with time zone", "timestamp": "time", "timestamp with time zone": "time",
        "time": "varchar, timestamp, timestamp with time zone", "interval day to second": "varchar",
        "interval year to month": "varchar",
        "char": "time, varbinary, integer, double, decimal, boolean, date, timestamp, json, timestamp with time zone",
    }),
}  # fmt: skip
