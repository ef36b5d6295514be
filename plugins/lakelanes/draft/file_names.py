"""What the names of samples tell: the pattern of all such names, and which part of them is a partition."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lakelanes.names import column_of_header

_YEAR, _TWO = r"(?:19|20)[0-9]{2}", r"[0-9]{2}"
# Dates in names: year first, then day first; a month; a year. The group `hour` may follow a day.
_HOUR = rf"(?:(?P<gap>[T_-])(?P<hour>{_TWO})(?P<rest>[:_.-]?{_TWO}(?:[:_.-]?{_TWO})?)?(?![0-9]))?"
_DATES = (
    re.compile(rf"(?<![0-9])(?P<year>{_YEAR})(?P<sep>[-_.]?)(?P<month>{_TWO})(?P=sep)(?P<day>{_TWO})(?![0-9]){_HOUR}"),
    re.compile(rf"(?<![0-9])(?P<day>{_TWO})(?P<sep>[-_.])(?P<month>{_TWO})(?P=sep)(?P<year>{_YEAR})(?![0-9]){_HOUR}"),
    re.compile(rf"(?<![0-9])(?P<year>{_YEAR})(?P<sep>[-_.]?)(?P<month>{_TWO})(?![0-9])"),
    re.compile(rf"(?<![0-9])(?P<year>{_YEAR})(?![0-9])"),
)
_PARTS = re.compile(r"[0-9]+|[^\W\d_]+|[\W_]", re.UNICODE)
_PACKED = re.compile(r"\.(?:gz|bz2|zst|zip)\Z", re.IGNORECASE)
FILE_KEY = "file"


@dataclass
class Naming:
    """pattern: of the names. keys: the partition keys that it has groups for. stem: what the names have in common, as a
    name for the entity. evidence, doubts: for people."""

    pattern: str
    keys: list[str]
    stem: str
    evidence: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def read_names(names: Sequence[str]) -> Naming:
    """The pattern that all these names match, with a group per partition key; keys is empty without a date."""
    found = [_date_in(name) for name in names]
    first = found[0]
    if first is not None and all(one is not None and _form(one) == _form(first) for one in found):
        spans = [one.span() for one in found if one is not None]
        heads = [name[:start] for name, (start, _) in zip(names, spans, strict=True)]
        tails = [name[end:] for name, (_, end) in zip(names, spans, strict=True)]
        head, tail = _pattern(heads), _pattern(tails, ending=True)
        naming = Naming(head + _date_pattern(first) + tail, _keys(first), _stem(names[0], first.span()))
        _say(naming, first, names[0])
        return naming
    naming = Naming(_pattern(names, ending=True), [], _stem(names[0], None))
    if first is not None:
        naming.doubts.append("the samples' names have no date at the same place, so none is a partition")
    return naming


def with_file_key(naming: Naming) -> Naming:
    """The pattern as a whole as the value of a partition key: for files without any date."""
    ending = re.search(r"(?:\\\.[a-zA-Z]+(?:\(\?:.*\)\?)?)+\Z", naming.pattern)
    cut = ending.start() if ending else len(naming.pattern)
    pattern = f"(?P<{FILE_KEY}>{naming.pattern[:cut]}){naming.pattern[cut:]}"
    return Naming(pattern, [FILE_KEY], naming.stem, naming.evidence, list(naming.doubts))


def _literal(text: str) -> str:
    """A pattern for this very text, with no more escapes than it needs."""
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def _date_in(name: str) -> re.Match[str] | None:
    for pattern in _DATES:
        for found in pattern.finditer(name):
            groups = found.groupdict()
            try:
                datetime(int(groups["year"]), int(groups.get("month") or 1), int(groups.get("day") or 1))
            except ValueError:
                continue
            if groups.get("hour") and int(groups["hour"]) > 23:
                continue
            return found
    return None


def _form(found: re.Match[str]) -> tuple[object, ...]:
    groups = found.groupdict()
    rest = groups.get("rest")
    return found.re.pattern, groups.get("sep"), groups.get("gap"), re.sub("[0-9]", "0", rest) if rest else None


def _keys(found: re.Match[str]) -> list[str]:
    groups = found.groupdict()
    keys = [key for key in ("year", "month", "day") if groups.get(key)]
    # An hour alone is what the file is for; with minutes it is when the file was written.
    return [*keys, "hour"] if groups.get("hour") and not groups.get("rest") else keys


def _date_pattern(found: re.Match[str]) -> str:
    groups = found.groupdict()
    digits = {"year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}"}
    sep = _literal(groups.get("sep") or "")
    order = ["day", "month", "year"] if found.re is _DATES[1] else [key for key in digits if groups.get(key)]
    text = sep.join(f"(?P<{key}>{digits[key]})" for key in order)
    if groups.get("hour"):
        rest = groups.get("rest")
        gap = _literal(groups["gap"])
        text += gap + (r"\d{2}" + re.sub("[0-9]{2}", r"\\d{2}", _literal(rest)) if rest else r"(?P<hour>\d{2})")
    return text


def _pattern(texts: Sequence[str], *, ending: bool = False) -> str:
    """A pattern for the same part of all names: digits may be others, and so may what differs among the samples."""
    packed = [bool(_PACKED.search(text)) for text in texts] if ending else []
    bare = [_PACKED.sub("", text) if ending else text for text in texts]
    split = [_PARTS.findall(text) for text in bare]
    suffix = ""
    if any(packed):
        suffix = _literal(_PACKED.search(texts[packed.index(True)])[0])  # type: ignore[index]
        suffix = f"(?:{suffix})?"
    if len({len(parts) for parts in split}) > 1:
        common = _common(bare)
        end = re.search(r"\.[A-Za-z]+\Z", bare[0]) if ending else None
        return _literal(common) + ".*" + (_literal(end[0]) if end else "") + suffix
    made = []
    for parts in zip(*split, strict=True):
        if all(part.isdigit() and part.isascii() for part in parts):
            made.append(r"\d+")
        elif len(set(parts)) == 1:
            made.append(_literal(parts[0]))
        else:
            made.append("[^_./-]+")
    return "".join(made) + suffix


def _common(texts: Sequence[str]) -> str:
    first = texts[0]
    size = next((at for at in range(len(first)) if any(text[at : at + 1] != first[at] for text in texts)), len(first))
    return re.sub("[0-9]+\\Z", "", first[:size])


def _stem(name: str, span: tuple[int, int] | None) -> str:
    before, after = (name[: span[0]], name[span[1] :]) if span else (name, "")
    for text in (before, after):
        text = re.sub(r"\.[A-Za-z0-9]+\Z", "", _PACKED.sub("", text)) if text is after or span is None else text
        words = [word for word in re.split(r"[\W_]+", plain(text)) if word and not word.isdigit()]
        if words:
            stem = re.sub("[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")
            return stem if stem[:1].isalpha() else f"files_{stem}"
    return "files"


def _say(naming: Naming, found: re.Match[str], name: str) -> None:
    keys = "/".join(naming.keys)
    naming.evidence.append(f"{found[0]!r} in the name {name!r} is the partition: {keys}")
    groups = found.groupdict()
    if groups.get("rest"):
        naming.doubts.append(f"the time in {name!r} is taken for that of the export, not for a partition")
    if found.re is _DATES[1] and int(groups["day"]) <= 12:
        naming.doubts.append(f"{found[0]!r} in the name is read as day, month, year")
    if "[^_./-]+" in naming.pattern:
        naming.doubts.append("a word of the names varies: give its group a name to make it a partition key")


def plain(text: str) -> str:
    """A text in letters without marks: names of tables and columns have no others."""
    import unicodedata

    for letter, others in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe"}.items():
        text = text.replace(letter, others).replace(letter.upper(), others.capitalize())
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def column_name_of(header: str, number: int, taken: set[str]) -> str:
    """A column's name for a name in a header, or for the field of this number without one; none of those taken."""
    try:
        name = column_of_header(re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]+", "_", plain(header))).strip("_"))
    except ValueError:
        folded = re.sub(r"[^a-z0-9]+", "_", plain(header).lower()).strip("_")
        name = f"c_{folded}"[:120] if folded else f"column_{number}"
    base, count = name, 2
    while name in taken:
        name, count = f"{base[:120]}_{count}", count + 1
    return name
