"""What Athena would read otherwise than the dialect says is refused; the ending follows from the bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import re
import zipfile
from typing import Any

import pyarrow as pa
import pytest

from lakelanes.config.model import Entity
from lakelanes.files.copied_text import HEAD_BYTES, look
from tests.support.lakes import SALES, make_config

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = (HEADER + 't1,"c, ""1""",1.50,2024-03-15\n').encode()


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, "format": "csv", **settings}}).entities["sales"]


def fault(body: bytes | str, **settings: Any) -> str | None:
    return look(body.encode() if isinstance(body, str) else body, entity(**settings), is_whole=True).fault


def zipped(body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("sales.csv", body)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (GOOD, "csv"),
        (b"\xef\xbb\xbf" + GOOD, "csv"),
        (b"", "csv"),
        (gzip.compress(GOOD), "csv.gz"),
        (bz2.compress(GOOD), "csv.bz2"),
        (bytes(pa.compress(GOOD, codec="zstd", asbytes=True)), "csv.zst"),
    ],
    ids=["plain", "with a mark", "empty", "gzip", "bzip2", "zstandard"],
)
def test_the_ending_is_that_of_the_packing(body: bytes, ending: str) -> None:
    found = look(body, entity(), is_whole=True)
    assert (found.ending, found.fault) == (ending, None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"PAR1\x15\x04" + bytes(40), "it is Parquet"),
        (b"\xfd7zXZ\0" + bytes(40), "it is xz .pack it with gzip"),
        (zipped(GOOD), "packed with zip, which Athena does not unpack"),
        (gzip.compress(gzip.compress(GOOD, mtime=0), mtime=0), "packed twice"),
        (gzip.compress(GOOD, mtime=0)[:-9], "the file cannot be read: .*gzip"),
        (GOOD.decode().encode("utf-16"), "looks like utf-16-le, and Athena reads a 'csv' table as UTF-8"),
        (
            HEADER.encode() + "t1,Zürich,1.50,2024-03-15\n".encode("latin-1"),
            "line 2 has the byte 0xfc, which is not UTF-8",
        ),
        ("customer_id,transaction_id,amount,transaction_date\n", "has transaction_id as column 2, and the table as 1"),
        (HEADER.replace(",", ";"), r"the header has 1 of 4 columns .*dialect.delimiter, which is ','"),
        ("transaction_id,customer_id\n", "the header has 2 of 4 columns"),
        (
            HEADER + 't1,"a\nb",1.50,2024-03-15\n',
            "line 2 ends within quotes, and Athena's",
        ),
        (
            HEADER + "t1,C:\\new,1.50,2024-03-15\n",
            "line 2 has a backslash, which Athena's",
        ),
    ],
)
def test_what_athena_would_read_otherwise_is_refused(body: bytes | str, said: str) -> None:
    found = fault(body)
    assert found is not None and re.search(said, found), found


def test_settings_of_the_dialect_say_how_it_is_read() -> None:
    assert fault(HEADER.replace(",", ";"), dialect={"delimiter": ";"}) is None
    assert fault(HEADER + 't1,"a \\" b",1.50,2024-03-15\n', dialect={"escape": "\\"}) is None
    assert fault(HEADER + "t1,it's,1.50,2024-03-15\n") is None
    assert fault(HEADER + 't1,5" pipe,1.50,2024-03-15\n', dialect={"quote": None}) is not None
    assert fault(HEADER + "t1,'a\nb',1.50,2024-03-15\n", dialect={"quote": "'"}) is not None


def test_a_header_may_have_names_of_its_own_and_more_columns() -> None:
    assert fault("Nr,Kunde,Betrag,Datum\n") is None, "it is read by position"
    assert fault(HEADER.rstrip("\n") + ",note\n") is None
    assert fault(HEADER.upper()) is None
    assert fault("transaction_id,customer_id\n", missing_columns="null") is None
    named = [{"name": "id", "type": "string", "header": "No."}, *SALES["schema"][1:]]
    assert fault("customer_id,No.,amount,transaction_date\n", schema=named) is not None


def test_of_a_long_file_the_first_mib_is_looked_at() -> None:
    line = b"t1,c1,1.50,2024-03-15\n"
    long = HEADER.encode() + line * (HEAD_BYTES // len(line)) + "t1,Z\u00fcr".encode()
    assert look(long[:HEAD_BYTES], entity(), is_whole=False).fault is None
    cut = look(HEADER.encode() + line * 3 + b't1,"c', entity(), is_whole=False)
    assert cut.fault is None, "the last line is cut, and so no fault"
    packed = gzip.compress(long + bytes(str(list(range(300_000))), "ascii"))
    assert look(packed[: len(packed) // 2], entity(), is_whole=False).fault is None
