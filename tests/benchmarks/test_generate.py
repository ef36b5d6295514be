"""What the generator says is true of a file is what a reader of its own finds in it."""

from __future__ import annotations

import csv
import gzip
import hashlib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.digest import Digest
from benchmarks.generate import BAD_KINDS, NARROW, SHAPES, TRAP_KINDS, Input, generate, make
from benchmarks.tools.arrow_types import arrow_schema

SIZE = 60_000


def _value(text: str, kind: str) -> Any:
    if not text:
        return None
    if kind.startswith("decimal"):
        precision, scale = map(int, kind[8:-1].split(","))
        value = Decimal(text)
        if -value.as_tuple().exponent > scale or len(value.as_tuple().digits) > precision:
            raise ValueError(f"{text} is no {kind}")
        return value
    if kind in ("int", "smallint", "bigint"):
        return int(text)
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    parse = {"date": date.fromisoformat, "timestamp": datetime.fromisoformat, "double": float}.get(kind, str)
    return parse(text)


def _read(path: Path, columns: dict[str, str]) -> tuple[Digest, int]:
    """Python's own csv and decimal: the digest of the rows that fit, and the number of those that do not."""
    good: list[list[Any]] = []
    bad = 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        assert next(rows) == list(columns)
        for row in rows:
            try:
                if len(row) != len(columns):
                    raise ValueError(f"{len(row)} fields")
                good.append([_value(text, kind) for text, kind in zip(row, columns.values(), strict=True)])
            except (ValueError, ArithmeticError):
                bad += 1
    digest = Digest()
    schema = arrow_schema(columns)
    digest.add_arrays(schema.names, [pa.array([row[i] for row in good], field.type) for i, field in enumerate(schema)])
    return digest, bad


@pytest.mark.parametrize(
    "wanted",
    [
        Input("narrow", SIZE),
        Input("narrow", SIZE, seed=7, bad=0.1),
        Input("narrow", SIZE, bad=0.1, traps=True),
        Input("wide", SIZE),
        Input("wide", 10 * SIZE, multiline=True),
    ],
    ids=lambda wanted: wanted.name,
)
def test_the_truth_is_what_an_independent_reader_finds(wanted: Input, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    truth = generate(wanted, path)
    digest, bad = _read(path, SHAPES[wanted.shape])
    assert truth.digest.differences(digest) == []
    assert truth.digest == digest
    assert truth.rows_rejected == bad
    assert truth.csv_bytes == path.stat().st_size >= wanted.size
    assert truth.rows_ok > 200
    if wanted.bad:
        assert set(truth.kinds) == set(TRAP_KINDS if wanted.traps else BAD_KINDS)
    if wanted.multiline:
        assert path.read_bytes().count(b"\n") > truth.rows_ok + 1


def test_a_file_follows_from_its_input_alone(tmp_path: Path) -> None:
    def digest_of(wanted: Input) -> str:
        generate(wanted, tmp_path / "file")
        return hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()

    assert digest_of(Input("wide", SIZE)) == digest_of(Input("wide", SIZE))
    assert digest_of(Input("wide", SIZE)) != digest_of(Input("wide", SIZE, seed=2))


def test_a_gzip_file_holds_the_plain_one(tmp_path: Path) -> None:
    plain, truth = make(Input("narrow", SIZE), tmp_path)
    packed, same_truth = make(Input("narrow", SIZE, gzip=True), tmp_path)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert truth == same_truth


def test_a_file_is_made_once_and_again_when_it_is_damaged(tmp_path: Path) -> None:
    path, truth = make(Input("narrow", SIZE), tmp_path)
    content, made = path.read_bytes(), path.stat().st_mtime_ns
    again, same = make(Input("narrow", SIZE), tmp_path)
    assert (again, same, path.stat().st_mtime_ns) == (path, truth, made)
    path.write_bytes(content[:-1])
    make(Input("narrow", SIZE), tmp_path)
    assert path.read_bytes() == content


def test_the_narrow_shape_is_the_sales_entity() -> None:
    assert list(NARROW.values()) == ["string", "string", "decimal(10,2)", "date"]
