"""Queries: SELECT with grouping and ordering, set operations, VALUES and WITH. FROM is translated in relations.py."""

from __future__ import annotations

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.expressions import Expressions
from localaws.athena.planning import Field, OutputColumn, Query, Scope, Source
from localaws.athena.relations import Relations
from localaws.athena.syntax import Node, identifier, parse_query, position, quote
from localaws.athena.types import Type, to_duckdb

_SELECT_ARGS = {"kind", "hint", "distinct", "expressions", "limit", "operation_modifiers", "from_", "joins", "where",
                "group", "having", "order", "offset", "with_"}  # fmt: skip
_SET_ARGS = {"this", "expression", "distinct", "order", "limit", "offset", "with_", "by_name"}


class Queries(Relations):
    """Translates the queries of one text."""

    def translate(self, node: Node) -> Query:
        """The whole statement."""
        return self.query(node, None)

    def query(self, node: Node, outer: Scope | None) -> Query:
        saved = self.ctes
        self._add_ctes(node)
        try:
            if isinstance(node, exp.Select):
                return self._select(node, outer)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, outer)
            if isinstance(node, exp.Values):
                return self.values(node, outer)
            if isinstance(node, exp.Subquery):
                return self._parenthesised(node, outer)
            raise self.failure("NOT_SUPPORTED", f"the query {node.sql(dialect='trino')[:80]}", node)
        finally:
            self.ctes = saved

    def _add_ctes(self, node: Node) -> None:
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

    def _select(self, node: exp.Select, outer: Scope | None) -> Query:
        self._check_select(node)
        source = self.from_clause(node, outer)
        expressions = Expressions(self, Scope(source.fields if source else [], outer))
        clauses = [f"FROM {source.sql}"] if source else []
        where = node.args.get("where")
        if where is not None:
            clauses.append(f"WHERE {self._condition(expressions, where.this, 'WHERE clause', where)}")
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
        if expressions.aggregates and not (group or having) and all(item.literal is not None for item in items):
            # typeof(sum(x)) is a constant, of the one group that there is.
            clauses.append("GROUP BY ()")
        if loose and (group is not None or having is not None or expressions.aggregates):
            text = f"'{loose[0].sql(dialect='trino')}' must be an aggregate expression or appear in GROUP BY clause"
            raise self.failure("EXPRESSION_NOT_AGGREGATE", text, loose[0])
        selected = ", ".join(
            f"{item.sql} AS {quote(column.sql_name)}" for item, column in zip(items, columns, strict=True)
        )
        head = "SELECT DISTINCT" if distinct is not None else "SELECT"
        return Query(" ".join([head, selected, *clauses, *tail, *self._limits(node)]), columns)

    def _check_select(self, node: exp.Select) -> None:
        self._only(node, _SELECT_ARGS)
        if node.args.get("hint") or node.args.get("kind") or node.args.get("operation_modifiers"):
            raise self.failure("SYNTAX_ERROR", "mismatched input after SELECT", node)
        if not node.expressions:
            raise self.failure(
                "SYNTAX_ERROR", "mismatched input 'FROM'. Expecting: 'ALL', 'DISTINCT', <expression>", node
            )

    def _items(
        self, node: exp.Select, expressions: Expressions, source: Source | None, known: list[OutputColumn] | None = None
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
                    add(None if found.unnamed else found.name, Expr(found.sql, found.type))
                continue
            inner = item.this if isinstance(item, exp.Alias) else item
            name: str | None = None
            if isinstance(item, exp.Alias):
                name = item.args["alias"].name
            elif isinstance(inner, exp.Column):
                name = inner.name
            elif isinstance(inner, exp.Dot):
                start = inner.this
                while isinstance(start, exp.Dot):
                    start = start.this
                name = inner.expression.name if isinstance(start, exp.Column | exp.Identifier) else None
            value = expressions.translate(inner)
            add(name, Expr("CAST(NULL AS INTEGER)", t.UNKNOWN) if value.sql == "NULL" else value)
        return columns, items

    def _star(self, node: exp.Star | exp.Column, source: Source | None) -> list[Field]:
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

    def _group(self, group: exp.Group, expressions: Expressions, columns: list[OutputColumn], items: list[Expr]) -> str:
        if group.args.get("all") is not None or group.args.get("totals"):
            raise self.failure("NOT_SUPPORTED", "this form of GROUP BY", group)

        def one(node: Node) -> str:
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
                raise self.failure("NOT_SUPPORTED", f"GROUP BY of {value.type}", node)
            expressions.grouped.add(value.sql)
            # DuckDB reads a bare constant in GROUP BY as a position.
            return value.sql if value.literal is None else f"coalesce({value.sql}, {value.sql})"

        def several(node: Node) -> str:
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
        self, node: Node, expressions: Expressions, columns: list[OutputColumn], items: list[Expr], distinct: bool
    ) -> list[str]:
        order = node.args.get("order")
        if order is None:
            if _with_ties(node):
                raise self.failure("MISSING_ORDER_BY", "FETCH FIRST WITH TIES clause requires ORDER BY", node)
            return []
        by_name: dict[str, list[int]] = {}
        for i, column in enumerate(columns):
            if column.name is not None:
                by_name.setdefault(column.name.lower(), []).append(i)
        expressions.aliases = {name: items[places[0]] for name, places in by_name.items() if len(places) == 1}
        parts, places = [], []
        for item in order.expressions:
            if not isinstance(item, exp.Ordered) or item.args.get("with_fill"):
                raise self.failure("NOT_SUPPORTED", "this form of ORDER BY", item)
            place = self._place(item.this, by_name, items)
            if place is not None:
                if columns[place].type.name in ("map", "json"):
                    raise self.failure("TYPE_MISMATCH", f"Type {columns[place].type} is not orderable", item)
                parts.append(f"{place + 1}{expressions.direction(item)}")
                places.append(f"{items[place].sql}{expressions.direction(item)}")
                continue
            ordering = expressions.ordering(item)
            if distinct and not any(ordering.startswith(f"{value.sql} ") for value in items):
                raise self.failure(
                    "EXPRESSION_NOT_IN_DISTINCT",
                    "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    item,
                )
            parts.append(ordering)
            places.append(ordering)
        expressions.aliases = {}
        return [*self._ties(node, places, distinct), f"ORDER BY {', '.join(parts)}"]

    def _ties(self, node: Node, orderings: list[str], distinct: bool) -> list[str]:
        """WITH TIES as a condition on the rank, of all rows up to the last one that OFFSET leaves."""
        if not _with_ties(node):
            return []
        if distinct:
            raise self.failure("NOT_SUPPORTED", "SELECT DISTINCT ... WITH TIES", node)
        offset = node.args.get("offset")
        count = self._whole(node.args["limit"].args.get("count"), node)
        count += self._whole(offset.expression, node) if offset is not None else 0
        return [f"QUALIFY rank() OVER (ORDER BY {', '.join(orderings)}) <= {count}"]

    def _place(self, node: Node, by_name: dict[str, list[int]], items: list[Expr]) -> int | None:
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

    def _limits(self, node: Node) -> list[str]:
        parts = []
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if limit is not None:
            count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
            options = limit.args.get("limit_options")
            if options is not None and options.args.get("percent"):
                raise self.failure("NOT_SUPPORTED", "FETCH FIRST ... PERCENT", node)
            if not _with_ties(node):
                parts.append(f"LIMIT {self._whole(count, node)}")
        if offset is not None:
            if limit is not None and not isinstance(limit, exp.Fetch):
                first, second = position(limit, self.sql), position(offset, self.sql)
                if first[0] is not None and second[0] is not None and first < second:
                    raise self.failure("SYNTAX_ERROR", "mismatched input 'OFFSET'. Expecting: <EOF>", offset)
            parts.append(f"OFFSET {self._whole(offset.expression, node)}")
        return parts

    def _whole(self, node: Node | None, at: Node) -> int:
        if node is None:
            return 1
        if not isinstance(node, exp.Literal) or not node.name.isdigit():
            raise self.failure("SYNTAX_ERROR", "LIMIT and OFFSET take a whole number", at)
        return int(node.name)

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Query:
        operands, operations = self._spine(node)
        found = [self.query(operand, outer) for operand in operands]
        # INTERSECT binds tighter than UNION and EXCEPT; sqlglot reads them all from left to right.
        for tight in (True, False):
            i = 0
            while i < len(operations):
                if isinstance(operations[i], exp.Intersect) or not tight:
                    found[i : i + 2] = [self._combined(operations.pop(i), found[i], found[i + 1])]
                else:
                    i += 1
        return self._ordered(node, found[0].sql, found[0].columns, outer)

    def _spine(self, node: exp.SetOperation) -> tuple[list[Node], list[exp.SetOperation]]:
        """The operands of a chain of set operations in the order written, and the operations between them."""
        self._only(node, _SET_ARGS)
        if node.args.get("by_name"):
            raise self.failure("SYNTAX_ERROR", "mismatched input 'BY'", node)
        operands: list[Node] = [node.expression]
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
        inner = self.query(node.this, outer)
        return self._ordered(node, f"({inner.sql})", inner.columns, outer)

    def _ordered(self, node: Node, sql: str, columns: list[OutputColumn], outer: Scope | None) -> Query:
        """A query with the ORDER BY and LIMIT after it, which may name the columns of its result alone."""
        if not any(node.args.get(key) for key in ("order", "limit", "offset")):
            return Query(sql, columns)
        items = [Expr(quote(c.sql_name), c.type) for c in columns]
        fields = [Field((c.name or "").lower(), c.type, quote(c.sql_name)) for c in columns]
        expressions = Expressions(self, Scope(fields, outer))
        tail = self._order(node, expressions, columns, items, False)
        selected = ", ".join(quote(c.sql_name) for c in columns)
        alias = quote(f"q{self.analysis.next()}")
        return Query(" ".join([f"SELECT {selected} FROM ({sql}) AS {alias}", *tail, *self._limits(node)]), columns)

    def values(self, node: exp.Values, outer: Scope | None) -> Query:
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

    def view_query(self, sql: str, schema: str | None, view_path: tuple[str, ...]) -> Query:
        return Queries(self.analysis, sql, schema, view_path).translate(parse_query(sql))


def _with_ties(node: Node) -> bool:
    limit = node.args.get("limit")
    options = limit.args.get("limit_options") if isinstance(limit, exp.Fetch) else None
    return options is not None and bool(options.args.get("with_ties"))
