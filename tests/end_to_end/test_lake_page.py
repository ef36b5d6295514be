"""The Lake page within the Airflow UI of a running stack: a refused file is seen, mended, and loaded by the button, and
so is one whose notification went to the dead-letter queue."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from lakelanes.files import dead_letters
from lakelanes.lake import Lake
from tests.end_to_end.world import World, wait_for
from tests.support.browser import PATIENCE_MILLISECONDS, chromium, running_browser

GOOD = "meter,kwh,read_at\nm1,1.500,2022-06-01 00:15:00\nm2,2.500,2022-06-01 00:15:00\n"


@pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")
def test_the_button_in_the_airflow_ui_loads_a_mended_file(world: World) -> None:
    key = "utilities/readings-2022-06-01.csv"
    world.put(key, "meter,power\nm1,1\n")
    assert world.trigger("load_readings", conf={"partition": "2022-06-01"})["state"] == "failed"
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.goto(f"{world.stack.airflow_url}/plugin/lake")
        lake = page.frame_locator("iframe")
        alerts = lake.get_by_role("region", name="Open alerts", exact=True)
        alert = alerts.get_by_role("listitem").filter(has_text=key)
        alert.get_by_role("link", name="Open file").click()
        expect(lake.get_by_role("note")).to_contain_text("missing column")

        world.put(key, GOOD)
        before = {run["dag_run_id"] for run in world.runs("load_readings")}
        lake.get_by_role("button", name="Retry").click()
        expect(lake.get_by_role("status")).to_contain_text("A run of load_readings was started.")
        [run] = [run for run in world.runs("load_readings") if run["dag_run_id"] not in before]
        assert world.ended(run)["state"] == "success", world.states(run)
        assert run["conf"] == {"keys": [f"s3://{world.resources.source_bucket}/{key}"], "reload": False}
        sums = "SELECT count(*), sum(kwh) FROM meter_readings WHERE year = '2022' AND month = '06'"
        assert world.query(sums) == [("2", "4.000")]

        # The frame's sandbox keeps a link in it; the page's script opens the run in Airflow itself.
        lake.get_by_role("status").get_by_role("link", name="Open the run").click()
        path = f"/dags/load_readings/runs/{quote(run['dag_run_id'], safe='')}"
        page.wait_for_url(re.compile(re.escape(path)))

        page.goto(f"{world.stack.airflow_url}/plugin/lake")
        expect(lake.get_by_role("heading", name="Entities")).to_be_visible()
        expect(alert).to_have_count(0)


@pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")
def test_a_dead_letter_is_seen_and_its_file_loaded_by_the_button(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.stack.environment.items():
        monkeypatch.setenv(name, value)
    lake, key = Lake.open(world.stack.config), "utilities/readings-2022-08-01.csv"
    world.put(key, GOOD)
    found = world.s3.head_object(Bucket=world.resources.source_bucket, Key=key)
    told = {"key": key, "size": found["ContentLength"], "eTag": found["ETag"].strip('"'), "sequencer": "00"}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2022-08-01T00:00:00.000Z"}
    record |= {"s3": {"bucket": {"name": world.resources.source_bucket}, "object": told}}
    url = world.stack.outputs["FileDeadLetterQueueUrl"]
    lake.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [record]}))
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.goto(f"{world.stack.airflow_url}/plugin/lake")
        frame = page.frame_locator("iframe")
        region = frame.get_by_role("region", name="Dead letters", exact=True)
        expect(region).to_contain_text("in the dead-letter queue")
        # As a sweep that ends before it loads.
        letters = dead_letters.receive(lake)
        page.reload()
        file = region.get_by_role("link", name="readings-2022-08-01.csv")
        expect(file).to_be_visible()
        file.click()
        expect(frame.get_by_role("note")).to_contain_text("dead-letter queue")
        before = {run["dag_run_id"] for run in world.runs("load_readings")}
        frame.get_by_role("button", name="Retry").click()
        expect(frame.get_by_role("status")).to_contain_text("A run of load_readings was started.")
        [run] = [run for run in world.runs("load_readings") if run["dag_run_id"] not in before]
        assert world.ended(run)["state"] == "success", world.states(run)
        dead_letters.delete(lake, letters)
        rows = "SELECT count(*) FROM meter_readings WHERE year = '2022' AND month = '08'"
        assert world.query(rows) == [("2",)]
        frame.get_by_role("link", name="Overview").first.click()
        expect(file).to_have_count(0)

        frame.get_by_role("article", name="orders").get_by_role("link", name="orders").click()
        expect(frame.get_by_role("heading", name="orders", level=1)).to_be_visible()
        expect(frame.get_by_role("button", name=re.compile("Start anew|Make the full"))).to_be_enabled()


def test_a_published_run_is_counted(world: World) -> None:
    """The page needs nobody to have looked before: the run that publishes counts."""
    world.put("utilities/readings-2022-07-01.csv", GOOD)
    assert world.trigger("load_readings", conf={"partition": "2022-07-01"})["state"] == "success"
    dynamodb = world.stack.client("dynamodb")

    def rows() -> int:
        key = {"source": {"S": "periods:readings"}, "version": {"S": "2022-07-01"}}
        item = dynamodb.get_item(TableName=world.resources.ledger_table, Key=key).get("Item", {})
        return int(item.get("rows", {}).get("N", 0))

    wait_for(rows, lambda count: count == 2, "the summary of the run's partition")
