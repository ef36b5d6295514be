"""What is taken away of a file is what came, whole, and never all of it in memory."""

from __future__ import annotations

import csv
import io
import random
import tracemalloc
from dataclasses import replace

import pytest

from lakelanes.files import downloads, rejected_rows
from lakelanes.files.batch import load_batch
from lakelanes.files.downloads import NotInBucketError
from lakelanes.files.listing import list_prefix
from lakelanes.files.rejected_rows import RejectsGoneError
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.support.lakes import put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
NAME = "sales_data_2024_03_15.csv"


def load(lake: Lake, body: str | bytes) -> Entry:
    uri = put(lake, NAME, body)
    load_batch(lake, lake.config.entities["sales"], list(list_prefix(lake, NAME)), lane="batch", run_id="run-1")
    entry = lake.ledger.get(uri)
    assert entry
    return entry


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 4096, 5000])
def test_a_file_comes_as_it_is_a_part_at_a_time(lake: Lake, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(downloads, "READ_BYTES", 1024)
    body = random.Random(size).randbytes(size)
    uri = put(lake, "in/any.bin", body)
    [file] = list_prefix(lake, "in/any.bin")
    assert lake.ledger.record_unmatched(file, "no entity")
    entry = lake.ledger.get(uri)
    assert entry
    download = downloads.source(lake, entry)
    parts = list(download.chunks)
    assert b"".join(parts) == body
    assert (download.name, download.size, max(map(len, parts)) <= 1024) == ("any.bin", size, True)
    assert download.media_type == "application/octet-stream", "nothing that a browser would show"


def test_a_file_that_is_gone_or_another_one_is_said_so(lake: Lake) -> None:
    entry = load(lake, HEADER + "a,c,1.50,2024-03-15\n")
    put(lake, NAME, HEADER)
    with pytest.raises(NotInBucketError, match="uploaded again"):
        downloads.source(lake, entry)
    lake.s3.delete_object(Bucket=lake.config.resources.source_bucket, Key=NAME)
    with pytest.raises(NotInBucketError, match="not in the bucket any more"):
        downloads.source(lake, entry)


def test_a_file_that_is_overwritten_meanwhile_does_not_come_in_two_halves(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "READ_BYTES", 16)
    download = downloads.source(lake, load(lake, HEADER + "a,c,1.50,2024-03-15\n"))
    assert next(download.chunks) == HEADER[:16].encode()
    put(lake, NAME, "x" * 200)
    with pytest.raises(NotInBucketError):
        list(download.chunks)


def test_rejected_rows_are_csv_with_the_rows_as_they_came(lake: Lake) -> None:
    raws = ['b,"Zürich, ""West""\nnext line",x,2024-03-15', "=1+1,c,y,2024-03-15", "only,three,fields"]
    entry = load(lake, HEADER + "a,c,1.50,2024-03-15\n" + "\n".join(raws) + "\n")
    download = downloads.rejects(lake, entry)
    text = b"".join(download.chunks).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["raw"] for row in rows] == raws
    assert [(row["line"], row["record"], row["column"]) for row in rows] == [
        ("3", "2", "amount"),
        ("5", "3", "amount"),
        ("6", "4", ""),
    ]
    assert "'x' is not a decimal(10,2)" in rows[0]["reason"]
    assert text.splitlines()[0] == "line,record,column,reason,raw"
    assert (download.name, download.size) == (f"{NAME}.rejects.csv", None)


def test_all_of_many_rejected_rows_come_and_few_are_held_at_a_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_rows, "_BATCH_ROWS", 200)
    bad = "".join(f"b{number},c,x{number:06},2024-03-15\n" for number in range(30_000))
    entry = load(lake, HEADER + "a,c,1.50,2024-03-15\n" + bad)
    list(downloads.rejects(lake, entry).chunks)
    tracemalloc.start()
    count, size = 0, 0
    for chunk in downloads.rejects(lake, entry).chunks:
        count += chunk.count(b"\r\n")
        size += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 30_001 and size > 2_000_000
    assert peak < size / 2, "Python's own; a row group is Arrow's"


def test_rejected_rows_that_were_taken_away_are_said_to_be_gone(lake: Lake) -> None:
    entry = load(lake, HEADER + "a,c,1.50,2024-03-15\nb,c,x,2024-03-15\n")
    load(lake, HEADER + "a,c,1.50,2024-03-15\n")
    with pytest.raises(RejectsGoneError):
        downloads.rejects(lake, entry)
    none = b"".join(downloads.rejects(lake, replace(entry, rejects=None)).chunks)
    assert none == b"line,record,column,reason,raw\r\n"
