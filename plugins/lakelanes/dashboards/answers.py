"""The last answers to the dashboards' questions, which can be shown at once.

A question takes Athena seconds and is billed by the bytes it reads, so the page never waits for one: an answer stays
where Athena put it, in S3, under its query's id, which a note of the ledger keeps, for every process of every server.
What looking costs is bounded, however many people look:

- A question is asked again only when an entity that its view reads has loaded something since, or the view or the
  question was changed, or the last attempt failed. Nothing says when a DynamoDB table's view changed: what reads one
  always counts as changed.
- Two queries of a question are at least MAX_AGE apart, and so many times longer as the last one read more than
  BYTES_PER_MAX_AGE: a day of looking reads 96 GiB per question, and one query. (One that was changed is asked at once.)
  One process asks at a time, and looks again whether it still has to once it is its turn.
- A query is tried once. What a single one may read is the workgroup's limit.

Athena's own reuse of results (ResultReuseByAgeConfiguration) is not used: it knows nothing of loads
(https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html).

The rows may be anything, and must harm neither the page nor other answers: a large answer is not read at all, a long
text is cut.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.aws.failures import kind_of
from lakelanes.catalog import athena, view_sources
from lakelanes.dashboards.questions import Question
from lakelanes.errors import QueryError
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import timestamp

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# Rows of an answer that are kept, one less than a query asks for at the most.
MAX_ROWS = 2000
# Of an answer in S3: a larger one is not read into the web server's memory.
MAX_BYTES = 4 << 20
# Of a text that is kept. Longer than any number or date that Athena writes.
MAX_TEXT = 1000
MAX_AGE = timedelta(minutes=15)
# A question whose query reads more is asked less often, in proportion.
BYTES_PER_MAX_AGE = 1 << 30
_QUERY_SECONDS = 600
# Longer than a query; then somebody else may ask.
_TURN_SECONDS = 900
_NOTE = "answer/"
_TURN = "answer-turn/"
# Answers that a process remembers: those of some dashboards, and some that are being replaced.
_KEPT = 256
_kept: dict[str, list[dict[str, str | None]]] = {}
_keeping = threading.Lock()


@dataclass(frozen=True)
class Answer:
    """The rows of an answer as text by column name, and when Athena was asked; ``asked_at`` is '' before it ever was.

    ``query_id``: of Athena's query, whose answer never changes. ``error``: why the last attempt failed, or why its
    answer cannot be shown. ``is_whole``: False when there are more rows than these. ``tables``: those that the view and
    the kept answer read, None where that is not known. ``scanned``: bytes that the last query read. ``pause``: how long
    Athena is not asked again.
    """

    question: Question
    rows: list[dict[str, str | None]]
    asked_at: str = ""
    query_id: str = ""
    error: str | None = None
    tables: frozenset[str] | None = None
    scanned: int = 0
    pause: timedelta = MAX_AGE
    is_whole: bool = True


def read(lake: Lake, wanted: Iterable[Question]) -> list[Answer]:
    """The last answers; two requests, and two of Athena for each answer that this process has not read before.

    An answer that cannot be read says so, and keeps no other from being shown. One of a question that was changed since
    is no answer.
    """
    wanted = list(wanted)
    notes = _notes(lake, wanted)
    tables = _tables(wanted, notes, view_sources.noted(lake))
    return [_read(lake, question, notes[question.id], tables[question.id]) for question in wanted]


def tables_of(lake: Lake, wanted: Iterable[Question]) -> dict[str, frozenset[str] | None]:
    """By question id, the tables whose rows its next or kept answer has; None where that is not known. Two requests."""
    wanted = list(wanted)
    return _tables(wanted, _notes(lake, wanted), view_sources.noted(lake))


def errors(lake: Lake, wanted: Iterable[Question]) -> dict[str, str]:
    """By view: why Athena refused to read it when it was asked last."""
    wanted = list(wanted)
    notes = _notes(lake, wanted)
    return {one.view: str(error) for one in reversed(wanted) if (error := notes[one.id].get("error"))}


def stale(lake: Lake, wanted: Iterable[Question]) -> list[Question]:
    """Those of the questions that should be asked again."""
    wanted, now = list(wanted), lake.clock()
    notes, made, inputs = _notes(lake, wanted), lake.ledger.read_note("views"), view_sources.noted(lake)
    loaded = {name: whole.last_loaded_at for name, whole in summaries.totals(lake.ledger, lake.config.entities).items()}

    def is_stale(question: Question) -> bool:
        note = notes[question.id]
        asked = str(note.get("asked_at", ""))
        changed = note.get("fingerprint") != made.get(question.view) or note.get("question") != _mark(lake, question)
        if not asked or changed:
            return True
        if now - datetime.fromisoformat(asked) < _pause(note):
            return False
        if note.get("error") or note.get("problem"):
            return True
        owners = view_sources.owners_of(lake.config, view_sources.tables_read(inputs, question.view))
        names = loaded if owners is None else [owner.name for owner in owners if owner.is_entity]
        has_others = owners is not None and len(names) < len(owners)
        return has_others or any(loaded[entity] > asked for entity in names)

    return [question for question in wanted if is_stale(question)]


def update(lake: Lake, question: Question, *, if_stale: bool = False) -> bool:
    """Asks Athena; False when somebody else is asking, or, with ``if_stale``, has just asked.

    What Athena refuses is noted for ``read``, and what else goes wrong as well; neither is raised.
    """
    if not lake.ledger.take_turn(f"{_TURN}{question.id}", _TURN_SECONDS):
        return False
    try:
        if if_stale and not stale(lake, [question]):
            return False
        lake.ledger.write_note(f"{_NOTE}{question.id}", _asked(lake, question))
    finally:
        lake.ledger.give_up_turn(f"{_TURN}{question.id}")
    return True


def _asked(lake: Lake, question: Question) -> dict[str, Any]:
    """The note on an answer, once Athena was asked: the new answer, or the last one and why there is no newer."""
    # Read before the query: what was made or loaded since is asked for again.
    made, mark = lake.ledger.read_note("views").get(question.view), _mark(lake, question)
    about = {"asked_at": timestamp(lake.clock()), "fingerprint": made, "question": mark}
    note, before = lake.ledger.read_note(f"{_NOTE}{question.id}"), view_sources.noted(lake)
    last: dict[str, Any] = {}
    if note.get("question") == mark:
        last = {key: note[key] for key in ("query_id", "tables", "bytes") if key in note}
    try:
        query_id = athena.execute(lake, question.sql(lake), timeout_seconds=_QUERY_SECONDS, attempts=1)
        # The view may have been made anew meanwhile: the answer is of one of the two.
        read_then = [view_sources.tables_read(inputs, question.view) for inputs in (before, view_sources.noted(lake))]
        tables = None if None in read_then else sorted(frozenset().union(*filter(None, read_then)))
        scanned, size = athena.bytes_scanned(lake, query_id), athena.result_bytes(lake, query_id)
        return {**about, "query_id": query_id, "scanned": scanned, "bytes": size, "tables": tables}
    except QueryError as error:
        return {**about, **last, "scanned": _scanned_of(lake, error), "error": error.reason}
    except (ClientError, BotoCoreError) as error:
        log.warning("%s could not be asked: %s", question.id, error)
        return {**about, **last, "scanned": 0, "problem": f"Athena could not be asked: {error}"}


def _mark(lake: Lake, question: Question) -> str:
    """What tells a question from what it was before its dashboard was changed."""
    return hashlib.sha256(question.sql(lake).encode()).hexdigest()[:16]


def _scanned_of(lake: Lake, error: QueryError) -> int:
    try:
        return athena.bytes_scanned(lake, error.query_id)
    except (ClientError, BotoCoreError):
        return 0


def _pause(note: Mapping[str, Any]) -> timedelta:
    """How long after the last query the next one may come."""
    return MAX_AGE * max(1.0, int(note.get("scanned", 0)) / BYTES_PER_MAX_AGE)


def _notes(lake: Lake, wanted: Iterable[Question]) -> dict[str, dict[str, Any]]:
    ids = [question.id for question in wanted]
    found = lake.ledger.read_notes(f"{_NOTE}{name}" for name in ids)
    return {name: found.get(f"{_NOTE}{name}", {}) for name in ids}


def _tables(
    wanted: Iterable[Question], notes: Mapping[str, Mapping[str, Any]], inputs: view_sources.Inputs
) -> dict[str, frozenset[str] | None]:
    found: dict[str, frozenset[str] | None] = {}
    for question in wanted:
        note = notes[question.id]
        now, then = view_sources.tables_read(inputs, question.view), note.get("tables")
        is_known = now is not None and (then is not None or not note.get("query_id"))
        found[question.id] = (now or frozenset()) | frozenset(then or ()) if is_known else None
    return found


def _read(lake: Lake, question: Question, note: Mapping[str, Any], tables: frozenset[str] | None) -> Answer:
    if note.get("question") != _mark(lake, question):
        return Answer(question, [], tables=tables)
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
            if kind_of(problem) == "invalid":
                error = "the answer is no longer kept; it is asked for again after the next load"
    return Answer(
        question,
        rows[:MAX_ROWS],
        str(note.get("asked_at", "")),
        str(note.get("query_id", "")),
        error,
        tables,
        int(note.get("scanned", 0)),
        _pause(note),
        len(rows) <= MAX_ROWS,
    )


def _rows(lake: Lake, query_id: str) -> list[dict[str, str | None]]:
    """The rows of an answer, which never changes: the last ones that were read are kept, without what is beyond
    MAX_TEXT of a text."""
    rows = _kept.get(query_id)
    if rows is None:
        found = islice(athena.results(lake, query_id), MAX_ROWS + 1)
        rows = [{_cut(column): value and _cut(value) for column, value in row.items()} for row in found]
        with _keeping:
            _kept[query_id] = rows
            while len(_kept) > _KEPT:
                del _kept[next(iter(_kept))]
    return rows


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"
