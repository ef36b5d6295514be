"""Properties over generated files, dialects and corruptions; the reference is an independent reader.

The examples are the same in every run (derandomized): a failure prints the file, and `@reproduce_failure` or an
@example() with it repeats it. LAKELANES_EXAMPLES multiplies their number.
"""

from __future__ import annotations

import csv
import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.cast import Judge, cast_column
from lakelanes.convert.record_index import count_lines, guess_cut, index_records, split_fields
from lakelanes.convert.values import ValueRefused, parse_value
from lakelanes.types import parse_type
from tests.lakelanes.convert.reference import expect, read_records
from tests.lakelanes.convert.support import load
from tests.support.properties import examples

TYPES = [
    "string",
    "char(3)",
    "varchar(6)",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "double",
    "boolean",
    "date",
    "timestamp",
    "decimal(10,2)",
    "decimal(5,0)",
    "decimal(9,9)",
    "decimal(18,6)",
    "decimal(38,3)",
]

whole = st.integers(-(10**20), 10**20).map(str) | st.integers(-200, 200).map(str)
decimals = st.tuples(st.sampled_from(["", "-", "+"]), st.integers(0, 10**9).map(str), st.text("0123456789", max_size=8))
fixed_point = decimals.map(lambda parts: f"{parts[0]}{parts[1]}.{parts[2]}")
days = st.dates().map(str) | st.tuples(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)).map(
    lambda parts: "{:04d}-{:02d}-{:02d}".format(*parts)
)
other_days = st.dates().map(lambda day: f"{day.day:02d}.{day.month:02d}.{day.year:04d}") | st.dates().map(
    lambda day: f"{day.month}/{day.day}/{day.year % 100:02d}"
)
times = st.from_regex(r"[0-2][0-9](:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,8}0{0,3})?)?)?", fullmatch=True)
zones = st.sampled_from(["", "", "", "Z", "+01", "-0230", "+05:30", "+24:00"])
timestamps = st.builds(lambda day, gap, time, zone: day + gap + time + zone, days, st.sampled_from(" T"), times, zones)
numbers = (
    whole
    | fixed_point
    | st.floats().map(repr)
    | st.from_regex(r"[+-]?\.?[0-9]{1,4}[eE][+-]?[0-9]{1,3}", fullmatch=True)
)
words = st.sampled_from(
    ["true", "F", "Yes", "n", "0", "1", "nan", "inf", "-Infinity", "nan(1)", "1e400", "1e-45", "0x1F", "-", ".", "NULL"]
)
noise = st.text("0123456789.,-+eE :TZxé\"'\t\n\r\\", max_size=14)
plain = st.one_of(whole, fixed_point, days, timestamps, numbers, words, st.just(""))
texts = st.one_of(plain, plain, plain.map(" {} ".format), st.text(max_size=8), noise)


FORMS: list[dict[str, Any]] = [
    {"date_format": "%d.%m.%Y", "timestamp_format": "%d/%m/%Y %H:%M:%S.%f"},
    {"date_format": "%m/%d/%y", "timestamp_format": "%m/%d/%Y %I:%M %p"},
    {"decimal_separator": ","},
    {"decimal_separator": ",", "thousands_separator": "."},
    {"decimal_separator": ".", "thousands_separator": "\u2019"},
    {"decimal_separator": ".", "thousands_separator": ","},
]


commas = fixed_point.map(lambda text: text.replace(".", ",")) | st.integers(0, 10**8).map("{:,}".format)
other_times = st.datetimes().map(lambda time: f"{time:%d/%m/}{time.year:04d}{time: %H:%M:%S.%f}") | st.datetimes().map(
    lambda time: f"{time.year:04d}{time:%m%d%H%M%S%f}"
)
KINDS = [whole, fixed_point, days, timestamps, numbers, words, texts, texts, other_days, other_times, commas]


@st.composite
def column_texts(draw: st.DrawFn) -> list[bytes | None]:
    """A column: often all alike, as columns are, sometimes long enough for the kernels to work in pieces."""
    one_kind = draw(st.sampled_from(KINDS))
    values = draw(st.lists(one_kind | texts if draw(st.booleans()) else one_kind, max_size=30))
    column: list[bytes | None] = [value.encode(errors="surrogatepass") for value in values]
    if draw(st.booleans()):
        column.append(draw(st.none() | st.binary(max_size=6)))
    return column * draw(st.sampled_from([1, 1, 1, 5, 300]))


