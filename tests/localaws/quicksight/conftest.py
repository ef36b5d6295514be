"""A lake with sales in Glue and S3, and QuickSight's data source and data sets on it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.localaws.controls import control
from tests.support.localaws import ACCOUNT, LocalAws
from tests.support.queries import run_query
from tests.support.waiting import wait_for

OVER = ("COMPLETED", "FAILED", "CANCELLED")
COLUMNS = {
    "id": "INTEGER",
    "city": "STRING",
    "amount": "DECIMAL",
    "sold_at": "DATETIME",
    "online": "BOOLEAN",
}
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("city", pa.string()),
        ("amount", pa.decimal128(10, 2)),
        ("sold_at", pa.timestamp("us")),
        ("online", pa.bool_()),
    ]
)
_GLUE_TYPES = ("bigint", "string", "decimal(10,2)", "timestamp", "boolean")


@dataclass
class Sales:
    """A table and a view of sales, and the data sets on them."""

    aws: LocalAws
    database: str
    bucket: str
    source: str
    unique: Callable[[str], str]

    @property
    def quicksight(self) -> Any:
        """A QuickSight client."""
        return self.aws.client("quicksight")

    def put(self, rows: list[tuple[Any, ...]], key: str = "sales/part-0.parquet") -> None:
        """Write a file of the table in the place of the one before."""
        exact = [(key, city, amount and Decimal(amount), *rest) for key, city, amount, *rest in rows]
        buffer = io.BytesIO()
        pq.write_table(
            pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in exact], SCHEMA), buffer
        )
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())

    def physical(self, table: str = "sales_view", columns: dict[str, str] | None = None) -> dict[str, Any]:
        """A PhysicalTableMap of a table or view."""
        relational = {
            "DataSourceArn": self.source,
            "Catalog": "AwsDataCatalog",
            "Schema": self.database,
            "Name": table,
            "InputColumns": [{"Name": name, "Type": kind} for name, kind in (columns or COLUMNS).items()],
        }
        return {"one": {"RelationalTable": relational}}

    def create(self, **members: Any) -> dict[str, Any]:
        """CreateDataSet, of the view in SPICE where nothing else is given."""
        members = {"DataSetId": self.unique("sales-"), "ImportMode": "SPICE", **members}
        members.setdefault("PhysicalTableMap", self.physical())
        return dict(self.quicksight.create_data_set(AwsAccountId=ACCOUNT, Name="Sales", **members))

    def loaded(self, **members: Any) -> str:
        """The id of a data set whose first ingestion is complete."""
        reply = self.create(**members)
        found = self.ended(reply["DataSetId"], reply["IngestionId"])
        assert found["IngestionStatus"] == "COMPLETED", found
        return str(reply["DataSetId"])

    def look_back(self, data_set: str, size: int, unit: str, column: str = "sold_at") -> None:
        """Put the refresh properties of a lookback window."""
        window = {"ColumnName": column, "Size": size, "SizeUnit": unit}
        self.quicksight.put_data_set_refresh_properties(
            AwsAccountId=ACCOUNT,
            DataSetId=data_set,
            DataSetRefreshProperties={"RefreshConfiguration": {"IncrementalRefresh": {"LookbackWindow": window}}},
        )

    def start(self, data_set: str, kind: str = "FULL_REFRESH", identifier: str | None = None) -> str:
        """CreateIngestion; returns its id."""
        identifier = identifier or self.unique("refresh-")
        self.quicksight.create_ingestion(
            AwsAccountId=ACCOUNT, DataSetId=data_set, IngestionId=identifier, IngestionType=kind
        )
        return identifier

    def refresh(self, data_set: str, kind: str = "FULL_REFRESH") -> dict[str, Any]:
        """An ingestion from its begin to its end."""
        return self.ended(data_set, self.start(data_set, kind))

    def ingestion(self, data_set: str, identifier: str) -> dict[str, Any]:
        """DescribeIngestion."""
        found = self.quicksight.describe_ingestion(AwsAccountId=ACCOUNT, DataSetId=data_set, IngestionId=identifier)
        return dict(found["Ingestion"])

    def ended(self, data_set: str, identifier: str, states: tuple[str, ...] = OVER) -> dict[str, Any]:
        """An ingestion once it is in one of the states."""
        return wait_for(
            lambda: self.ingestion(data_set, identifier),
            lambda found: found["IngestionStatus"] in states,
            f"ingestion {identifier}",
        )

    def spice(self, data_set: str) -> list[list[Any]]:
        """The rows that readers see."""
        return list(control(self.aws, "quicksight/spice", data_set=data_set)["rows"])


@pytest.fixture
def make_sales(unique: Callable[[str], str]) -> Callable[[LocalAws], Sales]:
    """Makes sales on a local AWS."""

    def made(aws: LocalAws) -> Sales:
        bucket, database = unique("sales-lake-"), unique("sales_")
        aws.client("s3").create_bucket(Bucket=bucket)
        aws.client("glue").create_database(DatabaseInput={"Name": database})
        workgroup = unique("sales-group-")
        configuration = {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/results/"}}
        aws.client("athena").create_work_group(Name=workgroup, Configuration=configuration)
        columns = [{"Name": f.name, "Type": kind} for f, kind in zip(SCHEMA, _GLUE_TYPES, strict=True)]
        aws.client("glue").create_table(
            DatabaseName=database,
            TableInput={
                "Name": "sales",
                "TableType": "EXTERNAL_TABLE",
                "StorageDescriptor": {
                    "Columns": columns,
                    "Location": f"s3://{bucket}/sales/",
                    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    "SerdeInfo": {
                        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    },
                },
            },
        )
        sql = f"CREATE VIEW {database}.sales_view AS SELECT id, city, amount, sold_at, online FROM {database}.sales"
        created = run_query(aws.client("athena"), sql, WorkGroup=workgroup)
        assert created["Status"]["State"] == "SUCCEEDED", created["Status"]
        source = aws.client("quicksight").create_data_source(
            AwsAccountId=ACCOUNT,
            DataSourceId=unique("athena-"),
            Name="Athena",
            Type="ATHENA",
            DataSourceParameters={"AthenaParameters": {"WorkGroup": workgroup}},
        )
        return Sales(aws, database, bucket, source["Arn"], unique)

    return made


@pytest.fixture
def sales(local_aws: LocalAws, make_sales: Callable[[LocalAws], Sales]) -> Sales:
    """Sales on the local AWS that all tests share."""
    return make_sales(local_aws)


@pytest.fixture
def clocked_sales(clocked_aws: LocalAws, make_sales: Callable[[LocalAws], Sales]) -> Sales:
    """Sales on the local AWS whose clock tests move."""
    return make_sales(clocked_aws)
