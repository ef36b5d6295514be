"""Records of DynamoDB Streams, as Lambda hands them over.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-example.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.localaws import ACCOUNT, REGION

ORDERS: dict[str, Any] = {
    "dynamodb_table": "shop-orders",
    "table_name": "orders",
    "keys": ["order_id"],
    "schema": [
        {"name": "order_id", "type": "bigint"},
        {"name": "total", "type": "decimal(38,10)"},
        {"name": "city", "type": "string", "attribute": "address.city"},
        {"name": "tags", "type": "array<string>"},
    ],
}
NOON = 1_772_366_400  # 2026-03-01 12:00 UTC
FIRST = 10**21


def arn_of(table: str, label: str = "2026-03-01T08:00:00.000") -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}"


def record(
    number: int,
    key: str,
    image: Mapping[str, Any] | None = None,
    *,
    at: float = NOON,
    table: str = "shop-orders",
    **data: Any,
) -> dict[str, Any]:
    """The change with this number: a put of the order ``key`` with these attributes, or its delete without."""
    keys = {"order_id": {"N": key}}
    images = {"OldImage": keys} if image is None else {"NewImage": {**keys, **image}}
    return {
        "eventID": f"{number:032x}",
        "eventName": "REMOVE" if image is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "eventSourceARN": arn_of(table),
        "dynamodb": {
            "ApproximateCreationDateTime": at,
            "Keys": keys,
            "SequenceNumber": sequence(number),
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **images,
            **data,
        },
    }


def sequence(number: int) -> str:
    """The sequence number of the change with this number."""
    return str(FIRST + number * 137)


def total(number: str) -> dict[str, Any]:
    return {"total": {"N": number}}
