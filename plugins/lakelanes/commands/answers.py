"""Rows of a table for a terminal: side by side where they fit, else column by column, as people can read them."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

NULL = "null"
_NARROWEST, _LONGEST_CELL = 40, 60


def width() -> int:
    """The columns of the terminal: COLUMNS, else what the terminal says, else 80."""
    return max(_NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def visible(value: Any) -> str:
    """A value in one line, in which what does not show, or would steer the terminal, is written as an escape."""
    text = NULL if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def cut(value: Any, *, less: int = 0, most: int | None = None) -> str:
    """A value as visible() has it, as far as a line of the terminal has room for it beside ``less`` characters."""
    room = width() - less if most is None else most
    text = visible(value if not isinstance(value, str) else value[: room + 1])
    return text if len(text) <= room else text[: room - 3] + "..."


def wrapped(label: str, text: str) -> list[str]:
    """The text in lines that fit the terminal, the first one after the label and the others below its text."""
    lines = textwrap.wrap(visible(text), max(_NARROWEST // 2, width() - len(label)), break_on_hyphens=False)
    return [label + line if not number else " " * len(label) + line for number, line in enumerate(lines or [""])]


def answer(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows below the names, numbers to the right; where that is wider than the terminal, a line per value."""
    cells = [[cut(value, most=_LONGEST_CELL) for value in row] for row in rows]
    headings = [cut(name, most=_LONGEST_CELL) for name in names]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width():
        return by_column(names, rows)
    numbers = [
        all(isinstance(value, int | float | Decimal | None) and not isinstance(value, bool) for value in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(headings)
    lines = [headings, ["-" * size for size in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(size) if number else cell.ljust(size)
            for cell, size, number in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in lines
    )


def by_column(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows one below the other, each with a line per value."""
    label = min(max(map(len, names)), width() // 2)
    lines = []
    for number, row in enumerate(rows, 1):
        lines.append(f"row {number}")
        for name, value in zip(names, row, strict=True):
            head = f"  {cut(name, most=label).ljust(label)}  "
            lines.append(head + cut(value, less=len(head)))
    return "\n".join(lines)