@pytest.mark.parametrize("hive_type", [*TYPES, "float"])
@examples(35)
@given(texts=column_texts(), forms=st.sampled_from([{}, {}, {}, *FORMS, {"timestamp_format": "%Y%m%d%H%M%S%f"}]))
def test_the_kernels_agree_with_the_definition(
    hive_type: str, texts: list[bytes | None], forms: dict[str, Any]
) -> None:
    column_type, nulls = parse_type(hive_type), frozenset(["", "NULL"])
    dialect = Dialect(null_values=("", "NULL"), **forms)
    cast = cast_column(pa.array(texts, pa.binary()), Judge(column_type, dialect))
    bad = dict(zip(cast.bad.tolist(), cast.reasons, strict=True))
    cast.values.validate(full=True)
    assert cast.values.type == column_type.arrow
    for row, (text, value) in enumerate(zip(texts, cast.values.to_pylist(), strict=True)):
        try:
            expected = None if text is None else parse_value(text, column_type, nulls, dialect)
        except ValueRefused as refusal:
            assert bad[row] == str(refusal)
            continue
        assert row not in bad
        assert value == expected or (math.isnan(value) and math.isnan(expected))


structure = st.text('ab,"\r\n', max_size=40)


def line_by_line(text: str) -> list[str]:
    """Lines with their ends, for csv.reader, which takes a lone CR for a line end only where a string ends."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


@examples(300)
@given(structure)
def test_the_reference_reads_cells_as_pythons_csv_module(text: str) -> None:
    records = [record for record in read_records(text.encode()) if not record.torn]
    cells = [[cell.text.decode() for cell in record.fields] for record in records]
    assert cells == list(csv.reader(line_by_line(text)))[: len(cells)]


@examples(500)
@given(
    structure | st.text("ab,\"\r\n\\'", max_size=40),
    st.sampled_from([Dialect(), Dialect(escape="\\"), Dialect(quote="'"), Dialect(quote="'", escape="\\")]),
    st.booleans(),
)
@example('"', Dialect(), False)
@example('a\n"b""', Dialect(), True)
@example("a\\", Dialect(escape="\\"), False)
def test_records_begin_and_end_where_the_reference_says(text: str, dialect: Dialect, keep_blank: bool) -> None:
    data = bytearray(text.encode())
    index = index_records(data, len(data), dialect, final=True, keep_blank=keep_blank)
    expected = [
        record
        for record in read_records(bytes(data), quote=dialect.quote or "", escape=dialect.escape)
        if not record.torn and (keep_blank or record.fields)
    ]
    torn = any(record.torn for record in read_records(bytes(data), quote=dialect.quote or "", escape=dialect.escape))
    lines = index.lines(np.arange(index.starts.size))
    raws = [bytes(data[start:end]) for start, end in zip(index.starts, index.ends, strict=True)]
    assert raws == [record.raw for record in expected]
    assert (lines + 1).tolist() == [record.line for record in expected]
    assert (index.torn is not None) == torn
    assert index.in_quotes == torn or text.endswith("\\")
    assert count_lines(data, len(data)) == len(re.findall(r"\r\n|\r|\n", text)) == index.line_ends.size
    for record in expected:
        if record.fields:
            assert split_fields(record.raw, dialect) == [cell.text for cell in record.fields]


@examples(200)
@given(structure.filter(lambda text: text and not text.startswith(("\n", "\r"))))
def test_a_guessed_cut_is_right_where_quotes_are_well_formed(text: str) -> None:
    fields = [cell for record in read_records(text.encode()) for cell in record.fields]
    well_formed = csv_written([[cell.text.decode() for cell in fields] or ["a"], ["b"]])
    data = bytearray(well_formed + b'c,"torn\n')
    assert guess_cut(data, len(data), Dialect()) == len(well_formed)


def csv_written(records: list[list[str]], delimiter: str = ",", line_end: str = "\n", quote: str = '"') -> bytes:
    """Records as a careful program writes them: quoted where needed."""
    lines = []
    for record in records:
        cells = []
        for cell in record:
            if any(character in cell for character in (delimiter, quote, "\r", "\n")):
                cell = quote + cell.replace(quote, quote * 2) + quote
            cells.append(cell)
        lines.append(delimiter.join(cells) + line_end)
    return "".join(lines).encode(errors="surrogatepass")


def written_as(moment: Any, form: str) -> str:
    """strftime, with four digits for every year."""
    return moment.strftime(form.replace("%Y", f"{moment.year:04d}"))


def grouped(forms: dict[str, Any]) -> st.SearchStrategy[str]:
    """Numbers in these separators, and some that are nearly so."""
    thousands = forms.get("thousands_separator") or ""
    swap = str.maketrans({",": thousands, ".": forms["decimal_separator"]})
    plain = st.decimals(-(10**8), 10**8, places=2).map(lambda number: f"{number:,}".translate(swap))
    return (
        plain | plain | plain.map(lambda text: text.replace(thousands, "", 1)) | st.text("01239.,\u2019-e", max_size=9)
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, dict[str, str], dict[str, Any]]:
    """A file, its table's types, and its dialect: clean, dirty or damaged."""
    delimiter, quote = draw(st.sampled_from([(",", '"'), (",", '"'), (";", "'"), ("\t", '"')]))
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    types = {f"c{position}": kind for position, kind in enumerate(kinds)}
    names = draw(st.permutations(list(types)))
    good = {
        "string": st.text(max_size=6),
        "char(3)": st.text("abé", max_size=3),
        "varchar(6)": st.text(max_size=6),
        "double": st.floats().map(repr),
        "boolean": st.sampled_from(["true", "F", "Yes", "0"]),
        "date": st.dates().map(str),
        "timestamp": st.datetimes().map(str),
    }
    forms: dict[str, Any] = draw(st.sampled_from([{}, {}, *FORMS]))
    if "date_format" in forms:
        good["date"] = st.dates().map(lambda day: written_as(day, forms["date_format"])) | good["date"]
    if "timestamp_format" in forms:
        good["timestamp"] = st.datetimes().map(lambda time: written_as(time, forms["timestamp_format"]))
    if "decimal_separator" in forms:
        good |= dict.fromkeys([kind for kind in TYPES if kind not in good or kind == "double"], grouped(forms))
    cells = {
        name: st.one_of(*[good.get(kind, st.integers(-100, 100).map(str))] * 6, st.just(""), texts)
        for name, kind in types.items()
    }
    rows = draw(st.lists(st.tuples(*(cells[name] for name in names)).map(list), max_size=12))
    for row in rows:
        if draw(st.integers(0, 9)) == 0:
            row[:] = draw(st.lists(texts, max_size=5))
    rows *= draw(st.sampled_from([1, 1, 1, 3, 40]))
    line_end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    dialect: dict[str, Any] = {"delimiter": delimiter, "quote": quote}
    if draw(st.booleans()):
        dialect["header"] = draw(st.booleans())
        dialect["trailing_delimiter"] = draw(st.booleans())
        dialect["skip_rows"] = draw(st.sampled_from([0, 0, 1, 3]))
    if dialect.get("trailing_delimiter"):
        rows = [[*row, draw(st.sampled_from(["", "", "", "NULL", "x"]))] for row in rows]
    preamble = [f'line {number} "{delimiter}' for number in range(dialect.get("skip_rows", 0))]
    head = "".join(line + line_end for line in preamble).encode()
    if dialect.get("header", True):
        head += csv_written(
            [[*names, ""] if dialect.get("trailing_delimiter") and draw(st.booleans()) else list(names)],
            delimiter,
            line_end,
            quote,
        )
    else:
        types = {name: types[name] for name in names}
    data = head + csv_written(rows, delimiter, line_end, quote)
    header_bytes = len(head)
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        at = draw(st.integers(header_bytes, len(data)))
        inserted = draw(
            st.sampled_from([quote, "\n", "\r", delimiter, "\n\n", " "]).map(str.encode) | st.binary(max_size=2)
        )
        data = data[:at] + inserted + data[at:]
    if draw(st.booleans()):
        data = data[: draw(st.integers(header_bytes, len(data)))]
    encoding = draw(st.sampled_from(["utf-8"] * 5 + ["cp1252", "utf-16", "shift_jis"]))
    if encoding != "utf-8":
        dialect["encoding"] = encoding
        written = data.decode(errors="replace")
        data = written.encode(encoding, "replace")
        for _ in range(draw(st.sampled_from([0, 1, 3])) if encoding != "utf-16" else 0):
            at = draw(st.integers(header_bytes, max(header_bytes, len(data))))
            data = data[:at] + draw(st.sampled_from([b"\x81", b"\xff", b"\xc3\xa9"])) + data[at:]
    return data, types, dialect | forms


