"""Finding whatever no lane has loaded: late, irregular and failed files, expired claims, files that belong nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, tee
from typing import TYPE_CHECKING

from lakelanes.aws.storage import is_readable, place_of
from lakelanes.catalog.registrar import Registrar
from lakelanes.concurrently import map_concurrently
from lakelanes.config.partitions import Partition
from lakelanes.files.file_objects import is_overtaken
from lakelanes.files.ignored_names import is_ignored
from lakelanes.files.listing import list_prefix, list_recent
from lakelanes.files.matching import partition_path, taker_of
from lakelanes.ledger.entries import INDEX_LAG, MAX_ATTEMPTS, Entry, State, timestamp
from lakelanes.ledger.source_file import SourceFile

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# A full listing as small as this (20 LIST requests) is cheaper than being clever.
FULL_LISTING_KEYS = 20_000
FULL_LISTING_EVERY = timedelta(hours=24)
# How far back names and changes are looked at again in between.
LOOKBACK = timedelta(days=3)
UNMATCHED = "the name matches no entity's filename_pattern"
FULL_NOTE = "sweep"
FAST_NOTE = "sweep-fast"
# How often a sweep is made, as dags/sweep_sources.py has it.
SWEEP_EVERY = timedelta(minutes=15)
# Archived files that one sweep looks at.
_HEADS = 2000
_OPEN: tuple[State, ...] = ("claimed", "failed", "deferred")
# What of an entry decides whether its file is loaded, a quarter of it. A sweep reads one for each file that is listed.
_DECIDING = ("source", "state", "lease_until", "etag", "attempts", "waits_for", "error", "partition")


@dataclass(frozen=True)
class Sweep:
    """What a sweep found. ``files`` holds, by entity, those to load; ``unmatched`` ones are new to the ledger;
    ``ignored`` counts those of no entity whose names say that this is as it should be; ``settling`` those that are too
    young to be read; ``archived`` those that failed because they are in an archive, and have not been restored yet.
    ``done``: by entity, the partitions of listed files that the ledger is done with, which Athena should see.
    ``loaded_fast``: by entity, the files that the low-latency lane loaded or refused since the sweep before, by URI the
    path that the name spells; and ``until`` up to when (see ``finish``)."""

    full: bool
    listed: int
    files: dict[str, list[SourceFile]] = field(default_factory=dict)
    unmatched: list[SourceFile] = field(default_factory=list)
    settling: int = 0
    archived: int = 0
    ignored: int = 0
    done: dict[str, set[Partition]] = field(default_factory=dict)
    loaded_fast: dict[str, dict[str, str]] = field(default_factory=dict)
    until: str = ""


def find_unloaded(lake: Lake, *, full: bool = False, note: bool = True) -> Sweep:
    """The files of every entity that are in no table yet and wait for nobody.

    While the source bucket is small every key is listed. Beyond FULL_LISTING_KEYS that happens once a day, and in
    between only names from LOOKBACK ago on are: then the requests follow new files, not history. Refused files are left
    to a new version or to somebody who triggers their load; failed ones are tried MAX_ATTEMPTS times. What the ledger
    itself says is open (failed, left to the batch lane, a claim that ran out) is looked at however old its name is.

    ``note``: whether a full listing is noted, so that the next ones may be short; not by somebody who only looks.
    """
    if note:
        lake.check_owner()
    now = lake.clock()
    last = lake.ledger.read_note(FULL_NOTE)
    last_full = datetime.fromisoformat(last["full_at"]) if "full_at" in last else None
    full = (
        full
        or last_full is None
        or now - last_full >= FULL_LISTING_EVERY
        or int(last.get("listed", 0)) <= FULL_LISTING_KEYS
    )
    listing: Iterable[SourceFile]
    if full:
        # Beyond the entities' prefixes too: a file in the wrong folder needs an alert.
        listing = list_prefix(lake, "")
    else:
        recent = (list_recent(lake, entity, now - LOOKBACK) for entity in lake.config.entities.values())
        listing = {file.key: file for file in chain.from_iterable(recent)}.values()
    sweep = replace(_sort_out(lake, listing, full, now), loaded_fast=_loaded_fast(lake, now), until=timestamp(now))
    if full and note:
        # Only now, so that a sweep that died on the way is made again in full.
        lake.ledger.write_note(FULL_NOTE, {"full_at": timestamp(now), "listed": sweep.listed})
    return sweep


def finish(lake: Lake, until: str) -> None:
    """Notes that what the low-latency lane did up to ``until`` has been registered, validated and published."""
    lake.ledger.write_note(FAST_NOTE, {"until": until})


def _loaded_fast(lake: Lake, now: datetime) -> dict[str, dict[str, str]]:
    """The files that the low-latency lane dealt with since the last finished sweep, by entity.

    That lane registers what it loads, but neither looks whether Glue still has it, nor counts, nor tells Airflow.
    """
    note = lake.ledger.read_note(FAST_NOTE)
    since = datetime.fromisoformat(note["until"]) - INDEX_LAG if note else now - LOOKBACK
    found: dict[str, dict[str, str]] = {}
    for name, entity in lake.config.entities.items():
        entries = chain.from_iterable(
            lake.ledger.in_state(name, state, since, fields=("source", "lane")) for state in ("loaded", "rejected")
        )
        sources = sorted(entry.source for entry in entries if entry.lane == "fast")
        paths = {source: spelled for source in sources if (spelled := partition_path(entity, place_of(source)[1]))}
        if paths:
            found[name] = paths
    return found


def _sort_out(lake: Lake, listing: Iterable[SourceFile], full: bool, now: datetime) -> Sweep:
    """Sorts the files of a listing, and those that the ledger has as open. Of files that are done with nothing is kept:
    there may be millions of them."""
    sweep, counts, moment = Sweep(full, 0), Counter[str](), timestamp(now)
    unfinished = _unfinished(lake)
    archived: list[tuple[str, SourceFile]] = []
    for file, entry in _with_entries(lake, _followed_by(listing, unfinished, counts)):
        entity = taker_of(lake.config, file.key)
        if entity is None and is_ignored(lake.config, file.key):
            counts["ignored"] += 1
        elif entity is None:
            if entry is None or (entry.state == "unmatched" and (entry.etag, entry.error) != (file.etag, UNMATCHED)):
                sweep.unmatched.append(file)
        elif now - file.last_modified < timedelta(seconds=entity.settle_seconds):
            counts["settling"] += 1
        elif entry and entry.waits_for and (entry.state, entry.etag) == ("failed", file.etag):
            archived.append((entity.name, file))
        elif wants_loading(entry, file, moment):
            sweep.files.setdefault(entity.name, []).append(file)
        elif entry and entry.state in ("loaded", "rejected") and entry.partition:
            sweep.done.setdefault(entity.name, set()).add(Partition.from_path(entry.partition))
    restored = _restored(lake, archived, now)
    for name, file in chain(restored, _overtaken(lake, now)):
        if file not in sweep.files.get(name, ()):
            sweep.files.setdefault(name, []).append(file)
    return replace(
        sweep,
        listed=counts["listed"],
        settling=counts["settling"],
        ignored=counts["ignored"],
        archived=len(archived) - len(restored),
    )


def _with_entries(lake: Lake, files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, Entry | None]]:
    """Each file with what the ledger says of it, _DECIDING alone; so many at a time as ``each`` reads."""
    ours, asked = tee(files)
    entries = lake.ledger.each((file.uri for file in asked), fields=_DECIDING)
    for file, (_, entry) in zip(ours, entries, strict=True):
        yield file, entry


def _followed_by(
    listing: Iterable[SourceFile], unfinished: dict[str, SourceFile], counts: Counter[str]
) -> Iterator[SourceFile]:
    """The files of a listing, which are counted as "listed", and after them the unfinished ones that it lacks: too old
    for it, or deleted meanwhile. Those that it has are taken out of ``unfinished``."""
    for file in listing:
        counts["listed"] += 1
        unfinished.pop(file.key, None)
        yield file
    yield from unfinished.values()


def _restored(lake: Lake, waiting: list[tuple[str, SourceFile]], now: datetime) -> list[tuple[str, SourceFile]]:
    """Of files that wait for their restoring, with the names of their entities, those that wait no longer. A HEAD for
    each, of a part of them where there are many: another part in the next sweep."""
    waiting = sorted(waiting, key=lambda one: one[1].uri)
    parts = -(-len(waiting) // _HEADS)
    turn = int(now.timestamp() // SWEEP_EVERY.total_seconds()) % parts if parts else 0
    looked = waiting[turn * _HEADS : (turn + 1) * _HEADS]
    readable = map_concurrently(lambda one: is_readable(lake.s3, one[1].bucket, one[1].key), looked)
    return [one for one, is_so in zip(looked, readable, strict=True) if is_so]


def _unfinished(lake: Lake) -> dict[str, SourceFile]:
    """Files that the ledger has as open, by their keys."""
    entries = (
        entry for entity in lake.config.entities for state in _OPEN for entry in lake.ledger.in_state(entity, state)
    )
    return {(file := _file_of(entry)).key: file for entry in entries}


def _overtaken(lake: Lake, now: datetime) -> Iterator[tuple[str, SourceFile]]:
    """Files that were refused or deleted of late, with the name of their entity, while a worker that had lost its claim
    still wrote to the table: loading them again makes ledger and table agree."""
    for name, entity in lake.config.entities.items():
        for state in ("rejected", "deleted"):
            for entry in lake.ledger.in_state(name, state, now - LOOKBACK):
                if is_overtaken(lake, entity, entry):
                    yield name, _file_of(entry)


def _file_of(entry: Entry) -> SourceFile:
    bucket, key = place_of(entry.source)
    modified = datetime.fromisoformat(entry.last_modified)
    return SourceFile(bucket, key, entry.etag, entry.size, modified, entry.sequencer)


def register_done(lake: Lake, sweep: Sweep) -> int:
    """Registers the partitions of files that a worker committed before it died, and nobody registered since.

    One BatchGetPartition per 1,000 partitions and table when nothing is missing. Returns how many were created.
    """
    registrar = Registrar(lake, "look")
    return sum(
        registrar.register_entity(lake.config.entities[name], paths).created for name, paths in sweep.done.items()
    )


def record_unmatched(lake: Lake, files: Iterable[SourceFile]) -> None:
    """Notes files of no entity in the ledger, so that the next sweep sends no second alert on them."""
    for file in files:
        lake.ledger.record_unmatched(file, UNMATCHED)


def wants_loading(entry: Entry | None, file: SourceFile, now: str) -> bool:
    """Whether a sweep should load ``file``, given what the ledger says of it; not of one that waits for its
    restoring."""
    if entry is None or entry.state == "unmatched":
        return True
    if entry.is_held(now):
        return False
    if entry.etag != file.etag:
        return True
    if entry.state in ("claimed", "failed"):  # a worker that died does not count its attempt as failed
        return entry.attempts < MAX_ATTEMPTS
    return entry.state in ("deleted", "deferred")
