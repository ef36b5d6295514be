"""Scalar expressions: from sqlglot's tree of Trino SQL to DuckDB SQL with Trino's types.

Only what is listed here is translated: any other kind of node, function or pair of types fails as it does in Trino, or
with NOT_SUPPORTED. Nothing reaches DuckDB untranslated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.aggregation import Aggregation
from localaws.athena.casts import Expr, coerce, try_sql
from localaws.athena.catalogue import CATALOG
from localaws.athena.duck import fail_sql
from localaws.athena.functions.dates import field as date_field
from localaws.athena.functions.library import AGGREGATES, SCALARS, WINDOW_FUNCTIONS
from localaws.athena.functions.registry import Call, trino_has
from localaws.athena.literals import Literals
from localaws.athena.names import Names
from localaws.athena.operators import ARITHMETIC
from localaws.athena.predicates import COMPARISONS, Predicates
from localaws.athena.syntax import Node, text_literal
from localaws.athena.types import array, to_duckdb

# Types that Trino has and this engine does not.
_OTHER_TYPES = {"uuid", "ipaddress", "hyperloglog", "p4hyperloglog", "qdigest", "tdigest", "geometry", "number",
                "time with time zone"}  # fmt: skip


class Expressions(Names, Predicates, Literals, Aggregation):
    """Translates the expressions of one query level."""

    def translate(self, node: Node) -> Expr:
        """DuckDB SQL and Trino type of an expression."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise self.unsupported(f"the expression {node.sql(dialect='trino')}", node)
        before = len(self.loose)
        result = handler(self, node)
        if result.sql in self.grouped:
            del self.loose[before:]
        return result

    def function(self, node: exp.Anonymous) -> Expr:
        """A call by name."""
        name = node.name.lower()
        if name in AGGREGATES or name in WINDOW_FUNCTIONS:
            return self.aggregate(node)
        if name == "row":
            return self._row([self.translate(item) for item in node.expressions])
        if name == "grouping":
            columns = [self.translate(item).sql for item in node.expressions]
            return Expr(f"CAST(grouping({', '.join(columns)}) AS INTEGER)", t.INTEGER)
        handler = SCALARS.get(name)
        if handler is None and trino_has(name):
            raise self.unsupported(f"the function {name}", node)
        if handler is None:
            raise self.failure("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", node)
        # The second argument of normalize is a word of the grammar.
        items = node.expressions[:1] if name == "normalize" else node.expressions
        args = [self._argument(item) for item in items]
        return handler(Call(name, args, list(node.expressions), node, self))

    def _argument(self, node: Node) -> Expr:
        return Expr("", t.FUNCTION) if isinstance(node, exp.Lambda) else self.translate(node)

    def _paren(self, node: exp.Paren) -> Expr:
        inner = self.translate(node.this)
        return Expr(f"({inner.sql})" if inner.literal is None else inner.sql, inner.type, inner.literal)

    def _case(self, node: exp.Case) -> Expr:
        operand = self.translate(node.this) if node.this is not None else None
        conditions, results = [], []
        for branch in node.args["ifs"]:
            if operand is None:
                conditions.append(self.boolean(branch.this, "CASE WHEN clause"))
            else:
                conditions.append(self.comparison("=", operand, self.translate(branch.this), branch).sql)
            results.append(self.translate(branch.args["true"]))
        default = node.args.get("default")
        results.append(self.translate(default) if default is not None else Expr("NULL", t.UNKNOWN))
        values, kind = self.unify(results, node)
        branches = " ".join(f"WHEN {c} THEN {v.sql}" for c, v in zip(conditions, values, strict=False))
        return Expr(f"CASE {branches} ELSE {values[-1].sql} END", kind)

    def _if(self, node: exp.If) -> Expr:
        condition = self.boolean(node.this, "IF condition")
        otherwise = node.args.get("false")
        results = [self.translate(node.args["true"])]
        results.append(self.translate(otherwise) if otherwise is not None else Expr("NULL", t.UNKNOWN))
        values, kind = self.unify(results, node)
        return Expr(f"CASE WHEN {condition} THEN {values[0].sql} ELSE {values[1].sql} END", kind)

    def _cast(self, node: exp.Cast) -> Expr:
        text = node.args["to"].meta.get("text") or node.args["to"].sql(dialect="trino")
        try:
            target = t.parse_trino(text)
        except ValueError as error:
            if text.lower() in _OTHER_TYPES:
                raise self.unsupported(f"the type {text}", node) from error
            if text.lower().startswith(("decimal(", "dec(", "numeric(")):
                raise self.failure("INVALID_FUNCTION_ARGUMENT", f"{error}", node) from error
            raise self.failure("TYPE_MISMATCH", f"Unknown type: {text}", node) from error
        if target.name == "time":
            raise self.unsupported("the type time", node)
        if not node.meta.get("called"):
            return self._typed_literal(node, target, text)
        value = self.cast(self.translate(node.this), target, node)
        return Expr(try_sql(value.sql), value.type) if isinstance(node, exp.TryCast) else value

    def _at_time_zone(self, node: exp.AtTimeZone) -> Expr:
        return self._called("at_timezone", [node.this, node.args["zone"]], node)

    def _extract(self, node: exp.Extract) -> Expr:
        value = self.translate(node.expression)
        found = date_field(node.name.lower(), value)
        if found is None:
            if node.name.lower().startswith("timezone") or value.type.name.startswith("interval"):
                raise self.unsupported(f"EXTRACT({node.name.upper()} FROM {value.type})", node)
            code = "SYNTAX_ERROR" if node.name.lower() == "epoch" else "TYPE_MISMATCH"
            raise self.failure(code, f"Cannot extract {node.name.lower()} from {value.type}", node)
        return found

    def _trim(self, node: exp.Trim) -> Expr:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
        return self._called(name, [node.this, node.expression], node)

    def _substring(self, node: exp.Substring) -> Expr:
        return self._called("substr", [node.this, node.args.get("start"), node.args.get("length")], node)

    def _position(self, node: exp.StrPosition) -> Expr:
        return self._called("strpos", [node.this, node.args["substr"]], node)

    def _called(self, name: str, parts: list[Node | None], node: Node) -> Expr:
        """A function that has a syntax of its own."""
        raw = [part for part in parts if part is not None]
        return SCALARS[name](Call(name, [self.translate(part) for part in raw], raw, node, self))

    def _bracket(self, node: exp.Bracket) -> Expr:
        base = self.translate(node.this)
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            raise self.failure("SYNTAX_ERROR", "a subscript is one expression", node)
        index = self.translate(node.expressions[0])
        if base.type.name == "map":
            key, kind = coerce(index, base.type.args[0]).sql, base.type.args[1]
            missing = fail_sql(
                "INVALID_FUNCTION_ARGUMENT", f"'Key not present in map: ' || CAST({key} AS VARCHAR)", to_duckdb(kind)
            )
            return Expr(
                f"CASE WHEN {base.sql} IS NULL OR {key} IS NULL THEN NULL "
                f"WHEN NOT list_contains(map_keys({base.sql}), {key}) THEN {missing} ELSE ({base.sql})[{key}] END",
                kind,
            )
        if base.type.name == "row":
            if not isinstance(index.literal, int):
                raise self.failure("TYPE_MISMATCH", "Subscript expression on ROW requires a constant index", node)
            if not 1 <= index.literal <= len(base.type.args):
                text = f"Subscript index out of bounds: {index.literal}, max value is {len(base.type.args)}"
                raise self.failure("INVALID_FUNCTION_ARGUMENT", text, node)
            return self._row_item(base, index.literal - 1)
        if base.type.name != "array" or not index.type.is_integer:
            raise self.failure("TYPE_MISMATCH", f"Cannot use {index.type} for subscript of {base.type}", node)
        return self._array_item(base, coerce(index, t.BIGINT).sql)

    @staticmethod
    def _array_item(base: Expr, index: str) -> Expr:
        kind = to_duckdb(base.type.element)

        def fails(text: str) -> str:
            return fail_sql("INVALID_FUNCTION_ARGUMENT", text, kind)

        beyond = (
            f"'Array subscript must be less than or equal to array length: ' || {index} || ' > ' || len({base.sql})"
        )
        zero, negative = fails("'SQL array indices start at 1'"), fails(f"'Array subscript is negative: ' || {index}")
        return Expr(
            f"CASE WHEN {base.sql} IS NULL OR {index} IS NULL THEN NULL WHEN {index} = 0 THEN {zero} "
            f"WHEN {index} < 0 THEN {negative} WHEN {index} > len({base.sql}) THEN {fails(beyond)} "
            f"ELSE ({base.sql})[{index}] END",
            base.type.element,
        )

    def _array(self, node: exp.Array) -> Expr:
        if not node.expressions:
            return Expr("CAST([] AS INTEGER[])", array(t.UNKNOWN))
        values, kind = self.unify([self.translate(item) for item in node.expressions], node)
        return Expr(f"[{', '.join(value.sql for value in values)}]", array(kind))

    def _row(self, values: list[Expr]) -> Expr:
        kind = t.row([(None, value.type) for value in values])
        fields = ", ".join(f'"{t.row_field(kind, i)}" := {value.sql}' for i, value in enumerate(values))
        return Expr(f"struct_pack({fields})", kind)

    def _session(self, node: exp.CurrentCatalog | exp.CurrentSchema) -> Expr:
        # Who CURRENT_USER is, AWS documents nowhere.
        name = CATALOG if isinstance(node, exp.CurrentCatalog) else self.queries.schema
        return Expr(text_literal(name) if name else "NULL", t.VARCHAR, name)

    def _tuple(self, node: exp.Tuple) -> Expr:
        return self._row([self.translate(item) for item in node.expressions])


