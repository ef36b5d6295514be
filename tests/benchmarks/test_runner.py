"""The harness measures what ran, in processes of their own, and does not take a wrong peer for a right one."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections import namedtuple
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from benchmarks import __main__ as command
from benchmarks import measure, runner
from benchmarks.cases import OURS, Case, all_cases, chosen
from benchmarks.generate import EXPORT, NARROW, Input
from benchmarks.hostile import HOSTILE
from benchmarks.tools.arrow_types import convert_options

NOBODY: frozenset[str] = frozenset()


def _case(**options: Any) -> Case:
    given: dict[str, Any] = {
        "name": "test",
        "kind": "disk",
        "input": Input("narrow", 100_000),
        "tools": (OURS, "limit"),
        "repeats": 1,
        "suites": NOBODY,
    }
    return Case(**{**given, **options})


def _quiet(text: str) -> None:
    pass


@pytest.mark.slow
def test_our_converter_and_the_limit_are_measured(tmp_path: Path) -> None:
    outcome = runner.run_case(_case(repeats=2), tmp_path, _quiet)
    ours, limit = outcome.figures[OURS], outcome.figures["limit"]
    assert ours["correct"] and limit["correct"]
    assert ours["samples"] == 2 == len(outcome.samples[OURS])
    assert ours["rows_ok"] == limit["rows_ok"] > 2000
    assert ours["rows_rejected"] == 0
    for name in ("mb_per_s", "cpu_s", "peak_rss_mb", "output_mb", "wall_s"):
        assert ours[name] > 0, name
    assert 20 < ours["peak_rss_mb"] < 1000
    assert limit["parse_mb_per_s"] > limit["mb_per_s"] < limit["write_mb_per_s"]
    assert list(tmp_path.glob("out-*")) == []


@pytest.mark.slow
def test_a_function_is_started_again_and_again(tmp_path: Path) -> None:
    case = _case(kind="start", tools=("file_processor",), repeats=2)
    outcome = runner.run_case(case, tmp_path, _quiet)
    figures = outcome.figures["file_processor"]
    assert figures["samples"] == 2 == len(outcome.samples["file_processor"])
    assert 0.05 < figures["import_s"] < figures["ready_s"]
    assert 0.05 < figures["import_cpu_s"] < figures["ready_cpu_s"]


@pytest.mark.slow
def test_the_dag_files_are_parsed_for_a_lake_of_any_size(tmp_path: Path) -> None:
    outcome = runner.run_case(_case(kind="parsing", files=2), tmp_path, _quiet)
    figures = outcome.figures[OURS]
    assert figures["dags"] == 2 + 2 + 5, figures
    assert 0 < figures["file_cpu_s"] < figures["parse_cpu_s"] + figures["serialize_cpu_s"]
    assert figures["serialized_mb"] > 0.05


def test_rejected_rows_are_held_against_the_truth(tmp_path: Path) -> None:
    case = _case(input=Input("narrow", 100_000, bad=0.1), tools=(OURS,))
    figures = runner.run_case(case, tmp_path, _quiet).figures[OURS]
    assert figures["correct"], figures
    assert 150 < figures["rows_rejected"] < 400


def test_an_output_of_many_partitions_is_checked_file_by_file(tmp_path: Path) -> None:
    shuffled = Input("narrow", 100_000, shuffled=True)
    case = _case(input=shuffled, tools=(OURS,), partition_by="transaction_date")
    figures = runner.run_case(case, tmp_path, _quiet).figures[OURS]
    assert figures["correct"], figures
    assert figures["output_files"] == figures["row_groups"] == 366
    assert list(tmp_path.glob("out-*")) == []


def test_two_files_at_once_are_both_converted_and_checked(tmp_path: Path) -> None:
    one = runner.run_case(_case(tools=(OURS,)), tmp_path, _quiet).figures[OURS]
    two = runner.run_case(_case(files=2, tools=(OURS, "limit_at_once")), tmp_path, _quiet).figures
    assert two[OURS]["correct"] and two["limit_at_once"]["correct"]
    assert two[OURS]["rows_ok"] == two["limit_at_once"]["rows_ok"] == 2 * one["rows_ok"]


def test_a_peer_that_changes_a_cent_or_drops_a_row_is_not_correct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peer(task: dict[str, Any]) -> dict[str, Any]:
        source, target, _ = task["files"][0]
        table = pacsv.read_csv(source, convert_options=convert_options(NARROW))
        if task["tool"] == "polars":
            table = table.slice(1)
        if task["tool"] == "duckdb":
            as_floats = table["amount"].cast(pa.float64()).to_pylist()
            cents = [None if value is None else round(value, 1) for value in as_floats]
            rounded = pa.array(cents, pa.float64()).cast(pa.decimal128(10, 2))
            table = table.set_column(2, "amount", rounded)
        pq.write_table(table, target)
        return {"wall_s": 1.0, "cpu_s": 1.0, "peak_rss_mb": 1.0, "rows_ok": table.num_rows, "rows_rejected": 0}

    monkeypatch.setattr(measure, "run", peer)
    figures = runner.run_case(_case(tools=("pyarrow", "duckdb", "polars")), tmp_path, _quiet).figures
    assert figures["pyarrow"]["correct"]
    assert figures["duckdb"]["correct"] is False
    assert figures["duckdb"]["why"] == "amount: other values"
    assert figures["polars"]["correct"] is False
    assert "rows instead of" in figures["polars"]["why"]


EXPORT_CASE = {"kind": "export", "input": Input(EXPORT, 60_000, gzip=True), "files": 3}


@pytest.mark.parametrize("traps", [0.0, 0.2])
def test_our_conversion_of_an_export_is_measured(tmp_path: Path, traps: float) -> None:
    data = Input(EXPORT, 60_000, bad=traps, gzip=True)
    figures = runner.run_case(_case(**EXPORT_CASE | {"input": data}, tools=(OURS,)), tmp_path, _quiet).figures[OURS]
    assert figures["correct"], figures
    assert figures["rows_ok"] > 150
    assert figures["mb_per_s"] > 0
    assert list(tmp_path.glob("out-*")) == []


def test_a_peer_that_changes_a_digit_within_a_list_is_not_correct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peer(task: dict[str, Any]) -> dict[str, Any]:
        # orjson's reader, on the json of the standard library.
        monkeypatch.setitem(sys.modules, "orjson", json)
        rows = importlib.import_module("benchmarks.tools.export_orjson").load_all(task)()
        if task["tool"] == "duckdb":
            path = Path(task["target"]) / "00000.parquet"
            table = pq.read_table(path)
            items = table["items"].to_pylist()
            changed = next(each for each in items if each)
            changed[-1]["unit_price"] += Decimal("0.01")
            place = table.schema.get_field_index("items")
            pq.write_table(table.set_column(place, "items", pa.array(items, table.schema.field("items").type)), path)
        return {"wall_s": 1.0, "cpu_s": 1.0, "peak_rss_mb": 1.0, "rows_ok": sum(ok for ok, _ in rows)}

    monkeypatch.setattr(measure, "run", peer)
    figures = runner.run_case(_case(**EXPORT_CASE, tools=("orjson", "duckdb")), tmp_path, _quiet).figures
    assert figures["orjson"]["correct"], figures
    assert (figures["duckdb"]["correct"], figures["duckdb"]["why"]) == (False, "items: other values")


def test_a_tool_that_fails_is_told_and_not_tried_again(tmp_path: Path) -> None:
    case = _case(input=Input("narrow", 100_000, bad=0.1), tools=("limit",), repeats=3)
    outcome = runner.run_case(case, tmp_path, _quiet)
    assert outcome.figures["limit"]["correct"] is False
    assert "ArrowInvalid" in outcome.figures["limit"]["why"]
    assert "mb_per_s" not in outcome.figures["limit"]
    assert len(outcome.samples["limit"]) == 1


@pytest.mark.slow
def test_many_files_from_s3_to_s3_take_the_least_requests(tmp_path: Path) -> None:
    case = _case(kind="small_files", input=Input("narrow", 10_000), files=12, tools=(OURS,))
    outcome = runner.run_case(case, tmp_path, _quiet)
    figures, requests = outcome.figures[OURS], outcome.requests[OURS]
    assert figures["correct"], figures
    assert figures["files_per_s"] > 0
    # A file is read once and written once, claimed once and committed once; the rest is per batch. And once in a lake
    # it is read and written whose the bucket is.
    assert {name: requests[name] for name in ("s3.GetObject", "s3.PutObject", "dynamodb.PutItem")} == {
        "s3.GetObject": 12 + 2,
        "s3.PutObject": 12 + 1,
        "dynamodb.PutItem": 24 + 1,
    }
    assert requests["s3.ListObjectsV2"] == requests["dynamodb.BatchGetItem"] == 1
    assert figures["requests_per_file"] == sum(requests.values()) / 12


@pytest.mark.slow
def test_queries_are_charged_what_athena_scanned(tmp_path: Path) -> None:
    case = _case(kind="query", tools=(OURS,), input=Input("narrow", 500_000))
    figures = runner.run_case(case, tmp_path, _quiet).figures
    assert figures[OURS]["correct"] and figures["csv"]["correct"]
    assert figures["csv"]["scanned_mb"] > 4 * 0.5 > figures[OURS]["scanned_mb"] > 0


@pytest.mark.slow
def test_layouts_differ_in_what_queries_read_and_in_nothing_else(tmp_path: Path) -> None:
    tools = (OURS, "no_page_index", "no_statistics", "sort_by_customer")
    case = _case(kind="layout", tools=tools, input=Input("narrow", 3_000_000), repeats=2)
    outcome = runner.run_case(case, tmp_path, _quiet)
    figures = outcome.figures
    # Correct means, too, that the bytes computed by row group are those that Athena counted.
    assert all(found["correct"] for found in figures.values()), figures
    ours, unpaged, sorted_ = (figures[name] for name in (OURS, "no_page_index", "sort_by_customer"))
    assert ours["paged_mb"] < ours["scanned_mb"]
    assert unpaged["paged_mb"] == unpaged["scanned_mb"] == pytest.approx(ours["scanned_mb"], rel=0.01)
    assert figures["no_statistics"]["paged_mb"] == figures["no_statistics"]["scanned_mb"]
    assert sorted_["paged_one_customer_mb"] < 0.5 * ours["paged_one_customer_mb"]
    assert sorted_["paged_one_day_mb"] > ours["paged_one_day_mb"]
    for name in tools:
        assert len({sample["output_mb"] for sample in outcome.samples[name]}) == 1
        assert len(outcome.samples[name]) == 2
    assert list(tmp_path.glob("out-*")) == []


@pytest.mark.slow
def test_a_layout_on_the_wide_shape_is_asked_for_a_column_with_a_dictionary(tmp_path: Path) -> None:
    case = _case(kind="layout", tools=(OURS, "dictionary_for_none"), input=Input("wide", 1_000_000))
    figures = runner.run_case(case, tmp_path, _quiet).figures
    assert all(found["correct"] for found in figures.values()), figures
    assert (
        figures[OURS]["scanned_revenue_by_category_mb"]
        < figures["dictionary_for_none"]["scanned_revenue_by_category_mb"]
    )


def test_it_does_not_start_when_the_disk_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    cases = [all_cases()["clean_narrow_1gb"]]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, 3 * 10**9))
    with pytest.raises(runner.BenchError, match=r"has 3\.0 GB left, the cases need 4\.0 GB"):
        runner.check_disk(cases, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 0, 5 * 10**9))
    runner.check_disk(cases, tmp_path)


def test_the_command_writes_the_documented_keys_and_tidies_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "chosen", lambda size, names: [_case(name="clean_narrow_tiny", tools=(OURS,))])
    monkeypatch.setattr(command, "_VERSIONS", {OURS: ["pyarrow"]})
    monkeypatch.setattr(measure, "python_of", lambda tool: sys.executable)
    output = tmp_path / "bench.json"
    command.main(["--output", str(output), "--data", str(tmp_path / "data")])
    document = json.loads(output.read_text())
    assert document["clean_narrow_tiny.lakelanes.correct"] is True
    assert document["clean_narrow_tiny"]["lakelanes"] == {
        key.rsplit(".", 1)[1]: value for key, value in document.items() if key.startswith("clean_narrow_tiny.")
    }
    assert {"mb_per_s", "peak_rss_mb", "cpu_s", "rows_ok", "rows_rejected"} <= document["clean_narrow_tiny"][
        "lakelanes"
    ].keys()
    assert document["versions"]["pyarrow"] == pa.__version__
    assert document["seeds"] == {"clean_narrow_tiny": 1}
    assert "load_average" in document["samples"]["clean_narrow_tiny"]["lakelanes"][0]
    assert not (tmp_path / "data").exists()
    assert "clean_narrow_tiny  lakelanes" in capsys.readouterr().out


def test_a_case_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no case clean_narow_1gb; there are .*clean_narrow_1gb"):
        chosen("full", ["clean_narow_1gb"])


def test_the_cases_that_people_ask_for_are_there() -> None:
    full = {case.name for case in chosen("full")}
    assert {"clean_narrow_1gb", "clean_wide_100mb", "bad1pct_narrow_100mb", "gzip_narrow_100mb"} <= full
    assert {"dynamodb_200mb", "dynamodb_traps_1mb"} <= full
    assert {"small_files_s3", "s3_narrow_1gb", "two_files_narrow_100mb", "query_narrow_100mb"} <= full
    assert not any(name.endswith("10gb") for name in full)
    assert all(OURS in case.tools for case in all_cases().values() if case.kind not in ("start", "cluster", "sweep"))
    assert all(case.input.size <= 10**6 or case.kind == "hostile" for case in chosen("small"))
    assert {f"memory_{name}" for name in HOSTILE} <= full
    assert "memory_large_records" in {case.name for case in chosen("small")}
    assert [case.name for case in chosen("small", ["s3_narrow_1gb"])] == ["s3_narrow_1gb"]
