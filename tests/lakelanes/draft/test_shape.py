"""The shape of a file: what divides its fields, and what is no row."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.draft.samples import DraftError
from lakelanes.draft.shape import guess_shape
from tests.lakelanes.draft.support import looked

ROWS = "a;1\nb;2\nc;3\n"


@pytest.mark.parametrize(
    ("text", "settings", "names", "count"),
    [
        ("x,y\n1,2\n", {}, ["x", "y"], 1),
        ("x;y\n" + ROWS, {"delimiter": ";"}, ["x", "y"], 3),
        ("x\ty\n1\t2\n", {"delimiter": "\t"}, ["x", "y"], 1),
        ("x||y\n1||2\n", {"delimiter": "||"}, ["x", "y"], 1),
        ("x§y\n1§2\n", {"delimiter": "§"}, ["x", "y"], 1),
        ("only\none\ntwo\n", {}, ["only"], 2),
        ("betrag\n1,5\n2,5\n", {"delimiter": ";"}, ["betrag"], 2),
        ("x;betrag\n1,5;2,50\n3,5;4,50\n", {"delimiter": ";"}, ["x", "betrag"], 2),
        ("sep=;\nx;y\n" + ROWS, {"delimiter": ";", "skip_rows": 1}, ["x", "y"], 3),
        ("Report\n\nx;y\n" + ROWS, {"delimiter": ";", "skip_rows": 2}, ["x", "y"], 3),
        ("Report;;\nx;y;z\na;1;2\nb;2;3\n", {"delimiter": ";", "skip_rows": 1}, ["x", "y", "z"], 2),
        ("# a note\nx;y\n# b\n" + ROWS, {"delimiter": ";", "comment": "#"}, ["x", "y"], 3),
        ("x;y;z\na;1;2\nb;2;3\nTotal;;5\n", {"delimiter": ";", "skip_footer": 1}, ["x", "y", "z"], 2),
        ("x;y;z\na;1;2\nb;2;3\n\n2 rows\nend\n", {"delimiter": ";", "skip_footer": 2}, ["x", "y", "z"], 2),
        ("x;y\na;1\n;\nb;2\n", {"delimiter": ";", "skip_empty_rows": True}, ["x", "y"], 2),
        ("x;y\na;1\nx;y\nb;2\n", {"delimiter": ";", "skip_repeated_headers": True}, ["x", "y"], 2),
        ("x;y;\na;1;\nb;2;\n", {"delimiter": ";", "trailing_delimiter": True}, ["x", "y"], 2),
        ("x;y\na;1;\nb;2;\n", {"delimiter": ";", "trailing_delimiter": True}, ["x", "y"], 2),
        ("x;y;z\na;1;2\nb;2\nc;3;4\n", {"delimiter": ";", "pad_short_rows": True}, ["x", "y", "z"], 3),
        ("1;2\n3;4\n", {"delimiter": ";", "header": False}, None, 2),
        ('x,y\n"a\nb",2\n"say ""hi""",3\n', {}, ["x", "y"], 2),
        ('x,y\n"a\\"b",2\n"c",3\n', {"escape": "\\"}, ["x", "y"], 2),
        ('x,y\n"a" ,2\n "b,c",3\n', {"trim": True}, ["x", "y"], 2),
        ("x,y\n'a,b',2\n'c',3\n", {"quote": "'"}, ["x", "y"], 2),
        ('x,y\n5" pipe,2\n6" pipe,3\n', {"quotes": "lenient"}, ["x", "y"], 2),
    ],
)
def test_a_shape_is_recognised(text: str, settings: dict[str, Any], names: list[str] | None, count: int) -> None:
    found = guess_shape([looked(text)])
    assert (found.settings, found.names, len(found.rows[0])) == (settings, names, count)


def test_a_name_that_is_there_twice_leaves_the_places() -> None:
    found = guess_shape([looked("x,x\n1,2\n")])
    assert found.settings == {"header": False, "skip_rows": 1}
    assert "by position" in found.doubts[0]


def test_columns_of_all_samples_are_those_of_any() -> None:
    found = guess_shape([looked("x,y\n1,2\n"), looked("z,x\n3,4\n")])
    assert found.names == ["x", "y", "z"]
    assert found.lacking == ["y", "z"]
    assert [row.fields for rows in found.rows for row in rows] == [["1", "2", ""], ["4", "", "3"]]


def test_samples_that_differ_in_what_is_around_the_rows_leave_it_open() -> None:
    found = guess_shape([looked("x;y;z\na;1;2\nb;2;3\nTotal;;5\n"), looked("x;y;z\na;1;2\nb;2;3\n")])
    assert "skip_footer" not in found.settings
    assert any("skip_footer is left open" in doubt for doubt in found.doubts)


def test_what_a_footer_says_is_shown() -> None:
    assert any("'Total;;5'" in doubt for doubt in guess_shape([looked("x;y;z\na;1;2\nb;2;3\nTotal;;5\n")]).doubts)


def test_nothing_is_learned_from_nothing() -> None:
    with pytest.raises(DraftError, match="empty"):
        guess_shape([looked("\n")])


def test_a_file_without_a_record_that_ends_is_refused() -> None:
    with pytest.raises(DraftError, match="a quote is never closed"):
        guess_shape([looked('sep=;\n"Total""')])
