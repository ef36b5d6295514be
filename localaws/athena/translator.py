"""What the translation of expressions rests on: its state, failures at a place, and coercion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.errors import QueryFailed, failure
from localaws.athena.planning import Analysis, Query, Scope
from localaws.athena.syntax import Node, position
from localaws.athena.types import Type


class QueryTranslator(Protocol):
    """What expressions need of the text they stand in: its planning, and a translation of the queries inside them."""

    analysis: Analysis
    sql: str
    schema: str | None

    def query(self, node: Node, outer: Scope | None) -> Query: ...


class Translator(ABC):
    """The state of translating one query level's expressions.

    `aggregates` says whether an aggregate was met, `loose` holds the column references that stand outside any aggregate
    and outside the expressions that are `grouped` by.
    """

    def __init__(self, queries: QueryTranslator, scope: Scope) -> None:
        self.queries = queries
        self.scope = scope
        self.lambdas: list[dict[str, Expr]] = []
        self.aliases: dict[str, Expr] = {}
        self.grouped: set[str] = set()
        self.aggregates = False
        self.inside_aggregate = False
        self.loose: list[Node] = []

    # What the parts of the translation ask of one another. Each method is documented where it is implemented.

    @abstractmethod
    def translate(self, node: Node) -> Expr: ...

    @abstractmethod
    def cast(self, value: Expr, target: Type, node: Node) -> Expr: ...

    @abstractmethod
    def arithmetic(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr: ...

    @abstractmethod
    def concatenate(self, a: Expr, b: Expr, node: Node) -> Expr: ...

    @abstractmethod
    def comparison(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr: ...

    @abstractmethod
    def lambda_(
        self, node: Node, kinds: list[Type], at: Node, given: list[str] | None = None
    ) -> tuple[list[str], Expr]: ...

    @abstractmethod
    def now(self) -> Expr: ...

    @abstractmethod
    def zone(self, name: str, node: Node) -> str: ...

    def fresh(self) -> str:
        """A DuckDB name that nothing else in the statement has."""
        return f"l{self.queries.analysis.next()}"

    def failure(self, code: str, text: str, node: Node) -> QueryFailed:
        """A failure at a node's place in the text."""
        return failure(code, text, *position(node, self.queries.sql))

    def unsupported(self, text: str, node: Node) -> QueryFailed:
        return self.failure("NOT_SUPPORTED", text, node)

    def boolean(self, node: Node, what: str) -> str:
        """SQL of a condition; TYPE_MISMATCH when it is not boolean."""
        value = self.translate(node)
        if value.type.name not in ("boolean", "unknown"):
            raise self.failure("TYPE_MISMATCH", f"{what} must evaluate to a boolean: actual type {value.type}", node)
        return coerce(value, t.BOOLEAN).sql

    def unify(self, values: Sequence[Expr], node: Node) -> tuple[list[Expr], Type]:
        """The values coerced to one type, or TYPE_MISMATCH."""
        kind = values[0].type
        for value in values[1:]:
            common = t.common_type(kind, value.type)
            if common is None:
                raise self.failure("TYPE_MISMATCH", f"All operands must be the same type: {kind}", node)
            kind = common
        return [coerce(value, kind) for value in values], kind
