"""A number has one form, whatever it was sent as: in keys, in values at any depth, in sets, in sums."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.localaws import LocalAws

# One number in many texts.
HUNDRED = ["100", "1E+2", "1e2", "+100", "0100", "100.0", "1.00E2", "1000e-1", ".1e3"]


class Numbers:
    """A table whose partition and sort key are numbers, and an index by another number."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self.name = name
        self.client = aws.client("dynamodb")
        self.client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "line", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "N"} for key in ("id", "line", "ref_no")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_ref_no",
                    "KeySchema": [{"AttributeName": "ref_no", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    @staticmethod
    def key(text: str) -> dict[str, Any]:
        return {"id": {"N": text}, "line": {"N": text}}

    def put(self, text: str, **attributes: Any) -> None:
        self.client.put_item(TableName=self.name, Item={**self.key(text), **attributes})

    def items(self) -> list[dict[str, Any]]:
        return list(self.client.scan(TableName=self.name)["Items"])

    def kept(self, value: dict[str, Any]) -> dict[str, Any]:
        """A value as it comes back."""
        self.put("1", v=value)
        return dict(self.client.get_item(TableName=self.name, Key=self.key("1"))["Item"]["v"])


@pytest.fixture
def numbers(local_aws: LocalAws, unique: Callable[[str], str]) -> Numbers:
    return Numbers(local_aws, unique("numbers-"))


@pytest.mark.parametrize("text", HUNDRED)
def test_one_number_is_one_key_in_every_operation(numbers: Numbers, text: str) -> None:
    client, table = numbers.client, numbers.name
    numbers.put("100", v={"S": "put"}, ref_no={"N": "1e2"})
    for other in HUNDRED:
        numbers.put(other, v={"S": "put"}, ref_no={"N": "1e2"})
    assert numbers.items() == [{**numbers.key("100"), "v": {"S": "put"}, "ref_no": {"N": "100"}}]
    assert client.get_item(TableName=table, Key=numbers.key(text))["Item"]["v"] == {"S": "put"}
    keys = {table: {"Keys": [numbers.key(text)]}}
    assert len(client.batch_get_item(RequestItems=keys)["Responses"][table]) == 1
    got = client.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": numbers.key(text)}}])
    assert got["Responses"][0]["Item"]["v"] == {"S": "put"}
    for condition in ("id = :n", "id = :n AND line = :n", "id = :n AND line BETWEEN :n AND :n"):
        found = client.query(
            TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues={":n": {"N": text}}
        )
        assert found["Count"] == 1, condition
    legacy = {"id": {"AttributeValueList": [{"N": text}], "ComparisonOperator": "EQ"}}
    assert client.query(TableName=table, KeyConditions=legacy)["Count"] == 1
    by_ref_no = client.query(
        TableName=table,
        IndexName="by_ref_no",
        KeyConditionExpression="ref_no = :n",
        ExpressionAttributeValues={":n": {"N": text}},
    )
    assert by_ref_no["Count"] == 1
    after = client.query(
        TableName=table,
        KeyConditionExpression="id = :n",
        ExpressionAttributeValues={":n": {"N": text}},
        ExclusiveStartKey=numbers.key(text),
    )
    assert after["Count"] == 0


@pytest.mark.parametrize("text", HUNDRED)
def test_one_number_is_one_item_that_every_write_changes(numbers: Numbers, text: str) -> None:
    client, table = numbers.client, numbers.name
    numbers.put("100")
    client.update_item(
        TableName=table,
        Key=numbers.key(text),
        UpdateExpression="SET v = :v",
        ConditionExpression="attribute_exists(id) AND line = :n",
        ExpressionAttributeValues={":v": {"N": text}, ":n": {"N": text}},
    )
    assert numbers.items() == [{**numbers.key("100"), "v": {"N": "100"}}]
    client.transact_write_items(
        TransactItems=[
            {
                "Update": {
                    "TableName": table,
                    "Key": numbers.key(text),
                    "UpdateExpression": "SET v = :v",
                    "ExpressionAttributeValues": {":v": {"L": [{"N": text}]}},
                }
            }
        ]
    )
    assert numbers.items() == [{**numbers.key("100"), "v": {"L": [{"N": "100"}]}}]
    client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": {**numbers.key(text), "w": {"S": "x"}}}}]})
    assert numbers.items() == [{**numbers.key("100"), "w": {"S": "x"}}]
    client.delete_item(TableName=table, Key=numbers.key(text))
    assert numbers.items() == []
    numbers.put("100")
    client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": numbers.key(text)}}]})
    assert numbers.items() == []
    numbers.put("100")
    client.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": numbers.key(text)}}])
    assert numbers.items() == []


@pytest.mark.parametrize("text", HUNDRED)
def test_partiql_knows_one_number(numbers: Numbers, text: str) -> None:
    client, table = numbers.client, numbers.name
    client.execute_statement(
        Statement=f"INSERT INTO \"{table}\" VALUE {{'id': ?, 'line': ?, 'v': ?}}",
        Parameters=[{"N": text}, {"N": text}, {"N": text}],
    )
    assert numbers.items() == [{**numbers.key("100"), "v": {"N": "100"}}]
    found = client.execute_statement(
        Statement=f'SELECT * FROM "{table}" WHERE id = ? AND line = ?', Parameters=[{"N": text}, {"N": text}]
    )
    assert len(found["Items"]) == 1
    client.execute_statement(
        Statement=f'DELETE FROM "{table}" WHERE id = ? AND line = ?', Parameters=[{"N": text}, {"N": text}]
    )
    assert numbers.items() == []
    number = text.lstrip("+")
    values = f"{{'id': {number}, 'line': {number}, 'v': [{number}]}}"
    client.execute_statement(Statement=f'INSERT INTO "{table}" VALUE {values}')
    assert numbers.items() == [{**numbers.key("100"), "v": {"L": [{"N": "100"}]}}]
    client.execute_statement(Statement=f'UPDATE "{table}" SET v = {number} WHERE id = {number} AND line = {number}')
    assert numbers.items() == [{**numbers.key("100"), "v": {"N": "100"}}]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("00042", "42"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1.5E2", "150"),
        ("1.0", "1"),
        ("-1.50", "-1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1E-5", "0.00001"),
        ("1E-130", "0." + "0" * 129 + "1"),
        ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
        ("1.00000000000000007629769841092E+50", "100000000000000007629769841092" + "0" * 21),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("3.1415926535897932384626433832795028841000", "3.1415926535897932384626433832795028841"),
    ],
)
def test_a_number_comes_back_in_its_one_form(numbers: Numbers, sent: str, kept: str) -> None:
    assert numbers.kept({"N": sent}) == {"N": kept}
    assert numbers.kept({"NS": [sent, "7"]})["NS"] in ([kept, "7"], ["7", kept])
    nested = {"M": {"N": {"L": [{"N": sent}, {"M": {"S": {"N": sent}}}]}, "NS": {"S": sent}}}
    assert numbers.kept(nested) == {"M": {"N": {"L": [{"N": kept}, {"M": {"S": {"N": kept}}}]}, "NS": {"S": sent}}}
    assert Decimal(kept) == Decimal(sent)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"N": "1E126"}, "Number overflow"),
        ({"N": "-1E126"}, "Number overflow"),
        ({"N": "1E-131"}, "Number underflow"),
        ({"N": "123456789012345678901234567890123456789"}, "more than 38 significant digits"),
        ({"N": "3.14159265358979323846264338327950288419"}, "more than 38 significant digits"),
        ({"N": "dog"}, "cannot be converted to a numeric value"),
        ({"N": "NaN"}, "cannot be converted to a numeric value"),
        ({"N": " 1"}, "cannot be converted to a numeric value"),
        ({"NS": ["1", "1.0"]}, "duplicates"),
        ({"NS": ["1e2", "5", "100"]}, "duplicates"),
        ({"M": {"a": {"L": [{"NS": ["10", "1E1"]}]}}}, "duplicates"),
        ({"NS": []}, "may not be empty"),
    ],
)
def test_what_is_no_number_is_refused(numbers: Numbers, value: dict[str, Any], message: str) -> None:
    for write in (
        lambda: numbers.put("1", v=value),
        lambda: numbers.client.update_item(
            TableName=numbers.name,
            Key=numbers.key("1"),
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": value},
        ),
    ):
        with pytest.raises(ClientError, match=message) as caught:
            write()
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert numbers.items() == []


