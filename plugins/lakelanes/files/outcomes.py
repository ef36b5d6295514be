"""What became of source files, and whether a failed load is worth another try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lakelanes.errors import PermanentLoadError, RetryableLoadError
from lakelanes.ledger.entries import told_rejects

OutcomeState = Literal["loaded", "rejected", "failed", "superseded", "deleted", "already_loaded", "claimed_elsewhere"]

# An error's message names so many files.
_NAMED = 50


@dataclass(frozen=True)
class FileOutcome:
    """What became of one source file. ``error`` is set for rejected and failed files, and says what to look at.

    ``partitions``: paths of those that its rows are in, or were in before, and that of its rejected rows.
    ``size`` in bytes. ``line`` and ``column``: where the first bad row stands, and what is wrong in it; of a refused
    file the first with what ``error`` tells. ``rows_withheld``: of the rejected rows of a refused file those without a
    fault of their own.
    ``added_columns``: those it has in the table that the configuration does not name.
    """

    source: str
    state: OutcomeState
    partitions: tuple[str, ...] = ()
    size: int = 0
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    error: str | None = None
    line: int | None = None
    column: str | None = None
    retryable: bool = False
    added_columns: tuple[str, ...] = ()
    rows_withheld: int | None = None

    @property
    def is_failure(self) -> bool:
        return self.state in ("rejected", "failed")

    def describe(self) -> str:
        """One line for people: file, line, column, reason, and of a refused file how many rows are bad."""
        line = f", line {self.line}" if self.line is not None else ""
        column = f", column {self.column}" if self.column else ""
        reason = f": {self.error}" if self.error else ""
        rejects = told_rejects(self.rows_rejected, self.rows_withheld) if self.state == "rejected" else ""
        return f"{self.source}{line}{column}: {self.state}{reason}{rejects}"


def raise_for_outcomes(outcomes: Iterable[FileOutcome]) -> None:
    """Raises when files were not loaded: RetryableLoadError if a retry can cure any of them, else PermanentLoadError.

    Any and not all: one file that is refused for what it contains must not keep the others out of the lake. The retry
    refuses it again and loads the rest.
    """
    failures = [outcome for outcome in outcomes if outcome.is_failure]
    if not failures:
        return
    lines = [outcome.describe() for outcome in failures[:_NAMED]]
    if len(failures) > len(lines):
        lines.append(f"and {len(failures) - len(lines)} more, see the ledger")
    message = "\n  ".join([f"{len(failures)} of the files were not loaded:", *lines])
    raise (RetryableLoadError if any(f.retryable for f in failures) else PermanentLoadError)(message)
