"""The theme: the colours of the Lake page's charts.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_ThemeConfiguration.html
"""

from __future__ import annotations

from lakelanes.dashboards.quicksight.resources import Properties, resource
from lakelanes.dashboards.vega import gradient, series_colours

# The smallest and the largest value of a heat map. QuickSight takes capital letters alone.
GRADIENT = tuple(colour.upper() for colour in gradient("light"))


def theme() -> Properties:
    """The resource of the theme."""
    colours = [colour.upper() for colour in series_colours("light")]
    palette = {"Colors": colours, "MinMaxGradient": list(GRADIENT)}
    return resource(
        "Theme",
        "",
        {
            "Name": {"Fn::Sub": "Lake ${DatabaseName}"},
            "BaseThemeId": "CLASSIC",
            "Configuration": {"DataColorPalette": palette},
        },
    )
