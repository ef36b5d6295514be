"""A month's usage of AWS, and what it costs: of an entity, of a DynamoDB table, and of the lake as such.

A month has 30 days (720 hours), and is taken to be as the days that the load is of. Left out, because nothing in the
lake knows it: what people ask Athena, and what they see of the Lake page; data transfer, NAT and VPC endpoints; logs;
users of QuickSight; KMS; the changes of DynamoDB tables themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from lakelanes.aws.storage import READ_BYTES, WRITE_BYTES
from lakelanes.cost.prices import GB, MB, TB, Prices
from lakelanes.cost.requests import GETS, GLUE, INVOCATIONS, PUTS, QUERIES, SQS, requests_of, units_of
from lakelanes.cost.units import STORED_BESIDE, file_items, file_writes, item_bytes, read_units
from lakelanes.cost.workload import EntityLoad, LakeLoad, TableLoad
from lakelanes.files.sweep import FULL_LISTING_KEYS, LOOKBACK, SWEEP_EVERY

MONTH_DAYS = 30
HOURS = MONTH_DAYS * 24
SWEEPS = timedelta(days=MONTH_DAYS) // SWEEP_EVERY
# By the schedule of dags/watch_lake.py.
WATCHES = HOURS * 12

# Bytes of Parquet for one of CSV, and seconds of one core for a GB (10^9) of CSV: docs/benchmarks.md, "The cost model".
PARQUET_SHARE = 0.24
CPU_SECONDS_PER_GB = 6.0
# What a function waits for: S3's first bytes take 100 to 200 ms
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html), and DynamoDB
# answers in less than ten (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html).
S3_SECONDS, DYNAMODB_SECONDS = 0.15, 0.01
# MemorySize of infrastructure/template.yaml, which is one core.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
FUNCTION_GB = 1769 / 1024
# Lambda asks an empty queue by five readers that wait 20 seconds for an answer.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
IDLE_POLLS = 5 * 3 * 60 * HOURS
# Metrics of an entity by lambdas/file_processor.py; alarms of infrastructure/template.yaml, for files and for streams.
METRICS, FILE_ALARMS, STREAM_ALARMS = 5, 4, 3
# Of Airflow's database (https://aws.amazon.com/managed-workflows-for-apache-airflow/pricing/ has it in its examples).
DATABASE_GB = 10.0
DEFAULT_CLASS = "mw1.small"

_Dollars = Callable[[Prices], float]
# By meter: the service that bills it, and the price of one.
METERS: Mapping[str, tuple[str, _Dollars]] = {
    "put_requests": ("S3", lambda p: p.s3.put_requests_per_1000 / 1000),
    "get_requests": ("S3", lambda p: p.s3.get_requests_per_1000 / 1000),
    "s3_gb": ("S3", lambda p: p.s3.storage_per_gb_month),
    "write_units": ("DynamoDB", lambda p: p.dynamodb.write_units_per_million / 1e6),
    "read_units": ("DynamoDB", lambda p: p.dynamodb.read_units_per_million / 1e6),
    "dynamodb_gb": ("DynamoDB", lambda p: p.dynamodb.storage_per_gb_month),
    "recovery_gb": ("DynamoDB", lambda p: p.dynamodb.recovery_per_gb_month),
    "export_gb": ("DynamoDB", lambda p: p.dynamodb.export_per_gb),
    "invocations": ("Lambda", lambda p: p.lambda_.requests_per_million / 1e6),
    "gb_seconds": ("Lambda", lambda p: p.lambda_.compute_per_gb_second),
    "sqs_requests": ("SQS", lambda p: p.sqs.requests_per_million / 1e6),
    "glue_requests": ("Glue", lambda p: p.glue.requests_per_million / 1e6),
    "glue_objects": ("Glue", lambda p: p.glue.objects_per_100000_month / 1e5),
    "athena_tb": ("Athena", lambda p: p.athena.scanned_per_tb),
    "spice_gb": ("QuickSight", lambda p: p.quicksight.spice_per_gb_month),
    "metrics": ("CloudWatch", lambda p: p.cloudwatch.metric_per_month),
    "alarms": ("CloudWatch", lambda p: p.cloudwatch.alarm_per_month),
    "database_gb": ("MWAA", lambda p: p.mwaa.database_per_gb_month),
}
SERVICES = tuple(dict.fromkeys(service for service, _ in METERS.values()))


@dataclass(frozen=True)
class Cost:
    """What something takes and costs in a month. files: that are loaded or tried. requests: by operation. usage: by
    meter. services: dollars (or whatever the prices are in), by service. doubts: what is not known."""

    name: str
    files: float
    requests: Mapping[str, float]
    usage: Mapping[str, float]
    services: Mapping[str, float]
    doubts: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        return sum(self.services.values())

    @property
    def request_count(self) -> float:
        return sum(self.requests.values())


@dataclass
class _Month:
    """What adds up to a cost: steps by how often they are done, and meters."""

    times: dict[str, float] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, times: float) -> None:
        self.times[name] = self.times.get(name, 0) + times

    def use(self, meter: str, amount: float) -> None:
        self.usage[meter] = self.usage.get(meter, 0) + amount

    def cost(self, prices: Prices, name: str, files: float = 0, hourly: float = 0, doubts: Iterable[str] = ()) -> Cost:
        """hourly: dollars of what is billed by the hour, of MWAA."""
        requests = requests_of(self.times)
        reads, writes = units_of(self.times)
        self.use("read_units", reads)
        self.use("write_units", writes)
        for meter, operations in _METERED.items():
            self.use(meter, sum(requests.get(operation, 0) for operation in operations))
        self.use("athena_tb", requests.get(QUERIES, 0) * prices.athena.least_mb_per_query * MB / TB)
        services = {service: hourly * (service == "MWAA") for service in SERVICES}
        for meter, amount in self.usage.items():
            service, price = METERS[meter]
            services[service] += amount * price(prices)
        usage = {meter: amount for meter, amount in self.usage.items() if amount}
        return Cost(name, files, requests, usage, {s: d for s, d in services.items() if d}, tuple(doubts))


_METERED = {
    "put_requests": PUTS,
    "get_requests": GETS,
    "glue_requests": GLUE,
    "sqs_requests": SQS,
    "invocations": (INVOCATIONS,),
}


def function_seconds(size: float) -> float:
    """How long the function of the low-latency lane works for a file of so many bytes: what it waits for one after the
    other (the ledger three times, the source, the object), and one core for the conversion."""
    return 3 * DYNAMODB_SECONDS + 2 * S3_SECONDS + size / 1e9 * CPU_SECONDS_PER_GB


def entity_cost(prices: Prices, name: str, load: EntityLoad, lake_files: float | None = None) -> Cost:
    """An entity. lake_files: files of all entities, which decide how sweeps list; None: as many as it has itself."""
    month, scale = _Month(), MONTH_DAYS / load.days
    batch, fast = (load.files_batch + load.files_refused) * scale, load.files_fast * scale
    files, partitions, runs = batch + fast, load.partitions * scale, load.runs * scale
    size = load.bytes / load.files if load.files else 0.0
    _of_files(month, load, files, size, load.files_refused * scale)
    _of_runs(month, load, batch, files, runs)
    # What the low-latency lane loaded is registered, counted and announced by the next sweep.
    publishing = _publishing(batch, runs) + min(SWEEPS, fast)
    month.step("create", min(partitions, publishing) * load.tables)
    month.step("validate", publishing)
    month.step("validate_partition", max(publishing, partitions))
    month.step("message", fast)
    month.step("new_partition", min(partitions, fast))
    counts = min(WATCHES + SWEEPS, files) + _publishing(batch, runs)
    month.use("read_units", reading_again(load))
    month.step("refresh", WATCHES + SWEEPS + _publishing(batch, runs))
    month.step("count", counts)
    month.step("count_partition", max(counts, partitions))
    _of_sweeps(month, load, load.kept_files if lake_files is None else lake_files)
    month.step("watch", WATCHES)
    month.use("gb_seconds", fast * function_seconds(size) * FUNCTION_GB)
    month.use("metrics", METRICS * min(1.0, fast / HOURS))
    month.use("s3_gb", load.kept_bytes * (2 if load.keeps_source else 1 + PARQUET_SHARE) / GB)
    month.use("glue_objects", (load.kept_partitions + 1) * load.tables)
    stored = load.kept_files * (item_bytes(file_items()[1]) + STORED_BESIDE) / GB
    month.use("dynamodb_gb", 3 * stored)  # the table and two indexes, which hold whole items
    month.use("recovery_gb", stored)
    return month.cost(prices, name, files)


def backfill_cost(prices: Prices, name: str, files: int, size: float, partitions: int, tables: int = 2) -> Cost:
    """One run that loads so many files of so many bytes into new partitions; what is kept of it is not in it."""
    month, load = _Month(), EntityLoad(days=MONTH_DAYS, tables=tables)
    _of_files(month, load, files, size, 0)
    month.step("look", 1)
    month.step("list", max(0.0, files / 1000 - 1))
    month.step("ask", 3 * ceil(files / 100))
    month.step("register", tables * ceil(partitions / 1000))
    month.step("create", tables * ceil(partitions / 100))
    month.step("validate", ceil(partitions / 500))
    month.step("validate_partition", partitions)
    month.step("refresh", 1)
    month.step("count", ceil(partitions / 45))
    month.step("count_partition", partitions)
    month.step("views_due", 1)
    of_a_partition = files / partitions * item_bytes(file_items()[1])
    month.use("read_units", 3 * files + 2 * partitions * read_units(of_a_partition, consistent=False))
    # A transaction writes each of its partitions, whose periods are taken to be as many.
    month.use("write_units", 4 * partitions)
    return month.cost(prices, name, files)


def _publishing(batch: float, runs: float) -> float:
    """Runs, or sweeps where there are none, that load something."""
    return min(batch, runs or SWEEPS)


def _of_files(month: _Month, load: EntityLoad, files: float, size: float, refused: float) -> None:
    month.step("load", files)
    month.step("read_on", 0 if load.keeps_source else files * (max(1, ceil(size / READ_BYTES)) - 1))
    parts = ceil(size * PARQUET_SHARE / WRITE_BYTES) if size * PARQUET_SHARE > WRITE_BYTES else 0
    # Begun and ended by two requests in the place of the one PUT.
    month.step("write_on", 0 if load.keeps_source else files * (parts + 1 if parts else 0))
    month.step("rejects", refused)
    month.use("write_units", files * sum(write.units for write in file_writes()))


def _of_runs(month: _Month, load: EntityLoad, batch: float, files: float, runs: float) -> None:
    publishing = _publishing(batch, runs)
    month.step("look", runs)
    seen = files if runs else batch
    month.step("list", max(0.0, seen / 1000 - runs))
    # By the look, by the batches, and at the end of the run.
    month.step("ask", max(runs, seen / 100) + 2 * max(publishing, batch / 100))
    month.use("read_units", seen + 2 * batch)
    month.step("register", publishing * load.tables)
    month.step("views_due", publishing)
    month.step("owner", publishing)
    month.step("unregistered", max(0.0, runs - publishing))


def _reading_a_partition(files: float, partitions: float) -> float:
    """Read units of a count or a validation: all files that the partition has by then, half of them on average."""
    half = files / partitions / 2 if partitions else 0.0
    return read_units(max(1.0, half) * item_bytes(file_items()[1]), consistent=False)


def reading_again(load: EntityLoad) -> float:
    """Read units a month that go into reading the files of partitions that changed, by counts and validations."""
    scale = MONTH_DAYS / load.days
    batch, fast = (load.files_batch + load.files_refused) * scale, load.files_fast * scale
    runs, partitions = load.runs * scale, load.partitions * scale
    publishing = _publishing(batch, runs) + min(SWEEPS, fast)
    counts = min(WATCHES + SWEEPS, batch + fast) + _publishing(batch, runs)
    return (counts + max(publishing, partitions)) * _reading_a_partition(batch + fast, partitions)


def listed_by_a_sweep(load: EntityLoad, lake_files: float) -> float:
    """Files of an entity that a sweep lists, and asks the ledger about."""
    if lake_files <= FULL_LISTING_KEYS:
        return load.kept_files
    return load.files / load.days * LOOKBACK.days


def _of_sweeps(month: _Month, load: EntityLoad, lake_files: float) -> None:
    listed = listed_by_a_sweep(load, lake_files)
    month.step("sweep", SWEEPS)
    month.step("list", SWEEPS * listed / 1000)
    month.step("ask", SWEEPS * listed / 100)
    month.use("read_units", SWEEPS * listed)
    month.step("register", SWEEPS * load.tables if load.kept_files else 0)


def table_cost(prices: Prices, name: str, load: TableLoad) -> Cost:
    """A DynamoDB table: what the lake makes of it, and the point-in-time recovery that its exports need."""
    month, scale = _Month(), MONTH_DAYS / load.days
    windows, changes = load.windows * scale, load.changes * scale
    held = load.items * load.item_bytes
    if windows:
        exported = changes * load.item_bytes * load.images
        month.step("export", windows)
        month.use("export_gb", max(exported, windows * prices.dynamodb.least_mb_per_export * MB) / GB)
        month.step("compact", MONTH_DAYS)
        month.step("owner", windows + MONTH_DAYS)
        month.step("read_table", MONTH_DAYS * (load.snapshot_files + windows / MONTH_DAYS))
        month.step("watch_table", WATCHES)
        month.use("recovery_gb", held / GB)
        kept = held * PARQUET_SHARE * (load.keep_snapshots_days + 1)
        month.use("s3_gb", (kept + exported / MONTH_DAYS * load.keep_exports_days) / GB)
        month.use("glue_objects", windows + load.keep_snapshots_days + 3)
    if load.batch_records:
        batches = stream_batches(changes, load.batch_records, load.batch_seconds)
        month.step("stream_batch", batches)
        seconds = S3_SECONDS + DYNAMODB_SECONDS
        work = changes * load.item_bytes * load.images / 1e9 * CPU_SECONDS_PER_GB
        month.use("gb_seconds", (batches * seconds + work) * FUNCTION_GB)
        month.use("glue_objects", HOURS)
    doubts = [] if load.measured else [f"{name}: DynamoDB did not tell its size, so recovery and bytes are left out"]
    return month.cost(prices, name, doubts=doubts)


def stream_batches(changes: float, records: int, seconds: int) -> float:
    """Batches of a month's changes that come evenly: one begins with a change, and lasts until its time is over or it
    is full."""
    if not changes:
        return 0.0
    in_time = changes / (HOURS * 3600) * seconds
    return max(changes / records, changes / (1 + in_time))


def lake_cost(prices: Prices, load: LakeLoad, environment: str = DEFAULT_CLASS, name: str = "the lake") -> Cost:
    """What does not depend on files: Airflow, the watch and the sweeps as such, idle queues, dashboards, alarms."""
    month = _Month()
    month.step("sweep_lake", SWEEPS)
    month.step("watch_lake", WATCHES)
    month.step("owner", SWEEPS + WATCHES)
    month.step("watch_dataset", WATCHES * load.datasets)
    # A refresh a day reads the view, and its rows are counted after it.
    month.step("question", MONTH_DAYS * (load.questions + 2 * load.datasets_in_use))
    month.use("spice_gb", load.spice_bytes / GB)
    month.use("sqs_requests", IDLE_POLLS if load.has_fast else 0)
    month.use("alarms", FILE_ALARMS * load.has_fast + STREAM_ALARMS * load.has_streams)
    month.use("database_gb", DATABASE_GB)
    hourly = prices.mwaa.environment_per_hour[environment] * HOURS
    return month.cost(prices, name, hourly=hourly)
