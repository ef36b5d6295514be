"""Scalar expressions: from sqlglot's tree of Trino SQL to DuckDB SQL with Trino's types.

Every node is translated on purpose: a kind of node, a function or a pair of types that is not written down here fails
as Trino would fail it, or with NOT_SUPPORTED. Nothing is passed through to DuckDB's own reading.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.casts import CannotCast, Expr, cast_sql, coerce, try_sql
from localaws.athena.duck import fail_sql
from localaws.athena.errors import QueryFailed, failure
from localaws.athena.functions import AGGREGATES, SCALARS, WINDOW_FUNCTIONS, AggregateCall, Call
from localaws.athena.functions.dates import field as date_field
from localaws.athena.syntax import identifier, position, text_literal
from localaws.athena.types import Type, array, decimal, to_duckdb

if TYPE_CHECKING:
    from localaws.athena.queries import Queries


@dataclass(frozen=True)
class Field:
    """A column that expressions may name: its lower-case name, type, DuckDB SQL, and the prefixes it answers to."""

    name: str
    type: Type
    sql: str
    qualifiers: tuple[tuple[str, ...], ...] = ()
    hidden: bool = False


@dataclass
class Scope:
    """The columns in sight; `parent` is the enclosing query's scope, for correlated subqueries."""

    fields: list[Field] = field(default_factory=list)
    parent: Scope | None = None


_COMPARISONS: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expression], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
}  # fmt: skip
_UNORDERED = ("map", "json", "row", "array")


