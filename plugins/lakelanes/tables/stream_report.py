"""What became of a batch of stream records, and the alerts on what could not be read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from lakelanes.alerts import page_links, where_to_look
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.config.model import Table

NAME = "stream_processor"
_KEYS_SHOWN = 200

BatchState = Literal["written", "ignored", "refused", "failed"]


@dataclass(frozen=True)
class RecordFault:
    """A record that cannot be read. sequence: its number in the stream. keys: as JSON, for people."""

    sequence: str
    keys: str
    reason: str


@dataclass
class BatchReport:
    """What became of a batch.

    state: written (but for the faults), ignored (the table has no stream lane), refused (the stream is unusable), or
    failed. first, last: sequence numbers. rows, objects: those that Athena sees. faults: records that cannot be read.
    failed_from: sequence number of the first record to deliver again, None when there is none; again: number of
    records from there on. latency: seconds from the oldest record's change until its row is visible.
    """

    stream: str = ""
    table: str | None = None
    state: BatchState = "written"
    records: int = 0
    first: str = ""
    last: str = ""
    rows: int = 0
    deletes: int = 0
    objects: tuple[str, ...] = ()
    faults: list[RecordFault] = field(default_factory=list)
    failed_from: str | None = None
    again: int = 0
    reason: str | None = None
    latency: float | None = None

    @property
    def failures(self) -> int:
        """Number of records that should be in the table and are not."""
        return 0 if self.state == "ignored" else self.records - self.rows


def data_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The member ``dynamodb`` of a stream record; empty where there is none."""
    data = record.get("dynamodb")
    return data if isinstance(data, Mapping) else {}


def sequence_of(record: Mapping[str, Any]) -> str:
    """The record's sequence number; without one it is '', which Lambda takes for the whole batch."""
    number = data_of(record).get("SequenceNumber")
    return number if isinstance(number, str) else ""


def keys_of(record: Mapping[str, Any]) -> str:
    """The record's keys as JSON, cut after 200 characters."""
    text = json.dumps(data_of(record).get("Keys"), ensure_ascii=False, default=repr)
    return text if len(text) <= _KEYS_SHOWN else text[:_KEYS_SHOWN] + "…"


def latency_of(records: Sequence[Mapping[str, Any]], now: datetime) -> float | None:
    """Seconds since the oldest of the records was written to its table."""
    times = [data_of(record).get("ApproximateCreationDateTime") for record in records]
    known = [time for time in times if isinstance(time, int | float)]
    return round(now.timestamp() - min(known), 3) if known else None


def unreadable_alert(table: Table, report: BatchReport, faults: Sequence[RecordFault]) -> Alert:
    """The alert on records that cannot be read. faults: at least one."""
    count = "1 record" if len(faults) == 1 else f"{len(faults)} records"
    cure = "as soon as the item is written again"
    if "export" in table.lanes:
        cure = f"when export_{table.name} has exported the window that holds the change, or {cure}"
    return Alert(
        dag_id=NAME,
        run_id=report.stream,
        entity=table.name,
        reason=f"{count} of the stream of {table.dynamodb_table} cannot be read; the first: {faults[0].reason}",
        what_to_do=(
            f"Correct tables.{table.name} of the configuration, if it is at fault, and deploy. The item is right in "
            f"{table.current_view} {cure}. All other records are in {table.changes_table}. Lambda tries a few times "
            "more and then leaves a message in the queue of failures, see docs/stream-lane.md."
        ),
        files=[
            FileFault(
                f"{table.dynamodb_table} {fault.keys} (record {fault.sequence})",
                table.name,
                "unreadable",
                fault.reason,
            )
            for fault in faults
        ],
        event="could not read a record",
        page_url=page_links.table(table.name),
        command=where_to_look.status_command(table.name),
    )


def refusal_alert(report: BatchReport) -> Alert:
    """The alert on a stream that cannot be used."""
    return Alert(
        dag_id=NAME,
        run_id=report.stream,
        entity=None,
        reason=report.reason or "",
        what_to_do=(
            "Do as the reason says. Until then nothing of this stream reaches the lake by this lane, and Lambda leaves "
            "messages in the queue of failures, see docs/stream-lane.md."
        ),
        event="refuses a stream",
    )
