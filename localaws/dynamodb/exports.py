"""ExportTableToPointInTime, DescribeExport and ListExports."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from localaws import protocol
from localaws.access import Caller, Clients
from localaws.clock import MICROS, ServiceClock
from localaws.control import ControlError, members
from localaws.dynamodb import export_requests, tables
from localaws.dynamodb.export_job import ExportFailed, ExportJob
from localaws.dynamodb.export_requests import FULL
from localaws.dynamodb.recovery import Recoveries
from localaws.protocol import AwsError, Request

logger = logging.getLogger("localaws.dynamodb")

IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"

_TOKEN_VALID = 8 * 3600 * MICROS
_HOLD_SECONDS = 0.02
_LISTED = 90 * 24 * 3600 * MICROS
_EXPORT_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:([a-z0-9-]*):(\d{12}):table/[A-Za-z0-9_.-]+/export/[^/]+")


@dataclass
class Export:
    """One export: what DescribeExport shows, and how it was asked for."""

    description: dict[str, Any]
    job: ExportJob
    asked: Request

    @property
    def arn(self) -> str:
        """Its name."""
        return self.job.arn

    @property
    def status(self) -> str:
        """IN_PROGRESS, COMPLETED or FAILED."""
        return str(self.description["ExportStatus"])


@dataclass
class Planned:
    """How exports behave, as set through the controls.

    ``delay`` is how long an export takes at least, in real seconds; ``hold`` keeps exports in progress until it is
    lifted. ``failures`` are the codes and messages with which the next accepted exports fail halfway; ``refusals`` the
    errors of the next calls, given before or after the export was accepted.
    """

    delay: float
    files: int
    hold: bool = False
    failures: deque[tuple[str, str]] = field(default_factory=deque)
    refusals: deque[tuple[AwsError, bool]] = field(default_factory=deque)


class Exports:
    """All exports of the process. Requests are answered on the event loop, objects are written in threads."""

    def __init__(self, clock: ServiceClock, recoveries: Recoveries, clients: Clients, delay: float, files: int) -> None:
        self._clock = clock
        self._recoveries = recoveries
        self._clients = clients
        self._defaults = (delay, files)
        self._exports: dict[str, Export] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.planned = Planned(delay, files)

    def reset(self) -> None:
        """Forget all exports and plans; an export that still runs is not reported any more."""
        self._exports = {}
        self.planned = Planned(*self._defaults)

    def kept(self) -> dict[str, Export]:
        """All exports, by ARN. Those in progress end here, and say so."""
        ended = {"ExportStatus": FAILED, "FailureCode": "UNKNOWN", "EndTime": self._clock.seconds()}
        for export in self._exports.values():
            if export.status == IN_PROGRESS:
                export.description.update(ended, FailureMessage="The local AWS was stopped")
        return self._exports

    def restore(self, kept: dict[str, Export]) -> None:
        """Take over the exports of an earlier server."""
        self._exports.update(kept)

    def export_table(self, request: Request, caller: Caller) -> dict[str, Any]:
        """ExportTableToPointInTime."""
        refusal = self.planned.refusals.popleft() if self.planned.refusals else None
        if refusal is not None and not refusal[1]:
            raise refusal[0]
        export = self._accept(request, caller)
        if refusal is not None:
            raise refusal[0]
        return {"ExportDescription": export.description}

    def describe_export(self, request: Request, caller: Caller) -> dict[str, Any]:
        """DescribeExport."""
        arn = request.get("ExportArn")
        if not isinstance(arn, str):
            raise protocol.constraint_error("ValidationException", "exportArn", arn, "Member must not be null")
        protocol.check_length("ValidationException", "exportArn", arn, 1024, 37)
        parts = _EXPORT_ARN.fullmatch(arn)
        if parts is None:
            raise AwsError("ValidationException", "Invalid Export ARN")
        if parts[2] != caller.account:
            raise AwsError("AccessDeniedException", "Access is denied")
        if parts[1] != caller.region:
            raise AwsError("ExportNotFoundException", "Export not found: Invalid export arn")
        if arn not in self._exports:
            raise AwsError("ExportNotFoundException", f"Export not found: {arn}")
        return {"ExportDescription": self._exports[arn].description}

    def list_exports(self, request: Request, caller: Caller) -> dict[str, Any]:
        """ListExports: those of the last 90 days, in reverse order of their names; none of a table that is gone."""
        size = request.get("MaxResults")
        size = 25 if size is None else size
        protocol.check_range("ValidationException", "maxResults", size, 1, 25)
        since = self._clock.micros() - _LISTED
        found = [e for e in self._exports.values() if e.job.started >= since and _belongs(e, caller)]
        if request.get("TableArn") is not None:
            found = [e for e in found if e.description["TableArn"] == request["TableArn"] and _table_is_there(e)]
        found.sort(key=lambda export: export.arn, reverse=True)
        token = request.get("NextToken")
        if token is not None:
            try:
                last = protocol.decode_token(token)
                found = [export for export in found if export.arn < last]
            except (TypeError, ValueError) as error:
                message = f"Invalid Request: Provided nextToken is invalid: {token}"
                raise AwsError("ValidationException", message) from error
        page = found[:size]
        reply: dict[str, Any] = {
            "ExportSummaries": [
                {"ExportArn": export.arn, "ExportStatus": export.status, "ExportType": export.job.request.kind}
                for export in page
            ]
        }
        if len(found) > size:
            reply["NextToken"] = protocol.encode_token(page[-1].arn)
        return reply

    def control(self, request: Request) -> Request:
        """The control of exports: sets what is given, and returns all settings and the exports in progress."""
        members(request, delay=(int, float), files=int, hold=bool, fail=dict, refuse=dict)
        plan = self.planned
        failure = members(request.get("fail", {}), count=int, code=str, message=str)
        refusal = members(request.get("refuse", {}), count=int, code=str, message=str, status=int, after_accepting=bool)
        if request.get("delay", 0) < 0 or request.get("files", 1) < 1:
            raise ControlError("delay is in seconds from 0, files a number from 1")
        plan.delay = request.get("delay", plan.delay)
        plan.files = request.get("files", plan.files)
        plan.hold = request.get("hold", plan.hold)
        if "fail" in request:
            code = failure.get("code", "UNKNOWN")
            message = failure.get("message", "The export failed on request")
            plan.failures.extend([(code, message)] * failure.get("count", 1))
        if "refuse" in request:
            error = AwsError(
                refusal.get("code", "InternalServerError"),
                refusal.get("message", "Refused on request"),
                status=refusal.get("status", 500 if "code" not in refusal else 400),
            )
            plan.refusals.extend([(error, refusal.get("after_accepting", False))] * refusal.get("count", 1))
        return {
            "delay": plan.delay,
            "files": plan.files,
            "hold": plan.hold,
            "failures": len(plan.failures),
            "refusals": len(plan.refusals),
            "running": sorted(export.arn for export in self._exports.values() if export.status == IN_PROGRESS),
        }

    def _accept(self, asked: Request, caller: Caller) -> Export:
        request = export_requests.parse(asked, caller.account, caller.region)
        recovery = self._recoveries.of(request.table)
        now = self._clock.micros()
        export_requests.check_times(request, recovery, now)
        assert recovery is not None
        token = asked.get("ClientToken")
        earlier = self._with_token(token, caller, now)
        if earlier is not None:
            if _compared(earlier.asked) != _compared(asked):
                message = "Export conflict: Duplicate request detected with conflicting parameters"
                raise AwsError("ExportConflictException", message)
            return earlier
        # A full export of the present has everything written before this call, and nothing written after it.
        started = self._clock.mark_millisecond()
        until = (request.at or started) if request.kind == FULL else (request.end or export_requests.latest_end(now))
        export_id = f"{started // 1000:014d}-{secrets.token_hex(4)}"
        description: dict[str, Any] = {
            "ExportArn": f"{request.table['TableArn']}/export/{export_id}",
            "ExportStatus": IN_PROGRESS,
            "StartTime": started / MICROS,
            "TableArn": request.table["TableArn"],
            "TableId": request.table["TableId"],
            **export_requests.echoed(asked),
            "S3SseAlgorithm": request.encryption,
            "ExportFormat": "DYNAMODB_JSON",
            "ExportType": request.kind,
        }
        if request.kind == FULL:
            description["ExportTime"] = until / MICROS
        else:
            description["IncrementalExportSpecification"] = {
                "ExportFromTime": request.start / MICROS,
                "ExportToTime": until / MICROS,
                "ExportViewType": request.view,
            }
        job = ExportJob(description["ExportArn"], request, recovery.journal, caller, started, until)
        export = Export(description, job, dict(asked))
        self._exports[export.arn] = export
        failure = ExportFailed(*self.planned.failures.popleft()) if self.planned.failures else None
        task = asyncio.get_running_loop().create_task(self._run(export, failure))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return export

    def _with_token(self, token: str | None, caller: Caller, now: int) -> Export | None:
        if token is None:
            return None
        for export in self._exports.values():
            valid = now - export.job.started < _TOKEN_VALID
            if valid and export.asked.get("ClientToken") == token and _belongs(export, caller):
                return export
        return None

    async def _run(self, export: Export, failure: ExportFailed | None) -> None:
        plan = self.planned
        try:
            folder = await asyncio.to_thread(export.job.start, self._clients)
            await asyncio.sleep(plan.delay)
            while self.planned.hold:
                await asyncio.sleep(_HOLD_SECONDS)
            finished = await asyncio.to_thread(export.job.finish, folder, plan.files, self._clock, failure)
            finished["ExportStatus"] = COMPLETED
        except ExportFailed as error:
            finished = {"ExportStatus": FAILED, "FailureCode": error.code, "FailureMessage": error.message}
        except Exception as error:
            logger.exception("export %s", export.arn)
            finished = {"ExportStatus": FAILED, "FailureCode": "UNKNOWN", "FailureMessage": repr(error)}
        finished.setdefault("EndTime", self._clock.seconds())
        export.description.update(finished)


def _belongs(export: Export, caller: Caller) -> bool:
    owner = export.job.caller
    return (owner.account, owner.region) == (caller.account, caller.region)


def _compared(asked: Request) -> Request:
    """What must be the same in two requests with one token; a default counts as given."""
    defaults = {"ExportFormat": "DYNAMODB_JSON", "ExportType": FULL, "S3SseAlgorithm": "AES256"}
    return {**defaults, **{name: value for name, value in asked.items() if value is not None}}


def _table_is_there(export: Export) -> bool:
    table = tables.module()._tables.get(export.job.request.table["TableName"])
    return table is not None and table["TableId"] == export.description["TableId"]
