"""The page in a real browser: what it shows, how it is used without a mouse, and that it can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from playwright.sync_api import expect

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.tables.windows import minute_text
from lakelanes_airflow.page.window_layout import window_name
from tests.lakelanes_airflow.page.conftest import Open
from tests.support.accessibility import too_wide
from tests.support.browser import chromium, keep
from tests.support.exported_table import HOUR, ExportedTable
from tests.support.lakes import put
from tests.support.queues import Queues
from tests.support.source_tables import ORDERS

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
DAY = "sales_data_{:%Y_%m_%d}.csv"


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    """A lake with an entity and a table."""
    return make_lake({"orders": {"dynamodb_table": "shop-orders", **ORDERS, "export": {"window_minutes": 60}}})


@pytest.fixture
def table(lake: Lake) -> ExportedTable:
    """Three days of exports: one that failed a while ago, one that nobody has planned, the last one under way."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    table = ExportedTable(lake, now - 60 * HOUR)
    table.begin()
    for number in range(60):
        if number == 50:
            table.window(number, "failed", reason="InternalServerError: try again", attempt=5)
        elif number != 55:
            table.window(number, "exporting" if number == 59 else "published")
    return table


@pytest.fixture
def alert(lake: Lake) -> str:
    """An open alert, of a day that did not arrive; its cause."""
    cause = "deadline/sales/2024-03-15"
    told = Alert(
        "watch_lake",
        "manual__1",
        "sales",
        "no file for partition 2024-03-15 of sales has come, and its deadline is over",
        "Upload the file: the low-latency lane loads it at once.",
        run_url="https://airflow.example/dags/watch_lake/runs/manual__1",
        event="found a partition missing",
        page_url="/lake/entities/sales/periods/2024-03-15",
    )
    assert incidents.report(lake, cause, told, lambda *_: None)
    return cause


@pytest.fixture
def days(lake: Lake) -> list[datetime]:
    """Three weeks of files up to yesterday but for one that is missing, one refused, one with rejected rows, and one
    whose notification went to the dead-letter queue."""
    queues, today = Queues(lake), datetime.now(UTC)
    past = [today - timedelta(days=number) for number in range(21, 0, -1)]
    for number, day in enumerate(past):
        rows = "".join(f"t{n},c{n % 7},{n}.50,{day:%Y-%m-%d}\n" for n in range(40 + number))
        bad = "".join(f"b{n},c,{n}.999,{day:%Y-%m-%d}\n" for n in range(3)) if number == 12 else ""
        body = "transaction,amount\n1,2\n" if number == 15 else HEADER + rows + bad
        if number not in (8, 18):
            put(lake, DAY.format(day), body)
    files = list(list_prefix(lake, "sales_data"))
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, files[::2], lane="batch", run_id="load_sales/scheduled__1")
    load_batch(lake, entity, files[1::2], lane="fast", run_id="file_processor/1")
    while messages := queues.receive():
        for message in messages:
            queues.delete(message)
    put(lake, DAY.format(past[18]), HEADER + "t,c,1.00,2024-01-01\n")
    [message] = queues.receive()
    lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=message.body)
    assert len(dead_letters.receive(lake)) == 1
    summaries.refresh(lake.ledger, lake.config.entities.values())
    return past


def test_the_page_shows_a_load_a_reject_a_missing_day_and_a_dead_letter(
    open_page: Open, lake: Lake, days: list[datetime]
) -> None:
    page = open_page("/lake/")
    expect(page.get_by_role("heading", name="Entities")).to_be_visible()
    letters = page.get_by_role("region", name="Dead letters", exact=True)
    expect(letters.get_by_role("link", name=DAY.format(days[18]))).to_be_visible()
    expect(letters).to_contain_text("1 message of the low-latency lane waits in the dead-letter queue")
    card = page.get_by_role("article", name="sales")
    expect(card).to_contain_text(re.compile(r"Refused\s*1\b"))
    expect(card).to_contain_text(re.compile(r"Failed\s*1\b"))
    expect(card).to_contain_text(re.compile(r"Bad rows\s*3\b"))

    card.get_by_role("link", name="sales", exact=True).click()

    def cell(number: int) -> Any:
        day = days[number]
        return page.get_by_role("link", name=re.compile(rf"^{day.day} {day:%B %Y}: "))

    if any(day.year != days[-1].year for day in days):
        expect(page.get_by_role("link", name=str(days[0].year))).to_be_visible()
    else:
        expect(cell(0)).to_have_accessible_name(f"{days[0].day} {days[0]:%B %Y}: loaded, 1 file, 40 rows")
        expect(cell(8)).to_have_accessible_name(f"{days[8].day} {days[8]:%B %Y}: missing, 0 files, 0 rows")
        expect(cell(15)).to_have_accessible_name(f"{days[15].day} {days[15]:%B %Y}: rejected, 1 file, 0 rows")
        expect(cell(18)).to_have_accessible_name(f"{days[18].day} {days[18]:%B %Y}: failed, 1 file, 0 rows")

    page.goto(page.url.split("/lake")[0] + "/lake/files?state=failed")
    expect(page.get_by_role("row", name=DAY.format(days[18]))).to_contain_text("dead-letter queue")


