"""The catalogue as Athena's own API shows it to BI tools: data catalogs, databases and tables over Glue."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from localaws import protocol
from localaws.athena.errors import InvalidRequest
from localaws.glue.store import Catalog, Record
from localaws.protocol import AwsError, Request

_CATALOG = "AwsDataCatalog"
_LARGEST_PAGE = 50


def list_data_catalogs(request: Request) -> dict[str, Any]:
    """ListDataCatalogs: Glue's, the only one there is."""
    return {"DataCatalogsSummary": [{"CatalogName": _CATALOG, "Type": "GLUE"}]}


def get_data_catalog(request: Request) -> dict[str, Any]:
    """GetDataCatalog."""
    name = request.get("Name") or ""
    if name.lower() != _CATALOG.lower():
        raise InvalidRequest(f"DataCatalog {name} was not found")
    parameters = {"catalog-id": Catalog().account()}
    return {"DataCatalog": {"Name": _CATALOG, "Description": "", "Type": "GLUE", "Parameters": parameters}}


def list_databases(request: Request) -> dict[str, Any]:
    """ListDatabases, paged."""
    chosen, token = paged(request, _catalog(request).databases())
    return {"DatabaseList": [_database(one) for one in chosen], **token}


def get_database(request: Request) -> dict[str, Any]:
    """GetDatabase; MetadataException when it is missing."""
    return {"Database": _database(_found(lambda: _catalog(request).database(request.get("DatabaseName"))))}


def list_table_metadata(request: Request) -> dict[str, Any]:
    """ListTableMetadata: the tables whose entire name matches Expression, paged."""
    catalog = _catalog(request)
    database = _found(lambda: catalog.database(request.get("DatabaseName")))["Name"]
    tables = catalog.tables(database)
    if request.get("Expression"):
        try:
            pattern = re.compile(request["Expression"])
        except re.error as error:
            raise InvalidRequest(f"Invalid expression {request['Expression']!r}: {error}") from error
        tables = [table for table in tables if pattern.fullmatch(table["Name"])]
    chosen, token = paged(request, tables)
    return {"TableMetadataList": [_table(one) for one in chosen], **token}


def get_table_metadata(request: Request) -> dict[str, Any]:
    """GetTableMetadata; MetadataException when it is missing."""
    catalog = _catalog(request)
    table = _found(lambda: catalog.table(request.get("DatabaseName"), request.get("TableName")))
    return {"TableMetadata": _table(table)}


def paged(
    request: Request, records: Sequence[Record], maximum: int = _LARGEST_PAGE
) -> tuple[Sequence[Record], dict[str, str]]:
    """The page that MaxResults and NextToken ask for, and the reply's NextToken member, empty on the last page."""
    size = request.get("MaxResults") or maximum
    protocol.check_range("InvalidRequestException", "maxResults", size, 1, maximum)
    start = 0
    if request.get("NextToken"):
        try:
            start = int(protocol.decode_token(request["NextToken"]))
        except (TypeError, ValueError) as error:
            raise InvalidRequest("Invalid nextToken") from error
    end = start + size
    return records[start:end], {"NextToken": protocol.encode_token(end)} if end < len(records) else {}


def _catalog(request: Request) -> Catalog:
    name = request.get("CatalogName") or ""
    if name.lower() != _CATALOG.lower():
        raise InvalidRequest(f"DataCatalog {name} was not found")
    return Catalog()


def _found(look_up: Callable[[], Record]) -> Record:
    try:
        return look_up()
    except AwsError as error:
        raise AwsError("MetadataException", error.message) from error


def _database(record: Record) -> Record:
    shown = {"Name": record["Name"], "Parameters": record.get("Parameters") or {}}
    return {**shown, "Description": record["Description"]} if record.get("Description") else shown


def _table(record: Record) -> Record:
    descriptor = record.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    parameters = dict(record.get("Parameters") or {})
    physical = {
        "location": descriptor.get("Location"),
        "inputformat": descriptor.get("InputFormat"),
        "outputformat": descriptor.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
        **{f"serde.param.{name}": value for name, value in (serde.get("Parameters") or {}).items()},
    }
    shown = {
        "Name": record["Name"],
        "CreateTime": record.get("CreateTime", 0),
        "LastAccessTime": record.get("LastAccessTime", 0),
        "TableType": record.get("TableType", ""),
        "Columns": [_column(column) for column in descriptor.get("Columns") or []],
        "PartitionKeys": [_column(column) for column in record.get("PartitionKeys") or []],
        "Parameters": {**parameters, **{name: value for name, value in physical.items() if value is not None}},
    }
    return shown


def _column(record: Record) -> Record:
    return {name: record[name] for name in ("Name", "Type", "Comment") if record.get(name) is not None}
