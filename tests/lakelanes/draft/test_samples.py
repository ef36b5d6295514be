"""What is read of samples, and the encoding that they are in."""

from __future__ import annotations

import gzip

import pytest

from lakelanes.draft.samples import LOOKED_AT, DraftError, encoding_of, look
from tests.lakelanes.draft.support import sample

TEXT = "Straße;Größe\nZürich;5\n"


@pytest.mark.parametrize(
    ("data", "name", "is_sure"),
    [
        (b"a;b\n1;2\n", "utf-8", True),
        (TEXT.encode(), "utf-8", True),
        (TEXT.encode("utf-8-sig"), "utf-8", True),
        (TEXT.encode("utf-16"), "utf-16", True),
        (TEXT.encode("utf-16-be"), "utf-16-be", True),
        (TEXT.encode("cp1252"), "cp1252", False),
        (TEXT.encode("cp850"), "cp850", False),
        ("Straße;5 €\n".encode("cp1252"), "cp1252", False),
        (b"a\x81\xfc\xe4\xf6\n", "iso8859-1", False),
        (gzip.compress(TEXT.encode("cp1252"), mtime=0), "cp1252", False),
        (TEXT.encode()[:-4] + "é".encode()[:1], "cp1252", False),
    ],
)
def test_the_encoding_is_recognised(data: bytes, name: str, is_sure: bool) -> None:
    found, agreed = encoding_of([sample(data)])
    assert (found.name, found.is_sure, agreed) == (name, is_sure, True)


def test_a_guess_shows_what_it_makes_of_a_line() -> None:
    assert encoding_of([sample(TEXT.encode("cp1252"))])[0].example == "Straße;Größe"


def test_samples_of_plain_letters_say_nothing_of_the_encoding() -> None:
    assert encoding_of([sample("a;b\n"), sample(TEXT.encode("cp1252"))])[0].name == "cp1252"
    assert encoding_of([sample(TEXT), sample(TEXT.encode("cp1252"))])[1] is False


def test_of_a_large_sample_the_first_lines_are_looked_at() -> None:
    data = "x" * 99 + "\n"
    [found] = look([sample(data * (LOOKED_AT // 100 + 5000))], "utf-8")
    assert len(found.head) <= LOOKED_AT
    assert found.head.endswith(b"x\n")
    assert found.size == 100 * (LOOKED_AT // 100 + 5000)
    assert not found.whole
    assert look([sample(data)], "utf-8")[0].whole


def test_a_mark_is_no_part_of_the_text() -> None:
    assert look([sample(TEXT.encode("utf-8-sig"))], "utf-8")[0].head.startswith("Straße".encode())
    assert look([sample(TEXT.encode("utf-16"))], "utf-16")[0].head == TEXT.encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PAR1\x15\x04rest of it", "Parquet"),
        (gzip.compress(b"a;b\n" * 999, mtime=0)[:-20], "cannot be read"),
        (b"x" * (LOOKED_AT + 10), "no line end"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(DraftError, match=said):
        look([sample(data)], encoding_of([sample(data)])[0].name)
