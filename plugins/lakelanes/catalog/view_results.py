"""The last answers of the dashboard views, which can be shown at once.

A view takes Athena seconds and is billed by the bytes it reads, so the page never waits for one: an answer stays where
Athena put it, in S3, under its query's id, which a note of the ledger keeps, for every process of every server. What
looking costs is bounded, however many people look:

- A view is asked for again only when an entity that it reads has loaded something since, or the view was made anew, or
  the last attempt failed. Nothing says when a DynamoDB table's view changed: what reads one always counts as changed.
- Two queries of a view are at least MAX_AGE apart, and so many times longer as the last one read more than
  BYTES_PER_MAX_AGE: a day of looking reads 96 GiB per view, and one query. (A view that was made anew is asked for at
  once.) One process asks at a time, and looks again whether it still has to once it is its turn.
- A query is tried once. What a single one may read is the workgroup's limit.

Athena's own reuse of results (ResultReuseByAgeConfiguration) is not used: it knows nothing of loads
(https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html).

A view's rows may be anything, and must harm neither the page nor the answers of other views: a large answer is not
read at all, a long text is cut.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.aws.clients import error_code
from lakelanes.catalog import athena, view_sources
from lakelanes.catalog.views import VIEWS
from lakelanes.errors import QueryError
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import timestamp
from lakelanes.names import sql_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# Rows of an answer that are kept; a chart of more would show none of them.
MAX_ROWS = 2000
# Of an answer in S3: a larger one is not read into the web server's memory.
MAX_BYTES = 4 << 20
# Of a text that is kept. Longer than any number or date that Athena writes.
MAX_TEXT = 1000
MAX_AGE = timedelta(minutes=15)
# A view whose query reads more is asked for less often, in proportion.
BYTES_PER_MAX_AGE = 1 << 30
_QUERY_SECONDS = 600
# Longer than a query; then somebody else may ask.
_TURN_SECONDS = 900
_RESULT = "view-result/"
_TURN = "view-result-turn/"
# Answers that a process remembers: those of every view, and some that are being replaced.
_KEPT = 64
_kept: dict[str, list[dict[str, str | None]]] = {}
_keeping = threading.Lock()


@dataclass(frozen=True)
class ViewResult:
    """The rows of a view as text by column name, and when Athena was asked; ``asked_at`` is '' before it ever was.

    ``query_id``: of Athena's query, whose answer never changes. ``question``: what the view's file says it answers.
    ``error``: why the last attempt failed, or why its answer cannot be shown. ``is_whole``: False when there are more
    rows than MAX_ROWS. ``tables``: those that the view and the kept answer read, None where that is not known.
    ``scanned``: bytes that the last query read. ``pause``: how long Athena is not asked again.
    """

    name: str
    question: str
    rows: list[dict[str, str | None]]
    asked_at: str = ""
    query_id: str = ""
    error: str | None = None
    tables: frozenset[str] | None = None
    scanned: int = 0
    pause: timedelta = MAX_AGE

    @property
    def is_whole(self) -> bool:
        return len(self.rows) < MAX_ROWS


def names(lake: Lake) -> list[str]:
    """The views that exist, as the last refresh of the views has noted."""
    return sorted(lake.ledger.read_note("views"))


def read(lake: Lake, wanted: Iterable[str]) -> list[ViewResult]:
    """The last answers; two requests, and two of Athena for each answer that this process has not read before.

    An answer that cannot be read says so, and keeps no other from being shown.
    """
    wanted = list(wanted)
    notes = _notes(lake, wanted)
    tables = _tables(notes, view_sources.noted(lake))
    return [_read(lake, name, notes[name], tables[name]) for name in wanted]


def tables_of(lake: Lake, wanted: Iterable[str]) -> dict[str, frozenset[str] | None]:
    """The tables whose rows each view's next or kept answer has; None where that is not known. Two requests."""
    return _tables(_notes(lake, wanted), view_sources.noted(lake))


def _tables(notes: Mapping[str, Mapping[str, Any]], inputs: view_sources.Inputs) -> dict[str, frozenset[str] | None]:
    found: dict[str, frozenset[str] | None] = {}
    for name, note in notes.items():
        now, then = view_sources.tables_read(inputs, name), note.get("tables")
        is_known = now is not None and (then is not None or not note.get("query_id"))
        found[name] = (now or frozenset()) | frozenset(then or ()) if is_known else None
    return found


def errors(lake: Lake, wanted: Iterable[str]) -> dict[str, str]:
    """Those of the views that Athena refused to read when it was asked last, with its reason."""
    return {name: str(error) for name, note in _notes(lake, wanted).items() if (error := note.get("error"))}


def stale(lake: Lake, wanted: Iterable[str]) -> list[str]:
    """Those of the views whose answer should be computed again."""
    wanted, now = list(wanted), lake.clock()
    notes, made, inputs = _notes(lake, wanted), lake.ledger.read_note("views"), view_sources.noted(lake)
    loaded = {name: whole.last_loaded_at for name, whole in summaries.totals(lake.ledger, lake.config.entities).items()}

    def is_stale(name: str) -> bool:
        note = notes[name]
        asked = str(note.get("asked_at", ""))
        if not asked or note.get("fingerprint") != made.get(name):
            return True
        if now - datetime.fromisoformat(asked) < _pause(note):
            return False
        if note.get("error") or note.get("problem"):
            return True
        owners = view_sources.owners_of(lake.config, view_sources.tables_read(inputs, name))
        names = loaded if owners is None else [owner.name for owner in owners if owner.is_entity]
        has_others = owners is not None and len(names) < len(owners)
        return has_others or any(loaded[entity] > asked for entity in names)

    return [name for name in wanted if is_stale(name)]


