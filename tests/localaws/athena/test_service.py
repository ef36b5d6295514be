"""The local Athena's API against boto3. A toy engine runs the queries, so that each test chooses how they go."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.localaws import STACK_WAIT, LocalAws, make_client, start_localaws
from tests.support.queries import fetch_rows, run_query, wait_for_query


@pytest.fixture(scope="module")
def stub_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS whose Athena runs the toy engine."""
    server = start_localaws(tmp_path_factory.mktemp("stub"), module="tests.localaws.stub_engine")
    yield server
    server.stop()


@pytest.fixture
def athena(stub_aws: LocalAws) -> Any:
    return stub_aws.client("athena")


@pytest.fixture
def s3(stub_aws: LocalAws) -> Any:
    return stub_aws.client("s3")


@pytest.fixture
def glue(stub_aws: LocalAws) -> Any:
    return stub_aws.client("glue")


@pytest.fixture
def output(bucket: str) -> dict[str, str]:
    """A ResultConfiguration in a bucket of its own."""
    return {"OutputLocation": f"s3://{bucket}/results/"}


@pytest.fixture
def workgroup(athena: Any, bucket: str, unique: Callable[[str], str]) -> str:
    """A workgroup that enforces an output location and a limit of 10 MB."""
    name = unique("workgroup-")
    athena.create_work_group(
        Name=name,
        Description="for dashboards",
        Configuration={
            "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/enforced/"},
            "EnforceWorkGroupConfiguration": True,
            "BytesScannedCutoffPerQuery": 10_000_000,
            "PublishCloudWatchMetricsEnabled": True,
        },
    )
    return name


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The message of the InvalidRequestException that the call raises."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidRequestException"
    return str(error["Message"])


