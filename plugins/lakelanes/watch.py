"""Faults that no run reports: checked for every few minutes, by whoever watches the lake.

Each check returns what it finds now, by cause (``lakelanes.alerts.incidents``). A check that sees all there is of its
kind (``_CURES``) cures an incident by not finding it any more; for the others ``cures`` says what is over. A check that
fails keeps no other from being made, opens nothing and cures nothing. Before the checks the changes are counted
(``lakelanes.ledger.summaries``).

    check       requests
    overdue     per entity with a deadline: its total and its last periods (2 BatchGetItem, 1 Query)
    rejected    per entity: files loaded since the last watch (1 Query of by_state); per partition with rejected rows
                its files (1 Query of by_partition)
    drifted     the tables of the database (GetTables, 100 a request)
    stale       3 reads of notes; per entity with a deadline 1 BatchGetItem, 1 Query
    gaps        per exported table: 2 of DynamoDB, 3 of the ledger
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from lakelanes.alerts import incidents, page_links
from lakelanes.alerts.incidents import (
    Incident,
    Send,
    deadline_cause,
    file_cause,
    gap_cause,
    refresh_cause,
    stale_cause,
)
from lakelanes.alerts.messages import Alert
from lakelanes.aws.storage import list_folder, place_of
from lakelanes.catalog import evolution, glue_tables
from lakelanes.catalog.registrar import FAILED_VIEWS
from lakelanes.config.deadlines import deadline_at, exists, following, period_at, period_of
from lakelanes.config.model import Entity
from lakelanes.dashboards import answers, questions
from lakelanes.errors import GapError, StalledError
from lakelanes.files.listing import find_source
from lakelanes.files.matching import taker_of
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import INDEX_LAG, Entry, timestamp
from lakelanes.ledger.items import CURRENT
from lakelanes.overview import files as overview

log = logging.getLogger(__name__)

NAME = "watch_lake"
# How many periods back a missing one is searched for; an older one has had its alert, or was never expected.
LOOKBACK = {"hour": 48, "day": 7, "month": 3, "year": 2}
_REJECTED_NOTE = "watch-rejected"
_REJECTED_SINCE = timedelta(days=1)
# What QuickSight may lack for so long: a backfill is waited for, and the day's refreshes may be used up.
_MOST_BEHIND = timedelta(hours=14)
# From an entity's first load to the making of its table: as long as a run that publishes may take, retries included.
_TABLE_AFTER = timedelta(minutes=30)


@dataclass(frozen=True)
class Finding:
    """Something that people have to act on. subject: see ``Incident``."""

    alert: Alert
    subject: str = ""


@dataclass
class Findings:
    """What the checks found, by cause, and the open incidents that are cured, with what cured each.

    failed: checks that could not be made. until: up to when loaded files were checked, '' when they were not.
    """

    found: dict[str, Finding] = field(default_factory=dict)
    cured: list[tuple[Incident, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    until: str = ""


def watch(lake: Lake, send: Send, run_id: str = "") -> Findings:
    """Makes every check once, opens incidents for what is new, closes those that are cured, and sends the messages that
    others should have sent and did not.

    One message per entity and kind of cause. run_id: of the run that watches.
    """
    lake.check_owner()
    incidents.catch_up(lake, send)
    result = run_checks(lake, incidents.uncured_incidents(lake), run_id)

    def group(cause: str) -> tuple[str, str]:
        return cause.split("/", 1)[0], result.found[cause].alert.entity or ""

    for _, causes in groupby(sorted(result.found, key=lambda cause: (group(cause), cause)), key=group):
        found = {cause: result.found[cause] for cause in causes}
        alerts = {cause: finding.alert for cause, finding in found.items()}
        incidents.report_all(lake, alerts, send, subjects={cause: finding.subject for cause, finding in found.items()})
    incidents.cure_all(lake, result.cured, send)
    if result.until:
        # Only now, so that the next watch passes over nothing when this one dies on the way.
        lake.ledger.write_note(_REJECTED_NOTE, {"until": result.until})
    return result


def run_checks(lake: Lake, opened: Iterable[Incident], run_id: str = "") -> Findings:
    """Makes every check once, and changes nothing but the ledger's counts. ``opened``: the incidents that
    are not cured."""
    result, opened, started = Findings(), list(opened), timestamp(lake.clock())
    cured: dict[str, tuple[Incident, str]] = {}
    _try(result, "summaries", lambda: summaries.refresh(lake.ledger, lake.config.entities.values()))
    for name, check in _CHECKS.items():
        findings = _try(result, name, partial(check, lake, run_id))
        if findings is None:
            continue
        result.found |= findings
        cured |= {
            incident.cause: (incident, how)
            for incident in opened
            if incident.cause not in findings and (how := _CURES.get(name, {}).get(incident.kind))
        }
    result.until = "" if "rejected" in result.failed else started
    known = _try(result, "cures", lambda: cures(lake, opened, gone=True)) or []
    cured |= {incident.cause: (incident, how) for incident, how in known}
    result.cured = [one for cause, one in cured.items() if cause not in result.found]
    return result


def cures(lake: Lake, opened: Iterable[Incident], *, gone: bool = False) -> list[tuple[Incident, str]]:
    """The open incidents that are over by the ledger, with what cured each: files that were loaded, late partitions
    that came, rejected rows that were corrected; and by the configuration: those of entities, tables and data sets that
    it has no more.

    gone: also files that are no longer in the source bucket, which costs a request for each that is not loaded.
    """
    found: list[tuple[Incident, str]] = []
    files: dict[str, Incident] = {}
    for incident in opened:
        if how := _left(lake, incident):
            # What another configuration lacks has not left this one.
            lake.check_owner()
            found.append((incident, how))
        elif incident.kind == "file":
            files[incident.cause.removeprefix(file_cause(""))] = incident
        elif (is_over := _IS_OVER.get(incident.kind)) and (how := is_over(lake, incident)):
            found.append((incident, how))
    entries = lake.ledger.get_many(files) if files else {}
    for uri, incident in files.items():
        (bucket, key), entry = place_of(uri), entries.get(uri)
        if entry is not None and entry.state == "loaded":
            rows = "" if entry.rows_loaded is None else f", {entry.rows_loaded} rows"
            found.append((incident, f"the file was loaded at {entry.loaded_at} by the {entry.lane} lane{rows}"))
        elif gone and not _is_deletion(incident) and find_source(lake, key, bucket) is None:
            found.append((incident, "the file was taken out of the source bucket"))
    return found


def overdue(lake: Lake, run_id: str = "") -> dict[str, Finding]:
    """Partitions that did not arrive by their deadline, whether a run waited for them or not.

    Of an entity whose files' names have a date: from its first loaded period on, at most LOOKBACK periods back. A
    missing period counts when its deadline passed after the first load, or when a later period is loaded. Periods
    around files of long ago count only if they are such holes: nobody expected them here.
    """
    found: dict[str, Finding] = {}
    for entity in lake.config.entities.values():
        for period in _missing(lake, entity):
            deadline = deadline_at(entity, period)
            found[deadline_cause(entity.name, period)] = Finding(
                Alert(
                    dag_id=NAME,
                    run_id=run_id,
                    entity=entity.name,
                    event="found a partition missing",
                    reason=f"no file for partition {period} of {entity.name} was loaded by {deadline:%Y-%m-%d %H:%M} "
                    "UTC, its deadline",
                    meaning=f"{entity.table_name} has no rows of {period}, and what is made of it is incomplete.",
                    what_to_do=f"Upload the file: {_who_loads(entity)}. If a run of load_{entity.name} waited for it, "
                    "clear that run's task sense. To expect it later, raise "
                    f"entities.{entity.name}.deadline_minutes.",
                    partition_key=period,
                    page_url=page_links.period(entity.name, period),
                    since=timestamp(deadline),
                )
            )
    return found


def rejected(lake: Lake, run_id: str = "") -> dict[str, Finding]:
    """Partitions with more rejected rows than the entity's ``alert_rejected_percent`` allows, among those that files
    were loaded into since the last watch. A file whose rows are of many partitions counts by itself.

    A file that was refused as a whole has an alert of its own, and does not count.
    """
    found: dict[str, Finding] = {}
    until = lake.ledger.read_note(_REJECTED_NOTE).get("until")
    since = datetime.fromisoformat(until) - INDEX_LAG if until else lake.clock() - _REJECTED_SINCE
    for entity in lake.config.entities.values():
        if entity.alert_rejected_percent is None:
            continue
        touched = {
            entry.partition or entry.source
            for entry in lake.ledger.in_state(entity.name, "loaded", since)
            if entry.version == CURRENT and entry.rows_rejected
        }
        for subject in sorted(touched):
            count = _rejected(lake, entity, subject)
            if count.is_above(entity.alert_rejected_percent):
                found[rejects_cause(entity, subject)] = Finding(_rejects_alert(entity, subject, count, run_id), subject)
    return found


def drifted(lake: Lake, run_id: str = "") -> dict[str, Finding]:
    """Tables in Glue that differ from the configuration (see ``evolution.differences``), or that are gone although rows
    were loaded into them; by entity, or by DynamoDB table."""
    from lakelanes.tables.catalog import changes_table, snapshot_table

    there = glue_tables.describe_all(lake)
    sums = summaries.totals(lake.ledger, lake.config.entities)
    found: dict[str, Finding] = {}
    made_by = timestamp(lake.clock() - _TABLE_AFTER)
    for name, entity in lake.config.entities.items():
        must_be = bool(sums[name].counts.partitions) and sums[name].first_loaded_at < made_by
        wanted = [(glue_tables.data_table(entity), must_be), (glue_tables.rejects_table(entity), False)]
        _note_drift(lake, found, name, wanted, there, run_id, _left_behind(lake, entity, there))
    for name, table in lake.config.tables.items():
        _note_drift(lake, found, name, [(changes_table(table), False), (snapshot_table(table), False)], there, run_id)
    return found


def stale(lake: Lake, run_id: str = "") -> dict[str, Finding]:
    """Dashboard views that Athena refused when they were last made or queried, and those that read a table whose next
    partition is overdue by the entity's ``stale_minutes``."""
    found: dict[str, Finding] = {}
    for name, reason in lake.ledger.read_note(FAILED_VIEWS).items():
        what = f"view {name} cannot be made: {reason}"
        found[stale_cause(name)] = _stale_view(
            name, what, "Correct include/sql/views, then trigger refresh_views.", run_id
        )
    found |= _behind(lake, run_id)
    names = questions.made_views(lake)
    for name, reason in answers.errors(lake, questions.noted_questions(names)).items():
        what = f"view {name} cannot be read: {reason}"
        remedy = "Correct the view or its tables; the Lake page asks Athena again when it is opened."
        found.setdefault(stale_cause(name), _stale_view(name, what, remedy, run_id))
    late = {entity.table_name: said for entity in lake.config.entities.values() if (said := _staleness(lake, entity))}
    if late and names:
        # Imported only here: the SQL parser takes longer to import than all checks take.
        from lakelanes.catalog.views import tables_of_views

        for name, tables in tables_of_views().items():
            if name in names and (reasons := [late[table] for table in sorted(tables & late.keys())]):
                what = f"view {name} is out of date: {'; '.join(reasons)}"
                remedy = "Upload what is missing; the view reads it as soon as it is loaded."
                found.setdefault(stale_cause(name), _stale_view(name, what, remedy, run_id))
    return found


