"""Table exports: the objects they write, and what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from tests.localaws.controls import control, now
from tests.localaws.dynamodb.conftest import Table
from tests.localaws.dynamodb.exported import export, wait, window
from tests.support.localaws import ACCOUNT, LocalAws

Hour = Callable[[], tuple[datetime, datetime]]

MANIFESTS = ("_started", "manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5")
EVERY_TYPE = {
    "text": {"S": 'Žluťoučký "kůň"\n'},
    "number": {"N": "12345678901234567890123456789012345.678"},
    "binary": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "list": {"L": [{"S": "a"}, {"M": {"deep": {"N": "1"}}}]},
    "map": {"M": {"city": {"S": "Brno"}}},
    "names": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "binaries": {"BS": [b"x"]},
}


def keys(s3: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def milliseconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class TestFullExport:
    def test_writes_every_file_of_the_real_service(
        self, local_aws: LocalAws, s3: Any, table: Table, bucket: str
    ) -> None:
        for number in range(200):
            table.put(f"order-{number}")
        done = export(local_aws, table.arn, bucket, S3Prefix="exports/orders", ClientToken=f"{table.name}-token")
        description, summary = done.description, done.summary
        assert re.fullmatch(r"\d{14}-[0-9a-f]{8}", done.id)
        folder = f"exports/orders/AWSDynamoDB/{done.id}"
        found = keys(s3, bucket)
        assert set(found) == {f"{folder}/{name}" for name in MANIFESTS} | set(done.lines_by_file)
        assert s3.head_object(Bucket=bucket, Key=f"{folder}/_started")["ContentLength"] == 0
        data = rf"{folder}/data/[a-z2-7]{{26}}\.json\.gz"
        assert all(re.fullmatch(data, key) for key in done.lines_by_file)
        assert len(done.lines_by_file) == 4
        assert description == {
            "ExportArn": f"{table.arn}/export/{done.id}",
            "ExportStatus": "COMPLETED",
            "StartTime": description["StartTime"],
            "EndTime": description["EndTime"],
            "ExportTime": description["StartTime"],
            "ExportManifest": f"{folder}/manifest-summary.json",
            "TableArn": table.arn,
            "TableId": table.table_id,
            "ClientToken": f"{table.name}-token",
            "S3Bucket": bucket,
            "S3Prefix": "exports/orders",
            "S3SseAlgorithm": "AES256",
            "ExportFormat": "DYNAMODB_JSON",
            "ExportType": "FULL_EXPORT",
            "BilledSizeBytes": summary["billedSizeBytes"],
            "ItemCount": 200,
        }
        assert done.id.startswith(f"{round(description['StartTime'].timestamp() * 1000):014d}-")
        assert summary == {
            "version": "2020-06-30",
            "exportArn": description["ExportArn"],
            "startTime": milliseconds(description["StartTime"].astimezone(now(local_aws).tzinfo)),
            "endTime": summary["endTime"],
            "tableArn": table.arn,
            "tableId": table.table_id,
            "exportTime": summary["startTime"],
            "s3Bucket": bucket,
            "s3Prefix": "exports/orders",
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": f"{folder}/manifest-files.json",
            "billedSizeBytes": summary["billedSizeBytes"],
            "itemCount": 200,
            "outputFormat": "DYNAMODB_JSON",
        }
        assert done.items().keys() == {(f"order-{number}", "1") for number in range(200)}

    def test_items_are_dynamodb_json_of_what_was_put(self, local_aws: LocalAws, table: Table, bucket: str) -> None:
        table.put("a", **EVERY_TYPE)
        (item,) = export(local_aws, table.arn, bucket).items().values()
        expected = json.loads(json.dumps(EVERY_TYPE, default=lambda raw: {b"\x00\xff": "AP8=", b"x": "eA=="}[raw]))
        assert item == {**table.key("a"), **expected}

    def test_lines_and_files_have_no_order_and_a_partition_is_in_one_file(
        self, local_aws: LocalAws, table: Table, bucket: str
    ) -> None:
        for number in range(60):
            table.put(f"order-{number % 12:02d}", number // 12)
        done = export(local_aws, table.arn, bucket)
        files = [[line["Item"]["id"]["S"] for line in lines] for lines in done.lines_by_file.values()]
        assert any(lines != sorted(lines) for lines in files)
        seen = [partition for lines in files for partition in set(lines)]
        assert len(seen) == len(set(seen)) == 12

    def test_an_empty_table_gives_empty_files(self, local_aws: LocalAws, table: Table, bucket: str) -> None:
        done = export(local_aws, table.arn, bucket)
        assert [entry["itemCount"] for entry in done.manifest] == [0, 0, 0, 0]
        assert done.id in done.manifest[0]["dataFileS3Key"]
        assert done.summary["s3Prefix"] is None
        assert "S3Prefix" not in done.description
        assert done.description["ExportManifest"] == f"AWSDynamoDB/{done.id}/manifest-summary.json"

    def test_is_the_table_as_it_was_at_its_time(self, local_aws: LocalAws, table: Table, bucket: str) -> None:
        control(local_aws, "clock", advance=2)
        first = table.put("kept", total={"N": "1"})
        removed = table.put("removed")
        control(local_aws, "clock", advance=2)
        then = now(local_aws).replace(microsecond=0)
        control(local_aws, "clock", advance=2)
        table.put("kept", total={"N": "2"})
        table.delete("removed")
        table.put("new")
        control(local_aws, "clock", advance=600)
        done = export(local_aws, table.arn, bucket, ExportTime=then)
        assert done.items() == {("kept", "1"): first, ("removed", "1"): removed}
        assert done.description["ExportTime"] == then
        assert export(local_aws, table.arn, bucket).items().keys() == {("kept", "1"), ("new", "1")}

    def test_has_what_the_table_held_before_recovery_was_switched_on(
        self, local_aws: LocalAws, table: Table, bucket: str
    ) -> None:
        table.recovery(False)
        table.put("old")
        table.recovery(True)
        assert export(local_aws, table.arn, bucket).items().keys() == {("old", "1")}

    def test_has_every_write_before_the_call_and_none_after(
        self, local_aws: LocalAws, dynamodb: Any, s3: Any, table: Table, bucket: str
    ) -> None:
        control(local_aws, "dynamodb/exports", hold=True)
        try:
            table.put("before")
            arn = dynamodb.export_table_to_point_in_time(TableArn=table.arn, S3Bucket=bucket)["ExportDescription"]
            table.put("after")
            dynamodb.delete_table(TableName=table.name)
        finally:
            control(local_aws, "dynamodb/exports", hold=False)
        assert wait(dynamodb, arn["ExportArn"])["ItemCount"] == 1


def write_in_every_way(dynamodb: Any, table: Table) -> None:
    """Puts, updates and deletes items by every operation that can; each is named after it."""
    name, key = table.name, table.key
    table.put("put")
    dynamodb.update_item(
        TableName=name,
        Key=key("updated"),
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"N": "1"}},
    )
    table.delete("delete")
    puts = [{"PutRequest": {"Item": key(f"batch put {number}")}} for number in range(3)]
    deletes = [{"DeleteRequest": {"Key": key("batch delete")}}]
    dynamodb.batch_write_item(RequestItems={name: puts + deletes})
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": name, "Item": key("transact put")}},
            {"Delete": {"TableName": name, "Key": key("transact delete")}},
        ]
    )
    dynamodb.execute_statement(Statement=f"INSERT INTO \"{name}\" VALUE {{'id': 'partiql insert', 'line': 1}}")
    dynamodb.execute_statement(Statement=f"UPDATE \"{name}\" SET v = 2 WHERE id = 'set' AND line = 1")
    dynamodb.batch_execute_statement(
        Statements=[{"Statement": f"DELETE FROM \"{name}\" WHERE id = 'partiql delete' AND line = 1"}]
    )
    dynamodb.execute_transaction(
        TransactStatements=[
            {"Statement": f"INSERT INTO \"{name}\" VALUE {{'id': 'transaction insert', 'line': 1}}"},
            {"Statement": f"DELETE FROM \"{name}\" WHERE id = 'transaction delete' AND line = 1"},
        ]
    )
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.execute_transaction(
            TransactStatements=[
                {"Statement": f"INSERT INTO \"{name}\" VALUE {{'id': 'rolled back', 'line': 1}}"},
                {"Statement": f"INSERT INTO \"{name}\" VALUE {{'id': 'put', 'line': 1}}"},
            ]
        )


class TestIncrementalExport:
    def test_writes_its_data_to_the_shared_folder(
        self, local_aws: LocalAws, s3: Any, table: Table, bucket: str, hour: Hour
    ) -> None:
        table.put("a")
        first = hour()
        table.put("b")
        second = hour()
        done = [
            export(local_aws, table.arn, bucket, S3Prefix="p/", S3SseAlgorithm="AES256", **window(*times))
            for times in (first, second)
        ]
        data = r"p/AWSDynamoDB/data/[a-z2-7]{26}\.json\.gz"
        shared = [key for one in done for key in one.lines_by_file]
        assert len(set(shared)) == 8
        assert all(re.fullmatch(data, key) for key in shared)
        folders = {f"p/AWSDynamoDB/{one.id}/{name}" for one in done for name in MANIFESTS}
        assert set(keys(s3, bucket)) == folders | set(shared)
        assert [list(one.changes()) for one in done] == [[("a", "1")], [("b", "1")]]
        summary, description = done[1].summary, done[1].description
        assert summary == {
            "version": "2023-08-01",
            "exportArn": description["ExportArn"],
            "startTime": summary["startTime"],
            "endTime": summary["endTime"],
            "tableArn": table.arn,
            "tableId": table.table_id,
            "exportFromTime": milliseconds(second[0]),
            "exportToTime": milliseconds(second[1]),
            "s3Bucket": bucket,
            "s3Prefix": "p/",
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": f"p/AWSDynamoDB/{done[1].id}/manifest-files.json",
            "billedSizeBytes": 10_000_000,
            "itemCount": 1,
            "outputFormat": "DYNAMODB_JSON",
            "outputView": "NEW_AND_OLD_IMAGES",
            "exportType": "INCREMENTAL_EXPORT",
        }
        specification = {"ExportFromTime": second[0], "ExportToTime": second[1], "ExportViewType": "NEW_AND_OLD_IMAGES"}
        assert description["IncrementalExportSpecification"] == specification
        assert "ExportTime" not in description

    def changed(self, table: Table, hour: Hour) -> dict[str, dict[str, Any]]:
        """One key per kind of change within the second window, each with a first window's item where it has one."""
        old = {key: table.put(key, total={"N": "1"}) for key in ("updated", "deleted", "put again", "back", "left")}
        hour()
        table.put("updated", total={"N": "2"})
        new = {
            "updated": table.put("updated", total={"N": "3"}),
            "inserted": table.put("inserted"),
        }
        table.delete("deleted")
        table.delete("put again")
        new["put again"] = table.put("put again", total={"N": "4"})
        table.put("passing")
        table.delete("passing")
        table.put("back", total={"N": "9"})
        new["back"] = table.put("back", total={"N": "1"})
        table.delete("never there")
        return {"old": old, "new": new}

    @pytest.mark.parametrize("view", [None, "NEW_AND_OLD_IMAGES"])
    def test_new_and_old_images(
        self, local_aws: LocalAws, table: Table, bucket: str, hour: Hour, view: str | None
    ) -> None:
        images = self.changed(table, hour)
        done = export(local_aws, table.arn, bucket, **window(*hour(), view))
        lines = {key: line for (key, _), line in done.changes().items()}
        assert lines.keys() == {"updated", "inserted", "deleted", "put again", "back"}
        for key, line in lines.items():
            assert list(line) == ["Metadata", "Keys", *(n for n in ("OldImage", "NewImage") if n in line)]
            assert line["Keys"] == table.key(key)
            assert line.get("OldImage") == images["old"].get(key)
            assert line.get("NewImage") == images["new"].get(key)

    def test_new_image_only(self, local_aws: LocalAws, table: Table, bucket: str, hour: Hour) -> None:
        images = self.changed(table, hour)
        done = export(local_aws, table.arn, bucket, **window(*hour(), "NEW_IMAGE"))
        lines = {key: line for (key, _), line in done.changes().items()}
        assert lines.keys() == {"updated", "inserted", "deleted", "put again", "back"}
        assert {key: line["NewImage"] for key, line in lines.items() if "NewImage" in line} == images["new"]
        assert not any("OldImage" in line for line in lines.values())
        assert done.summary["outputView"] == "NEW_IMAGE"

    def test_its_start_is_inclusive_its_end_exclusive_and_times_are_in_microseconds(
        self, local_aws: LocalAws, table: Table, bucket: str
    ) -> None:
        control(local_aws, "clock", advance=2)
        start = now(local_aws).replace(microsecond=0) + timedelta(seconds=60)
        end = start + timedelta(minutes=15)
        for moment, key in (
            (start - timedelta(microseconds=1), "before"),
            (start, "first"),
            (end - timedelta(microseconds=1), "last"),
            (end, "after"),
        ):
            control(local_aws, "clock", now=moment.isoformat(), frozen=True)
            table.put(key)
        control(local_aws, "clock", advance=301, frozen=False)
        changes = export(local_aws, table.arn, bucket, **window(start, end)).changes()
        written = {key: int(line["Metadata"]["WriteTimestampMicros"]["N"]) for (key, _), line in changes.items()}
        start_micros = round(start.timestamp()) * 1_000_000
        assert written == {"first": start_micros, "last": start_micros + 900 * 1_000_000 - 1}

    def test_windows_over_a_full_export_give_the_table(
        self, local_aws: LocalAws, table: Table, bucket: str, hour: Hour
    ) -> None:
        for number in range(30):
            table.put(f"order-{number}", total={"N": "0"})
        start = hour()[1]
        items = export(local_aws, table.arn, bucket, ExportTime=start).items()
        for round_number in range(3):
            for number in range(0, 40, round_number + 2):
                table.put(f"order-{number}", total={"N": str(round_number)})
            for number in range(0, 40, 7 - round_number):
                table.delete(f"order-{number}")
            for key, line in export(local_aws, table.arn, bucket, **window(*hour())).changes().items():
                assert line.get("OldImage") == items.get(key)
                if "NewImage" in line:
                    items[key] = line["NewImage"]
                else:
                    del items[key]
        scanned = table.client.scan(TableName=table.name, ConsistentRead=True)["Items"]
        assert items == {(item["id"]["S"], item["line"]["N"]): item for item in scanned}

    def test_every_way_to_write_is_in_it(
        self, local_aws: LocalAws, dynamodb: Any, table: Table, bucket: str, hour: Hour
    ) -> None:
        name = table.name
        for doomed in ("delete", "batch delete", "transact delete", "partiql delete", "transaction delete"):
            table.put(doomed)
        table.put("updated")
        table.put("set")
        expiry = str(round(now(local_aws).timestamp()) + 60)
        table.put("expired", expires={"N": expiry})
        specification = {"Enabled": True, "AttributeName": "expires"}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
        hour()
        control(local_aws, "dynamodb/ttl-sweep")
        write_in_every_way(dynamodb, table)
        changes = export(local_aws, table.arn, bucket, **window(*hour())).changes()
        kinds = {
            key: "".join(letter for letter, image in (("o", "OldImage"), ("n", "NewImage")) if image in line)
            for (key, _), line in changes.items()
        }
        assert kinds == {
            "put": "n",
            "updated": "on",
            "delete": "o",
            "expired": "o",
            "batch put 0": "n",
            "batch put 1": "n",
            "batch put 2": "n",
            "batch delete": "o",
            "transact put": "n",
            "transact delete": "o",
            "partiql insert": "n",
            "set": "on",
            "partiql delete": "o",
            "transaction insert": "n",
            "transaction delete": "o",
        }

    def test_without_an_end_it_goes_as_far_as_there_is_data(
        self, local_aws: LocalAws, table: Table, bucket: str
    ) -> None:
        control(local_aws, "clock", advance=2)
        start = table.restorable()["EarliestRestorableDateTime"]
        table.put("a")
        control(local_aws, "clock", advance=900)
        description = export(local_aws, table.arn, bucket, **window(start, None)).description
        end = description["IncrementalExportSpecification"]["ExportToTime"]
        assert timedelta() <= description["StartTime"] - end < timedelta(seconds=1)


