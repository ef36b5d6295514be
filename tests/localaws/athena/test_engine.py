"""The API and the SQL engine together: what was put into S3 and Glue comes out of Athena."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.queries import fetch_rows, run_query

CSV = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


@pytest.fixture
def sales(glue: Any, s3: Any, database: str, bucket: str) -> dict[str, Any]:
    """A table of two partitions, and what a query of it needs; amounts are 1.50 and null in 2023, 2.25 in 2024."""
    storage = {
        "Columns": [{"Name": "customer", "Type": "string"}, {"Name": "amount", "Type": "double"}],
        "Location": f"s3://{bucket}/sales/",
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": CSV, "Parameters": {"field.delim": ","}},
    }
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "sales",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": storage,
            "PartitionKeys": [{"Name": "year", "Type": "string"}],
        },
    )
    for year, body in (("2023", "ann,1.50\nbob,\\N\n"), ("2024", "ann,2.25\n")):
        location = f"s3://{bucket}/sales/year={year}/"
        s3.put_object(Bucket=bucket, Key=f"sales/year={year}/file.csv", Body=body.encode())
        glue.create_partition(
            DatabaseName=database,
            TableName="sales",
            PartitionInput={"Values": [year], "StorageDescriptor": {**storage, "Location": location}},
        )
    return {
        "QueryExecutionContext": {"Database": database},
        "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/results/"},
    }


def test_rows_come_typed_with_the_bytes_that_were_read(athena: Any, sales: dict[str, Any]) -> None:
    sql = "SELECT year, customer, amount FROM sales WHERE year = '2023' ORDER BY customer"
    execution = run_query(athena, sql, **sales)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    identifier = execution["QueryExecutionId"]
    assert fetch_rows(athena, identifier) == [
        ("year", "customer", "amount"),
        ("2023", "ann", "1.5"),
        ("2023", "bob", None),
    ]
    reply = athena.get_query_results(QueryExecutionId=identifier)
    columns = reply["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [column["Type"] for column in columns] == ["varchar", "varchar", "double"]
    assert execution["Statistics"]["DataScannedInBytes"] == len("ann,1.50\nbob,\\N\n")


def test_a_partition_that_is_gone_from_glue_is_gone_from_the_answer(
    athena: Any, glue: Any, database: str, sales: dict[str, Any]
) -> None:
    def count() -> str | None:
        execution = run_query(athena, "SELECT count(*) FROM sales", **sales)
        return fetch_rows(athena, execution["QueryExecutionId"])[1][0]

    assert count() == "3"
    glue.delete_partition(DatabaseName=database, TableName="sales", PartitionValues=["2023"])
    assert count() == "1"


def test_execution_parameters_are_values(athena: Any, sales: dict[str, Any]) -> None:
    sql = "SELECT sum(amount) FROM sales WHERE customer = ? AND year >= ?"
    for parameters, expected in ((["'ann'", "'2023'"], "3.75"), (["''' OR 1 = 1 --'", "'2023'"], None)):
        execution = run_query(athena, sql, ExecutionParameters=parameters, **sales)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        assert fetch_rows(athena, execution["QueryExecutionId"])[1:] == [(expected,)]


def test_a_table_that_is_missing_fails_the_query(athena: Any, sales: dict[str, Any]) -> None:
    status = run_query(athena, "SELECT * FROM orders", **sales)["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith("TABLE_NOT_FOUND")
    assert status["AthenaError"]["ErrorCategory"] == 2


def test_a_text_that_is_no_sql_is_refused(athena: Any, sales: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        run_query(athena, "SELEC 1", **sales)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_view_is_made_shown_and_queried(athena: Any, sales: dict[str, Any]) -> None:
    view = "CREATE OR REPLACE VIEW by_year AS SELECT year, count(*) AS n FROM sales GROUP BY year"
    execution = run_query(athena, view, **sales)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    assert execution["StatementType"] == "DDL"
    execution = run_query(athena, "SELECT n FROM by_year ORDER BY year", **sales)
    assert fetch_rows(athena, execution["QueryExecutionId"])[1:] == [("2",), ("1",)]
    execution = run_query(athena, "SHOW PARTITIONS sales", **sales)
    assert execution["StatementType"] == "UTILITY"
    assert sorted(fetch_rows(athena, execution["QueryExecutionId"])) == [("year=2023",), ("year=2024",)]
