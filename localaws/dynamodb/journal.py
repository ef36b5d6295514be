"""Every change of one table since point-in-time recovery was enabled, and what follows from it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Key = tuple[str, str]
Item = dict[str, Any]


@dataclass(frozen=True)
class NetChange:
    """What a window did to one key: the items just before its start and its end, None where there was none.

    ``written_at`` is the time of the window's last write to the key, in microseconds since 1970.
    """

    key: Key
    old: Item | None
    new: Item | None
    written_at: int


class Journal:
    """Times are microseconds since 1970 and grow with each change. Items are kept as they are, never copied.

    ministack replaces a stored item when it changes and never edits it, so the references stay true.
    """

    __slots__ = ("_base", "_changes", "_times")

    def __init__(self, items: Iterable[tuple[Key, Item]]) -> None:
        self._base = dict(items)
        self._times: list[int] = []
        self._changes: list[tuple[Key, Item | None, Item | None]] = []

    def record(self, at: int, key: Key, old: Item | None, new: Item | None) -> None:
        """Append a change."""
        self._times.append(at)
        self._changes.append((key, old, new))

    def state(self, end: int) -> dict[Key, Item]:
        """The items just before ``end``: every write before it, none at or after it."""
        items = dict(self._base)
        _apply(items, self._changes[: bisect_left(self._times, end)])
        return items

    def net_changes(self, start: int, end: int) -> list[NetChange]:
        """The keys written from ``start`` (inclusive) to ``end`` (exclusive), one change each.

        A key that is there neither before nor after gives none.
        """
        first, last = bisect_left(self._times, start), bisect_left(self._times, end)
        net: dict[Key, NetChange] = {}
        for at, (key, old, new) in zip(self._times[first:last], self._changes[first:last], strict=True):
            before = net[key].old if key in net else old
            net[key] = NetChange(key, before, new, at)
        return [change for change in net.values() if change.old is not None or change.new is not None]


def _apply(items: dict[Key, Item], changes: Iterable[tuple[Key, Item | None, Item | None]]) -> None:
    for key, _, new in changes:
        if new is None:
            items.pop(key, None)
        else:
            items[key] = new
