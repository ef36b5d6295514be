"""Texts of loaded rows that fit no column of theirs, and the columns that take them: rescued values and variants.

Whole arrays throughout: every row may have such a text, as when a file has a new column.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from lakelanes.convert.arrays import of_numbers, of_truths
from lakelanes.convert.cast import NULL_REFUSED, Array, Cast, Mask
from lakelanes.convert.policy import SchemaPolicy, variant_name
from lakelanes.convert.utf8 import utf8_rows
from lakelanes.convert.values import shortened

pc: Any = pyarrow.compute

# What JSON does not allow in a string as it is.
_TO_ESCAPE = r'["\\\x00-\x1f]'

Rows = npt.NDArray[np.int64]


class Misfits:
    """The misfits of a block of `count` rows, given column by column, the last column first.

    label: what the file calls a column, its key in the rescued JSON.
    """

    def __init__(self, policy: SchemaPolicy, count: int) -> None:
        self._policy = policy
        self._count = count
        self._misfits: list[tuple[str, str, Rows, Array]] = []
        self._rescued: list[tuple[str, Array]] = []

    def take_misfits(
        self, column: str, label: str, texts: Array, cast: Cast, *, required: bool = False
    ) -> tuple[Cast, Mask]:
        """The cast without what the policy loads all the same; and of its bad rows those that freeze the table.

        texts: the binary column that was cast. Bytes that are no text are no misfits: they stay bad. So does every bad
        value of a required column, as the row would be loaded with a null there.
        """
        if not cast.reasons or self._policy.type_misfits == "discard_row":
            return cast, np.zeros(len(cast.reasons), bool)
        bad = texts.take(of_numbers(cast.bad)).fill_null(b"")
        misfit = utf8_rows(bad)
        if self._policy.type_misfits == "freeze":
            return cast, misfit & np.array([reason != NULL_REFUSED for reason in cast.reasons])
        if required:
            return cast, np.zeros(len(cast.reasons), bool)
        self._misfits.append((column, label, cast.bad[misfit], bad.filter(of_truths(misfit)).cast(pa.string())))
        rest = np.flatnonzero(~misfit)
        return Cast(cast.values, cast.bad[rest], [cast.reasons[at] for at in rest.tolist()]), np.zeros(rest.size, bool)

    def rescue(self, label: str, texts: Array) -> None:
        """Keeps a string column that the table lacks."""
        self._rescued.append((label, texts))

    def rescued(self) -> Array:
        """The column RESCUED."""
        columns = list(self._rescued)
        if self._policy.rescues_misfits:
            columns += [(label, self._spread(rows, texts)) for _, label, rows, texts in self._misfits]
        members = [_member(label, texts) for label, texts in reversed(columns) if texts.null_count < len(texts)]
        if not members:
            return pa.nulls(self._count, pa.string())
        # null_handling="skip" would leave out the rows that have nothing at all (pyarrow 25).
        joined = pc.binary_join_element_wise(*members, "", null_handling="replace", null_replacement="")
        whole = pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 1), "}", "")
        return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), whole)

    def variants(self, good: Mask) -> list[tuple[str, Array]]:
        """The variant columns that hold a text in a good row, by name."""
        if self._policy.type_misfits != "evolve":
            return []
        return [
            (variant_name(column), self._spread(rows, texts))
            for column, _, rows, texts in reversed(self._misfits)
            if good[rows].any()
        ]

    def _spread(self, rows: Rows, texts: Array) -> Array:
        """These rows' texts among nulls."""
        places = np.full(self._count, -1)
        places[rows] = np.arange(rows.size)
        return texts.take(pa.array(places, mask=places < 0))


def unwanted(label: str, texts: Array) -> Cast:
    """A string column that the table lacks, as one in which every text is bad."""
    rows = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False))
    reasons = [
        f"{shortened(text)!r} is in {label!r}, a column the table lacks" for text in texts.drop_null().to_pylist()
    ]
    return Cast(texts, rows, reasons)


def _member(label: str, texts: Array) -> Array:
    """`,"label":"text"` for each text, null where that is null."""
    special = pc.match_substring_regex(texts, _TO_ESCAPE)
    if pc.any(special).as_py():
        escaped = [json.dumps(text, ensure_ascii=False)[1:-1] for text in texts.filter(special).to_pylist()]
        texts = pc.replace_with_mask(texts, special.fill_null(False), pa.array(escaped, pa.string()))
    return pc.binary_join_element_wise("," + json.dumps(label, ensure_ascii=False) + ':"', texts, '"', "")
