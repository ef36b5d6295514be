"""Dispatches DynamoDB's operations: what ministack lacks to our own code, everything else to ministack."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from localaws import protocol
from localaws.access import Caller, Clients
from localaws.clock import MICROS, ServiceClock
from localaws.dynamodb import numbers, tables
from localaws.dynamodb.exports import Exports
from localaws.dynamodb.recovery import Recoveries
from localaws.dynamodb.ttl import TimeToLive
from localaws.dynamodb.writes import Writes
from localaws.protocol import AwsError, Handler, Headers, Reply, Request
from localaws.settings import Settings

logger = logging.getLogger("localaws.dynamodb")

_REAPER = "dynamodb-ttl-reaper"


class DynamoDbService:
    """DynamoDB's handler; ``ministack`` is the handler it wraps, ``streamed`` is called after each stream record."""

    def __init__(
        self,
        endpoint_url: str,
        ministack: Handler,
        clock: ServiceClock,
        settings: Settings,
        streamed: Callable[[], None],
    ) -> None:
        self._ministack = ministack
        self._settings = settings
        self.recoveries = Recoveries(clock)
        self.exports = Exports(
            clock, self.recoveries, Clients(endpoint_url), settings.export_seconds, settings.export_files
        )
        module = tables.module()
        module.time = _ModuleTime(clock)
        self._canonical_number = module._ddb_canonicalize_number
        self.writes = Writes(module, clock, self.recoveries, streamed)
        self.ttl = TimeToLive(clock, self.writes)
        _name_exports_in_policies()
        self._operations: dict[str, Callable[[Request], dict[str, Any]]] = {
            "DescribeContinuousBackups": self.recoveries.describe,
            "DescribeTimeToLive": self.ttl.describe,
            "RestoreTableToPointInTime": _not_restored,
            "UpdateContinuousBackups": self.recoveries.update,
            "UpdateTimeToLive": self.ttl.update,
        }
        self._operations_of_caller: dict[str, Callable[[Request, Caller], dict[str, Any]]] = {
            "DescribeExport": self.exports.describe_export,
            "ExportTableToPointInTime": self.exports.export_table,
            "ListExports": self.exports.list_exports,
        }

    async def handle(self, method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]) -> Reply:
        """Answer one request; the arguments and the result are ministack's."""
        name = protocol.operation(headers)
        try:
            if name in self._operations:
                return protocol.reply(self._operations[name](protocol.decode(body)))
            if name in self._operations_of_caller:
                caller = Caller.of_request(headers, query)
                return protocol.reply(self._operations_of_caller[name](protocol.decode(body), caller))
        except AwsError as error:
            return error.reply()
        body = numbers.normalised(name, body, self._canonical_number)
        with numbers.exact():
            return await self._ministack(method, path, headers, body, query)

    async def sweep_regularly(self) -> None:
        """Delete expired items at the set interval, for as long as the server runs."""
        while True:
            await asyncio.sleep(self._settings.ttl_seconds)
            try:
                self.ttl.sweep()
            except Exception:
                logger.exception("the sweep of expired items")

    def reset(self) -> None:
        """Forget what ministack's own reset leaves."""
        self.recoveries.reset()
        self.exports.reset()
        self.ttl.reset()


class _ModuleTime:
    """Takes the place of the module ``time`` inside ministack's DynamoDB, which so follows the service's clock."""

    def __init__(self, clock: ServiceClock) -> None:
        self._clock = clock
        self.sleep = time.sleep

    def time(self) -> float:
        """Now, in seconds."""
        if threading.current_thread().name == _REAPER:
            # Its deletions would have no stream record; ours have.
            sys.exit()
        return self._clock.micros() / MICROS


def _name_exports_in_policies() -> None:
    """Make ministack's IAM check exports against the table or export they name; it knows TableName only."""
    from ministack.core import iam_actions

    known = iam_actions.dynamodb_resource_arns

    def resources(body: bytes, region: str, account_id: str) -> list[str]:
        found: list[str] = known(body, region, account_id)
        if found:
            return found
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            return found
        if not isinstance(request, dict):
            return found
        # ListExports has a TableArn too, but AWS checks it against no resource.
        named = request.get("ExportArn") or (request.get("TableArn") if "S3Bucket" in request else None)
        return [named] if isinstance(named, str) else found

    iam_actions.dynamodb_resource_arns = resources


def _not_restored(request: Request) -> dict[str, Any]:
    """ministack would restore the table as it is now, whatever time was asked for."""
    raise AwsError("UnknownOperationException", "RestoreTableToPointInTime is not supported by the local AWS")
