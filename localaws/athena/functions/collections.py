"""Array and map functions (https://trino.io/docs/current/functions/array.html and .../map.html)."""

from __future__ import annotations

import functools

from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.functions.registry import Call, function, simple
from localaws.athena.types import Type, array, to_duckdb

simple("cardinality(array(E)) bigint", "CAST(len({0}) AS BIGINT)")
simple("cardinality(map(K, V)) bigint", "CAST(cardinality({0}) AS BIGINT)")
simple("element_at(map(K, V), K) V", "({0})[{1}]")
simple("flatten(array(array(E))) array(E)", "flatten({0})")
simple("map_keys(map(K, V)) array(K)", "map_keys({0})")
simple("map_values(map(K, V)) array(V)", "map_values({0})")
simple("map() map(unknown, unknown)", "MAP {{}}")
simple("map(array(K), array(V)) map(K, V)", "map({0}, {1})")


@function("element_at(array(E), bigint) E")
def _element_at(call: Call) -> str:
    items, index = call.sql
    zero = call.invalid("SQL array indices start at 1")
    return f"CASE WHEN {items} IS NULL THEN NULL WHEN {index} = 0 THEN {zero} ELSE ({items})[{index}] END"


@function("contains(array(T), T) boolean")
def _contains(call: Call) -> str:
    items, value = call.sql
    found = f"list_contains({items}, {value}){' AND NOT ' + _nan(call) if _nan(call) else ''}"
    return (
        f"CASE WHEN {value} IS NULL OR {items} IS NULL THEN NULL WHEN {found} THEN TRUE "
        f"WHEN len({items}) > list_count({items}) THEN NULL ELSE FALSE END"
    )


@function("array_join(array(E), varchar) varchar", "array_join(array(E), varchar, varchar) varchar")
def _array_join(call: Call) -> str:
    items = call.sql[0]
    text = call.translator.cast(Expr("t_item", call.bound["e"]), t.VARCHAR, call.node).sql
    if len(call.args) == 3:
        text = f"coalesce({text}, {call.sql[2]})"
    joined = f"array_to_string(list_transform({items}, lambda t_item: {text}), {call.sql[1]})"
    return f"CASE WHEN {items} IS NOT NULL THEN coalesce({joined}, '') END"


@function("array_distinct(array(E)) array(E)")
def _array_distinct(call: Call) -> str:
    return _distinct(call.sql[0])


@function("array_sort(array(E)) array(E)")
def _array_sort(call: Call) -> str:
    if call.bound["e"].name in ("array", "row", "map"):
        raise call.fail("NOT_SUPPORTED", f"array_sort of {call.bound['e']}")
    return f"list_sort({call.sql[0]}, 'ASC', 'NULLS LAST')"


@function("array_max array_min(array(E)) E")
def _array_extreme(call: Call) -> str:
    items, element = call.sql[0], call.result
    if element.name in ("array", "row"):
        raise call.fail("NOT_SUPPORTED", f"{call.name} of {element}")
    found = f"{'list_max' if call.name == 'array_max' else 'list_min'}({items})"
    if call.name == "array_max" and element.name in ("double", "real"):
        found = f"coalesce(list_max(list_filter({items}, lambda t_item: NOT isnan(t_item))), {found})"
    return f"CASE WHEN len({items}) = list_count({items}) THEN {found} END"


@function("array_position(array(T), T) bigint")
def _array_position(call: Call) -> str:
    items, value = call.sql
    nan = f"WHEN {items} IS NOT NULL AND {_nan(call)} THEN 0 " if _nan(call) else ""
    return (
        f"CASE {nan}WHEN {items} IS NOT NULL AND {value} IS NOT NULL "
        f"THEN CAST(coalesce(list_position({items}, {value}), 0) AS BIGINT) END"
    )


@function("array_remove(array(T), T) array(T)")
def _array_remove(call: Call) -> str:
    items, value = call.sql
    nan = f" OR {_nan(call)}" if _nan(call) else ""
    kept = f"list_filter({items}, lambda t_item: t_item IS DISTINCT FROM {value}{nan})"
    return f"CASE WHEN {value} IS NOT NULL THEN {kept} END"


def _nan(call: Call) -> str:
    """Whether a floating point number that is looked for is NaN, which equals nothing; "" for other types."""
    return f"isnan({call.sql[1]})" if call.bound["t"].name in ("double", "real") else ""


def _distinct(items: str) -> str:
    first = f"list_position({items}, t_item) = t_i"
    nulls = f"t_item IS NULL AND len(list_filter(({items})[1:t_i], lambda t_x: t_x IS NULL)) = 1"
    return f"list_filter({items}, lambda t_item, t_i: {first} OR ({nulls}))"


def _within(items: str) -> str:
    """Whether t_item, NULL or not, is among the items."""
    return (
        f"(coalesce(list_contains({items}, t_item), FALSE) OR (t_item IS NULL AND len({items}) > list_count({items})))"
    )


def _unless_null(a: str, b: str, found: str) -> str:
    return f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN {found} END"


