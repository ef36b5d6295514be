"""What planning a statement works with: scans, translated queries, sources of a FROM clause, and columns in sight."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import duckdb

from localaws.athena.casts import Expr, coerce
from localaws.athena.catalogue import Catalogue, Table
from localaws.athena.syntax import Node, quote
from localaws.athena.types import Type


class Relation(Protocol):
    """A base table that can be scanned: its DuckDB name, and its columns as (name, type, DuckDB name)."""

    name: str
    hidden: list[tuple[str, Type, str]]

    @property
    def columns(self) -> list[tuple[str, Type, str]]: ...

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the table known to DuckDB under its name."""


@dataclass
class Analysis:
    """One statement's planning: the clock, the catalogue, and the scans it came to need."""

    catalogue: Catalogue
    scan: Callable[[Table, int], Relation]
    system_table: Callable[[str, int], Relation | None]
    now: dt.datetime
    scans: list[Relation] = field(default_factory=list)
    counter: int = 0

    def next(self) -> int:
        """A number not used before in this statement."""
        self.counter += 1
        return self.counter


@dataclass(frozen=True)
class OutputColumn:
    """A column of a query: the name as written (None when the query gives none), its type, its DuckDB name."""

    name: str | None
    type: Type
    sql_name: str


@dataclass(frozen=True)
class Query:
    """A translated query."""

    sql: str
    columns: list[OutputColumn]

    def coerced(self, kinds: list[Type]) -> str:
        """The query's SQL with its columns brought to other types."""
        if all(column.type == kind for column, kind in zip(self.columns, kinds, strict=True)):
            return self.sql
        items = ", ".join(
            f"{coerce(Expr(quote(c.sql_name), c.type), kind).sql} AS {quote(c.sql_name)}"
            for c, kind in zip(self.columns, kinds, strict=True)
        )
        return f"SELECT {items} FROM ({self.sql})"


@dataclass(frozen=True)
class Field:
    """A column that expressions may name: its lower-case name, type, DuckDB SQL, and the prefixes it answers to."""

    name: str
    type: Type
    sql: str
    qualifiers: tuple[tuple[str, ...], ...] = ()
    hidden: bool = False
    unnamed: bool = False


@dataclass
class Scope:
    """The columns in sight; `parent` is the enclosing query's scope, for correlated subqueries."""

    fields: list[Field] = field(default_factory=list)
    parent: Scope | None = None


@dataclass
class Source:
    """A FROM item: its SQL and its columns."""

    sql: str
    fields: list[Field]


Ctes = dict[str, tuple[Node, list[str], "dict[str, Any]"]]
