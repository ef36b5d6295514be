"""Aggregate and window function calls, with everything that may be written around their arguments."""

from __future__ import annotations

from sqlglot import exp

from localaws.athena.casts import Expr
from localaws.athena.functions.aggregates import AggregateCall
from localaws.athena.functions.library import AGGREGATES, SCALARS, WINDOW_FUNCTIONS
from localaws.athena.functions.registry import trino_has
from localaws.athena.syntax import Node
from localaws.athena.translator import Translator


class Aggregation(Translator):
    """DISTINCT, ORDER BY, FILTER, WITHIN GROUP, IGNORE NULLS and OVER."""

    def aggregate(self, node: Node, over: exp.Window | None = None) -> Expr:
        """An aggregate or window function with its DISTINCT, ORDER BY, FILTER, NULLS and OVER."""
        filtered: Node | None = None
        within: Node | None = None
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
                    "MISSING_OVER" if name in WINDOW_FUNCTIONS else "FUNCTION_NOT_WINDOW",
                    f"Window function {name} requires an OVER clause"
                    if name in WINDOW_FUNCTIONS
                    else f"Cannot use OVER with the function {name}",
                    node,
                )
            if trino_has(name):
                raise self.unsupported(f"the function {name}", node)
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
        if over is not None and filtered is not None:
            raise self.unsupported("FILTER is not yet supported for window functions", node)
        if over is not None:
            call.suffix += f" OVER ({self._window(over)})"
        return handler(call)

    def _aggregate_arguments(self, call: AggregateCall, node: exp.Anonymous, within: Node | None) -> None:
        raw = list(node.expressions)
        order: Node | None = within
        if raw and isinstance(raw[-1], exp.Order) and raw[-1].this is not None:
            order = raw[-1]
            raw[-1] = raw[-1].this
        if len(raw) == 1 and isinstance(raw[0], exp.Distinct):
            call.distinct = True
            raw = list(raw[0].expressions)
        if len(raw) == 1 and isinstance(raw[0], exp.Star):
            if call.name != "count":
                raise self.failure("SYNTAX_ERROR", "the argument * is for count only", node)
            call.star = True
            return
        call.raw = raw
        if any(isinstance(item, exp.Lambda) for item in raw):
            raise self.unsupported(f"{call.name} of a lambda", node)
        call.args = [self.translate(item) for item in raw]
        if call.distinct and len(call.args) != 1:
            raise self.unsupported(f"DISTINCT over {len(call.args)} arguments", node)
        if order is not None:
            call.order = "ORDER BY " + ", ".join(self.ordering(item) for item in order.expressions)

    def ordering(self, node: Node) -> str:
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
        if node.args.get("alias") is not None:
            raise self.unsupported("a named window", node)
        parts: list[str] = []
        partition, order, spec = (node.args.get(part) for part in ("partition_by", "order", "spec"))
        if partition:
            parts.append("PARTITION BY " + ", ".join(self.translate(item).sql for item in partition))
        if order:
            parts.append("ORDER BY " + ", ".join(self.ordering(item) for item in order.expressions))
        if spec:
            parts.append(self._frame(spec))
        return " ".join(parts)

    def _frame(self, spec: Node) -> str:
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

    def _window_node(self, node: exp.Window) -> Expr:
        return self.aggregate(node.this, node)
