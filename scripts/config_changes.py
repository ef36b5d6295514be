"""What is different between two configurations, in the words of the file: a line for each, by the setting's path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

# Of these a whole one may come or go, with what people call it.
_NAMED = {"entities": "entity", "tables": "DynamoDB table"}
_LONGEST = 60


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The differences between the JSON of two configurations; none when they are the same."""
    lines: list[str] = []
    for section, noun in _NAMED.items():
        old, new = before.get(section) or {}, after.get(section) or {}
        lines += [f"{section}.{name}: the {noun} is new" for name in new if name not in old]
        lines += [f"{section}.{name}: the {noun} is gone; its data stay" for name in old if name not in new]
    for path, old, new in _differences("", before, after):
        section, _, name = path.partition(".")
        if section in _NAMED and name and "." not in name and (old is None or new is None):
            continue
        lines.append(f"{path}: now {_shown(new)}, before {_shown(old)}")
    return lines


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """The paths whose values differ, with both values; None for one that is not there."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _differences(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            pair = (each[index] if index < len(each) else None for each in (before, after))
            yield from _differences(f"{path}[{index}]", *pair)
    elif path in _NAMED:
        yield from _differences(path, before or {}, after or {})
    else:
        yield path, before, after


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
