"""The theme has the page's colours as QuickSight takes them."""

from __future__ import annotations

import re

from lakelanes.dashboards.quicksight.theme import GRADIENT, theme
from lakelanes.dashboards.vega import gradient, series_colours


def test_the_colours_are_those_of_the_page_in_capital_letters() -> None:
    palette = theme()["Properties"]["Configuration"]["DataColorPalette"]
    assert [colour.lower() for colour in palette["Colors"]] == list(series_colours("light"))
    assert [colour.lower() for colour in palette["MinMaxGradient"]] == list(gradient("light"))
    assert all(re.fullmatch("#[A-F0-9]{6}", colour) for colour in (*palette["Colors"], *GRADIENT))
