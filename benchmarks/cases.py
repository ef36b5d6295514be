"""What is measured: named cases, each with its input, its tools and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.generate import EXPORT, Input
from benchmarks.hostile import HOSTILE
from benchmarks.layouts import LAYOUTS

OURS = "lakelanes"
# Of Airflow's workers, where what a task costs is measured (benchmarks/cluster.py).
SLOTS = (4, 2, 1)
SIZES = {"1mb": 10**6, "100mb": 10**8, "1gb": 10**9, "10gb": 10**10}
# How often each tool is measured, by the size of the file.
_REPEATS = {"1mb": 5, "100mb": 5, "1gb": 3, "10gb": 1}
# Measured once where it takes minutes: they are nowhere near.
_SLOW = frozenset({"pandas", "awswrangler"})
_QUICK = frozenset({"window_zstandard", "long_field", "large_records"})

Kind = Literal[
    "disk",
    "s3",
    "large_s3",
    "small_files",
    "query",
    "latency",
    "layout",
    "export",
    "page",
    "backfill",
    "cluster",
    "start",
    "parsing",
    "hostile",
    "sweep",
]
Tools = tuple[str, ...]

_PEERS: Tools = ("duckdb", "polars", "pyarrow")
_DISK: Tools = (OURS, *_PEERS, "pandas")
# For a file with bad rows, the peers that can go on after one; polars cannot say which rows those were.
_BAD: Tools = (OURS, "duckdb", "polars")
_EXPORT: Tools = (OURS, "duckdb", "polars", "pyarrow", "orjson")
# As many data files as a table of this size has partitions, and more than there are cores.
_EXPORT_FILES = 8
_S3: Tools = (OURS, "polars", "pyarrow_fs", "awswrangler")


@dataclass(frozen=True)
class Case:
    """suites: which runs it belongs to; none when it is only run by name. repeats: samples of each tool.

    input: of each file. files: how many are converted at once. partition_by: a date column by whose year, month and
    day the output is divided.
    """

    name: str
    kind: Kind
    input: Input
    tools: Tools
    repeats: int
    suites: frozenset[str]
    files: int = 1
    partition_by: str | None = None

    def repeats_of(self, tool: str) -> int:
        return 1 if tool in _SLOW and self.input.size * self.files >= SIZES["100mb"] else self.repeats


def all_cases() -> dict[str, Case]:
    """Every case there is, by name, in the order they are run."""
    found = {case.name: case for label in SIZES for case in _cases(label)}
    return found | {case.name: case for case in (*_exports(), *_hostile())}


def _hostile() -> Iterator[Case]:
    """Files made to take memory; of a small run those that are done in a second."""
    for name, hostile in HOSTILE.items():
        suites = frozenset({"small", "full"} if name in _QUICK else {"full"})
        yield Case(f"memory_{name}", "hostile", Input(name, hostile.size), (OURS,), 1, suites)


def _exports() -> Iterator[Case]:
    for label, size, repeats, suite in (("2mb", 2 * 10**6, 3, "small"), ("200mb", 2 * 10**8, 5, "full")):
        data = Input(EXPORT, size // _EXPORT_FILES, gzip=True)
        yield Case(f"dynamodb_{label}", "export", data, _EXPORT, repeats, frozenset({suite}), files=_EXPORT_FILES)
    traps = Input(EXPORT, 10**6, bad=0.01, gzip=True)
    yield Case("dynamodb_traps_1mb", "export", traps, _EXPORT, 1, frozenset({"small", "full"}))


def _cases(label: str) -> Iterator[Case]:
    size, repeats = SIZES[label], _REPEATS[label]
    small = frozenset({"small"}) if label == "1mb" else frozenset()
    clean = {"1mb": frozenset({"small", "full"}), "10gb": frozenset()}.get(label, frozenset({"full"}))
    for shape in ("narrow", "wide"):
        tools = (*_DISK, "limit") if label != "10gb" else (OURS, "duckdb", "polars")
        yield Case(f"clean_{shape}_{label}", "disk", Input(shape, size), tools, repeats, clean)
    if label in ("1mb", "100mb"):
        suites = small or frozenset({"full"})
        for shape in ("narrow", "wide"):
            tools = (OURS, *_PEERS, "limit", "limit_at_once")
            yield Case(f"two_files_{shape}_{label}", "disk", Input(shape, size), tools, repeats, suites, files=2)
        for share, text in ((0.001, "0_1"), (0.01, "1"), (0.1, "10")):
            bad = Input("narrow", size, bad=share)
            yield Case(f"bad{text}pct_narrow_{label}", "disk", bad, _BAD, repeats, suites)
        yield Case(f"gzip_narrow_{label}", "disk", Input("narrow", size, gzip=True), _DISK, repeats, suites)
        multiline = Input("wide", size, multiline=True)
        yield Case(f"multiline_wide_{label}", "disk", multiline, _DISK, repeats, suites)
        shuffled = Input("narrow", size, shuffled=True)
        tools = (OURS, *_PEERS)
        yield Case(
            f"partitioned_narrow_{label}", "disk", shuffled, tools, repeats, suites, partition_by="transaction_date"
        )
        yield Case(f"query_narrow_{label}", "query", Input("narrow", size), _DISK, 1, suites)
        for shape, suites in (("narrow", small), ("wide", frozenset())):
            yield Case(f"layout_{shape}_{label}", "layout", Input(shape, size), (OURS, *LAYOUTS), repeats, suites)
    if label == "1mb":
        traps = Input("narrow", size, bad=0.01, traps=True)
        yield Case("traps_narrow_1mb", "disk", traps, _DISK, 1, frozenset({"small", "full"}))
        files = Input("narrow", 100_000)
        tools = (OURS, "pyarrow_fs", "awswrangler")
        yield Case("few_files_s3", "small_files", files, tools, 3, small, files=20)
        yield Case("small_files_s3", "small_files", files, tools, 3, frozenset({"full"}), files=1000)
        # Its input stands for the size of the files only; they are made as they are put.
        arrivals = Input("narrow", 500)
        yield Case("fast_lane_few", "latency", arrivals, (OURS,), 1, small, files=20)
        yield Case("lake_page_10k", "page", arrivals, (OURS,), 1, small, files=10_000)
        yield Case("lake_page", "page", arrivals, (OURS,), 1, frozenset({"full"}), files=1_000_000)
        functions = ("file_processor", "stream_processor")
        yield Case("cold_start", "start", arrivals, functions, 9, frozenset({"small", "full"}))
        yield Case("dag_parsing_3", "parsing", arrivals, (OURS,), 1, small, files=3)
        yield Case("dag_parsing", "parsing", arrivals, (OURS,), 3, frozenset({"full"}), files=200)
        yield Case("backfill_20", "backfill", arrivals, (OURS,), 1, small, files=20)
        yield Case("backfill_365", "backfill", arrivals, (OURS,), 1, frozenset({"full"}), files=365)
        slots = tuple(f"slots_{number}" for number in SLOTS)
        yield Case("cluster_few_files", "cluster", files, slots, 1, frozenset(), files=2_000)
        yield Case("cluster_small_files", "cluster", files, slots, 1, frozenset(), files=20_000)
        yield Case("cluster_large_files", "cluster", Input("narrow", 5 * 10**8), slots, 1, frozenset(), files=20)
        # Of the last days first: the other one notes that everything has been looked at.
        ways = ("last_days", "full")
        yield Case("sweep_few", "sweep", arrivals, ways, 1, small, files=10_000)
        yield Case("sweep_million", "sweep", arrivals, ways, 1, frozenset(), files=1_000_000)
        yield Case("fast_lane", "latency", arrivals, (OURS,), 1, frozenset({"full"}), files=200)
    if label != "10gb":
        suites = small or frozenset({"full"} if label == "1gb" else ())
        tools = _S3 if label != "1gb" else _S3[:-1]
        yield Case(f"s3_narrow_{label}", "s3", Input("narrow", size), tools, min(repeats, 3), suites)
    if label in ("1mb", "10gb"):
        name = "s3_large_1mb" if label == "1mb" else f"s3_narrow_{label}"
        yield Case(name, "large_s3", Input("narrow", size), (OURS,), 1, small)


def chosen(size: str, names: Iterable[str] = ()) -> list[Case]:
    """The cases of `make bench`: those named, else those of the size, "full" or "small".

    Raises ValueError, with the names there are, for a name that is none.
    """
    cases = all_cases()
    names = list(names)
    if unknown := [name for name in names if name not in cases]:
        raise ValueError(f"no case {', '.join(unknown)}; there are {', '.join(cases)}")
    return [cases[name] for name in names] if names else [case for case in cases.values() if size in case.suites]
