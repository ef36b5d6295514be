"""A whole stack of its own for these tests: the local AWS and every component of Airflow, for entities nobody knows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.stack import Stack
from tests.end_to_end.world import World
from tests.support.lakes import config_text

REPOSITORY = Path(__file__).resolve().parents[2]

# Those whose tests are about what the batch lane does have it to themselves; the low-latency lane would be faster.
METER_READINGS = {
    "table_name": "meter_readings",
    "source_prefix": "utilities/",
    "filename_pattern": r"readings-(\d{4})-(\d{2})-(\d{2})\.csv",
    "partition_keys": ["year", "month", "day"],
    "schema": [
        {"name": "meter", "type": "string"},
        {"name": "kwh", "type": "decimal(12,3)"},
        {"name": "read_at", "type": "timestamp"},
    ],
    "settle_seconds": 0,
    "lanes": ["batch"],
}
HOURLY_VISITS = {
    "table_name": "museum_visits",
    "filename_pattern": r"visits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv\.gz",
    "partition_keys": ["year", "month", "day", "hour"],
    "schema": [{"name": "room", "type": "string"}, {"name": "visitors", "type": "int"}],
    "settle_seconds": 0,
    "lanes": ["batch"],
}
PRICES = {
    "table_name": "prices",
    "filename_pattern": r"prices_([a-z]+)\.csv",
    "partition_keys": ["market"],
    "schema": [{"name": "product", "type": "string"}, {"name": "price", "type": "decimal(8,2)"}],
    "settle_seconds": 0,
    "lanes": ["batch"],
}
# Both lanes, and few bytes for the faster one.
PARKING = {
    "table_name": "parking",
    "filename_pattern": r"parking_(\d{4})_(\d{2})_(\d{2})(?:_\d+)?\.csv",
    "partition_keys": ["year", "month", "day"],
    "schema": [{"name": "place", "type": "string"}, {"name": "minutes", "type": "int"}],
    "settle_seconds": 0,
    "fast_max_bytes": 4096,
}

# As the sample's, in a table of another name. Its clock is behind when the stack starts, so that windows can be over.
ORDERS = {
    **json.loads((REPOSITORY / "include" / "lake.json").read_text(encoding="utf-8"))["tables"]["orders"],
    "dynamodb_table": "shop-orders",
}
BEHIND_HOURS = 6

# Of what these stacks do beside the tests' runs, as little as there may be.
AIRFLOW = {
    # The tests say which DAGs run.
    "core": {"dags_are_paused_at_creation": True},
    # A DAG file that was changed is parsed at once all the same.
    "dag_processor": {"min_file_process_interval": 600, "stale_dag_threshold": 1800},
    "scheduler": {"scheduler_idle_sleep_time": 0.5},
}


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The running stack. The sweep is paused, so that it takes no file from the run that a test is about; so is the
    watch, which would alert of what others leave missing, and the export, which looks the more seldom for the end of
    its window the longer it waits."""
    folder = tmp_path_factory.mktemp("stack")
    config = folder / "lake.json"
    entities = {"readings": METER_READINGS, "visits": HOURLY_VISITS, "prices": PRICES, "parking": PARKING}
    config.write_text(config_text(entities, tables={"orders": ORDERS}))
    env = {**os.environ, "LOCALAWS_CLOCK_OFFSET": str(-3600 * BEHIND_HOURS)}
    with Stack(config_path=config, state=folder / "state", env=env, airflow=AIRFLOW) as stack:
        world = World(stack)
        for dag_id in (*(f"load_{entity}" for entity in entities), "refresh_views"):
            world.pause(dag_id, False)
        yield world
