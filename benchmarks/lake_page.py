"""How long each page of the Lake takes over a ledger of a million files.

The pages are asked for over HTTP of Airflow's own API server application, by a logged-in user. The ledger is
``benchmarks.ledger_store``, S3 is the local AWS; both are on this machine, so a network is not in the figures. A page's
work in the background goes on meanwhile. Pages are asked for in turn, each for other files and dates every time.
"""

from __future__ import annotations

import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks.cases import OURS, Case
from benchmarks.latency import percentile
from benchmarks.ledger_store import Item, LedgerStore, fill
from benchmarks.report import Sample, summary
from tests.support.lakes import config_text
from tests.support.localaws import running_localaws

if TYPE_CHECKING:
    from lakelanes.config.model import Lane
    from lakelanes.ledger.files import State

ROUNDS = 40
# Keys in the source bucket, for the search. S3 has an index of its own; the local one reads its keys at each LIST.
_KEYS = 2000
_COLUMNS = [{"name": "id", "type": "string"}, {"name": "amount", "type": "decimal(10,2)"}]
_ENTITIES: dict[str, Any] = {
    "sales": {
        "table_name": "sales",
        "filename_pattern": r"sales_(\d{4})_(\d{2})_(\d{2})_\d+\.csv",
        "partition_keys": ["year", "month", "day"],
        "schema": _COLUMNS,
        "settle_seconds": 0,
    },
    "visits": {
        "table_name": "visits",
        "filename_pattern": r"visits_(\d{4})_(\d{2})_(\d{2})_(\d{2})_\d+\.csv",
        "partition_keys": ["year", "month", "day", "hour"],
        "schema": _COLUMNS,
    },
    "prices": {
        "table_name": "prices",
        "filename_pattern": r"prices_([a-z]+)_\d+\.csv",
        "partition_keys": ["market"],
        "schema": _COLUMNS,
    },
}
# Windows of a quarter of an hour, of all the days that point-in-time recovery can hold.
_TABLES: dict[str, Any] = {
    "orders": {
        "dynamodb_table": "bench-orders",
        "table_name": "orders",
        "keys": ["order_id"],
        "schema": [{"name": "order_id", "type": "string"}, {"name": "total", "type": "decimal(12,2)"}],
        "export": {"window_minutes": 15},
    }
}
_DAYS = 35
# Objects of the stream in its newest hour: a batch every ten seconds.
_BATCHES = 360
_VIEWS = 8
# Of a million: days of sales, hours of visits, markets; each with as many files.
_SHARES = (("sales", 0.73), ("visits", 0.216), ("prices", 0.054))
_FILES = {"sales": 1000, "visits": 100, "prices": 1000}
# What becomes of a file in a hundred.
_NOT_LOADED: tuple[State, ...] = ("rejected", "failed", "deferred")


def run(case: Case, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Sample]]:
    """The figures of our page, and its samples; ``case.files`` is how many the ledger has."""
    samples = [_sample(case.files, say) for _ in range(case.repeats)]
    faults = [fault for sample in samples for fault in sample.pop("faults")]
    return summary(samples, faults), samples


def _sample(files: int, say: Callable[[str], None]) -> Sample:
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as name:
        folder = Path(name)
        config = folder / "lake.json"
        config.write_text(config_text(_ENTITIES, "bench", _TABLES))
        with running_localaws(folder / "aws") as aws:
            os.environ.update(aws.environment, LAKE_CONFIG=str(config))
            started = time.monotonic()
            days = _Files(files, datetime.now(UTC))
            count = fill(folder / "ledger.db", days.items())
            say(f"{OURS}: a ledger of {count} items made in {time.monotonic() - started:.0f} s")
            with LedgerStore(folder / "ledger.db") as store:
                os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = store.url
                try:
                    return _ask(days, folder, aws, say)
                finally:
                    del os.environ["AWS_ENDPOINT_URL_DYNAMODB"]


