r"""The patterns of file names: regular expressions that take time in proportion to the name, whatever it is.

Anybody who may put an object into the source bucket chooses its key, and Python's ``re`` can take longer than the
universe exists for one: ``(?:[a-z]+_?)+(\d{4})`` needs 21 s for 26 letters, and twice that for each letter more. So
patterns are run by RE2 (https://github.com/google/re2/wiki/Syntax), which never tries a second way. A pattern has to be
one of Python's too, and mean the same in both, but for ``\d``, ``\w``, ``\s`` and ``\b``, which know ASCII alone, and
``$``, which is the name's end only.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, Protocol, cast

import re2

# What Python takes and RE2 does not, or takes for something else: where it stands in a pattern's skeleton, its name,
# and what to write instead.
_LOST = [
    (re.compile(what), name, instead)
    for what, name, instead in (
        (r"\(\?(?:[=!]|<[=!])", "looking ahead or back", "spell out the names that are meant, as (a|b)"),
        (r"\(\?P=|\\(?![0-3][0-7]{2})[1-9]", "a reference to a group", "write the group's expression again"),
        (r"\(\?\(", "a condition on a group", "write the alternatives out, as (a|b)"),
        (r"\(\?>", "a group that gives nothing back", "write (?:...); names take no longer for it"),
        (r"(?:[*+?]|\{\d*,?\d*\})\+", "a quantifier that gives nothing back", "leave the last + out"),
        (r"\{,\d*\}", "a quantifier without its least number", "write {0,n}"),
        (r"\(\?#", "a comment", "leave it out"),
        (r"\(\?[a-zA-Z]*x[a-zA-Z]*[-:)]", "the flag x", "write the pattern without spaces"),
        (r"\(\?[a-zA-Z]*[aLu][a-zA-Z]*[-:)]", "a flag of a, L, u", r"leave it out; \d, \w and \s are ASCII always"),
        (r"\\Z", r"\Z", "leave it out, as the whole name has to match"),
        (r"\\[uUN]", "an escape by a character's number or name", "write the character itself"),
    )
]
# An escape is one token, so that what it escapes is nothing else. A set stands for one character.
_ESCAPE_OR_SET = re.compile(r"\\(.)|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


class NameMatch(Protocol):
    """What a name's parts are; None for a group that took no part."""

    def groups(self) -> tuple[str | None, ...]: ...

    def groupdict(self) -> dict[str, str | None]: ...


class FilenamePattern:
    """A compiled pattern. Raises ValueError, which says what to write instead."""

    groups: int
    groupindex: Mapping[str, int]

    def __init__(self, text: str) -> None:
        self.text = text
        _check(text)
        options = re2.Options()
        options.log_errors = False
        try:
            self._compiled: Any = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
            advice = "; it repeats at most 1000 times in all" if "repetition size" in reason else ""
            raise ValueError(f"{text!r} is not a regular expression of RE2: {reason}{advice}") from None
        self.groups = self._compiled.groups
        self.groupindex = self._compiled.groupindex

    def __reduce__(self) -> tuple[type[FilenamePattern], tuple[str]]:
        return FilenamePattern, (self.text,)

    def fullmatch(self, name: str) -> NameMatch | None:
        """The match of the whole name; None when it does not match."""
        try:
            return cast("NameMatch | None", self._compiled.fullmatch(name))
        except UnicodeEncodeError:
            # Half of a surrogate pair, from a message: no key of S3's, which are UTF-8.
            return None


def _check(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"{text!r} is not a regular expression: {error}") from None
        except Warning as warning:
            raise ValueError(f"{text!r} may mean another thing one day: {warning}; escape it with a \\") from None
    skeleton = _ESCAPE_OR_SET.sub(_skeleton, text)
    for what, name, instead in _LOST:
        if what.search(skeleton):
            raise ValueError(f"{text!r} has {name}, which RE2 lacks: {instead}")


def _skeleton(found: re.Match[str]) -> str:
    """Escapes of letters and digits stay; every other token is an x."""
    if found[1] is None:
        return "".join(rf"\{letter}" for letter in re.findall(r"\\(.)", found[0], re.DOTALL) if letter in "uUN") + "x"
    return found[0] if found[1].isalnum() else "x"
