"""Array and map functions (https://trino.io/docs/current/functions/array.html and .../map.html)."""

from __future__ import annotations

import functools

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


@function("cardinality", takes=(1,))
def _cardinality(call: Call) -> Expr:
    if call.args[0].type.name not in ("array", "map"):
        raise call.mismatch()
    operation = "len" if call.args[0].type.name == "array" else "cardinality"
    return Expr(f"CAST({operation}({call.args[0].sql}) AS BIGINT)", t.BIGINT)


@function("element_at", takes=(2,))
def _element_at(call: Call) -> Expr:
    if call.args[0].type.name == "map":
        kind = call.args[0].type
        return Expr(f"({call.args[0].sql})[{call.arg(1, kind.args[0]).sql}]", kind.args[1])
    items, element = _items(call)
    index = call.integer(1)
    zero = call.invalid("'SQL array indices start at 1'", to_duckdb(element))
    return Expr(
        f"CASE WHEN {items} IS NULL THEN NULL WHEN {index} = 0 THEN {zero} ELSE ({items})[{index}] END", element
    )


@function("contains", takes=(2,))
def _contains(call: Call) -> Expr:
    items, value, element = _same_element(call, 0, 1)
    found = f"list_contains({items}, {value}){_unless_nan(element, value)}"
    return Expr(
        f"CASE WHEN {value} IS NULL OR {items} IS NULL THEN NULL WHEN {found} THEN TRUE "
        f"WHEN len({items}) > list_count({items}) THEN NULL ELSE FALSE END",
        t.BOOLEAN,
    )


@function("array_join", takes=(2, 3))
def _array_join(call: Call) -> Expr:
    items, element = _items(call)
    text = call.translator.cast(Expr("t_item", element), t.VARCHAR, call.node).sql
    if len(call.args) == 3:
        text = f"coalesce({text}, {call.text(2)})"
    joined = f"array_to_string(list_transform({items}, lambda t_item: {text}), {call.text(1)})"
    return Expr(f"CASE WHEN {items} IS NOT NULL THEN coalesce({joined}, '') END", t.VARCHAR)


@function("array_distinct", takes=(1,))
def _array_distinct(call: Call) -> Expr:
    return _distinct(*_items(call))


@function("array_sort", takes=(1,))
def _array_sort(call: Call) -> Expr:
    items, element = _items(call)
    if element.name in ("array", "row", "map"):
        raise call.fail("NOT_SUPPORTED", f"array_sort of {element}")
    return Expr(f"list_sort({items}, 'ASC', 'NULLS LAST')", array(element))


@function("array_max", "array_min", takes=(1,))
def _array_extreme(call: Call) -> Expr:
    items, element = _items(call)
    extreme = "list_max" if call.name == "array_max" else "list_min"
    if element.name in ("array", "row"):
        raise call.fail("NOT_SUPPORTED", f"{call.name} of {element}")
    found = f"{extreme}({items})"
    if call.name == "array_max" and element.name in ("double", "real"):
        found = f"coalesce(list_max(list_filter({items}, lambda t_item: NOT isnan(t_item))), {found})"
    return Expr(f"CASE WHEN len({items}) = list_count({items}) THEN {found} END", element)


@function("array_position", takes=(2,))
def _array_position(call: Call) -> Expr:
    items, value, element = _same_element(call, 0, 1)
    nan = _unless_nan(element, value).replace(" AND NOT ", f"WHEN {items} IS NOT NULL AND ")
    return Expr(
        f"CASE {nan and nan + ' THEN 0 '}WHEN {items} IS NOT NULL AND {value} IS NOT NULL "
        f"THEN CAST(coalesce(list_position({items}, {value}), 0) AS BIGINT) END",
        t.BIGINT,
    )


@function("array_remove", takes=(2,))
def _array_remove(call: Call) -> Expr:
    items, value, element = _same_element(call, 0, 1)
    nan = _unless_nan(element, value).replace(" AND NOT ", " OR ")
    kept = f"list_filter({items}, lambda t_item: t_item IS DISTINCT FROM {value}{nan})"
    return Expr(f"CASE WHEN {value} IS NOT NULL THEN {kept} END", array(element))


def _unless_nan(element: Type, value: str) -> str:
    """What to add to a condition over floating point numbers: NaN equals nothing."""
    return f" AND NOT isnan({value})" if element.name in ("double", "real") else ""


