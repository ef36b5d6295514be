"""What keeps people from using a page: as axe-core finds it, and what is wider than the screen.

https://github.com/dequelabs/axe-core/blob/develop/doc/API.md; axe-playwright-python brings the script of axe-core.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.properties import EFFORT

WIDTHS = {"wide": {"width": 1400, "height": 900}, "narrow": {"width": 390, "height": 844}}
# What a page is looked at with: keyword arguments of a browser's context, by name. Without a choice of Airflow's the
# page follows the system's theme.
LOOKS: dict[str, dict[str, Any]] = {
    f"{width}, {theme}": {"viewport": size, "color_scheme": theme}
    for width, size in WIDTHS.items()
    for theme in ("light", "dark")
}
# Each width and each theme; with more effort all four.
TRIED = list(LOOKS) if EFFORT > 1 else ["wide, light", "narrow, dark"]
# https://github.com/dequelabs/axe-core/blob/develop/doc/issue_impact.md
_GRAVE = ("serious", "critical")
# What sticks out of the window and does not scroll by itself.
_TOO_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.getBoundingClientRect().right > innerWidth && !one.closest('.scroll, .hidden, .skip'))
  .map(one => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 30)}`)"""


def grave_faults(page: Page) -> list[str]:
    """The serious and critical faults that axe-core finds on the page as it is now, a line for each place."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {place['html'][:200]}"
        for rule in found
        if rule["impact"] in _GRAVE
        for place in rule["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """The elements that stick out of the window to the right, but for those in a box that scrolls by itself."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found
