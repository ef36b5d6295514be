"""Bundles for these tests."""

from __future__ import annotations

from functools import cache
from typing import Any

from lakelanes.config.loading import DEFAULT_PATH, load_config
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.superset.bundle import bundle
from lakelanes.dashboards.superset.datasets import Source
from tests.lakelanes.dashboards.powerbi.made import VIEWS, dashboard
from tests.support.localaws import ACCOUNT

Json = dict[str, Any]


@cache
def config() -> LakeConfig:
    """That of the repository, whose database is analytics_db."""
    return load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": ACCOUNT})


def documents(*dashboards: Dashboard) -> dict[str, Json]:
    return bundle(config(), dashboards, VIEWS)


def chart_of(visual: Json) -> Json:
    """The file of the chart that a visual becomes."""
    return documents(dashboard(visual))["charts/shop.v0.yaml"]


def controls_of(visual: Json) -> Json:
    found: Json = chart_of(visual)["params"]
    return found


def source_of(visual: Json) -> Source:
    board = dashboard(visual)
    (one,) = board.visuals
    dataset = board.datasets[one.dataset]
    return Source("analytics_db", board.name, one, dataset, VIEWS[dataset.view])
