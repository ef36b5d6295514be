"""Batches of stream records into change rows: what is written where, what comes again, who is told."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.catalog import athena, partitions
from lakelanes.errors import AttributeValueError
from lakelanes.lake import Lake
from lakelanes.tables.changes import LineReader, change_batch
from lakelanes.tables.stream import StreamLane
from lakelanes.tables.stream_report import BatchReport
from tests.lakelanes.tables.support import tables_and_items
from tests.support.properties import examples
from tests.support.queues import Alerts
from tests.support.stream_records import NOON, ORDERS, arn_of, record, sequence, total
from tests.support.streams import newest

WINDOW = "20260301T1200Z"
LANE_COLUMNS = {"_written_at", "_sequence", "_source"}
NOT_A_KEY = "1.5"  # the column order_id is a bigint


def plenty() -> float:
    return 60.0


@pytest.fixture
def make_orders(make_lake: Callable[..., Lake]) -> Callable[..., Lake]:
    """Deploys a lake with the orders table: ``make_orders(**settings)``."""

    def make(clock: Callable[[], datetime] | None = None, **settings: Any) -> Lake:
        options = {"clock": clock} if clock else {}
        return make_lake(tables={"orders": {**ORDERS, **settings}}, **options)

    return make


@pytest.fixture
def lake(make_orders: Callable[..., Lake]) -> Lake:
    return make_orders()


def objects(lake: Lake) -> dict[str, bytes]:
    """What is below the table of changes, by the keys' ends."""
    bucket = lake.config.resources.analytics_bucket
    listed = lake.s3.list_objects_v2(Bucket=bucket, Prefix="orders_changes/").get("Contents", ())
    return {
        item["Key"].removeprefix("orders_changes/"): lake.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        for item in listed
    }


def windows(lake: Lake) -> list[list[str]]:
    found = lake.glue.get_partitions(DatabaseName=lake.config.resources.glue_database, TableName="orders_changes")
    return sorted(partition["Values"] for partition in found["Partitions"])


def counted(lake: Lake) -> Counter[str]:
    """Calls of the lake's clients from now on, by operation."""
    calls: Counter[str] = Counter()
    for client in (lake.s3, lake.glue, lake.ledger._db, lake.athena):
        client.meta.events.register("before-call.*", lambda model, **_: calls.update([model.name]))
    return calls


def fail(*_: Any, **__: Any) -> None:
    raise ConnectionError("lost")


