"""Refreshing a model of Power BI, against a double of its REST API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.dashboards import enhanced_refresh, refresh_plan
from lakelanes.dashboards.enhanced_refresh import PowerBI, PowerBIError, Request
from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.refresh_plan import Look, Refresh
from lakelanes.errors import RefreshError
from lakelanes.lake import Lake
from tests.support.power_bi import CLIENT, MODEL, SECRET, TENANT, WORKSPACE, PowerBIDouble, running_power_bi

DATASETS = {name: Dataset(view=name) for name in ("days", "stores", "hours")}
UNTIL = "2024-03-15T10:00:00.000000Z"


@pytest.fixture
def double() -> Iterator[PowerBIDouble]:
    with running_power_bi() as running:
        yield running


@pytest.fixture
def model(double: PowerBIDouble) -> PowerBI:
    return PowerBI(TENANT, CLIENT, SECRET, WORKSPACE, MODEL, double.address, double.address)


def refresh_of(name: str, kind: Any = "FULL_REFRESH") -> Refresh:
    return Refresh(name, kind, "because", UNTIL, f"{name}-1", "made")


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is due, by data set, with its kind."""
    found: dict[str, Any] = {}

    def look(lake: Lake, name: str, dataset: Dataset, **options: Any) -> Look:
        assert options["keeper"] == "powerbi" and options["used"] == 0
        return Look(refresh_of(name, found[name]) if name in found else None, "said")

    monkeypatch.setattr(refresh_plan, "look", look)
    return found


def test_what_is_read_whole_goes_first_and_the_rest_with_the_policy(
    lake: Lake, model: PowerBI, double: PowerBIDouble, due: dict[str, Any]
) -> None:
    due |= {"days": "INCREMENTAL_REFRESH", "stores": "FULL_REFRESH"}
    request, notes = enhanced_refresh.plan(lake, DATASETS)
    assert request and notes == dict.fromkeys(DATASETS, "said")
    begun = enhanced_refresh.begin(lake, model, request)
    assert begun and begun.id == "refresh-1" and model.is_active(begun.id)
    assert double.begun == [
        {
            "type": "full",
            "commitMode": "transactional",
            "applyRefreshPolicy": False,
            "objects": [{"table": "stores"}],
        }
    ]
    again, notes = enhanced_refresh.plan(lake, DATASETS)
    assert again == begun and notes == {"stores": "goes on with refresh-1"}
    assert enhanced_refresh.begin(lake, model, begun) == begun and len(double.begun) == 1, (
        "a retry begins no second one"
    )
    double.status = "Completed"
    assert not model.is_active(begun.id)
    assert enhanced_refresh.finish(lake, model, begun) == ["stores"]
    note = refresh_plan.read_note(lake, "stores", "powerbi")
    assert (note["until"], note["fingerprint"]) == (UNTIL, "made")
    assert datetime.fromisoformat(note["refreshed_at"]) <= datetime.now(UTC)
    assert refresh_plan.read_note(lake, "stores") == {}, "QuickSight's copy is another"
    del due["stores"]
    request, _ = enhanced_refresh.plan(lake, DATASETS)
    assert request and enhanced_refresh.begin(lake, model, request)
    assert (double.begun[-1]["applyRefreshPolicy"], double.begun[-1]["objects"]) == (True, [{"table": "days"}])


def test_nothing_is_due(lake: Lake, due: dict[str, Any]) -> None:
    assert enhanced_refresh.plan(lake, DATASETS)[0] is None


