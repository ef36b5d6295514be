"""The low-latency lane: messages of the file queue in, loaded and registered files out.

It uses the batch lane's engine. What differs is what a queue asks for: each message is done or comes again, and after
so many times it goes to the dead-letter queue; then an alert is sent, and the sweep does the rest.

- done: loaded, loaded already, replaced by a newer version, deleted since, or none of this lane's business
- comes again at once, and so is a dead letter within seconds: the file was refused, or the message is no notification
- comes again later: anything that can pass, and files that somebody else is loading
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert, FileFault, alerted, mark_alerted, publish, where_rejects_are
from lakelanes.aws.failures import is_retryable
from lakelanes.aws.partial_answers import Left, left_messages, send
from lakelanes.aws.reasons import reason_of
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition
from lakelanes.errors import EventError
from lakelanes.files.batch import load_batch
from lakelanes.files.events import ObjectEvent, parse_body
from lakelanes.files.ignored_names import IGNORED, is_ignored
from lakelanes.files.matching import partition_path, taker_of
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.partitioned_objects import partitions_of_rows
from lakelanes.ledger.source_file import SourceFile, compare_sequencers

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

NAME = "file_processor"
# What a file is taken to need at the worst, packed and on the slowest function: so many seconds, and bytes a second.
_FILE_SECONDS = 3.0
_BYTES_PER_SECOND = 2 << 20
# Kept free at the end of an invocation for giving files back, registering, and alerts.
_RESERVE_SECONDS = 5.0
# Seconds until a message comes again, by how often it has come.
_PAUSES = (5, 15, 45, 120)

FileState = Literal[
    "loaded",
    "already_loaded",
    "superseded",
    "deleted",
    "deferred",
    "ignored",
    "rejected",
    "failed",
    "claimed_elsewhere",
    "not_started",
]
_DONE = frozenset({"loaded", "already_loaded", "superseded", "deleted", "deferred", "ignored"})


@dataclass(frozen=True)
class Message:
    """A message of the file queue; ``receives`` counts how often it has been received, this time included."""

    id: str
    body: str
    receipt_handle: str
    receives: int = 1

    @property
    def run_id(self) -> str:
        """How the ledger names whoever works on the message: its tries are one run, so that a try takes over at once
        what the one before it left claimed."""
        return f"{NAME}/{self.id}"


@dataclass
class FileReport:
    """What became of one event of a message. ``latency`` is seconds from S3's event to the rows being visible."""

    message_id: str
    source: str
    state: FileState
    event: str
    entity: str | None = None
    partitions: tuple[str, ...] = ()
    size: int | None = None
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    rows_withheld: int | None = None
    reason: str | None = None
    line: int | None = None
    column: str | None = None
    latency: float | None = None
    retryable: bool = True

    @property
    def done(self) -> bool:
        return self.state in _DONE


@dataclass
class MessageReport:
    """What became of a message: done when all of its files are. ``fault`` is what is wrong with the message itself."""

    message: Message
    files: list[FileReport] = field(default_factory=list)
    fault: str | None = None

    @property
    def done(self) -> bool:
        return self.fault is None and all(file.done for file in self.files)


@dataclass(frozen=True)
class _Work:
    """A version to load, and the reports that wait for it: several if S3 sent more than one event."""

    file: SourceFile
    message: Message
    reports: list[FileReport]
    event: ObjectEvent


