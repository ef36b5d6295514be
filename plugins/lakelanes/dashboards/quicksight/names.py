"""Ids of the lake's objects in QuickSight, which are the account's own in a region: two lakes never share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakelanes.config.model import LakeConfig


def prefix(config: LakeConfig) -> str:
    """What the ids of all of a lake's objects begin with; a bucket belongs to one lake only.

    Ids have letters, digits, hyphens and underscores
    (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateDataSet.html).
    """
    return "lakelanes-" + config.resources.analytics_bucket.replace(".", "-")


def data_set_id(config: LakeConfig, name: str) -> str:
    """The id of a data set of the dashboards; refresh_dashboards refreshes it by this id."""
    return f"{prefix(config)}-{name}"
