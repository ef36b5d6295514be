"""Days that wait share a run, and a run that was asked for twice, since an answer was lost, is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from lakelanes.lake import Lake
from scripts.airflow_api import AirflowError
from tests.faults.batch_lane import Armed
from tests.faults.cluster import lane as cluster_lane
from tests.faults.cluster.lane import RUNS_AT_ONCE, ClusterLane
from tests.faults.plan import ENTITIES, make_plan
from tests.support.lakes import deploy_lake
from tests.support.localaws import LocalAws
from tests.support.waiting import wait_for

DAYS = make_plan(50 * (RUNS_AT_ONCE + 5), "lane").days


class Machines:
    """An Airflow whose runs end when they are told to, and that answers badly at first."""

    def __init__(self) -> None:
        self.runs: dict[str, Any] = {}
        self.released, self.planned = threading.Event(), threading.Event()
        self.bad: list[Exception] = []

    def begin(self, dag_id: str, dag_run_id: str, conf: Any) -> None:
        if dag_run_id in self.runs:
            raise AirflowError(f"POST /dags/{dag_id}/dagRuns: 409 it is there")
        self.runs[dag_run_id] = conf
        if self.bad:
            raise self.bad.pop()

    def state(self, run: Any) -> str:
        if self.bad:
            raise self.bad.pop()
        return "success" if self.released.is_set() else "running"

    def states(self, run: Any) -> dict[str, list[str]]:
        return {"sense": ["success" if self.planned.is_set() else "running"]}

    def tasks(self, run: Any) -> dict[str, list[Any]]:
        return {"convert": [{"state": "success", "try_number": 2}]}


class Quiet:
    """What neither strikes nor disturbs."""

    killed = 0

    def arm(self, faults: Any) -> None:
        pass

    def run_began(self) -> None:
        pass

    def check(self) -> None:
        pass


@pytest.fixture
def lane(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterLane]:
    monkeypatch.setattr(cluster_lane, "_PAUSE", 0.01)
    lake = deploy_lake(local_aws, ENTITIES)
    put(lake, [day.changes[0].key for day in DAYS])
    made: Any = Quiet()
    yield ClusterLane(Machines(), made, made, lake, "chaos", lambda text: None)  # type: ignore[arg-type]


def put(lake: Lake, keys: list[str]) -> None:
    for key in keys:
        lake.s3.put_object(Bucket=lake.config.resources.source_bucket, Key=key, Body=b"x")


def spans(machines: Any) -> list[tuple[str, str]]:
    return sorted((conf["first_partition"], conf["last_partition"]) for conf in machines.runs.values())


def test_days_that_wait_and_follow_each_other_are_one_run(lane: ClusterLane) -> None:
    machines: Any = lane._machines
    first, waiting = DAYS[:RUNS_AT_ONCE], [*DAYS[RUNS_AT_ONCE : RUNS_AT_ONCE + 3], DAYS[RUNS_AT_ONCE + 4]]
    with ThreadPoolExecutor(len(DAYS)) as threads:
        for number, day in enumerate(first, 1):
            threads.submit(lane.load, day, Armed(), 0, threading.Event())
            wait_for(lambda wanted=number: len(machines.runs) == wanted)  # type: ignore[misc]
        for day in waiting:
            threads.submit(lane.load, day, Armed(), 0, threading.Event())
        wait_for(lambda: len(lane._waiting) == len(waiting))
        assert len(machines.runs) == RUNS_AT_ONCE, "no more at once"
        machines.released.set()
    alone = [(day.key, day.key) for day in [*first, waiting[-1]]]
    assert spans(machines) == sorted([*alone, (waiting[0].key, waiting[2].key)])


def test_what_was_asked_for_and_not_answered_is_one_run(lane: ClusterLane) -> None:
    machines: Any = lane._machines
    machines.bad = [AirflowError("GET /: 500 no"), requests.ConnectionError("cut"), requests.ConnectionError("cut")]
    machines.released.set()
    lane.load(DAYS[0], Armed(), 0, threading.Event())
    assert spans(machines) == [(DAYS[0].key, DAYS[0].key)]
    assert not machines.bad


def test_what_airflow_refuses_is_said(lane: ClusterLane) -> None:
    machines: Any = lane._machines
    machines.bad = [AirflowError("POST /dags/load_orders/dagRuns: 404 there is no such DAG")]
    with pytest.raises(AirflowError, match="404"):
        lane.load(DAYS[0], Armed(), 0, threading.Event())


def test_the_other_lane_is_told_when_a_run_has_its_files(lane: ClusterLane) -> None:
    machines: Any = lane._machines
    at_work = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(lane.load, DAYS[0], Armed(), 0, at_work)
        wait_for(lambda: machines.runs)
        assert not at_work.is_set()
        machines.planned.set()
        wait_for(at_work.is_set)
        assert not running.done()
        machines.released.set()
