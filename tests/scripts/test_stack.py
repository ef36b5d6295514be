"""What the stack decides before it starts anything; the end-to-end tests start it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakelanes.config.model import LakeConfig
from scripts import stack
from scripts.airflow_processes import NAMES, LocalAirflow
from scripts.deploy import DeployError
from scripts.kept_lake import lake_name
from scripts.processes import GRACE_SECONDS, LEADER_SECONDS, ProcessTable, StackError
from scripts.stack import Running, Stack
from tests.support.lakes import SALES, config_text


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


def _running(made: Stack, **different: Any) -> Running:
    return Running(**{"lake": lake_name(made.config), "keep": True, "config": "/elsewhere/lake.json", **different})


def test_another_lake_is_not_taken_for_a_change_of_the_one_that_runs(made: Stack) -> None:
    with pytest.raises(
        StackError, match=r"serves /elsewhere/lake.json, and .*lake.json is another lake \(mine-analytics-"
    ):
        made._check_lake(_running(made, lake="theirs-000000000000-eu-west-1"))
    # By whatever path.
    made._check_lake(_running(made))


def test_where_nothing_runs_nothing_is_taken_over(made: Stack) -> None:
    assert made.take_over() is None


@dataclass
class Serving:
    """A stack that runs, whose deployment and whose Airflow are told what to do: they note it, and fail as asked."""

    stack: Stack
    table: ProcessTable
    fails: Callable[[str], bool] = lambda text: False
    parses: Callable[[str], bool] = lambda text: True
    deployed: list[str] = field(default_factory=list)
    started: list[tuple[str, list[str]]] = field(default_factory=list)
    alert_topic: str = "arn:topic"

    def deploy(self, text: str, before: Any = None) -> dict[str, str]:
        self.deployed.append(text)
        if self.fails(text):
            raise DeployError("refused")
        return {"AlertTopicArn": self.alert_topic}

    def start(self, airflow: Any, table: Any, env: Any, names: list[str]) -> None:
        self.started.append((self.served(), names))

    def wait_parsed(self, airflow: Any, config: LakeConfig, *_: Any) -> None:
        if not self.parses(self.served()):
            raise StackError("a DAG file cannot be imported")

    def served(self) -> str:
        return self.stack.served_file.read_text()


BEFORE, AFTER = config_text(name="mine"), config_text(name="mine", entities={"new": SALES})


@pytest.fixture
def serving(made: Stack, monkeypatch: pytest.MonkeyPatch) -> Serving:
    made.state.mkdir()
    made.served_file.write_text(BEFORE)
    made._told = {"LAKE_ALERT_TOPIC_ARN": "arn:topic", "LAKE_LEDGER_TABLE": "mine_ledger"}
    serving = Serving(made, ProcessTable(made.state / "processes.json"))
    monkeypatch.setattr(Stack, "_deployment", serving)
    monkeypatch.setattr(Stack, "client", lambda self, service: None)
    monkeypatch.setattr(stack, "attach_policies", lambda *arguments: None)
    monkeypatch.setattr(LocalAirflow, "wait_healthy", lambda *arguments: None)
    monkeypatch.setattr(LocalAirflow, "start", lambda *arguments: serving.start(*arguments))
    monkeypatch.setattr(LocalAirflow, "wait_parsed", lambda *arguments: serving.wait_parsed(*arguments))
    return serving


def test_a_change_reaches_the_functions_first_and_airflow_by_its_dag_processor(serving: Serving) -> None:
    serving.stack._serve_or_go_back(serving.table, BEFORE, AFTER)
    assert serving.deployed == [AFTER] and serving.started == [(AFTER, ["dag-processor"])]


def test_all_of_airflow_is_started_anew_where_it_was_told_other_names(serving: Serving) -> None:
    serving.alert_topic = "arn:another"
    serving.stack._serve_or_go_back(serving.table, BEFORE, AFTER)
    assert serving.started == [(AFTER, list(NAMES))]
    assert serving.stack._told["LAKE_ALERT_TOPIC_ARN"] == "arn:another"


def test_a_deployment_that_fails_is_taken_back_and_airflow_does_not_notice(serving: Serving) -> None:
    serving.fails = lambda text: text == AFTER
    with pytest.raises(StackError, match="refused\nNothing was changed: the configuration of before is served"):
        serving.stack._serve_or_go_back(serving.table, BEFORE, AFTER)
    assert serving.deployed == [AFTER, BEFORE] and serving.started == []
    assert serving.served() == BEFORE
    assert serving.stack.config.entities.keys() == {"sales"}


def test_dag_files_that_cannot_be_imported_with_it_are_taken_back_as_well(serving: Serving) -> None:
    serving.parses = lambda text: text == BEFORE
    with pytest.raises(StackError, match="cannot be imported\nNothing was changed"):
        serving.stack._serve_or_go_back(serving.table, BEFORE, AFTER)
    assert serving.deployed == [AFTER, BEFORE]
    assert serving.started == [(AFTER, ["dag-processor"]), (BEFORE, ["dag-processor"])]
    assert serving.served() == BEFORE


def test_what_cannot_be_taken_back_either_says_so(serving: Serving) -> None:
    serving.fails = lambda text: True
    with pytest.raises(StackError, match="refused\nand the configuration of before cannot be served either: refused"):
        serving.stack._serve_or_go_back(serving.table, BEFORE, AFTER)


def test_the_configuration_of_the_last_time_is_the_next_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stack._remembered(tmp_path) is None
    (tmp_path / "configuration").write_text("/lakes/mine.json\n")
    assert stack._remembered(tmp_path) == "/lakes/mine.json"
    assert "LAKE_CONFIG names another one" in capsys.readouterr().out


# Takes the place of the local AWS: when it is asked to end it writes a file bit by bit, and then says that it is whole.
KEEPER = """
import pathlib, signal, sys, time
kept, bits = pathlib.Path(sys.argv[1]), int(sys.argv[2])
mark, unfinished = kept.with_name("lake.kept.open"), kept.with_name("lake.kept.new")
mark.touch()
def save(*_):
    for _ in range(bits):
        time.sleep(0.5)
        with unfinished.open("ab") as file:
            file.write(b"x")
    while not bits:
        time.sleep(1)
    mark.unlink()
    sys.exit()
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
while True:
    time.sleep(1)
