"""Operations on tables and their versions.

See https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable
from typing import Any

from localaws import protocol
from localaws.glue.paging import page
from localaws.glue.store import Catalog, Record, fold
from localaws.protocol import AwsError, Request

_LARGEST_PAGE = 100
_LARGEST_BATCH = 100
_LONGEST_EXPRESSION = 2048

# TableInput's members other than Name, as they appear in a Table.
_MEMBERS = (
    "Description",
    "Owner",
    "LastAccessTime",
    "LastAnalyzedTime",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "ViewDefinition",
    "TableType",
    "Parameters",
    "TargetTable",
)


def create_table(catalog: Catalog, request: Request) -> dict[str, Any]:
    """CreateTable; AlreadyExistsException when the name is taken."""
    for member in ("OpenTableFormatInput", "PartitionIndexes"):
        if request.get(member):
            raise AwsError("InvalidInputException", f"{member} is not supported by the local AWS")
    database = catalog.database(request.get("DatabaseName"))["Name"]
    wanted = _table_input(request)
    name = fold(wanted.get("Name"), "tableInput.name")
    if catalog.has_table(database, name):
        raise AwsError("AlreadyExistsException", "Table already exists.")
    now = int(time.time())
    table = {"Name": name, "DatabaseName": database, "CreateTime": now, "UpdateTime": now, "VersionId": "0"}
    table |= {"CatalogId": catalog.account(), "IsRegisteredWithLakeFormation": False}
    _define(table, wanted)
    catalog.put_table(table)
    return {}


def update_table(catalog: Catalog, request: Request) -> dict[str, Any]:
    """UpdateTable: replaces the definition, archives the old one unless SkipArchive, checks VersionId when given."""
    wanted = _table_input(request)
    table = catalog.table(request.get("DatabaseName"), wanted.get("Name"))
    expected = request.get("VersionId")
    if expected is not None and str(expected) != table["VersionId"]:
        raise AwsError(
            "ConcurrentModificationException",
            f"Update table failed due to concurrent modifications: version {expected} was expected, "
            f"version {table['VersionId']} was found.",
        )
    if not request.get("SkipArchive"):
        catalog.archive(table).append(copy.deepcopy(shown(table)))
    for member in _MEMBERS:
        table.pop(member, None)
    _define(table, wanted)
    table["UpdateTime"] = int(time.time())
    table["VersionId"] = str(int(table["VersionId"]) + 1)
    return {}


def get_table(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetTable."""
    return {"Table": shown(catalog.table(request.get("DatabaseName"), request.get("Name")))}


