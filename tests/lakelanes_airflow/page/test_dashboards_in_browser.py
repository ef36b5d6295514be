"""The sample's dashboards in a real browser: that every chart is seen, in both themes and on small screens."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from lakelanes.dashboards import answers, questions
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.lake import Lake
from scripts.sample_orders import Orders
from tests.lakelanes_airflow.page.conftest import Open
from tests.support.browser import chromium
from tests.support.localaws import LocalAws
from tests.support.sample_lake import make_views, put_orders, sample_lake

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")

DASHBOARDS = read_dashboards()
SHEETS = [(board.name, number) for board in DASHBOARDS for number in range(1, len(board.sheets) + 1)]
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
LOOKS = [("light", WIDE), ("dark", NARROW)]
# The natural width and the width of the images that are to be seen, once the browser has them.
_SIZES = """async () => {
  const seen = [...document.querySelectorAll('.charts img')].filter((one) => one.checkVisibility());
  seen.forEach((one) => (one.loading = 'eager'));
  await Promise.all(seen.map((one) => one.decode()));
  return seen.map((one) => [one.naturalWidth, one.getBoundingClientRect().width]);
}"""


@pytest.fixture(scope="module")
def asked(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake with the sample data of which every visual's question was asked."""
    path = tmp_path_factory.mktemp("dashboards") / "lake.json"
    with sample_lake(local_aws, date(2024, 3, 5), 10, with_orders=True, path=path) as sample:
        put_orders(sample.lake, [*map(Orders(7).order, range(600))])
        make_views(sample.lake)
        library = questions.library(sample.lake)
        for board in library.dashboards:
            for question in library.questions(board):
                assert answers.update(sample.lake, question)
        yield sample.lake


@pytest.mark.parametrize(("name", "sheet"), SHEETS)
def test_every_sheet_is_seen_whole(open_page: Open, asked: Lake, name: str, sheet: int) -> None:
    board = next(one for one in DASHBOARDS if one.name == name)
    visuals = board.sheets[sheet - 1].visuals
    charts = [visual for visual in visuals if visual.kind not in ("figure", "table")]
    path = f"/lake/dashboards/{name}?sheet={sheet}"
    sources = set()
    for scheme, viewport in LOOKS:
        page = open_page(path, viewport=viewport, color_scheme=scheme)
        sizes = page.evaluate(_SIZES)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], "nothing sticks out"
        assert len(sizes) == len(charts), "one theme at a time"
        # Never made larger, and on a small screen not made so small that nobody can read it.
        assert all(0.85 * natural <= width <= natural for natural, width in sizes), sizes
        sources |= {one.get_attribute("src") for one in page.locator("img:visible").all()}
        expect(page.locator(".notice, .waits")).to_have_count(0)
        _keep(page, f"{name}-{sheet}-{scheme}-{viewport['width']}")
    assert len(sources) == 2 * len(charts)


def test_a_table_beside_each_chart_and_texts_for_who_does_not_see_it(open_page: Open, asked: Lake) -> None:
    page = open_page("/lake/dashboards/web_traffic?sheet=1", viewport=WIDE)
    images = page.locator("img:visible")
    said = re.compile(r"^line: Visits, Mobile visits by day; 10 values, from [\d,]+ to [\d,]+, from [\d,]+ to [\d,]+$")
    expect(images.first).to_have_attribute("alt", said)
    page.get_by_text("As a table").first.click()
    region = page.get_by_role("region", name="Visits by day, as a table")
    expect(region.get_by_role("row")).to_have_count(11)
    assert page.get_by_role("figure").count() == 4


def test_a_page_that_waits_for_athena_shows_the_answers_once_they_are_there(open_page: Open, asked: Lake) -> None:
    page = open_page("/lake/dashboards/web_traffic?sheet=1", viewport=WIDE)
    waits = "one.replaceChildren('Athena is being asked.'), one.setAttribute('data-live', '')"
    page.evaluate(f"document.querySelectorAll('.charts').forEach((one) => ({waits}))")
    expect(page.locator("main")).to_contain_text("Athena is being asked.")
    page.evaluate("freshen()")
    expect(page.get_by_role("figure")).to_have_count(4)
    expect(page.locator("main")).not_to_contain_text("Athena is being asked.")


def test_the_theme_that_airflow_was_set_to_wins(open_page: Open, asked: Lake) -> None:
    page = open_page("/lake/dashboards/sales", color_scheme="light", viewport=WIDE)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    assert page.evaluate(_SIZES)
    sources = [one.get_attribute("src") or "" for one in page.locator("img:visible").all()]
    assert sources and all("theme=dark" in source for source in sources)


def test_from_the_list_to_a_sheet_by_keyboard(open_page: Open, asked: Lake) -> None:
    page = open_page("/lake/dashboards", viewport=WIDE)
    page.get_by_role("link", name="Web traffic").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Web traffic", level=1)).to_be_visible()
    page.get_by_role("navigation", name="Sheets").get_by_role("link", name="Hours").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Visits by hour of the day")).to_be_visible()
    expect(page.get_by_role("navigation", name="Sheets").locator("[aria-current]")).to_have_text("Hours")


def _keep(page: Any, name: str) -> None:
    """A picture, for who wants to look at it: LAKE_PICTURES names the folder."""
    if folder := os.environ.get("LAKE_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
