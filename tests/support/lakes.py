"""Lakes for tests: a configuration with names of its own, deployed to the local AWS by the template itself."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Mapping
from typing import Any

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.lake import Lake
from scripts.deploy import deploy
from tests.support.localaws import ACCOUNT, REGION, LocalAws

_numbers = itertools.count()

# Of the links in what functions send; nothing is there.
AIRFLOW_URL = "https://airflow.example/base"
SALES: dict[str, Any] = {
    "table_name": "sales_data",
    "filename_pattern": r"sales_data_(\d{4})_(\d{2})_(\d{2})\.csv(?:\.gz)?",
    "partition_keys": ["year", "month", "day"],
    "schema": [
        {"name": "transaction_id", "type": "string"},
        {"name": "customer_id", "type": "string"},
        {"name": "amount", "type": "decimal(10,2)"},
        {"name": "transaction_date", "type": "date"},
    ],
    "settle_seconds": 0,
}


def config_text(
    entities: Mapping[str, Any] | None = None, name: str | None = None, tables: Mapping[str, Any] | None = None
) -> str:
    """A configuration file's text. ``name`` is part of every resource's name; by default one nobody else uses."""
    name = name or f"t{os.getpid()}x{next(_numbers)}"
    return json.dumps(
        {
            "aws": {"region": REGION, "account_id": ACCOUNT},
            "resources": {
                "source_bucket": f"{name}-source",
                "analytics_bucket": f"{name}-analytics",
                "glue_database": f"{name}_db",
                "workgroup_name": f"{name}_workgroup",
                "sqs_queue": f"{name}_queue",
                "ledger_table": f"{name}_ledger",
                "alert_topic": f"{name}_alerts",
            },
            "airflow_url": AIRFLOW_URL,
            "entities": entities or {"sales": SALES},
            "tables": tables or {},
        }
    )


def make_config(entities: Mapping[str, Any] | None = None, tables: Mapping[str, Any] | None = None) -> LakeConfig:
    return parse_config(config_text(entities, tables=tables), {})


def deploy_lake(
    aws: LocalAws,
    entities: Mapping[str, Any] | None = None,
    tables: Mapping[str, Any] | None = None,
    **options: Any,
) -> Lake:
    """A lake whose resources exist. The process's environment must point at ``aws``."""
    return deploy_config(aws, make_config(entities, tables), **options)


def deploy_config(aws: LocalAws, config: LakeConfig, **options: Any) -> Lake:
    """The lake of a configuration, whose resources exist, and whose bucket and ledger are each other's. They are not
    protected from deletion: that is an update of the stack, which takes as long as all before."""
    parameters = {"RequireTls": "false", "DeletionProtection": "off"}
    deploy(config, aws.client("cloudformation"), aws.client("sts"), parameters=parameters)
    lake = Lake.open(config, **options)
    # As any process does before it writes the first time.
    lake.check_owner()
    return lake


def put(lake: Lake, key: str, body: str | bytes) -> str:
    """Puts a source file; text is UTF-8, and gzipped when the key says so. Returns its URI."""
    data = body.encode() if isinstance(body, str) else body
    if key.endswith(".gz") and isinstance(body, str):
        data = gzip.compress(data, mtime=0)
    bucket = lake.config.resources.source_bucket
    lake.s3.put_object(Bucket=bucket, Key=key, Body=data)
    return f"s3://{bucket}/{key}"
