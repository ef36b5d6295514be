"""Plain text for people, on a terminal and in a log: progress of stages, and tables."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

# How often a log gets a line while a stage goes on; a terminal shows every change in place.
LOG_SECONDS = 5.0
# After this long a line is written even if it is the last one again.
STILL_SECONDS = 20.0


class Stages:
    """Says what is going on, stage by stage, and keeps the seconds that each took (``seconds``, by name)."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = sys.stdout if out is None else out
        self._clock = clock
        self._terminal = self._out.isatty()
        self._text, self._written_at, self._open = "", clock(), False
        self.name = ""
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str, doing: str) -> Iterator[None]:
        """A stage: its last line is its result, or else the last update, and its seconds, also when it fails."""
        started = self._clock()
        self.name, self._text = name, doing
        self._write(doing)
        try:
            yield
        finally:
            self.seconds[name] = self._clock() - started
            self._clear()
            self._line(f"{self._label()}{self._text} ({self.seconds[name]:.1f} s)")

    def update(self, text: str) -> None:
        """How far the stage has come."""
        changed, self._text = text != self._text, text
        due = LOG_SECONDS if changed else STILL_SECONDS
        if (self._terminal and changed) or self._clock() - self._written_at >= due:
            self._write(text)

    def result(self, text: str) -> None:
        """What the stage has come to, for its last line."""
        self._text = text

    def say(self, text: str = "") -> None:
        """Whole lines that stay."""
        self._clear()
        self._line(text)

    def _label(self) -> str:
        return f"{self.name:<9} "

    def _write(self, text: str) -> None:
        self._written_at = self._clock()
        if not self._terminal:
            self._line(f"{self._label()}{text} ...")
            return
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        self._out.write(shortened(f"{self._label()}{text} ...", width))
        self._out.flush()
        self._open = True

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def _clear(self) -> None:
        if self._open:
            self._out.write("\r\x1b[2K")
            self._open = False


def table(header: Sequence[str], rows: Sequence[Sequence[object]], widest: int = 80) -> str:
    """Aligned columns, numbers to the right; cells are put on one line and cut to ``widest`` columns of the screen."""
    cells = [[shortened(one_line("" if value is None else str(value)), widest) for value in row] for row in rows]
    right = [all(is_number(row[column]) for row in cells if row[column]) for column in range(len(header))]
    widths = [max(map(width_of, [name, *(row[column] for row in cells)])) for column, name in enumerate(header)]

    def line(values: Sequence[str]) -> str:
        parts = []
        for value, width, to_right in zip(values, widths, right, strict=True):
            space = " " * (width - width_of(value))
            parts.append(space + value if to_right else value + space)
        return "  " + "  ".join(parts).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, cells)])


def one_line(text: str) -> str:
    """``text`` with line ends and other control characters written out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shortened(text: str, width: int) -> str:
    """``text``, cut with an ellipsis where it takes more than ``width`` columns of the screen."""
    if width_of(text) <= width:
        return text
    while text and width_of(text) > width - 1:
        text = text[:-1]
    return text + "…"


def width_of(text: str) -> int:
    """Columns of the screen that ``text`` takes: two for a wide character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def is_number(text: str) -> bool:
    """Whether ``text`` is a number as people write it: sign, digits, commas, a point, a percent sign."""
    return text.lstrip("-").removesuffix("%").replace(",", "").replace(".", "", 1).isdigit()


def size(count: int) -> str:
    """``count`` bytes for people."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"
