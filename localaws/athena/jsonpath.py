"""JSON values as Trino's json functions see them: numbers as each prints them, paths are the documented subset.

A path is `$`, then `.key`, `[0]`, `["key"]` or `['key']` steps; anything else (wildcards, filters, recursive descent)
fails with INVALID_FUNCTION_ARGUMENT rather than being answered differently.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from localaws.athena.values import java_double

MISSING = object()

_STEP = re.compile(
    r"""\.(?P<key>[^.\[\]*?@()'"\s]+)|\[(?P<index>\d+)\]|\[\s*(?P<quote>["'])(?P<name>.*?)(?P=quote)\s*\]"""
)


class Number(str):
    """A JSON number as it was written."""


def _refuse(text: str) -> Any:
    raise ValueError(text)


def load(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The parsed value, or MISSING when the text is not JSON. pairs: makes an object of its members; else a dict."""
    try:
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=_refuse, object_pairs_hook=pairs)
    except ValueError:
        return MISSING


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse)


class Object(dict[str, Any]):
    """A JSON object as a stream of members: of those with one name a path finds the first, and all are printed."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs


@functools.lru_cache(maxsize=512)
def steps(path: str) -> tuple[str | int, ...] | None:
    """A path's steps, or None when it is not one of those supported."""
    if not path.startswith("$"):
        return None
    found: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        if match["index"] is not None:
            found.append(int(match["index"]))
        else:
            found.append(match["key"] if match["key"] is not None else match["name"])
        at = match.end()
    return tuple(found)


def extract(text: str, path: str) -> Any:
    """What the path finds in the JSON text, or MISSING."""
    value = load(text, Object)
    for step in steps(path) or ():
        if isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return MISSING
    return value


def scalar_text(value: Any) -> str | None:
    """A JSON scalar as varchar; None for null, objects and arrays."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def dump(value: Any, number: Callable[[str], str] = str) -> str:
    """A JSON value as text without spaces; `number` makes a number's text of the one that was written."""
    if isinstance(value, Number):
        return number(value)
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, Object) else value.items()
        return "{" + ",".join(f"{dump(k)}:{dump(v, number)}" for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(item, number) for item in value) + "]"
    return re.sub("[\U00010000-\U0010ffff]", _surrogates, json.dumps(value, ensure_ascii=False))


def _surrogates(match: re.Match[str]) -> str:
    """Jackson's writer leaves a character as it is, but for those that Java has in two."""
    pair = match[0].encode("utf-16-be").hex().upper()
    return f"\\u{pair[:4]}\\u{pair[4:]}"


def as_double(text: str) -> str:
    """A number that json_extract prints: one with a point or an exponent has become a double."""
    if re.fullmatch("-?[0-9]+", text):
        return text
    value = float(text)
    return java_double(value) if math.isfinite(value) else f'"{java_double(value)}"'


def as_decimal(text: str) -> str:
    """A number that json_parse keeps: Java's BigDecimal, printed as Python's Decimal is."""
    return text if re.fullmatch("-?[0-9]+", text) else str(Decimal(text))


def canonical(text: str) -> str:
    """The text that json_parse keeps: no spaces, keys in order. Raises ValueError when it is not JSON."""
    value = load(text)
    if value is MISSING:
        raise ValueError(text)
    return dump(_sorted(value), as_decimal)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
