"""The first page in a browser: alerts by file and cause, what people do about them, and how each entity stands; on wide
and narrow screens, light and dark."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from playwright.sync_api import Locator, Page, expect

from lakelanes.alerts import incidents, silence
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.sweep import find_unloaded, record_unmatched
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes_airflow import process_lake
from lakelanes_airflow.plugin import LakelanesPlugin
from tests.lakelanes_airflow.page.conftest import Open
from tests.support.accessibility import LOOKS, TRIED, grave_faults, too_wide
from tests.support.browser import chromium, keep
from tests.support.exported_table import HOUR, ExportedTable
from tests.support.lakes import SALES, put
from tests.support.source_tables import ORDERS

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
RETURNS = {
    **SALES,
    "table_name": "returns_data",
    "filename_pattern": r"returns/returns_(\d{4})_(\d{2})_(\d{2})_[a-z]\.csv",
}
VISITS = {
    **SALES,
    "table_name": "visits",
    "filename_pattern": r"visits_(\d{4})_(\d{2})_(\d{2})_(\d{2})\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
}
PRICES = {
    **SALES,
    "table_name": "prices",
    "filename_pattern": r"prices_([a-z]+)\.csv",
    "partition_keys": ["market"],
}
# Where the lake's clock stands, so that no hour begins while a test looks; ahead of S3's, for files have to settle.
NOW = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=34)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
DAY, HOURLY = "sales_data_{:%Y_%m_%d}.csv", "visits_{:%Y_%m_%d_%H}.csv"
RETURNED = "returns/returns_{:%Y_%m_%d}_{}.csv"
MUTER = "anna"


@pytest.fixture
def lake(make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Four entities and a table, at the time NOW; also for the page."""
    return _lake(make_lake, monkeypatch)


@pytest.fixture
def busy(lake: Lake) -> Lake:
    """The lake with files in all states, for a test that changes what there is of it."""
    return _fill(lake)


@pytest.fixture(scope="module")
def shown(make_shared_lake: Callable[..., Lake]) -> Iterator[Lake]:
    """Such a lake, to be looked at only."""
    with pytest.MonkeyPatch.context() as patch:
        yield _fill(_lake(make_shared_lake, patch))


def _lake(make_lake: Callable[..., Lake], patch: pytest.MonkeyPatch) -> Lake:
    tables = {"orders": {"dynamodb_table": "shop-orders", **ORDERS, "export": {"window_minutes": 60}}}
    made = make_lake(tables, {"returns": RETURNS, "visits": VISITS, "prices": PRICES})
    stopped, where, other = Lake.open(made.config, lambda: NOW), os.environ["LAKE_CONFIG"], process_lake._open
    patch.setattr(process_lake, "_open", lambda path, *more: stopped if str(path) == where else other(path, *more))
    return stopped


def _fill(lake: Lake) -> Lake:
    """Sales of a month but for a day, whose newest file is refused; five returns refused for one reason; hourly visits;
    prices without dates; an alert that is muted; files of no entity; a table whose exports are up to date."""
    days = [TODAY - timedelta(days=number) for number in range(30, 0, -1)]
    for number, day in enumerate(days):
        rows = "".join(f"t{n},c,{n}.50,{day:%Y-%m-%d}\n" for n in range(30 + 11 * (number % 7)))
        if number != 20:
            put(lake, DAY.format(day), "transaction,amount\n1,2\n" if number == 29 else HEADER + rows)
    for letter in "abcde":
        put(lake, RETURNED.format(days[-2], letter), f"transaction_id,total\n{letter},1\n")
    put(lake, RETURNED.format(days[-2], "z"), HEADER + "a,c,1.00,2024-03-15\n")
    for hour in range(40, 0, -1):
        rows = "".join(f"t{n},c,1.00,2024-03-15\n" for n in range(10 + hour % 12))
        put(lake, HOURLY.format(NOW - hour * HOUR), HEADER + rows)
    put(lake, "prices_north.csv", HEADER + "a,c,1.00,2024-03-15\n")
    for name in ("readme.txt", "sales-2024.csv", "invoices/a_very_long_name_of_a_file_of_no_entity_at_all_2024_03.csv"):
        put(lake, name, "x")
    for name, entity in lake.config.entities.items():
        load_batch(lake, entity, list(list_entity(lake, entity)), lane="batch", run_id=f"load_{name}/scheduled__1")
    record_unmatched(lake, find_unloaded(lake).unmatched)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    for name in lake.config.entities:
        report_refused(lake, name)
    missing = f"{days[20]:%Y-%m-%d}"
    overdue = f"no file for partition {missing} of sales was loaded by {days[22]:%Y-%m-%d} 00:00 UTC, its deadline"
    remedy = "Upload the file: the low-latency lane loads it at once, sweep_sources within 15 minutes."
    report(lake, f"deadline/sales/{missing}", "sales", overdue, missing, what_to_do=remedy)
    report(lake, "run/refresh_views/-", None, "the workgroup has no more room for queries", dag_id="refresh_views")
    mute(lake, "run/refresh_views/-")
    table = ExportedTable(lake, NOW.replace(minute=0, second=0, microsecond=0) - 90 * HOUR)
    table.begin()
    for number in range(90):
        table.window(number, rows=5 + number % 24)
    return lake


