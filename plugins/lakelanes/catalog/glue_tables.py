"""The Glue catalogue: tables made from include/sql/tables, and partitions kept equal to what the lake holds."""

from __future__ import annotations

import itertools
import logging
import random
import string
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lakelanes.catalog import athena
from lakelanes.config.model import CsvDialect, Entity, PartitionKey
from lakelanes.config.partitions import Partition
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.convert.policy import EVOLVED_TYPE, RESCUED
from lakelanes.errors import CatalogError, QueryError
from lakelanes.names import ddl_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

_TABLES = INCLUDE / "sql" / "tables"
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
_CREATE_LIMIT = 100
# https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html
_GET_LIMIT = 1000
# No table's folder: a table's name has no hyphen. A leading underscore would hide the rows from Hive's readers.
REJECTS_FOLDER = "lake-rejects"
# Columns of every table of rejected rows: where a row stood, what was wrong with it, and the row itself.
REJECTS_COLUMNS = (
    ("source_file", "string", "URI of the file"),
    ("record", "bigint", "number of the record in the file, the header not counted"),
    ("line", "bigint", "line on which the record starts, the first being 1"),
    ("column", "string", "column that kept the row out, if it was one"),
    ("reason", "string", "why the row was rejected"),
    ("raw", "string", "the record as it stands in the file"),
)
# Java's names, as Athena's partition projection takes them, of the strftime fields.
_JAVA_DATE = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH"}
_DATE_RANGES = {"%Y": "1970,2099", "%m": "1,12", "%d": "1,31", "%H": "0,23"}


# What UpdateTable takes of what GetTable returns.
_TABLE_INPUT = ("Name", "Description", "Owner", "Retention", "PartitionKeys", "TableType", "Parameters")
# How often a table is read again when others change it, and the longest pause in seconds. Each loss is somebody's gain.
_UPDATES = 40
_LONGEST_PAUSE = 1.0


class Owner(Protocol):
    """Whose a table is, an entity's or a DynamoDB table's: what the configuration says about it."""

    @property
    def name(self) -> str: ...
    @property
    def table_name(self) -> str: ...
    @property
    def partition_keys(self) -> tuple[PartitionKey, ...]: ...
    @property
    def date_keys(self) -> Mapping[str, str]: ...
    @property
    def registration(self) -> Literal["add_partition", "msck", "projection"]: ...
    @property
    def dialect(self) -> CsvDialect: ...


@dataclass(frozen=True)
class GlueTable:
    """A table of the lake: an entity's own, that of its rejected rows, or one made of a DynamoDB table."""

    name: str
    folder: str
    columns: tuple[tuple[str, str, str | None], ...]
    template: str
    entity: Owner
    comment: str | None = None

    def location(self, lake: Lake, partition: Partition | None = None) -> str:
        """The table's folder, or a partition's: always a folder, never a file, with a slash at the end."""
        below = f"{partition.path}/" if partition else ""
        return f"s3://{lake.config.resources.analytics_bucket}/{self.folder}/{below}"


@dataclass(frozen=True)
class Relocation:
    """A partition whose Location was not its folder, and was corrected."""

    partition: Partition
    found: str
    expected: str


@dataclass(frozen=True)
class Registration:
    """What registering partitions changed."""

    created: list[Partition] = field(default_factory=list)
    existing: list[Partition] = field(default_factory=list)
    relocated: list[Relocation] = field(default_factory=list)


def data_table(entity: Entity) -> GlueTable:
    """The table of the entity's rows. A 'csv' table is text as it came, so all its columns are strings."""
    columns = tuple(
        (column.name, column.type.text if entity.format == "parquet" else "string", column.comment)
        for column in entity.table_columns
    )
    if entity.schema_policy.rescue:
        columns += ((RESCUED, EVOLVED_TYPE, "JSON object of the values that did not fit, null where all did"),)
    return GlueTable(entity.table_name, entity.table_name, columns, entity.format, entity)


def rejects_table(entity: Entity) -> GlueTable:
    """The table of the entity's rejected rows."""
    return GlueTable(entity.rejects_table, f"{REJECTS_FOLDER}/{entity.table_name}", REJECTS_COLUMNS, "parquet", entity)


def ensure_table(lake: Lake, table: GlueTable) -> bool:
    """Creates the table through Athena, or adds the columns that the configuration gained; True when it did either.

    Columns that the table has beyond the configuration stay: files brought them.
    A file include/sql/tables/<table>.sql takes precedence over parquet.sql or csv.sql.
    Raises CatalogError when the table that exists has other partition keys or column types, or lies elsewhere.
    """
    found = describe(lake, table.name)
    if found is None:
        own = _TABLES / f"{table.name}.sql"
        template = own if own.exists() and table.name not in ("parquet", "csv") else _TABLES / f"{table.template}.sql"
        athena.execute(lake, render(lake, table, template.read_text(encoding="utf-8")))
        return True
    _check(lake, table, found)
    return bool(_add_columns(lake, table, {name: kind for name, kind, _ in table.columns}, found))