def _distinct(items: str, element: Type) -> Expr:
    first = f"list_position({items}, t_item) = t_i"
    nulls = f"t_item IS NULL AND len(list_filter(({items})[1:t_i], lambda t_x: t_x IS NULL)) = 1"
    return Expr(f"list_filter({items}, lambda t_item, t_i: {first} OR ({nulls}))", array(element))


def _within(items: str) -> str:
    """Whether t_item, NULL or not, is among the items."""
    return (
        f"(coalesce(list_contains({items}, t_item), FALSE) OR (t_item IS NULL AND len({items}) > list_count({items})))"
    )


def _two_arrays(call: Call) -> tuple[str, str, Type]:
    call.count(2)
    values, kind = call.translator.unify(call.args, call.node)
    if kind.name != "array":
        raise call.mismatch()
    return values[0].sql, values[1].sql, kind.element


def _unless_null(a: str, b: str, found: str) -> str:
    return f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {found} END"


@function("array_union")
def _array_union(call: Call) -> Expr:
    a, b, element = _two_arrays(call)
    return Expr(_unless_null(a, b, _distinct(f"list_concat({a}, {b})", element).sql), array(element))


@function("array_intersect")
def _array_intersect(call: Call) -> Expr:
    a, b, element = _two_arrays(call)
    # In the order of the longer one.
    left = _distinct(f"list_filter({a}, lambda t_item: {_within(b)})", element).sql
    right = _distinct(f"list_filter({b}, lambda t_item: {_within(a)})", element).sql
    found = f"CASE WHEN len({a}) >= len({b}) THEN {left} ELSE {right} END"
    return Expr(_unless_null(a, b, found), array(element))


@function("array_except")
def _array_except(call: Call) -> Expr:
    a, b, element = _two_arrays(call)
    kept = f"list_filter({a}, lambda t_item: NOT {_within(b)})"
    # Trino gives the first as it is where there is nothing to take away.
    found = f"CASE WHEN len({b}) = 0 THEN {a} ELSE {_distinct(kept, element).sql} END"
    return Expr(_unless_null(a, b, found), array(element))


@function("zip")
def _zip(call: Call) -> Expr:
    if len(call.args) < 2:
        raise call.mismatch()
    sides = [_items(call, i) for i in range(len(call.args))]
    kind = t.row([(None, element) for _, element in sides])
    fields = ", ".join(f'"{t.row_field(kind, i)}" := ({items})[t_i]' for i, (items, _) in enumerate(sides))
    longest = ", ".join(f"len({items})" for items, _ in sides)
    absent = " OR ".join(f"{items} IS NULL" for items, _ in sides)
    zipped = f"list_transform(range(1, greatest({longest}) + 1), lambda t_i: struct_pack({fields}))"
    return Expr(f"CASE WHEN {absent} THEN NULL ELSE {zipped} END", array(kind))


@function("zip_with", takes=(3,))
def _zip_with(call: Call) -> Expr:
    (a, x), (b, y) = _items(call, 0), _items(call, 1)
    place = call.translator.fresh()
    _, body = call.translator.lambda_(call.raw[2], [x, y], call.node, [f"({a})[{place}]", f"({b})[{place}]"])
    joined = f"list_transform(range(1, greatest(len({a}), len({b})) + 1), lambda {place}: {body.sql})"
    return Expr(_unless_null(a, b, joined), array(body.type))


@function("flatten", takes=(1,))
def _flatten(call: Call) -> Expr:
    items, element = _items(call)
    if element.name != "array":
        raise call.mismatch()
    return Expr(f"flatten({items})", element)


@function("slice", takes=(3,))
def _slice(call: Call) -> Expr:
    items, element = _items(call)
    start, size = call.integer(1), call.integer(2)
    zero = call.invalid("'SQL array indices start at 1'", to_duckdb(array(element)))
    negative = call.invalid("'length must be greater than or equal to 0'", to_duckdb(array(element)))
    begin = f"CASE WHEN {start} < 0 THEN len({items}) + {start} + 1 ELSE {start} END"
    return Expr(
        f"CASE WHEN {items} IS NULL OR {size} IS NULL THEN NULL WHEN {start} = 0 THEN {zero} "
        f"WHEN {size} < 0 THEN {negative} "
        f"WHEN {begin} < 1 OR {begin} > len({items}) OR {size} < 1 "
        f"THEN CASE WHEN {items} IS NOT NULL THEN CAST([] AS {to_duckdb(array(element))}) END "
        f"ELSE list_slice({items}, {begin}, {begin} + {size} - 1) END",
        array(element),
    )


