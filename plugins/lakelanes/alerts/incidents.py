"""Incidents: one alert per cause, from its first sign until its cure, and one message when it is cured.

A cause is what has to be cured, whoever runs into it and however often:

    run/<dag id>/<partition key, or ->     a run failed, and no file is at fault
    file/<URI>                             a file is not in its table
    deadline/<entity>/<period>             a partition did not arrive in time
    rejects/<entity>/<partition, or ->     more rows were rejected than the entity's threshold allows
    dead-letters                           messages that are no notifications went to the dead-letter queue
    drift/<entity or table>                the catalogue is no longer what the configuration says
    stale/<view>                           what a dashboard view answers is out of date, or it cannot be made
    refresh/<data set>                     QuickSight could not refresh its copy of a view
    gap/<table>                            changes of a DynamoDB table are no longer exported
    import/<file, or configuration>        a DAG file, or the configuration, cannot be read

Each open one is an item of the ledger's table, ``source = 'incidents'``, ``version = <cause>`` (a long one is cut, and
has its hash), so one Query lists all of them. Whoever puts the item sends its alert: the put is conditional, so of any
number of processes one does. Once the alert is sent the item says so (attribute ``told``). When a process dies before,
``catch_up`` sends the alert after the process's lease is over. A cure moves the item, in one transaction, to the
version ``~<cause>#<opened>``, where it stays until its recovery message is sent in the same way; meanwhile the cause
can open anew.

People can mute one until a time, or close it (``lakelanes.alerts.silence``): attributes of the same item. While it is
muted no message on it is sent. When the mute is over and the cause is not, ``catch_up`` takes it for one whose alert is
still to be sent, so it speaks again, once. One that is closed is no longer listed, and its item stays until its cure;
until then only what is new of its cause (``_is_anew``) opens it again. Neither changes how often a cure is told: it
ends the mute, and its one message is sent.

So no message is lost, and one can come twice: when its process dies after the channel took the message and before the
item said so, or when the channel's answer was lost.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lakelanes.alerts import page_links, where_to_look
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.aws.failures import is_retryable
from lakelanes.aws.pauses import pause
from lakelanes.ledger import items
from lakelanes.ledger.entries import timestamp
from lakelanes.ledger.items import Item

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# How an alert reaches people, e.g. ``lakelanes.alerts.messages.publish``. Raises when it did not.
Send = Callable[["Lake", Alert], object]

SOURCE = "incidents"
DEAD_LETTERS = "dead-letters"
CONFIGURATION = "import/configuration"
# State of a fault that is a message, and no file.
MALFORMED = "malformed"
FILE_MEANING = "The file's rows are missing in its table; what an older version of it brought, if there was one, stays."
# Longer than it takes to send a message.
LEASE = timedelta(minutes=2)
# Kinds of causes of which each report says that it happened again; the others last until they are cured.
_EVENTS = ("run", "refresh")
# Kinds of causes whose second word is an entity or a table; what the names of DAGs that have one begin with; and the
# DAG whose runs have a cause for each table.
_KINDS_OF_NAMES = frozenset({"deadline", "rejects", "drift", "gap"})
_DAGS_OF_NAMES = ("load_", "export_")
_DAG_OF_TABLES = "maintain_lake"
# Sorts after every cause.
_CURED = "~"
_TRIES = 5
_KEY_BYTES = 900
# The attribute for ``Incident.sent``, by the name that the items of earlier versions have.
_SENT = "told"


@dataclass(frozen=True)
class Incident:
    """A cause that is open, since a time (ISO 8601, UTC), and its alert.

    opened_at: when it was noted, which distinguishes it from another one of the same cause. subject: the path that
    shows whether it is cured, where the cause does not name it. sent: whether the alert has been sent. holder,
    lease_until: who is sending, and until when nobody else does. cured_at, how: of one that is over, and whose recovery
    message is still to be sent. muted_by, muted_until: who muted it until when, which may be past. closed_by,
    closed_at: who closed it, and when. closed_on: what was wrong with its file then.
    """

    cause: str
    since: str
    alert: Alert
    opened_at: str = ""
    subject: str = ""
    sent: bool = False
    holder: str = ""
    lease_until: str = ""
    cured_at: str = ""
    how: str = ""
    muted_by: str = ""
    muted_until: str = ""
    closed_by: str = ""
    closed_at: str = ""
    closed_on: str = ""

    def is_muted(self, now: str) -> bool:
        """Whether it is muted at a time."""
        return self.muted_until > now

    def is_unsaid(self, now: str) -> bool:
        """Whether there is a message on it that whoever should have sent it has not sent in time: its alert, what is to
        be said once its mute is over, or its recovery."""
        if self.lease_until >= now or self.is_muted(now):
            return False
        return bool(not self.sent or self.cured_at or self.muted_until)

    @property
    def names(self) -> frozenset[str]:
        """The entities and tables that it is about, those of its files included."""
        return frozenset(filter(None, [*(self.entity or "").split(", "), *(one.entity for one in self.alert.files)]))

    @property
    def owners(self) -> frozenset[str]:
        """The entities and tables whose incident it is: when they leave the configuration there is nothing left to
        cure. Empty where it is about something else, such as a view, or about the lake as a whole."""
        kind, _, what = self.cause.partition("/")
        first, _, rest = what.partition("/")
        if kind == "file":
            found = {one.entity for one in self.alert.files} or set((self.entity or "").split(", "))
        elif kind == "run":
            of_dag = {first.removeprefix(prefix) for prefix in _DAGS_OF_NAMES if first.startswith(prefix)}
            found = {rest} - {"-"} if first == _DAG_OF_TABLES else of_dag
        else:
            found = {first} if kind in _KINDS_OF_NAMES else set()
        return frozenset(filter(None, found))

    @property
    def event(self) -> str:
        """What happened, e.g. ``failed``."""
        return self.alert.event

    @property
    def dag_id(self) -> str:
        return self.alert.dag_id

    @property
    def entity(self) -> str | None:
        return self.alert.entity

    @property
    def reason(self) -> str:
        return self.alert.reason

    @property
    def what_to_do(self) -> str:
        return self.alert.what_to_do

    @property
    def run_url(self) -> str | None:
        return self.alert.run_url

    @property
    def kind(self) -> str:
        """The first word of the cause."""
        return self.cause.split("/", 1)[0]

    @property
    def version(self) -> str:
        """Sort key of the item."""
        return f"{_CURED}{_sort_key(self.cause)}#{self.opened_at}" if self.cured_at else _sort_key(self.cause)

    def to_item(self) -> Item:
        """The item as DynamoDB's API takes it; empty texts are left out."""
        values = {name: value for name, value in items.attributes_of(self, without=("sent",)).items() if value != ""}
        alert = json.dumps(asdict(self.alert))
        return items.to_item({**values, "source": SOURCE, "version": self.version, "alert": alert, _SENT: self.sent})

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Incident:
        return items.record_of(cls, item, alert=_alert(item["alert"]["S"]), sent=item[_SENT]["BOOL"])


