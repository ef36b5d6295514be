"""dbt-athena: views, tables and incremental models over the lake, in a database and a bucket of their own."""

from __future__ import annotations

import collections
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult

PROJECT = Path(__file__).resolve().parent / "dbt"
FIRST = "2024-02-29"


class Project:
    """The project, run in this process; what dbt writes beside the lake is in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folders = [
            "--project-dir",
            PROJECT,
            "--profiles-dir",
            PROJECT,
            "--target-path",
            folder,
            "--log-path",
            folder,
        ]
        self.folder = folder

    def run(self, *command: str, through: str | None = None) -> dict[str, str]:
        """Runs a command of dbt that has to succeed; the state of each node by its name."""
        given = [*command, *map(str, self._folders)]
        if through:
            given += ["--vars", json.dumps({"through": through})]
        done: dbtRunnerResult = dbtRunner().invoke(["--quiet", *given])
        if done.exception:
            raise done.exception
        results = getattr(done.result, "results", None) or []
        states = {one.node.name: str(one.status) for one in results if hasattr(one, "node")}
        assert done.success, {
            one.node.name: one.message for one in results if str(one.status) not in ("success", "pass")
        }
        return states


@pytest.fixture(scope="module")
def project(written: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_DATABASE", written.database)
        patch.setenv("MODELS_DATABASE", written.models_database)
        patch.setenv("MODELS_WORKGROUP", written.models_workgroup)
        patch.setenv("MODELS_BUCKET", written.models)
        yield Project(tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="module")
def built(project: Project) -> dict[str, str]:
    """Everything built once, with the sales of all days but the last."""
    return project.run("build", through=FIRST)


@pytest.fixture(scope="module")
def grown(built: dict[str, str], project: Project) -> dict[str, str]:
    """The models, run once more when the last day is there."""
    return project.run("run")


class Asker:
    """Asks for the rows of a model, as texts, with boto3 alone."""

    def __init__(self, session: boto3.session.Session, written: Any) -> None:
        self._athena, self._written = session.client("athena"), written

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        started = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self._written.models_database},
            WorkGroup=self._written.models_workgroup,
        )["QueryExecutionId"]
        deadline = time.monotonic() + 120
        while (status := self._status(started))["State"] in ("QUEUED", "RUNNING") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert status["State"] == "SUCCEEDED", status
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
        found = [row for page in pages for row in page["ResultSet"]["Rows"]]
        return [tuple(datum.get("VarCharValue") for datum in row["Data"]) for row in found[1:]]

    def _status(self, identifier: str) -> dict[str, Any]:
        status: dict[str, Any] = self._athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"][
            "Status"
        ]
        return status


@pytest.fixture(scope="module")
def asker(aws: boto3.session.Session, written: Any) -> Asker:
    return Asker(aws, written)


def text(value: Any) -> str | None:
    """A value as Athena writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds")
    return None if value is None else str(value)


def test_everything_is_built_and_every_test_passes(built: dict[str, str]) -> None:
    models = {"stores", "revenue_by_store", "sales_by_day", "sessions_seen", "revenue_by_shelf", "countries"}
    assert {name for name, state in built.items() if state == "success"} == models
    tests = {name for name, state in built.items() if state == "pass"}
    assert "no_day_without_sales" in tests and any("relationships" in name for name in tests)
    assert len(tests) == 7


