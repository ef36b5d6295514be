"""The Trino types that Athena's SQL knows, and how they map to Hive (Glue), DuckDB and Arrow.

One `Type` is a base name with arguments: lengths and precisions are ints, element types are Types, row fields are
(name or None, Type) pairs. Coercion rules follow https://trino.io/docs/current/language/types.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

MAX_DECIMAL = 38


@dataclass(frozen=True)
class Type:
    """A Trino type. `zone` is the display zone of a timestamp with time zone, which is not part of the type."""

    name: str
    args: tuple[Any, ...] = ()
    zone: str = field(default="UTC", compare=False)

    def __str__(self) -> str:
        if self.name == "decimal":
            return f"decimal({self.args[0]},{self.args[1]})"
        if self.name == "varchar" or self.name == "char":
            return f"{self.name}({self.args[0]})" if self.args else self.name
        if self.name == "timestamp":
            return f"timestamp({self.precision})"
        if self.name == "timestamp with time zone":
            return f"timestamp({self.precision}) with time zone"
        if self.name == "array":
            return f"array({self.args[0]})"
        if self.name == "map":
            return f"map({self.args[0]}, {self.args[1]})"
        if self.name == "row":
            return "row(" + ", ".join(f"{_quote_field(n)} {t}" if n else str(t) for n, t in self.args) + ")"
        return self.name

    @property
    def precision(self) -> int:
        """Digits after the point of a timestamp's seconds, or all digits of a decimal."""
        if self.name in ("timestamp", "timestamp with time zone"):
            return int(self.args[0]) if self.args else 3
        return int(self.args[0])

    @property
    def scale(self) -> int:
        """Digits after a decimal's point."""
        return int(self.args[1])

    @property
    def element(self) -> Type:
        """What an array holds."""
        held: Type = self.args[0]
        return held

    @property
    def is_integer(self) -> bool:
        return self.name in INTEGER_RANGE

    @property
    def is_numeric(self) -> bool:
        return self.is_integer or self.name in ("decimal", "double", "real")

    @property
    def is_text(self) -> bool:
        return self.name in ("varchar", "char")


