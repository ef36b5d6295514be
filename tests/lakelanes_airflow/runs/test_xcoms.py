"""What a failure leaves in the task's XComs."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.errors import GapError
from lakelanes_airflow.runs.xcoms import ERROR, FAILURE, REMEDY, explained
from tests.support.airflow import FakeTaskInstance


def left_by(error: Exception) -> dict[Any, Any]:
    context = {"ti": FakeTaskInstance("sense")}
    with pytest.raises(type(error)) as raised, explained(context):
        raise error
    assert raised.value is error
    return context["ti"].xcoms


def test_a_failure_is_left_with_its_reason_and_its_type() -> None:
    assert left_by(ValueError("no such day")) == {("sense", FAILURE): "no such day", ("sense", ERROR): "ValueError"}


def test_an_error_of_a_table_leaves_its_remedy_too() -> None:
    error = GapError("recovery_off", "recovery of orders is off", "Turn it on")
    assert left_by(error)["sense", REMEDY] == "Turn it on"


def test_success_leaves_nothing() -> None:
    ti = FakeTaskInstance("sense")
    with explained({"ti": ti}):
        pass
    assert ti.xcoms == {}