@function("sequence", takes=(2, 3))
def _sequence(call: Call) -> Expr:
    if call.args[0].type.is_integer:
        start, stop = call.integer(0), call.integer(1)
        step = call.integer(2) if len(call.args) == 3 else f"CASE WHEN {start} <= {stop} THEN 1 ELSE -1 END"
        return _series(call, t.BIGINT, f"({stop} - {start})", step, f"{start} + t_i * {step}")
    kind = call.args[0].type
    if kind.name not in ("date", "timestamp") or call.args[1].type.name != kind.name:
        raise call.mismatch()
    (start_, stop_), kind = call.translator.unify(call.args[:2], call.node)
    ends = [f"CAST({value.sql} AS TIMESTAMP)" for value in (start_, stop_)]
    if len(call.args) == 2:
        if kind.name == "timestamp":
            raise call.mismatch()
        step = f"CASE WHEN {ends[0]} <= {ends[1]} THEN 1 ELSE -1 END"
        return _series(call, kind, f"date_sub('day', {ends[0]}, {ends[1]})", step,
                       f"{start_.sql} + CAST(t_i * {step} AS INTEGER)")  # fmt: skip
    if not call.args[2].type.name.startswith("interval"):
        raise call.mismatch()
    # From the start on, each time: the 31st comes again after February.
    if call.args[2].type == t.INTERVAL_YEAR:
        step = f"CAST(date_part('year', {call.args[2].sql}) * 12 + date_part('month', {call.args[2].sql}) AS BIGINT)"
        distance, item = (
            f"date_sub('month', {ends[0]}, {ends[1]})",
            f"{ends[0]} + to_months(CAST(t_i * {step} AS INTEGER))",
        )
    else:
        step = f"CAST(epoch_us({call.args[2].sql}) AS BIGINT)"
        distance, item = f"(epoch_us({ends[1]}) - epoch_us({ends[0]}))", f"{ends[0]} + to_microseconds(t_i * {step})"
    return _series(call, kind, distance, step, item)


_LONGEST = 10_000


def _series(call: Call, kind: Type, distance: str, step: str, item: str) -> Expr:
    """So many items as steps fit into the distance, and one more; t_i counts them from 0."""
    whole = array(kind)
    wrong = "sequence stop value should be greater than or equal to start value if step is greater than zero otherwise"
    fails = [
        call.invalid(f"'{text}'", to_duckdb(whole))
        for text in ("step must not be zero", f"{wrong} stop should be less than or equal to start",
                     f"result of sequence function must not have more than {_LONGEST} entries")
    ]  # fmt: skip
    return Expr(
        f"CASE WHEN {step} = 0 THEN {fails[0]} "
        f"WHEN ({distance} > 0) <> ({step} > 0) AND {distance} <> 0 THEN {fails[1]} "
        f"WHEN {distance} // {step} >= {_LONGEST} THEN {fails[2]} "
        f"ELSE list_transform(range({distance} // {step} + 1), lambda t_i: CAST({item} AS {to_duckdb(kind)})) END",
        whole,
    )


@function("repeat", takes=(2,))
def _repeat(call: Call) -> Expr:
    value, count = call.args[0], call.integer(1)
    text = "count argument of repeat function must be greater than or equal to 0"
    negative = call.invalid(f"'{text}'", to_duckdb(array(value.type)))
    repeated = f"list_resize([{value.sql}], {count}, {value.sql})"
    given = f"WHEN {count} IS NOT NULL THEN {repeated}"
    return Expr(f"CASE WHEN {count} < 0 THEN {negative} {given} END", array(value.type))


@function("transform", takes=(2,))
def _transform(call: Call) -> Expr:
    items, element = _items(call)
    names, body = call.translator.lambda_(call.raw[1], [element], call.node)
    return Expr(f"list_transform({items}, lambda {names[0]}: {body.sql})", array(body.type))


