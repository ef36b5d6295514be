"""Both lanes of a whole stack: the function loads, Airflow's runs find it done, the sweep takes what was left."""

from __future__ import annotations

from collections import Counter

from tests.end_to_end.world import FINAL, World, wait_for

GOOD = "place,minutes\na,10\nb,20\n"


def total(world: World, day: str) -> list[tuple[str | None, ...]]:
    return world.query(f"SELECT count(*) AS n, sum(minutes) AS m FROM parking WHERE month = '05' AND day = '{day}'")


def put_and_wait(world: World, key: str, text: str, state: str = "loaded") -> None:
    """Puts a file and waits until the low-latency lane has put it into a state, and is done with what it loaded: it
    registers a partition after that."""
    world.put(key, text)
    uri = f"s3://{world.resources.source_bucket}/{key}"
    wait_for(lambda: world.entry(uri).get("state"), lambda found: found == state, f"{uri} to be {state}")
    assert world.entry(uri)["lane"] == "fast"
    if state == "loaded":
        wait_for(lambda: world.messages("FileQueueUrl"), lambda count: count == 0, "the function to be done")


def sweep(world: World) -> dict[str, dict[str, list[str]]]:
    """Runs the sweep; returns the states of its tasks, by run. Where a quarter of an hour has begun since the last
    sweep, the scheduled run comes too, and may be the first."""
    before = {run["dag_run_id"] for run in world.runs("sweep_sources", state=FINAL)}
    world.pause("sweep_sources", False)
    try:
        world.trigger("sweep_sources")
        runs = [world.ended(run) for run in world.runs("sweep_sources") if run["dag_run_id"] not in before]
    finally:
        world.pause("sweep_sources")
    states = {run["dag_run_id"]: world.states(run) for run in runs}
    assert all(run["state"] == "success" for run in runs), states
    return states


def test_a_run_finds_loaded_what_the_function_was_faster_with_and_validates_and_announces_it(world: World) -> None:
    put_and_wait(world, "parking_2023_05_01.csv", GOOD)
    before = world.loads("parking")
    run = world.trigger("load_parking", partition_key="2023-05-01")
    assert run["state"] == "success", world.states(run)
    assert world.states(run)["publish"] == ["success"]
    assert world.asset_keys("parking")[-1] == "2023-05-01"
    assert world.loads("parking") == before, "nothing was loaded again"
    assert total(world, "01") == [("2", "30")]


def test_the_sweep_repairs_and_announces_what_the_function_loaded(world: World) -> None:
    put_and_wait(world, "parking_2023_05_02.csv", GOOD)
    world.delete_partitions("parking", [["2023", "05", "02"]])
    assert total(world, "02") == [("0", None)]
    runs = sweep(world)
    assert ["success"] in [states["publish"] for states in runs.values()]
    assert total(world, "02") == [("2", "30")]
    assert "2023-05-02" in world.asset_keys("parking")
    put_and_wait(world, "parking_2023_05_03.csv", GOOD)
    runs = sweep(world)
    announced = Counter(
        event["source_run_id"] for event in world.asset_events("parking") if event["partition_key"] == "2023-05-03"
    )
    # What was loaded less than INDEX_LAG before a sweep is announced by the next one too.
    assert announced and set(announced) <= set(runs) and set(announced.values()) == {1}, announced


def test_the_sweep_takes_what_is_too_large_for_the_function(world: World) -> None:
    text = "place,minutes\n" + "a,1\n" * 2000
    put_and_wait(world, "parking_2023_05_04.csv", text, "deferred")
    sweep(world)
    uri = f"s3://{world.resources.source_bucket}/parking_2023_05_04.csv"
    assert (world.entry(uri)["state"], world.entry(uri)["lane"]) == ("loaded", "batch")
    assert total(world, "04") == [("2000", "2000")]


def test_a_poison_file_alerts_once_and_after_its_correction_the_sweep_only_clears_up(world: World) -> None:
    put_and_wait(world, "parking_2023_05_05.csv", "place,hours\na,1\n", "rejected")
    put_and_wait(world, "parking_2023_05_05_1.csv", GOOD)
    wait_for(world.dead_letters, lambda count: count == 1, "the dead letter")
    uri = f"s3://{world.resources.source_bucket}/parking_2023_05_05.csv"
    [alert] = wait_for(lambda: world.alerts_about(uri), bool, "the alert")
    assert alert["dag_id"] == "file_processor"
    put_and_wait(world, "parking_2023_05_05.csv", GOOD)
    assert total(world, "05") == [("4", "60")]
    before = world.loads("parking")
    sweep(world)
    assert world.dead_letters() == 0
    assert world.loads("parking") == before
    assert total(world, "05") == [("4", "60")]
    assert len(world.alerts_about(uri)) == 1
