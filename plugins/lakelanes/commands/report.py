"""What a command answers, as text and as data, and how its tables are set."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lakelanes.commands.answers import by_column, width
from lakelanes.config.model import Entity, Table
from lakelanes.errors import LakeError
from lakelanes.lake import Lake


@dataclass(frozen=True)
class Report:
    """text: for people. data: for ``--json``. errors: lines for standard error. status: exit code."""

    text: str
    data: Any
    status: int = 0
    errors: tuple[str, ...] = ()


class UsageError(LakeError):
    """A command was asked for something that is not there."""


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> str:
    """Rows under their headings, each column as wide as its longest text, numbers to the right; ``empty`` for none.

    In a terminal that is too narrow for it a line per cell.
    """
    rows = list(rows)
    shown = [[f"{cell:,}" if isinstance(cell, int) else str(cell or "-") for cell in row] for row in rows]
    numbers = [all(isinstance(cell, int) for cell in column) for column in zip(*rows, strict=True)] if shown else []
    if not shown:
        return empty
    lines = [[heading.upper() for heading in headings], *shown]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    if sys.stdout.isatty() and sum(widths) + 2 * len(widths) - 2 > width():
        return by_column(headings, shown)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in lines
    )


def entity_named(lake: Lake, name: str) -> Entity:
    """An entity of the configuration; UsageError, with the names there are, for one that it has not."""
    if name not in lake.config.entities:
        raise UsageError(f"the configuration has no entity {name!r}; it has {', '.join(lake.config.entities)}")
    return lake.config.entities[name]


def table_named(lake: Lake, name: str) -> Table:
    """A DynamoDB table of the configuration; UsageError, with the names there are, for one that it has not."""
    if name not in lake.config.tables:
        raise UsageError(f"the configuration has no table {name!r}; it has {', '.join(lake.config.tables) or 'none'}")
    return lake.config.tables[name]


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def minute(text: str | None) -> str:
    """A moment in ISO 8601 as people read it, to the minute; '' for none."""
    return (text or "")[:16].replace("T", " ")
