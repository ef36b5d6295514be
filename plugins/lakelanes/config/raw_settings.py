"""Reading the raw configuration, whatever is wrong with it: what the modules that find faults have in common.

Single settings are checked elsewhere, so a list may be no list here, a column no object, and a name no text; such are
passed over.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from lakelanes.types import HiveType, parse_type

_SHOWN = 80


def shown(value: Any) -> str:
    """A value of the file as a fault quotes it, cut to 80 characters."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def listed(owner: dict[str, Any], setting: str) -> list[Any]:
    """What a setting lists; [] when it is no list."""
    values = owner.get(setting)
    return values if isinstance(values, list) else []


def objects(owners: Any, path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The objects of a setting by their names: name, path and the object."""
    for name, owner in owners.items() if isinstance(owners, dict) else ():
        if isinstance(owner, dict):
            yield name, f"{path}.{name}", owner


def named_columns(owner: dict[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The columns of ``schema`` that have a name: position, name in lower case, and the column."""
    for index, column in enumerate(listed(owner, "schema")):
        if isinstance(column, dict) and isinstance(column.get("name"), str):
            yield index, column["name"].lower(), column


def type_of(column: dict[str, Any], *, binary: bool = False) -> HiveType | None:
    """A column's type; None when it is none, which is reported where it stands."""
    try:
        return parse_type(str(column.get("type")), binary=binary)
    except ValueError:
        return None


def near_match(name: str, known: Iterable[str]) -> str:
    """The end of a fault about a name that is not known: the one that was perhaps meant; '' where none is alike."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def case_faults(owners: dict[str, Any], path: str) -> Iterator[str]:
    """Faults of names that differ only in upper and lower case: folders and tables made of them may be the same."""
    folded: dict[str, str] = {}
    for name in owners:
        if name.lower() in folded:
            yield f"{path}.{name}: differs from {path}.{folded[name.lower()]} only in upper and lower case"
        folded.setdefault(name.lower(), name)


def table_name_faults(path: str, names: Iterable[str], taken: dict[str, str]) -> Iterator[str]:
    """Faults of names of tables in Glue that others have; ``taken``, whose each name is, comes to hold these too."""
    for name in names:
        if name in taken:
            yield f"{path}.table_name: table {name!r} belongs to {taken[name]} already"
        taken[name] = path


def column_name_faults(path: str, owner: dict[str, Any], seen: dict[str, str]) -> Iterator[str]:
    """Faults of columns of one name; ``seen`` comes to hold where each name stands."""
    for index, name, _ in named_columns(owner):
        where = f"{path}.schema[{index}]"
        if name in seen:
            yield f"{where}.name: {name!r} is the name of {seen[name]} already"
        seen.setdefault(name, where)
