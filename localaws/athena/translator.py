"""What the translation of expressions rests on: the columns in sight, failures at a place, and coercion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.errors import QueryFailed, failure
from localaws.athena.syntax import position
from localaws.athena.types import Type

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


class Translator(ABC):
    """The state of translating one query level's expressions.

    `aggregates` says whether an aggregate was met, `loose` holds the column references that stand outside any aggregate
    and outside the expressions that are `grouped` by.
    """

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

    @abstractmethod
    def translate(self, node: exp.Expression) -> Expr:
        """DuckDB SQL and Trino type of an expression."""

    def failure(self, code: str, text: str, node: exp.Expression) -> QueryFailed:
        """A failure at a node's place in the text."""
        return failure(code, text, *position(node, self.queries.sql))

    def unsupported(self, text: str, node: exp.Expression) -> QueryFailed:
        return self.failure("NOT_SUPPORTED", text, node)

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
