"""Items are read in batches to the last one, and a cancelled transaction says by codes what was in its way."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.ledger import items, table
from lakelanes.ledger.files import Ledger


def test_items_that_dynamodb_did_not_get_to_are_asked_for_again(ledger: Ledger) -> None:
    for number in range(5):
        ledger.write_note(f"n/{number}", {"number": number})
    requests: list[int] = []

    def get_to_two(parsed: Any, **_: Any) -> None:
        found = parsed["Responses"][ledger.table]
        requests.append(len(found))
        left = [{name: one[name] for name in ("source", "version")} for one in found[2:]]
        del found[2:]
        parsed["UnprocessedKeys"] = {ledger.table: {"Keys": left, "ConsistentRead": True}} if left else {}

    ledger.client.meta.events.register("after-call.dynamodb.BatchGetItem", get_to_two)
    read = ledger.read_items((f"note:n/{number}", "current") for number in range(5))
    assert sorted(one["number"]["N"] for one in read) == ["0", "1", "2", "3", "4"]
    assert requests == [5, 3, 1]


CONDITION = ("#n = :n", {"#n": "number"}, {":n": 1})


def item(number: int) -> items.Item:
    return {**items.to_item({"number": number}), **items.key("note:x")}


def test_an_item_is_written_while_its_condition_holds_and_else_the_one_that_is_there_is_returned(
    ledger: Ledger,
) -> None:
    assert ledger.put_if(item(2), *CONDITION) == {}, "there is none"
    ledger.write_note("x", {"number": 1})
    assert ledger.put_if(item(2), *CONDITION) is None
    assert ledger.put_if(item(3), *CONDITION) == item(2)
    assert ledger.read_note("x") == {"number": 2}
    assert ledger.put_if(item(4), "attribute_exists(#s)", {"#s": "source"}, {}) is None


def test_a_write_whose_answer_was_lost_and_that_is_sent_again_finds_itself(ledger: Ledger) -> None:
    ledger.write_note("x", {"number": 1})
    assert ledger.put_if(item(2), *CONDITION) is None
    assert ledger.put_if(item(2), *CONDITION) is None


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