class TestRunningAQuery:
    def test_reports_what_athena_reports(self, athena: Any, output: dict[str, str]) -> None:
        execution = run_query(
            athena,
            "SELECT ROWS 2",
            ResultConfiguration=output,
            QueryExecutionContext={"Database": "Analytics", "Catalog": "AwsDataCatalog"},
        )
        identifier = execution["QueryExecutionId"]
        assert execution["Query"] == "SELECT ROWS 2"
        assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "SELECT")
        assert execution["ResultConfiguration"]["OutputLocation"] == f"{output['OutputLocation']}{identifier}.csv"
        assert execution["QueryExecutionContext"] == {"Database": "analytics", "Catalog": "awsdatacatalog"}
        assert execution["WorkGroup"] == "primary"
        assert execution["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
        status = execution["Status"]
        assert status["State"] == "SUCCEEDED"
        assert status["CompletionDateTime"] >= status["SubmissionDateTime"]
        assert "StateChangeReason" not in status
        statistics = execution["Statistics"]
        assert statistics["DataScannedInBytes"] == 7
        assert statistics["TotalExecutionTimeInMillis"] >= statistics["EngineExecutionTimeInMillis"] >= 0

    def test_gives_the_engine_the_callers_clients(self, athena: Any, s3: Any, bucket: str, database: str) -> None:
        s3.put_object(Bucket=bucket, Key="some/file.csv", Body=b"x")
        execution = run_query(
            athena,
            f"SELECT ECHO {bucket}/some/file.csv {bucket}/none",
            ResultConfiguration={"OutputLocation": f"s3://{bucket}"},
            QueryExecutionContext={"Database": database},
        )
        seen = json.loads(str(fetch_rows(athena, execution["QueryExecutionId"])[1][0]))
        assert seen["database"] == database
        assert seen["region"] == "us-east-1"
        assert database in seen["databases"]
        assert bucket in seen["buckets"]
        assert seen["files"] == ["File", "NotFound"]
        assert seen["cutoff"] is None

    def test_that_fails_says_why(self, athena: Any, output: dict[str, str]) -> None:
        reason = "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.x.y' does not exist"
        execution = run_query(athena, f"SELECT FAIL {reason}", ResultConfiguration=output)
        status = execution["Status"]
        assert (status["State"], status["StateChangeReason"]) == ("FAILED", reason)
        assert status["AthenaError"] == {
            "ErrorCategory": 2,
            "ErrorType": 1000,
            "Retryable": False,
            "ErrorMessage": reason,
        }
        message = refusal(athena.get_query_results, QueryExecutionId=execution["QueryExecutionId"])
        assert message == "Query did not finish successfully. Final query state: FAILED"

    def test_that_the_engine_breaks_on_fails_as_a_system_error(self, athena: Any, output: dict[str, str]) -> None:
        status = run_query(athena, "SELECT BUG", ResultConfiguration=output)["Status"]
        assert status["State"] == "FAILED"
        assert status["StateChangeReason"].startswith("GENERIC_INTERNAL_ERROR")
        assert status["AthenaError"]["ErrorCategory"] == 1

    def test_that_the_engine_refuses_does_not_start(self, athena: Any, output: dict[str, str]) -> None:
        message = refusal(athena.start_query_execution, QueryString="REFUSE this", ResultConfiguration=output)
        assert message == "line 1:1: mismatched input 'REFUSE'"

    def test_of_too_long_a_text_does_not_start(self, athena: Any, output: dict[str, str]) -> None:
        long = "SELECT ROWS 1" + " " * 262_144
        assert "'queryString'" in refusal(athena.start_query_execution, QueryString=long, ResultConfiguration=output)

    def test_is_unknown_in_another_region(self, stub_aws: LocalAws, athena: Any, output: dict[str, str]) -> None:
        identifier = run_query(athena, "SELECT ROWS 1", ResultConfiguration=output)["QueryExecutionId"]
        elsewhere = stub_aws.client("athena", "eu-west-1")
        message = refusal(elsewhere.get_query_execution, QueryExecutionId=identifier)
        assert message == f"QueryExecution {identifier} was not found"

    def test_is_listed_with_its_workgroup(self, athena: Any, workgroup: str) -> None:
        made = [run_query(athena, "SELECT ROWS 1", WorkGroup=workgroup)["QueryExecutionId"] for _ in range(3)]
        first = athena.list_query_executions(WorkGroup=workgroup, MaxResults=2)
        second = athena.list_query_executions(WorkGroup=workgroup, NextToken=first["NextToken"])
        assert first["QueryExecutionIds"] + second["QueryExecutionIds"] == made[::-1]
        assert "NextToken" not in second
        batch = athena.batch_get_query_execution(QueryExecutionIds=[made[0], str(uuid.uuid4())])
        assert [one["QueryExecutionId"] for one in batch["QueryExecutions"]] == made[:1]
        assert len(batch["UnprocessedQueryExecutionIds"]) == 1


class TestStopping:
    def test_a_running_query_cancels_it(self, athena: Any, output: dict[str, str]) -> None:
        started = athena.start_query_execution(QueryString="SELECT WAIT", ResultConfiguration=output)
        identifier = started["QueryExecutionId"]
        wait_for_query(athena, identifier, ("RUNNING",))
        message = refusal(athena.get_query_results, QueryExecutionId=identifier)
        assert message == "Query has not yet finished. Current state: RUNNING"
        athena.stop_query_execution(QueryExecutionId=identifier)
        status = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]["Status"]
        assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
        assert refusal(athena.get_query_results, QueryExecutionId=identifier).endswith("CANCELLED")

    def test_a_finished_query_changes_nothing(self, athena: Any, output: dict[str, str]) -> None:
        identifier = run_query(athena, "SELECT ROWS 1", ResultConfiguration=output)["QueryExecutionId"]
        athena.stop_query_execution(QueryExecutionId=identifier)
        execution = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
        assert execution["Status"]["State"] == "SUCCEEDED"

    def test_a_query_that_waits_for_others_keeps_it_from_running(self, athena: Any, output: dict[str, str]) -> None:
        start = {"QueryString": "SELECT WAIT", "ResultConfiguration": output}
        running = [athena.start_query_execution(**start)["QueryExecutionId"] for _ in range(4)]
        try:
            for identifier in running:
                wait_for_query(athena, identifier, ("RUNNING",))
            identifier = athena.start_query_execution(**start)["QueryExecutionId"]
            assert wait_for_query(athena, identifier, ("QUEUED",))["Status"]["State"] == "QUEUED"
            athena.stop_query_execution(QueryExecutionId=identifier)
        finally:
            for one in running:
                athena.stop_query_execution(QueryExecutionId=one)
        execution = wait_for_query(athena, identifier)
        assert execution["Status"]["State"] == "CANCELLED"
        assert execution["Statistics"]["EngineExecutionTimeInMillis"] == 0

    def test_an_unknown_query_is_refused(self, athena: Any) -> None:
        identifier = str(uuid.uuid4())
        message = refusal(athena.stop_query_execution, QueryExecutionId=identifier)
        assert message == f"QueryExecution {identifier} was not found"


