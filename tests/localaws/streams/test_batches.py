"""What becomes of a batch, without anything running."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.streams.batches import UNLIMITED, Batch, Policy, after_failure, first_failure


def batch(*numbers: int, retries: int = 0) -> Batch:
    return Batch(tuple({"dynamodb": {"SequenceNumber": str(number)}} for number in numbers), retries)


def failures(*identifiers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


@pytest.mark.parametrize(
    "reply",
    [None, {}, "", "text", [], 3, {"batchItemFailures": None}, {"batchItemFailures": []}, {"batchItemFailures": 1}],
)
def test_no_list_of_failures_is_success(reply: Any) -> None:
    assert first_failure(batch(8, 9, 10), reply) is None


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        (failures("9"), 1),
        (failures("8"), 0),
        # 9 < 10, though not as text.
        (failures("10", "9"), 1),
        (failures(""), 0),
        (failures(None), 0),
        (failures("11"), 0),
        (failures(10), 0),
        ({"batchItemFailures": [{"identifier": "10"}]}, 0),
        ({"batchItemFailures": ["10"]}, 0),
        (failures("10", "unknown"), 0),
    ],
)
def test_the_lowest_reported_record_counts_and_nonsense_means_all(reply: Any, place: int) -> None:
    assert first_failure(batch(8, 9, 10), reply) == place


class TestAfterFailure:
    def test_what_follows_progress_is_a_new_batch(self) -> None:
        policy = Policy(retries=2, bisect=True)
        assert after_failure(batch(1, 2, 3, 4, retries=2), 1, policy) == ([batch(2, 3, 4)], None)

    def test_halves_use_no_retry(self) -> None:
        policy = Policy(retries=0, bisect=True)
        assert after_failure(batch(1, 2, 3), 0, policy) == ([batch(1), batch(2, 3)], None)
        assert after_failure(batch(1), 0, policy) == ([], batch(1))

    def test_the_same_batch_is_sent_again_as_often_as_allowed(self) -> None:
        policy = Policy(retries=1, bisect=False)
        assert after_failure(batch(1, 2), 0, policy) == ([batch(1, 2, retries=1)], None)
        assert after_failure(batch(1, 2, retries=1), 0, policy) == ([], batch(1, 2, retries=1))

    def test_without_a_limit_for_ever(self) -> None:
        assert after_failure(batch(1, retries=9_999), 0, Policy(UNLIMITED, False)) == ([batch(1, retries=10_000)], None)