def test_rejected_rows_are_shown_with_line_and_text(open_page: Open, lake: Lake, days: list[datetime]) -> None:
    page = open_page("/lake/")
    page.get_by_role("searchbox", name="Search files by a part of their key").fill(DAY.format(days[12])[:-4])
    page.keyboard.press("Enter")
    page.get_by_role("link", name=DAY.format(days[12])).click()
    row = page.get_by_role("row", name="b0,c,0.999")
    expect(row).to_contain_text("54")
    expect(row).to_contain_text("3 digits after the point")
    keep(page, "lake-page-file")


def test_the_retry_button_starts_a_run_and_a_viewer_cannot_press_it(
    open_page: Open, lake: Lake, days: list[datetime], dags: dict[str, Any]
) -> None:
    where = f"/lake/file?uri=s3://{lake.config.resources.source_bucket}/{DAY.format(days[18])}"
    expect(open_page(where).get_by_role("button", name="Retry")).to_be_disabled()
    page = open_page(where, "user")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("A run of load_sales was started.")
    with create_session() as session:
        runs = session.query(DagRun).filter_by(dag_id="load_sales", triggering_user_name="user").all()
        uri = where.split("uri=")[1]
        assert {"keys": [uri], "reload": False} in [run.conf for run in runs]


def test_a_reload_is_asked_for_twice(open_page: Open, lake: Lake, days: list[datetime], dags: dict[str, Any]) -> None:
    page = open_page(f"/lake/entities/sales/periods/{days[0]:%Y-%m-%d}", "user")
    page.get_by_role("button", name="Load again").click()
    again = page.get_by_role("button", name="Press again")
    expect(again).to_be_visible()
    again.click()
    expect(page.get_by_role("status")).to_contain_text("was started")


def test_open_alerts_and_tables_stand_on_the_first_page(
    open_page: Open, lake: Lake, days: list[datetime], table: ExportedTable, alert: str
) -> None:
    page = open_page("/lake/")
    alerts = page.get_by_role("region", name="Open alerts")
    expect(alerts.get_by_role("listitem")).to_contain_text("sales: 15 March 2024 did not arrive")
    expect(alerts).to_contain_text("What to do: Upload the file")
    expect(page.get_by_role("article", name="orders")).to_contain_text("failed")
    alerts.get_by_role("link", name="Look at it").click()
    expect(page.get_by_role("heading", name="15 March 2024")).to_be_visible()
    incidents.cure(lake, alert, "it came", lambda *_: None)
    page.goto(page.url.split("/entities")[0] + "/")
    expect(page.get_by_role("region", name="Open alerts")).to_contain_text("There are none.")


def test_a_table_shows_what_failed_and_starting_anew_asks_twice(
    open_page: Open, lake: Lake, table: ExportedTable, dags: dict[str, Any]
) -> None:
    page = open_page("/lake/tables/orders")
    assert page.get_by_role("button", name="Start anew").is_disabled()
    name = window_name(table.window(50, "failed").window)
    cell = page.get_by_role("link", name=f"{name}: failed")
    expect(cell).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(": missing$"))).to_have_count(1)
    expect(page.get_by_role("note").first).to_contain_text("InternalServerError: try again")
    keep(page, "lake-page-table")
    cell.click()
    expect(page.get_by_role("note")).to_contain_text("InternalServerError: try again")

    page = open_page("/lake/tables/orders", "user")

    def runs(full: bool) -> int:
        with create_session() as session:
            found = session.query(DagRun).filter_by(dag_id="export_orders", triggering_user_name="user").all()
            return sum(run.conf == {"full": full} for run in found)

    before = runs(True)
    page.get_by_role("button", name="Start anew (full export)").click()
    again = page.get_by_role("button", name="Export all of shop-orders again? Press again")
    expect(again).to_be_visible()
    assert runs(True) == before
    again.click()
    expect(page.get_by_role("status")).to_contain_text("A run of export_orders was started.")
    assert runs(True) == before + 1
    before = runs(False)
    page.get_by_role("button", name="Export what is due").click()
    expect(page.get_by_role("status")).to_contain_text("A run of export_orders was started.")
    assert runs(False) == before + 1


