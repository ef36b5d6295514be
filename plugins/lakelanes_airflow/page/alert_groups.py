"""How open alerts are titled, and which of them say the same and are shown as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lakelanes.alerts.incidents import CONFIGURATION, Incident
from lakelanes_airflow.page.calendars import long_name

# A form has a field for each alert of a group, and the web framework takes 1,000 fields.
MOST_IN_A_GROUP = 500
_REASON_LENGTH = 160
_FATE = {
    "rejected": "refused",
    "failed": "not loaded",
    "deleted": "gone before it could be read",
    "interrupted": "interrupted",
}


@dataclass(frozen=True)
class AlertGroup:
    """Alerts that say the same of different files, partitions or views, newest first; often there is one."""

    title: str
    incidents: tuple[Incident, ...]

    @property
    def first(self) -> Incident:
        return self.incidents[0]

    @property
    def reason(self) -> str:
        """What the title leaves out of the reason; '' where it says all of it, or where there are several."""
        told = self.title.endswith(_own_reason(self.first)) or len(self.incidents) > 1
        return "" if told else _own_reason(self.first)

    @property
    def reasons_differ(self) -> bool:
        return len({_own_reason(one) for one in self.incidents}) > 1


def groups(opened: Iterable[Incident]) -> list[AlertGroup]:
    """The alerts by what they say, in the order of the newest of each; those that are muted apart, by who muted them
    until when."""
    found: dict[tuple[object, ...], list[list[Incident]]] = {}
    for incident in opened:
        parts = found.setdefault((*_alike(incident), incident.muted_by, incident.muted_until), [[]])
        if len(parts[-1]) == MOST_IN_A_GROUP:
            parts.append([])
        parts[-1].append(incident)
    return [AlertGroup(_title(part), tuple(part)) for parts in found.values() for part in parts]


def file_of(incident: Incident) -> str:
    """The URI of the file that an alert is about; '' for none."""
    return _subject(incident) if incident.kind == "file" else ""


def _subject(incident: Incident) -> str:
    """What the cause is about: all of it after its kind."""
    return incident.cause.partition("/")[2]


def _alike(incident: Incident) -> tuple[object, ...]:
    """What is the same of alerts that are shown as one."""
    kind = incident.kind
    if kind == "file":
        state, column = next(((fault.state, fault.column) for fault in incident.alert.files), ("", None))
        return kind, incident.entity, state, column, _masked(incident)
    if kind in ("deadline", "rejects"):
        return kind, incident.entity
    if kind == "run":
        return kind, incident.dag_id, _masked(incident)
    if kind in ("stale", "refresh"):
        return kind, _masked(incident)
    return (incident.cause,)


def _own_reason(incident: Incident) -> str:
    """Why, without the words that are of every alert of its kind."""
    return incident.alert.files[0].reason if incident.kind == "file" and incident.alert.files else incident.reason


def _masked(incident: Incident) -> str:
    """Its reason without its own name and without numbers."""
    subject = _subject(incident)
    text = _own_reason(incident)
    for name in (subject, subject.rpartition("/")[2]):
        text = text.replace(name, "…") if name else text
    return re.sub(r"\d+", "#", text)


def _title(alike: Sequence[Incident]) -> str:
    write = _TITLES.get(alike[0].kind, _of_anything)
    return write(alike[0], len(alike), alike)


def _of_files(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    state = first.alert.files[0].state if first.alert.files else ""
    name = file_of(first).rpartition("/")[2] or file_of(first)
    what = f"{name} was" if count == 1 else f"{count:,} files{_of(first.entity)} were"
    return f"{what} {_FATE.get(state, 'not loaded')}: {_short(_own_reason(first))}"


def _of_deadlines(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    periods = sorted(one.cause.rpartition("/")[2] for one in alike)
    if count == 1:
        return f"{first.entity}: {_period(periods[0])} did not arrive"
    span = f"from {_period(periods[0])} to {_period(periods[-1])}"
    return f"{first.entity}: {count:,} partitions did not arrive, {span}"


def _of_rejects(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    where = _subject(first).partition("/")[2]
    where = where.rpartition("/")[2] if where.startswith("s3://") else where
    what = _period(where) if count == 1 else f"{count:,} partitions or files"
    return f"{first.entity}, {what}: too many rejected rows"


def _of_runs(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    key = _subject(first).partition("/")[2]
    if count > 1:
        return f"{first.dag_id} {first.event}, {count:,} times: {_short(first.reason)}"
    return f"{first.dag_id} {first.event}{f' for {key}' if key not in ('', '-') else ''}: {_short(first.reason)}"


def _of_views(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    if count == 1:
        return _short(first.reason[:1].upper() + first.reason[1:])
    return f"{count:,} views: {_short(first.reason)}"


def _of_datasets(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    what = _subject(first) if count == 1 else f"{count:,} data sets"
    return f"{what} {'was' if count == 1 else 'were'} not refreshed: {_short(first.reason)}"


def _of_drift(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    return f"The table{_of(first.entity or _subject(first))} in Glue is not what the configuration says"


def _of_gaps(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    return f"Changes{_of(_subject(first))} are no longer exported: {_short(first.reason)}"


def _of_imports(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    if first.cause == CONFIGURATION:
        return "The configuration cannot be read"
    return f"The DAG file {_subject(first)} cannot be imported"


def _of_letters(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    return "The dead-letter queue holds messages that are no notifications"


def _of_anything(first: Incident, count: int, alike: Sequence[Incident]) -> str:
    return f"{first.dag_id} {first.event}"


_TITLES: dict[str, Callable[[Incident, int, Sequence[Incident]], str]] = {
    "file": _of_files,
    "deadline": _of_deadlines,
    "rejects": _of_rejects,
    "run": _of_runs,
    "stale": _of_views,
    "refresh": _of_datasets,
    "drift": _of_drift,
    "gap": _of_gaps,
    "import": _of_imports,
    "dead-letters": _of_letters,
}


def _of(name: str | None) -> str:
    return f" of {name}" if name else ""


def _period(text: str) -> str:
    """A period for people; any other text as it is."""
    try:
        return long_name(text)
    except (KeyError, ValueError):
        return text


def _short(text: str) -> str:
    """The first line, cut between words."""
    line = next(iter(text.strip().splitlines()), "")
    if len(line) <= _REASON_LENGTH:
        return line
    return line[:_REASON_LENGTH].rsplit(" ", 1)[0].rstrip(",;:") + "…"
