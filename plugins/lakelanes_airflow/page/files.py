"""The routes of files: all of them in one list, one by its key, and what is taken away of it.

What is sent of a file goes through this process, so that each request is asked who it is of; see
``lakelanes.files.downloads``. The page's Content-Security-Policy has no say in it: a download is no part of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from lakelanes.aws.storage import place_of
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, partition_key
from lakelanes.files import downloads
from lakelanes.files.downloads import Download, NotInBucketError
from lakelanes.files.listing import find_source
from lakelanes.files.matching import matches_name, partition_path, taker_of
from lakelanes.files.rejected_rows import RejectsGoneError, read_rejected
from lakelanes.lake import Lake
from lakelanes.ledger.entries import MAX_ATTEMPTS, MOST_TRIES, Entry
from lakelanes.overview import file_list
from lakelanes.overview import files as overview
from lakelanes.overview.file_list import Choice, FileList, FilesFound, Order
from lakelanes_airflow.notifications.run_alerts import LOAD_PREFIX
from lakelanes_airflow.page import labels
from lakelanes_airflow.page.access import Reader, User, may_trigger
from lakelanes_airflow.page.render import page
from lakelanes_airflow.page.visibility import Visibility
from lakelanes_airflow.process_lake import open_lake

_ROWS = 50
# So many reasons of a file's rows are told, the commonest.
_REASONS = 8
# Stands for the files of no entity where an entity is chosen; no name of an entity is written so.
NO_ENTITY = "-"

StateFilter = Literal["", "claimed", "loaded", "rejected", "failed", "deleted", "deferred", "unmatched"]
Direction = Literal["", "up", "down"]
Uri = Annotated[str, Query(max_length=1200)]


@dataclass(frozen=True)
class Column:
    """A column of the list. order: what it sorts by, None where it does not. falls: whether it begins with the largest
    or the latest."""

    title: str
    order: Order | None = None
    falls: bool = False
    number: bool = False


COLUMNS = (
    Column("File", "file"),
    Column("Entity", "entity"),
    Column("State", "state"),
    Column("Rows", "rows", falls=True, number=True),
    Column("Bad rows", "bad", falls=True, number=True),
    Column("Size", "size", falls=True, number=True),
    Column("Changed (UTC)", "changed", falls=True),
    Column("Reason"),
)


@dataclass(frozen=True)
class FileSeen:
    """A file that the user may see. entity: the one that the ledger has it under, None when the configuration has that
    no more. sends: whether the user may take the file away."""

    entry: Entry
    history: list[Entry]
    entity: Entity | None
    sends: bool


def add_routes(app: FastAPI) -> None:
    """Adds them to the Lake's application, whose own dependencies ask for a login."""
    app.get("/files")(files_page)
    app.get("/file")(file_page)
    app.get("/file/source")(send_source)
    app.get("/file/rejects")(send_rejects)


def files_page(
    request: Request,
    user: Reader,
    q: Annotated[str, Query(max_length=1100)] = "",
    entity: str = "",
    state: StateFilter = "",
    sort: Order = "changed",
    direction: Direction = "",
    after: Annotated[str, Query(max_length=2200)] = "",
) -> Response:
    """Files of all entities that the user may see and of none, in the order of a column, or those with ``q`` in their
    keys."""
    lake = open_lake()
    names = Visibility(request, user, lake.config).entities()
    if entity not in ("", NO_ENTITY, *names):
        raise HTTPException(404, f"there is no entity {entity!r}, or you may not see it")
    of_none = entity in ("", NO_ENTITY)
    choice = Choice(tuple(names) if not entity else () if of_none else (entity,), of_none, state)
    [column] = [one for one in COLUMNS if one.order == sort]
    falls = direction == "down" if direction else column.falls
    found, files = FilesFound([], []), FileList([])
    if q.strip():
        found = file_list.find_files(lake, q, choice, frozenset(names), limit=_ROWS, after=after)
    else:
        files = file_list.list_files(lake, choice, sort, descending=falls, limit=_ROWS, after=after)
    return page(
        request,
        "files.html",
        q=q.strip(),
        names=names,
        no_entity=NO_ENTITY,
        entity=entity,
        state=state,
        state_choices=[one for one in get_args(StateFilter) if one],
        headings=list(_headings(dict(request.query_params), sort, falls)),
        sort=sort,
        direction=direction,
        found=found,
        files=files,
        after=after,
    )