def test_sums_lose_no_digit(numbers: Numbers) -> None:
    large = "12345678901234567890123456789012345678"

    def update(expression: str, **values: str) -> str:
        numbers.client.update_item(
            TableName=numbers.name,
            Key=numbers.key("1"),
            UpdateExpression=expression,
            ExpressionAttributeValues={f":{name}": {"N": value} for name, value in values.items()},
        )
        return str(numbers.items()[0]["v"]["N"])

    assert update("SET v = :a + :b", a=large, b="1") == "12345678901234567890123456789012345679"
    assert update("ADD v :a", a="-1.0") == large
    assert update("SET v = v - :a", a="1E+1") == "12345678901234567890123456789012345668"
    # AWS says so of a sum of more than 38 digits as well (scylladb, test/alternator/test_number.py).
    for expression, values in (("SET v = :a + :b", {"a": "1e50", "b": "1"}), ("SET v = :a + :a", {"a": "9e125"})):
        with pytest.raises(ClientError, match="Number overflow"):
            update(expression, **values)
    with pytest.raises(ClientError):
        update("ADD v :a", a="0.001")
    assert update("ADD v :a", a="0") == "12345678901234567890123456789012345668"


def test_sets_are_compared_by_their_numbers(numbers: Numbers) -> None:
    numbers.put("1", v={"NS": ["1", "2"]})
    for expression, members, left in (
        ("ADD v :v", ["1.0", "3E0"], {"1", "2", "3"}),
        ("DELETE v :v", ["1e0", "2.00"], {"3"}),
    ):
        numbers.client.update_item(
            TableName=numbers.name,
            Key=numbers.key("1.0"),
            UpdateExpression=expression,
            ExpressionAttributeValues={":v": {"NS": members}},
        )
        (item,) = numbers.items()
        assert set(item["v"]["NS"]) == left


def test_attributes_that_are_called_like_types_stay(numbers: Numbers) -> None:
    named = {"N": {"S": "1E+2"}, "NS": {"SS": ["1.0", "1"]}, "M": {"N": "1.0"}, "L": {"S": "0.50"}}
    numbers.put("7", **named)
    assert numbers.items() == [{**numbers.key("7"), **named, "M": {"N": "1"}}]


def test_the_stream_has_the_one_form(numbers: Numbers, local_aws: LocalAws) -> None:
    numbers.put("1E+2", v={"N": "1.50"})
    numbers.client.delete_item(TableName=numbers.name, Key=numbers.key("100.0"))
    streams = local_aws.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=numbers.name)["Streams"]
    (shard,) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [record["eventName"] for record in records] == ["INSERT", "REMOVE"]
    assert [record["dynamodb"]["Keys"] for record in records] == [numbers.key("100")] * 2
    assert records[0]["dynamodb"]["NewImage"]["v"] == {"N": "1.5"}