def comparable(rows: list[tuple[Any, ...]] | None) -> list[tuple[Any, ...]]:
    """NaN equals itself here."""
    return [tuple("nan" if value != value else value for value in row) for row in rows or []]


@examples(150)
@given(files(), st.sampled_from([16, 50, 200, 1 << 20]))
@example((b'a,b\n"0\r",\n', {"a": "double", "b": "string"}, {}), 16)
def test_a_file_is_loaded_as_the_reference_reads_it(
    file: tuple[bytes, dict[str, str], dict[str, Any]], block: int
) -> None:
    data, types, dialect = file
    forms = {name: dialect[name] for name in dialect if name in {name for form in FORMS for name in form}}
    rest = {name: dialect[name] for name in dialect if name not in forms}
    expected = expect(data, types, nulls=("", "NULL"), forms=forms, **rest)
    careful = None
    for tuning in (
        Tuning(threads=1, fast=False),
        Tuning(threads=1),
        Tuning(threads=1, block_bytes=block),
        Tuning(threads=3, block_bytes=block),
    ):
        outcome = load(data, types, tuning, dialect=Dialect(null_values=("", "NULL"), **dialect))
        assert comparable(outcome.rows) == comparable(expected.rows)
        where = [(row["record"], row["line"], row["column"], row["raw"]) for row in outcome.rejects]
        assert where == expected.faults
        careful = careful or outcome
        assert outcome.rejects == careful.rejects
        assert outcome.conversion == careful.conversion
