"""A clean file damaged at every byte, in every way: what is loaded is in the file, and what is not is in the rejects.

A row that is loaded is one of the clean file, or what became of the damaged line, or it stands in the damaged file as
that is read from its beginning to the first row of several lines whose quotes are out of place. Behind that only rows
of the clean file are believed: among its texts are some that look like rows.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from tests.lakelanes.convert.reference import expect, read_records
from tests.lakelanes.convert.support import Outcome, load

TYPES = {"id": "int", "name": "string", "amount": "decimal(6,2)", "day": "date"}
HEADER = "id,name,amount,day\n"
RECORDS = [
    "1,plain,1.00,2024-01-01\n",
    '2,"quoted, once",2.00,\n',
    '3,"of\n91,two,9.00,2024-01-09\nlines",3.00,2024-01-03\n',
    '4,"say ""hi""",,2024-01-04\n',
    '"5","","5.00","2024-01-05"\n',
    '6,"""\n92,quoted,9.00,2024-01-09\n",6.00,\n',
    "7,,7.00,2024-01-07\n",
    '8,"a, ""b"",\n93,c,9.00,2024-01-09\n",8.00,2024-01-08\n',
    "9,last,9.00,2024-01-09\n",
]
CLEAN = (HEADER + "".join(RECORDS)).encode()
ROWS = expect(CLEAN, TYPES).rows
INSERTED = {"quote": b'"', "delimiter": b",", "line feed": b"\n", "return": b"\r", "byte": b"\xff", "pair": b'""',
            "quoted": b'","', "space": b" ", "end": b'"\n', "nothing": b""}  # fmt: skip


def damaged(kind: str) -> list[bytes]:
    """The clean file with these bytes at each place; for "nothing" with each of its bytes left out."""
    new = INSERTED[kind]
    return [CLEAN[:at] + new + CLEAN[at + (not new) :] for at in range(len(CLEAN))]


def in_order(data: bytes) -> list[tuple[Any, ...]]:
    """The rows of the file as far as the first row of several lines whose quotes are out of place."""
    stray = (record for record in read_records(data) if record.torn or (record.faults and b"\n" in record.raw))
    faulty = next(stray, None)
    if faulty is not None:
        ends = [found.end() for found in re.finditer(rb"\r\n|\r|\n", data)]
        data = data[: ([0, *ends])[faulty.line - 1]]
    try:
        return expect(data, TYPES, quotes="lenient").rows
    except (ValueError, KeyError):
        return []  # the header is damaged


def by_line(data: bytes, at: int, length: int) -> list[tuple[Any, ...]]:
    """The rows that the damaged lines are when each is read alone."""
    first, last = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at + length)
    lines = re.split(rb"\r|\n", data[first : last if last >= 0 else len(data)])
    return [row for line in lines for row in expect(HEADER.encode() + line, TYPES).rows]


def check(data: bytes, outcome: Outcome, damage: tuple[int, int]) -> None:
    """damage: where it is, and how many bytes it has."""
    rows = outcome.rows or []
    believed = [*ROWS, *in_order(data), *by_line(data, *damage)]
    assert [row for row in rows if row not in believed] == [], data
    # A stray quote may have made a line a part of a text, or a row of its own. The header's line is in no reject.
    found = [row["raw"] for row in outcome.rejects] + [str(row[1]) for row in rows] + [data.decode(errors="replace")]
    found[-1] = found[-1].split("\n")[0]
    start = len(HEADER)
    for record, row in zip(RECORDS, ROWS, strict=True):
        end = start + len(record)
        for line in [] if row in rows or start <= damage[0] <= end else record.splitlines():
            known = any(line in text for text in found)
            assert known or set(expect((HEADER + line).encode(), TYPES).rows) & set(rows), (line, data)
        start = end


@pytest.mark.long
@pytest.mark.parametrize("kind", INSERTED)
def test_no_damage_at_any_place_loads_what_is_not_there(kind: str) -> None:
    loaded = 0
    for number, data in enumerate(damaged(kind)):
        outcome = load(data, TYPES, Tuning(threads=1, fast=number % 4 != 0, block_bytes=(1 << 20, 16)[number % 2]))
        check(data, outcome, (number, len(INSERTED[kind])))
        loaded += outcome.conversion.rows_loaded
    # Most rows are loaded all the same, of a damaged header none.
    assert loaded > 0.6 * len(ROWS) * len(CLEAN)


OTHER_TABLES = {
    "narrower": "code,label\nx,y\n",
    "wider": "a,b,c,d,e\n1,2,3,4,5\n",
    "as wide": "code,label,price,since\nx,y,1.00,2024-01-01\n",
    "the same": HEADER,
    "a title": "Report of 2024\n\n",
    "delimiters": ";\n|\n\t\n",
    "a quoted title": '"Report",\n"of ""2024"""\n',
}


@pytest.mark.parametrize("other", OTHER_TABLES)
def test_rows_of_another_table_in_the_file_are_rejected(other: str) -> None:
    for place in range(len(RECORDS) + 1):
        text = HEADER + "".join(RECORDS[:place]) + OTHER_TABLES[other] + "".join(RECORDS[place:])
        outcome = load(text.encode(), TYPES)
        assert outcome.rows == ROWS, text
        lines = [line for line in OTHER_TABLES[other].splitlines() if line]
        assert [row["raw"] for row in outcome.rejects] == lines


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp500", "utf-32"])
def test_rows_in_another_encoding_are_no_rows(encoding: str) -> None:
    for place in range(len(RECORDS)):
        other = RECORDS[place].encode(encoding)
        data = (HEADER + "".join(RECORDS[:place])).encode() + other + "".join(RECORDS[place + 1 :]).encode()
        for dialect in (Dialect(), Dialect(encoding="cp1252")):
            rows = load(data, TYPES, dialect=dialect).rows or []
            assert [row for row in rows if row not in ROWS] == []


def test_the_check_knows_a_row_that_is_not_there() -> None:
    """A reader that takes the lines of a quoted text for rows would not pass."""
    outcome = load(CLEAN.replace(b'"of\n', b"of\n"), TYPES)
    assert [row[0] for row in outcome.rows or []] == [1, 2, 91, 4, 5, 6, 7, 8, 9]
    with pytest.raises(AssertionError):
        check(CLEAN, outcome, (0, 0))
