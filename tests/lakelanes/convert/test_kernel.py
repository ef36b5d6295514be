"""The compiled kernel: that it is there, reads plain files alone, and stays within the memory it is given."""

from __future__ import annotations

import string
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakelanes.convert.cast import Judge
from lakelanes.convert.dialect import RFC_4180, Dialect
from lakelanes.convert.kernel import Kernel, ManyShortRecordsError, TornBlockError, kernel_for
from lakelanes.types import parse_type
from tests.support.sanitizer import run_sanitized


def kernel(*types: str) -> Kernel:
    columns = [(position, parse_type(text)) for position, text in enumerate(types)]
    found = kernel_for(len(types), columns, Dialect())
    assert found is not None, "the library is not built: python3 scripts/setup.py"
    return found


def column(hive_type: str, *texts: str) -> list[Any]:
    """The values of a column with these texts, beside another; no record may be odd."""
    data = bytearray("".join(f"{text},x\n" for text in texts).encode())
    read = kernel(hive_type, "string").read(data, len(data))
    assert read.records == len(texts)
    assert read.odd.tolist() == []
    read.arrays[0].validate(full=True)
    values: list[Any] = read.arrays[0].to_pylist()
    return values


@pytest.mark.parametrize(
    ("hive_type", "texts", "values"),
    [
        ("string", ["a", "", '""', '"a,b"', '"say ""hi"""', "näher", '"two\nlines"'],
         ["a", None, "", "a,b", 'say "hi"', "näher", "two\nlines"]),
        ("varchar(3)", ["abc", "äöü", ""], ["abc", "äöü", None]),
        ("tinyint", ["-128", "127", "+5", "007"], [-128, 127, 5, 7]),
        ("bigint", ["9223372036854775807", "-9223372036854775808", " 12\t", ""], [2**63 - 1, -(2**63), 12, None]),
        ("decimal(10,2)", ["-12.5", "99999999.99", ".5", "7.", '"1.25"'],
         [Decimal("-12.50"), Decimal("99999999.99"), Decimal("0.50"), Decimal("7.00"), Decimal("1.25")]),
        ("decimal(38,3)", ["12345678901234567890123456789012345.678", "-1"],
         [Decimal("12345678901234567890123456789012345.678"), Decimal("-1.000")]),
        ("decimal(2,2)", ["0.05", "-0.99"], [Decimal("0.05"), Decimal("-0.99")]),
        ("double", ["0.1", "-1e-3", "123456789012345678901234567890", "2.2250738585072014e-308", "5e-324"],
         [0.1, -0.001, 123456789012345678901234567890.0, 2.2250738585072014e-308, 5e-324]),
        ("float", ["0.5", "16777217"], [0.5, 16777216.0]),
        ("boolean", ["true", "F", "YES", "0"], [True, False, True, False]),
        ("date", ["0001-01-01", "2024-02-29", "9999-12-31"], [date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]),
        ("timestamp", ["2024-03-15", "2024-03-15T07:08", "2024-03-15 07:08:09", "2024-03-15 07:08:09.5Z"],
         [datetime(2024, 3, 15), datetime(2024, 3, 15, 7, 8), datetime(2024, 3, 15, 7, 8, 9),
          datetime(2024, 3, 15, 7, 8, 9, 500_000)]),
    ],
)  # fmt: skip
def test_plain_texts_are_read_without_python(hive_type: str, texts: list[str], values: list[Any]) -> None:
    assert column(hive_type, *texts) == values


@pytest.mark.parametrize(
    ("hive_type", "text"),
    [
        ("int", "2147483648"),
        ("int", "0x1F"),
        ("int", "1.0"),
        ("decimal(5,2)", "1234"),
        ("decimal(10,2)", "12.345"),
        ("decimal(10,2)", "1e2"),
        ("double", "1e400"),
        ("double", "nan"),
        ("boolean", "on"),
        ("date", "2023-02-29"),
        ("date", "0000-01-01"),
        ("timestamp", "2024-03-15 24:00:00"),
        ("timestamp", "2024-03-15Z"),
        ("char(2)", "abc"),
        ("string", "one,field too many"),
        ("string", '"text"after its quote'),
    ],
)
def test_everything_else_is_left_to_python(hive_type: str, text: str) -> None:
    data = bytearray(f",x\n{text},y\n,z\n".encode())
    read = kernel(hive_type, "string").read(data, len(data))
    assert (read.records, read.odd.tolist()) == (3, [1])
    assert [array.to_pylist() for array in read.arrays] == [[None, None], ["x", "z"]]
    starts, ends, lines = read.places(read.odd)
    assert [bytes(data[start:end]).decode() for start, end in zip(starts, ends, strict=True)] == [f"{text},y"]
    assert lines.tolist() == [1]


def near(*plain: str) -> list[str]:
    """Plain texts, and each with one character put in, left out or changed."""
    strange = "0159./:;-+ eEtTx\x10\x11\x14zé"
    texts = dict.fromkeys(plain)
    for text in plain:
        for place in range(len(text) + 1):
            texts |= dict.fromkeys(text[:place] + character + text[place:] for character in strange)
            texts |= dict.fromkeys(text[:place] + character + text[place + 1 :] for character in strange)
            texts[text[:place] + text[place + 1 :]] = None
    return list(texts)


