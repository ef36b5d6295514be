"""Airflow in tests: a home folder of its own, and the context that a task is given."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# The DAGs name the plugin's timetable and priorities.
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


def use_temporary_home() -> None:
    """Points Airflow at an empty home folder that goes with this process. Call it before Airflow is imported."""
    # Workers of pytest-xdist inherit the environment, and need a database each.
    if os.environ.get("LAKELANES_TEST_AIRFLOW_PROCESS") == str(os.getpid()):
        return
    home = tempfile.mkdtemp(prefix="airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["AIRFLOW_HOME"], os.environ["LAKELANES_TEST_AIRFLOW_PROCESS"] = home, str(os.getpid())
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
    # That mode's own is shorter than its algorithm wants.
    os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = secrets.token_urlsafe(64)
    os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(PLUGINS)


@dataclass
class FakeTaskInstance:
    """The XComs of a run, as a task sees them: ``xcoms[task id, key]``, with its map index too for a mapped task; and
    the states of other runs, by ``<dag id>/<run id>``: Airflow has forgotten those that are not there."""

    task_id: str
    xcoms: dict[Any, Any] = field(default_factory=dict)
    map_index: int = -1
    runs: dict[str, str] = field(default_factory=dict)

    def get_dagrun_state(self, dag_id: str, run_id: str) -> str:
        if state := self.runs.get(f"{dag_id}/{run_id}"):
            return state
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse

        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 404}))

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self._key(self.task_id, key, self.map_index)] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.xcoms.get(self._key(task_ids, key, map_indexes))

    @staticmethod
    def _key(task_id: str, key: str, map_index: int) -> tuple[Any, ...]:
        return (task_id, key) if map_index == -1 else (task_id, key, map_index)


class OutletEvents(dict[Any, Any]):
    """Outlet events that only remember their partition keys."""

    def __missing__(self, asset: Any) -> Any:
        keys: list[str] = []
        self[asset] = SimpleNamespace(keys=keys, add_partitions=keys.extend)
        return self[asset]


def task_context(
    task: Any,
    dag_id: str = "load_sales",
    run_id: str = "run-1",
    partition_key: str | None = None,
    run_type: str = "manual",
    **params: Any,
) -> dict[str, Any]:
    """The context of a task of a run that was due now. ``params`` default to those of load_<entity>."""
    # Airflow may only be imported once its home is set.
    from lakelanes_airflow.runs.selection import load_params

    return {
        "dag": SimpleNamespace(dag_id=dag_id, params={**load_params(), **dict.fromkeys(params)}),
        "run_id": run_id,
        "dag_run": SimpleNamespace(
            partition_key=partition_key,
            partition_date=None,
            run_after=datetime.now(UTC),
            run_type=run_type,
            conf=params,
        ),
        "params": {**{name: param.value for name, param in load_params().items()}, **params},
        "task": task,
        "ti": FakeTaskInstance(task.task_id),
        "outlet_events": OutletEvents(),
    }


def build_alert(lake: Any, context: Any) -> Any:
    """All that is to be said of the failed run, whatever of it is known already."""
    from lakelanes.alerts import incidents
    from lakelanes_airflow.notifications.run_alerts import failures

    return incidents.merged(list(failures(lake, context).values()))
