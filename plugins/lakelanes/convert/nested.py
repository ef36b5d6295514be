"""Arrays, maps and structs from JSON text: exactly the declared shape, numbers as they are written.

array   a JSON array
map     a JSON object; its names are read as texts of the key's type
struct  a JSON object; names match whatever their case, absent ones are null, others are refused
texts   a JSON string, which a string, char, varchar, date or timestamp is read from, the latter two as ISO 8601
numbers a JSON number, never by way of binary floating point
boolean true or false

null is null everywhere but as the key of a map. A text of more than LONGEST_NESTED characters is refused: as Python
objects its items take a hundred times its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lakelanes.types import HiveType

LONGEST_NESTED = 1 << 20

_NAMES = {"array": "an array", "map": "an object", "struct": "an object", "boolean": "true or false"}
_TEXTS = frozenset({"string", "char", "varchar", "date", "timestamp"})
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class NestedMisfitError(Exception):
    """The JSON does not have the type's shape; the message says why and where: `$.items[2].price: ...`."""


@dataclass(frozen=True)
class _Number:
    text: str


class _Object(list[tuple[str, Any]]):
    """A JSON object's names and values, repeated ones too."""


def parse_nested(text: str, column_type: HiveType, parse_leaf: Callable[[str, HiveType], Any]) -> Any:
    """The Python value that pyarrow takes for an array (list), a map (pairs) or a struct (dict); None for JSON null.

    parse_leaf: the value of a text in a column of a simple type; raises ValueError with the reason.
    Raises NestedMisfitError.
    """
    if len(text) > LONGEST_NESTED:
        raise NestedMisfitError(f"it has {len(text)} characters, {LONGEST_NESTED} are allowed")
    try:
        value = json.loads(
            text, object_pairs_hook=_Object, parse_float=_Number, parse_int=_Number, parse_constant=_refuse_constant
        )
        return _shape(value, column_type, "$", parse_leaf)
    except json.JSONDecodeError as error:
        raise NestedMisfitError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise NestedMisfitError("it is nested too deep") from None


def _refuse_constant(name: str) -> Any:
    raise NestedMisfitError(f"it is not JSON: {name} is no JSON value")


def _shape(value: Any, wanted: HiveType, path: str, parse_leaf: Callable[[str, HiveType], Any]) -> Any:
    if value is None:
        return None
    if wanted.kind == "array" and type(value) is list:
        return [_shape(item, wanted.children[0], f"{path}[{at}]", parse_leaf) for at, item in enumerate(value)]
    if wanted.kind == "map" and isinstance(value, _Object):
        key_type, value_type = wanted.children
        pairs: dict[Any, Any] = {}
        for name, item in value:
            key = _leaf(name, key_type, _below(path, name), parse_leaf)
            if key in pairs:
                raise NestedMisfitError(f"{_below(path, name)}: this key is there twice")
            pairs[key] = _shape(item, value_type, _below(path, name), parse_leaf)
        return list(pairs.items())
    if wanted.kind == "struct" and isinstance(value, _Object):
        types = dict(zip(wanted.names, wanted.children, strict=True))
        fields: dict[str, Any] = {}
        for name, item in value:
            if name.lower() not in types:
                raise NestedMisfitError(f"{_below(path, name)}: the struct has no such field")
            if name.lower() in fields:
                raise NestedMisfitError(f"{_below(path, name)}: this field is there twice")
            fields[name.lower()] = _shape(item, types[name.lower()], _below(path, name), parse_leaf)
        return {name: fields.get(name) for name in wanted.names}
    if wanted.kind == "boolean" and isinstance(value, bool):
        return value
    if wanted.kind in _TEXTS and isinstance(value, str):
        return _leaf(value, wanted, path, parse_leaf)
    if isinstance(value, _Number) and wanted.kind not in (*_TEXTS, *_NAMES):
        return _leaf(value.text, wanted, path, parse_leaf)
    expected = _NAMES.get(wanted.kind, "a string" if wanted.kind in _TEXTS else "a number")
    raise NestedMisfitError(f"{path}: found {_found(value)}, expected {expected}")


def _leaf(text: str, wanted: HiveType, path: str, parse_leaf: Callable[[str, HiveType], Any]) -> Any:
    try:
        text.encode()
        return parse_leaf(text, wanted)
    except UnicodeEncodeError:
        raise NestedMisfitError(f"{path}: half of a surrogate pair is no text") from None
    except ValueError as error:
        raise NestedMisfitError(f"{path}: {error}") from None


def _below(path: str, name: str) -> str:
    if _PLAIN_NAME.fullmatch(name):
        return f"{path}.{name}"
    return f"{path}[{json.dumps(name)}]"


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Number):
        return f"the number {value.text[:60]}"
    if isinstance(value, str):
        return f"the string {json.dumps(value[:60])}"
    return "an object" if isinstance(value, _Object) else "an array"
