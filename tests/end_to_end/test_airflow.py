"""The whole way with the real scheduler, dag-processor, triggerer and api-server: files in, Athena's answer out."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from lakelanes_airflow.runs.xcoms import FAILURE
from scripts.airflow_api import AirflowError
from tests.end_to_end.readings import answer, put_readings
from tests.end_to_end.world import FINAL, World, wait_for

# Its task runs when a table is new, in whichever test that is.
VIEWS = {"refresh_views"}


def test_a_trigger_loads_all_that_is_there(world: World) -> None:
    expected = put_readings(world, "2023-01", {1: 10, 2: 1000, 3: 1})
    refreshes = len(world.runs("refresh_views"))
    run = world.trigger("load_readings")
    assert run["state"] == "success", world.states(run)
    assert answer(world, "2023", "01") == expected
    [convert] = world.tasks(run)["convert"]
    assert convert["rendered_map_index"].startswith("3 files, ")
    assert {"2023-01-01", "2023-01-02", "2023-01-03"} <= set(world.asset_keys("meter_readings"))
    assert world.states(run)["report_failures"] == ["skipped"]
    if world.states(run)["refresh_views"] == ["success"]:
        wait_for(lambda: len(world.runs("refresh_views")), lambda count: count > refreshes, "a refresh of the views")


def test_a_backfill_loads_its_partitions_and_waits_for_a_late_file(world: World) -> None:
    late = {4: 40}
    expected = put_readings(world, "2023-02", {1: 10, 2: 20, 3: 30})
    backfill = world.backfill("load_readings", "2023-02-01", "2023-02-04", max_active_runs=4)

    def keyed() -> dict[str, dict[str, list[str]]]:
        runs = world.runs("load_readings", run_type="backfill")
        return {run["partition_key"]: world.states(run) for run in runs if run["partition_key"] == "2023-02-04"}

    wait_for(keyed, lambda runs: runs.get("2023-02-04", {}).get("sense") == ["deferred"], "the run of a missing file")
    expected |= put_readings(world, "2023-02", late)
    world.completed(backfill)
    states = {run["partition_key"]: run["state"] for run in world.runs("load_readings", run_type="backfill")}
    february = {key: state for key, state in states.items() if key.startswith("2023-02")}
    assert february == {f"2023-02-{day:02}": "success" for day in range(1, 5)}
    assert answer(world, "2023", "02") == expected
    counts = Counter(world.asset_keys("meter_readings"))
    assert {key: counts[key] for key in february} == dict.fromkeys(february, 1)


def test_a_deleted_partition_comes_back_by_a_rerun_and_by_msck(world: World) -> None:
    expected = put_readings(world, "2023-03", {1: 5, 2: 6})
    runs = [world.trigger("load_readings", partition_key=f"2023-03-0{day}") for day in (1, 2)]
    assert [run["state"] for run in runs] == ["success", "success"]
    assert answer(world, "2023", "03") == expected
    before = world.loads("meter_readings")

    world.delete_partitions("meter_readings", [["2023", "03", "01"], ["2023", "03", "02"]])
    assert answer(world, "2023", "03") == {}
    again = world.backfill(
        "load_readings", "2023-03-01", "2023-03-01", reprocess_behavior="completed", max_active_runs=1
    )
    world.completed(again)
    assert answer(world, "2023", "03") == {"01": expected["01"]}
    assert world.clear(runs[1])["state"] == "success"
    assert answer(world, "2023", "03") == expected

    world.delete_partitions("meter_readings", [["2023", "03", "02"]])
    world.execute("MSCK REPAIR TABLE meter_readings")
    assert answer(world, "2023", "03") == expected
    assert world.loads("meter_readings") == before, "nothing was loaded again"


def test_a_backfill_costs_one_task_per_loaded_day_and_repairs_what_glue_lacks(world: World) -> None:
    expected = put_readings(world, "2023-05", {1: 5, 2: 6, 3: 7})
    world.completed(world.backfill("load_readings", "2023-05-01", "2023-05-03"))
    assert answer(world, "2023", "05") == expected
    first = world.latest_runs("load_readings", "2023-05")
    assert [world.ran(run) - VIEWS for run in first.values()] == [{"sense", "convert", "publish"}] * 3
    loads, events = world.loads("meter_readings"), Counter(world.asset_keys("meter_readings"))

    expected |= put_readings(world, "2023-05", {4: 8})
    world.delete_partitions("meter_readings", [["2023", "05", "02"]])
    again = world.backfill("load_readings", "2023-05-01", "2023-05-04", reprocess_behavior="completed")
    world.completed(again)
    second = world.latest_runs("load_readings", "2023-05")
    assert {run["state"] for run in second.values()} == {"success"}
    assert {key: world.ran(run) - VIEWS for key, run in second.items()} == {
        "2023-05-01": {"sense"},
        "2023-05-02": {"sense", "publish"},
        "2023-05-03": {"sense"},
        "2023-05-04": {"sense", "convert", "publish"},
    }
    assert answer(world, "2023", "05") == expected
    after = world.loads("meter_readings")
    assert {key: after[key] for key in loads} == loads, "nothing was loaded again"
    announced = Counter(world.asset_keys("meter_readings")) - events
    assert announced == {"2023-05-02": 1, "2023-05-04": 1}, "a partition that did not change is not announced"

    # By the command line, and loading again what is loaded.
    done = world.airflow(
        *("backfill", "create", "--dag-id", "load_readings", "--reprocess-behavior", "completed"),
        *("--from-date", "2023-05-03T00:00:00+00:00", "--to-date", "2023-05-03T00:00:00+00:00"),
        *("--dag-run-conf", '{"reload": true}'),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = wait_for(
        lambda: world.latest_runs("load_readings", "2023-05-03")["2023-05-03"],
        lambda run: run["dag_run_id"] != second["2023-05-03"]["dag_run_id"] and run["state"] in FINAL,
        "the run that loads again",
    )
    world.completed(world.api.get("/backfills", dag_id="load_readings", order_by="-id")["backfills"][0])
    assert (run["state"], world.ran(run) - VIEWS) == ("success", {"sense", "convert", "publish"})
    reloaded = {key for key, token in world.loads("meter_readings").items() if token != after.get(key)}
    assert len(reloaded) == 1 and "/day=03/" in reloaded.pop()
    assert answer(world, "2023", "05") == expected


def test_a_cancelled_backfill_goes_on_with_the_next_while_both_lanes_are_live(world: World) -> None:
    expected = put_readings(world, "2023-06", {day: day for day in range(1, 7)})
    backfill = world.backfill("load_readings", "2023-06-01", "2023-06-06", max_active_runs=1)

    def loaded() -> set[str]:
        runs = world.latest_runs("load_readings", "2023-06")
        return {key for key, run in runs.items() if run["state"] == "success"}

    wait_for(loaded, bool, "the first day")
    world.api.request("PUT", f"/backfills/{backfill['id']}/cancel")
    states = wait_for(
        lambda: {key: run["state"] for key, run in world.latest_runs("load_readings", "2023-06").items()},
        lambda found: not set(found.values()) - set(FINAL),
        "the end of what was running",
    )
    world.completed(backfill)
    before, done = world.loads("meter_readings"), {key for key, state in states.items() if state == "success"}
    assert 0 < len(done) < 6, states

    backfill = world.backfill("load_readings", "2023-06-01", "2023-06-06", reprocess_behavior="failed")
    world.put("parking_2023_06_01.csv", "place,minutes\nstation,30\n")
    manual = world.trigger("load_prices")
    assert manual["state"] == "success"
    wait_for(
        lambda: world.query("SELECT minutes FROM parking WHERE year = '2023' AND month = '06'"),
        lambda rows: rows == [("30",)],
        "the file of the low-latency lane",
    )
    world.completed(backfill)
    assert len(loaded()) == 6
    assert answer(world, "2023", "06") == expected
    after = world.loads("meter_readings")
    assert {key: after[key] for key in before} == before, "what was loaded stays"
    # All of it stood behind the manual run, which stood behind scheduled ones.
    weights = {
        kind: {task["priority_weight"] for tasks in world.tasks(run).values() for task in tasks}
        for kind, run in (("manual", manual), ("backfill", world.latest_runs("load_readings", "2023-06")["2023-06-06"]))
    }
    assert min(weights["manual"]) > max(weights["backfill"])


def test_a_backfill_into_the_future_is_refused_as_a_whole(world: World) -> None:
    today = datetime.now(UTC)
    first, last = f"{today - timedelta(days=2):%Y-%m-%d}", f"{today + timedelta(days=2):%Y-%m-%d}"
    before = len(world.runs("load_readings"))
    over = (
        rf"Partition {today:%Y-%m-%d} is not over before .* end the backfill with {today - timedelta(days=1):%Y-%m-%d}"
    )
    for path in ("/backfills", "/backfills/dry_run"):
        body = {"dag_id": "load_readings", "from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        with pytest.raises(AirflowError, match=rf"(?s) 422 .*{over}"):
            world.api.post(path, body)
    with pytest.raises(AirflowError, match=r"(?s) 422 .*is not over before"):
        world.backfill("export_orders", first, last)
    assert len(world.runs("load_readings")) == before
    done = world.airflow(
        *("backfill", "create", "--dag-id", "load_readings"),
        *("--from-date", f"{first}T00:00:00+00:00", "--to-date", f"{last}T00:00:00+00:00"),
    )
    assert done.returncode != 0
    assert f"Partition {today:%Y-%m-%d} is not over" in done.stdout + done.stderr
    assert len(world.runs("load_readings")) == before


def test_a_dry_run_names_every_file_and_the_run_of_some_files_loads_only_those(world: World) -> None:
    put_readings(world, "2023-07", {1: 3, 2: 4, 3: 5})
    bucket = world.resources.source_bucket
    uris = [f"s3://{bucket}/utilities/north/readings-2023-07-{day:02}.csv" for day in (1, 2, 3)]
    events = world.asset_keys("meter_readings")

    dry = world.trigger("load_readings", conf={"dry_run": True, "first_partition": "2023-07-01"})
    assert dry["state"] == "success"
    assert world.ran(dry) == {"sense"}
    report = world.xcom(dry, "sense", "preview")
    assert {file["file"]: file["action"] for file in report["files"] if file["file"] in uris} == dict.fromkeys(
        uris, "load"
    )
    assert [world.entry(uri) for uri in uris] == [{}, {}, {}], "nobody claimed them"
    assert world.asset_keys("meter_readings") == events

    some = world.trigger("load_readings", conf={"keys": [uris[1], uris[2].removeprefix(f"s3://{bucket}/")]})
    assert some["state"] == "success"
    assert [world.entry(uri).get("state") for uri in uris] == [None, "loaded", "loaded"]
    rest = world.trigger("load_readings", conf={"first_partition": "2023-07-01", "last_partition": "2023-07-01"})
    assert rest["state"] == "success"
    assert sorted(answer(world, "2023", "07")) == ["01", "02", "03"]


def test_params_that_cannot_be_fail_the_run_at_once_and_say_which(world: World) -> None:
    wrong = world.trigger("load_readings", conf={"keys": ["anywhere/prices_north.csv"]})
    assert wrong["state"] == "failed"
    [sense] = world.tasks(wrong)["sense"]
    assert (sense["state"], sense["try_number"]) == ("failed", 1), "it is not tried again"
    said = world.xcom(wrong, "sense", FAILURE)
    assert "Param keys: 'anywhere/prices_north.csv' is of entity prices: trigger load_prices" in said
    mistyped = world.trigger("load_readings", conf={"partitoin": "2024-03-15"})
    assert mistyped["state"] == "failed", "and loads nothing"
    assert "did you mean 'partition'?" in world.xcom(mistyped, "sense", FAILURE)
    with pytest.raises(AirflowError, match="dry_run"):
        world.trigger("load_readings", conf={"dry_run": "perhaps"})


def test_a_failed_load_alerts_once_and_its_correction_cures_the_run(world: World) -> None:
    world.put("visits_20230401T09.csv.gz", "room,people\nblue,1\n")
    world.put("visits_20230401T10.csv.gz", "room,visitors\nblue,1\nred,2\n")
    run = world.trigger("load_visits")
    assert run["state"] == "failed"
    assert world.states(run)["report_failures"] == ["failed"]
    hours = "SELECT hour, sum(visitors) AS visitors FROM museum_visits GROUP BY hour ORDER BY hour"
    assert world.query(hours) == [("10", "3")], "the good file was published"

    alert = world.alert_of(run)
    assert (alert["dag_id"], alert["entity"]) == ("load_visits", "visits")
    [file] = alert["files"]
    assert file["file"].endswith("/visits_20230401T09.csv.gz")
    assert "missing column visitors" in file["reason"] and file["line"] is not None
    assert alert["what_to_do"] and alert["run_url"].startswith(world.stack.airflow_url)

    world.put("visits_20230401T09.csv.gz", "room,visitors\nblue,7\n")
    assert world.clear(run)["state"] == "success"
    assert world.query(hours) == [("09", "7"), ("10", "3")]

    # The alert of a later failure is behind any second one of the first.
    missing = world.trigger("load_visits", conf={"partition": "2023-04-02T00"})
    assert missing["state"] == "failed"
    assert "no file for partition 2023-04-02T00 of visits" in world.alert_of(missing)["reason"]
    assert len(world.alerts_of(run)) == 1


def test_the_sweep_loads_what_nobody_asked_for(world: World) -> None:
    world.put("anywhere/prices_north.csv", 'product,price\n"bread, sliced",2.50\nmilk,1.20\n')
    world.put("anywhere/unknown.csv", "x\n")
    world.pause("sweep_sources", False)
    try:
        run = world.trigger("sweep_sources")
    finally:
        world.pause("sweep_sources")
    assert run["state"] == "success", world.states(run)
    assert world.query("SELECT market, sum(price) AS total FROM prices GROUP BY market") == [("north", "3.70")]
    assert world.asset_keys("prices") == [None]
