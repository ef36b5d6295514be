"""What the stack decides before it starts anything; the end-to-end tests start it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import stack
from scripts.stack import Stack, StackError, expected_dags
from tests.support.lakes import SALES, config_text, make_config
from tests.support.source_tables import ORDERS

DAGS = stack.ROOT / "dags"


def test_every_dag_of_the_configuration_is_waited_for() -> None:
    tables: dict[str, Any] = {
        "orders": {"dynamodb_table": "shop-orders", **ORDERS},
        "clicks": {"dynamodb_table": "shop-clicks", **ORDERS, "table_name": "clicks", "lanes": ["stream"]},
    }
    dags = expected_dags(make_config({"sales": SALES}, tables), DAGS)
    assert dags == {
        *("load_sales", "export_orders", "sweep_sources", "refresh_views", "refresh_dashboards"),
        *("maintain_lake", "watch_lake"),
    }


def test_a_file_that_airflow_skips_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from airflow.sdk import DAG")
    (tmp_path / "helpers.py").write_text("import os")
    assert expected_dags(make_config(), tmp_path) == {"mine"}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as held:
        held.bind((stack.HOST, 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_port_that_is_taken_is_refused_where_it_was_asked_for(taken: int) -> None:
    with pytest.raises(StackError, match=f"port {taken} of 127.0.0.1 is taken"), stack._reserved(taken):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a port is only looked for")
def test_a_chosen_port_is_held_for_its_server_and_for_nobody_else(taken: int) -> None:
    with stack._reserved(None) as free, stack._reserved(None) as other:
        assert len({taken, free, other}) == 3
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind((stack.HOST, free))
        socket.create_server((stack.HOST, free)).close()
    with stack._reserved(free) as again:
        assert again == free
        socket.create_server((stack.HOST, free)).close()


@pytest.fixture
def made(tmp_path: Path) -> Stack:
    (tmp_path / "lake.json").write_text(config_text(name="mine"))
    env = {
        "PATH": "/usr/bin",
        "AWS_PROFILE": "production",
        "AIRFLOW__CORE__EXECUTOR": "x",
        "PYTHONPATH": "/x",
        "no_proxy": "intranet",
    }
    return Stack(config_path=tmp_path / "lake.json", state=tmp_path / "state", env=env)


def test_what_points_elsewhere_does_not_reach_the_processes(made: Stack) -> None:
    env = made._clean_environment()
    assert env.keys() & {"AWS_PROFILE", "AIRFLOW__CORE__EXECUTOR", "PYTHONPATH"} == set()
    assert env["PATH"] == "/usr/bin"
    assert env["NO_PROXY"] == env["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_a_shell_is_told_of_the_configurations_resources(made: Stack) -> None:
    env = made.environment
    assert env["LAKE_SOURCE_BUCKET"] == "mine-source" and env["LAKE_DATABASE"] == "mine_db"
    assert env["AWS_ACCESS_KEY_ID"] == "test", "never the user's own"


def test_a_running_stack_of_another_configuration_is_not_taken_for_this_one(made: Stack) -> None:
    made.state.mkdir()
    made.env_file.write_text("LAKE_CONFIG=/elsewhere/lake.json\n")
    with pytest.raises(StackError, match="another configuration"):
        made._check_served()
    made.env_file.write_text(f"LAKE_CONFIG={made.config_path}\n")
    made._check_served()


def test_nothing_runs_and_nothing_is_stopped_where_nothing_was_started(made: Stack) -> None:
    assert made.stop() is False
    assert made.running() == []


def test_all_pages_of_a_list_are_read() -> None:
    def get(path: str, limit: int, offset: int) -> dict[str, Any]:
        return {"dags": list(range(250))[offset : offset + limit], "total_entries": 250}

    api: Any = SimpleNamespace(get=get)
    assert stack._pages(api, "/dags", "dags") == list(range(250))
