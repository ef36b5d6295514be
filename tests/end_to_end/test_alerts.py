"""Each fault of a running stack ends in one alert, however often it is met, and one recovery message: on the topic, and
in Slack, which a connection of Airflow's leads to."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.stack import ROOT, Stack
from tests.end_to_end.conftest import AIRFLOW, METER_READINGS
from tests.end_to_end.world import World, wait_for
from tests.support.lakes import config_text
from tests.support.webhook import Webhook, running_webhook

TRIES = 3
# Not after 20 s, and then after a minute.
SOON = """
from lakelanes_airflow import defaults
defaults.DEFAULT_ARGS["retry_delay"] = 1
"""
# As lakelanes_airflow.channels has it.
SLACK = "lakelanes_slack"


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the DAG files, to be broken, whose tasks are soon tried again."""
    folder = tmp_path_factory.mktemp("alerts") / "dags"
    shutil.copytree(ROOT / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "load_entities.py"
    text = path.read_text()
    before = "from __future__ import annotations\n"
    assert before in text
    path.write_text(text.replace(before, before + SOON, 1))
    return folder


@pytest.fixture(scope="module")
def slack() -> Iterator[Webhook]:
    with running_webhook() as webhook:
        yield webhook


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, dags: Path, slack: Webhook) -> Iterator[World]:
    """A stack of its own, whose watch runs as it does in earnest; the sweep is paused, so that the tests say when what
    is loaded."""
    folder = tmp_path_factory.mktemp("stack")
    config = folder / "lake.json"
    gauges = {**METER_READINGS, "table_name": "gauge_readings", "source_prefix": "gauges/"}
    config.write_text(config_text({"readings": METER_READINGS, "gauges": gauges}))
    with Stack(config_path=config, state=folder / "state", dags=dags, airflow=AIRFLOW) as stack:
        world = World(stack)
        for dag_id in ("load_readings", "load_gauges", "refresh_views", "watch_lake"):
            world.pause(dag_id, False)
        address = {"host": "http://127.0.0.1", "port": slack.port, "password": "services/T0/B0/secret"}
        world.api.post("/connections", {"connection_id": SLACK, "conn_type": "slackwebhook", **address})
        yield world


def put(world: World, day: str, rows: str, folder: str = "utilities") -> str:
    """Puts a day's file; returns its URI."""
    key = f"{folder}/readings-{day}.csv"
    world.put(key, f"meter,kwh,read_at\n{rows}")
    return f"s3://{world.resources.source_bucket}/{key}"


def watch(world: World) -> None:
    run = world.trigger("watch_lake")
    assert run["state"] == "success", world.states(run)


def load(world: World, entity: str, day: str) -> Any:
    return world.trigger(f"load_{entity}", conf={"partition": day})


def only_alert(world: World, cause: str) -> Any:
    """The one alert on a cause, once it has come, while nobody has cured it."""
    alerts, recoveries = wait_for(lambda: world.told_of(cause), lambda told: told[0], f"an alert on {cause}")
    assert (len(alerts), recoveries) == (1, [])
    [alert] = alerts
    for said in ("reason", "what_to_do", "meaning", "since"):
        assert alert[said], said
    assert alert["run_url"] or alert["page_url"]
    return alert


def assert_recovered(world: World, cause: str, slack: Webhook, name: str) -> None:
    """One alert in all and one recovery, which the watch, looking once more, leaves at that. name: what the text names
    that no other test's does."""
    wait_for(lambda: world.told_of(cause), lambda told: told[1], f"the recovery of {cause}")
    watch(world)
    alerts, recoveries = world.told_of(cause)
    assert (len(alerts), len(recoveries)) == (1, 1)
    assert "cured: " in recoveries[0]["reason"]
    texts = [text for text in slack.texts if name in text]
    assert ["recovered, it" in text for text in texts] == [False, True]


