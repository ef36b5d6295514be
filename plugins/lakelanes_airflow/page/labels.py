"""How values and states are written on the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from lakelanes.alerts.messages import FileFault
from lakelanes.aws.storage import place_of
from lakelanes.ledger.entries import told_rejects
from lakelanes.tables.windows import minute_text
from lakelanes_airflow.page.calendars import has_rejects, long_name, short_name, told
from lakelanes_airflow.page.sparklines import sparkline
from lakelanes_airflow.page.window_layout import window_name

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Label:
    """A state's word, its sign (so that colour is never the only mark), and what it means."""

    word: str
    sign: str
    meaning: str


STATES: dict[str, Label] = {
    "loaded": Label("loaded", "✓", "in the table"),
    "late": Label("late", "◷", "in the table, after its deadline"),
    "rejected": Label("rejected", "✕", "refused for what the file contains; it needs a corrected upload"),
    "failed": Label("failed", "!", "not loaded for a reason that is not the file's; the sweep tries again, five times"),
    "claimed": Label("claimed", "…", "somebody is loading it"),
    "loading": Label("loading", "…", "files are being loaded, or left to the next sweep"),
    "deferred": Label("deferred", "→", "left to the batch lane"),
    "deleted": Label("deleted", NOTHING, "gone before it could be read"),
    "superseded": Label("superseded", "↺", "replaced by a newer version"),
    "unmatched": Label("unmatched", "?", "the name matches no entity"),
    "ignored": Label("ignored", "·", "of no entity on purpose: the name of a marker, or one of ignored_names"),
    "missing": Label("missing", "○", "its deadline is over and nothing came"),
    "waiting": Label("waiting", "⋯", "it is over, and its files may still come"),
    "rejects": Label("with rejected rows", "△", "in the table but for some rows, which were rejected"),
    "none": Label("not expected", "", "before the first file, or not over yet"),
    "new": Label("new", "+", "in the bucket; no lane has seen it"),
    "replaced": Label("replaced", "↺", "there is a newer version in the bucket"),
    "fresh": Label("fresh", "✓", "every period that is over is there"),
    "no deadline": Label("no deadline", "·", "nothing says when files are due"),
    "empty": Label("empty", "·", "nothing was loaded yet"),
    "alert": Label("needs a look", "!", "an alert about it is open"),
}

# Of an entity, where it means something else than of a file or a partition.
ENTITIES: dict[str, Label] = {
    **{name: STATES[name] for name in ("fresh", "no deadline", "empty", "alert")},
    "failed": Label("failed", "!", "a file, or a run, failed"),
    "rejected": Label("refused", "✕", "a file was refused for what it contains"),
    "late": Label("late", "◷", "the deadline of a period is over, and its files did not come"),
    "loading": Label("loading", "…", "files of the next period are being loaded"),
    "waiting": Label("waiting", "⋯", "the next period is over, and its files may still come"),
}

# Of a DynamoDB table; those above are of entities and files.
TABLES: dict[str, Label] = {
    **{name: STATES[name] for name in ("no deadline", "empty", "alert")},
    "fresh": Label("fresh", "✓", "every window that is over is in the lake"),
    "waiting": Label("waiting", "⋯", "a window is over, and is being exported or about to be"),
    "late": Label("late", "◷", "a window that is over is not in the lake, an hour after its run was due"),
    "loading": Label("loading", "…", "the full export is being made"),
    "failed": Label("failed", "!", "an export failed, and waits for somebody"),
    "gap": Label("gap", "✕", "changes can no longer be exported in full; only a new full export helps"),
}