def update(lake: Lake, name: str, *, if_stale: bool = False) -> bool:
    """Asks Athena for a view's rows; False when somebody else is asking, or, with ``if_stale``, has just asked.

    What Athena refuses is noted for ``read``, and what else goes wrong as well; neither is raised.
    """
    if not lake.ledger.take_turn(f"{_TURN}{name}", _TURN_SECONDS):
        return False
    try:
        if if_stale and not stale(lake, [name]):
            return False
        lake.ledger.write_note(f"{_RESULT}{name}", _asked(lake, name))
    finally:
        lake.ledger.give_up_turn(f"{_TURN}{name}")
    return True


def _asked(lake: Lake, name: str) -> dict[str, Any]:
    """The note on a view's answer, once Athena was asked: the new answer, or the last one and why there is no newer."""
    # Read before the query: what was made or loaded since is asked for again.
    about = {"asked_at": timestamp(lake.clock()), "fingerprint": lake.ledger.read_note("views").get(name)}
    note, before = lake.ledger.read_note(f"{_RESULT}{name}"), view_sources.noted(lake)
    last: dict[str, Any] = {key: note[key] for key in ("query_id", "tables", "bytes") if key in note}
    database = sql_identifier(lake.config.resources.glue_database)
    sql = f"SELECT * FROM {database}.{sql_identifier(name)} LIMIT {MAX_ROWS}"
    try:
        query_id = athena.execute(lake, sql, timeout_seconds=_QUERY_SECONDS, attempts=1)
        # The view may have been made anew meanwhile: the answer is of one of the two.
        read_then = [view_sources.tables_read(inputs, name) for inputs in (before, view_sources.noted(lake))]
        tables = None if None in read_then else sorted(frozenset().union(*filter(None, read_then)))
        scanned, size = athena.bytes_scanned(lake, query_id), athena.result_bytes(lake, query_id)
        return {**about, "query_id": query_id, "scanned": scanned, "bytes": size, "tables": tables}
    except QueryError as error:
        return {**about, **last, "scanned": _scanned_of(lake, error), "error": error.reason}
    except (ClientError, BotoCoreError) as error:
        log.warning("view %s could not be asked for: %s", name, error)
        return {**about, **last, "scanned": 0, "problem": f"Athena could not be asked: {error}"}


def _scanned_of(lake: Lake, error: QueryError) -> int:
    try:
        return athena.bytes_scanned(lake, error.query_id)
    except (ClientError, BotoCoreError):
        return 0


def _pause(note: Mapping[str, Any]) -> timedelta:
    """How long after the last query the next one may come."""
    return MAX_AGE * max(1.0, int(note.get("scanned", 0)) / BYTES_PER_MAX_AGE)


def _notes(lake: Lake, wanted: Iterable[str]) -> dict[str, dict[str, Any]]:
    wanted = list(wanted)
    found = lake.ledger.read_notes(f"{_RESULT}{name}" for name in wanted)
    return {name: found.get(f"{_RESULT}{name}", {}) for name in wanted}


def _read(lake: Lake, name: str, note: Mapping[str, Any], tables: frozenset[str] | None) -> ViewResult:
    error = note.get("error") or note.get("problem")
    rows: list[dict[str, str | None]] = []
    size = int(note.get("bytes", 0))
    if size > MAX_BYTES:
        error = error or (
            f"the answer has {size:,} bytes, and the page reads {MAX_BYTES:,} at most: leave long texts out of the view"
        )
    elif query_id := note.get("query_id"):
        try:
            rows = _rows(lake, str(query_id))
        except (ClientError, BotoCoreError) as problem:
            error = f"the answer cannot be read: {problem}"
            # Athena forgets a query after 45 days, and the lifecycle of its bucket may drop the answer before.
            if isinstance(problem, ClientError) and error_code(problem) == "InvalidRequestException":
                error = "the answer is no longer kept; it is asked for again after the next load"
    return ViewResult(
        name,
        question(name),
        rows,
        str(note.get("asked_at", "")),
        str(note.get("query_id", "")),
        error,
        tables,
        int(note.get("scanned", 0)),
        _pause(note),
    )


def _rows(lake: Lake, query_id: str) -> list[dict[str, str | None]]:
    """The rows of an answer, which never changes: the last ones that were read are kept, without what is beyond
    MAX_TEXT of a text."""
    rows = _kept.get(query_id)
    if rows is None:
        found = islice(athena.results(lake, query_id), MAX_ROWS)
        rows = [{_cut(column): value and _cut(value) for column, value in row.items()} for row in found]
        with _keeping:
            _kept[query_id] = rows
            while len(_kept) > _KEPT:
                del _kept[next(iter(_kept))]
    return rows


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"


@lru_cache(maxsize=256)
def question(name: str, directory: Path = VIEWS) -> str:
    """The first line of comment of a view's file."""
    path = directory / f"{name}.sql"
    if not path.is_file():
        return ""
    first = path.read_text(encoding="utf-8").lstrip().split("\n", 1)[0]
    return first.removeprefix("--").strip() if first.startswith("--") else ""
