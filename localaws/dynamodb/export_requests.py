"""What ExportTableToPointInTime accepts, and with which errors it refuses the rest.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html gives the parameters,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html the windows. Error codes
and their order are those the real service was reported to give in October 2026.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from localaws import protocol
from localaws.clock import MICROS, isoformat
from localaws.dynamodb import tables
from localaws.dynamodb.recovery import Recovery
from localaws.dynamodb.tables import Table
from localaws.protocol import AwsError, Request

FULL, INCREMENTAL = "FULL_EXPORT", "INCREMENTAL_EXPORT"
NEW_IMAGE, NEW_AND_OLD_IMAGES = "NEW_IMAGE", "NEW_AND_OLD_IMAGES"

_SHORTEST = 15 * 60 * MICROS
_LONGEST = 24 * 3600 * MICROS
_TABLE_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:([a-z0-9-]*):(\d{12}):table/([A-Za-z0-9_.-]{1,255})")
_BUCKET = re.compile(r"[a-z0-9A-Z]+[.\-\w]*[a-z0-9A-Z]+")
_ENUMS = {
    "ExportFormat": ("DYNAMODB_JSON", "ION"),
    "ExportType": (FULL, INCREMENTAL),
    "S3SseAlgorithm": ("AES256", "KMS"),
}
_ECHOED = ("ClientToken", "S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseKmsKeyId")


@dataclass(frozen=True)
class ExportRequest:
    """An acceptable request, defaults filled in. Times are microseconds since 1970.

    A full export has ``at``, or None for the time of the request; an incremental one has ``start``, ``end`` (None for
    the latest possible) and ``view``.
    """

    table: Table
    bucket: str
    prefix: str
    owner: str | None
    encryption: str
    key_id: str | None
    kind: str
    at: int | None = None
    start: int = 0
    end: int | None = None
    view: str = ""


def echoed(request: Request) -> dict[str, Any]:
    """The members that an export's description repeats as they were given."""
    return {name: request[name] for name in _ECHOED if request.get(name) is not None}


def parse(request: Request, account: str, region: str) -> ExportRequest:
    """Check everything that does not depend on the time; raises the service's errors."""
    _check_members(request)
    specification = _check_kind(request)
    table = _table(request["TableArn"], account, region)
    kind = INCREMENTAL if specification is not None else FULL
    common = {
        "table": table,
        "bucket": request["S3Bucket"],
        "prefix": request.get("S3Prefix") or "",
        "owner": request.get("S3BucketOwner"),
        "encryption": request.get("S3SseAlgorithm") or "AES256",
        "key_id": request.get("S3SseKmsKeyId"),
        "kind": kind,
    }
    if specification is None:
        return ExportRequest(**common, at=_micros(request, "ExportTime"))
    start = _micros(specification, "ExportFromTime")
    assert start is not None
    view = specification.get("ExportViewType") or NEW_AND_OLD_IMAGES
    return ExportRequest(**common, start=start, end=_micros(specification, "ExportToTime"), view=view)


def check_times(request: ExportRequest, recovery: Recovery | None, now: int) -> None:
    """Raise PointInTimeRecoveryUnavailableException or InvalidExportTimeException where the real service does.

    A window that ends after LatestRestorableDateTime is refused here. AWS was not seen to do so; it documents only
    that an export lies in the past and within point-in-time recovery.
    """
    if recovery is None:
        name = request.table["TableName"]
        raise AwsError(
            "PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{name}'"
        )
    if request.kind == FULL:
        _check_instant(request.at, recovery, now)
    else:
        _check_window(request, recovery, now)


def _check_instant(at: int | None, recovery: Recovery, now: int) -> None:
    if at is None:
        return
    if not recovery.earliest(now) <= at <= now:
        raise _invalid("Export Time is invalid")
    if at > recovery.latest(now):
        raise _invalid("Point in Time Recovery is not available for specified export time")


def _check_window(request: ExportRequest, recovery: Recovery, now: int) -> None:
    start, end = request.start, request.end
    if start < recovery.earliest(now):
        raise _invalid(
            "Incremental export period from time cannot be less than the table creation time : "
            f"{isoformat(start, 'seconds')}"
        )
    if end is None:
        end = latest_end(now)
    if start >= end:
        raise _invalid(
            "Incremental export period from time should not be greater or equal to incremental export period to time"
        )
    if end > now:
        raise _invalid(
            "Incremental export period to time cannot be greater than the current time : " + isoformat(end, "seconds")
        )
    if end - start < _SHORTEST:
        raise _invalid("Difference between export period from time and export period to time is less than 15 minutes")
    if end - start > _LONGEST:
        raise _invalid("Difference between export period from time and export period to time is greater than 24 hours")
    if request.end is not None and end > recovery.latest(now):
        raise _invalid("Point in Time Recovery is not available for specified export period to time")


