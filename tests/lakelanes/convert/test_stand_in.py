"""What stands in for a delimiter: every text comes back, and the delimiters of a file are found whatever it holds."""

from __future__ import annotations

import gzip
import io
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.errors import UnreadableSourceError
from lakelanes.convert.stand_in import StandIn, StandInReader
from tests.lakelanes.convert.support import load
from tests.support.properties import examples

TYPES = {"id": "int", "name": "string"}
DELIMITERS = ["||", "§", "|~|", "aab", "€€"]


def read_whole(reader: StandInReader, size: int) -> bytes:
    return b"".join(iter(lambda: reader.read(size), b""))


@examples(300)
@given(st.sampled_from(DELIMITERS), st.sampled_from([None, "\\"]), st.data(), st.integers(1, 9))
def test_a_text_comes_back_wherever_it_is_cut(
    delimiter: str, escape: str | None, data: st.DataObject, size: int
) -> None:
    stand_in = StandIn(delimiter, escape)
    piece = st.sampled_from(
        [delimiter, *delimiter, stand_in.character, stand_in.mark.decode(), "\x1d", "\\", "x", "\n"]
    )
    text = "".join(data.draw(st.lists(piece, max_size=20))).encode()
    read = read_whole(StandInReader(io.BytesIO(text).read, stand_in), size)
    assert stand_in.value(read) == text
    assert stand_in.text(read.decode()) == text.decode()
    # The delimiters are those that are found from the left, escaped characters left out.
    token = re.compile((rb"\\(?s:.)|" if escape else b"") + re.escape(delimiter).encode())
    assert read.count(stand_in.character.encode()) == sum(found == delimiter.encode() for found in token.findall(text))


def test_the_characters_are_none_that_the_dialect_uses() -> None:
    dialect = Dialect(delimiter="\x1f\x1e", quote="\x1d", comment="\x1c")
    assert dialect.stand_in is not None
    assert not {dialect.stand_in.character, dialect.stand_in.mark.decode()} & set("\x1f\x1e\x1d\x1c")
    assert Dialect(delimiter="\t").stand_in is None


def test_a_column_gets_its_texts_back() -> None:
    stand_in = StandIn("||")
    coded = [b"".join(stand_in.put_into(text)) for text in (b"a||b", b"\x1f", b"plain")]
    texts = stand_in.values(pa.array([coded[0], None, coded[1], coded[2]], pa.binary()))
    assert texts.to_pylist() == [b"a||b", None, b"\x1f", b"plain"]


def test_what_was_readable_comes_before_the_failure() -> None:
    parts = iter([b"a||b|"])

    def read(size: int) -> bytes:
        try:
            return next(parts)
        except StopIteration:
            raise UnreadableSourceError("cut off") from None

    reader, stand_in = StandInReader(read, StandIn("||")), StandIn("||")
    assert stand_in.value(reader.read(99) + reader.read(99)) == b"a||b|"
    with pytest.raises(UnreadableSourceError, match="cut off"):
        reader.read(99)


BOTH_READERS = pytest.mark.parametrize("fast", [True, False])


@BOTH_READERS
def test_quoted_delimiters_are_text_and_reasons_show_them(fast: bool) -> None:
    data = b'id||name\n1||x\n2||"a||b""||"\n"3||"||y\n4|||\n5||\x1f\n6||a||b\n'
    outcome = load(data, TYPES, Tuning(fast=fast), dialect=Dialect(delimiter="||"))
    assert outcome.rows == [(1, "x"), (2, 'a||b"||'), (4, "|"), (5, "\x1f")]
    assert [(row["line"], row["reason"], row["raw"]) for row in outcome.rejects] == [
        (4, "'3||' is not an int", '"3||"||y'),
        (7, "2 fields expected, 3 found", "6||a||b"),
    ]


