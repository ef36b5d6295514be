"""DDL and SHOW statements, carried out in Glue as Athena does.

Messages are Hive's, which is what Athena's DDL answers with.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from localaws.athena import types as t
from localaws.athena import views
from localaws.athena.catalogue import CATALOG, Catalogue, Column, Table, code_of, partition_name
from localaws.athena.errors import QueryCancelled, ddl_task_failure, failure, hive_failure, not_supported
from localaws.athena.objects import Objects
from localaws.athena.planning import Query
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn
from localaws.athena.select import plan
from localaws.athena.tables import PARQUET_SERDE
from localaws.athena.text import LAZY_SIMPLE

_DEFAULT_DATABASE = "default"
_PARTITIONS_PER_CALL = 100
# Input format, output format and SerDe of STORED AS, of what this engine reads.
_FORMATS = {
    "TEXTFILE": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        LAZY_SIMPLE,
    ),
    "PARQUET": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        PARQUET_SERDE,
    ),
}

# The members of a Table that a TableInput has as well.
_TABLE_INPUT = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
                "ViewExpandedText", "TableType", "Parameters")  # fmt: skip
# Some or all of a partition's keys with their values.
PartitionSpec = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Name:
    """A table's or view's name: its database when it was written."""

    database: str | None
    name: str


@dataclass(frozen=True)
class NewTable:
    """What CREATE EXTERNAL TABLE says. `serde`, `input_format`, `output_format`: class names, "" for the default's."""

    name: Name
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...] = ()
    comment: str = ""
    serde: str = ""
    serde_properties: dict[str, str] = field(default_factory=dict)
    stored_as: str = ""
    input_format: str = ""
    output_format: str = ""
    location: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def _no_folder(location: str) -> str:
    error = f"org.apache.hadoop.fs.s3a.AccessDeniedException {location}: Access Denied"
    return f"MetaException(message:Got exception: {error})"


