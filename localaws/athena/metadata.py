"""The catalogue as Athena's own API shows it to BI tools: data catalogs, databases and tables over Glue.

Athena asks Glue in the caller's name, who needs Glue's rights besides: without, Glue's refusal stands in a
MetadataException (as in https://github.com/dbeaver/dbeaver/issues/18786).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from localaws import protocol
from localaws.access import Caller
from localaws.athena.errors import InvalidRequest
from localaws.glue.store import Catalog, Record
from localaws.iam import rights
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


def list_databases(request: Request, caller: Caller) -> dict[str, Any]:
    """ListDatabases, paged."""
    catalog = _catalog(request)
    _check(caller, "glue:GetDatabases", "database/*")
    chosen, token = paged(request, catalog.databases())
    return {"DatabaseList": [_database(one) for one in chosen], **token}


def get_database(request: Request, caller: Caller) -> dict[str, Any]:
    """GetDatabase; MetadataException when it is missing."""
    _check(caller, "glue:GetDatabase", f"database/{request.get('DatabaseName')}")
    return {"Database": _database(_found(lambda: _catalog(request).database(request.get("DatabaseName"))))}


def list_table_metadata(request: Request, caller: Caller) -> dict[str, Any]:
    """ListTableMetadata: the tables whose entire name matches Expression, paged."""
    catalog = _catalog(request)
    _check(caller, "glue:GetTables", f"table/{request.get('DatabaseName')}/*")
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


def get_table_metadata(request: Request, caller: Caller) -> dict[str, Any]:
    """GetTableMetadata; MetadataException when it is missing."""
    catalog = _catalog(request)
    _check(caller, "glue:GetTable", f"table/{request.get('DatabaseName')}/{request.get('TableName')}")
    table = _found(lambda: catalog.table(request.get("DatabaseName"), request.get("TableName")), "Entity Not Found")
    return {"TableMetadata": _table(table)}


def paged(request: Request, records: Sequence[Record]) -> tuple[Sequence[Record], dict[str, str]]:
    """The page that MaxResults and NextToken ask for, and the reply's NextToken member, empty on the last page."""
    try:
        return protocol.page(request, records, _LARGEST_PAGE)
    except ValueError as error:
        raise InvalidRequest("Invalid nextToken") from error


def _catalog(request: Request) -> Catalog:
    name = request.get("CatalogName") or ""
    if name.lower() != _CATALOG.lower():
        raise InvalidRequest(f"DataCatalog {name} was not found")
    return Catalog()


def _found(look_up: Callable[[], Record], said: str = "") -> Record:
    """What is looked up. Where Glue has it not, its error is told in Athena's, by whose end PyAthena knows what it is.

    said: what Athena says in place of Glue's own words, as users of AWS report it of tables
    (https://github.com/DyfanJones/noctua/issues/205) and of databases
    (https://github.com/open-metadata/OpenMetadata/issues/16476).
    """
    try:
        return look_up()
    except AwsError as error:
        raise _metadata_error(said or error.message, error.code) from error


def _check(caller: Caller, action: str, name: str) -> None:
    """Raise MetadataException where the caller may not do to Glue's resource what Athena does for it."""
    resource = f"arn:aws:glue:{caller.region}:{caller.account}:{name}"
    if not rights.allowed(caller, action, resource):
        message = f"User is not authorized to perform: {action} on resource: {resource}"
        raise _metadata_error(message, "AccessDeniedException")


def _metadata_error(message: str, code: str) -> AwsError:
    told = f"Error Code: {code}; Request ID: {uuid.uuid4()}; Proxy: null"
    return AwsError("MetadataException", f"{message} (Service: AmazonDataCatalog; Status Code: 400; {told})")


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
