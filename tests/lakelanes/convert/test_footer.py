"""The last lines of a file that are left out: which ones, wherever reads end, and in constant memory."""

from __future__ import annotations

import gzip
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.footer import FooterCutter
from tests.lakelanes.convert.support import load
from tests.support.properties import examples

HEADER = b"id,amount,day\n"


def read_whole(cutter: FooterCutter, size: int = 1 << 20) -> bytes:
    return b"".join(iter(lambda: cutter.read(size), b""))


@examples(300)
@given(st.text("ab\r\n", max_size=30), st.integers(1, 4), st.integers(1, 7))
def test_the_last_lines_with_a_character_are_left_out(text: str, count: int, size: int) -> None:
    cutter = FooterCutter(io.BytesIO(text.encode()).read, count)
    read = read_whole(cutter, size).decode()
    assert text.startswith(read)
    first = re.search("\r\n|\r|\n", text)
    end = "\r\n|\r|\n" if first is not None and first[0] == "\r" else "\n"

    def lines(of: str) -> list[str]:
        return [line for line in re.split(end, of) if line.strip("\r")]

    left = lines(text[len(read) :])
    assert len(left) == cutter.lines == min(count, len(lines(text)))
    assert left == lines(text)[len(lines(text)) - len(left) :]
    assert not read or not left or read[-1] == "\n" or (read[-1] == "\r" and end != "\n")
    # Blank lines above the footer are none of it.
    assert len(lines(text)) <= count or not re.match(f"\r?(?:{end})", text[len(read) :])


def test_a_carriage_return_is_a_line_end_where_it_ends_the_first_line() -> None:
    def left_out(text: bytes) -> bytes:
        return text.removeprefix(read_whole(FooterCutter(io.BytesIO(text).read, 1), 3))

    assert left_out(b"a\nb\rTotal\n") == b"b\rTotal\n"
    assert left_out(b"a\r\nb\rTotal\r\n\r\n") == b"b\rTotal\r\n\r\n"
    assert left_out(b"a\rb\rTotal\r") == b"Total\r"


def test_what_is_held_back_is_little() -> None:
    data, cutter = io.BytesIO(b"x" * 99 + b"\n" + b"0123456789\n" * 300_000), None
    cutter = FooterCutter(data.read, 3)
    first = cutter.read(1 << 20)
    assert len(first) > (1 << 20) - 100
    assert len(first + read_whole(cutter)) == 100 + 11 * 299_997


def test_a_footer_cannot_be_longer_than_8_mib() -> None:
    cutter = FooterCutter(io.BytesIO(b"a\nb\n" + b"x" * (9 << 20) + b"\nc\n").read, 2)
    read = b""
    with pytest.raises(UnreadableSourceError, match=r"2 lines that dialect\.skip_footer might leave out are longer"):
        while True:
            read += cutter.read(1 << 20)
    assert read.startswith(b"a\nb\nxxx")
    assert cutter.lines == 0


def test_the_end_of_a_file_that_is_cut_off_is_no_footer() -> None:
    packed = gzip.compress(HEADER + b"a,1,\nb,2,\nTotal,3,\n")
    outcome = load(packed[:-4], dialect=Dialect(skip_footer=1))
    assert outcome.conversion.refused == "the gzip data ends early: the file was cut off"
    assert [row["raw"] for row in outcome.rejects] == ["a,1,", "b,2,", "Total,3,"]
    assert outcome.conversion.left_out == 0


TUNINGS = [Tuning(), Tuning(fast=False), Tuning(threads=3, block_bytes=16), Tuning(threads=1, block_bytes=20)]


@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n", b"\n\n\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_footer_is_no_row_whatever_is_in_it(tuning: Tuning, end: bytes, pack: type[bytes]) -> None:
    rows = b"".join(b"row %d,%d.50,\n" % (number, number) for number in range(50)) + b"bad,x,\n"
    footer = b'Total,,1225.00,"too many,'
    outcome = load(pack(HEADER + rows + footer + end), tuning=tuning, dialect=Dialect(skip_footer=1))
    assert (outcome.conversion.rows_loaded, outcome.conversion.left_out) == (50, 1)
    assert [(row["record"], row["line"], row["raw"]) for row in outcome.rejects] == [(51, 52, "bad,x,")]


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_refused_file_has_its_rows_in_the_rejects_and_not_the_footer(tuning: Tuning) -> None:
    data = HEADER + b"a,1,\nb,x,\nTotal,2\n"
    for policy in ({"on_bad_rows": "fail"}, {"columns": ["other"]}):
        header = policy.pop("columns", None)
        text = data.replace(b"amount", b"other") if header else data
        outcome = load(text, tuning=tuning, dialect=Dialect(skip_footer=1), **policy)
        assert outcome.conversion.refused is not None
        assert [row["raw"] for row in outcome.rejects] == ["a,1,", "b,x,"]
        assert outcome.conversion.left_out == 1


def test_a_file_whose_header_would_be_the_footer_is_refused_with_all_lines() -> None:
    outcome = load(b"Report\n" + HEADER + b"\n", dialect=Dialect(skip_rows=1, skip_footer=1))
    assert outcome.conversion.refused == (
        "dialect.skip_rows is 1 and dialect.skip_footer is 1, but the file has 2 lines: no header is left"
    )
    assert [row["raw"] for row in outcome.rejects] == ["Report", "id,amount,day"]


def test_a_file_of_fewer_lines_than_the_footer_is_refused() -> None:
    dialect = Dialect(skip_footer=3, header=False)
    assert load(b"1\n2\n", {"n": "int"}, dialect=dialect).conversion.refused == (
        "dialect.skip_footer is 3, but the file has 2 lines: no row is left"
    )
    assert load(b"1\n2\n3\n", {"n": "int"}, dialect=dialect).rows == []
    assert load(b"", {"n": "int"}, dialect=dialect).rows == []


@pytest.mark.parametrize("count", [-1, 1001])
def test_a_footer_has_0_to_1000_lines(count: int) -> None:
    with pytest.raises(ValueError, match=f"skip_footer is {count}, expected 0 to 1000"):
        Dialect(skip_footer=count)