def kill_task(world: World, run: Any, task_id: str, tries: int) -> None:
    """Kills the process of the task's next try, and waits until Airflow has noticed."""

    def running() -> Any:
        return next((t for t in world.tasks(run).get(task_id, ()) if t["state"] == "running" and t["pid"]), None)

    found = wait_for(running, lambda task: task and task["try_number"] > tries, f"try {tries + 1} of {task_id}")
    assert os.getsid(found["pid"]) in {process.pid for process in world.stack.running()}, "it is this stack's"
    os.kill(found["pid"], signal.SIGKILL)
    wait_for(running, lambda task: not task or task["try_number"] > found["try_number"], f"the end of try {tries + 1}")


def test_a_task_that_is_killed_on_every_try_alerts_once_and_its_loading_is_told(watched: World, slack: Webhook) -> None:
    uri = put(watched, "2023-01-01", "m1,1.500,2023-01-01 00:15:00\n" * 2_000_000)
    run = watched.api.post("/dags/load_readings/dagRuns", {"logical_date": None, "conf": {"partition": "2023-01-01"}})
    for tries in range(TRIES):
        kill_task(watched, run, "convert", tries)
    run = watched.ended(run)
    assert run["state"] == "failed"
    alert = only_alert(watched, f"file/{uri}")
    assert alert["run_id"] == run["dag_run_id"] and alert["run_url"].startswith(watched.stack.airflow_url)
    assert "killed" in alert["reason"] and "memory" in alert["what_to_do"]
    watch(watched)
    assert watched.clear(run)["state"] == "success"
    assert_recovered(watched, f"file/{uri}", slack, uri)
    assert watched.query("SELECT count(*) FROM meter_readings WHERE year = '2023'") == [("2000000",)]


def test_a_dag_file_that_cannot_be_imported_alerts_once_and_its_correction_is_told(
    watched: World, slack: Webhook, dags: Path
) -> None:
    path, cause = dags / "made_by_hand.py", "import/made_by_hand.py"
    path.write_text("from airflow.sdk import DAG\n\nwith DAG('made_by_hand'):\n    no_such_name()\n")
    alert = only_alert(watched, cause)
    assert "no_such_name" in alert["reason"] and "made_by_hand.py" in alert["event"]
    watch(watched)
    assert len(watched.told_of(cause)[0]) == 1 and watched.told_of(cause)[1] == []
    path.write_text("from airflow.sdk import DAG\n\nwith DAG('made_by_hand'):\n    pass\n")
    watch(watched)
    assert_recovered(watched, cause, slack, path.name)


def test_a_partition_past_its_deadline_alerts_once_and_its_coming_is_told(watched: World, slack: Webhook) -> None:
    today = datetime.now(UTC)
    before, missing, after = (f"{today - timedelta(days=ago):%Y-%m-%d}" for ago in (6, 5, 4))
    for day in (before, after):
        put(watched, day, f"m1,1.500,{day} 00:15:00\n", "gauges")
        assert load(watched, "gauges", day)["state"] == "success"
    cause = f"deadline/gauges/{missing}"
    watch(watched)
    alert = only_alert(watched, cause)
    assert alert["partition_key"] == missing and "gauges" in alert["what_to_do"]
    assert alert["page_url"] == f"{watched.stack.airflow_url}/lake/entities/gauges/periods/{missing}"
    watch(watched)
    put(watched, missing, f"m1,1.500,{missing} 00:15:00\n", "gauges")
    assert load(watched, "gauges", missing)["state"] == "success"
    assert_recovered(watched, cause, slack, f"partition {missing} of gauges")


def test_too_many_rejected_rows_alert_once_and_their_correction_is_told(watched: World, slack: Webhook) -> None:
    good, bad = "m1,1.500,2023-03-01 00:15:00\n", "m2,plenty,2023-03-01 00:15:00\n"
    put(watched, "2023-03-01", good * 7 + bad * 3)
    assert load(watched, "readings", "2023-03-01")["state"] == "success"
    cause = "rejects/readings/2023-03-01"
    watch(watched)
    alert = only_alert(watched, cause)
    assert "3 of 10 rows" in alert["reason"] and "meter_readings_rejects" in alert["what_to_do"]
    watch(watched)
    put(watched, "2023-03-01", good * 10)
    assert load(watched, "readings", "2023-03-01")["state"] == "success"
    assert_recovered(watched, cause, slack, "3 of 10 rows")
