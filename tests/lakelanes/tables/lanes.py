"""A DynamoDB table as a model, and what its exports and its stream would say: written into a lake as change rows."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.catalog import athena
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.model import Table
from lakelanes.lake import Lake
from lakelanes.tables.catalog import changes_table, window_partition
from lakelanes.tables.changes import Change, LineReader, StreamReader, change_batch
from lakelanes.tables.current import coverage
from lakelanes.tables.ledger import Export, Snapshot, TableLedger, second_text
from lakelanes.tables.snapshot import snapshot_folder, window_folder
from lakelanes.tables.windows import Window, minute_text, parse_minute

ORDERS: dict[str, Any] = {
    "dynamodb_table": "model-orders",
    "table_name": "orders",
    "keys": ["order_id", "line"],
    "schema": [
        {"name": "order_id", "type": "string"},
        {"name": "line", "type": "decimal(10,2)"},
        {"name": "total", "type": "decimal(38,10)"},
        {"name": "city", "type": "string", "attribute": "address.city"},
        {"name": "tags", "type": "array<string>"},
    ],
}
T0 = datetime(2026, 3, 1, 10, 17, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[str, str]
Image = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Event:
    """A write at ``at``; ``image`` is None for a delete, a TTL's too."""

    at: datetime
    key: Key
    image: Image | None
    sequence: int

    @property
    def micros(self) -> int:
        return (self.at - _EPOCH) // timedelta(microseconds=1)


@dataclass
class Model:
    """A table's items, every write to it, and how much of its stream was delivered."""

    seed: int
    now: datetime = T0 - timedelta(minutes=5)
    events: list[Event] = field(default_factory=list)
    delivered: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def write(self, count: int, seconds: float) -> None:
        """Random puts, updates, re-puts and deletes over ``seconds``."""
        moments = sorted(self.random.uniform(0, seconds) for _ in range(count))
        start = self.now
        for moment in moments:
            key = (f"o{self.random.randrange(12)}", self.random.choice(["1", "1.5", "2"]))
            image = None if self.random.random() < 0.3 else self._image(key)
            if image is None and self.state(None).get(key) is None:
                continue
            at = start + timedelta(microseconds=int(moment * 1_000_000))
            self.events.append(Event(at, key, image, 10**20 + len(self.events)))
        self.now = start + timedelta(seconds=seconds)

    def _image(self, key: Key) -> Image:
        digits = self.random.randrange(10**38)
        image: Image = {"order_id": {"S": key[0]}, "line": {"N": key[1]}, "total": {"N": f"{digits}E-10"}}
        if self.random.random() < 0.5:
            image["address"] = {"M": {"city": {"S": self.random.choice(["Bern", "Genève", "o'Hara"])}}}
        if self.random.random() < 0.3:
            image["tags"] = {"SS": ["a", "b"]}
        if self.random.random() < 0.3:
            image["extra"] = {"N": "1.10"}
        return image

    def state(self, before: datetime | None, events: Sequence[Event] | None = None) -> dict[Key, Image]:
        """The items as they were at that moment, after these events (default: all)."""
        items: dict[Key, Image] = {}
        for event in self.events if events is None else events:
            if before is None or event.at < before:
                items.pop(event.key, None)
                if event.image is not None:
                    items[event.key] = event.image
        return items

    def seen(self, through: datetime) -> dict[Key, Image]:
        """What a view shows whose exports end at ``through``, with what was delivered of the stream."""
        known = {event for event in self.events if event.at < through}
        known |= set(self.events[: self.delivered])
        return self.state(None, [event for event in self.events if event in known])

    def lines(self, window: Window) -> list[bytes]:
        """The lines of the incremental export of the window: one for each key whose item changed, in no order."""
        before, after = self.state(window.start), self.state(window.end)
        last = {event.key: event for event in self.events if window.start <= event.at < window.end}
        lines = []
        for key, event in last.items():
            if key not in before and key not in after:
                continue
            line: dict[str, Any] = {
                "Metadata": {"WriteTimestampMicros": {"N": str(event.micros)}},
                "Keys": {"order_id": {"S": key[0]}, "line": {"N": key[1]}},
            }
            if key in before:
                line["OldImage"] = before[key]
            if key in after:
                line["NewImage"] = after[key]
            lines.append(json.dumps(line).encode())
        self.random.shuffle(lines)
        return lines

    def record(self, event: Event) -> dict[str, Any]:
        """The stream's record of the event."""
        data: dict[str, Any] = {
            "ApproximateCreationDateTime": event.micros // 1_000_000,
            "Keys": {"order_id": {"S": event.key[0]}, "line": {"N": event.key[1]}},
            "SequenceNumber": str(event.sequence),
        }
        if event.image is not None:
            data["NewImage"] = event.image
        return {"eventName": "REMOVE" if event.image is None else "MODIFY", "dynamodb": data}


