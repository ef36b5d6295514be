"""Exports as DynamoDB makes them: submitted once, found again by whoever asks later, and begun anew when they failed.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakelanes.aws.clients import error_code
from lakelanes.errors import ExportFailedError, GapError
from lakelanes.tables.ledger import Export, TableLedger
from lakelanes.tables.planning import repair_command

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

# Exports begun for one window before a person has to look.
MAX_ATTEMPTS = 4
# A token makes a second request find the first for 8 hours.
_TOKEN_LIFE = timedelta(hours=7)
_SEARCHED = 200


def client_token(export: Export) -> str:
    """The token of an attempt to make ``export``: whoever submits it, DynamoDB starts it once."""
    text = "|".join([export.table_arn, export.table_id, export.kind, export.start, export.end, str(export.attempt)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def submit(lake: Lake, table: Table, export: Export) -> Export:
    """The export with its ARN: the one that runs or ran already, else a new one.

    Raises GapError where DynamoDB says that it cannot be made any more.
    """
    ledger = TableLedger(lake, table.name)
    while not (export := ledger.export(export.kind, export.start) or export).export_arn:
        arn = _find(lake, export) if _may_be_forgotten(lake, export) else None
        if arn is None:
            # Before the request, so that one whose answer is lost is looked for when its token is too old.
            export, ours = ledger.write(export, submitted_at=lake.ledger.now())
            if not ours:
                continue
            arn = _request(lake, table, export)
        export, _ = ledger.write(export, export_arn=arn, state="exporting", reason=None)
    return export


def in_progress(lake: Lake, export_arn: str) -> bool:
    """Whether DynamoDB is still at it."""
    db = lake.dynamodb
    try:
        return bool(db.describe_export(ExportArn=export_arn)["ExportDescription"]["ExportStatus"] == "IN_PROGRESS")
    except db.exceptions.ExportNotFoundException:
        return False


def look(lake: Lake, table: Table, export: Export) -> Export:
    """The export as DynamoDB has it now: still ``exporting``, ``exported``, or ``planned`` once more after it failed.

    Raises ExportFailedError when it failed for the last time; the ledger then says ``failed`` and why.
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
    reason = f"{described.get('FailureCode', 'no code')}: {described.get('FailureMessage', 'no reason given')}"
    if export.attempt % MAX_ATTEMPTS:
        again, _ = ledger.write(
            export, state="planned", attempt=export.attempt + 1, export_arn=None, submitted_at=None, reason=reason
        )
        return again
    # The next attempt is a person's to begin; it has a token of its own.
    ledger.write(export, state="failed", attempt=export.attempt + 1, export_arn=None, submitted_at=None, reason=reason)
    raise ExportFailedError(
        f"DynamoDB failed the {export} {MAX_ATTEMPTS} times, the last time with {reason}",
        "Remove the cause, then clear the run's failed tasks",
    )


def export_folder(table: Table) -> str:
    """Prefix of the analytics bucket that the table's exports are below, without a slash at the end."""
    return f"{table.export.prefix}{table.name}"


def manifest_key(lake: Lake, export_arn: str) -> str:
    """Key of the summary of a finished export.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
    """
    described = lake.dynamodb.describe_export(ExportArn=export_arn)["ExportDescription"]
    prefix = described.get("S3Prefix", "").rstrip("/")
    return f"{prefix + '/' if prefix else ''}AWSDynamoDB/{export_arn.rsplit('/', 1)[1]}/manifest-summary.json"


def _request(lake: Lake, table: Table, export: Export) -> str:
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


def _may_be_forgotten(lake: Lake, export: Export) -> bool:
    """Whether a request was made so long ago that its token does not find it any more."""
    return bool(export.submitted_at and datetime.fromisoformat(export.submitted_at) < lake.clock() - _TOKEN_LIFE)


def _find(lake: Lake, export: Export) -> str | None:
    """ARN of the table's export with the token of ``export``, among its newest."""
    for arn in _exports(lake, export.table_arn):
        described = lake.dynamodb.describe_export(ExportArn=arn)["ExportDescription"]
        if described.get("ClientToken") == client_token(export):
            return arn
    return None


def _exports(lake: Lake, table_arn: str) -> Iterator[str]:
    shown = 0
    arguments: dict[str, Any] = {"TableArn": table_arn, "MaxResults": 25}
    while shown < _SEARCHED:
        page = lake.dynamodb.list_exports(**arguments)
        for summary in page["ExportSummaries"]:
            yield summary["ExportArn"]
            shown += 1
        if "NextToken" not in page:
            return
        arguments["NextToken"] = page["NextToken"]
