"""Invokes functions with the records of DynamoDB streams, one thread for each mapping.

ministack's own poller knows neither partial failures nor retry limits, and a slow function holds up its queues.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from localaws.clock import ServiceClock
from localaws.streams import destinations, mappings
from localaws.streams.batches import UNLIMITED, Batch, Policy, Record, after_failure, first_failure

logger = logging.getLogger("localaws.streams")

Mapping = dict[str, Any]
Scope = tuple[str, str]

SHARD = "shardId-00000000000000000000-00000000"

_IDLE_SECONDS = 1.0
_LONGEST_WAIT = 5.0
_PAYLOAD = 6 * 1024 * 1024
# Records leave the stream after a day; nothing is retried longer than that.
_RETENTION_SECONDS = 24 * 3600


class StreamPoller:
    """Watches Lambda's mappings. ``retry_seconds`` pass before a batch is tried again, then twice that, and so on."""

    def __init__(self, clock: ServiceClock, retry_seconds: float) -> None:
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._changed = threading.Condition()
        self._generation = 0
        self._mapped = threading.Event()
        # ministack trims a stream by its readers, which are in several threads now.
        self._trimming = threading.RLock()
        self._workers: dict[str, threading.Thread] = {}
        self._stopped = False

    def attach(self, functions: Any, streams: Any) -> None:
        """Take the place of the poller in ministack's Lambda."""
        self._functions = functions
        self._streams = streams
        functions._poll_dynamodb_streams = lambda: False
        for name in ("_trim_stream_records", "closed_stream", "stream_records_since"):
            setattr(streams, name, self._one_at_a_time(getattr(streams, name)))
        mappings.attach(functions, self.mapped)
        threading.Thread(target=self._watch, name="localaws-streams", daemon=True).start()

    def mapped(self) -> None:
        """A mapping was made or changed."""
        self._mapped.set()
        self.wake()

    def stop(self) -> None:
        """Begin nothing any more; what is not done yet stays to be done."""
        self._stopped = True
        self.mapped()

    def wake(self) -> None:
        """A stream may have a new record."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def _wait(self, seen: int, seconds: float) -> int:
        """Wait for the next wake after ``seen``; returns what to pass to the next wait as ``seen``."""
        with self._changed:
            self._changed.wait_for(lambda: self._generation != seen, seconds)
            return self._generation

    def _watch(self) -> None:
        while not self._stopped:
            self._mapped.clear()
            for (account, region, identifier), mapping in self._functions._esms.all_items():
                if mappings.is_stream(mapping["EventSourceArn"]) and not self._works(identifier):
                    worker = _Worker(self, mapping, (account, region))
                    thread = threading.Thread(target=worker.run, name=f"localaws-stream-{identifier}", daemon=True)
                    self._workers[identifier] = thread
                    thread.start()
            self._workers = {name: thread for name, thread in self._workers.items() if thread.is_alive()}
            self._mapped.wait(_IDLE_SECONDS)

    def _one_at_a_time(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def locked(*arguments: Any, **named: Any) -> Any:
            with self._trimming:
                return function(*arguments, **named)

        return locked

    def _works(self, identifier: str) -> bool:
        thread = self._workers.get(identifier)
        return thread is not None and thread.is_alive()


class _Worker:
    """One mapping's loop. The mapping's position in the stream moves only past records that are done."""

    def __init__(self, poller: StreamPoller, mapping: Mapping, scope: Scope) -> None:
        self._poller = poller
        self._functions = poller._functions
        self._streams = poller._streams
        self._mapping = mapping
        self._scope = scope
        self._table = mapping["EventSourceArn"].split("/")[1]
        self._pending: deque[Batch] = deque()
        self._seen = -1
        self._failing = 0

    def run(self) -> None:
        """Work until the mapping is gone."""
        from ministack.core.responses import request_scope

        with request_scope(*self._scope):
            while self._exists():
                try:
                    self._step()
                except Exception:
                    logger.exception("the mapping %s", self._mapping["UUID"])
                    self._pause()

    def _exists(self) -> bool:
        return not self._poller._stopped and self._functions._esms.get(self._mapping["UUID"]) is self._mapping

    def _step(self) -> None:
        if not self._mapping.get("Enabled", True):
            self._pending.clear()
            self._seen = self._poller._wait(self._seen, _IDLE_SECONDS)
            return
        if not self._pending:
            records = self._gather()
            if not records:
                self._seen = self._poller._wait(self._seen, _IDLE_SECONDS)
                return
            self._pending.append(Batch(records))
        self._send(self._pending[0])

    def _gather(self) -> tuple[Record, ...]:
        """The next batch: up to BatchSize records, waited for as long as the batching window allows."""
        size = self._mapping["BatchSize"]
        records = self._read(size)
        window = self._mapping.get("MaximumBatchingWindowInSeconds") or 0
        deadline = time.monotonic() + window
        while records and len(records) < size and self._mapping.get("Enabled", True) and self._exists():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._seen = self._poller._wait(self._seen, left)
            records = self._read(size)
        return tuple(_within_payload(records)) if self._mapping.get("Enabled", True) else ()

    def _read(self, limit: int) -> list[Record]:
        """The records from the mapping's position on, of the stream while it is open and after it was closed."""
        # The locks are taken in the order in which ministack takes them when a mapping is made.
        with self._position_lock(), self._poller._trimming:
            positions = self._functions._dynamodb_stream_positions
            start = positions.get(self._mapping["UUID"], 0)
            arn = self._mapping["EventSourceArn"]
            table = self._streams._tables.get(self._table)
            if table is not None and table.get("LatestStreamArn") == arn:
                start = max(start, self._streams.stream_start_position(self._table))
                records = self._streams.stream_records_since(self._table, start, limit)
            else:
                closed = self._streams.closed_stream(arn) or {"records": [], "trimmed": 0}
                start = max(start, closed["trimmed"])
                records = closed["records"][start - closed["trimmed"] :][:limit]
            positions[self._mapping["UUID"]] = start
        return [_as_event(record, arn) for record in records]

    def _done(self, count: int) -> None:
        with self._position_lock():
            if self._exists():
                self._functions._dynamodb_stream_positions[self._mapping["UUID"]] += count

    @contextlib.contextmanager
    def _position_lock(self) -> Iterator[None]:
        with self._functions._dynamodb_stream_positions_lock:
            yield

    def _send(self, batch: Batch) -> None:
        expired = self._expired(batch)
        if expired:
            self._give_up(Batch(batch.records[:expired], batch.retries), destinations.AGE, error=self._failing > 0)
            self._replace([Batch(batch.records[expired:])] if expired < len(batch.records) else [])
            return
        mapping = self._mapping
        function, configuration = self._functions._get_func_record_for_qualifier(
            mapping["FunctionName"], mapping.get("Qualifier")
        )
        if function is None or configuration is None:
            self._pause()
            return
        result = self._functions._execute_function(function, {"Records": list(batch.records)})
        if not self._exists():
            return
        if result.get("throttle"):
            # Not invoked, so none of its retries is used.
            mapping["LastProcessingResult"] = "PROBLEM: Function call throttled"
            self._pause()
            return
        error = bool(result.get("error"))
        reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ())
        failed_from = 0 if error else first_failure(batch, result.get("body")) if reports else None
        if failed_from is None:
            mapping["LastProcessingResult"] = "OK"
            self._failing = 0
            self._done(len(batch.records))
            self._replace([])
            return
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        logger.info("%s failed from record %d of %d", mapping["FunctionName"], failed_from, len(batch.records))
        self._done(failed_from)
        again, lost = after_failure(batch, failed_from, self._policy())
        self._failing = 0 if failed_from else self._failing + 1
        if lost is not None:
            self._give_up(lost, destinations.RETRIES, error=error)
        self._replace(again)
        if again and self._failing:
            self._pause(batch.retries)

    def _policy(self) -> Policy:
        retries = self._mapping.get("MaximumRetryAttempts")
        bisect = bool(self._mapping.get("BisectBatchOnFunctionError"))
        return Policy(UNLIMITED if retries is None else retries, bisect)

    def _expired(self, batch: Batch) -> int:
        """How many records, from the first, are older than the mapping allows."""
        age = self._mapping.get("MaximumRecordAgeInSeconds") or UNLIMITED
        most = _RETENTION_SECONDS if age == UNLIMITED else min(age, _RETENTION_SECONDS)
        oldest = self._poller._clock.seconds() - most
        ages = [record["dynamodb"]["ApproximateCreationDateTime"] < oldest for record in batch.records]
        return ages.index(False) if False in ages else len(ages)

    def _give_up(self, batch: Batch, condition: str, error: bool) -> None:
        arn = mappings.destination(self._mapping)
        if arn is not None:
            destinations.report(
                arn,
                batch,
                function_arn=self._mapping["FunctionArn"],
                version=self._mapping.get("Qualifier") or "$LATEST",
                stream_arn=self._mapping["EventSourceArn"],
                shard=SHARD,
                condition=condition,
                error=error,
            )
        self._failing = 0
        self._done(len(batch.records))

    def _replace(self, batches: list[Batch]) -> None:
        """Put these in the place of the batch that was worked on."""
        self._pending.popleft()
        self._pending.extendleft(reversed(batches))

    def _pause(self, retries: int = 0) -> None:
        time.sleep(min(self._poller._retry_seconds * 2 ** min(retries, 16), _LONGEST_WAIT))


def _as_event(record: Record, stream_arn: str) -> Record:
    """The record as Lambda gives it to a function."""
    event = {**record, "eventSourceARN": stream_arn}
    identity = record.get("userIdentity")
    if identity is not None:
        event["userIdentity"] = {"type": identity["Type"], "principalId": identity["PrincipalId"]}
    return event


def _within_payload(records: list[Record]) -> Iterator[Record]:
    """The first records that fit one invocation."""
    size = 0
    for count, record in enumerate(records):
        size += len(json.dumps(record, ensure_ascii=False).encode()) + 1
        if count and size > _PAYLOAD:
            return
        yield record