def run_cause(dag_id: str, key: str | None) -> str:
    """The cause of a failed run that has no file at fault."""
    return f"run/{dag_id}/{key or '-'}"


def file_cause(uri: str) -> str:
    """The cause of a file that is not in its table."""
    return f"file/{uri}"


def deadline_cause(entity: str, period: str) -> str:
    """The cause of a partition that is overdue."""
    return f"deadline/{entity}/{period}"


def gap_cause(table: str) -> str:
    """The cause of a DynamoDB table whose changes are not exported any more."""
    return f"gap/{table}"


def stale_cause(view: str) -> str:
    """The cause of a dashboard view that is out of date, or cannot be made."""
    return f"stale/{view}"


def refresh_cause(dataset: str) -> str:
    """The cause of a data set of QuickSight that could not be refreshed."""
    return f"refresh/{dataset}"


def open_incidents(lake: Lake) -> list[Incident]:
    """Every open incident that nobody has closed, newest first; muted ones too. One Query."""
    return [one for one in uncured_incidents(lake) if not one.closed_at]


def uncured_incidents(lake: Lake) -> list[Incident]:
    """Every incident that is not cured, newest first: those that somebody has closed, too. One Query."""
    return sorted((one for one in _all(lake) if not one.cured_at), key=lambda one: one.since, reverse=True)


