"""Queries: FROM, joins, grouping, set operations, ordering, views. Expressions are translated in expressions.py.

Every table reference becomes a scan of its own, and every reference to a WITH query or view is expanded in place, as
Trino does, so that partitions and columns are pruned for each use.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena import views
from localaws.athena.casts import Expr, coerce
from localaws.athena.catalogue import CATALOG, INFORMATION_SCHEMA, Catalogue, Table
from localaws.athena.errors import InvalidRequest, QueryFailed, failure
from localaws.athena.expressions import Expressions, Field, Scope
from localaws.athena.syntax import identifier, parse_query, position, quote
from localaws.athena.types import Type, to_duckdb

_MAX_VIEW_DEPTH = 32


class Relation(Protocol):
    """A base table that can be scanned: its DuckDB name, and its columns as (name, type, DuckDB name)."""

    name: str
    columns: list[tuple[str, Type, str]]
    hidden: list[tuple[str, Type, str]]


@dataclass
class Analysis:
    """One statement's planning: the clock, the catalogue, and the scans it came to need."""

    catalogue: Catalogue
    scan: Callable[[Table, int], Relation]
    system_table: Callable[[str, str | None, int], Relation | None]
    now: dt.datetime
    scans: list[Relation] = field(default_factory=list)
    counter: int = 0

    def next(self) -> int:
        """A number not used before in this statement."""
        self.counter += 1
        return self.counter


@dataclass(frozen=True)
class OutputColumn:
    """A column of a query: the name as written (None when the query gives none), its type, its DuckDB name."""

    name: str | None
    type: Type
    sql_name: str


@dataclass(frozen=True)
class Query:
    """A translated query."""

    sql: str
    columns: list[OutputColumn]

    def coerced(self, kinds: list[Type]) -> str:
        """The query's SQL with its columns brought to other types."""
        if all(column.type == kind for column, kind in zip(self.columns, kinds, strict=True)):
            return self.sql
        items = ", ".join(
            f"{coerce(Expr(quote(c.sql_name), c.type), kind).sql} AS {quote(c.sql_name)}"
            for c, kind in zip(self.columns, kinds, strict=True)
        )
        return f"SELECT {items} FROM ({self.sql})"


@dataclass
class _Source:
    """A FROM item: its SQL and its columns."""

    sql: str
    fields: list[Field]


_Ctes = dict[str, tuple[exp.Expression, list[str], "dict[str, Any]"]]

_SELECT_ARGS = {"kind", "hint", "distinct", "expressions", "limit", "operation_modifiers", "from_", "joins", "where",
                "group", "having", "windows", "order", "offset", "with_"}  # fmt: skip
_TABLE_ARGS = {"this", "db", "catalog", "alias", "joins"}
_JOIN_ARGS = {"this", "on", "using", "kind", "side", "method"}
_SET_ARGS = {"this", "expression", "distinct", "order", "limit", "offset", "with_", "by_name"}