class TestClientRequestToken:
    def test_repeated_gives_the_same_query(self, athena: Any, output: dict[str, str]) -> None:
        request = {"QueryString": "SELECT ROWS 1", "ResultConfiguration": output}
        token = str(uuid.uuid4())
        made = {athena.start_query_execution(**request, ClientRequestToken=token)["QueryExecutionId"] for _ in range(3)}
        assert len(made) == 1
        assert athena.start_query_execution(**request)["QueryExecutionId"] not in made

    @pytest.mark.parametrize(
        "change", [{"QueryString": "SELECT ROWS 2"}, {"QueryExecutionContext": {"Database": "other"}}]
    )
    def test_repeated_with_other_parameters_is_refused(
        self, athena: Any, output: dict[str, str], change: dict[str, Any]
    ) -> None:
        token = str(uuid.uuid4())
        request = {"QueryString": "SELECT ROWS 1", "ResultConfiguration": output, "ClientRequestToken": token}
        athena.start_query_execution(**request)
        assert refusal(athena.start_query_execution, **{**request, **change}) == "Idempotent parameters do not match"


class TestResults:
    def test_come_in_pages_of_typed_columns_after_a_header_row(self, athena: Any, output: dict[str, str]) -> None:
        identifier = run_query(athena, "SELECT ROWS 2500", ResultConfiguration=output)["QueryExecutionId"]
        pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=identifier))
        assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
        rows = fetch_rows(athena, identifier)
        assert rows[0] == ("id", "name")
        assert rows[1:] == [(str(number), f"name {number}") for number in range(2500)]
        columns = pages[1]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        assert [(column["Name"], column["Type"], column["Precision"]) for column in columns] == [
            ("id", "bigint", 19),
            ("name", "varchar", 2147483647),
        ]
        assert [column["CaseSensitive"] for column in columns] == [False, True]

    def test_count_the_header_row_in_max_results(self, athena: Any, output: dict[str, str]) -> None:
        identifier = run_query(athena, "SELECT ROWS 2", ResultConfiguration=output)["QueryExecutionId"]
        page = athena.get_query_results(QueryExecutionId=identifier, MaxResults=1)
        assert [row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]] == ["id"]
        page = athena.get_query_results(QueryExecutionId=identifier, MaxResults=2, NextToken=page["NextToken"])
        assert [row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]] == ["0", "1"]
        assert "NextToken" not in page

    def test_larger_than_a_page_or_from_a_strange_token_are_refused(self, athena: Any, output: dict[str, str]) -> None:
        first, second = (
            run_query(athena, "SELECT ROWS 2", ResultConfiguration=output)["QueryExecutionId"] for _ in range(2)
        )
        message = refusal(athena.get_query_results, QueryExecutionId=first, MaxResults=1001)
        assert message == "MaxResults is more than maximum allowed length 1000."
        token = athena.get_query_results(QueryExecutionId=first, MaxResults=1)["NextToken"]
        for strange in (token, "page two"):
            message = refusal(athena.get_query_results, QueryExecutionId=second, NextToken=strange)
            assert message == "Invalid nextToken"

    def test_tell_null_from_empty_text(self, athena: Any, s3: Any, output: dict[str, str]) -> None:
        execution = run_query(athena, "SELECT ODD", ResultConfiguration=output)
        assert fetch_rows(athena, execution["QueryExecutionId"])[1:] == [
            (None, ""),
            ('a "quoted", value', "two\nlines"),
            ("ü\t€", None),
        ]
        bucket, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        assert text == '"value","a ""name"""\n,""\n"a ""quoted"", value","two\nlines"\n"ü\t€",\n'
        assert list(csv.reader(text.splitlines(keepends=True)))[2] == ['a "quoted", value', "two\nlines"]
        metadata = json.loads(s3.get_object(Bucket=bucket, Key=f"{key}.metadata")["Body"].read())
        assert [column["Name"] for column in metadata["ColumnInfo"]] == ["value", 'a "name"']

    def test_of_a_utility_statement_are_text_without_a_header(
        self, athena: Any, s3: Any, output: dict[str, str]
    ) -> None:
        execution = run_query(athena, "-- all\nSHOW PARTITIONS t", ResultConfiguration=output)
        assert execution["StatementType"] == "UTILITY"
        assert fetch_rows(athena, execution["QueryExecutionId"]) == [("a=1",), ("a=2",)]
        location = execution["ResultConfiguration"]["OutputLocation"]
        assert location.endswith(f"{execution['QueryExecutionId']}.txt")
        bucket, key = location.removeprefix("s3://").split("/", 1)
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"a=1\na=2\n"

    def test_of_a_ddl_statement_are_empty(self, athena: Any, output: dict[str, str]) -> None:
        execution = run_query(athena, "CREATE EXTERNAL TABLE t", ResultConfiguration=output)
        assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_TABLE")
        reply = athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        assert reply["ResultSet"]["Rows"] == []

    def test_whose_file_is_gone_are_gone(self, athena: Any, s3: Any, output: dict[str, str]) -> None:
        execution = run_query(athena, "SELECT ROWS 1", ResultConfiguration=output)
        bucket, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
        s3.delete_object(Bucket=bucket, Key=key)
        message = refusal(athena.get_query_results, QueryExecutionId=execution["QueryExecutionId"])
        assert message == "Could not find results"

    def test_are_encrypted_as_asked_for(self, athena: Any, s3: Any, output: dict[str, str]) -> None:
        output = {**output, "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
        execution = run_query(athena, "SELECT ROWS 1", ResultConfiguration=output)
        bucket, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
        assert s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] == "AES256"


