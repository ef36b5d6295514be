"""Our hold on ministack's inside. When a new ministack moves a hook, these fail and say which."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws import server
from tests.support.localaws import REPOSITORY, STACK_WAIT, LocalAws, localaws_python, make_client, running_localaws
from tests.support.queries import run_query

TEMPLATE = {
    "Parameters": {
        "Name": {"Type": "String"},
        "Bucket": {"Type": "String"},
        "Cutoff": {"Type": "Number"},
        "Enforce": {"Type": "String", "Default": "true"},
    },
    "Resources": {
        "Results": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Bucket"}}},
        "Database": {
            "Type": "AWS::Glue::Database",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseInput": {"Name": {"Fn::Sub": "${Name}_db"}},
            },
        },
        "Table": {
            "Type": "AWS::Glue::Table",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": {"Ref": "Database"},
                "TableInput": {
                    "Name": "sales",
                    "TableType": "EXTERNAL_TABLE",
                    "StorageDescriptor": {"Columns": [{"Name": "amount", "Type": "int"}], "Location": "s3://l/s/"},
                    "PartitionKeys": [{"Name": "year", "Type": "string"}],
                },
            },
        },
        "WorkGroup": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {
                "Name": {"Ref": "Name"},
                "State": "ENABLED",
                "RecursiveDeleteOption": True,
                "WorkGroupConfiguration": {
                    "BytesScannedCutoffPerQuery": {"Ref": "Cutoff"},
                    "EnforceWorkGroupConfiguration": {"Ref": "Enforce"},
                    "PublishCloudWatchMetricsEnabled": True,
                    "ResultConfiguration": {"OutputLocation": {"Fn::Sub": "s3://${Bucket}/results/"}},
                },
            },
        },
    },
}


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def test_everything_we_hold_on_to_is_there() -> None:
    probe = subprocess.run(
        [localaws_python(), "-m", "tests.localaws.hook_probe"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert probe.returncode == 0, probe.stderr
    found = json.loads(probe.stdout)
    assert found["version"] == server.MINISTACK_VERSION
    assert found["missing"] == []


def test_only_the_services_that_are_needed_answer(local_aws: LocalAws) -> None:
    with urllib.request.urlopen(f"{local_aws.endpoint_url}/_ministack/health", timeout=10) as reply:
        assert set(json.load(reply)["services"]) == {*server.SERVICES, *server.OWN_SERVICES}


class TestCloudFormation:
    @pytest.fixture
    def stack(self, local_aws: LocalAws, unique: Callable[[str], str]) -> Iterator[dict[str, str]]:
        """A deployed stack; its names."""
        name = unique("stack-workgroup-")
        names = {"Name": name, "Bucket": f"{name}-bucket"}
        client = local_aws.client("cloudformation")
        chosen = parameters(**names, Cutoff="20000000")
        client.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Parameters=chosen)
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)
        yield names
        # A bucket goes only when it is empty.
        s3 = local_aws.client("s3")
        for each in s3.list_objects_v2(Bucket=names["Bucket"]).get("Contents", ()):
            s3.delete_object(Bucket=names["Bucket"], Key=each["Key"])
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)

    def test_workgroups_are_athenas(self, athena: Any, stack: dict[str, str]) -> None:
        group = athena.get_work_group(WorkGroup=stack["Name"])["WorkGroup"]
        assert group["State"] == "ENABLED"
        assert group["Configuration"]["EnforceWorkGroupConfiguration"] is True
        assert group["Configuration"]["BytesScannedCutoffPerQuery"] == 20_000_000
        assert group["Configuration"]["PublishCloudWatchMetricsEnabled"] is True
        location = f"s3://{stack['Bucket']}/results/"
        assert group["Configuration"]["ResultConfiguration"]["OutputLocation"] == location
        elsewhere = {"OutputLocation": "s3://elsewhere/"}
        execution = run_query(athena, "SELECT 1", WorkGroup=stack["Name"], ResultConfiguration=elsewhere)
        assert execution["ResultConfiguration"]["OutputLocation"].startswith(location)

    def test_workgroups_follow_an_update_of_the_stack(
        self, local_aws: LocalAws, athena: Any, stack: dict[str, str]
    ) -> None:
        client = local_aws.client("cloudformation")
        chosen = parameters(**stack, Cutoff="30000000", Enforce="false")
        client.update_stack(StackName=stack["Name"], TemplateBody=json.dumps(TEMPLATE), Parameters=chosen)
        client.get_waiter("stack_update_complete").wait(StackName=stack["Name"], WaiterConfig=STACK_WAIT)
        configuration = athena.get_work_group(WorkGroup=stack["Name"])["WorkGroup"]["Configuration"]
        assert configuration["BytesScannedCutoffPerQuery"] == 30_000_000
        assert configuration["EnforceWorkGroupConfiguration"] is False

    def test_tables_are_glues(self, glue: Any, stack: dict[str, str]) -> None:
        where = {"DatabaseName": f"{stack['Name']}_db", "TableName": "sales"}
        glue.create_partition(**where, PartitionInput={"Values": ["2024"]})
        glue.update_table(DatabaseName=where["DatabaseName"], TableInput={"Name": "sales", "Owner": "lake"})
        assert len(glue.get_table_versions(**where)["TableVersions"]) == 2
        found = glue.get_partitions(**where)["Partitions"]
        assert [partition["Values"] for partition in found] == [["2024"]]


class TestReset:
    @pytest.fixture
    def own_aws(self, tmp_path: Any) -> Iterator[LocalAws]:
        """A server that no other test uses."""
        with running_localaws(tmp_path) as server:
            yield server

    def test_clears_our_state_and_ministacks(self, own_aws: LocalAws) -> None:
        athena, glue, s3 = (own_aws.client(name) for name in ("athena", "glue", "s3"))
        table = {"DatabaseName": "lake", "TableInput": {"Name": "sales"}}

        def fill() -> str:
            s3.create_bucket(Bucket="results")
            glue.create_database(DatabaseInput={"Name": "lake"})
            glue.create_table(**table)
            glue.update_table(**table)
            athena.create_work_group(Name="dashboards")
            output = {"OutputLocation": "s3://results/"}
            return str(run_query(athena, "SHOW TABLES IN lake", ResultConfiguration=output)["QueryExecutionId"])

        identifier = fill()
        self.reset(own_aws)
        assert s3.list_buckets()["Buckets"] == []
        assert glue.get_databases()["DatabaseList"] == []
        assert [group["Name"] for group in athena.list_work_groups()["WorkGroups"]] == ["primary"]
        assert athena.list_query_executions()["QueryExecutionIds"] == []
        with pytest.raises(athena.exceptions.InvalidRequestException, match="was not found"):
            athena.get_query_execution(QueryExecutionId=identifier)
        fill()
        versions = glue.get_table_versions(DatabaseName="lake", TableName="sales")["TableVersions"]
        assert [version["VersionId"] for version in versions] == ["1", "0"]

    @staticmethod
    def reset(aws: LocalAws) -> None:
        request = urllib.request.Request(f"{aws.endpoint_url}/_ministack/reset", method="POST")
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200


class TestPermissions:
    """With AUTH=true ministack enforces IAM, before our handlers and on what a query does in its caller's name."""

    @pytest.fixture(scope="class")
    @classmethod
    def guarded_aws(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
        with running_localaws(tmp_path_factory.mktemp("guarded"), environment={"AUTH": "true"}) as server:
            yield server

    @staticmethod
    def as_user(aws: LocalAws, name: str, actions: list[str], service: str) -> Any:
        """A client of a new user who may do no more than ``actions``."""
        iam = aws.client("iam")
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return make_client(
            service,
            aws.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def test_are_checked_before_our_handlers(self, guarded_aws: LocalAws) -> None:
        glue = self.as_user(guarded_aws, "reader", ["glue:GetDatabases"], "glue")
        assert glue.get_databases()["DatabaseList"] == []
        with pytest.raises(ClientError) as caught:
            glue.create_database(DatabaseInput={"Name": "lake"})
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"

    def test_of_the_caller_bound_a_query(self, guarded_aws: LocalAws) -> None:
        guarded_aws.client("s3").create_bucket(Bucket="results")
        output = {"OutputLocation": "s3://results/"}
        athena_only = self.as_user(guarded_aws, "query-only", ["athena:*"], "athena")
        with pytest.raises(athena_only.exceptions.InvalidRequestException, match="Unable to verify/create output"):
            athena_only.start_query_execution(QueryString="SELECT 1", ResultConfiguration=output)
        actions = ["athena:*", "s3:GetBucketLocation", "glue:GetDatabase"]
        cannot_write = self.as_user(guarded_aws, "cannot-write", actions, "athena")
        status = run_query(cannot_write, "SELECT 1", ResultConfiguration=output)["Status"]
        assert status["State"] == "FAILED"
        assert "Unable to write the query results" in status["StateChangeReason"]
        actions += ["s3:PutObject"]
        may_all = self.as_user(guarded_aws, "may-all", actions, "athena")
        assert run_query(may_all, "SELECT 1", ResultConfiguration=output)["Status"]["State"] == "SUCCEEDED"
