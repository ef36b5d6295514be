"""Which visuals of a sheet stand side by side, where a tool lays them out on a grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lakelanes.dashboards.model import Visual

# How many of a kind stand side by side at most; two of any other.
_SIDE_BY_SIDE = {"figure": 3, "table": 1, "heat_map": 1}


def sheet_rows(visuals: Iterable[Visual]) -> Iterator[Sequence[Visual]]:
    """In the order of reading, neighbours that take as much room share a row; the last of them share what there is."""
    for most, run in groupby(visuals, lambda one: _SIDE_BY_SIDE.get(one.kind, 2)):
        left = list(run)
        while left:
            yield left[:most]
            left = left[most:]