def report(lake: Lake, cause: str, alert: Alert, send: Send, *, subject: str = "") -> bool:
    """Opens a cause and sends its alert unless it is open already; True when this call did both."""
    return bool(report_all(lake, {cause: alert}, send, subjects={cause: subject}))


def report_all(
    lake: Lake, found: Mapping[str, Alert], send: Send, *, subjects: Mapping[str, str] | None = None
) -> list[str]:
    """Opens the causes that are not open yet, or that come anew after somebody closed them, and sends one message of
    them; returns these.

    What cannot be sent is logged, stays noted, and is sent by ``catch_up``; it is not among what is returned. One
    request when all of them are known, and one more per new one, or per file whose alert was closed.
    """
    read = lake.ledger.read_items((SOURCE, _sort_key(cause)) for cause in found)
    known = {item["cause"]["S"]: item for item in read}
    holder, now = uuid.uuid4().hex, lake.ledger.now()
    opened: list[Incident] = []
    for cause, alert in found.items():
        closed = Incident.from_item(known[cause]) if "closed_at" in known.get(cause, {}) else None
        if cause in known and not (closed and _is_anew(lake, closed)):
            continue
        alert = where_to_look.of_cause(cause, replace(alert, since=alert.since or now, causes=(cause,)))
        subject = (subjects or {}).get(cause, "")
        incident = Incident(cause, alert.since, alert, now, subject, holder=holder, lease_until=_lease_end(lake))
        if _open(lake, incident, closed):
            opened.append(incident)
    return [incident.cause for incident in opened] if _send_alert(lake, opened, send) else []


def cure(lake: Lake, cause: str, how: str, send: Send) -> bool:
    """Ends a cause and sends its recovery; True when it was not cured yet. ``how``: what cured it, as a sentence."""
    incident = _read(lake, cause)
    return incident is not None and bool(cure_all(lake, [(incident, how)], send))


def cure_all(lake: Lake, cured: Iterable[tuple[Incident, str]], send: Send) -> list[str]:
    """Ends incidents, as ``uncured_incidents`` gave them, each with what cured it, and sends one message for each DAG,
    entity and kind of cause.

    Returns the causes that this call ended: of several who do it at the same time one does. A message that cannot be
    sent is logged, and sent by ``catch_up``.
    """

    def sender(one: tuple[Incident, str]) -> tuple[str, str, str]:
        return one[0].kind, one[0].dag_id, one[0].entity or ""

    causes: list[str] = []
    for _, group in groupby(sorted(cured, key=sender), key=sender):
        holder = uuid.uuid4().hex
        ended = [moved for incident, how in group if (moved := _end(lake, incident, how, holder))]
        _send_recovery(lake, [incident for incident in ended if incident.sent], send)
        causes += [incident.cause for incident in ended]
    return causes


def catch_up(lake: Lake, send: Send) -> int:
    """Sends the messages that whoever should have sent them has not sent in time, and those on incidents that are open
    still when their mute is over; returns how many that was."""
    now, messages = lake.ledger.now(), 0
    left = [one for one in _all(lake) if one.is_unsaid(now)]
    # What was one message is one again.
    for _, group in groupby(sorted(left, key=lambda one: one.holder), key=lambda one: one.holder):
        holder = uuid.uuid4().hex
        mine = [taken for one in group if (taken := _take_over(lake, one, holder))]
        for is_over in (False, True):
            these = [one for one in mine if bool(one.cured_at) is is_over]
            unsent = [one for one in these if not one.sent]
            if unsent and not _send_alert(lake, unsent, send):
                continue
            messages += bool(unsent)
            if is_over and these:
                messages += _send_recovery(lake, these, send)
    return messages


