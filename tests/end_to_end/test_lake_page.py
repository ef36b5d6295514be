"""The Lake page within the Airflow UI of a running stack: a refused file is seen, mended, and loaded by the button."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.end_to_end.world import World, wait_for
from tests.support.browser import chromium, running_browser

GOOD = "meter,kwh,read_at\nm1,1.500,2023-06-01 00:15:00\nm2,2.500,2023-06-01 00:15:00\n"


@pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")
def test_the_button_in_the_airflow_ui_loads_a_mended_file(world: World) -> None:
    key = "utilities/readings-2023-06-01.csv"
    world.put(key, "meter,power\nm1,1\n")
    assert world.trigger("load_readings", conf={"partition": "2023-06-01"})["state"] == "failed"
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.goto(f"{world.stack.airflow_url}/plugin/lake", timeout=60_000)
        lake = page.frame_locator("iframe")
        file = lake.get_by_role("link", name="readings-2023-06-01.csv")
        expect(file).to_be_visible(timeout=60_000)
        file.click()
        expect(lake.get_by_role("note")).to_contain_text("missing column")

        world.put(key, GOOD)
        before = {run["dag_run_id"] for run in world.runs("load_readings")}
        lake.get_by_role("button", name="Retry").click()
        expect(lake.get_by_role("status")).to_contain_text("A run of load_readings was started.", timeout=30_000)
        [run] = [run for run in world.runs("load_readings") if run["dag_run_id"] not in before]
        assert world.ended(run)["state"] == "success", world.states(run)
        assert run["conf"] == {"partition": "2023-06-01", "reload": False}
        sums = "SELECT count(*), sum(kwh) FROM meter_readings WHERE year = '2023' AND month = '06'"
        assert world.query(sums) == [("2", "4.000")]

        # The frame's sandbox keeps a link in it; the page's script opens the run in Airflow itself.
        lake.get_by_role("status").get_by_role("link", name="Open the run").click()
        path = f"/dags/load_readings/runs/{quote(run['dag_run_id'], safe='')}"
        page.wait_for_url(re.compile(re.escape(path)), timeout=30_000)


def test_a_published_run_is_counted(world: World) -> None:
    """The page needs nobody to have looked before: the run that publishes counts."""
    world.put("utilities/readings-2023-07-01.csv", GOOD)
    assert world.trigger("load_readings", conf={"partition": "2023-07-01"})["state"] == "success"
    dynamodb = world.stack.client("dynamodb")

    def rows() -> int:
        key = {"source": {"S": "periods:readings"}, "version": {"S": "2023-07-01"}}
        item = dynamodb.get_item(TableName=world.resources.ledger_table, Key=key).get("Item", {})
        return int(item.get("rows", {}).get("N", 0))

    wait_for(rows, lambda count: count == 2, "the summary of the run's partition")
