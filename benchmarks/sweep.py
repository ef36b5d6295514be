"""What a sweep costs in a lake that has run for long: time, memory and requests, of the last days and of everything.

The lake has a file a minute, by the hour, for as long as it takes to have so many; the ledger has all of them but each
101st. The source bucket is ``benchmarks.listed_source`` and the ledger ``benchmarks.ledger_store``, both on this
machine, so a network is not in the figures. Requests are counted on their way, so the time is an upper bound.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.cases import OURS, Case
from benchmarks.ledger_store import Item, LedgerStore, fill
from benchmarks.listed_source import ETAG, ListedSource
from benchmarks.proxy import CountingProxy
from benchmarks.report import Sample, summary
from benchmarks.tools.sweep import digest
from lakelanes.config.deadlines import period_at
from lakelanes.config.loading import parse_config
from lakelanes.config.model import Entity
from lakelanes.files.matching import partition_for
from lakelanes.files.sweep import FAST_NOTE, FULL_LISTING_KEYS, FULL_NOTE, LOOKBACK, SWEEP_EVERY
from lakelanes.ledger.entries import Entry, timestamp
from lakelanes.ledger.items import to_item
from lakelanes.ledger.notes import note_key
from tests.support.lakes import config_text
from tests.support.localaws import running_localaws

# The ledger knows each file but one of so many.
_EACH = 101
_SIZE = 100_000
_ENTITY: dict[str, Any] = {
    "table_name": "files",
    "filename_pattern": r"files_(\d{4})_(\d{2})_(\d{2})_(\d{2})_\d{2}\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
    "schema": [{"name": "id", "type": "string"}, {"name": "amount", "type": "decimal(10,2)"}],
}


@dataclass(frozen=True)
class Minutes:
    """The lake's files, one a minute until ``now``; ``known`` of them are in the ledger."""

    known: int
    now: datetime

    @property
    def count(self) -> int:
        return self.known + self.known // (_EACH - 1)

    def keys(self) -> list[str]:
        """All keys of the source bucket, in S3's order."""
        first = self.now.replace(second=0, microsecond=0) - timedelta(minutes=self.count - 1)
        return [f"files_{first + timedelta(minutes=n):%Y_%m_%d_%H_%M}.csv" for n in range(self.count)]

    def new(self, entity: Entity, since: datetime | None = None) -> list[str]:
        """Keys that the ledger does not know; with ``since`` those alone that a sweep looks at from then on."""
        named = "" if since is None else "files_" + period_at(entity, since).replace("-", "_").replace("T", "_")
        return [key for key in self.keys()[_EACH - 1 :: _EACH] if key >= named]

    def items(self, bucket: str, entity: Entity) -> Iterator[Item]:
        """What the ledger holds: the files, and that the sweeps before have been made."""
        note = {"full_at": timestamp(self.now - timedelta(hours=1)), "listed": max(self.count, FULL_LISTING_KEYS + 1)}
        yield _note(FULL_NOTE, note)
        yield _note(FAST_NOTE, {"until": timestamp(self.now - SWEEP_EVERY)})
        base = Entry(
            "", entity=entity.name, state="loaded", etag=ETAG.strip('"'), size=_SIZE, run_id="load_files/scheduled",
            token=1, attempts=1, rows_loaded=500, rows_rejected=0, live_etag="0" * 32, live_rows=500,
            target_etag="0" * 32,
        ).to_item()  # fmt: skip
        path, hour = "", ""
        for number, key in enumerate(self.keys()):
            if hour != (hour := key[: -len("_00.csv")]):
                path = partition_for(entity, key).path
            if number % _EACH != _EACH - 1:
                at = {"S": timestamp(self.now - timedelta(minutes=self.count - number))}
                target = f"s3://bench-analytics/files/{path}/{number:032x}.parquet"
                own = {"source": f"s3://{bucket}/{key}", "partition": path, "target": target, "owner": f"{number:032x}"}
                own["entity_partition"] = f"{entity.name}#{path}"
                times = dict.fromkeys(("last_modified", "claimed_at", "updated_at", "loaded_at"), at)
                # Not by an Entry of its own, which takes ten times as long.
                yield {**base, **to_item(own), **times, "tries": {"L": [at]}}


def _note(name: str, values: dict[str, Any]) -> Item:
    source, version = note_key(name)
    return to_item({"source": source, "version": version, **values})


def run(
    case: Case, say: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, list[Sample]], dict[str, dict[str, int]]]:
    """Figures, samples and requests of each way to sweep; ``case.files`` is how many files the ledger knows."""
    text = config_text({"files": _ENTITY}, "bench")
    config = parse_config(text, {})
    resources, entity = config.resources, config.entities["files"]
    minutes = Minutes(case.files, datetime.now(UTC))
    figures, samples, requests = {}, {}, {}
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as name:
        folder = Path(name)
        (folder / "lake.json").write_text(text)
        started = time.monotonic()
        count = fill(folder / "ledger.db", minutes.items(resources.source_bucket, entity))
        say(f"a ledger of {count} items made in {time.monotonic() - started:.0f} s")
        with running_localaws(folder / "aws") as aws, LedgerStore(folder / "ledger.db") as store:
            aws.client("s3").create_bucket(Bucket=resources.analytics_bucket)
            for way in case.tools:
                expected = minutes.new(entity, None if way == "full" else minutes.now - LOOKBACK)
                task = {"tool": OURS, "module": "sweep", "config": str(folder / "lake.json"), "full": way == "full"}
                task["now"] = minutes.now.isoformat()
                source = ListedSource(aws.endpoint_url, resources.source_bucket, minutes.keys(), _SIZE)
                with source, CountingProxy(store.url) as ledger:
                    urls = {"AWS_ENDPOINT_URL": source.endpoint_url, "AWS_ENDPOINT_URL_DYNAMODB": ledger.endpoint_url}
                    sample = measure.run(task, aws.environment | urls) | {"load_average": os.getloadavg()[0]}
                counts = source.counts + ledger.counts
                requests[way], samples[way] = dict(sorted(counts.items())), [sample]
                figures[way] = summary([sample], _faults(sample, expected)) | _by_operation(requests[way])
                say(f"{way}: {figures[way]}")
    return figures, samples, requests


def _faults(sample: Sample, expected: list[str]) -> list[str]:
    if sample.get("keys_digest") == digest(expected) and sample["others"] == 0:
        return []
    return [f"{sample.get('rows_ok')} files, expected {len(expected)}, or others; {sample.get('others')} put aside"]


def _by_operation(counts: dict[str, int]) -> dict[str, int]:
    named = {f"requests_{operation.replace('.', '_')}": count for operation, count in counts.items()}
    return {"requests": sum(counts.values()), **named}
