"""What a report's files refer to, and what a model's files have: both read from the texts alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = re.compile(r"^(\t?)(table|column|measure) ('(?:[^']|'')*'|\S+)", re.MULTILINE)


def fields_of(files: Mapping[str, str]) -> set[tuple[str, str, str]]:
    """("Column" or "Measure", table, name) of each field of the TMDL of a project's files."""
    found = set()
    for path, text in files.items():
        if "/tables/" in path:
            table = ""
            for _, kind, quoted in _HEAD.findall(text):
                name = quoted[1:-1].replace("''", "'") if quoted.startswith("'") else quoted
                if kind == "table":
                    table = name
                else:
                    found.add((kind.capitalize(), table, name))
    return found


def references(document: Any, sources: Mapping[str, str] | None = None) -> Iterator[tuple[str, str, str]]:
    """("Column" or "Measure", table, name) of each field that a document of a report names.

    sources: the tables of a query by the names that it gives them.
    """
    if isinstance(document, list):
        for one in document:
            yield from references(one, sources)
    elif isinstance(document, dict):
        if isinstance(document.get("From"), list):
            sources = {one["Name"]: one["Entity"] for one in document["From"] if "Entity" in one}
        for kind in ("Column", "Measure"):
            if kind in document:
                where = document[kind]["Expression"]["SourceRef"]
                yield (
                    kind,
                    where["Entity"] if "Entity" in where else (sources or {})[where["Source"]],
                    document[kind]["Property"],
                )
        for key, one in document.items():
            if key not in ("Column", "Measure"):
                yield from references(one, sources)
