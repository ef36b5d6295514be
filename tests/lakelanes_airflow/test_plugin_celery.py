"""A Celery worker has loaded the plugins before it forks for a task; no other process of Airflow is changed."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SETTINGS = Path(__file__).resolve().parents[2] / "plugins" / "airflow_local_settings.py"


class Signal:
    """Takes the place of one of Celery's, which is not installed here."""

    def __init__(self) -> None:
        self.receivers: list[tuple[Callable[..., Any], bool]] = []

    def connect(self, receiver: Callable[..., Any], weak: bool = True) -> None:
        self.receivers.append((receiver, weak))


@pytest.fixture
def signal(monkeypatch: pytest.MonkeyPatch) -> Signal:
    module = ModuleType("celery.signals")
    module.import_modules = found = Signal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celery", ModuleType("celery"))
    monkeypatch.setitem(sys.modules, "celery.signals", module)
    return found


@pytest.mark.parametrize(
    ("argv", "times"),
    [
        (["airflow", "celery", "worker", "--skip-serve-logs"], 1),
        (["/lib/airflow/__main__.py", "celery", "worker"], 1),
        (["airflow", "celery", "stop"], 0),
        (["airflow", "scheduler"], 0),
        (["airflow"], 0),
    ],
)
def test_only_a_worker_asks_to_be_told(
    signal: Signal, monkeypatch: pytest.MonkeyPatch, argv: list[str], times: int
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    found = runpy.run_path(str(SETTINGS))
    assert [weak for _, weak in signal.receivers] == [False] * times
    assert found["__all__"] == [], "Airflow takes nothing over"


def test_it_loads_what_a_task_begins_with(signal: Signal, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import plugins_manager

    loaded: list[bool] = []
    monkeypatch.setattr(plugins_manager, "integrate_macros_plugins", lambda: loaded.append(True))
    monkeypatch.setattr(sys, "argv", ["airflow", "celery", "worker"])
    runpy.run_path(str(SETTINGS))
    assert loaded == [], "not while Airflow itself is being imported"
    [(receiver, _)] = signal.receivers
    receiver(sender=None, signal=signal)
    assert loaded == [True]