NUMBERS = [
    "1234567890123456789"[:count][:places] + point + "1234567890123456789"[:count][places:]
    for count in (1, 4, 7, 8, 9, 12, 15, 16, 17, 18, 19)
    for places in {0, 1, count // 2, count - 2, count}
    for point in ("", ".")
    if 0 <= places <= count
]


@pytest.mark.parametrize(
    ("hive_type", "plain"),
    [
        ("decimal(10,2)", ["12.50", "-99999999.99", "+1234567", "12345678"]),
        ("decimal(18,4)", [*NUMBERS, "-12345678901234.5678"]),
        ("tinyint", ["12", "-128", "127", "128"]),
        ("smallint", ["1234", "-32768", "32767", "32768"]),
        ("int", ["123456789", "-2147483648", "2147483648"]),
        ("bigint", [*NUMBERS, "-9223372036854775808"]),
        ("double", [*NUMBERS, "-0", "9007199254740993", "9007199254740993.0", "12345678.12345678"]),
        ("float", ["16777217", "0.1", "-12345678.5"]),
        ("boolean", ["t", "f", "y", "n", "1", "0", "no", "yes", "TRUE", "False"]),
        ("timestamp", ["2024-03-15 07:08:09", "2024-03-15T23:59:59", "2024-12-31 24:60:60", "0001-01-01 00:00:00"]),
    ],
)  # fmt: skip
def test_a_text_is_read_as_the_careful_reader_reads_it_or_left_to_it(hive_type: str, plain: list[str]) -> None:
    texts, judge = near(*plain), Judge(parse_type(hive_type), RFC_4180)
    data = bytearray("".join(f"x,{text}\n" for text in texts).encode())
    read = kernel("string", hive_type).read(data, len(data))
    assert read.records == len(texts)
    odd = set(read.odd.tolist())
    assert {number for number, text in enumerate(texts) if text in plain and judge(text.encode())[0]}.isdisjoint(odd)
    values = iter(read.arrays[1].to_pylist())
    for number, text in enumerate(texts):
        if number not in odd:
            # As texts, for which -0.0 is not 0.0.
            assert (text, repr(next(values))) == (text, repr(judge(text.encode())[1] if text else None))


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("last", [1, 16, 17, 64, 65, 100])
def test_a_text_of_any_length_arrives_whole(quote: str, last: int) -> None:
    """Also at the end of a block, where nothing behind it may be read."""
    texts = [(string.ascii_letters * 3)[(number + last) % 7 :][:number] for number in (*range(1, 130), last)]
    data = bytearray("".join(f"{quote}{text}{quote}\n" for text in texts).encode())
    read = kernel("string").read(data, len(data))
    assert read.arrays[0].to_pylist() == texts


def test_bytes_that_are_no_text_are_found_at_every_place() -> None:
    texts = [b"a" * place + b"\xff" + b"a" * after for place in range(34) for after in range(34)]
    data = bytearray(b"".join(b"%b\n%b\n" % (b"a" * number, text) for number, text in enumerate(texts)))
    read = kernel("string").read(data, len(data))
    assert read.odd.tolist() == list(range(1, 2 * len(texts), 2))


@given(st.lists(st.tuples(st.sampled_from(["plain", "null", "odd", "odd date"]), st.integers(1, 20)), max_size=30))
@example([("plain", 3), ("odd", 1), ("null", 13), ("odd date", 2), ("plain", 9)])
def test_odd_records_leave_no_trace_in_the_columns(runs: list[tuple[str, int]]) -> None:
    check_without_odd_records(runs)


@pytest.mark.parametrize(
    "runs",
    [
        [("plain", 505), ("odd", 3), ("null", 9), ("odd date", 1), ("plain", 600), ("odd date", 530), ("null", 1030)],
        [("odd date", 511), ("plain", 511), ("odd", 1), ("null", 512), ("plain", 3)],
    ],
)
@pytest.mark.parametrize("times", [1, 10, 1000], ids=["512 records a slice", "some hundred", "16"])
def test_nor_do_they_in_the_slices_after_theirs(runs: list[tuple[str, int]], times: int) -> None:
    check_without_odd_records(runs, times)


def check_without_odd_records(runs: list[tuple[str, int]], times: int = 1) -> None:
    """Runs of records of a kind, read into columns that have the plain ones and nulls; texts so many times as long."""
    kinds = [kind for kind, count in runs for _ in range(count)]
    rows = [(f"t{number}" * (number % 3 * times), str(number), "tn"[number % 2]) for number in range(len(kinds))]
    spoiled = {"plain": "2024-01-01", "null": "", "odd": "2024-01-01,surplus", "odd date": "2024-02-30"}
    lines = [
        ",".join(("", "", "") if kind == "null" else row) + f",{spoiled[kind]}\n"
        for kind, row in zip(kinds, rows, strict=True)
    ]
    data = bytearray("".join(lines).encode())
    read = kernel("string", "decimal(9,0)", "boolean", "date").read(data, len(data))
    assert read.odd.tolist() == [at for at, kind in enumerate(kinds) if kind.startswith("odd")]
    for array in read.arrays:
        array.validate(full=True)
        assert array.null_count == sum(value is None for value in array.to_pylist())
    kept = [(kind, row) for kind, row in zip(kinds, rows, strict=True) if not kind.startswith("odd")]
    assert list(zip(*(array.to_pylist() for array in read.arrays), strict=True)) == [
        (row[0] or None, Decimal(row[1]), row[2] == "t", date(2024, 1, 1)) if kind == "plain" else (None,) * 4
        for kind, row in kept
    ]


def test_lines_are_counted_inside_quotes_and_for_every_kind_of_line_end() -> None:
    data = bytearray(b'"a\nb\r\nc\rd",1\r\n\r\n\nx,2\ry,oops\n')
    read = kernel("string", "int").read(data, len(data))
    assert (read.records, read.lines, read.odd.tolist()) == (3, 8, [2])
    assert read.places(read.odd)[2].tolist() == [7]


def test_a_block_that_ends_inside_quotes_is_torn() -> None:
    data = bytearray(b'a,"b\n')
    with pytest.raises(TornBlockError):
        kernel("string", "string").read(data, len(data))


# Reads mutated CSV with a kernel that checks every access; the buffers have no slack behind them.
FUZZ = """
import random, sys
from lakelanes.convert import kernel as module
from lakelanes.convert.cast import Judge
from lakelanes.convert.dialect import RFC_4180, Dialect
from lakelanes.types import parse_type

seed = int(sys.argv[1])
print("seed", seed)
random.seed(seed)
types = ["string", "varchar(3)", "bigint", "decimal(38,3)", "decimal(10,2)", "double", "float", "boolean", "date",
         "timestamp", "tinyint", "array<int>"]
words = [b"12.50", b"-7", b"2024-03-15", b"2024-03-15 01:02:03.123456Z", b"true", b'"a""b"', b'"x,\\ny"', b"\\xc3\\xa4",
         b"\\xff", b"1e-310", b"9" * 40, b"0." + b"1" * 150, b"", b"NULL", b" 5 ", b"a text longer than sixteen bytes"]
marks = [b",", b",", b",", b"\\n", b"\\r\\n", b"\\r", b'"', b'""', b"\\0", b" "]
records = odd = torn = 0
for _ in range(3000):
    width = random.randint(1, 5)
    chosen = [(position, parse_type(random.choice(types))) for position in range(width) if random.random() < 0.9]
    dialect = Dialect(quote=random.choice(['"', '"', None]), null_values=random.choice([("",), ("", "NULL"), ()]))
    empty = [position for position in range(width) if random.random() < 0.1]
    kernel = module.kernel_for(width, chosen, dialect, empty)
    assert kernel is not None
    rows = [b",".join(random.choice(words) for _ in range(width)) for _ in range(random.randint(0, 40))]
    data = bytearray(b"\\n".join(rows))
    for _ in range(random.choice([0, 0, 1, 3])):
        at = random.randint(0, len(data))
        data[at : at + random.randint(0, 2)] = random.choice(marks)
    try:
        read = kernel.read(data, len(data))
    except module.TornBlockError:
        torn += 1
        continue
    for array in read.arrays:
        array.validate(full=True)
    read.places(read.odd)
    records, odd = records + read.records, odd + read.odd.size
    kernel.release(read)
print(records, "records", odd, "odd", torn, "torn")
assert records > 20_000 and 0 < odd < records and torn
"""


@pytest.mark.long
def test_no_access_is_out_of_bounds(tmp_path: Path) -> None:
    run_sanitized(FUZZ, tmp_path, "1")


def test_memory_for_records_is_bounded_by_the_block_not_by_their_number() -> None:
    many = kernel(*["int"] * 1000)
    data = bytearray(b"1\n" * 100_000)
    with pytest.raises(ManyShortRecordsError):
        many.read(data, len(data))
    assert max(scratch.fields.nbytes for scratch in many._spare) <= 8 * 2 * len(data)
    row = b",".join([b"1"] * 1000) + b"\n"
    found = many.read(bytearray(row * 500), len(row) * 500)
    assert (found.records, found.odd.size) == (500, 0)


def test_columns_of_all_kinds_share_their_memory_without_touching_each_other() -> None:
    types = ["string", "boolean", "int", "date", "varchar(3)", "decimal(10,2)", "boolean"]
    read = kernel(*types).read(bytearray(b'"a""b",t,1,2024-01-01,xyz,1.50,f\nlonger text,f,,,,,\n' * 9), 53 * 9)
    assert [array.validate(full=True) for array in read.arrays] == [None] * 7
    assert [array.to_pylist()[-2:] for array in read.arrays] == [
        ['a"b', "longer text"],
        [True, False],
        [1, None],
        [date(2024, 1, 1), None],
        ["xyz", None],
        [Decimal("1.50"), None],
        [False, None],
    ]