def test_the_rows_of_windows_are_used_with_the_arrow_keys(open_page: Open, lake: Lake, table: ExportedTable) -> None:
    page = open_page("/lake/tables/orders")
    rows = page.locator("[data-window-rows] ul")
    for row in rows.all():
        expect(row.locator("a.cell[tabindex='0']")).to_have_count(1)

    def focused() -> str:
        return str(page.evaluate("document.activeElement.getAttribute('aria-label')"))

    page.locator("[data-window-rows] a.cell[tabindex='0']").nth(1).focus()
    first = focused()
    page.keyboard.press("ArrowRight")
    assert focused() != first
    page.keyboard.press("ArrowLeft")
    assert focused() == first
    page.keyboard.press("ArrowUp")
    assert focused().split(",")[0] != first.split(",")[0], "another day"
    page.keyboard.press("ArrowDown")
    assert focused() == first
    expect(rows.nth(1).locator("a.cell[tabindex='0']")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/exports/window/"))


PAGES = [
    *("/lake/", "/lake/entities/sales", "/lake/files", "/lake/dashboards", "/lake/dashboards/sales"),
    *("/lake/tables/orders", "/lake/tables/orders/exports/full/{base}"),
]


def test_every_page_has_one_first_heading_and_names_for_what_is_used(
    open_page: Open, lake: Lake, days: list[datetime], table: ExportedTable, alert: str
) -> None:
    """WCAG 2.2, 1.3.1, 2.4.6 and 4.1.2: headings without a step left out, a name for every control and table."""
    for path in PAGES:
        page = open_page(path.format(base=minute_text(table.base)))
        levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => +one.tagName[1])")
        assert levels[0] == 1 and levels.count(1) == 1, path
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), (path, levels)
        assert page.evaluate(_NAMELESS) == [], path


def test_without_a_login_there_is_nothing(open_page: Open, lake: Lake, days: list[datetime]) -> None:
    page = open_page("/lake/entities/sales", None)
    expect(page.get_by_role("heading", name="Log in to Airflow first")).to_be_visible()
    assert "sales_data" not in page.content()


def test_the_calendar_is_used_with_the_arrow_keys(open_page: Open, lake: Lake, days: list[datetime]) -> None:
    page = open_page("/lake/entities/sales")
    month = page.locator("[data-cells] table").last
    first = month.locator("a.cell").first
    expect(month.locator("a.cell[tabindex='0']")).to_have_count(1)
    first.focus()
    label = first.get_attribute("aria-label")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/periods/"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_text_stands_out_from_its_ground_in_light_and_dark(
    open_page: Open, lake: Lake, days: list[datetime], table: ExportedTable, alert: str, path: str, theme: str
) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, for every element with a text of its own. Airflow's choice wins over the system's."""
    where = path.format(base=minute_text(table.base))
    page = open_page(where, color_scheme="dark" if theme == "light" else "light")
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate(_LOW_CONTRAST) == []


def test_the_page_is_read_without_scripts_and_on_a_narrow_screen(
    open_page: Open, lake: Lake, days: list[datetime], table: ExportedTable, alert: str
) -> None:
    page = open_page("/lake/entities/sales", java_script_enabled=False)
    expect(page.get_by_role("heading", name="Latest files")).to_be_visible()
    for path in ("/lake/", "/lake/entities/sales", "/lake/tables/orders"):
        narrow = open_page(path, viewport={"width": 375, "height": 700})
        assert too_wide(narrow) == [], path


def test_the_page_shows_what_happened_since_it_was_opened(open_page: Open, lake: Lake, days: list[datetime]) -> None:
    page = open_page("/lake/")
    name = "sales_data_2024_01_01.csv"
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    put(lake, name, HEADER + "a,c,1.00,2024-01-01\n")
    files = list(list_prefix(lake, name))
    load_batch(lake, lake.config.entities["sales"], files, lane="fast", run_id="file_processor/2")
    page.evaluate("freshen()")
    expect(page.get_by_role("link", name=name)).to_have_count(1)


# Controls, regions and tables that a screen reader has no name for.
_NAMELESS = """() => {
  const named = one => one.getAttribute('aria-label') || one.labels?.length || one.textContent.trim()
    || document.getElementById(one.getAttribute('aria-labelledby'))?.textContent.trim();
  return [...document.querySelectorAll('a, button, input:not([type=hidden]), select, [role], section, nav, article')]
    .filter(one => !named(one) && one.role !== 'presentation')
    .concat([...document.querySelectorAll('section, nav, article, [role=region], [role=group]')].filter(one => {
      const by = one.getAttribute('aria-labelledby');
      return !one.getAttribute('aria-label') && !(by && document.getElementById(by));
    }))
    .concat([...document.querySelectorAll('table')].filter(one => !one.caption && !one.closest('.scroll')))
    .map(one => one.outerHTML.slice(0, 120));
}"""

# Texts whose contrast with the nearest painted ground behind them is too low, with the figure.
_LOW_CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parse = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const box = element.getBoundingClientRect();
    if (!own || box.width < 2 || element.closest(':disabled')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(found)];
}"""
