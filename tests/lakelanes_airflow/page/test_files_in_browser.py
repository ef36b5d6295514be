"""The list of files and a file in a real browser: on wide and narrow screens, light and dark, in Airflow's frame."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.sweep import find_unloaded, record_unmatched
from lakelanes.lake import Lake
from tests.lakelanes_airflow.page.conftest import Open
from tests.support.accessibility import LOOKS, TRIED, grave_faults, too_wide
from tests.support.browser import chromium, keep
from tests.support.lakes import SALES, put

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
PLANS = {**SALES, "table_name": "plans", "filename_pattern": r"plan_(\d{4})_(\d{2})_(\d{2})\.csv", "max_bad_rows": 1}
# As somebody's export has them: a row that is far wider than a narrow screen.
LONG = f'b7,"{"a customer with a long name, " * 5}",19.995,2024-03-15'
BAD = f"b1,c,12.5O,2024-03-15\n{LONG}\nb9,c,1.00,2024-02-30\nb10,c,9.9x,2024-03-15\n"


@pytest.fixture(scope="module")
def lake(make_shared_lake: Callable[..., Lake]) -> Lake:
    return make_shared_lake(others={"plans": PLANS})


@pytest.fixture(scope="module")
def uris(lake: Lake) -> dict[str, str]:
    """A file that is loaded with rejects, one that is refused, one that failed and one of no entity, beside twenty
    others."""
    good = "".join(f"t{number},c{number % 7},{number}.50,2024-03-15\n" for number in range(1845))
    keys = {"warned": "sales_data_2024_03_15.csv", "refused": "plan_2024_03_15.csv"}
    for day in range(1, 21):
        put(lake, f"sales_data_2024_02_{day:02}.csv", HEADER + good[: 400 * day].rpartition("\n")[0] + "\n")
    uris = {
        "warned": put(lake, keys["warned"], HEADER + good + BAD),
        "refused": put(lake, keys["refused"], HEADER + BAD + good[:2000].rpartition("\n")[0] + "\n"),
        "failed": put(lake, "sales_data_2024_03_16.csv", HEADER + good),
        "unmatched": put(lake, "archive/2024/quarterly-report-of-everything-that-was-sold-and-returned.txt", "x" * 999),
    }
    [failed] = list_prefix(lake, "sales_data_2024_03_16.csv")
    claim = lake.ledger.claim(
        failed, "sales", "year=2024/month=03/day=16", owner="w", lane="batch", run_id="load_sales/scheduled__1"
    )
    lake.ledger.failed(claim, "SlowDown: please reduce your request rate", retryable=True)  # type: ignore[arg-type]
    for name, prefixes in (("sales", ("sales_data_2024_02", keys["warned"])), ("plans", (keys["refused"],))):
        files = [file for prefix in prefixes for file in list_prefix(lake, prefix)]
        run = f"load_{name}/manual__2024-03-16T00:00:00+00:00"
        load_batch(lake, lake.config.entities[name], files, lane="batch", run_id=run)
    record_unmatched(lake, find_unloaded(lake).unmatched)
    return uris


@pytest.mark.parametrize("look", TRIED)
def test_every_page_of_files_is_fit_for_everybody_on_every_screen(
    open_page: Open, lake: Lake, uris: dict[str, str], look: str
) -> None:
    pages = {
        "files": "/lake/files",
        "files-by-size": "/lake/files?sort=size",
        "search": "/lake/files?q=2024_03",
        "nothing": "/lake/files?q=nothing-of-the-kind",
        **{name: f"/lake/file?uri={uri}" for name, uri in uris.items()},
    }
    for name, path in pages.items():
        page = open_page(path, "user", **LOOKS[look])
        keep(page, f"{name}-{look.replace(', ', '-')}", full_page=True)
        assert grave_faults(page) == [], name
        assert too_wide(page) == [], name
        # Nor has a box to be moved to the side to be read, where there is little room.
        if "narrow" in look:
            assert page.evaluate(_SIDEWAYS) == [], name
        page.context.close()


def test_the_list_is_sorted_by_its_headings_without_a_mouse(open_page: Open, lake: Lake, uris: dict[str, str]) -> None:
    for look in ("wide, light", "narrow, light"):
        page = open_page("/lake/files", **LOOKS[look])
        names = page.locator("tbody th a")
        expect(page.get_by_role("columnheader", name="Changed (UTC)")).to_have_attribute("aria-sort", "descending")
        heading = page.get_by_role("columnheader", name="Bad rows")
        heading.get_by_role("link").press("Enter")
        expect(page).to_have_url(re.compile(r"\?sort=bad$"))
        expect(page.get_by_role("columnheader", name="Bad rows")).to_have_attribute("aria-sort", "descending")
        assert names.all_inner_texts()[:2] == ["plan_2024_03_15.csv", "sales_data_2024_03_15.csv"]
        page.get_by_role("link", name="File", exact=True).press("Enter")
        expect(page.get_by_role("columnheader", name="File", exact=True)).to_have_attribute("aria-sort", "ascending")
        shown = names.all_inner_texts()
        assert shown == sorted(shown) and len(shown) == 24
        page.get_by_label("Entity").select_option("plans")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile("entity=plans&.*sort=file"))
        assert names.all_inner_texts() == ["plan_2024_03_15.csv"], "the order stays with the filter"


def test_a_file_is_found_by_the_middle_of_its_key(open_page: Open, lake: Lake, uris: dict[str, str]) -> None:
    page = open_page("/lake/")
    page.get_by_role("searchbox", name="Search files by a part of their key").fill("REPORT-OF-EVERYTHING")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("quarterly-report")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("quarterly-report")


def test_a_row_is_read_as_it_came_on_a_narrow_screen(open_page: Open, lake: Lake, uris: dict[str, str]) -> None:
    page = open_page(f"/lake/file?uri={uris['warned']}", **LOOKS["narrow, light"])
    row = page.get_by_role("row", name="19.995")
    expect(row.get_by_role("cell", name="3 digits after the point")).to_be_visible()
    came = row.locator(".raw")
    assert came.inner_text() == LONG
    box = came.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] > 250


@pytest.mark.parametrize("framed", [False, True])
def test_a_file_and_its_rejected_rows_are_downloaded(
    open_page: Open, lake: Lake, uris: dict[str, str], framed: bool
) -> None:
    """Airflow's frame has a sandbox without allow-downloads."""
    where = f"/lake/file?uri={uris['warned']}"
    # The frame's document is not the page's, whose policy forbids frames.
    page = open_page("/api/v2/version" if framed else where)
    inside = page.frame_locator("iframe") if framed else page
    if framed:
        page.evaluate(_FRAME, where)
    for link, name, text in (
        ("Download the file", "sales_data_2024_03_15.csv", BAD),
        ("Download the rejected rows", "sales_data_2024_03_15.csv.rejects.csv", "line,record,column,reason,raw"),
    ):
        with page.expect_download() as begun:
            inside.get_by_role("link", name=link).click()
        assert begun.value.suggested_filename == name
        assert text in begun.value.path().read_text()
        expect(inside.get_by_role("heading", level=1)).to_contain_text("sales_data_2024_03_15.csv")


# The frame that Airflow shows a plugin's page in.
_FRAME = """where => { const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-forms');
  frame.src = where; document.documentElement.append(frame); }"""
_SIDEWAYS = """() => [...document.querySelectorAll('.scroll')]
  .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => `${box.ariaLabel}: ${box.scrollWidth}`)"""