def recovery(incidents: Sequence[Incident]) -> Alert:
    """The message that incidents are over: what was wrong, since when, for how long, what cured it."""
    lines = []
    for incident in incidents:
        lasted = datetime.fromisoformat(incident.cured_at) - datetime.fromisoformat(incident.since)
        lines.append(
            f"{incident.reason}\n  open since {_minute(incident.since)}, for {_duration(lasted)}; cured: {incident.how}"
        )
    first = min(incidents, key=lambda one: one.since)
    alert = merged([incident.alert for incident in incidents])
    return replace(
        alert,
        reason="\n".join(lines),
        meaning="",
        what_to_do="Nothing: this is over.",
        since=first.since,
        recovered=True,
    )


def merged(alerts: Sequence[Alert]) -> Alert:
    """Several alerts of one sender as one."""
    first = alerts[0]
    if len(alerts) == 1:
        return first
    files = [fault for alert in alerts for fault in alert.files]
    reasons = list(dict.fromkeys(alert.reason for alert in alerts if not alert.files))
    if files:
        reasons.insert(0, files_reason(files))
    entities = sorted({name for alert in alerts if alert.entity for name in alert.entity.split(", ")})
    keys = {alert.partition_key for alert in alerts}
    return replace(
        first,
        entity=", ".join(entities) or None,
        reason="\n".join(reasons),
        meaning="\n".join(dict.fromkeys(alert.meaning for alert in alerts if alert.meaning)),
        what_to_do="\n".join(dict.fromkeys(alert.what_to_do for alert in alerts)),
        partition_key=first.partition_key if len(keys) == 1 else None,
        files=files,
        page_url=first.page_url if len({alert.page_url for alert in alerts}) == 1 else page_links.OVERVIEW,
        command=first.command
        if len({alert.command for alert in alerts}) == 1
        else where_to_look.status_command(", ".join(entities)),
        since=min(alert.since for alert in alerts),
        causes=tuple(cause for alert in alerts for cause in alert.causes),
    )


def file_alerts(alert: Alert) -> dict[str, Alert]:
    """An alert on files as one for each file's cause; messages that are no notifications have one in common."""
    messages = [fault for fault in alert.files if fault.state == MALFORMED]
    found = {
        file_cause(fault.file): replace(
            alert,
            files=[fault],
            entity=fault.entity or alert.entity,
            reason=files_reason([fault]),
            meaning=alert.meaning or FILE_MEANING,
        )
        for fault in alert.files
        if fault.state != MALFORMED
    }
    if messages:
        found[DEAD_LETTERS] = replace(alert, files=messages, entity=None, reason=alert.reason)
    return found


def files_reason(faults: Sequence[FileFault]) -> str:
    """How many files are not loaded, and the first of them."""
    count = "1 file was" if len(faults) == 1 else f"{len(faults)} files were"
    return f"{count} not loaded; the first: {faults[0]}"


def change(
    lake: Lake, incident: Incident, update: str, values: Mapping[str, Any], *, unless_closed: bool = False
) -> bool:
    """Changes the item of an incident that is not cured by an update expression; False when it is over, when it is
    another one of the same cause by now, or, with ``unless_closed``, when somebody has closed it."""
    condition = "opened_at = :opened" + (" AND attribute_not_exists(closed_at)" if unless_closed else "")
    values = {**values, ":opened": incident.opened_at}
    return _write(lake, "update_item", incident.version, condition, values, UpdateExpression=update)


def state_of_file(lake: Lake, cause: str) -> str:
    """What is wrong with the file of a cause, as the ledger says it: its version, state and error; '' where the ledger
    does not know the file, and for a cause of no file."""
    entry = lake.ledger.get(cause.removeprefix(file_cause(""))) if cause.startswith(file_cause("")) else None
    return f"{entry.etag} {entry.state}: {entry.error or ''}" if entry else ""