class TestOutputLocation:
    def test_is_needed(self, athena: Any) -> None:
        message = refusal(athena.start_query_execution, QueryString="SELECT ROWS 1")
        assert message.startswith("No output location provided. An output location is required")

    def test_in_a_bucket_that_is_missing_is_refused(self, athena: Any) -> None:
        output = {"OutputLocation": "s3://no-such-bucket/results/"}
        message = refusal(athena.start_query_execution, QueryString="SELECT ROWS 1", ResultConfiguration=output)
        assert message == "Unable to verify/create output bucket no-such-bucket"

    def test_outside_s3_is_refused(self, athena: Any) -> None:
        output = {"OutputLocation": "file:///results/"}
        message = refusal(athena.start_query_execution, QueryString="SELECT ROWS 1", ResultConfiguration=output)
        assert message == "outputLocation is not a valid S3 path: file:///results/"

    def test_may_lack_the_last_slash(self, athena: Any, bucket: str) -> None:
        output = {"OutputLocation": f"s3://{bucket}/here"}
        execution = run_query(athena, "SELECT ROWS 1", ResultConfiguration=output)
        expected = f"s3://{bucket}/here/{execution['QueryExecutionId']}.csv"
        assert execution["ResultConfiguration"]["OutputLocation"] == expected


class TestWorkGroups:
    def test_carry_their_configuration(self, athena: Any, bucket: str, workgroup: str) -> None:
        group = athena.get_work_group(WorkGroup=workgroup)["WorkGroup"]
        assert (group["Name"], group["State"], group["Description"]) == (workgroup, "ENABLED", "for dashboards")
        configuration = group["Configuration"]
        assert configuration["ResultConfiguration"]["OutputLocation"] == f"s3://{bucket}/enforced/"
        assert configuration["EnforceWorkGroupConfiguration"] is True
        assert configuration["BytesScannedCutoffPerQuery"] == 10_000_000
        assert configuration["PublishCloudWatchMetricsEnabled"] is True
        names = [one["Name"] for one in athena.list_work_groups()["WorkGroups"]]
        assert {"primary", workgroup} <= set(names)

    def test_that_enforce_override_the_client(
        self, athena: Any, bucket: str, workgroup: str, output: dict[str, str]
    ) -> None:
        execution = run_query(athena, "SELECT ROWS 1", WorkGroup=workgroup, ResultConfiguration=output)
        location = execution["ResultConfiguration"]["OutputLocation"]
        assert location == f"s3://{bucket}/enforced/{execution['QueryExecutionId']}.csv"

    def test_that_enforce_without_a_location_ignore_the_clients(
        self, athena: Any, output: dict[str, str], unique: Callable[[str], str]
    ) -> None:
        name = unique("workgroup-")
        athena.create_work_group(Name=name, Configuration={"EnforceWorkGroupConfiguration": True})
        message = refusal(
            athena.start_query_execution, QueryString="SELECT ROWS 1", WorkGroup=name, ResultConfiguration=output
        )
        assert message.startswith("No output location provided.")

    def test_that_do_not_enforce_yield_to_the_client(
        self, athena: Any, bucket: str, output: dict[str, str], unique: Callable[[str], str]
    ) -> None:
        name = unique("workgroup-")
        own = {"OutputLocation": f"s3://{bucket}/own/"}
        configuration = {"EnforceWorkGroupConfiguration": False, "ResultConfiguration": own}
        athena.create_work_group(Name=name, Configuration=configuration)
        execution = run_query(athena, "SELECT ROWS 1", WorkGroup=name, ResultConfiguration=output)
        assert execution["ResultConfiguration"]["OutputLocation"].startswith(output["OutputLocation"])
        execution = run_query(athena, "SELECT ROWS 1", WorkGroup=name)
        assert execution["ResultConfiguration"]["OutputLocation"].startswith(own["OutputLocation"])

    def test_that_are_disabled_take_no_query(
        self, stub_aws: LocalAws, athena: Any, unique: Callable[[str], str]
    ) -> None:
        name = unique("workgroup-")
        group = {"Type": "AWS::Athena::WorkGroup", "Properties": {"Name": name, "State": "DISABLED"}}
        client = stub_aws.client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Group": group}}))
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)
        message = refusal(athena.start_query_execution, QueryString="SELECT ROWS 1", WorkGroup=name)
        assert message == f"WorkGroup {name} is disabled."

    @pytest.mark.parametrize("sql", ["SELECT SCAN 10000001", "SELECT LIMIT"])
    def test_cancel_a_query_that_scans_too_much(self, athena: Any, s3: Any, workgroup: str, sql: str) -> None:
        execution = run_query(athena, sql, WorkGroup=workgroup)
        assert execution["Status"]["State"] == "CANCELLED"
        assert "Bytes scanned limit was exceeded" in execution["Status"]["StateChangeReason"]
        bucket, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
        assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
        assert run_query(athena, "SELECT SCAN 10000000", WorkGroup=workgroup)["Status"]["State"] == "SUCCEEDED"

    @pytest.mark.parametrize(
        "configuration",
        [
            {"BytesScannedCutoffPerQuery": 9_999_999},
            {"ResultConfiguration": {"OutputLocation": "results"}},
            {"EngineVersion": {"SelectedEngineVersion": "Athena engine version 1"}},
            {"ManagedQueryResultsConfiguration": {"Enabled": True}},
        ],
    )
    def test_with_settings_that_cannot_be_are_refused(
        self, stub_aws: LocalAws, athena: Any, unique: Callable[[str], str], configuration: dict[str, Any]
    ) -> None:
        name = unique("workgroup-")
        unchecked = make_client("athena", stub_aws.endpoint_url, config=Config(parameter_validation=False))
        assert refusal(unchecked.create_work_group, Name=name, Configuration=configuration)
        assert "not found" in refusal(athena.get_work_group, WorkGroup=name)

    def test_cannot_be_made_twice(self, athena: Any, workgroup: str) -> None:
        assert refusal(athena.create_work_group, Name=workgroup) == "WorkGroup is already created"

    def test_that_hold_queries_only_go_with_all_of_them(self, athena: Any, workgroup: str) -> None:
        identifier = run_query(athena, "SELECT ROWS 1", WorkGroup=workgroup)["QueryExecutionId"]
        assert refusal(athena.delete_work_group, WorkGroup=workgroup) == f"WorkGroup {workgroup} is not empty"
        athena.delete_work_group(WorkGroup=workgroup, RecursiveDeleteOption=True)
        for call, arguments in (
            (athena.get_query_execution, {"QueryExecutionId": identifier}),
            (athena.get_work_group, {"WorkGroup": workgroup}),
            (athena.start_query_execution, {"QueryString": "SELECT ROWS 1", "WorkGroup": workgroup}),
        ):
            assert "not found" in refusal(call, **arguments)

    def test_primary_stays(self, athena: Any) -> None:
        assert "Primary" in refusal(athena.delete_work_group, WorkGroup="primary", RecursiveDeleteOption=True)

    def test_keep_their_tags(self, athena: Any, unique: Callable[[str], str]) -> None:
        name = unique("workgroup-")
        athena.create_work_group(Name=name, Tags=[{"Key": "team", "Value": "lake"}])
        arn = f"arn:aws:athena:us-east-1:000000000000:workgroup/{name}"
        assert athena.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "lake"}]


