"""Data sets: the types of their columns, SPICE or not, and how far back a refresh looks."""

from __future__ import annotations

from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.quicksight.data_sets import data_set, data_source, input_columns
from tests.lakelanes.dashboards.quicksight.support import COLUMNS


def test_each_kind_of_column_has_a_type_of_quicksight() -> None:
    assert input_columns(COLUMNS) == [
        {"Name": "day", "Type": "DATETIME"},
        {"Name": "sold_at", "Type": "DATETIME"},
        {"Name": "city", "Type": "STRING"},
        {"Name": "sales", "Type": "INTEGER"},
        {"Name": "revenue", "Type": "DECIMAL", "SubType": "FIXED"},
        {"Name": "rate", "Type": "DECIMAL", "SubType": "FLOAT"},
        {"Name": "online", "Type": "BOOLEAN"},
    ]


def test_a_nested_column_is_left_out() -> None:
    assert input_columns({"items": "other", "what": "unknown"}) == []


def test_a_data_set_in_spice_looks_back_where_values_change_for_some_days() -> None:
    dataset = Dataset(view="shop_view", date_column="day", changes_days=7)
    properties = data_set("shop", dataset, COLUMNS)["Properties"]
    assert (properties["ImportMode"], properties["DataSetId"]) == ("SPICE", {"Fn::Sub": "${Prefix}-shop"})
    assert properties["DataSetRefreshProperties"]["RefreshConfiguration"] == {
        "IncrementalRefresh": {"LookbackWindow": {"ColumnName": "day", "Size": 7, "SizeUnit": "DAY"}}
    }


def test_a_data_set_that_is_read_directly_keeps_nothing() -> None:
    properties = data_set("shop", Dataset(view="shop_view", mode="direct"), COLUMNS)["Properties"]
    assert properties["ImportMode"] == "DIRECT_QUERY" and "DataSetRefreshProperties" not in properties


def test_the_data_source_reads_in_the_lakes_workgroup_as_the_stacks_role() -> None:
    assert data_source()["Properties"]["DataSourceParameters"] == {
        "AthenaParameters": {"WorkGroup": {"Ref": "WorkgroupName"}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}
    }