def _is_anew(lake: Lake, closed: Incident) -> bool:
    """Whether a cause that is reported has come back since its alert was closed.

    What failed has failed again. A file counts if there is another version of it, or something else is wrong with it:
    a sweep tries some files several times. What is there until it is cured, such as a missing partition, was there all
    the time.
    """
    if closed.kind == "file":
        return state_of_file(lake, closed.cause) != closed.closed_on
    return closed.kind in _EVENTS


def _said(incident: Incident) -> Alert:
    """The alert as it is sent: of one that was muted with the word that nobody has cured it."""
    if not incident.muted_until:
        return incident.alert
    note = (
        f"Still open since {_minute(incident.since)}: it was muted by {incident.muted_by} until "
        f"{_minute(incident.muted_until)}, and nothing has cured it."
    )
    return replace(incident.alert, meaning="\n".join(filter(None, (note, incident.alert.meaning))))


def _send_alert(lake: Lake, incidents: Sequence[Incident], send: Send) -> bool:
    if not incidents or not _send_message(lake, incidents, merged([_said(incident) for incident in incidents]), send):
        return False
    for incident in incidents:
        _mark_sent(lake, incident)
    return True


def _send_recovery(lake: Lake, incidents: Sequence[Incident], send: Send) -> bool:
    if not incidents or not _send_message(lake, incidents, recovery(incidents), send):
        return False
    for incident in incidents:
        _write(lake, "delete_item", incident.version, "holder = :h", {":h": incident.holder})
    return True


def _send_message(lake: Lake, incidents: Sequence[Incident], alert: Alert, send: Send) -> bool:
    try:
        send(lake, alert)
    except Exception:
        causes = ", ".join(one.cause for one in incidents)
        log.exception("the message on %s could not be sent; it is tried again", causes)
        for one in incidents:
            _update(lake, one.version, "lease_until = :none", "holder = :h", {":none": "-", ":h": one.holder})
        return False
    return True


def _all(lake: Lake) -> list[Incident]:
    pages = lake.ledger.client.get_paginator("query").paginate(
        TableName=lake.ledger.table,
        ConsistentRead=True,
        KeyConditionExpression="#s = :s",
        ExpressionAttributeNames={"#s": "source"},
        ExpressionAttributeValues={":s": {"S": SOURCE}},
    )
    return [Incident.from_item(item) for page in pages for item in page["Items"]]


def _read(lake: Lake, cause: str) -> Incident | None:
    item = next(iter(lake.ledger.read_items([(SOURCE, _sort_key(cause))])), None)
    return Incident.from_item(item) if item else None


def _open(lake: Lake, incident: Incident, closed: Incident | None = None) -> bool:
    """Puts the item of an incident where there is none of its cause, or ``closed``; False when there is another."""
    db = lake.ledger.client
    # The holder's own: a request whose answer was lost is sent again by the client.
    condition, values = "attribute_not_exists(#s) OR holder = :h", {":h": incident.holder}
    if closed:
        condition = f"{condition} OR (closed_at = :closed AND opened_at = :opened)"
        values |= {":closed": closed.closed_at, ":opened": closed.opened_at}
    try:
        db.put_item(
            TableName=lake.ledger.table,
            Item=incident.to_item(),
            ConditionExpression=condition,
            ExpressionAttributeNames={"#s": "source"},
            ExpressionAttributeValues=items.to_item(values),
        )
    except db.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _end(lake: Lake, incident: Incident, how: str, holder: str) -> Incident | None:
    """Moves an incident to where it waits for its recovery message; None when somebody else did.

    One whose alert was not sent yet keeps its holder, and ``catch_up`` sends both messages.
    """
    db = lake.ledger.client
    for attempt in range(_TRIES):
        # The cure ends a mute.
        moved = replace(incident, cured_at=lake.ledger.now(), how=how, muted_by="", muted_until="")
        if incident.sent:
            moved = replace(moved, holder=holder, lease_until=_lease_end(lake))
        condition = {
            "ConditionExpression": f"holder = :h AND {_SENT} = :t",
            "ExpressionAttributeValues": items.to_item({":h": incident.holder, ":t": incident.sent}),
        }
        table = lake.ledger.table
        try:
            db.transact_write_items(
                TransactItems=[
                    {"Delete": {"TableName": table, "Key": items.key(SOURCE, incident.version), **condition}},
                    {"Put": {"TableName": table, "Item": moved.to_item()}},
                ]
            )
            return moved
        except db.exceptions.TransactionCanceledException as error:
            if not is_retryable(error):
                raise
        # Its alert was sent meanwhile, or it was cured and perhaps opened anew, which is another incident.
        found = _read(lake, incident.cause)
        if found is None or found.opened_at != incident.opened_at:
            return None
        incident = found
        pause(attempt)
    log.warning("%s could not be ended, because others keep changing it", incident.cause)
    return None


