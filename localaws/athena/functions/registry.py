"""How functions are declared, by Trino's signatures, and how a call finds its overload."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from localaws.athena import types as t
from localaws.athena.casts import Expr, coerce
from localaws.athena.duck import fail_sql
from localaws.athena.errors import QueryFailed
from localaws.athena.functions.signatures import Bound, Signature, bind, read, resolved
from localaws.athena.syntax import Node, text_literal
from localaws.athena.translator import Translator
from localaws.athena.types import Type, to_duckdb


@dataclass
class Call:
    """A function call: its name, its arguments (a lambda is in `raw` alone), and its translator.

    Where the function was declared by a signature, the arguments are coerced to its types, and `bound` has what the
    signature's letters stand for.
    """

    name: str
    args: list[Expr]
    raw: list[Node]
    node: Node
    translator: Translator
    signature: Signature | None = None
    bound: Bound = field(default_factory=dict)

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

    @property
    def sql(self) -> list[str]:
        """SQL of the arguments."""
        return [value.sql for value in self.args]

    @property
    def result(self) -> Type:
        """The type that the signature gives the result."""
        assert self.signature is not None
        return resolved(self.signature.result, self.bound)

    def arg(self, index: int, target: Type) -> Expr:
        """An argument coerced to a type."""
        value = self.args[index]
        if not t.coercible(value.type, target):
            raise self.mismatch()
        return coerce(value, target)

    def text(self, index: int) -> str:
        """SQL of an argument that is varchar (or char)."""
        return self.arg(index, t.VARCHAR).sql

    def constant(self, index: int) -> str:
        """The text of an argument that must be a literal: DuckDB needs it to choose a format or pattern."""
        value = self.args[index]
        if not isinstance(value.literal, str):
            raise self.fail("NOT_SUPPORTED", f"argument {index + 1} of {self.name} must be a literal here")
        return value.literal

    def lambda_(self, index: int, *given: str) -> tuple[list[str], Expr]:
        """A lambda's DuckDB parameter names, or what is given in their place, and its body.

        The signature says what its parameters are; the body's type is what the signature's letter for it stands for.
        """
        assert self.signature is not None
        *kinds, result = self.signature.params[index].args
        wanted = [resolved(kind, self.bound) for kind in kinds]
        names, body = self.translator.lambda_(self.raw[index], wanted, self.node, list(given) or None)
        if len(result.name) == 1:
            self.bound.setdefault(result.name, body.type)
        return names, body

    def invalid(self, text: str, duckdb_type: str = "") -> str:
        """SQL that fails with INVALID_FUNCTION_ARGUMENT, in place of the result unless another type is named."""
        return fail_sql("INVALID_FUNCTION_ARGUMENT", text_literal(text), duckdb_type or to_duckdb(self.result))


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


def trino_has(name: str, given: Sequence[Type] | None = None) -> bool:
    """Whether Trino has a function of that name, one that may take arguments of these types."""
    forms = _trino_forms().get(name)
    if forms is None or given is None:
        return forms is not None
    return any(len(form) == len(given) and all(map(_may_take, form, given)) for form in forms)


def _may_take(wanted: str, given: Type) -> bool:
    if len(wanted) == 1 or given.name in (wanted, "unknown"):
        return True
    if wanted in ("codepoints", "joniregexp", "jsonpath"):
        return given.is_text
    return given.is_integer if wanted == "decimal" else t.coercible(given, Type(wanted))


# What Java calls white space, which is what trim removes.
_SPACES = (*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029)
WHITESPACE = "".join(map(chr, (*_SPACES, 0x205F, 0x3000)))

C = TypeVar("C", bound=Call)
Handler = Callable[[C], "Expr | str"]


class Function(Generic[C]):
    """What a name stands for: handlers with their signatures, or one that has none and looks at its arguments itself.

    A handler gives an expression, or its SQL alone where the signature says the type.
    """

    def __init__(self) -> None:
        self.forms: list[tuple[Signature | None, Handler[C]]] = []

    def __call__(self, call: C) -> Expr:
        for signature, handler in self.forms:
            bound = bind(signature, [value.type for value in call.args]) if signature else {}
            if bound is None:
                continue
            if signature is not None:
                call.signature, call.bound = signature, bound
                pairs = zip(call.args, signature.params, strict=True)
                call.args = [_coerced(value, resolved(kind, bound)) for value, kind in pairs]
            made = handler(call)
            return Expr(made, call.result) if isinstance(made, str) else made
        raise call.mismatch()


def _coerced(value: Expr, target: Type) -> Expr:
    if target.name == "function":
        return value
    return Expr(coerce(value, target).sql, target, value.literal)


SCALARS: dict[str, Function[Call]] = {}


def registering(functions: dict[str, Function[C]]) -> Callable[..., Callable[[Handler[C]], Handler[C]]]:
    """A decorator that registers a handler under signatures, or under Trino's names for it alone."""

    def function(*declared: str) -> Callable[[Handler[C]], Handler[C]]:
        def register(handler: Handler[C]) -> Handler[C]:
            for text in declared:
                signature = read(text) if "(" in text else None
                for name in signature.names if signature else (text,):
                    functions.setdefault(name, Function()).forms.append((signature, handler))
            return handler

        return register

    return function


function = registering(SCALARS)


def simple(signature: str, sql: str) -> None:
    """Registers a function as a DuckDB template: `{0}` is the first argument."""
    function(signature)(lambda call: sql.format(*call.sql))
