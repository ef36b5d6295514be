"""What a period's page says of it, and which buttons it has: those that would do something, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lakelanes.config.deadlines import due_at, following, start_of
from lakelanes.config.model import Entity
from lakelanes.ledger.entries import Entry, timestamp
from lakelanes.ledger.summaries import Summary
from lakelanes.overview.files import Cell
from lakelanes_airflow.page.calendars import long_name
from lakelanes_airflow.page.labels import moment, plural


@dataclass(frozen=True)
class Button:
    """A button that starts a run. again: whether it loads what is loaded, too, and so has to be pressed twice."""

    text: str
    again: bool


@dataclass(frozen=True)
class Standing:
    """How a period stands: sentences, buttons, and, without any, why there is none."""

    sentences: tuple[str, ...]
    buttons: tuple[Button, ...]
    why_none: str = ""


LOAD_NOW, LOAD_AGAIN = Button("Load now", False), Button("Load again", True)


def standing(
    entity: Entity, cell: Cell, whole: Summary, now: datetime, files: Iterable[Entry] = (), unseen: int = 0
) -> Standing:
    """How a period stands at ``now``.

    whole: the entity's sums. files: those of the period that are shown. unseen: how many files of it the source bucket
    has where the ledger knows none.
    """
    sentences = [*_state(entity, cell, whole, now), *_deadline(entity, cell, now)]
    if unseen:
        sentences.append(f"The source bucket has {plural(unseen, 'file')} of it that no lane has noted.")
    if entity.grain is None:
        why = f"A file can have rows of many {entity.partition_grain}s, so it is loaded again from its own page."
        return Standing(tuple(sentences), (), why)
    counts = cell.counts
    # A claim whose worker died is free once its lease is over.
    free = sum(one.state == "claimed" and one.lease_until < timestamp(now) for one in files)
    buttons = []
    if counts.failed or counts.rejected or counts.deferred or free or unseen:
        buttons.append(LOAD_NOW)
    if counts.loaded:
        buttons.append(LOAD_AGAIN)
    return Standing(tuple(sentences), tuple(buttons), "" if buttons else _why_none(cell))


def _state(entity: Entity, cell: Cell, whole: Summary, now: datetime) -> list[str]:
    counts, grain = cell.counts, entity.partition_grain
    in_table = f"{plural(counts.rows, 'row')} of it {'is' if counts.rows == 1 else 'are'} in the table"
    if not counts.rows:
        in_table = "No row of it is in the table"
    if cell.state in ("loaded", "late"):
        said = [f"It is in the table: {plural(counts.loaded, 'file')}, {plural(counts.rows, 'row')}."]
        if cell.state == "late":
            said[0] = said[0][:-1] + ", which came after the deadline."
        if counts.rows_bad:
            said.append(f"{_were(counts.rows_bad, 'row')} rejected.")
        return said
    if cell.state == "rejected":
        return [
            f"{_were(counts.rejected, 'file')} refused for what the file contains: it needs a corrected upload under "
            f"the same name. {in_table}."
        ]
    if cell.state == "failed":
        return [
            f"{_were(counts.failed, 'file')} not loaded for a reason that is not the file's: the sweep tries again, "
            f"five times. {in_table}."
        ]
    if cell.state == "loading":
        return [f"{plural(counts.claimed + counts.deferred, 'file')} of it: being loaded, or left to the next sweep."]
    if cell.state == "missing":
        return [f"No file of it has been loaded, and the {grain} is over."]
    if cell.state == "waiting":
        return [f"The {grain} is over, and its files may still come."]
    return [_not_expected(entity, cell, whole, now)]


def _not_expected(entity: Entity, cell: Cell, whole: Summary, now: datetime) -> str:
    grain = entity.partition_grain
    if now < start_of(entity, cell.period):
        return f"The {grain} has not begun."
    if now < start_of(entity, following(entity, cell.period)):
        return f"The {grain} is not over yet."
    if entity.grain is None:
        return "No row of it is in the table, and nothing says when its files are due."
    if now < due_at(entity, cell.period):
        return f"The {grain} is over; its run starts at {moment(timestamp(due_at(entity, cell.period)))} UTC."
    if whole.first and cell.period < whole.first:
        return f"Nothing is expected of it: the first {grain} with files is {long_name(whole.first)}."
    return f"No file of {entity.name} has been loaded yet, so nothing is expected of it."


def _deadline(entity: Entity, cell: Cell, now: datetime) -> list[str]:
    if cell.deadline is None:
        return []
    if cell.state == "none" and now >= due_at(entity, cell.period):
        return []
    if timestamp(now) >= cell.deadline:
        return [f"Its files were due by {moment(cell.deadline)} UTC."]
    return [] if cell.state in ("loaded", "late") else [f"Its files are due by {moment(cell.deadline)} UTC."]


def _why_none(cell: Cell) -> str:
    if cell.counts.claimed:
        return "There is nothing to load: a worker has its file. If that worker dies, the sweep takes over."
    if cell.counts.deleted:
        return "There is nothing to load: its file was deleted before it could be read."
    return "There is nothing to load: the source bucket has no file of it. A file that comes is loaded by itself."


def _were(count: int, noun: str) -> str:
    return f"{plural(count, noun)} {'was' if count == 1 else 'were'}"