def _take_over(lake: Lake, incident: Incident, holder: str) -> Incident | None:
    until = _lease_end(lake)
    changes, condition = "holder = :new, lease_until = :until", "holder = :h AND lease_until = :old"
    values: dict[str, Any] = {":new": holder, ":until": until, ":h": incident.holder, ":old": incident.lease_until}
    taken = replace(incident, holder=holder, lease_until=until)
    if incident.muted_until:
        # Its mute is over: from here on it is one whose alert is still to be sent, whoever dies on the way.
        changes, condition = f"{changes}, {_SENT} = :unsent", f"{condition} AND muted_until = :muted"
        values |= {":unsent": False, ":muted": incident.muted_until}
        taken = replace(taken, sent=False)
    return taken if _update(lake, incident.version, changes, condition, values) else None


def _mark_sent(lake: Lake, incident: Incident) -> None:
    values: dict[str, Any] = {":t": True, ":h": incident.holder}
    if incident.muted_until and _write(
        lake,
        "update_item",
        incident.version,
        "holder = :h AND muted_until = :muted",
        {**values, ":muted": incident.muted_until},
        UpdateExpression=f"SET {_SENT} = :t REMOVE muted_by, muted_until",
    ):
        return
    if _update(lake, incident.version, f"{_SENT} = :t", "holder = :h", values):
        return
    # Cured while its alert was being sent.
    moved = replace(incident, cured_at=incident.cured_at or "-").version
    _update(lake, moved, f"{_SENT} = :t", "holder = :h", values)


def _update(lake: Lake, version: str, changes: str, condition: str, values: Mapping[str, Any]) -> bool:
    return _write(lake, "update_item", version, condition, values, UpdateExpression=f"SET {changes}")


def _write(lake: Lake, operation: str, version: str, condition: str, values: Mapping[str, Any], **request: Any) -> bool:
    """Changes or deletes an item if the condition holds; False when it does not."""
    db = lake.ledger.client
    try:
        getattr(db, operation)(
            TableName=lake.ledger.table,
            Key=items.key(SOURCE, version),
            ConditionExpression=condition,
            ExpressionAttributeValues=items.to_item(values),
            **request,
        )
    except db.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _sort_key(cause: str) -> str:
    """The cause as DynamoDB takes it for a sort key, of 1,024 bytes at most: an S3 key alone may have as many."""
    if len(cause.encode()) <= _KEY_BYTES:
        return cause
    return f"{cause.encode()[: _KEY_BYTES - 65].decode(errors='ignore')}#{hashlib.sha256(cause.encode()).hexdigest()}"


def _lease_end(lake: Lake) -> str:
    return timestamp(lake.clock() + LEASE)


def _alert(text: str) -> Alert:
    values = json.loads(text)
    known = {field.name for field in fields(Alert)}
    values = {name: value for name, value in values.items() if name in known}
    files = [FileFault(**fault) for fault in values.pop("files", ())]
    return Alert(**{**values, "files": files, "causes": tuple(values.get("causes", ()))})


def _minute(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _duration(lasted: timedelta) -> str:
    minutes = max(0, int(lasted.total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" + ("" if n == 1 else "s") for n, unit in ((days, "day"), (hours, "hour")) if n]
    return (
        " ".join([*parts, f"{minutes} minute" + ("" if minutes == 1 else "s")])
        if parts or minutes
        else ("less than a minute")
    )
