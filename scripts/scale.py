"""Writes the tables of docs/scale.md: what sizes of lakes cost and need, by the model of ``lakelanes cost``.

.local/venv/bin/python -m scripts.scale
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from lakelanes.commands.cost import money
from lakelanes.config.model import DeploymentSettings
from lakelanes.cost import estimate
from lakelanes.cost.estimate import (
    DYNAMODB_SECONDS,
    HOURS,
    MONTH_DAYS,
    S3_SECONDS,
    SWEEPS,
    Cost,
    backfill_cost,
    entity_cost,
    function_seconds,
    lake_cost,
    table_cost,
)
from lakelanes.cost.prices import Prices, read_prices
from lakelanes.cost.units import PARTITION_WRITES, by_key, file_items, file_writes, item_bytes
from lakelanes.cost.workload import EntityLoad, LakeLoad, TableLoad
from lakelanes.files.sweep import LOOKBACK, SWEEP_EVERY
from scripts.simulated_hour import SEED, Hour, Outcome, simulate

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html"
_DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
RATES = (1, 100, 10_000)
FILE_BYTES = 100e3
# By class: concurrent tasks and cores of a worker.
# https://docs.aws.amazon.com/mwaa/latest/userguide/environment-class.html
CLASSES: Mapping[str, tuple[int, int]] = {
    "mw1.micro": (3, 1),
    "mw1.small": (5, 1),
    "mw1.medium": (10, 2),
    "mw1.large": (20, 4),
    "mw1.xlarge": (40, 8),
    "mw1.2xlarge": (80, 16),
}
# https://docs.aws.amazon.com/mwaa/latest/userguide/mwaa-quotas.html
MOST_WORKERS = 25
# Small files that a task has in hand at once (lakelanes.files.batch).
SIDE_BY_SIDE = 8
# Of a file that waits for the network, what its task computes besides converting: requests signed, answers read.
TASK_SECONDS_A_FILE = 0.010
# What a sweep computes for a file that it lists: the answers of S3 and of the ledger are read.
SWEEP_SECONDS_A_FILE = 0.0002
# LISTs that find the folders: the first page, and the one after all names that begin as the entity's do.
FOLDER_LISTS = 2


def steady(rate: int, lane: str = "fast") -> EntityLoad:
    """An entity by the hour with so many files a minute, in a lake that has run for a month."""
    files = rate * 60 * HOURS
    return EntityLoad(
        days=MONTH_DAYS,
        files_batch=0 if lane == "fast" else files,
        files_fast=files if lane == "fast" else 0,
        bytes=files * FILE_BYTES,
        partitions=HOURS,
        runs=HOURS,
        kept_files=files,
        kept_bytes=files * FILE_BYTES,
        kept_partitions=HOURS,
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rates(prices: Prices) -> str:
    """What a rate costs a month."""
    found: list[tuple[str, Cost]] = []
    for rate in RATES:
        for lane, name in (("fast", "low-latency"), ("batch", "batch")):
            found.append((f"{rate:,}, {name} lane", entity_cost(prices, "files", steady(rate, lane))))
    services = [one for one in estimate.SERVICES if any(one in cost.services for _, cost in found)]
    rows = [
        [name, *(money(cost.services.get(service, 0)) for service in services), money(cost.total)]
        for name, cost in found
    ]
    return table(["files a minute", *services, "USD a month"], rows)


def parts(prices: Prices) -> str:
    """What the largest parts of a rate are, in the low-latency lane."""
    rows = []
    for rate in RATES:
        load = steady(rate)
        whole = entity_cost(prices, "files", load)
        reads, puts = prices.dynamodb.read_units_per_million / 1e6, prices.s3.put_requests_per_1000 / 1000
        listed = SWEEPS * estimate.listed_by_a_sweep(load, load.kept_files)
        writes = sum(write.units for write in file_writes()) * prices.dynamodb.write_units_per_million / 1e6
        found = [
            listed * (reads + puts / 1000),
            estimate.reading_again(load) * reads,
            load.files * writes,
            load.files * (puts + prices.s3.get_requests_per_1000 / 1000),
            whole.services["Lambda"] + whole.services["SQS"],
            whole.usage["s3_gb"] * prices.s3.storage_per_gb_month,
        ]
        rows.append([f"{rate:,}", *map(money, (*found, whole.total - sum(found), whole.total))])
    headings = ["files a minute", "sweeps ask of three days", "partitions counted anew", "the ledger's writes"]
    more = ["GET and PUT", "the function, messages", "what is kept", "all else", "USD a month"]
    return table([*headings, *more], rows)


def needs(prices: Prices) -> str:
    """What a rate needs."""
    seconds = function_seconds(FILE_BYTES)
    units = by_key(file_writes())
    rows = []
    for rate in RATES:
        a_second = rate / 60
        busiest = max(count for (index, _), count in units.items() if index)
        of_a_task = SIDE_BY_SIDE / max(seconds, SIDE_BY_SIDE * TASK_SECONDS_A_FILE)
        hot = rate * 60 / 2
        rows.append(
            [
                f"{rate:,}",
                f"{a_second:,.2f}",
                f"{max(1, ceil(a_second * seconds)):,}",
                f"{a_second * busiest:,.1f} of {PARTITION_WRITES:,}",
                f"{max(1, ceil(a_second / of_a_task)):,}",
                f"{sweep_lists(rate):,}",
                f"{sweep_seconds(rate):,.0f} s",
                f"{hot * item_bytes(file_items()[1]) / 1e6:,.1f} MB",
            ]
        )
    headings = ["files a minute", "a second", "instances of the function", "write units a second, busiest key"]
    return table([*headings, "tasks of the batch lane", "LISTs of a sweep", "it takes", "a count reads"], rows)


def listed_files(rate: float) -> float:
    """How many files a sweep lists, in a lake that has more than it lists in full."""
    return rate * 60 * 24 * LOOKBACK.days


def sweep_lists(rate: float) -> int:
    """LISTs of a sweep: one for 1,000 names, beside those that find the folders."""
    return FOLDER_LISTS + ceil(listed_files(rate) / 1000)


def sweep_seconds(rate: float) -> float:
    """How long a sweep looks for files: a LIST for 1,000 names and a BatchGetItem for 100, one after the other, and the
    reading of their answers."""
    listed = listed_files(rate)
    requests = (FOLDER_LISTS + listed / 1000) * S3_SECONDS + listed / 100 * DYNAMODB_SECONDS
    return requests + listed * SWEEP_SECONDS_A_FILE


def limits(prices: Prices) -> str:
    """At which rate each limit is met, the first one first."""
    seconds, item = function_seconds(FILE_BYTES), item_bytes(file_items()[1])
    busiest = max(count for (index, _), count in by_key(file_writes()).items() if index)
    concurrency = DeploymentSettings().fast_lane_concurrency
    # A Query's answer has 1 MB, and the next one waits for it.
    pages = 300 / DYNAMODB_SECONDS
    found = [
        (
            (SWEEP_EVERY.total_seconds() - sweep_seconds(0)) / (sweep_seconds(1) - sweep_seconds(0)),
            "a sweep takes as long as the time between two",
            "no setting: it counts all entities together. Fewer and larger files",
        ),
        (
            concurrency / seconds * 60,
            f"the function's {concurrency} instances",
            "`deployment.fast_lane_concurrency`; the account has 1,000 by default",
        ),
        (1000 / seconds * 60, "1,000 instances of the account", "AWS raises the quota on request"),
        (
            PARTITION_WRITES / busiest * 60,
            "the busiest keys of the ledger's indexes",
            "more entities, each has keys of its own; shorter names where items are above 1 KB",
        ),
        (
            pages * 1e6 / item / 24 / 60,
            "a count of a day's partition takes five minutes",
            "partitions by the hour: 24 times as many",
        ),
    ]
    rows = [[f"{rate:,.0f}", what, moves] for rate, what, moves in sorted(found)]
    return table(["files a minute", "the limit", "what moves it"], rows)


def keys(prices: Prices) -> str:
    """The load on each key of the ledger."""
    long = "s3://example-lake-source/" + "folder/" * 60 + "sales_data_2024_03_15.csv"
    usual, large = by_key(file_writes()), by_key(file_writes(file_items(source=long)))
    rows = []
    for (index, key), units in usual.items():
        name = "the table, the file's own key" if not index else f"`{index}`, `{key.replace('ENTITY', '<entity>')}`"
        name = name.replace("#PARTITION", "#<partition>")
        if not index:
            rows.append([name, str(units), str(large[index, key]), "no limit: each file has its own"])
            continue
        rows.append(
            [
                name,
                str(units),
                str(large[index, key]),
                f"{PARTITION_WRITES // units} and {PARTITION_WRITES // large[index, key]}",
            ]
        )
    return table(["key", "write units a file", "items above 1 KB", "files a second, at most"], rows)


def classes(prices: Prices) -> str:
    """What an environment costs and does."""
    rows = []
    seconds = function_seconds(FILE_BYTES)
    for name, (tasks, cores) in CLASSES.items():
        hourly = lake_cost(prices, LakeLoad(), name).services["MWAA"]
        more = prices.mwaa.worker_per_hour.get(name)
        workers = MOST_WORKERS if more is not None else 1
        small = min(tasks * SIDE_BY_SIDE / seconds, cores / TASK_SECONDS_A_FILE)
        rows.append(
            [
                name,
                money(hourly),
                "none" if more is None else money(more * HOURS),
                f"{tasks} on {cores}",
                f"{small:,.0f}",
                f"{cores / estimate.CPU_SECONDS_PER_GB * 3600:,.0f}",
                f"{cores * workers / estimate.CPU_SECONDS_PER_GB * 3.6:,.1f}",
            ]
        )
    headings = ["class", "USD a month", "a worker more", "tasks on cores", "files of 100 KB a second, a worker"]
    return table([*headings, "GB an hour, a worker", "TB an hour, all workers"], rows)


BACKFILLS = (("1 GB", 100, 10e6, 100), ("10 TB", 10_000, 1e9, 3650), ("10 TB", 1_000_000, 10e6, 3650))


def backfills(prices: Prices) -> str:
    """What a backfill costs once, and how long it takes."""
    rows = []
    for name, files, size, partitions in BACKFILLS:
        cost = backfill_cost(prices, name, files, size, partitions)
        busy = files * (size / 1e9 * estimate.CPU_SECONDS_PER_GB + TASK_SECONDS_A_FILE)
        months = files * size * (1 + estimate.PARQUET_SHARE) / (1 << 30) * prices.s3.storage_per_gb_month
        times = [
            f"{busy / CLASSES[one][1] / workers / 3600:,.2f} h"
            for one, workers in (("mw1.small", 1), ("mw1.medium", 10), ("mw1.2xlarge", MOST_WORKERS))
        ]
        requests = f"{round(cost.request_count):,}"
        rows.append([f"{name} in {files:,} files", requests, money(cost.total), *times, money(months)])
    headings = ["backfill", "requests", "USD, once", "mw1.small, 1 worker", "mw1.medium, 10", "mw1.2xlarge, 25"]
    return table([*headings, "USD a month to keep it"], rows)


# A table of a million items of a kilobyte, of which 100,000 change a day.
TABLE = TableLoad(
    days=MONTH_DAYS,
    windows=HOURS,
    changes=100_000 * MONTH_DAYS,
    items=1e6,
    item_bytes=1000,
    snapshot_files=20,
    keep_snapshots_days=7,
    keep_exports_days=35,
    batch_records=1000,
    batch_seconds=10,
)


def tables(prices: Prices) -> str:
    """What exported tables cost a month, by number and window."""
    rows = []
    for count in (1, 200):
        for minutes in (15, 60, 1440):
            windows = MONTH_DAYS * 1440 / minutes
            one = table_cost(prices, "orders", replace(TABLE, windows=windows))
            quiet = table_cost(prices, "orders", replace(TABLE, windows=windows, changes=0))
            rows.append(
                [
                    f"{count}",
                    f"{minutes} minutes",
                    f"{count * windows / HOURS:,.2f}",
                    money(count * one.usage["export_gb"] * prices.dynamodb.export_per_gb),
                    money(count * one.total),
                    money(count * quiet.total),
                ]
            )
    headings = ["tables", "windows of", "exports an hour", "of it for exports", "USD a month"]
    headings[3:] = ["USD a month for exports", "USD a month in all", "the same without changes"]
    return table(headings, rows)


HOURS_SIMULATED: tuple[tuple[str, Hour], ...] = (
    ("10,000; 10 instances, as it is deployed", Hour()),
    ("10,000; 60 instances", Hour(concurrency=60)),
    ("10,000; 60 instances, a minute's files within 2 seconds", Hour(concurrency=60, minute=2)),
    ("10,000; 1,000 instances, a minute's files within 2 seconds", Hour(concurrency=1000, minute=2)),
    ("40,000; 1,000 instances", Hour(files=40_000, concurrency=1000)),
    ("40,000 of 4 entities; 1,000 instances", Hour(files=40_000, concurrency=1000, entities=4)),
)


def hours(prices: Prices) -> str:
    """The simulated hours."""
    headings = ["files a minute", "loaded", "waiting at the end", "longest wait", "instances busy", "held back by"]
    return table(headings, [[name, *_of_hour(simulate(hour))] for name, hour in HOURS_SIMULATED])


def _of_hour(found: Outcome) -> list[str]:
    limit = found.limit.replace("PARTITION", "of the partition") or "nothing"
    held = f"{limit}, {found.held[found.limit]:,} s" if found.held else limit
    return [f"{found.loaded:,}", f"{found.waiting:,}", f"{found.longest:,} s", f"{found.busy:.0%}", held]


def constants(prices: Prices) -> str:
    """What the model takes for granted."""
    size = item_bytes(file_items()[1])
    return table(
        ["constant", "value", "from"],
        [
            [
                "one core for 1 GB of CSV",
                f"{estimate.CPU_SECONDS_PER_GB:g} s",
                "`make bench`: 5.5 to 5.9 s, two cores of a Xeon",
            ],
            [
                "Parquet for CSV",
                f"{estimate.PARQUET_SHARE:.0%} of the bytes",
                "[benchmarks](benchmarks.md): 24.19 MB of 100 (narrow), 20.61 (wide)",
            ],
            [
                "S3, until the first byte",
                f"{estimate.S3_SECONDS:g} s",
                f"[S3]({_S3}): 100 to 200 ms",
            ],
            [
                "DynamoDB, an answer",
                f"{estimate.DYNAMODB_SECONDS:g} s",
                f"[DynamoDB]({_DYNAMODB}): single-digit milliseconds",
            ],
            [
                "the function, for a file of 100 KB",
                f"{function_seconds(FILE_BYTES):.2f} s",
                "the ledger three times, S3 twice, one after the other; and the conversion",
            ],
            ["a task, for a file beside its conversion", f"{TASK_SECONDS_A_FILE:g} s of a core", "assumed"],
            [
                "a sweep, for a file that it lists",
                f"{1000 * SWEEP_SECONDS_A_FILE:g} ms of a core",
                "`make bench CASES=sweep_million`",
            ],
            ["a file's item in the ledger", f"{size:,} bytes", "its attributes, with names of usual length"],
            ["seed of the simulated hours", str(SEED), "`scripts/simulated_hour.py`"],
        ],
    )


TABLES: Mapping[str, Callable[[Prices], str]] = {
    "rates": rates,
    "parts": parts,
    "needs": needs,
    "limits": limits,
    "keys": keys,
    "hours": hours,
    "classes": classes,
    "backfills": backfills,
    "tables": tables,
    "constants": constants,
}
_PLACE = re.compile(r"<!-- scale: (\w+) -->\n\n(?:(?!<!--).*?\n\n)?<!-- scale: end -->", re.DOTALL)


def written(page: str, prices: Prices) -> str:
    """The page with its tables made anew. KeyError for a table that there is not."""
    return _PLACE.sub(
        lambda found: f"<!-- scale: {found[1]} -->\n\n{TABLES[found[1]](prices)}\n\n<!-- scale: end -->", page
    )


def main() -> None:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), read_prices()), encoding="utf-8")


if __name__ == "__main__":
    main()