def latest_end(now: int) -> int:
    """The end of a window that names none: "the latest time with data available", a whole second."""
    return now // MICROS * MICROS


def _check_members(request: Request) -> None:
    _required(request, "TableArn", 1024)
    _required(request, "S3Bucket", 255)
    if not _BUCKET.fullmatch(request["S3Bucket"]):
        pattern = r"Member must satisfy regular expression pattern: ^[a-z0-9A-Z]+[\.\-\w]*[a-z0-9A-Z]+$"
        raise protocol.constraint_error("ValidationException", "s3Bucket", request["S3Bucket"], pattern)
    owner = request.get("S3BucketOwner")
    if owner is not None and not re.fullmatch("[0-9]{12}", owner):
        pattern = "Member must satisfy regular expression pattern: [0-9]{12}"
        raise protocol.constraint_error("ValidationException", "s3BucketOwner", owner, pattern)
    token = request.get("ClientToken")
    if token is not None and (not token or "$" in token):
        pattern = r"Member must satisfy regular expression pattern: ^[^\$]+$"
        raise protocol.constraint_error("ValidationException", "clientToken", token, pattern)
    protocol.check_length("ValidationException", "s3Prefix", request.get("S3Prefix") or "", 1024)
    for member, values in _ENUMS.items():
        _check_enum(member, request.get(member), values)
    if request.get("S3SseKmsKeyId") is not None and request.get("S3SseAlgorithm") != "KMS":
        raise _bad_request("KMS Key Id is not supported for this encryption type")
    if request.get("ExportFormat") == "ION":
        raise AwsError("ValidationException", "ExportFormat ION is not supported by the local AWS; use DYNAMODB_JSON")
    if request.get("FilterSpecification") is not None:
        raise AwsError("ValidationException", "FilterSpecification is not supported by the local AWS")


def _check_kind(request: Request) -> Request | None:
    """The incremental export's specification, None for a full export."""
    kind, specification = request.get("ExportType"), request.get("IncrementalExportSpecification")
    if kind == INCREMENTAL:
        if specification is None:
            raise _bad_request(
                "Incremental Export Specification expected when export type is set as Incremental Export"
            )
        if request.get("ExportTime") is not None:
            raise _bad_request("Export Time should not be provided when Export Type is Incremental Export")
        if specification.get("ExportFromTime") is None:
            raise _bad_request("ExportFromTime must be provided in IncrementalExportSpecification")
        views = (NEW_IMAGE, NEW_AND_OLD_IMAGES)
        _check_enum("IncrementalExportSpecification.ExportViewType", specification.get("ExportViewType"), views)
        return dict(specification)
    if specification is not None:
        if kind is None:
            raise _bad_request(
                "Export Type expected to be Incremental Export when incremental export specification is provided"
            )
        raise _bad_request("When Export Type is Full Export , Incremental Export Specification should not be provided")
    return None


def _table(arn: str, account: str, region: str) -> Table:
    if not arn.startswith("arn:"):
        raise AwsError("ValidationException", "One or more parameter values were invalid: tableArn is not a valid ARN")
    parts = _TABLE_ARN.fullmatch(arn)
    if parts is None:
        raise _bad_request("Table ARN is invalid.")
    if parts[2] != account:
        raise AwsError("AccessDeniedException", "Access is denied")
    table: Table | None = tables.module()._tables.get(parts[3]) if parts[1] == region else None
    if table is None:
        raise AwsError("TableNotFoundException", f"Table not found: {arn}")
    return table


def _required(request: Request, member: str, longest: int) -> None:
    value = request.get(member)
    if not isinstance(value, str):
        raise protocol.constraint_error("ValidationException", _camel(member), value, "Member must not be null")
    protocol.check_length("ValidationException", _camel(member), value, longest, 1)


def _check_enum(member: str, value: object, values: tuple[str, ...]) -> None:
    if value is not None and value not in values:
        constraint = f"Member must satisfy enum value set: [{', '.join(values)}]"
        raise protocol.constraint_error("ValidationException", _camel(member), value, constraint)


def _camel(member: str) -> str:
    return ".".join(part[0].lower() + part[1:] for part in member.split("."))


def _micros(request: Request, member: str) -> int | None:
    value = request.get(member)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise AwsError("SerializationException", f"{member} is not a timestamp")
    return round(value * MICROS)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidExportTimeException", message)


def _bad_request(message: str) -> AwsError:
    return AwsError("ValidationException", f"Invalid Request: {message}")
