"""Running a query: translate it, let DuckDB plan it, take the partition predicates from the plan, read, answer."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from localaws.athena import duck, system_tables
from localaws.athena import types as t
from localaws.athena.catalogue import Catalogue, Table
from localaws.athena.errors import SYSTEM_ERROR, QueryCancelled, QueryFailed, failure, not_supported
from localaws.athena.objects import Objects
from localaws.athena.planning import Analysis, Query
from localaws.athena.queries import Queries
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn
from localaws.athena.syntax import Node, parse_query
from localaws.athena.tables import ScanStatistics, TableScan
from localaws.athena.values import column_texts

_CANCEL_POLL_SECONDS = 0.1


def run_query(sql: str, context: QueryContext) -> QueryResult:
    """The answer of a SELECT, WITH or VALUES."""
    stats = ScanStatistics(context.cancelled, context.bytes_scanned_cutoff)
    query, analysis = plan(sql, context, stats)
    columns = _result_columns(query)
    table = run_planned(query, analysis, stats)
    texts = [column_texts(table.column(i), column.type) for i, column in enumerate(query.columns)]
    rows = list(zip(*texts, strict=True)) if texts else []
    return QueryResult("DML", "SELECT", columns, rows, stats.bytes_scanned)


def run_planned(query: Query, analysis: Analysis, stats: ScanStatistics) -> pa.Table:
    """The rows of a planned query, in DuckDB's types and under its names. Raises QueryFailed and QueryCancelled."""
    connection = duck.cursor(query.sql)
    try:
        return _execute(connection, query, analysis, stats)
    finally:
        connection.close()


def explained(sql: str, options: dict[str, str], context: QueryContext) -> QueryResult:
    """EXPLAIN: that a query is valid, or the plan that DuckDB has for it, which is not Trino's."""
    kind, form = options.get("TYPE", "LOGICAL"), options.get("FORMAT", "TEXT")
    if kind not in ("LOGICAL", "VALIDATE") or form != "TEXT":
        raise not_supported(f"EXPLAIN (TYPE {kind}, FORMAT {form})")
    query, analysis = plan(sql, context)
    if kind == "VALIDATE":
        return QueryResult("UTILITY", "EXPLAIN", [ResultColumn("Valid", "boolean")], [("true",)])
    with duck.cursor(query.sql) as connection:
        for relation in analysis.scans:
            relation.register(connection)
        text = str(connection.execute(f"EXPLAIN {query.sql}").fetchall()[0][1])
    lines = ["Query Plan of the local Athena, which is DuckDB's", *text.rstrip().split("\n")]
    return QueryResult("UTILITY", "EXPLAIN", [ResultColumn("Query Plan", "varchar")], [(line,) for line in lines])


def plan(
    sql: str, context: QueryContext, stats: ScanStatistics | None = None, view: str | None = None
) -> tuple[Query, Analysis]:
    """A query translated and type-checked against the catalogue, nothing read yet.

    `view` is the full name of the view that the query defines, when it defines one.
    """
    catalogue = Catalogue(context.glue)
    objects = Objects(context.s3, context.filesystem, context.allowed)
    stats = stats or ScanStatistics(context.cancelled, context.bytes_scanned_cutoff)

    def scan(table: Table, number: int) -> TableScan:
        return TableScan(table, number, catalogue, objects, stats)

    analysis = Analysis(catalogue, scan, partial(system_tables.relation, catalogue), dt.datetime.now(dt.UTC))
    queries = Queries(analysis, sql, context.database, (view,) if view else ())
    return queries.translate(parse_query(sql)), analysis


def column_names(query: Query) -> list[str]:
    """The result's column names: `_col0` and so on where the query gives none."""
    return [f"_col{i}" if column.name is None else column.name for i, column in enumerate(query.columns)]


def _result_columns(query: Query) -> list[ResultColumn]:
    kinds = (t.result_metadata(column.type) for column in query.columns)
    return [ResultColumn(name, *kind) for name, kind in zip(column_names(query), kinds, strict=True)]


def _execute(
    connection: duckdb.DuckDBPyConnection, query: Query, analysis: Analysis, stats: ScanStatistics
) -> pa.Table:
    finished = threading.Event()
    watcher = threading.Thread(target=_interrupt_when_cancelled, args=(connection, stats, finished), daemon=True)
    try:
        for relation in analysis.scans:
            relation.register(connection)
        _find_partition_predicates(connection, query.sql, analysis)
        watcher.start()
        stats.check()
        return connection.sql(query.sql).to_arrow_table()
    except duckdb.Error as error:
        if stats.error is not None:
            raise stats.error from error
        if stats.cancelled.is_set():
            raise QueryCancelled from error
        raise translate_error(error) from error
    finally:
        finished.set()


