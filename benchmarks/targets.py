"""How the results stand to what the converter is meant to reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.cases import OURS
from benchmarks.report import Results

_NOT_PEERS = frozenset({OURS, "limit", "limit_at_once", "csv"})


@dataclass(frozen=True)
class Target:
    """One comparison: what is wanted, what was measured, and against what."""

    what: str
    wanted: str
    measured: float
    met: bool
    against: str = ""

    def __str__(self) -> str:
        against = f" ({self.against})" if self.against else ""
        return f"{'met   ' if self.met else 'NOT   '} {self.what}: {self.measured:.2f}, wanted {self.wanted}{against}"


def targets(results: Results) -> list[Target]:
    """Every target that the cases of this run can tell about."""
    return [target for case, tools in results.items() for target in _of_case(case, tools)]


def best_peer(tools: dict[str, dict[str, Any]], figure: str = "mb_per_s") -> tuple[str, dict[str, Any]] | None:
    """The fastest other tool whose output is correct."""
    right = {
        name: figures
        for name, figures in tools.items()
        if name not in _NOT_PEERS and figures.get("correct") and figure in figures
    }
    return max(right.items(), key=lambda item: item[1][figure]) if right else None


def _of_case(case: str, tools: dict[str, dict[str, Any]]) -> Iterator[Target]:
    ours = tools.get(OURS, {})
    if "correct" in ours:
        yield Target(f"{case}: our output is correct", "1", float(ours["correct"]), bool(ours["correct"]))
    if case.startswith("query"):
        yield from _query(case, ours, tools)
    for figure, most in (("p50_s", 0.5), ("p95_s", 1.5)) if case == "fast_lane" else ():
        if figure in ours:
            what = f"{case}: {figure[:3]} from put to visible, seconds"
            yield Target(what, f"<= {most}", ours[figure], ours[figure] <= most)
    if case == "backfill_365" and "wall_s" in ours:
        seconds = ours["wall_s"]
        what = f"{case}: seconds of a year over loaded data"
        yield Target(what, "<= 600", seconds, seconds <= 600)
        yield Target(f"{case}: tasks run per day", "<= 1", ours["tasks_run"] / 365, ours["tasks_run"] <= 365)
    if case == "lake_page" and "p95_s" in ours:
        yield Target(f"{case}: p95 of an answer, of all pages, seconds", "<= 0.3", ours["p95_s"], ours["p95_s"] <= 0.3)
    if case == "dag_parsing" and "parse_cpu_s" in ours:
        seconds = ours["parse_cpu_s"]
        yield Target(f"{case}: CPU seconds of parsing all files", "<= 5", seconds, seconds <= 5)
    if case == "cold_start":
        for function, figures in tools.items():
            if "import_s" in figures:
                seconds = figures["import_s"]
                yield Target(f"{case}: import of {function}, seconds", "<= 0.5", seconds, seconds <= 0.5)
    for slots, figures in tools.items() if case == "cluster_large_files" else ():
        if "airflow_cpu_share" in figures:
            share = figures["airflow_cpu_share"]
            yield Target(f"{case}: Airflow's share of the CPU, {slots}", "<= 0.1", share, share <= 0.1)
    if case.startswith("memory_") and "peak_rss_mb" in ours:
        peak = ours["peak_rss_mb"]
        yield Target(f"{case}: peak memory in MB", "<= 300", peak, peak <= 300)
    if "mb_per_s" not in ours and "files_per_s" not in ours:
        return
    peer = best_peer(tools, "files_per_s" if "files_per_s" in ours else "mb_per_s")
    if case.startswith("clean") and case.endswith("1gb") and peer:
        yield _ratio(case, "throughput", ours, peer, "mb_per_s", at_least=1.8)
        yield _ratio(case, "CPU", ours, peer, "cpu_s", at_most=0.65)
    if case.startswith("two_files") and case.endswith("100mb"):
        if peer:
            yield _ratio(case, "throughput", ours, peer, "mb_per_s", at_least=1.6)
        if "mb_per_s" in tools.get("limit", {}):
            limit = tools["limit"]["mb_per_s"]
            share = ours["mb_per_s"] / limit
            yield Target(f"{case}: share of the limit", ">= 0.8", share, share >= 0.8, f"limit {limit:.0f} MB/s")
    if case == "dynamodb_200mb":
        if peer:
            yield _ratio(case, "throughput", ours, peer, "mb_per_s", at_least=1.0)
        peak = ours["peak_rss_mb"]
        yield Target(f"{case}: peak memory in MB", "<= 256", peak, peak <= 256)
    if case.startswith("bad") and case.endswith("100mb") and "mb_per_s" in tools.get("duckdb", {}):
        # The one peer that explains its rejects is the measure even where it accepts what it should not.
        yield _ratio(case, "throughput", ours, ("duckdb", tools["duckdb"]), "mb_per_s", at_least=2.0)
    if case.endswith(("1gb", "10gb")):
        most = 300 if case.startswith("s3") else 256
        peak = ours["peak_rss_mb"]
        yield Target(f"{case}: peak memory in MB", f"<= {most}", peak, peak <= most)
    if case == "small_files_s3" and "files_per_s" in tools.get("awswrangler", {}):
        wrangler = ("awswrangler", tools["awswrangler"])
        yield _ratio(case, "files per second", ours, wrangler, "files_per_s", at_least=5.0)


def _ratio(
    case: str,
    what: str,
    ours: dict[str, Any],
    peer: tuple[str, dict[str, Any]],
    figure: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Target:
    name, theirs = peer
    ratio = ours[figure] / theirs[figure]
    met = ratio >= at_least if at_least is not None else ratio <= (at_most or 0)
    wanted = f">= {at_least}" if at_least is not None else f"<= {at_most}"
    return Target(f"{case}: {what} against {name}", wanted, ratio, met, f"{ours[figure]:.4g} to {theirs[figure]:.4g}")


def _query(case: str, ours: dict[str, Any], tools: dict[str, dict[str, Any]]) -> Iterator[Target]:
    theirs = [figures["scanned_mb"] for name, figures in tools.items() if name != OURS and "scanned_mb" in figures]
    if theirs and "scanned_mb" in ours:
        ratio = ours["scanned_mb"] / min(theirs)
        yield Target(f"{case}: bytes scanned against the least of the others", "<= 1", ratio, ratio <= 1)