def _behind(lake: Lake, run_id: str) -> dict[str, Finding]:
    """Data sets of QuickSight that lack for long what Athena has: nobody refreshes them, or the day's refreshes are
    used up. A refresh that failed has an alert of its own."""
    from lakelanes.dashboards import refresh_plan, spice

    found: dict[str, Finding] = {}
    for name, dataset in spice.datasets(lake).items():
        until = str(refresh_plan.read_note(lake, name).get("until", ""))
        # What was never refreshed is not deployed.
        changes = refresh_plan.changes_of(lake, dataset, until) if until else []
        oldest = min((change.at for change in changes), default="")
        if oldest and lake.clock() - datetime.fromisoformat(oldest) > _MOST_BEHIND:
            what = f"QuickSight's data set {name} lacks what was loaded since {oldest}; it has the rows of {until}"
            remedy = "Look at the last runs of refresh_dashboards: is it paused, or are the day's refreshes used up?"
            found[stale_cause(dataset.view)] = _stale_view(dataset.view, what, remedy, run_id)
    return found


def gaps(lake: Lake, run_id: str = "") -> dict[str, Finding]:
    """Exports of DynamoDB tables that have a gap or stand still."""
    from lakelanes.tables.planning import check

    found: dict[str, Finding] = {}
    for table in lake.config.exported_tables:
        name = table.name
        try:
            check(lake, table)
        except (GapError, StalledError) as error:
            found[gap_cause(name)] = Finding(
                Alert(
                    dag_id=NAME,
                    run_id=run_id,
                    entity=name,
                    event="found a gap" if isinstance(error, GapError) else "found exports standing still",
                    reason=str(error).removesuffix(f". {error.remedy}"),
                    meaning=f"{table.current_view} stays as it is, or follows the stream alone.",
                    what_to_do=error.remedy,
                    page_url=page_links.table(name),
                )
            )
    return found


