"""A first view and a first dashboard for an entity, proposed from what its table holds: a start that people change.

Which columns are worth a chart is told from the rows, by one query: how many different values a column has, and from
which day to which its dates go. The view adds up by day and by the columns with few values, so that what QuickSight or
Power BI keeps of it is small; the dashboard adds up further.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakelanes import names
from lakelanes.catalog import athena
from lakelanes.config.model import Entity, LakeConfig
from lakelanes.dashboards.configured import checked_dashboards
from lakelanes.dashboards.model import in_words
from lakelanes.dashboards.view_columns import DATES, NUMBERS, ColumnKind, hive_kind
from lakelanes.errors import LakeError
from lakelanes.names import sql_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# So many different values can still be told apart in a chart, with the largest ones shown; each has two rows or more.
MOST_CATEGORIES = 200
# What a sheet shows without a look that lasts.
_MEASURES, _CATEGORIES, _TOP = 3, 4, 10
# A line of more days than this is one of months.
_DAYS_IN_A_LINE = 400
# Numbers that name something; nobody adds them up.
_IDENTIFIER = re.compile(r"(?:^|_)(?:id|nr|no|num|number|nummer|code|key|year|month|day|hour|plz|zip|postcode)$")
_GROUPS: tuple[ColumnKind, ...] = ("text", "boolean")


class ProposalError(LakeError):
    """Nothing can be proposed for the entity, or what was proposed is there already."""


@dataclass(frozen=True)
class Profile:
    """What the table holds. rows: how many. distinct: about how many different values each column has, nulls left out.
    first, last: of each date and timestamp, and of the date that the partitions spell ('' is its name)."""

    rows: int
    distinct: Mapping[str, int]
    first: Mapping[str, date]
    last: Mapping[str, date]


@dataclass(frozen=True)
class Proposal:
    """view, dashboard: their names. sql, description: the contents of their files. evidence: what they rest on, a line
    per column."""

    view: str
    dashboard: str
    sql: str
    description: Mapping[str, Any]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class _Choice:
    """The columns of the view: the expression of its day and what it is called in the evidence, categories, numbers."""

    day: str | None = None
    first: date | None = None
    last: date | None = None
    categories: Sequence[str] = ()
    measures: Sequence[str] = ()
    evidence: list[str] = field(default_factory=list)


def propose(lake: Lake, entity: Entity) -> Proposal:
    """A view and a dashboard for the entity's table, which is read once.

    Raises ProposalError for a table without rows, and QueryError where Athena cannot read it.
    """
    found = profile(lake, entity)
    if not found.rows:
        raise ProposalError(f"the table {entity.table_name} has no rows yet: load a file, and ask again")
    return proposed(entity, found)


def profile(lake: Lake, entity: Entity) -> Profile:
    """What the table holds; one query, which reads all columns that can be shown."""
    kinds = _kinds(entity)
    asked = ["COUNT(*)"]
    columns = [name for name, kind in kinds.items() if kind in (*_GROUPS, *NUMBERS)]
    asked += [f"approx_distinct({sql_identifier(name)})" for name in columns]
    dates = {name: sql_identifier(name) for name, kind in kinds.items() if kind in DATES}
    if spelled := _partition_day(entity):
        dates[""] = spelled
    for text in dates.values():
        asked += [f"CAST(CAST(MIN({text}) AS date) AS varchar)", f"CAST(CAST(MAX({text}) AS date) AS varchar)"]
    columns_asked = ", ".join(f"{text} AS c{number}" for number, text in enumerate(asked))
    [row] = athena.ask(lake, f"SELECT {columns_asked} FROM {sql_identifier(entity.table_name)}").rows
    counts, bounds = row[1 : len(columns) + 1], row[len(columns) + 1 :]
    firsts, lasts = zip(dates, bounds[::2], strict=True), zip(dates, bounds[1::2], strict=True)
    return Profile(
        int(row[0] or 0),
        {name: int(text or 0) for name, text in zip(columns, counts, strict=True)},
        {name: date.fromisoformat(text) for name, text in firsts if text},
        {name: date.fromisoformat(text) for name, text in lasts if text},
    )


def proposed(entity: Entity, found: Profile) -> Proposal:
    """The view and the dashboard for a table that holds this."""
    choice = _chosen(entity, found)
    view = f"{entity.table_name[:60]}_{'by_day' if choice.day else 'summary'}"
    name = re.sub(r"[^a-z0-9_]", "_", entity.name.lower())[:60]
    description = _dashboard(entity, view, choice)
    return Proposal(view, names.dashboard_name(name), _sql(entity, choice), description, tuple(choice.evidence))


def write(config: LakeConfig, proposal: Proposal, views: Path, dashboards: Path) -> list[Path]:
    """Writes both files into these folders; returns their paths.

    Raises ProposalError, and writes none, where one is there already.
    """
    sql = views / f"{proposal.view}.sql"
    described = dashboards / f"{proposal.dashboard}.json"
    if there := [path for path in (sql, described) if path.exists()]:
        raise ProposalError(f"{' and '.join(map(str, there))} is there already: change it, or move it away first")
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder)
        (trial / sql.name).write_text(proposal.sql, encoding="utf-8")
        (trial / described.name).write_text(text_of(proposal.description), encoding="utf-8")
        checked_dashboards(config, trial, trial)
    for path, text in ((sql, proposal.sql), (described, text_of(proposal.description))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [sql, described]


def text_of(description: Mapping[str, Any]) -> str:
    """A dashboard's file."""
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def _kinds(entity: Entity) -> dict[str, ColumnKind]:
    columns = {column.name: hive_kind(column.type.text) for column in entity.table_columns}
    return columns | {key.name: hive_kind(key.type.text) for key in entity.partition_keys}


