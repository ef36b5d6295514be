"""A table is created once, gains columns, and is never rewritten; what contradicts the configuration is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lakelanes.catalog.evolution import Evolution, differences, ensure_table
from lakelanes.catalog.glue_tables import GlueTable, data_table, describe, describe_all
from lakelanes.errors import CatalogError
from lakelanes.lake import Lake
from tests.support.lakes import SALES, make_config


def columns(lake: Lake) -> dict[str, str]:
    table = describe(lake, "sales_data")
    assert table is not None
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def configured(**settings: Any) -> GlueTable:
    """The entity's data table by another configuration."""
    return data_table(make_config({"sales": {**SALES, **settings}}).entities["sales"])


def with_columns(**types: str) -> list[dict[str, str]]:
    return [*SALES["schema"], *({"name": name, "type": kind} for name, kind in types.items())]


def test_a_table_is_created_then_left_then_given_what_the_configuration_gained(lake: Lake) -> None:
    table = data_table(lake.config.entities["sales"])
    assert describe(lake, "sales_data") is None
    assert ensure_table(lake, table)
    assert not ensure_table(lake, table)
    assert ensure_table(lake, configured(schema=with_columns(extra="array<int>")))
    assert columns(lake)["extra"] == "array<int>"
    assert not ensure_table(lake, table), "what the configuration lost stays"
    assert list(columns(lake))[-1] == "extra"
    assert describe_all(lake).keys() == {"sales_data"}


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            {"partition_keys": ["year"], "filename_pattern": r"s_(\d+)"},
            r"is partitioned by \(year, month, day\), but entities.sales.partition_keys says \(year\)",
        ),
        (
            {"schema": [{"name": "amount", "type": "double"}]},
            "column amount of table .* is decimal.10,2., but the config",
        ),
    ],
)
def test_a_table_that_the_configuration_contradicts_is_left_as_it_is(
    lake: Lake, settings: dict[str, Any], fault: str
) -> None:
    table = data_table(lake.config.entities["sales"])
    ensure_table(lake, table)
    before = describe(lake, "sales_data")
    other = configured(**settings)
    with pytest.raises(CatalogError, match=fault):
        ensure_table(lake, other)
    assert describe(lake, "sales_data") == before
    assert any(line for line in differences(lake, other, before))


def test_a_table_elsewhere_is_not_the_lakes(lake: Lake) -> None:
    ensure_table(lake, data_table(lake.config.entities["sales"]))
    found = describe(lake, "sales_data")
    assert found is not None
    storage = {**found["StorageDescriptor"], "Location": "s3://elsewhere/sales_data/"}
    given = {name: found[name] for name in ("Name", "PartitionKeys", "TableType", "Parameters")}
    database = lake.config.resources.glue_database
    lake.glue.update_table(DatabaseName=database, TableInput={**given, "StorageDescriptor": storage})
    with pytest.raises(CatalogError, match="lies at s3://elsewhere/sales_data/, but the lake writes to"):
        ensure_table(lake, data_table(lake.config.entities["sales"]))


def test_a_column_that_nobody_configured_is_a_difference_and_one_that_is_lacking_is_none(lake: Lake) -> None:
    table = data_table(lake.config.entities["sales"])
    ensure_table(lake, table)
    assert differences(lake, table, describe(lake, "sales_data")) == []
    wider = configured(schema=with_columns(extra="int"))
    assert differences(lake, wider, describe(lake, "sales_data")) == []
    ensure_table(lake, wider)
    [line] = differences(lake, table, describe(lake, "sales_data"))
    assert "has a column extra (int) that the configuration does not name" in line


def test_a_column_of_another_type_that_a_file_brings_is_an_error_that_says_what_to_configure(lake: Lake) -> None:
    evolution = Evolution(lake, lake.config.entities["sales"])
    assert evolution.add({"note": "string"}, "s3://source/a.csv") == ["note"]
    other = Evolution(lake, lake.config.entities["sales"])
    assert other.add({"note": "string"}, "s3://source/b.csv") == []
    with pytest.raises(
        CatalogError, match=r"column note of table .* but a file of sales brings a bigint column of that"
    ):
        other.add({"note": "bigint", "more": "string"}, "s3://source/c.csv")
    assert "more" not in columns(lake), "all or nothing"


def test_of_those_that_add_a_column_at_once_glues_refusal_is_tried_again_until_it_is_there(lake: Lake) -> None:
    ensure_table(lake, data_table(lake.config.entities["sales"]))
    others = iter(["one", "two", "three"])
    overtaking = Lake.open(lake.config)

    def overtake(**_: Any) -> None:
        if name := next(others, ""):
            Evolution(overtaking, lake.config.entities["sales"]).add({name: "string"}, "another file")

    lake.glue.meta.events.register("before-call.glue.UpdateTable", overtake)
    assert Evolution(lake, lake.config.entities["sales"]).add({"mine": "string"}, "a file") == ["mine"]
    assert list(columns(lake))[4:] == ["one", "two", "three", "mine"]


def test_a_table_that_is_dropped_while_it_gains_columns_is_an_error(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    ensure_table(lake, data_table(lake.config.entities["sales"]))
    other, database = Lake.open(lake.config), lake.config.resources.glue_database

    def drop(**_: Any) -> None:
        Evolution(other, lake.config.entities["sales"]).add({"theirs": "string"}, "another file")
        other.glue.delete_table(DatabaseName=database, Name="sales_data")

    lake.glue.meta.events.register("before-call.glue.UpdateTable", drop)
    with pytest.raises((CatalogError, lake.glue.exceptions.EntityNotFoundException)):
        Evolution(lake, lake.config.entities["sales"]).add({"mine": "string"}, "a file")
    assert describe(lake, "sales_data") is None
