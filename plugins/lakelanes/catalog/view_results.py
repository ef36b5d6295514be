"""The last answers of the dashboard views, which can be shown at once.

A view takes Athena seconds and is billed by the bytes it reads, so the page never waits for one: an answer stays where
Athena put it, in S3, under its query's id, which a note of the ledger keeps. It is computed again when rows were loaded
since, at most every MAX_AGE, by one process at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakelanes.aws.clients import error_code
from lakelanes.catalog import athena
from lakelanes.catalog.views import VIEWS
from lakelanes.errors import QueryError
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import timestamp
from lakelanes.names import sql_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# Rows of an answer that are kept; a chart of more would show none of them.
MAX_ROWS = 2000
MAX_AGE = timedelta(minutes=15)
# As long as Athena may take; then somebody else may ask it.
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
    ``error``: why the last attempt failed. ``is_whole``: False when there are more rows than MAX_ROWS.
    """

    name: str
    question: str
    rows: list[dict[str, str | None]]
    asked_at: str = ""
    query_id: str = ""
    error: str | None = None

    @property
    def is_whole(self) -> bool:
        return len(self.rows) < MAX_ROWS


def names(lake: Lake) -> list[str]:
    """The views that exist, as the last refresh of the views has noted."""
    return sorted(lake.ledger.read_note("views"))


def read(lake: Lake, wanted: Iterable[str]) -> list[ViewResult]:
    """The last answers; two requests, and one of Athena for each answer that this process has not read before."""
    wanted = list(wanted)
    notes = lake.ledger.read_notes(f"{_RESULT}{name}" for name in wanted)
    return [_read(lake, name, notes.get(f"{_RESULT}{name}", {})) for name in wanted]


def errors(lake: Lake, wanted: Iterable[str]) -> dict[str, str]:
    """Those of the views that Athena refused to read when it was asked last, with its reason."""
    wanted = list(wanted)
    notes = lake.ledger.read_notes(f"{_RESULT}{name}" for name in wanted)
    return {name: str(error) for name in wanted if (error := notes.get(f"{_RESULT}{name}", {}).get("error"))}


def stale(lake: Lake, wanted: Iterable[str]) -> list[str]:
    """Those of the views whose answer should be computed again."""
    wanted, now = list(wanted), lake.clock()
    notes = lake.ledger.read_notes(f"{_RESULT}{name}" for name in wanted)
    loaded = max(
        (whole.last_loaded_at for whole in summaries.totals(lake.ledger, lake.config.entities).values()), default=""
    )
    found = []
    for name in wanted:
        asked = str(notes.get(f"{_RESULT}{name}", {}).get("asked_at", ""))
        if not asked or (loaded > asked and now - datetime.fromisoformat(asked) >= MAX_AGE):
            found.append(name)
    return found


def update(lake: Lake, name: str) -> bool:
    """Asks Athena for a view's rows; False when somebody else is asking. What Athena refuses is noted for ``read``."""
    if not lake.ledger.take_turn(f"{_TURN}{name}", _TURN_SECONDS):
        return False
    asked, note = timestamp(lake.clock()), dict(lake.ledger.read_note(f"{_RESULT}{name}"))
    database = sql_identifier(lake.config.resources.glue_database)
    try:
        sql = f"SELECT * FROM {database}.{sql_identifier(name)} LIMIT {MAX_ROWS}"
        note = {"query_id": athena.execute(lake, sql), "asked_at": asked}
    except QueryError as error:
        note |= {"asked_at": asked, "error": error.reason}
    lake.ledger.write_note(f"{_RESULT}{name}", note)
    lake.ledger.give_up_turn(f"{_TURN}{name}")
    return True


def _read(lake: Lake, name: str, note: dict[str, Any]) -> ViewResult:
    error = note.get("error")
    rows: list[dict[str, str | None]] = []
    if query_id := note.get("query_id"):
        try:
            rows = _rows(lake, str(query_id))
        except lake.athena.exceptions.ClientError as problem:
            # Athena forgets a query after 45 days, and the lifecycle of its bucket may drop the answer before.
            if error_code(problem) != "InvalidRequestException":
                raise
            error = "the answer is no longer kept; it is asked for again after the next load"
    asked_at, query_id = str(note.get("asked_at", "")), str(note.get("query_id", ""))
    return ViewResult(name, question(name), rows, asked_at, query_id, error)


def _rows(lake: Lake, query_id: str) -> list[dict[str, str | None]]:
    """The rows of an answer, which never changes: the last ones that were read are kept."""
    rows = _kept.get(query_id)
    if rows is None:
        rows = list(islice(athena.results(lake, query_id), MAX_ROWS))
        with _keeping:
            _kept[query_id] = rows
            while len(_kept) > _KEPT:
                del _kept[next(iter(_kept))]
    return rows


@lru_cache(maxsize=256)
def question(name: str, directory: Path = VIEWS) -> str:
    """The first line of comment of a view's file."""
    path = directory / f"{name}.sql"
    if not path.is_file():
        return ""
    first = path.read_text(encoding="utf-8").lstrip().split("\n", 1)[0]
    return first.removeprefix("--").strip() if first.startswith("--") else ""
