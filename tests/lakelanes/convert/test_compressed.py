"""Gzip sources: told by their first bytes, whole or cut off."""

from __future__ import annotations

import gzip

import pytest

from lakelanes.convert import Tuning
from tests.lakelanes.convert.support import load

HEADER = b"id,amount,day\n"
ROWS = b"".join(b"row %d,%d.50,2024-01-01\n" % (number, number) for number in range(20_000))


def test_gzip_is_told_by_its_first_bytes() -> None:
    outcome = load(gzip.compress(HEADER + ROWS))
    assert outcome.conversion.rows_loaded == 20_000
    assert outcome.rows == load(HEADER + ROWS).rows


def test_members_one_after_the_other_and_padding() -> None:
    data = gzip.compress(HEADER + b"a,1,") + gzip.compress(b"\n") + gzip.compress(b"") + gzip.compress(b"b,2,\n")
    assert load(data + b"\0" * 700).column("id") == ["a", "b"]


def test_an_empty_gzip_file() -> None:
    assert load(gzip.compress(b"")).rows == []


@pytest.mark.parametrize("threads", [1, 2])
def test_a_truncated_file_is_refused_with_every_readable_row_in_the_rejects(threads: int) -> None:
    whole = gzip.compress(HEADER + ROWS + b"bad,x,\n" + ROWS)
    outcome = load(whole[: len(whole) - 4000], tuning=Tuning(threads=threads, block_bytes=10_000))
    assert outcome.conversion.refused == "the gzip data ends early: the file was cut off"
    assert outcome.conversion.records > 30_000
    raws = [reject["raw"] for reject in outcome.rejects]
    assert (ROWS + b"bad,x,\n" + ROWS).startswith("\n".join(raws).encode())
    assert [reject["line"] for reject in outcome.rejects] == list(range(2, len(raws) + 2))
    assert outcome.conversion.first_reject is not None
    assert outcome.conversion.first_reject.reason == "'x' is not a decimal(10,2)"


def test_a_damaged_file_is_refused() -> None:
    data = bytearray(gzip.compress(HEADER + ROWS))
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    outcome = load(bytes(data))
    assert outcome.conversion.refused is not None
    assert outcome.conversion.refused.startswith("the gzip data is damaged: ")
    assert outcome.rows is None


def test_bytes_after_the_last_member_are_damage() -> None:
    outcome = load(gzip.compress(HEADER + b"a,1,\n") + b"not gzip")
    assert outcome.conversion.refused is not None
    assert "damaged" in outcome.conversion.refused
    assert [reject["raw"] for reject in outcome.rejects] == ["a,1,"]


def test_only_the_magic_bytes() -> None:
    outcome = load(b"\x1f\x8b")
    assert outcome.conversion.refused == "the gzip data ends early: the file was cut off"
    assert outcome.conversion.records == 0
