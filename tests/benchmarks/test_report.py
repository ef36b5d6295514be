"""Medians, the table, and how results are held against the targets."""

from __future__ import annotations

from typing import Any

from benchmarks.report import flat, summary, table
from benchmarks.targets import best_peer, targets


def _figures(mb_per_s: float, **more: Any) -> dict[str, Any]:
    return {"mb_per_s": mb_per_s, "cpu_s": 1.0, "peak_rss_mb": 200.0, "correct": True, **more}


def test_figures_are_medians_and_the_best_is_kept_beside_them() -> None:
    samples = [{"mb_per_s": rate, "cpu_s": 100 / rate} for rate in (50.0, 200.0, 100.0)]
    found = summary(samples, [])
    assert found["mb_per_s"] == 100.0
    assert found["mb_per_s_best"] == 200.0
    assert found["cpu_s_best"] == 0.5
    assert found["correct"] is True
    assert found["samples"] == 3


def test_faults_and_failures_are_not_correct_and_say_why() -> None:
    assert summary([{"rows_ok": 1}], ["amount: other values"])["why"] == "amount: other values"
    failed = summary([{"rows_ok": 1}, {"error": "out of memory"}], [])
    assert failed == {"correct": False, "why": "out of memory", "samples": 2}


def test_keys_are_case_tool_and_figure() -> None:
    assert flat({"bad1pct_narrow_100mb": {"lakelanes": {"rows_ok": 3}}}) == {
        "bad1pct_narrow_100mb.lakelanes.rows_ok": 3
    }


def test_the_table_has_a_line_per_tool_and_the_reason_of_a_wrong_one() -> None:
    wrong = {"mb_per_s": 300.0, "correct": False, "why": "amount: other values"}
    lines = table({"clean": {"lakelanes": _figures(100), "polars": wrong}}).splitlines()
    assert lines[0].split() == ["case", "tool", "MB/s", "CPU", "s", "peak", "MB", "correct"]
    assert lines[1].split() == ["clean", "lakelanes", "100", "1.00", "200", "yes"]
    assert lines[2].endswith("no: amount: other values")


def test_the_peer_to_beat_is_the_fastest_one_that_is_right() -> None:
    tools = {
        "lakelanes": _figures(150),
        "limit": _figures(900),
        "polars": _figures(400, correct=False),
        "duckdb": _figures(120),
        "pyarrow": _figures(110),
    }
    peer = best_peer(tools)
    assert peer is not None
    assert peer[0] == "duckdb"


def _verdicts(results: dict[str, Any]) -> dict[str, bool]:
    return {target.what: target.met for target in targets(results)}


def test_one_large_file_is_held_against_throughput_cpu_and_memory() -> None:
    tools = {"lakelanes": _figures(180, cpu_s=0.65), "duckdb": _figures(100)}
    case = "clean_narrow_1gb"
    assert all(_verdicts({case: tools}).values())
    tools["lakelanes"] |= {"mb_per_s": 179, "cpu_s": 0.66, "peak_rss_mb": 257}
    assert _verdicts({case: tools}) == {
        f"{case}: our output is correct": True,
        f"{case}: throughput against duckdb": False,
        f"{case}: CPU against duckdb": False,
        f"{case}: peak memory in MB": False,
    }


def test_the_start_of_each_function_is_held_against_half_a_second() -> None:
    assert _verdicts({"dag_parsing": {"lakelanes": {"parse_cpu_s": 5.1}}}) == {
        "dag_parsing: CPU seconds of parsing all files": False
    }
    starts = {"file_processor": {"import_s": 0.5}, "stream_processor": {"import_s": 0.51}}
    assert _verdicts({"cold_start": starts}) == {
        "cold_start: import of file_processor, seconds": True,
        "cold_start: import of stream_processor, seconds": False,
    }


def test_an_export_is_held_against_the_fastest_peer_that_is_right_and_memory() -> None:
    case = "dynamodb_200mb"
    tools = {"lakelanes": _figures(100), "duckdb": _figures(100), "polars": _figures(900) | {"correct": False}}
    assert all(_verdicts({case: tools}).values())
    tools["lakelanes"] |= {"mb_per_s": 99, "peak_rss_mb": 257}
    assert _verdicts({case: tools}) == {
        f"{case}: our output is correct": True,
        f"{case}: throughput against duckdb": False,
        f"{case}: peak memory in MB": False,
    }


def test_a_file_made_to_take_memory_is_held_against_300_mb() -> None:
    peaks = {"lakelanes": {"correct": True, "peak_rss_mb": 300}}
    assert _verdicts({"memory_wide": peaks}) == {
        "memory_wide: our output is correct": True,
        "memory_wide: peak memory in MB": True,
    }
    peaks["lakelanes"]["peak_rss_mb"] = 301
    assert _verdicts({"memory_wide": peaks})["memory_wide: peak memory in MB"] is False


def test_airflows_share_is_held_against_a_tenth_where_files_are_large() -> None:
    slots = {"slots_4": {"airflow_cpu_share": 0.1}, "slots_1": {"airflow_cpu_share": 0.11}}
    case = "cluster_large_files"
    assert _verdicts({case: slots, "cluster_few_files": slots}) == {
        f"{case}: Airflow's share of the CPU, slots_4": True,
        f"{case}: Airflow's share of the CPU, slots_1": False,
    }


def test_two_files_are_held_against_the_limit_as_well() -> None:
    tools = {"lakelanes": _figures(160), "duckdb": _figures(100), "limit": _figures(200)}
    case = "two_files_wide_100mb"
    assert all(_verdicts({case: tools}).values())
    tools["lakelanes"]["mb_per_s"] = 159
    verdicts = _verdicts({case: tools})
    assert verdicts[f"{case}: throughput against duckdb"] is False
    assert verdicts[f"{case}: share of the limit"] is False


def test_bad_rows_are_held_against_the_peer_that_explains_them_and_small_files_against_awswrangler() -> None:
    bad = {"lakelanes": _figures(199), "duckdb": _figures(100), "polars": _figures(300, correct=False)}
    assert _verdicts({"bad1pct_narrow_100mb": bad})["bad1pct_narrow_100mb: throughput against duckdb"] is False
    small = {"lakelanes": {"files_per_s": 50, "correct": True}, "awswrangler": {"files_per_s": 10, "correct": True}}
    assert _verdicts({"small_files_s3": small})["small_files_s3: files per second against awswrangler"] is True


def test_an_output_of_ours_that_is_wrong_misses_its_target() -> None:
    tools = {"lakelanes": {"correct": False, "why": "x"}}
    assert _verdicts({"clean_narrow_1mb": tools}) == {"clean_narrow_1mb: our output is correct": False}
