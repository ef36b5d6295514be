"""Carries out one table export: from the journal to the objects in S3, with the rights of its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.access import Caller, Clients
from localaws.clock import MICROS, ServiceClock
from localaws.dynamodb import tables
from localaws.dynamodb.export_files import DataFile, ExportFolder, Line, manifest_time
from localaws.dynamodb.export_requests import FULL, NEW_IMAGE, ExportRequest
from localaws.dynamodb.journal import Item, Journal
from localaws.iam.rights import allowed

_LEAST_BILLED_INCREMENT = 10_000_000
# What https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html asks for.
_RIGHTS = ("s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload")
_FAILURE_CODES = {
    "AccessDenied": "S3AccessDenied",
    "KMS.NotFoundException": "KmsNotFoundException",
    "NoSuchBucket": "S3NoSuchBucket",
}


class ExportFailed(Exception):
    """An export ends with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class ExportJob:
    """What to export, and its two steps, which block and raise ExportFailed.

    ``started`` is the time of the request; ``until`` the instant of a full export, the end of an incremental one's
    window. Both in microseconds since 1970.
    """

    arn: str
    request: ExportRequest
    journal: Journal
    caller: Caller
    started: int
    until: int

    def start(self, clients: Clients) -> ExportFolder:
        """Check the destination and write the first, empty object to it."""
        request = self.request
        options = {"ServerSideEncryption": request.encryption}
        if request.encryption == "KMS":
            _check_key(request.key_id)
            options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": request.key_id or "alias/aws/s3"}
        s3 = clients.client("s3", self.caller)
        export_id = self.arn.rpartition("/")[2]
        folder = ExportFolder(s3, request.bucket, request.prefix, export_id, options)
        _check_owner(request, self.caller)
        _check_rights(request.bucket, folder.summary_key, self.caller)
        _writing(folder.start)
        return folder

    def finish(
        self, folder: ExportFolder, files: int, clock: ServiceClock, failure: ExportFailed | None
    ) -> dict[str, Any]:
        """Write data and manifests; returns what completion adds to the export's description.

        With ``failure`` it raises that after the first data file, and so writes no manifest.
        """
        written: list[DataFile] = []
        data = folder.write_data(self._lines(), files, shared=self.request.kind != FULL)
        while (file := _writing(lambda: next(data, None))) is not None:
            written.append(file)
            if failure is not None:
                raise failure
        ended = clock.micros()
        items = sum(file.items for file in written)
        billed = sum(file.size for file in written)
        if self.request.kind != FULL:
            billed = max(billed, _LEAST_BILLED_INCREMENT)
        summary = self._summary(folder, ended, billed, items)
        _writing(lambda: folder.write_manifests(written, summary))
        return {
            "EndTime": ended / MICROS,
            "ExportManifest": folder.summary_key,
            "BilledSizeBytes": billed,
            "ItemCount": items,
        }

    def _lines(self) -> Iterator[Line]:
        request = self.request
        if request.kind == FULL:
            for (partition, _), item in self.journal.state(self.until).items():
                yield str(partition), {"Item": item}
            return
        names = tables.key_names(request.table)
        for change in self.journal.net_changes(request.start, self.until):
            known: Item = change.new or change.old or {}
            line: dict[str, Any] = {
                "Metadata": {"WriteTimestampMicros": {"N": str(change.written_at)}},
                "Keys": {name: known[name] for name in names},
            }
            if change.old is not None and request.view != NEW_IMAGE:
                line["OldImage"] = change.old
            if change.new is not None:
                line["NewImage"] = change.new
            yield str(change.key[0]), line

    def _summary(self, folder: ExportFolder, ended: int, billed: int, items: int) -> dict[str, Any]:
        request = self.request
        incremental = request.kind != FULL
        summary: dict[str, Any] = {
            "version": "2023-08-01" if incremental else "2020-06-30",
            "exportArn": self.arn,
            "startTime": manifest_time(self.started),
            "endTime": manifest_time(ended),
            "tableArn": request.table["TableArn"],
            "tableId": request.table["TableId"],
        }
        if incremental:
            summary["exportFromTime"] = manifest_time(request.start)
            summary["exportToTime"] = manifest_time(self.until)
        else:
            summary["exportTime"] = manifest_time(self.until)
        summary |= {
            "s3Bucket": request.bucket,
            "s3Prefix": request.prefix or None,
            "s3SseAlgorithm": request.encryption,
            "s3SseKmsKeyId": request.key_id,
            "manifestFilesS3Key": folder.files_key,
            "billedSizeBytes": billed,
            "itemCount": items,
            "outputFormat": "DYNAMODB_JSON",
        }
        if incremental:
            summary |= {"outputView": request.view, "exportType": request.kind}
        return summary


def _check_rights(bucket: str, key: str, caller: Caller) -> None:
    """With AUTH=true: the caller needs all rights that are documented, though a plain PutObject is all that is sent."""
    for action in _RIGHTS:
        if not allowed(caller, action, f"arn:aws:s3:::{bucket}/{key}"):
            message = f'User is not authorized to perform: {action} on resource: "arn:aws:s3:::{bucket}/{key}"'
            raise ExportFailed("S3AccessDenied", _s3_message(message, 403, "AccessDenied"))


def _check_owner(request: ExportRequest, caller: Caller) -> None:
    """S3BucketOwner must be right, and must be given for another account's bucket."""
    from ministack.services import s3

    owner = s3._bucket_owner_account(request.bucket)
    if owner is not None and owner != (request.owner or caller.account):
        raise ExportFailed("S3AccessDenied", _s3_message("Access Denied", 403, "AccessDenied"))


def _check_key(key_id: str | None) -> None:
    from ministack.services import kms

    if key_id is not None and not key_id.startswith("alias/aws/") and kms._resolve_key(key_id) is None:
        message = _s3_message(f"Key '{key_id}' does not exist", 400, "KMS.NotFoundException")
        raise ExportFailed("KmsNotFoundException", message)


def _writing(write: Callable[[], Any]) -> Any:
    """What ``write`` returns; raises ExportFailed with the real service's code for what S3 refused."""
    try:
        return write()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "Unknown")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        message = _s3_message(error.response.get("Error", {}).get("Message", str(error)), status, code)
        raise ExportFailed(_FAILURE_CODES.get(code, code), message) from error
    except BotoCoreError as error:
        raise ExportFailed("UNKNOWN", str(error)) from error


def _s3_message(message: str, status: int, code: str) -> str:
    return f"{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code})"
