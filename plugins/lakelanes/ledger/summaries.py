"""Counts of files and rows per partition, per period and per entity, kept in the ledger's table beside the files.

Counting a partition reads the ledger items of all its files, so it is done when they change, not when the page opens.
Three kinds of items hold the results:

    source              version             sum of
    summary:<entity>    <partition path>    the files of the partition, by the index by_partition
    periods:<entity>    <period>            the partitions of the period (``lakelanes.config.deadlines``)
    total:<entity>      current             all partitions

Each has a ``revision``, and one transaction writes a partition with its period and its total, each on condition that
its revision is the one that was read before counting. So of two who count at the same time one is refused and counts
again, a period is always the sum of its partitions, and the total that of all.

``refresh`` counts what changed since a watermark, by the index by_state: whoever publishes or sweeps calls it, and the
page in the background. It begins a little before the watermark, for indexes trail their table. What it cannot see is a
file that left a partition without a new version of its own (the configuration's partition keys changed; a file of many
partitions was loaded twice between two refreshes): ``rebuild`` counts everything, and ``differences`` says whether it
must.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from lakelanes.aws.failures import is_retryable
from lakelanes.aws.pauses import pause
from lakelanes.config.deadlines import period_of
from lakelanes.config.model import Entity
from lakelanes.errors import LakeError
from lakelanes.ledger import items
from lakelanes.ledger.entries import PART, State, place_in_index
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.items import CURRENT, Item

FILE_STATES: tuple[State, ...] = ("claimed", "loaded", "rejected", "failed", "deleted", "deferred")
# A version that was replaced names the partition that it was in.
_CHANGES: tuple[State, ...] = (*FILE_STATES, "superseded")
_NOTE = "summaries/"
# By how much an index may trail its table, a clock another, and a write the time it is stamped with.
_LAG = timedelta(minutes=2)
# A transaction holds 100 items: these partitions, as many periods, and the total.
_PARTITIONS = 45
_TRIES = 12
# Sorts after whatever continues the text it is appended to.
_LAST = "\U0010ffff"
_WORKERS = 8
_READ = (
    *("version", "state", "lane", "size", "rows_loaded", "rows_rejected", "rows_withheld"),
    *("live_rows", "live_etag", "loaded_at"),
)
# What of an entry says which partitions it has rows in.
_PLACING = ("source", "partition", "parts")
# What a cell of a calendar shows. One asks for hundreds, and most of its time would go into reading the answer.
OF_A_CELL = (
    *("first_loaded_at", "rows", "partitions", *FILE_STATES),
    *("rejects_batch", "rejects_fast", "withheld_batch", "withheld_fast"),
)


@dataclass(frozen=True)
class Counts:
    """Files by state; loaded files, and their rows, by the lane that loaded them; rejected rows by lane, and those of
    them that were withheld with refused files and have no fault of their own.

    ``rows`` are those in the table now: of an older version while a newer one is refused. ``size``: bytes of the source
    files. ``partitions``: those that have a loaded file or rows (1 or 0 for a partition).
    """

    claimed: int = 0
    loaded: int = 0
    rejected: int = 0
    failed: int = 0
    deleted: int = 0
    deferred: int = 0
    files_batch: int = 0
    files_fast: int = 0
    rows_batch: int = 0
    rows_fast: int = 0
    rejects_batch: int = 0
    rejects_fast: int = 0
    rows: int = 0
    size: int = 0
    partitions: int = 0
    withheld_batch: int = 0
    withheld_fast: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in _COUNTS))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) - getattr(other, name) for name in _COUNTS))

    @property
    def files(self) -> int:
        """Files the ledger knows, whatever their state."""
        return sum(getattr(self, state) for state in FILE_STATES)

    @property
    def rows_rejected(self) -> int:
        return self.rejects_batch + self.rejects_fast

    @property
    def rows_withheld(self) -> int:
        return self.withheld_batch + self.withheld_fast

    @property
    def bad_batch(self) -> int:
        return self.rejects_batch - self.withheld_batch

    @property
    def bad_fast(self) -> int:
        return self.rejects_fast - self.withheld_fast

    @property
    def rows_bad(self) -> int:
        """The rejected rows that have a fault of their own."""
        return self.bad_batch + self.bad_fast


_COUNTS = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True)
class Summary:
    """One item. Times are the ledger's, and '' where there is none.

    first_loaded_at: of a partition, when its first file was loaded; of a period, when the first file of its last
    partition was; of an entity, of its first. A partition's never moves to a later time: a reload makes none late.
    first, last: of an entity, the first and the last of its periods that ever had a file loaded.
    """

    source: str
    version: str
    counts: Counts = Counts()
    first_loaded_at: str = ""
    last_loaded_at: str = ""
    first: str = ""
    last: str = ""
    counted_at: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.version

    def says(self, other: Summary) -> bool:
        """Whether both say the same, whenever they were counted."""
        return replace(self, counted_at="", revision=0) == replace(other, counted_at="", revision=0)

    def to_item(self) -> Item:
        """The item as DynamoDB's API takes it; empty texts and counts of 0 are left out."""
        counts = {name: value for name, value in items.attributes_of(self.counts).items() if value}
        texts = {name: value for name, value in items.attributes_of(self, without=("counts",)).items() if value != ""}
        return items.to_item({**texts, **counts})

    @classmethod
    def from_item(cls, item: Mapping[str, Any], source: str = "") -> Summary:
        """``source``: of an item that was read without its own."""
        given: dict[str, Any] = {} if "source" in item else {"source": source}
        return items.record_of(cls, item, counts=items.record_of(Counts, item), **given)