@dataclass
class Lanes:
    """Writes what happens to a model into a lake, as the two lanes do."""

    lake: Lake
    table: Table
    model: Model
    batches: int = 0

    @property
    def ledger(self) -> TableLedger:
        return TableLedger(self.lake, self.table.name)

    def export_full(self, at: datetime) -> None:
        reader = LineReader(self.table, (at - _EPOCH) // timedelta(microseconds=1))
        changes = [reader.read(json.dumps({"Item": image}).encode()) for image in self.model.state(at).values()]
        as_of = second_text(at)
        self.write(f"{snapshot_folder(self.table, as_of)}full-0.parquet", changes)
        self.ledger.write(
            Snapshot(table=self.table.name, as_of=as_of, made_by="full", table_id="id", rows=len(changes), files=1)
        )

    def export_window(self, window: Window, *, twice: bool = False) -> None:
        reader = LineReader(self.table, None)
        changes = [reader.read(line) for line in self.model.lines(window)]
        folder = window_folder(self.table, minute_text(window.start))
        middle = len(changes) // 2
        self.write(f"{folder}e-0.parquet", changes[:middle])
        self.write(f"{folder}e-1.parquet", changes[middle:])
        if twice:
            self.write(f"{folder}again-0.parquet", changes)
        self.ledger.write(
            Export(
                table=self.table.name,
                kind="window",
                start=minute_text(window.start),
                end=minute_text(window.end),
                table_arn="arn",
                table_id="id",
                state="converted",
            )
        )

    def deliver(self, count: int, *, repeat: int = 0) -> None:
        """The next records of the stream, and ``repeat`` of those before them once more."""
        start = self.model.delivered
        self.model.delivered = min(len(self.model.events), start + count)
        events = self.model.events[max(0, start - repeat) : self.model.delivered]
        reader = StreamReader(self.table)
        hours: dict[str, list[Change]] = {}
        for event in events:
            hour = minute_text(event.at.replace(minute=0))
            hours.setdefault(hour, []).append(reader.read(self.model.record(event)))
        for hour, changes in hours.items():
            self.batches += 1
            folder = f"{self.table.changes_table}/{window_partition('stream', hour).path}/"
            self.write(f"{folder}{self.batches}.parquet", changes)
        partitions = [window_partition("stream", hour) for hour in hours]
        Registrar(self.lake, "look").register(changes_table(self.table), partitions)

    def write(self, key: str, changes: Sequence[Change]) -> None:
        buffer = io.BytesIO()
        batch = change_batch(self.table, changes)
        pq.write_table(pa.Table.from_batches([batch]), buffer)
        self.lake.s3.put_object(Bucket=self.lake.config.resources.analytics_bucket, Key=key, Body=buffer.getvalue())

    def shown(self) -> list[tuple[str | None, ...]]:
        """The rows of the view by Athena."""
        rows = athena.query(
            self.lake,
            "SELECT order_id, line, total, city, array_join(tags, ',') AS tags, \"_attributes\" AS other "
            "FROM orders_current",
        )
        return sorted(tuple(row.values()) for row in rows)

    def expected(self, items: dict[Key, Image]) -> list[tuple[str | None, ...]]:
        """The same rows by the model."""
        rows = []
        for key, image in items.items():
            digits = f"{int(image['total']['N'][:-4]):011}"
            city = image.get("address", {}).get("M", {}).get("city", {}).get("S")
            tags = "a,b" if "tags" in image else None
            other = json.dumps({"extra": image["extra"]}, separators=(",", ":")) if "extra" in image else None
            line = f"{float(key[1]):.2f}"
            rows.append((key[0], line, f"{digits[:-10]}.{digits[-10:]}", city, tags, other))
        return sorted(rows, key=str)


def window(start: str, end: str) -> Window:
    return Window(parse_minute(start), parse_minute(end))


def check_view(lanes: Lanes, step: str) -> None:
    """Asserts that the view shows the model's items."""
    state = coverage(lanes.lake, lanes.table)
    assert state is not None
    expected = lanes.expected(lanes.model.seen(state.through))
    assert sorted(lanes.shown(), key=str) == expected, f"seed {lanes.model.seed}, {step}"
