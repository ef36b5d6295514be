"""Hive's column types: what the configuration says, and what Arrow, Parquet and Athena's SQL call the same thing."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|\d+|[<>(),:])")
_MAX_DEPTH = 32

# Hive name -> (Arrow's name, Trino's). Timestamps are microseconds: see lakelanes.convert.writer.
_SIMPLE: dict[str, tuple[str, str]] = {
    "string": ("string", "varchar"),
    "boolean": ("bool", "boolean"),
    "tinyint": ("int8", "tinyint"),
    "smallint": ("int16", "smallint"),
    "int": ("int32", "integer"),
    "bigint": ("int64", "bigint"),
    "float": ("float32", "real"),
    "double": ("float64", "double"),
    "date": ("date32", "date"),
    "timestamp": ("timestamp[us]", "timestamp"),
    "binary": ("binary", "varbinary"),
}
_ALIASES = {"integer": "int"}
# What other systems call the types.
_OTHER_NAMES = {
    **dict.fromkeys(("bool", "bit", "logical"), "boolean"),
    **dict.fromkeys(("number", "numeric", "dec", "money", "currency", "bignumeric"), "decimal"),
    **dict.fromkeys(("text", "str", "clob", "uuid", "json", "object", "enum", "mediumtext", "longtext"), "string"),
    **dict.fromkeys(("varchar2", "nvarchar", "nvarchar2"), "varchar"),
    **dict.fromkeys(("nchar", "character", "bpchar"), "char"),
    **dict.fromkeys(("long", "int64", "int8", "bigserial", "uint32"), "bigint"),
    **dict.fromkeys(("int32", "int4", "mediumint", "serial", "uint16"), "int"),
    **dict.fromkeys(("int16", "int2", "short"), "smallint"),
    **dict.fromkeys(("byte", "uint8"), "tinyint"),
    **dict.fromkeys(("real", "float4", "float32"), "float"),
    **dict.fromkeys(("float8", "float64"), "double"),
    **dict.fromkeys(("datetime", "datetime2", "timestamptz", "timestamp_ntz", "smalldatetime"), "timestamp"),
    **dict.fromkeys(("list", "set"), "array"),
    **dict.fromkeys(("row", "record"), "struct"),
    "date32": "date",
}
_MAX_LENGTH = {"char": 255, "varchar": 65535}
_MAX_PRECISION = 38


@dataclass(frozen=True)
class HiveType:
    """A Hive column type.

    kind: its name without arguments ("decimal", "varchar", "array", ...); "integer" is "int".
    text: the type as Hive and Glue write it, normalised ("decimal(10,2)", "struct<a:int,b:array<string>>").
    trino: the type as Athena's SQL writes it, in casts for example ("varchar", "real", "row(\"a\" integer)").
    precision, scale: of a decimal. length: the characters of a char or varchar.
    children: the element of an array, key and value of a map, the fields of a struct; names: the struct's field names.
    """

    kind: str
    text: str
    trino: str = field(compare=False)
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    children: tuple[HiveType, ...] = ()
    names: tuple[str, ...] = ()

    @cached_property
    def arrow(self) -> pa.DataType:
        """The Arrow type its values have in the Parquet file."""
        # Here and not above: a configuration is read, and a DAG file parsed, without pyarrow.
        import pyarrow as pa

        if self.kind in _SIMPLE:
            return pa.type_for_alias(_SIMPLE[self.kind][0])
        if self.kind == "decimal":
            return pa.decimal128(self.precision, self.scale)
        if self.is_text:
            return pa.string()
        below = [child.arrow for child in self.children]
        if self.kind == "array":
            return pa.list_(*below)
        if self.kind == "map":
            return pa.map_(*below)
        return pa.struct([pa.field(name, child) for name, child in zip(self.names, below, strict=True)])

    @property
    def is_nested(self) -> bool:
        return bool(self.children)

    @property
    def is_text(self) -> bool:
        return self.kind in ("string", "char", "varchar")

    def __str__(self) -> str:
        return self.text


def parse_type(text: str, *, binary: bool = False) -> HiveType:
    """The HiveType that `text` names; case and spaces do not matter.

    binary: whether the values come as bytes, so that a binary column can be loaded; text has no agreed form for them.
    A bare `decimal` is decimal(10,0) and decimal(p) is decimal(p,0), as in Hive.
    Raises ValueError: "'decimal(10;2)' is not a Hive type", followed by the reason where more can be said.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a Hive type")
    return _parsed(text, binary)


# A configuration has few types, of thousands of columns.
@lru_cache(maxsize=4096)
def _parsed(text: str, binary: bool) -> HiveType:
    return _Parser(text, binary).parse()


def _is_type(text: str) -> bool:
    try:
        parse_type(text)
    except ValueError:
        return False
    return True


