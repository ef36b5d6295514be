"""Trino's signatures of functions, as its SHOW FUNCTIONS has them: `contains(array(T), T) boolean`.

A capital letter stands for a type, M for that of a moment (a date or timestamp), N for a number's; a small letter for
the length of a text: `trim(varchar(x)) varchar(x)`. Several names before the bracket are as many functions. A lambda's
type is `function(T, boolean)`, what it returns last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localaws.athena import types as t
from localaws.athena.types import Type, TypeParser

# What the letters of a signature stand for: types, and the arguments of varchar and char.
Bound = dict[str, Any]


@dataclass(frozen=True)
class Signature:
    """Functions with parameters and a result of the same types."""

    names: tuple[str, ...]
    params: tuple[Type, ...]
    result: Type


class _Reader(TypeParser):
    """Reads a type of Trino's, with letters in it."""

    def signature(self) -> Signature:
        names = []
        while self._peek() != "(":
            names.append(self._take())
        params: list[Type] = []
        if self._peek(1) == ")":
            self.at += 2
        else:
            params = self._list("()", self._type)
        return Signature(tuple(names), tuple(params), self.parse())

    def _type(self) -> Type:
        if self._peek() == "function":
            return Type(self._take(), tuple(self._list("()", self._type)))
        return super()._type()

    def _int(self) -> Any:
        return super()._int() if self._peek().isdigit() else self._take()

    def _trino_base(self, name: str, numbers: list[int]) -> Type:
        return Type(name) if len(name) == 1 else super()._trino_base(name, numbers)


def read(text: str) -> Signature:
    """The signature that a text is. Raises ValueError."""
    return _Reader(text, hive=False).signature()


def bind(signature: Signature, given: Sequence[Type]) -> Bound | None:
    """What the letters stand for where arguments of these types may be given, None where they may not."""
    bound: Bound = {}
    if len(given) != len(signature.params):
        return None
    pairs = zip(signature.params, given, strict=True)
    return bound if all(_binds(wanted, kind, bound) for wanted, kind in pairs) else None


def _binds(wanted: Type, given: Type, bound: Bound) -> bool:
    if wanted.name == "function" or given == t.FUNCTION:
        return wanted.name == given.name
    if len(wanted.name) == 1:
        given = t.DOUBLE if wanted.name == "n" and given == t.UNKNOWN else given
        common = t.common_type(bound.get(wanted.name, given), given)
        if common is None or (wanted.name == "m" and common.name not in t.MOMENTS):
            return False
        bound[wanted.name] = common
        return wanted.name != "n" or common.is_numeric
    if wanted.name in ("array", "map"):
        pairs = zip(wanted.args, given.args, strict=False)
        return given.name == wanted.name and all(_binds(inner, kind, bound) for inner, kind in pairs)
    if wanted.args and isinstance(wanted.args[0], str):
        bound[wanted.args[0]] = (0,) if given == t.UNKNOWN else given.args
        return given.name == wanted.name or (wanted.name == "varchar" and (given.is_text or given == t.UNKNOWN))
    return t.coercible(given, wanted)


def resolved(kind: Type, bound: Bound) -> Type:
    """A type of a signature with what its letters stand for."""
    if len(kind.name) == 1:
        found: Type = bound[kind.name]
        return found
    if kind.name in ("array", "map"):
        return Type(kind.name, tuple(resolved(part, bound) for part in kind.args))
    if kind.args and isinstance(kind.args[0], str):
        return Type(kind.name, bound[kind.args[0]])
    return kind
