"""What is wrong with the records of a block."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


class Faults:
    """For each record of a block the column at fault and the reason, None where nothing is wrong.

    Of several faults of a record the one added last stays.
    """

    def __init__(self, records: int) -> None:
        self._records = records
        self.any = False

    def add(
        self,
        records: Positions,
        column: str | None,
        reasons: list[str],
        freezing: npt.NDArray[np.bool_] | Literal[False] = False,
    ) -> None:
        if not reasons:
            return
        if not self.any:
            self.any = True
            self._columns: npt.NDArray[np.object_] = np.full(self._records, None, object)
            self._reasons: npt.NDArray[np.object_] = np.full(self._records, None, object)
            self._faulty = np.zeros(self._records, bool)
            self._freezing = np.zeros(self._records, bool)
        self._columns[records] = column
        self._reasons[records] = reasons
        self._faulty[records] = True
        self._freezing[records] = freezing

    def records(self) -> Positions:
        """The records with a fault, in order."""
        return np.flatnonzero(self._faulty) if self.any else np.zeros(0, np.int64)

    def of(self, records: Positions) -> tuple[list[str | None], list[str | None]]:
        """The columns and the reasons of these records."""
        if not self.any:
            return [None] * records.size, [None] * records.size
        return self._columns[records].tolist(), self._reasons[records].tolist()

    def first_freezing(self, records: Positions) -> int | None:
        """The place among these records of the first whose fault freezes the table."""
        freezing = np.flatnonzero(self._freezing[records]) if self.any else np.zeros(0, np.int64)
        return int(freezing[0]) if freezing.size else None
