"""FROM: tables, views, WITH queries, subqueries, UNNEST and joins.

Every table reference becomes a scan of its own, and every reference to a WITH query or view is expanded in place, as
Trino does, so that partitions and columns are pruned for each use.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena import views
from localaws.athena.casts import Expr
from localaws.athena.catalogue import CATALOG, INFORMATION_SCHEMA, Table
from localaws.athena.errors import InvalidRequest, QueryFailed, failure
from localaws.athena.expressions import Expressions
from localaws.athena.planning import Analysis, Ctes, Field, OutputColumn, Query, Relation, Scope, Source
from localaws.athena.syntax import Node, identifier, position, quote
from localaws.athena.types import Type

_MAX_VIEW_DEPTH = 32
_TABLE_ARGS = {"this", "db", "catalog", "alias", "joins"}
_JOIN_ARGS = {"this", "on", "using", "kind", "side", "method"}


class Relations(ABC):
    """Translates FROM clauses of one text (the statement's, or a view's) against one default schema."""

    def __init__(self, analysis: Analysis, sql: str, schema: str | None, view_path: tuple[str, ...] = ()) -> None:
        self.analysis = analysis
        self.sql = sql
        self.schema = schema
        self.view_path = view_path
        self.ctes: Ctes = {}

    def failure(self, code: str, text: str, node: Node) -> QueryFailed:
        return failure(code, text, *position(node, self.sql))

    @abstractmethod
    def query(self, node: Node, outer: Scope | None) -> Query:
        """A query inside a FROM clause; `outer` is what it may refer to besides its own FROM."""

    @abstractmethod
    def values(self, node: exp.Values, outer: Scope | None) -> Query:
        """VALUES as a query."""

    @abstractmethod
    def view_query(self, sql: str, schema: str | None, view_path: tuple[str, ...]) -> Query:
        """The query of a view, in the view's own schema."""

    def _only(self, node: Node, allowed: set[str]) -> None:
        """Raises for a part of a node that is not translated."""
        for key, value in node.args.items():
            if value and key not in allowed:
                word = key.strip("_").upper()
                if key in ("sample", "version", "match_recognize", "windows"):
                    raise self.failure("NOT_SUPPORTED", f"the clause {word.removesuffix('S')}", node)
                raise self.failure("SYNTAX_ERROR", f"mismatched input: {word} is not part of the grammar here", node)

    def from_clause(self, node: exp.Select, outer: Scope | None) -> Source | None:
        from_ = node.args.get("from_")
        if from_ is None:
            return None
        source = self._relation(from_.this, [], outer)
        for join in node.args.get("joins") or []:
            source = self._join(source, join, outer)
        return source

    def _relation(self, node: Node, left: list[Field], outer: Scope | None) -> Source:
        """One FROM item. `left` are the columns of the items before it, which UNNEST may use."""
        if isinstance(node, exp.Table):
            self._only(node, _TABLE_ARGS)
            source = self._table(node, outer)
        elif isinstance(node, exp.Subquery):
            self._only(node, {"this", "alias", "joins", "with_", "order", "limit", "offset"})
            if isinstance(node.this, exp.Table | exp.Subquery) and (
                isinstance(node.this, exp.Table) or node.this.args.get("alias") or node.this.args.get("joins")
            ):
                # A join in parentheses.
                source = self._relation(node.this, left, outer)
            else:
                bare = node.copy()
                bare.set("alias", None)
                bare.set("joins", None)
                source = self._derived(self.query(bare, outer), node.args.get("alias"), node)
        elif isinstance(node, exp.Values):
            source = self._derived(self.values(node, outer), node.args.get("alias"), node)
        elif isinstance(node, exp.Unnest):
            source = self._unnest(node, Scope(left, outer))
        else:
            raise self.failure("NOT_SUPPORTED", f"FROM {node.sql(dialect='trino')[:80]}", node)
        for join in node.args.get("joins") or []:
            source = self._join(source, join, outer)
        return source

    def _derived(
        self,
        query: Query,
        alias: Node | None,
        node: Node,
        prefix: str = "",
        qualifiers: tuple[tuple[str, ...], ...] = (),
    ) -> Source:
        """A query as a source, under its alias or else the qualifiers."""
        name = quote(f"q{self.analysis.next()}")
        names = self._alias_columns(alias, len(query.columns), node)
        if alias is not None and alias.this is not None:
            qualifiers = ((identifier(alias.this),),)
        fields = [
            Field(
                names[i] if names else (column.name or "").lower(),
                column.type,
                f"{name}.{quote(column.sql_name)}",
                qualifiers,
                unnamed=not names and column.name is None,
            )
            for i, column in enumerate(query.columns)
        ]
        return Source(f"{prefix}({query.sql}) AS {name}", fields)

    def _alias_columns(self, alias: Node | None, count: int, node: Node) -> list[str]:
        names = [identifier(column) for column in (alias.args.get("columns") if alias is not None else None) or []]
        self._check_aliases(names, count, node)
        return names

    def _check_aliases(self, names: list[str], count: int, node: Node) -> None:
        if names and len(names) != count:
            raise self.failure(
                "MISMATCHED_COLUMN_ALIASES",
                f"Column alias list has {len(names)} entries but relation has {count} columns available",
                node,
            )

    def _table(self, node: exp.Table, outer: Scope | None) -> Source:
        if not isinstance(node.this, exp.Identifier):
            raise self.failure("NOT_SUPPORTED", f"the table function {node.this.sql(dialect='trino')[:60]}", node)
        name, schema, catalog = (identifier(node.args.get(part)) for part in ("this", "db", "catalog"))
        alias = node.args.get("alias")
        if not schema and name in self.ctes:
            return self._cte(name, alias, node)
        if catalog and catalog != CATALOG:
            raise self.failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' not found", node)
        schema = schema or (self.schema or "").lower()
        if not schema:
            raise self.failure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", node)
        qualifiers = ((identifier(alias.this),),) if alias is not None else ((CATALOG, schema, name),)
        relation = self._system_relation(schema, name, node)
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
            Field(
                names[i] if i < len(names) else column,
                kind,
                f"{relation.name}.{quote(label)}",
                qualifiers,
                hidden=i >= len(relation.columns),
            )
            for i, (column, kind, label) in enumerate([*relation.columns, *relation.hidden])
        ]
        return Source(relation.name, fields)

    def _system_relation(self, schema: str, name: str, node: exp.Table) -> Relation | None:
        if name.endswith("$partitions"):
            raise self.failure("NOT_SUPPORTED", f'the table "{name}"', node)
        relation = self.analysis.system_table(name, self.analysis.next()) if schema == INFORMATION_SCHEMA else None
        if relation is not None:
            self.analysis.scans.append(relation)
        return relation

    def _cte(self, name: str, alias: Node | None, node: Node) -> Source:
        inner, names, environment = self.ctes[name]
        saved, self.ctes = self.ctes, environment
        try:
            query = self.query(inner, None)
        finally:
            self.ctes = saved
        if names and len(names) != len(query.columns):
            raise self.failure(
                "MISMATCHED_COLUMN_ALIASES",
                f"WITH column list has {len(names)} entries but WITH query(s) has {len(query.columns)} columns",
                node,
            )
        columns = [OutputColumn(names[i] if names else c.name, c.type, c.sql_name) for i, c in enumerate(query.columns)]
        return self._derived(Query(query.sql, columns), alias, node, qualifiers=((name,),))

    def _view(self, table: Table, alias: Node | None, qualifiers: tuple[tuple[str, ...], ...], node: Node) -> Source:
        if table.full_name in self.view_path or len(self.view_path) >= _MAX_VIEW_DEPTH:
            raise self.failure("VIEW_IS_RECURSIVE", "View is recursive", node)
        definition = views.decode(table, *position(node, self.sql))
        declared = [(column.lower(), kind) for column, kind in definition.columns]
        try:
            query = self.view_query(definition.sql, definition.schema, (*self.view_path, table.full_name))
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
        coerced = query.coerced([kind for _, kind in declared])
        return self._derived(Query(coerced, columns), alias, node, qualifiers=qualifiers)

    def _check_fresh(self, table: Table, query: Query, declared: list[tuple[str, Type]], node: Node) -> None:
        fault = ""
        if len(query.columns) != len(declared):
            fault = (
                f"stored view column count ({len(declared)}) does not match column count derived from the view query "
                f"analysis ({len(query.columns)})"
            )
        for i, (column, (name, kind)) in enumerate(zip(query.columns, declared, strict=False)):
            given = (column.name or "").lower()
            found = f"column [{given}] of type {column.type} projected from query view at position {i}"
            stored = f"column [{name}] of type {kind} stored in view definition"
            if given != name:
                fault = fault or f"{found} has a different name from {stored}"
            elif not t.coercible(column.type, kind):
                fault = fault or f"{found} cannot be coerced to {stored}"
        if fault:
            text = f"View '{table.full_name}' is stale or in invalid state: {fault}"
            raise self.failure("VIEW_IS_STALE", text, node)

    def _unnest(self, node: exp.Unnest, scope: Scope) -> Source:
        if node.args.get("explode_array"):
            raise self.failure("NOT_SUPPORTED", "this form of UNNEST", node)
        expressions = Expressions(self, scope)
        inner: list[str] = []
        outer: list[tuple[str, Type]] = []
        lengths: list[str] = []
        for item in node.expressions:
            arrays, fields_of, length = self._unnested(expressions.translate(item), item)
            inner += arrays
            outer += fields_of
            lengths.append(length)
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
        self._check_aliases(names, len(outer), node)
        columns = [
            OutputColumn(names[i] if names else None, kind, f"${self.analysis.next()}")
            for i, (_, kind) in enumerate(outer)
        ]
        picked = ", ".join(f"{sql} AS {quote(c.sql_name)}" for (sql, _), c in zip(outer, columns, strict=True))
        unnested = quote(f"q{self.analysis.next()}")
        query = Query(f"SELECT {picked} FROM (SELECT {', '.join(inner)}) AS {unnested}", columns)
        plain = exp.TableAlias(this=alias.this) if alias is not None else None
        return self._derived(query, plain, node, "LATERAL ")

    def _unnested(self, value: Expr, node: Node) -> tuple[list[str], list[tuple[str, Type]], str]:
        """One argument of UNNEST: what DuckDB unnests, the columns made of that with their types, and the length."""
        column = quote(f"${self.analysis.next()}")
        if value.type.name == "map":
            other = quote(f"${self.analysis.next()}")
            inner = [f"unnest(map_keys({value.sql})) AS {column}", f"unnest(map_values({value.sql})) AS {other}"]
            key, item = value.type.args
            return inner, [(column, key), (other, item)], f"cardinality({value.sql})"
        if value.type.name != "array":
            raise self.failure("INVALID_FUNCTION_ARGUMENT", f"Cannot unnest type: {value.type}", node)
        element = value.type.element
        outer = [(column, element)]
        if element.name == "row":
            outer = [
                (f"struct_extract({column}, '{t.row_field(element, i)}')", kind)
                for i, (_, kind) in enumerate(element.args)
            ]
        return [f"unnest({value.sql}) AS {column}"], outer, f"len({value.sql})"

    def _join(self, left: Source, join: exp.Join, outer: Scope | None) -> Source:
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
            return Source(f"{left.sql} CROSS JOIN {right.sql}", fields)
        if kind == "CROSS":
            raise self.failure("SYNTAX_ERROR", "mismatched input 'ON'", join)
        expressions = Expressions(self, Scope(fields, outer))
        condition = self._condition(expressions, on, "JOIN ON clause", join)
        return Source(f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {condition}", fields)

    def _condition(self, expressions: Expressions, condition: Node, clause: str, node: Node) -> str:
        """SQL of a clause's condition, which has no aggregates."""
        sql = expressions.boolean(condition, clause)
        if expressions.aggregates:
            text = "cannot contain aggregations, window functions or grouping operations"
            raise self.failure("EXPRESSION_NOT_SCALAR", f"{clause.replace(' ON', '')} {text}", node)
        return sql

    def _join_using(self, left: Source, right: Source, side: str, names: list[str], join: exp.Join) -> Source:
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
            left_sql, right_sql = values[0].sql, values[1].sql
            merged_sql = {"RIGHT": right_sql, "FULL": f"coalesce({left_sql}, {right_sql})"}.get(side, left_sql)
            merged.append(Field(name, kind, merged_sql))
        rest = [f for f in left.fields + right.fields if f.name not in names or f.hidden]
        sql = f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {' AND '.join(conditions)}"
        return Source(sql, merged + rest)
