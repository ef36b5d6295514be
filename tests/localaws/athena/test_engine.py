"""The API and the SQL engine together: what was put into S3 and Glue comes out of Athena."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.localaws import REPOSITORY, localaws_python
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


class TestReuseOfResults:
    """https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html"""

    SQL = "SELECT customer, amount FROM sales ORDER BY 1, 2"

    def again(self, athena: Any, sql: str, sales: dict[str, Any], minutes: int = 5, **more: Any) -> Any:
        reuse = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": minutes}}
        execution = run_query(athena, sql, **{**sales, **more}, ResultReuseConfiguration=reuse)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def reused(self, execution: Any) -> bool:
        return bool(execution["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"])

    def test_takes_the_earlier_result_whatever_the_tables_hold_now(
        self, athena: Any, s3: Any, bucket: str, sales: dict[str, Any]
    ) -> None:
        first = run_query(athena, self.SQL, **sales)
        s3.put_object(Bucket=bucket, Key="sales/year=2024/file.csv", Body=b"eve,9\n")
        second = self.again(athena, self.SQL, sales)
        assert self.reused(second)
        assert second["ResultConfiguration"] == first["ResultConfiguration"]
        assert second["ResultReuseConfiguration"]["ResultReuseByAgeConfiguration"] == {
            "Enabled": True, "MaxAgeInMinutes": 5,
        }  # fmt: skip
        assert second["Statistics"]["DataScannedInBytes"] == 0
        rows = fetch_rows(athena, second["QueryExecutionId"])
        assert rows == fetch_rows(athena, first["QueryExecutionId"])
        assert not self.reused(run_query(athena, self.SQL, **sales))

    def test_needs_the_same_query_and_a_result_that_is_there_and_young(
        self, athena: Any, s3: Any, bucket: str, sales: dict[str, Any]
    ) -> None:
        first = run_query(athena, self.SQL, **sales)
        assert not self.reused(self.again(athena, self.SQL + " ", sales))
        assert not self.reused(self.again(athena, self.SQL, sales, 0))
        elsewhere = {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/others/"}}
        assert not self.reused(self.again(athena, self.SQL, sales, **elsewhere))
        key = first["ResultConfiguration"]["OutputLocation"].removeprefix(f"s3://{bucket}/")
        assert self.reused(self.again(athena, self.SQL, sales))
        for item in s3.list_objects_v2(Bucket=bucket, Prefix=key.partition("/")[0])["Contents"]:
            s3.delete_object(Bucket=bucket, Key=item["Key"])
        assert not self.reused(self.again(athena, self.SQL, sales))

    @pytest.mark.parametrize("sql", ["SELECT rand() FROM sales", "SELECT customer FROM sales LIMIT 1"])
    def test_is_not_for_what_may_differ(self, sql: str, athena: Any, sales: dict[str, Any]) -> None:
        run_query(athena, sql, **sales)
        assert not self.reused(self.again(athena, sql, sales))

    def test_is_of_a_week_at_most(self, athena: Any, sales: dict[str, Any]) -> None:
        with pytest.raises(ClientError, match="maxAgeInMinutes"):
            self.again(athena, self.SQL, sales, 10_081)


class TestWriting:
    def test_makes_a_table_beside_the_results_with_a_manifest(
        self, athena: Any, s3: Any, glue: Any, bucket: str, database: str, sales: dict[str, Any]
    ) -> None:
        execution = run_query(athena, "CREATE TABLE made AS SELECT customer, amount FROM sales", **sales)
        identifier = execution["QueryExecutionId"]
        assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
        place = f"s3://{bucket}/results/tables/{identifier}"
        assert execution["ResultConfiguration"]["OutputLocation"] == place
        assert execution["Statistics"]["DataManifestLocation"] == f"{place}-manifest.csv"
        table = glue.get_table(DatabaseName=database, Name="made")["Table"]
        assert table["StorageDescriptor"]["Location"] == f"{place}/"
        key = f"results/tables/{identifier}-manifest.csv"
        (file,) = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
        assert file.startswith(f"{place}/")
        answer = athena.get_query_results(QueryExecutionId=identifier)
        assert (answer["UpdateCount"], answer["ResultSet"]["Rows"]) == (3, [])
        inserted = run_query(
            athena, "INSERT INTO made SELECT * FROM made WHERE customer = ?", ExecutionParameters=["'bob'"], **sales
        )
        assert (inserted["StatementType"], inserted["SubstatementType"]) == ("DML", "INSERT")
        assert athena.get_query_results(QueryExecutionId=inserted["QueryExecutionId"])["UpdateCount"] == 1
        counted = run_query(athena, "SELECT count(*) FROM made", **sales)
        assert fetch_rows(athena, counted["QueryExecutionId"])[1:] == [("4",)]

    def test_goes_nowhere_else_where_the_workgroup_enforces_a_location(
        self, athena: Any, bucket: str, sales: dict[str, Any], unique: Any
    ) -> None:
        group = unique("enforcing_")
        location = {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/enforced/"}}
        athena.create_work_group(Name=group, Configuration={**location, "EnforceWorkGroupConfiguration": True})
        made = f"CREATE TABLE made WITH (external_location = 's3://{bucket}/mine/') AS SELECT 1 a"
        status = run_query(athena, made, WorkGroup=group, **sales)["Status"]
        assert "'external_location' property to an Athena Workgroup that enforces" in status["StateChangeReason"]

    def test_prepares_and_executes_and_forgets(self, athena: Any, sales: dict[str, Any]) -> None:
        def run(sql: str) -> Any:
            return run_query(athena, sql, **sales)

        assert (
            run("CREATE TABLE made AS SELECT customer FROM sales WHERE year = '2024'")["Status"]["State"] == "SUCCEEDED"
        )
        prepared = run("PREPARE more FROM INSERT INTO made SELECT customer FROM sales WHERE year = ?")
        assert (prepared["Status"]["State"], prepared["StatementType"]) == ("SUCCEEDED", "UTILITY")
        executed = run("EXECUTE more USING '2023'")
        assert (executed["Status"]["State"], executed["SubstatementType"]) == ("SUCCEEDED", "INSERT")
        rows = fetch_rows(athena, run("SELECT count(*) FROM made")["QueryExecutionId"])
        assert rows[1:] == [("3",)]
        assert run("DEALLOCATE PREPARE more")["Status"]["State"] == "SUCCEEDED"
        assert "was not found" in run("DEALLOCATE PREPARE more")["Status"]["StateChangeReason"]


def test_a_process_that_has_asked_ends_without_a_word() -> None:
    asks = "from localaws.athena.duck import cursor; print(cursor().execute('SELECT 1').fetchone())"
    command = [localaws_python(), "-c", asks]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("(1,)\n", "")
