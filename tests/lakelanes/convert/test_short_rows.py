"""Short rows that are padded: the fields they lack are null, in both readers."""

from __future__ import annotations

import pytest

from lakelanes.convert import Dialect, SchemaPolicy, Tuning
from tests.lakelanes.convert.support import load

TYPES = {"a": "int", "b": "int", "c": "string"}
PADDED = Dialect(pad_short_rows=True)
TUNINGS = [Tuning(), Tuning(fast=False), Tuning(threads=3, block_bytes=16)]
each_tuning = pytest.mark.parametrize("tuning", TUNINGS)


@each_tuning
def test_missing_fields_at_the_end_are_null(tuning: Tuning) -> None:
    data = b'a,b,c\n1,2,3\n1,2\n\n1\n1,2,3,4\n"1","2"\n1,x\n1,"2,"\n'
    outcome = load(data, TYPES, tuning, dialect=PADDED)
    assert outcome.rows == [(1, 2, "3"), (1, 2, None), (1, None, None), (1, 2, None)]
    assert [(row["record"], row["line"], row["reason"]) for row in outcome.rejects] == [
        (4, 6, "3 fields expected, 4 found"),
        (6, 8, "'x' is not an int"),
        (7, 9, "'2,' is not an int"),
    ]
    assert [row["raw"] for row in outcome.rejects] == ["1,2,3,4", "1,x", '1,"2,"']


@each_tuning
def test_they_are_null_whatever_text_means_null(tuning: Tuning) -> None:
    dialect = Dialect(pad_short_rows=True, null_values=["NULL"])
    outcome = load(b"a,b,c\n1\n2,NULL,\n", TYPES, tuning, dialect=dialect)
    assert outcome.rows == [(1, None, None), (2, None, "")]


@each_tuning
def test_a_short_row_of_bytes_that_are_no_text(tuning: Tuning) -> None:
    data = b"c,a,b\n\xc3\xa9,1\n\xff,1\n\xff,1,2,3\nx\n"
    outcome = load(data, TYPES, tuning, dialect=PADDED)
    assert outcome.rows == [(1, None, "é"), (None, None, "x")]
    assert outcome.reasons() == ["byte 0xff is not valid UTF-8", "3 fields expected, 4 found"]


@each_tuning
def test_escapes_and_quotes_are_no_delimiters(tuning: Tuning) -> None:
    dialect = Dialect(pad_short_rows=True, escape="\\")
    assert load(b'a,b,c\n1,2,x\\,y\n1,\\2\n"1\\""\n', TYPES, tuning, dialect=dialect).rows == [
        (1, 2, "x,y"),
        (1, 2, None),
    ]


@pytest.mark.parametrize("block_bytes", [16, 40, 1 << 20])
def test_a_quote_over_the_end_of_a_block_after_short_rows(block_bytes: int) -> None:
    data = b"a,b,c\n1\n1,2\n" + b'3,4,"x\ny, ""z\n"\n5\n' * 20 + b'6,7,"never'
    outcome = load(data, TYPES, Tuning(threads=1, block_bytes=block_bytes), dialect=PADDED)
    assert outcome.rows == [(1, None, None), (1, 2, None), *[(3, 4, 'x\ny, "z\n'), (5, None, None)] * 20]
    assert [row["raw"] for row in outcome.rejects] == ['6,7,"never']


@each_tuning
def test_new_columns_that_a_row_lacks_are_null(tuning: Tuning) -> None:
    types = {"a": "int"}
    rows = load(b"a,n\n1\n2,x\n", types, tuning, dialect=PADDED, schema=SchemaPolicy(new_columns="evolve")).rows
    assert rows == [(1, None), (2, "x")]
    rescued = load(b"a,n\n1\n2,x\n", types, tuning, dialect=PADDED, schema=SchemaPolicy(rescue=True)).rows
    assert rescued == [(1, None), (2, '{"n":"x"}')]


def test_without_the_setting_a_short_row_is_bad() -> None:
    assert load(b"a,b,c\n1,2\n", TYPES).reasons() == ["3 fields expected, 2 found"]


def test_a_delimiter_after_the_last_field_leaves_open_what_is_short() -> None:
    with pytest.raises(ValueError, match="pad_short_rows and trailing_delimiter are both true"):
        Dialect(pad_short_rows=True, trailing_delimiter=True)