_HANDLERS: dict[type[Any], Callable[[Expressions, Any], Expr]] = {
    exp.Literal: Expressions._literal, exp.Boolean: Expressions._boolean, exp.Null: Expressions._null,
    exp.HexString: Expressions._hex, exp.Column: Expressions._column,
    exp.Identifier: Expressions._identifier, exp.Dot: Expressions._dot, exp.Paren: Expressions._paren,
    exp.And: Expressions._logical, exp.Or: Expressions._logical, exp.Not: Expressions._not,
    exp.Neg: Expressions._negative, exp.DPipe: Expressions._concat, exp.Is: Expressions._is,
    exp.NullSafeEQ: Expressions._distinct_from, exp.NullSafeNEQ: Expressions._distinct_from,
    exp.Between: Expressions._between, exp.In: Expressions._in, exp.Like: Expressions._like,
    exp.Escape: Expressions._escape, exp.Case: Expressions._case, exp.If: Expressions._if,
    exp.Cast: Expressions._cast, exp.TryCast: Expressions._cast, exp.Interval: Expressions._interval,
    exp.AtTimeZone: Expressions._at_time_zone, exp.Extract: Expressions._extract, exp.Trim: Expressions._trim,
    exp.Substring: Expressions._substring, exp.StrPosition: Expressions._position,
    exp.Bracket: Expressions._bracket, exp.Array: Expressions._array, exp.Tuple: Expressions._tuple,
    exp.Subquery: Expressions._scalar_query, exp.Select: Expressions._scalar_query, exp.Exists: Expressions._exists,
    exp.Window: Expressions._window_node, exp.Filter: Expressions.aggregate, exp.WithinGroup: Expressions.aggregate,
    exp.IgnoreNulls: Expressions.aggregate, exp.RespectNulls: Expressions.aggregate,
    exp.Anonymous: Expressions.function, exp.CurrentDate: Expressions._current_date,
    exp.CurrentTimestamp: Expressions._current_timestamp, exp.Localtimestamp: Expressions._local_timestamp,
    exp.ParseJSON: Expressions._json, exp.CurrentCatalog: Expressions._session, exp.CurrentSchema: Expressions._session,
    **dict.fromkeys(COMPARISONS, Expressions._comparison),
    **dict.fromkeys(ARITHMETIC, Expressions._arithmetic),
}  # fmt: skip
