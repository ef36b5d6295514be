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


def resource_id(prefix: str, name: str) -> str:
    """The id of a data set, an analysis or a dashboard: each kind has ids of its own."""
    return f"{prefix}-{name}"


def data_set_id(config: LakeConfig, name: str) -> str:
    """The id of a data set of the dashboards; refresh_dashboards refreshes it by this id."""
    return resource_id(prefix(config), name)


def data_set_arn(config: LakeConfig, name: str) -> str:
    """The ARN of a data set of the dashboards; those of its ingestions are ``<arn>/ingestion/<id>``."""
    place = f"{config.aws.partition}:quicksight:{config.aws.region}:{config.aws.account_id}"
    return f"arn:{place}:dataset/{data_set_id(config, name)}"
