"""Medians of samples, the table that is printed, and build/bench.json."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

Sample = dict[str, Any]
Results = dict[str, dict[str, dict[str, Any]]]

_COLUMNS = (
    ("mb_per_s", "MB/s", "{:.0f}"),
    ("files_per_s", "files/s", "{:.1f}"),
    ("cpu_s", "CPU s", "{:.2f}"),
    ("peak_rss_mb", "peak MB", "{:.0f}"),
    ("output_mb", "output MB", "{:.1f}"),
    ("requests_per_file", "requests/file", "{:.2f}"),
    ("requests", "requests", "{:.0f}"),
    ("scanned_mb", "scanned MB", "{:.1f}"),
    ("paged_mb", "by page MB", "{:.1f}"),
    ("import_s", "import s", "{:.2f}"),
    ("ready_s", "ready s", "{:.2f}"),
    ("p50_s", "p50 s", "{:.2f}"),
    ("p95_s", "p95 s", "{:.2f}"),
    ("p99_s", "p99 s", "{:.2f}"),
    ("wall_s", "seconds", "{:.0f}"),
    ("tasks_run", "tasks", "{:.0f}"),
    ("cpu_ms_per_file", "CPU ms/file", "{:.1f}"),
    ("airflow_cpu_ms_per_file", "Airflow's", "{:.1f}"),
    ("airflow_cpu_share", "share", "{:.0%}"),
    ("commit_to_partition_s", "to partition s", "{:.1f}"),
    ("database_rows_per_run", "DB rows", "{:.0f}"),
    ("xcom_bytes_per_run", "XCom bytes", "{:.0f}"),
    ("rows_ok", "rows", "{:.0f}"),
    ("rows_rejected", "rejected", "{:.0f}"),
)


def summary(samples: Iterable[Sample], faults: list[str] | None) -> dict[str, Any]:
    """Medians of the samples' figures. faults: what is wrong with the output, None when there is none to check.

    A tool with a sample that failed has no figures, and is not correct.
    """
    samples = list(samples)
    errors = [sample["error"] for sample in samples if "error" in sample]
    if errors:
        return {"correct": False, "why": errors[0], "samples": len(samples)}
    names = dict.fromkeys(name for sample in samples for name in sample)
    figures: dict[str, Any] = {}
    for name in names:
        values = [sample[name] for sample in samples if isinstance(sample.get(name), (int, float))]
        if values:
            figures[name] = statistics.median(values)
    if "mb_per_s" in figures:
        figures["mb_per_s_best"] = max(sample["mb_per_s"] for sample in samples)
        figures["cpu_s_best"] = min(sample["cpu_s"] for sample in samples)
    if faults is not None:
        figures["correct"] = not faults
        if faults:
            figures["why"] = "; ".join(faults[:4])
    figures["samples"] = len(samples)
    return figures


def table(results: Results) -> str:
    """The results as text, a line per case and tool; columns that no tool has are left out."""
    rows = [(case, tool, figures) for case, tools in results.items() for tool, figures in tools.items()]
    shown = [column for column in _COLUMNS if any(column[0] in figures for _, _, figures in rows)]
    lines = [["case", "tool", *(title for _, title, _ in shown), "correct"]]
    for case, tool, figures in rows:
        cells = [form.format(figures[name]) if name in figures else "" for name, _, form in shown]
        verdict = {True: "yes", False: "no: " + figures.get("why", ""), None: ""}[figures.get("correct")]
        lines.append([case, tool, *cells, verdict])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]) - 1)]
    texts = []
    for number, line in enumerate(lines):
        if number > 1 and line[0] != lines[number - 1][0]:
            texts.append("")
        left = [line[i].ljust(widths[i]) for i in (0, 1)]
        right = [line[i].rjust(widths[i]) for i in range(2, len(widths))]
        texts.append("  ".join([*left, *right, line[-1]]).rstrip())
    return "\n".join(texts)


def flat(results: Results) -> dict[str, Any]:
    """The figures under one key each: <case>.<tool>.<figure>."""
    return {
        f"{case}.{tool}.{name}": value
        for case, tools in results.items()
        for tool, figures in tools.items()
        for name, value in figures.items()
    }