class Ddl:
    """Carries out one statement that is not a query. What a statement cannot do raises QueryFailed."""

    def __init__(self, context: QueryContext) -> None:
        self.context = context
        self.glue = context.glue
        self.catalogue = Catalogue(context.glue)
        self.objects = Objects(context.s3, context.filesystem, context.allowed)

    # --- helpers

    def find(self, name: Name) -> tuple[str, Table | None, str]:
        """A name's database, the table or view if there is one, and the full name."""
        database = name.database or self._session_database()
        return database, self.catalogue.table(database, name.name), f"{CATALOG}.{database}.{name.name}"

    def _session_database(self) -> str:
        return (self.context.database or _DEFAULT_DATABASE).lower()

    def _existing_database(self, name: str) -> str:
        if not self.catalogue.has_database(name):
            raise hive_failure(f"SemanticException [Error 10072]: Database does not exist: {name}")
        return name

    def _table(self, name: Name) -> Table:
        database, table, _ = self.find(name)
        if table is None:
            self._existing_database(database)
            raise hive_failure(f"SemanticException [Error 10001]: Table not found {database}.{name.name}")
        return table

    def _check(self) -> None:
        if self.context.cancelled.is_set():
            raise QueryCancelled

    def _update(self, table: Table, storage: dict[str, Any], parameters: dict[str, str]) -> None:
        """Changes members of a table's StorageDescriptor, and adds parameters."""
        given = {key: table.raw[key] for key in _TABLE_INPUT if key in table.raw}
        given["StorageDescriptor"] = {"Columns": [], **(given.get("StorageDescriptor") or {}), **storage}
        given["Parameters"] = {**(given.get("Parameters") or {}), **parameters}
        self.glue.update_table(DatabaseName=table.database, TableInput=given)

    # --- databases

    def create_database(
        self, name: str, if_not_exists: bool, comment: str, location: str, properties: dict[str, str]
    ) -> QueryResult:
        given = {"Name": name, "Description": comment, "LocationUri": location, "Parameters": properties}
        with _created(if_not_exists, f"Database {name} already exists"):
            self.glue.create_database(DatabaseInput={member: value for member, value in given.items() if value})
        return QueryResult("DDL", "CREATE_DATABASE")

    def drop_database(self, name: str, if_exists: bool, cascade: bool) -> QueryResult:
        if if_exists and not self.catalogue.has_database(name):
            return QueryResult("DDL", "DROP_DATABASE")
        tables = self.catalogue.tables(self._existing_database(name))
        if tables and not cascade:
            raise ddl_task_failure(
                f"InvalidOperationException(message:Database {name} is not empty. One or more tables exist.)"
            )
        for table in tables:
            self.glue.delete_table(DatabaseName=name, Name=table.name)
        self.glue.delete_database(Name=name)
        return QueryResult("DDL", "DROP_DATABASE")

    # --- tables

    def create_table(self, table: NewTable, if_not_exists: bool) -> QueryResult:
        database = self._existing_database(table.name.database or self._session_database())
        if not table.location:
            raise hive_failure(
                "SemanticException No location was specified for table. An S3 location must be specified"
            )
        if not re.fullmatch(r"s3a?://[^/]+(/.*)?", table.location):
            raise ddl_task_failure(
                f"MetaException(message:Got exception: java.io.IOException No FileSystem for: {table.location})"
            )
        names = [column.name for column in (*table.columns, *table.partition_keys)]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            if repeated in [key.name for key in table.partition_keys]:
                raise hive_failure("SemanticException [Error 10035]: Column repeated in partitioning columns")
            raise hive_failure(f"SemanticException [Error 10036]: Duplicate column name: {repeated}")
        self._look_for_folder(table.location)
        with _created(if_not_exists, f"AlreadyExistsException(message:Table {table.name.name} already exists)"):
            self.glue.create_table(DatabaseName=database, TableInput=table_input(table))
        return QueryResult("DDL", "CREATE_TABLE")

    def _look_for_folder(self, location: str) -> None:
        """Look for the table's folder, and for the right to make it where it is not there; none is made.

        AWS only says that the rights "to work with data in the Amazon S3 location" are needed
        (https://docs.aws.amazon.com/athena/latest/ug/creating-tables.html#s3-considerations). This is what Hive's
        client for Glue does: MetastoreClientUtils.makeDirs in
        https://github.com/awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore.
        """
        bucket, _, key = location.partition("://")[2].partition("/")
        folder = key.rstrip("/")
        try:
            for marker in filter(None, (folder, f"{folder}/", f"{folder}_$folder$")):
                self._ask_for(bucket, marker)
            found = self.context.s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/" if folder else "", MaxKeys=1)
        except ClientError as error:
            if code_of(error) in ("AccessDenied", "403", "Forbidden"):
                raise ddl_task_failure(_no_folder(location)) from error
            # A bucket of another region, or one that is not there, is not looked for.
            return
        if not found["KeyCount"] and folder:
            for marker in (f"{folder}/", f"{folder}_$folder$"):
                if not self.context.allowed("s3:PutObject", f"arn:aws:s3:::{bucket}/{marker}"):
                    raise ddl_task_failure(_no_folder(location))

    def _ask_for(self, bucket: str, key: str) -> None:
        """Raises ClientError where S3 does not say whether there is such an object."""
        try:
            self.context.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) not in ("404", "NoSuchKey", "NoSuchBucket", "NotFound"):
                raise

    def drop_table(self, name: Name, if_exists: bool) -> QueryResult:
        database, table, _ = self.find(name)
        if table is None:
            if if_exists:
                return QueryResult("DDL", "DROP_TABLE")
            raise hive_failure(f"SemanticException [Error 10001]: Table not found {name.name}")
        if table.is_view:
            raise hive_failure("SemanticException Cannot drop a view with DROP TABLE")
        self.glue.delete_table(DatabaseName=database, Name=table.name)
        return QueryResult("DDL", "DROP_TABLE")

    def add_columns(self, name: Name, columns: Sequence[Column]) -> QueryResult:
        table = self._table(name)
        existing = {column.name for column in (*table.columns, *table.partition_keys)}
        for column in columns:
            if column.name in existing:
                raise ddl_task_failure(f"Duplicate column name: {column.name}")
        stored = (table.raw.get("StorageDescriptor") or {}).get("Columns") or []
        self._update(table, {"Columns": [*stored, *_glue_columns(columns)]}, {})
        return QueryResult("DDL", "ALTER_TABLE_ADD_COLUMNS")

    def set_properties(self, name: Name, properties: dict[str, str]) -> QueryResult:
        self._update(self._table(name), {}, properties)
        return QueryResult("DDL", "ALTER_TABLE_PROPERTIES")

    # --- partitions

    def _values(self, table: Table, spec: PartitionSpec) -> tuple[str, ...]:
        """A complete spec's values in the order of the table's keys."""
        given = dict(spec)
        keys = [key.name for key in table.partition_keys]
        if not keys:
            raise hive_failure(
                f"SemanticException table {table.name} is not partitioned but partition spec exists: {given}"
            )
        if set(given) != set(keys) or len(given) != len(spec):
            raise hive_failure(
                f"SemanticException partition spec {given} doesn't contain all ({len(keys)}) partition columns"
            )
        return tuple(given[key] for key in keys)

    def add_partitions(
        self, name: Name, if_not_exists: bool, partitions: Sequence[tuple[PartitionSpec, str]]
    ) -> QueryResult:
        """`partitions` are specs with their locations, "" for the default one."""
        table = self._table(name)
        wanted: dict[tuple[str, ...], str] = {}
        for spec, location in partitions:
            values = self._values(table, spec)
            if values in wanted and not if_not_exists:
                raise ddl_task_failure("AlreadyExistsException(message:Partition already exists.)")
            wanted.setdefault(values, location or default_location(table, values))
        existing = {partition.values for partition in self.catalogue.partitions(table)}
        if not if_not_exists and existing & wanted.keys():
            raise ddl_task_failure("AlreadyExistsException(message:Partition already exists.)")
        self.create_partitions(table, {v: place for v, place in wanted.items() if v not in existing})
        return QueryResult("DDL", "ALTER_TABLE_ADD_PARTITION")

    def create_partitions(self, table: Table, wanted: dict[tuple[str, ...], str]) -> None:
        """Registers partitions, given their locations."""
        inputs = [_partition_input(table, values, location) for values, location in wanted.items()]
        for start in range(0, len(inputs), _PARTITIONS_PER_CALL):
            self._check()
            answer = self.glue.batch_create_partition(
                DatabaseName=table.database,
                TableName=table.name,
                PartitionInputList=inputs[start : start + _PARTITIONS_PER_CALL],
            )
            for problem in answer.get("Errors") or ():
                detail = problem.get("ErrorDetail") or {}
                # Someone else created it meanwhile: what was asked for is there.
                if detail.get("ErrorCode") != "AlreadyExistsException":
                    raise ddl_task_failure(f"{detail.get('ErrorCode')}(message:{detail.get('ErrorMessage')})")

    def repair(self, name: Name) -> QueryResult:
        """MSCK REPAIR TABLE adds the partitions whose folders exist; never removes one."""
        table = self._table(name)
        if table.is_view:
            raise hive_failure("SemanticException MSCK REPAIR TABLE is not for views")
        found = dict(self._partition_folders(table)) if table.partition_keys else {}
        registered = self.catalogue.partitions(table) if table.partition_keys else []
        existing = {partition.values for partition in registered}
        new = {
            values: path for values, path in sorted(found.items(), key=lambda item: item[1]) if values not in existing
        }
        missing = sorted(
            partition_name(table, p.values)
            for p in registered
            if p.values not in found and p.storage.location.rstrip("/") == default_location(table, p.values).rstrip("/")
        )
        root = table.storage.location.rstrip("/")
        self.create_partitions(table, {values: f"{root}/{path}" for values, path in new.items()})
        lines = [
            "\t".join([f"Partitions {what}:", *(f"{table.name}:{path}" for path in paths)])
            for what, paths in (("not in metastore", [*new.values()]), ("missing from filesystem", missing))
            if paths
        ]
        lines += [f"Repair: Added partition to metastore {table.name}:{path}" for path in new.values()]
        return QueryResult("DDL", "MSCK_REPAIR", [ResultColumn("result", "string")], [(line,) for line in lines])

    def _partition_folders(self, table: Table) -> list[tuple[tuple[str, ...], str]]:
        """(values, path) of the `key=value` folders that name all keys in order, from one listing per folder."""
        level: list[tuple[tuple[str, ...], str]] = [((), "")]
        root = table.storage.location.rstrip("/") + "/"
        for key in table.partition_keys:
            below = []
            for values, path in level:
                self._check()
                for folder in self.objects.folders(root + path):
                    name, equals, value = folder.partition("=")
                    if equals and name == key.name and value:
                        below.append(((*values, unquote(value)), f"{path}{folder}/"))
            level = below
        return [(values, path.rstrip("/")) for values, path in level]

    # --- SHOW and DESCRIBE

    def show_partitions(self, name: Name) -> QueryResult:
        table = self._table(name)
        if not table.partition_keys:
            raise ddl_task_failure(f"Table {table.name} is not a partitioned table")
        names = sorted(partition_name(table, partition.values) for partition in self.catalogue.partitions(table))
        return _listing("SHOW_PARTITIONS", "partition", names)

    def show_tables(self, database: str | None, pattern: str | None, only_views: bool) -> QueryResult:
        tables = self.catalogue.tables(self._existing_database(database or self._session_database()))
        matches = _matcher(pattern)
        if only_views:
            return _listing("SHOW_VIEWS", "views", [one.name for one in tables if one.is_view and matches(one.name)])
        return _listing("SHOW_TABLES", "tab_name", [one.name for one in tables if matches(one.name)])

    def show_databases(self, pattern: str | None) -> QueryResult:
        return _listing("SHOW_DATABASES", "database_name", [*filter(_matcher(pattern), self.catalogue.databases())])

    def describe(self, name: Name) -> QueryResult:
        table = self._table(name)
        keys = [_described(c.name, c.type, c.comment) for c in table.partition_keys]
        lines = [_described(c.name, c.type, c.comment) for c in table.columns] + keys
        if keys:
            blank, head = "\t \t ", _described("# col_name", "data_type", "comment")
            lines += [blank, f"# Partition Information{blank}", head, blank, *keys]
        columns = [ResultColumn(name, "string") for name in ("col_name", "data_type", "comment")]
        # As on Athena, a row is one cell, in which tabs separate the three columns.
        return QueryResult("UTILITY", "DESCRIBE_TABLE", columns, [(line,) for line in lines])

    def show_create_view(self, name: Name) -> QueryResult:
        table = self._table(name)
        if not table.is_view:
            raise not_supported(f"{table.full_name} is a table")
        text = f"CREATE VIEW {table.name} AS {views.decode(table).sql}"
        return _listing("SHOW_CREATE_VIEW", "Create View", text.split("\n"))

    # --- views

    def create_view(self, name: Name, replace: bool, sql: str) -> QueryResult:
        database, existing, full_name = self.find(name)
        if existing is not None and not existing.is_view:
            raise failure("TABLE_ALREADY_EXISTS", f"Table already exists: '{full_name}'", 1, 1)
        # What Trino does not read as a view, it does not replace either (HiveMetadata.createView).
        if existing is not None and not (replace and views.is_readable(existing)):
            raise failure("ALREADY_EXISTS", f"View already exists: '{full_name}'", 1, 1)
        if not self.catalogue.has_database(database):
            raise failure("SCHEMA_NOT_FOUND", f"Schema {database} not found", 1, 1)
        query, _ = plan(sql, self.context, view=full_name)
        columns = named_columns(query)
        try:
            given = views.view_input(name.name, sql, self.context.database or database, columns)
        except ValueError as error:
            raise failure(
                "NOT_SUPPORTED", f"Unsupported Hive type: {str(error).removeprefix('Hive has no type ')}"
            ) from error
        write = self.glue.create_table if existing is None else self.glue.update_table
        write(DatabaseName=database, TableInput=given)
        return QueryResult("DDL", "CREATE_VIEW")

    def drop_view(self, name: Name, if_exists: bool) -> QueryResult:
        database, table, full_name = self.find(name)
        if table is None and if_exists:
            return QueryResult("DDL", "DROP_VIEW")
        if table is None or not table.is_view:
            hint = f", but a table with that name exists. Did you mean DROP TABLE {full_name}?" if table else ""
            raise failure("TABLE_NOT_FOUND", f"View '{full_name}' does not exist{hint}", 1, 1)
        self.glue.delete_table(DatabaseName=database, Name=table.name)
        return QueryResult("DDL", "DROP_VIEW")