@function("array_union(array(E), array(E)) array(E)")
def _array_union(call: Call) -> str:
    a, b = call.sql
    return _unless_null(a, b, _distinct(f"list_concat({a}, {b})"))


@function("array_intersect(array(E), array(E)) array(E)")
def _array_intersect(call: Call) -> str:
    a, b = call.sql
    # In the order of the longer one.
    left = _distinct(f"list_filter({a}, lambda t_item: {_within(b)})")
    right = _distinct(f"list_filter({b}, lambda t_item: {_within(a)})")
    return _unless_null(a, b, f"CASE WHEN len({a}) >= len({b}) THEN {left} ELSE {right} END")


@function("array_except(array(E), array(E)) array(E)")
def _array_except(call: Call) -> str:
    a, b = call.sql
    kept = f"list_filter({a}, lambda t_item: NOT {_within(b)})"
    # Trino gives the first as it is where there is nothing to take away.
    return _unless_null(a, b, f"CASE WHEN len({b}) = 0 THEN {a} ELSE {_distinct(kept)} END")


@function("zip")
def _zip(call: Call) -> Expr:
    if len(call.args) < 2 or any(value.type.name != "array" for value in call.args):
        raise call.mismatch()
    kind = t.row([(None, value.type.element) for value in call.args])
    fields = ", ".join(f'"{t.row_field(kind, i)}" := ({items})[t_i]' for i, items in enumerate(call.sql))
    longest = ", ".join(f"len({items})" for items in call.sql)
    absent = " OR ".join(f"{items} IS NULL" for items in call.sql)
    zipped = f"list_transform(range(1, greatest({longest}) + 1), lambda t_i: struct_pack({fields}))"
    return Expr(f"CASE WHEN {absent} THEN NULL ELSE {zipped} END", array(kind))


@function("zip_with(array(A), array(B), function(A, B, R)) array(R)")
def _zip_with(call: Call) -> str:
    a, b, _ = call.sql
    place = call.translator.fresh()
    _, body = call.lambda_(2, f"({a})[{place}]", f"({b})[{place}]")
    joined = f"list_transform(range(1, greatest(len({a}), len({b})) + 1), lambda {place}: {body.sql})"
    return _unless_null(a, b, joined)


@function("slice(array(E), bigint, bigint) array(E)")
def _slice(call: Call) -> str:
    items, start, size = call.sql
    begin = f"CASE WHEN {start} < 0 THEN len({items}) + {start} + 1 ELSE {start} END"
    return (
        f"CASE WHEN {items} IS NULL OR {size} IS NULL THEN NULL "
        f"WHEN {start} = 0 THEN {call.invalid('SQL array indices start at 1')} "
        f"WHEN {size} < 0 THEN {call.invalid('length must be greater than or equal to 0')} "
        f"WHEN {begin} < 1 OR {begin} > len({items}) OR {size} < 1 "
        f"THEN CASE WHEN {items} IS NOT NULL THEN CAST([] AS {to_duckdb(call.result)}) END "
        f"ELSE list_slice({items}, {begin}, {begin} + {size} - 1) END"
    )


@function("sequence(bigint, bigint) array(bigint)", "sequence(bigint, bigint, bigint) array(bigint)")
def _sequence(call: Call) -> str:
    start, stop = call.sql[:2]
    step = call.sql[2] if len(call.args) == 3 else f"CASE WHEN {start} <= {stop} THEN 1 ELSE -1 END"
    return _series(call, t.BIGINT, f"({stop} - {start})", step, f"{start} + t_i * {step}")


@function(
    "sequence(date, date) array(date)",
    "sequence(T, T, interval day to second) array(T)",
    "sequence(T, T, interval year to month) array(T)",
)
def _sequence_of_moments(call: Call) -> str:
    kind = call.result.element
    if kind.name not in ("date", "timestamp"):
        raise call.mismatch()
    # From the start on, each time: the 31st comes again after February.
    start, stop = (f"CAST({end} AS TIMESTAMP)" for end in call.sql[:2])
    interval = call.sql[2] if len(call.args) == 3 else f"to_days(CASE WHEN {start} <= {stop} THEN 1 ELSE -1 END)"
    if len(call.args) == 3 and call.args[2].type == t.INTERVAL_YEAR:
        step = f"CAST(date_part('year', {interval}) * 12 + date_part('month', {interval}) AS BIGINT)"
        item = f"{start} + to_months(CAST(t_i * {step} AS INTEGER))"
        return _series(call, kind, f"date_sub('month', {start}, {stop})", step, item)
    step = f"CAST(epoch_us({interval}) AS BIGINT)"
    distance = f"(epoch_us({stop}) - epoch_us({start}))"
    return _series(call, kind, distance, step, f"{start} + to_microseconds(t_i * {step})")


_LONGEST = 10_000


