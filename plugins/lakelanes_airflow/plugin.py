"""The Airflow plugin.

Loading it imports what every task needs, once, in the process that tasks are forked from: to import pyarrow and boto3
in each of them takes longer than the work of most.
"""

from __future__ import annotations

import boto3  # noqa: F401
import pyarrow.parquet  # noqa: F401
from airflow.plugins_manager import AirflowPlugin

from lakelanes_airflow import export_operators, operators, sensors  # noqa: F401


class LakelanesPlugin(AirflowPlugin):
    """Adds nothing to Airflow yet."""

    name = "lakelanes"