class FastLane:
    """Deals with batches of messages of the file queue. One per process; remembers which partitions are registered."""

    def __init__(self, lake: Lake, *, max_receives: int, queue_url: str | None = None) -> None:
        """``max_receives``: of the queue's redrive policy. ``queue_url``: where a message's pause is set; without it
        every message comes again when its visibility timeout ends."""
        self._lake, self._max_receives, self._queue_url = lake, max_receives, queue_url
        self._registrar = Registrar(lake, "remember")

    def process(self, messages: Sequence[Message], seconds_left: Callable[[], float]) -> list[MessageReport]:
        """Loads the files that the messages name; one report per message, in their order.

        ``seconds_left``: until the process may be stopped. A file that might not be finished by then is not begun, and
        one that is not finished is given back to the ledger. Never raises for one message's sake.
        """
        reports: list[MessageReport] = []
        work: dict[str, dict[str, _Work]] = defaultdict(dict)
        for message in messages:
            report = MessageReport(message)
            reports.append(report)
            try:
                events = parse_body(message.body)
            except EventError as error:
                report.fault = str(error)
                continue
            for event in events:
                self._sort(report, event, work)
        for name, works in work.items():
            begun = self._in_time(list(works.values()), seconds_left)
            try:
                self._load(self._lake.config.entities[name], begun, seconds_left)
            except Exception as error:
                log.exception("files of %s could not be loaded", name)
                for one in begun:
                    for entry in one.reports:
                        entry.state, entry.reason = "failed", reason_of(error)
                        entry.retryable = is_retryable(error)
        for report in reports:
            self._leave_to_the_sweep(report)
        self._alert_dead_letters(reports)
        self._set_pauses(reports)
        return reports

    def _sort(self, report: MessageReport, event: ObjectEvent, work: dict[str, dict[str, _Work]]) -> None:
        """Adds the event's file to the work, or says why it is none."""
        config, file = self._lake.config, event.file
        entry = FileReport(report.message.id, event.uri, "ignored", event.name)
        report.files.append(entry)
        if file is None:
            entry.reason = "nothing was created"
            return
        entry.size = file.size
        if file.bucket != config.resources.source_bucket:
            entry.reason = f"the source bucket is {config.resources.source_bucket}"
            return
        entity = None if file.key.endswith("/") else taker_of(config, file.key)
        if entity is None:
            ignored = is_ignored(config, file.key)
            entry.reason = IGNORED if ignored else "the name matches no entity's filename_pattern"
            return
        entry.entity = entity.name
        if "fast" not in entity.lanes:
            entry.reason = f"entities.{entity.name}.lanes leaves it to the batch lane"
            return
        if file.size > entity.fast_max_bytes:
            self._defer(entity, file, report.message, entry)
            return
        entry.state = "not_started"
        known = work[entity.name].get(file.uri)
        if known is None:
            work[entity.name][file.uri] = _Work(file, report.message, [entry], event)
            return
        known.reports.append(entry)
        if compare_sequencers(file.sequencer, known.file.sequencer) == 1:
            work[entity.name][file.uri] = replace(known, file=file, message=report.message, event=event)

    def _defer(self, entity: Entity, file: SourceFile, message: Message, entry: FileReport) -> None:
        """Leaves a large file to the batch lane; the ledger's note makes the next sweep take it."""
        reason = f"{file.size} bytes are more than the {entity.fast_max_bytes} of entities.{entity.name}.fast_max_bytes"
        entry.state, entry.reason = "deferred", f"left to the batch lane: {reason}"
        try:
            self._lake.ledger.set_aside(
                file,
                entity.name,
                None if entity.data_keys else partition_path(entity, file.key),
                "deferred",
                entry.reason,
                lane="fast",
                run_id=message.run_id,
            )
        except Exception as error:
            entry.state, entry.reason = "failed", reason_of(error)

    def _in_time(self, works: list[_Work], seconds_left: Callable[[], float]) -> list[_Work]:
        """Those that can be finished in time even if each has to wait for the one before it; the others are not
        begun."""
        budget = seconds_left() - _RESERVE_SECONDS
        begun: list[_Work] = []
        for work in sorted(works, key=lambda w: w.file.size):
            budget -= work.file.size / _BYTES_PER_SECOND
            if budget >= _FILE_SECONDS:
                begun.append(work)
            else:
                for report in work.reports:
                    report.state, report.reason = "not_started", "the time left was too short for it"
        return begun

    def _load(self, entity: Entity, works: list[_Work], seconds_left: Callable[[], float]) -> None:
        works = self._without_refused(works)
        if not works:
            return
        run_ids = {work.file.uri: work.message.run_id for work in works}
        outcomes = load_batch(
            self._lake,
            entity,
            [work.file for work in works],
            lane="fast",
            run_id=lambda file: run_ids[file.uri],
            deadline=time.monotonic() + seconds_left() - _RESERVE_SECONDS,
        )
        fault = self._register(entity, outcomes)
        now = self._lake.clock()
        for work, outcome in zip(works, outcomes, strict=True):
            for report in work.reports:
                _describe(report, outcome)
                if outcome.state == "loaded":
                    report.latency = round((now - work.event.time) / timedelta(seconds=1), 3)
                if fault and report.done and outcome.partitions:
                    report.state, report.reason = "failed", f"its partition is not registered: {reason_of(fault)}"
                    report.retryable = is_retryable(fault)

    def _without_refused(self, works: list[_Work]) -> list[_Work]:
        """Leaves out what an earlier try of the same message has found to be refused; the file has not changed
        since."""
        again = [work.file.uri for work in works if work.message.receives > 1]
        known = self._lake.ledger.get_many(again) if again else {}
        left: list[_Work] = []
        for work in works:
            entry = known.get(work.file.uri)
            if entry and (entry.state, entry.etag, entry.run_id) == ("rejected", work.file.etag, work.message.run_id):
                for report in work.reports:
                    report.state, report.retryable = "rejected", False
                    report.partitions = (entry.partition,) if entry.partition else ()
                    report.reason, report.line, report.column = entry.error, entry.error_line, entry.error_column
                    report.rows_rejected, report.rows_withheld = entry.rows_rejected, entry.rows_withheld
            else:
                left.append(work)
        return left

    def _register(self, entity: Entity, outcomes: Sequence[FileOutcome]) -> Exception | None:
        """Registers the partitions of what is in the table, also what another try or lane has put there: that may have
        died before it registered them. Returns what went wrong."""
        paths = {path for o in outcomes if o.state == "loaded" for path in o.partitions}
        rejects = {path for o in outcomes if o.rows_rejected for path in o.partitions}
        try:
            again = {o.source: o.partitions[0] for o in outcomes if o.state == "already_loaded"}
            loaded = partitions_of_rows(self._lake, entity, again) | set(map(Partition.from_path, paths))
            # A table for rejected rows only once there are any: creating it takes longer than loading a file.
            self._registrar.register_entity(entity, loaded, map(Partition.from_path, rejects))
        except Exception as error:
            log.exception("partitions of %s could not be registered", entity.table_name)
            return error
        return None

    def _leave_to_the_sweep(self, report: MessageReport) -> None:
        """A file that somebody else is still loading at the last try is no dead letter: the sweep looks after it."""
        for file in report.files:
            if file.state == "claimed_elsewhere" and report.message.receives >= self._max_receives:
                file.state, file.reason = "deferred", "somebody else is loading it; the sweep looks after it"

    def _alert_dead_letters(self, reports: Sequence[MessageReport]) -> None:
        """Sends one alert on the messages of this batch that SQS now moves to the dead-letter queue."""
        dead = [report for report in reports if not report.done and report.message.receives >= self._max_receives]
        if not dead:
            return
        known = alerted(self._lake, [report.message.id for report in dead])
        new = [report for report in dead if report.message.id not in known]
        if not new:
            return
        try:
            alert = _alert(self._lake, new)
            incidents.report_all(self._lake, incidents.file_alerts(alert), publish)
            mark_alerted(self._lake, [report.message.id for report in new])
        except Exception:
            # The sweep sends an alert on dead letters that are not marked, and watch_lake on incidents.
            log.exception("the alert on %s dead letters could not be published", len(new))

    def _set_pauses(self, reports: Sequence[MessageReport]) -> None:
        """Says when each message that is not done comes again, instead of after the long visibility timeout."""
        if not self._queue_url:
            return
        entries = [
            {
                "Id": str(number),
                "ReceiptHandle": report.message.receipt_handle,
                "VisibilityTimeout": self._pause(report),
            }
            for number, report in enumerate(reports)
            if not report.done
        ]
        for start in range(0, len(entries), 10):
            # It only comes later then.
            with suppress(Exception):
                send(entries[start : start + 10], self._change_visibility)

    def _change_visibility(self, entries: Sequence[dict[str, Any]]) -> Iterator[Left[dict[str, Any]]]:
        answer = self._lake.sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=list(entries))
        yield from left_messages(entries, answer)

    def _pause(self, report: MessageReport) -> int:
        """Seconds until the message comes again: none where waiting cannot help, or where only the time was short."""
        open_files = [file for file in report.files if not file.done]
        hopeless = report.fault or all(file.state == "not_started" or not file.retryable for file in open_files)
        if hopeless or report.message.receives >= self._max_receives:
            return 0
        return _PAUSES[min(report.message.receives, len(_PAUSES)) - 1]


