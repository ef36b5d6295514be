"""The lifecycle rules of the analytics bucket that the configuration's tables bring: what expires, and when.

A rule selects by the beginning of a key (https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-filters.html),
and a CloudFormation template has no loop, so the deployment adds them to the template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from lakelanes.config.model import LakeConfig
from lakelanes.tables.catalog import changes_table
from lakelanes.tables.export_requests import export_folder

# Of a bucket, those of the template included.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-set-lifecycle-configuration-intro.html
MOST_RULES = 1000


def table_rules(config: LakeConfig) -> list[dict[str, Any]]:
    """The rules, as AWS::S3::Bucket takes them: of exports that were converted long ago, and of rows that streams
    brought, for tables that have a limit for these."""
    rules = []
    if config.deployment.export_days is not None:
        rules += [_rule("exports", prefix, config.deployment.export_days) for prefix in _export_prefixes(config)]
    for table in config.tables.values():
        if table.stream.keep_days is not None:
            rules.append(_rule("stream", f"{changes_table(table).folder}/lane=stream/", table.stream.keep_days))
    return rules


def _export_prefixes(config: LakeConfig) -> Iterator[str]:
    """What the keys of exports begin with, and of nothing else: one for all tables of an ``export.prefix``, if that is
    a folder of exports alone."""
    folders = {entity.table_name for entity in config.entities.values()}
    folders |= {entity.rejects_table for entity in config.entities.values()}
    folders |= {name for table in config.tables.values() for name in (table.changes_table, table.snapshot_table)}
    seen = set()
    for table in config.exported_tables:
        prefix = table.export.prefix
        if not prefix or prefix.partition("/")[0] in folders | {"athena-results", "run-plans"}:
            # What DynamoDB itself puts there.
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
            prefix = f"{export_folder(table)}/AWSDynamoDB/"
        if prefix not in seen:
            seen.add(prefix)
            yield prefix


def _rule(what: str, prefix: str, days: int) -> dict[str, Any]:
    digest = hashlib.sha256(prefix.encode()).hexdigest()[:10]
    return {"Id": f"expire-{what}-{digest}", "Status": "Enabled", "Prefix": prefix, "ExpirationInDays": days}
