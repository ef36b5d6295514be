"""Airflow in tests: a home folder of its own, and the context that a task is given."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any


def use_temporary_home() -> None:
    """Points Airflow at an empty home folder that goes with this process. Call it before Airflow is imported."""
    if "LAKELANES_TEST_AIRFLOW_HOME" in os.environ:
        return
    home = tempfile.mkdtemp(prefix="airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["LAKELANES_TEST_AIRFLOW_HOME"] = os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"


@dataclass
class FakeTaskInstance:
    """The XComs of a run, as a task sees them: ``xcoms[task id, key]``."""

    task_id: str
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    map_index: int = -1

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int | None = None) -> Any:
        return self.xcoms.get((task_ids, key))


class OutletEvents(dict[Any, Any]):
    """Outlet events that only remember their partition keys."""

    def __missing__(self, asset: Any) -> Any:
        keys: list[str] = []
        self[asset] = SimpleNamespace(keys=keys, add_partitions=keys.extend)
        return self[asset]


def task_context(
    task: Any, dag_id: str = "load_sales", run_id: str = "run-1", partition_key: str | None = None, **params: Any
) -> dict[str, Any]:
    """The context of a task of a run that was due now. ``params`` default to those of load_<entity>."""
    return {
        "dag": SimpleNamespace(dag_id=dag_id),
        "run_id": run_id,
        "dag_run": SimpleNamespace(partition_key=partition_key, run_after=datetime.now(UTC)),
        "params": {"partition": None, "reload": False, **params},
        "task": task,
        "ti": FakeTaskInstance(task.task_id),
        "outlet_events": OutletEvents(),
    }