class Expressions:
    """Translates the expressions of one query level. `aggregates` says whether an aggregate was met; `loose` holds the
    column references that stand outside any aggregate."""

    def __init__(self, queries: Queries, scope: Scope) -> None:
        self.queries = queries
        self.scope = scope
        self.lambdas: list[dict[str, Expr]] = []
        self.aliases: dict[str, Expr] = {}
        self.windows: dict[str, exp.Window] = {}
        self.grouped: set[str] = set()
        self.aggregates = False
        self.inside_aggregate = False
        self.loose: list[exp.Expression] = []

    def failure(self, code: str, text: str, node: exp.Expression) -> QueryFailed:
        """A failure at a node's place in the text."""
        return failure(code, text, *position(node, self.queries.sql))

    def unsupported(self, text: str, node: exp.Expression) -> QueryFailed:
        return self.failure("NOT_SUPPORTED", text, node)

    def now(self) -> Expr:
        """current_timestamp: the moment the query was planned, for all of the query."""
        moment = self.queries.analysis.now
        text = moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
        return Expr(f"TIMESTAMPTZ '{text}+00'", t.TIMESTAMP_TZ)

    def zone(self, name: str, node: exp.Expression) -> str:
        """A time zone that exists, or INVALID_FUNCTION_ARGUMENT."""
        try:
            ZoneInfo(name)
        except Exception as error:
            raise self.failure("INVALID_FUNCTION_ARGUMENT", f"'{name}' is not a valid time zone", node) from error
        return name

    # --- entry points

    def translate(self, node: exp.Expression) -> Expr:
        """DuckDB SQL and Trino type of an expression."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise self.unsupported(f"the expression {node.sql(dialect='trino')}", node)
        before = len(self.loose)
        result = handler(self, node)
        if result.sql in self.grouped:
            del self.loose[before:]
        return result

    def boolean(self, node: exp.Expression, what: str) -> str:
        """SQL of a condition; TYPE_MISMATCH when it is none."""
        value = self.translate(node)
        if value.type.name not in ("boolean", "unknown"):
            raise self.failure("TYPE_MISMATCH", f"{what} must evaluate to a boolean: actual type {value.type}", node)
        return coerce(value, t.BOOLEAN).sql

    def unify(self, values: Sequence[Expr], node: exp.Expression) -> tuple[list[Expr], Type]:
        """The values coerced to one type, or TYPE_MISMATCH."""
        kind = values[0].type
        for value in values[1:]:
            common = t.common_type(kind, value.type)
            if common is None:
                raise self.failure("TYPE_MISMATCH", f"All operands must be the same type: {kind}", node)
            kind = common
        return [coerce(value, kind) for value in values], kind

    # --- names

    def column(self, parts: list[str], node: exp.Expression) -> Expr:
        """A possibly qualified name, or a row's field: `x`, `t.x`, `db.t.x`, `t.r.field`."""
        names = [part.lower() for part in parts]
        for frame in reversed(self.lambdas):
            if names[0] in frame:
                return self._dereference(frame[names[0]], names[1:], node)
        if len(names) == 1 and names[0] in self.aliases:
            if self.inside_aggregate:
                raise self.failure(
                    "SYNTAX_ERROR", "Invalid reference to output projection attribute from ORDER BY aggregation", node
                )
            return self.aliases[names[0]]
        scope: Scope | None = self.scope
        while scope is not None:
            for taken in range(len(names), 0, -1):
                found = self._match(scope, names[:taken], node)
                if found is not None:
                    if scope is self.scope and not self.inside_aggregate:
                        self.loose.append(node)
                    return self._dereference(Expr(found.sql, found.type), names[taken:], node)
            scope = scope.parent
        raise self.failure("COLUMN_NOT_FOUND", self._missing(".".join(parts)), node)

    @staticmethod
    def _missing(name: str) -> str:
        return f"Column '{name}' cannot be resolved or requester is not authorized to access requested resources"

    def _match(self, scope: Scope, names: list[str], node: exp.Expression) -> Field | None:
        prefix, name = tuple(names[:-1]), names[-1]
        found = [
            candidate
            for candidate in scope.fields
            if candidate.name == name and (not prefix or any(q[-len(prefix) :] == prefix for q in candidate.qualifiers))
        ]
        if len(found) > 1:
            raise self.failure("AMBIGUOUS_NAME", f"Column '{'.'.join(names)}' is ambiguous", node)
        return found[0] if found else None

    def _dereference(self, base: Expr, path: list[str], node: exp.Expression) -> Expr:
        for step in path:
            if base.type.name != "row":
                raise self.failure("TYPE_MISMATCH", f"Expression is not of type ROW: {base.type}", node)
            matching = [i for i, (name, _) in enumerate(base.type.args) if name is not None and name.lower() == step]
            if len(matching) != 1:
                raise self.failure("COLUMN_NOT_FOUND", self._missing(step), node)
            base = self._row_item(base, matching[0])
        return base

    @staticmethod
    def _row_item(base: Expr, index: int) -> Expr:
        return Expr(f"struct_extract({base.sql}, '{t.row_field(base.type, index)}')", base.type.args[index][1])

    # --- operators

    def arithmetic(self, operator: str, a: Expr, b: Expr, node: exp.Expression) -> Expr:
        """`a operator b` for + - * / %, with Trino's result types, rounding, and errors for overflow and zero."""
        if a.type.name == "unknown" and b.type.is_numeric:
            a = coerce(a, b.type)
        elif b.type.name == "unknown" and a.type.is_numeric:
            b = coerce(b, a.type)
        if a.type.is_numeric and b.type.is_numeric:
            names = {a.type.name, b.type.name}
            if names & {"double", "real"}:
                kind = t.DOUBLE if "double" in names else t.REAL
                sql = f"({coerce(a, kind).sql} {operator} {coerce(b, kind).sql})"
                return Expr(f"CAST({sql} AS FLOAT)" if kind == t.REAL else sql, kind)
            if "decimal" in names:
                return self._decimal_arithmetic(operator, a, b)
            values, kind = self.unify([a, b], node)
            symbol = "//" if operator == "/" else operator
            return Expr(f"CAST({values[0].sql} {symbol} {values[1].sql} AS {to_duckdb(kind)})", kind)
        result = self._moment_arithmetic(operator, a, b, node)
        if result is None:
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {operator} {b.type}", node)
        return result

    def _decimal_arithmetic(self, operator: str, a: Expr, b: Expr) -> Expr:
        # Precision and scale: https://trino.io/docs/current/functions/decimal.html
        x, y = t.as_decimal(a.type), t.as_decimal(b.type)
        p1, s1, p2, s2 = x.precision, x.scale, y.precision, y.scale
        scale = max(s1, s2)
        left, right = coerce(a, x).sql, coerce(b, y).sql
        if operator == "/":
            kind = decimal(p1 + s2 + max(0, s2 - s1), scale)
            shift = 10 ** (scale - s1 + s2)
            numerator = f"(t_unscaled({left}) * CAST({shift} AS HUGEINT))"
            return Expr(self.scaled(f"t_div_half_up({numerator}, t_unscaled({right}))", kind), kind)
        if operator == "*":
            kind = decimal(p1 + p2, s1 + s2)
            if kind.precision > 18:
                left = f"CAST({left} AS DECIMAL({kind.precision},{s1}))" if s1 <= kind.precision else left
        elif operator == "%":
            kind = decimal(max(1, min(p2 - s2, p1 - s1) + scale), scale)
        else:
            kind = decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
            wide = f"DECIMAL({kind.precision},{scale})"
            left, right = f"CAST({left} AS {wide})", f"CAST({right} AS {wide})"
        return Expr(f"CAST(({left} {operator} {right}) AS {to_duckdb(kind)})", kind)

    @staticmethod
    def scaled(unscaled: str, kind: Type) -> str:
        """SQL of the decimal whose digits without the point are the HUGEINT `unscaled`."""
        whole = f"CAST({unscaled} AS DECIMAL(38,0))"
        if kind.scale:
            step = "0." + "1".rjust(kind.scale, "0")
            whole = f"({whole} * CAST('{step}' AS DECIMAL({kind.scale},{kind.scale})))"
        return f"CAST({whole} AS {to_duckdb(kind)})"

    def _moment_arithmetic(self, operator: str, a: Expr, b: Expr, node: exp.Expression) -> Expr | None:
        moments = ("date", "timestamp", "timestamp with time zone")
        if operator == "+" and a.type.name.startswith("interval") and b.type.name in moments:
            a, b = b, a
        if operator in "+-" and a.type.name in moments and b.type.name.startswith("interval"):
            if a.type.name == "date":
                if isinstance(b.literal, dt.timedelta) and b.literal.seconds:
                    raise self.failure(
                        "INVALID_FUNCTION_ARGUMENT", "Cannot add hour, minutes or seconds to a date", node
                    )
                return Expr(f"CAST(({a.sql} {operator} {b.sql}) AS DATE)", t.DATE)
            if a.type.name == "timestamp with time zone":
                if b.type == t.INTERVAL_YEAR and a.type.zone != "UTC":
                    local = f"timezone('{a.type.zone}', {a.sql})"
                    return Expr(f"timezone('{a.type.zone}', {local} {operator} {b.sql})", a.type)
                moment = f"timezone('UTC', {a.sql}) {operator} {b.sql}"
                return Expr(f"timezone('UTC', {moment})", a.type)
            return Expr(f"({a.sql} {operator} {b.sql})", a.type)
        if operator == "-" and a.type.name in moments and b.type.name in moments:
            values, _ = self.unify([a, b], node)
            ends = [f"CAST({value.sql} AS TIMESTAMP)" if value.type == t.DATE else value.sql for value in values]
            return Expr(f"to_microseconds(epoch_us({ends[0]}) - epoch_us({ends[1]}))", t.INTERVAL_DAY)
        if a.type == b.type and a.type.name.startswith("interval") and operator in "+-":
            return Expr(f"({a.sql} {operator} {b.sql})", a.type)
        if operator == "*" and b.type.name.startswith("interval"):
            a, b = b, a
        if operator == "*" and a.type.name.startswith("interval") and b.type.is_integer:
            return Expr(f"({a.sql} * {b.sql})", a.type)
        return None

    def concatenate(self, a: Expr, b: Expr, node: exp.Expression) -> Expr:
        """`a || b` for text, arrays and binary."""
        if a.type.name == "array" or b.type.name == "array":
            whole = a.type if a.type.name == "array" else b.type
            sides = [x if x.type.name == "array" else Expr(f"[{x.sql}]", array(x.type)) for x in (a, b)]
            if whole.name == "array":
                values, kind = self.unify(sides, node)
                absent = " OR ".join(f"{value.sql} IS NULL" for value in values)
                joined = f"list_concat({values[0].sql}, {values[1].sql})"
                return Expr(f"CASE WHEN {absent} THEN NULL ELSE {joined} END", kind)
        if a.type == b.type == t.VARBINARY:
            return Expr(f"({a.sql} || {b.sql})", t.VARBINARY)
        for value in (a, b):
            if not value.type.is_text and value.type.name != "unknown":
                raise self.failure(
                    "FUNCTION_NOT_FOUND", f"Unexpected parameters ({a.type}, {b.type}) for function concat", node
                )
        literal = a.literal + b.literal if isinstance(a.literal, str) and isinstance(b.literal, str) else None
        return Expr(f"({coerce(a, t.VARCHAR).sql} || {coerce(b, t.VARCHAR).sql})", t.VARCHAR, literal)

    def comparison(self, operator: str, a: Expr, b: Expr, node: exp.Expression) -> Expr:
        """`a operator b` for = <> < <= > >=."""
        kind = t.common_type(a.type, b.type)
        if kind is None or kind.name in ("map", "json"):
            raise self.failure("TYPE_MISMATCH", f"Cannot apply operator: {a.type} {operator} {b.type}", node)
        if kind.name in ("row", "array"):
            raise self.unsupported(f"{operator} between values of type {kind}", node)
        left, right = coerce(a, kind).sql, coerce(b, kind).sql
        if kind.name in ("double", "real") and operator != "<>":
            return Expr(self._number_comparison(operator, a, b, left, right), t.BOOLEAN)
        return Expr(f"({left} {operator} {right})", t.BOOLEAN)

    @staticmethod
    def _number_comparison(operator: str, a: Expr, b: Expr, left: str, right: str) -> str:
        """DuckDB holds NaN for the greatest number and equal to itself; to Trino no comparison with NaN is true."""
        guards = []
        if operator in (">", ">=", "=") and a.literal is None and not (operator == "=" and b.literal is not None):
            guards.append(f"{left} <= CAST('Infinity' AS DOUBLE)")
        if operator in ("<", "<=", "=") and b.literal is None and not (operator == "=" and a.literal is not None):
            guards.append(f"{right} <= CAST('Infinity' AS DOUBLE)")
        return f"({' AND '.join([f'{left} {operator} {right}', *guards])})"

    def cast(self, value: Expr, target: Type, node: exp.Expression) -> Expr:
        """CAST(value AS target)."""
        try:
            return Expr(cast_sql(value, target), target)
        except CannotCast as error:
            raise self.failure("TYPE_MISMATCH", f"Cannot cast {value.type} to {target}", node) from error

    def lambda_(self, node: exp.Expression, kinds: list[Type], at: exp.Expression) -> tuple[list[str], Expr]:
        """A lambda's DuckDB parameter names and its body, given its parameters' types."""
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(kinds):
            raise self.failure("TYPE_MISMATCH", "a lambda with a matching number of arguments is expected", at)
        names = [f"l{self.queries.analysis.next()}" for _ in kinds]
        self.lambdas.append(
            {identifier(p): Expr(n, kind) for p, n, kind in zip(node.expressions, names, kinds, strict=True)}
        )
        try:
            return names, self.translate(node.this)
        finally:
            self.lambdas.pop()

    # --- functions

    def function(self, node: exp.Anonymous) -> Expr:
        """A call by name."""
        name = node.name.lower()
        if name in AGGREGATES or name in WINDOW_FUNCTIONS:
            return self.aggregate(node)
        if name == "if":
            return self._if(node.expressions, node)
        if name == "row":
            return self._row([self.translate(item) for item in node.expressions])
        if name == "grouping":
            columns = [self.translate(item).sql for item in node.expressions]
            return Expr(f"CAST(grouping({', '.join(columns)}) AS BIGINT)", t.BIGINT)
        handler = SCALARS.get(name)
        if handler is None:
            raise self.failure("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", node)
        args = [self._argument(item) for item in node.expressions]
        return handler(Call(name, args, list(node.expressions), node, self))  # type: ignore[arg-type]

    def _argument(self, node: exp.Expression) -> Expr | None:
        return None if isinstance(node, exp.Lambda) else self.translate(node)

    def aggregate(self, node: exp.Expression, over: exp.Window | None = None) -> Expr:
        """An aggregate or window function with its DISTINCT, ORDER BY, FILTER, NULLS and OVER."""
        filtered: exp.Expression | None = None
        within: exp.Expression | None = None
        nulls = ""
        while not isinstance(node, exp.Anonymous):
            if isinstance(node, exp.Filter):
                filtered, node = node.expression.this, node.this
            elif isinstance(node, exp.WithinGroup):
                within, node = node.expression, node.this
            elif isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
                nulls = " IGNORE NULLS" if isinstance(node, exp.IgnoreNulls) else ""
                node = node.this
            else:
                raise self.unsupported(f"{node.sql(dialect='trino')} OVER", node)
        name = node.name.lower()
        handler = (WINDOW_FUNCTIONS.get(name) if over is not None else None) or AGGREGATES.get(name)
        if handler is None:
            if name in SCALARS or name in WINDOW_FUNCTIONS:
                raise self.failure(
                    "SYNTAX_ERROR",
                    f"Window function {name} requires an OVER clause"
                    if name in WINDOW_FUNCTIONS
                    else f"Cannot use OVER with the function {name}",
                    node,
                )
            raise self.failure("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", node)
        if self.inside_aggregate and over is None:
            raise self.failure("NESTED_AGGREGATION", f"Cannot nest aggregations inside aggregation '{name}'", node)
        if over is None:
            self.aggregates = True
        call = AggregateCall(name, [], [], node, self)
        was_inside, self.inside_aggregate = self.inside_aggregate, over is None or self.inside_aggregate
        try:
            self._aggregate_arguments(call, node, within)
            if filtered is not None:
                call.suffix += f" FILTER (WHERE {self.boolean(filtered, 'Filter expression')})"
        finally:
            self.inside_aggregate = was_inside
        if nulls:
            if name not in ("lag", "lead", "first_value", "last_value", "nth_value"):
                raise self.failure("SYNTAX_ERROR", f"Cannot specify null treatment clause for {name} function", node)
            call.order = nulls
        if over is not None:
            call.suffix += f" OVER ({self._window(over)})"
        return handler(call)

    def _aggregate_arguments(self, call: AggregateCall, node: exp.Anonymous, within: exp.Expression | None) -> None:
        raw = list(node.expressions)
        order: exp.Expression | None = within
        if raw and isinstance(raw[-1], exp.Order) and raw[-1].this is not None:
            order = raw[-1]
            raw[-1] = raw[-1].this
        if len(raw) == 1 and isinstance(raw[0], exp.Distinct):
            call.distinct = True
            raw = list(raw[0].expressions)
            if raw and isinstance(raw[-1], exp.Order):
                order = raw[-1]
                raw[-1] = raw[-1].this
        if len(raw) == 1 and isinstance(raw[0], exp.Star):
            if call.name != "count":
                raise self.failure("SYNTAX_ERROR", "the argument * is for count only", node)
            call.star = True
            return
        call.raw = raw
        call.args = [self.translate(item) for item in raw]
        if call.distinct and len(call.args) != 1:
            raise self.unsupported(f"DISTINCT over {len(call.args)} arguments", node)
        if order is not None:
            call.order = "ORDER BY " + ", ".join(self.ordering(item) for item in order.expressions)

    def ordering(self, node: exp.Expression) -> str:
        """One ORDER BY item as SQL; NULLs come last unless the query says otherwise."""
        if not isinstance(node, exp.Ordered):
            raise self.unsupported(f"ORDER BY {node.sql(dialect='trino')}", node)
        value = self.translate(node.this)
        if value.type.name in ("map", "json"):
            raise self.failure("TYPE_MISMATCH", f"Type {value.type} is not orderable", node)
        return value.sql + self.direction(node)

    @staticmethod
    def direction(node: exp.Ordered) -> str:
        """` ASC NULLS LAST`, and so on."""
        return (
            f" {'DESC' if node.args.get('desc') else 'ASC'} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"
        )

    def _window(self, node: exp.Window) -> str:
        parts: list[str] = []
        named = node.args.get("alias")
        base = None
        if named is not None:
            base = self.windows.get(identifier(named))
            if base is None:
                raise self.failure("SYNTAX_ERROR", f"Cannot resolve WINDOW name {identifier(named)}", node)
        partition = node.args.get("partition_by") or (base.args.get("partition_by") if base else None)
        order = node.args.get("order") or (base.args.get("order") if base else None)
        spec = node.args.get("spec") or (base.args.get("spec") if base else None)
        if partition:
            parts.append("PARTITION BY " + ", ".join(self.translate(item).sql for item in partition))
        if order:
            parts.append("ORDER BY " + ", ".join(self.ordering(item) for item in order.expressions))
        if spec:
            parts.append(self._frame(spec))
        return " ".join(parts)

    def _frame(self, spec: exp.Expression) -> str:
        if spec.args.get("exclude"):
            raise self.unsupported("EXCLUDE in a window frame", spec)
        kind = str(spec.args.get("kind") or "").upper()
        if kind not in ("ROWS", "RANGE", "GROUPS"):
            raise self.unsupported(f"the window frame {kind}", spec)
        bounds = []
        for end in ("start", "end"):
            value, side = spec.args.get(end), spec.args.get(f"{end}_side")
            if value is None:
                continue
            text = self.translate(value).sql if isinstance(value, exp.Expression) else str(value).upper()
            bounds.append(f"{text} {str(side).upper()}" if side else text)
        frame = f"BETWEEN {bounds[0]} AND {bounds[1]}" if len(bounds) == 2 else bounds[0]
        return f"{kind} {frame}"

    # --- handlers of nodes

    def _literal(self, node: exp.Literal) -> Expr:
        text = node.name
        if node.is_string:
            return Expr(text_literal(text), t.varchar(len(text)), text)
        return self.number(text, node)

    def number(self, text: str, node: exp.Expression) -> Expr:
        """A numeric literal: integer, bigint, decimal, or double when it has an exponent."""
        if re.fullmatch(r"\d+", text):
            value = int(text)
            if value >= 2**63:
                raise self.failure("INVALID_LITERAL", f"Invalid numeric literal: {text}", node)
            kind = t.INTEGER if value < 2**31 else t.BIGINT
            return Expr(text, kind, value)
        if "e" in text.lower():
            return Expr(f"CAST('{text}' AS DOUBLE)", t.DOUBLE, float(text))
        return self._decimal_literal(text, node)

    def _decimal_literal(self, text: str, node: exp.Expression) -> Expr:
        match = re.fullmatch(r"([+-]?)0*(\d*)\.?(\d*)", text.replace("_", ""))
        if match is None or not (match[2] or match[3] or "0" in text):
            raise self.failure("INVALID_LITERAL", f"'{text}' is not a valid DECIMAL literal", node)
        scale = len(match[3])
        precision = max(len(match[2]) + scale, 1)
        if precision > t.MAX_DECIMAL:
            raise self.failure("INVALID_LITERAL", f"Invalid decimal literal '{text}'", node)
        kind = decimal(precision, scale)
        return Expr(f"CAST('{text}' AS {to_duckdb(kind)})", kind, text)

    def _negative(self, node: exp.Neg) -> Expr:
        value = self.translate(node.this)
        if value.type.is_numeric or value.type.name.startswith("interval"):
            literal = value.literal
            if (isinstance(literal, int | float) and not isinstance(literal, bool)) or isinstance(
                literal, dt.timedelta
            ):
                literal = -literal
            else:
                literal = None
            return Expr(f"(-{value.sql})", value.type, literal)
        raise self.failure("TYPE_MISMATCH", f"Cannot negate {value.type}", node)

    def _column(self, node: exp.Column) -> Expr:
        parts = [part.name for part in node.parts]
        return self.column(parts, node)

    def _identifier(self, node: exp.Identifier) -> Expr:
        return self.column([node.name], node)

    def _dot(self, node: exp.Dot) -> Expr:
        names: list[str] = []
        base: exp.Expression = node
        while isinstance(base, exp.Dot):
            names.insert(0, base.expression.name)
            base = base.this
        if isinstance(base, exp.Identifier):
            return self.column([base.name, *names], node)
        if isinstance(base, exp.Column):
            return self.column([*(part.name for part in base.parts), *names], node)
        return self._dereference(self.translate(base), [name.lower() for name in names], node)

    def _paren(self, node: exp.Paren) -> Expr:
        inner = self.translate(node.this)
        return Expr(f"({inner.sql})" if inner.literal is None else inner.sql, inner.type, inner.literal)

    def _logical(self, node: exp.And | exp.Or) -> Expr:
        word = "AND" if isinstance(node, exp.And) else "OR"
        sides = [self.boolean(side, "Logical expression term") for side in (node.this, node.expression)]
        return Expr(f"({sides[0]} {word} {sides[1]})", t.BOOLEAN)

    def _not(self, node: exp.Not) -> Expr:
        return Expr(f"(NOT {self.boolean(node.this, 'Value of logical NOT expression')})", t.BOOLEAN)

    def _comparison(self, node: exp.Binary) -> Expr:
        operator = _COMPARISONS[type(node)]
        right = node.expression
        if isinstance(right, exp.Any | exp.All):
            return self._quantified(operator, node, right)
        if isinstance(node.this, exp.Tuple) and isinstance(right, exp.Tuple):
            return self._tuple_comparison(operator, node.this, right, node)
        return self.comparison(operator, self.translate(node.this), self.translate(right), node)

    def _tuple_comparison(self, operator: str, a: exp.Tuple, b: exp.Tuple, node: exp.Expression) -> Expr:
        if operator not in ("=", "<>") or len(a.expressions) != len(b.expressions):
            raise self.unsupported(f"{operator} between rows", node)
        pairs = [
            self.comparison("=", self.translate(x), self.translate(y), node).sql
            for x, y in zip(a.expressions, b.expressions, strict=True)
        ]
        equal = f"({' AND '.join(pairs)})"
        return Expr(equal if operator == "=" else f"(NOT {equal})", t.BOOLEAN)

    def _quantified(self, operator: str, node: exp.Binary, right: exp.Expression) -> Expr:
        value = self.translate(node.this)
        inner = right.this
        query = self.queries.subquery(inner.this if isinstance(inner, exp.Subquery | exp.Paren) else inner, self.scope)
        if len(query.columns) != 1:
            raise self.failure("SYNTAX_ERROR", "Multiple columns returned by subquery are not yet supported", node)
        kind = t.common_type(value.type, query.columns[0].type)
        if kind is None:
            raise self.failure(
                "TYPE_MISMATCH", f"Cannot apply operator: {value.type} {operator} {query.columns[0].type}", node
            )
        word = "ALL" if isinstance(right, exp.All) else "ANY"
        return Expr(f"({coerce(value, kind).sql} {operator} {word} ({query.coerced([kind])}))", t.BOOLEAN)

    def _arithmetic(self, node: exp.Binary) -> Expr:
        return self.arithmetic(
            _ARITHMETIC[type(node)], self.translate(node.this), self.translate(node.expression), node
        )

    def _concat(self, node: exp.DPipe) -> Expr:
        return self.concatenate(self.translate(node.this), self.translate(node.expression), node)

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
        if isinstance(node.this, exp.Tuple):
            equal = [self._tuple_comparison("=", node.this, item, node).sql for item in node.expressions]
            return Expr(f"({' OR '.join(equal)})", t.BOOLEAN)
        values, kind = self.unify([self.translate(item) for item in (node.this, *node.expressions)], node)
        if kind.name in _UNORDERED:
            raise self.unsupported(f"IN over values of type {kind}", node)
        return Expr(f"({values[0].sql} IN ({', '.join(value.sql for value in values[1:])}))", t.BOOLEAN)

    def _in_query(self, node: exp.In, query: exp.Expression) -> Expr:
        inner = self.queries.subquery(query.this if isinstance(query, exp.Subquery) else query, self.scope)
        sides = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
        values = [self.translate(side) for side in sides]
        if len(values) != len(inner.columns):
            raise self.failure(
                "TYPE_MISMATCH", "the value and the result of the subquery must have as many columns", node
            )
        kinds = []
        for value, column in zip(values, inner.columns, strict=True):
            kind = t.common_type(value.type, column.type)
            if kind is None or kind.name in _UNORDERED:
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
        return Expr(f"({texts[0]} LIKE {texts[1]}{escape})", t.BOOLEAN)

    def _escape(self, node: exp.Escape) -> Expr:
        character = self.translate(node.expression)
        if not isinstance(node.this, exp.Like) or not isinstance(character.literal, str) or len(character.literal) != 1:
            raise self.failure("INVALID_FUNCTION_ARGUMENT", "Escape string must be a single character", node)
        return self._like(node.this, f" ESCAPE {character.sql}")

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

    def _if_node(self, node: exp.If) -> Expr:
        parts = [node.this, node.args["true"], node.args.get("false")]
        return self._if([part for part in parts if part is not None], node)

    def _if(self, parts: list[exp.Expression], node: exp.Expression) -> Expr:
        if len(parts) not in (2, 3):
            raise self.failure("SYNTAX_ERROR", "Invalid number of arguments for 'if' function", node)
        condition = self.boolean(parts[0], "IF condition")
        results = [self.translate(part) for part in parts[1:]]
        if len(results) == 1:
            results.append(Expr("NULL", t.UNKNOWN))
        values, kind = self.unify(results, node)
        return Expr(f"CASE WHEN {condition} THEN {values[0].sql} ELSE {values[1].sql} END", kind)

    def _cast(self, node: exp.Cast) -> Expr:
        text = node.args["to"].meta.get("text") or node.args["to"].sql(dialect="trino")
        try:
            target = t.parse_trino(text)
        except ValueError as error:
            raise self.failure("TYPE_NOT_FOUND", f"Unknown type: {text}", node) from error
        if not node.meta.get("called"):
            return self._typed_literal(node, target, text)
        value = self.cast(self.translate(node.this), target, node)
        return Expr(try_sql(value.sql), value.type) if isinstance(node, exp.TryCast) else value

    def _typed_literal(self, node: exp.Cast, target: Type, type_text: str) -> Expr:
        if not isinstance(node.this, exp.Literal) or not node.this.is_string:
            raise self.failure("SYNTAX_ERROR", f"mismatched input in the literal of type {type_text}", node)
        text = node.this.name
        if target.name == "decimal":
            return self._decimal_literal(text, node)
        if target.name == "date":
            try:
                value = dt.date(*map(int, re.fullmatch(r"(\d{4,})-(\d{1,2})-(\d{1,2})", text.strip()).groups()))  # type: ignore[union-attr]
            except (AttributeError, ValueError) as error:
                raise self.failure("INVALID_LITERAL", f"'{text}' is not a valid DATE literal", node) from error
            return Expr(f"DATE '{value.isoformat()}'", t.DATE, text)
        if target.name.startswith("timestamp"):
            return self._timestamp_literal(text, node)
        return self.cast(Expr(text_literal(text), t.varchar(len(text)), text), target, node)

    def _timestamp_literal(self, text: str, node: exp.Expression) -> Expr:
        match = re.fullmatch(
            r"(\d{4,})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?)?\s*(\S.*)?",
            text.strip(),
        )
        invalid = self.failure("INVALID_LITERAL", f"'{text}' is not a valid TIMESTAMP literal", node)
        if match is None:
            raise invalid
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        if fraction and len(fraction) > 6:
            raise self.unsupported(f"timestamp({len(fraction)})", node)
        try:
            moment = dt.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
                                 int((fraction or "0").ljust(6, "0")))  # fmt: skip
        except ValueError as error:
            raise invalid from error
        sql = f"TIMESTAMP '{moment.isoformat(sep=' ')}'"
        precision = (len(fraction) if fraction else 0,)
        if zone is None:
            return Expr(sql, Type("timestamp", precision), text)
        if re.fullmatch(r"[+-]\d{1,2}(:\d{2})?", zone):
            offset = zone if ":" in zone else f"{zone}:00"
            if offset[1:] != "00:00":
                raise self.unsupported(f"the fixed offset {zone} of a timestamp; name a time zone", node)
            zone = "UTC"
        try:
            ZoneInfo(zone)
        except Exception as error:
            raise invalid from error
        return Expr(f"timezone('{zone}', {sql})", Type("timestamp with time zone", precision, zone), text)

    def _interval(self, node: exp.Interval) -> Expr:
        unit = node.args.get("unit")
        text = node.this.name if isinstance(node.this, exp.Literal) else None
        if text is None or unit is None:
            raise self.failure("SYNTAX_ERROR", "an interval is written INTERVAL '1' DAY", node)
        start = node.this.meta.get("start")
        if start is not None and self.queries.sql[start : start + 1] != "'":
            raise self.failure("SYNTAX_ERROR", f"mismatched input '{text}'. Expecting: '+', '-', <string>", node)
        if isinstance(unit, exp.IntervalSpan):
            span = f"{unit.this.name} TO {unit.expression.name}".upper()
            match = re.fullmatch(r"([+-]?)(\d+)-(\d+)", text)
            if span != "YEAR TO MONTH" or match is None:
                raise self.unsupported(f"INTERVAL '{text}' {span}", node)
            months = int(match[2]) * 12 + int(match[3])
            return Expr(f"to_months({'-' if match[1] == '-' else ''}{months})", t.INTERVAL_YEAR)
        name = unit.name.upper()
        seconds = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
        if name in seconds and re.fullmatch(r"[+-]?\d+(\.\d{1,3})?" if name == "SECOND" else r"[+-]?\d+", text):
            span_ = dt.timedelta(seconds=float(text) * seconds[name])
            return Expr(f"to_microseconds({span_ // dt.timedelta(microseconds=1)})", t.INTERVAL_DAY, span_)
        if name in ("MONTH", "YEAR") and re.fullmatch(r"[+-]?\d+", text):
            return Expr(f"to_months({int(text) * (12 if name == 'YEAR' else 1)})", t.INTERVAL_YEAR)
        raise self.failure("INVALID_LITERAL", f"'{text}' is not a valid INTERVAL literal", node)

    def _at_time_zone(self, node: exp.AtTimeZone) -> Expr:
        zone = self.translate(node.args["zone"])
        if not isinstance(zone.literal, str):
            raise self.unsupported("AT TIME ZONE with a zone that is not a literal", node)
        value = self.translate(node.this)
        if value.type.name not in ("timestamp", "timestamp with time zone"):
            raise self.failure(
                "TYPE_MISMATCH",
                f"Type of value must be a time or timestamp with or without time zone (actual {value.type})",
                node,
            )
        precision = value.type.args
        moment = coerce(value, Type("timestamp with time zone", precision)) if value.type.name == "timestamp" else value
        return Expr(moment.sql, Type("timestamp with time zone", precision, self.zone(zone.literal, node)))

    def _extract(self, node: exp.Extract) -> Expr:
        value = self.translate(node.expression)
        found = date_field(node.name.lower(), value)
        if found is None:
            raise self.failure("TYPE_MISMATCH", f"Cannot extract {node.name.lower()} from {value.type}", node)
        return found

    def _trim(self, node: exp.Trim) -> Expr:
        value = self.translate(node.this)
        operation = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
        if not value.type.is_text and value.type.name != "unknown":
            raise self.failure("FUNCTION_NOT_FOUND", f"Unexpected parameters ({value.type}) for function trim", node)
        text = coerce(value, t.VARCHAR).sql
        kind = Type("varchar", value.type.args) if value.type.is_text else t.VARCHAR
        characters = node.expression
        if characters is None:
            return Expr(f"{operation}({text})", kind)
        return Expr(f"{operation}({text}, {coerce(self.translate(characters), t.VARCHAR).sql})", kind)

    def _substring(self, node: exp.Substring) -> Expr:
        parts = [node.this, node.args.get("start"), node.args.get("length")]
        raw = [part for part in parts if part is not None]
        return SCALARS["substr"](Call("substr", [self.translate(part) for part in raw], raw, node, self))

    def _position(self, node: exp.StrPosition) -> Expr:
        raw = [node.this, node.args["substr"]]
        return SCALARS["strpos"](Call("strpos", [self.translate(part) for part in raw], raw, node, self))

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
            if not isinstance(index.literal, int) or not 1 <= index.literal <= len(base.type.args):
                raise self.failure("TYPE_MISMATCH", "Subscript expression on ROW requires a constant index", node)
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

    def _tuple(self, node: exp.Tuple) -> Expr:
        return self._row([self.translate(item) for item in node.expressions])

    def _scalar_query(self, node: exp.Expression) -> Expr:
        inner = node
        while isinstance(inner, exp.Subquery) and not any(inner.args.get(key) for key in ("order", "limit", "offset")):
            inner = inner.this
        query = self.queries.subquery(inner, self.scope)
        if len(query.columns) != 1:
            raise self.failure("SYNTAX_ERROR", "Multiple columns returned by subquery are not yet supported", node)
        return Expr(f"({query.sql})", query.columns[0].type)

    def _exists(self, node: exp.Exists) -> Expr:
        inner = node.this
        query = self.queries.subquery(inner.this if isinstance(inner, exp.Subquery) else inner, self.scope)
        return Expr(f"EXISTS ({query.sql})", t.BOOLEAN)

    def _window_node(self, node: exp.Window) -> Expr:
        return self.aggregate(node.this, node)

    def _current_date(self, node: exp.Expression) -> Expr:
        self._no_arguments(node)
        return Expr(f"DATE '{self.queries.analysis.now.date().isoformat()}'", t.DATE)

    def _current_timestamp(self, node: exp.Expression) -> Expr:
        self._no_arguments(node)
        return self.now()

    def _local_timestamp(self, node: exp.Expression) -> Expr:
        self._no_arguments(node)
        return Expr(f"timezone('UTC', {self.now().sql})", t.TIMESTAMP)

    def _no_arguments(self, node: exp.Expression) -> None:
        if node.args.get("this") is not None:
            raise self.unsupported(f"{node.sql(dialect='trino')} with a precision", node)

    def _hex(self, node: exp.HexString) -> Expr:
        text = node.name.replace(" ", "")
        if not re.fullmatch(r"([0-9A-Fa-f]{2})*", text):
            raise self.failure("INVALID_LITERAL", "Binary literal can only contain hexadecimal digits", node)
        return Expr(f"unhex('{text}')", t.VARBINARY)

    def _boolean(self, node: exp.Boolean) -> Expr:
        return Expr("TRUE" if node.this else "FALSE", t.BOOLEAN, bool(node.this))

    def _null(self, node: exp.Null) -> Expr:
        return Expr("NULL", t.UNKNOWN)


