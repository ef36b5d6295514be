"""Array and map functions (https://trino.io/docs/current/functions/array.html and .../map.html)."""

from __future__ import annotations

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.functions.registry import Call, function
from localaws.athena.types import Type, array, map_of, to_duckdb


def _items(call: Call, index: int = 0) -> tuple[str, Type]:
    kind = call.of(index, "array")
    return call.args[index].sql, kind.element


def _same_element(call: Call, array_index: int, value_index: int) -> tuple[str, str, Type]:
    """An array and a value brought to one element type: SQL of both and the type."""
    items, element = _items(call, array_index)
    value = call.args[value_index]
    common = t.common_type(element, value.type)
    if common is None:
        raise call.mismatch()
    whole = coerce(Expr(items, array(element)), array(common)).sql if common != element else items
    return whole, coerce(value, common).sql, common


@function("cardinality")
def _cardinality(call: Call) -> Expr:
    call.count(1)
    if call.args[0].type.name not in ("array", "map"):
        raise call.mismatch()
    operation = "len" if call.args[0].type.name == "array" else "cardinality"
    return Expr(f"CAST({operation}({call.args[0].sql}) AS BIGINT)", t.BIGINT)


@function("element_at")
def _element_at(call: Call) -> Expr:
    call.count(2)
    if call.args[0].type.name == "map":
        kind = call.args[0].type
        return Expr(f"({call.args[0].sql})[{call.arg(1, kind.args[0]).sql}]", kind.args[1])
    items, element = _items(call)
    index = call.integer(1)
    zero = call.invalid("'SQL array indices start at 1'", to_duckdb(element))
    return Expr(f"CASE WHEN {index} = 0 THEN {zero} ELSE ({items})[{index}] END", element)


@function("contains")
def _contains(call: Call) -> Expr:
    call.count(2)
    items, value, _ = _same_element(call, 0, 1)
    return Expr(
        f"CASE WHEN {value} IS NULL OR {items} IS NULL THEN NULL WHEN list_contains({items}, {value}) THEN TRUE "
        f"WHEN len({items}) > list_count({items}) THEN NULL ELSE FALSE END",
        t.BOOLEAN,
    )


@function("array_join")
def _array_join(call: Call) -> Expr:
    call.count(2, 3)
    items, element = _items(call)
    text = call.translator.cast(Expr("t_item", element), t.VARCHAR, call.node).sql
    if len(call.args) == 3:
        text = f"coalesce({text}, {call.text(2)})"
    joined = f"array_to_string(list_transform({items}, lambda t_item: {text}), {call.text(1)})"
    return Expr(f"CASE WHEN {items} IS NOT NULL THEN coalesce({joined}, '') END", t.VARCHAR)


@function("array_distinct")
def _array_distinct(call: Call) -> Expr:
    call.count(1)
    items, element = _items(call)
    return Expr(
        f"list_filter({items}, lambda t_item, t_i: list_position({items}, t_item) = t_i "
        f"OR (t_item IS NULL AND len(list_filter(({items})[1:t_i], lambda t_x: t_x IS NULL)) = 1))",
        array(element),
    )


@function("array_sort")
def _array_sort(call: Call) -> Expr:
    call.count(1)
    items, element = _items(call)
    return Expr(f"list_sort({items}, 'ASC', 'NULLS LAST')", array(element))


@function("array_max", "array_min")
def _array_extreme(call: Call) -> Expr:
    call.count(1)
    items, element = _items(call)
    extreme = "list_max" if call.name == "array_max" else "list_min"
    return Expr(f"CASE WHEN len({items}) = list_count({items}) THEN {extreme}({items}) END", element)


@function("array_position")
def _array_position(call: Call) -> Expr:
    call.count(2)
    items, value, _ = _same_element(call, 0, 1)
    return Expr(
        f"CASE WHEN {items} IS NOT NULL AND {value} IS NOT NULL "
        f"THEN CAST(coalesce(list_position({items}, {value}), 0) AS BIGINT) END",
        t.BIGINT,
    )


@function("array_remove")
def _array_remove(call: Call) -> Expr:
    call.count(2)
    items, value, element = _same_element(call, 0, 1)
    return Expr(f"list_filter({items}, lambda t_item: t_item IS DISTINCT FROM {value})", array(element))


@function("flatten")
def _flatten(call: Call) -> Expr:
    call.count(1)
    items, element = _items(call)
    if element.name != "array":
        raise call.mismatch()
    return Expr(f"flatten({items})", element)