class TestExecutionParameters:
    def test_take_the_place_of_question_marks(self, athena: Any, output: dict[str, str]) -> None:
        execution = run_query(
            athena,
            "SELECT ECHO WHERE ? , '?' , \"a?\" , ? -- ?",
            ResultConfiguration=output,
            ExecutionParameters=["'it''s -- here'", "DATE '2024-03-15'"],
        )
        assert execution["ExecutionParameters"] == ["'it''s -- here'", "DATE '2024-03-15'"]
        seen = json.loads(str(fetch_rows(athena, execution["QueryExecutionId"])[1][0]))
        assert seen["sql"] == "SELECT ECHO WHERE 'it''s -- here' , '?' , \"a?\" , CAST('2024-03-15' AS DATE) -- ?"

    @pytest.mark.parametrize("value", ["name", "1; DROP TABLE t", "1 -- x", "(SELECT 1)", "1 OR 1 = 1", "''' OR 1"])
    def test_can_only_be_values(self, athena: Any, output: dict[str, str], value: str) -> None:
        execution = run_query(athena, "SELECT ECHO WHERE ?", ResultConfiguration=output, ExecutionParameters=[value])
        if execution["Status"]["State"] == "SUCCEEDED":
            seen = json.loads(str(fetch_rows(athena, execution["QueryExecutionId"])[1][0]))
            assert seen["sql"] == "SELECT ECHO WHERE 1"
        else:
            assert "is not a literal" in execution["Status"]["StateChangeReason"]

    def test_must_be_as_many_as_question_marks(self, athena: Any, output: dict[str, str]) -> None:
        execution = run_query(athena, "SELECT ECHO WHERE ?", ResultConfiguration=output, ExecutionParameters=["1", "2"])
        assert "expected 1 but found 2" in execution["Status"]["StateChangeReason"]

    def test_are_refused_in_a_ddl_statement(self, athena: Any, output: dict[str, str]) -> None:
        request = {
            "QueryString": "CREATE EXTERNAL TABLE ?",
            "ResultConfiguration": output,
            "ExecutionParameters": ["1"],
        }
        assert "only for SELECT, INSERT INTO" in refusal(athena.start_query_execution, **request)

    def test_are_only_for_the_where_clause(self, athena: Any, output: dict[str, str]) -> None:
        for sql in ("SELECT ECHO ?", "SELECT ECHO WHERE 1 LIMIT ?", "SELECT ECHO (SELECT 1 WHERE 2) ?"):
            execution = run_query(athena, sql, ResultConfiguration=output, ExecutionParameters=["1"])
            assert "parameters are only for the WHERE clause" in execution["Status"]["StateChangeReason"]
        within = "SELECT ECHO WHERE x IN (SELECT ?)"
        execution = run_query(athena, within, ResultConfiguration=output, ExecutionParameters=["1"])
        assert execution["Status"]["State"] == "SUCCEEDED"