class SummaryError(LakeError):
    """A summary could not be written."""


def total(ledger: Ledger, name: str) -> Summary:
    """The sums of an entity."""
    return totals(ledger, [name])[name]


def totals(ledger: Ledger, names: Iterable[str]) -> dict[str, Summary]:
    """The sums of entities by their names; one request per 100."""
    keys = {name: (f"total:{name}", CURRENT) for name in names}
    found = _read(ledger, keys.values())
    return {name: found[key] for name, key in keys.items()}


def counted_until(ledger: Ledger, names: Iterable[str]) -> dict[str, str]:
    """By entity, up to which time what happened has been counted; '' for never."""
    names = list(names)
    notes = ledger.read_notes(f"{_NOTE}{name}" for name in names)
    return {name: str(notes.get(f"{_NOTE}{name}", {}).get("until", "")) for name in names}


def period_summaries(
    ledger: Ledger, name: str, first: str, last: str, *, fields: Sequence[str] = ()
) -> dict[str, Summary]:
    """The entity's periods from ``first`` to ``last`` that have any, by their text. ``fields``: to read these alone."""
    return {s.version: s for s in _query(ledger, f"periods:{name}", between=(first, last), fields=fields)}


def newest_periods(ledger: Ledger, name: str, limit: int, *, fields: Sequence[str] = ()) -> list[Summary]:
    """The entity's last periods, newest first; one request. ``fields``: to read these alone."""
    return list(_query(ledger, f"periods:{name}", newest=limit, fields=fields))


def partition_summaries(
    ledger: Ledger, name: str, *, after: str = "", starting: str = "", limit: int | None = None
) -> list[Summary]:
    """The entity's partitions in the order of their paths, files without one last: those after ``after``, or those
    whose path starts so."""
    between = (starting, starting + _LAST) if starting else None
    return list(_query(ledger, f"summary:{name}", between=between, after=after, limit=limit))


def partition_summary(ledger: Ledger, name: str, path: str) -> Summary:
    """One partition's counts."""
    key = (f"summary:{name}", path)
    return _read(ledger, [key])[key]


def count(ledger: Ledger, entity: Entity, paths: Iterable[str]) -> int:
    """Counts partitions anew and writes those whose counts changed, with their periods and the total; how many did.

    A request or more per partition, as its files need; a transaction per 45 that changed. Raises SummaryError when
    others keep writing the same ones.
    """
    distinct = sorted(set(paths))
    return sum(_count(ledger, entity, distinct[at : at + _PARTITIONS]) for at in range(0, len(distinct), _PARTITIONS))


