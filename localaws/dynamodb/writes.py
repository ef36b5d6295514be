"""Follows every write into ministack's tables: the journal gets it, and its stream record is made complete.

ministack's write paths (PutItem, UpdateItem, DeleteItem, the batch and transaction calls, PartiQL, imports) all end in
three functions of its module, which are replaced here.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from localaws.clock import MICROS, ServiceClock
from localaws.dynamodb.journal import Item, Key
from localaws.dynamodb.recovery import Recoveries
from localaws.dynamodb.tables import Table

# AWS's sequence numbers are decimal strings of 21 to 40 digits, neither dense nor of one length.
_FIRST_SEQUENCE = 10**21 - 500 * 137
_SEQUENCE_STEP = 137


class _Written(threading.local):
    """The thread's last write, whether the service itself writes, and the PartiQL statement it is in."""

    at: int = 0
    by_service: bool = False
    pending: list[tuple[Table, Key, Item | None, Item | None]] | None = None


class Writes:
    """Replaces functions of ministack's DynamoDB; ``streamed`` is called after each new stream record."""

    def __init__(
        self, ministack: Any, clock: ServiceClock, recoveries: Recoveries, streamed: Callable[[], None]
    ) -> None:
        self._ministack = ministack
        self._clock = clock
        self._recoveries = recoveries
        self._streamed = streamed
        self._written = _Written()
        self._sequence = itertools.count(_FIRST_SEQUENCE, _SEQUENCE_STEP)
        self._attach()

    def kept(self) -> int:
        """The next sequence number of a stream record."""
        return next(self._sequence)

    def restore(self, kept: int) -> None:
        """Go on from there."""
        self._sequence = itertools.count(kept, _SEQUENCE_STEP)

    @contextlib.contextmanager
    def by_service(self) -> Iterator[None]:
        """In this context, stream records name the service as the author of a change."""
        self._written.by_service = True
        try:
            yield
        finally:
            self._written.by_service = False

    def _attach(self) -> None:
        ministack = self._ministack
        set_item, remove_item, replaced = ministack._set_item, ministack._remove_item, ministack._items_replaced
        build_record, emit = ministack._build_change_record, ministack._emit_stream_event

        def setting(table: Table, partition: str, sort_key: str, item: Item) -> Item | None:
            with self._recoveries.writing:
                old: Item | None = set_item(table, partition, sort_key, item)
                self._changed(table, (partition, sort_key), old, item)
            return old

        def removing(table: Table, partition: str, sort_key: str) -> Item | None:
            with self._recoveries.writing:
                old: Item | None = remove_item(table, partition, sort_key)
                if old is not None:
                    self._changed(table, (partition, sort_key), old, None)
            return old

        def replacing(table: Table) -> None:
            # A PartiQL transaction that failed has put the items back.
            if self._written.pending is not None:
                self._written.pending = [change for change in self._written.pending if change[0] is not table]
            replaced(table)

        def building(table: Table, event: str, old: Item | None, new: Item | None, view: str) -> dict[str, Any]:
            record: dict[str, Any] = build_record(table, event, old, new, view)
            images = record["dynamodb"]
            images["ApproximateCreationDateTime"] = self._written.at // MICROS
            size = ministack._item_size_bytes
            images["SizeBytes"] = sum(size(images[name]) for name in ("Keys", "OldImage", "NewImage") if name in images)
            if self._written.by_service:
                record["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
            return record

        def emitting(*arguments: Any, **named: Any) -> None:
            emit(*arguments, **named)
            self._streamed()

        ministack._set_item, ministack._remove_item, ministack._items_replaced = setting, removing, replacing
        ministack._build_change_record, ministack._emit_stream_event = building, emitting
        ministack._next_stream_seq = lambda: str(next(self._sequence))
        ministack._execute_statement = self._streaming(ministack._execute_statement)
        ministack._execute_transaction = self._streaming(ministack._execute_transaction)

    def _changed(self, table: Table, key: Key, old: Item | None, new: Item | None) -> None:
        if self._written.pending is not None:
            self._written.pending.append((table, key, old, new))
        else:
            self._record(table, key, old, new)

    def _record(self, table: Table, key: Key, old: Item | None, new: Item | None) -> None:
        with self._recoveries.writing:
            self._written.at = self._clock.stamp()
            recovery = self._recoveries.of(table)
            if recovery is not None:
                recovery.journal.record(self._written.at, key, old, new)

    def _streaming(self, execute: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A PartiQL operation whose changes count once it has succeeded; ministack gives it no stream records."""

        def executing(request: Any) -> Any:
            self._written.pending = []
            try:
                result = execute(request)
            finally:
                changes, self._written.pending = self._written.pending, None
            for table, key, old, new in changes:
                self._record(table, key, old, new)
                event = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
                self._ministack._emit_stream_event(table["TableName"], event, old, new)
            return result

        return executing