class TestPreparedStatements:
    @pytest.fixture
    def prepared(self, athena: Any, workgroup: str) -> dict[str, str]:
        made = {"StatementName": "one_year", "WorkGroup": workgroup}
        athena.create_prepared_statement(**made, QueryStatement="SELECT ECHO WHERE ?", Description="of a year")
        return made

    def test_are_kept_by_name_in_a_workgroup(self, athena: Any, prepared: dict[str, str]) -> None:
        kept = athena.get_prepared_statement(**prepared)["PreparedStatement"]
        assert {name: kept[name] for name in kept if name != "LastModifiedTime"} == {
            "StatementName": "one_year", "WorkGroupName": prepared["WorkGroup"], "Description": "of a year",
            "QueryStatement": "SELECT ECHO WHERE ?",
        }  # fmt: skip
        assert "already exists" in refusal(athena.create_prepared_statement, **prepared, QueryStatement="SELECT 1")
        listed = athena.list_prepared_statements(WorkGroup=prepared["WorkGroup"])["PreparedStatements"]
        assert [one["StatementName"] for one in listed] == ["one_year"]
        assert athena.list_prepared_statements(WorkGroup="primary")["PreparedStatements"] == []

    def test_are_changed_and_deleted(self, athena: Any, prepared: dict[str, str]) -> None:
        athena.update_prepared_statement(**prepared, QueryStatement="SELECT 2")
        assert athena.get_prepared_statement(**prepared)["PreparedStatement"]["QueryStatement"] == "SELECT 2"
        athena.delete_prepared_statement(**prepared)
        for call in (athena.get_prepared_statement, athena.delete_prepared_statement):
            with pytest.raises(ClientError) as caught:
                call(**prepared)
            assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"

    def test_must_be_of_a_kind_that_has_parameters(self, athena: Any, workgroup: str) -> None:
        made = {"StatementName": "one", "WorkGroup": workgroup}
        assert "not supported" in refusal(athena.create_prepared_statement, **made, QueryStatement="DROP TABLE t")
        assert "SELEC" in refusal(athena.create_prepared_statement, **made, QueryStatement="SELEC 1")
        made["StatementName"] = "not a name"
        assert "'statementName'" in refusal(athena.create_prepared_statement, **made, QueryStatement="SELECT 1")

    def test_are_executed_with_the_values_of_the_statement_or_the_request(
        self, athena: Any, prepared: dict[str, str]
    ) -> None:
        group = prepared["WorkGroup"]
        for sql, values in (
            ("EXECUTE one_year USING '2024'", {}),
            ("execute one_year", {"ExecutionParameters": ["'2024'"]}),
        ):
            execution = run_query(athena, sql, WorkGroup=group, **values)
            assert (execution["Query"], execution["StatementType"]) == (sql, "DML")
            seen = json.loads(str(fetch_rows(athena, execution["QueryExecutionId"])[1][0]))
            assert seen["sql"] == "SELECT ECHO WHERE '2024'"
        start = athena.start_query_execution
        assert "expected 1 but found 0" in refusal(start, QueryString="EXECUTE one_year", WorkGroup=group)
        assert "was not found" in refusal(start, QueryString="EXECUTE none", WorkGroup=group)


