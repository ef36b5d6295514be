"""Runs a case: its tools in turn, again and again (A B C A B C ...), so that a busy machine slows all of them alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks import backfill, cluster, cold_start, dag_parsing, lake_page, latency, measure, queries, sweep
from benchmarks.cases import OURS, Case
from benchmarks.check import faults_of, misplaced
from benchmarks.exports import manifest_entry
from benchmarks.generate import SHAPES, Truth, make
from benchmarks.hostile import HOSTILE, write
from benchmarks.lakes import TARGETS, BenchLake, running_lake, source_key
from benchmarks.large_source import LargeSource
from benchmarks.layouts import LAYOUTS
from benchmarks.proxy import CountingProxy
from benchmarks.report import Sample, summary

_READ = 1 << 24
_S3_THREADS = 8
# The work of a case beside its inputs: the outputs of one tool at a time, and of every tool in a query case.
_OUTPUT_SHARE = 0.5
_SPARE_BYTES = 2 * 10**9


class BenchError(Exception):
    """The benchmarks cannot run; the text says why."""


@dataclass
class Outcome:
    """What a case gave. figures: by tool. samples: by tool, every one. seeds: of its inputs."""

    figures: dict[str, dict[str, Any]]
    samples: dict[str, list[Sample]]
    requests: dict[str, dict[str, int]]


def check_disk(cases: Iterable[Case], folder: Path) -> None:
    """Raises BenchError when the disk has no room for the cases' files."""
    several = ("small_files", "export")
    inputs = {case.input: case.input.size * (case.files if case.kind in several else 1) for case in cases}
    needed = sum(inputs.values()) + max(inputs.values(), default=0) * _OUTPUT_SHARE * 2 + _SPARE_BYTES
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free + sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    if free < needed:
        raise BenchError(f"{folder} has {free / 1e9:.1f} GB left, the cases need {needed / 1e9:.1f} GB")


