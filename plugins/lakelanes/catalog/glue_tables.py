"""Tables of the Glue catalogue: what the configuration says of them, and the DDL that creates them."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lakelanes.config.model import CsvDialect, Entity, PartitionKey
from lakelanes.config.partitions import Partition, rejects_partition
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.convert.policy import EVOLVED_TYPE, RESCUED
from lakelanes.names import ddl_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

_TABLES = INCLUDE / "sql" / "tables"
# No table's folder: a table's name has no hyphen. A leading underscore would hide the rows from Hive's readers.
REJECTS_FOLDER = "lake-rejects"
# The parameter of a table in Glue that says whose it is.
ENTITY = "lakelanes.entity"
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


def with_partitions(
    entity: Entity, partitions: Iterable[Partition], rejected: Iterable[Partition] | None = None
) -> list[tuple[GlueTable, set[Partition]]]:
    """The entity's tables, each with the partitions that it is to have where files have rows in ``partitions``.

    The data table has those that are complete, the rejects table the same without values for keys of the data. A 'csv'
    table has no rejected rows. rejected: the partitions of files with rejected rows, where that is known; the rejects
    table is among the answer only when there are any, and the data table only when it is to have any.
    """
    wanted = set(partitions)
    found = [(data_table(entity), {partition for partition in wanted if partition.is_complete})]
    if entity.format == "parquet":
        rejects = wanted if rejected is None else rejected
        found.append((rejects_table(entity), {rejects_partition(entity, partition) for partition in rejects}))
    return found if rejected is None else [(table, own) for table, own in found if own]


def create_statement(lake: Lake, table: GlueTable) -> str:
    """The CREATE TABLE statement: include/sql/tables/<table>.sql where there is such a file, else parquet.sql or
    csv.sql."""
    own = _TABLES / f"{table.name}.sql"
    path = own if own.exists() and table.name not in ("parquet", "csv") else _TABLES / f"{table.template}.sql"
    return render(lake, table, path.read_text(encoding="utf-8"))


def render(lake: Lake, table: GlueTable, template: str) -> str:
    """The CREATE TABLE statement of ``table``; placeholders are those of include/sql/tables/parquet.sql."""
    entity = table.entity
    properties = {"classification": table.template, ENTITY: entity.name}
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


def drop(lake: Lake, name: str) -> None:
    """Deletes a table or view of the lake's database, with its partitions; one that is not there is no error.

    Glue deletes the partitions of a table that is gone by itself, some time later.
    https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteTable.html
    """
    with suppress(lake.glue.exceptions.EntityNotFoundException):
        lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name=name)


def _ddl_string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _ddl_properties(properties: dict[str, str]) -> str:
    return ",\n".join(f"  {_ddl_string(name)} = {_ddl_string(value)}" for name, value in properties.items())
