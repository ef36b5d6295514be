"""What the parts of the translation ask of one another, so that each is imported, and read, without the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from localaws.athena.casts import Expr
from localaws.athena.errors import QueryFailed
from localaws.athena.planning import Analysis, Query, Scope
from localaws.athena.syntax import Node
from localaws.athena.types import Type


class QueryTranslator(Protocol):
    """What expressions need of the text they stand in: its planning, and a translation of the queries inside them."""

    analysis: Analysis
    sql: str
    schema: str | None

    def query(self, node: Node, outer: Scope | None) -> Query: ...


class ExpressionTranslator(Protocol):
    """What a function needs of the expression it is called in. Each method is documented where it is implemented."""

    def failure(self, code: str, text: str, node: Node) -> QueryFailed: ...

    def unify(self, values: Sequence[Expr], node: Node) -> tuple[list[Expr], Type]: ...

    def cast(self, value: Expr, target: Type, node: Node) -> Expr: ...

    def arithmetic(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr: ...

    def concatenate(self, a: Expr, b: Expr, node: Node) -> Expr: ...

    def comparison(self, operator: str, a: Expr, b: Expr, node: Node) -> Expr: ...

    def lambda_(
        self, node: Node, kinds: list[Type], at: Node, given: list[str] | None = None
    ) -> tuple[list[str], Expr]: ...

    def fresh(self) -> str: ...

    def now(self) -> Expr: ...

    def zone(self, name: str, node: Node) -> str: ...
