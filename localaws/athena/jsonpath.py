"""JSON values as Trino's json functions see them: number text is kept as written, paths are the documented subset.

A path is `$`, then `.key`, `[0]`, `["key"]` or `['key']` steps; anything else (wildcards, filters, recursive descent)
fails with INVALID_FUNCTION_ARGUMENT rather than being answered differently.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

MISSING = object()

_STEP = re.compile(
    r"""\.(?P<key>[^.\[\]*?@()'"\s]+)|\[(?P<index>\d+)\]|\[\s*(?P<quote>["'])(?P<name>.*?)(?P=quote)\s*\]"""
)


class Number(str):
    """A JSON number as it was written."""


def load(text: str) -> Any:
    """The parsed value, or MISSING when the text is not JSON."""
    try:
        return json.loads(text, parse_float=Number, parse_int=Number)
    except ValueError:
        return MISSING


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
    value = load(text)
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


def dump(value: Any) -> str:
    """A JSON value as text without spaces; numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def canonical(text: str) -> str:
    """The text that json_parse keeps: no spaces, keys in order. Raises ValueError when it is not JSON."""
    value = load(text)
    if value is MISSING:
        raise ValueError(text)
    return dump(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