"""


@pytest.fixture
def keeping(made: Stack) -> Iterator[Callable[[int], list[str]]]:
    """Starts such a process for a stack; returns what the stack says when it is stopped."""
    table = ProcessTable(made.state / "processes.json")

    def started(bits: int) -> list[str]:
        made.keep = True
        made._clear()
        made._write_running()
        said: list[str] = []
        made.say = said.append
        command = [sys.executable, "-c", KEEPER, made._kept.file, str(bits)]
        log = made.state / "logs" / "aws.log"
        process = table.start("aws", command, env={}, cwd=made.state, log=log, stdout=subprocess.PIPE)
        assert process.popen is not None and process.popen.stdout is not None
        assert process.popen.stdout.readline() == b"ready\n"
        return said

    yield started
    table.stop()


def test_a_lake_that_takes_long_to_write_is_waited_for(
    made: Stack, keeping: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "TOLD_SECONDS", 0.1)
    said = keeping(int(2 * (LEADER_SECONDS + GRACE_SECONDS)) + 2)
    assert made.stop() is True
    assert not made._kept.open_mark.exists()
    assert any("keeping the lake's data" in line for line in said)
    assert not any("could not be kept" in line for line in said)


def test_one_that_writes_nothing_any_more_is_stopped_and_what_is_lost_is_said(
    made: Stack, keeping: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "STALLED_SECONDS", 0.5)
    said = keeping(0)
    assert made.stop() is True
    assert any("has written nothing for" in line for line in said)
    assert said[-1].endswith("since its last start could not be kept")
    assert made.running() == []


def test_where_there_is_no_room_nothing_is_stopped(
    made: Stack, keeping: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping(1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StackError, match="nothing was stopped: make room, or let `make clean` delete"):
        made.stop()
    assert len(made.running()) == 1 and made._read_running() is not None
    monkeypatch.undo()
    assert made.stop() is True and not made._kept.open_mark.exists()


def test_what_is_kept_is_deleted_and_said(made: Stack) -> None:
    made.keep = True
    made._clear()
    made._kept.file.write_text(json.dumps({"saved": "2026-01-31", "objects": 2, "bytes": 10, "tables": 1}) + "\n")
    made.remembered_file.write_text("x")
    said = "2 objects (10 bytes) and 1 DynamoDB table, as of 2026-01-31"
    assert made.forget() == {lake_name(made.config): said}
    assert not (made.state / "lakes").exists() and not made.remembered_file.exists()


def test_a_stack_that_keeps_nothing_leaves_what_another_has_kept(made: Stack) -> None:
    made.keep = True
    made._clear()
    made._kept.database.write_text("runs")
    made.keep = False
    made._clear()
    assert made._kept.database.read_text() == "runs"
    assert made._airflow_home == made.state / "airflow" and list(made._airflow_home.iterdir()) == []


def test_functions_and_airflow_are_given_the_same_with_nothing_left_to_replace(made: Stack) -> None:
    settings = {**json.loads(config_text(name="mine")), "airflow_url": None}
    settings["resources"]["analytics_bucket"] = "${BUCKET:-mine-lake}"
    made.config_path.write_text(json.dumps(settings))
    made.airflow_url = "http://127.0.0.1:1234"
    served = json.loads(made._served_text(made.config))
    assert (served["airflow_url"], served["resources"]["analytics_bucket"]) == ("http://127.0.0.1:1234", "mine-lake")
    assert made._airflow_environment()["LAKE_CONFIG"] == str(made.served_file)
    assert made.environment["LAKE_CONFIG"] == str(made.config_path), "the user's own"


def test_nothing_runs_and_nothing_is_stopped_where_nothing_was_started(made: Stack) -> None:
    assert made.stop() is False
    assert made.running() == []
