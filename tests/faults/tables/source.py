"""The DynamoDB table: its items, its clock, and every version of every item, as its stream tells them."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.request
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from scripts.load_dynamodb import BATCH_ITEMS, apply_change, put_items
from scripts.sample_orders import KEY, Changes, Orders
from tests.faults.tables.rows import Image
from tests.faults.tables.workers import Clock
from tests.localaws.controls import control
from tests.support.localaws import REGION, LocalAws

_PAGE = 1000


@dataclass(frozen=True)
class Version:
    """An item after a write: ``packed`` is its image, None when it is gone. ``second``: when, since 1970, rounded
    down. ``number``: the attribute ``version`` of the item."""

    second: int
    number: str | None
    packed: bytes | None

    @property
    def image(self) -> Image:
        """The item in DynamoDB JSON, its bytes in base64."""
        assert self.packed is not None
        return dict(json.loads(zlib.decompress(self.packed)))


@dataclass(frozen=True)
class Record:
    """A record of the stream as Lambda hands it over."""

    sequence: str
    second: int
    text: str


@dataclass
class Source:
    """The table ``name`` with the orders of a seed."""

    aws: LocalAws
    db: Any
    name: str
    orders: Orders
    count: int
    clock: Clock = field(default_factory=Clock)
    written: int = 0

    def load(self) -> None:
        """Puts the first ``count`` orders."""
        items = self.orders.items(0, self.count)
        while batch := list(itertools.islice(items, BATCH_ITEMS)):
            put_items(self.db, self.name, batch)

    def changes(self, counts: dict[str, int]) -> Iterator[None]:
        """Applies changes, one for each step."""
        for change in Changes(self.orders, self.count, self.clock).series(**counts):
            apply_change(self.db, self.name, change)
            self.written += len(change.writes)
            yield

    def advance(self, time: timedelta) -> None:
        answer = control(self.aws, "clock", advance=time.total_seconds())
        self.clock.ahead = answer["offset"]

    def reach(self, moment: datetime) -> None:
        """Lets time pass until it is ``moment``."""
        self.advance(max(timedelta(), moment - self.clock()))

    def expire(self) -> int:
        """Has DynamoDB delete what has expired."""
        return int(control(self.aws, "dynamodb/ttl-sweep")["deleted"])

    def scan(self) -> dict[str, Image]:
        """What the table holds, by a strongly consistent scan."""
        found: dict[str, Image] = {}
        start: dict[str, Any] = {}
        while True:
            page = self.call("DynamoDB_20120810.Scan", TableName=self.name, ConsistentRead=True, **start)
            found |= {item[KEY]["S"]: item for item in page["Items"]}
            if not page.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def call(self, target: str, **request: Any) -> Any:
        """As the service answers, before boto3 makes bytes of base64: Lambda gets the same."""
        credential = f"test/20260101/{REGION}/dynamodb/aws4_request"
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=none",
        }
        sent = urllib.request.Request(self.aws.endpoint_url, json.dumps(request).encode(), headers)
        with urllib.request.urlopen(sent, timeout=60) as reply:
            return json.load(reply)


class Stream:
    """The table's stream, read from its beginning: the records that are to be delivered, and all that ever was."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self.arn = source.db.describe_table(TableName=source.name)["Table"]["LatestStreamArn"]
        [shard] = self._call("DescribeStream", StreamArn=self.arn)["StreamDescription"]["Shards"]
        self._iterator = self._call(
            "GetShardIterator", StreamArn=self.arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        self.records: list[Record] = []
        self.versions: dict[str, list[Version]] = defaultdict(list)
        self._forgotten = 0

    def read(self) -> int:
        """Reads on, to the end; returns how many records there are in all. Thread-safe."""
        with self._lock:
            while True:
                page = self._call("GetRecords", ShardIterator=self._iterator, Limit=_PAGE)
                self._iterator = page["NextShardIterator"]
                if not page["Records"]:
                    return len(self.records)
                for record in page["Records"]:
                    self._note(record)

    def known(self) -> dict[str, list[Version]]:
        """Every version of every item until now, by key and in order."""
        self.read()
        with self._lock:
            return {key: list(versions) for key, versions in self.versions.items()}

    def forget(self, count: int) -> None:
        """Keeps no text of the first ``count`` records: nobody delivers them again."""
        for place in range(self._forgotten, count):
            record = self.records[place]
            self.records[place] = Record(record.sequence, record.second, "")
        self._forgotten = max(self._forgotten, count)

    def _note(self, record: dict[str, Any]) -> None:
        data = record["dynamodb"]
        second, image = int(data["ApproximateCreationDateTime"]), data.get("NewImage")
        text = json.dumps({**record, "eventSourceARN": self.arn})
        self.records.append(Record(data["SequenceNumber"], second, text))
        packed = zlib.compress(json.dumps(image).encode(), 1) if image else None
        number = image["version"]["N"] if image else None
        self.versions[data["Keys"][KEY]["S"]].append(Version(second, number, packed))

    def _call(self, operation: str, **request: Any) -> Any:
        return self._source.call(f"DynamoDBStreams_20120810.{operation}", **request)