class TestMetadata:
    @pytest.fixture
    def table(self, glue: Any, database: str) -> str:
        glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": "sales",
                "TableType": "EXTERNAL_TABLE",
                "StorageDescriptor": {
                    "Columns": [{"Name": "amount", "Type": "decimal(10,2)", "Comment": "in dollars"}],
                    "Location": "s3://lake/sales/",
                },
                "PartitionKeys": [{"Name": "year", "Type": "string"}],
                "Parameters": {"EXTERNAL": "TRUE"},
            },
        )
        return "sales"

    def test_of_catalogs_and_databases(self, athena: Any, database: str) -> None:
        catalogs = athena.list_data_catalogs()["DataCatalogsSummary"]
        assert [(one["CatalogName"], one["Type"]) for one in catalogs] == [("AwsDataCatalog", "GLUE")]
        assert athena.get_data_catalog(Name="AwsDataCatalog")["DataCatalog"]["Type"] == "GLUE"
        pages = athena.get_paginator("list_databases").paginate(
            CatalogName="AwsDataCatalog", PaginationConfig={"PageSize": 1}
        )
        assert database in [one["Name"] for page in pages for one in page["DatabaseList"]]
        found = athena.get_database(CatalogName="AwsDataCatalog", DatabaseName=database)["Database"]
        assert found["Name"] == database

    def test_of_tables(self, athena: Any, database: str, table: str) -> None:
        where = {"CatalogName": "AwsDataCatalog", "DatabaseName": database}
        found = athena.get_table_metadata(**where, TableName=table)["TableMetadata"]
        assert found["Columns"] == [{"Name": "amount", "Type": "decimal(10,2)", "Comment": "in dollars"}]
        assert found["PartitionKeys"] == [{"Name": "year", "Type": "string"}]
        assert found["Parameters"] == {"EXTERNAL": "TRUE", "location": "s3://lake/sales/"}
        assert found["TableType"] == "EXTERNAL_TABLE"
        listed = athena.list_table_metadata(**where, Expression="sal.*")["TableMetadataList"]
        assert [one["Name"] for one in listed] == [table]
        assert athena.list_table_metadata(**where, Expression="sal")["TableMetadataList"] == []

    def test_of_what_is_missing_is_an_error(self, athena: Any, database: str) -> None:
        where = {"CatalogName": "AwsDataCatalog", "DatabaseName": database}
        # PyAthena takes the error of Glue from the end of the message.
        end = r" \(Service: AmazonDataCatalog; Status Code: 400; Error Code: EntityNotFoundException; [^()]*\)$"
        with pytest.raises(athena.exceptions.MetadataException, match=f"Entity Not Found{end}"):
            athena.get_table_metadata(**where, TableName="nothing")
        with pytest.raises(athena.exceptions.MetadataException, match=rf"Database nowhere not found\.{end}"):
            athena.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="nowhere")
        assert "hive was not found" in refusal(athena.list_databases, CatalogName="hive")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("list_named_queries", {}),
        ("update_work_group", {"WorkGroup": "primary", "State": "DISABLED"}),
        ("create_data_catalog", {"Name": "c", "Type": "HIVE"}),
        ("start_session", {"WorkGroup": "primary", "EngineConfiguration": {"MaxConcurrentDpus": 2}}),
        ("get_query_runtime_statistics", {"QueryExecutionId": "x"}),
    ],
)
def test_what_is_not_offered_is_refused_and_never_left_to_ministack(
    athena: Any, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(athena, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
