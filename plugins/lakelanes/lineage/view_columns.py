"""Of which columns of its inputs each column of a view is made, by its SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.scope import find_all_in_scope

from lakelanes.config.model import LakeConfig
from lakelanes.lineage.datasets import INDIRECT, ColumnSource, SourceKind, glue_name

_DIALECT = "athena"
# Of several ways from a column to another, the one further to the right is told.
_STRENGTH: tuple[SourceKind, ...] = ("CONDITIONAL", "WINDOW", "IDENTITY", "TRANSFORMATION", "AGGREGATION")


def sources_of(
    config: LakeConfig, sql: str, inputs: Mapping[str, Iterable[str]]
) -> dict[str, tuple[ColumnSource, ...]]:
    """The sources of each column of a SELECT, sorted; of a column that is made of none, such as a count of rows, ().

    inputs: the columns of the tables and views that it reads, all of the lake's database. Raises SqlglotError for SQL
    that cannot be read. What filters, joins and groups rows is no source: it says which rows there are.
    """
    schema = {name: of for name, columns in inputs.items() if (of := dict.fromkeys(columns, "unknown"))}
    found = lineage(None, sql, schema=schema, dialect=_DIALECT, trim_selects=False)
    return {column: _sources(config, node) for column, node in found.items()}


def _sources(config: LakeConfig, node: Node) -> tuple[ColumnSource, ...]:
    """The table columns below a node."""
    found: dict[tuple[str, str], SourceKind] = {}
    waiting: list[tuple[Node, SourceKind]] = [(node, "IDENTITY")]
    seen: set[tuple[int, SourceKind]] = set()
    while waiting:
        here, kind = waiting.pop()
        if (id(here), kind) in seen:
            continue
        seen.add((id(here), kind))
        for below, own in _steps(here):
            way = _along(kind, own)
            if not below.downstream and isinstance(below.source, exp.Table):
                key = below.source.name, exp.to_column(below.name).name
                found[key] = max(way, found.get(key, way), key=_STRENGTH.index)
            else:
                waiting.append((below, way))
    return tuple(
        ColumnSource(glue_name(config, table), column, kind) for (table, column), kind in sorted(found.items())
    )


def _steps(node: Node) -> Iterator[tuple[Node, SourceKind]]:
    """What a node is made of directly, and how: by the places of the columns in its expression."""
    root = node.expression.unalias()
    kinds: dict[str, SourceKind] = {}
    for column in find_all_in_scope(node.expression, exp.Column):
        kind = _kind(column, root)
        for name in (column.sql(comments=False), f"{column.table}.{column.name}"):
            kinds[name] = max(kind, kinds.get(name, kind), key=_STRENGTH.index)
    # A part of a UNION is not named as the column is: then it has what the expression does to all of them.
    other: SourceKind = max(kinds.values(), key=_STRENGTH.index, default="IDENTITY")
    if isinstance(node.source, exp.SetOperation):
        kinds, other = {}, "IDENTITY"
    for below in node.downstream:
        yield below, kinds.get(below.name, other)


def _kind(column: exp.Column, root: exp.Expr) -> SourceKind:
    """What an expression makes of one of its columns."""
    if column is root:
        return "IDENTITY"
    found: SourceKind = "TRANSFORMATION"
    here: exp.Expr = column
    while here is not root and here.parent is not None:
        parent, place = here.parent, here.arg_key
        if isinstance(parent, exp.If | exp.Case) and place == "this":
            return "CONDITIONAL"
        if isinstance(parent, exp.Filter) and place == "expression":
            return "CONDITIONAL"
        if isinstance(parent, exp.Window) and place in ("partition_by", "order"):
            return "WINDOW"
        if isinstance(parent, exp.AggFunc):
            found = "AGGREGATION"
        here = parent
    return found


def _along(first: SourceKind, then: SourceKind) -> SourceKind:
    """Two steps on one way: what only decides stays that, whatever is done before or after."""
    for kind in (first, then):
        if kind in INDIRECT:
            return kind
    return max(first, then, key=_STRENGTH.index)
