"""Batches of which a part was done: what may pass is sent again, what may not is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from lakelanes.aws import pauses
from lakelanes.aws.partial_answers import TRIES, Left, left_for, left_messages, require_all, send
from lakelanes.errors import PartialAnswerError


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(pauses.time, "sleep", found.append)
    return found


class Service:
    """Does two items a request, from the front; those named ``bad...`` never."""

    def __init__(self, per_request: int = 2) -> None:
        self.per_request = per_request
        self.requests: list[list[str]] = []

    def __call__(self, items: Sequence[str]) -> Iterator[Left[str]]:
        self.requests.append(list(items))
        for number, item in enumerate(items):
            if item.startswith("bad"):
                yield left_for(item, "glue", "InvalidInputException", "no")
            elif number >= self.per_request:
                yield Left(item)


def test_a_batch_is_sent_until_all_of_it_is_done(slept: list[float]) -> None:
    service = Service()
    assert send("abcde", service) == []
    assert service.requests == [list("abcde"), list("cde"), ["e"]]
    assert len(slept) == 2


def test_nothing_is_sent_of_nothing() -> None:
    service = Service()
    assert send([], service) == []
    assert service.requests == []


def test_what_never_passes_is_sent_once() -> None:
    service = Service()
    left = send(["a", "bad", "b", "c"], service)
    assert [(one.item, one.reason, one.passes) for one in left] == [("bad", "InvalidInputException: no", False)]
    assert service.requests == [["a", "bad", "b", "c"], ["b", "c"]]


def test_without_any_progress_it_ends(slept: list[float]) -> None:
    service = Service(per_request=0)
    assert [one.item for one in send("ab", service)] == ["a", "b"]
    assert len(service.requests) == TRIES
    assert len(slept) == TRIES - 1


def test_any_progress_begins_the_count_anew() -> None:
    requests: list[int] = []

    def request(items: Sequence[int]) -> Iterator[Left[int]]:
        requests.append(len(items))
        done = len(requests) % TRIES == 0  # the last try that is left
        yield from (Left(item) for item in items[int(done) :])

    assert send(range(3), request) == []
    assert requests == [3] * TRIES + [2] * TRIES + [1] * TRIES


@pytest.mark.parametrize(
    ("left", "retryable"),
    [
        ([left_for("p", "glue", "ConcurrentModificationException")], True),
        ([left_for("p", "glue", "NeverHeardOf")], True),
        ([left_for("p", "glue", "AccessDeniedException")], False),
        ([left_for("p", "s3", "KMS.DisabledException"), left_for("q", "s3", "SlowDown")], True),
    ],
)
def test_what_is_left_is_an_error_that_passes_if_any_of_it_may(left: list[Left[str]], retryable: bool) -> None:
    with pytest.raises(PartialAnswerError) as error:
        require_all(left, "partitions of lake.sales were not created")
    assert error.value.retryable is retryable
    assert f"{len(left)} partitions of lake.sales were not created: p: {left[0].code}" in str(error.value)


def test_an_error_names_a_few_and_counts_the_others() -> None:
    require_all([], "items were not read")
    with pytest.raises(PartialAnswerError, match=r"^7 items were not read: 0: AWS did not get to it; .*; and 2 more$"):
        require_all([Left(number) for number in range(7)], "items were not read")


def test_a_message_that_failed_by_the_senders_fault_fails_again() -> None:
    entries = [{"Id": "0", "ReceiptHandle": "r"}, {"Id": "1", "ReceiptHandle": "s"}, {"Id": "2", "ReceiptHandle": "t"}]
    answer = {
        "Successful": [{"Id": "0"}],
        "Failed": [
            {"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid", "Message": "it is another's by now"},
            {"Id": "2", "SenderFault": False, "Code": "InternalError"},
        ],
    }
    left = list(left_messages(entries, answer))
    assert [(one.item["ReceiptHandle"], one.passes) for one in left] == [("s", False), ("t", True)]
    assert left[0].reason == "ReceiptHandleIsInvalid: it is another's by now"
    assert list(left_messages(entries, {"Successful": []})) == []