@pytest.mark.parametrize(
    ("status", "details", "said"),
    [
        (
            "Failed",
            {"messages": [{"message": "The gateway is not reachable", "type": "Error"}]},
            "refresh-1 is Failed: The gateway is not reachable",
        ),
        (
            "Failed",
            {"serviceExceptionJson": '{"errorCode":"ModelRefreshFailed"}'},
            'Failed: {"errorCode":"ModelRefresh',
        ),
        ("Failed", {"extendedStatus": "TimedOut"}, "refresh-1 is TimedOut"),
        ("Cancelled", {}, "refresh-1 is Cancelled"),
        ("Disabled", {}, "refresh-1 is Disabled"),
    ],
)
def test_a_refresh_that_fails_is_said_and_is_due_again(
    lake: Lake, model: PowerBI, double: PowerBIDouble, status: str, details: dict[str, Any], said: str
) -> None:
    begun = enhanced_refresh.begin(lake, model, Request((refresh_of("days"),), False))
    assert begun
    double.status, double.details = status, details
    with pytest.raises(RefreshError) as failed:
        enhanced_refresh.finish(lake, model, begun)
    assert said in failed.value.reason and failed.value.remedy
    assert "until" not in refresh_plan.read_note(lake, "days", "powerbi")
    assert refresh_plan.read_note(lake, "request", "powerbi") == {}


def test_another_refresh_keeps_the_model_busy(lake: Lake, model: PowerBI, double: PowerBIDouble) -> None:
    assert enhanced_refresh.begin(lake, model, Request((refresh_of("days"),), False))
    assert enhanced_refresh.begin(lake, model, Request((refresh_of("stores"),), False)) is None


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (
            403,
            {"error": {"code": "PowerBINotAuthorized", "message": "no"}},
            "may not refresh the model: no (PowerBINotA",
        ),
        (404, {"error": {"code": "DatasetNotFound"}}, "there is no such workspace or model"),
        (429, None, "too many requests were made"),
        (500, "not JSON's object", "HTTP 500"),
    ],
)
def test_a_refused_request_is_said_in_words(
    lake: Lake, model: PowerBI, double: PowerBIDouble, status: int, error: Any, said: str
) -> None:
    double.refuse = (status, error)
    with pytest.raises(RefreshError) as refused:
        enhanced_refresh.begin(lake, model, Request((refresh_of("days"),), False))
    assert said in str(refused.value) and SECRET not in str(refused.value)
    assert refresh_plan.read_note(lake, "request", "powerbi") == {}


def test_the_secret_is_in_no_text(double: PowerBIDouble) -> None:
    wrong = PowerBI(TENANT, CLIENT, "wr/ong", WORKSPACE, MODEL, double.address, double.address)
    assert "wr/ong" not in repr(wrong)
    with pytest.raises(PowerBIError, match="no token was given") as refused:
        wrong.state("1")
    assert "wr" not in str(refused.value) and refused.value.status == 401


@pytest.mark.parametrize("name", ["tenant", "client_id", "workspace", "model"])
@pytest.mark.parametrize("value", ["", "a/../b", "a b", "ü"])
def test_what_is_no_identifier_reaches_no_address(name: str, value: str) -> None:
    given = {"tenant": "t", "client_id": "c", "secret": "s", "workspace": "w", "model": "m", name: value}
    with pytest.raises(RefreshError, match=f"the connection's {name} is missing or no identifier"):
        PowerBI(**given)


def test_one_that_takes_too_long_is_cancelled(lake: Lake, model: PowerBI, double: PowerBIDouble) -> None:
    begun = enhanced_refresh.begin(lake, model, Request((refresh_of("days"),), False))
    assert begun
    enhanced_refresh.cancel(model, begun)
    assert double.cancelled == ["refresh-1"] and not model.is_active("refresh-1")


def test_one_that_is_forgotten_is_planned_anew(lake: Lake, model: PowerBI, double: PowerBIDouble) -> None:
    begun = enhanced_refresh.begin(lake, model, Request((refresh_of("days"),), False))
    assert begun
    double.begun.clear()
    with pytest.raises(RefreshError, match="no such refresh"):
        enhanced_refresh.finish(lake, model, begun)
    assert refresh_plan.read_note(lake, "request", "powerbi") == {}
