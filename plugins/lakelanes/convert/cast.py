"""From bytes to typed columns, a column at a time.

Vectorised kernels do the plain texts; what they do not vouch for goes, value by value, to parse_value(), which decides
and gives the reason.

pyarrow's own typed reader is never asked. Without an error in any of these it lets '1234' pass for decimal(5,2), reads
1e-45 as a decimal 0, 0x1F as 31 and 1e400 as infinity, and knows a year 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from lakelanes.convert.arrays import of_numbers, of_truths
from lakelanes.convert.dialect import FALSE_TEXTS, RFC_4180, TRUE_TEXTS, Dialect
from lakelanes.convert.digits import WORD, plain_dates, plain_fixed_point
from lakelanes.convert.number_date_formats import (
    EPOCHS,
    ISO_DATE,
    ISO_TIMESTAMP,
    FixedForm,
    fixed_forms,
    number_patterns,
)
from lakelanes.convert.number_marks import marks_pattern
from lakelanes.convert.utf8 import all_utf8, is_utf8
from lakelanes.convert.values import BLANKS, INTEGER_RANGES, ValueRefused, is_value, parse_value
from lakelanes.types import HiveType

# The types published for pyarrow know too little of its functions to check their use.
Array: TypeAlias = Any
pc: Any = pyarrow.compute

Mask = npt.NDArray[np.bool_]

NULL_REFUSED = "the value is null, but the column is required"

_FIRST_DAY = date.min.toordinal() - date(1970, 1, 1).toordinal()
_FIRST_MICROSECOND = _FIRST_DAY * 86_400_000_000
_LAST_MICROSECOND = (date.max.toordinal() + 1 - date(1970, 1, 1).toordinal()) * 86_400_000_000 - 1
_POWERS = 10 ** np.arange(19, dtype=np.int64)
_MAX_DIGITS = 18
_ISLAND = 256
_WORTH_A_KERNEL = 64
_REMEMBERED, _LEAST_REMEMBERED = 30_000, 4
_REMEMBERED_LENGTH = 64
# No plain number, date or truth is as long. The vectorised kernels take 8 bytes and more for each byte of a text.
_LONGEST_PLAIN = 4096
_PIECE = 64 << 10

_BOOLEAN_TEXTS = {
    truth: [spelled for text in texts for spelled in dict.fromkeys((text, text.upper(), text.title()))]
    for truth, texts in ((True, TRUE_TEXTS), (False, FALSE_TEXTS))
}


@dataclass
class Cast:
    """A column after casting: its values, null where bad, the bad rows in order, and the reason for each of them."""

    values: Array
    bad: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    reasons: list[str] = field(default_factory=list)


class Judge:
    """parse_value() for one column, which remembers its verdicts: bad values often come in numbers.

    dialect: with the column's own settings. required: whether a null is bad. columns: how many share the memory for
    that. null_values: those that count in the column.
    """

    def __init__(
        self, column_type: HiveType, dialect: Dialect = RFC_4180, *, required: bool = False, columns: int = 1
    ) -> None:
        self.column_type = column_type
        self.dialect = dialect
        self.required = required
        self.null_values = dialect.nulls_of(column_type)
        self._unescaped = frozenset(dialect.unescaped(self.null_values))
        self._verdicts: dict[bytes, tuple[bool, Any]] = {}
        self._most = max(_REMEMBERED // max(columns, 1), _LEAST_REMEMBERED)

    def __call__(self, text: bytes) -> tuple[bool, Any]:
        """(True, the value) or (False, the reason why there is none)."""
        verdict = self._verdicts.get(text)
        if verdict is None:
            try:
                verdict = (True, parse_value(text, self.column_type, self._unescaped, self.dialect))
            except ValueRefused as refusal:
                verdict = (False, str(refusal))
            if len(text) <= _REMEMBERED_LENGTH:
                if len(self._verdicts) >= self._most:
                    self._verdicts.clear()
                self._verdicts[text] = verdict
        return verdict

    @cached_property
    def more_nulls(self) -> bool:
        """Whether there are nulls that neither a parser nor the values themselves tell: see
        lakelanes.convert.null_values."""
        dialect, kind = self.dialect, self.column_type
        if not self.null_values or not (dialect.quoted_nulls or dialect.trim):
            return False
        return kind.is_text or any(is_value(text.strip(BLANKS), kind, dialect) for text in self.null_values)


def cast_column(texts: Array, judge: Judge) -> Cast:
    """Casts a binary array, whose nulls are the dialect's null values, as the judge would each value."""
    cast = _cast(texts, judge)
    return _without_nulls(cast) if judge.required and cast.values.null_count > len(cast.reasons) else cast


