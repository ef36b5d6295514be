"""The state of entities and their files: how fresh an entity is, which partitions are missing, what became of a file.

Each function costs a bounded number of requests, whatever the ledger holds:

    question                      answered by
    entities, their totals        items total:<entity> (BatchGetItem), last items of periods:<entity> (Query), the open
                                  alerts (Query)
    calendar                      items periods:<entity> between two periods (Query on the table's key)
    partitions without a date     items summary:<entity>, a page at a time (Query on the table's key)
    latest files, by state        index by_state, newest first (Query with Limit)
    a partition's files           index by_partition (Query with Limit)
    dead letters                  the queue's attributes (SQS); their files are the failed ones, by index by_state
    files by the start of a key   S3's own order of keys (ListObjectsV2), then BatchGetItem of those files
    one file and its versions     the table's key (Query)

The summaries are those of ``lakelanes.ledger.summaries``, so an answer made of them says up to when it was counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.alerts.incidents import Incident, open_incidents
from lakelanes.aws.storage import place_of
from lakelanes.concurrently import map_concurrently
from lakelanes.config.deadlines import deadline_at, due_at, exists, following, period_at, period_of, periods, start_of
from lakelanes.config.model import Entity
from lakelanes.convert.partition_values import INTEGER_BITS, spelled
from lakelanes.files import dead_letters
from lakelanes.files.ignored_names import is_ignored
from lakelanes.files.listing import source_file
from lakelanes.files.matching import taker_of
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import Entry, State, timestamp
from lakelanes.ledger.source_file import SourceFile
from lakelanes.ledger.summaries import FILE_STATES, OF_A_CELL, Counts, Summary
from lakelanes.overview import standing, trends
from lakelanes.overview.standing import TROUBLED, ByDeadline, CellState, EntityState
from lakelanes.overview.trends import Point

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# More cells than a calendar can show: a month of hours, two years of days.
MAX_CELLS = 800
# What a list of files shows of each. An entry has three times as many attributes, and most of a list's time would go
# into reading them.
LISTED = (
    *("source", "entity", "state", "lane", "size", "updated_at", "rows_loaded", "rows_rejected"),
    *("rows_withheld", "error", "error_line", "error_column"),
)
# Overdue periods are counted up to so many.
MOST_BEHIND = 99
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Freshness:
    """How an entity stands.

    state: the worst of what is known (``lakelanes.overview.standing``). newest: the last period that has rows. next:
    the period that is expected, with its ``deadline`` (ISO 8601, UTC); ``expected``: what is to be seen of it by now,
    as a cell of the calendar. lag_minutes: how long the newest period has been over, negative while it is not;
    lag_limit_minutes: how long it will have been at the next one's deadline. behind: number of periods after the newest
    whose deadline is over, MOST_BEHIND at most.
    """

    state: EntityState
    newest: str | None = None
    next: str | None = None
    deadline: str | None = None
    last_loaded_at: str | None = None
    expected: CellState = "none"
    lag_minutes: int | None = None
    lag_limit_minutes: int | None = None
    behind: int = 0

    @property
    def is_troubled(self) -> bool:
        """Whether somebody has to act."""
        return self.state in TROUBLED


@dataclass(frozen=True)
class EntityStatus:
    """An entity: its table, how it stands, its counts, up to when they were counted ('' for never), its last periods,
    and the causes of the open alerts that are about it."""

    name: str
    table: str
    freshness: Freshness
    counts: Counts
    counted_until: str
    lanes: tuple[str, ...]
    trend: tuple[Point, ...] = ()
    alerts: tuple[str, ...] = ()

    @property
    def needs_attention(self) -> bool:
        return self.freshness.is_troubled or bool(self.counts.failed or self.counts.rejected)


@dataclass(frozen=True)
class Cell:
    """A period of a calendar. late: its last partition was first loaded after the deadline, by a lake that was at work
    then; what was loaded of the time before counts as loaded."""

    period: str
    state: CellState
    counts: Counts
    deadline: str | None


@dataclass(frozen=True)
class FileFound:
    """A file by its key: the object in the source bucket, if there is one, and what the ledger knows of it. ignored:
    whether it is of no entity on purpose."""

    key: str
    uri: str
    entity: str | None
    file: SourceFile | None
    entry: Entry | None
    ignored: bool = False

    @classmethod
    def of(cls, lake: Lake, key: str, file: SourceFile | None, entry: Entry | None) -> FileFound:
        """By what the configuration says of the key now."""
        taker = taker_of(lake.config, key)
        uri = f"s3://{lake.config.resources.source_bucket}/{key}"
        ignored = taker is None and is_ignored(lake.config, key)
        return cls(key, uri, taker.name if taker else None, file, entry, ignored)

    @property
    def state(self) -> str:
        if self.ignored and (self.entry is None or self.entry.state == "unmatched"):
            return "ignored"
        if self.entry is None:
            return "unmatched" if self.entity is None else "new"
        changed = self.file is not None and self.entry.etag != self.file.etag
        return "replaced" if changed and self.entry.state != "claimed" else self.entry.state


@dataclass(frozen=True)
class FilePage:
    """Files of a listing, newest first, and where the next page begins; '' at the end."""

    entries: list[Entry]
    after: str = ""


@dataclass(frozen=True)
class SearchPage:
    """Files by key, in the order of their keys, and the key after which the next page begins; '' at the end."""

    found: list[FileFound]
    after: str = ""


@dataclass(frozen=True)
class DeadLetters:
    """The dead-letter queue of the low-latency lane.

    waiting: number of messages in it, with those that the sweep is reading; None where there is no queue, or where it
    cannot be read, as ``problem`` says. files: failed files that such a message named, among each entity's newest.
    """

    waiting: int | None
    files: tuple[Entry, ...] = ()
    problem: str = ""


def status(
    lake: Lake, names: Iterable[str] | None = None, opened: Sequence[Incident] | None = None
) -> list[EntityStatus]:
    """The entities, or those named, in the configuration's order. ``opened``: the open alerts, where they are known."""
    wanted = list(lake.config.entities if names is None else names)
    alerts = open_incidents(lake) if opened is None else opened
    sums = summaries.totals(lake.ledger, wanted)
    until = summaries.counted_until(lake.ledger, wanted)
    return map_concurrently(
        lambda name: _status(lake, lake.config.entities[name], sums[name], until[name], alerts), wanted
    )


