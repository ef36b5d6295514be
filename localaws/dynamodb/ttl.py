"""Time to live: the settings, and the sweep that deletes what has expired.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from localaws import protocol
from localaws.clock import MICROS, ServiceClock
from localaws.control import members
from localaws.dynamodb import tables
from localaws.dynamodb.journal import Item
from localaws.dynamodb.tables import Table
from localaws.dynamodb.writes import Writes
from localaws.protocol import AwsError, Request

# "Any additional UpdateTimeToLive calls for the same table during this one hour duration result in an error."
_SETTLING = 3600 * MICROS
# An expiry time older than this is taken for a mistake, and the item stays.
_OLDEST_SECONDS = 5 * 365 * 24 * 3600
_ATTRIBUTE_PATTERN = re.compile(r".{1,255}", re.DOTALL)


class TimeToLive:
    """TTL of all tables. Sweeps run on the event loop, where no request is in the middle of a write."""

    def __init__(self, clock: ServiceClock, writes: Writes) -> None:
        self._clock = clock
        self._writes = writes
        self._changed: dict[str, int] = {}

    def reset(self) -> None:
        """Forget when settings were changed; ministack forgets the settings."""
        self._changed.clear()

    def kept(self) -> dict[str, int]:
        """When settings were changed, by table id."""
        return self._changed

    def restore(self, kept: dict[str, int]) -> None:
        """Take them over from an earlier server."""
        self._changed.update(kept)

    def update(self, request: Request) -> dict[str, Any]:
        """UpdateTimeToLive."""
        table = tables.named(request.get("TableName"), missing="ResourceNotFoundException")
        specification = request.get("TimeToLiveSpecification") or {}
        enabled, attribute = specification.get("Enabled"), specification.get("AttributeName")
        if not isinstance(enabled, bool):
            member = "timeToLiveSpecification.enabled"
            raise protocol.constraint_error("ValidationException", member, enabled, "Member must not be null")
        if not isinstance(attribute, str) or not _ATTRIBUTE_PATTERN.fullmatch(attribute):
            raise protocol.constraint_error(
                "ValidationException",
                "timeToLiveSpecification.attributeName",
                attribute,
                "Member must have length between 1 and 255",
            )
        current = _attribute(table["TableName"])
        if enabled == (current is not None):
            raise AwsError("ValidationException", f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if current is not None and attribute != current:
            message = f"TimeToLive is active on a different AttributeName: current AttributeName is {current}"
            raise AwsError("ValidationException", message)
        now = self._clock.micros()
        if now - self._changed.get(table["TableId"], -_SETTLING) < _SETTLING:
            message = "Time to live has been modified multiple times within a fixed interval"
            raise AwsError("ValidationException", message)
        self._changed[table["TableId"]] = now
        configure(table, attribute if enabled else None)
        return {"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}

    def describe(self, request: Request) -> dict[str, Any]:
        """DescribeTimeToLive."""
        attribute = _attribute(tables.named(request.get("TableName"), missing="ResourceNotFoundException")["TableName"])
        if attribute is None:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}}

    def sweep(self) -> int:
        """Delete every expired item of every table, as the service itself; returns how many."""
        from ministack.core.responses import request_scope

        ministack = tables.module()
        now = self._clock.micros() // MICROS
        deleted = 0
        for (account, region, name), setting in ministack._ttl_settings.all_items():
            table = ministack._tables.get_scoped(account, region, name)
            if table is None or setting["TimeToLiveStatus"] != "ENABLED":
                continue
            with request_scope(account, region), self._writes.by_service():
                deleted += _sweep_table(table, setting["AttributeName"], now)
        return deleted

    def control(self, request: Request) -> Request:
        """The control of sweeps: sweeps now."""
        members(request)
        return {"deleted": self.sweep()}


def configure(table: Table, attribute: str | None) -> None:
    """Set the table's TTL attribute, None for no TTL."""
    settings = tables.module()._ttl_settings
    if attribute is None:
        settings.pop(table["TableName"], None)
    else:
        settings[table["TableName"]] = {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}


def _attribute(table_name: str) -> str | None:
    setting = tables.module()._ttl_settings.get(table_name) or {}
    return setting.get("AttributeName") if setting.get("TimeToLiveStatus") == "ENABLED" else None


def _sweep_table(table: Table, attribute: str, now: int) -> int:
    ministack = tables.module()
    expired = [(key, item) for key, item in tables.items(table) if _expired(item, attribute, now)]
    for key, item in expired:
        ministack._remove_item(table, *key)
        ministack._emit_stream_event(table["TableName"], "REMOVE", item, None)
    return len(expired)


def _expired(item: Item, attribute: str, now: int) -> bool:
    number = item.get(attribute, {}).get("N")
    return number is not None and now - _OLDEST_SECONDS < Decimal(number) < now