def _without_nulls(cast: Cast) -> Cast:
    """The cast of a required column: its nulls are bad."""
    nulls = ~_mask(cast.values.is_valid(), len(cast.values))
    nulls[cast.bad] = False
    bad = np.concatenate([cast.bad, np.flatnonzero(nulls)])
    reasons = [*cast.reasons, *[NULL_REFUSED] * (bad.size - cast.bad.size)]
    order = np.argsort(bad, kind="stable")
    return Cast(cast.values, bad[order], [reasons[at] for at in order.tolist()])


def _cast(texts: Array, judge: Judge) -> Cast:
    column_type = judge.column_type
    if column_type.is_nested or (column_type.kind == "boolean" and judge.dialect.own_words):
        return _cast_distinct(texts, judge)
    cells = _Cells(texts)
    long = cells.lengths > (np.inf if column_type.is_text else _LONGEST_PLAIN)
    if long.any():
        cells = _Cells(pc.if_else(of_truths(long), pa.scalar(b"", texts.type), texts))
    cells = _usual_form(cells, column_type, judge.dialect)
    if column_type.kind == "timestamp" and judge.dialect.timestamp_format in EPOCHS:
        values, doubtful = _cast_epochs(cells, EPOCHS[judge.dialect.timestamp_format], column_type)
    else:
        values, doubtful = _KERNELS[column_type.kind](cells, column_type)
    doubtful |= long
    if not doubtful.any():
        return Cast(values)
    rows = np.flatnonzero(doubtful)
    distinct = texts.take(of_numbers(rows)).dictionary_encode()
    verdicts = [judge(text) for text in distinct.dictionary.to_pylist()]
    which = distinct.indices.to_numpy()
    accepted = np.array([fits for fits, _ in verdicts], bool)[which]
    if accepted.any():
        mask = np.zeros(len(texts), bool)
        mask[rows[accepted]] = True
        results = pa.array([result if fits else None for fits, result in verdicts], column_type.arrow)
        values = pc.replace_with_mask(values, of_truths(mask), results.take(of_numbers(which[accepted])))
    reasons = np.array([None if fits else result for fits, result in verdicts], object)[which[~accepted]]
    return Cast(values, rows[~accepted], reasons.tolist())


def _cast_distinct(texts: Array, judge: Judge) -> Cast:
    """The cast of what no kernel knows, text by text: arrays, maps and structs, and booleans in words of their own."""
    distinct = texts.dictionary_encode()
    verdicts = [judge(text) for text in distinct.dictionary.to_pylist()]
    fits = np.array([fit for fit, _ in verdicts], bool)
    results = pa.array([result if fit else None for fit, result in verdicts], judge.column_type.arrow)
    which = distinct.indices.fill_null(-1).to_numpy()
    bad = np.flatnonzero((which >= 0) & ~fits[which]) if fits.size else np.zeros(0, np.int64)
    return Cast(results.take(distinct.indices), bad, [str(verdicts[at][1]) for at in which[bad].tolist()])


