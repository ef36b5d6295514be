"""Questions are asked at the same time, and their answers come in the order of the questions."""

from __future__ import annotations

import threading

import pytest

from lakelanes.concurrently import together


def test_questions_wait_for_each_other_only_to_be_answered() -> None:
    all_asked = threading.Barrier(3)

    def ask(number: int) -> int:
        all_asked.wait(60)  # breaks unless the three are under way at once
        return number * 2

    assert together(ask, [3, 1, 2]) == [6, 2, 4]


def test_a_single_question_is_asked_by_who_asks() -> None:
    assert together(lambda _: threading.current_thread(), ["x"]) == [threading.current_thread()]
    assert together(lambda _: 1, []) == []


def test_the_error_of_a_question_is_raised() -> None:
    def ask(number: int) -> int:
        raise ValueError(f"no answer to {number}")

    with pytest.raises(ValueError, match="no answer to 1"):
        together(ask, [1, 2])
