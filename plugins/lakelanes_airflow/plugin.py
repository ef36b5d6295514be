"""The Airflow plugin: the Lake page, the DAGs' timetable and priorities, a listener for DAG files that cannot be
imported, the names by which Airflow answers, and imports that tasks share.

Tasks are forked from a process that has loaded this plugin (a Celery worker has by airflow_local_settings.py). So what
every task needs is imported once, here: importing pyarrow and reading botocore's descriptions of AWS takes longer than
the work of most tasks.
"""

from __future__ import annotations

from typing import Any

import pyarrow.parquet  # noqa: F401
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import Asset, task_group  # noqa: F401

from lakelanes.aws import clients
from lakelanes_airflow import load_tasks, trusted_hosts  # noqa: F401
from lakelanes_airflow.notifications import run_alerts  # noqa: F401
from lakelanes_airflow.notifications.import_errors import ImportErrorListener
from lakelanes_airflow.operators import export  # noqa: F401
from lakelanes_airflow.timetables.partitions import PastPartitionTimetable, PeriodTimetable
from lakelanes_airflow.timetables.priorities import DailyLoadFirst

clients.read_descriptions(("s3", "dynamodb", "glue", "athena"))
# Has Airflow find the provider that handles such URIs, which it does once per process.
Asset(name="lakelanes", uri="s3://lakelanes/")


async def lake_page(scope: Any, receive: Any, send: Any) -> None:
    """The Lake page as an ASGI application, made at its first request: every process of Airflow loads this plugin, and
    only the API server needs a web framework."""
    from lakelanes_airflow.page.app import the_app

    await the_app()(scope, receive, send)


class LakelanesPlugin(AirflowPlugin):
    """Adds the page Lake to Airflow's navigation, and the classes that DAGs name in the database."""

    name = "lakelanes"
    # As Airflow's class declares them.
    timetables = [PastPartitionTimetable, PeriodTimetable]  # noqa: RUF012
    priority_weight_strategies = [DailyLoadFirst]  # noqa: RUF012
    fastapi_apps = [{"name": "Lake", "app": lake_page, "url_prefix": "/lake"}]  # noqa: RUF012
    fastapi_root_middlewares = trusted_hosts.middlewares()
    listeners = [ImportErrorListener()]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            **{"name": "Lake", "href": "/lake/", "destination": "nav", "url_route": "lake"},
            **{"icon": "/lake/static/icon.svg", "icon_dark_mode": "/lake/static/icon-dark.svg"},
        }
    ]
