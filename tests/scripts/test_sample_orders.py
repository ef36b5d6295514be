"""Sample orders: the same for the same seed, of every type that DynamoDB has, exact to the last digit."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scripts import sample_orders
from scripts.sample_orders import DATASET, Changes, Orders, dataset, from_json, to_json

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def values(item: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every attribute value in an item, however deep: its tag and its content."""
    for value in item.values():
        [(tag, content)] = value.items()
        yield tag, content
        if tag == "M":
            yield from values(content)
        if tag == "L":
            yield from values(dict(enumerate(content)))  # type: ignore[arg-type]


def test_the_dataset_is_what_the_generator_makes_and_fits_into_a_repository() -> None:
    assert DATASET.read_text(encoding="utf-8") == dataset(), (
        "run: python scripts/sample_orders.py > data/sample_dataset.json"
    )
    assert DATASET.stat().st_size < 400_000
    assert len(json.loads(DATASET.read_bytes())) == sample_orders.DATASET_ORDERS


def test_the_dataset_has_every_type_and_the_odd_values_of_each() -> None:
    items = [from_json(item) for item in json.loads(DATASET.read_bytes())]
    found = [value for item in items for value in values(item)]
    assert {tag for tag, _ in found} == {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}
    for empty in (("S", ""), ("B", b""), ("L", []), ("M", {})):
        assert empty in found
    numbers = [Decimal(content) for tag, content in found if tag == "N"]
    digits = [len(number.as_tuple().digits) for number in numbers]
    assert max(digits) == 38
    assert max(number.adjusted() for number in numbers) == 125
    assert min(number.adjusted() for number in numbers) == -130
    assert any(tag == "S" and not content.isascii() for tag, content in found)
    optional = Counter(name for item in items for name in item)
    assert {name for name, count in optional.items() if count < len(items)} >= {"shipment", "tags", "utm", "signature"}
    # What an old client wrote as text.
    assert {next(iter(item["loyalty_points"])) for item in items} == {"N", "S"}


def test_an_order_does_not_depend_on_those_before_it() -> None:
    assert list(Orders(3).items(40, 50)) == list(Orders(3).items(0, 50))[40:]
    assert Orders(3).item(1) != Orders(4).item(1)
    assert Orders(3).item(1, version=2) != Orders(3).item(1)
    assert Orders(3).item(1, version=2)["order_id"] == Orders(3).item(1)["order_id"]


def test_no_seed_below_zero() -> None:
    with pytest.raises(ValueError, match="seed is -1, expected 0 or more"):
        Orders(-1)


def test_totals_are_those_of_the_items() -> None:
    for number in range(300):
        order = Orders(1).order(number)
        lines = sum(line["quantity"] * line["unit_price"] for line in order["items"])
        assert order["total"] == lines + sum(order.get("adjustments", {}).values())
        assert order["total_base"] == order["total"] * order["exchange_rate"]


def test_items_survive_as_dynamodb_json() -> None:
    for item in Orders(2).items(0, 200):
        again = from_json(json.loads(to_json(item)))
        assert list(values(again)) == [(tag, _plain(content)) for tag, content in values(item)]


def _plain(content: Any) -> Any:
    """Without boto3's own class for bytes."""
    if isinstance(content, list):
        return [_plain(element) for element in content]
    if isinstance(content, dict):
        return {name: _plain(element) for name, element in content.items()}
    return getattr(content, "value", content)


@pytest.mark.parametrize("value", ["text", {"S": "a", "N": "1"}, {"B": "not base64!"}, {"L": ["text"]}])
def test_what_is_no_attribute_value_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not an attribute value|base64|padding"):
        from_json({"order_id": value})


def test_changes_are_the_same_for_the_same_seed() -> None:
    def series(seed: int) -> list[Any]:
        changes = Changes(Orders(seed), 100, clock=lambda: NOW)
        return list(changes.series(update=200, delete=40, reput=20, exchange=10, expire=5, put=5))

    assert series(8) == series(8)
    assert series(8) != series(9)
    kinds = Counter(change.kind for change in series(8))
    assert kinds == Counter(update=200, delete=40, reput=20, exchange=10, expire=5, put=5)


def test_no_change_concerns_an_order_that_is_gone() -> None:
    changes = Changes(Orders(5), 60, clock=lambda: NOW)
    there, deleted, expired = {Orders(5).order_id(number) for number in range(60)}, set(), set()
    for change in changes.series(update=150, delete=40, reput=20, exchange=10, expire=5):
        for write in change.writes:
            key = write.order_id
            assert key not in expired
            if write.operation == "Put":
                assert key not in there
                there.add(key)
            else:
                assert key in there
            if change.kind == "expire":
                expired.add(key)
            if write.operation == "Delete":
                there.remove(key)
                deleted.add(key)
    assert deleted & there, "some came back"


def test_a_change_that_nothing_can_happen_to_is_a_new_order() -> None:
    changes = Changes(Orders(5), 0)
    assert [changes.next("update").kind, changes.next("reput").kind, changes.next("delete").kind] == [
        "put",
        "put",
        "delete",
    ]


def test_versions_go_up_by_one() -> None:
    versions = dict.fromkeys((Orders(5).order_id(number) for number in range(20)), 1)
    for change in itertools.islice(Changes(Orders(5), 20).series(update=300, delete=10, reput=10), 300):
        for write in change.writes:
            key = write.order_id
            if write.operation == "Delete":
                assert write.version == versions[key]
            else:
                assert write.version == versions.get(key, 0) + 1
                versions[key] = write.version


def test_expiries_follow_the_clock() -> None:
    [write] = Changes(Orders(5), 20, clock=lambda: NOW).next("expire").writes
    assert write.parameters["ExpressionAttributeValues"][":expires_at"] == {"N": str(int(NOW.timestamp()) - 1)}
