"""Why most of the bad rows of a file are bad: reasons counted by column and kind, as their text varies by the row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace

from lakelanes.convert.errors import FileRefusedError
from lakelanes.convert.rejects import Reject, RejectRows

# So many kinds are told apart, and of each is kept so much: 16 MB at most. Rows of later kinds only count in the total.
_MOST_KINDS = 2000
_CHARACTERS = 1000
# What differs between reasons of one kind: quoted texts, with Python's escapes, and numbers.
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_VARYING = re.compile(rf"{_QUOTED}|0x[0-9a-f]+|[0-9]+", re.DOTALL)
# What is wrong, without what follows a colon: what was expected, or the setting that helps.
_WHAT = re.compile(rf"(?:{_QUOTED}|(?!: ).)*", re.DOTALL)


class BadRowsError(FileRefusedError):
    """The file is refused for its bad rows. Which fault most of them have is known when all have been read.

    allowed: how many bad rows there may be, by which setting. culprit: the row that no number of allowed ones excuses,
    None when it is their number.
    """

    def __init__(
        self,
        allowed: str,
        differences: tuple[tuple[str, ...], tuple[str, ...]],
        *,
        culprit: Reject | None = None,
    ) -> None:
        super().__init__(f"too many bad rows: {allowed}", *differences)
        self.allowed = allowed
        self.culprit = culprit


@dataclass
class _Kind:
    count: int
    first: Reject


class ReasonCounts:
    """Counts the reasons of a file's rejected rows, which come in the file's order.

    total: rows that have a fault of their own. withheld: the others, which were rejected because the file was.
    first_withheld: the first of these.
    """

    def __init__(self, refusal: str | None = None) -> None:
        """refusal: the reason of rows without a fault of their own."""
        self._refusal = refusal
        self._kinds: dict[Hashable, _Kind] = {}
        self.total = self.withheld = 0
        self.first_withheld: Reject | None = None

    def add(self, rows: RejectRows) -> None:
        reasons = list(zip(rows.columns, rows.reasons, strict=True))
        places = dict(zip(reversed(reasons), range(len(reasons) - 1, -1, -1), strict=True))
        for (column, reason), count in Counter(reasons).items():
            if reason == self._refusal:
                self.withheld += count
                self.first_withheld = self.first_withheld or rows.at(places[column, reason])
                continue
            self.total += count
            key = kind_of(column, reason)
            known = self._kinds.get(key)
            if known is not None:
                known.count += count
            elif len(self._kinds) < _MOST_KINDS:
                row = rows.at(places[column, reason])
                self._kinds[key] = _Kind(count, replace(row, reason=reason[:_CHARACTERS], raw=row.raw[:_CHARACTERS]))

    def commonest(self) -> Reject | None:
        """The first row with the commonest fault, of several equally common ones the first; None when no row has one.

        Of its reason and of `raw` it has the first 1,000 characters."""
        found = max(self._kinds.values(), key=lambda kind: kind.count, default=None)
        return found.first if found else None

    def first_like(self, row: Reject) -> Reject:
        """The first row with a fault of this row's kind."""
        known = self._kinds.get(kind_of(row.column, row.reason))
        return known.first if known else row

    def of_kind(self, row: Reject) -> int:
        """How many rows have a fault of this row's kind."""
        known = self._kinds.get(kind_of(row.column, row.reason))
        return known.count if known else 1

    def told(self, row: Reject, records: int, then: str) -> str:
        """The row's reason, how many of the records have one of its kind, and its line, which is to be the first of
        theirs; what follows from it; and what the reason says besides.

        "'ja' is not a boolean: 212 of 300 rows, from line 2; 100 are allowed; set true_values and false_values"
        """
        count = self.of_kind(row)
        what = str(_WHAT.match(row.reason)[0])  # type: ignore[index]
        besides = row.reason[len(what) + 2 :]
        where = f"{'from' if count > 1 else 'on'} line {row.line}"
        return f"{what}: {count} of {records} rows, {where}; {then}" + (f"; {besides}" if besides else "")


def kind_of(column: str | None, reason: str) -> Hashable:
    """What reasons of one kind have in common: the column, and the text without what varies by the row."""
    return column, _VARYING.sub("#", reason[:_CHARACTERS])
