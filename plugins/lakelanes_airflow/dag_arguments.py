"""The keyword arguments that all DAGs of the lake share; what differs stands in each DAG file."""

from __future__ import annotations

from typing import Any

from lakelanes_airflow.defaults import DEFAULT_ARGS, Tag, owner_links
from lakelanes_airflow.notifications.run_alerts import alert_on_failure


def dag_arguments(*tags: Tag, page: str = "/") -> dict[str, Any]:
    """Arguments for Airflow's DAG. tags: beside that of the lake. page: below the Lake page, where the owner's link
    leads to, e.g. ``/entities/sales``."""
    return {
        # No partition is made up for by itself: the sweep loads late files, and a backfill is asked for.
        "catchup": False,
        "tags": [Tag.LAKE, *tags],
        "default_args": DEFAULT_ARGS,
        "on_failure_callback": alert_on_failure,
        "owner_links": owner_links(page),
    }
