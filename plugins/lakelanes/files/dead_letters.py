"""The dead-letter queue of the low-latency lane: what lies in it becomes ledger states, and the sweep loads the files.

A message is deleted only when the ledger has the files that it names. Nothing is sent again: the batch lane loads a
file exactly once whoever asks for it, and a stale dead letter, of a version that is loaded or was replaced meanwhile,
changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakelanes.alerts.messages import FileFault, alerted
from lakelanes.aws.failures import is_missing
from lakelanes.aws.partial_answers import Left, left_messages, send
from lakelanes.errors import EventError
from lakelanes.files.events import parse_body
from lakelanes.files.matching import partition_path, taker_of
from lakelanes.files.queue_lane import NAME
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

_BATCH = 10
# Messages of one sweep; those beyond wait for the next.
MAX_MESSAGES = 1000
# As long as a sweep may take until it deletes what it received.
_HIDDEN_SECONDS = 300
REASON = "its notification went to the dead-letter queue"


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue, and what is wrong with each of its files, or with itself.

    ``alerted``: an alert on it was sent before."""

    id: str
    receipt_handle: str
    alerted: bool
    faults: list[FileFault] = field(default_factory=list)


def receive(lake: Lake) -> list[DeadLetter]:
    """Receives what lies in the dead-letter queue and notes it in the ledger: the files that are not loaded are the
    sweep's from now on. The messages stay until ``delete``. [] where there is no such queue."""
    url = _queue_url(lake)
    letters: dict[str, DeadLetter] = {}
    while url and len(letters) < MAX_MESSAGES:
        answer = lake.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=_BATCH, VisibilityTimeout=_HIDDEN_SECONDS, WaitTimeSeconds=0
        )
        messages = answer.get("Messages", [])
        if not messages:
            break
        for message in messages:
            identifier = message["MessageId"]
            faults = list(_note(lake, identifier, message["Body"]))
            known = bool(alerted(lake, [identifier]))
            letters[identifier] = DeadLetter(identifier, message["ReceiptHandle"], known, faults)
    return list(letters.values())


def delete(lake: Lake, letters: Iterable[DeadLetter]) -> None:
    """Deletes messages that were dealt with. One that cannot be deleted is received, and dealt with, again."""
    url, waiting = _queue_url(lake), list(letters)
    for start in range(0, len(waiting) if url else 0, _BATCH):
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt_handle}
            for number, letter in enumerate(waiting[start : start + _BATCH])
        ]
        for left in send(entries, lambda chunk: _delete(lake, url, chunk)):
            letter = waiting[start + int(left.item["Id"])]
            log.warning("dead letter %s could not be deleted: %s", letter.id, left.reason)


def _delete(lake: Lake, url: str | None, entries: Sequence[dict[str, str]]) -> Iterator[Left[dict[str, str]]]:
    answer = lake.sqs.delete_message_batch(QueueUrl=url, Entries=list(entries))
    yield from left_messages(entries, answer)


def count(lake: Lake) -> int | None:
    """How many messages are in the queue, those that somebody has received included (approximately, as SQS says); None
    where there is no such queue."""
    url = _queue_url(lake)
    if url is None:
        return None
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = lake.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def _note(lake: Lake, identifier: str, body: str) -> Iterator[FileFault]:
    """Puts the message's files into the ledger where they are not; yields what is wrong with each that is not
    loaded."""
    try:
        events = parse_body(body)
    except EventError as error:
        yield FileFault(f"message {identifier}", "", "malformed", str(error))
        return
    for event in events:
        file = event.file
        entity = (
            None
            if file is None or file.bucket != lake.config.resources.source_bucket
            else taker_of(lake.config, file.key)
        )
        if file is None or entity is None:
            continue
        entry = lake.ledger.get(file.uri)
        if _is_open(entry, file):
            reason = f"{REASON}: {entry.error}" if entry and entry.etag == file.etag and entry.error else REASON
            path = None if entity.data_keys else partition_path(entity, file.key)
            run_id = f"{NAME}/{identifier}"
            lake.ledger.set_aside(file, entity.name, path, "failed", reason, lane="fast", run_id=run_id)
            yield FileFault(file.uri, entity.name, "failed", reason)
        elif entry and entry.etag == file.etag and entry.state == "rejected":
            yield FileFault.from_entry(entry)


def _is_open(entry: Entry | None, file: SourceFile) -> bool:
    """Whether the ledger does not know yet how this version ended; ``Ledger.set_aside`` sorts out older ones."""
    return entry is None or entry.etag != file.etag or entry.state in ("failed", "claimed", "unmatched", "deferred")


def _queue_url(lake: Lake) -> str | None:
    try:
        url: str = lake.sqs.get_queue_url(QueueName=lake.config.resources.dead_letter_queue)["QueueUrl"]
        return url
    except lake.sqs.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        log.warning(
            "there is no queue %s: the low-latency lane is not deployed", lake.config.resources.dead_letter_queue
        )
        return None
