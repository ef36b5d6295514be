"""Files in other encodings than UTF-8: their texts, and the bytes that the encoding does not know."""

from __future__ import annotations

import gzip
from encodings.aliases import aliases
from random import Random
from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from lakelanes.convert.transcode import normalised_encoding
from tests.lakelanes.convert.support import load

HEADER = b"id,amount,day\n"


def where(outcome: Any) -> list[tuple[int, int, str | None, str, str]]:
    return [tuple(reject.values())[1:] for reject in outcome.rejects]  # type: ignore[misc]


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp500", "cp850"]
)
@pytest.mark.parametrize("block_bytes", [50, 1 << 20])
def test_files_in_other_encodings(encoding: str, block_bytes: int) -> None:
    text = 'id,amount,day\r\n"Zoë\r\nMüller",1,\r\nÅsa,x,\r\nÇa,2,\r\n' * 20
    outcome = load(text.encode(encoding), dialect=Dialect(encoding=encoding), tuning=Tuning(block_bytes=block_bytes))
    assert outcome.rows == load(text.encode()).rows
    assert outcome.rejects == load(text.encode()).rejects
    assert outcome.column("id")[:2] == ["Zoë\r\nMüller", "Ça"]


def test_a_byte_order_mark_of_utf16_is_left_out() -> None:
    text = "\ufeffid,amount,day\nЖ,1,\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert load(text.encode(encoding), dialect=Dialect(encoding=encoding)).column("id") == ["Ж"]
    assert load(gzip.compress(text.encode("utf-16")), dialect=Dialect(encoding="UTF16")).column("id") == ["Ж"]


def test_a_byte_that_the_encoding_does_not_know_rejects_its_row_alone() -> None:
    # 0x81 is nothing in cp1252; and C3 A9, which is valid UTF-8, is two characters in it.
    data = HEADER + b"\x80,1,\nb\x81\x81,2,\n\xc3\xa9,3,\n\x81,4\n"
    outcome = load(data, dialect=Dialect(encoding="cp1252"))
    assert outcome.column("id") == ["€", "Ã©"]
    assert where(outcome) == [
        (2, 3, "id", "byte 0x81 is not valid cp1252", "b\\x81\\x81,2,"),
        (4, 5, None, "3 fields expected, 2 found", "\\x81,4"),
    ]


def test_bytes_that_happen_to_be_utf8_are_no_text_in_ascii() -> None:
    outcome = load(HEADER + "é,1,\nb,2,\n".encode(), dialect=Dialect(encoding="ascii"))
    assert where(outcome) == [(1, 2, "id", "byte 0xc3 is not valid ascii", "\\xc3\\xa9,1,")]


def test_half_a_character_of_utf16() -> None:
    data = "id,amount,day\na,1,\nb,2,".encode("utf-16-le")
    outcome = load(data + b"\x00\xd8\n\x00c\x00,\x003\x00,\x00\n\x00d", dialect=Dialect(encoding="utf-16-le"))
    assert outcome.column("id") == ["a", "c"]
    assert [(line, raw) for _, line, _, _, raw in where(outcome)] == [(3, "b,2,\\x00\\xd8"), (5, "\\x64")]


def test_a_header_that_the_encoding_does_not_know() -> None:
    outcome = load(b"id,am\x81unt,day\na,1,\n", dialect=Dialect(encoding="cp1252"))
    assert outcome.conversion.refused == "the header is not valid cp1252: 'id,am\\x81unt,day'"


@pytest.mark.parametrize("encoding", ["utf-7", "idna", "rot13", "base64", "no-such", "unicode_escape", ""])
def test_what_is_no_encoding_of_files(encoding: str) -> None:
    with pytest.raises(ValueError, match=f"encoding is {encoding!r}"):
        Dialect(encoding=encoding)


@pytest.mark.slow
def test_whatever_bytes_an_encoding_meets_nothing_is_raised_but_that_the_source_cannot_be_read() -> None:
    random = Random(13)
    names = {normalised for name in set(aliases.values()) if (normalised := _encoding(name))}
    assert len(names) > 80
    for name in sorted(names):
        for _ in range(20):
            data = (
                random.randbytes(random.randint(0, 40)) + b"id,amount,day\n" + random.randbytes(random.randint(0, 40))
            )
            outcome = load(data, dialect=Dialect(encoding=name, header=random.random() < 0.5))
            assert outcome.conversion.rows_loaded == 0 or outcome.conversion.refused is None


def _encoding(name: str) -> str | None:
    try:
        return normalised_encoding(name)
    except ValueError:
        return None
