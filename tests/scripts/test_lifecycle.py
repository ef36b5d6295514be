"""What expires is what a rule's prefix says, and no key of a table begins like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LakeConfig
from scripts.change_sets import DeployError
from scripts.deploy import lake_template
from scripts.lifecycle import table_rules
from tests.support.lakes import config_text
from tests.support.source_tables import ORDERS


def configured(tables: dict[str, Any], **deployment: Any) -> LakeConfig:
    text = json.loads(config_text(tables=tables))
    return parse_config(json.dumps({**text, "deployment": deployment}), {})


def source(name: str, **settings: Any) -> dict[str, Any]:
    return {**ORDERS, "dynamodb_table": f"shop-{name}", "table_name": name, **settings}


def rules(config: LakeConfig) -> dict[str, int]:
    return {rule["Prefix"]: rule["ExpirationInDays"] for rule in table_rules(config)}


def test_a_lake_without_tables_has_none() -> None:
    assert rules(configured({})) == {}


def test_exports_expire_and_rows_of_streams_only_where_it_is_asked_for() -> None:
    tables = {"orders": source("orders"), "clicks": source("clicks", stream={"keep_days": 40})}
    assert rules(configured(tables)) == {"dynamodb-exports/": 35, "clicks_changes/lane=stream/": 40}
    assert rules(configured(tables, export_days=10))["dynamodb-exports/"] == 10
    assert rules(configured(tables, export_days=None)) == {"clicks_changes/lane=stream/": 40}


@pytest.mark.parametrize("prefix", ["", "orders_changes/", "athena-results/", "run-plans/", "sales_data/x/"])
def test_a_prefix_that_is_not_of_exports_alone_does_not_expire_as_a_whole(prefix: str) -> None:
    config = configured({"orders": source("orders", export={"prefix": prefix})})
    assert rules(config) == {f"{prefix}orders/AWSDynamoDB/": 35}


def test_a_table_that_is_not_exported_leaves_no_rule() -> None:
    assert rules(configured({"orders": source("orders", lanes=["stream"])})) == {}


def test_the_templates_own_rules_stay_and_every_rule_has_an_id_of_its_own() -> None:
    tables = {f"t{number}": source(f"t{number}", stream={"keep_days": 36}) for number in range(200)}
    template = lake_template(configured(tables))
    found = template["Resources"]["AnalyticsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert len({rule["Id"] for rule in found}) == len(found) == 204
    assert [rule.get("Prefix") for rule in found[:3]] == ["athena-results/", "run-plans/", None]


def test_more_rules_than_a_bucket_may_have_are_refused() -> None:
    tables = {f"t{number}": source(f"t{number}", stream={"keep_days": 36}) for number in range(997)}
    with pytest.raises(DeployError, match="1001 lifecycle rules, and S3 takes 1000"):
        lake_template(configured(tables))
