"""Rejected rows of one file, read page by page from the object that its load left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lakelanes.files import rejected_rows
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.rejected_rows import RejectsGoneError, read_rejected
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = HEADER + "a,c,1.50,2024-03-15\n"


def key(day: int) -> str:
    return f"sales_data_2024_03_{day:02}.csv"


def load(lake: Lake, *keys: str, body: str = GOOD, lane: Any = "batch") -> None:
    for key in keys:
        put(lake, key, body)
    files = [file for file in list_prefix(lake, "") if file.key in keys]
    load_batch(lake, lake.config.entities["sales"], files, lane=lane, run_id="run-1")
    summaries.refresh(lake.ledger, lake.config.entities.values())


def test_rows_that_are_withheld_with_a_file_say_so(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "max_bad_rows": 1}})
    load(lake, key(15), body=GOOD + "b,c,x,2024-03-15\nd,c,y,2024-03-15\n")
    entry = lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{key(15)}")
    assert entry
    rows = read_rejected(lake, entry).rows
    assert [(row.line, row.withheld) for row in rows] == [(2, True), (3, False), (4, False)]
    assert (entry.rows_bad, entry.rows_withheld) == (2, 1)


def test_rejected_rows_have_their_line_and_their_text(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = "".join(f"b{number},c,x{number},2024-03-15\n" for number in range(300))
    load(lake, key(15), body=GOOD + bad)
    entry = lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{key(15)}")
    assert entry
    page = read_rejected(lake, entry, offset=100, limit=2)
    assert page.total == 300
    assert [(row.line, row.column, row.raw) for row in page.rows] == [
        (103, "amount", "b100,c,x100,2024-03-15"),
        (104, "amount", "b101,c,x101,2024-03-15"),
    ]
    # The same of an object that is read by ranges.
    monkeypatch.setattr(rejected_rows, "_WHOLE", 512)
    assert read_rejected(lake, entry, offset=100, limit=2) == page
    load(lake, key(15))
    with pytest.raises(RejectsGoneError):
        read_rejected(lake, entry)
    assert read_rejected(lake, replace(entry, rejects=None)).rows == []


def test_the_reasons_of_rejected_rows_are_counted_by_kind(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["b,c,x,2024-03-15", "c,c,1.5,never", "d,c,yy,2024-03-15", "e,c", "f,c,z,2024-03-15"]
    load(lake, key(15), body=GOOD + "\n".join(rows) + "\n")
    entry = lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{key(15)}")
    assert entry
    page = read_rejected(lake, entry, limit=1)
    assert [(one.count, one.column, one.line, one.withheld) for one in page.reasons] == [
        (3, "amount", 3, False),
        (1, "transaction_date", 4, False),
        (1, None, 6, False),
    ]
    assert page.reasons[0].reason.startswith("'x' is not a decimal(10,2)")
    assert (page.counted, page.total) == (5, 5)
    monkeypatch.setattr(rejected_rows, "COUNTED_ROWS", 0)
    page = read_rejected(lake, entry, limit=1)
    assert (page.reasons, page.counted, page.total) == ((), 0, 5), "what is not counted is not said to be"


def test_rows_without_a_fault_of_their_own_are_one_reason(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "max_bad_rows": 1}})
    body = GOOD + "b,c,x,2024-03-15\nd,c,y,2024-03-15\n" + "e,c,1.00,2024-03-15\n" * 4
    load(lake, key(15), body=body)
    entry = lake.ledger.get(f"s3://{lake.config.resources.source_bucket}/{key(15)}")
    assert entry
    assert [(one.count, one.withheld) for one in read_rejected(lake, entry).reasons] == [(5, True), (2, False)]
