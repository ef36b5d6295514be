"""How Superset shows numbers and dates: formats of d3 (https://d3js.org/d3-format, https://d3js.org/d3-time-format)."""

from __future__ import annotations

from lakelanes.dashboards.model import Measure, Unit

# Superset's names of periods (https://en.wikipedia.org/wiki/ISO_8601#Durations); P1W is one from Monday on in Athena.
GRAINS: dict[Unit, str] = {
    "hour": "PT1H",
    "day": "P1D",
    "week": "P1W",
    "month": "P1M",
    "quarter": "P3M",
    "year": "P1Y",
}
_PERIODS: dict[Unit, str] = {
    "hour": "%Y-%m-%d %H:%M",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
    "quarter": "%Y Q%q",
    "year": "%Y",
}
TIMESTAMP = "%Y-%m-%d %H:%M:%S"


def number_format(measure: Measure) -> str:
    """'1,234.50', or '12.5%' of a fraction."""
    return f",.{measure.decimals}{'%' if measure.format == 'percent' else 'f'}"


def period_format(unit: Unit | None) -> str:
    """How the start of a period is shown: '2024-03', '2024 Q1'."""
    return _PERIODS[unit] if unit else TIMESTAMP


def measure_label(measure: Measure) -> str:
    """Its label with its unit, for which Superset's formats have no place: 'Hours on the way (h)'."""
    return f"{measure.label} ({measure.unit})" if measure.unit else measure.label
