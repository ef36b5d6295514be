"""Alerts: messages on the lake's SNS topic, for people who have to act on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lakelanes.alerts import page_links
from lakelanes.convert.policy import WITHHELD
from lakelanes.ledger.entries import Entry, told_rejects

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a subject is ASCII and at most 100 characters.
_SUBJECT_LENGTH = 99
_FILES_SHOWN = 20
# SNS takes 256 KB in all, of a text that is in the message three times.
_REASON_LENGTH = 500
_TEXT_LENGTH = 5000
# Lists every open alert, among others.
STATUS = "lakelanes status"
# Notes of subjects that an alert has been sent of.
_ALERTED = "told/"
# Longer than a queue keeps a message: 14 days.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
_ALERTED_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class FileFault:
    """What is wrong with one file, for an alert. ``rejects``: URI of the object with its rejected rows.

    ``rows_withheld``: of the ``rows_rejected`` of a refused file those without a fault of their own.
    """

    file: str
    entity: str
    state: str
    reason: str
    line: int | None = None
    column: str | None = None
    rejects: str | None = None
    rows_rejected: int | None = None
    rows_withheld: int | None = None

    @classmethod
    def from_entry(cls, entry: Entry) -> FileFault:
        return cls(
            entry.source,
            entry.entity,
            entry.state,
            entry.error or "",
            entry.error_line,
            entry.error_column,
            entry.rejects if entry.rows_rejected else None,
            entry.rows_rejected,
            entry.rows_withheld,
        )

    def __str__(self) -> str:
        line = f", line {self.line}" if self.line is not None else ""
        column = f", column {self.column}" if self.column else ""
        rejects = told_rejects(self.rows_rejected, self.rows_withheld) if self.state == "rejected" else ""
        return f"{self.file}{line}{column}: {_short(self.reason, _REASON_LENGTH)}{rejects}"


@dataclass(frozen=True)
class Alert:
    """Something people have to act on, or, with ``recovered``, that it is over.

    event: what happened. meaning: what it means for those who read the lake. since: ISO 8601, UTC. causes: of the
    incidents that the message opens or closes (``lakelanes.alerts.incidents``). page_url, command: where the Lake page
    shows it, and what says how it stands in the terminal (``lakelanes.alerts.where_to_look``); run_url and page_url may
    be paths within Airflow's UI until it is sent.
    """

    dag_id: str
    run_id: str
    entity: str | None
    reason: str
    what_to_do: str
    run_url: str | None = None
    partition_key: str | None = None
    files: Sequence[FileFault] = ()
    event: str = "failed"
    meaning: str = ""
    since: str = ""
    page_url: str | None = None
    command: str = ""
    recovered: bool = False
    causes: Sequence[str] = ()

    @property
    def subject(self) -> str:
        text = f"Lakelanes: {self.dag_id} {'recovered, it ' if self.recovered else ''}{self.event}"
        text += f" for {self.partition_key}" if self.partition_key else ""
        return text.encode("ascii", "replace").decode()[:_SUBJECT_LENGTH]

    @property
    def text(self) -> str:
        """The message for people."""
        lines = [
            f"DAG:        {self.dag_id}",
            f"Run:        {self.run_id}",
            f"Entity:     {self.entity or '-'}",
            f"Partition:  {self.partition_key or '-'}",
            f"Since:      {self.since or '-'}",
            f"{'Recovered' if self.recovered else 'Reason'}:{' ' * (2 if self.recovered else 5)}"
            f"{_short(self.reason, _TEXT_LENGTH)}",
        ]
        if self.meaning:
            lines += ["", "What it means:", f"  {self.meaning}"]
        if self.files:
            lines += ["", f"Files ({len(self.files)}):", *(f"  {fault}" for fault in self.files[:_FILES_SHOWN])]
            if len(self.files) > _FILES_SHOWN:
                lines.append(f"  and {len(self.files) - _FILES_SHOWN} more, see the ledger")
        lines += ["", "What to do next:", f"  {_short(self.what_to_do, _TEXT_LENGTH)}"]
        if self.run_url:
            lines += ["", "The run, with its tasks' logs:", f"  {self.run_url}"]
        if self.page_url:
            lines += ["", "Look at it on the Lake page:", f"  {self.page_url}"]
        if self.command:
            lines += [
                "",
                "Or in the terminal:" if self.page_url else "Look at it in the terminal:",
                f"  {self.command}",
            ]
        return "\n".join(lines)

    @property
    def json(self) -> str:
        """The message for programs: the same facts (at most 20 files, for SNS takes 256 KB)."""
        files = [{**asdict(f), "reason": _short(f.reason, _REASON_LENGTH)} for f in self.files[:_FILES_SHOWN]]
        texts = {name: _short(getattr(self, name), _TEXT_LENGTH) for name in ("reason", "what_to_do", "meaning")}
        causes = list(self.causes[:_FILES_SHOWN])
        return json.dumps({**asdict(replace(self, files=())), **texts, "causes": causes, "files": files})


def where_rejects_are(table: str, condition: str = "") -> str:
    """Where people find the rows of a refused file, and how they tell the bad ones. condition: ', if ...'."""
    return (
        f"Its rows are in {table}, column source_file{condition}; of those without a fault of their own the reason "
        f"begins with '{WITHHELD.rstrip(': ')}'."
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def with_addresses(alert: Alert, base_url: str | None) -> Alert:
    """The alert as it is sent: with a command, and with links that work outside of Airflow's UI.

    base_url: the UI's address, which Airflow knows by its ``[api] base_url``, and the functions by the configuration's
    ``airflow_url``; None or '' where nobody knows it, or there is no Airflow. Then there are no links.
    """
    base = (base_url or "").rstrip("/")

    def whole(url: str | None) -> str | None:
        if url and url.startswith("/"):
            return f"{base}{url}" if base else None
        return url

    page = whole(alert.page_url or page_links.OVERVIEW)
    return replace(alert, page_url=page, run_url=whole(alert.run_url), command=alert.command or STATUS)


def publish(lake: Lake, alert: Alert) -> str:
    """Publishes ``alert`` on the alert topic; returns the message's id.

    E-mail subscribers get the text, SQS and Lambda subscribers the JSON. Links need ``airflow_url`` of the
    configuration, unless the alert's addresses are whole.
    """
    alert = with_addresses(alert, lake.config.airflow_url)
    message = {"default": alert.text, "sqs": alert.json, "lambda": alert.json}
    answer = lake.sns.publish(
        TopicArn=lake.config.alert_topic_arn,
        Subject=alert.subject,
        MessageStructure="json",
        Message=json.dumps(message),
    )
    return str(answer["MessageId"])


def alerted(lake: Lake, subjects: Iterable[str]) -> set[str]:
    """The subjects (messages, records) that an alert has been sent of."""
    names = {f"{_ALERTED}{subject}": subject for subject in subjects}
    return {names[name] for name in lake.ledger.read_notes(names)}


def mark_alerted(lake: Lake, subjects: Iterable[str]) -> None:
    """Notes that an alert has been sent of these subjects."""
    for subject in subjects:
        lake.ledger.write_note(f"{_ALERTED}{subject}", {"at": lake.ledger.now()}, keep=_ALERTED_KEPT)
