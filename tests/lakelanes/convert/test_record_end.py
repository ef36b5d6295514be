"""The end of a record that comes in pieces is the one that the index of all its bytes has."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakelanes.convert import Dialect
from lakelanes.convert.record_end import RecordEnd
from lakelanes.convert.record_index import count_lines, index_records
from tests.support.properties import examples

DIALECTS = [
    Dialect(),
    Dialect(escape="\\"),
    Dialect(quote=None),
    Dialect(quote="'", escape="\\"),
    Dialect(trim=True),
    Dialect(trim=True, escape="\\"),
    Dialect(comment="#"),
    Dialect(comment="#", escape="\\", trim=True),
]


def fed(record: RecordEnd, data: bytes, pieces: list[int]) -> int | None:
    """Feeds the data in pieces of these sizes, again and again, up to the record's end."""
    at, turn = 0, 0
    while True:
        piece = data[at : at + pieces[turn % len(pieces)]]
        at, turn = at + len(piece), turn + 1
        end = record.feed(piece, final=at >= len(data))
        if end is not None:
            assert data[end:at] == record.rest
            return end
        if at >= len(data):
            return None


@pytest.mark.slow
@examples(600)
@given(
    st.text('aa,,""\r\n\n\\\' #', min_size=1, max_size=14),
    st.sampled_from(DIALECTS),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
@example('a,"b', Dialect(), [3])
@example('"a""b\n",\n', Dialect(), [3])
@example('\n"a\n"b"', Dialect(), [1])
@example('" ," ""\\\r,', Dialect(trim=True, escape="\\"), [1])
@example('" ",\n" ""\ra",a', Dialect(trim=True), [2, 1])
@example("a\\\r\nb\n", Dialect(escape="\\"), [3])
@example('# "\\\n', Dialect(comment="#", escape="\\"), [1])
def test_a_record_ends_in_pieces_where_it_does_as_a_whole(text: str, dialect: Dialect, pieces: list[int]) -> None:
    data = text.encode()
    index = index_records(bytearray(data), len(data), dialect, final=True, keep_blank=True)
    starts = [*index.starts.tolist(), *index.comments.tolist(), *([] if index.torn is None else [index.torn])]
    nexts = sorted([*starts, len(data)])[1]
    record = RecordEnd(dialect)
    end = fed(record, data, pieces)
    if index.torn == 0:
        assert (end, record.in_quotes) == (None, index.in_quotes)
        return
    assert end == nexts
    assert record.lines == count_lines(data[:end], end)
    assert record.is_comment == (0 in index.comments)
    if not record.is_comment:
        assert record.size == int(index.ends[0])


@pytest.mark.parametrize("piece", [1, 2, 7])
@pytest.mark.parametrize(
    ("most_broken", "end"), [(0, 2), (1, 2), (3, 5), (100, 8)], ids=["ends lines", "short", "longer", "whole line"]
)
def test_carriage_returns_that_break_a_line_end_a_record_only_far_from_its_start(
    most_broken: int, end: int, piece: int
) -> None:
    assert fed(RecordEnd(Dialect(), most_broken), b"a\rbb\r#c\nd", [piece]) == end


def test_a_comment_ends_with_a_line_feed_where_carriage_returns_do_not_end_lines() -> None:
    record = RecordEnd(Dialect(comment="#"), most_broken=1)
    assert (fed(record, b"#a\rb\r\nc", [2]), record.size, record.lines) == (6, 4, 2)


def test_nothing_but_a_piece_is_held() -> None:
    record = RecordEnd(Dialect(trim=True))
    for _ in range(1000):
        record.feed(b' , " ' * 100, final=False)
    assert record.size == 500_000
    assert sum(len(value) for value in vars(record).values() if isinstance(value, bytes)) < 1000
