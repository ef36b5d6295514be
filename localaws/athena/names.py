"""Names in expressions: columns, possibly qualified, fields of rows, and parameters of lambdas."""

from __future__ import annotations

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.planning import Field, Scope
from localaws.athena.syntax import Node, identifier
from localaws.athena.translator import Translator
from localaws.athena.types import Type


class Names(Translator):
    """Resolves names against the scopes, the innermost first."""

    def column(self, parts: list[str], node: Node) -> Expr:
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
        missing = f"Column '{'.'.join(parts)}' cannot be resolved"
        raise self.failure(
            "COLUMN_NOT_FOUND", f"{missing} or requester is not authorized to access requested resources", node
        )

    def _match(self, scope: Scope, names: list[str], node: Node) -> Field | None:
        prefix, name = tuple(names[:-1]), names[-1]
        found = [
            candidate
            for candidate in scope.fields
            if candidate.name == name and (not prefix or any(q[-len(prefix) :] == prefix for q in candidate.qualifiers))
        ]
        if len(found) > 1:
            raise self.failure("AMBIGUOUS_NAME", f"Column '{'.'.join(names)}' is ambiguous", node)
        return found[0] if found else None

    def lambda_(
        self, node: Node, kinds: list[Type], at: Node, given: list[str] | None = None
    ) -> tuple[list[str], Expr]:
        """A lambda's DuckDB parameter names and its body, given its parameters' types, and what they stand for."""
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(kinds):
            raise self.failure("TYPE_MISMATCH", "a lambda with a matching number of arguments is expected", at)
        names = given or [self.fresh() for _ in kinds]
        self.lambdas.append(
            {identifier(p): Expr(n, kind) for p, n, kind in zip(node.expressions, names, kinds, strict=True)}
        )
        try:
            return names, self.translate(node.this)
        finally:
            self.lambdas.pop()

    def _dereference(self, base: Expr, path: list[str], node: Node) -> Expr:
        for step in path:
            if base.type.name != "row":
                raise self.failure("TYPE_MISMATCH", f"Expression is not of type ROW: {base.type}", node)
            matching = [i for i, (name, _) in enumerate(base.type.args) if name is not None and name.lower() == step]
            if len(matching) != 1:
                raise self.failure("INVALID_COLUMN_REFERENCE", f"Column reference '{step}' is invalid", node)
            base = self._row_item(base, matching[0])
        return base

    @staticmethod
    def _row_item(base: Expr, index: int) -> Expr:
        return Expr(f"struct_extract({base.sql}, '{t.row_field(base.type, index)}')", base.type.args[index][1])

    def _column(self, node: exp.Column) -> Expr:
        parts = [part.name for part in node.parts]
        return self.column(parts, node)

    def _identifier(self, node: exp.Identifier) -> Expr:
        return self.column([node.name], node)

    def _dot(self, node: exp.Dot) -> Expr:
        names: list[str] = []
        base: Node = node
        while isinstance(base, exp.Dot):
            names.insert(0, base.expression.name)
            base = base.this
        if "*" in names:
            raise self.unsupported("all fields of a row", node)
        if isinstance(base, exp.Identifier):
            return self.column([base.name, *names], node)
        if isinstance(base, exp.Column):
            return self.column([*(part.name for part in base.parts), *names], node)
        return self._dereference(self.translate(base), [name.lower() for name in names], node)
