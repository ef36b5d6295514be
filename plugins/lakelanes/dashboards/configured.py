"""The dashboards of include/dashboards for one configuration: checked, and without what it does not make."""

from __future__ import annotations

from pathlib import Path

from lakelanes.catalog.views import VIEWS
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.faults import reference_faults
from lakelanes.dashboards.loading import DASHBOARDS, read_dashboards, without_views
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.view_columns import ViewColumns, view_columns
from lakelanes.errors import DashboardError, LakeError


class NothingMadeError(LakeError):
    """No dashboard is left without the views that the configuration does not make."""


def checked_dashboards(
    config: LakeConfig, dashboards: Path = DASHBOARDS, views: Path = VIEWS
) -> tuple[list[Dashboard], ViewColumns]:
    """The dashboards of a directory, and the columns of the views beside them.

    Raises DashboardError for faults; what ``read_dashboards`` and ``view_columns`` raise.
    """
    every, found = read_dashboards(dashboards), view_columns(config, views)
    if faults := reference_faults(every, found.columns, found.left_out):
        raise DashboardError(faults)
    return every, found


def configured_dashboards(config: LakeConfig) -> tuple[list[Dashboard], ViewColumns]:
    """The same, without what reads views that the configuration does not make.

    Raises NothingMadeError where nothing is left.
    """
    every, found = checked_dashboards(config)
    dashboards = without_views(every, found.left_out)
    if not dashboards:
        raise NothingMadeError("include/dashboards has no dashboard of views that this configuration makes")
    return dashboards, found
