"""An entity's page, its calendar and its days in a real browser, on a large screen and on a small one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.lakelanes_airflow.page.conftest import Open
from tests.lakelanes_airflow.page.ledgered import entry, know
from tests.support.accessibility import LOOKS, TRIED, grave_faults, too_wide
from tests.support.browser import chromium, keep
from tests.support.exported_table import HOUR, ExportedTable
from tests.support.lakes import SALES
from tests.support.source_tables import ORDERS

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")

# Of each element found, in whole pixels.
_EACH = "all => all.map(one => Math.round(one.getBoundingClientRect().{}))"
HITS = {
    **SALES,
    "table_name": "hits",
    "source_prefix": "web/",
    "filename_pattern": r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv",
    "partition_keys": ["year", "month", "day", "hour"],
    "example": "hits_20240315T07.csv",
    "dialect": {"delimiter": ";", "null_values": ["", "NA"]},
}


@pytest.fixture(scope="module")
def lake(make_shared_lake: Callable[..., Lake]) -> Lake:
    """A lake with months of days and days of hours; see ``days`` and ``hours`` for what is wrong in them."""
    lake = make_shared_lake(others={"hits": HITS}, schedule="0 6 * * *", timezone="Europe/Zurich")
    know(lake, [*days(lake), *hours(lake)])
    return lake


def days(lake: Lake) -> Iterator[Entry]:
    """1 to 4 February and 21 June to 10 August 2024 but for 17 July; with refused, failed, late and rejected ones."""
    for number in range(192):
        day = datetime(2024, 2, 1, tzinfo=UTC) + timedelta(days=number)
        name, path = f"sales_data_{day:%Y_%m_%d}.csv", f"year={day:%Y}/month={day:%m}/day={day:%d}"
        text, at = f"{day:%m-%d}", day + timedelta(days=4 if day.day == 23 else 1, hours=7)
        if not ("02-05" <= text <= "06-20" or text == "07-17"):
            state: Any = {"08-06": "rejected", "08-03": "failed", "08-10": "claimed"}.get(text, "loaded")
            bad = {"07-12": 3, "08-06": 55, "07-23": 12}.get(text, 0)
            yield entry(lake, "sales", name, path, at, state, 1200 + day.day, bad)


def hours(lake: Lake) -> Iterator[Entry]:
    """1 to 8 March 2024 by the hour, with more at noon than at night; 3 to 6 March missing, and two hours."""
    for number in range(8 * 24):
        hour = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(hours=number)
        place = (hour.day, hour.hour)
        if 3 <= hour.day <= 6 or place in ((2, 3), (2, 4)):
            continue
        rows = int(60 + 24_000 * math.sin(math.pi * hour.hour / 24) ** 4)
        path = f"year={hour:%Y}/month={hour:%m}/day={hour:%d}/hour={hour:%H}"
        state: Any = {(7, 9): "rejected", (8, 9): "failed"}.get(place, "loaded")
        bad = 7 if place in ((1, 13), (7, 9)) else 0
        at = hour + timedelta(hours=10 if place == (8, 6) else 1)
        yield entry(lake, "hits", f"web/hits_{hour:%Y%m%dT%H}.csv", path, at, state, rows, bad)


def keep_upper(page: Page, name: str) -> None:
    """Keeps a picture of the page's upper part."""
    assert page.viewport_size
    upper = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": 1300}
    keep(page, name, full_page=True, clip=upper)


PAGES = {
    "daily": "/lake/entities/sales",
    "hourly": "/lake/entities/hits",
    "day": "/lake/entities/sales/periods/2024-07-12",
    "missing-day": "/lake/entities/sales/periods/2024-07-17",
}


# Pictures of docs/lake-page.md.
DOCS = {("daily", "wide, light"): "lake-page-light", ("hourly", "wide, dark"): "lake-page-dark"}


