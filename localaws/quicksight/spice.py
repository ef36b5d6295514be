"""SPICE: the rows of data sets, which their readers see until a newer copy of them is complete.

So it is also while the columns of a data set change
(https://aws.amazon.com/blogs/business-intelligence/automate-spice-dataset-refreshes-using-amazon-quick-sight-apis).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Copy:
    """A data set's rows. ``columns``: names and types; ``ingestion`` made it, at ``completed`` (seconds since 1970)."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    ingestion: str
    completed: float


class Spice:
    """The copies of all data sets, by ARN. Thread-safe: a copy is whole or not there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: dict[str, Copy] = {}

    def reset(self) -> None:
        """Forget all rows."""
        with self._lock:
            self._copies.clear()

    def kept(self) -> dict[str, Copy]:
        """All copies, by ARN of the data set."""
        return self._copies

    def restore(self, kept: dict[str, Copy]) -> None:
        """Take over those of an earlier server."""
        with self._lock:
            self._copies.update(kept)

    def get(self, arn: str) -> Copy | None:
        """What a data set's readers see, None before its first ingestion is complete."""
        with self._lock:
            return self._copies.get(arn)

    def swap(self, arn: str, copy: Copy) -> None:
        """Put a new copy in the old one's place."""
        with self._lock:
            self._copies[arn] = copy

    def drop(self, arn: str) -> None:
        """Drop a data set's copy."""
        with self._lock:
            self._copies.pop(arn, None)


def outside_window(copy: Copy, column: str, since: datetime) -> list[Row]:
    """The rows that an incremental refresh leaves as they are: those before the window, and those without a date."""
    place = [name for name, _ in copy.columns].index(column)
    return [row for row in copy.rows if row[place] is None or row[place] < since]


def shown(copy: Copy | None, isoformat: Callable[[float], str], offset: int, limit: int | None) -> dict[str, Any]:
    """A copy as the control shows it: decimals are texts, dates are ISO 8601."""
    if copy is None:
        return {"columns": [], "rows": [], "total": 0, "ingestion": None, "completed": None}
    end = None if limit is None else offset + limit
    return {
        "columns": [{"name": name, "type": kind} for name, kind in copy.columns],
        "rows": [[_plain(value) for value in row] for row in copy.rows[offset:end]],
        "total": len(copy.rows),
        "ingestion": copy.ingestion,
        "completed": isoformat(copy.completed),
    }


def size(rows: Sequence[Row]) -> int:
    """How many bytes rows take in SPICE: 8 for a number or a date, 8 and its UTF-8 for a string
    (https://docs.aws.amazon.com/quicksight/latest/user/spice.html, "Estimating the size of SPICE datasets")."""
    return sum(8 + (len(value.encode()) if isinstance(value, str) else 0) for row in rows for value in row)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