WINDOWS: dict[str, Label] = {
    "published": Label("published", "✓", "in the lake, and its partition registered"),
    "converted": Label("converted", "✓", "in the lake; its run is about to publish it"),
    "exported": Label("exported", "→", "exported by DynamoDB; its run is about to convert it"),
    "exporting": Label("exporting", "…", "DynamoDB is exporting it"),
    "planned": Label("planned", "+", "a run has it"),
    "failed": Label("failed", "!", "DynamoDB failed its export four times; exporting what is due begins anew"),
    "gap": Label("gap", "✕", "it cannot be exported any more; only a new full export helps"),
    "missing": Label("missing", "○", "it should have been exported, and no run has it"),
    "waiting": Label("waiting", "⋯", "it is over, and its run is about to begin"),
    "skipped": Label("not exported", "", "before a base; the full export has what the items became"),
}

STREAMS: dict[str, Label] = {
    "arriving": Label("arriving", "✓", "its newest object came within the last hour"),
    "quiet": Label("quiet", "·", "nothing came within the last hour, and nothing is known to be missing"),
    "missing": Label("missing", "○", "the exports have changes of a time of which the stream brought nothing"),
}


def moment(text: str | None) -> str:
    """A time of the ledger to the minute."""
    return f"{text[:10]} {text[11:16]}" if text else NOTHING


def minute(text: str) -> str:
    """A time of a whole minute as the lake writes it in names."""
    return minute_text(datetime.fromisoformat(text))


def number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def compact(value: int) -> str:
    """A number in four characters at most, for a cell: 999, 1.2k, 57k, 1.2M, 3.4G."""
    amount = float(value)
    for unit in ("", "k", "M", "G"):
        if amount < 999.5:
            return f"{amount:.1f}{unit}" if unit and amount < 9.95 else f"{amount:.0f}{unit}"
        amount /= 1000
    return f"{amount:.0f}T"


def size(value: int | None) -> str:
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def cut(text: str, length: int) -> str:
    """A text of the data, or its beginning."""
    return text if len(text) <= length else text[: length - 1] + "…"


def duration(value: timedelta) -> str:
    minutes = round(value.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:,.0f} hours"


def lasting(minutes: int | None) -> str:
    """How long something lasts, in one unit."""
    if minutes is None:
        return NOTHING
    if minutes <= 0:
        return "none"
    if minutes < 120:
        return plural(minutes, "minute")
    return f"{minutes // 60} hours" if minutes < 72 * 60 else f"{minutes // (24 * 60):,} days"


def rejects(fault: FileFault) -> str:
    """The rejected rows of a refused file, to follow other words; '' for none."""
    told = told_rejects(fault.rows_rejected, fault.rows_withheld) if fault.state == "rejected" else ""
    return told.replace(" (", ", ").replace(")", "")


def anchor(text: str) -> str:
    """A name for an element of the page, the same for the same text."""
    return f"a{sha256(text.encode()).hexdigest()[:12]}"


def name_of(uri: str) -> str:
    return uri.rsplit("/", 1)[-1]


def key_of(uri: str) -> str:
    """The key of an object by its URI."""
    return place_of(uri)[1]


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def run_path(run_id: str) -> str | None:
    """Path in the Airflow UI of a run, as the ledger names it; None for a run of another lane."""
    dag, _, run = run_id.partition("/")
    if not run or not (dag.startswith(("load_", "export_")) or dag == "sweep_sources"):
        return None
    return f"/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}"


def query(values: dict[str, Any], **changes: Any) -> str:
    """The query string of these values with changes; a value of '' or None is left out."""
    merged = {**values, **changes}
    merged.pop("run", None) if "run" not in changes else None
    text = urlencode({name: value for name, value in merged.items() if value not in ("", None)})
    return f"?{text}" if text else "?"


FILTERS = {
    "moment": moment,
    "minute": minute,
    "number": number,
    "size": size,
    "compact": compact,
    "told": told,
    "has_rejects": has_rejects,
    "cut": cut,
    "duration": duration,
    "lasting": lasting,
    "rejects": rejects,
    "anchor": anchor,
    "sparkline": sparkline,
    "name_of": name_of,
    "key_of": key_of,
    "plural": plural,
    "run_path": run_path,
    "query": query,
    "long_name": long_name,
    "short_name": short_name,
    "window_name": window_name,
    "quoted": lambda text: quote(text, safe=""),
}
