"""How values read on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from lakelanes_airflow.page.calendars import long_name, short_name

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Shown:
    """A state's word, its sign (so that colour is never all that tells it), and what it means."""

    word: str
    sign: str
    meaning: str


STATES: dict[str, Shown] = {
    "loaded": Shown("loaded", "✓", "in the table"),
    "late": Shown("late", "◷", "in the table, after its deadline"),
    "rejected": Shown("rejected", "✕", "refused for what the file contains; it needs a corrected upload"),
    "failed": Shown("failed", "!", "not loaded for a reason that is not the file's; the sweep tries again, five times"),
    "claimed": Shown("loading", "…", "somebody is loading it"),
    "loading": Shown("loading", "…", "files are being loaded, or left to the next sweep"),
    "deferred": Shown("deferred", "→", "left to the batch lane"),
    "deleted": Shown("deleted", NOTHING, "gone before it could be read"),
    "superseded": Shown("superseded", "↺", "replaced by a newer version"),
    "unmatched": Shown("unmatched", "?", "the name matches no entity"),
    "missing": Shown("missing", "○", "its deadline is over and nothing came"),
    "waiting": Shown("waiting", "⋯", "it is over, and its files may still come"),
    "none": Shown("not expected", "", "before the first file, or not over yet"),
    "new": Shown("new", "+", "in the bucket; no lane has seen it"),
    "replaced": Shown("replaced", "↺", "there is a newer version in the bucket"),
    "fresh": Shown("fresh", "✓", "every period that is over is there"),
    "no deadline": Shown("no deadline", "·", "nothing says when files are due"),
    "empty": Shown("empty", "·", "nothing was loaded yet"),
}


def moment(text: str | None) -> str:
    """A time of the ledger to the minute."""
    return f"{text[:10]} {text[11:16]}" if text else NOTHING


def number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def size(value: int | None) -> str:
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def name_of(uri: str) -> str:
    return uri.rsplit("/", 1)[-1]


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def run_path(run_id: str) -> str | None:
    """Path of the run in the Airflow UI, of what the ledger calls a run; None for one of another lane."""
    dag, _, run = run_id.partition("/")
    if not run or not (dag.startswith("load_") or dag == "sweep_sources"):
        return None
    return f"/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}"


def query(values: dict[str, Any], **changes: Any) -> str:
    """The query string of these values with changes; '' and None leave a value out."""
    merged = {**values, **changes}
    merged.pop("run", None) if "run" not in changes else None
    text = urlencode({name: value for name, value in merged.items() if value not in ("", None)})
    return f"?{text}" if text else "?"


FILTERS = {
    "moment": moment,
    "number": number,
    "size": size,
    "name_of": name_of,
    "plural": plural,
    "run_path": run_path,
    "query": query,
    "long_name": long_name,
    "short_name": short_name,
    "quoted": lambda text: quote(text, safe=""),
}
