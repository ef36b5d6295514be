"""The stream lane of DynamoDB tables: writes a batch of stream records as change rows in Parquet.

A batch becomes one object per window (an hour of the records' time) under a key that follows from the records alone,
so that a batch that is delivered again replaces what it wrote. When Lambda divides the records into other batches, the
same rows are written once more under other keys: harmless, as readers take the greatest sequence number of each key.

Lambda delivers a shard's records in order, and again from the one on that the reply names
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). So

- every record that can be read is written, also those behind a record that cannot: nothing waits for a repair
- the reply names the first record that could not be read or written; Lambda divides the batch, tries again, and
  sends what it gives up to the failure queue
- the records before it are in their table, and Athena sees them
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakelanes.alerts import messages
from lakelanes.aws.reasons import reason_of
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.model import Table
from lakelanes.convert.writer import TableWriter
from lakelanes.errors import AttributeValueError, OutOfTimeError, OwnerError, StreamError
from lakelanes.tables.catalog import changes_table, window_partition
from lakelanes.tables.changes import Change, StreamReader, change_batch, change_schema
from lakelanes.tables.dynamodb_json import shown
from lakelanes.tables.stream_report import (
    BatchReport,
    RecordFault,
    data_of,
    keys_of,
    latency_of,
    refusal_alert,
    sequence_of,
    unreadable_alert,
)
from lakelanes.tables.windows import minute_text

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# An object takes at most this long to be written and registered; with less time left it is not begun.
_WRITE_SECONDS = 5.0
# Kept free at the end of an invocation for alerts and the reply.
_RESERVE_SECONDS = 5.0
_LEAST_WAIT = 0.001
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WITH_IMAGES = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
_STREAM_ARN = re.compile(r"arn:[^:]+:dynamodb:[^:]+:[^:]+:table/(?P<table>[^/]+)/stream/(?P<label>[^/]+)")


@dataclass
class _Window:
    """Changes of one window, with the place of the first in its batch."""

    start: str
    place: int
    changes: list[Change] = field(default_factory=list)


class StreamLane:
    """Writes batches of stream records. One per process; remembers which partitions are registered."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._registrar = Registrar(lake, "remember")
        self._tables = {table.dynamodb_table: table for table in lake.config.tables.values()}
        self._readers = {table.name: StreamReader(table) for table in self._tables.values()}

    def process(self, records: Sequence[Mapping[str, Any]], seconds_left: Callable[[], float]) -> BatchReport:
        """Writes the records of one shard, as Lambda delivers them; the report names the first to deliver again.

        seconds_left: until the process may be stopped; an object that might not be finished by then is not begun.
        """
        report = BatchReport(records=len(records))
        if not records:
            return report
        report.stream = str(records[0].get("eventSourceARN", ""))
        report.first, report.last = sequence_of(records[0]), sequence_of(records[-1])
        try:
            table, label = self._table_of(report.stream, records[0])
            self._lake.check_owner()
        except (OwnerError, StreamError) as error:
            report.state, report.reason = "refused", str(error)
            _fail_from(report, records, 0)
            self._send_alert(report, None)
            return report
        report.table = table.name
        if "stream" not in table.lanes:
            report.state, report.reason = "ignored", f"tables.{table.name}.lanes leaves it to the exports"
            return report
        windows, failed = self._read(table, records, report)
        failed += self._write(table, label, windows, report, seconds_left)
        if failed:
            _fail_from(report, records, min(failed))
        if report.rows:
            report.latency = latency_of(records, self._lake.clock())
        if report.faults:
            self._send_alert(report, table)
        return report

    def _table_of(self, arn: str, record: Mapping[str, Any]) -> tuple[Table, str]:
        """The table of a stream, and the stream's label. Raises StreamError when it cannot be used."""
        named = _STREAM_ARN.fullmatch(arn)
        if named is None:
            raise StreamError(f"eventSourceARN: found {shown(arn)}, expected the ARN of a DynamoDB stream")
        table = self._tables.get(named["table"])
        if table is None:
            raise StreamError(
                f"{arn} is of table {named['table']}, which is no dynamodb_table of the configuration's 'tables': name "
                "it there and deploy, or delete the event source mapping"
            )
        view = data_of(record).get("StreamViewType")
        if view is not None and view not in _WITH_IMAGES:
            raise StreamError(
                f"{arn} has StreamViewType {view}, which lacks what an item became; expected NEW_AND_OLD_IMAGES: turn "
                f"the stream of {named['table']} off, on again with that view type, and deploy"
            )
        return table, re.sub(r"[^0-9A-Za-z]", "", named["label"])

    def _read(
        self, table: Table, records: Sequence[Mapping[str, Any]], report: BatchReport
    ) -> tuple[list[_Window], list[int]]:
        """The changes by window, and the places of the records that cannot be read; their faults go into the report."""
        windows: dict[str, _Window] = {}
        failed: list[int] = []
        for place, record in enumerate(records):
            try:
                if record.get("eventSourceARN") != report.stream:
                    raise AttributeValueError(f"it is of {shown(record.get('eventSourceARN'))}, not of {report.stream}")
                change = self._readers[table.name].read(record)
                start = _window_start(change)
            except (AttributeValueError, OverflowError) as error:
                failed.append(place)
                report.faults.append(RecordFault(sequence_of(record), keys_of(record), str(error)))
                continue
            windows.setdefault(start, _Window(start, place)).changes.append(change)
        return list(windows.values()), failed

    def _write(
        self,
        table: Table,
        label: str,
        windows: Sequence[_Window],
        report: BatchReport,
        seconds_left: Callable[[], float],
    ) -> list[int]:
        """Writes and registers the windows; returns the place of the first record of each that is not visible."""
        done: dict[str, _Window] = {}
        failed: list[int] = []
        for window in windows:
            try:
                if seconds_left() < _WRITE_SECONDS + _RESERVE_SECONDS:
                    raise OutOfTimeError("the time left was too short for it")
                done[self._put(table, label, window)] = window
            except Exception as error:
                log.warning("window %s of %s was not written", window.start, table.name, exc_info=True)
                report.state, report.reason = "failed", reason_of(error)
                failed.append(window.place)
        try:
            self._registrar.register(
                changes_table(table),
                [window_partition("stream", window.start) for window in done.values()],
                wait_seconds=max(_LEAST_WAIT, seconds_left() - _RESERVE_SECONDS),
            )
        except Exception as error:
            # What was written is replaced when its records come again.
            log.warning("partitions of %s were not registered", table.changes_table, exc_info=True)
            report.state, report.reason = "failed", f"its partition is not registered: {reason_of(error)}"
            return [*failed, *(window.place for window in done.values())]
        changes = [change for window in done.values() for change in window.changes]
        report.rows, report.deletes = len(changes), sum(change.op == "delete" for change in changes)
        report.objects = tuple(done)
        return failed

    def _put(self, table: Table, label: str, window: _Window) -> str:
        """Writes the window's object, whatever is there: it holds the same rows. Returns its URI."""
        bucket = self._lake.config.resources.analytics_bucket
        key = object_key(table, label, window.start, window.changes)
        body = _Body()
        writer = TableWriter(lambda: body, change_schema(table))
        writer.write(change_batch(table, window.changes))
        writer.close()
        self._lake.s3.put_object(
            Bucket=bucket, Key=key, Body=bytes(body.data), ContentType="application/vnd.apache.parquet"
        )
        return f"s3://{bucket}/{key}"

    def _send_alert(self, report: BatchReport, table: Table | None) -> None:
        """Publishes one alert on the unreadable records, or the unusable stream, unless an earlier alert named them."""
        prefix = table.name if table else "stream"
        subjects = [f"{prefix}/{fault.sequence}" for fault in report.faults] or [f"{prefix}/{report.stream}"]
        try:
            known = messages.alerted(self._lake, subjects)
            if known.issuperset(subjects):
                return
            new = [fault for fault, subject in zip(report.faults, subjects, strict=False) if subject not in known]
            alert = refusal_alert(report) if table is None else unreadable_alert(table, report, new)
            messages.publish(self._lake, alert)
            messages.mark_alerted(self._lake, [subject for subject in subjects if subject not in known])
        except Exception:
            # The records come again, and the alert with them.
            log.exception("the alert on %s could not be published", report.stream)


class _Body:
    """A sink of the Parquet writer that holds the object in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: Any, /) -> None:
        self.data += data

    def close(self) -> None: ...

    def abort(self) -> None: ...


def object_key(table: Table, label: str, start: str, changes: Sequence[Change]) -> str:
    """Key of the object with these changes of the window. label: of the stream, which numbers its records.

    Records of a shard are delivered without a gap, so the first and the last number say which are between them; the
    count says whether all of them could be read.
    """
    first, last = (str(int(change.sequence or "0")) for change in (changes[0], changes[-1]))
    folder = f"{changes_table(table).folder}/{window_partition('stream', start).path}"
    return f"{folder}/{label}-{first}-{last}-{len(changes)}.parquet"


def _window_start(change: Change) -> str:
    """The hour of the change, as the partition column ``window`` has it."""
    moment = _EPOCH + timedelta(microseconds=change.written_at)
    return minute_text(moment.replace(minute=0, second=0, microsecond=0))


def _fail_from(report: BatchReport, records: Sequence[Mapping[str, Any]], place: int) -> None:
    report.failed_from, report.again = sequence_of(records[place]), len(records) - place