def run_case(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Generates the case's inputs into the folder and measures its tools."""
    if case.kind == "disk":
        return _disk(case, folder, say)
    if case.kind == "export":
        return _export(case, folder, say)
    if case.kind == "hostile":
        return _hostile(case, folder, say)
    if case.kind == "query":
        return _query(case, folder, say)
    if case.kind == "latency":
        figures, samples = latency.run(case, lambda text: say(f"{case.name} {text}"))
        return Outcome({OURS: figures}, {OURS: samples}, {})
    if case.kind == "page":
        figures, samples = lake_page.run(case, lambda text: say(f"{case.name} {text}"))
        return Outcome({OURS: figures}, {OURS: samples}, {})
    if case.kind == "backfill":
        figures, samples = backfill.run(case, lambda text: say(f"{case.name} {text}"))
        return Outcome({OURS: figures}, {OURS: samples}, {})
    if case.kind == "cluster":
        by_slots, runs = cluster.run(case, folder, lambda text: say(f"{case.name} {text}"))
        return Outcome(by_slots, runs, {})
    if case.kind == "sweep":
        return Outcome(*sweep.run(case, lambda text: say(f"{case.name} {text}")))
    if case.kind == "start":
        by_function, starts = cold_start.run(case, lambda text: say(f"{case.name} {text}"))
        return Outcome(by_function, starts, {})
    if case.kind == "parsing":
        figures, samples = dag_parsing.run(case, lambda text: say(f"{case.name} {text}"))
        return Outcome({OURS: figures}, {OURS: samples}, {})
    if case.kind == "layout":
        return _layout(case, folder, say)
    if case.kind == "large_s3":
        return _large_s3(case, folder, say)
    return _s3(case, folder, say)


def _disk(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    path, truth = make(case.input, folder)
    _warm(path)
    faults: dict[str, list[str] | None] = {}

    def sample(tool: str) -> Sample:
        alone = tool == "limit"
        targets = [folder / f"out-{tool}-{number}.parquet" for number in range(1 if alone else case.files)]
        result = measure.run(_disk_task(case, tool, path, targets))
        try:
            if "error" not in result:
                if tool not in faults:
                    rejected = result["rows_rejected"] if case.input.bad else None
                    written = [file for target in targets for file in _files(target)]
                    faults[tool] = faults_of(written, SHAPES[case.input.shape], truth, rejected, len(targets))
                    if case.partition_by:
                        faults[tool] = [*(faults[tool] or []), *misplaced(written, case.partition_by)]
                _add_rates(result, truth.csv_bytes * len(targets), targets, case)
        finally:
            for leftover in folder.glob(f"out-{tool}-*"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        return result

    samples = _interleaved(case, sample, say)
    figures = {tool: summary(found, faults.get(tool)) for tool, found in samples.items()}
    return Outcome(figures, samples, {})


def _hostile(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    """A file made to take memory: its rows have to become what they should, and the peak is what counts."""
    hostile = HOSTILE[case.input.shape]
    folder.mkdir(parents=True, exist_ok=True)
    path, target = folder / f"{case.name}{hostile.suffix}", folder / "out-hostile.parquet"
    write(case.input.shape, path, case.input.size)
    faults: list[str] = []

    def sample(tool: str) -> Sample:
        task = _disk_task(case, tool, path, [target]) | {"columns": hostile.columns, "hostile": True}
        result = measure.run(task)
        if "error" not in result:
            for figure, expected in (("rows_ok", hostile.loaded), ("rows_rejected", hostile.rejected)):
                if expected is not None and result[figure] != expected:
                    faults.append(f"{figure} is {result[figure]}, expected {expected}")
            if hostile.refused == target.exists():
                faults.append("it was not refused" if hostile.refused else "it was refused")
        for leftover in folder.glob("out-hostile*"):
            leftover.unlink()
        return result

    try:
        samples = _interleaved(case, sample, say)
    finally:
        path.unlink()
    return Outcome({OURS: summary(samples[OURS], faults)}, samples, {})


def _export(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    """An export's data files, all of them at once, into as many Parquet files as the tool likes."""
    truth, files = Truth(), []
    for number in range(case.files):
        path, one = make(replace(case.input, seed=case.input.seed + number), folder)
        _warm(path)
        files.append({"path": str(path), **manifest_entry(path)})
        truth.csv_bytes += one.csv_bytes
        truth.digest.merge(one.digest)
    columns = SHAPES[case.input.shape]
    faults: dict[str, list[str] | None] = {}

    def sample(tool: str) -> Sample:
        target = folder / f"out-{tool}"
        target.mkdir()
        try:
            module = f"export_{tool}"
            result = measure.run({"tool": tool, "module": module, "files": files, "target": str(target)})
            if "error" not in result:
                if tool not in faults:
                    faults[tool] = faults_of(_files(target), columns, truth, None)
                _add_rates(result, truth.csv_bytes, [target], case)
        finally:
            shutil.rmtree(target)
        return result

    samples = _interleaved(case, sample, say)
    figures = {tool: summary(found, faults.get(tool)) for tool, found in samples.items()}
    return Outcome(figures, samples, {})


def _disk_task(case: Case, tool: str, path: Path, targets: list[Path]) -> dict[str, Any]:
    return {
        "tool": tool,
        "module": "limit" if tool == "limit_at_once" else tool,
        "columns": SHAPES.get(case.input.shape, {}),
        "files": [[str(path), str(target), str(target.with_suffix(".rejects.parquet"))] for target in targets],
        "threads": len(targets),
        "bad": case.input.bad > 0,
        "gzip": case.input.gzip,
        "multiline": case.input.multiline,
        "partition_by": case.partition_by,
    }


def _files(target: Path) -> list[Path]:
    """What a tool wrote: a file, or the files below a folder."""
    return sorted(target.rglob("*.parquet")) if target.is_dir() else [target]


def _add_rates(result: Sample, csv_bytes: int, targets: list[Path], case: Case) -> None:
    megabytes = csv_bytes / 1e6
    result["mb_per_s"] = megabytes / result["wall_s"]
    written = [file for target in targets for file in _files(target)]
    result["output_mb"] = sum(file.stat().st_size for file in written) / 1e6
    if case.partition_by:
        result["output_files"] = len(written)
        result["row_groups"] = sum(pq.read_metadata(file).num_row_groups for file in written)
    if "parse_s" in result:
        result["parse_mb_per_s"] = megabytes / result["parse_s"]
        result["write_mb_per_s"] = megabytes / result["write_s"]
    if "parse_s" in result and len(targets) == 1:
        # The limit of one core, times the cores that the case's files could keep busy.
        cores = min(case.files, os.cpu_count() or 1)
        result["mb_per_s"] = cores * megabytes / (result["parse_s"] + result["write_s"])


def _interleaved(case: Case, sample: Callable[[str], Sample], say: Callable[[str], None]) -> dict[str, list[Sample]]:
    """Samples of every tool, one after the other; a tool that fails is not tried again."""
    samples: dict[str, list[Sample]] = {tool: [] for tool in case.tools}
    for turn in range(max(case.repeats_of(tool) for tool in case.tools)):
        for tool in case.tools:
            if turn >= case.repeats_of(tool) or any("error" in earlier for earlier in samples[tool]):
                continue
            load = os.getloadavg()[0]
            result = sample(tool)
            result["load_average"] = round(load, 2)
            samples[tool].append(result)
            say(f"{case.name} {tool} {turn + 1}: {_brief(result)}")
    return samples


def _brief(result: Sample) -> str:
    if "error" in result:
        return str(result["error"])
    rate = (
        f"{result['files_per_s']:.1f} files/s" if "files_per_s" in result else f"{result.get('mb_per_s', 0):.0f} MB/s"
    )
    return f"{rate}, {result['cpu_s']:.2f} CPU s, {result['peak_rss_mb']:.0f} MB"


def _s3(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    faults: dict[str, list[str] | None] = {}
    requests: dict[str, dict[str, int]] = {}
    many = case.kind == "small_files"
    with running_lake() as lake:
        truth, keys = _upload(case, folder, lake)

        def sample(tool: str, proxy: CountingProxy | None = None) -> Sample:
            lake.forget()
            environment = lake.environment(proxy.endpoint_url if proxy else None)
            result = measure.run(_s3_task(case, tool, lake, keys, environment), environment)
            if "error" in result:
                return result
            size, files = lake.outputs(None if tool == OURS else f"{tool}/")
            if tool not in faults:
                faults[tool] = faults_of(files, SHAPES[case.input.shape], truth, None)
            result["output_mb"] = size / 1e6
            result["mb_per_s"] = truth.csv_bytes / 1e6 / result["wall_s"]
            if many:
                result["files_per_s"] = len(keys) / result["wall_s"]
            return result

        for tool in case.tools:
            with CountingProxy(lake.aws.endpoint_url) as proxy:
                counted = sample(tool, proxy)
                if "error" not in counted:
                    requests[tool] = dict(sorted(proxy.counts.items()))
                    total = sum(proxy.counts.values())
                    say(f"{case.name} {tool}: {total / len(keys):.2f} requests per file {requests[tool]}")
        samples = _interleaved(case, sample, say)
    figures = {tool: summary(found, faults.get(tool)) for tool, found in samples.items()}
    for tool, counts in requests.items():
        figures[tool]["requests_per_file"] = sum(counts.values()) / len(keys)
        for operation, count in counts.items():
            figures[tool][f"requests_per_file_{operation.replace('.', '_')}"] = count / len(keys)
    return Outcome(figures, samples, requests)


def _large_s3(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Our engine alone, over a file that the local AWS could not hold: what memory does it take?"""
    path, truth = make(case.input, folder)
    key = source_key(0)
    faults: list[str] = []
    with running_lake() as lake, LargeSource(lake.aws.endpoint_url, lake.source, [key], path) as source:
        environment = lake.environment(source.endpoint_url)

        def sample(tool: str) -> Sample:
            lake.forget()
            result = measure.run(_s3_task(case, tool, lake, [key], environment), environment)
            if "error" not in result:
                size, files = lake.outputs(None)
                faults.extend(faults_of(files, SHAPES[case.input.shape], truth, None))
                result |= {"output_mb": size / 1e6, "mb_per_s": truth.csv_bytes / 1e6 / result["wall_s"]}
            return result

        samples = _interleaved(case, sample, say)
        requests = {OURS: dict(sorted(source.counts.items()))}
    return Outcome({OURS: summary(samples[OURS], faults)}, samples, requests)


def _upload(case: Case, folder: Path, lake: BenchLake) -> tuple[Truth, list[str]]:
    """Puts the case's files into the source bucket; each of many files has rows of its own."""
    truth = Truth()
    keys = []
    for number in range(case.files):
        path, one = make(replace(case.input, seed=case.input.seed + number), folder)
        keys.append(source_key(number))
        lake.upload(keys[-1], path)
        truth.csv_bytes += one.csv_bytes
        truth.digest.merge(one.digest)
    return truth, keys


def _s3_task(case: Case, tool: str, lake: BenchLake, keys: list[str], environment: dict[str, str]) -> dict[str, Any]:
    files = []
    for key in keys:
        target = f"s3://{TARGETS}/{tool}/{key.removesuffix('.csv')}.parquet"
        files.append([f"s3://{lake.source}/{key}", target, ""])
    task = {
        "tool": tool,
        "module": "lake" if tool == OURS else tool,
        "columns": SHAPES[case.input.shape],
        "files": files,
        "threads": _S3_THREADS,
        "bad": False,
        "gzip": False,
        "multiline": False,
        "catalog": case.kind == "small_files",
        "config": str(lake.config_path),
        "database": lake.config.resources.glue_database,
    }
    if tool == "polars":
        task["storage"] = {
            "aws_endpoint_url": environment["AWS_ENDPOINT_URL"],
            "aws_allow_http": "true",
            "aws_region": environment["AWS_DEFAULT_REGION"],
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        }
    return task


def _query(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Every tool's Parquet, and the CSV itself, under the same dashboard queries."""
    path, _ = make(case.input, folder)
    figures: dict[str, dict[str, Any]] = {}
    samples: dict[str, list[Sample]] = {}
    with running_lake() as lake:
        lake.s3.upload_file(str(path), TARGETS, "csv/rows.csv")
        expected = queries.run(lake, "csv")
        for tool in ("csv", *case.tools):
            if tool == "csv":
                found, result = expected, {"output_mb": path.stat().st_size / 1e6}
            else:
                target = folder / f"out-{tool}-0.parquet"
                result = measure.run(_disk_task(case, tool, path, [target]))
                if "error" in result:
                    samples[tool], figures[tool] = [result], summary([result], None)
                    continue
                lake.s3.upload_file(str(target), TARGETS, f"{tool}/rows.parquet")
                result = {"output_mb": target.stat().st_size / 1e6}
                target.unlink()
                found = queries.run(lake, tool)
            faults = [f"{name}: another answer" for name in expected if found[name].rows != expected[name].rows]
            result |= _megabytes("scanned", {name: answer.scanned for name, answer in found.items()})
            samples[tool], figures[tool] = [result], summary([result], faults)
            say(f"{case.name} {tool}: {result['scanned_mb']:.2f} MB scanned")
    return Outcome(figures, samples, {})


def _layout(case: Case, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Our converter with one choice of its writer changed at a time, under the dashboard queries.

    scanned: what the local Athena was billed for. paged: computed, what a reader that uses the page index reads.
    """
    path, truth = make(case.input, folder)
    _warm(path)
    faults: dict[str, list[str] | None] = {}
    answers: dict[str, dict[str, queries.Answer]] = {}
    with running_lake() as lake:

        def sample(tool: str) -> Sample:
            target = folder / f"out-{tool}-0.parquet"
            task = _disk_task(case, OURS, path, [target]) | {"layout": LAYOUTS.get(tool, {})}
            result = measure.run(task)
            if "error" in result:
                return result
            _add_rates(result, truth.csv_bytes, [target], case)
            if tool not in faults:
                own = faults[tool] = faults_of([target], SHAPES[case.input.shape], truth, None)
                lake.s3.upload_file(str(target), TARGETS, f"{tool}/rows.parquet")
                found = answers[tool] = queries.run(lake, tool, case.input.shape)
                computed = queries.computed(target, case.input.shape)
                expected = next(iter(answers.values()))
                for name, answer in found.items():
                    if answer.rows != expected[name].rows:
                        own.append(f"{name}: another answer")
                    if answer.scanned != computed[name].by_chunk:
                        own.append(
                            f"{name}: Athena scanned {answer.scanned} bytes, computed are {computed[name].by_chunk}"
                        )
                result |= _megabytes("scanned", {name: answer.scanned for name, answer in found.items()})
                result |= _megabytes("paged", {name: needed.by_page for name, needed in computed.items()})
            target.unlink()
            return result

        samples = _interleaved(case, sample, say)
    figures = {tool: summary(found, faults.get(tool)) for tool, found in samples.items()}
    return Outcome(figures, samples, {})


def _megabytes(what: str, by_query: dict[str, int]) -> dict[str, float]:
    parts = {f"{what}_{name}_mb": count / 1e6 for name, count in by_query.items()}
    return {f"{what}_mb": sum(by_query.values()) / 1e6, **parts}


def _warm(path: Path) -> None:
    """Reads the file once, so that every tool finds it in the page cache."""
    for _ in _blocks(path):
        pass


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while block := file.read(_READ):
            yield block