def _interrupt_when_cancelled(
    connection: duckdb.DuckDBPyConnection, stats: ScanStatistics, finished: threading.Event
) -> None:
    while not finished.wait(_CANCEL_POLL_SECONDS):
        if stats.cancelled.is_set():
            # Meanwhile the query may have ended, and its connection with it.
            with suppress(duckdb.ConnectionException):
                connection.interrupt()


# --- what the optimised plan says of partitions


def _find_partition_predicates(connection: duckdb.DuckDBPyConnection, sql: str, analysis: Analysis) -> None:
    """Gives each scan the predicates over its partition keys that the optimiser left at or right above it.

    The plan does not name its scans; their columns' DuckDB names tell them apart.
    """
    scans = [scan for scan in analysis.scans if isinstance(scan, TableScan) and scan.keys]
    if not scans:
        return
    explained = json.loads(connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()[0][1])
    filters = [found for node in explained for found in _filters_of_scans(node, [])]
    for scan in scans:
        keys = set(scan.key_labels)
        over = [[c for text in texts for c in _conjuncts(text) if _only_names(c, keys)] for texts in filters]
        used = [conjuncts for conjuncts in over if conjuncts]
        # A scan that the plan holds twice under different filters is not pruned.
        scan.predicates = used[0] if len(used) == 1 else []


def _filters_of_scans(node: dict[str, Any], above: list[str]) -> Iterator[list[str]]:
    """The filter texts of each scan: its own, and those of the filters that stand directly above it."""
    info = node.get("extra_info") or {}
    name = node["name"].strip()
    if "ARROW_SCAN" in name:
        yield [*above, *_texts(info.get("Filters"))]
        return
    if name == "FILTER":
        above = [*above, *_texts(info.get("Expression"))]
    elif name != "PROJECTION":
        above = []
    for child in node.get("children") or ():
        yield from _filters_of_scans(child, above)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _conjuncts(text: str) -> list[Node]:
    try:
        node = sqlglot.parse_one(text, dialect="duckdb").unnest()
    except sqlglot.errors.SqlglotError:
        return []
    return list(node.flatten()) if isinstance(node, exp.And) else [node]


def _only_names(predicate: Node, keys: set[str]) -> bool:
    names = {column.name for column in predicate.find_all(exp.Column)}
    return bool(names) and names <= keys and not list(predicate.find_all(exp.Subquery, exp.Placeholder, exp.Parameter))


# --- DuckDB's errors, as Athena words them

_OVERFLOW = re.compile(r"Overflow in (addition|subtraction|multiplication|negation|division) of (\w+)")
_BEYOND = re.compile(r"out of range|Failed to cast decimal value|Could not (cast value|convert string) .* to DECIMAL")
_WORDED = (
    ("Map keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    ("Map keys can not be NULL", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    ("map key list does not align", "INVALID_FUNCTION_ARGUMENT", "Key and value arrays must be the same length"),
    ("expression cannot be negative", "INVALID_WINDOW_FRAME", "Window frame offset value must not be negative or null"),
    ("Invalid UTF8 Codepoint", "INVALID_FUNCTION_ARGUMENT", "Not a valid Unicode code point"),
    ("More than one row returned", "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
)
_WIDTHS = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint"}


def translate_error(error: duckdb.Error) -> QueryFailed:
    """The failure that Athena would report."""
    text = str(error)
    marked = duck.marked_failure(text)
    if marked is not None:
        code, _, message = marked.partition(": ")
        return failure(code, message)
    if "Division by zero" in text:
        return failure("DIVISION_BY_ZERO", "Division by zero")
    overflow = _OVERFLOW.search(text)
    if overflow:
        kind = _WIDTHS.get(overflow[2], "decimal")
        return failure("NUMERIC_VALUE_OUT_OF_RANGE", f"{kind} {overflow[1]} overflow")
    first = text.splitlines()[0].split(": ", 1)[-1]
    for found, code, words in _WORDED:
        if found in text:
            return failure(code, words)
    if isinstance(error, duckdb.OutOfRangeException):
        return failure("NUMERIC_VALUE_OUT_OF_RANGE", first)
    if isinstance(error, duckdb.ConversionException):
        if "sum(" in text.lower() or "INT128" in text:
            return failure("NUMERIC_VALUE_OUT_OF_RANGE", "bigint addition overflow")
        if _BEYOND.search(text) and not re.search(r"value nan|string \"nan", text):
            return failure("NUMERIC_VALUE_OUT_OF_RANGE", first)
        return failure("INVALID_CAST_ARGUMENT", first)
    if isinstance(error, duckdb.InvalidInputException) and "regex" in text.lower():
        return failure("NOT_SUPPORTED", first)
    if isinstance(error, duckdb.BinderException):
        return failure("NOT_SUPPORTED", f"this query cannot be planned here: {first}")
    return QueryFailed(f"GENERIC_INTERNAL_ERROR: {first}", SYSTEM_ERROR, 0)
