"""When the trigger of a Power BI refresh is ready, and the model that a connection names; its whole way is in
tests/lakelanes_airflow/operators/test_dashboards.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string

from lakelanes.dashboards.enhanced_refresh import API, AUTHORITY, PowerBI
from lakelanes_airflow.triggers import powerbi
from lakelanes_airflow.triggers.powerbi import PowerBITrigger, power_bi

DEADLINE = "2100-01-01T00:00:00+00:00"
IDS = {
    name: f"00000000-0000-0000-0000-00000000000{number}"
    for number, name in enumerate(("tenant", "client_id", "workspace", "semantic_model"))
}
LAKE: Any = None


class Connection:
    """One of Airflow's, as far as the model needs it."""

    login, password = IDS["client_id"], "secret"

    def __init__(self, **extra: str) -> None:
        named = {name: value for name, value in IDS.items() if name != "client_id"}
        self.extra_dejson = {**named, **extra}


def model(**extra: str) -> PowerBI:
    ids = {"tenant": IDS["tenant"], "client_id": IDS["client_id"], "workspace": IDS["workspace"]}
    return PowerBI(**ids, model=IDS["semantic_model"], secret="secret", **extra)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(connection: Connection | None) -> None:
        found = {powerbi.CONNECTION: connection}
        monkeypatch.setattr(powerbi, "configured", found.__getitem__)

    return make


def test_a_connection_names_the_model_and_another_countrys_cloud(connect: Any) -> None:
    connect(None)
    assert power_bi() is None
    connect(Connection())
    assert power_bi() == model(api=API, authority=AUTHORITY)
    connect(Connection(api="https://api.powerbi.cn", authority="https://login.example"))
    assert power_bi() == model(api="https://api.powerbi.cn", authority="https://login.example")


def test_a_restarted_triggerer_makes_it_again() -> None:
    classpath, arguments = PowerBITrigger("refresh-1", DEADLINE, first_interval=1.0, max_interval=2.0).serialize()
    restored: Any = import_string(classpath)(**json.loads(json.dumps(arguments)))
    assert type(restored) is PowerBITrigger and restored.serialize() == (classpath, arguments)


@pytest.mark.parametrize("is_active", [True, False])
def test_it_waits_for_the_end_of_its_own_refresh(
    connect: Any, monkeypatch: pytest.MonkeyPatch, is_active: bool
) -> None:
    asked: list[str] = []

    def answer(_: PowerBI, request: str) -> bool:
        asked.append(request)
        return is_active

    monkeypatch.setattr(PowerBI, "is_active", answer)
    connect(Connection())
    assert PowerBITrigger("refresh-1", DEADLINE).is_ready(LAKE) is not is_active
    assert asked == ["refresh-1"]


def test_without_its_connection_it_waits_no_longer(connect: Any) -> None:
    connect(None)
    assert PowerBITrigger("refresh-1", DEADLINE).is_ready(LAKE), "the task says what is missing"