def _partition_day(entity: Entity) -> str | None:
    """The first day that a partition is about, in SQL; None where its keys spell no date."""
    types = {key.name: hive_kind(key.type.text) for key in entity.partition_keys}
    parts = []
    for name, form in entity.date_keys.items():
        if types[name] == "date":
            return sql_identifier(name)
        text = (
            sql_identifier(name) if types[name] == "text" else f"lpad(CAST({sql_identifier(name)} AS varchar), 2, '0')"
        )
        if form == "%H":
            break
        if form not in ("%Y", "%m", "%d"):
            # The codes of a day are the same in both: https://trino.io/docs/current/functions/datetime.html
            return f"CAST(date_parse({sql_identifier(name)}, '{form}') AS date)" if types[name] == "text" else None
        parts.append(sql_identifier(name) if form == "%Y" and types[name] == "text" else text)
    if not parts:
        return None
    parts += ["'01'"] * (3 - len(parts))
    return f"CAST(concat({parts[0]}, '-', {parts[1]}, '-', {parts[2]}) AS date)"


def _chosen(entity: Entity, found: Profile) -> _Choice:
    evidence = [f"{found.rows:,} rows"]
    kinds = _kinds(entity)
    day, of = None, None
    for name in (*(name for name, kind in kinds.items() if kind in DATES), ""):
        if name in found.first and (of is None or found.first[of] == found.last[of]):
            of, day = name, f"CAST({sql_identifier(name)} AS date)" if name else _partition_day(entity)
    if of is not None:
        label = of or f"the partitions' {', '.join(entity.date_keys)}"
        evidence.append(f"the date of a row: {label}, from {found.first[of]} to {found.last[of]}")
    categories, measures = [], []
    for name, kind in kinds.items():
        count = found.distinct.get(name, 0)
        if name in entity.date_keys or count < 1 or (_alias(name) != name and _alias(name) in kinds):
            continue
        if kind in NUMBERS and not _IDENTIFIER.search(name):
            measures.append(name)
            evidence.append(f"{name}: a number, added up")
        elif kind in (*_GROUPS, "whole") and 2 <= count <= min(MOST_CATEGORIES, found.rows // 2):
            categories.append(name)
            evidence.append(f"{name}: about {count:,} different values, a category")
        else:
            evidence.append(f"{name}: about {count:,} different values, left out")
    categories.sort(key=lambda name: (found.distinct[name], name))
    return _Choice(
        day,
        found.first[of] if of is not None else None,
        found.last[of] if of is not None else None,
        categories[:_CATEGORIES],
        measures[: 2 * _MEASURES],
        evidence,
    )


def _sql(entity: Entity, choice: _Choice) -> str:
    groups = [(choice.day, '"day"')] if choice.day else []
    groups += [(sql_identifier(name), sql_identifier(_alias(name))) for name in choice.categories]
    shown = [f"    {text} AS {alias}" if text != alias else f"    {text}" for text, alias in groups]
    shown.append("    COUNT(*) AS row_count")
    shown += [f"    SUM({sql_identifier(name)}) AS {sql_identifier(_alias(name))}" for name in choice.measures]
    lines = [
        f"-- {in_words(entity.name)}{' by day' if choice.day else ''}: proposed from the rows of {entity.table_name}.",
        "SELECT",
        ",\n".join(shown),
        f"FROM {sql_identifier(entity.table_name)}",
    ]
    if groups:
        lines.append(f"GROUP BY {', '.join(text for text, _ in groups)}")
    return "\n".join(lines) + "\n"


def _alias(name: str) -> str:
    """The name of a column in the view: its own, if the view has none of that name already."""
    return f"{name}_value" if name in ("day", "row_count") else name


def _dashboard(entity: Entity, view: str, choice: _Choice) -> dict[str, Any]:
    title, dataset = in_words(entity.name)[:120], view[:60]
    described = {"view": view, "date_column": "day"} if choice.day else {"view": view}
    sheet = {"title": "Overview", "visuals": list(_visuals(entity, dataset, choice))}
    return {"title": title, "datasets": {dataset: described}, "sheets": [sheet]}


def _visuals(entity: Entity, dataset: str, choice: _Choice) -> Iterator[dict[str, Any]]:
    rows = {"aggregation": "sum", "column": "row_count", "title": "Rows"}
    measures = [_measure(entity, name) for name in choice.measures[:_MEASURES]] or [rows]
    days = (choice.last - choice.first).days if choice.first and choice.last else 0
    unit = "month" if days > _DAYS_IN_A_LINE else "day"
    x = {"column": "day", "unit": unit, "title": unit.capitalize()}
    for number, one in enumerate(measures, 1):
        figure: dict[str, Any] = {"id": f"figure_{number}", "title": one["title"], "kind": "figure", "dataset": dataset}
        month = {"x": {"column": "day", "unit": "month", "title": "Month from"}} if choice.day else {}
        yield figure | month | {"y": [one]}
    for number, one in enumerate(measures if choice.day else (), 1):
        shown = {"id": f"line_{number}", "title": f"{one['title']} by {unit}", "kind": "line", "dataset": dataset}
        yield shown | {"x": x, "y": [one]}
    for number, name in enumerate(choice.categories, 1):
        title = f"{measures[0]['title']} by {in_words(name).lower()}"
        shown = {"id": f"bar_{number}", "title": title, "kind": "bar", "dataset": dataset}
        yield shown | {"x": {"column": _alias(name), "title": in_words(name)[:120], "top": _TOP}, "y": measures[:1]}
    groups = [{"column": "day", "unit": "month", "title": "Month"}] if choice.day else []
    groups += [{"column": _alias(name), "title": in_words(name)[:120]} for name in choice.categories[:2]]
    if groups:
        table = {"id": "table", "title": "All figures", "kind": "table", "dataset": dataset}
        yield table | {"columns": groups, "y": [rows, *(one for one in measures if one != rows)]}


def _measure(entity: Entity, name: str) -> dict[str, Any]:
    scale = next((column.type.scale for column in entity.table_columns if column.name == name), None)
    decimals = {"decimals": min(scale, 2)} if scale else {}
    return {"aggregation": "sum", "column": _alias(name), "title": in_words(name)[:120], **decimals}