# By check, the kinds of incidents that it always finds all of, and what cured one that it does not find any more.
_CURES = {
    "drifted": {"drift": "the catalogue is what the configuration says"},
    "stale": {"stale": "the view can be made and read, and its tables are up to date"},
    "gaps": {"gap": "the next window can be exported again"},
}


@dataclass(frozen=True)
class _Rejected:
    """Rows of a partition, or of a file, that are in the table, and that were rejected."""

    loaded: int
    rejected: int

    @property
    def percent(self) -> float:
        whole = self.loaded + self.rejected
        return 100 * self.rejected / whole if whole else 0.0

    def is_above(self, threshold: int) -> bool:
        return self.percent > threshold


def rejects_cause(entity: Entity, subject: str) -> str:
    """The cause of too many rejected rows. subject: a partition's path, or the URI of a file of many partitions.

    Where the partition keys are the date alone the cause names the period, else the whole path.
    """
    keys = {key.name for key in entity.partition_keys}
    period = period_of(entity, subject) if keys <= entity.date_keys.keys() else None
    return f"rejects/{entity.name}/{period or subject}"


def _rejected(lake: Lake, entity: Entity, subject: str) -> _Rejected:
    entries: Iterable[Entry]
    if subject.startswith("s3://"):
        entry = lake.ledger.get(subject)
        entries = [entry] if entry else []
    else:
        entries = (e for e in lake.ledger.in_partition(entity.name, subject) if e.version == CURRENT)
    loaded = [(e.rows_loaded or 0, e.rows_rejected or 0) for e in entries if e.state == "loaded"]
    return _Rejected(sum(rows for rows, _ in loaded), sum(rows for _, rows in loaded))


