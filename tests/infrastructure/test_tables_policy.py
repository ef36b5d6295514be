"""The policy for DynamoDB tables: with the workers' own it is enough for exports, and nothing beyond the tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.catalog import athena
from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.lake import Lake
from lakelanes.tables import export_requests
from lakelanes.tables.current import publish
from lakelanes.tables.export_requests import poll_export, request_export
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.planning import check, plan
from lakelanes.tables.snapshot import compact, expire
from scripts.deploy import Deployment, deploy
from tests.infrastructure.conftest import PLAIN_HTTP, SETTINGS, Worker, make_config
from tests.support.localaws import LocalAws
from tests.support.source_tables import ORDERS, SourceTable


@pytest.fixture(scope="module")
def config() -> LakeConfig:
    tables = {"orders": {"dynamodb_table": "shop-orders", **ORDERS}}
    return parse_config(json.dumps({**SETTINGS, "tables": tables}), {})


@pytest.fixture(scope="module")
def worker(local_aws: LocalAws, deployment: Deployment) -> Worker:
    return Worker(local_aws, deployment.outputs)


def test_the_engine_goes_its_whole_way_with_it(
    local_aws: LocalAws, worker: Worker, config: LakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    source = SourceTable(local_aws, Lake.open(config))
    source.create()
    for name, value in worker.environment.items():
        monkeypatch.setenv(name, value)
    lake, table = Lake.open(config), config.tables["orders"]

    def export() -> None:
        for planned in plan(lake, table, run_id="policy").exports:
            made = request_export(lake, table, planned)
            while made.state == "exporting":
                made = poll_export(lake, table, made)
            import_into_lake(lake, table, made)
        publish(lake, table)

    source.put("a", "1.00")
    source.settle()
    export()
    source.put("b", "2.00")
    source.close(source.next_window())
    export()
    # As one is looked for whose start was not answered.
    arn = local_aws.client("dynamodb").describe_table(TableName=table.dynamodb_table)["Table"]["TableArn"]
    assert len(list(export_requests._newest_exports(lake, arn))) == 2
    assert compact(lake, table).changes == 1
    later = Lake.open(config, lambda: lake.clock() + timedelta(days=30))
    assert len(expire(later, table, timedelta(days=7))) == 1
    assert check(lake, table)
    assert {row["order_id"] for row in athena.query(lake, "SELECT order_id FROM orders_current")} == {"a", "b"}


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.describe_table(TableName="another-table"),
        lambda db: db.describe_continuous_backups(TableName="another-table"),
        lambda db: db.put_item(TableName="shop-orders", Item={"order_id": {"S": "x"}}),
        lambda db: db.scan(TableName="shop-orders"),
        lambda db: db.update_continuous_backups(
            TableName="shop-orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        ),
    ],
)
def test_what_lies_outside_is_denied(worker: Worker, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ClientError) as error:
        call(worker.denied("dynamodb"))
    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


def test_without_tables_there_is_no_such_policy(local_aws: LocalAws) -> None:
    names = {name: str(value).replace("tickets", "bare") for name, value in SETTINGS["resources"].items()}
    bare = make_config(**names)
    done = deploy(bare, local_aws.client("cloudformation"), local_aws.client("sts"), parameters=PLAIN_HTTP)
    assert "TablesPolicyArn" not in done.outputs