class Evolution:
    """Gives an entity's table the columns that files bring: each once, whoever else does the same. Thread-safe.

    For one batch of files: what the table has is asked for when a column comes that is not known to be there.
    """

    def __init__(self, lake: Lake, entity: Entity) -> None:
        self._lake = lake
        self._table = data_table(entity)
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def add(self, columns: Mapping[str, str], source: str) -> list[str]:
        """Makes the table have these nullable columns (name -> Hive type), which `source` needs; creates it if need be.

        Returns those that it had not. Raises CatalogError when it has one with another type.
        """
        with self._lock:
            if columns.keys() <= self._known:
                return []
            found = describe(self._lake, self._table.name)
            if found is None:
                found = self._created()
            _check(self._lake, self._table, found)
            added = _add_columns(self._lake, self._table, columns, found)
            self._known |= columns.keys()
        if added:
            log.warning("table %s gained %s, brought by %s", self._table.name, ", ".join(added), source)
        return added

    def _created(self) -> Any:
        failure: QueryError | None = None
        try:
            ensure_table(self._lake, self._table)
        except QueryError as error:
            # Of workers that create the table at the same moment, Athena may fail all but one.
            failure = error
        found = describe(self._lake, self._table.name)
        if found is None:
            raise failure or CatalogError(f"table {self._table.name} was dropped as soon as it was there; load again")
        return found


def render(lake: Lake, table: GlueTable, template: str) -> str:
    """The CREATE TABLE statement of ``table``; placeholders are those of include/sql/tables/parquet.sql."""
    entity = table.entity
    properties = {"classification": table.template, "lakelanes.entity": entity.name}
    if table.template == "csv":
        properties["skip.header.line.count"] = "1"
    else:
        properties["parquet.compression"] = "ZSTD"
    if entity.registration == "projection":
        properties |= projection(lake, table)
    dialect = entity.dialect
    serde = {"separatorChar": dialect.delimiter, "quoteChar": dialect.quote or "", "escapeChar": dialect.escape or ""}
    comment = table.comment or (
        f"Rows of {entity.name}" if table.name == entity.table_name else f"Rejected rows of {entity.name}"
    )
    return string.Template(template).substitute(
        database=ddl_identifier(lake.config.resources.glue_database),
        table=ddl_identifier(table.name),
        columns=",\n".join(
            f"  {ddl_identifier(name)} {kind}" + (f" COMMENT {_ddl_string(text)}" if text else "")
            for name, kind, text in table.columns
        ),
        comment=f"COMMENT {_ddl_string(comment)}",
        partition_keys=",\n".join(f"  {ddl_identifier(key.name)} {key.type.text}" for key in entity.partition_keys),
        serde_properties=_ddl_properties({name: value for name, value in serde.items() if value}),
        location=table.location(lake),
        properties=_ddl_properties(properties),
    )


