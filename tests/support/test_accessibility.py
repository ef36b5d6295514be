"""What is planted is found: a text that nobody can read, a button without a name, a box wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.accessibility import LOOKS, grave_faults, too_wide
from tests.support.browser import chromium, running_browser

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")

SOUND = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main></html>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture
def narrow(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(**LOOKS["narrow, light"])
    yield context.new_page()
    context.close()


def test_a_sound_page_has_no_fault(narrow: Page) -> None:
    narrow.set_content(SOUND.format("<p>Text.</p><button>Press</button>"))
    assert grave_faults(narrow) == too_wide(narrow) == []


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ('<p style="color: #999; background: #fff">Text.</p>', "color-contrast (serious)"),
        ("<button></button>", "button-name (critical)"),
        ('<img src="data:,">', "image-alt (critical)"),
    ],
)
def test_a_planted_fault_is_found(narrow: Page, planted: str, rule: str) -> None:
    narrow.set_content(SOUND.format(planted))
    [fault] = grave_faults(narrow)
    assert fault.startswith(rule) and planted.split(">")[0] in fault


def test_what_is_wider_than_the_screen_is_found_unless_it_scrolls(narrow: Page) -> None:
    box = '<div class="{}" style="overflow: auto"><div class="box" style="width: 600px">Text.</div></div>'
    narrow.set_content(SOUND.format(box.format("scroll")))
    assert too_wide(narrow) == []
    narrow.set_content(SOUND.format(box.format("other")))
    assert too_wide(narrow) == ["DIV box Text."]
