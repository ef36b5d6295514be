"""The cluster's shape: which nodes it has, what each runs, and with which variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import cluster as module
from scripts.cluster import QUEUE, Cluster, ClusterAirflow
from scripts.mwaa_settings import FAB, SUGGESTED
from scripts.postgres import Postgres
from scripts.processes import ProcessTable, StackError
from tests.support.lakes import config_text

SECRET = "AWS_SECRET_ACCESS_KEY"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    config = tmp_path / "lake.json"
    config.write_text(config_text(name="shape"))
    env = {
        "PATH": "/bin",
        "AIRFLOW__CORE__PARALLELISM": "99",
        "PYTHONPATH": "/here",
        "LAKE_CONFIG": "no",
        "HOME": "/me",
    }
    return Cluster(config_path=config, state=tmp_path / "state", env=env, workers=4, airflow={"api": {"workers": 1}})


def test_each_worker_is_a_node_and_so_is_each_other_process(cluster: Cluster) -> None:
    workers = ["worker-1", "worker-2", "worker-3", "worker-4"]
    assert list(cluster.node_names) == ["api-server", "scheduler", "triggerer", "dag-processor", *workers]
    assert cluster.worker_names == workers
    folders = {cluster.node(name).folder for name in cluster.node_names}
    assert len(folders) == 8 and {folder.parent for folder in folders} == {cluster.nodes}


def test_every_process_runs_in_its_node_and_serves_no_logs_to_the_network(tmp_path: Path) -> None:
    airflow = ClusterAirflow(tmp_path, tmp_path, tmp_path, tmp_path, {}, "http://127.0.0.1:1", "", workers=1)
    started: dict[str, list[str]] = {}

    class Table(ProcessTable):
        def start(self, name: str, command: Any, **_: Any) -> Any:
            started[name] = [str(part) for part in command]

    airflow.start(Table(tmp_path / "none.json"), {})
    commands = {name: command[command.index("airflow") + 1 :] for name, command in started.items()}
    assert commands == {
        "api-server": ["api-server"],
        "scheduler": ["scheduler", "--skip-serve-logs"],
        "triggerer": ["triggerer", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
        "worker-1": ["celery", "worker", "--skip-serve-logs"],
    }
    for name, command in started.items():
        assert command[0] == "unshare" and {"--mount", "--uts"} <= set(command)
        assert str(tmp_path / name) in command


def test_the_variables_are_mwaas_with_the_options_of_who_asks(cluster: Cluster, tmp_path: Path) -> None:
    cluster.airflow_url = "http://127.0.0.1:4711"
    database = Postgres(tmp_path, 5432, {}, tmp_path / "log", password="p@ss")
    variables = cluster._variables(database, f"http://127.0.0.1:4566/000000000000/{QUEUE}")
    assert variables["AIRFLOW__API__WORKERS"] == "1"
    assert variables["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"
    assert variables["AIRFLOW__CORE__AUTH_MANAGER"] == FAB
    assert variables["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:4711/execution"
    assert variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith(
        "postgresql+psycopg2://airflow:p%40ss@127.0.0.1:5432/"
    )
    assert (variables["AIRFLOW__API__HOST"], variables["AIRFLOW__API__PORT"]) == ("127.0.0.1", "4711")
    assert not [name for name in variables if name.startswith("AIRFLOW__LAKELANES__")]


def test_nothing_of_this_machine_reaches_a_node_but_what_every_program_needs(cluster: Cluster) -> None:
    cluster.endpoint_url = "http://127.0.0.1:4566"
    cluster._worker = {"AWS_ACCESS_KEY_ID": "worker", SECRET: "of the worker"}
    environment = cluster._airflow_environment()
    assert SUGGESTED.items() <= environment.items()
    assert environment[SECRET] == "of the worker" and environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["HOME"] == "/usr/local/airflow"
    for name in ("PYTHONPATH", "LAKE_CONFIG", "LAKE_LEDGER_TABLE", "AWS_ACCOUNT_ID", "AIRFLOW__CORE__PARALLELISM"):
        assert name not in environment


def test_the_workers_may_use_celerys_queue_and_no_other(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Client:
        def put_user_policy(self, **given: Any) -> None:
            asked["policy"] = given

        def create_queue(self, **given: Any) -> dict[str, str]:
            asked["queue"] = given
            return {"QueueUrl": "http://queue"}

    monkeypatch.setattr(cluster, "client", lambda service: Client())
    assert cluster._make_queue() == "http://queue"
    [statement] = json.loads(asked["policy"]["PolicyDocument"])["Statement"]
    assert statement["Resource"].endswith(":airflow-celery-*") and asked["queue"]["QueueName"].startswith(
        "airflow-celery-"
    )
    assert "sqs:CreateQueue" not in statement["Action"] and "sqs:*" not in statement["Action"]


def test_without_its_environment_it_is_said_what_to_do(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PYTHON", tmp_path / "python")
    with pytest.raises(StackError, match="make setup WITH=cluster"):
        cluster.start()
    assert cluster.running() == []
