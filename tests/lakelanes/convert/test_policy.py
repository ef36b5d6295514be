"""Columns and values that the table does not know: every policy, by example and against the reference."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import (
    Conversion,
    Destination,
    Dialect,
    LoadPolicy,
    SchemaPolicy,
    Source,
    TargetTable,
    Tuning,
    convert,
)
from lakelanes.types import parse_type
from tests.lakelanes.convert.generated import comparable, csv_written
from tests.lakelanes.convert.reference import expect
from tests.lakelanes.convert.support import Outcome, Sinks, load, table_columns
from tests.support.properties import examples

REACTIONS = ["evolve", "freeze", "discard_row", "discard_value"]
TYPES = {"id": "string", "amount": "decimal(10,2)", "day": "date"}
NEW = b"id,Net Total,amount,day,note\n"
ROWS = b"a,1.5,1,2024-01-01,x\nb,,2,,\nc,,3,,y\n"


def new_columns(reaction: Any, data: bytes = NEW + ROWS, **options: Any) -> Outcome:
    rescue = options.pop("rescue", False)
    return load(data, TYPES, schema=SchemaPolicy(new_columns=reaction, rescue=rescue), **options)


def misfits(reaction: Any, data: bytes, *, rescue: bool = False, **options: Any) -> Outcome:
    return load(data, TYPES, schema=SchemaPolicy(type_misfits=reaction, rescue=rescue), **options)


def rescued(outcome: Outcome) -> list[Any]:
    return [text if text is None else json.loads(text) for text in outcome.column("_rescued")]


def test_new_columns_become_columns_of_texts() -> None:
    outcome = new_columns("evolve")
    assert outcome.table is not None
    assert outcome.table.column_names == ["id", "amount", "day", "net_total", "note"]
    assert outcome.column("net_total") == ["1.5", None, None]
    assert outcome.column("note") == ["x", None, "y"]
    assert outcome.conversion.added_columns == {"net_total": "string", "note": "string"}
    assert outcome.conversion.new_columns == ("Net Total", "note")


def test_new_columns_of_a_file_without_rows_are_columns_too() -> None:
    outcome = new_columns("evolve", NEW)
    assert outcome.table is not None
    assert outcome.table.column_names == ["id", "amount", "day", "net_total", "note"]
    assert list(outcome.conversion.added_columns) == ["net_total", "note"]


def test_new_columns_refuse_the_file_where_the_table_is_frozen() -> None:
    outcome = new_columns("freeze")
    assert outcome.conversion.refused == (
        "unexpected columns Net Total, note: the header has id, Net Total, amount, day, note"
    )
    assert outcome.conversion.added_columns == {}


def test_rows_with_something_in_a_new_column_are_rejected_and_the_column_is_named() -> None:
    outcome = new_columns("discard_row")
    assert outcome.column("id") == ["b"]
    assert [(reject["line"], reject["column"], reject["reason"]) for reject in outcome.rejects] == [
        (2, "Net Total", "'1.5' is in 'Net Total', a column the table lacks"),
        (4, "note", "'y' is in 'note', a column the table lacks"),
    ]


def test_new_columns_are_left_out_or_rescued() -> None:
    assert new_columns("discard_value").rows == [
        row[:3] for row in new_columns("discard_value", rescue=True).rows or []
    ]
    outcome = new_columns("discard_value", rescue=True)
    assert outcome.table is not None
    assert outcome.table.column_names == ["id", "amount", "day", "_rescued"]
    assert rescued(outcome) == [{"Net Total": "1.5", "note": "x"}, None, {"note": "y"}]


def test_rescued_texts_are_json_whatever_is_in_them() -> None:
    text = 'a "quoted" \\ text,\r\n\ttab \x01 é 日本 \u2028'
    data = csv_written([["id", "amount", "day", 'no"te'], ["a", "1", "", text], ["b", "2", "", "plain"]])
    assert rescued(new_columns("discard_value", data, rescue=True)) == [{'no"te': text}, {'no"te': "plain"}]


def test_fields_without_a_name() -> None:
    data = b"id,,amount,day,,#2\na,x,1,,y,z\nb,,2,,,\n"
    assert new_columns("discard_value", data).column("id") == ["a", "b"]
    assert rescued(new_columns("discard_value", data, rescue=True)) == [{"##2": "x", "#5": "y", "#2": "z"}, None]
    outcome = new_columns("discard_row", data)
    assert [(reject["line"], reject["column"]) for reject in outcome.rejects] == [(2, "##2")]
    refused = new_columns("evolve", data).conversion.refused
    assert refused is not None
    assert refused.startswith("field 2 cannot become a new column of the table, it has no name: the header has id,")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (
            "Net-Total,net total",
            "'net total' cannot become a new column of the table: 'net_total' would be the name of",
        ),
        ("日本", "'日本' has no letter or digit that a column's name may have"),
        ("2024 total", "'2024_total' is not a column name Athena accepts"),
        ("n" * 200, "is not a column name Athena accepts"),
        ("_rescued", "the name '_rescued' is taken"),
        ("Amount  V", "the name 'amount__v' is taken"),
        ("year", "the name 'year' is taken"),
    ],
)
def test_a_new_column_that_cannot_be_one_refuses_the_file(header: str, reason: str) -> None:
    data = (
        f"id,amount,day,{header}\na,1,,x\n".encode()
        if "," not in header
        else f"id,amount,day,{header}\na,1,,x,y\n".encode()
    )
    types = {**TYPES, "amount__v": "string"}
    policy = SchemaPolicy(new_columns="evolve")
    outcome = load(data, types, schema=policy, partition_keys=["year"], missing_columns="null")
    assert outcome.conversion.refused is not None
    assert reason in outcome.conversion.refused
    assert "with this 'header'" in outcome.conversion.refused
    assert [reject["column"] for reject in outcome.rejects] == [None]


def test_a_new_column_may_not_take_a_variants_name() -> None:
    data = b"id,amount,day,amount__v_string\na,1,,x\n"
    assert load(data, TYPES, schema=SchemaPolicy(new_columns="evolve")).conversion.refused is None
    outcome = load(data, TYPES, schema=SchemaPolicy(new_columns="evolve", type_misfits="evolve"))
    assert "the name 'amount__v_string' is taken" in str(outcome.conversion.refused)


def test_a_name_of_the_table_that_files_call_otherwise_is_no_new_column() -> None:
    columns = table_columns(TYPES)
    columns[1] = SimpleNamespace(name="amount", type=parse_type("decimal(10,2)"), header="Betrag")
    rescuing = SchemaPolicy(type_misfits="discard_value", rescue=True)
    for policy, refused in ((SchemaPolicy(new_columns="evolve"), True), (rescuing, False)):
        target = Sinks()
        conversion = convert(
            Source(lambda: io.BytesIO(b"id,BETRAG,day,amount\na,1,,x\nb,one,,y\n"), "s"),
            Destination(target, Sinks()),
            TargetTable(columns),
            LoadPolicy(schema=policy),
        )
        assert (conversion.refused is not None) == refused
    table = target.table()
    assert table is not None
    assert table.column("_rescued").to_pylist() == ['{"amount":"x"}', '{"Betrag":"one","amount":"y"}']


def test_a_file_without_a_header_has_no_new_columns() -> None:
    for reaction in REACTIONS:
        outcome = new_columns(reaction, b"a,1,\nb,2,,x\n", dialect=Dialect(header=False))
        assert outcome.column("id") == ["a"]
        assert outcome.reasons() == ["3 fields expected, 4 found"]


DIRTY = b"id,amount,day\na,1,2024-01-01\nb,x,2024-13-01\n\xff,y,\nc,2\nd,3,soon\n"


def test_misfits_are_rejected_unless_told_otherwise() -> None:
    outcome = load(DIRTY, TYPES)
    assert outcome.column("id") == ["a"]
    assert [reject["column"] for reject in outcome.rejects] == ["amount", "id", None, "day"]


def test_misfits_become_null_or_are_rescued() -> None:
    for rescue in (False, True):
        outcome = misfits("discard_value", DIRTY, rescue=rescue)
        assert [row[:2] for row in outcome.rows or []] == [("a", Decimal(1)), ("b", None), ("d", Decimal(3))]
        assert outcome.column("day")[1:] == [None, None]
        assert outcome.reasons() == ["byte 0xff is not valid UTF-8", "3 fields expected, 2 found"]
    assert rescued(outcome) == [None, {"amount": "x", "day": "2024-13-01"}, {"day": "soon"}]


def test_misfits_go_to_variant_columns_which_are_there_only_when_needed() -> None:
    outcome = misfits("evolve", DIRTY)
    assert outcome.table is not None
    assert outcome.table.column_names == ["id", "amount", "day", "amount__v_string", "day__v_string"]
    assert outcome.column("amount__v_string") == [None, "x", None]
    assert outcome.column("day__v_string") == [None, "2024-13-01", "soon"]
    assert outcome.conversion.added_columns == {"amount__v_string": "string", "day__v_string": "string"}
    clean = misfits("evolve", b"id,amount,day\na,1,\nb,x\n\xff,x,\n")
    assert clean.conversion.added_columns == {}, "the only misfit is in a row that is rejected"
    assert clean.conversion.rows_rejected == 2


def test_a_misfit_refuses_the_file_where_the_types_are_frozen() -> None:
    outcome = misfits("freeze", DIRTY)
    assert outcome.conversion.refused == (
        "'x' is not a decimal(10,2): 1 of 5 rows, on line 3; none are allowed (schema_policy.type_misfits is 'freeze')"
    )
    assert [reject["column"] for reject in outcome.rejects] == [None, "amount", "id", None, "day"]
    assert misfits("freeze", b"id,amount,day\na,1,\n\xff,x,\nb,2\n").conversion.rows_loaded == 1


@pytest.mark.parametrize("block_bytes", [16, 64, 1 << 20])
@pytest.mark.parametrize(("limit", "first"), [(0, "max_bad_rows"), (1, "'freeze'"), (2, "'freeze'")])
def test_of_two_reasons_to_refuse_a_file_the_first_row_decides(limit: int, first: str, block_bytes: int) -> None:
    data = b"id,amount,day\na,1,\nb,2\nc,x,\nd\n"
    outcome = misfits("freeze", data, max_bad_rows=limit, tuning=Tuning(threads=1, block_bytes=block_bytes))
    assert first in str(outcome.conversion.refused)


def test_a_text_that_is_too_long_is_a_misfit_and_a_nested_one_too() -> None:
    types = {"name": "varchar(3)", "tags": "array<int>"}
    outcome = load(b'name,tags\nabcd,[1]\nab,"[1,""2""]"\n', types, schema=SchemaPolicy(type_misfits="evolve"))
    assert outcome.rows == [(None, [1], "abcd", None), ("ab", None, None, '[1,"2"]')]


LATE = b"id,amount,day,note\n" + b"a,1,2024-01-01,n\n" * 400 + b"b,x,,\n" + b"c,2,soon,\n" * 400 + b"d,y,,\n"


@pytest.mark.parametrize(
    "tuning",
    [
        Tuning(threads=1, block_bytes=500, row_group_bytes=1000),
        Tuning(threads=3, block_bytes=500, row_group_bytes=1000),
        Tuning(threads=1, block_bytes=500),
    ],
)
def test_a_variant_column_needed_late_is_found_with_all_others_in_one_more_pass(tuning: Tuning) -> None:
    policy = SchemaPolicy(new_columns="evolve", type_misfits="evolve")
    opened: list[io.BytesIO] = []

    def open_source() -> io.BytesIO:
        opened.append(io.BytesIO(LATE))
        return opened[-1]

    target, rejects, added = Sinks(), Sinks(), []
    conversion = convert(
        Source(open_source, "s"),
        Destination(target, rejects),
        TargetTable(table_columns(TYPES), add_columns=added.append),
        LoadPolicy(schema=policy),
        tuning,
    )
    late = tuning.row_group_bytes == 1000
    assert len(opened) == 1 + late
    assert [sink.state for sink in target] == ["aborted"] * late + ["closed"]
    table = target.table()
    assert table is not None
    assert table.column_names == ["id", "amount", "day", "note", "amount__v_string", "day__v_string"]
    assert table.column("amount__v_string").drop_null().to_pylist() == ["x", "y"]
    assert table.column("day__v_string").drop_null().to_pylist() == ["soon"] * 400
    assert added == [dict.fromkeys(("note", "amount__v_string", "day__v_string"), "string")]
    assert (conversion.records, conversion.rows_loaded) == (802, 802)


def test_a_late_variant_and_a_refusal_after_it() -> None:
    tuning = Tuning(threads=1, block_bytes=500, row_group_bytes=1000)
    data = LATE + b"e,1\n"
    policy = SchemaPolicy(type_misfits="evolve")
    outcome = load(data, TYPES, tuning, schema=policy, on_bad_rows="fail")
    assert "line 804" in str(outcome.conversion.refused)
    assert outcome.conversion.records == outcome.conversion.rows_rejected == 803
    kept = load(data, TYPES, tuning, schema=policy)
    assert [reject["line"] for reject in kept.rejects] == [804]


def test_nothing_is_committed_when_the_table_cannot_grow() -> None:
    target, rejects = Sinks(), Sinks()

    def refuse(columns: object) -> None:
        assert [sink.state for sink in [*target, *rejects]] == [] or all(sink.state == "open" for sink in target)
        raise LookupError("no such table")

    with pytest.raises(LookupError):
        convert(
            Source(lambda: io.BytesIO(NEW + ROWS + b"too few\n"), "s"),
            Destination(target, rejects),
            TargetTable(table_columns(TYPES), add_columns=refuse),
            LoadPolicy(schema=SchemaPolicy(new_columns="evolve")),
        )
    assert all(sink.state == "aborted" for sink in [*target, *rejects])


def test_the_table_does_not_grow_for_a_file_that_is_refused() -> None:
    grown: list[object] = []
    outcome = new_columns("evolve", NEW + b"too few\n", add_columns=grown.append)
    assert str(outcome.conversion.refused).endswith("; no row of the file could be loaded")
    assert (grown, outcome.conversion.added_columns) == ([], {})


GOOD = {
    "string": ["", "abc", "NULL"],
    "varchar(3)": ["", "abc", "é"],
    "int": ["", "7", "-12"],
    "decimal(10,2)": ["", "1.50", "3"],
    "double": ["", "1.5", "2e3"],
    "date": ["", "2024-02-29"],
    "timestamp": ["", "2024-02-29 10:00:00"],
    "boolean": ["", "true"],
}
ODD = ["x", "NULL", "1.2345", " 5 ", "2024-02-30", "0x1F", "1e400", 'a "b"\\\n,', "\udcff", "é\udce9", "\t", "日本", ""]


@st.composite
def grown_files(draw: st.DrawFn) -> tuple[bytes, dict[str, str], dict[str, Any]]:
    """A file with columns and values that its table may not have, the table's types, and the dialect."""
    kinds = draw(st.lists(st.sampled_from(list(GOOD)), min_size=1, max_size=3))
    types = {f"c{position}": kind for position, kind in enumerate(kinds)}
    new = draw(st.lists(st.sampled_from(["note", "Net Total", "c9"]), max_size=2, unique=True))
    names = draw(st.permutations([*types, *new]))
    share = draw(st.sampled_from([0, 1, 5]))
    odd = st.sampled_from(ODD)
    cells = [st.one_of(*[st.sampled_from(GOOD[types.get(name, "string")])] * 6, *[odd] * share) for name in names]
    rows = draw(st.lists(st.tuples(*cells).map(list), max_size=8)) * draw(st.sampled_from([1, 1, 30]))
    for _ in range(draw(st.sampled_from([0, 1, 3]))):
        at = draw(st.integers(0, len(rows)))
        rows[at:at] = [draw(st.tuples(*[odd] * len(names)).map(list) | st.lists(odd, max_size=5))]
    dialect: dict[str, Any] = {}
    header = list(names)
    if draw(st.integers(0, 3)) == 0:
        dialect["trailing_delimiter"] = True
        rows = [[*row, draw(st.sampled_from(["", "", "", "x"]))] for row in rows]
        header.append("")
    if draw(st.integers(0, 3)) == 0 and not new:
        dialect["header"] = False
        types = {name: types[name] for name in names}
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "cp1252"]))
    if encoding != "utf-8":
        dialect["encoding"] = encoding
    text = (b"" if "header" in dialect else written([header])) + written(rows, encoding)
    if draw(st.integers(0, 5)) == 0:
        text += b'"open'
    return text, types, dialect


