"""Properties over generated files, dialects and corruptions; the reference is an independent reader.

The examples are the same in every run (derandomized): a failure prints the file, and `@reproduce_failure` or an
@example() with it repeats it. LAKELANES_EXAMPLES multiplies their number.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakelanes.convert import Dialect, Tuning
from tests.lakelanes.convert.generated import FORMS, comparable, files, files_of_forms
from tests.lakelanes.convert.reference import Expected, expect
from tests.lakelanes.convert.support import load
from tests.support.properties import examples

NULLS = ("", "NULL", r"\N")
BLOCKS = st.sampled_from([16, 50, 200, 1 << 20])


def check(data: bytes, types: dict[str, str], dialect: Dialect, expected: Expected, block: int, **options: Any) -> None:
    """Both readers, in blocks of either size, load the file as expected, and give the same reasons; the file that is
    written is the same with any number of threads."""
    careful = None
    written = []
    for tuning in (
        Tuning(threads=1, fast=False),
        Tuning(threads=1),
        Tuning(threads=1, block_bytes=block, row_group_bytes=100),
        Tuning(threads=3, block_bytes=block, row_group_bytes=100),
    ):
        outcome = load(data, types, tuning, dialect=dialect, **options)
        assert comparable(outcome.rows) == comparable(expected.rows)
        where = [(row["record"], row["line"], row["column"], row["raw"]) for row in outcome.rejects]
        assert where == expected.faults
        assert outcome.conversion.left_out == expected.left_out
        careful = careful or outcome
        assert outcome.rejects == careful.rejects
        assert outcome.conversion == careful.conversion
        written.append([bytes(sink.data) for sink in outcome.target if sink.state == "closed"])
    assert written[-2] == written[-1]


@pytest.mark.slow
@examples(60)
@given(files(), BLOCKS)
@example((b"a\n0\n0\n0\n0\n\n0\n0\\\n\n\n", {"a": "string"}, {"escape": "\\"}), 16)
@example((b'a,b\n1,"x\n2,"y\n3,z\nw",4\n5,v\n', {"a": "int", "b": "string"}, {}), 16)
@example((b'a,b\n1,x"\n"2",\\N\n\\N,"\\N"\n3,\\\\N\n', {"a": "int", "b": "string"}, {"escape": "\\"}), 16)
@example((b"a,b\n1,x\ry\n2,z\n\r3,w\r\r4,v\r5,u\r\n6,t\r", {"a": "int", "b": "string"}, {}), 16)
@example((b'a,b\n1,x\r2,"y\nz"\n3,w\r"4\n', {"a": "int", "b": "string"}, {}), 16)
@example((b"a,b\n#c\rd\n2,y\r#z\n,\n", {"a": "int", "b": "string"}, {"comment": "#", "skip_empty_rows": True}), 16)
@example((b"a,b\n1,x\r,\n,\n2,y", {"a": "int", "b": "string"}, {"skip_empty_rows": True}), 16)
@example((b"a,b\n1,x\r\r2,y\n,\n", {"a": "int", "b": "string"}, {"skip_empty_rows": True}), 16)
@example((b"#c\r1,x\n2,y\n", {"a": "int", "b": "string"}, {"comment": "#", "header": False}), 16)
@example((b"a,b\n\xef\xbb\xbf1,x\n", {"a": "string", "b": "string"}, {}), 16)
@example((b"a,b\n#\n\xef\xbb\xbf", {"a": "int", "b": "string"}, {"comment": "#", "pad_short_rows": True}), 16)
@example((b"1,x\n2,y\rz\n", {"a": "int", "b": "string"}, {"header": False}), 16)
@example((b"1,x\r2,y\rz\n", {"a": "int", "b": "string"}, {"header": False}), 16)
@example((b"c\r\n" + b"N\r\na\\\\nb\r\n\\\r\n" * 5 + b"\\\r", {"c": "string"}, {"escape": "\\"}), 16)
@example((b'a,b\n"0\r",\n', {"a": "double", "b": "string"}, {}), 16)
@example((b"#\r1111111111,xxxxxxxx\r2,y\r", {"a": "int", "b": "string"}, {"header": False, "comment": "#"}), 16)
@example((b"\n" * 20 + b"1,x\r2,y\r", {"a": "int", "b": "string"}, {"header": False}), 16)
@example((b"# as long as a block\r#\r#\r", {"a": "string"}, {"header": False, "comment": "#"}), 16)
def test_a_file_is_loaded_as_the_reference_reads_it(
    file: tuple[bytes, dict[str, str], dict[str, Any]], block: int
) -> None:
    data, types, dialect = file
    forms = {name: dialect[name] for name in dialect if name in {name for form in FORMS for name in form}}
    rest = {name: dialect[name] for name in dialect if name not in forms}
    expected = expect(data, types, nulls=NULLS, forms=forms, **rest)
    check(data, types, Dialect(null_values=NULLS, **dialect), expected, block)


# What is done piece by piece, or in another way where much would be held, and the least of which that is the case.
PIECES = {
    "quoting._PIECE": 3,
    "record_index._PIECE": 3,
    "record_index._VECTORISED": 12,
    "careful._PIECE": 3,
    "cast._PIECE": 3,
    "cast._LONGEST_PLAIN": 3,
    "parse._MANY_SLICES": 0,
    "file_pass._REJECTS_AT_ONCE": 2,
    "file_pass._BYTES_AHEAD": 1,
    "file_pass._WIDE": 2,
    "rejects._WRITTEN_ROWS": 2,
    "row_groups._MANY_ARRAYS": 3,
}
# Smaller blocks for many bad rows. A line that carriage returns alone break may end with a block of that size.
CROWDED = {"parse._MANY_CAREFUL": 1, "parse.SMALL_ENOUGH": 32, "blocks._SMALL_BYTES": 16}


@pytest.mark.slow
@examples(60)
@given(files(), BLOCKS)
@example((b"a,b\n1,x\r\n" + b"2,y\r\n" * 9 + b"3,\xff\r\n", {"a": "int", "b": "string"}, {}), 50)
@example((b'a,b\n1,"x\r\ny"\n' + b"2,\xff,\n" * 9, {"a": "int", "b": "string"}, {"escape": "\\"}), 50)
@example((b"a,b\n" + b"1,\\\\\n" * 4 + b"\\,2,x\n", {"a": "int", "b": "string"}, {"escape": "\\"}), 50)
@example((b"a\r\n\r\n\r\r\nx\r\n", {"a": "string"}, {"skip_empty_rows": True}), 16)
def test_what_bounds_memory_changes_no_row_and_no_reason(
    file: tuple[bytes, dict[str, str], dict[str, Any]], block: int
) -> None:
    data, types, dialect = file
    forms = {name: dialect[name] for name in dialect if name in {name for form in FORMS for name in form}}
    rest = {name: dialect[name] for name in dialect if name not in forms}
    expected = expect(data, types, nulls=NULLS, forms=forms, **rest)
    with pytest.MonkeyPatch.context() as patch:
        for name, least in (PIECES if re.search(rb"\r(?!\n)", data) else PIECES | CROWDED).items():
            patch.setattr(f"lakelanes.convert.{name}", least)
        check(data, types, Dialect(null_values=NULLS, **dialect), expected, block)


@pytest.mark.slow
@examples(80)
@given(files_of_forms(), BLOCKS)
@example((b'c\r""\r "\n\n"x"\r', {"c": "string"}, {}, {}, {}), 1 << 20)
def test_a_file_with_values_in_forms_of_its_own_is_loaded_as_the_reference_reads_it(
    file: tuple[bytes, dict[str, str], dict[str, Any], dict[str, Any], dict[str, Any]], block: int
) -> None:
    data, types, dialect, forms, columns = file
    expected = expect(data, types, nulls=NULLS, forms=forms, columns=columns, **dialect)
    check(data, types, Dialect(null_values=NULLS, **dialect, **forms), expected, block, own=columns)