def _rejects_alert(entity: Entity, subject: str, count: _Rejected, run_id: str) -> Alert:
    period = period_of(entity, subject)
    if subject.startswith("s3://"):
        page, where = page_links.file(subject), f"source_file = '{subject}'"
    else:
        page = page_links.period(entity.name, period) if period else page_links.entity(entity.name)
        where = " AND ".join(f"{part.split('=')[0]} = '{part.split('=', 1)[1]}'" for part in subject.split("/"))
    return Alert(
        dag_id=NAME,
        run_id=run_id,
        entity=entity.name,
        event="found too many rejected rows",
        reason=f"{count.rejected} of {count.loaded + count.rejected} rows of {subject} were rejected, "
        f"{count.percent:.1f} %; more than {entity.alert_rejected_percent} % is an alert",
        meaning=f"{entity.table_name} lacks these rows; they are in {entity.rejects_table}, with line and reason.",
        what_to_do=f"See SELECT * FROM {entity.rejects_table} WHERE {where}, correct the files and upload them again "
        f"under the same keys. If so many are to be expected, raise entities.{entity.name}.alert_rejected_percent.",
        partition_key=period,
        page_url=page,
    )


def _corrected(lake: Lake, incident: Incident) -> str:
    entity = lake.config.entities[str(incident.entity)]
    if entity.alert_rejected_percent is None:
        return "alert_rejected_percent is off"
    count = _rejected(lake, entity, incident.subject)
    if count.is_above(entity.alert_rejected_percent):
        return ""
    return f"{count.rejected} of {count.loaded + count.rejected} rows are rejected now, {count.percent:.1f} %"