class _Parser:
    """A recursive-descent parser of Hive's type grammar."""

    def __init__(self, text: str, binary: bool) -> None:
        self._text = text
        self._binary = binary
        self._tokens = self._tokenise()
        self._next = 0

    def parse(self) -> HiveType:
        parsed = self._type(0)
        if self._next != len(self._tokens):
            raise self._error()
        return parsed

    def _error(self, reason: str = "") -> ValueError:
        return ValueError(f"{self._text!r} is not a Hive type" + (f": {reason}" if reason else ""))

    def _tokenise(self) -> list[str]:
        stripped, tokens, at = self._text.rstrip(), [], 0
        while at < len(stripped):
            match = _TOKEN.match(stripped, at)
            if match is None or not match[1].isascii():
                raise self._error()
            tokens.append(match[1].lower())
            at = match.end()
        return tokens

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._peek()
        if not token or (expected is not None and token != expected):
            raise self._error()
        self._next += 1
        return token

    def _type(self, depth: int) -> HiveType:
        if depth > _MAX_DEPTH:
            raise self._error(f"it is nested more than {_MAX_DEPTH} deep")
        name = self._take()
        kind = _ALIASES.get(name, name)
        if kind == "binary" and not self._binary:
            raise self._error("binary columns cannot be loaded, text has no agreed form for them")
        if kind in _SIMPLE:
            return HiveType(kind, kind, _SIMPLE[kind][1])
        if kind == "decimal":
            return self._decimal()
        if kind in _MAX_LENGTH:
            return self._characters(kind)
        if kind == "array":
            return self._array(depth)
        if kind == "map":
            return self._map(depth)
        if kind == "struct":
            return self._struct(depth)
        raise self._unknown(name)

    def _unknown(self, name: str) -> ValueError:
        """The error for a name that is no type, with the type that is meant, if one is like it."""
        near = difflib.get_close_matches(name, [*_SIMPLE, "decimal", *_MAX_LENGTH, "array", "map", "struct"], n=1)
        meant = _OTHER_NAMES.get(name) or (near[0] if near else None)
        if meant is None or meant == "binary":
            return self._error()
        # All other names in it are mended as well, but not those of a struct's fields.
        mended = re.sub(
            r"[a-z_]\w*(?!\w|\s*:)", lambda word: _OTHER_NAMES.get(word[0], word[0]), self._text.strip().lower()
        )
        written = re.sub(rf"\b{name}\b", meant, mended)
        # A type that takes the arguments as they are, or one with such as it needs.
        candidates = [written, meant, f"{meant}(12,2)", f"{meant}(20)"]
        # A bare decimal is decimal(10,0), which nobody means.
        candidates = [one for one in candidates if one != "decimal"]
        return ValueError(
            f"{self._text!r} is not a Hive type; did you mean {next(filter(_is_type, candidates), meant)!r}?"
        )

    def _numbers(self) -> list[int]:
        """The numbers in parentheses after a name; none when there are no parentheses."""
        if self._peek() != "(":
            return []
        self._take("(")
        numbers = []
        while True:
            token = self._take()
            if not token.isdigit() or len(token) > 9:
                raise self._error()
            numbers.append(int(token))
            if self._take() == ")":
                return numbers
            if self._tokens[self._next - 1] != ",":
                raise self._error()

    def _decimal(self) -> HiveType:
        arguments = self._numbers()
        if len(arguments) > 2:
            raise self._error()
        precision, scale = [*arguments, *(10, 0)[len(arguments) :]]
        if not 1 <= precision <= _MAX_PRECISION:
            raise self._error(f"the precision is 1 to {_MAX_PRECISION}, not {precision}")
        if scale > precision:
            raise self._error(f"the scale {scale} is above the precision {precision}")
        text = f"decimal({precision},{scale})"
        return HiveType("decimal", text, text, precision=precision, scale=scale)

    def _characters(self, kind: str) -> HiveType:
        arguments = self._numbers()
        if len(arguments) != 1:
            raise self._error(f"{kind} needs a length, as in {kind}(10)")
        length = arguments[0]
        if not 1 <= length <= _MAX_LENGTH[kind]:
            raise self._error(f"the length of a {kind} is 1 to {_MAX_LENGTH[kind]}, not {length}")
        text = f"{kind}({length})"
        return HiveType(kind, text, text, length=length)

    def _array(self, depth: int) -> HiveType:
        self._take("<")
        element = self._type(depth + 1)
        self._take(">")
        return HiveType("array", f"array<{element.text}>", f"array({element.trino})", children=(element,))

    def _map(self, depth: int) -> HiveType:
        self._take("<")
        key = self._type(depth + 1)
        if key.is_nested:
            raise self._error(f"the key of a map is a simple type, not {key.text}")
        self._take(",")
        value = self._type(depth + 1)
        self._take(">")
        return HiveType(
            "map",
            f"map<{key.text},{value.text}>",
            f"map({key.trino}, {value.trino})",
            children=(key, value),
        )

    def _struct(self, depth: int) -> HiveType:
        self._take("<")
        names: list[str] = []
        children: list[HiveType] = []
        while True:
            name = self._take()
            if not (name[0].isalpha() or name[0] == "_"):
                raise self._error()
            if name in names:
                raise self._error(f"the struct has two fields called {name}")
            self._take(":")
            names.append(name)
            children.append(self._type(depth + 1))
            if self._take() == ">":
                break
            if self._tokens[self._next - 1] != ",":
                raise self._error()
        inner = ",".join(f"{name}:{child.text}" for name, child in zip(names, children, strict=True))
        row = ", ".join(f'"{name}" {child.trino}' for name, child in zip(names, children, strict=True))
        return HiveType(
            "struct",
            f"struct<{inner}>",
            f"row({row})",
            children=tuple(children),
            names=tuple(names),
        )
