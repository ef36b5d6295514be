"""Dispatches Glue's operations: the catalogue's to our own code, everything else to ministack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localaws import protocol
from localaws.glue import databases, partitions, tables
from localaws.glue.store import Catalog
from localaws.protocol import AwsError, Handler, Headers, Reply, Request

# Operations that ministack does right once the names are folded and what they name is there.
_ON_A_DATABASE = frozenset({"DeleteDatabase", "GetDatabase"})
_ON_A_TABLE = frozenset(
    {
        "CreatePartitionIndex",
        "DeleteColumnStatisticsForPartition",
        "DeleteColumnStatisticsForTable",
        "GetColumnStatisticsForPartition",
        "GetColumnStatisticsForTable",
        "GetPartitionIndexes",
        "UpdateColumnStatisticsForPartition",
        "UpdateColumnStatisticsForTable",
    }
)


class GlueService:
    """Glue's handler; ``ministack`` is the handler it wraps."""

    def __init__(self, ministack: Handler) -> None:
        self._ministack = ministack
        self.catalog = self._catalog = Catalog()
        self._operations: dict[str, Callable[[Catalog, Request], dict[str, Any]]] = {
            **databases.OPERATIONS,
            **tables.OPERATIONS,
            **partitions.OPERATIONS,
        }

    async def handle(self, method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]) -> Reply:
        """Answer one request; the arguments and the result are ministack's."""
        name = protocol.operation(headers)
        if path.startswith("/iceberg"):
            return await self._ministack(method, path, headers, body, query)
        try:
            request = protocol.decode(body)
            self._catalog.check_catalog_id(request)
            if name in self._operations:
                # In memory and without waiting, so on the event loop itself: no two changes can interleave.
                return protocol.reply(self._operations[name](self._catalog, request))
            body = json.dumps(self._prepared(name, request)).encode()
        except AwsError as error:
            return error.reply()
        return await self._ministack(method, path, headers, body, query)

    def reset(self) -> None:
        """Forget what ministack's own reset leaves: the archived table versions."""
        self._catalog.forget()

    def _prepared(self, name: str, request: Request) -> Request:
        """The request for ministack, names folded to lower case; raises when it names something that is missing."""
        if name == "CreateDatabase":
            return databases.folded_input(request)
        if name in _ON_A_DATABASE:
            return {**request, "Name": self._catalog.database(request.get("Name"))["Name"]}
        if name in _ON_A_TABLE:
            table = self._catalog.table(request.get("DatabaseName"), request.get("TableName"))
            return {**request, "DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
        return request