def refresh(ledger: Ledger, entities: Iterable[Entity]) -> int:
    """Counts the partitions of these entities whose files changed since the last refresh.

    Returns how many counts changed. The first refresh of an entity counts everything.
    """
    written = 0
    for entity in entities:
        name, started = entity.name, ledger.now()
        until = counted_until(ledger, [name])[name]
        since = datetime.fromisoformat(until) - _LAG if until else None
        written += count(ledger, entity, set(_touched(ledger, name, since)))
        ledger.write_note(f"{_NOTE}{name}", {"until": started})
    return written


def rebuild(ledger: Ledger, entity: Entity) -> int:
    """Counts every partition of an entity, and adds up its periods and total anew; returns how many items changed.

    Reads every ledger item of the entity twice. Others may load, count and read meanwhile.
    """
    name, started = entity.name, ledger.now()
    known = {summary.version for summary in _query(ledger, f"summary:{name}")}
    written = count(ledger, entity, known | set(_touched(ledger, name, None)))
    written += _add_up(ledger, entity)
    ledger.write_note(f"{_NOTE}{name}", {"until": started})
    return written


def differences(ledger: Ledger, entity: Entity) -> list[str]:
    """Where the summaries of an entity differ from the ledger, a line each; [] when they agree.

    A partition that files are being loaded into can differ for the moment.
    """
    name = entity.name
    found: list[str] = []
    stored = {summary.version: summary for summary in _query(ledger, f"summary:{name}")}
    paths = sorted(stored.keys() | set(_touched(ledger, name, None)))
    for path, counted in zip(paths, _counted(ledger, name, paths), strict=True):
        before = stored.get(path, Summary(f"summary:{name}", path))
        found += [f"{name}/{path}: {line}" for line in _differ(before.counts, counted.counts)]
    sums = _sums(entity, stored.values())
    kept = {summary.key: summary for summary in _query(ledger, f"periods:{name}")}
    kept[f"total:{name}", CURRENT] = total(ledger, name)
    for key in sorted(kept.keys() | sums.keys()):
        one, other = kept.get(key, Summary(*key)), sums.get(key, Summary(*key))
        found += [f"{key[0]} {key[1]}: {line}" for line in _differ(one.counts, other.counts)]
    return found


def _differ(stored: Counts, counted: Counts) -> list[str]:
    return [
        f"{field}: the summary says {getattr(stored, field)}, the ledger {getattr(counted, field)}"
        for field in _COUNTS
        if getattr(stored, field) != getattr(counted, field)
    ]


def _touched(ledger: Ledger, name: str, since: datetime | None) -> Iterator[str]:
    """The partitions, or buckets, of files that changed since then: where they are, and where they were."""
    for state in _CHANGES:
        for entry in ledger.in_state(name, state, since, fields=_PLACING):
            if state != "superseded" or entry.partition:
                yield place_in_index(entry)
            if entry.parts is not None and state != "superseded":
                yield from (part.partition for part in ledger.parts(entry.source).values())


def _count(ledger: Ledger, entity: Entity, paths: Sequence[str]) -> int:
    source = f"summary:{entity.name}"
    periods = {path: period_of(entity, path) for path in paths}
    keys = {(source, path) for path in paths} | {(f"total:{entity.name}", CURRENT)}
    keys |= {(f"periods:{entity.name}", period) for period in periods.values() if period}
    for attempt in range(_TRIES):
        before = _read(ledger, keys)  # first: what is counted must not be older than what it replaces
        after = dict(before)
        changed = 0
        for path, counted in zip(paths, _counted(ledger, entity.name, paths), strict=True):
            old = before[source, path]
            new = _merged(old, counted)
            if new.says(old):
                continue
            changed += 1
            after[source, path] = new
            _add_to(after, entity, old, new, periods[path])
        if not changed or _transact(ledger, before, after):
            return changed
        pause(attempt)
    raise SummaryError(
        f"{entity.name}: {len(paths)} partitions could not be counted, because others keep counting them"
    )


