"""Measures the converter and the engine against their peers: `make bench`, or see --help."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.cases import OURS, Case, chosen
from benchmarks.report import Results, flat, table
from benchmarks.runner import BenchError, Outcome, check_disk, run_case
from benchmarks.targets import targets

_VERSIONS = {
    OURS: ["pyarrow", "numpy", "boto3"],
    "duckdb": ["duckdb", "polars", "pandas", "awswrangler"],
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", default="full", choices=["full", "small"], help="which cases (default: full)")
    parser.add_argument("--cases", default="", help="only these, comma-separated")
    parser.add_argument("--repeats", type=int, help="samples of each tool, instead of the case's own number")
    parser.add_argument("--keep", action="store_true", help="keep the generated files for the next run")
    build = measure.REPOSITORY / "build"
    parser.add_argument("--output", type=Path, default=build / "bench.json", help="where the JSON goes")
    parser.add_argument("--data", type=Path, default=build / "bench-data", help="where the generated files go")
    options = parser.parse_args(arguments)
    try:
        cases = chosen(options.size, filter(None, options.cases.split(",")))
        check_disk(cases, options.data)
        measure.python_of("duckdb")
    except (BenchError, ValueError, FileNotFoundError) as error:
        sys.exit(f"bench: {error}")
    run(cases, options)


def run(cases: list[Case], options: argparse.Namespace) -> Results:
    """Runs the cases, printing as it goes; the JSON is written after each, so an interrupted run has what it has."""
    started = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    results: Results = {}
    facts = _facts()
    try:
        for case in cases:
            outcomes[case.name] = run_case(_with_repeats(case, options.repeats), options.data, _say(started))
            results[case.name] = outcomes[case.name].figures
            _write(options.output, facts, cases, outcomes, results)
    finally:
        if not options.keep:
            shutil.rmtree(options.data, ignore_errors=True)
    print("\n" + table(results) + "\n")
    for target in targets(results):
        print(target)
    print(f"\n{options.output}")
    return results


def _with_repeats(case: Case, repeats: int | None) -> Case:
    return case if repeats is None else Case(**{**vars(case), "repeats": repeats})


def _say(started: float) -> Any:
    return lambda text: print(f"[{time.monotonic() - started:6.0f} s] {text}", flush=True)


def _facts() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(memory / 1e9, 1),
            "processor": _processor(),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {"python": platform.python_version(), **measure.versions(_VERSIONS)},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1] for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0].strip() if info.exists() and names else platform.processor()


def _write(
    path: Path, facts: dict[str, Any], cases: list[Case], outcomes: dict[str, Outcome], results: Results
) -> None:
    done = {case.name: case for case in cases if case.name in outcomes}
    document = {
        **facts,
        "seeds": {name: case.input.seed for name, case in done.items()},
        "inputs": {name: vars(case.input) | {"files": case.files} for name, case in done.items()},
        "targets": [vars(target) for target in targets(results)],
        # By case, tool and figure; and the same again under one key each.
        **results,
        **flat(results),
        "requests": {name: outcome.requests for name, outcome in outcomes.items() if outcome.requests},
        "samples": {name: outcome.samples for name, outcome in outcomes.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1))
    os.replace(partial, path)


if __name__ == "__main__":
    main()