def dead_letters_of(lake: Lake, statuses: Iterable[EntityStatus], *, limit: int = 20) -> DeadLetters:
    """The dead-letter queue, and the files of these entities that the sweep took from it and that are not loaded yet.

    Does not raise when the queue cannot be read, so that the rest is still shown; ``problem`` then has the error.
    """
    names = [one.name for one in statuses if one.counts.failed]
    found = map_concurrently(lambda name: lake.ledger.latest(name, "failed", limit), names)
    files = sorted((e for part in found for e in part if is_dead_letter(e)), key=lambda e: e.updated_at, reverse=True)
    try:
        return DeadLetters(dead_letters.count(lake), tuple(files[:limit]))
    except (ClientError, BotoCoreError) as error:
        queue = lake.config.resources.dead_letter_queue
        return DeadLetters(None, tuple(files[:limit]), f"the queue {queue} cannot be read: {error}")


def is_dead_letter(entry: Entry) -> bool:
    """Whether the ledger knows the file's failure from the dead-letter queue."""
    return entry.state == "failed" and (entry.error or "").startswith(dead_letters.REASON)


def calendar(lake: Lake, entity: Entity, first: str, last: str, whole: Summary | None = None) -> list[Cell]:
    """The entity's periods from ``first`` to ``last``, at most MAX_CELLS of them; one that clocks skip only where files
    are named for it. whole: the entity's sums, where they are known.

    missing: no row although the deadline is over, from the first period that ever had rows on. none: before that, or
    not over yet.
    """
    wanted = list(_limited(periods(entity, first, last)))
    end = wanted[-1] if len(wanted) == MAX_CELLS else last
    if first > end:
        return []
    whole = summaries.total(lake.ledger, entity.name) if whole is None else whole
    known = summaries.period_summaries(lake.ledger, entity.name, first, end, fields=OF_A_CELL)
    skipped = [period for period in known if is_period(entity, period) and not exists(entity, period)]
    now = lake.clock()
    return [_cell(entity, period, known.get(period), whole, now) for period in sorted([*wanted, *skipped])]


def is_period(entity: Entity, text: str) -> bool:
    """Whether a text is a period of the entity, written as its periods are."""
    try:
        return following(entity, text, 0) == text
    except ValueError:
        return False


