"""Numbers and dates by d3's formats."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from lakelanes.dashboards.model import Measure, Unit
from lakelanes.dashboards.superset.formats import GRAINS, TIMESTAMP, measure_label, number_format, period_format


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ",.0f"),
        ({"decimals": 2}, ",.2f"),
        ({"format": "percent"}, ",.0%"),
        ({"format": "percent", "decimals": 1}, ",.1%"),
    ],
)
def test_numbers_have_thousands_and_their_decimals(settings: dict[str, Any], expected: str) -> None:
    assert number_format(Measure.model_validate({"aggregation": "count", **settings})) == expected


def test_a_unit_stands_in_the_label() -> None:
    measure = Measure.model_validate({"aggregation": "count", "title": "Waiting", "unit": "h"})
    assert measure_label(measure) == "Waiting (h)"
    assert measure_label(measure.model_copy(update={"unit": None})) == "Waiting"


def test_every_unit_has_a_grain_and_a_format() -> None:
    units = get_args(Unit)
    assert GRAINS.keys() == set(units)
    assert [period_format(unit) for unit in ("month", "quarter", "week", "year")] == [
        *("%Y-%m", "%Y Q%q", "%Y-%m-%d", "%Y"),
    ]
    assert period_format(None) == TIMESTAMP
