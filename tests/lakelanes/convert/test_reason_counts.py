"""Reasons counted by column and kind: which is the commonest, and what is said of it."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import LoadPolicy, SchemaPolicy, Tuning
from lakelanes.convert.policy import WITHHELD
from lakelanes.convert.reason_counts import ReasonCounts
from lakelanes.convert.rejects import RejectRows
from lakelanes.convert.values import ValueRefused, parse_value
from lakelanes.types import parse_type
from tests.lakelanes.convert.support import load
from tests.support.properties import examples

TYPES = {"n": "int", "b": "boolean", "s": "varchar(9)"}


def rejected(*faults: tuple[str | None, str], first: int = 0) -> RejectRows:
    places = np.arange(first, first + len(faults))
    columns, reasons = [column for column, _ in faults], [reason for _, reason in faults]
    return RejectRows(places, places + 2, columns, reasons, ["raw"] * len(faults))


def told(counts: ReasonCounts, records: int = 9) -> str:
    row = counts.commonest()
    assert row is not None
    return counts.told(row, records, "and so on")


def test_the_commonest_reason_is_told_with_its_rows_and_its_first_line() -> None:
    counts = ReasonCounts()
    counts.add(rejected(("n", "'x' is not an int"), ("b", "'ja' is not a boolean"), ("b", "'nein' is not a boolean")))
    counts.add(rejected(("n", "'1.0' is not an int"), ("b", "'ja' is not a boolean"), first=3))
    assert told(counts) == "'ja' is not a boolean: 3 of 9 rows, from line 3; and so on"
    assert (counts.total, counts.withheld, counts.first_withheld) == (5, 0, None)


def test_of_equally_common_reasons_the_first_is_told_and_one_row_has_one_line() -> None:
    counts = ReasonCounts()
    counts.add(rejected((None, "3 fields expected, 2 found"), ("n", "'x' is not an int")))
    assert told(counts) == "3 fields expected, 2 found: 1 of 9 rows, on line 2; and so on"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "'a: b' is not a date: expected YYYY-MM-DD",
            "'a: b' is not a date: 1 of 9 rows, on line 2; and so on; expected ",
        ),
        ("\"it's: c\" is in 'x: y', a column the table lacks", "lacks: 1 of 9 rows, on line 2; and so on"),
        ("text after the closing quote: the row takes 3 lines", "quote: 1 of 9 rows, on line 2; and so on; the row "),
        ("$[1:2] is odd", "$[1:2] is odd: 1 of 9"),
    ],
)
def test_how_many_rows_there_are_stands_before_what_helps(reason: str, said: str) -> None:
    counts = ReasonCounts()
    counts.add(rejected(("n", reason)))
    assert said in told(counts)


def test_the_same_fault_of_two_columns_is_of_two_kinds() -> None:
    counts = ReasonCounts()
    counts.add(rejected(("n", "'x' is not an int"), ("m", "'y' is not an int"), ("m", "'z' is not an int")))
    assert told(counts) == "'y' is not an int: 2 of 9 rows, from line 3; and so on"


def test_withheld_rows_are_no_bad_ones() -> None:
    counts = ReasonCounts(WITHHELD + "too many bad rows")
    counts.add(rejected((None, WITHHELD + "too many bad rows"), ("n", "'x' is not an int")))
    counts.add(rejected((None, WITHHELD + "too many bad rows"), first=2))
    assert (counts.total, counts.withheld) == (1, 2)
    assert counts.first_withheld is not None and counts.first_withheld.line == 2
    assert told(counts).startswith("'x' is not an int: 1 of 9 rows")


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("int", ["x", "'", '"', "'\"", "\\", "x" * 99, "\n", "", " "]),
        ("decimal(5,2)", ["1.234", "9.87654"]),
        ("decimal(5,2)", ["1234567", "1234"]),
        ("tinyint", ["128", "-99999999"]),
        ("varchar(2)", ["abc", 'it\'s "so" long']),
        ("date", ["soon", "2024-1-1"]),
        ("array<int>", ['[1,"2"]', '[1,2,3,"it\\"s"]']),
        ("timestamp", ["2024-01-01 00:00:00.1234567", "2024-01-01 00:00:00.12345678"]),
    ],
)
def test_values_of_one_fault_are_of_one_kind(kind: str, texts: list[str]) -> None:
    counts = ReasonCounts()
    for number, text in enumerate(texts):
        with pytest.raises(ValueRefused) as refused:
            parse_value(text.encode(), parse_type(kind))
        counts.add(rejected(("c", str(refused.value)), first=number))
    assert f": {len(texts)} of 9 rows, from line 2; and so on" in told(counts)


def test_so_many_kinds_that_they_would_not_fit_into_memory() -> None:
    """The columns of a file may each have faults of several kinds: those beyond a number are in the total alone."""
    counts = ReasonCounts()

    tracemalloc.start()
    for column in range(6000):
        row = rejected((f"column {column}", f"'x' is not a decimal(10,2): {'y' * 9000}"), first=column)
        counts.add(replace(row, raws=["z" * 9000]))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 16 << 20
    assert counts.total == 6000
    assert ": 1 of 6000 rows, on line 2; and so on; yyy" in told(counts, 6000)


booleans = st.sampled_from(["true", "ja", "nein", "x", "0", ""])
numbers = st.sampled_from(["1", "-7", "1.0", "n/a", "99999999999", "", "\\"])
texts = st.sampled_from(["short", "much too long", "longer than nine", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
rows = st.lists(st.tuples(numbers, booleans, texts) | st.just(("1", "t")), max_size=30)


@pytest.mark.slow
@examples(60)
@given(rows, st.sampled_from([0, 1, 2, 5]), st.sampled_from([16, 64, 1 << 20]))
def test_a_refused_file_says_what_most_of_its_bad_rows_have(
    rows: list[tuple[str, ...]], allowed: int, block: int
) -> None:
    """Counted in another way: a file of each row alone is loaded, or it has the row's fault."""
    data = b"n,b,s\n" + "".join(",".join(row) + "\n" for row in rows).encode()
    outcome = load(data, TYPES, Tuning(threads=1, block_bytes=block), max_bad_rows=allowed)
    alone = [load(b"n,b,s\n" + (",".join(row) + "\n").encode(), TYPES).rejects for row in rows]
    kinds = [(found[0]["column"], _rule(found[0]["reason"])) if found else None for found in alone]
    bad = [kind for kind in kinds if kind]
    if len(bad) <= allowed and len(bad) < max(len(rows), 1):
        assert outcome.conversion.refused is None
        return
    if not rows:
        return
    count = Counter(bad).most_common(1)[0][1]
    first = next(place for place, kind in enumerate(kinds) if kind and bad.count(kind) == count)
    place = f"{'from' if count > 1 else 'on'} line {first + 2}"
    what, _, besides = alone[first][0]["reason"].partition(": ")
    assert str(outcome.conversion.refused).startswith(f"{what}: {count} of {len(rows)} rows, {place}; ")
    assert str(outcome.conversion.refused).endswith(besides)
    assert outcome.conversion.first_reject is not None
    assert outcome.conversion.first_reject.line == first + 2
    assert outcome.conversion.rows_withheld == len(rows) - len(bad)
    own = [row["reason"] for row in outcome.rejects if not row["reason"].startswith(WITHHELD)]
    assert own == [found[0]["reason"] for found in alone if found]


