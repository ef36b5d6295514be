"""What people need to see of a header that does not fit: characters that do not show, and the setting that helps.

Nothing here decides whether a header fits. A name is another name if it has one character that the column's name lacks,
be it invisible; what is said is where the difference is, and how a `header` of the configuration names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from lakelanes.convert.dialect import Dialect
from lakelanes.convert.record_index import split_fields

# A reason is quoted in alerts, of 500 characters, and stands with every row of the file in the rejects.
_NAMES, _CHARACTERS, _NAME_CHARACTERS = 20, 160, 40
_DELIMITERS = (",", ";", "\t", "|")
_LINE_END = re.compile(rb"\r\n|\r|\n")
# How many lines under the first one may be the header, and of how many bytes.
LINES, _LINE_BYTES = 20, 1 << 16
# Letters of other scripts that look like Latin ones, and signs that look like those of a keyboard.
_LOOK_ALIKE = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0430\u0435\u043e\u0440\u0441\u0443\u0445"
    "\u0456\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
    "\u2212\u2018\u2019\u02bc\u201c\u201d",
    "ABEKMHOPCTYXaeopcyxiABEZHIKMNOPTYXo-'''\"\"",
)


def shown_name(name: str) -> str:
    """A name of a header for people: what does not show, or shows as a space, is written as <U+200B>."""
    if not name:
        return "an empty name"
    name = name if len(name) <= _NAME_CHARACTERS else name[:_NAME_CHARACTERS] + "..."
    return "".join(character if character == " " or character.isprintable() else _code(character) for character in name)


def listed(names: Sequence[str]) -> str:
    """The names for people, or the first of many, with how many more there are."""
    shown: list[str] = []
    for name in names[:_NAMES]:
        shown.append(shown_name(name))
        if sum(map(len, shown)) > _CHARACTERS:
            break
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def likeness(missing: Sequence[str], extra: Sequence[str]) -> str | None:
    """How a name of the header differs from a missing column that it looks like, and how to name it in the
    configuration; None where none looks like one."""
    looks = {_skeleton(name): name for name in reversed(extra) if name}
    for column in missing:
        name = looks.get(_skeleton(column))
        if name is not None:
            return (
                f"'{shown_name(name)}' looks like '{shown_name(column)}', but {_difference(name, column)}; "
                f"if all files have it, set the column's header to {json.dumps(name)}"
            )
    return None


def settings(
    lines: Sequence[tuple[int, bytes]], columns: Sequence[str], dialect: Dialect, configured: str | None = None
) -> str | None:
    """The settings with which a header fits, or fits better, that has none or few of the columns; None if there are
    none.

    lines: the header and those under it, each with its number. configured: the dialect's delimiter, where another
    stands in for it.
    """
    wanted = {column.strip().lower() for column in columns}
    if not lines:
        return None
    line, record = lines[0]
    best, hint = len(wanted & _names(record, dialect.delimiter, dialect)), None
    for number, text in lines:
        for delimiter in dict.fromkeys((dialect.delimiter, *_DELIMITERS)):
            if delimiter in (dialect.quote, dialect.escape):
                continue
            found = len(wanted & _names(text, delimiter, dialect))
            if found > best and found * 2 >= len(wanted):
                best, hint = found, (number, delimiter)
    if hint is None:
        return None
    number, delimiter = hint
    other = f"dialect.delimiter to {delimiter!r}" if delimiter != dialect.delimiter else ""
    if number == line:
        return f"set {other}, which is {configured or dialect.delimiter!r}"
    return f"line {number} looks like the header: set dialect.skip_rows to {number - 1}" + (other and f", and {other}")


def delimiter_of(row: str, width: int, dialect: Dialect) -> str | None:
    """The delimiter with which a row of one field has as many as are expected, as a setting; None if there is none."""
    record = row.encode(errors="replace")
    read = record if dialect.stand_in is None else dialect.stand_in.coded([row])[0].encode(errors="replace")
    if len(split_fields(read, dialect.as_read)) > 1:
        return None
    for delimiter in _DELIMITERS:
        other = Dialect(delimiter=delimiter, quote=dialect.quote if dialect.quote != delimiter else None)
        if len(split_fields(record, other)) == width > 1:
            return f"set dialect.delimiter to {delimiter!r}, which is {dialect.delimiter!r}"
    return None


def lines_of(data: bytes | bytearray, length: int, line: int) -> Iterator[tuple[int, bytes]]:
    """The first lines of data[:length], whose first is this line of the file, with their numbers."""
    start = 0
    for number in range(line, line + LINES):
        if start >= length:
            return
        end = _LINE_END.search(data, start, length)
        stop = end.start() if end else length
        yield number, bytes(data[start : min(stop, start + _LINE_BYTES)])
        start = end.end() if end else length


def _names(record: bytes, delimiter: str, dialect: Dialect) -> set[str]:
    other = Dialect(delimiter=delimiter, quote=dialect.quote, escape=dialect.escape)
    return {field.decode(errors="replace").strip().lower() for field in split_fields(record, other)}


def _skeleton(name: str) -> str:
    """What is left of a name when what cannot be seen is gone, and what looks alike is the same."""
    from unicodedata import category, normalize

    text = "".join(
        "-" if category(character) == "Pd" else character
        for character in normalize("NFKC", name).translate(_LOOK_ALIKE)
        if category(character) not in ("Cf", "Cc") or character.isspace()
    )
    return " ".join(text.split()).casefold()


def _difference(name: str, column: str) -> str:
    more = [character for character in dict.fromkeys(name) if character not in column and _is_special(character)]
    less = [character for character in dict.fromkeys(column) if character not in name and _is_special(character)]
    if more:
        return f"has {', '.join(map(_described, more))}"
    return f"lacks {', '.join(map(_described, less))}" if less else "is written in another way"


def _is_special(character: str) -> bool:
    return not (character.isascii() and character.isprintable())


def _described(character: str) -> str:
    from unicodedata import name

    what = "byte order mark" if character == "\ufeff" else name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({what})" if what else "")


def _code(character: str) -> str:
    return f"<U+{ord(character):04X}>"
