"""Named fail points of exports, compactions and the stream's lane: the requests that their steps end in."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from tests.faults.points import Step, written_item

# Steps by task, in their order. A fault at a step that a task does not come to is not injected.
STEPS = {
    "plan": ("chain", "claim"),
    "export": ("submit", "request", "describe", "exporting", "exported"),
    "convert": ("manifest", "data", "rows", "snapshot", "converted"),
    "publish": ("register", "view", "published"),
    "maintain": ("read", "rows", "clear", "snapshot", "view"),
    "stream": ("rows", "note", "register"),
}


def table_step(service: str, operation: str, request: Any) -> Step | None:
    """The step that a request belongs to; None for those that are none."""
    name = {
        "dynamodb": _dynamodb_step,
        "s3": _s3_step,
        "glue": lambda operation, _: {
            "CreateTable": "view",
            "UpdateTable": "view",
            "BatchCreatePartition": "register",
        }.get(operation),
    }[service](operation, request)
    return Step(name, "") if name else None


def _dynamodb_step(operation: str, request: Any) -> str | None:
    if operation == "UpdateItem":
        return "note"
    if operation != "PutItem":
        return {"ExportTableToPointInTime": "request", "DescribeExport": "describe"}.get(operation)
    item = written_item(request)
    if not item["source"].startswith("export#"):
        return "note"
    if item["version"] == "chain":
        return "chain"
    if item["version"].startswith("snapshot#"):
        return "snapshot"
    if item["state"] == "planned":
        return "submit" if "submitted_at" in item else "claim"
    return str(item["state"])


def _s3_step(operation: str, request: Any) -> str | None:
    if operation == "GetObject":
        key = unquote(urlsplit(request.url).path)
        if "/AWSDynamoDB/" not in key:
            return "read"
        return "data" if "/data/" in key else "manifest"
    return {"PutObject": "rows", "CompleteMultipartUpload": "rows", "DeleteObjects": "clear"}.get(operation)
