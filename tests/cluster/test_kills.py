"""What a run comes to when a machine of it is gone, without a word, in the middle: every row once, and one alert."""

from __future__ import annotations

import contextlib

import pytest

from tests.cluster.machines import Machines
from tests.end_to_end.readings import answer, put_readings
from tests.end_to_end.world import wait_for

# A file that is written in several parts.
MANY_ROWS = 4_000_000
SOME_ROWS = 40_000


@pytest.fixture(autouse=True)
def all_there(machines: Machines) -> None:
    """No test leaves another one less than all machines."""
    machines.mend()


def test_a_killed_workers_file_is_loaded_once_by_another(machines: Machines) -> None:
    expected = put_readings(machines, "2025-01", {1: MANY_ROWS})
    with machines.in_the_middle("2025-01-01") as (run, task):
        machines.kill(task["hostname"])
    assert machines.state(run) == "running"
    # Nobody replaces it before the run has ended.
    assert machines.ended(run)["state"] == "success", machines.states(run)
    [convert] = machines.tasks(run)["convert"]
    assert convert["try_number"] == 2 and convert["hostname"] != task["hostname"]
    assert answer(machines, "2025", "01") == expected
    uri = f"s3://{machines.resources.source_bucket}/utilities/north/readings-2025-01-01.csv"
    assert machines.entry(uri)["state"] == "loaded"
    assert machines.alerts_about(uri) == [], "nobody has to act"
    assert machines.mend() == [task["hostname"]]


def test_a_worker_that_stands_still_and_comes_back_too_late_changes_nothing(machines: Machines) -> None:
    """As one does that the network had cut off: Airflow has given its task to another one meanwhile."""
    expected = put_readings(machines, "2025-06", {1: MANY_ROWS})
    with contextlib.ExitStack() as standing:
        with machines.in_the_middle("2025-06-01") as (run, task):
            name = task["hostname"]
            standing.enter_context(machines.standing_still(name))
        assert machines.tasks_at(name), "it holds its task"
        assert machines.ended(run)["state"] == "success", machines.states(run)
        [convert] = machines.tasks(run)["convert"]
        assert convert["hostname"] != name
        before = machines.loads("meter_readings")
    wait_for(lambda: machines.tasks_at(name), lambda tasks: not tasks, "the late task to end")
    assert machines.state(run) == "success"
    assert machines.loads("meter_readings") == before
    assert answer(machines, "2025", "06") == expected
    uri = f"s3://{machines.resources.source_bucket}/utilities/north/readings-2025-06-01.csv"
    assert machines.entry(uri)["state"] == "loaded" and machines.alerts_about(uri) == []


def test_what_waits_in_a_killed_triggerer_goes_on_in_the_next(machines: Machines) -> None:
    run = machines.begin("load_readings", partition_key="2025-02-01")
    wait_for(lambda: machines.states(run).get("sense"), lambda states: states == ["deferred"], "the sensor to wait")
    machines.kill("triggerer")
    expected = put_readings(machines, "2025-02", {1: 20})
    machines.replace("triggerer")
    assert machines.ended(run)["state"] == "success"
    assert answer(machines, "2025", "02") == expected


def test_a_run_goes_on_with_the_next_scheduler(machines: Machines) -> None:
    expected = put_readings(machines, "2025-03", dict.fromkeys(range(1, 5), SOME_ROWS))
    run = machines.begin("load_readings", conf={"first_partition": "2025-03-01", "last_partition": "2025-03-04"})
    machines.running_task(run, "sense")
    machines.kill("scheduler")
    machines.replace("scheduler")
    assert machines.ended(run)["state"] == "success", machines.states(run)
    assert answer(machines, "2025", "03") == expected


def test_a_run_outlives_a_restart_of_the_database(machines: Machines) -> None:
    expected = put_readings(machines, "2025-04", {1: MANY_ROWS})
    with machines.in_the_middle("2025-04-01") as (run, _):
        machines.stack.stop_database()
        machines.replace("database")
    # Airflow's processes may have ended by it; MWAA starts them anew.
    ended: list[str] = []

    def look() -> str:
        ended.extend(machines.mend())
        return machines.state(run)

    state = wait_for(look, lambda state: state in ("success", "failed"), "the end of the run")
    print("ended by the restart:", ended)
    assert state == "success", machines.states(run)
    assert answer(machines, "2025", "04") == expected


def test_a_failed_load_alerts_once_whoever_meets_it(machines: Machines) -> None:
    machines.put("visits_20250501T09.csv.gz", "room,people\nblue,1\n")
    machines.put("visits_20250501T10.csv.gz", "room,visitors\nblue,1\nred,2\n")
    run = machines.trigger("load_visits")
    assert run["state"] == "failed"
    [file] = machines.alert_of(run)["files"]
    assert file["file"].endswith("/visits_20250501T09.csv.gz") and "missing column visitors" in file["reason"]
    # A second run meets the same file; the alert of a later fault is behind any that it would send.
    again = machines.trigger("load_visits", conf={"keys": ["visits_20250501T09.csv.gz"]})
    later = machines.trigger("load_visits", conf={"partition": "2025-05-02T00"})
    assert (again["state"], later["state"]) == ("failed", "failed")
    machines.alert_of(later)
    assert len(machines.alerts_about(file["file"])) == 1
    hours = "SELECT hour, sum(visitors) AS visitors FROM museum_visits GROUP BY hour ORDER BY hour"
    assert machines.query(hours) == [("10", "3")]
