"""The filter language of GetPartitions: partition keys against literals, joined by AND, OR and NOT.

Operators and key types as documented at https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html. A
literal is read as the key's type, quoted or not. A value that is Hive's default partition counts as NULL, but is found
by its name where the key is text; other types refuse that name (https://github.com/trinodb/trino/issues/13124, whose
connector asks Glue for nulls so).
"""

from __future__ import annotations

import datetime
import decimal
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localaws.protocol import AwsError

# True, False or, where a NULL is compared, None: SQL's unknown.
Truth = bool | None
Test = Callable[[Sequence[str]], Truth]

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGERS = frozenset({"tinyint", "smallint", "int", "integer", "bigint", "long"})
_STRINGS = frozenset({"string", "char", "varchar"})
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^']|'')*')
      | (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+))(?![\w.])
      | (?P<name>[A-Za-z_][\w$]*|"[^"]+"|`[^`]+`)
      | (?P<symbol><>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?")
_KEYWORDS = frozenset({"and", "or", "not", "in", "between", "like", "is", "null"})
_DEEPEST = 100


def compile_filter(text: str, keys: Sequence[Mapping[str, Any]]) -> Callable[[Sequence[str]], bool]:
    """A function from a partition's values to whether ``text`` selects it.

    ``keys`` are the table's PartitionKeys. Raises InvalidInputException for text that is no such filter, that names
    anything but a partition key, or that compares a key with what its type cannot be. The function raises
    InvalidStateException for a partition whose value is not of its key's type.
    """
    test = _Parser(text, keys).parse()
    return lambda values: test(values) is True


class _Parser:
    """Recursive descent over ``or > and > not > (comparison | parentheses)``."""

    def __init__(self, text: str, keys: Sequence[Mapping[str, Any]]) -> None:
        self._text = text
        self._keys = {key["Name"].lower(): (index, str(key.get("Type") or "string")) for index, key in enumerate(keys)}
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Test:
        test = self._or()
        if self._peek() != ("end", ""):
            raise self._unsupported()
        return test

    def _or(self) -> Test:
        tests = [self._and()]
        while self._accept("or"):
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else _any(tests)

    def _and(self) -> Test:
        tests = [self._not()]
        while self._accept("and"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else _all(tests)

    def _not(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._unsupported()
        try:
            if self._accept("not"):
                return _negated(self._not())
            if self._accept("("):
                test = self._or()
                self._expect(")")
                return test
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        index, type_name = self._key()
        kind, word = self._peek()
        if kind == "symbol" and word in _COMPARISONS:
            self._next += 1
            literal = self._literal(type_name)
            return _compare(index, type_name, _COMPARISONS[word], literal, word == "=" and literal == _NULL)
        if self._accept("is"):
            negated = self._accept("not")
            self._expect("null")
            return _negated(_is_null(index)) if negated else _is_null(index)
        negated = self._accept("not")
        test = self._set(index, type_name)
        return _negated(test) if negated else test

    def _set(self, index: int, type_name: str) -> Test:
        if self._accept("in"):
            self._expect("(")
            members = [self._literal(type_name)]
            while self._accept(","):
                members.append(self._literal(type_name))
            self._expect(")")
            return _compare(index, type_name, lambda value, _: value in members, None, _NULL in members)
        if self._accept("between"):
            low = self._literal(type_name)
            self._expect("and")
            high = self._literal(type_name)
            return _compare(index, type_name, lambda value, _: low <= value <= high, None)
        if self._accept("like"):
            _check_like(type_name)
            pattern = _like(self._literal(type_name))
            return _compare(index, type_name, lambda value, _: pattern.fullmatch(value) is not None, None)
        raise self._unsupported()

    def _key(self) -> tuple[int, str]:
        kind, word = self._peek()
        if kind != "name" or word in _KEYWORDS:
            raise self._unsupported()
        self._next += 1
        if word not in self._keys:
            raise AwsError("InvalidInputException", "Invalid partition expression!")
        return self._keys[word]

    def _literal(self, type_name: str) -> Any:
        kind, word = self._peek()
        if kind not in ("string", "number"):
            raise self._unsupported()
        self._next += 1
        try:
            return _cast(type_name, word)
        except ValueError as error:
            raise AwsError("InvalidInputException", str(error)) from error

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next]

    def _accept(self, word: str) -> bool:
        if self._peek() not in (("name", word), ("symbol", word)):
            return False
        self._next += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._unsupported()

    def _unsupported(self) -> AwsError:
        return AwsError("InvalidInputException", f"Unsupported expression '{self._text}'")


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) per token, then ("end", ""): names in lower case and without quotes, strings without theirs."""
    tokens = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise AwsError("InvalidInputException", f"Unsupported expression '{text}'")
        kind = str(match.lastgroup)
        word = match.group(kind)
        if kind == "string":
            word = word[1:-1].replace("''", "'")
        elif kind == "name":
            word = word.strip('`"').lower()
        tokens.append((kind, word))
        position = match.end()
    return [*tokens, ("end", "")]


def _cast(type_name: str, text: str) -> Any:
    """The text as a value of the type, comparable with others of it; raises ValueError when it is not one."""
    base = type_name.lower().partition("(")[0].strip()
    if base in _STRINGS:
        return text
    if base in _INTEGERS:
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ValueError(f'"{text}" is not an integer.')
        return int(text)
    if base == "decimal":
        try:
            number = decimal.Decimal(text)
        except decimal.InvalidOperation:
            number = decimal.Decimal("NaN")
        if not number.is_finite():
            raise ValueError(f"{text} is not a decimal.")
        return number
    if base == "date":
        return _date(text)
    if base == "timestamp":
        return _timestamp(text)
    raise AwsError("InvalidInputException", f"Unknown type : '{type_name}'")


def _date(text: str) -> datetime.date:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{text} is not a date.")


def _timestamp(text: str) -> tuple[datetime.datetime, int]:
    """Second and nanosecond."""
    match = _TIMESTAMP.fullmatch(text)
    try:
        if match:
            return datetime.datetime.fromisoformat(match[1]), int((match[2] or "").ljust(9, "0"))
    except ValueError:
        pass
    raise ValueError(f"Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff] {text} is not a timestamp.")


def _check_like(type_name: str) -> None:
    base = type_name.lower().partition("(")[0].strip()
    if base not in _STRINGS:
        name = "Integral" if base in _INTEGERS else base.capitalize()
        raise AwsError("InvalidInputException", f"{name} data type doesn't support operation 'LIKE'")


def _like(pattern: str) -> re.Pattern[str]:
    wildcards = {"%": ".*", "_": "."}
    return re.compile("".join(wildcards.get(one) or re.escape(one) for one in pattern), re.DOTALL)


def _compare(
    index: int, type_name: str, compare: Callable[[Any, Any], bool], literal: Any, takes_default: bool = False
) -> Test:
    """takes_default: Hive's default partition is asked for by its name."""

    def test(values: Sequence[str]) -> Truth:
        text = values[index]
        if text == _NULL:
            return True if takes_default else None
        try:
            return compare(_cast(type_name, text), literal)
        except ValueError as error:
            raise AwsError("InvalidStateException", f"For input string: {error}") from error

    return test


def _is_null(index: int) -> Test:
    return lambda values: values[index] == _NULL


def _negated(test: Test) -> Test:
    def negated(values: Sequence[str]) -> Truth:
        truth = test(values)
        return None if truth is None else not truth

    return negated


def _any(tests: list[Test]) -> Test:
    def any_true(values: Sequence[str]) -> Truth:
        unknown = False
        for test in tests:
            truth = test(values)
            if truth:
                return True
            unknown = unknown or truth is None
        return None if unknown else False

    return any_true


def _all(tests: list[Test]) -> Test:
    def all_true(values: Sequence[str]) -> Truth:
        unknown = False
        for test in tests:
            truth = test(values)
            if truth is False:
                return False
            unknown = unknown or truth is None
        return None if unknown else True

    return all_true