def _missing(lake: Lake, entity: Entity) -> list[str]:
    """The entity's overdue periods, oldest first."""
    if entity.grain is None:
        return []
    whole = summaries.total(lake.ledger, entity.name)
    now = lake.clock()
    last = period_at(entity, now)
    first = max(whole.first, following(entity, last, -LOOKBACK[entity.grain]))
    if not whole.first or first > last:
        return []
    cells = overview.calendar(lake, entity, first, last, whole)
    newest = max((cell.period for cell in cells if cell.counts.partitions), default="")
    return [
        cell.period
        for cell in cells
        if cell.state == "missing" and (cell.period < newest or str(cell.deadline) > whole.first_loaded_at)
    ]


def _arrived(lake: Lake, incident: Incident) -> str:
    _, name, period = incident.cause.split("/", 2)
    entity = lake.config.entities.get(name)
    if entity and entity.grain and overview.is_period(entity, period) and not exists(entity, period):
        return f"clocks of {entity.timezone} skip {period}"
    summary = summaries.period_summaries(lake.ledger, name, period, period).get(period)
    if summary is None or not summary.counts.partitions:
        return ""
    counts = summary.counts
    return (
        f"partition {period} of {name} has {counts.loaded} file(s), {counts.rows} rows, since {summary.last_loaded_at}"
    )


def _staleness(lake: Lake, entity: Entity) -> str:
    """How long the entity's next partition has been overdue, as a sentence; '' while that is not long enough."""
    if entity.grain is None or entity.stale_minutes is None:
        return ""
    whole = summaries.total(lake.ledger, entity.name)
    newest = next(
        (s.version for s in summaries.newest_periods(lake.ledger, entity.name, 10) if s.counts.partitions), ""
    )
    if not newest:
        return ""
    deadline = deadline_at(entity, following(entity, newest))
    # As for missing partitions: a deadline that passed before the first load is history.
    if timestamp(deadline) <= whole.first_loaded_at:
        return ""
    if lake.clock() < deadline + timedelta(minutes=entity.stale_minutes):
        return ""
    due = f"{deadline:%Y-%m-%d %H:%M} UTC"
    return f"the newest partition of {entity.table_name} is {newest}, and the next was due by {due}"


def _stale_view(name: str, reason: str, remedy: str, run_id: str) -> Finding:
    return Finding(
        Alert(
            dag_id=NAME,
            run_id=run_id,
            entity=name,
            event="found a stale dashboard",
            reason=reason,
            meaning="Dashboards that read the view show old numbers, or none.",
            what_to_do=remedy,
            page_url=page_links.DASHBOARDS,
        )
    )


