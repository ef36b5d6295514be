"""Has a worker of Celery load the plugins once, so that not every task has to.

A task is forked from the worker's process. LocalExecutor's has loaded the plugins, as the scheduler does, and with
them what every task of the lake imports (lakelanes_airflow/plugin.py). Celery's has not: each task would need 1.3 CPU
seconds for it.

Airflow imports a module of this name when one of its processes starts, of the folder of plugins too, and so does MWAA
(https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings). This one
changes no setting. Whoever has one already adds the lines below to it.
"""

from __future__ import annotations

import sys
from typing import Any

# Airflow takes over what a module of this name has, but for what is not named here.
__all__: list[str] = []


def _load_plugins(**_: Any) -> None:
    from airflow.sdk.plugins_manager import integrate_macros_plugins

    # What a task begins with. A plugin that cannot be imported is noted there, and does not stop the worker.
    integrate_macros_plugins()


if sys.argv[1:3] == ["celery", "worker"]:
    from celery.signals import import_modules

    # Before Celery forks; Airflow's own provider imports then what it finds expensive (celery_executor_utils.py there).
    # A weak reference, which is the default, would be the only one.
    import_modules.connect(_load_plugins, weak=False)
