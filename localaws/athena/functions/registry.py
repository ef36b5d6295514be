"""How scalar functions are declared, and how a call finds its overload."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.contracts import ExpressionTranslator
from localaws.athena.duck import fail_sql
from localaws.athena.errors import QueryFailed
from localaws.athena.syntax import Node
from localaws.athena.types import Type


@dataclass
class Call:
    """A function call: its name, its arguments (a lambda is in `raw` alone), and its translator."""

    name: str
    args: list[Expr]
    raw: list[Node]
    node: Node
    translator: ExpressionTranslator

    def fail(self, code: str, text: str) -> QueryFailed:
        """A failure at the place of this call."""
        return self.translator.failure(code, text, self.node)

    def mismatch(self) -> QueryFailed:
        """The failure when no overload takes these arguments: NOT_SUPPORTED when Trino has one that does."""
        given = ", ".join(str(value.type) for value in self.args)
        if trino_has(self.name, [value.type for value in self.args]):
            return self.fail("NOT_SUPPORTED", f"{self.name}({given})")
        return self.fail("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {self.name}")

    def count(self, *allowed: int) -> None:
        """Raises unless the number of arguments is one of the allowed."""
        if len(self.args) not in allowed:
            raise self.mismatch()

    def arg(self, index: int, target: Type) -> Expr:
        """An argument coerced to a type."""
        value = self.args[index]
        if not t.coercible(value.type, target):
            raise self.mismatch()
        return coerce(value, target)

    def text(self, index: int) -> str:
        """SQL of an argument that is varchar (or char)."""
        return self.arg(index, t.VARCHAR).sql

    def integer(self, index: int) -> str:
        """SQL of an argument that is bigint."""
        return self.arg(index, t.BIGINT).sql

    def constant(self, index: int) -> str:
        """The text of an argument that must be a literal: DuckDB needs it to choose a format or pattern."""
        value = self.args[index]
        if not isinstance(value.literal, str):
            raise self.fail("NOT_SUPPORTED", f"argument {index + 1} of {self.name} must be a literal here")
        return value.literal

    def of(self, index: int, name: str) -> Type:
        """The type of an argument that must be an array, map or row."""
        value = self.args[index]
        if value.type.name != name:
            raise self.mismatch()
        return value.type

    def invalid(self, text: str, duckdb_type: str) -> str:
        """SQL that fails with INVALID_FUNCTION_ARGUMENT; `text` is a SQL string expression."""
        return fail_sql("INVALID_FUNCTION_ARGUMENT", text, duckdb_type)


@functools.cache
def _trino_forms() -> dict[str, list[list[str]]]:
    """The parameters' base types of each overload of Trino's functions, by name: SHOW FUNCTIONS of 483.

    Of functions that are absent here, the list has the names alone.
    """
    found: dict[str, list[list[str]]] = {}
    for line in Path(__file__).with_name("trino.txt").read_text(encoding="utf-8").splitlines():
        names, _, forms = line.partition(": ")
        parsed = [form.split(",") if form else [] for form in forms.split("; ")]
        found.update(dict.fromkeys(names.split(), parsed))
    return found


# How the list names types whose names have blanks.
_LISTED = {"timestamp with time zone": "zoned", "interval day to second": "days", "interval year to month": "months"}
_WIDER = {"bigint": "integer", "decimal": "integer", "double": "number", "real": "number", "varchar": "char",
          "timestamp": "date", "zoned": "timestamp", "integer": "integer", "smallint": "integer"}  # fmt: skip


def trino_has(name: str, given: Sequence[Type] | None = None) -> bool:
    """Whether Trino has a function of that name, one that may take arguments of these types."""
    forms = _trino_forms().get(name)
    if forms is None or given is None:
        return forms is not None
    return any(len(form) == len(given) and all(map(_may_take, form, given)) for form in forms)


def _may_take(wanted: str, given: Type) -> bool:
    name = _LISTED.get(given.name, given.name)
    if len(wanted) == 1 or wanted == name or given.name == "unknown":
        return True
    if wanted in ("codepoints", "joniregexp", "jsonpath"):
        return given.is_text
    kind = "number" if given.name in ("decimal", "real") else "integer" if given.is_integer else name
    return _WIDER.get(wanted) == kind or (_WIDER.get(wanted) == "number" and kind == "integer")


# What Java calls white space, which is what trim removes.
_SPACES = (*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029)
WHITESPACE = "".join(map(chr, (*_SPACES, 0x205F, 0x3000)))

Handler = Callable[[Call], Expr]
SCALARS: dict[str, Handler] = {}


C = TypeVar("C", bound=Call)
Of = Callable[[C], Expr]


def registering(functions: dict[str, Of[C]]) -> Callable[..., Callable[[Of[C]], Of[C]]]:
    """A decorator that registers a handler under Trino's names for it, and how many arguments it takes, if not any."""

    def function(*names: str, takes: tuple[int, ...] = ()) -> Callable[[Of[C]], Of[C]]:
        def register(handler: Of[C]) -> Of[C]:
            def counted(call: C) -> Expr:
                if takes:
                    call.count(*takes)
                return handler(call)

            functions.update(dict.fromkeys(names, counted))
            return handler

        return register

    return function


function = registering(SCALARS)


def simple(name: str, params: list[Type], result: Type | Callable[[list[Type]], Type], sql: str) -> None:
    """Registers a function with fixed parameter types as a DuckDB template (`{0}` is the first argument)."""
    previous = SCALARS.get(name)

    def handler(call: Call) -> Expr:
        fits = len(call.args) == len(params) and all(
            t.coercible(value.type, target) for value, target in zip(call.args, params, strict=True)
        )
        if not fits:
            if previous is not None:
                return previous(call)
            raise call.mismatch()
        if result is same_length and call.args and call.args[0].type.name == "char":
            # Trino has an overload for char.
            raise call.fail("NOT_SUPPORTED", f"{name} of {call.args[0].type}")
        arguments = [coerce(value, target).sql for value, target in zip(call.args, params, strict=True)]
        kind = result if isinstance(result, Type) else result([value.type for value in call.args])
        return Expr(sql.format(*arguments), kind)

    SCALARS[name] = handler


def same_length(types: list[Type]) -> Type:
    """varchar(n) of the first argument."""
    if types[0].name == "unknown":
        return t.varchar(0)
    return Type("varchar", types[0].args) if types[0].is_text else t.VARCHAR