def test_a_view_is_a_view(built: dict[str, str], aws: boto3.session.Session, asker: Asker, written: Any) -> None:
    table = aws.client("glue").get_table(DatabaseName=written.models_database, Name="stores")["Table"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    names = {(row["store_id"], row["store_name"]) for row in written.store_targets}
    assert set(asker.rows("SELECT * FROM stores")) == names


def test_a_table_has_the_figures_that_were_written(built: dict[str, str], asker: Asker, written: Any) -> None:
    names = {row["store_id"]: row["store_name"] for row in written.store_targets}
    sales = collections.defaultdict(list)
    for row in written.sales:
        sales[row["store_id"]].append(row)
    expected = [
        (
            store,
            names[store],
            len(rows),
            sum(row["amount"] for row in rows),
            max(row["amount"] for row in rows),
            min(row["transaction_date"] for row in rows),
            max(row["sold_at"] for row in rows),
            max((row["note"] for row in rows if row["note"]), default=None),
        )
        for store, rows in sorted(sales.items())
    ]
    found = asker.rows("SELECT * FROM revenue_by_store ORDER BY store_id")
    assert found == [tuple(map(text, row)) for row in expected]


def test_a_table_is_parquet_in_the_models_own_place(
    built: dict[str, str], aws: boto3.session.Session, written: Any
) -> None:
    table = aws.client("glue").get_table(DatabaseName=written.models_database, Name="revenue_by_store")["Table"]
    types = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert (types["revenue"], types["largest"]) == ("decimal(38,2)", "decimal(10,2)")
    assert (types["first_day"], types["last_sold_at"], types["sales"]) == ("date", "timestamp", "bigint")
    assert table["StorageDescriptor"]["Location"].startswith(f"{written.models}/dbt/{written.models_database}/")
    assert table["Parameters"]["classification"] == "parquet"
    assert table["Description"] == "What each shop took."
    comments = {column["Name"]: column.get("Comment") for column in table["StorageDescriptor"]["Columns"]}
    assert comments["revenue"] == "in all currencies, as in the tills"


def test_more_partitions_than_athena_writes_at_once_come_in_parts(
    built: dict[str, str], aws: boto3.session.Session, asker: Asker, written: Any
) -> None:
    shelves = collections.defaultdict(list)
    for row in written.sales:
        shelves[str(row["transaction_date"]), row["store_id"], row["product_category"]].append(row["amount"])
    assert len(shelves) > 100
    found = asker.rows("SELECT sales_day, store_id, product_category, sales, revenue FROM revenue_by_shelf")
    assert {row[:3]: row[3:] for row in found} == {
        shelf: (str(len(amounts)), str(sum(amounts))) for shelf, amounts in shelves.items()
    }
    pages = (
        aws.client("glue")
        .get_paginator("get_partitions")
        .paginate(DatabaseName=written.models_database, TableName="revenue_by_shelf")
    )
    assert sum(len(page["Partitions"]) for page in pages) == len(shelves)


def test_a_seed_has_its_rows(built: dict[str, str], asker: Asker) -> None:
    assert asker.rows("SELECT * FROM countries ORDER BY store_id") == [
        ("S01", "Schweiz", "1871-10-15", "1200.5"),
        ("S04", "København", "1990-01-01", None),
        ("S06", "日本", "2001-12-31", "88.0"),
    ]


def test_what_is_incremental_begins_with_what_is_there(project: Project, asker: Asker, written: Any) -> None:
    through = datetime.fromisoformat(FIRST)
    project.run("run", "--full-refresh", "--select", "sales_by_day", "sessions_seen", through=FIRST)
    days = collections.Counter(str(row["transaction_date"]) for row in written.sales)
    found = dict(asker.rows("SELECT sales_day, count(*) FROM sales_by_day GROUP BY 1"))
    assert found == {day: str(count) for day, count in days.items() if day <= FIRST}
    seen = [row for row in written.web_sessions if row["started_at"].date() <= through.date()]
    assert asker.rows("SELECT count(*), sum(page_views) FROM sessions_seen") == [
        (str(len(seen)), str(sum(row["page_views"] for row in seen)))
    ]


def test_insert_overwrite_takes_the_new_day_and_keeps_none_twice(
    grown: dict[str, str], asker: Asker, written: Any
) -> None:
    amounts: dict[str, list[Decimal]] = collections.defaultdict(list)
    for row in written.sales:
        amounts[str(row["transaction_date"])].append(row["amount"])
    found = asker.rows("SELECT sales_day, count(*), sum(amount), count(note) FROM sales_by_day GROUP BY 1 ORDER BY 1")
    notes = collections.Counter(str(row["transaction_date"]) for row in written.sales if row["note"])
    assert found == [
        (day, str(len(of_day)), str(sum(of_day)), str(notes[day])) for day, of_day in sorted(amounts.items())
    ]


def test_append_adds_what_is_new(grown: dict[str, str], asker: Asker, written: Any) -> None:
    columns = ("session_id", "started_at", "ended_at", "page_views", "is_mobile")
    found = asker.rows(f"SELECT {', '.join(columns)} FROM sessions_seen ORDER BY session_id")
    ordered = sorted(written.web_sessions, key=lambda row: str(row["session_id"]))
    assert found == [tuple(text(row[name]) for name in columns) for row in ordered]


def test_a_table_that_is_built_again_leaves_no_files_of_the_old_one(
    grown: dict[str, str], aws: boto3.session.Session, written: Any
) -> None:
    glue, s3 = aws.client("glue"), aws.client("s3")
    table = glue.get_table(DatabaseName=written.models_database, Name="revenue_by_store")["Table"]
    folder = table["StorageDescriptor"]["Location"].rstrip("/").rpartition("/")[0].removeprefix(f"{written.models}/")
    listed = s3.list_objects_v2(Bucket=written.models.removeprefix("s3://"), Prefix=f"{folder}/")["Contents"]
    inside = table["StorageDescriptor"]["Location"].removeprefix(f"{written.models}/")
    assert listed and all(one["Key"].startswith(inside) for one in listed)


def test_documentation_tells_of_columns_and_types(grown: dict[str, str], project: Project, written: Any) -> None:
    project.run("docs", "generate")
    catalog = json.loads((project.folder / "catalog.json").read_text())
    columns = catalog["nodes"]["model.lake_models.revenue_by_store"]["columns"]
    assert {name: column["type"] for name, column in columns.items()}["revenue"] == "decimal(38,2)"
    source = catalog["sources"]["source.lake_models.lake.sales_data"]
    assert source["columns"]["amount"]["type"] == "decimal(10,2)"
    assert not catalog["errors"]


def test_the_lakes_own_database_cannot_be_written(project: Project, written: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DATABASE", written.database)
        with pytest.raises(AssertionError, match=r"(?i)denied|not authorized"):
            project.run("run", "--select", "stores")
    assert os.environ["MODELS_DATABASE"] == written.models_database