@contextlib.contextmanager
def _created(if_not_exists: bool, said: str) -> Iterator[None]:
    """Around a creation in Glue: one that is there already fails with what is said, unless that is well."""
    try:
        yield
    except ClientError as error:
        if code_of(error) != "AlreadyExistsException":
            raise ddl_task_failure(_metastore(error)) from error
        if not if_not_exists:
            raise ddl_task_failure(said) from error


def default_location(table: Table, values: tuple[str, ...]) -> str:
    """Where a partition is that nobody has put elsewhere."""
    return f"{table.storage.location.rstrip('/')}/{partition_name(table, values)}"


def _listing(substatement: str, column: str, names: list[str]) -> QueryResult:
    return QueryResult("UTILITY", substatement, [ResultColumn(column, "string")], [(name,) for name in names])


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    """SHOW's regular expression: `*` is any text, `|` a choice."""
    if pattern is None:
        return lambda _: True
    compiled = "|".join(".*".join(re.escape(part) for part in choice.replace(".*", "*").split("*"))
                        for choice in pattern.split("|"))  # fmt: skip
    return lambda name: re.fullmatch(compiled, name, re.IGNORECASE) is not None


def _described(*cells: str) -> str:
    return "\t".join(cell.ljust(20) for cell in cells)


def _glue_columns(columns: Sequence[Column]) -> list[dict[str, str]]:
    return [
        {"Name": c.name, "Type": c.type, "Comment": c.comment} if c.comment else {"Name": c.name, "Type": c.type}
        for c in columns
    ]