class TestDescription:
    """DescribeExport, held against botocore's definition of the service."""

    ENDED: ClassVar = {"EndTime", "ExportManifest", "BilledSizeBytes", "ItemCount"}
    FAILED: ClassVar = {"FailureCode", "FailureMessage"}

    def test_has_every_member_of_the_service_that_applies(
        self, local_aws: LocalAws, dynamodb: Any, table: Table, bucket: str, hour: Hour
    ) -> None:
        start, end = hour()
        members = set(dynamodb.meta.service_model.shape_for("ExportDescription").members)
        of_a_kind = {"FULL_EXPORT": "ExportTime", "INCREMENTAL_EXPORT": "IncrementalExportSpecification"}
        given = {"S3Bucket": bucket, "S3Prefix": "all", "S3BucketOwner": ACCOUNT, "ClientToken": table.name}
        for kind, own in of_a_kind.items():
            asked = window(start, end) if kind == "INCREMENTAL_EXPORT" else {}
            given["ClientToken"] += "x"
            accepted = dynamodb.export_table_to_point_in_time(TableArn=table.arn, **given, **asked)["ExportDescription"]
            expected = members - self.FAILED - {"S3SseKmsKeyId"} - (set(of_a_kind.values()) - {own})
            assert set(accepted) == expected - self.ENDED
            ended = wait(dynamodb, accepted["ExportArn"])
            assert set(ended) == expected
            assert (accepted["ExportType"], ended["ExportType"]) == (kind, kind)
            assert ended.items() >= given.items()
            summaries = dynamodb.list_exports(TableArn=table.arn)["ExportSummaries"]
            (listed,) = (one for one in summaries if one["ExportArn"] == ended["ExportArn"])
            assert set(listed) == set(dynamodb.meta.service_model.shape_for("ExportSummary").members)
            assert listed["ExportType"] == kind

    def test_of_a_failure_says_why(self, dynamodb: Any, table: Table) -> None:
        reply = dynamodb.export_table_to_point_in_time(TableArn=table.arn, S3Bucket="no-such-bucket-here")
        failed = wait(dynamodb, reply["ExportDescription"]["ExportArn"])
        assert failed["ExportStatus"] == "FAILED" and failed["ExportType"] == "FULL_EXPORT"
        assert set(failed) & (self.ENDED | self.FAILED) == self.FAILED | {"EndTime"}


