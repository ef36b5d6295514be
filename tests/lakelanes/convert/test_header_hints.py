"""What is said of a header that does not fit: what does not show in it, and a setting with which it fits."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Destination, Dialect, LoadPolicy, SchemaPolicy, Source, TargetTable, convert
from lakelanes.convert.header_hints import LINES, likeness, listed, shown_name
from lakelanes.types import parse_type
from tests.lakelanes.convert.support import Sinks, load
from tests.support.properties import examples

NBSP, ZERO_WIDTH, MARK, MINUS = "\u00a0", "\u200b", "\ufeff", "\u2212"
TYPES = {"id": "int", "name": "string", "amount": "decimal(5,2)"}


def refused(data: str | bytes, types: dict[str, str] | None = None, **options: Any) -> str:
    outcome = load(data.encode() if isinstance(data, str) else data, types or TYPES, **options)
    assert outcome.conversion.rows_withheld == outcome.conversion.records
    return str(outcome.conversion.refused)


def test_a_zero_width_space_in_a_name_is_shown_and_how_to_name_it() -> None:
    assert refused(f"id,{ZERO_WIDTH}name,amount\n1,a,1\n") == (
        "missing column name: the header has id, <U+200B>name, amount; '<U+200B>name' looks like 'name', but has "
        'U+200B (zero width space); if all files have it, set the column\'s header to "\\u200bname"'
    )


def test_a_second_byte_order_mark_is_a_part_of_the_first_name() -> None:
    said = refused(f"{MARK}{MARK}id,name,amount\n1,a,1\n")
    assert said.startswith("missing column id: the header has <U+FEFF>id, name, amount; '<U+FEFF>id' looks like 'id'")
    assert "has U+FEFF (byte order mark)" in said


def test_blanks_of_any_kind_around_a_name_do_not_count_and_within_it_they_do() -> None:
    header = f"id{NBSP},\u3000name \u2003,\tamount\u202f"
    assert load(f"{header}\n1,a,1\n".encode(), TYPES).conversion.rows_loaded == 1
    types = {"unit price": "int", "id": "int"}
    assert "<U+00A0>price' looks like 'unit price', but has U+00A0 (no-break space)" in refused(
        f"unit{NBSP}price,id\n1,2\n", types
    )


@pytest.mark.parametrize(
    ("column", "name", "said"),
    [
        ("a-b", f"a{MINUS}b", f"'a{MINUS}b' looks like 'a-b', but has U+2212 (minus sign)"),
        ("a-b", "a\u2013b", "but has U+2013 (en dash)"),
        ("Münze", "Mu\u0308nze", "but has U+0308 (combining diaeresis)"),
        ("name", "n\u0430me", "but has U+0430 (cyrillic small letter a)"),
        ("it's", "it\u2019s", "but has U+2019 (right single quotation mark)"),
        ("id", "id\u0000", "but has U+0000"),
        ("a\u00a0b", "a b", "'a b' looks like 'a<U+00A0>b', but lacks U+00A0 (no-break space)"),
        ("a b", "a  b", "'a  b' looks like 'a b', but is written in another way"),
    ],
)
def test_a_name_that_looks_like_a_column_is_told_by_its_characters(column: str, name: str, said: str) -> None:
    assert said in refused(f"{name},other\n1,2\n", {column: "int", "other": "int"})


plain = st.text(st.characters(categories=["L", "Nd"], max_codepoint=0x24F), min_size=1, max_size=8)
hidden = st.sampled_from(["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e"])


@examples(80)
@given(plain, hidden, st.integers(0, 8), st.booleans())
def test_what_is_hidden_anywhere_in_a_name_is_shown_and_cured_by_the_header_that_is_told(
    column: str, character: str, at: int, first: bool
) -> None:
    name = column[:at] + character + column[at:]
    names = [name, "zz"] if first else ["zz", name]
    data = (",".join(names) + "\n1,1\n").encode()
    if first and name.startswith(MARK):
        data = MARK.encode() + data
    said = refused(data, {column: "int", "zz": "int"})
    assert f"<U+{ord(character):04X}>" in said and f"U+{ord(character):04X} (" in said
    assert character not in said, "it would not show"
    told = json.loads(said.rpartition("set the column's header to ")[2])
    columns = [
        SimpleNamespace(name="c", type=parse_type("int"), header=told),
        SimpleNamespace(name="z", type=parse_type("int"), header="zz"),
    ]
    assert rows_of(data, columns) == [{"c": 1, "z": 1}]


def rows_of(data: bytes, columns: list[Any]) -> list[dict[str, Any]]:
    target = Sinks()
    conversion = convert(
        Source(lambda: io.BytesIO(data), "source.csv"), Destination(target, Sinks()), TargetTable(columns)
    )
    table = target.table()
    assert table is not None, conversion.refused
    return table.to_pylist()


def test_a_name_that_looks_like_none_is_not_said_to() -> None:
    assert likeness(["name"], ["names", "", "nom"]) is None
    assert refused("id,nom,amount\n1,a,1\n") == "missing column name: the header has id, nom, amount"


@pytest.mark.parametrize("title", ["Report 2024", "Report 2024\nGenerated: 2024-01-01\n", "# a,b,c", '"a\nb"', ";;;"])
def test_a_title_above_the_header_points_to_skip_rows(title: str) -> None:
    data = f"{title}\nid,name,amount\n1,a,1\n"
    line = data[: data.index("id,name")].count("\n") + 1
    said = refused(data)
    assert said.endswith(f"; line {line} looks like the header: set dialect.skip_rows to {line - 1}")
    assert load(data.encode(), TYPES, dialect=Dialect(skip_rows=line - 1)).conversion.rows_loaded == 1


def test_a_title_in_several_fields_and_one_that_has_a_column_of_the_table() -> None:
    assert refused("id,of,report\n\nid,name,amount\n1,a,1\n").endswith("line 3 looks like the header: set "
        "dialect.skip_rows to 2")  # fmt: skip
    assert "skip_rows" not in refused("id,name,price\n1,a,1\nid,x,y\n"), "no other line fits better"


def test_a_header_too_far_below_is_not_looked_for() -> None:
    near, far = "x\n" * LINES, "x\n" * (LINES + 1)
    assert "skip_rows" in refused(near + "id,name,amount\n1,a,1\n")
    assert "skip_rows" not in refused(far + "id,name,amount\n1,a,1\n")
    assert "skip_rows to 24" in refused("x\n" * 24 + "id,name,amount\n1,a,1\n", dialect=Dialect(skip_rows=20))


@pytest.mark.parametrize("title", ['"Report', 'The "Report"', '"Report" 2024', 'a "b'])
def test_a_title_whose_quotes_are_out_of_place_points_to_skip_rows_too(title: str) -> None:
    said = refused(f"{title}\n\nid,name,amount\n1,a,1\n")
    assert said.startswith("the header ")
    assert said.endswith("; line 3 looks like the header: set dialect.skip_rows to 2")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_named(delimiter: str) -> None:
    data = delimiter.join(TYPES) + "\n" + delimiter.join("1a1") + "\n"
    assert refused(data).endswith(f"; set dialect.delimiter to {delimiter!r}, which is ','")
    titled = refused("A title, with a comma\n" + data)
    assert titled.endswith(f"; line 2 looks like the header: set dialect.skip_rows to 1, and dialect.delimiter to "
        f"{delimiter!r}")  # fmt: skip


def test_another_delimiter_is_named_for_a_file_without_a_header_too() -> None:
    bare = Dialect(header=False)
    data = b"1;a;1.50\n2;b;2.50\n"
    outcome = load(data, TYPES, dialect=bare)
    assert outcome.conversion.refused == (
        "3 fields expected, 1 found: 2 of 2 rows, from line 1; no row of the file could be loaded; "
        "set dialect.delimiter to ';', which is ','"
    )
    assert outcome.conversion.rows_withheld == 0
    for other in (b"1;a\n2;b\n", b"1;a,1.50\n", b"x\n", b"\xff;a\n"):
        assert "delimiter" not in str(load(other, TYPES, dialect=bare).conversion.refused)
    assert "delimiter" not in str(load(b"id\nx;y\n", {"id": "int"}).conversion.refused), "a column's fault"
    quoted = Dialect(header=False, quote=";")
    assert "delimiter to '|'" in str(load(b"1|a|1.50\n", TYPES, dialect=quoted).conversion.refused)


settings = st.tuples(
    st.sampled_from([",", ";", "\t", "|"]), st.integers(0, 6), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)


@examples(60)
@given(settings, st.lists(st.text("ab ,;|\t#:", max_size=9), min_size=6, max_size=6), st.sampled_from([",", ";"]))
def test_with_the_settings_that_are_told_the_file_is_loaded(
    settings: tuple[str, int, str, bool], titles: list[str], configured: str
) -> None:
    delimiter, skipped, line_end, quoted = settings
    names = [f'"{name}"' if quoted else name for name in TYPES]
    lines = [*titles[:skipped], delimiter.join(names), delimiter.join(("1", "a", "1.50"))]
    data = "".join(line + line_end for line in lines).encode()
    outcome = load(data, TYPES, dialect=Dialect(delimiter=configured))
    if outcome.conversion.refused is not None:
        said = outcome.conversion.refused
        rows = re.search(r"skip_rows to (\d+)", said)
        told = re.search(r"dialect\.delimiter to ('.*?')", said)
        dialect = Dialect(
            delimiter=json.loads(told[1].replace("'", '"')) if told else configured,
            skip_rows=int(rows[1]) if rows else 0,
        )
        outcome = load(data, TYPES, dialect=dialect)
    assert outcome.conversion.rows_loaded == 1, outcome.conversion.refused


def test_long_headers_are_cut_and_what_helps_is_still_said() -> None:
    types = {f"column_number_{number}": "int" for number in range(500)}
    header = ",".join(types)
    said = refused(f"title\n{header}\n", types)
    assert len(said) < 500
    assert said.endswith("line 2 looks like the header: set dialect.skip_rows to 1")
    assert "column_number_10 and 489 more) is there" in said
    assert len(refused("x" * 5000 + "," + header + "\n")) < 500
    assert len(refused(b"\xff" * 5000 + b"\n")) < 1000


def test_names_are_shown_with_what_does_not_show() -> None:
    assert shown_name("") == "an empty name"
    assert shown_name("a b\u00a0c\td\0") == "a b<U+00A0>c<U+0009>d<U+0000>"
    assert shown_name("Größe − 客户") == "Größe − 客户"  # noqa: RUF001
    assert listed(["a", "", "b"]) == "a, an empty name, b"
    assert listed([f"n{number}" for number in range(30)]).endswith("n19 and 10 more")


def test_unexpected_columns_are_shown_too_where_the_table_is_frozen() -> None:
    said = refused(f"id,name,amount,x{ZERO_WIDTH}\n1,a,1,2\n", schema=SchemaPolicy(new_columns="freeze"))
    assert said == "unexpected column x<U+200B>: the header has id, name, amount, x<U+200B>"


def test_a_column_that_is_configured_with_blanks_around_its_name_is_found() -> None:
    assert load(b"id,name ,amount\n1,a,1\n", {"id": "int", " name": "string", "amount ": "int"}).rows == [(1, "a", 1)]


def test_every_look_alike_is_a_letter_that_another_script_has() -> None:
    from lakelanes.convert.header_hints import _LOOK_ALIKE

    for other, latin in _LOOK_ALIKE.items():
        assert chr(latin).isascii() and not chr(other).isascii()
        assert unicodedata.category(chr(other))[0] in ("L", "S", "P")
    assert LoadPolicy().missing_columns == "error"