@BOTH_READERS
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-16", "shift_jis"])
def test_a_delimiter_beyond_ascii(encoding: str, fast: bool) -> None:
    data = "id§name\n1§'§'\n2§x§\n§y\n".encode(encoding)
    dialect = Dialect(delimiter="§", quote="'", encoding=encoding)
    outcome = load(data, TYPES, Tuning(fast=fast, block_bytes=16), dialect=dialect)
    assert outcome.rows == [(1, "§"), (None, "y")]
    assert outcome.rejects[0]["raw"] == "2§x§"


def test_an_escaped_delimiter_is_text() -> None:
    data = b"id||name\n1||a\\||b\n2||a\\|||b\n3||\\N\n4||a\\\\||\n"
    outcome = load(data, TYPES, dialect=Dialect(delimiter="||", escape="\\", null_values=["\\N"]))
    assert outcome.rows == [(1, "a||b"), (3, None)]
    assert [(row["line"], row["raw"]) for row in outcome.rejects] == [(3, "2||a\\|||b"), (5, "4||a\\\\||")]


def test_null_values_and_headers_hold_what_the_file_holds() -> None:
    data = b'"i||d"||name\n\x1f||\x1f\n2||"\x1f"\n'
    for fast in (True, False):
        dialect = Dialect(delimiter="||", null_values=["\x1f"])
        outcome = load(data, {"i||d": "int", "name": "string"}, Tuning(fast=fast), dialect=dialect)
        assert outcome.rows == [(None, None), (2, "\x1f")]
        quoted = Dialect(delimiter="||", null_values=["a||b"], quoted_nulls=True)
        text = b'id||name\n1||"a||b"\n2||a\n'
        assert load(text, TYPES, Tuning(fast=fast), dialect=quoted).rows == [(1, None), (2, "a")]


def test_a_refused_file_is_shown_as_it_stands_there() -> None:
    outcome = load(b"id||title\n1||x\n", TYPES, dialect=Dialect(delimiter="||"))
    assert outcome.conversion.refused == "missing column name: the header has id, title"
    assert [row["raw"] for row in outcome.rejects] == ["1||x"]
    torn = load(b'id||name\n1||x\n2||"y\n', TYPES, dialect=Dialect(delimiter="||"))
    assert [row["raw"] for row in torn.rejects] == ['2||"y']


def test_the_setting_that_helps_names_the_delimiter_and_not_what_stands_in_for_it() -> None:
    dialect = Dialect(delimiter="||")
    refused = load(b"id,name\n1,x\n", TYPES, dialect=dialect).conversion.refused
    assert refused is not None and refused.endswith("set dialect.delimiter to ',', which is '||'")
    refused = load(b"a title\nid||name\n1||x\n", TYPES, dialect=dialect).conversion.refused
    assert refused is not None and refused.endswith("line 2 looks like the header: set dialect.skip_rows to 1")
    refused = load(b"id||name\n1,x\n2,y\n", TYPES, dialect=dialect).conversion.refused
    assert refused is not None and refused.endswith("set dialect.delimiter to ',', which is '||'")


def test_a_file_that_is_cut_off_has_its_rows_in_the_rejects() -> None:
    packed = gzip.compress(b"id||name\n1||x\n2||y|")
    outcome = load(packed[:-4], TYPES, dialect=Dialect(delimiter="||"))
    assert outcome.conversion.refused == "the gzip data ends early: the file was cut off"
    assert [row["raw"] for row in outcome.rejects] == ["1||x", "2||y|"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "|\n"}, "delimiter is '|\\n', which ends lines or text"),
        ({"delimiter": '|"|'}, "quote is '\"', which is in the delimiter already"),
        ({"delimiter": "#|", "comment": "#"}, "comment is '#', which is in the delimiter already"),
        ({"delimiter": "€", "encoding": "latin-1"}, "delimiter is '€', which no text in iso8859-1 can hold"),
    ],
)
def test_a_delimiter_that_cannot_be_one(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=r"delimiter|quote|comment") as raised:
        Dialect(**options)  # type: ignore[arg-type]
    assert message in str(raised.value)
