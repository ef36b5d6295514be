"""A DynamoDB table with a stream, and what the stream's lane has made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lakelanes.catalog import athena
from lakelanes.lake import Lake
from tests.support.localaws import LocalAws
from tests.support.stream_records import ORDERS


def newest(lake: Lake) -> dict[str, Decimal | None]:
    """The newest total of each order by Athena, ranked by sequence number; deleted orders are not there."""
    rows = athena.query(
        lake,
        'SELECT order_id, total FROM (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY "_sequence" DESC) '
        "AS place FROM orders_changes WHERE lane = 'stream') WHERE place = 1 AND \"_op\" = 'put'",
    )
    return {str(row["order_id"]): row["total"] and Decimal(row["total"]) for row in rows}


@dataclass
class StreamedTable:
    """The orders table of a test's configuration, in DynamoDB."""

    aws: LocalAws
    name: str

    @property
    def settings(self) -> dict[str, Any]:
        """The table in the configuration."""
        return {**ORDERS, "dynamodb_table": self.name}

    def create(self, view: str | None = "NEW_AND_OLD_IMAGES") -> StreamedTable:
        """Creates it with a stream of this view type, None for no stream; items may expire by ``expires_at``."""
        stream = {"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False}
        self._dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification=stream,
        )
        self._dynamodb.update_time_to_live(
            TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
        return self

    @property
    def stream_arn(self) -> str:
        return str(self._dynamodb.describe_table(TableName=self.name)["Table"]["LatestStreamArn"])

    def put(self, key: int | str, total: int | str, **attributes: Any) -> None:
        item = {"order_id": {"N": str(key)}, "total": {"N": str(total)}, **attributes}
        self._dynamodb.put_item(TableName=self.name, Item=item)

    def update(self, key: int | str, total: int | str) -> None:
        self._dynamodb.update_item(
            TableName=self.name,
            Key={"order_id": {"N": str(key)}},
            UpdateExpression="SET #t = :t",
            ExpressionAttributeNames={"#t": "total"},
            ExpressionAttributeValues={":t": {"N": str(total)}},
        )

    def delete(self, key: int | str) -> None:
        self._dynamodb.delete_item(TableName=self.name, Key={"order_id": {"N": str(key)}})

    def items(self) -> dict[str, Decimal | None]:
        """What it holds: total by key."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        return {item["order_id"]["N"]: Decimal(item["total"]["N"]) for item in items}

    def records(self) -> list[dict[str, Any]]:
        """Everything in its stream, as Lambda hands it over."""
        streams, arn = self.aws.client("dynamodbstreams"), self.stream_arn
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found = streams.get_records(ShardIterator=iterator)["Records"]
        times = [record["dynamodb"]["ApproximateCreationDateTime"].timestamp() for record in found]
        return [
            {**each, "eventSourceARN": arn, "dynamodb": {**each["dynamodb"], "ApproximateCreationDateTime": int(time)}}
            for each, time in zip(found, times, strict=True)
        ]

    @property
    def _dynamodb(self) -> Any:
        return self.aws.client("dynamodb")


def processes_of(function: str, server: int) -> list[int]:
    """The processes that run instances of a function on the local AWS whose process is ``server``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == server and f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in variables:
                found.append(int(folder.name))
    return found


def as_payload(records: list[Mapping[str, Any]]) -> str:
    """Records as the payload of an invocation."""
    return json.dumps({"Records": records})
