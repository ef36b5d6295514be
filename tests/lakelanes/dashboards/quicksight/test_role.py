"""The role's rights are on what the dashboards' views read, and on nothing else of the lake."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lakelanes.catalog.views import View, read_views
from lakelanes.config.loading import DEFAULT_PATH, load_config
from lakelanes.dashboards.quicksight.role import MOST_CHARACTERS, role, tables_read
from tests.support.localaws import ACCOUNT

CONFIG = load_config(DEFAULT_PATH, {"AWS_ACCOUNT_ID": ACCOUNT})


def resources(made: dict[str, Any], sid: str) -> list[str]:
    [policy] = made["Properties"]["Policies"]
    [found] = [one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == sid]
    return [one["Fn::Sub"].rpartition(":")[2] for one in found["Resource"]]


def test_a_view_reads_through_views_down_to_the_tables() -> None:
    assert tables_read(CONFIG, read_views(), ["rows_by_day"]) == {
        "rejected_rows": None,
        "rows_by_day": None,
        "sales_data": "sales_data",
        "sales_data_rejects": "lake-rejects/sales_data",
        "store_targets": "store_targets",
        "store_targets_rejects": "lake-rejects/store_targets",
        "web_sessions": "web_sessions",
        "web_sessions_rejects": "lake-rejects/web_sessions",
    }
    orders = tables_read(CONFIG, read_views(), ["orders_fulfilment"])
    assert orders["orders_snapshot"] == "orders_snapshot" and orders["orders_current"] is None


def test_only_these_tables_may_be_read() -> None:
    made = role({"a_view": None, "sales": "sales"})
    assert resources(made, "ReadTables") == [":${AnalyticsBucketName}/sales/*".lstrip(":")]
    assert [one for one in resources(made, "ReadCatalogue") if one.startswith("table/")] == [
        "table/${DatabaseName}/a_view",
        "table/${DatabaseName}/sales",
    ]


def characters(made: dict[str, Any]) -> int:
    """The characters of the policy, with the longest names that a lake can have."""
    [policy] = made["Properties"]["Policies"]
    text = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
    text = re.sub(r'\{"Fn::Sub":("[^"]*")\}', r"\1", text)
    for name, value in (
        ("AWS::Partition", "aws-us-gov"),
        ("AWS::Region", "ap-northeast-1"),
        ("AWS::AccountId", ACCOUNT),
        ("DatabaseName", "d" * 128),
        ("WorkgroupName", "w" * 128),
        ("AnalyticsBucketName", "b" * 63),
    ):
        text = text.replace(f"${{{name}}}", value)
    assert "$" not in text
    return len(text)


@pytest.mark.parametrize("length", [10, 120])
def test_tables_are_named_while_a_policy_holds_them_and_are_then_all_of_the_lake(length: int) -> None:
    listed = []
    for count in range(1, 80):
        names = [f"{number:0{length}}" for number in range(count)]
        made = role({name: f"lake-rejects/{name}" for name in names})
        assert characters(made) <= MOST_CHARACTERS
        listed.append(len(resources(made, "ReadTables")) == count)
        if not listed[-1]:
            assert resources(made, "ReadCatalogue")[-1] == "table/${DatabaseName}/*"
    assert listed[:10] == [True] * 10 and not listed[-1]


def test_nobody_but_quicksight_takes_it_on() -> None:
    [trusted] = role({"sales": "sales"})["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "quicksight.amazonaws.com"}


def test_views_that_read_each_other_end() -> None:
    views = [View("a", "", frozenset({"b"}), "a.sql"), View("b", "", frozenset({"a", "sales_data"}), "b.sql")]
    assert list(tables_read(CONFIG, views, ["a"])) == ["a", "b", "sales_data"]