@function("slice")
def _slice(call: Call) -> Expr:
    call.count(3)
    items, element = _items(call)
    start, size = call.integer(1), call.integer(2)
    zero = call.invalid("'SQL array indices start at 1'", to_duckdb(array(element)))
    begin = f"CASE WHEN {start} < 0 THEN len({items}) + {start} + 1 ELSE {start} END"
    return Expr(
        f"CASE WHEN {start} = 0 THEN {zero} WHEN {begin} < 1 OR {begin} > len({items}) OR {size} < 1 "
        f"THEN CASE WHEN {items} IS NOT NULL THEN CAST([] AS {to_duckdb(array(element))}) END "
        f"ELSE list_slice({items}, {begin}, {begin} + {size} - 1) END",
        array(element),
    )


@function("sequence")
def _sequence(call: Call) -> Expr:
    call.count(2, 3)
    if call.args[0].type.is_integer:
        step = (
            call.integer(2)
            if len(call.args) == 3
            else (f"CASE WHEN {call.integer(0)} <= {call.integer(1)} THEN 1 ELSE -1 END")
        )
        return Expr(f"generate_series({call.integer(0)}, {call.integer(1)}, {step})", array(t.BIGINT))
    if call.args[0].type == t.DATE and call.args[1].type == t.DATE:
        step = "INTERVAL 1 DAY"
        if len(call.args) == 3:
            if not call.args[2].type.name.startswith("interval"):
                raise call.mismatch()
            step = call.args[2].sql
        series = (
            f"generate_series(CAST({call.args[0].sql} AS TIMESTAMP), CAST({call.args[1].sql} AS TIMESTAMP), {step})"
        )
        return Expr(f"list_transform({series}, lambda t_item: CAST(t_item AS DATE))", array(t.DATE))
    if call.args[0].type.name == "timestamp" and len(call.args) == 3 and call.args[2].type.name.startswith("interval"):
        return Expr(f"generate_series({call.args[0].sql}, {call.args[1].sql}, {call.args[2].sql})", array(t.TIMESTAMP))
    raise call.mismatch()


@function("repeat")
def _repeat(call: Call) -> Expr:
    call.count(2)
    value = call.args[0]
    return Expr(f"list_transform(range({call.integer(1)}), lambda t_i: {value.sql})", array(value.type))


@function("transform")
def _transform(call: Call) -> Expr:
    call.count(2)
    items, element = _items(call)
    names, body = call.translator.lambda_(call.raw[1], [element], call.node)
    return Expr(f"list_transform({items}, lambda {names[0]}: {body.sql})", array(body.type))


@function("filter")
def _filter(call: Call) -> Expr:
    call.count(2)
    items, element = _items(call)
    names, body = call.translator.lambda_(call.raw[1], [element], call.node)
    return Expr(f"list_filter({items}, lambda {names[0]}: coalesce({body.sql}, FALSE))", array(element))


@function("any_match", "all_match", "none_match")
def _match(call: Call) -> Expr:
    call.count(2)
    items, element = _items(call)
    names, body = call.translator.lambda_(call.raw[1], [element], call.node)
    results = f"list_transform({items}, lambda {names[0]}: {body.sql})"
    some, every = f"list_contains({results}, TRUE)", f"list_contains({results}, FALSE)"
    unknown = f"len({results}) > list_count({results})"
    if call.name == "all_match":
        return Expr(
            f"CASE WHEN {every} THEN FALSE WHEN {unknown} THEN NULL WHEN {items} IS NOT NULL THEN TRUE END", t.BOOLEAN
        )
    found = "TRUE" if call.name == "any_match" else "FALSE"
    other = "FALSE" if call.name == "any_match" else "TRUE"
    return Expr(
        f"CASE WHEN {some} THEN {found} WHEN {unknown} THEN NULL WHEN {items} IS NOT NULL THEN {other} END", t.BOOLEAN
    )


@function("reduce")
def _reduce(call: Call) -> Expr:
    raise call.fail("NOT_SUPPORTED", "reduce")


@function("map")
def _map(call: Call) -> Expr:
    call.count(0, 2)
    if not call.args:
        return Expr("MAP {}", map_of(t.UNKNOWN, t.UNKNOWN))
    (keys, key), (values, value) = _items(call, 0), _items(call, 1)
    return Expr(f"map({keys}, {values})", map_of(key, value))


@function("map_keys")
def _map_keys(call: Call) -> Expr:
    call.count(1)
    return Expr(f"map_keys({call.args[0].sql})", array(call.of(0, "map").args[0]))


@function("map_values")
def _map_values(call: Call) -> Expr:
    call.count(1)
    return Expr(f"map_values({call.args[0].sql})", array(call.of(0, "map").args[1]))


@function("map_concat")
def _map_concat(call: Call) -> Expr:
    values, kind = call.translator.unify(call.args, call.node)
    if kind.name != "map":
        raise call.mismatch()
    return Expr(f"map_concat({', '.join(value.sql for value in values)})", kind)