_HANDLERS: dict[type[Any], Callable[[Expressions, Any], Expr]] = {
    exp.Literal: Expressions._literal,
    exp.Boolean: Expressions._boolean,
    exp.Null: Expressions._null,
    exp.HexString: Expressions._hex,
    exp.Column: Expressions._column,
    exp.Identifier: Expressions._identifier,
    exp.Dot: Expressions._dot,
    exp.Paren: Expressions._paren,
    exp.And: Expressions._logical,
    exp.Or: Expressions._logical,
    exp.Not: Expressions._not,
    exp.Neg: Expressions._negative,
    exp.DPipe: Expressions._concat,
    exp.Is: Expressions._is,
    exp.NullSafeEQ: Expressions._distinct_from,
    exp.NullSafeNEQ: Expressions._distinct_from,
    exp.Between: Expressions._between,
    exp.In: Expressions._in,
    exp.Like: Expressions._like,
    exp.Escape: Expressions._escape,
    exp.Case: Expressions._case,
    exp.If: Expressions._if_node,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Interval: Expressions._interval,
    exp.AtTimeZone: Expressions._at_time_zone,
    exp.Extract: Expressions._extract,
    exp.Trim: Expressions._trim,
    exp.Substring: Expressions._substring,
    exp.StrPosition: Expressions._position,
    exp.Bracket: Expressions._bracket,
    exp.Array: Expressions._array,
    exp.Tuple: Expressions._tuple,
    exp.Subquery: Expressions._scalar_query,
    exp.Select: Expressions._scalar_query,
    exp.Exists: Expressions._exists,
    exp.Window: Expressions._window_node,
    exp.Filter: Expressions.aggregate,
    exp.WithinGroup: Expressions.aggregate,
    exp.IgnoreNulls: Expressions.aggregate,
    exp.RespectNulls: Expressions.aggregate,
    exp.Anonymous: Expressions.function,
    exp.CurrentDate: Expressions._current_date,
    exp.CurrentTimestamp: Expressions._current_timestamp,
    exp.Localtimestamp: Expressions._local_timestamp,
    **dict.fromkeys(_COMPARISONS, Expressions._comparison),
    **dict.fromkeys(_ARITHMETIC, Expressions._arithmetic),
}
