"""A cluster of its own for these tests; they run where CLUSTER_WORKERS says how many workers it has (make cluster)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.holding import HoldingCluster
from tests.cluster.machines import Machines
from tests.end_to_end.conftest import AIRFLOW, HOURLY_VISITS, METER_READINGS, ORDERS
from tests.support.lakes import config_text

WORKERS = "CLUSTER_WORKERS"
collect_ignore_glob = [] if os.environ.get(WORKERS) else ["test_*.py"]

# As small as a batch may be: a file of a megabyte is one.
READINGS = {**METER_READINGS, "batch_bytes": 1 << 20}
# What is lost with a process is to be noticed within a test's patience. All of it may be set on MWAA.
NOTICED_SOON = {
    "scheduler": {
        **AIRFLOW["scheduler"],
        "task_instance_heartbeat_timeout": 30,
        "task_instance_heartbeat_timeout_detection_interval": 5,
        "orphaned_tasks_check_interval": 15,
        "scheduler_health_check_threshold": 15,
        # MWAA's own is 1800: so long waits the task whose message a killed worker had taken.
        "task_queued_timeout": 60,
        "task_queued_timeout_check_interval": 10,
    },
    "triggerer": {"job_heartbeat_sec": 2, "triggerer_health_check_threshold": 10},
}


@pytest.fixture(scope="package")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """The running cluster, where only the tests say which DAGs run."""
    folder = tmp_path_factory.mktemp("cluster")
    config = folder / "lake.json"
    config.write_text(config_text({"readings": READINGS, "visits": HOURLY_VISITS}, tables={"orders": ORDERS}))
    options = {**AIRFLOW, **NOTICED_SOON}
    workers = int(os.environ[WORKERS])
    cluster = HoldingCluster(config_path=config, state=folder / "state", airflow=options, workers=workers, say=print)
    with cluster:
        machines = Machines(cluster)
        for dag_id in ("load_readings", "load_visits", "refresh_views"):
            machines.pause(dag_id, False)
        yield machines