class TestDestination:
    @pytest.fixture
    def arn(self, dynamodb: Any, table: Table) -> Callable[..., str]:
        def start(**members: Any) -> str:
            reply = dynamodb.export_table_to_point_in_time(TableArn=table.arn, **members)
            return str(reply["ExportDescription"]["ExportArn"])

        return start

    def test_a_missing_bucket_fails_the_export_not_the_call(self, dynamodb: Any, arn: Callable[..., str]) -> None:
        failed = wait(dynamodb, arn(S3Bucket="no-such-bucket"))
        assert failed["ExportStatus"] == "FAILED"
        assert failed["FailureCode"] == "S3NoSuchBucket"
        assert "bucket does not exist" in failed["FailureMessage"]
        assert "ExportManifest" not in failed

    def test_the_owner_must_be_right(
        self, local_aws: LocalAws, dynamodb: Any, bucket: str, arn: Callable[..., str]
    ) -> None:
        failed = wait(dynamodb, arn(S3Bucket=bucket, S3BucketOwner="111122223333"))
        assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "S3AccessDenied")
        done = wait(dynamodb, arn(S3Bucket=bucket, S3BucketOwner=ACCOUNT))
        assert (done["ExportStatus"], done["S3BucketOwner"]) == ("COMPLETED", ACCOUNT)

    def test_the_key_must_be_there(self, dynamodb: Any, bucket: str, arn: Callable[..., str]) -> None:
        missing = "arn:aws:kms:us-east-1:000000000000:key/deadbeef-dead-beef-dead-beefdeadbeef"
        failed = wait(dynamodb, arn(S3Bucket=bucket, S3SseAlgorithm="KMS", S3SseKmsKeyId=missing))
        assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "KmsNotFoundException")

    def test_encryption_is_asked_of_every_object(self, local_aws: LocalAws, s3: Any, table: Table, bucket: str) -> None:
        done = export(local_aws, table.arn, bucket, S3SseAlgorithm="KMS", S3SseKmsKeyId="alias/aws/s3")
        assert (done.summary["s3SseAlgorithm"], done.summary["s3SseKmsKeyId"]) == ("KMS", "alias/aws/s3")
        for key in keys(s3, bucket):
            assert s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] == "aws:kms"
