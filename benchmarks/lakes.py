"""The local AWS with a lake on it, for the cases that go from S3 to S3."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generate import NARROW
from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.lake import Lake
from scripts.deploy import deploy
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws, running_localaws

TARGETS = "bench-targets"
_ENTITY = {
    "table_name": "sales_data",
    "filename_pattern": r"sales_data_(\d{4})_(\d{2})_(\d{2})_\d+\.csv",
    "example": "sales_data_2024_03_15_0.csv",
    "partition_keys": ["year", "month", "day"],
    "settle_seconds": 0,
    "schema": [{"name": name, "type": text} for name, text in NARROW.items()],
}


@dataclass
class BenchLake:
    """A deployed lake and what reaches it. config_path: its configuration, for a worker."""

    aws: LocalAws
    config: LakeConfig
    config_path: Path

    @property
    def s3(self) -> Any:
        return self.aws.client("s3")

    @property
    def source(self) -> str:
        return self.config.resources.source_bucket

    def environment(self, endpoint_url: str | None = None) -> dict[str, str]:
        """What a worker needs to reach the lake, through another endpoint if one is given."""
        return self.aws.environment | ({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {})

    def upload(self, key: str, path: Path) -> None:
        """Puts a source file, in parts when it is large."""
        self.s3.upload_file(str(path), self.source, key)

    def outputs(self, tool_prefix: str | None) -> tuple[int, list[Any]]:
        """Bytes and open files of what a tool wrote: ours with None, else what is under its prefix of TARGETS."""
        bucket, prefix = (TARGETS, tool_prefix) if tool_prefix else (self._analytics, "sales_data/")
        objects = list(self._objects(bucket, prefix))
        size = sum(item["Size"] for item in objects)

        def read(item: Any) -> io.BytesIO:
            return io.BytesIO(self.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())

        with ThreadPoolExecutor(4) as pool:
            return size, list(pool.map(read, objects))

    def forget(self) -> None:
        """Takes everything that any tool wrote away again: objects, ledger, tables."""
        for bucket, prefix in ((TARGETS, ""), (self._analytics, "")):
            keys = [{"Key": item["Key"]} for item in self._objects(bucket, prefix)]
            for start in range(0, len(keys), 1000):
                self.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[start : start + 1000], "Quiet": True})
        dynamodb, table = self.aws.client("dynamodb"), self.config.resources.ledger_table
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, AttributesToGet=["source", "version"]):
            for item in page["Items"]:
                dynamodb.delete_item(TableName=table, Key=item)
        glue, database = self.aws.client("glue"), self.config.resources.glue_database
        for found in glue.get_tables(DatabaseName=database)["TableList"]:
            glue.delete_table(DatabaseName=database, Name=found["Name"])

    @property
    def _analytics(self) -> str:
        return self.config.resources.analytics_bucket

    def _objects(self, bucket: str, prefix: str) -> Iterable[Any]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", [])


@contextlib.contextmanager
def running_lake() -> Iterator[BenchLake]:
    """A lake with one entity of the narrow shape on a local AWS of its own, which ends with it."""
    with tempfile.TemporaryDirectory(prefix="lakelanes-bench-") as folder:
        state = Path(folder)
        with running_localaws(state / "aws") as aws:
            text = config_text({"sales": _ENTITY}, "bench")
            path = state / "lake.json"
            path.write_text(text)
            lake = BenchLake(aws, parse_config(text, {}), path)
            deploy(lake.config, aws.client("cloudformation"), aws.client("sts"), parameters={"RequireTls": "false"})
            lake.s3.create_bucket(Bucket=TARGETS)
            yield lake


@contextlib.contextmanager
def reached_from_here(lake: BenchLake) -> Iterator[Lake]:
    """The engine's own view of the lake, with this process's environment pointing at it meanwhile."""
    before = dict(os.environ)
    os.environ.update(lake.environment())
    try:
        yield Lake.open(lake.config)
    finally:
        os.environ.clear()
        os.environ.update(before)


def source_key(number: int, days: int = 100) -> str:
    """The key of the number-th source file: ten or more a day."""
    day = number % days
    return f"sales_data_2024_{1 + day // 28:02d}_{1 + day % 28:02d}_{number}.csv"
