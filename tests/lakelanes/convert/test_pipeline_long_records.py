"""Records that are too long to be held: each rejected as one row, the rows after it loaded, whoever reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.blocks import MAX_RECORD_BYTES
from lakelanes.convert.rejects import RAW_BYTES
from tests.lakelanes.convert.reference import Record, read_records
from tests.lakelanes.convert.support import Outcome, load
from tests.support.properties import examples

HEADER = b"id,amount,day\n"
LONG = MAX_RECORD_BYTES + 1000
TOO_LONG = "the record that begins on line {} is longer than 4 MiB"
OPEN = ": a quote in it may not be closed"
TUNINGS = {"alone": Tuning(threads=1), "threads": Tuning(threads=2), "careful": Tuning(threads=1, fast=False)}


@pytest.fixture(params=TUNINGS)
def tuning(request: pytest.FixtureRequest) -> Tuning:
    return TUNINGS[request.param]


def cut(raw: bytes) -> str:
    return f"{raw[:RAW_BYTES].decode()} [cut: the first {RAW_BYTES} of {len(raw)} bytes]"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_long_line_is_one_row_and_has_no_quote(tuning: Tuning, line_end: bytes) -> None:
    lines = [b"id,amount,day", b"a,1,", b"x" * LONG, b"b,2,", b"c,x,"]
    outcome = load(line_end.join([*lines, b""]), tuning=tuning)
    assert outcome.column("id") == ["a", "b"]
    assert [(row["record"], row["line"], row["column"]) for row in outcome.rejects] == [(2, 3, None), (4, 5, "amount")]
    assert outcome.reasons()[0] == TOO_LONG.format(3)
    assert outcome.rejects[0]["raw"] == cut(b"x" * LONG)


@pytest.mark.parametrize(
    ("inside", "lines"),
    [(b"x" * LONG, 1), (b"x\n" * (LONG // 2), LONG // 2 + 1), (b'""' * (LONG // 2), 1)],
    ids=["text", "lines", "quotes"],
)
def test_after_a_long_quoted_record_the_next_row_loads(tuning: Tuning, inside: bytes, lines: int) -> None:
    record = b'"' + inside + b'",2,'
    outcome = load(HEADER + b"a,1,\n" + record + b"\nb,3,\nc,x,\n", tuning=tuning)
    assert outcome.column("id") == ["a", "b"]
    long, bad = outcome.rejects
    assert (long["record"], long["line"], long["raw"]) == (2, 3, cut(record))
    assert long["reason"] == TOO_LONG.format(3) + (OPEN if lines > 1 else "")
    assert (bad["record"], bad["line"]) == (4, 4 + lines)


def test_a_long_record_with_a_stray_quote_ends_with_its_line(tuning: Tuning) -> None:
    outcome = load(HEADER + b'"' + b"x" * LONG + b'"stray,2,\nb,3,\n', tuning=tuning)
    assert outcome.column("id") == ["b"]
    assert outcome.reasons() == [TOO_LONG.format(2)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [50_000, 200_000, 700_000])
def test_a_quote_that_is_never_closed_rejects_the_lines_however_many(tuning: Tuning, count: int) -> None:
    rows = b"a,1,xx\n" * count
    outcome = load(HEADER + b'a,1,\n"b,2,\n' + rows, tuning=tuning)
    assert outcome.column("id") == ["a"]
    assert outcome.conversion.rows_rejected == count + 1
    assert set(outcome.reasons()) == {"a quote in the record that begins on line 3 is never closed"}
    assert [(row["line"], row["raw"]) for row in outcome.rejects[:2]] == [(3, '"b,2,'), (4, "a,1,xx")]
    assert outcome.rejects[-1]["line"] == count + 3


@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_header_that_is_too_long_is_one_line(line_end: bytes) -> None:
    outcome = load(b"x" * LONG + line_end, tuning=Tuning(threads=1))
    assert outcome.conversion.refused == "the header is longer than 1 MiB"
    assert [(reject["line"], reject["raw"]) for reject in outcome.rejects] == [(1, cut(b"x" * LONG))]


@pytest.mark.slow
def test_a_header_with_an_open_quote_is_told_as_such_however_long_the_file() -> None:
    outcome = load(b'"id,amount,day\n' + b"a,1,\n" * 1_000_000, tuning=Tuning(threads=1))
    assert outcome.conversion.refused == "the header does not end: a quote in it is never closed"
    assert outcome.conversion.rows_rejected == 1_000_001


def test_the_rows_of_a_refused_file_are_rejected_around_a_long_one() -> None:
    data = b"id,other\na,1\n" + b"x" * LONG + b"\nb,2\n"
    outcome = load(data, tuning=Tuning(threads=1))
    assert [row["line"] for row in outcome.rejects] == [2, 3, 4]
    assert outcome.reasons()[1] == TOO_LONG.format(3)
    assert outcome.conversion.refused is not None and "missing column" in outcome.conversion.refused


def test_a_long_comment_is_left_out_wherever_it_stands(tuning: Tuning) -> None:
    comment = b"# " + b'"' * LONG + b"\n"
    outcome = load(comment + HEADER + b"a,1,\n" + comment + b"b,x,\n", tuning=tuning, dialect=Dialect(comment="#"))
    assert outcome.column("id") == ["a"]
    assert [row["line"] for row in outcome.rejects] == [5]
    assert outcome.conversion.left_out == 2


def test_a_long_record_in_utf_16_is_one_row() -> None:
    data = ("id,amount,day\na,1,\n" + "é" * LONG + "\nb,2,\n").encode("utf-16")
    outcome = load(data, tuning=Tuning(threads=1), dialect=Dialect(encoding="utf-16"))
    assert outcome.column("id") == ["a", "b"]
    raw = outcome.rejects[0]["raw"]
    assert raw == "é" * (RAW_BYTES // 2) + f" [cut: the first {RAW_BYTES} of {2 * LONG} bytes]"


LIMIT = 64
_SHORT = [
    "a,1,\n",
    "b,x,\n",
    "\n",
    'c,"2",\n',
    '"d\ne",3,\n',
    "short\n",
    'f "g,4,\n',
    '"h" i,5,\n',
    ' "j" ,6,\n',
    "#k,7,\n",
]
_LONG = [
    "x" * 90 + "\n",
    '"' + "x\n" * 50 + '",1,\n',
    '"' + '""' * 50 + '",1,\n',
    '"' + "x" * 80 + '"y,1,\n',
    '"' + "x" * 70 + "\n" * 9 + '"y",z\n',
    "a," * 50 + "\n",
    'a, "' + "x, \n" * 30 + '" ,\n',
    "#" + '"x' * 60 + "\n",
    '"' + 'x\n"y\n' * 20 + '",1,\n',
]


@pytest.mark.slow
@examples(120)
@given(
    st.lists(st.sampled_from(_SHORT) | st.sampled_from(_LONG), min_size=1, max_size=8),
    st.sampled_from(["", '"open,1,\n', "last"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([{}, {"escape": "\\"}, {"quote": None}, {"quotes": "lenient"}]),
    st.sampled_from([16, 20, 33]),
)
@example([_LONG[0], _LONG[1], _SHORT[0]], '"open,1,\n', "\n", {}, 16)
def test_what_is_too_long_is_so_for_every_reader(
    rows: list[str], last: str, line_end: str, dialect: dict[str, Any], block: int
) -> None:
    text = (HEADER.decode() + "".join(rows) + last).replace("\n", line_end)
    expected = list(rejected(text.encode(), dialect))
    assume(expected and not any(LIMIT - 3 < len(record.raw) < LIMIT + 3 for record, _ in expected))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakelanes.convert.blocks.MAX_RECORD_BYTES", LIMIT)
        first: Outcome | None = None
        for tuning in (
            Tuning(threads=1, fast=False, block_bytes=block),
            Tuning(threads=1, block_bytes=block),
            Tuning(threads=3, block_bytes=block + 5),
        ):
            outcome = load(text.encode(), tuning=tuning, dialect=Dialect(**dialect))
            first = first or outcome
            assert (outcome.rows, outcome.rejects) == (first.rows, first.rejects)
        assert first is not None
        found = {(row["line"], row["raw"]) for row in first.rejects}
        for record, is_long in expected:
            raw, size = record.raw.decode(), len(record.raw)
            if is_long and not record.torn:
                raw = f"{raw[:LIMIT]} [cut: the first {LIMIT} of {size} bytes]"
                assert "is longer than" in reason_on(first, record.line)
            assert (record.line, raw) in found or not (is_long or record.torn)
        assert first.conversion.records == len(expected)


def rejected(data: bytes, dialect: dict[str, Any]) -> Iterator[tuple[Record, bool]]:
    """The records under the header as the reference reads them, and whether each is too long."""
    settings = {name: dialect[name] for name in ("escape",) if name in dialect}
    records = read_records(data, quote=dialect.get("quote", '"') or "", **settings)
    for number, record in enumerate(records):
        if number and record.raw:
            yield record, len(record.raw) > LIMIT


def reason_on(outcome: Outcome, line: int) -> str:
    return next(row["reason"] for row in outcome.rejects if row["line"] == line)


@pytest.mark.slow
@examples(80)
@given(
    st.lists(st.sampled_from(_SHORT) | st.sampled_from(_LONG), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(
        [{"trim": True}, {"comment": "#"}, {"comment": "#", "escape": "\\"}, {"comment": "#", "trim": True}]
    ),
    st.sampled_from([16, 33]),
)
def test_both_readers_agree_on_long_records_among_comments_and_blanks(
    rows: list[str], line_end: str, dialect: dict[str, Any], block: int
) -> None:
    text = re.sub("\n", line_end, HEADER.decode() + "".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakelanes.convert.blocks.MAX_RECORD_BYTES", LIMIT)
        outcomes = [
            load(text.encode(), tuning=tuning, dialect=Dialect(**dialect))
            for tuning in (
                Tuning(threads=1, fast=False, block_bytes=block),
                Tuning(threads=1, block_bytes=block + 3),
                Tuning(threads=2, block_bytes=block),
            )
        ]
    first = outcomes[0]
    for outcome in outcomes[1:]:
        assert (outcome.rows, outcome.rejects) == (first.rows, first.rejects)
        assert outcome.conversion == first.conversion
