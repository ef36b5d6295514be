"""What a load would do with each file, and why. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.errors import AmbiguousFileError, PartitionValueError
from lakelanes.files.matching import entity_of, partition_for
from lakelanes.files.pending import is_done
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile

if TYPE_CHECKING:
    from lakelanes.config.model import Entity
    from lakelanes.lake import Lake

Action = Literal["load", "already loaded", "being loaded", "settling", "refuse", "refused before", "no entity"]

# A report is kept in Airflow's database, and read by a person.
MAX_FILES = 1000


@dataclass(frozen=True)
class Preview:
    """What would become of one file. ``partition``: the path that its name spells, None where it spells none."""

    file: str
    entity: str | None
    partition: str | None
    action: Action
    why: str

    def __str__(self) -> str:
        return f"{self.action}: {self.file}: {self.why}"


def preview_files(lake: Lake, entity: Entity, files: Iterable[SourceFile], *, reload: bool = False) -> list[Preview]:
    """What a run that is given these files of the entity would do with each, in the order given.

    One ledger request per 100 files. By the time that a file is loaded it may have changed, or another run may have it.
    """
    files = list(files)
    known = lake.ledger.get_many(file.uri for file in files)
    return [_preview(lake, entity, file, known.get(file.uri), reload) for file in files]


def summarize(previews: Iterable[Preview]) -> dict[str, Any]:
    """A report, JSON-ready: ``{"counts": {action: files}, "files": [the first MAX_FILES], "left_off": how many more}``.

    What would be done comes before what would be left as it is.
    """
    ordered = sorted(previews, key=lambda found: (found.action == "already loaded", found.file))
    counts = Counter(found.action for found in ordered)
    return {
        "counts": dict(sorted(counts.items())),
        "files": [asdict(found) for found in ordered[:MAX_FILES]],
        "left_off": max(0, len(ordered) - MAX_FILES),
    }


def _preview(lake: Lake, entity: Entity, file: SourceFile, entry: Entry | None, reload: bool) -> Preview:
    path = None
    try:
        entity_of(lake.config, file.key)
        path = partition_for(entity, file.key).path
        fault = ""
    except (AmbiguousFileError, PartitionValueError) as error:
        fault = str(error)
    action, why = _verdict(lake, entity, file, entry, reload)
    if fault and action == "load":
        action, why = "refuse", fault
    return Preview(file.uri, entity.name, path, action, why)


def _verdict(lake: Lake, entity: Entity, file: SourceFile, entry: Entry | None, reload: bool) -> tuple[Action, str]:
    done = is_done(entry, file)
    if done and entry and not reload:
        return "already loaded", f"{entry.rows_loaded} rows at {entry.loaded_at} by {entry.run_id or entry.lane}"
    if file.last_modified > lake.clock() - timedelta(seconds=entity.settle_seconds):
        return "settling", f"changed at {file.last_modified:%H:%M:%SZ}; it is read {entity.settle_seconds} s after that"
    if entry is None:
        return "load", "new"
    if entry.is_held(lake.ledger.now()):
        return "being loaded", f"{entry.run_id or entry.owner} is loading it, until {entry.lease_until} at the latest"
    if done:
        return "load", "reload was asked for; it is loaded"
    if entry.etag != file.etag:
        return "load", f"another version than the one that is {entry.state}"
    return "load", _reason(entry)


def _reason(entry: Entry) -> str:
    if entry.state == "rejected":
        return f"refused before, and tried again: {entry.error}"
    if entry.state == "failed":
        return f"failed before, attempt {entry.attempts}: {entry.error}"
    return {
        "claimed": f"{entry.run_id or entry.owner} died while it was loading it",
        "deferred": f"left to this lane: {entry.error}",
        "deleted": "it was deleted, and is there again",
        "unmatched": "it matched no entity before",
    }.get(entry.state, f"it is {entry.state}")