class _Cells:
    """A binary array as numpy sees it."""

    def __init__(self, texts: Array) -> None:
        self.texts = texts
        validity, offsets, data = texts.buffers()
        self.count = len(texts)
        edges = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + self.count + 1].astype(np.int64)
        first = int(edges[0]) if edges.size else 0
        self._data = data if data is not None else pa.py_buffer(b"")
        self.octets = np.frombuffer(self._data, np.uint8)[first : int(edges[-1]) if edges.size else 0]
        self.edges = edges - first
        self.starts, self.ends = self.edges[:-1], self.edges[1:]
        self.lengths = self.ends - self.starts
        self.valid: Mask = np.ones(self.count, bool)
        if texts.null_count:
            bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
            self.valid = bits[texts.offset : texts.offset + self.count].astype(bool)

    def replaced(self, edges: npt.NDArray[np.int64], octets: npt.NDArray[np.uint8]) -> _Cells:
        """The same rows with other texts, null where they are."""
        return _Cells(
            pa.Array.from_buffers(pa.binary(), self.count, _string_array(edges, octets, self.valid).buffers())
        )

    def text(self, row: int) -> bytes:
        return self.octets[self.edges[row] : self.edges[row + 1]].tobytes()

    def rows_of(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The row that each position of `octets` belongs to."""
        return np.searchsorted(self.ends, positions, side="right")

    def rows_with(self, octets: Mask) -> list[int]:
        """The rows that hold any of these octets."""
        found: set[int] = set()
        for at in range(0, self.octets.size, _PIECE):
            positions = np.flatnonzero(octets[self.octets[at : at + _PIECE]])
            found.update(np.unique(self.rows_of(positions + at)).tolist())
        return sorted(found)

    def strings(self, use: Mask) -> Array:
        """The rows as an Arrow string array, without a copy and unchecked; null where not used."""
        return _string_array(self.edges, self.octets, use)


def _usual_form(cells: _Cells, column_type: HiveType, dialect: Dialect) -> _Cells:
    """The same values as the kernels read them; rows not sure to have one become texts that no kernel reads."""
    kind = column_type.kind
    if kind == "date" and dialect.date_format is not None:
        return _in_iso_form(cells, ISO_DATE, fixed_forms(dialect.date_format))
    if kind == "timestamp":
        return _usual_timestamps(cells, dialect)
    if column_type.is_text and dialect.trim:
        return _Cells(trimmed(cells.texts))
    if dialect.plain_numbers or kind not in _NUMBER_KINDS:
        return cells
    if not dialect.marks.any:
        return _without_separators(cells, dialect)
    marked = cells.rows_of(np.flatnonzero(_MARK_OCTETS[cells.octets]))
    if not marked.size:
        return _without_separators(cells, dialect)
    rows = of_numbers(np.unique(marked))
    unmarked, percentages = _without_marks(cells.texts.take(rows), dialect)
    unmarked = _without_separators(_Cells(unmarked), dialect).texts
    if dialect.percent == "fraction" and percentages.any():
        unmarked = pc.if_else(of_truths(percentages), _hundredths(unmarked), unmarked)
    plain = _without_separators(cells, dialect).texts
    mask = np.zeros(cells.count, bool)
    mask[rows.to_numpy()] = True
    return _Cells(pc.replace_with_mask(plain, of_truths(mask), unmarked))


def trimmed(texts: Array) -> Array:
    """A binary array without the blanks around its texts."""
    # The function knows no binary arrays, and looks at nothing but the octets.
    bare = pc.ascii_trim(_viewed(texts, pa.string()), characters=BLANKS)
    return _viewed(bare, pa.binary())


def _viewed(texts: Array, arrow: Any) -> Array:
    return pa.Array.from_buffers(arrow, len(texts), texts.buffers(), texts.null_count, texts.offset)


def _usual_timestamps(cells: _Cells, dialect: Dialect) -> _Cells:
    form, cut = dialect.timestamp_format, dialect.beyond_microseconds == "cut"
    if form in EPOCHS:
        return cells
    if form is not None:
        return _in_iso_form(cells, ISO_TIMESTAMP, fixed_forms(form, cut=cut))
    return _Cells(pc.replace_substring_regex(cells.texts, _BEYOND_MICROSECONDS, rb"\1")) if cut else cells


def _without_marks(texts: Array, dialect: Dialect) -> tuple[Array, Mask]:
    """The texts without the marks that stand in one of the usual orders, and which of these are percentages."""
    pattern = marks_pattern(dialect.marks, dialect.decimal_separator, dialect.thousands_separator)
    found = pc.extract_regex(texts, pattern.encode())
    groups = dict(zip((field.name for field in found.type), found.flatten(), strict=True))
    there = {name: _mask(pc.greater(pc.binary_length(group), 0), len(texts)) for name, group in groups.items()}
    signs = sum(there[name].astype(np.int8) for name in ("sign", "sign_after", "minus", "opened"))
    usual = _mask(found.is_valid(), len(texts)) & (signs <= 1) & (there["opened"] == there["closed"])
    usual &= ~(there["before"] & there["after"])
    minus = there["minus"] | there["opened"]
    for name in ("sign", "sign_after"):
        minus |= _mask(pc.equal(groups[name], b"-"), len(texts))
    sign = pc.if_else(of_truths(minus), b"-", b"")
    bare = pc.binary_join_element_wise(sign.cast(pa.binary()), groups["number"], b"")
    return pc.if_else(of_truths(usual), bare, texts), usual & there["percent"]


def _hundredths(texts: Array) -> Array:
    """A hundredth of each number that is written with digits and a decimal point alone."""
    # A reference of RE2's has one digit: what follows \1 are two zeros.
    padded = pc.replace_substring_regex(texts, rb"^(-?)([0-9]+)(\.[0-9]*)?$", rb"\100\2\3")
    return pc.replace_substring_regex(padded, rb"^(-?[0-9]+)([0-9]{2})\.?([0-9]*)$", rb"\1.\2\3")


def _without_separators(cells: _Cells, dialect: Dialect) -> _Cells:
    """Numbers with a decimal point and without groups of thousands."""
    thousands = (dialect.thousands_separator or "").encode()
    if thousands and thousands in cells.octets.tobytes():
        grouped = number_patterns(dialect.decimal_separator, dialect.thousands_separator)[1]
        whole = pc.replace_substring(cells.texts, thousands, b"")
        cells = _Cells(pc.if_else(pc.match_substring_regex(cells.texts, grouped.encode()), whole, cells.texts))
    if dialect.decimal_separator == ",":
        cells = cells.replaced(cells.edges, _POINT_FOR_COMMA[cells.octets])
    return cells


def _in_iso_form(cells: _Cells, template: bytes, forms: tuple[FixedForm, ...]) -> _Cells:
    """The rows that have one of these forms in ISO 8601, the others empty."""
    # What is cut off goes past the template's end.
    wide = max([len(template), *(max(form.places) + 1 for form in forms)])
    texts = np.tile(np.frombuffer(template.ljust(wide, b"0"), np.uint8), (cells.count, 1))
    sure = np.zeros(cells.count, bool)
    for form in forms:
        rows = np.flatnonzero(cells.valid & (cells.lengths == form.length))
        for offset, octet in form.literals:
            rows = rows[cells.octets[cells.starts[rows] + offset] == octet]
        digits = cells.octets[cells.starts[rows, None] + np.array(form.digits)]
        fine = ((digits - np.uint8(ord("0"))) <= 9).all(axis=1)
        texts[rows[fine, None], np.array(form.places)] = digits[fine]
        sure[rows[fine]] = True
    edges = np.concatenate([[0], np.cumsum(np.where(sure, len(template), 0))])
    return cells.replaced(edges, texts[sure, : len(template)].ravel())


def _string_array(edges: npt.NDArray[np.int64], octets: npt.NDArray[np.uint8], use: Mask) -> Array:
    validity = None if use.all() else pa.py_buffer(np.packbits(use, bitorder="little"))
    buffers = [validity, pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(octets))]
    return pa.Array.from_buffers(pa.string(), len(use), buffers)


def _primitive(values: npt.NDArray[Any], use: Mask, arrow: pa.DataType) -> Array:
    """An Arrow array over numpy's values of the same width, null where not used."""
    validity = None if use.all() else pa.py_buffer(np.packbits(use, bitorder="little"))
    return pa.Array.from_buffers(arrow, len(use), [validity, pa.py_buffer(np.ascontiguousarray(values))])


def _fixed_point(cells: _Cells, scale: int, point: bool) -> tuple[npt.NDArray[np.int64], Mask]:
    """The value of each row times 10**scale, and which rows are too unusual to say (their value is 0).

    point: whether a row may have a '.'; without one, scale is 0.
    """
    if scale >= WORD - 1:
        return _any_fixed_point(cells, scale, point)
    values, sure = plain_fixed_point(cells.octets, cells.starts, cells.lengths, scale)
    rest = np.flatnonzero(~sure & cells.valid)
    if rest.size > _WORTH_A_KERNEL:
        values[rest], unsure = _any_fixed_point(_Cells(cells.texts.take(of_numbers(rest))), scale, point)
        sure[rest] = ~unsure
    return values, ~(sure & cells.valid)


def _any_fixed_point(cells: _Cells, scale: int, point: bool) -> tuple[npt.NDArray[np.int64], Mask]:
    """_fixed_point() for rows of varied forms: -12  1.5  .25  7."""
    octets, lengths = cells.octets, cells.lengths
    is_digit = (octets - np.uint8(48)) <= 9
    others = np.flatnonzero(~is_digit)
    rows, marks = cells.rows_of(others), octets[others]
    is_point = (marks == ord(".")) if point else np.zeros(others.size, bool)
    is_minus = (marks == ord("-")) & (others == cells.starts[rows])
    doubtful = np.zeros(cells.count, bool)
    doubtful[rows[~(is_point | is_minus)]] = True
    points = np.bincount(rows[is_point], minlength=cells.count)
    negative = np.zeros(cells.count, bool)
    negative[rows[is_minus]] = True
    decimals = np.zeros(cells.count, np.int64)
    decimals[rows[is_point]] = cells.ends[rows[is_point]] - others[is_point] - 1
    digits = lengths - points - negative
    doubtful |= (points > 1) | (digits < 1) | (decimals > scale) | (digits + (scale - decimals) > _MAX_DIGITS)
    use = cells.valid & ~doubtful
    edges = np.concatenate([[0], np.cumsum(np.where(use, digits, 0))])
    kept = octets[is_digit & np.repeat(use, lengths)]
    whole = pc.cast(_string_array(edges, kept, use), pa.int64())
    values = np.frombuffer(whole.buffers()[1], np.int64, len(whole)).copy()
    values[~use] = 0
    values *= _POWERS[np.where(use, scale - decimals, 0)]
    values[negative] *= -1
    return values, ~use


def _cast_integers(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    whole, unsure = _fixed_point(cells, 0, point=False)
    lowest, highest = INTEGER_RANGES[column_type.kind]
    unsure |= (whole < lowest) | (whole > highest)
    width = np.dtype(f"i{column_type.arrow.bit_width // 8}")
    whole[unsure] = 0
    return _primitive(whole.astype(width), ~unsure, column_type.arrow), unsure & cells.valid


def _cast_decimals(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    precision = column_type.precision or 0
    unscaled, unsure = _fixed_point(cells, column_type.scale or 0, point=True)
    if precision <= _MAX_DIGITS:
        unsure |= np.abs(unscaled) >= _POWERS[precision]
        unscaled[unsure] = 0
    words = np.empty((cells.count, 2), np.int64)
    words[:, 0] = unscaled
    words[:, 1] = unscaled >> 63
    return _primitive(words, ~unsure, column_type.arrow), unsure & cells.valid


def _cast_dates(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    days, sure = plain_dates(cells.octets, cells.starts, cells.lengths)
    sure &= cells.valid
    return _primitive(days, sure, column_type.arrow), cells.valid & ~sure


def _cast_floats(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    values, use = _cast_screened(cells, _FLOAT_OCTETS, column_type.arrow)
    use &= _mask(pc.is_finite(values), cells.count)
    return pc.if_else(of_truths(use), values, pa.scalar(None, column_type.arrow)), cells.valid & ~use


def _cast_timestamps(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    values, use = _cast_screened(cells, _TIMESTAMP_OCTETS, column_type.arrow)
    first = pa.scalar(_FIRST_MICROSECOND, pa.int64()).cast(column_type.arrow)
    use &= _mask(pc.greater_equal(values, first), cells.count)
    return pc.if_else(of_truths(use), values, pa.scalar(None, column_type.arrow)), cells.valid & ~use


def _cast_epochs(cells: _Cells, digits: int, column_type: HiveType) -> tuple[Array, Mask]:
    """Timestamps from numbers of which so many digits after the point make a microsecond."""
    microseconds, unsure = _fixed_point(cells, digits, point=digits > 0)
    unsure |= (microseconds < _FIRST_MICROSECOND) | (microseconds > _LAST_MICROSECOND)
    microseconds[unsure] = 0
    return _primitive(microseconds, ~unsure, column_type.arrow), unsure & cells.valid


def _octet_set(*characters: str) -> Mask:
    octets = np.zeros(256, bool)
    octets[list("".join(characters).encode())] = True
    return octets


_NUMBER_KINDS = frozenset({*INTEGER_RANGES, "decimal", "float", "double"})
# What numbers without marks have none of: all but digits, blanks and separators.
_MARK_OCTETS = ~_octet_set("0123456789., \t")
_POINT_FOR_COMMA = np.arange(256, dtype=np.uint8)
_POINT_FOR_COMMA[ord(".")], _POINT_FOR_COMMA[ord(",")] = 0, ord(".")
# A timestamp with seven digits of a second or more, as far as its sixth.
_BEYOND_MICROSECONDS = rb"^([ \t]*[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})[0-9]+"
_FOREIGN = np.arange(256) >= 0x80
_FLOAT_OCTETS = _octet_set("0123456789+-.eE")
_TIMESTAMP_OCTETS = _octet_set("0123456789-: T.Z+")


def _cast_screened(cells: _Cells, octets: Mask, arrow: Any) -> tuple[Array, Mask]:
    """pyarrow's own cast of the rows that hold none but these octets; unused are those it fails on, with neighbours."""
    use = cells.valid & (cells.lengths > 0)
    strange = np.flatnonzero(~octets[cells.octets])
    use[cells.rows_of(strange)] = False
    texts = cells.strings(use)
    values = _try_cast(texts, arrow)
    if values is None:
        islands = []
        for start in range(0, cells.count, _ISLAND):
            island = _try_cast(texts.slice(start, _ISLAND), arrow)
            if island is None:
                stop = min(start + _ISLAND, cells.count)
                use[start:stop] = False
                island = pa.nulls(stop - start, arrow)
            islands.append(island)
        values = pa.concat_arrays(islands)
    return values, use


def _try_cast(texts: Array, arrow: Any) -> Array | None:
    try:
        return pc.cast(texts, arrow)
    except pa.ArrowInvalid:
        if not pa.types.is_timestamp(arrow):
            return None
    try:
        # Texts that all carry a zone: the same instants, kept as UTC.
        return pc.cast(texts, pa.timestamp("us", "UTC")).view(pa.int64()).view(arrow)
    except pa.ArrowInvalid:
        return None


def _mask(values: Array, count: int) -> Mask:
    """A boolean array as numpy's, null being False."""
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), bool).reshape(count)


def _cast_booleans(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    texts = pa.Array.from_buffers(pa.binary(), cells.count, cells.strings(cells.valid).buffers())
    truths = _mask(pc.is_in(texts, value_set=_TRUE_SET), cells.count) & cells.valid
    known = truths | (_mask(pc.is_in(texts, value_set=_FALSE_SET), cells.count) & cells.valid)
    values = pa.Array.from_buffers(
        pa.bool_(),
        cells.count,
        [pa.py_buffer(np.packbits(known, bitorder="little")), pa.py_buffer(np.packbits(truths, bitorder="little"))],
    )
    return values, cells.valid & ~known


_TRUE_SET, _FALSE_SET = (
    pa.array([text.encode() for text in _BOOLEAN_TEXTS[truth]], pa.binary()) for truth in (True, False)
)


def _cast_characters(cells: _Cells, column_type: HiveType) -> tuple[Array, Mask]:
    use = cells.valid.copy()
    texts = cells.strings(use)
    if not all_utf8(texts):
        broken = [row for row in cells.rows_with(_FOREIGN) if not is_utf8(cells.text(row))]
        use[broken] = False
        texts = cells.strings(use)
    if column_type.length is not None:
        use &= ~_mask(pc.greater(pc.utf8_length(texts), column_type.length), cells.count)
        texts = cells.strings(use)
    return texts, cells.valid & ~use


_KERNELS: dict[str, Callable[[_Cells, HiveType], tuple[Array, Mask]]] = {
    **dict.fromkeys(INTEGER_RANGES, _cast_integers),
    "decimal": _cast_decimals,
    "float": _cast_floats,
    "double": _cast_floats,
    "boolean": _cast_booleans,
    "date": _cast_dates,
    "timestamp": _cast_timestamps,
    "string": _cast_characters,
    "char": _cast_characters,
    "varchar": _cast_characters,
}