def table_input(table: NewTable) -> dict[str, Any]:
    """A TableInput as Athena writes it for CREATE EXTERNAL TABLE."""
    if table.stored_as and table.stored_as not in _FORMATS:
        raise not_supported(f"STORED AS {table.stored_as}")
    input_format, output_format, serde = _FORMATS[table.stored_as or "TEXTFILE"]
    parameters = {"EXTERNAL": "TRUE", "transient_lastDdlTime": str(int(time.time())), **table.properties}
    if table.comment:
        parameters["comment"] = table.comment
    return {
        "Name": table.name.name,
        "Owner": "hadoop",
        "Retention": 0,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": _glue_columns(table.partition_keys),
        "StorageDescriptor": {
            "Columns": _glue_columns(table.columns),
            "Location": table.location,
            "InputFormat": table.input_format or input_format,
            "OutputFormat": table.output_format or output_format,
            "Compressed": False,
            "NumberOfBuckets": -1,
            "SerdeInfo": {
                "SerializationLibrary": table.serde or serde,
                "Parameters": {"serialization.format": "1", **table.serde_properties},
            },
            "BucketColumns": [],
            "SortColumns": [],
            "Parameters": {},
            "StoredAsSubDirectories": False,
        },
    }


def _partition_input(table: Table, values: tuple[str, ...], location: str) -> dict[str, Any]:
    descriptor = dict(table.raw.get("StorageDescriptor") or {})
    descriptor["Location"] = location
    parameters = {"transient_lastDdlTime": str(int(time.time()))}
    return {"Values": list(values), "StorageDescriptor": descriptor, "Parameters": parameters}


def _metastore(error: ClientError) -> str:
    detail = error.response["Error"]
    return f"MetaException(message:{detail.get('Message')} (Service: AWSGlue; Error Code: {detail.get('Code')}))"


def named_columns(query: Query) -> list[tuple[str, t.Type]]:
    """The names and types of a query's columns, where each must have one of its own."""
    found: list[tuple[str, t.Type]] = []
    seen: set[str] = set()
    for place, column in enumerate(query.columns, 1):
        if column.name is None:
            raise failure("MISSING_COLUMN_NAME", f"Column name not specified at position {place}", 1, 1)
        name = column.name.lower()
        if name in seen:
            raise failure("DUPLICATE_COLUMN_NAME", f"Column name '{name}' specified more than once", 1, 1)
        if column.type.name == "unknown":
            raise failure("COLUMN_TYPE_UNKNOWN", f"Column type is unknown: {name}", 1, 1)
        seen.add(name)
        found.append((name, column.type))
    return found
