"""Loads on several machines: the zip layout is imported, batches spread over workers, and nothing passes between tasks
but what is in AWS and in Airflow's database."""

from __future__ import annotations

from pathlib import Path

from scripts.airflow_processes import expected_dags, pages
from tests.cluster.machines import Machines
from tests.end_to_end.readings import answer, put_readings
from tests.end_to_end.world import wait_for

MEGABYTE_ROWS = 40_000


def test_every_node_has_a_home_a_tmp_and_a_name_of_its_own(machines: Machines) -> None:
    processes = [machines.process(name) for name in machines.stack.node_names]
    for path in ("/usr/local/airflow", "/usr/local/airflow/dags", "/tmp"):
        assert len({machines.place(process, path) for process in processes}) == len(processes), path
    # Those that give themselves a title have written it over their variables.
    for name in ("scheduler", "triggerer", "dag-processor"):
        environment = machines.environment(machines.process(name))
        # As startup.sh of the package exports it; no path of this machine.
        assert environment["LAKE_CONFIG"] == "/usr/local/airflow/plugins/include/lake.json"
        assert environment["AIRFLOW_HOME"] == "/usr/local/airflow"
        assert "PYTHONPATH" not in environment


def test_a_worker_has_imported_what_tasks_need_before_it_forks(machines: Machines) -> None:
    for name in machines.stack.worker_names:
        memory = f"/proc/{machines.process(name).pid}/maps"
        wait_for(lambda memory=memory: "libarrow" in Path(memory).read_text(), bool, f"{name} to load pyarrow")  # type: ignore[misc]


def test_the_layout_of_the_package_is_imported_without_a_fault(machines: Machines) -> None:
    assert machines.api.get("/importErrors")["import_errors"] == []
    dags = pages(machines.api, "/dags", "dags")
    assert {dag["dag_id"] for dag in dags} == expected_dags(
        machines.stack.config, machines.stack.state / "mwaa" / "dags"
    )
    assert {dag["fileloc"].rpartition("/")[0] for dag in dags} == {"/usr/local/airflow/dags"}


def test_batches_spread_over_workers_which_pass_on_nothing_but_by_aws_and_database(machines: Machines) -> None:
    expected = put_readings(machines, "2024-01", dict.fromkeys(range(1, 9), MEGABYTE_ROWS))
    before = machines.cpu_seconds()
    run = machines.trigger("load_readings")
    taken = {name: round(seconds - before[name], 1) for name, seconds in machines.cpu_seconds().items()}
    assert run["state"] == "success", machines.states(run)
    assert answer(machines, "2024", "01") == expected
    converts = machines.tasks(run)["convert"]
    assert len(converts) >= 4
    hosts = {task["hostname"] for task in converts}
    assert hosts <= set(machines.stack.worker_names) and len(hosts) >= min(2, machines.stack.workers), hosts

    stored = machines.ask(
        f"SELECT task_id, count(*), sum(octet_length(value::text)) FROM xcom WHERE run_id = '{run['dag_run_id']}' "
        "GROUP BY task_id"
    )
    assert {task for task, *_ in stored} >= {"sense", "convert"}
    assert sum(size for *_, size in stored) < 100_000, stored
    print(f"XComs of the run by task, count and bytes: {stored}; CPU seconds by node: {taken}")
    states = machines.ask(
        f"SELECT DISTINCT task_id, state, executor FROM task_instance WHERE run_id = '{run['dag_run_id']}'"
    )
    assert ["convert", "success"] in [row[:2] for row in states]
    for name in machines.stack.node_names:
        assert machines.left(name) == set(), name


def test_a_run_waits_for_its_file_in_the_triggerer(machines: Machines) -> None:
    run = machines.begin("load_readings", partition_key="2024-02-01")
    wait_for(lambda: machines.states(run).get("sense"), lambda states: states == ["deferred"], "the sensor to wait")
    holders = "SELECT j.hostname FROM trigger t JOIN job j ON j.id = t.triggerer_id"
    wait_for(lambda: machines.ask(holders), lambda found: ["triggerer"] in found, "the triggerer to take it")
    expected = put_readings(machines, "2024-02", {1: 10})
    assert machines.ended(run)["state"] == "success"
    assert answer(machines, "2024", "02") == expected


def test_a_backfill_loads_its_partitions(machines: Machines) -> None:
    expected = put_readings(machines, "2024-03", {1: 10, 2: 20, 3: 30})
    machines.completed(machines.backfill("load_readings", "2024-03-01", "2024-03-03", max_active_runs=3))
    states = {key: run["state"] for key, run in machines.latest_runs("load_readings", "2024-03").items()}
    assert states == dict.fromkeys(("2024-03-01", "2024-03-02", "2024-03-03"), "success")
    assert answer(machines, "2024", "03") == expected