def _series(call: Call, kind: Type, distance: str, step: str, item: str) -> str:
    """So many items as steps fit into the distance, and one more; t_i counts them from 0."""
    wrong = "sequence stop value should be greater than or equal to start value if step is greater than zero otherwise"
    wrong += " stop should be less than or equal to start"
    long = f"result of sequence function must not have more than {_LONGEST} entries"
    return (
        f"CASE WHEN {step} = 0 THEN {call.invalid('step must not be zero')} "
        f"WHEN ({distance} > 0) <> ({step} > 0) AND {distance} <> 0 THEN {call.invalid(wrong)} "
        f"WHEN {distance} // {step} >= {_LONGEST} THEN {call.invalid(long)} "
        f"ELSE list_transform(range({distance} // {step} + 1), lambda t_i: CAST({item} AS {to_duckdb(kind)})) END"
    )


@function("repeat(T, bigint) array(T)")
def _repeat(call: Call) -> str:
    value, count = call.sql
    negative = call.invalid("count argument of repeat function must be greater than or equal to 0")
    given = f"WHEN {count} IS NOT NULL THEN list_resize([{value}], {count}, {value})"
    return f"CASE WHEN {count} < 0 THEN {negative} {given} END"


@function("transform(array(E), function(E, R)) array(R)")
def _transform(call: Call) -> str:
    (name,), body = call.lambda_(1)
    return f"list_transform({call.sql[0]}, lambda {name}: {body.sql})"


@function("filter(array(E), function(E, boolean)) array(E)")
def _filter(call: Call) -> str:
    (name,), body = call.lambda_(1)
    return f"list_filter({call.sql[0]}, lambda {name}: coalesce({body.sql}, FALSE))"


@function("any_match all_match none_match(array(E), function(E, boolean)) boolean")
def _match(call: Call) -> str:
    items = call.sql[0]
    (name,), body = call.lambda_(1)
    results = f"list_transform({items}, lambda {name}: {body.sql})"
    # What decides it as soon as one item has it, and what the answer is then.
    decides = "FALSE" if call.name == "all_match" else "TRUE"
    found, other = ("TRUE", "FALSE") if call.name == "any_match" else ("FALSE", "TRUE")
    return (
        f"CASE WHEN list_contains({results}, {decides}) THEN {found} "
        f"WHEN len({results}) > list_count({results}) THEN NULL WHEN {items} IS NOT NULL THEN {other} END"
    )


@function("reduce(array(T), S, function(S, T, S), function(S, R)) R")
def _reduce(call: Call) -> str:
    items, state = call.sql[:2]
    element, kind = call.bound["t"], call.bound["s"]
    (state_name, item), step = call.lambda_(2)
    if step.type != kind or (element != kind and element.name != "unknown"):
        # DuckDB's fold keeps to the type of the items.
        raise call.fail("NOT_SUPPORTED", f"reduce of {element} to {step.type}")
    whole = f"list_reduce({items}, lambda {state_name}, {item}: {step.sql}, {state})"
    _, last = call.lambda_(3, f"({whole})")
    return f"CASE WHEN {items} IS NOT NULL THEN {last.sql} END"


@function("map_concat")
def _map_concat(call: Call) -> Expr:
    values, kind = call.translator.unify(call.args, call.node)
    if kind.name != "map":
        raise call.mismatch()
    absent = " OR ".join(f"{value.sql} IS NULL" for value in values)
    # The entries of the last map come first.
    joined = functools.reduce(lambda later, value: f"t_map_concat({value}, {later})", [v.sql for v in reversed(values)])
    return Expr(f"CASE WHEN {absent} THEN NULL ELSE {joined} END", kind)


def _over_entries(call: Call) -> tuple[str, str, str, str]:
    """map_filter and its like: an entry's name, its key and value, and the lambda's body over them."""
    entry = call.translator.fresh()
    key, value = f"struct_extract({entry}, 'key')", f"struct_extract({entry}, 'value')"
    _, body = call.lambda_(1, key, value)
    return entry, key, value, body.sql


def _map_of_entries(call: Call, entries: str) -> str:
    return f"CAST(map_from_entries({entries}) AS {to_duckdb(call.result)})"


@function("map_filter(map(K, V), function(K, V, boolean)) map(K, V)")
def _map_filter(call: Call) -> str:
    entry, _, _, body = _over_entries(call)
    return _map_of_entries(call, f"list_filter(map_entries({call.sql[0]}), lambda {entry}: coalesce({body}, FALSE))")


@function(
    "transform_values(map(K, V), function(K, V, R)) map(K, R)",
    "transform_keys(map(K, V), function(K, V, R)) map(R, V)",
)
def _map_transform(call: Call) -> str:
    entry, key, value, body = _over_entries(call)
    pair = f"k := {key}, v := {body}" if call.name == "transform_values" else f"k := {body}, v := {value}"
    pairs = f"list_transform(map_entries({call.sql[0]}), lambda {entry}: struct_pack({pair}))"
    return _map_of_entries(call, pairs)


@function("map_entries(map(K, V)) array(row(K, V))")
def _map_entries(call: Call) -> Expr:
    kind = t.row([(None, call.bound["k"]), (None, call.bound["v"])])
    fields = f'"{t.row_field(kind, 0)}" := t_entry.key, "{t.row_field(kind, 1)}" := t_entry.value'
    return Expr(f"list_transform(map_entries({call.sql[0]}), lambda t_entry: struct_pack({fields}))", array(kind))
