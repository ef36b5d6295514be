"""The columns of views, told from their SQL before they are made: as Glue has them once they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.catalog.views import read_views
from lakelanes.config.loading import DEFAULT_PATH, parse_config
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.view_columns import ColumnKind, hive_kind, view_columns
from lakelanes.errors import ViewError
from tests.support.lakes import config_text, make_config
from tests.support.localaws import LocalAws
from tests.support.sample_lake import Sample, make_views, sample_lake
from tests.support.source_tables import ORDERS

VIEWS = [view.name for view in read_views()]


@pytest.fixture(scope="module")
def sample(local_aws: LocalAws) -> Iterator[Sample]:
    with sample_lake(local_aws, date(2024, 3, 2), 2) as loaded:
        made = make_views(loaded.lake)
        assert {name for name, action in made.items() if action != "created"} == {
            name for name in VIEWS if name.startswith("orders_")
        }
        yield loaded


@pytest.mark.parametrize("view", [name for name in VIEWS if not name.startswith("orders_")])
def test_a_views_columns_are_those_that_glue_has(sample: Sample, view: str) -> None:
    table = glue_tables.describe(sample.lake, view)
    assert table is not None
    there = [(one["Name"], hive_kind(one["Type"])) for one in table["StorageDescriptor"]["Columns"]]
    assert list(view_columns(sample.lake.config).columns[view].items()) == there
    assert "unknown" not in dict(there).values() and len(there) > 1


def sample_config() -> LakeConfig:
    raw = json.loads(DEFAULT_PATH.read_text())
    return parse_config(config_text(raw["entities"], tables=raw["tables"]), {})


def test_a_view_of_what_is_not_configured_is_left_out_and_told_why() -> None:
    raw = json.loads(DEFAULT_PATH.read_text())
    whole = view_columns(sample_config())
    assert set(whole.columns) == set(VIEWS) and whole.left_out == {}
    without = view_columns(parse_config(config_text(raw["entities"]), {}))
    orders = {name for name in VIEWS if name.startswith("orders_")}
    assert set(without.columns) == set(VIEWS) - orders
    assert set(without.left_out.items()) >= {
        (name, "nothing in the configuration makes orders_current") for name in orders - {"orders_monthly_trends"}
    }


def columns(folder: Path, **views: str) -> dict[str, dict[str, ColumnKind]]:
    for name, sql in views.items():
        (folder / f"{name}.sql").write_text(sql)
    config = make_config(tables={"orders": {"dynamodb_table": "orders", **ORDERS}})
    return {name: dict(found) for name, found in view_columns(config, folder).columns.items()}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("transaction_id", "text"),
        ("concat(customer_id, 'x')", "text"),
        ("count(*)", "whole"),
        ("count(DISTINCT customer_id)", "whole"),
        ("CAST(amount AS integer)", "whole"),
        ("sum(amount)", "decimal"),
        ("CAST(1 AS decimal(5,2))", "decimal"),
        ("CAST(amount AS double)", "double"),
        ("CAST(amount AS real)", "double"),
        ("amount > 1", "boolean"),
        ("max(transaction_date)", "date"),
        ("CAST(date_trunc('month', transaction_date) AS date)", "date"),
        ("CAST(transaction_date AS timestamp)", "timestamp"),
        ("CAST(transaction_date AS timestamp with time zone)", "timestamp"),
        ("ARRAY[1, 2]", "other"),
        ("CAST(ROW(1) AS ROW(a integer))", "other"),
        ("nobody_knows(amount)", "unknown"),
        ("CAST(nobody_knows(amount) AS bigint)", "whole"),
    ],
)
def test_the_type_of_an_expression(tmp_path: Path, expression: str, kind: ColumnKind) -> None:
    group = "GROUP BY transaction_id, customer_id, amount, transaction_date"
    assert columns(tmp_path, one=f"SELECT {expression} AS value FROM sales_data {group}") == {"one": {"value": kind}}


def test_views_read_views_and_all_that_the_configuration_makes(tmp_path: Path) -> None:
    found = columns(
        tmp_path,
        days="SELECT transaction_date AS Day, sum(amount) AS revenue FROM sales_data GROUP BY 1",
        above="SELECT day, revenue, year FROM days CROSS JOIN (SELECT max(year) AS year FROM sales_data) AS last",
        rejects="SELECT count(*) AS n FROM sales_data_rejects",
        orders="SELECT order_id FROM orders_current",
        elsewhere="SELECT a FROM of_another_lake",
        upon="SELECT a FROM elsewhere",
    )
    assert found == {
        "days": {"day": "date", "revenue": "decimal"},
        # A partition key is a column, too.
        "above": {"day": "date", "revenue": "decimal", "year": "text"},
        "rejects": {"n": "whole"},
        "orders": {"order_id": "text"},
    }


def test_a_view_of_a_column_that_is_not_there_is_left_out_and_told_why(tmp_path: Path) -> None:
    (tmp_path / "wrong.sql").write_text("SELECT nothing FROM sales_data")
    (tmp_path / "upon.sql").write_text("SELECT nothing FROM wrong")
    (tmp_path / "right.sql").write_text("SELECT amount FROM sales_data")
    found = view_columns(make_config(), tmp_path)
    assert set(found.columns) == {"right"}
    assert re.match(r"wrong\.sql: .*[Cc]olumn.*nothing", found.left_out["wrong"])
    assert found.left_out["upon"] == "nothing in the configuration makes wrong"


def test_what_is_no_view_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.sql").write_text("DROP TABLE sales_data")
    with pytest.raises(ViewError, match=r"wrong\.sql: expected one SELECT"):
        view_columns(make_config(), tmp_path)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("string", "text"),
        ("varchar(5)", "text"),
        ("char(1)", "text"),
        ("bigint", "whole"),
        ("tinyint", "whole"),
        ("decimal(38,9)", "decimal"),
        ("float", "double"),
        ("boolean", "boolean"),
        ("date", "date"),
        ("timestamp", "timestamp"),
        ("array<string>", "other"),
        ("binary", "other"),
        ("struct<a:int>", "other"),
        ("uniontype<int>", "other"),
    ],
)
def test_the_kind_of_a_type_of_glue(text: str, kind: ColumnKind) -> None:
    assert hive_kind(text) == kind
