"""The entry of a DynamoDB table is drafted from some of its items."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.draft.samples import DraftError
from lakelanes.draft.table import ITEMS, draft_table
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws


class Items:
    """A client of a table with these items, in pages."""

    class meta:
        region_name = "eu-central-1"

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items, self.read = items, 0

    def describe_table(self, TableName: str) -> Any:
        return {"Table": {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}}

    def scan(self, TableName: str, Limit: int, ExclusiveStartKey: int = 0) -> Any:
        page = self._items[ExclusiveStartKey : ExclusiveStartKey + Limit]
        self.read += len(page)
        end = ExclusiveStartKey + Limit
        return {"Items": page} | ({"LastEvaluatedKey": end} if end < len(self._items) else {})


def column_of(*values: dict[str, Any]) -> dict[str, Any] | None:
    """The column that these values of an attribute become; None where it stays undeclared."""
    items = [{"id": {"S": str(number)}, "a": value} for number, value in enumerate(values)]
    found = draft_table(Items(items), "shop-orders")
    return next((column for column in found.value["schema"] if column["name"] == "a"), None)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([{"S": "x"}, {"NULL": True}], "string"),
        ([{"S": "2024-03-15"}], "date"),
        ([{"S": "2024-03-15T07:30:00Z"}], "timestamp"),
        ([{"N": "1"}, {"N": "-20"}], "bigint"),
        ([{"N": "12345678901234567890"}], "decimal(38,0)"),
        ([{"N": "12.5"}, {"N": "3"}], "decimal(38,2)"),
        ([{"N": "1E-60"}, {"N": "1"}], "double"),
        ([{"BOOL": True}], "boolean"),
        ([{"B": b"\x00"}], "binary"),
        ([{"SS": ["x"]}], "array<string>"),
        ([{"NS": ["1", "2.5"]}], "array<decimal(38,2)>"),
        ([{"L": [{"N": "1"}]}, {"L": []}], "array<bigint>"),
        ([{"M": {"Sku": {"S": "x"}, "n": {"N": "1"}}}, {"M": {"Sku": {"S": "y"}}}], "struct<sku:string,n:bigint>"),
        ([{"M": {"a-b": {"N": "1"}, "c d": {"N": "2"}}}], "map<string,bigint>"),
    ],
)
def test_an_attribute_of_one_type_is_a_column(values: list[dict[str, Any]], kind: str) -> None:
    assert column_of(*values) == {"name": "a", "type": kind}


@pytest.mark.parametrize(
    "values",
    [
        [{"S": "x"}, {"N": "1"}],
        [{"NULL": True}],
        [{"L": [{"S": "x"}, {"N": "1"}]}],
        [{"M": {"a-b": {"N": "1"}, "c": {"S": ""}}}],
    ],
)
def test_an_attribute_of_no_one_type_stays_undeclared(values: list[dict[str, Any]]) -> None:
    assert column_of(*values) is None


def test_names_that_differ_are_kept_as_the_attribute() -> None:
    found = draft_table(
        Items([{"id": {"S": "1"}, "Total-Sum": {"N": "1"}, "_op": {"S": "x"}, "a.b": {"S": "y"}}]), "shop"
    )
    assert found.value["schema"][1:] == [
        {"name": "total_sum", "type": "bigint", "attribute": "Total-Sum"},
        {"name": "op", "type": "string", "attribute": "_op"},
    ]
    assert any("'a.b' stays in _attributes" in doubt for doubt in found.doubts)


def test_a_bounded_number_of_items_is_read_and_that_is_said() -> None:
    client = Items([{"id": {"S": str(number)}} for number in range(ITEMS + 500)])
    found = draft_table(client, "shop")
    assert client.read == ITEMS
    assert "the first 1,000 of its items" in found.files[0]
    assert "all of its items" in draft_table(Items([{"id": {"S": "1"}}]), "shop").files[0]


def test_a_real_table_is_drafted_and_the_configuration_takes_it(local_aws: LocalAws) -> None:
    client = local_aws.client("dynamodb")
    client.create_table(
        TableName="drafted-orders",
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(DraftError, match="no items"):
        draft_table(client, "drafted-orders")
    client.put_item(TableName="drafted-orders", Item={"id": {"S": "1"}, "at": {"N": "5"}, "b": {"B": b"\x01\x02"}})
    found = draft_table(client, "drafted-orders")
    assert found.value["keys"] == ["id", "at"]
    config = parse_config(config_text(tables={found.name: found.value}), {})
    assert [column.type.text for column in config.tables["drafted_orders"].columns] == ["string", "bigint", "binary"]
    with pytest.raises(DraftError, match="there is no DynamoDB table 'none-such'"):
        draft_table(client, "none-such")