def projection(lake: Lake, table: GlueTable) -> dict[str, str]:
    """Table properties that let Athena compute the partitions instead of looking them up.

    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    entity = table.entity
    properties = {"projection.enabled": "true"}
    for key in entity.partition_keys:
        form, prefix = entity.date_keys.get(key.name), f"projection.{key.name}"
        if form in _DATE_RANGES:
            properties |= {f"{prefix}.type": "integer", f"{prefix}.range": _DATE_RANGES[form]}
            if form != "%Y":
                properties[f"{prefix}.digits"] = "2"
        elif form:
            java = form
            for python, name in _JAVA_DATE.items():
                java = java.replace(python, name)
            properties |= {
                f"{prefix}.type": "date",
                f"{prefix}.format": java,
                f"{prefix}.range": "NOW-20YEARS,NOW+1YEARS",
            }
        else:
            properties[f"{prefix}.type"] = "injected"
    below = "".join(f"{key.name}=${{{key.name}}}/" for key in entity.partition_keys)
    return properties | {"storage.location.template": table.location(lake) + below}


def register_partitions(lake: Lake, table: GlueTable, partitions: Iterable[Partition]) -> Registration:
    """Makes Athena see these partitions: creates those that are missing, corrects those that point elsewhere.

    One BatchGetPartition per 1,000 and one BatchCreatePartition per 100 new ones; with registration 'msck' the missing
    ones are left to MSCK REPAIR TABLE, with 'projection' there is nothing to do.
    """
    wanted = sorted(set(partitions))
    if not wanted or table.entity.registration == "projection":
        return Registration(existing=wanted)
    result = Registration()
    found = _get_partitions(lake, table, wanted)
    missing = [partition for partition in wanted if tuple(partition.values) not in found]
    if missing and table.entity.registration == "msck":
        database, name = ddl_identifier(lake.config.resources.glue_database), ddl_identifier(table.name)
        athena.execute(lake, f"MSCK REPAIR TABLE {database}.{name}")
        result.created.extend(missing)
    elif missing:
        raced = create_partitions(lake, table, missing, storage_of(lake, table))
        result.created.extend(partition for partition in missing if partition not in raced)
        found |= _get_partitions(lake, table, raced)
    for partition in wanted:
        known = found.get(tuple(partition.values))
        if known is None:
            continue
        if _is_in_place(lake, table, partition, known):
            result.existing.append(partition)
        else:
            _relocate(lake, table, partition, known)
            location = known["StorageDescriptor"].get("Location", "")
            result.relocated.append(Relocation(partition, location, table.location(lake, partition)))
    return result


def unregistered(lake: Lake, table: GlueTable, partitions: Iterable[Partition]) -> list[Partition] | None:
    """The partitions that ``register_partitions`` would create or correct; None when there is no such table.

    Reads only, one BatchGetPartition per 1,000, or one GetTable where Athena computes the partitions.
    """
    wanted = sorted(set(partitions))
    if not wanted:
        return []
    if table.entity.registration == "projection":
        return None if describe(lake, table.name) is None else []
    try:
        found = _get_partitions(lake, table, wanted)
    except lake.glue.exceptions.EntityNotFoundException:
        return None
    return [
        partition
        for partition in wanted
        if (known := found.get(tuple(partition.values))) is None or not _is_in_place(lake, table, partition, known)
    ]


def _is_in_place(lake: Lake, table: GlueTable, partition: Partition, known: Any) -> bool:
    location: str = known["StorageDescriptor"].get("Location", "")
    return location.rstrip("/") == table.location(lake, partition).rstrip("/")


def describe(lake: Lake, name: str) -> Any | None:
    """Glue's description of a table or view of the lake's database; None when there is none."""
    glue = lake.glue
    try:
        return glue.get_table(DatabaseName=lake.config.resources.glue_database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        return None


def describe_all(lake: Lake) -> dict[str, Any]:
    """Glue's descriptions of the tables and views of the lake's database, by name; a request per 100."""
    pages = lake.glue.get_paginator("get_tables").paginate(DatabaseName=lake.config.resources.glue_database)
    return {table["Name"]: table for page in pages for table in page["TableList"]}


def differences(lake: Lake, table: GlueTable, found: Any) -> list[str]:
    """How a table, as Glue describes it, differs from what the configuration says of it; [] when it does not.

    A column that it lacks is no difference: the next load adds it.
    """
    lines: list[str] = []
    try:
        _check(lake, table, found)
    except CatalogError as error:
        lines.append(str(error))
    configured = {name: kind for name, kind, _ in table.columns}
    for column in found.get("StorageDescriptor", {}).get("Columns", ()):
        name, kind = column["Name"], column.get("Type", "")
        if name in configured and kind.replace(" ", "").lower() != configured[name]:
            lines.append(_other_type(lake, table, name, configured[name], kind))
        elif name not in configured and name != RESCUED:
            lines.append(
                f"table {lake.config.resources.glue_database}.{table.name} has a column {name} ({kind}) that the "
                "configuration does not name: a file brought it (schema_policy), or somebody added it"
            )
    return lines


def _check(lake: Lake, table: GlueTable, found: Any) -> None:
    keys = [key["Name"] for key in found.get("PartitionKeys", ())]
    wanted = [key.name for key in table.entity.partition_keys]
    location = found.get("StorageDescriptor", {}).get("Location", "")
    name = f"{lake.config.resources.glue_database}.{table.name}"
    if keys != wanted:
        raise CatalogError(
            f"table {name} is partitioned by ({', '.join(keys)}), but entities.{table.entity.name}.partition_keys says "
            f"({', '.join(wanted)}); give the entity another table_name, or drop the table and load again"
        )
    if location.rstrip("/") != table.location(lake).rstrip("/"):
        raise CatalogError(
            f"table {name} lies at {location}, but the lake writes to {table.location(lake)}; give the entity another "
            "table_name, or drop the table"
        )


def _add_columns(lake: Lake, table: GlueTable, columns: Mapping[str, str], found: Any) -> list[str]:
    """Appends those of the columns (name -> Hive type) that the table lacks; returns their names.

    found: the table as it was described. Glue takes the change only of that version: of two that change the table at
    the same time one reads it again (ConcurrentModificationException), so that no column is lost.
    https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
    """
    glue, database = lake.glue, lake.config.resources.glue_database
    attempt = 0
    while True:
        storage = found["StorageDescriptor"]
        present = {column["Name"]: column["Type"] for column in storage["Columns"]}
        for name, kind in columns.items():
            if name in present and present[name].replace(" ", "").lower() != kind:
                raise CatalogError(_other_type(lake, table, name, kind, present[name]))
        new = [{"Name": name, "Type": kind} for name, kind in columns.items() if name not in present]
        if not new:
            return []
        given = {name: found[name] for name in _TABLE_INPUT if name in found}
        try:
            # Through Glue: Athena's ADD COLUMNS takes no date columns, and fails when somebody else was faster
            # (https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-columns.html).
            glue.update_table(
                DatabaseName=database,
                TableInput={**given, "StorageDescriptor": {**storage, "Columns": [*storage["Columns"], *new]}},
                VersionId=found["VersionId"],
                SkipArchive=True,
            )
            return [column["Name"] for column in new]
        except glue.exceptions.ConcurrentModificationException:
            attempt += 1
            if attempt == _UPDATES:
                raise
        time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * 2**attempt)))
        found = describe(lake, table.name)
        if found is None:
            raise CatalogError(f"table {database}.{table.name} was dropped while it was given columns; load again")


def _other_type(lake: Lake, table: GlueTable, name: str, kind: str, found: str) -> str:
    entity = table.entity
    where = f"column {name} of table {lake.config.resources.glue_database}.{table.name} is {found}"
    if name not in {configured for configured, *_ in table.columns}:
        return (
            f"{where}, but a file of {entity.name} brings a {kind} column of that name; name a column of "
            f"entities.{entity.name}.schema for it, with its 'header', or drop the table and load again"
        )
    remedy = "give the column another name, or drop the table and load again"
    if found == EVOLVED_TYPE:
        remedy = (
            f"if files brought it (schema_policy), declare it as {found}, or under another name with the 'header' "
            f"{name!r}; else {remedy}"
        )
    return (
        f"{where}, but the configuration of {entity.name} says {kind}; the files already loaded hold the old type, so "
        f"{remedy}"
    )


def _get_partitions(lake: Lake, table: GlueTable, partitions: Sequence[Partition]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for chunk in _chunks(partitions, _GET_LIMIT):
        keys: list[Any] = [{"Values": partition.values} for partition in chunk]
        while keys:
            answer = lake.glue.batch_get_partition(
                DatabaseName=lake.config.resources.glue_database, TableName=table.name, PartitionsToGet=keys
            )
            found |= {tuple(partition["Values"]): partition for partition in answer["Partitions"]}
            keys = answer.get("UnprocessedKeys", [])
    return found


def storage_of(lake: Lake, table: GlueTable) -> Any:
    """The StorageDescriptor of the table in Glue, which its partitions share but for the Location."""
    described = describe(lake, table.name)
    if described is None:
        database = lake.config.resources.glue_database
        raise CatalogError(f"table {database}.{table.name} does not exist; load a file of {table.entity.name} first")
    return described["StorageDescriptor"]


def create_partitions(lake: Lake, table: GlueTable, partitions: Sequence[Partition], storage: Any) -> list[Partition]:
    """Creates partitions of a table that stores rows as ``storage`` says, 100 a call; returns those that exist."""
    database = lake.config.resources.glue_database
    raced: list[Partition] = []
    for chunk in _chunks(partitions, _CREATE_LIMIT):
        inputs = [
            {"Values": p.values, "StorageDescriptor": {**storage, "Location": table.location(lake, p)}} for p in chunk
        ]
        answer = lake.glue.batch_create_partition(
            DatabaseName=database, TableName=table.name, PartitionInputList=inputs
        )
        by_values = {tuple(partition.values): partition for partition in chunk}
        for error in answer.get("Errors", ()):
            detail = error["ErrorDetail"]
            if detail["ErrorCode"] != "AlreadyExistsException":
                raise CatalogError(
                    f"partition {error['PartitionValues']} of {database}.{table.name} was not created: "
                    f"{detail['ErrorCode']}: {detail.get('ErrorMessage', '')}"
                )
            raced.append(by_values[tuple(error["PartitionValues"])])
    return raced


def _relocate(lake: Lake, table: GlueTable, partition: Partition, known: Any) -> None:
    storage = {**known["StorageDescriptor"], "Location": table.location(lake, partition)}
    lake.glue.update_partition(
        DatabaseName=lake.config.resources.glue_database,
        TableName=table.name,
        PartitionValueList=partition.values,
        PartitionInput={
            "Values": partition.values,
            "StorageDescriptor": storage,
            "Parameters": known.get("Parameters", {}),
        },
    )


def _chunks(items: Sequence[Partition], size: int) -> Iterator[list[Partition]]:
    for start in itertools.count(0, size):
        chunk = list(items[start : start + size])
        if not chunk:
            return
        yield chunk


def _ddl_string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _ddl_properties(properties: dict[str, str]) -> str:
    return ",\n".join(f"  {_ddl_string(name)} = {_ddl_string(value)}" for name, value in properties.items())