_NO_DIGITS = str.maketrans("", "", "0123456789")


def _rule(reason: str) -> str:
    """What is wrong, without the value and how long it is."""
    return reason.rpartition("' is not ")[2].translate(_NO_DIGITS)


def test_the_other_bad_rows_are_counted_too_and_the_setting_is_named() -> None:
    data = b"n,b,s\n" + b"1,ja,x\n" * 4 + b"x,t,x\n" * 3 + b"1,t,x\n" * 3
    refused = (
        "'ja' is not a boolean: 4 of 10 rows, from line 2; 7 rows are bad in all; 5 are allowed (max_bad_rows); "
        "set true_values and false_values"
    )
    assert load(data, TYPES, max_bad_rows=5).conversion.refused == refused
    assert load(data, TYPES, max_bad_rows=1).conversion.refused == refused.replace("5 are", "1 is")
    assert load(data, TYPES, max_bad_rows=0).conversion.refused == refused.replace("5 are", "none are")
    fail = refused.replace("5 are allowed (max_bad_rows)", "none are allowed (on_bad_rows is 'fail')")
    assert load(data, TYPES, on_bad_rows="fail").conversion.refused == fail


def test_a_table_of_frozen_types_tells_the_fault_that_froze_it_be_it_rare() -> None:
    data = b"n,b,s\n" + b"1,t\n" * 5 + b"1,ja,x\n" + b"1,nein,x\n" + b"1,t,x\n"
    outcome = load(data, TYPES, schema=SchemaPolicy(type_misfits="freeze"))
    assert outcome.conversion.refused == (
        "'ja' is not a boolean: 2 of 8 rows, from line 7; none are allowed (schema_policy.type_misfits is 'freeze'); "
        "set true_values and false_values"
    )
    assert outcome.conversion.first_reject is not None
    assert (outcome.conversion.first_reject.line, outcome.conversion.first_reject.column) == (7, "b")


def test_a_file_that_is_not_refused_has_its_first_bad_row_told() -> None:
    outcome = load(b"n,b,s\nx,t,\n1,ja,\n1,ja,\n1,t,\n", TYPES, max_bad_rows=3)
    assert outcome.conversion.refused is None
    assert outcome.conversion.first_reject is not None and outcome.conversion.first_reject.line == 2


def test_the_default_policy_allows_any_number() -> None:
    assert LoadPolicy().bad_rows_allowed is None
