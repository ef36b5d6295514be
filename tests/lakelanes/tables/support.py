"""What the tests of tables share: tables, generated items that mostly fit them, and both readers of lines."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from lakelanes.config.model import Table
from lakelanes.tables.scanner import SLACK, LineError, Scanner
from lakelanes.types import HiveType, parse_type

ORDERS = [
    {"name": "order_id", "type": "string"},
    {"name": "total", "type": "decimal(38,2)"},
    {"name": "placed_at", "type": "timestamp"},
    {"name": "city", "type": "string", "attribute": "address.City"},
    {"name": "items", "type": "array<struct<sku:string,quantity:int,unit_price:decimal(12,2)>>"},
    {"name": "tags", "type": "array<string>"},
    {"name": "weights", "type": "map<string,decimal(38,10)>"},
    {"name": "signature", "type": "binary"},
]
LEAVES = (
    *(
        "string",
        "varchar(5)",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "decimal(5,2)",
        "decimal(18,0)",
        "decimal(38,10)",
    ),
    *("decimal(38,0)", "float", "double", "boolean", "date", "timestamp", "binary"),
)


def make_table(schema: Sequence[dict[str, Any]] = ORDERS, keys: Sequence[str] = ("order_id",), **more: Any) -> Table:
    raw = {"dynamodb_table": "shop-orders", "table_name": "orders", "keys": keys, "schema": schema, **more}
    return Table.model_validate(raw)


def scanned(table: Table, data: bytes, export_time: int | None = None, *, native: bool) -> Any:
    """The rows of lines, in the order of their text, or the number of the first bad line with the reason."""
    scanner = Scanner(table, export_time)
    assert scanner._native is not None, "the kernel is not built: python3 scripts/setup.py"
    if not native:
        scanner._native = None
    try:
        batches, lines = scanner.scan(bytearray(data) + bytearray(SLACK), len(data))
    except LineError as error:
        return error.line, error.reason
    for batch in batches:
        batch.validate(full=True)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert len(rows) == lines
    for row in rows:
        for name in (table.undeclared, "_rescued"):
            row[name] = row[name] and json.loads(row[name])
    return sorted(map(repr, rows))


def odd_lines(table: Table, data: bytes, export_time: int | None = None) -> int:
    """How many of the lines items.c leaves to Python."""
    scanner = Scanner(table, export_time)
    with suppress(LineError):
        scanner.scan(bytearray(data) + bytearray(SLACK), len(data))
    return int(scanner._scan.odd_count)


_CHARACTERS = st.characters(codec="utf-8")
_TEXTS = st.one_of(
    st.text(_CHARACTERS, max_size=8), st.sampled_from(["", "a", 'say "hi"', "back\\slash", "näher", "😀", "\n"])
)
_NUMBERS = st.one_of(
    st.integers(-200, 200).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000).map(str),
    st.from_regex(r"-?[0-9]{1,38}(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    *[st.integers(-99, 99).map(str)] * 4,
    st.sampled_from(["0", "-0", "1E+2", "1.50", "+7", ".5", "5.", "1e400", "0.1", "123456.7", "1E-5", "12.000", "007"]),
)
_MOMENTS = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["2024-02-29", "2023-02-29", "2024-03-15 07:08:09.123456Z", "2024-03-15T07:08:09+02:00", "x"]),
)
_BASE64 = st.one_of(
    *[st.binary(max_size=7).map(lambda data: base64.b64encode(data).decode())] * 15,
    st.sampled_from(["AB==", "AA=", "A", "ä==="]),
)
_NULL = st.just({"NULL": True})
_NAMES = st.one_of(*[st.sampled_from(["a", "b", "A", "sku", "SKU", "kelvin", "street", "ä", "x.y", ""])] * 5, _TEXTS)


def _of(tag: str, content: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return content.map(lambda value: {tag: value})


_SCALARS = st.one_of(
    _of("S", st.one_of(_TEXTS, _MOMENTS)), _of("N", _NUMBERS), _of("B", _BASE64), _of("BOOL", st.booleans()), _NULL
)
_SETS = st.one_of(
    _of("SS", st.lists(_TEXTS, max_size=3)),
    _of("NS", st.lists(_NUMBERS, max_size=3)),
    _of("BS", st.lists(_BASE64, max_size=2)),
)
ANY_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.one_of(_SCALARS, _SETS),
    lambda inner: st.one_of(
        _of("L", st.lists(inner, max_size=3)), _of("M", st.dictionaries(_NAMES, inner, max_size=3))
    ),
    max_leaves=6,
)


def fitting(kind: HiveType) -> st.SearchStrategy[Any]:
    """Attribute values that mostly are of the type."""
    if kind.kind == "array":
        element = fitting(kind.children[0])
        choices = [_of("L", st.lists(element, max_size=4))]
        child = kind.children[0].kind
        if child in ("string", "varchar", "date"):
            choices.append(_of("SS", st.lists(_TEXTS, max_size=3)))
        elif child == "binary":
            choices.append(_of("BS", st.lists(_BASE64, max_size=3)))
        else:
            choices.append(_of("NS", st.lists(_NUMBERS, max_size=3)))
        return st.one_of(*choices)
    if kind.kind == "map":
        return _of("M", st.dictionaries(_NAMES, fitting(kind.children[1]), max_size=4))
    if kind.kind == "struct":
        fields = {name: fitting(child) for name, child in zip(kind.names, kind.children, strict=True)}
        exact = st.fixed_dictionaries({}, optional=fields)
        upper = exact.map(lambda found: {name.upper(): value for name, value in found.items()})
        return _of("M", st.one_of(exact, exact, upper))
    if kind.kind in ("string", "varchar"):
        return _of("S", _TEXTS)
    if kind.kind in ("date", "timestamp"):
        return _of("S", _MOMENTS)
    if kind.kind == "boolean":
        return _of("BOOL", st.booleans())
    return _of("B", _BASE64) if kind.kind == "binary" else _of("N", _NUMBERS)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda text: f"array<{text}>"),
        inner.map(lambda text: f"map<string,{text}>"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda texts: "struct<" + ",".join(f"{'abk'[at]}:{text}" for at, text in enumerate(texts)) + ">"
        ),
    )


TYPES = st.recursive(st.sampled_from(LEAVES), _nested, max_leaves=4)


@st.composite
def tables_and_items(draw: Any) -> tuple[Table, list[dict[str, Any]]]:
    """A table of generated columns, and items with distinct keys that mostly fit them."""
    types = draw(st.lists(TYPES, min_size=1, max_size=4))
    paths = ["a", "Ä", "m.a", "m.b"]
    schema = [{"name": "id", "type": "string"}]
    schema += [{"name": f"c{at}", "type": text, "attribute": paths[at]} for at, text in enumerate(types)]
    table = make_table(schema, ["id"])
    items = []
    for number in range(draw(st.integers(1, 4))):
        item: dict[str, Any] = {"id": {"S": f"{number}"}}
        inner: dict[str, Any] = {}
        for at, text in enumerate(types):
            strategy = fitting(parse_type(text, binary=True))
            value = draw(st.one_of(*[strategy] * 12, _NULL, ANY_VALUE, st.none()))
            if value is not None:
                (inner if "." in paths[at] else item)[paths[at][-1]] = value
        inner |= draw(st.dictionaries(st.sampled_from(["street", "z", "é"]), ANY_VALUE, max_size=2))
        if draw(st.integers(0, 5)):
            item["m"] = {"M": inner}
        elif draw(st.booleans()):
            item["m"] = draw(ANY_VALUE)
        for name, value in draw(st.dictionaries(_NAMES, ANY_VALUE, max_size=3)).items():
            item.setdefault(name, value)
        names = draw(st.permutations(list(item)))
        items.append({name: item[name] for name in names})
    return table, items


@st.composite
def json_line(draw: Any, value: Any) -> bytes:
    """A value as JSON in one of the ways that writers have."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\r: ")]))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=separators)
    if draw(st.booleans()):
        text = text.replace("/", "\\/").replace("\\u00e4", "\\u00E4")
    return text.encode()
