"""Items are read in batches to the last one, and written on a condition."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.aws import partial_answers, pauses
from lakelanes.errors import PartialAnswerError
from lakelanes.ledger import items
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


def test_items_that_dynamodb_never_gets_to_end_the_reading(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(pauses.time, "sleep", slept.append)

    def get_to_none(parsed: Any, **_: Any) -> None:
        parsed["Responses"] = {}
        parsed["UnprocessedKeys"] = {ledger.table: {"Keys": [items.key("note:n")], "ConsistentRead": True}}

    ledger.client.meta.events.register("after-call.dynamodb.BatchGetItem", get_to_none)
    with pytest.raises(PartialAnswerError, match=f"1 items of {ledger.table} were not read") as error:
        ledger.read_notes(["n"])
    assert error.value.retryable
    assert len(slept) == partial_answers.TRIES - 1, "each try but the last is followed by a pause"