def _add_to(
    after: dict[tuple[str, str], Summary], entity: Entity, old: Summary, new: Summary, period: str | None
) -> None:
    """Moves a partition's change on to its period and its entity."""
    delta = new.counts - old.counts
    for key in [(f"total:{entity.name}", CURRENT), *([(f"periods:{entity.name}", period)] if period else [])]:
        one = after[key]
        whole = key[0].startswith("total:")
        times = [value for value in (one.first_loaded_at, new.first_loaded_at) if value]
        after[key] = replace(
            one,
            counts=one.counts + delta,
            first_loaded_at=(min if whole else max)(times, default=""),
            last_loaded_at=max(one.last_loaded_at, new.last_loaded_at),
        )
        if whole and period and new.first_loaded_at:
            first = min(filter(None, (one.first, period)))
            after[key] = replace(after[key], first=first, last=max(one.last, period))


def _merged(old: Summary, counted: Summary) -> Summary:
    """The counted one, with what only the older knows."""
    times = [value for value in (old.first_loaded_at, counted.first_loaded_at) if value]
    return replace(
        old,
        counts=counted.counts,
        first_loaded_at=min(times, default=""),
        last_loaded_at=max(old.last_loaded_at, counted.last_loaded_at),
    )


def _counted(ledger: Ledger, name: str, paths: Sequence[str]) -> list[Summary]:
    if len(paths) < 2:
        return [_of_partition(ledger, name, path) for path in paths]
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="count") as pool:
        return list(pool.map(lambda path: _of_partition(ledger, name, path), paths))


def _of_partition(ledger: Ledger, name: str, path: str) -> Summary:
    """What the index has in a partition, or in a bucket of files without one."""
    sums = dict.fromkeys(_COUNTS, 0)
    times: list[str] = []
    names = items.placeholders(_READ)
    pages = ledger.client.get_paginator("query").paginate(
        TableName=ledger.table,
        IndexName="by_partition",
        KeyConditionExpression="entity_partition = :p",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={":p": {"S": f"{name}#{path}"}},
        **items.projection(names),
    )
    for page in pages:
        for item in page["Items"]:
            _add_item(sums, times, item)
    sums["partitions"] = int("=" in path and bool(sums["loaded"] or sums["rows"]))
    first, last = (min(times), max(times)) if times else ("", "")
    return Summary(f"summary:{name}", path, Counts(**sums), first, last)


def _add_item(sums: dict[str, int], times: list[str], item: Mapping[str, Any]) -> None:
    # Not through Entry: these are read by the thousand.
    def number(name: str) -> int:
        return int(item.get(name, {}).get("N", 0))

    if "live_etag" in item:
        sums["rows"] += number("live_rows")
    if item["version"]["S"].startswith(PART):
        return
    state, lane = item["state"]["S"], item.get("lane", {}).get("S", "batch")
    if state in FILE_STATES:
        sums[state] += 1
        sums["size"] += number("size")
    sums[f"rejects_{lane}"] += number("rows_rejected")
    sums[f"withheld_{lane}"] += number("rows_withheld")
    if state == "loaded":
        sums[f"files_{lane}"] += 1
        sums[f"rows_{lane}"] += number("rows_loaded")
    if "S" in item.get("loaded_at", {}):
        times.append(item["loaded_at"]["S"])


def _sums(entity: Entity, partitions: Iterable[Summary]) -> dict[tuple[str, str], Summary]:
    """Periods and total as the partitions add up."""
    sums = {key: Summary(*key) for key in [(f"total:{entity.name}", CURRENT)]}
    for summary in partitions:
        period = period_of(entity, summary.version)
        if period:
            key = (f"periods:{entity.name}", period)
            sums.setdefault(key, Summary(*key))
        _add_to(sums, entity, Summary(*summary.key), summary, period)
    return sums