def written(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    """A surrogate is a byte: 0xff is not UTF-8, and 0x81 not cp1252."""
    text = csv_written(rows).decode("utf-8", "surrogatepass")
    if encoding == "cp1252":
        text = text.replace("日本", "?").replace("\udcff", "\udc81")
    return text.encode(encoding, "surrogateescape")


POLICIES = list(product(REACTIONS, REACTIONS, [False, True]))


def every_tuning() -> Iterator[Tuning]:
    yield Tuning(threads=1, fast=False)
    yield Tuning(threads=1)
    yield Tuning(threads=1, block_bytes=40, row_group_bytes=100)
    yield Tuning(threads=3, block_bytes=40, row_group_bytes=100)


@pytest.mark.slow
@examples(120)
@given(policy=st.sampled_from(POLICIES), file=grown_files())
def test_every_policy_loads_what_the_reference_says(
    policy: tuple[Any, Any, bool], file: tuple[bytes, dict[str, str], dict[str, Any]]
) -> None:
    data, types, dialect = file
    settings: Any = dict(zip(("new_columns", "type_misfits", "rescue"), policy, strict=True))
    expected = expect(data, types, ("", "NULL"), **settings, **dialect)
    careful: Conversion | None = None
    for tuning in every_tuning():
        outcome = load(
            data, types, tuning, dialect=Dialect(null_values=("", "NULL"), **dialect), schema=SchemaPolicy(**settings)
        )
        conversion = outcome.conversion
        where = [(row["record"], row["line"], row["column"], row["raw"]) for row in outcome.rejects]
        assert where == expected.faults
        assert not expected.refused or conversion.refused is not None
        if conversion.refused is None:
            assert outcome.table is not None
            assert outcome.table.column_names == expected.columns
            assert comparable(as_pairs(outcome)) == comparable(expected.rows)
            assert list(conversion.added_columns) == expected.added
        else:
            assert expected.refused or not expected.rows
        careful = careful or conversion
        assert conversion == careful


def as_pairs(outcome: Outcome) -> list[tuple[Any, ...]]:
    """The rows, with what was rescued as pairs: a name that is there twice would show."""
    assert outcome.table is not None
    names = outcome.table.column_names

    def pairs(value: Any) -> Any:
        return value and json.loads(value, object_pairs_hook=list)

    return [
        tuple(pairs(value) if name == "_rescued" else value for name, value in zip(names, row, strict=True))
        for row in outcome.rows or []
    ]
