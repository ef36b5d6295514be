"""The sample files: the same each time, with totals that hold when the files are read again by other means."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from lakelanes.config.loading import DEFAULT_PATH, load_config
from lakelanes.config.model import LakeConfig
from lakelanes.files import matching
from scripts import sample_data
from scripts.sample_data import Manifest, SampleData, SampleFile

WEEK = {"days": 7, "end": date(2024, 3, 3)}


@pytest.fixture(scope="module")
def week() -> list[SampleFile]:
    return list(SampleData(seed=1, **WEEK).files())


@pytest.fixture(scope="module")
def config() -> LakeConfig:
    return load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": "000000000000"})


def read_again(file: SampleFile) -> Iterator[tuple[int, list[str], list[str]]]:
    """The records of a file as (line, header, fields), by the standard library's reader."""
    body = gzip.decompress(file.body) if file.key.endswith(".gz") else file.body
    text = body.decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if file.entity == "store_targets" else ",")
    header = next(reader)
    line = reader.line_num + 1
    for fields in reader:
        yield line, header, fields
        line = reader.line_num + 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(week: list[SampleFile]) -> None:
    assert list(SampleData(seed=1, **WEEK).files()) == week


def test_another_seed_gives_other_files(week: list[SampleFile]) -> None:
    other = list(SampleData(seed=2, **WEEK).files())
    assert [file.key for file in other] == [file.key for file in week]
    assert all(a.body != b.body for a, b in zip(week, other, strict=True) if a.entity)


def test_a_file_does_not_depend_on_the_number_of_days(week: list[SampleFile]) -> None:
    last_day = {file.key: file for file in SampleData(seed=1, days=1, end=WEEK["end"]).files()}
    assert len(last_day) == 27
    assert last_day == {file.key: file for file in week if file.key in last_day}


def test_totals_hold_when_the_files_are_read_again(week: list[SampleFile]) -> None:
    manifest = Manifest()
    for file in week:
        manifest.add(file)
    headers = {"sales": "amount", "web_sessions": "page_views", "store_targets": "revenue_target"}
    for name, totals in manifest.entities.items():
        files = [file for file in week if file.entity == name]
        good, bad, total = 0, 0, Decimal(0)
        for file in files:
            broken = {defect.line for defect in file.defects}
            for line, header, fields in read_again(file):
                if line in broken:
                    bad += 1
                else:
                    good += 1
                    total += Decimal(dict(zip(header, fields, strict=True))[headers[name]])
        assert (totals.files, totals.good, totals.bad, totals.total) == (len(files), good, bad, total)
    assert manifest.entities["sales"].bad > 0


@pytest.mark.long
def test_every_kind_of_defect_is_in_the_default_files() -> None:
    wanted = (sample_data.SALES_DEFECTS, sample_data.SESSION_DEFECTS, sample_data.TARGET_DEFECTS)
    manifest = Manifest()
    for file in SampleData().files():
        manifest.add(file)
    folders = Counter((defect.key.split("/")[0], defect.kind) for defect in manifest.defects)
    kinds = {
        (folder, kind.name) for folder, kinds in zip(("sales", "web", "targets"), wanted, strict=True) for kind in kinds
    }
    assert set(folders) == kinds


def test_a_broken_row_is_broken_where_the_list_says(week: list[SampleFile]) -> None:
    for file in week:
        records = {line: (header, fields) for line, header, fields in read_again(file)}
        for defect in file.defects:
            header, fields = records[defect.line]
            kinds = (*sample_data.SALES_DEFECTS, *sample_data.SESSION_DEFECTS, *sample_data.TARGET_DEFECTS)
            kind = next(kind for kind in kinds if kind.name == defect.kind and kind.column == defect.column)
            if kind.value is None:
                assert len(fields) != len(header)
            else:
                assert fields[header.index(str(kind.column))] == kind.value


def test_files_are_as_various_as_in_practice(week: list[SampleFile]) -> None:
    bodies = [file.body for file in week if file.entity == "sales"]
    assert any(body.startswith(b"\xef\xbb\xbf") for body in bodies)
    assert {body.split(b"\n", 1)[0].endswith(b"\r") for body in bodies} == {False}
    five = next(SampleData(seed=1, days=1, end=date(2024, 3, 5)).files())
    assert five.entity == "store_targets"
    crlf = [f for f in SampleData(seed=1, days=1, end=date(2024, 3, 5)).files() if f.entity == "sales"]
    assert crlf[0].body.split(b"\n", 1)[0].endswith(b"\r")
    headers = {body.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0] for body in bodies}
    assert len(headers) == 2, "one day of the week has its columns in another order"
    assert any(b'"Leave it at the door\nring twice"' in body for body in bodies)
    assert any("返品".encode() in body for body in bodies)


def test_each_file_belongs_to_its_entity_and_one_to_none(week: list[SampleFile], config: LakeConfig) -> None:
    for file in week:
        entity = matching.entity_of(config, file.key)
        assert (entity.name if entity else None) == file.entity
    assert [file.key for file in week if file.entity is None] == ["sales/Sales data March (final) ünbereinigt.csv"]


def test_web_orders_are_the_converted_visits_of_their_hour(week: list[SampleFile]) -> None:
    converted: Counter[str] = Counter()
    orders: Counter[str] = Counter()
    for file in week:
        for line, header, fields in read_again(file):
            if line in {defect.line for defect in file.defects}:
                continue
            row = dict(zip(header, fields, strict=True))
            if file.entity == "web_sessions" and row["converted"] == "true":
                converted[row["started_at"][:13]] += 1
            if file.entity == "sales" and row["store_id"] == sample_data.WEB_SHOP:
                orders[row["sold_at"][:13]] += 1
    assert sum(orders.values()) > 500
    # Only rows that were broken on purpose may be missing on one side.
    broken = sum(len(file.defects) for file in week)
    assert sum(abs(orders[hour] - converted[hour]) for hour in orders | converted) <= broken


def test_command_writes_the_files_and_prints_their_totals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample_data.main(["--out", str(tmp_path), "--seed", "5", "--days", "1", "--end", "2024-02-29"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "seed 5, 2024-02-29 to 2024-02-29"
    written = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.*")}
    files = list(SampleData(5, 1, date(2024, 2, 29)).files())
    assert written == {file.key: file.body for file in files}
    sales = next(file for file in files if file.entity == "sales")
    assert f"amount {sales.total:,}" in next(line for line in printed if line.startswith("sales "))


def test_no_days_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        sample_data.main(["--out", "unused", "--days", "0"])
    assert "--days is 0, expected 1 or more" in capsys.readouterr().err


def test_sample_columns_are_those_of_the_configuration(week: list[SampleFile], config: LakeConfig) -> None:
    """A sample that left a column out, or had one more, would show less than it seems to."""
    for name, entity in config.entities.items():
        wanted = {column.header or column.name for column in entity.columns}
        for file in week:
            if file.entity == name:
                assert {frozenset(header) for _, header, _ in read_again(file)} == {frozenset(wanted)}
