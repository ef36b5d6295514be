"""What is planned for ingestions by the control."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.control import ControlError
from localaws.quicksight.plan import Plan, Wanted


@pytest.fixture
def plan() -> Plan:
    return Plan(0.5, lambda: ["INTERNAL_SERVICE_ERROR", "CONNECTION_FAILURE"])


def test_a_failure_and_dropped_rows_are_used_up(plan: Plan) -> None:
    shown = plan.control({"fail": {"count": 2, "type": "CONNECTION_FAILURE", "message": "away"}, "drop": {"rows": 3}})
    assert shown == {"delay": 0.5, "hold": False, "failures": 2, "drops": 1, "refusals": 0}
    assert plan.take("a") == Wanted(("CONNECTION_FAILURE", "away"), 3)
    assert plan.take("b") == Wanted(("CONNECTION_FAILURE", "away"), 0)
    assert plan.take("a") == Wanted()


def test_a_plan_for_one_data_set_leaves_the_others_alone(plan: Plan) -> None:
    plan.control({"hold": "a", "fail": {"data_set": "a"}, "refuse": {"data_set": "a", "after_accepting": True}})
    assert (plan.held("a"), plan.held("b")) == (True, False)
    assert plan.take("b") == Wanted()
    assert plan.refusal("b") is None
    refusal = plan.refusal("a")
    assert refusal is not None
    assert (refusal[0].code, refusal[1]) == ("InternalFailureException", True)
    assert plan.take("a").failure is not None


@pytest.mark.parametrize(
    "request_", [{"delay": -1}, {"drop": {"rows": 0}}, {"fail": {"type": "BAD_LUCK"}}, {"hlod": True}, {"hold": 1}]
)
def test_what_makes_no_sense_is_refused(plan: Plan, request_: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        plan.control(request_)


def test_a_reset_forgets_everything(plan: Plan) -> None:
    plan.control({"delay": 3, "hold": True, "fail": {}, "drop": {}, "refuse": {}})
    plan.reset()
    assert plan.control({}) == {"delay": 0.5, "hold": False, "failures": 0, "drops": 0, "refusals": 0}