def latest_files(
    lake: Lake,
    name: str,
    states: Sequence[State] = FILE_STATES,
    *,
    limit: int = 50,
    after: str = "",
    fields: Sequence[str] = (),
) -> FilePage:
    """The files of an entity in these states that changed last; '' as name: files of no entity (state unmatched), those
    left out whose names are ignored by now.

    ``after``: as the page before gave it. ``fields``: to read these attributes of a file alone, e.g. those LISTED.
    """
    cursor = (after.split("|", 1)[0], after.split("|", 1)[1]) if "|" in after else None
    found = map_concurrently(lambda state: lake.ledger.latest(name, state, limit + 1, cursor, fields=fields), states)
    ordered = sorted((e for part in found for e in part), key=lambda e: (e.updated_at, e.source), reverse=True)
    page = ordered[:limit]
    cut = f"{page[-1].updated_at}|{page[-1].source}" if len(ordered) > limit else ""
    if not name:
        page = [entry for entry in page if not is_ignored(lake.config, place_of(entry.source)[1])]
    return FilePage(page, cut)


def latest_of_all(lake: Lake, names: Iterable[str], *, limit: int, fields: Sequence[str] = ()) -> list[Entry]:
    """The files of these entities that changed last, in any state."""
    questions = [(name, state) for name in names for state in FILE_STATES]
    found = map_concurrently(lambda question: lake.ledger.latest(*question, limit, fields=fields), questions)
    every = (entry for part in found for entry in part)
    return sorted(every, key=lambda entry: (entry.updated_at, entry.source), reverse=True)[:limit]


def partition_files(lake: Lake, name: str, path: str, *, limit: int = 100, after: str = "") -> FilePage:
    """Files with rows in a partition, or refused for it, in the order of their keys."""
    entries = lake.ledger.page_of_partition(name, path, limit + 1, after)
    return FilePage(entries[:limit], entries[limit - 1].source if len(entries) > limit else "")


def search(lake: Lake, text: str, *, limit: int = 50, after: str = "") -> SearchPage:
    """Files whose key starts with ``text``, with or without the bucket; a name without a folder is looked for in the
    source prefix of every entity, too. One LIST request per prefix, one of the ledger.

    S3 keeps the keys in order, so the ledger needs no index of its own, and a file that no lane has seen is found too.
    A file that is no longer in the bucket is found by its whole key.
    """
    bucket = lake.config.resources.source_bucket
    text = text.strip().removeprefix(f"s3://{bucket}/")
    if not text:
        return SearchPage([])
    prefixes = search_prefixes(lake, text)

    def listed(prefix: str) -> list[SourceFile]:
        page = lake.s3.list_objects_v2(
            Bucket=bucket, Prefix=prefix, MaxKeys=limit + 1, **({"StartAfter": after} if after else {})
        )
        return [source_file(bucket, item) for item in page.get("Contents", ()) if not item["Key"].endswith("/")]

    files = {file.key: file for part in map_concurrently(listed, sorted(prefixes)) for file in part}
    keys = sorted(files, key=str.encode)
    shown = keys[:limit]
    gone = [] if after else [prefix for prefix in prefixes if prefix not in files]
    entries = lake.ledger.get_many(f"s3://{bucket}/{key}" for key in (*shown, *gone))
    shown = sorted({*shown, *(key for key in gone if f"s3://{bucket}/{key}" in entries)}, key=str.encode)
    found = [FileFound.of(lake, key, files.get(key), entries.get(f"s3://{bucket}/{key}")) for key in shown]
    return SearchPage(found, keys[limit - 1] if len(keys) > limit else "")


def search_prefixes(lake: Lake, text: str) -> set[str]:
    """The starts of keys that a text is searched for as: itself, and for a name without a folder below the source
    prefix of every entity."""
    if "/" in text:
        return {text}
    return {text, *(entity.source_prefix + text for entity in lake.config.entities.values())}


def one_file(lake: Lake, source: str) -> tuple[Entry, list[Entry]] | None:
    """What the ledger knows of a file by its URI, and its past versions, oldest first; None when it knows nothing.

    The ledger's other items (notes, summaries, exports, incidents) have no URI, and are no files.
    """
    entry = lake.ledger.get(source) if source.startswith("s3://") else None
    return (entry, lake.ledger.history(source)) if entry else None


def period_partitions(lake: Lake, entity: Entity, period: str) -> list[Summary]:
    """The partitions of a period. Where the date leads the partition keys these are next to each other in the table;
    where another key leads, or a key is a number, all partitions of the entity are read."""
    leading = [key.name for key in entity.partition_keys][: len(entity.date_keys)]
    numbers = any(key.type.text in INTEGER_BITS for key in entity.partition_keys if key.name in entity.date_keys)
    # Numbers have no leading zeros if they come from rows, and whichever the name has if they come from there.
    if numbers or leading != list(entity.date_keys):
        every = summaries.partition_summaries(lake.ledger, entity.name)
        return [summary for summary in every if period_of(entity, summary.version) == period]
    date = datetime.strptime(period, str(entity.partition_key_format))
    path = "/".join(f"{name}={spelled(date, form)}" for name, form in entity.date_keys.items())
    found = summaries.partition_summaries(lake.ledger, entity.name, starting=path)
    return [summary for summary in found if period_of(entity, summary.version) == period]