def report(lake: Lake, cause: str, entity: str | None, reason: str, key: str | None = None, **more: Any) -> None:
    said = {"dag_id": "watch_lake", "run_id": "manual__1", "event": "failed", "what_to_do": "Upload the file."}
    page = f"/lake/entities/{entity}" if entity else None
    alert = Alert(**{**said, "entity": entity, "reason": reason, "partition_key": key, "page_url": page, **more})
    assert incidents.report(lake, cause, alert, lambda *_: None)


def report_refused(lake: Lake, name: str) -> None:
    """As a failed run does."""
    entries = lake.ledger.latest(name, "rejected", 50)
    for fault in map(FileFault.from_entry, entries):
        alert = Alert(
            *(f"load_{name}", "scheduled__1", name, "", "Upload a corrected file under the same key."),
            run_url=f"https://airflow.example/dags/load_{name}/runs/scheduled__1",
            files=[fault],
            page_url=f"/lake/file?uri={fault.file}",
        )
        assert incidents.report_all(lake, incidents.file_alerts(alert), lambda *_: None)


def mute(lake: Lake, cause: str) -> None:
    [incident] = [one for one in incidents.open_incidents(lake) if one.cause == cause]
    assert silence.mute(lake, incident, NOW + timedelta(days=2), MUTER)


def card(page: Page, title: str | re.Pattern[str]) -> Locator:
    return (
        page.get_by_role("region", name="Open alerts")
        .get_by_role("listitem")
        .filter(has=page.get_by_role("heading", name=title))
    )


@pytest.mark.parametrize("look", TRIED)
def test_it_can_be_used_by_everybody_on_every_screen(open_page: Open, shown: Lake, look: str) -> None:
    page = open_page("/lake/", "user", **LOOKS[look])
    for fold in page.locator("details").all():
        fold.evaluate("fold => fold.open = true")
    assert grave_faults(page) == []
    assert too_wide(page) == []


def test_alerts_are_titled_by_file_and_cause_and_equal_ones_are_one(open_page: Open, shown: Lake) -> None:
    keep(open_page("/lake/", "user", viewport={"width": 1280, "height": 1500}), "lake-page")
    page = open_page("/lake/", **LOOKS["wide, light"])
    name = DAY.format(TODAY - timedelta(days=1))
    alone = card(
        page, re.compile(rf"^{name} was refused: missing columns transaction_id, customer_id, transaction_date")
    )
    expect(alone).to_contain_text(", line 2, 1 row withheld")
    expect(alone.get_by_role("link", name="Open file")).to_have_attribute("href", re.compile(name))
    expect(alone.get_by_role("button")).to_have_count(0)
    alike = card(page, re.compile(r"^5 files of returns were refused: missing columns customer_id"))
    expect(alike.get_by_role("link", name="Open file")).to_have_count(0)
    alike.get_by_text("5 files: same cause").click()
    expect(alike.get_by_role("link", name=re.compile("^Open file returns_"))).to_have_count(5)
    expect(card(page, "3 files match no entity").get_by_role("link", name="readme.txt")).to_be_visible()
    missing = card(page, re.compile(r"^sales: \d+ \w+ \d+ did not arrive"))
    said, whole = missing.locator(".said").first.bounding_box(), missing.bounding_box()
    assert said and whole and said["width"] > 0.95 * (whole["width"] - 40), "the text has the whole card"


