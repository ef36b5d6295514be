"""What the configuration says of a table becomes its DDL, and no text of it ends its quotes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakelanes.catalog import glue_tables
from lakelanes.catalog.glue_tables import create_statement, data_table, projection, rejects_table
from lakelanes.config.model import Entity
from tests.support.lakes import SALES, make_config


def offline(**settings: Any) -> tuple[Any, Entity]:
    """A lake of which only the configuration is there, and its entity."""
    config = make_config({"sales": {**SALES, **settings}})
    return SimpleNamespace(config=config), config.entities["sales"]


def test_a_table_has_a_folder_of_its_own_and_so_have_its_partitions() -> None:
    lake, entity = offline()
    bucket = lake.config.resources.analytics_bucket
    assert data_table(entity).location(lake) == f"s3://{bucket}/sales_data/"
    assert rejects_table(entity).location(lake) == f"s3://{bucket}/lake-rejects/sales_data/"


def test_a_csv_table_is_text_and_has_a_column_for_rescued_values_only_where_the_policy_says_so() -> None:
    _, parquet = offline()
    assert [kind for _, kind, _ in data_table(parquet).columns] == ["string", "string", "decimal(10,2)", "date"]
    _, csv = offline(format="csv")
    assert {kind for _, kind, _ in data_table(csv).columns} == {"string"}
    _, rescuing = offline(schema_policy={"rescue": True})
    assert data_table(rescuing).columns[-1][:2] == ("_rescued", "string")


def test_the_statement_says_all_that_the_configuration_does() -> None:
    lake, entity = offline(schema=[{"name": "a", "type": "int", "comment": "it's a \\ comment"}])
    statement = create_statement(lake, data_table(entity))
    database = lake.config.resources.glue_database
    assert statement.startswith(f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`sales_data` (")
    assert "  `a` int COMMENT 'it\\'s a \\\\ comment'\n" in statement
    assert "PARTITIONED BY (\n  `year` string,\n  `month` string,\n  `day` string\n)" in statement
    assert "COMMENT 'Rows of sales'" in statement
    assert "'parquet.compression' = 'ZSTD'" in statement
    assert "projection" not in statement
    assert "COMMENT 'Rejected rows of sales'" in create_statement(lake, rejects_table(entity))


def test_a_csv_tables_statement_says_how_the_text_is_written() -> None:
    lake, entity = offline(format="csv", dialect={"delimiter": ";", "quote": None, "escape": "\\"})
    statement = create_statement(lake, data_table(entity))
    assert "'separatorChar' = ';'" in statement
    assert "'escapeChar' = '\\\\'" in statement
    assert "quoteChar" not in statement
    assert "'skip.header.line.count' = '1'" in statement


def test_a_file_of_the_tables_name_takes_the_place_of_the_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parquet.sql").write_text("the format's: $table")
    (tmp_path / "sales_data.sql").write_text("its own: $table")
    monkeypatch.setattr(glue_tables, "_TABLES", tmp_path)
    lake, entity = offline()
    assert create_statement(lake, data_table(entity)) == "its own: `sales_data`"
    assert create_statement(lake, rejects_table(entity)) == "the format's: `sales_data_rejects`"


def test_a_table_that_is_called_like_a_format_has_no_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parquet.sql").write_text("the format's")
    (tmp_path / "csv.sql").write_text("another format's")
    monkeypatch.setattr(glue_tables, "_TABLES", tmp_path)
    lake, entity = offline(table_name="csv")
    assert create_statement(lake, data_table(entity)) == "the format's"


def test_parts_of_a_date_are_projected_as_numbers_with_their_zeros() -> None:
    lake, entity = offline(registration="projection")
    found = projection(lake, data_table(entity))
    assert found["projection.year.type"] == "integer" and found["projection.year.range"] == "1970,2099"
    assert "projection.year.digits" not in found
    assert (found["projection.month.range"], found["projection.month.digits"]) == ("1,12", "2")
    assert (found["projection.day.range"], found["projection.day.digits"]) == ("1,31", "2")
    location = data_table(entity).location(lake)
    assert found["storage.location.template"] == f"{location}year=${{year}}/month=${{month}}/day=${{day}}/"
    assert "'projection.enabled' = 'true'" in create_statement(lake, data_table(entity))


def test_a_whole_date_is_projected_in_javas_form_and_any_other_key_is_given_by_the_query() -> None:
    settings = {"partition_keys": ["region", "dt"], "filename_pattern": "s_(.*)_(.*)", "date_format": "%Y%m%d"}
    lake, entity = offline(registration="projection", **settings)
    found = projection(lake, data_table(entity))
    assert found["projection.region.type"] == "injected"
    assert (found["projection.dt.type"], found["projection.dt.format"]) == ("date", "yyyyMMdd")
    assert found["projection.dt.range"] == "NOW-20YEARS,NOW+1YEARS"