class _Files:
    """The files of the ledger, and the summaries that counting them gives."""

    def __init__(self, files: int, now: datetime) -> None:
        self.now, self.partitions = now, {}
        for name, share in _SHARES:
            self.partitions[name] = list(self._paths(name, max(1, round(files * share / _FILES[name]))))

    def _paths(self, name: str, count: int) -> Iterator[tuple[str, str]]:
        """Path of each partition, and how file names spell it."""
        for number in range(count, 0, -1):
            if name == "prices":
                market = "".join(chr(97 + number // 26**place % 26) for place in (2, 1, 0))
                yield f"market={market}", market
            else:
                hours = name == "visits"
                time = self.now - (timedelta(hours=number) if hours else timedelta(days=number))
                form = "year=%Y/month=%m/day=%d" + ("/hour=%H" if hours else "")
                yield time.strftime(form), time.strftime("%Y_%m_%d_%H" if hours else "%Y_%m_%d")

    def items(self) -> Iterator[Item]:
        from lakelanes.config.loading import load_config
        from lakelanes.ledger.entries import Entry, timestamp
        from lakelanes.ledger.summaries import Counts, Summary, _sums

        config, rng = load_config(), random.Random(7)
        until = timestamp(self.now)
        for name, partitions in self.partitions.items():
            found = []
            for place, (path, spelled) in enumerate(partitions):
                loaded = self.now - timedelta(hours=len(partitions) - place)
                base = Entry(
                    "", entity=name, partition=path, etag="0" * 32, size=50_000, run_id=f"load_{name}/r", token=1
                )
                counts = Counts(partitions=1)
                for number in range(_FILES[name]):
                    state: State = "loaded" if rng.random() < 0.99 else rng.choice(_NOT_LOADED)
                    at = timestamp(loaded + timedelta(milliseconds=number))
                    ok = state == "loaded"
                    lane: Lane = "fast" if number % 2 else "batch"
                    source = f"s3://bench-source/{name}_{spelled}_{number:04}.csv"
                    entry = replace(
                        base, source=source, state=state, lane=lane, updated_at=at, claimed_at=at, last_modified=at,
                        rows_loaded=500 if ok else None, rows_rejected=0, loaded_at=at if ok else None,
                        live_etag="0" * 32 if ok else None, live_rows=500 if ok else None,
                        error=None if ok else "the header lacks column amount", target=f"s3://bench-analytics/{name}/{path}/{number}",
                    )  # fmt: skip
                    yield entry.to_item()
                    own: dict[str, int] = {state: 1, "size": 50_000}
                    if ok:
                        own |= {f"files_{lane}": 1, f"rows_{lane}": 500, "rows": 500}
                    counts += Counts(**own)
                whole = Summary(f"summary:{name}", path, counts, timestamp(loaded), at, revision=1, counted_at=until)
                found.append(whole)
                yield whole.to_item()
            for one in _sums(config.entities[name], found).values():
                yield replace(one, revision=1, counted_at=until).to_item()
            note = {"source": f"note:summaries/{name}", "version": "current", "until": until}
            yield {key: {"S": text} for key, text in note.items()}
        yield from self._exports()
        yield from self._alerts()

    @property
    def base(self) -> datetime:
        """The moment of the table's full export."""
        return (self.now - timedelta(days=_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)

    def window(self, number: int) -> datetime:
        """The start of a window of the table, counted from the base."""
        return self.base + number * timedelta(minutes=15)

    def _exports(self) -> Iterator[Item]:
        """A table's exports until now but for the last, and a snapshot of every night."""
        from lakelanes.tables.ledger import Chain, Export, Snapshot, second_text
        from lakelanes.tables.windows import minute_text

        ids = {"table_arn": "arn:aws:dynamodb:::table/bench-orders", "table_id": "i"}
        start = minute_text(self.base)
        yield Chain(table="orders", base=start, revision=1, **ids).to_item()
        own: dict[str, Any] = {"state": "published", "run_id": "export_orders/r", "revision": 5, "files": 1, **ids}
        yield Export(table="orders", kind="full", start=start, end=start, rows=10**6, **own).to_item()
        number = 0
        while self.window(number + 2) <= self.now:
            start, end = (minute_text(self.window(number + more)) for more in (0, 1))
            yield Export(table="orders", kind="window", start=start, end=end, rows=number % 500, **own).to_item()
            number += 1
        for day in range(1, _DAYS + 1):
            as_of = second_text(self.base + timedelta(days=day))
            made = {"made_by": "compaction", "table_id": "i", "rows": 10**6, "files": 2, "revision": 1}
            yield Snapshot(table="orders", as_of=as_of, **made).to_item()  # type: ignore[arg-type]

    def _alerts(self) -> Iterator[Item]:
        """A few that are open."""
        from lakelanes.alerts.incidents import Incident
        from lakelanes.alerts.messages import Alert
        from lakelanes.ledger.entries import timestamp

        for number in range(5):
            alert = Alert("watch_lake", "r", "sales", f"day {number} did not arrive", "Upload its files")
            since = timestamp(self.now - timedelta(hours=number))
            yield Incident(f"deadline/sales/2024-03-{number + 10}", since, alert, sent=True).to_item()


def _ask(days: _Files, folder: Path, aws: Any, say: Callable[[str], None]) -> Sample:
    os.environ |= {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    os.environ |= {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:viewer", "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(Path(__file__).parents[1] / "plugins")
    # Only now: Airflow reads its settings when it is imported.
    from airflow.utils import db

    from lakelanes.lake import Lake
    from lakelanes.ledger.summaries import differences, totals

    db.initdb()
    logging.disable(logging.WARNING)
    lake = Lake.open()
    rejected = _fill_lake(lake, days, folder, aws)
    faults = []
    if differences(lake.ledger, lake.config.entities["prices"]):
        faults.append("the summaries of the made ledger are not what counting it gives")
    known = sum(whole.counts.files for whole in totals(lake.ledger, lake.config.entities).values())
    load = os.getloadavg()[0]
    times = _timed(_pages(days, rejected, random.Random(11)), faults)
    return {"rows_ok": known, "load_average": round(load, 2), "faults": faults[:5]} | _summed_up(times, say)


def _fill_lake(lake: Any, days: _Files, folder: Path, aws: Any) -> str:
    """Deploys the lake and puts in what the pages read beside the ledger; the URI of a file with rejected rows."""
    from lakelanes.files.batch import load_batch
    from lakelanes.files.listing import list_prefix
    from lakelanes.tables.current import publish
    from scripts.deploy import deploy

    deploy(lake.config, aws.client("cloudformation"), aws.client("sts"), parameters={"RequireTls": "false"})
    _, newest = days.partitions["sales"][-1]
    bad = "id,amount\n" + "".join(f"{number},x\n" for number in range(1000))
    for number in range(_KEYS):
        _, spelled = days.partitions["sales"][-1 - number % min(20, len(days.partitions["sales"]))]
        lake.s3.put_object(Bucket="bench-source", Key=f"sales_{spelled}_{number:04}.csv", Body=b"")
    lake.s3.put_object(Bucket="bench-source", Key=f"sales_{newest}_9999.csv", Body=bad.encode() + b"1,2\n")
    [file] = list_prefix(lake, f"sales_{newest}_9999")
    load_batch(lake, lake.config.entities["sales"], [file], lane="batch", run_id="load_sales/r")
    publish(lake, lake.config.tables["orders"])
    _stream(lake, days.now)
    _dashboards(lake, folder / "views")
    return str(file.uri)


def _pages(days: _Files, rejected: str, rng: random.Random) -> dict[str, Callable[[], str]]:
    """The pages by name, each with what makes an address of it, another one at each call. rejected: a file's URI."""

    def day(name: str = "sales") -> str:
        spelled = rng.choice(days.partitions[name])[1]
        return spelled.replace("_", "-")

    return {
        "entities": lambda: "/",
        "entity_by_day": lambda: "/entities/sales",
        "entity_by_hour": lambda: f"/entities/visits?span={day('visits')[:7]}",
        "entity_without_dates": lambda: "/entities/prices",
        "partition": lambda: f"/entities/sales/periods/{day()}",
        "files": lambda: f"/files?entity=sales&state={rng.choice(['', 'loaded', 'failed', 'rejected'])}",
        "files_further_on": lambda: (
            "/files?entity=sales&state=loaded&after=" + quote(f"{day()}T00:00:00.000000Z|s3://x")
        ),
        "search": lambda: f"/files?q=sales_{days.partitions['sales'][-1][1]}",
        "file": lambda: (
            "/file?uri=" + quote(f"s3://bench-source/sales_{day().replace('-', '_')}_{rng.randrange(1000):04}.csv")
        ),
        "rejected_rows": lambda: f"/file?uri={quote(rejected)}&offset={rng.randrange(900)}",
        "table": lambda: "/tables/orders",
        "table_before": lambda: f"/tables/orders?until={days.window(rng.randrange(96 * _DAYS)):%Y-%m-%d}",
        "export": lambda: f"/tables/orders/exports/window/{days.window(rng.randrange(96 * _DAYS)):%Y%m%dT%H%MZ}",
        "dashboards": lambda: "/dashboards/board",
    }


def _timed(pages: dict[str, Callable[[], str]], faults: list[str]) -> dict[str, list[float]]:
    """Seconds of each request of each page, served as Airflow's API server does; what fails goes to ``faults``."""
    import requests
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.main import app

    from tests.support.browser import served

    user = SimpleAuthManagerUser(username="ann", role="VIEWER", teams=None)
    times: dict[str, list[float]] = {name: [] for name in pages}
    with served(app) as url, requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {get_auth_manager().generate_jwt(user)}"
        for turn in range(ROUNDS + 3):
            for name, path in pages.items():
                where = f"{url}/lake{path()}"
                started = time.perf_counter()
                answer = session.get(where, timeout=60)
                seconds = time.perf_counter() - started
                if answer.status_code != 200:
                    faults.append(f"{where}: {answer.status_code}")
                if turn >= 3:  # what is imported and connected once
                    times[name].append(seconds)
    return times


def _summed_up(times: dict[str, list[float]], say: Callable[[str], None]) -> Sample:
    """Percentiles of each page and of all."""
    sample: Sample = {}
    for name, taken in times.items():
        ordered = sorted(taken)
        sample |= {f"{name}_p50_s": percentile(ordered, 50), f"{name}_p95_s": percentile(ordered, 95)}
        say(f"{OURS}: {name}: p50 {percentile(ordered, 50) * 1000:.0f} ms, p95 {percentile(ordered, 95) * 1000:.0f} ms")
    worst = max(percentile(sorted(taken), 95) for taken in times.values())
    if worst > 0.3:
        say(f"{OURS}: the slowest page's p95 is {worst * 1000:.0f} ms, more than 300")
    every = sorted(seconds for taken in times.values() for seconds in taken)
    return sample | {"p50_s": percentile(every, 50), "p95_s": percentile(every, 95), "p99_s": percentile(every, 99)}


def _stream(lake: Any, now: datetime) -> None:
    """What a busy stream leaves in a day: an object per hour, and all those of the newest hour."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lakelanes.tables.catalog import changes_table, window_partition
    from lakelanes.tables.changes import change_schema
    from lakelanes.tables.windows import minute_text

    table, body = lake.config.tables["orders"], pa.BufferOutputStream()
    row = {"order_id": "1", "_op": "put", "_written_at": now.replace(tzinfo=None), "_source": "stream"}
    pq.write_table(pa.Table.from_pylist([row], schema=change_schema(table)), body)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for number in range(24 + _BATCHES):
        start = minute_text(hour - timedelta(hours=max(0, 24 - number)))
        folder = f"{changes_table(table).folder}/{window_partition('stream', start).path}"
        key = f"{folder}/20240101-{number:021}-{number:021}-1.parquet"
        lake.s3.put_object(Bucket="bench-analytics", Key=key, Body=body.getvalue().to_pybytes())


def _dashboards(lake: Any, folder: Path) -> None:
    """A dashboard of views with a year of days each, and Athena's answers to its questions."""
    from lakelanes.catalog import views
    from lakelanes.dashboards import answers, questions

    (folder / "boards").mkdir(parents=True)
    questions.VIEWS, questions.DASHBOARDS = folder, folder / "boards"
    first = datetime(2024, 1, 1, tzinfo=UTC)
    rows = ", ".join(f"('{first + timedelta(days=n):%Y-%m-%d}', 'c{n % 3}', {n}.5)" for n in range(366))
    for number in range(_VIEWS):
        sql = f"SELECT day, city, revenue FROM (VALUES {rows}) AS t (day, city, revenue)"
        (folder / f"view_{number}.sql").write_text(sql)
    views.refresh(lake, folder)
    visuals = [
        {
            "id": f"visual_{number}",
            "title": f"View {number}",
            "kind": "line",
            "dataset": f"view_{number}",
            "x": {"column": "day"},
            "series": {"column": "city"},
            "y": [{"aggregation": "sum", "column": "revenue"}],
        }
        for number in range(_VIEWS)
    ]
    datasets = {f"view_{number}": {"view": f"view_{number}"} for number in range(_VIEWS)}
    board = {"title": "Board", "datasets": datasets, "sheets": [{"title": "Days", "visuals": visuals}]}
    (folder / "boards" / "board.json").write_text(json.dumps(board))
    library = questions.library(lake)
    for question in library.questions(library.dashboards[0]):
        answers.update(lake, question)
