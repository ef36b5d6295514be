"""Delimiters of several characters, or of others than ASCII's, at which neither the kernel nor pyarrow can split.

From the first byte of a file on, a control character stands in for such a delimiter. Nothing is lost by that: where the
file itself has that character, two others stand in for it. So every text can be given back as it was, and has to be: a
delimiter inside quotes is a part of its text. Of characters that could be of two delimiters (`|||` where it is `||`),
the first ones are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lakelanes.convert.errors import UnreadableSourceError

# https://www.unicode.org/charts/PDF/U0000.pdf: the separators and some controls, which texts hold least of all.
_CONTROLS = "\x1f\x1e\x1d\x1c\x1b\x16\x15\x14\x13\x12"


@dataclass(frozen=True)
class StandIn:
    """What stands in for a delimiter, in files whose dialect has this escape."""

    delimiter: str
    escape: str | None = None
    others: tuple[str, ...] = ()

    @cached_property
    def character(self) -> str:
        """What stands in for the delimiter."""
        return self._characters[0]

    @cached_property
    def mark(self) -> bytes:
        """What the characters begin with that stand in for those of the file that mean something else here."""
        return self._characters[1].encode()

    def put_into(self, data: bytes) -> tuple[bytes, bytes]:
        """The data with what stands in, and the bytes at its end that have to be seen with what follows: a delimiter or
        an escaped character may begin there."""
        if self.escape is None:
            if any(character.encode() in data for character in self._characters[:2]):
                data = self._own.sub(lambda found: self._codes[found[0]], data)
            data = data.replace(self.delimiter.encode(), self.character.encode())
            at = len(data) - self._begun(data)
            return data[:at], data[at:]
        end = 0

        def replaced(found: re.Match[bytes]) -> bytes:
            nonlocal end
            end = found.end()
            return self._codes.get(found[0]) or found[0][:1] + self._codes.get(found[0][1:], found[0][1:])

        made, rest = self._tokens.sub(replaced, data), data[end:]
        held = 1 if rest.endswith(self.escape.encode()) else self._begun(rest)
        at = len(made) - held
        return made[:at], made[at:]

    def coded(self, texts: Iterable[str]) -> list[str]:
        """Texts as they are read."""
        return [b"".join(self.put_into(text.encode())).decode() for text in texts]

    def text(self, text: str) -> str:
        """A text that was read, as it stands in the file."""
        if self.character not in text and self._characters[1] not in text:
            return text
        return self.value(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def value(self, text: bytes) -> bytes:
        """The same of bytes."""
        return self._coded.sub(lambda found: self._meant.get(found[0], found[0]), text)

    def values(self, texts: Any) -> Any:
        """The same of a binary column of Arrow's."""
        # Here, as a configuration is read without them, by the functions' start and wherever a DAG file is parsed.
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute

        pc: Any = pyarrow.compute
        found = pc.or_(pc.match_substring(texts, self.character.encode()), pc.match_substring(texts, self.mark))
        rows = np.flatnonzero(found.fill_null(False).to_numpy(zero_copy_only=False))
        if not rows.size:
            return texts
        values = [self.value(text) for text in texts.take(pa.array(rows)).to_pylist()]
        return pc.replace_with_mask(texts, found.fill_null(False), pa.array(values, texts.type))

    @cached_property
    def _characters(self) -> tuple[str, str, str]:
        free = [control for control in _CONTROLS if control not in {*self.delimiter, self.escape, *self.others}]
        return free[0], free[1], free[2]

    @cached_property
    def _codes(self) -> dict[bytes, bytes]:
        character, mark, other = (one.encode() for one in self._characters)
        return {self.delimiter.encode(): character, mark: mark + mark, character: mark + other}

    @cached_property
    def _meant(self) -> dict[bytes, bytes]:
        return {code: meant for meant, code in self._codes.items()}

    @cached_property
    def _own(self) -> re.Pattern[bytes]:
        character, mark, _ = self._characters
        return re.compile(f"[{character}{mark}]".encode())

    @cached_property
    def _coded(self) -> re.Pattern[bytes]:
        character, mark, other = self._characters
        return re.compile(f"{character}|{mark}[{mark}{other}]?".encode())

    @cached_property
    def _tokens(self) -> re.Pattern[bytes]:
        character, mark, _ = self._characters
        escaped = f"{re.escape(self.escape or '')}.|{re.escape(self.delimiter)}|[{character}{mark}]"
        return re.compile(escaped.encode(), re.DOTALL)

    def _begun(self, data: bytes) -> int:
        """How many of the last bytes may be the beginning of a delimiter."""
        delimiter = self.delimiter.encode()
        return next((size for size in range(len(delimiter) - 1, 0, -1) if data.endswith(delimiter[:size])), 0)


class StandInReader:
    """Reads UTF-8 and gives it with what stands in for the delimiter. What reading raises comes in its turn."""

    def __init__(self, read: Callable[[int], bytes], stand_in: StandIn) -> None:
        self._read = read
        self._stand_in = stand_in
        self._ready, self._held = b"", b""
        # Not the error: its traceback would keep the reader's buffer.
        self._failure: str | None = None
        self._ended = False

    def read(self, size: int) -> bytes:
        """1 to `size` bytes, none at the end. Raises UnreadableSourceError after the last readable byte."""
        while not self._ready and not self._ended:
            data = b""
            try:
                data = self._read(size)
            except UnreadableSourceError as error:
                self._failure = str(error)
            self._ready, self._held = self._stand_in.put_into(self._held + data)
            if not data:
                self._ready, self._held, self._ended = self._ready + self._held, b"", True
        if not self._ready and self._failure is not None:
            raise UnreadableSourceError(self._failure)
        data, self._ready = self._ready[:size], self._ready[size:]
        return data