def _note_drift(
    lake: Lake,
    found: dict[str, Finding],
    name: str,
    wanted: Iterable[tuple[glue_tables.GlueTable, bool]],
    there: Mapping[str, Any],
    run_id: str,
    left_behind: Iterable[str] = (),
) -> None:
    """wanted: the tables of ``name``, and whether each must be there, for it has rows. left_behind: other lines."""
    lines = list(left_behind)
    for table, must_be in wanted:
        described = there.get(table.name)
        if described is not None:
            lines += evolution.differences(lake, table, described)
        elif must_be:
            lines.append(f"table {table.name} is not in the catalogue, although rows were loaded into it")
    if lines:
        found[f"drift/{name}"] = Finding(
            Alert(
                dag_id=NAME,
                run_id=run_id,
                entity=name,
                event="found the schema changed",
                reason="\n".join(lines),
                meaning="Queries see other columns or places than the configuration says; loads may fail.",
                what_to_do=f"Say in the configuration, at {name}, what is meant, or undo the change in Glue. A table "
                "that was dropped is made again by the next load; to register all of its partitions, trigger "
                f"load_{name}.",
                page_url=(page_links.entity if name in lake.config.entities else page_links.table)(name),
            )
        )


def _left_behind(lake: Lake, entity: Entity, there: Mapping[str, Any]) -> Iterator[str]:
    """Tables that have rows of the entity, which loaded them before its table_name was another. A request for each."""
    bucket = lake.config.resources.analytics_bucket
    for name, described in there.items():
        if name == entity.table_name or described.get("Parameters", {}).get(glue_tables.ENTITY) != entity.name:
            continue
        location = described.get("StorageDescriptor", {}).get("Location", "").rstrip("/")
        if location == f"s3://{bucket}/{name}" and next(list_folder(lake.s3, bucket, f"{name}/"), None):
            yield (
                f"table {name} has rows of {entity.name}, whose table_name is {entity.table_name} now, and no query of "
                f"that one finds them. Trigger load_{entity.name} with reload: it moves them"
            )


def _left(lake: Lake, incident: Incident) -> str:
    """That what an incident is about is no longer in the configuration, as a sentence; '' where it is.

    A file that another entity takes now is that one's, and stays open until it is in its table.
    """
    config, names = lake.config, incident.owners
    # Only the lake of a configuration that cannot be read has none: what it has, nobody knows.
    if not config.entities or any(name in config.entities or name in config.tables for name in names):
        return ""
    if incident.kind == "file" and taker_of(config, place_of(incident.cause.removeprefix(file_cause("")))[1]):
        return ""
    return f"{', '.join(sorted(names))} is no longer in the configuration" if names else ""


def _left_dashboards(lake: Lake, incident: Incident) -> str:
    """That a data set is none any more that is refreshed, as a sentence; '' where it is, and for that of Power BI."""
    # Imported only here, as in _behind.
    from lakelanes.dashboards import enhanced_refresh, spice

    name = incident.cause.removeprefix(refresh_cause(""))
    if name == enhanced_refresh.NAME or name in spice.datasets(lake):
        return ""
    return f"{name} is no data set of include/dashboards that is refreshed"


def _who_loads(entity: Entity) -> str:
    fast = "the low-latency lane loads it at once, " if "fast" in entity.lanes else ""
    return f"{fast}sweep_sources within 15 minutes"


def _is_deletion(incident: Incident) -> bool:
    return any(fault.state == "deleted" for fault in incident.alert.files)


def _try(result: Findings, name: str, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception:
        log.exception("the check %s of the lake could not be made", name)
        result.failed.append(name)
        return None


# By kind, what says that an incident is over; '' while it is not.
_IS_OVER: dict[str, Callable[[Lake, Incident], str]] = {
    "deadline": _arrived,
    "rejects": _corrected,
    "refresh": _left_dashboards,
}
_CHECKS: dict[str, Callable[[Lake, str], dict[str, Finding]]] = {
    "overdue": overdue,
    "rejected": rejected,
    "drifted": drifted,
    "stale": stale,
    "gaps": gaps,
}
