"""What the export operations refuse, repeat, list, and do on request."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.localaws.controls import ControlRefused, control, now
from tests.localaws.dynamodb.conftest import Table
from tests.localaws.dynamodb.exported import export, read, wait, window
from tests.support.localaws import ACCOUNT, LocalAws, make_client, running_localaws

Hour = Callable[[], tuple[datetime, datetime]]
MINUTE = timedelta(minutes=1)
HERE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}"
EXPORT = "table/orders/export/01700000000000-0a1b2c3d"


@pytest.fixture
def start(dynamodb: Any, table: Table) -> Callable[..., dict[str, Any]]:
    """Calls ExportTableToPointInTime of the table, to a bucket that need not be there; returns the description."""

    def call(**members: Any) -> dict[str, Any]:
        members = {"TableArn": table.arn, "S3Bucket": "refused-bucket", **members}
        return dict(dynamodb.export_table_to_point_in_time(**members)["ExportDescription"])

    return call


def error(start: Callable[..., Any], **members: Any) -> tuple[str, str]:
    """The code and message with which the call is refused."""
    with pytest.raises(ClientError) as caught:
        start(**members)
    answered = caught.value.response["Error"]
    return answered["Code"], answered["Message"]


class TestWindowRules:
    @pytest.fixture
    def settled(self, local_aws: LocalAws, table: Table) -> datetime:
        """A whole minute at which the table has had recovery for three days."""
        control(local_aws, "clock", advance=3 * 86_400)
        return now(local_aws).replace(second=0, microsecond=0) - 6 * MINUTE

    @pytest.mark.parametrize(
        ("minutes", "message"),
        [
            (14, "less than 15 minutes"),
            (24 * 60 + 1, "greater than 24 hours"),
            (0, "from time should not be greater or equal to incremental export period to time"),
            (-60, "from time should not be greater or equal to incremental export period to time"),
        ],
    )
    def test_fifteen_minutes_to_a_day(
        self, start: Callable[..., Any], settled: datetime, minutes: int, message: str
    ) -> None:
        code, found = error(start, **window(settled - minutes * MINUTE, settled))
        assert code == "InvalidExportTimeException"
        assert message in found

    @pytest.mark.parametrize("minutes", [15, 24 * 60])
    def test_the_bounds_themselves_are_fine(self, start: Callable[..., Any], settled: datetime, minutes: int) -> None:
        assert start(**window(settled - minutes * MINUTE, settled))["ExportStatus"] == "IN_PROGRESS"

    def test_not_before_recovery_was_on(
        self, local_aws: LocalAws, table: Table, start: Callable[..., Any], settled: datetime
    ) -> None:
        earliest = table.restorable()["EarliestRestorableDateTime"]
        early = window(earliest - timedelta(seconds=1), earliest + 60 * MINUTE)
        code, message = error(start, **early)
        assert code == "InvalidExportTimeException"
        assert "from time cannot be less than" in message
        assert start(**window(earliest, earliest + 60 * MINUTE))["ExportStatus"] == "IN_PROGRESS"
        table.recovery(True, RecoveryPeriodInDays=1)
        assert error(start, **window(earliest, earliest + 60 * MINUTE))[0] == "InvalidExportTimeException"

    def test_not_into_the_future_nor_what_is_not_restorable_yet(
        self, local_aws: LocalAws, table: Table, start: Callable[..., Any], settled: datetime
    ) -> None:
        ahead = now(local_aws) + 2 * MINUTE
        code, message = error(start, **window(ahead - 60 * MINUTE, ahead))
        assert code == "InvalidExportTimeException"
        assert "cannot be greater than the current time" in message
        latest = table.restorable()["LatestRestorableDateTime"]
        code, message = error(start, **window(latest - 60 * MINUTE, latest + MINUTE))
        assert code == "InvalidExportTimeException"
        assert "not available" in message
        assert start(**window(latest - 60 * MINUTE, latest))["ExportStatus"] == "IN_PROGRESS"

    def test_a_fresh_table_needs_fifteen_minutes_first(
        self, local_aws: LocalAws, table: Table, start: Callable[..., Any]
    ) -> None:
        control(local_aws, "clock", advance=3)
        earliest = table.restorable()["EarliestRestorableDateTime"]
        code, message = error(start, **window(earliest, None))
        assert (code, "less than 15 minutes" in message) == ("InvalidExportTimeException", True)
        control(local_aws, "clock", advance=901)
        assert start(**window(earliest, None))["ExportStatus"] == "IN_PROGRESS"

    def test_the_time_of_a_full_export(
        self, local_aws: LocalAws, table: Table, start: Callable[..., Any], settled: datetime
    ) -> None:
        earliest = table.restorable()["EarliestRestorableDateTime"]
        for bad in (earliest - timedelta(seconds=1), now(local_aws) + MINUTE, now(local_aws) - MINUTE):
            assert error(start, ExportTime=bad)[0] == "InvalidExportTimeException"
        assert start(ExportTime=earliest)["ExportTime"] == earliest

    def test_recovery_must_be_on(self, table: Table, start: Callable[..., Any], settled: datetime) -> None:
        table.recovery(False)
        for members in ({}, window(settled - 60 * MINUTE, settled)):
            code, message = error(start, **members)
            assert code == "PointInTimeRecoveryUnavailableException"
            assert table.name in message


class TestRefusals:
    @pytest.mark.parametrize(
        ("members", "code", "message"),
        [
            ({"TableArn": "orders"}, "ValidationException", "tableArn is not a valid ARN"),
            (
                {"TableArn": f"{HERE}:index/x"},
                "ValidationException",
                "Table ARN is invalid",
            ),
            ({"TableArn": f"{HERE}:table/gone"}, "TableNotFoundException", "gone"),
            ({"TableArn": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/gone"}, "TableNotFoundException", "gone"),
            ({"TableArn": "arn:aws:dynamodb:us-east-1:111122223333:table/x"}, "AccessDeniedException", "denied"),
            ({"S3Bucket": "arn:aws:s3:::bucket"}, "ValidationException", "'s3Bucket' failed to satisfy"),
            ({"S3BucketOwner": "me"}, "ValidationException", "'s3BucketOwner' failed to satisfy"),
            ({"ClientToken": "a$b"}, "ValidationException", "'clientToken' failed to satisfy"),
            ({"ExportFormat": "CSV"}, "ValidationException", "'exportFormat' failed to satisfy"),
            ({"ExportFormat": "ION"}, "ValidationException", "ION is not supported by the local AWS"),
            ({"ExportType": "SOME"}, "ValidationException", "'exportType' failed to satisfy"),
            ({"S3SseAlgorithm": "aws:kms"}, "ValidationException", "'s3SseAlgorithm' failed to satisfy"),
            ({"S3SseKmsKeyId": "key"}, "ValidationException", "KMS Key Id is not supported"),
            ({"ExportType": "INCREMENTAL_EXPORT"}, "ValidationException", "Specification expected"),
            (
                {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {}},
                "ValidationException",
                "ExportFromTime must be provided",
            ),
            ({"IncrementalExportSpecification": {"ExportFromTime": 0}}, "ValidationException", "Export Type expected"),
            (
                {"ExportType": "FULL_EXPORT", "IncrementalExportSpecification": {"ExportFromTime": 0}},
                "ValidationException",
                "should not be provided",
            ),
            (
                {
                    "ExportType": "INCREMENTAL_EXPORT",
                    "IncrementalExportSpecification": {"ExportFromTime": 0, "ExportViewType": "OLD_IMAGE"},
                },
                "ValidationException",
                "'incrementalExportSpecification.exportViewType' failed to satisfy",
            ),
        ],
    )
    def test_of_an_export(
        self, dynamodb: Any, start: Callable[..., Any], members: dict[str, Any], code: str, message: str
    ) -> None:
        found = error(start, **members)
        assert found[0] == code
        assert message in found[1]

    @pytest.mark.parametrize(
        ("arn", "code"),
        [
            (f"{HERE}:table/orders", "ValidationException"),
            (
                f"{HERE}:{EXPORT}",
                "ExportNotFoundException",
            ),
            (
                f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:{EXPORT}",
                "ExportNotFoundException",
            ),
            (
                f"arn:aws:dynamodb:us-east-1:111122223333:{EXPORT}",
                "AccessDeniedException",
            ),
        ],
    )
    def test_of_a_description(self, dynamodb: Any, arn: str, code: str) -> None:
        with pytest.raises(ClientError) as caught:
            dynamodb.describe_export(ExportArn=arn)
        assert caught.value.response["Error"]["Code"] == code


class TestClientToken:
    def test_repeats_the_same_export_for_eight_hours(
        self, local_aws: LocalAws, dynamodb: Any, table: Table, start: Callable[..., Any], hour: Hour
    ) -> None:
        members = {**window(*hour()), "ClientToken": table.name}
        first = start(**members)["ExportArn"]
        assert wait(dynamodb, first)["ExportStatus"] == "FAILED"
        assert start(**members)["ExportArn"] == first
        control(local_aws, "clock", advance=8 * 3600 - 60)
        assert start(**members)["ExportArn"] == first
        control(local_aws, "clock", advance=120)
        assert start(**members)["ExportArn"] != first

    def test_with_other_parameters_is_a_conflict(
        self, local_aws: LocalAws, start: Callable[..., Any], table: Table, hour: Hour
    ) -> None:
        times = hour()
        start(**window(*times), ClientToken=table.name)
        others = [
            {**window(*times), "S3Prefix": "elsewhere"},
            {**window(*times), "S3Bucket": "other-bucket"},
            window(*times, "NEW_IMAGE"),
            window(times[0] + MINUTE, times[1]),
            {},
        ]
        for members in others:
            assert error(start, **members, ClientToken=table.name)[0] == "ExportConflictException"

    def test_a_default_that_is_spelled_out_is_no_other_parameter(self, start: Callable[..., Any], table: Table) -> None:
        first = start(ClientToken=table.name)
        assert start(ClientToken=table.name, ExportType="FULL_EXPORT")["ExportArn"] == first["ExportArn"]

    def test_without_one_each_call_is_an_export(self, start: Callable[..., Any]) -> None:
        assert start()["ExportArn"] != start()["ExportArn"]


class TestListExports:
    def test_newest_first_by_pages(self, dynamodb: Any, table: Table, start: Callable[..., Any]) -> None:
        arns = [start()["ExportArn"] for _ in range(5)]
        found, token = [], {}
        while True:
            page = dynamodb.list_exports(TableArn=table.arn, MaxResults=2, **token)
            found.append(page["ExportSummaries"])
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert [len(page) for page in found] == [2, 2, 1]
        assert [one["ExportArn"] for page in found for one in page] == sorted(arns, reverse=True)
        assert {one["ExportType"] for page in found for one in page} == {"FULL_EXPORT"}
        with pytest.raises(ClientError, match="nextToken is invalid"):
            dynamodb.list_exports(NextToken="mine")

    def test_a_table_that_is_gone_has_none_but_they_can_be_described(
        self, local_aws: LocalAws, dynamodb: Any, table: Table, start: Callable[..., Any]
    ) -> None:
        arn = start()["ExportArn"]
        assert len(dynamodb.list_exports(TableArn=table.arn)["ExportSummaries"]) == 1
        dynamodb.delete_table(TableName=table.name)
        assert dynamodb.list_exports(TableArn=table.arn)["ExportSummaries"] == []
        again = Table(local_aws, table.name)
        assert dynamodb.list_exports(TableArn=again.arn)["ExportSummaries"] == []
        assert dynamodb.describe_export(ExportArn=arn)["ExportDescription"]["TableId"] == table.table_id


class TestOnRequest:
    @pytest.fixture(autouse=True)
    def as_before(self, local_aws: LocalAws) -> Iterator[None]:
        yield
        control(local_aws, "dynamodb/exports", hold=False, delay=0, files=4)

    def test_exports_are_held_in_progress(
        self, local_aws: LocalAws, dynamodb: Any, s3: Any, table: Table, bucket: str
    ) -> None:
        control(local_aws, "dynamodb/exports", hold=True)
        arn = dynamodb.export_table_to_point_in_time(TableArn=table.arn, S3Bucket=bucket)["ExportDescription"][
            "ExportArn"
        ]
        assert control(local_aws, "dynamodb/exports")["running"] == [arn]
        held = dynamodb.describe_export(ExportArn=arn)["ExportDescription"]
        assert held["ExportStatus"] == "IN_PROGRESS"
        assert not {"EndTime", "ExportManifest", "ItemCount", "BilledSizeBytes"} & held.keys()
        assert not any("manifest" in key["Key"] for key in s3.list_objects_v2(Bucket=bucket).get("Contents", []))
        control(local_aws, "dynamodb/exports", hold=False)
        read(s3, wait(dynamodb, arn))

    def test_exports_take_at_least_the_delay(
        self, local_aws: LocalAws, dynamodb: Any, table: Table, bucket: str
    ) -> None:
        control(local_aws, "dynamodb/exports", delay=0.3)
        description = export(local_aws, table.arn, bucket).description
        assert description["EndTime"] - description["StartTime"] >= timedelta(seconds=0.3)

    def test_more_data_files(self, local_aws: LocalAws, table: Table, bucket: str) -> None:
        control(local_aws, "dynamodb/exports", files=9)
        assert len(export(local_aws, table.arn, bucket).manifest) == 9

    def test_exports_fail_halfway(
        self, local_aws: LocalAws, dynamodb: Any, s3: Any, table: Table, bucket: str, hour: Hour
    ) -> None:
        table.put("a")
        times = hour()
        control(local_aws, "dynamodb/exports", fail={"count": 1, "code": "S3SlowDown", "message": "Reduce your rate"})
        members = {"TableArn": table.arn, "S3Bucket": bucket, **window(*times), "ClientToken": table.name}
        failed = wait(dynamodb, dynamodb.export_table_to_point_in_time(**members)["ExportDescription"]["ExportArn"])
        found = failed["ExportStatus"], failed["FailureCode"], failed["FailureMessage"]
        assert found == ("FAILED", "S3SlowDown", "Reduce your rate")
        left = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        assert any(key.startswith("AWSDynamoDB/data/") for key in left)
        assert not any("manifest" in key for key in left)
        assert export(local_aws, table.arn, bucket, **window(*times)).changes().keys() == {("a", "1")}

    def test_calls_are_refused(self, local_aws: LocalAws, start: Callable[..., Any]) -> None:
        control(local_aws, "dynamodb/exports", refuse={"count": 2, "code": "LimitExceededException"})
        assert [error(start)[0] for _ in range(2)] == ["LimitExceededException"] * 2
        assert start()["ExportStatus"] == "IN_PROGRESS"

    def test_replies_are_lost(
        self, local_aws: LocalAws, dynamodb: Any, table: Table, start: Callable[..., Any]
    ) -> None:
        control(local_aws, "dynamodb/exports", refuse={"after_accepting": True})
        assert error(start, ClientToken=table.name)[0] == "InternalServerError"
        (accepted,) = dynamodb.list_exports(TableArn=table.arn)["ExportSummaries"]
        assert start(ClientToken=table.name)["ExportArn"] == accepted["ExportArn"]

    def test_nonsense_is_refused(self, local_aws: LocalAws) -> None:
        for members in ({"delay": -1}, {"files": 0}, {"fail": {"often": 1}}, {"hold": "yes"}):
            with pytest.raises(ControlRefused):
                control(local_aws, "dynamodb/exports", **members)


class TestPermissions:
    """With AUTH=true the caller needs rights to the export and, in S3, to each object."""

    @pytest.fixture(scope="class")
    @classmethod
    def guarded(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
        environment = {"AUTH": "true", "LOCALAWS_EXPORT_SECONDS": "0"}
        with running_localaws(tmp_path_factory.mktemp("guarded"), environment=environment) as server:
            server.client("s3").create_bucket(Bucket="exports")
            yield server

    @pytest.fixture(scope="class")
    @classmethod
    def orders(cls, guarded: LocalAws) -> Table:
        return Table(guarded, "orders")

    @staticmethod
    def user(aws: LocalAws, name: str, allowed: dict[str, str]) -> Any:
        """A DynamoDB client of a new user with these rights, by action the resource."""
        statements = [{"Effect": "Allow", "Action": action, "Resource": on} for action, on in allowed.items()]
        iam = aws.client("iam")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return make_client(
            "dynamodb",
            aws.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def test_are_checked_on_the_table_the_export_and_the_objects(self, guarded: LocalAws, orders: Table) -> None:
        table, exports = orders.arn, f"{orders.arn}/export/*"
        members = {"TableArn": table, "S3Bucket": "exports", "S3Prefix": "lake"}
        denied = self.user(guarded, "other-table", {"dynamodb:ExportTableToPointInTime": f"{table}2"})
        with pytest.raises(ClientError, match="not authorized to perform: dynamodb:ExportTableToPointInTime"):
            denied.export_table_to_point_in_time(**members)
        rights = {"dynamodb:ExportTableToPointInTime": table, "dynamodb:DescribeExport": exports}
        no_bucket = self.user(guarded, "no-bucket", {**rights, "s3:PutObject": "arn:aws:s3:::exports/elsewhere/*"})
        arn = no_bucket.export_table_to_point_in_time(**members)["ExportDescription"]["ExportArn"]
        failed = wait(no_bucket, arn)
        assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "S3AccessDenied")
        with pytest.raises(ClientError, match="not authorized"):
            no_bucket.list_exports()
        objects = "arn:aws:s3:::exports/lake/AWSDynamoDB/*"
        putting = self.user(guarded, "putting", {**rights, "s3:PutObject": objects})
        arn = putting.export_table_to_point_in_time(**members)["ExportDescription"]["ExportArn"]
        failed = wait(putting, arn)
        assert failed["FailureCode"] == "S3AccessDenied"
        assert "s3:PutObjectAcl" in failed["FailureMessage"]
        writing = dict.fromkeys(("s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload"), objects)
        least = {**rights, **writing}
        allowed = self.user(guarded, "allowed", least)
        arn = allowed.export_table_to_point_in_time(**members)["ExportDescription"]["ExportArn"]
        assert wait(allowed, arn)["ExportStatus"] == "COMPLETED"


def test_a_reset_forgets_exports_and_recovery(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_localaws(tmp_path_factory.mktemp("reset")) as aws:
        table = Table(aws, "orders")
        arn = table.client.export_table_to_point_in_time(TableArn=table.arn, S3Bucket="none")["ExportDescription"]
        wait(table.client, arn["ExportArn"])
        control(aws, "clock", advance=86_400)
        urllib.request.urlopen(f"{aws.endpoint_url}/_ministack/reset", data=b"", timeout=10).close()
        assert table.client.list_exports()["ExportSummaries"] == []
        assert now(aws) - datetime.now(tz=now(aws).tzinfo) < timedelta(hours=1)
        with pytest.raises(table.client.exceptions.ExportNotFoundException):
            table.client.describe_export(ExportArn=arn["ExportArn"])


def test_calls_at_once_with_one_token_are_one_export(
    local_aws: LocalAws, dynamodb: Any, table: Table, start: Callable[..., Any]
) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(start(ClientToken=table.name)["ExportArn"])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