def test_a_card_says_how_its_entity_stands_as_the_alerts_do(open_page: Open, shown: Lake) -> None:
    page = open_page("/lake/", **LOOKS["wide, light"])

    def entity(name: str) -> Locator:
        return page.get_by_role("article", name=name, exact=True)

    expect(entity("sales")).to_contain_text("refused")
    expect(entity("sales")).to_contain_text("came and was refused; it is due by")
    expect(entity("sales").get_by_role("img")).to_have_accessible_name(
        re.compile(r"^Rows by day, .*: 96 at most, 0 in the last day; 1 missing; 1 rejected$")
    )
    expect(entity("sales").locator("rect.is-missing")).to_have_count(1)
    expect(entity("returns")).to_contain_text("5 open alerts: see above")
    expect(entity("visits")).to_contain_text("fresh")
    expect(entity("visits").get_by_role("img")).to_have_accessible_name(re.compile(r"^Rows by hour, .*: 21 at most"))
    expect(entity("visits")).to_contain_text(re.compile(r"Lag\s*34 minutes\s*of 4 hours"))
    expect(entity("prices")).to_contain_text("no deadline")
    expect(entity("orders")).to_contain_text("fresh")
    expect(entity("orders")).to_contain_text(re.compile(r"Items\s*40"))
    expect(entity("orders").get_by_role("img")).to_have_accessible_name(re.compile("^Rows by day"))

    expect(open_page("/lake/entities/sales").locator("main .title .badge")).to_contain_text("refused")


def test_an_alert_is_muted_unmuted_and_closed_with_the_keyboard(open_page: Open, busy: Lake) -> None:
    page = open_page("/lake/", "user", **LOOKS["narrow, dark"])
    title = re.compile("^5 files of returns")
    alike = card(page, title)
    alike.get_by_role("combobox", name="Mute for").select_option("a week")
    alike.get_by_role("combobox", name="Mute for").press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Mute")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Muted. It speaks again")
    expect(card(page, title)).to_have_count(0)
    fold = page.get_by_role("list", name="Muted alerts").get_by_text(title)
    expect(fold.locator("..")).to_contain_text(re.compile(r"muted by user until \d{4}-\d\d-\d\d \d\d:\d\d UTC"))
    fold.locator("..").press("Enter")
    page.evaluate("freshen()")
    muted = page.get_by_role("list", name="Muted alerts").get_by_role("listitem").filter(has_text="5 files of returns")
    muted.get_by_role("button", name="Unmute").click()
    expect(page.get_by_role("status")).to_contain_text("No longer muted.")

    close = card(page, title).get_by_role("button", name=re.compile("Close"))
    close.click()
    expect(close).to_have_text(re.compile("Press again"))
    expect(card(page, title)).to_have_count(1)
    close.click()
    expect(page.get_by_role("status")).to_contain_text("Closed. It is listed again")
    expect(card(page, title)).to_have_count(0)
    assert {one.closed_by for one in incidents.uncured_incidents(busy) if one.entity == "returns"} == {"user"}
    expect(page.get_by_role("article", name="returns", exact=True)).not_to_contain_text("see above")


def test_what_is_unfolded_stays_so_when_the_figures_are_renewed(open_page: Open, busy: Lake) -> None:
    page = open_page("/lake/", **LOOKS["wide, dark"])
    page.get_by_text("5 files: same cause").click()
    expect(page.get_by_role("link", name=re.compile("^Open file returns_")).first).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    report(busy, "drift/visits", "visits", "a column is gone")
    page.evaluate("freshen()")
    expect(card(page, "The table of visits in Glue is not what the configuration says")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Open file returns_")).first).to_be_visible()


def test_retry_loads_all_files_of_an_alert_and_leads_back(open_page: Open, busy: Lake, dags: dict[str, Any]) -> None:
    page = open_page("/lake/", "user", **LOOKS["wide, light"])
    card(page, re.compile("^5 files of returns")).get_by_role("button", name="Retry all 5").click()
    expect(page.get_by_role("status")).to_contain_text("A run of load_returns was started.")
    expect(page.get_by_role("heading", name="Open alerts")).to_be_visible()
    with create_session() as session:
        runs = session.query(DagRun).filter_by(dag_id="load_returns", triggering_user_name="user").all()
        assert max(len(run.conf["keys"]) for run in runs) == 5


def test_the_icons_of_the_navigation_are_there(open_page: Open, lake: Lake) -> None:
    """Airflow draws them with an image element, in either theme."""
    page = open_page("/lake/")
    [view] = LakelanesPlugin.external_views
    for source in (view["icon"], view["icon_dark_mode"]):
        width = """source => new Promise((done, fail) => {
            const image = new Image();
            Object.assign(image, {onload: () => done(image.naturalWidth), onerror: fail, src: source});
        })"""
        assert page.evaluate(width, source) == 24
