"""``upload``: puts local files where their entity takes them, and may wait until they are loaded."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lakelanes.catalog.partitions import unregistered
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, entity_named, plural
from lakelanes.config.model import Entity
from lakelanes.files.listing import find_source
from lakelanes.files.local_files import key_for, takers, why_none
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile

_POLL_SECONDS = 0.5
_ENDED = ("loaded", "rejected", "failed", "unmatched", "deferred")


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "upload",
        help="put local files where their entity takes them",
        description="Puts local files into the source bucket, under the prefix of the entity that takes them. None is "
        "put there if one of them is of no entity. The low-latency lane loads them at once, the sweep what it leaves.",
    )
    parser.add_argument("file", type=Path, nargs="+", help="a file")
    parser.add_argument("--entity", help="of this entity, where the folder decides")
    parser.add_argument(
        "--wait", type=float, metavar="SECONDS", help="wait so long until they are loaded and Athena can read them"
    )
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    entity = entity_named(lake, options.entity) if options.entity else None
    chosen = [_taken(lake, path, entity) for path in options.file]
    found = [_put(lake, path, key) for path, (_, key) in zip(options.file, chosen, strict=True)]
    if options.wait is None:
        lines = [f"{file.uri}: uploaded, for {of.name}" for file, (of, _) in zip(found, chosen, strict=True)]
        return Report("\n".join(lines), [{"uri": file.uri, "etag": file.etag, "state": None} for file in found])
    entities = {file.uri: of for file, (of, _) in zip(found, chosen, strict=True)}
    states = wait_for(lake, found, entities, options.wait)
    lines = [f"{file.uri}: {_described(states[file.uri])}" for file in found]
    data = [{"uri": file.uri, "etag": file.etag, **_told(states[file.uri])} for file in found]
    return Report("\n".join(lines), data, status=int(any(one["state"] != "loaded" for one in data)))


def wait_for(
    lake: Lake,
    files: Iterable[SourceFile],
    entities: dict[str, Entity],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Entry | None]:
    """What the ledger says of these versions of files, by their URI, once all have ended: loaded, in partitions that
    Glue has, or refused. None for a version that has not, after so many seconds."""
    waiting, deadline = {file.uri: file for file in files}, clock() + seconds
    found: dict[str, Entry | None] = dict.fromkeys(waiting)
    while True:
        for uri, entry in lake.ledger.get_many(waiting).items():
            if (
                entry.etag == waiting[uri].etag
                and entry.state in _ENDED
                and not _unreadable(lake, entities[uri], entry)
            ):
                found[uri] = entry
                del waiting[uri]
        if not waiting or clock() >= deadline:
            return found
        sleep(_POLL_SECONDS)


def _unreadable(lake: Lake, entity: Entity, entry: Entry) -> bool:
    if entry.state != "loaded" or (not entry.live_rows and entry.parts is None):
        return False
    parts = lake.ledger.parts(entry.source).values() if entry.parts is not None else ()
    paths = [part.partition for part in parts if part.live_rows]
    return bool(unregistered(lake, entity, [*paths, *([entry.partition] if entry.partition else [])]))


def _taken(lake: Lake, path: Path, entity: Entity | None) -> tuple[Entity, str]:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if entity is not None:
        if key := key_for(entity, path):
            return entity, key
        raise UsageError(f"filename_pattern of {entity.name} does not match {path.name!r}: no lane would take it")
    found = takers(lake.config, path)
    if len(found) != 1:
        raise UsageError(why_none(lake.config, path, found)[0])
    return found[0]


def _put(lake: Lake, path: Path, key: str) -> SourceFile:
    bucket = lake.config.resources.source_bucket
    # It takes long to import, and no other command needs it.
    from boto3.s3.transfer import S3Transfer

    S3Transfer(lake.s3).upload_file(str(path), bucket, key)
    file = find_source(lake, key)
    if file is None:
        raise UsageError(f"s3://{bucket}/{key} was uploaded, and somebody has deleted it since")
    return file


def _described(entry: Entry | None) -> str:
    if entry is None:
        return "not loaded yet; lakelanes files says what becomes of it"
    if entry.state != "loaded":
        return f"{entry.state}: {entry.error}" if entry.error else entry.state
    rejected = f", {entry.rows_rejected:,} rejected" if entry.rows_rejected else ""
    return f"loaded, {plural(entry.rows_loaded or 0, 'row')}{rejected}"


def _told(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"state": None}
    return {"state": entry.state, "rows_loaded": entry.rows_loaded, "rows_rejected": entry.rows_rejected} | {
        "error": entry.error
    }
