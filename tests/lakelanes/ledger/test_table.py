"""Items are read in batches to the last one, and a cancelled transaction says by codes what was in its way."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.ledger import table
from lakelanes.ledger.files import Ledger


def test_items_that_dynamodb_did_not_get_to_are_asked_for_again(ledger: Ledger) -> None:
    for number in range(5):
        ledger.write_note(f"n/{number}", {"number": number})
    requests: list[int] = []

    def get_to_two(parsed: Any, **_: Any) -> None:
        items = parsed["Responses"][ledger.table]
        requests.append(len(items))
        left = [{name: item[name] for name in ("source", "version")} for item in items[2:]]
        del items[2:]
        parsed["UnprocessedKeys"] = {ledger.table: {"Keys": left, "ConsistentRead": True}} if left else {}

    ledger.client.meta.events.register("after-call.dynamodb.BatchGetItem", get_to_two)
    found = ledger.read_items((f"note:n/{number}", "current") for number in range(5))
    assert sorted(item["number"]["N"] for item in found) == ["0", "1", "2", "3", "4"]
    assert requests == [5, 3, 1]


def test_a_cancelled_transaction_has_the_codes_of_its_items() -> None:
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}, {"Code": "None"}]
    error = ClientError({"CancellationReasons": reasons}, "TransactWriteItems")  # type: ignore[arg-type]
    assert table.cancellation_codes(error) == {"None", "TransactionConflict"}
    assert table.cancellation_codes(ClientError({}, "TransactWriteItems")) == set()


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.05), (3, 0.4), (6, 3.2), (50, 3.2)])
def test_pauses_grow_and_have_an_end(monkeypatch: pytest.MonkeyPatch, attempt: int, longest: float) -> None:
    slept: list[float] = []
    monkeypatch.setattr(table.time, "sleep", slept.append)
    for _ in range(50):
        table.pause(attempt)
    assert len(slept) == 50
    assert longest / 2 < max(slept) <= longest
    assert min(slept) >= 0
