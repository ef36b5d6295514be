"""Predicates: logic, comparison, IN, LIKE, EXISTS and the like, and subqueries inside expressions."""

from __future__ import annotations

import re

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.operators import UNORDERED, Operators
from localaws.athena.syntax import Node

COMPARISONS: dict[type[Node], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip


class Predicates(Operators):
    """Expressions that are true, false or unknown, and queries that stand for a value."""

    def _logical(self, node: exp.And | exp.Or) -> Expr:
        word = "AND" if isinstance(node, exp.And) else "OR"
        sides = [self.boolean(side, "Logical expression term") for side in (node.this, node.expression)]
        return Expr(f"({sides[0]} {word} {sides[1]})", t.BOOLEAN)

    def _not(self, node: exp.Not) -> Expr:
        return Expr(f"(NOT {self.boolean(node.this, 'Value of logical NOT expression')})", t.BOOLEAN)

    def _comparison(self, node: exp.Binary) -> Expr:
        operator = COMPARISONS[type(node)]
        right = node.expression
        if isinstance(right, exp.Any | exp.All):
            raise self.unsupported("ALL, ANY or SOME over a subquery", node)
        return self.comparison(operator, self.translate(node.this), self.translate(right), node)

    def _is(self, node: exp.Is) -> Expr:
        if not isinstance(node.expression, exp.Null):
            raise self.failure(
                "SYNTAX_ERROR",
                f"mismatched input '{node.expression.sql()}'. Expecting: 'DISTINCT', 'NOT', 'NULL'",
                node,
            )
        return Expr(f"({self.translate(node.this).sql} IS NULL)", t.BOOLEAN)

    def _distinct_from(self, node: exp.Binary) -> Expr:
        (a, b), _ = self.unify([self.translate(node.this), self.translate(node.expression)], node)
        word = "IS NOT DISTINCT FROM" if isinstance(node, exp.NullSafeEQ) else "IS DISTINCT FROM"
        return Expr(f"({a.sql} {word} {b.sql})", t.BOOLEAN)

    def _between(self, node: exp.Between) -> Expr:
        if node.args.get("symmetric"):
            raise self.unsupported("BETWEEN SYMMETRIC", node)
        value = self.translate(node.this)
        low = self.comparison(">=", value, self.translate(node.args["low"]), node)
        high = self.comparison("<=", value, self.translate(node.args["high"]), node)
        return Expr(f"({low.sql} AND {high.sql})", t.BOOLEAN)

    def _in(self, node: exp.In) -> Expr:
        if node.args.get("unnest") or node.args.get("field"):
            raise self.failure("SYNTAX_ERROR", "IN takes a list in parentheses or a subquery", node)
        query = node.args.get("query")
        if query is not None:
            return self._in_query(node, query)
        values, kind = self.unify([self.translate(item) for item in (node.this, *node.expressions)], node)
        if kind.name in ("map", "json"):
            raise self.unsupported(f"IN over values of type {kind}", node)
        if kind.name in ("double", "real", "array", "row"):
            # NaN is in no list.
            equal = [self.comparison("=", values[0], value, node).sql for value in values[1:]]
            return Expr(f"({' OR '.join(equal)})", t.BOOLEAN)
        return Expr(f"({values[0].sql} IN ({', '.join(value.sql for value in values[1:])}))", t.BOOLEAN)

    def _in_query(self, node: exp.In, query: Node) -> Expr:
        inner = self.queries.query(query.this if isinstance(query, exp.Subquery) else query, self.scope)
        sides = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
        values = [self.translate(side) for side in sides]
        if len(values) != len(inner.columns):
            raise self.failure(
                "TYPE_MISMATCH", "the value and the result of the subquery must have as many columns", node
            )
        kinds = []
        for value, column in zip(values, inner.columns, strict=True):
            kind = t.common_type(value.type, column.type)
            if kind is not None and kind.name in (*UNORDERED, "double", "real"):
                raise self.unsupported(f"IN a subquery over values of type {kind}", node)
            if kind is None:
                raise self.failure(
                    "TYPE_MISMATCH",
                    "value and result of subquery must be of the same type for IN expression: "
                    f"{value.type} vs {column.type}",
                    node,
                )
            kinds.append(kind)
        left = ", ".join(coerce(value, kind).sql for value, kind in zip(values, kinds, strict=True))
        left = f"({left})" if len(values) > 1 else left
        return Expr(f"({left} IN ({inner.coerced(kinds)}))", t.BOOLEAN)

    def _like(self, node: exp.Like, escape: str = "") -> Expr:
        sides = [self.translate(node.this), self.translate(node.expression)]
        for side in sides:
            if not side.type.is_text and side.type.name != "unknown":
                raise self.failure(
                    "TYPE_MISMATCH",
                    f"Left side of LIKE expression must evaluate to a varchar (actual: {side.type})",
                    node,
                )
        texts = [coerce(side, t.VARCHAR).sql for side in sides]
        return Expr(f"({texts[0]} {'NOT ' if node.args.get('negate') else ''}LIKE {texts[1]}{escape})", t.BOOLEAN)

    def _escape(self, node: exp.Escape) -> Expr:
        character = self.translate(node.expression)
        if not isinstance(node.this, exp.Like) or not isinstance(character.literal, str) or len(character.literal) != 1:
            raise self.failure("INVALID_FUNCTION_ARGUMENT", "Escape string must be a single character", node)
        pattern = self.translate(node.this.expression).literal
        if not isinstance(pattern, str):
            raise self.unsupported("LIKE with ESCAPE and a pattern that is not a literal", node)
        mark = re.escape(character.literal)
        if not re.fullmatch(f"(?:{mark}[%_{mark}]|[^{mark}])*", pattern, re.DOTALL):
            text = "Escape character must be followed by '%', '_' or the escape character itself"
            raise self.failure("INVALID_FUNCTION_ARGUMENT", text, node)
        return self._like(node.this, f" ESCAPE {character.sql}")

    def _exists(self, node: exp.Exists) -> Expr:
        inner = node.this
        query = self.queries.query(inner.this if isinstance(inner, exp.Subquery) else inner, self.scope)
        return Expr(f"EXISTS ({query.sql})", t.BOOLEAN)

    def _scalar_query(self, node: Node) -> Expr:
        inner = node
        while isinstance(inner, exp.Subquery) and not any(inner.args.get(key) for key in ("order", "limit", "offset")):
            inner = inner.this
        query = self.queries.query(inner, self.scope)
        if len(query.columns) != 1:
            raise self.failure("SYNTAX_ERROR", "Multiple columns returned by subquery are not yet supported", node)
        return Expr(f"({query.sql})", query.columns[0].type)
