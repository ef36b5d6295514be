"""Ids in QuickSight tell two lakes apart."""

from __future__ import annotations

from lakelanes.config.loading import parse_config
from lakelanes.dashboards.quicksight import names
from scripts.deploy import stack_name
from tests.support.lakes import config_text


def test_ids_begin_with_the_name_of_the_lakes_stack() -> None:
    config = parse_config(config_text(name="shop"), {})
    assert names.prefix(config) == stack_name(config) == "lakelanes-shop-analytics"
    assert names.data_set_id(config, "sales") == "lakelanes-shop-analytics-sales"


def test_the_arn_of_a_data_set_is_of_the_lakes_region_and_account() -> None:
    config = parse_config(config_text(name="shop"), {})
    identifier = names.data_set_id(config, "sales")
    assert names.data_set_arn(config, "sales") == f"arn:aws:quicksight:us-east-1:000000000000:dataset/{identifier}"


def test_an_id_has_no_dots_of_the_buckets_name() -> None:
    config = parse_config(config_text(name="shop").replace("shop-analytics", "my.shop-analytics"), {})
    assert names.data_set_id(config, "sales") == "lakelanes-my-shop-analytics-sales"
