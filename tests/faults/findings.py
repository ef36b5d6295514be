"""What was done to a lake, and what an oracle found wrong with it afterwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

_SHOWN = 20


@dataclass
class FindingsBase:
    """Kinds of faults, each a field of a subclass: by what is at fault, what is wrong with it."""

    def counts(self) -> dict[str, int]:
        return {field.name: len(getattr(self, field.name)) for field in fields(self)}

    @property
    def clean(self) -> bool:
        return not any(self.counts().values())

    def describe(self) -> str:
        lines = []
        for kind in fields(self):
            entries = list(getattr(self, kind.name).items())
            lines += [f"{kind.name} {key}: {text}" for key, text in entries[:_SHOWN]]
            if len(entries) > _SHOWN:
                lines.append(f"{kind.name}: and {len(entries) - _SHOWN} more")
        return "\n".join(lines)

    def keys(self) -> list[str]:
        """What is at fault."""
        return sorted({key for kind in fields(self) for key in getattr(self, kind.name)})


def injected(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """The faults that the workers noted in the folder, by kind, and those at fail points, by point."""
    kinds: Counter[str] = Counter()
    points: Counter[str] = Counter()
    path = folder / "faults.jsonl"
    for line in map(json.loads, path.read_text().splitlines() if path.exists() else ()):
        kinds[line["kind"]] += 1
        if "_" in line["point"]:
            points[line["point"]] += 1
    return kinds, points


def listed(counts: Mapping[str, object]) -> str:
    """Counts as a line of text."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