class Queries:
    """Translates the queries of one text (the statement's, or a view's) against one default schema."""

    def __init__(self, analysis: Analysis, sql: str, schema: str | None, view_path: tuple[str, ...] = ()) -> None:
        self.analysis = analysis
        self.sql = sql
        self.schema = schema
        self.view_path = view_path
        self.ctes: _Ctes = {}

    def failure(self, code: str, text: str, node: exp.Expression) -> QueryFailed:
        return failure(code, text, *position(node, self.sql))

    def translate(self, node: exp.Expression) -> Query:
        """The whole statement."""
        return self._query(node, None)

    def subquery(self, node: exp.Expression, outer: Scope) -> Query:
        """A query inside an expression; `outer` is what it may refer to besides its own FROM."""
        return self._query(node, outer)

    # --- kinds of query

    def _query(self, node: exp.Expression, outer: Scope | None) -> Query:
        saved = self.ctes
        self._add_ctes(node)
        try:
            if isinstance(node, exp.Select):
                return self._select(node, outer)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, outer)
            if isinstance(node, exp.Values):
                return self._values(node, outer)
            if isinstance(node, exp.Subquery):
                return self._parenthesised(node, outer)
            raise self.failure("NOT_SUPPORTED", f"the query {node.sql(dialect='trino')[:80]}", node)
        finally:
            self.ctes = saved

    def _add_ctes(self, node: exp.Expression) -> None:
        with_ = node.args.get("with_")
        if with_ is None:
            return
        if with_.args.get("recursive"):
            raise self.failure("NOT_SUPPORTED", "WITH RECURSIVE", node)
        self.ctes = dict(self.ctes)
        for cte in with_.expressions:
            if not isinstance(cte, exp.CTE) or cte.args.get("materialized") is not None:
                raise self.failure("NOT_SUPPORTED", "this form of WITH", node)
            alias = cte.args["alias"]
            names = [identifier(column) for column in alias.args.get("columns") or []]
            self.ctes[identifier(alias.this)] = (cte.this, names, dict(self.ctes))

    def _only(self, node: exp.Expression, allowed: set[str]) -> None:
        for key, value in node.args.items():
            if value and key not in allowed:
                raise self.failure(
                    "SYNTAX_ERROR", f"mismatched input: {key.strip('_').upper()} is not part of the grammar here", node
                )

    def _select(self, node: exp.Select, outer: Scope | None) -> Query:
        self._only(node, _SELECT_ARGS)
        if node.args.get("hint") or node.args.get("kind") or node.args.get("operation_modifiers"):
            raise self.failure("SYNTAX_ERROR", "mismatched input after SELECT", node)
        if not node.expressions:
            raise self.failure(
                "SYNTAX_ERROR", "mismatched input 'FROM'. Expecting: 'ALL', 'DISTINCT', <expression>", node
            )
        source = self._from(node, outer)
        scope = Scope(source.fields if source else [], outer)
        expressions = Expressions(self, scope)
        expressions.windows = {identifier(window.this): window for window in node.args.get("windows") or []}
        clauses: list[str] = []
        if source:
            clauses.append(f"FROM {source.sql}")
        where = node.args.get("where")
        if where is not None:
            clauses.append(f"WHERE {expressions.boolean(where.this, 'WHERE clause')}")
            if expressions.aggregates:
                raise self.failure(
                    "EXPRESSION_NOT_SCALAR",
                    "WHERE clause cannot contain aggregations, window functions or grouping operations",
                    where,
                )
        expressions.loose.clear()
        columns, items = self._items(node, expressions, source)
        loose = list(expressions.loose)
        group = node.args.get("group")
        if group is not None:
            grouping = self._group(group, expressions, columns, items)
            if grouping:
                clauses.append(f"GROUP BY {grouping}")
            expressions.loose.clear()
            # A second translation, now that the grouped expressions are known.
            columns, items = self._items(node, expressions, source, columns)
            loose = list(expressions.loose)
        having = node.args.get("having")
        if having is not None:
            expressions.loose.clear()
            clauses.append(f"HAVING {expressions.boolean(having.this, 'HAVING clause')}")
            loose += expressions.loose
        expressions.loose.clear()
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            raise self.failure("SYNTAX_ERROR", "mismatched input 'ON'", node)
        tail = self._order(node, expressions, columns, items, bool(distinct))
        loose += expressions.loose
        if loose and (group is not None or having is not None or expressions.aggregates):
            shown = loose[0].sql(dialect="trino")
            raise self.failure(
                "EXPRESSION_NOT_AGGREGATE",
                f"'{shown}' must be an aggregate expression or appear in GROUP BY clause",
                loose[0],
            )
        selected = ", ".join(
            f"{item.sql} AS {quote(column.sql_name)}" for item, column in zip(items, columns, strict=True)
        )
        head = "SELECT DISTINCT" if distinct is not None else "SELECT"
        return Query(" ".join([head, selected, *clauses, *tail, *self._limits(node)]), columns)

    def _items(
        self,
        node: exp.Select,
        expressions: Expressions,
        source: _Source | None,
        known: list[OutputColumn] | None = None,
    ) -> tuple[list[OutputColumn], list[Expr]]:
        columns: list[OutputColumn] = []
        items: list[Expr] = []

        def add(name: str | None, item: Expr) -> None:
            sql_name = known[len(columns)].sql_name if known else f"${self.analysis.next()}"
            columns.append(OutputColumn(name, item.type, sql_name))
            items.append(item)

        for item in node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                for found in self._star(item, source):
                    if found.sql not in expressions.grouped:
                        expressions.loose.append(exp.column(found.name))
                    add(found.name, Expr(found.sql, found.type))
                continue
            inner = item.this if isinstance(item, exp.Alias) else item
            name: str | None = None
            if isinstance(item, exp.Alias):
                name = item.args["alias"].name
            elif isinstance(inner, exp.Column):
                name = inner.name
            elif isinstance(inner, exp.Dot):
                name = inner.expression.name
            add(name, self._result(expressions.translate(inner)))
        return columns, items

    @staticmethod
    def _result(item: Expr) -> Expr:
        if item.type.name == "unknown" and item.sql == "NULL":
            return Expr("CAST(NULL AS INTEGER)", t.UNKNOWN)
        # A constant keeps its declared width: DuckDB would make 1 an INTEGER anyhow, and text VARCHAR.
        return item

    def _star(self, node: exp.Expression, source: _Source | None) -> list[Field]:
        star = node if isinstance(node, exp.Star) else node.this
        if any(star.args.get(key) for key in ("except_", "replace", "rename", "except")):
            raise self.failure("SYNTAX_ERROR", "mismatched input after '*'", node)
        if source is None:
            raise self.failure("SYNTAX_ERROR", "SELECT * not allowed in queries without FROM clause", node)
        visible = [found for found in source.fields if not found.hidden]
        if isinstance(node, exp.Star):
            return visible
        prefix = tuple(part.name.lower() for part in node.parts[:-1])
        chosen = [found for found in visible if any(q[-len(prefix) :] == prefix for q in found.qualifiers)]
        if not chosen:
            raise self.failure("TABLE_NOT_FOUND", f"Unable to resolve reference {'.'.join(prefix)}", node)
        return chosen

    # --- GROUP BY, ORDER BY, LIMIT

    def _group(self, group: exp.Group, expressions: Expressions, columns: list[OutputColumn], items: list[Expr]) -> str:
        if group.args.get("all") is not None or group.args.get("totals"):
            raise self.failure("NOT_SUPPORTED", "this form of GROUP BY", group)

        def one(node: exp.Expression) -> str:
            if isinstance(node, exp.Literal) and not node.is_string:
                place = int(node.name) if node.name.isdigit() else 0
                if not 1 <= place <= len(items):
                    raise self.failure(
                        "INVALID_COLUMN_REFERENCE", f"GROUP BY position {node.name} is not in select list", node
                    )
                value = items[place - 1]
            else:
                value = expressions.translate(node)
            if value.type.name in ("map", "json"):
                raise self.failure(
                    "TYPE_MISMATCH", f"{value.type} is not comparable, and therefore cannot be used in GROUP BY", node
                )
            expressions.grouped.add(value.sql)
            # DuckDB reads a bare constant in GROUP BY as a position.
            return value.sql if value.literal is None else f"coalesce({value.sql}, {value.sql})"

        def several(node: exp.Expression) -> str:
            if isinstance(node, exp.Tuple):
                return f"({', '.join(one(item) for item in node.expressions)})"
            return f"({one(node.this if isinstance(node, exp.Paren) else node)})"

        parts = []
        for node in group.expressions:
            parts += [one(item) for item in node.expressions] if isinstance(node, exp.Tuple) else [one(node)]
        for sets in group.args.get("grouping_sets") or []:
            parts.append(f"GROUPING SETS ({', '.join(several(item) for item in sets.expressions)})")
        for word in ("rollup", "cube"):
            for node in group.args.get(word) or []:
                parts.append(f"{word.upper()} ({', '.join(several(item)[1:-1] for item in node.expressions)})")
        return ", ".join(parts)

    def _order(
        self,
        node: exp.Expression,
        expressions: Expressions,
        columns: list[OutputColumn],
        items: list[Expr],
        distinct: bool,
    ) -> list[str]:
        order = node.args.get("order")
        if order is None:
            return []
        by_name: dict[str, list[int]] = {}
        for i, column in enumerate(columns):
            if column.name is not None:
                by_name.setdefault(column.name.lower(), []).append(i)
        expressions.aliases = {name: items[places[0]] for name, places in by_name.items() if len(places) == 1}
        parts = []
        for item in order.expressions:
            if not isinstance(item, exp.Ordered) or item.args.get("with_fill"):
                raise self.failure("NOT_SUPPORTED", "this form of ORDER BY", item)
            place = self._place(item.this, by_name, items)
            if place is not None:
                if columns[place].type.name in ("map", "json"):
                    raise self.failure("TYPE_MISMATCH", f"Type {columns[place].type} is not orderable", item)
                parts.append(f"{place + 1}{expressions.direction(item)}")
                continue
            ordering = expressions.ordering(item)
            if distinct and not any(ordering.startswith(f"{value.sql} ") for value in items):
                raise self.failure(
                    "EXPRESSION_NOT_IN_DISTINCT",
                    "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    item,
                )
            parts.append(ordering)
        expressions.aliases = {}
        return [f"ORDER BY {', '.join(parts)}"]

    def _place(self, node: exp.Expression, by_name: dict[str, list[int]], items: list[Expr]) -> int | None:
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
            place = int(node.name)
            if not 1 <= place <= len(items):
                raise self.failure("INVALID_COLUMN_REFERENCE", f"ORDER BY position {place} is not in select list", node)
            return place - 1
        if isinstance(node, exp.Column) and len(node.parts) == 1:
            places = by_name.get(node.name.lower(), [])
            if len(places) > 1 and len({items[place].sql for place in places}) > 1:
                raise self.failure("AMBIGUOUS_NAME", f"Column '{node.name}' is ambiguous", node)
            return places[0] if places else None
        return None

    def _limits(self, node: exp.Expression) -> list[str]:
        parts = []
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if limit is not None:
            count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
                raise self.failure("NOT_SUPPORTED", "FETCH FIRST ... WITH TIES", node)
            parts.append(f"LIMIT {self._whole(count, node)}")
        if offset is not None:
            if limit is not None and not isinstance(limit, exp.Fetch):
                first, second = position(limit, self.sql), position(offset, self.sql)
                if first[0] is not None and second[0] is not None and first < second:
                    raise self.failure("SYNTAX_ERROR", "mismatched input 'OFFSET'. Expecting: <EOF>", offset)
            parts.append(f"OFFSET {self._whole(offset.expression, node)}")
        return parts

    def _whole(self, node: exp.Expression | None, at: exp.Expression) -> int:
        if node is None:
            return 1
        if not isinstance(node, exp.Literal) or not node.name.isdigit():
            raise self.failure("SYNTAX_ERROR", "LIMIT and OFFSET take a whole number", at)
        return int(node.name)

    # --- other kinds of query

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Query:
        operands, operations = self._spine(node)
        found = [self._query(operand, outer) for operand in operands]
        # INTERSECT binds tighter than UNION and EXCEPT; sqlglot reads them all from left to right.
        for tight in (True, False):
            i = 0
            while i < len(operations):
                if isinstance(operations[i], exp.Intersect) or not tight:
                    found[i : i + 2] = [self._combined(operations.pop(i), found[i], found[i + 1])]
                else:
                    i += 1
        return self._ordered(node, found[0].sql, found[0].columns, outer)

    def _spine(self, node: exp.SetOperation) -> tuple[list[exp.Expression], list[exp.SetOperation]]:
        """The operands of a chain of set operations in the order written, and the operations between them."""
        self._only(node, _SET_ARGS)
        if node.args.get("by_name"):
            raise self.failure("SYNTAX_ERROR", "mismatched input 'BY'", node)
        operands: list[exp.Expression] = [node.expression]
        operations = [node]
        left = node.this
        while isinstance(left, exp.SetOperation) and not any(
            left.args.get(k) for k in ("order", "limit", "offset", "with_")
        ):
            self._only(left, _SET_ARGS)
            operations.insert(0, left)
            operands.insert(0, left.expression)
            left = left.this
        return [left, *operands], operations

    def _combined(self, node: exp.SetOperation, a: Query, b: Query) -> Query:
        word = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}[type(node)]
        if len(a.columns) != len(b.columns):
            raise self.failure(
                "TYPE_MISMATCH",
                f"{word} query has different number of fields: {len(a.columns)}, {len(b.columns)}",
                node,
            )
        kinds: list[Type] = []
        for i, (x, y) in enumerate(zip(a.columns, b.columns, strict=True), 1):
            kind = t.common_type(x.type, y.type)
            if kind is None:
                raise self.failure(
                    "TYPE_MISMATCH", f"column {i} in {word} query has incompatible types: {x.type}, {y.type}", node
                )
            kinds.append(kind)
        columns = [OutputColumn(c.name, k, c.sql_name) for c, k in zip(a.columns, kinds, strict=True)]
        every = "" if node.args.get("distinct") else " ALL"
        return Query(f"({a.coerced(kinds)}) {word}{every} ({b.coerced(kinds)})", columns)

    def _parenthesised(self, node: exp.Subquery, outer: Scope | None) -> Query:
        self._only(node, {"this", "order", "limit", "offset", "with_"})
        inner = self._query(node.this, outer)
        return self._ordered(node, f"({inner.sql})", inner.columns, outer)

    def _ordered(self, node: exp.Expression, sql: str, columns: list[OutputColumn], outer: Scope | None) -> Query:
        """A query with the ORDER BY and LIMIT that stand after it; these see its result alone."""
        if not any(node.args.get(key) for key in ("order", "limit", "offset")):
            return Query(sql, columns)
        items = [Expr(quote(c.sql_name), c.type) for c in columns]
        fields = [Field((c.name or "").lower(), c.type, quote(c.sql_name)) for c in columns]
        expressions = Expressions(self, Scope(fields, outer))
        tail = self._order(node, expressions, columns, items, False)
        selected = ", ".join(quote(c.sql_name) for c in columns)
        alias = quote(f"q{self.analysis.next()}")
        return Query(" ".join([f"SELECT {selected} FROM ({sql}) AS {alias}", *tail, *self._limits(node)]), columns)

    def _values(self, node: exp.Values, outer: Scope | None) -> Query:
        expressions = Expressions(self, Scope([], outer))
        rows: list[list[Expr]] = []
        for item in node.expressions:
            cells = item.expressions if isinstance(item, exp.Tuple) else [item]
            rows.append([expressions.translate(cell) for cell in cells])
        if len({len(row) for row in rows}) != 1:
            raise self.failure("TYPE_MISMATCH", "Values rows have mismatched sizes", node)
        unified = [expressions.unify([row[i] for row in rows], node) for i in range(len(rows[0]))]
        columns = [OutputColumn(None, kind, f"${self.analysis.next()}") for _, kind in unified]
        body = ", ".join(
            "(" + ", ".join(
                f"CAST({values[r].sql} AS {to_duckdb(kind)})" if values[r].sql == "NULL" else values[r].sql
                for values, kind in unified
            ) + ")"
            for r in range(len(rows))
        )  # fmt: skip
        names = ", ".join(quote(c.sql_name) for c in columns)
        alias = quote(f"q{self.analysis.next()}")
        return Query(f"SELECT {names} FROM (VALUES {body}) AS {alias}({names})", columns)

    # --- FROM

    def _from(self, node: exp.Select, outer: Scope | None) -> _Source | None:
        from_ = node.args.get("from_")
        if from_ is None:
            return None
        source = self._relation(from_.this, [], outer)
        for join in node.args.get("joins") or []:
            source = self._join(source, join, outer)
        return source

    def _relation(self, node: exp.Expression, left: list[Field], outer: Scope | None) -> _Source:
        """One FROM item. `left` are the columns of the items before it, which UNNEST and LATERAL may use."""
        if isinstance(node, exp.Table):
            self._only(node, _TABLE_ARGS)
            source = self._table(node, outer)
        elif isinstance(node, exp.Subquery):
            self._only(node, {"this", "alias", "joins", "with_", "order", "limit", "offset"})
            if isinstance(node.this, exp.Table):
                source = self._relation(node.this, left, outer)
            else:
                bare = node.copy()
                bare.set("alias", None)
                bare.set("joins", None)
                source = self._derived(self._query(bare, outer), node.args.get("alias"), node)
        elif isinstance(node, exp.Values):
            source = self._derived(self._values(node, outer), node.args.get("alias"), node)
        elif isinstance(node, exp.Unnest):
            source = self._unnest(node, Scope(left, outer))
        elif isinstance(node, exp.Lateral):
            inner = node.this
            if not isinstance(inner, exp.Subquery) or node.args.get("view") or node.args.get("outer"):
                raise self.failure("NOT_SUPPORTED", "this form of LATERAL", node)
            query = self._query(inner.this, Scope(left, outer))
            source = self._derived(query, node.args.get("alias"), node, "LATERAL ")
        else:
            raise self.failure("NOT_SUPPORTED", f"FROM {node.sql(dialect='trino')[:80]}", node)
        for join in node.args.get("joins") or []:
            source = self._join(source, join, outer)
        return source

    def _derived(self, query: Query, alias: exp.Expression | None, node: exp.Expression, prefix: str = "") -> _Source:
        name = quote(f"q{self.analysis.next()}")
        names = self._alias_columns(alias, len(query.columns), node)
        qualifier = ((identifier(alias.this),),) if alias is not None and alias.this is not None else ()
        fields = [
            Field(names[i] if names else (c.name or "").lower(), c.type, f"{name}.{quote(c.sql_name)}", qualifier)
            for i, c in enumerate(query.columns)
        ]
        return _Source(f"{prefix}({query.sql}) AS {name}", fields)

    def _alias_columns(self, alias: exp.Expression | None, count: int, node: exp.Expression) -> list[str]:
        names = [identifier(column) for column in (alias.args.get("columns") if alias is not None else None) or []]
        if names and len(names) != count:
            raise self.failure(
                "MISMATCHED_COLUMN_ALIASES",
                f"Column alias list has {len(names)} entries but relation has {count} columns available",
                node,
            )
        return names

    def _table(self, node: exp.Table, outer: Scope | None) -> _Source:
        if not isinstance(node.this, exp.Identifier):
            raise self.failure("NOT_SUPPORTED", f"the table function {node.this.sql(dialect='trino')[:60]}", node)
        name, schema, catalog = (
            identifier(node.this),
            identifier(node.args.get("db")),
            identifier(node.args.get("catalog")),
        )
        alias = node.args.get("alias")
        if not schema and name in self.ctes:
            return self._cte(name, alias, node)
        if catalog and catalog != CATALOG:
            raise self.failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' not found", node)
        schema = schema or (self.schema or "").lower()
        if not schema:
            raise self.failure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", node)
        qualifiers = ((identifier(alias.this),),) if alias is not None else ((CATALOG, schema, name),)
        relation = self._system_relation(schema, name)
        if relation is None:
            table = self.analysis.catalogue.table(schema, name)
            if table is None:
                if not self.analysis.catalogue.has_database(schema):
                    raise self.failure("SCHEMA_NOT_FOUND", f"Schema '{schema}' does not exist", node)
                raise self.failure("TABLE_NOT_FOUND", f"Table '{CATALOG}.{schema}.{name}' does not exist", node)
            if table.is_view:
                return self._view(table, alias, qualifiers, node)
            relation = self.analysis.scan(table, self.analysis.next())
            self.analysis.scans.append(relation)
        names = self._alias_columns(alias, len(relation.columns), node)
        fields = [
            Field(names[i] if names else column, kind, f"{relation.name}.{quote(label)}", qualifiers)
            for i, (column, kind, label) in enumerate(relation.columns)
        ]
        fields += [
            Field(column, kind, f"{relation.name}.{quote(label)}", qualifiers, hidden=True)
            for column, kind, label in relation.hidden
        ]
        return _Source(relation.name, fields)

    def _system_relation(self, schema: str, name: str) -> Relation | None:
        if schema != INFORMATION_SCHEMA and not name.endswith("$partitions"):
            return None
        relation = self.analysis.system_table(name, schema, self.analysis.next())
        if relation is not None:
            self.analysis.scans.append(relation)
        return relation

    def _cte(self, name: str, alias: exp.Expression | None, node: exp.Expression) -> _Source:
        inner, names, environment = self.ctes[name]
        saved, self.ctes = self.ctes, environment
        try:
            query = self._query(inner, None)
        finally:
            self.ctes = saved
        if names and len(names) != len(query.columns):
            raise self.failure(
                "MISMATCHED_COLUMN_ALIASES",
                f"WITH column list has {len(names)} entries but WITH query(s) has {len(query.columns)} columns",
                node,
            )
        columns = [OutputColumn(names[i] if names else c.name, c.type, c.sql_name) for i, c in enumerate(query.columns)]
        source = self._derived(Query(query.sql, columns), alias, node)
        if alias is None:
            source.fields = [Field(f.name, f.type, f.sql, ((name,),)) for f in source.fields]
        return source

    def _view(
        self, table: Table, alias: exp.Expression | None, qualifiers: tuple[tuple[str, ...], ...], node: exp.Expression
    ) -> _Source:
        if table.full_name in self.view_path or len(self.view_path) >= _MAX_VIEW_DEPTH:
            raise self.failure("VIEW_IS_RECURSIVE", "View is recursive", node)
        try:
            definition = views.decode(table)
            declared = [(column.lower(), t.parse_trino(text)) for column, text in definition.columns]
        except (ValueError, KeyError) as error:
            raise self.failure("INVALID_VIEW", f"Invalid view JSON: {error}", node) from error
        nested = Queries(self.analysis, definition.sql, definition.schema, (*self.view_path, table.full_name))
        try:
            query = nested.translate(parse_query(definition.sql))
        except (QueryFailed, InvalidRequest) as error:
            if isinstance(error, QueryFailed) and error.message.startswith(("NOT_SUPPORTED", "VIEW_IS_RECURSIVE")):
                raise
            text = error.message.split(": ", 1)[-1] if isinstance(error, QueryFailed) else error.message
            raise self.failure(
                "INVALID_VIEW", f"Failed analyzing stored view '{table.full_name}': {text}", node
            ) from error
        self._check_fresh(table, query, declared, node)
        columns = [
            OutputColumn(column, kind, c.sql_name) for (column, kind), c in zip(declared, query.columns, strict=True)
        ]
        source = self._derived(Query(query.coerced([kind for _, kind in declared]), columns), alias, node)
        if alias is None:
            source.fields = [Field(f.name, f.type, f.sql, qualifiers) for f in source.fields]
        return source

    def _check_fresh(self, table: Table, query: Query, declared: list[tuple[str, Type]], node: exp.Expression) -> None:
        stale = f"View '{table.full_name}' is stale or in invalid state: "
        if len(query.columns) != len(declared):
            raise self.failure(
                "VIEW_IS_STALE",
                f"{stale}stored view column count ({len(declared)}) does not match column count derived from the view query "
                f"analysis ({len(query.columns)})",
                node,
            )
        for i, (column, (name, kind)) in enumerate(zip(query.columns, declared, strict=True)):
            if (column.name or "").lower() != name:
                raise self.failure(
                    "VIEW_IS_STALE",
                    f"{stale}column [{(column.name or '').lower()}] of type {column.type} projected from query view at position "
                    f"{i} has a different name from column [{name}] of type {kind} stored in view definition",
                    node,
                )
            if not t.coercible(column.type, kind):
                raise self.failure(
                    "VIEW_IS_STALE",
                    f"{stale}column [{name}] of type {column.type} projected from query view at position {i} cannot be coerced "
                    f"to column [{name}] of type {kind} stored in view definition",
                    node,
                )

    def _unnest(self, node: exp.Unnest, scope: Scope) -> _Source:
        if node.args.get("explode_array"):
            raise self.failure("NOT_SUPPORTED", "this form of UNNEST", node)
        expressions = Expressions(self, scope)
        inner: list[str] = []
        outer: list[tuple[str, Type]] = []
        lengths: list[str] = []
        for item in node.expressions:
            value = expressions.translate(item)
            if value.type.name == "map":
                for side, kind in zip(("map_keys", "map_values"), value.type.args, strict=True):
                    column = quote(f"${self.analysis.next()}")
                    inner.append(f"unnest({side}({value.sql})) AS {column}")
                    outer.append((column, kind))
                lengths.append(f"cardinality({value.sql})")
            elif value.type.name == "array":
                column = quote(f"${self.analysis.next()}")
                inner.append(f"unnest({value.sql}) AS {column}")
                lengths.append(f"len({value.sql})")
                element = value.type.element
                if element.name == "row":
                    for i, (_, kind) in enumerate(element.args):
                        outer.append((f"struct_extract({column}, '{t.row_field(element, i)}')", kind))
                else:
                    outer.append((column, element))
            else:
                raise self.failure("TYPE_MISMATCH", f"Cannot unnest type: {value.type}", item)
        alias = node.args.get("alias")
        ordinality = node.args.get("offset")
        names = [identifier(column) for column in (alias.args.get("columns") if alias is not None else None) or []]
        if ordinality:
            longest = ", ".join(f"coalesce({length}, 0)" for length in lengths)
            column = quote(f"${self.analysis.next()}")
            inner.append(f"unnest(range(1, CAST(greatest({longest}) AS BIGINT) + 1)) AS {column}")
            outer.append((column, t.BIGINT))
            if isinstance(ordinality, exp.Identifier):
                names.append(identifier(ordinality))
        if names and len(names) != len(outer):
            raise self.failure(
                "MISMATCHED_COLUMN_ALIASES",
                f"Column alias list has {len(names)} entries but relation has {len(outer)} columns available",
                node,
            )
        columns = [
            OutputColumn(names[i] if names else None, kind, f"${self.analysis.next()}")
            for i, (_, kind) in enumerate(outer)
        ]
        picked = ", ".join(f"{sql} AS {quote(c.sql_name)}" for (sql, _), c in zip(outer, columns, strict=True))
        unnested = quote(f"q{self.analysis.next()}")
        sql = f"SELECT {picked} FROM (SELECT {', '.join(inner)}) AS {unnested}"
        name = quote(f"q{self.analysis.next()}")
        qualifier = ((identifier(alias.this),),) if alias is not None and alias.this is not None else ()
        fields = [Field((c.name or "").lower(), c.type, f"{name}.{quote(c.sql_name)}", qualifier) for c in columns]
        return _Source(f"LATERAL ({sql}) AS {name}", fields)

    # --- joins

    def _join(self, left: _Source, join: exp.Join, outer: Scope | None) -> _Source:
        self._only(join, _JOIN_ARGS)
        right = self._relation(join.this, left.fields, outer)
        side = str(join.args.get("side") or "").upper()
        kind = str(join.args.get("kind") or "").upper()
        method = str(join.args.get("method") or "").upper()
        using, on = join.args.get("using"), join.args.get("on")
        if kind not in ("", "INNER", "CROSS", "OUTER") or side not in ("", "LEFT", "RIGHT", "FULL") or method:
            raise self.failure("NOT_SUPPORTED", f"{method} {side} {kind} JOIN".strip(), join)
        if using:
            return self._join_using(left, right, side, [identifier(name) for name in using], join)
        fields = left.fields + right.fields
        if on is None:
            if kind not in ("CROSS", "") or side:
                raise self.failure("SYNTAX_ERROR", "mismatched input: a join needs ON or USING", join)
            return _Source(f"{left.sql} CROSS JOIN {right.sql}", fields)
        if kind == "CROSS":
            raise self.failure("SYNTAX_ERROR", "mismatched input 'ON'", join)
        expressions = Expressions(self, Scope(fields, outer))
        condition = expressions.boolean(on, "JOIN ON clause")
        if expressions.aggregates:
            raise self.failure(
                "EXPRESSION_NOT_SCALAR",
                "JOIN clause cannot contain aggregations, window functions or grouping operations",
                join,
            )
        return _Source(f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {condition}", fields)

    def _join_using(self, left: _Source, right: _Source, side: str, names: list[str], join: exp.Join) -> _Source:
        expressions = Expressions(self, Scope())
        conditions: list[str] = []
        merged: list[Field] = []
        for name in names:
            pair = []
            for source, which in ((left, "left"), (right, "right")):
                found = [f for f in source.fields if f.name == name and not f.hidden]
                if len(found) != 1:
                    problem = "is ambiguous" if found else f"is missing from {which} side of join"
                    raise self.failure("COLUMN_NOT_FOUND", f"Column '{name}' {problem}", join)
                pair.append(found[0])
            a, b = (Expr(f.sql, f.type) for f in pair)
            conditions.append(expressions.comparison("=", a, b, join).sql)
            values, kind = expressions.unify([a, b], join)
            sql = {"RIGHT": values[1].sql, "FULL": f"coalesce({values[0].sql}, {values[1].sql})"}.get(
                side, values[0].sql
            )
            merged.append(Field(name, kind, sql))
        rest = [f for f in left.fields + right.fields if f.name not in names or f.hidden]
        sql = f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {' AND '.join(conditions)}"
        return _Source(sql, merged + rest)
