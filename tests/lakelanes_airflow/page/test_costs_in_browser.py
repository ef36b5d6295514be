"""What an entity costs is to be read on a small screen, in both themes."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lakelanes.lake import Lake
from lakelanes_airflow.page.app import the_app
from tests.lakelanes_airflow.page.conftest import Open
from tests.lakelanes_airflow.page.test_costs import yesterdays_file
from tests.support.accessibility import LOOKS, grave_faults, too_wide
from tests.support.browser import chromium

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")


@pytest.mark.parametrize("look", [look for look in LOOKS if look.startswith("narrow")])
def test_the_parts_are_in_a_fold_that_fits(open_page: Open, lake: Lake, look: str) -> None:
    yesterdays_file(lake)
    page = open_page("/lake/entities/sales", **LOOKS[look])
    the_app().state.background.wait()
    page.reload()
    expect(page.get_by_text("a month.")).to_be_visible()
    part = page.get_by_text("DynamoDB $")
    expect(part).to_be_hidden()
    page.get_by_text("What that is made of").click()
    expect(part).to_be_visible()
    assert too_wide(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert grave_faults(page) == []