def file_page(request: Request, user: Reader, uri: Uri, offset: Annotated[int, Query(ge=0, le=10**9)] = 0) -> Response:
    """A file: its state and reasons, its rejected rows with line and text, its past versions."""
    lake = open_lake()
    seen = _seen(lake, request, user, uri)
    entry, rows, gone = seen.entry, None, None
    try:
        rows = read_rejected(lake, entry, offset=offset, limit=_ROWS)
    except RejectsGoneError as error:
        gone = str(error)
    return page(
        request,
        "file.html",
        entry=entry,
        history=seen.history,
        rejected=rows,
        gone=gone,
        entity=seen.entity,
        offset=offset,
        step=_ROWS,
        period=_period_of(seen.entity, entry) if seen.entity else None,
        may_load=seen.entity is not None and may_trigger(request, user, LOAD_PREFIX + entry.entity),
        sends=seen.sends,
        in_bucket=_in_bucket(lake, entry),
        max_attempts=MAX_ATTEMPTS,
        most_tries=MOST_TRIES,
        shown_reasons=_REASONS,
    )


def send_source(request: Request, user: Reader, uri: Uri) -> Response:
    """The file itself, in the version that its page tells of."""
    lake = open_lake()
    seen = _seen(lake, request, user, uri)
    if not seen.sends:
        raise HTTPException(403, "A file of no entity is sent to those alone who may see every entity and table.")
    try:
        return _sent(downloads.source(lake, seen.entry))
    except NotInBucketError as error:
        raise HTTPException(404, str(error)) from None


def send_rejects(request: Request, user: Reader, uri: Uri) -> Response:
    """The file's rejected rows as CSV."""
    lake = open_lake()
    seen = _seen(lake, request, user, uri)
    if seen.entry.rejects is None:
        raise HTTPException(404, f"{uri} has no rejected rows.")
    try:
        return _sent(downloads.rejects(lake, seen.entry))
    except RejectsGoneError as error:
        raise HTTPException(404, str(error)) from None


def attachment(name: str) -> str:
    """A Content-Disposition that saves under a name, whatever is in it: the whole name for those who know RFC 8187, and
    before it, as RFC 6266 advises (appendix D), one that any reader of headers takes.

    https://www.rfc-editor.org/rfc/rfc6266, https://www.rfc-editor.org/rfc/rfc8187
    """
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _sent(download: Download) -> Response:
    # As it is: packing gigabytes is work that the API server's one loop would do, and the length would be lost.
    headers = {"Content-Disposition": attachment(download.name), "Content-Encoding": "identity"}
    if download.size is not None:
        headers["Content-Length"] = str(download.size)
    return StreamingResponse(download.chunks, media_type=download.media_type, headers=headers)


def _seen(lake: Lake, request: Request, user: User, uri: str) -> FileSeen:
    """The file by its URI: 403 when it is, or was, of an entity that the user may not see, 404 when nobody knows it."""
    bucket, key = place_of(uri)
    found = overview.one_file(lake, uri)
    # Also of the entities that its past versions were of, and of the one that takes it now.
    owners = {entry.entity for entry in (found[0], *found[1]) if entry.entity} if found else set()
    if bucket == lake.config.resources.source_bucket and (taker := taker_of(lake.config, key)):
        owners.add(taker.name)
    sight = Visibility(request, user, lake.config)
    if not all(map(sight.entity, owners)):
        raise HTTPException(403, "You may not see this entity.")
    if found is None:
        raise HTTPException(
            404, f"The ledger knows no file {uri}. A file that was just uploaded shows up once a lane has seen it."
        )
    entry, history = found
    # Names of files of no entity are shown to every reader. What is in them may be anybody's.
    return FileSeen(entry, history, lake.config.entities.get(entry.entity), bool(owners) or sight.all())


def _in_bucket(lake: Lake, entry: Entry) -> Literal["there", "gone", "replaced"]:
    """Whether the source bucket has the version of the file that the ledger speaks of; one HEAD request."""
    bucket, key = place_of(entry.source)
    file = find_source(lake, key, bucket)
    if file is None:
        return "gone"
    return "there" if file.etag == entry.etag else "replaced"


def _period_of(entity: Entity, entry: Entry) -> str | None:
    """The period that the file's name spells; None where it spells none, or is no longer one of the entity's."""
    key = place_of(entry.source)[1]
    path = partition_path(entity, key) if entity.grain and matches_name(entity, key) else None
    return partition_key(entity, Partition.from_path(path)) if path else None


def _headings(query: dict[str, Any], sort: str, falls: bool) -> Iterator[tuple[Column, str, str]]:
    """Each column with the query that sorts by it, '' for none, and the value of its aria-sort, '' where the list is
    not sorted by it. Once more by the same column is the other way round."""
    for column in COLUMNS:
        is_this = column.order == sort
        down = not falls if is_this else column.falls
        changes = {
            "sort": "" if column.order == "changed" else column.order,
            "direction": "" if down == column.falls else "down" if down else "up",
            "after": "",
        }
        link = labels.query(query, **changes) if column.order else ""
        yield column, link, ("descending" if falls else "ascending") if is_this else ""
