"""Where records begin and end, over generated texts, against an independent reader (see reference.py)."""

from __future__ import annotations

import csv
import re
from itertools import islice, takewhile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakelanes.convert import Dialect
from lakelanes.convert.quoting import QUOTE_INSIDE, TEXT_AFTER
from lakelanes.convert.record_index import count_lines, guess_cut, index_records, split_fields, well_quoted
from tests.lakelanes.convert.generated import csv_written, structure
from tests.lakelanes.convert.reference import read_records
from tests.support.properties import examples


def line_by_line(text: str) -> list[str]:
    """Lines with their ends, for csv.reader, which takes a lone CR for a line end only where a string ends."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def test_records_that_a_carriage_return_alone_divides_are_found_with_their_line() -> None:
    data = bytearray(b'a\rb\rc\nd\r\ne\r\rf\n"\r"\rg\n\rh\ri')
    index = index_records(data, len(data), Dialect(), final=True, keep_blank=False)
    records = [bytes(data[start:end]).decode() for start, end in zip(index.starts, index.ends, strict=True)]
    assert [records[at] for at in index.broken(data).tolist()] == ["a", "b", "c", '"\r"', "g", "h", "i"]
    for last, line in {
        b"c": b"a\rb\r",
        b"b": b"a\r",
        b"d": b"",
        b"f": b"",
        b"g": b'"\r"\r',
        b"h": b"",
        b"i": b"h\r",
    }.items():
        torn = data.index(last)
        before = index_records(data, torn, Dialect(), final=True, keep_blank=False)
        assert bytes(data[before.whole_line(data, torn) : torn]) == line


@examples(300)
@given(structure)
@example('a,"b"c\n')
@example('a,b"c"\n"d"')
def test_the_reference_reads_cells_as_pythons_csv_module(text: str) -> None:
    """Up to a text after a closing quote, which csv refuses as well."""
    records = list(takewhile(lambda record: "after" not in record.faults, read_records(text.encode())))
    sound = [record for record in records if not record.torn]
    read = csv.reader(line_by_line(text), strict=True)
    assert [[cell.text.decode() for cell in record.fields] for record in sound] == list(islice(read, len(sound)))
    if len(records) < len(list(read_records(text.encode()))):
        with pytest.raises(csv.Error, match="expected after"):
            next(read)


@examples(500)
@given(
    structure | st.text("ab,\"\r\n\\'", max_size=40),
    st.sampled_from([Dialect(), Dialect(escape="\\"), Dialect(quote="'"), Dialect(quote="'", escape="\\")]),
    st.booleans(),
)
@example('"', Dialect(), False)
@example('a\n"b""', Dialect(), True)
@example('"a\n"b\n",c\nd', Dialect(), False)
@example("a,'b\\,'c\nd',e'\n", Dialect(quote="'", escape="\\"), False)
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
    assert count_lines(data, len(data)) == len(re.findall(r"\r\n|\r|\n", text))
    reasons = {"after": TEXT_AFTER, "inside": QUOTE_INSIDE}
    faults = {place: reasons[record.faults[0]] for place, record in enumerate(expected) if record.faults}
    found = index.quote_faults(dialect)
    assert {place: reason.split(":")[0] for place, reason in found.items()} == faults
    assert well_quoted(data, len(data), dialect) <= (not faults)
    for record in expected:
        if record.fields and "after" not in record.faults:
            assert split_fields(record.raw, dialect) == [cell.text for cell in record.fields]


def test_a_guess_does_not_count_the_quotes_of_comments() -> None:
    data, dialect = bytearray(b'# 5" pipe\na,"b\nb"\nc,"torn\n'), Dialect(comment="#")
    assert guess_cut(data, len(data), dialect) == data.index(b"c,")
    assert guess_cut(data, len(data), Dialect()) == len(data)


@examples(200)
@given(structure.filter(lambda text: text and not text.startswith(("\n", "\r"))))
def test_a_guessed_cut_is_right_where_quotes_are_well_formed(text: str) -> None:
    fields = [cell for record in read_records(text.encode()) for cell in record.fields]
    well_formed = csv_written([[cell.text.decode() for cell in fields] or ["a"], ["b"]])
    data = bytearray(well_formed + b'c,"torn\n')
    assert guess_cut(data, len(data), Dialect()) == len(well_formed)
