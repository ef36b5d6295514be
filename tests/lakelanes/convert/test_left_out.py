"""Rows that a dialect leaves out: no rows, no rejects, but counted, and the lines of the others are right."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from tests.lakelanes.convert.support import Outcome, load

TYPES = {"id": "int", "name": "string"}
TUNINGS = [Tuning(), Tuning(fast=False), Tuning(threads=1, block_bytes=16), Tuning(threads=3, block_bytes=24)]
each_tuning = pytest.mark.parametrize("tuning", TUNINGS)


def rejected(outcome: Outcome) -> list[tuple[Any, ...]]:
    return [(row["record"], row["line"], row["raw"]) for row in outcome.rejects]


@each_tuning
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_comments_are_left_out_with_whatever_quotes_are_in_them(tuning: Tuning, line_end: str) -> None:
    lines = ['# 5" pipes', "#", "id,name", "1,x", '#,"', '2,"a', "# no comment", 'b"', "x,y", "#3,z", '"#4",w']
    outcome = load(line_end.join(lines).encode(), TYPES, tuning, dialect=Dialect(comment="#"))
    assert outcome.rows == [(1, "x"), (2, f"a{line_end}# no comment{line_end}b")]
    assert rejected(outcome) == [(3, 9, "x,y"), (4, 11, '"#4",w')]
    assert (outcome.conversion.records, outcome.conversion.left_out) == (4, 4)


@each_tuning
def test_an_escape_at_the_end_of_a_comment_escapes_nothing(tuning: Tuning) -> None:
    data = b'# in C:\\\nid,name\n#\\\n1,"a\\"\n# no \\" comment"\n#"\\\n#\\\nx,y\n'
    outcome = load(data, TYPES, tuning, dialect=Dialect(comment="#", escape="\\"))
    assert outcome.rows == [(1, 'a"\n# no " comment')]
    assert rejected(outcome) == [(2, 8, "x,y")]
    assert outcome.conversion.left_out == 4


def test_comments_after_the_lines_that_are_skipped() -> None:
    data = b"\xef\xbb\xbf# exported, 2024\nid,name\n#,note\n1,x\n"
    assert load(data, TYPES, dialect=Dialect(comment="#", skip_rows=1)).rows == [(1, "x")]
    assert load(data, TYPES, dialect=Dialect(comment="#")).rows == [(1, "x")]


@each_tuning
def test_a_carriage_return_that_ends_no_line_ends_no_comment_and_begins_none(tuning: Tuning) -> None:
    data = b"id,name\n#c\r1,x\n2,y\r#z\n3,w\n4,\r,\n,\r\n5,v\n"
    outcome = load(data, TYPES, tuning, dialect=Dialect(comment="#", skip_empty_rows=True))
    assert outcome.column("id") == [3, 5]
    assert [row["raw"] for row in outcome.rejects] == ["2,y", "#z", "4,", ","]
    assert set(outcome.reasons()) == {"a carriage return (CR) alone breaks the line: quote the field that holds it"}
    assert outcome.conversion.left_out == 2


@each_tuning
def test_comments_of_a_file_of_one_column(tuning: Tuning) -> None:
    outcome = load(b'n\n1\n#x\n\nx\n#"\n2', {"n": "int"}, tuning, dialect=Dialect(comment="#"))
    assert outcome.rows == [(1,), (None,), (2,)]
    assert rejected(outcome) == [(3, 5, "x")]


def test_a_file_of_comments_alone_has_no_row() -> None:
    outcome = load(b"# nothing\n# today", TYPES, dialect=Dialect(comment="#"))
    assert (outcome.rows, outcome.conversion.left_out) == ([], 2)


@each_tuning
def test_rows_of_delimiters_only(tuning: Tuning) -> None:
    data = b',,\nid,name\n1,x\n,\n,,,\n,"a\n,\nb"\n"",\n,y\nx,y\n,'
    outcome = load(data, TYPES, tuning, dialect=Dialect(skip_empty_rows=True))
    assert outcome.rows == [(1, "x"), (None, "a\n,\nb"), (None, None), (None, "y")]
    assert rejected(outcome) == [(5, 11, "x,y")]
    assert outcome.conversion.left_out == 4


@each_tuning
def test_a_blank_line_is_such_a_row_in_a_file_of_one_column(tuning: Tuning) -> None:
    outcome = load(b'n\n1\n\n""\n2\n\n', {"n": "int"}, tuning, dialect=Dialect(skip_empty_rows=True))
    assert (outcome.rows, outcome.conversion.left_out) == ([(1,), (None,), (2,)], 2)


@each_tuning
def test_the_header_once_more(tuning: Tuning) -> None:
    data = b'id,"name"\n1,x\nid,"name"\n2,y\n\xef\xbb\xbfid,"name"\n3,"z\nid,""name""\n"\nid,name\nid,"name"'
    dialect = Dialect(skip_repeated_headers=True)
    outcome = load(data, TYPES, tuning, dialect=dialect)
    assert outcome.rows == [(1, "x"), (2, "y"), (3, 'z\nid,"name"\n')]
    assert rejected(outcome) == [(4, 9, "id,name")]
    assert outcome.conversion.left_out == 3


@each_tuning
def test_a_refused_file_has_no_left_out_row_in_the_rejects(tuning: Tuning) -> None:
    dialect = Dialect(comment="#", skip_empty_rows=True, skip_repeated_headers=True)
    data = b'#1\nid,name\n1,x\n#"\n,\nid,name\nx,y\n'
    for policy, text in (({"on_bad_rows": "fail"}, data), ({}, data.replace(b"name", b"other"))):
        outcome = load(text, TYPES, tuning, dialect=dialect, **policy)
        assert rejected(outcome) == [(1, 3, "1,x"), (2, 7, "x,y")]
        assert outcome.conversion.left_out == 4


def test_the_example_of_the_configuration() -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
    section = page.split("### Lines and rows that are no data\n")[1].split("\n## ")[0]
    data, dialect = re.findall(r"```(?:json)?\n(.*?)```", section, re.DOTALL)
    types = {"id": "int", "name": "string", "amount": "decimal(6,2)"}
    outcome = load(data.encode(), types, dialect=Dialect(**json.loads("{" + dialect + "}")["dialect"]))
    assert outcome.rows == [(1, "pen", Decimal("10.00")), (2, "ink", None)]
    assert (outcome.rejects, outcome.conversion.left_out) == ([], 4)


def test_nothing_is_left_out_unless_that_is_asked_for() -> None:
    outcome = load(b"id,name\n#1,x\n,\nid,name\n", TYPES)
    assert outcome.rows == [(None, None)]
    assert rejected(outcome) == [(1, 2, "#1,x"), (3, 4, "id,name")]
    assert outcome.conversion.left_out == 0


def test_a_long_comment_between_long_rows() -> None:
    comment = b"#" + b'"x,' * 700_000
    data = b"id,name\n1,x\n" + comment + b'\n2,"y\n' + b"z" * 2_000_000 + b'"\n' + comment
    outcome = load(data, TYPES, dialect=Dialect(comment="#"))
    assert outcome.column("id") == [1, 2]
    assert outcome.conversion.left_out == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"comment": "//"}, "comment is '//', expected one ASCII character"),
        ({"comment": ""}, "comment is '', expected one ASCII character"),
        ({"comment": ","}, "comment is ',', which is the delimiter already"),
        ({"skip_repeated_headers": True, "header": False}, "skip_repeated_headers is true, but header is false"),
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"comment|skip_repeated") as raised:
        Dialect(**options)
    assert message in str(raised.value)