def get_tables(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetTables: those whose entire name matches Expression, paged."""
    database = catalog.database(request.get("DatabaseName"))["Name"]
    tables = catalog.tables(database)
    expression = request.get("Expression")
    if expression:
        protocol.check_length("ValidationException", "expression", expression, _LONGEST_EXPRESSION)
        try:
            pattern = re.compile(expression)
        except re.error as error:
            raise AwsError("InvalidInputException", f"Invalid table name expression {expression!r}: {error}") from error
        tables = [table for table in tables if pattern.fullmatch(table["Name"])]
    chosen, token = page(request, tables, lambda table: table["Name"], _LARGEST_PAGE)
    return {"TableList": [_attributes(table, request.get("AttributesToGet")) for table in chosen], **token}


def delete_table(catalog: Catalog, request: Request) -> dict[str, Any]:
    """DeleteTable, with everything that belongs to the table."""
    catalog.remove_table(catalog.table(request.get("DatabaseName"), request.get("Name")))
    return {}


def batch_delete_table(catalog: Catalog, request: Request) -> dict[str, Any]:
    """BatchDeleteTable: at most 100; a table that is missing is an entry of Errors."""
    names = request.get("TablesToDelete") or []
    protocol.check_length("ValidationException", "tablesToDelete", names, _LARGEST_BATCH)
    database = catalog.database(request.get("DatabaseName"))["Name"]
    errors = []
    for name in names:
        try:
            catalog.remove_table(catalog.table(database, name))
        except AwsError as error:
            errors.append({"TableName": name, "ErrorDetail": error_detail(error)})
    return {"Errors": errors}


def get_table_version(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetTableVersion: the version asked for, or the current one."""
    table = catalog.table(request.get("DatabaseName"), request.get("TableName"))
    wanted = request.get("VersionId") or table["VersionId"]
    for version in _versions(catalog, table):
        if version["VersionId"] == wanted:
            return {"TableVersion": version}
    raise AwsError("EntityNotFoundException", f"Table version {wanted} not found.")


def get_table_versions(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetTableVersions: the newest first, paged."""
    table = catalog.table(request.get("DatabaseName"), request.get("TableName"))
    chosen, token = page(request, _versions(catalog, table), lambda version: -int(version["VersionId"]), _LARGEST_PAGE)
    return {"TableVersions": chosen, **token}


def delete_table_version(catalog: Catalog, request: Request) -> dict[str, Any]:
    """DeleteTableVersion: an archived version; the current one cannot go."""
    _delete_version(catalog, request, request.get("VersionId"))
    return {}


def batch_delete_table_version(catalog: Catalog, request: Request) -> dict[str, Any]:
    """BatchDeleteTableVersion: at most 100; a version that is missing is an entry of Errors."""
    wanted = request.get("VersionIds") or []
    protocol.check_length("ValidationException", "versionIds", wanted, _LARGEST_BATCH)
    name = catalog.table(request.get("DatabaseName"), request.get("TableName"))["Name"]
    errors = []
    for version in wanted:
        try:
            _delete_version(catalog, request, version)
        except AwsError as error:
            errors.append({"TableName": name, "VersionId": version, "ErrorDetail": error_detail(error)})
    return {"Errors": errors}


def shown(table: Record) -> Record:
    """The table as a reply shows it: without members that were never given."""
    return {member: value for member, value in table.items() if value is not None}


def error_detail(error: AwsError) -> dict[str, str]:
    """An error as batch operations report it per entry."""
    return {"ErrorCode": error.code, "ErrorMessage": error.message}


def _table_input(request: Request) -> Record:
    wanted = request.get("TableInput")
    if not isinstance(wanted, dict):
        raise protocol.constraint_error("ValidationException", "tableInput", wanted, "Member must not be null")
    return wanted


def _define(table: Record, wanted: Record) -> None:
    table.update({member: wanted[member] for member in _MEMBERS if wanted.get(member) is not None})
    table.setdefault("PartitionKeys", [])
    table.setdefault("Retention", 0)


def _attributes(table: Record, wanted: list[str] | None) -> Record:
    if not wanted:
        return shown(table)
    kept = {"NAME": "Name", "TABLE_TYPE": "TableType"}
    return {kept[one]: table[kept[one]] for one in wanted if table.get(kept.get(one, "")) is not None}


def _versions(catalog: Catalog, table: Record) -> list[Record]:
    """Current and archived versions as TableVersion, the newest first."""
    every = [*catalog.archive(table), shown(table)]
    return [{"Table": version, "VersionId": version["VersionId"]} for version in reversed(every)]


def _delete_version(catalog: Catalog, request: Request, version: str | None) -> None:
    table = catalog.table(request.get("DatabaseName"), request.get("TableName"))
    if version == table["VersionId"]:
        raise AwsError("InvalidInputException", "The current version of a table cannot be deleted.")
    archive = catalog.archive(table)
    for index, archived in enumerate(archive):
        if archived["VersionId"] == version:
            del archive[index]
            return
    raise AwsError("EntityNotFoundException", f"Table version {version} not found.")


OPERATIONS: dict[str, Callable[[Catalog, Request], dict[str, Any]]] = {
    "BatchDeleteTable": batch_delete_table,
    "BatchDeleteTableVersion": batch_delete_table_version,
    "CreateTable": create_table,
    "DeleteTable": delete_table,
    "DeleteTableVersion": delete_table_version,
    "GetTable": get_table,
    "GetTableVersion": get_table_version,
    "GetTableVersions": get_table_versions,
    "GetTables": get_tables,
    "UpdateTable": update_table,
}
