"""The whole way with the real scheduler, dag-processor, triggerer and api-server: files in, Athena's answer out."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from tests.end_to_end.world import World, wait_for


def readings(day: str, rows: int) -> tuple[str, Decimal]:
    """A day's file, and the sum of its kWh."""
    values = [Decimal(f"{number}.{number % 1000:03}") for number in range(1, rows + 1)]
    lines = [f"m{number % 7},{value},{day} 00:15:00" for number, value in enumerate(values)]
    return "\n".join(["meter,kwh,read_at", *lines, ""]), sum(values, Decimal())


def put_readings(world: World, month: str, days: dict[int, int]) -> dict[str, tuple[int, Decimal]]:
    """Puts one file per day with so many rows; returns rows and kWh by day as Athena is to answer them."""
    expected = {}
    for day, rows in days.items():
        text, total = readings(f"{month}-{day:02}", rows)
        world.put(f"utilities/north/readings-{month}-{day:02}.csv", text)
        expected[f"{day:02}"] = (rows, total)
    return expected


def answer(world: World, year: str, month: str) -> dict[str, tuple[int, Decimal]]:
    """Rows and kWh by day, by Athena."""
    rows = world.query(
        f"SELECT day, count(*) AS readings, sum(kwh) AS total FROM meter_readings "
        f"WHERE year = '{year}' AND month = '{month}' GROUP BY day"
    )
    return {str(day): (int(str(count)), Decimal(str(total))) for day, count, total in rows}


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