class Bucket:
    """Takes the place of S3 and keeps what was put."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def put_object(self, Body: bytes, **_: Any) -> None:
        self.bodies.append(Body)


@pytest.mark.slow
@examples(60)
@given(pair=tables_and_items(), deleted=st.booleans())
def test_equal_images_become_equal_rows_of_an_export_and_of_the_stream(pair: Any, deleted: bool) -> None:
    table, items = pair
    object.__setattr__(table, "name", "generated")
    bucket = Bucket()
    resources = SimpleNamespace(analytics_bucket="bucket", glue_database="db")
    config = SimpleNamespace(tables={"generated": table}, resources=resources)
    clock, checked = (lambda: datetime.fromtimestamp(NOON, UTC)), (lambda: None)
    lake: Any = SimpleNamespace(config=config, s3=bucket, clock=clock, check_owner=checked)
    lane = StreamLane(lake)
    lane._registrar.register = lambda *_, **__: None  # type: ignore[method-assign]
    alerted: list[BatchReport] = []
    lane._send_alert = lambda report, _: alerted.append(report)  # type: ignore[method-assign]
    reader, exported, records = LineReader(table, None), [], []
    for number, item in enumerate(items):
        keys = {"id": item["id"]}
        images = {"Keys": keys} if deleted else {"Keys": keys, "NewImage": item}
        with suppress(AttributeValueError):
            line = {"Metadata": {"WriteTimestampMicros": {"N": "1"}}, **images}
            exported.append(reader.read(json.dumps(line).encode()))
        change = record(number, "0", **images) | {"eventName": "REMOVE" if deleted else "INSERT"}
        records.append({**change, "eventSourceARN": arn_of(table.dynamodb_table)})
    report = lane.process(records, plenty)
    streamed = [row for body in bucket.bodies for row in pq.read_table(io.BytesIO(body)).to_pylist()]
    assert [own(row) for row in streamed] == [own(row) for row in change_batch(table, exported).to_pylist()]
    assert report.rows == len(streamed) == len(records) - len(report.faults)
    assert bool(report.faults) == bool(alerted)


def own(row: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in row.items() if name not in LANE_COLUMNS}


def test_a_batch_becomes_an_object_per_window_and_is_visible(lake: Lake) -> None:
    lane = StreamLane(lake)
    exact = "1234567890123456789012345678.0123456789"
    report = lane.process(
        [
            record(1, "1", total(exact)),
            record(2, "2", total("2")),
            record(3, "2", at=NOON + 3599),
            record(4, "1", {**total("4.5"), "tags": {"SS": ["a", "b"]}}, at=NOON + 3600),
        ],
        plenty,
    )
    assert (report.state, report.rows, report.deletes, report.failed_from) == ("written", 4, 1, None)
    assert report.failures == 0
    label = "20260301T080000000"
    assert set(objects(lake)) == {
        f"lane=stream/window={WINDOW}/{label}-{sequence(1)}-{sequence(3)}-3.parquet",
        f"lane=stream/window=20260301T1300Z/{label}-{sequence(4)}-{sequence(4)}-1.parquet",
    }
    assert windows(lake) == [["stream", WINDOW], ["stream", "20260301T1300Z"]]
    rows = athena.query(
        lake,
        'SELECT order_id, total, "_op" AS op, "_sequence" AS seq, "_source" AS source, lane, window '
        'FROM orders_changes ORDER BY "_sequence"',
    )
    assert [(r["order_id"], r["total"], r["op"], r["window"]) for r in rows] == [
        ("1", exact, "put", WINDOW),
        ("2", "2.0000000000", "put", WINDOW),
        ("2", None, "delete", WINDOW),
        ("1", "4.5000000000", "put", "20260301T1300Z"),
    ]
    assert {(r["source"], r["lane"]) for r in rows} == {("stream", "stream")}
    assert [r["seq"] for r in rows] == [sequence(n).zfill(40) for n in (1, 2, 3, 4)]
    assert newest(lake) == {"1": Decimal("4.5")}


def test_a_batch_that_is_delivered_again_replaces_what_it_wrote(lake: Lake) -> None:
    batch = [record(n, str(n % 3), total(str(n))) for n in range(9)]
    StreamLane(lake).process(batch, plenty)
    before = objects(lake)
    again = StreamLane(lake).process(batch, plenty)
    assert again.rows == 9
    assert objects(lake) == before
    assert len(before) == 1


def test_however_often_and_however_cut_records_come_the_newest_are_the_same(lake: Lake) -> None:
    rng = random.Random(7)
    changes = [
        record(n, str(rng.randrange(8)), total(str(n)) if rng.random() < 0.7 else None, at=NOON + n * 100)
        for n in range(60)
    ]
    lane, start = StreamLane(lake), 0
    while start < len(changes):
        size = rng.randint(1, 9)
        lane.process(changes[max(0, start - rng.randrange(4)) : start + size], plenty)
        start += size
    for _ in range(5):
        first = rng.randrange(len(changes))
        lane.process(changes[first : first + rng.randint(1, 20)], plenty)
    expected: dict[str, int] = {}
    for n, change in enumerate(changes):
        key = change["dynamodb"]["Keys"]["order_id"]["N"]
        expected.pop(key, None)
        if "NewImage" in change["dynamodb"]:
            expected[key] = n
    assert newest(lake) == expected


def test_a_known_window_costs_one_request(lake: Lake) -> None:
    StreamLane(lake).process([record(1, "1", total("1"))], plenty)  # makes the table
    lane, calls = StreamLane(lake), counted(lake)
    lane.process([record(2, "1", total("2"), at=NOON + 3600)], plenty)
    assert calls["BatchCreatePartition"] == 1
    assert calls["CreateTable"] == calls["StartQueryExecution"] == 0
    calls.clear()
    lane.process([record(3, "1", total("3"), at=NOON + 3600)], plenty)
    assert calls == {"PutObject": 1}


def test_a_column_that_the_configuration_gained_reaches_the_table(make_orders: Callable[..., Lake]) -> None:
    lake = make_orders()
    StreamLane(lake).process([record(1, "1", total("1"))], plenty)
    schema = [*ORDERS["schema"], {"name": "note", "type": "string"}]
    raw = lake.config.model_dump(by_alias=True, mode="json")
    wider = Lake.open(
        type(lake.config).model_validate_json(json.dumps(raw | {"tables": {"orders": {**ORDERS, "schema": schema}}}))
    )
    StreamLane(wider).process([record(2, "2", {"note": {"S": "n"}})], plenty)
    rows = athena.query(wider, "SELECT order_id, note FROM orders_changes ORDER BY order_id")
    assert [(row["order_id"], row["note"]) for row in rows] == [("1", None), ("2", "n")]


class TestRecordsThatCannotBeRead:
    def test_keep_no_other_out_and_come_again_with_what_follows(self, lake: Lake) -> None:
        lane = StreamLane(lake)
        batch = [record(n, NOT_A_KEY if n in (2, 4) else str(n), total(str(n))) for n in range(6)]
        report = lane.process(batch, plenty)
        assert [fault.sequence for fault in report.faults] == [sequence(2), sequence(4)]
        assert "the key column 'order_id' cannot hold {'N': '1.5'}" in report.faults[0].reason
        assert report.faults[0].keys == '{"order_id": {"N": "1.5"}}'
        assert (report.state, report.failed_from, report.again) == ("written", sequence(2), 4)
        assert (report.rows, report.failures) == (4, 2)
        assert sorted(newest(lake)) == ["0", "1", "3", "5"]
        assert lane.process(batch[2:], plenty).failed_from == sequence(2)
        assert lane.process(batch[2:3], plenty).failed_from == sequence(2)
        assert lane.process(batch[3:4], plenty).failed_from is None

    def test_are_told_of_once_each(self, lake: Lake) -> None:
        alerts, lane = Alerts(lake), StreamLane(lake)
        batch = [record(1, NOT_A_KEY, total("1")), record(2, "2", total("2"))]
        for _ in range(3):
            lane.process(batch, plenty)
        [alert] = alerts.wait()
        assert (alert["dag_id"], alert["entity"]) == ("stream_processor", "orders")
        [told] = alert["files"]
        assert sequence(1) in told["file"] and "1.5" in told["file"]
        assert "export_orders" in alert["what_to_do"]
        StreamLane(lake).process([*batch, record(3, NOT_A_KEY, total("1"))], plenty)
        assert len(alerts.wait(2)) == 2, "another record is another alert"

    def test_come_again_when_the_alert_cannot_be_published(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        alerts, lane = Alerts(lake), StreamLane(lake)
        batch = [record(1, NOT_A_KEY), record(2, "2", total("2"))]
        with monkeypatch.context() as broken:
            broken.setattr("lakelanes.alerts.messages.publish", fail)
            report = lane.process(batch, plenty)
        assert (report.rows, report.failed_from) == (1, sequence(1))
        lane.process(batch, plenty)
        assert len(alerts.wait()) == 1

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ({"NewImage": {"order_id": {"N": "1"}, "total": {"X": "1"}}}, "expected an attribute value"),
            ({"NewImage": {"total": {"N": "1"}}}, "the key column 'order_id' is missing"),
            ({"Keys": {"id": {"S": "a"}}}, "the keys are id, the configuration has order_id"),
            ({"ApproximateCreationDateTime": "now"}, "ApproximateCreationDateTime"),
            ({"ApproximateCreationDateTime": 1e300}, ""),
            ({"SequenceNumber": None}, "SequenceNumber"),
        ],
    )
    def test_are_of_many_kinds(self, lake: Lake, data: dict[str, Any], reason: str) -> None:
        report = StreamLane(lake).process([record(1, "1", total("1"), **data), record(2, "2", total("2"))], plenty)
        [fault] = report.faults
        assert reason in fault.reason
        assert report.rows == 1
        assert report.failed_from == (sequence(1) if "SequenceNumber" not in data else "")


class TestWhatCouldNotBeWritten:
    def test_comes_again_from_its_first_record_on(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        lane = StreamLane(lake)
        batch = [record(n, str(n), total(str(n)), at=NOON + 3600 * (n // 3)) for n in range(6)]
        put = lake.s3.put_object
        with monkeypatch.context() as broken:
            broken.setattr(lake.s3, "put_object", lambda **o: fail() if "T1300Z" in o["Key"] else put(**o))
            report = lane.process(batch, plenty)
        assert (report.state, report.failed_from, report.rows) == ("failed", sequence(3), 3)
        assert report.reason == "ConnectionError: lost"
        assert sorted(newest(lake)) == ["0", "1", "2"]
        assert lane.process(batch[3:], plenty).failed_from is None
        assert sorted(newest(lake)) == ["0", "1", "2", "3", "4", "5"]

    def test_comes_again_as_a_whole_when_nobody_can_see_it(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        batch = [record(1, "1", total("1")), record(2, "2", total("2"))]
        with monkeypatch.context() as broken:
            broken.setattr(partitions, "create", fail)
            report = StreamLane(lake).process(batch, plenty)
        assert (report.state, report.failed_from, report.rows) == ("failed", sequence(1), 0)
        assert "its partition is not registered" in str(report.reason)
        assert StreamLane(lake).process(batch, plenty).rows == 2
        assert len(objects(lake)) == 1

    def test_is_not_begun_without_the_time_for_it(self, lake: Lake) -> None:
        report = StreamLane(lake).process([record(1, "1", total("1"))], lambda: 9.0)
        assert (report.state, report.failed_from) == ("failed", sequence(1))
        assert objects(lake) == {}

    def test_is_begun_with_just_the_time_for_it(self, lake: Lake) -> None:
        report = StreamLane(lake).process([record(1, "1", total("1"))], lambda: 10.0)
        assert (report.state, report.rows) == ("written", 1)

    def test_comes_again_with_what_cannot_be_read_behind_it(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        batch = [record(1, "1", total("1")), record(2, NOT_A_KEY)]
        monkeypatch.setattr(lake.s3, "put_object", fail)
        report = StreamLane(lake).process(batch, plenty)
        assert (report.failed_from, report.again, report.rows) == (sequence(1), 2, 0)

    def test_waits_for_a_partition_that_another_process_died_with(self, make_orders: Callable[..., Lake]) -> None:
        times = iter(range(10_000))
        # Each look at the clock is a second later.
        lake = make_orders(clock=lambda: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=next(times)))
        StreamLane(lake).process([record(1, "1", total("1"))], plenty)
        later = record(2, "2", total("2"), at=NOON + 3600)
        dying = StreamLane(lake)

        class Killed(BaseException):
            pass

        def kill(*_: Any) -> None:
            raise Killed

        dying._registrar._strategy._create = kill  # type: ignore[method-assign]
        give_up = lake.ledger.give_up_turn
        lake.ledger.give_up_turn = lambda name: None  # type: ignore[method-assign]
        with pytest.raises(Killed):
            dying.process([later], plenty)
        lake.ledger.give_up_turn = give_up  # type: ignore[method-assign]
        assert windows(lake) == [["stream", WINDOW]]
        short = StreamLane(lake).process([later], lambda: 10.0 if not objects_of(lake, "1300Z") else 5.0)
        assert short.failed_from == sequence(2), "nobody answers for the partition yet"
        assert StreamLane(lake).process([later], plenty).rows == 1
        assert windows(lake) == [["stream", WINDOW], ["stream", "20260301T1300Z"]]


def objects_of(lake: Lake, window: str) -> list[str]:
    return [name for name in objects(lake) if window in name]


class TestStreams:
    @pytest.mark.parametrize("view", ["KEYS_ONLY", "OLD_IMAGE"])
    def test_without_new_images_are_refused_with_one_alert(self, lake: Lake, view: str) -> None:
        alerts, lane = Alerts(lake), StreamLane(lake)
        batch = [record(n, str(n), StreamViewType=view) for n in range(2)]
        for first in (0, 0, 1):
            report = lane.process(batch[first:], plenty)
            assert (report.state, report.failed_from, report.rows) == ("refused", sequence(first), 0)
            assert f"has StreamViewType {view}" in str(report.reason)
            assert "expected NEW_AND_OLD_IMAGES" in str(report.reason)
        [alert] = alerts.wait()
        assert alert["reason"] == report.reason
        assert objects(lake) == {}

    def test_of_other_tables_are_refused(self, lake: Lake) -> None:
        batch = [{**record(1, "1", total("1")), "eventSourceARN": arn_of("another-table")}]
        report = StreamLane(lake).process(batch, plenty)
        assert (report.state, report.failed_from) == ("refused", sequence(1))
        assert "no dynamodb_table of the configuration" in str(report.reason)
        report = StreamLane(lake).process([{**batch[0], "eventSourceARN": "arn:aws:kinesis:x"}], plenty)
        assert "expected the ARN of a DynamoDB stream" in str(report.reason)

    def test_of_tables_without_this_lane_are_left_alone(self, make_orders: Callable[..., Lake]) -> None:
        lake = make_orders(lanes=["export"])
        report = StreamLane(lake).process([record(1, "1", total("1"))], plenty)
        assert (report.state, report.failed_from, report.failures) == ("ignored", None, 0)
        assert objects(lake) == {}

    def test_begun_anew_have_objects_of_their_own(self, lake: Lake) -> None:
        lane, change = StreamLane(lake), record(1, "1", total("1"))
        lane.process([change], plenty)
        lane.process([{**change, "eventSourceARN": arn_of("shop-orders", "2026-03-01T12:30:00.000")}], plenty)
        assert len(objects(lake)) == 2

    def test_with_new_images_alone_are_enough(self, lake: Lake) -> None:
        report = StreamLane(lake).process([record(1, "1", total("1"), StreamViewType="NEW_IMAGE")], plenty)
        assert report.rows == 1


def test_a_ttl_delete_is_a_delete(lake: Lake) -> None:
    expired = {**record(2, "1"), "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    StreamLane(lake).process([record(1, "1", total("1")), expired], plenty)
    assert newest(lake) == {}


def test_an_empty_batch_is_done(lake: Lake) -> None:
    assert StreamLane(lake).process([], plenty) == BatchReport()
