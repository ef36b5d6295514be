"""The one table that a data set here is of, and the SELECT that reads it.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_PhysicalTable.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.protocol import AwsError, Request
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import Record, not_supported

# Booleans are promoted to integers (https://docs.aws.amazon.com/quicksight/latest/user/supported-data-types-and-values.html).
_SHOWN = {"BIT": "INTEGER", "BOOLEAN": "INTEGER"}
_NOT_READ = ("JSON", "SEMISTRUCT")


@dataclass(frozen=True)
class Column:
    """A column as the data set declares it: ``type`` is an InputColumnDataType, ``subtype`` that of a DECIMAL."""

    name: str
    type: str
    subtype: str | None = None

    @property
    def output(self) -> str:
        """Its type in analyses: STRING, INTEGER, DECIMAL or DATETIME."""
        return _SHOWN.get(self.type, self.type)


@dataclass(frozen=True)
class Table:
    """What a data set reads: ``origin`` is what its SELECT is from."""

    data_source: str
    origin: str
    columns: tuple[Column, ...]

    def type_of(self, name: str) -> str | None:
        """A column's type in analyses, None for a column that it does not have."""
        return next((column.output for column in self.columns if column.name == name), None)

    def output_columns(self) -> list[Record]:
        """The columns as DescribeDataSet shows them."""
        shown = []
        for column in self.columns:
            each = {"Name": column.name, "Type": column.output}
            shown.append(each | ({"SubType": column.subtype} if column.subtype else {}))
        return shown

    def query(self, column: str | None = None, since: datetime | None = None) -> str:
        """The SELECT of all rows, or of those from ``since`` (UTC) on."""
        names = ", ".join(quoted(each.name) for each in self.columns)
        sql = f"SELECT {names} FROM {self.origin}"
        if column is None or since is None:
            return sql
        moment = since.isoformat(" ", "milliseconds")
        return f"{sql} WHERE {quoted(column)} >= TIMESTAMP '{moment}'"


def table_of(request: Request) -> Table:
    """The table of a CreateDataSet or UpdateDataSet; raises InvalidParameterValueException for any other."""
    physical: dict[str, Any] = request["PhysicalTableMap"]
    if len(physical) != 1:
        raise not_supported(f"A data set of {len(physical)} physical tables")
    ((identifier, table),) = physical.items()
    _check_logical(request.get("LogicalTableMap") or {}, identifier)
    if "RelationalTable" in table:
        relational = table["RelationalTable"]
        parts = [relational[name] for name in ("Catalog", "Schema") if relational.get(name)] + [relational["Name"]]
        where = f"PhysicalTableMap.{identifier}.RelationalTable"
        columns = _columns(relational["InputColumns"], f"{where}.InputColumns")
        return Table(relational["DataSourceArn"], ".".join(quoted(part) for part in parts), columns)
    if "CustomSql" in table:
        custom = table["CustomSql"]
        columns = _columns(custom.get("Columns") or [], f"PhysicalTableMap.{identifier}.CustomSql.Columns")
        return Table(custom["DataSourceArn"], f"({custom['SqlQuery']}) AS {quoted(custom['Name'])}", columns)
    raise not_supported(f"A physical table of {', '.join(table) or 'nothing'}")


def data_sources_in(request: Request) -> list[str]:
    """The ARNs of the data sources that a request's tables are of, whatever else is wrong with it."""
    physical = request.get("PhysicalTableMap")
    tables = physical.values() if isinstance(physical, dict) else ()
    members = [each for table in tables if isinstance(table, dict) for each in table.values() if isinstance(each, dict)]
    return [each["DataSourceArn"] for each in members if isinstance(each.get("DataSourceArn"), str)]


def quoted(name: str) -> str:
    """A name as Athena's SELECT takes it."""
    return '"' + name.replace('"', '""') + '"'


def _check_logical(logical: dict[str, Any], physical: str) -> None:
    if len(logical) > 1:
        raise not_supported(f"A data set of {len(logical)} logical tables")
    for name, table in logical.items():
        if table["Source"] != {"PhysicalTableId": physical}:
            raise AwsError(INVALID, f"LogicalTableMap.{name}.Source is no physical table of the data set")
        if table.get("DataTransforms"):
            raise not_supported(f"LogicalTableMap.{name}.DataTransforms")


def _columns(given: list[Record], path: str) -> tuple[Column, ...]:
    if not given:
        raise AwsError(INVALID, f"'{path}' has no columns")
    names = [each["Name"] for each in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AwsError(INVALID, f"'{path}' has columns twice: {', '.join(twice)}")
    for number, each in enumerate(given):
        if each["Type"] in _NOT_READ:
            raise not_supported(f"{path}[{number}].Type {each['Type']}")
        if each.get("SubType") and each["Type"] != "DECIMAL":
            raise AwsError(INVALID, f"'{path}[{number}].SubType' is for columns of type DECIMAL")
    return tuple(Column(each["Name"], each["Type"], each.get("SubType")) for each in given)
