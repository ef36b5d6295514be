"""The demo's dashboards: QuickSight's copies of the views, held against Athena's rows, after loads by either lane and
after a file of an old day was replaced."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import partial
from typing import Any

from lakelanes.catalog import athena, view_sources
from lakelanes.dashboards import questions, spice
from lakelanes.dashboards.model import Dataset
from lakelanes.files.matching import match
from lakelanes.lake import Lake
from scripts.console import Stages
from scripts.dashboards import deploy_dashboards
from scripts.deploy import upload_template
from scripts.sample_data import SampleFile

# QuickSight is not asked who that is, and shows the dashboards to nobody here.
PRINCIPAL = "arn:aws:quicksight:{region}:{account}:group/default/lakelanes"
_POLL_SECONDS = 0.2
_CATCH_UP_SECONDS = 60.0
_PLACES = Decimal("0.0001")

Row = tuple[str, ...]


class DashboardsError(Exception):
    """QuickSight has other rows than Athena, or was refreshed in another way than it should have been."""


@dataclass(frozen=True)
class DashboardsDemo:
    """The steps, on a running stack with loaded files.

    run_dag: triggers a DAG with Params, and returns when the run has ended well. clients: makes clients of who deploys.
    """

    lake: Lake
    endpoint_url: str
    stages: Stages
    clients: Callable[[str], Any]
    lake_stack: str
    run_dag: Callable[[str, dict[str, Any]], None]

    def play(self, other: SampleFile) -> None:
        """Deploys the dashboards, refreshes them, replaces the sales of an old day by another file, refreshes again.

        Raises DashboardsError.
        """
        with self.stages.stage("dashboards", "deploying the dashboards to QuickSight"):
            done = self._deploy()
            self.stages.result(f"{done}; {len(self._datasets)} data sets")
        with self.stages.stage("SPICE", "refreshing the data sets"):
            self.run_dag("refresh_dashboards", {})
            self.stages.result(f"{self._compare():,} rows in SPICE, equal to the views'")
        with self.stages.stage("old day", f"replacing {other.key}"):
            before = self._spice("sales")
            self._replace(other)
            self.run_dag("refresh_dashboards", {"dataset": ", ".join(self._reading_sales())})
            kind = self._last_kind("sales")
            if kind != "FULL_REFRESH" or self._spice("sales") == before:
                raise DashboardsError(f"sales had {kind}, expected a full refresh with the rows of the new {other.key}")
            self.stages.result(
                f"{kind} chosen for a day outside of changes_days; {self._compare():,} rows, equal again"
            )

    def _deploy(self) -> str:
        aws = self.lake.config.aws
        principal = PRINCIPAL.format(region=aws.region, account=aws.account_id)
        settings = self.lake.config.deployment.model_copy(update={"dashboards_principal": principal})
        config = self.lake.config.model_copy(update={"deployment": settings})
        clients = self.clients("cloudformation"), self.clients("glue")
        upload = partial(upload_template, config, self.clients("s3"))
        done = deploy_dashboards(config, *clients, self.lake_stack, upload=upload)
        if done is None or isinstance(done, str):
            raise DashboardsError(f"the dashboards were not deployed: {done}")
        return f"stack {done.stack_name} {done.action}"

    @property
    def _datasets(self) -> Mapping[str, Dataset]:
        return spice.datasets(self.lake)

    def _reading_sales(self) -> list[str]:
        """The data sets whose views read a table of the sales."""
        inputs, entity = view_sources.noted(self.lake), self.lake.config.entities["sales"]
        own = {entity.table_name, entity.rejects_table}
        read = {name: view_sources.tables_read(inputs, one.view) or () for name, one in self._datasets.items()}
        return [name for name, tables in read.items() if own & set(tables)]

    def _replace(self, other: SampleFile) -> None:
        """Uploads the file, and waits until the low-latency lane has it in the table."""
        found = match(self.lake.config, other.key)
        assert found is not None
        where = " AND ".join(f"{key} = '{value}'" for key, value in found.partition.items)
        count = f"SELECT count(*) AS n FROM {found.entity.table_name} WHERE {where}"
        bucket = self.lake.config.resources.source_bucket
        self.lake.s3.put_object(Bucket=bucket, Key=other.key, Body=other.body)
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while int(athena.query(self.lake, count)[0]["n"] or 0) != other.good:
            if time.monotonic() > deadline:
                raise DashboardsError(f"the low-latency lane did not load the new {other.key}")
            time.sleep(_POLL_SECONDS)

    def _last_kind(self, name: str) -> str:
        found = self.clients("quicksight").list_ingestions(
            AwsAccountId=self.lake.config.aws.account_id, DataSetId=spice.data_set_id(self.lake, name)
        )
        return str(found["Ingestions"][0]["RequestType"])

    def _compare(self) -> int:
        """How many rows QuickSight has, all of them Athena's. Raises DashboardsError for the first that differ."""
        total = 0
        for name, dataset in self._datasets.items():
            found, wanted = self._spice(name), self._athena(dataset)
            if found != wanted:
                lines = [f"only in SPICE: {row}" for row in list(found - wanted)[:5]]
                lines += [f"only in Athena: {row}" for row in list(wanted - found)[:5]]
                raise DashboardsError("\n  ".join([f"data set {name} differs from view {dataset.view}:", *lines]))
            total += found.total()
        return total

    def _spice(self, name: str) -> Counter[Row]:
        """QuickSight's rows, which AWS shows in dashboards alone: the local AWS has a way of its own."""
        body = json.dumps({"data_set": spice.data_set_id(self.lake, name)}).encode()
        request = urllib.request.Request(f"{self.endpoint_url}/_localaws/quicksight/spice", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        return Counter(tuple(map(_text, row)) for row in found["rows"])

    def _athena(self, dataset: Dataset) -> Counter[Row]:
        columns = questions.columns_of(self.lake.config)[dataset.view]
        rows = athena.query(self.lake, f"SELECT * FROM {dataset.view}")
        return Counter(tuple(_text(row[name]) for name in columns) for row in rows)


def _text(value: Any) -> str:
    """A value as both write it: numbers with the four places that SPICE keeps, dates with their time."""
    if value is None or value == "":
        return ""
    text = str(value)
    try:
        return f"{Decimal(text).quantize(_PLACES, ROUND_DOWN).normalize():f}"
    except ArithmeticError:
        return text.replace("T", " ").removesuffix("Z").removesuffix(".000").removesuffix(" 00:00:00")