def _add_up(ledger: Ledger, entity: Entity) -> int:
    """Corrects periods and total that are not the sums of their partitions; returns how many."""
    name = entity.name
    for _ in range(_TRIES):
        # Its revision rises with every count, so one condition covers all that is read here.
        whole = total(ledger, name)
        partitions = list(_query(ledger, f"summary:{name}"))
        kept = {summary.key: summary for summary in _query(ledger, f"periods:{name}")} | {whole.key: whole}
        sums = _sums(entity, partitions)
        wrong = [
            sums.get(key, Summary(*key))
            for key in kept.keys() | sums.keys()
            if not sums.get(key, Summary(*key)).says(kept.get(key, Summary(*key)))
        ]
        done = True
        for at in range(0, len(wrong), _PARTITIONS):
            after = {one.key: one for one in wrong[at : at + _PARTITIONS]}
            after.setdefault(whole.key, whole)
            before = {key: kept.get(key, Summary(*key)) for key in after}
            done = _transact(ledger, before, after, always=whole.key)
            if not done:
                break
            kept[whole.key] = whole = replace(after[whole.key], revision=whole.revision + 1)
        if done:
            return len(wrong)
    raise SummaryError(f"{name}: its partitions could not be added up, because others keep counting them")


def _transact(
    ledger: Ledger,
    before: Mapping[tuple[str, str], Summary],
    after: Mapping[tuple[str, str], Summary],
    always: tuple[str, str] | None = None,
) -> bool:
    """Writes what changed, all of it or nothing; False when somebody wrote one of them since ``before`` was read, or
    was in the way."""
    now, puts = ledger.now(), list[dict[str, Any]]()
    for key, summary in after.items():
        if summary.says(before[key]) and key != always:
            continue
        revision = before[key].revision
        item = replace(summary, revision=revision + 1, counted_at=now).to_item()
        put: dict[str, Any] = {"TableName": ledger.table, "Item": item}
        if revision:
            put |= {
                "ConditionExpression": "revision = :r",
                "ExpressionAttributeValues": items.to_item({":r": revision}),
            }
        else:
            put |= {
                "ConditionExpression": "attribute_not_exists(#s)",
                "ExpressionAttributeNames": {"#s": "source"},
            }
        puts.append({"Put": put})
    try:
        ledger.client.transact_write_items(TransactItems=puts)
    except ledger.client.exceptions.TransactionCanceledException as error:
        if not is_retryable(error):
            raise
        return False
    return True


def _read(ledger: Ledger, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Summary]:
    """Summaries by their keys, empty ones for those that are not there; strongly consistent."""
    wanted = list(keys)
    read = map(Summary.from_item, ledger.read_items(wanted))
    return {key: Summary(*key) for key in wanted} | {summary.key: summary for summary in read}


def _query(
    ledger: Ledger,
    source: str,
    *,
    between: tuple[str, str] | None = None,
    after: str = "",
    limit: int | None = None,
    newest: int | None = None,
    fields: Sequence[str] = (),
) -> Iterator[Summary]:
    condition, names, values = "#source = :s", items.placeholders(["source"]), {":s": {"S": source}}
    if between:
        condition += " AND #version BETWEEN :a AND :b"
        values |= {":a": {"S": between[0]}, ":b": {"S": between[1]}}
    elif after:
        condition += " AND #version > :a"
        values[":a"] = {"S": after}
    if between or after:
        names |= items.placeholders(["version"])
    size = newest or limit
    read = items.placeholders(["version", *fields]) if fields else {}
    pages = ledger.client.get_paginator("query").paginate(
        TableName=ledger.table,
        KeyConditionExpression=condition,
        ExpressionAttributeNames=names | read,
        ExpressionAttributeValues=values,
        ScanIndexForward=newest is None,
        PaginationConfig={"MaxItems": size, "PageSize": size},
        **items.projection(read),
    )
    for page in pages:
        yield from (Summary.from_item(item, source) for item in page["Items"])
