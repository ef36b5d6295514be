"""The ledger's DynamoDB table: what reading and writing its items have in common, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from lakelanes.aws.partial_answers import Left, require_all, send
from lakelanes.ledger.entries import timestamp
from lakelanes.ledger.items import Item, key, placeholders, projection, to_item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_GET_LIMIT = 100


class LedgerTable:
    """The table with the client that reaches it, and a clock. Thread-safe, as the client it is given is."""

    def __init__(self, dynamodb: Any, table: str, clock: Callable[[], datetime]) -> None:
        self._db = dynamodb
        self.table = table
        self._clock = clock

    @property
    def client(self) -> Any:
        """The DynamoDB client, for what is kept beside the files (``lakelanes.ledger.summaries``)."""
        return self._db

    def now(self) -> str:
        return timestamp(self._clock())

    def read_items(self, keys: Iterable[tuple[str, str]], *, fields: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """The table's items with these keys (source, version), 100 a request; strongly consistent, in no order. Those
        that do not exist are left out. ``fields``: to read these attributes alone; they cost as much of DynamoDB's
        capacity, but botocore takes apart only what is sent. Raises PartialAnswerError when DynamoDB does not get to
        some, however often."""
        wanted: dict[str, Any] = {"ConsistentRead": True}
        if names := placeholders(fields):
            wanted |= {"ExpressionAttributeNames": names, **projection(names)}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), _GET_LIMIT):
            found: list[dict[str, Any]] = []
            read = partial(self._get_batch, found, wanted)
            left = send([key(*one) for one in distinct[start : start + _GET_LIMIT]], read)
            require_all(left, f"items of {self.table} were not read")
            yield from found

    def _get_batch(
        self, found: list[dict[str, Any]], wanted: Mapping[str, Any], keys: Sequence[Item]
    ) -> Iterator[Left[Item]]:
        answer = self._db.batch_get_item(RequestItems={self.table: {**wanted, "Keys": list(keys)}})
        found += answer["Responses"].get(self.table, ())
        for one in answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", []):
            yield Left(one)

    def versions(self, source: str) -> list[tuple[tuple[str, str], dict[str, Any]]]:
        """Every item of a source with its key (source, version), in the order of versions; strongly consistent."""
        pages = self._db.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#s = :s",
            ExpressionAttributeNames={"#s": "source"},
            ExpressionAttributeValues={":s": {"S": source}},
        )
        return [((source, item["version"]["S"]), item) for page in pages for item in page["Items"]]

    def delete_if(self, source: str, version: str, condition: str = "", **values: Any) -> bool:
        """Deletes an item; with a condition on it (of ``values``, by their names) only where that holds. False where it
        does not; an item that is not there is deleted, whatever the condition."""
        extra: dict[str, Any] = {}
        if condition:
            extra = {
                "ConditionExpression": f"attribute_not_exists(#s) OR ({condition})",
                "ExpressionAttributeNames": {"#s": "source"},
                "ExpressionAttributeValues": to_item({f":{name}": value for name, value in values.items()}),
            }
        try:
            self._db.delete_item(TableName=self.table, Key=key(source, version), **extra)
        except self._db.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def put_if(
        self, item: Item, condition: str, names: dict[str, str], values: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Writes an item if the condition, on the item of the same key, holds. None when it is written, else that item;
        {} when there is none any more.

        A request whose answer was lost is sent again by the client, and then finds what it wrote itself.
        """
        extra = {"ExpressionAttributeValues": to_item(values)} if values else {}
        try:
            self._db.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **extra,
            )
        except self._db.exceptions.ConditionalCheckFailedException as error:
            found: dict[str, Any] = error.response.get("Item") or self._get(item["source"]["S"], item["version"]["S"])
            return None if found == item else found
        return None

    def _get(self, source: str, version: str) -> dict[str, Any]:
        """The item of a key, strongly consistent; {} when there is none."""
        request = {"TableName": self.table, "Key": key(source, version), "ConsistentRead": True}
        item: dict[str, Any] = self._db.get_item(**request).get("Item", {})
        return item