@pytest.mark.parametrize("look", TRIED)
def test_everybody_can_use_the_pages_on_any_screen(open_page: Open, lake: Lake, look: str) -> None:
    for name, path in PAGES.items():
        page = open_page(path, **LOOKS[look])
        keep_upper(page, DOCS.get((name, look), f"{name}-{look.replace(', ', '-')}"))
        assert too_wide(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert grave_faults(page) == [], name


@pytest.mark.parametrize("look", TRIED)
def test_everybody_can_use_the_pages_of_a_table_on_any_screen(
    open_page: Open, make_lake: Callable[..., Lake], look: str
) -> None:
    lake = make_lake({"orders": {"dynamodb_table": "shop-orders", **ORDERS, "export": {"window_minutes": 60}}})
    table = ExportedTable(lake, datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 30 * HOUR)
    table.begin()
    for number in range(28):
        states = {20: "failed", 27: "exporting"}
        table.window(number, states.get(number, "published"), reason="InternalServerError" if number == 20 else None)
    for name, path in {
        "table": "/lake/tables/orders",
        "export": f"/lake/tables/orders/exports/window/{table.window(20, 'failed').start}",
    }.items():
        page = open_page(path, **LOOKS[look])
        keep_upper(page, f"{name}-{look.replace(', ', '-')}")
        assert too_wide(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert grave_faults(page) == [], name


def test_the_calendar_folds_what_is_missing_and_marks_rejected_rows(open_page: Open, lake: Lake) -> None:
    page = open_page("/lake/entities/sales", **LOOKS["wide, light"])
    fold = page.locator(".folded").first
    summary = "2024-02-05 to 2024-06-20: 137 days missing"
    expect(fold.locator("summary")).to_contain_text(summary)
    april = page.get_by_role("table", name="April 2024")
    expect(april).to_be_hidden()
    fold.locator("summary").click()
    expect(april.get_by_role("link", name="15 April 2024: missing, 0 files, 0 rows")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.evaluate("freshen()")
    expect(april).to_be_visible()
    marked = page.get_by_role("link", name="12 July 2024: loaded, 1 file, 1,212 rows, 3 rows rejected")
    expect(marked).to_contain_text("△")
    # In one question each: the page may be made anew between two.
    widths = page.locator("[data-cells] > .month").evaluate_all(_EACH.format("width"))
    assert len(set(widths)) == 1
    first = page.get_by_role("table", name="July 2024")
    heads = first.get_by_role("columnheader").evaluate_all(_EACH.format("x"))
    days = first.locator("tbody tr").nth(1).locator("td").evaluate_all(_EACH.format("x"))
    assert len(heads) == 7 and heads == days
    stands_out = page.locator(".notable")
    expect(stands_out.get_by_role("link", name="2024-07-12: 3 rows rejected")).to_be_visible()
    expect(stands_out).to_contain_text(summary)


def test_an_entity_says_what_it_is(open_page: Open, lake: Lake) -> None:
    page = open_page("/lake/entities/hits", **LOOKS["narrow, dark"])
    main = page.get_by_role("main")
    expect(main).to_contain_text("Files such as web/hits_20240315T07.csv become rows of the table hits.")
    expect(main).to_contain_text("Every hour. Its run starts when the hour is over")
    pattern = page.get_by_text(HITS["filename_pattern"])
    expect(pattern).to_be_hidden()
    page.get_by_text("The pattern of the names").click()
    expect(pattern).to_be_visible()
    settings = page.get_by_role("region", name="Settings that are not the defaults")
    expect(settings.get_by_role("listitem")).to_have_text(
        [
            'dialect.delimiter ";"by default ","',
            'dialect.null_values ["", "NA"]by default [""]',
            "settle_seconds 0by default 10",
        ]
    )
    expect(page.get_by_role("region", name="4 columns of hits")).to_contain_text("amount decimal(10,2)")


def test_hours_are_a_heat_map_that_fits_and_is_used_with_the_arrow_keys(open_page: Open, lake: Lake) -> None:
    page = open_page("/lake/entities/hits", **LOOKS["narrow, light"])
    noon, night = (page.get_by_role("link", name=f"1 March 2024, {hour}:00: loaded") for hour in ("12", "23"))
    assert noon.evaluate("one => one.className") == "cell is-loaded heat-5"
    assert night.evaluate("one => one.className") == "cell is-loaded heat-1"
    box = night.bounding_box()
    # https://www.w3.org/WAI/WCAG22/Understanding/target-size-minimum.html
    assert box and box["width"] >= 24 and box["height"] >= 24
    noon.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="2 March 2024, 12:00: loaded")).to_be_focused()