@function("filter", takes=(2,))
def _filter(call: Call) -> Expr:
    items, element = _items(call)
    names, body = call.translator.lambda_(call.raw[1], [element], call.node)
    return Expr(f"list_filter({items}, lambda {names[0]}: coalesce({body.sql}, FALSE))", array(element))


@function("any_match", "all_match", "none_match", takes=(2,))
def _match(call: Call) -> Expr:
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


@function("reduce", takes=(4,))
def _reduce(call: Call) -> Expr:
    items, element = _items(call)
    state = call.args[1]
    (state_name, item), step = call.translator.lambda_(call.raw[2], [state.type, element], call.node)
    if step.type != state.type or (element != state.type and element.name != "unknown"):
        # DuckDB's fold keeps to the type of the items.
        raise call.fail("NOT_SUPPORTED", f"reduce of {element} to {step.type}")
    whole = f"list_reduce({items}, lambda {state_name}, {item}: {step.sql}, {state.sql})"
    _, last = call.translator.lambda_(call.raw[3], [state.type], call.node, [f"({whole})"])
    return Expr(f"CASE WHEN {items} IS NOT NULL THEN {last.sql} END", last.type)


@function("map", takes=(0, 2))
def _map(call: Call) -> Expr:
    if not call.args:
        return Expr("MAP {}", map_of(t.UNKNOWN, t.UNKNOWN))
    (keys, key), (values, value) = _items(call, 0), _items(call, 1)
    return Expr(f"map({keys}, {values})", map_of(key, value))


@function("map_keys", takes=(1,))
def _map_keys(call: Call) -> Expr:
    return Expr(f"map_keys({call.args[0].sql})", array(call.of(0, "map").args[0]))


@function("map_values", takes=(1,))
def _map_values(call: Call) -> Expr:
    return Expr(f"map_values({call.args[0].sql})", array(call.of(0, "map").args[1]))


@function("map_concat")
def _map_concat(call: Call) -> Expr:
    values, kind = call.translator.unify(call.args, call.node)
    if kind.name != "map":
        raise call.mismatch()
    absent = " OR ".join(f"{value.sql} IS NULL" for value in values)
    # The entries of the last map come first.
    joined = functools.reduce(lambda later, value: f"t_map_concat({value}, {later})", [v.sql for v in reversed(values)])
    return Expr(f"CASE WHEN {absent} THEN NULL ELSE {joined} END", kind)


def _over_entries(call: Call) -> tuple[str, Expr, Type]:
    """map_filter and its like: an entry's name, the lambda's body over it, and the map's type."""
    call.count(2)
    kind, entry = call.of(0, "map"), call.translator.fresh()
    given = [f"struct_extract({entry}, 'key')", f"struct_extract({entry}, 'value')"]
    _, body = call.translator.lambda_(call.raw[1], list(kind.args), call.node, given)
    return entry, body, kind


def _map_of_entries(entries: str, kind: Type) -> Expr:
    return Expr(f"CAST(map_from_entries({entries}) AS {to_duckdb(kind)})", kind)


@function("map_filter")
def _map_filter(call: Call) -> Expr:
    entry, body, kind = _over_entries(call)
    kept = f"list_filter(map_entries({call.args[0].sql}), lambda {entry}: coalesce({body.sql}, FALSE))"
    return _map_of_entries(kept, kind)


@function("transform_values", "transform_keys")
def _map_transform(call: Call) -> Expr:
    entry, body, kind = _over_entries(call)
    key, value = f"struct_extract({entry}, 'key')", f"struct_extract({entry}, 'value')"
    if call.name == "transform_values":
        value, kind = body.sql, map_of(kind.args[0], body.type)
    else:
        key, kind = body.sql, map_of(body.type, kind.args[1])
    pairs = f"list_transform(map_entries({call.args[0].sql}), lambda {entry}: struct_pack(k := {key}, v := {value}))"
    return _map_of_entries(pairs, kind)


@function("map_entries", takes=(1,))
def _map_entries(call: Call) -> Expr:
    kind = t.row([(None, item) for item in call.of(0, "map").args])
    fields = f'"{t.row_field(kind, 0)}" := t_entry.key, "{t.row_field(kind, 1)}" := t_entry.value'
    return Expr(f"list_transform(map_entries({call.args[0].sql}), lambda t_entry: struct_pack({fields}))", array(kind))
