"""Requests for DynamoDB's exports: each export is requested once, found again later, and requested anew when it failed.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakelanes.aws.failures import code_passes, error_code
from lakelanes.errors import ExportFailedError, GapError
from lakelanes.tables.ledger import Export, TableLedger
from lakelanes.tables.recovery import repair_command

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

# After so many failed exports of one window, a person has to start the next.
MAX_ATTEMPTS = 4
# DynamoDB returns the export of an earlier request with the same token for 8 hours; an hour is for clocks that differ.
_TOKEN_LIFE = timedelta(hours=7)
# Only the newest exports of a table are searched for a token.
_MAX_SEARCHED = 200


def client_token(export: Export) -> str:
    """The token of this attempt at ``export``: DynamoDB starts it once, however many runs request it."""
    text = "|".join([export.table_arn, export.table_id, export.kind, export.start, export.end, str(export.attempt)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def request_export(lake: Lake, table: Table, export: Export) -> Export:
    """Starts the export unless it was started before; returns it with its ARN.

    Raises GapError when DynamoDB can no longer make it.
    """
    ledger = TableLedger(lake, table.name)
    while not (export := ledger.export(export.kind, export.start) or export).export_arn:
        arn = _find_by_token(lake, export) if _token_has_expired(lake, export) else None
        if arn is None:
            # Before the request: should its answer be lost, the export is searched for once the token has expired.
            export, ours = ledger.write(export, submitted_at=lake.ledger.now())
            if not ours:
                continue
            arn = _start_export(lake, table, export)
        export, _ = ledger.write(export, export_arn=arn, state="exporting", reason=None)
    return export


def is_in_progress(lake: Lake, export_arn: str) -> bool:
    """Whether DynamoDB is still making the export."""
    db = lake.dynamodb
    try:
        return bool(db.describe_export(ExportArn=export_arn)["ExportDescription"]["ExportStatus"] == "IN_PROGRESS")
    except db.exceptions.ExportNotFoundException:
        return False


def poll_export(lake: Lake, table: Table, export: Export) -> Export:
    """Asks DynamoDB for the state of the export and writes it to the ledger.

    Returns it as ``exporting``, as ``exported``, or as ``planned`` once more after it failed. Raises GapError when the
    table was made again since, and ExportFailedError after MAX_ATTEMPTS, or for what another export would meet as well;
    the ledger then says ``failed`` and why.
    """
    ledger = TableLedger(lake, table.name)
    export = ledger.export(export.kind, export.start) or export
    if export.state != "exporting" or export.export_arn is None:
        return export
    db = lake.dynamodb
    try:
        described = db.describe_export(ExportArn=export.export_arn)["ExportDescription"]
    except db.exceptions.ExportNotFoundException:
        described = {"ExportStatus": "FAILED", "FailureCode": "ExportNotFound", "FailureMessage": export.export_arn}
    if described["ExportStatus"] == "IN_PROGRESS":
        return export
    if described["ExportStatus"] == "COMPLETED":
        if (table_id := described.get("TableId", export.table_id)) != export.table_id:
            raise GapError(
                "table_recreated",
                f"the {export} is of another table (id {table_id}) than was planned (id {export.table_id})",
                f"Start anew with a full export: {repair_command(table)}",
            )
        return ledger.write(export, state="exported", lines=described.get("ItemCount"))[0]
    code = described.get("FailureCode", "no code")
    reason = f"{code}: {described.get('FailureMessage', 'no reason given')}"
    is_last = export.attempt % MAX_ATTEMPTS == 0 or not _failure_passes(code)
    # The next attempt has a token of its own; after the last one a person begins it.
    again, _ = ledger.write(
        export,
        state="failed" if is_last else "planned",
        attempt=export.attempt + 1,
        export_arn=None,
        submitted_at=None,
        reason=reason,
    )
    if is_last:
        raise ExportFailedError(
            f"DynamoDB failed the {export} {export.attempt} times, the last time with {reason}"
            if export.attempt > 1
            else f"DynamoDB failed the {export} with {reason}",
            "Remove the cause, then clear the run's failed tasks",
        )
    return again


def _failure_passes(code: str) -> bool:
    """Whether another export may get over what failed one: not a bucket or a key that refuses DynamoDB.

    DynamoDB lists no codes (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportDescription.html).
    Those that are known are another service's own, behind its name: S3AccessDenied, KmsNotFoundException.
    """
    own = re.sub("^(S3|KMS|Kms)", "", code)
    return code_passes(f"KMS.{own}" if code[:3].lower() == "kms" else own, "s3")


def export_folder(table: Table) -> str:
    """The prefix in the analytics bucket of all exports of the table, without a slash at the end."""
    return f"{table.export.prefix}{table.name}"


def manifest_key(lake: Lake, export_arn: str) -> str:
    """The key of a finished export's manifest-summary.json.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
    """
    described = lake.dynamodb.describe_export(ExportArn=export_arn)["ExportDescription"]
    prefix = described.get("S3Prefix", "").rstrip("/")
    return f"{prefix + '/' if prefix else ''}AWSDynamoDB/{export_arn.rsplit('/', 1)[1]}/manifest-summary.json"


def _start_export(lake: Lake, table: Table, export: Export) -> str:
    db = lake.dynamodb
    window = export.window
    arguments: dict[str, Any] = {"ExportType": "FULL_EXPORT", "ExportTime": window.start}
    if export.kind == "window":
        arguments = {
            "ExportType": "INCREMENTAL_EXPORT",
            "IncrementalExportSpecification": {
                "ExportFromTime": window.start,
                "ExportToTime": window.end,
                "ExportViewType": table.export.view_type,
            },
        }
    try:
        answer = db.export_table_to_point_in_time(
            TableArn=export.table_arn,
            ClientToken=client_token(export),
            S3Bucket=lake.config.resources.analytics_bucket,
            S3Prefix=export_folder(table),
            S3SseAlgorithm="AES256",
            ExportFormat="DYNAMODB_JSON",
            **arguments,
        )
    except db.exceptions.ClientError as error:
        state = {
            "PointInTimeRecoveryUnavailableException": "recovery_off",
            "InvalidExportTimeException": "out_of_range",
            "TableNotFoundException": "table_missing",
        }.get(error_code(error))
        if state is None:
            raise
        reason = f"{state}: {error.response['Error'].get('Message', error)}"
        TableLedger(lake, table.name).write(export, state="gap", reason=reason)
        raise GapError(
            state,
            f"DynamoDB refuses the {export}: {error.response['Error'].get('Message', error)}",
            f"When point-in-time recovery is on, start anew with a full export: {repair_command(table)}",
        ) from None
    return str(answer["ExportDescription"]["ExportArn"])


def _token_has_expired(lake: Lake, export: Export) -> bool:
    """Whether the export was requested so long ago that the same token would start another one."""
    return bool(export.submitted_at and datetime.fromisoformat(export.submitted_at) < lake.clock() - _TOKEN_LIFE)


def _find_by_token(lake: Lake, export: Export) -> str | None:
    """The ARN of the export that was started with the token of ``export``; None when there is none."""
    for arn in _newest_exports(lake, export.table_arn):
        described = lake.dynamodb.describe_export(ExportArn=arn)["ExportDescription"]
        if described.get("ClientToken") == client_token(export):
            return arn
    return None


def _newest_exports(lake: Lake, table_arn: str) -> Iterator[str]:
    count = 0
    arguments: dict[str, Any] = {"TableArn": table_arn, "MaxResults": 25}
    while count < _MAX_SEARCHED:
        page = lake.dynamodb.list_exports(**arguments)
        for summary in page["ExportSummaries"]:
            yield summary["ExportArn"]
            count += 1
        if "NextToken" not in page:
            return
        arguments["NextToken"] = page["NextToken"]