def what_to_do(lake: Lake, faults: Sequence[FileFault]) -> str:
    """What cures the dead letters: a corrected upload for refused files; the others cure themselves, or need their
    cause removed."""
    refused = [fault for fault in faults if fault.state == "rejected"]
    if refused:
        entity = lake.config.entities.get(refused[0].entity)
        table = f"{lake.config.resources.glue_database}.{entity.rejects_table}" if entity else "the rejects table"
        return (
            "Upload a corrected file under the same key: it is loaded within seconds. "
            f"{where_rejects_are(table, ', if it has a partition')}"
        )
    return (
        "Remove the cause that the reason names. sweep_sources takes the dead letters over within 15 minutes and loads "
        "their files; nothing has to be sent again."
    )


def _describe(report: FileReport, outcome: FileOutcome) -> None:
    report.state, report.partitions = outcome.state, outcome.partitions
    report.rows_loaded, report.rows_rejected = outcome.rows_loaded, outcome.rows_rejected
    report.rows_withheld = outcome.rows_withheld
    report.reason, report.line, report.column = outcome.error, outcome.line, outcome.column
    report.retryable = outcome.retryable or outcome.state == "claimed_elsewhere"


def _alert(lake: Lake, reports: Sequence[MessageReport]) -> Alert:
    faults: list[FileFault] = []
    for report in reports:
        if report.fault:
            faults.append(FileFault(f"message {report.message.id}", "", "malformed", report.fault))
        for file in report.files:
            if not file.done:
                fault = FileFault(
                    file.source,
                    file.entity or "",
                    file.state,
                    file.reason or file.state,
                    file.line,
                    file.column,
                    rows_rejected=file.rows_rejected,
                    rows_withheld=file.rows_withheld,
                )
                faults.append(fault)
    return dead_letter_alert(lake, reports[0].message.run_id, faults)


def dead_letter_alert(lake: Lake, run_id: str, faults: Sequence[FileFault]) -> Alert:
    """The alert on dead letters; ``run_id`` is whoever found them."""
    count = "1 notification" if len(faults) == 1 else f"{len(faults)} notifications"
    entities = sorted({fault.entity for fault in faults} - {""})
    return Alert(
        dag_id=NAME,
        run_id=run_id,
        entity=", ".join(entities) or None,
        reason=f"{count} went to {lake.config.resources.dead_letter_queue}; the first: {faults[0]}",
        what_to_do=what_to_do(lake, faults),
        files=faults,
        event="could not load a file",
    )
