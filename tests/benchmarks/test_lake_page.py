"""The benchmark's ledger answers as DynamoDB does, and its summaries are those that counting gives."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.lake_page import _ENTITIES, _TABLES, _Files
from benchmarks.ledger_store import LedgerStore, fill
from lakelanes.alerts import incidents
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import Entry
from lakelanes.overview import files
from lakelanes.tables import ledger as tables
from lakelanes.tables.planning import contiguous_end
from tests.support.lakes import config_text, deploy_lake
from tests.support.localaws import LocalAws


@pytest.fixture
def lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Lake:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    return deploy_lake(local_aws)


def served_by(store: LedgerStore, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The same lake with its ledger in the store."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", store.url)
    other = Lake.open(lake.config)
    assert other.ledger.client
    return other


def test_it_answers_as_the_local_dynamodb_does(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, items = random.Random(3), []
    for number in range(300):
        entry = Entry(
            f"s3://b/{number % 90:03}",
            version="current" if number < 90 else f"e@{number:06}",
            entity="sales",
            state=rng.choice(summaries.FILE_STATES) if number < 90 else "superseded",
            partition=f"day={number % 7}",
            updated_at=f"2024-01-01T00:00:{rng.randrange(30):02}.000000Z",
        )
        items.append(entry.to_item())
        lake.ledger.client.put_item(TableName=lake.ledger.table, Item=items[-1])
    for day in range(1, 9):
        counts = summaries.Counts(loaded=day, size=7, rows=day, partitions=1)
        one = summaries.Summary("periods:sales", f"2024-03-{day:02}", counts, "2024-03-09", counted_at="x", revision=3)
        items.append(one.to_item())
        lake.ledger.client.put_item(TableName=lake.ledger.table, Item=items[-1])
    fill(tmp_path / "ledger.db", items)
    with LedgerStore(tmp_path / "ledger.db") as store:
        other = served_by(store, lake, monkeypatch)

        def answers(one: Lake) -> list[Any]:
            ledger = one.ledger
            page = files.latest_files(one, "sales", limit=7)
            return [
                sorted(entry.source for entry in ledger.in_partition("sales", "day=3")),
                [entry.updated_at for entry in ledger.in_state("sales", "loaded", datetime(2024, 1, 1, tzinfo=UTC))],
                page,
                files.latest_files(one, "sales", limit=7, after=page.after),
                files.latest_files(one, "sales", limit=7, after=page.after, fields=files.LISTED),
                files.partition_files(one, "sales", "day=3", limit=4, after="s3://b/010"),
                files.one_file(one, "s3://b/011"),
                ledger.get_many([f"s3://b/{number:03}" for number in range(200)]),
                list(summaries.period_summaries(one.ledger, "sales", "2024-03-02", "2024-03-05").values()),
                list(
                    summaries.period_summaries(
                        one.ledger, "sales", "2024-03-02", "2024-03-05", fields=["rows"]
                    ).values()
                ),
            ]

        assert answers(other) == answers(lake)


def test_the_made_summaries_are_those_of_the_files(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "lake.json"
    config.write_text(config_text(_ENTITIES, "bench", _TABLES))
    monkeypatch.setenv("LAKE_CONFIG", str(config))
    count = fill(tmp_path / "ledger.db", _Files(4000, datetime(2024, 3, 15, tzinfo=UTC)).items())
    assert count > 4000
    with LedgerStore(tmp_path / "ledger.db") as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", store.url)
        other = Lake.open()
        assert [
            line for name in _ENTITIES for line in summaries.differences(other.ledger, other.config.entities[name])
        ] == []
        found = files.status(other)
        # Whole partitions: three days of 1,000 files, nine hours of 100, one market of 1,000.
        assert sum(status.counts.files for status in found) == 4900
        now = datetime(2024, 3, 15, tzinfo=UTC)
        [known] = tables.chains(other, _TABLES).values()
        ledger = tables.TableLedger(other, "orders")
        assert known.start + timedelta(days=35) == now and len(ledger.newest_snapshots(50)) == 35
        assert contiguous_end(ledger.windows(known.start), known.start) == now - timedelta(minutes=15)
        assert len(incidents.open_incidents(other)) == 5