def _status(lake: Lake, entity: Entity, whole: Summary, until: str, opened: Sequence[Incident]) -> EntityStatus:
    alerts, known = standing.alerts_about(entity.name, opened), dict[str, Summary]()
    if grain := entity.partition_grain:
        newest = summaries.newest_periods(lake.ledger, entity.name, trends.PERIODS[grain], fields=OF_A_CELL)
        known = {summary.version: summary for summary in newest}
    return EntityStatus(
        entity.name,
        entity.table_name,
        _freshness(entity, whole, known, alerts, lake.clock()),
        whole.counts,
        until,
        entity.lanes,
        tuple(
            Point(cell.period, cell.counts.rows, cell.state)
            for cell in _latest_cells(entity, whole, known, lake.clock())
        ),
        tuple(alert.cause for alert in alerts),
    )


def _freshness(
    entity: Entity, whole: Summary, known: dict[str, Summary], alerts: Sequence[Incident], now: datetime
) -> Freshness:
    """How the entity with these sums, last periods and open alerts stands now."""
    last = whole.last_loaded_at or None
    # What is beyond the last periods the total knows.
    newest = next((period for period, one in known.items() if one.counts.partitions), whole.last or None)
    by_deadline: ByDeadline = "no deadline" if whole.counts.files or newest else "empty"
    if newest is None:
        # Its first files may have been refused.
        first = min(known, default=None)
        expected = _cell(entity, first, known[first], whole, now).state if first else "none"
        state = standing.entity_state(by_deadline, expected, alerts)
        return Freshness(state, next=first, last_loaded_at=last, expected=expected)
    after = following(entity, newest)
    over = start_of(entity, after)
    lag = (now - over) // _MINUTE
    if entity.grain is None or "batch" not in entity.lanes:
        state = standing.entity_state("no deadline", "none", alerts)
        return Freshness(state, newest, last_loaded_at=last, lag_minutes=lag)
    deadline = deadline_at(entity, after)
    by_deadline = "late" if now >= deadline else "waiting" if now >= due_at(entity, after) else "fresh"
    expected = _cell(entity, after, known.get(after), whole, now).state
    return Freshness(
        standing.entity_state(by_deadline, expected, alerts),
        newest,
        after,
        timestamp(deadline),
        last,
        expected,
        lag,
        (deadline - over) // _MINUTE,
        _overdue(entity, after, now),
    )


def _overdue(entity: Entity, first: str, now: datetime) -> int:
    """How many periods from ``first`` on are past their deadline."""
    count = 0
    while count < MOST_BEHIND and now >= deadline_at(entity, first):
        first, count = following(entity, first), count + 1
    return count


def _latest_cells(entity: Entity, whole: Summary, known: dict[str, Summary], now: datetime) -> list[Cell]:
    """The last periods that are over, or have rows; [] of an entity without any."""
    if not known:
        return []
    last = max(following(entity, period_at(entity, now), -1), *known)
    first = following(entity, last, 1 - trends.PERIODS[str(entity.partition_grain)])
    return [_cell(entity, period, known.get(period), whole, now) for period in periods(entity, first, last)]


def _cell(entity: Entity, period: str, summary: Summary | None, whole: Summary, now: datetime) -> Cell:
    counts = summary.counts if summary else Counts()
    deadline = deadline_at(entity, period) if entity.grain and exists(entity, period) else None
    text = timestamp(deadline) if deadline else None
    state: CellState
    if counts.failed:
        state = "failed"
    elif counts.rejected:
        state = "rejected"
    elif counts.claimed or counts.deferred:
        state = "loading"
    elif summary and counts.partitions:
        # The lake is at work since its first load: what is older was backfilled, and has no deadline to miss.
        watched = text is not None and text > whole.first_loaded_at
        state = "late" if text and watched and summary.first_loaded_at > text else "loaded"
    elif deadline is None or not whole.first or period < whole.first or now < due_at(entity, period):
        state = "none"
    else:
        state = "missing" if now >= deadline else "waiting"
    return Cell(period, state, counts, text)


def _limited(texts: Iterable[str]) -> Iterable[str]:
    for number, text in enumerate(texts):
        if number == MAX_CELLS:
            return
        yield text
