"""Format strings say what the Lake page's texts say."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.model import Measure
from lakelanes.dashboards.powerbi import formats
from tests.lakelanes.dashboards.powerbi.made import VIEWS


def measure(**settings: Any) -> Measure:
    return Measure.model_validate({"aggregation": "sum", "column": "revenue", **settings})


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "#,0"),
        ({"decimals": 2}, "#,0.00"),
        ({"decimals": 1, "format": "percent"}, "#,0.0 %"),
        ({"decimals": 2, "unit": "CHF"}, '#,0.00 "CHF"'),
        # A quote is outside of the quotes, after a backslash; a semicolon within them parts nothing.
        ({"unit": 'a"b'}, r'#,0 "a"\""b"'),
        ({"unit": '5"'}, r'#,0 "5"\"'),
        ({"unit": "a;b"}, '#,0 "a;b"'),
        ({"aggregation": "maximum", "column": "day"}, "yyyy-mm-dd"),
        ({"aggregation": "minimum", "column": "sold_at"}, "yyyy-mm-dd hh:nn:ss"),
        ({"aggregation": "maximum"}, "#,0"),
        ({"aggregation": "count", "column": None}, "#,0"),
        ({"aggregation": "distinct", "column": "day"}, "#,0"),
    ],
)
def test_formats_of_measures(settings: dict[str, Any], text: str) -> None:
    assert formats.measure_format(measure(**settings), VIEWS["shop"]) == text


def test_a_change_has_its_sign_and_is_in_points_for_percentages() -> None:
    assert formats.change_format(measure(decimals=2)) == "+#,0.0 %;-#,0.0 %;#,0.0 %"
    percent = formats.change_format(measure(decimals=2, format="percent"))
    assert percent == '+#,0.00 "points";-#,0.00 "points";#,0.00 "points"'


def test_formats_of_columns_and_periods() -> None:
    assert formats.column_format("date") == "yyyy-mm-dd"
    assert formats.column_format("whole") == "0"
    assert formats.column_format("text") is None
    assert formats.period_format("month") == "yyyy-mm"
    assert formats.period_format("quarter") == r"yyyy \Qq"
    assert formats.period_format("hour") == "yyyy-mm-dd hh:nn"
