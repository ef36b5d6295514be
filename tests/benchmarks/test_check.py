"""The check of a tool's output finds every way in which it can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from benchmarks.check import faults_of, misplaced
from benchmarks.digest import words
from benchmarks.generate import NARROW, WIDE, Input, Truth, make
from benchmarks.tools.arrow_types import arrow_type, convert_options


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Truth]:
    path, truth = make(Input("narrow", 50_000), tmp_path_factory.mktemp("narrow"))
    return pacsv.read_csv(path, convert_options=convert_options(NARROW)), truth


def _faults(table: pa.Table, truth: Truth, folder: Path, rejected: int | None = None) -> list[str]:
    path = folder / "out.parquet"
    pq.write_table(table, path)
    return faults_of([path], NARROW, truth, rejected)


def _set(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


def _cell(table: pa.Table, name: str, row: int, value: object) -> pa.Table:
    values = table[name].to_pylist()
    values[row] = value
    return _set(table, name, pa.array(values, table.schema.field(name).type))


def test_a_right_output_has_no_fault_in_any_order_and_spelling(narrow: tuple[pa.Table, Truth], tmp_path: Path) -> None:
    table, truth = narrow
    assert _faults(table, truth, tmp_path, 0) == []
    shuffled = table.take(pa.array(list(reversed(range(table.num_rows)))))
    assert _faults(shuffled, truth, tmp_path) == []
    assert _faults(shuffled.select(list(reversed(table.column_names))), truth, tmp_path) == []
    large = _set(table, "customer_id", table["customer_id"].cast(pa.large_string()))
    assert _faults(large, truth, tmp_path) == []
    halves = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pq.write_table(table.slice(0, 100), halves[0])
    pq.write_table(table.slice(100), halves[1])
    assert faults_of(halves, NARROW, truth, None) == []
    assert faults_of([halves[0], halves[1]] * 2, NARROW, truth, None, files=2) == []


def test_rows_in_another_partitions_folder_are_found(narrow: tuple[pa.Table, Truth], tmp_path: Path) -> None:
    table, _ = narrow
    day = table["transaction_date"][0]
    rows = table.filter(pc.equal(table["transaction_date"], day))
    for folder in (f"year={day.as_py():%Y}/month={day.as_py():%m}/day={day.as_py():%d}", "year=1999/month=01/day=01"):
        path = tmp_path / folder / "rows.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(rows, path)
        found = misplaced([path], "transaction_date")
        assert (found == []) == ("1999" not in folder)
    pq.write_table(table, path)
    assert misplaced([path], "transaction_date") != []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (lambda t: t.slice(1), "rows instead of"),
        (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "rows instead of"),
        (lambda t: pa.concat_tables([t.slice(1), t.slice(1, 1)]), "other values"),
        (lambda t: _cell(t, "amount", 3, Decimal("0.01")), "amount: other values"),
        (lambda t: _cell(t, "amount", 3, None), "amount: "),
        (lambda t: _cell(t, "transaction_id", 5, "T0000000001"), "transaction_id: other values"),
        (lambda t: _set(t, "customer_id", pc.fill_null(t["customer_id"], "")), "customer_id: 0 nulls instead of"),
        (lambda t: _set(t, "customer_id", pc.utf8_lower(t["customer_id"])), "customer_id: other values"),
        (lambda t: _set(t, "amount", t["amount"].cast(pa.float64())), "amount: double instead of decimal(10,2)"),
        (lambda t: _set(t, "amount", t["amount"].cast(pa.decimal128(12, 3))), "amount: decimal128(12, 3) instead of"),
        (lambda t: _set(t, "transaction_date", t["transaction_date"].cast(pa.string())), "transaction_date: string"),
        (
            lambda t: _set(t, "transaction_date", t["transaction_date"].cast(pa.timestamp("ms"))),
            "transaction_date: timestamp[ms] instead of date",
        ),
        (lambda t: t.drop_columns(["amount"]), "amount: not there"),
        (
            lambda t: _set(t, "amount", t["amount"].take(pa.array(list(reversed(range(t.num_rows)))))),
            "the columns' values are in other rows",
        ),
    ],
)
def test_a_wrong_output_is_found_out(
    wrong: Callable[[pa.Table], pa.Table], fault: str, narrow: tuple[pa.Table, Truth], tmp_path: Path
) -> None:
    table, truth = narrow
    faults = _faults(wrong(table), truth, tmp_path)
    assert any(fault in found for found in faults), faults


def test_rows_that_are_said_to_be_set_aside_are_counted(narrow: tuple[pa.Table, Truth], tmp_path: Path) -> None:
    table, truth = narrow
    assert _faults(table, truth, tmp_path, 2) == ["2 rows set aside instead of 0"]


def test_lists_structs_and_long_decimals_are_told_apart() -> None:
    kinds = {
        "decimal(38,2)": [["12345678901234567890123456789.01", "-1.00", None], ["112345678901234567890123456789.01"]],
        "array<string>": [[["a", "b"], ["b", "a"], ["ab"], ["a"], [], None], [["", "a"]]],
        "struct<a:int,b:int>": [[{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1, "b": None}, None], [{"a": 2, "b": 2}]],
        "array<struct<a:decimal(5,2)>>": [[[{"a": "1.00"}, {"a": "2.00"}], [{"a": "2.00"}, {"a": "1.00"}]], [[None]]],
    }
    for text, (values, others) in kinds.items():
        kind = arrow_type(text)
        exact = [_decimals(value) for value in (*values, *others)]
        found = words(pa.array(exact, kind)).tolist()
        assert len(set(found)) == len(found), text
        again = words(pa.array([None, *exact[1:]], kind).slice(1)).tolist()
        assert again == found[1:], text


def _decimals(value: object) -> object:
    if isinstance(value, list):
        return [_decimals(each) for each in value]
    if isinstance(value, dict):
        return {name: _decimals(each) for name, each in value.items()}
    return Decimal(value) if isinstance(value, str) and "." in value else value


def test_every_type_of_the_wide_shape_is_compared(tmp_path: Path) -> None:
    path, truth = make(Input("wide", 50_000), tmp_path)
    table = pacsv.read_csv(path, convert_options=convert_options(WIDE))
    right, wrong = tmp_path / "right.parquet", tmp_path / "wrong.parquet"
    pq.write_table(table, right)
    assert faults_of([right], WIDE, truth, None) == []
    for name in WIDE:
        changed = table[name].to_pylist()
        row = next(i for i, value in enumerate(changed) if value is not None and value != changed[0])
        changed[row] = next(value for value in changed if value is not None and value != changed[row])
        pq.write_table(_set(table, name, pa.array(changed, table.schema.field(name).type)), wrong)
        assert faults_of([wrong], WIDE, truth, None) == [f"{name}: other values"]
