"""Dashboards for these tests, and the model that is made of them. Names are as bad as the files may have them."""

from __future__ import annotations

from typing import Any

from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.faults import reference_faults
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.powerbi.semantic_model import SemanticModel, semantic_model
from lakelanes.dashboards.view_columns import Columns
from tests.support.lakes import make_config

NASTY = (
    "O'Brien's \"best\" [a]b] #(lf) {x} = : . \\ \N{LATIN SMALL LETTER U WITH DIAERESIS}\N{GREEK SMALL LETTER BETA}\n2"
)
VIEWS: dict[str, Columns] = {
    "shop": {
        "year": "text",
        "month": "text",
        "day": "date",
        "sold_at": "timestamp",
        "store": "text",
        "is_web": "boolean",
        "units": "whole",
        "revenue": "decimal",
        "weight": "double",
        "tags": "other",
        "extra": "unknown",
    },
    "visits": {"seen_at": "timestamp", "page": "text", "hits": "whole"},
}
SHOP = {"view": "shop", "date_column": "day", "changes_days": 7}
VISITS = {"view": "visits", "date_column": "seen_at", "mode": "direct"}
SUM = {"aggregation": "sum", "column": "revenue"}
# One of each kind, with what a dashboard can ask for.
VISUALS: list[dict[str, Any]] = [
    {"kind": "figure", "x": {"column": "day", "unit": "month"}, "y": [SUM]},
    {"kind": "figure", "y": [{**SUM, "unit": '5"', "decimals": 2}]},
    {"kind": "line", "x": {"column": "day", "unit": "day"}, "series": {"column": "store", "top": 4}, "y": [SUM]},
    {"kind": "bar", "x": {"column": "store", "title": f"x {NASTY}"}, "y": [{**SUM, "title": f"y {NASTY}"}]},
    {"kind": "stacked_bar", "x": {"column": "day", "unit": "week"}, "series": {"column": "is_web"}, "y": [SUM]},
    {
        "kind": "heat_map",
        "x": {"column": "sold_at", "unit": "hour"},
        "series": {"column": "day", "unit": "quarter"},
        "y": [{"aggregation": "ratio_of_sums", "numerator": "revenue", "denominator": "units", "format": "percent"}],
    },
    {
        "kind": "table",
        "columns": [{"column": "store", "top": 3, "sort": "smallest_first"}, {"column": "day"}],
        "y": [
            {"aggregation": "last", "column": "units"},
            {"aggregation": "distinct", "column": "tags"},
            {"aggregation": "maximum", "column": "sold_at"},
        ],
        "filters": [
            {"column": "store", "not_in": [NASTY]},
            {"column": "day", "from": "2024-01-01", "to": "2024-12-31"},
            {"column": "is_web", "in": [True]},
        ],
    },
]
ON_VISITS = [
    {
        "kind": "figure",
        "dataset": "visits",
        "x": {"column": "seen_at", "unit": "hour"},
        "y": [{"aggregation": "count"}],
        "filters": [{"column": "seen_at", "last_days": 28}],
    },
    {
        "kind": "bar",
        "dataset": "visits",
        "x": {"column": "seen_at", "unit": "month"},
        "y": [{"aggregation": "count"}, {"aggregation": "count", "column": "page"}],
    },
]


def dashboard(
    *visuals: dict[str, Any],
    name: str = "shop",
    datasets: dict[str, Any] | None = None,
    views: dict[str, Columns] = VIEWS,
) -> Dashboard:
    """A dashboard of these visuals on one sheet; what a visual lacks is added. It has no fault."""
    whole = [
        {"id": f"v{number}", "title": f"Visual {number}", "dataset": "shop", **one}
        for number, one in enumerate(visuals)
    ]
    raw = {"name": name, "title": name, "datasets": datasets or {"shop": SHOP, "visits": VISITS}}
    made = Dashboard.model_validate({**raw, "sheets": [{"title": NASTY, "visuals": whole}]})
    assert reference_faults([made], views) == []
    return made


def everything() -> list[Dashboard]:
    """Two dashboards with one of each kind."""
    nasty = [{"title": NASTY, "description": NASTY, **one} for one in VISUALS]
    return [dashboard(*nasty), dashboard(*ON_VISITS, name="visits")]


def config() -> LakeConfig:
    return make_config()


def model_of(*dashboards: Dashboard, views: dict[str, Columns] = VIEWS) -> SemanticModel:
    return semantic_model(config(), dashboards, views)
