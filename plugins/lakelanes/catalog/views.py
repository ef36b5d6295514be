"""Athena views from include/sql/views: one SELECT per file, named after it, created in the order they need each other.

A view keeps the column types of the moment it was made, and goes stale when an input's change. So a fingerprint of its
SQL and of its inputs' columns is kept in the ledger, and a view is made again when, and only when, that changes or the
view is gone. A view that cannot be made, because a table is not there or Athena refuses it, keeps no other from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from lakelanes import names
from lakelanes.catalog import athena, glue_tables, view_sources
from lakelanes.catalog.registrar import FAILED_VIEWS
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.errors import QueryError, ViewError

if TYPE_CHECKING:
    from lakelanes.lake import Lake

VIEWS = INCLUDE / "sql" / "views"
# Note: the fingerprint of each view that was made.
_MADE = "views"
Columns = Sequence[Sequence[str]]


@dataclass(frozen=True)
class View:
    """A view's SELECT, and the tables and views of the lake's database that it reads."""

    name: str
    sql: str
    inputs: frozenset[str]
    path: str


@dataclass(frozen=True)
class ViewOutcome:
    """What refreshing did with a view.

    waiting: for a table of the configuration that is not there yet. not configured: for one that nothing in the
    configuration makes. failed: Athena refused it. ``reason`` names the tables, or says what Athena did.

    Of a view that is there as its file has it, created or unchanged: its SQL, and its columns and those of its inputs,
    by name and Hive type.
    """

    name: str
    action: Literal["created", "unchanged", "waiting", "not configured", "failed"]
    reason: str = ""
    sql: str = field(default="", repr=False)
    columns: Columns = field(default=(), repr=False)
    inputs: Mapping[str, Columns] = field(default_factory=dict, repr=False)


def read_views(directory: Path = VIEWS) -> list[View]:
    """The views of a directory, inputs before the views that read them.

    Raises ViewError, naming the file, for SQL that is not one SELECT, a table of another database, ``SELECT *`` from a
    table, or a cycle.
    """
    views = {path.stem: _read(path) for path in sorted(directory.glob("*.sql"))}
    graph = {view.name: sorted(view.inputs & views.keys()) for view in views.values()}
    try:
        return [views[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ViewError(f"the views read each other in a circle: {' -> '.join(error.args[1])}") from None


def refresh(lake: Lake, directory: Path = VIEWS) -> list[ViewOutcome]:
    """Creates the views whose SQL or inputs changed; leaves the others, and those whose inputs do not exist, alone.

    Raises ViewError when Athena refused views, naming each with Athena's reason, after all others are made.
    """
    outcomes, can_pass = list[ViewOutcome](), False
    columns: dict[str, Any] = {}
    expected = set(view_sources.owners(lake.config))
    note, inputs = lake.ledger.read_note(_MADE), view_sources.noted(lake)
    for view in read_views(directory):
        for name in sorted(view.inputs - columns.keys()):
            columns[name] = _columns(lake, name)
        missing = sorted(name for name in view.inputs if columns[name] is None)
        columns[view.name] = _columns(lake, view.name)
        if missing:
            unknown = [name for name in missing if name not in expected]
            if not unknown:
                expected.add(view.name)
            outcomes.append(_without_inputs(view, missing, unknown))
            continue
        expected.add(view.name)
        fingerprint = _fingerprint(view, {name: columns[name] for name in view.inputs})
        if columns[view.name] is not None and note.get(view.name) == fingerprint:
            if inputs.get(view.name) != view.inputs:  # it was made by a version that did not note them
                inputs = view_sources.note(lake, view.name, view.inputs)
            outcomes.append(_there(view, "unchanged", columns))
            continue
        # Of the view as it was and as it will be, for this process may die on the way from one to the other.
        view_sources.note(lake, view.name, view.inputs | inputs.get(view.name, frozenset()))
        try:
            _create(lake, view)
        except QueryError as error:
            can_pass |= error.retryable
            outcomes.append(ViewOutcome(view.name, "failed", f"{error.reason} (query {error.query_id})"))
            continue
        inputs = view_sources.note(lake, view.name, view.inputs)
        columns[view.name] = _columns(lake, view.name)
        note = {**note, view.name: fingerprint}
        lake.ledger.write_note(_MADE, note)
        outcomes.append(_there(view, "created", columns))
    failed = [outcome for outcome in outcomes if outcome.action == "failed"]
    if failed or lake.ledger.read_note(FAILED_VIEWS):
        lake.ledger.write_note(FAILED_VIEWS, {outcome.name: outcome.reason for outcome in failed})
    if failed:
        reasons = "\n".join(f"{outcome.name}: {outcome.reason}" for outcome in failed)
        raise ViewError(
            f"Athena refused {len(failed)} of {len(outcomes)} views; all others are done\n{reasons}",
            retryable=can_pass,
            outcomes=outcomes,
        )
    return outcomes


def drop_views(lake: Lake, dropped: Iterable[str]) -> None:
    """Deletes views from Glue, and what is noted of them. Those that a file still makes come back with what they read;
    a view that is not there is no error."""
    gone = set(dropped)
    for name in sorted(gone):
        glue_tables.drop(lake, name)
    view_sources.forget(lake, gone)
    for title in (_MADE, FAILED_VIEWS):
        note = lake.ledger.read_note(title)
        if gone & note.keys():
            lake.ledger.write_note(title, {name: value for name, value in note.items() if name not in gone})


def tables_of_views(directory: Path = VIEWS) -> dict[str, set[str]]:
    """The tables that each view of a directory reads, itself or by the views that it reads."""
    found: dict[str, set[str]] = {}
    for view in read_views(directory):
        found[view.name] = set().union(*(found.get(name, {name}) for name in view.inputs))
    return found


def _there(view: View, action: Literal["created", "unchanged"], columns: Mapping[str, Columns | None]) -> ViewOutcome:
    inputs = {name: columns[name] or () for name in sorted(view.inputs)}
    return ViewOutcome(view.name, action, "", view.sql, columns[view.name] or (), inputs)


def _without_inputs(view: View, missing: list[str], unknown: list[str]) -> ViewOutcome:
    if unknown:
        return ViewOutcome(view.name, "not configured", f"nothing in the configuration makes {', '.join(unknown)}")
    return ViewOutcome(view.name, "waiting", f"for {', '.join(missing)}")


def _create(lake: Lake, view: View) -> None:
    database = names.sql_identifier(lake.config.resources.glue_database)
    athena.execute(lake, f"CREATE OR REPLACE VIEW {database}.{names.sql_identifier(view.name)} AS\n{view.sql}")


def _read(path: Path) -> View:
    try:
        name = names.table_name(path.stem)
    except ValueError as error:
        raise ViewError(f"{path.name}: {error}") from None
    sql = path.read_text(encoding="utf-8").strip().removesuffix(";").strip()
    try:
        statements = sqlglot.parse(sql, read="athena")
    except SqlglotError as error:
        raise ViewError(f"{path.name}: {error}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ViewError(f"{path.name}: expected one SELECT and nothing else; the file's name is the view's")
    query = statements[0]
    inputs: set[str] = set()
    for scope in traverse_scope(query):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                if source.db or source.catalog:
                    raise ViewError(
                        f"{path.name}: {source.sql()} names its database; the lake's own is meant, so leave it out"
                    )
                inputs.add(source.name.lower())
        tables = [source for source in scope.sources.values() if isinstance(source, exp.Table)]
        if tables and isinstance(scope.expression, exp.Select) and scope.expression.is_star:
            raise ViewError(f"{path.name}: SELECT * makes a view that breaks when a column is added; name the columns")
    return View(name, sql, frozenset(inputs), path.name)


def _columns(lake: Lake, name: str) -> list[list[str]] | None:
    table = glue_tables.describe(lake, name)
    if table is None:
        return None
    columns: Iterable[Any] = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", ())]
    return [[column["Name"], column.get("Type", "")] for column in columns]


def _fingerprint(view: View, inputs: Mapping[str, Any]) -> str:
    text = json.dumps([view.sql, sorted(inputs.items())])
    return hashlib.sha256(text.encode()).hexdigest()