def _quote_field(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


BOOLEAN = Type("boolean")
TINYINT = Type("tinyint")
SMALLINT = Type("smallint")
INTEGER = Type("integer")
BIGINT = Type("bigint")
REAL = Type("real")
DOUBLE = Type("double")
VARCHAR = Type("varchar")
VARBINARY = Type("varbinary")
DATE = Type("date")
TIME = Type("time")
TIMESTAMP = Type("timestamp", (3,))
TIMESTAMP_TZ = Type("timestamp with time zone", (3,))
INTERVAL_DAY = Type("interval day to second")
INTERVAL_YEAR = Type("interval year to month")
JSON = Type("json")
UNKNOWN = Type("unknown")
# The type of an argument that is a lambda; it has no coercions.
FUNCTION = Type("function")


@dataclass(frozen=True)
class _Base:
    """How others name a type that has no arguments, or need have none: "" and None where they lack it.

    `digits` is its precision in GetQueryResults' ColumnInfo.
    """

    hive: str
    duckdb: str
    arrow: pa.DataType | None
    digits: int = 0


# DuckDB holds char trimmed, json and unknown as text and as integer.
_BASES = {
    "boolean": _Base("boolean", "BOOLEAN", pa.bool_()),
    "tinyint": _Base("tinyint", "TINYINT", pa.int8(), 3),
    "smallint": _Base("smallint", "SMALLINT", pa.int16(), 5),
    "integer": _Base("int", "INTEGER", pa.int32(), 10),
    "bigint": _Base("bigint", "BIGINT", pa.int64(), 19),
    "real": _Base("float", "FLOAT", pa.float32(), 17),
    "double": _Base("double", "DOUBLE", pa.float64(), 17),
    "varchar": _Base("string", "VARCHAR", pa.string(), 2147483647),
    "char": _Base("", "VARCHAR", pa.string()),
    "json": _Base("", "VARCHAR", pa.string()),
    "varbinary": _Base("binary", "BLOB", pa.binary(), 1073741824),
    "date": _Base("date", "DATE", pa.date32()),
    "time": _Base("", "TIME", None),
    "timestamp": _Base("timestamp", "TIMESTAMP", pa.timestamp("us"), 3),
    "timestamp with time zone": _Base("", "TIMESTAMPTZ", None, 3),
    "interval day to second": _Base("", "INTERVAL", None),
    "interval year to month": _Base("", "INTERVAL", None),
    "unknown": _Base("", "INTEGER", None),
}
# Bits, from the narrowest on.
INTEGER_RANGE = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
# Each is coerced to those behind it.
MOMENTS = ("date", "timestamp", "timestamp with time zone")


def decimal(precision: int, scale: int) -> Type:
    """decimal(precision, scale); Trino has no more than 38 digits."""
    return Type("decimal", (min(MAX_DECIMAL, precision), scale))


def varchar(length: int | None = None) -> Type:
    """varchar, or varchar(length)."""
    return Type("varchar", (length,)) if length is not None else VARCHAR


def array(element: Type) -> Type:
    return Type("array", (element,))


def row(fields: list[tuple[str | None, Type]]) -> Type:
    return Type("row", tuple(fields))


class TypeParser:
    """Reads the text of a type, Hive's or Trino's. Raises ValueError for any other text."""

    _TOKEN = r'[A-Za-z_$][\w$]*|"(?:[^"]|"")*"|`[^`]*`|\d+|[(),<>:]'

    def __init__(self, text: str, hive: bool) -> None:
        self.text = text
        self.hive = hive
        self.tokens = re.findall(self._TOKEN, text)
        self.at = 0
        if re.sub(rf"{self._TOKEN}|\s", "", text):
            raise self._no_type()

    def parse(self) -> Type:
        result = self._type()
        if self._peek():
            raise self._no_type()
        return result

    def _no_type(self) -> ValueError:
        return ValueError(f"{self.text!r} is not a type")

    def _peek(self, offset: int = 0) -> str:
        return self.tokens[self.at + offset] if self.at + offset < len(self.tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise self._no_type()
        self.at += 1
        return token

    def _list(self, brackets: str, item: Callable[[], Any]) -> list[Any]:
        self._take(brackets[0])
        items = [item()]
        while self._peek() == ",":
            self._take()
            items.append(item())
        self._take(brackets[1])
        return items

    def _int(self) -> int:
        token = self._take()
        if not token.isdigit():
            raise self._no_type()
        return int(token)

    def _type(self) -> Type:
        name = self._take().lower()
        brackets = "<>" if self.hive else "()"
        if name in ("array", "map"):
            parts = self._list(brackets, self._type)
            if len(parts) != (1 if name == "array" else 2):
                raise self._no_type()
            return Type(name, tuple(parts))
        if name == ("struct" if self.hive else "row"):
            return row(self._list(brackets, self._hive_field if self.hive else self._row_field))
        numbers = self._list("()", self._int) if self._peek() == "(" else []
        return _hive_base(name, numbers) if self.hive else self._trino_base(name, numbers)

    def _hive_field(self) -> tuple[str, Type]:
        name = self._take().strip("`").lower()
        self._take(":")
        return name, self._type()

    def _row_field(self) -> tuple[str | None, Type]:
        # A field is `name type` or only `type`: a second word that is not a type's continuation makes the first a name.
        first, following = self._peek().lower(), self._peek(1).lower()
        continued = first in ("double", "interval") or (
            first in ("time", "timestamp") and following in ("with", "without")
        )
        if not (first.startswith('"') or (re.match(r"[a-z_\"]", following) and not continued)):
            return None, self._type()
        name = self._take()
        return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower(), self._type()

    def _trino_base(self, name: str, numbers: list[int]) -> Type:
        words: list[str] = []
        while self._peek() and self._peek() not in (",", ")"):
            words.append(self._take().lower())
        suffix = " ".join(words)
        if name == "timestamp" and suffix in ("with time zone", "without time zone", ""):
            zoned = " with time zone" if suffix == "with time zone" else ""
            return Type(f"timestamp{zoned}", (numbers[0] if numbers else 3,))
        if name == "double" and suffix == "precision" and not numbers:
            return DOUBLE
        if suffix:
            name = f"{name} {suffix}"
        if name in ("varchar", "char"):
            return Type(name, tuple(numbers[:1] or ([1] if name == "char" else [])))
        if name in ("decimal", "dec", "numeric"):
            return _decimal_from(self.text, numbers, default=38)
        base = "integer" if name == "int" else name
        if base not in _BASES or base.startswith("timestamp") or numbers:
            raise ValueError(f"Unknown type: {self.text}")
        return Type(base)


def _decimal_from(text: str, numbers: list[int], default: int) -> Type:
    precision = numbers[0] if numbers else default
    scale = numbers[1] if len(numbers) > 1 else 0
    if not 1 <= precision <= MAX_DECIMAL or scale > precision or len(numbers) > 2:
        raise ValueError(f"{text!r}: a decimal has 1 to 38 digits and no larger scale")
    return decimal(precision, scale)


def _hive_base(name: str, numbers: list[int]) -> Type:
    if name in _HIVE and not numbers:
        return _HIVE[name]
    if name in ("char", "varchar") and len(numbers) == 1 and numbers[0] > 0:
        return Type(name, (numbers[0],))
    if name == "decimal":
        return _decimal_from(name, numbers, default=10)
    raise ValueError(f"{name!r} is not a Hive type")


_HIVE = {base.hive: Type(name) for name, base in _BASES.items() if base.hive} | {"integer": INTEGER}
_HIVE["timestamp"] = TIMESTAMP


def parse_trino(text: str) -> Type:
    """`decimal(10,2)`, `array(varchar)`, `row(a integer)`... Raises ValueError `Unknown type: x`."""
    return TypeParser(text, hive=False).parse()


def parse_hive(text: str) -> Type:
    """`decimal(10,2)`, `array<string>`, `struct<a:int>`... Raises ValueError."""
    return TypeParser(text, hive=True).parse()


def to_hive(kind: Type) -> str:
    """The Hive text that Glue stores for a type; raises ValueError for types that Hive lacks."""
    if kind.name in ("char", "decimal") or (kind.name == "varchar" and kind.args and 0 < kind.args[0] <= 65535):
        return str(kind)
    if kind.name == "array":
        return f"array<{to_hive(kind.element)}>"
    if kind.name == "map":
        return f"map<{to_hive(kind.args[0])},{to_hive(kind.args[1])}>"
    if kind.name == "row":
        return "struct<" + ",".join(f"{n or f'field{i}'}:{to_hive(t)}" for i, (n, t) in enumerate(kind.args)) + ">"
    if not _BASES[kind.name].hive:
        raise ValueError(f"Hive has no type {kind}")
    return _BASES[kind.name].hive


def to_duckdb(kind: Type) -> str:
    """How DuckDB names the type that holds its values."""
    if kind.name in _BASES:
        return _BASES[kind.name].duckdb
    if kind.name == "decimal":
        return f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "array":
        return f"{to_duckdb(kind.element)}[]"
    if kind.name == "map":
        return f"MAP({to_duckdb(kind.args[0])}, {to_duckdb(kind.args[1])})"
    fields = ", ".join(f'"{row_field(kind, i)}" {to_duckdb(t)}' for i, (_, t) in enumerate(kind.args))
    return f"STRUCT({fields})"


def row_field(kind: Type, index: int) -> str:
    """The name under which DuckDB holds a row's field: its position, so that any Trino name works."""
    return f"f{index}"


def to_arrow(kind: Type, named: bool = False) -> pa.DataType:
    """The Arrow type in which scans hand a column to DuckDB; where rows are `named`, that of a column in a file."""
    if kind.name == "decimal":
        return pa.decimal128(kind.precision, kind.scale)
    if kind.name == "array":
        return pa.list_(to_arrow(kind.element, named))
    if kind.name == "map":
        return pa.map_(to_arrow(kind.args[0], named), to_arrow(kind.args[1], named))
    if kind.name == "row":
        names = [(name or f"field{i}") if named else row_field(kind, i) for i, (name, _) in enumerate(kind.args)]
        return pa.struct([(name, to_arrow(t, named)) for name, (_, t) in zip(names, kind.args, strict=True)])
    if _BASES[kind.name].arrow is None:
        raise ValueError(f"a table cannot hold {kind}")
    return _BASES[kind.name].arrow


def common_type(a: Type, b: Type) -> Type | None:
    """The type both sides are coerced to for a comparison, CASE, UNION...; None when Trino would refuse."""
    if a == b:
        return a
    if a.name == "unknown":
        return b
    if b.name == "unknown":
        return a
    if a.is_integer and b.is_integer:
        return max(a, b, key=lambda kind: INTEGER_RANGE[kind.name])
    if a.is_numeric and b.is_numeric:
        return _common_numeric(a, b)
    if a.is_text and b.is_text:
        if "char" in (a.name, b.name):
            lengths = [kind.args[0] for kind in (a, b) if kind.args]
            return Type("char", (max(lengths),)) if len(lengths) == 2 else VARCHAR
        return varchar(max(a.args[0], b.args[0])) if a.args and b.args else VARCHAR
    if a.name in MOMENTS and b.name in MOMENTS:
        later = max(a, b, key=lambda kind: MOMENTS.index(kind.name))
        if a.name == b.name == "timestamp with time zone" and a.zone != b.zone:
            return TIMESTAMP_TZ
        precision = max(kind.precision for kind in (a, b) if kind.name != "date")
        return Type(later.name, (precision,), later.zone)
    if a.name == b.name == "array":
        element = common_type(a.element, b.element)
        return array(element) if element else None
    if a.name == b.name == "map":
        pair = [common_type(x, y) for x, y in zip(a.args, b.args, strict=True)]
        return Type("map", tuple(pair)) if all(pair) else None
    if a.name == b.name == "row" and len(a.args) == len(b.args):
        fields = []
        for (name, x), (other, y) in zip(a.args, b.args, strict=True):
            merged = common_type(x, y)
            if merged is None:
                return None
            fields.append((name if name == other else None, merged))
        return row(fields)
    return None


def _common_numeric(a: Type, b: Type) -> Type:
    names = {a.name, b.name}
    if "double" in names:
        return DOUBLE
    if "real" in names:
        return REAL
    x, y = as_decimal(a), as_decimal(b)
    scale = max(x.scale, y.scale)
    return decimal(max(x.precision - x.scale, y.precision - y.scale) + scale, scale)


def as_decimal(kind: Type) -> Type:
    """An integer type as the decimal that holds all its values; a decimal as it is."""
    return decimal(_BASES[kind.name].digits, 0) if kind.is_integer else kind


def coercible(source: Type, target: Type) -> bool:
    """Whether Trino coerces source to target without a CAST."""
    if source == target or source.name == "unknown":
        return True
    if target.name == "varchar" and not target.args and source.is_text:
        return True
    if source.name == "char" and target.name == "varchar":
        return True
    return common_type(source, target) == target


def result_metadata(kind: Type) -> tuple[str, int, int]:
    """(type, precision, scale) as GetQueryResults' ColumnInfo reports a type."""
    if kind.name == "decimal":
        return "decimal", kind.precision, kind.scale
    if kind.is_text:
        return kind.name, kind.args[0] if kind.args else 2147483647, 0
    name = "float" if kind.name == "real" else kind.name
    return name, _BASES[kind.name].digits if kind.name in _BASES else 0, 0
