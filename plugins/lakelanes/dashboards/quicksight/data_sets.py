"""The data source, which is the lake's workgroup, and a data set for each dataset of the dashboards.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-quicksight-dataset.html
"""

from __future__ import annotations

from lakelanes.dashboards.model import Dataset, in_words
from lakelanes.dashboards.quicksight.resources import Properties, arn_of, logical_id, resource
from lakelanes.dashboards.view_columns import Columns

DATA_SOURCE = "DataSource"
# Of Athena's types in QuickSight
# (https://docs.aws.amazon.com/quicksight/latest/user/supported-data-types-and-values.html). Booleans become 0 and 1. A
# nested column is none: QuickSight would read its text.
_TYPES: dict[str, Properties] = {
    "text": {"Type": "STRING"},
    "whole": {"Type": "INTEGER"},
    # Exact, with four digits after the point in SPICE.
    "decimal": {"Type": "DECIMAL", "SubType": "FIXED"},
    "double": {"Type": "DECIMAL", "SubType": "FLOAT"},
    "boolean": {"Type": "BOOLEAN"},
    "date": {"Type": "DATETIME"},
    "timestamp": {"Type": "DATETIME"},
}


def input_columns(columns: Columns) -> list[Properties]:
    """The columns of a view that a data set has, in their order."""
    return [{"Name": name, **_TYPES[kind]} for name, kind in columns.items() if kind in _TYPES]


def data_source() -> Properties:
    """The resource of the data source. QuickSight tries it once when it is made, so its role comes first."""
    athena = {"WorkGroup": {"Ref": "WorkgroupName"}, "RoleArn": arn_of("Role")}
    return resource(
        "DataSource",
        "",
        {
            "Name": {"Fn::Sub": "Lake ${DatabaseName}"},
            "Type": "ATHENA",
            "DataSourceParameters": {"AthenaParameters": athena},
            "SslProperties": {"DisableSsl": False},
        },
    )


def data_set(name: str, dataset: Dataset, columns: Columns) -> Properties:
    """The resource of a data set."""
    table = {
        "DataSourceArn": arn_of(DATA_SOURCE),
        "Catalog": "AwsDataCatalog",
        "Schema": {"Ref": "DatabaseName"},
        "Name": dataset.view,
        "InputColumns": input_columns(columns),
    }
    properties: Properties = {
        "Name": in_words(name),
        "ImportMode": "SPICE" if dataset.mode == "import" else "DIRECT_QUERY",
        "PhysicalTableMap": {"view": {"RelationalTable": table}},
    }
    if dataset.changes_days is not None:
        window = {"ColumnName": dataset.date_column, "Size": dataset.changes_days, "SizeUnit": "DAY"}
        incremental = {"LookbackWindow": window}
        properties["DataSetRefreshProperties"] = {"RefreshConfiguration": {"IncrementalRefresh": incremental}}
    return resource("DataSet", name, properties)


def data_set_resource(name: str) -> str:
    """The logical id of a data set."""
    return logical_id("DataSet", name)
