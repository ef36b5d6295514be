"""DDL and SHOW statements, carried out in Glue as Athena does.

Messages are Hive's, which is what Athena's DDL answers with.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from localaws.athena import statements as s
from localaws.athena import types as t
from localaws.athena import views
from localaws.athena.catalogue import CATALOG, Catalogue, Table, code_of, partition_name
from localaws.athena.errors import QueryCancelled, ddl_task_failure, failure, hive_failure
from localaws.athena.objects import Objects
from localaws.athena.planning import Query
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn
from localaws.athena.select import plan
from localaws.athena.tables import PARQUET_SERDE
from localaws.athena.text import LAZY_SIMPLE

_DEFAULT_DATABASE = "default"
_PARTITIONS_PER_CALL = 100
_TEXT_FORMATS = (
    "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
)  # fmt: skip
# Input format, output format and SerDe of STORED AS.
_FORMATS = {
    "TEXTFILE": (*_TEXT_FORMATS, LAZY_SIMPLE),
    "PARQUET": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        PARQUET_SERDE,
    ),
    "ORC": (
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    "AVRO": (
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
}


def _no_folder(location: str) -> str:
    error = f"org.apache.hadoop.fs.s3a.AccessDeniedException {location}: Access Denied"
    return f"MetaException(message:Got exception: {error})"


class Ddl:
    """Carries out one statement that is not a query."""

    def __init__(self, context: QueryContext) -> None:
        self.context = context
        self.glue = context.glue
        self.catalogue = Catalogue(context.glue)
        self.objects = Objects(context.s3, context.filesystem, context.allowed)

    def run(self, statement: s.Statement) -> QueryResult:
        """The statement's result. Raises QueryFailed."""
        return _RUNNERS[type(statement)](self, statement)

    # --- helpers

    def database_of(self, name: s.Name) -> str:
        """The database that a name is in."""
        return name.database or (self.context.database or _DEFAULT_DATABASE).lower()

    def _existing_database(self, name: str) -> str:
        if not self.catalogue.has_database(name):
            raise hive_failure(f"SemanticException [Error 10072]: Database does not exist: {name}")
        return name

    def _table(self, name: s.Name) -> Table:
        database = self.database_of(name)
        table = self.catalogue.table(database, name.name)
        if table is None:
            self._existing_database(database)
            raise hive_failure(f"SemanticException [Error 10001]: Table not found {database}.{name.name}")
        return table

    def _check(self) -> None:
        if self.context.cancelled.is_set():
            raise QueryCancelled

    # --- databases

    def create_database(self, statement: s.CreateDatabase) -> QueryResult:
        given: dict[str, Any] = {"Name": statement.name}
        if statement.comment:
            given["Description"] = statement.comment
        if statement.location:
            given["LocationUri"] = statement.location
        if statement.properties:
            given["Parameters"] = statement.properties
        try:
            self.glue.create_database(DatabaseInput=given)
        except ClientError as error:
            if code_of(error) != "AlreadyExistsException":
                raise ddl_task_failure(_metastore(error)) from error
            if not statement.if_not_exists:
                raise ddl_task_failure(f"Database {statement.name} already exists") from error
        return QueryResult("DDL", "CREATE_DATABASE")

    def drop_database(self, statement: s.DropDatabase) -> QueryResult:
        if not self.catalogue.has_database(statement.name):
            if statement.if_exists:
                return QueryResult("DDL", "DROP_DATABASE")
            raise hive_failure(f"SemanticException [Error 10072]: Database does not exist: {statement.name}")
        tables = self.catalogue.tables(statement.name)
        if tables and not statement.cascade:
            raise ddl_task_failure(
                f"InvalidOperationException(message:Database {statement.name} is not empty. One or more tables exist.)"
            )
        for table in tables:
            self.glue.delete_table(DatabaseName=statement.name, Name=table.name)
        self.glue.delete_database(Name=statement.name)
        return QueryResult("DDL", "DROP_DATABASE")

    # --- tables

    def create_table(self, statement: s.CreateTable) -> QueryResult:
        database = self._existing_database(self.database_of(statement.name))
        if not statement.location:
            raise hive_failure(
                "SemanticException No location was specified for table. An S3 location must be specified"
            )
        if not re.fullmatch(r"s3a?://[^/]+(/.*)?", statement.location):
            raise ddl_task_failure(
                f"MetaException(message:Got exception: java.io.IOException No FileSystem for: {statement.location})"
            )
        names = [column.name for column in (*statement.columns, *statement.partition_keys)]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            if repeated in [key.name for key in statement.partition_keys]:
                raise hive_failure("SemanticException [Error 10035]: Column repeated in partitioning columns")
            raise hive_failure(f"SemanticException [Error 10036]: Duplicate column name: {repeated}")
        self._make_folder(statement.location)
        try:
            self.glue.create_table(DatabaseName=database, TableInput=table_input(statement))
        except ClientError as error:
            if code_of(error) != "AlreadyExistsException":
                raise ddl_task_failure(_metastore(error)) from error
            if not statement.if_not_exists:
                raise ddl_task_failure(
                    f"AlreadyExistsException(message:Table {statement.name.name} already exists)"
                ) from error
        return QueryResult("DDL", "CREATE_TABLE")

    def _make_folder(self, location: str) -> None:
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
                self._is_there(bucket, marker)
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

    def _is_there(self, bucket: str, key: str) -> bool:
        try:
            self.context.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in ("404", "NoSuchKey", "NoSuchBucket", "NotFound"):
                return False
            raise
        return True

    def drop_table(self, statement: s.DropTable) -> QueryResult:
        database = self.database_of(statement.name)
        table = self.catalogue.table(database, statement.name.name)
        if table is None:
            if statement.if_exists:
                return QueryResult("DDL", "DROP_TABLE")
            raise hive_failure(f"SemanticException [Error 10001]: Table not found {statement.name.name}")
        if table.is_view:
            raise hive_failure("SemanticException Cannot drop a view with DROP TABLE")
        self.glue.delete_table(DatabaseName=database, Name=table.name)
        return QueryResult("DDL", "DROP_TABLE")

    def add_columns(self, statement: s.AddColumns) -> QueryResult:
        table = self._table(statement.table)
        existing = {column.name for column in (*table.columns, *table.partition_keys)}
        for column in statement.columns:
            if column.name in existing:
                raise ddl_task_failure(f"Duplicate column name: {column.name}")
        given = _updatable(table)
        given["StorageDescriptor"]["Columns"] = [
            *given["StorageDescriptor"]["Columns"],
            *_glue_columns(statement.columns),
        ]
        self.glue.update_table(DatabaseName=table.database, TableInput=given)
        return QueryResult("DDL", "ALTER_TABLE_ADD_COLUMNS")

    def set_properties(self, statement: s.SetProperties) -> QueryResult:
        table = self._table(statement.table)
        given = _updatable(table)
        given["Parameters"] = {**(given.get("Parameters") or {}), **statement.properties}
        self.glue.update_table(DatabaseName=table.database, TableInput=given)
        return QueryResult("DDL", "ALTER_TABLE_PROPERTIES")

    def set_location(self, statement: s.SetLocation) -> QueryResult:
        table = self._table(statement.table)
        if statement.partition is None:
            given = _updatable(table)
            given["StorageDescriptor"]["Location"] = statement.location
            self.glue.update_table(DatabaseName=table.database, TableInput=given)
            return QueryResult("DDL", "ALTER_TABLE_LOCATION")
        values = self._values(table, statement.partition)
        if values not in {partition.values for partition in self.catalogue.partitions(table)}:
            raise hive_failure(f"SemanticException [Error 10006]: Partition not found {dict(statement.partition)}")
        self.glue.update_partition(
            DatabaseName=table.database,
            TableName=table.name,
            PartitionValueList=list(values),
            PartitionInput=_partition_input(table, values, statement.location),
        )
        return QueryResult("DDL", "ALTER_PARTITION_LOCATION")

    # --- partitions

    def _values(self, table: Table, spec: s.PartitionSpec) -> tuple[str, ...]:
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

    def add_partitions(self, statement: s.AddPartitions) -> QueryResult:
        table = self._table(statement.table)
        wanted: dict[tuple[str, ...], str] = {}
        for spec, location in statement.partitions:
            values = self._values(table, spec)
            if values in wanted and not statement.if_not_exists:
                raise ddl_task_failure("AlreadyExistsException(message:Partition already exists.)")
            wanted.setdefault(values, location or default_location(table, values))
        existing = {partition.values for partition in self.catalogue.partitions(table)}
        if not statement.if_not_exists and existing & wanted.keys():
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

    def drop_partitions(self, statement: s.DropPartitions) -> QueryResult:
        table = self._table(statement.table)
        keys = [key.name for key in table.partition_keys]
        existing = self.catalogue.partitions(table)
        for spec in statement.partitions:
            unknown = [name for name, _ in spec if name not in keys]
            if unknown:
                raise hive_failure(
                    "SemanticException [Error 10098]: Non-Partition column appears in the partition specification: "
                    f"{unknown[0]}"
                )
            chosen = [p for p in existing if all(p.values[keys.index(name)] == value for name, value in spec)]
            if not chosen and not statement.if_exists:
                shown = ", ".join(f"{name} = {value}" for name, value in spec)
                raise hive_failure(f"SemanticException [Error 10006]: Partition not found ({shown})")
            for partition in chosen:
                self._check()
                self.glue.delete_partition(
                    DatabaseName=table.database, TableName=table.name, PartitionValues=list(partition.values)
                )
        return QueryResult("DDL", "ALTER_TABLE_DROP_PARTITION")

    def repair(self, statement: s.RepairTable) -> QueryResult:
        """Adds the partitions whose folders exist; never removes one."""
        table = self._table(statement.table)
        if table.is_view:
            raise hive_failure("SemanticException MSCK REPAIR TABLE is not for views")
        found = dict(self._partition_folders(table)) if table.partition_keys else {}
        registered = self.catalogue.partitions(table) if table.partition_keys else []
        existing = {partition.values for partition in registered}
        new = {
            values: path for values, path in sorted(found.items(), key=lambda item: item[1]) if values not in existing
        }
        root = table.storage.location.rstrip("/") + "/"
        missing = sorted(
            partition_name(table, p.values)
            for p in registered
            if p.values not in found and p.storage.location.rstrip("/") == default_location(table, p.values).rstrip("/")
        )
        self.create_partitions(table, {values: f"{root}{path}" for values, path in new.items()})
        lines = []
        if new:
            lines.append(
                "\t".join(["Partitions not in metastore:", *(f"{table.name}:{path}" for path in new.values())])
            )
        if missing:
            lines.append(
                "\t".join(["Partitions missing from filesystem:", *(f"{table.name}:{name}" for name in missing)])
            )
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
                for folder in self.objects.folders(f"{root}{path}/" if path else root):
                    name, equals, value = folder.partition("=")
                    if equals and name == key.name and value:
                        below.append(((*values, unquote(value)), f"{path}/{folder}" if path else folder))
            level = below
        return level

    # --- SHOW and DESCRIBE

    def show_partitions(self, statement: s.ShowPartitions) -> QueryResult:
        table = self._table(statement.table)
        if not table.partition_keys:
            raise ddl_task_failure(f"Table {table.name} is not a partitioned table")
        names = sorted(partition_name(table, partition.values) for partition in self.catalogue.partitions(table))
        return _listing("SHOW_PARTITIONS", "partition", names)

    def show_tables(self, statement: s.ShowTables | s.ShowViews) -> QueryResult:
        database = self._existing_database(statement.database or (self.context.database or _DEFAULT_DATABASE).lower())
        only_views = isinstance(statement, s.ShowViews)
        matches = _matcher(statement.pattern)
        names = [
            table.name
            for table in self.catalogue.tables(database)
            if matches(table.name) and (table.is_view or not only_views)
        ]
        return _listing("SHOW_VIEWS" if only_views else "SHOW_TABLES", "views" if only_views else "tab_name", names)

    def show_databases(self, statement: s.ShowDatabases) -> QueryResult:
        matches = _matcher(statement.pattern)
        return _listing("SHOW_DATABASES", "database_name", [n for n in self.catalogue.databases() if matches(n)])

    def show_columns(self, statement: s.ShowColumns) -> QueryResult:
        table = self._table(statement.table)
        names = [column.name for column in (*table.columns, *table.partition_keys)]
        return _listing("SHOW_COLUMNS", "field", names)

    def describe(self, statement: s.Describe) -> QueryResult:
        table = self._table(statement.table)
        lines = [_described(c.name, c.type, c.comment) for c in (*table.columns, *table.partition_keys)]
        if table.partition_keys:
            lines += [
                "\t \t ",
                "# Partition Information\t \t ",
                _described("# col_name", "data_type", "comment"),
                "\t \t ",
            ]
            lines += [_described(c.name, c.type, c.comment) for c in table.partition_keys]
        columns = [ResultColumn(name, "string") for name in ("col_name", "data_type", "comment")]
        # As on Athena, a row is one cell, in which tabs separate the three columns.
        return QueryResult("UTILITY", "DESCRIBE_TABLE", columns, [(line,) for line in lines])

    def show_create(self, statement: s.ShowCreate) -> QueryResult:
        table = self._table(statement.table)
        if statement.view != table.is_view:
            other = "a view" if table.is_view else "a table"
            raise failure("NOT_SUPPORTED", f"{table.full_name} is {other}")
        if table.is_view:
            text = f"CREATE VIEW {table.name} AS {views.decode(table).sql}"
            return _listing("SHOW_CREATE_VIEW", "Create View", text.split("\n"))
        return _listing("SHOW_CREATE_TABLE", "createtab_stmt", _create_text(table))

    # --- views

    def create_view(self, statement: s.CreateView) -> QueryResult:
        database = self.database_of(statement.name)
        existing = self.catalogue.table(database, statement.name.name)
        full_name = f"{CATALOG}.{database}.{statement.name.name}"
        if existing is not None and not existing.is_view:
            raise failure("TABLE_ALREADY_EXISTS", f"Table already exists: '{full_name}'", 1, 1)
        # What Trino does not read as a view, it does not replace either (HiveMetadata.createView).
        if existing is not None and not (statement.replace and views.is_readable(existing)):
            raise failure("ALREADY_EXISTS", f"View already exists: '{full_name}'", 1, 1)
        if not self.catalogue.has_database(database):
            raise failure("SCHEMA_NOT_FOUND", f"Schema {database} not found", 1, 1)
        query, _ = plan(statement.query, self.context, view=full_name)
        columns = named_columns(query)
        try:
            given = views.view_input(statement.name.name, statement.query, self.context.database or database, columns)
        except ValueError as error:
            raise failure(
                "NOT_SUPPORTED", f"Unsupported Hive type: {str(error).removeprefix('Hive has no type ')}"
            ) from error
        if existing is None:
            self.glue.create_table(DatabaseName=database, TableInput=given)
        else:
            self.glue.update_table(DatabaseName=database, TableInput=given)
        return QueryResult("DDL", "CREATE_VIEW")

    def drop_view(self, statement: s.DropView) -> QueryResult:
        database = self.database_of(statement.name)
        table = self.catalogue.table(database, statement.name.name)
        full_name = f"{CATALOG}.{database}.{statement.name.name}"
        if table is None:
            if statement.if_exists:
                return QueryResult("DDL", "DROP_VIEW")
            raise failure("TABLE_NOT_FOUND", f"View '{full_name}' does not exist", 1, 1)
        if not table.is_view:
            raise failure(
                "TABLE_NOT_FOUND",
                f"View '{full_name}' does not exist, but a table with that name exists. "
                f"Did you mean DROP TABLE {full_name}?",
                1,
                1,
            )
        self.glue.delete_table(DatabaseName=database, Name=table.name)
        return QueryResult("DDL", "DROP_VIEW")


_RUNNERS: dict[type[Any], Callable[[Ddl, Any], QueryResult]] = {
    s.CreateDatabase: Ddl.create_database,
    s.DropDatabase: Ddl.drop_database,
    s.CreateTable: Ddl.create_table,
    s.DropTable: Ddl.drop_table,
    s.AddColumns: Ddl.add_columns,
    s.SetLocation: Ddl.set_location,
    s.SetProperties: Ddl.set_properties,
    s.AddPartitions: Ddl.add_partitions,
    s.DropPartitions: Ddl.drop_partitions,
    s.RepairTable: Ddl.repair,
    s.ShowPartitions: Ddl.show_partitions,
    s.ShowTables: Ddl.show_tables,
    s.ShowViews: Ddl.show_tables,
    s.ShowDatabases: Ddl.show_databases,
    s.ShowColumns: Ddl.show_columns,
    s.ShowCreate: Ddl.show_create,
    s.Describe: Ddl.describe,
    s.CreateView: Ddl.create_view,
    s.DropView: Ddl.drop_view,
}


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


def _glue_columns(columns: tuple[s.ColumnDefinition, ...]) -> list[dict[str, str]]:
    return [
        {"Name": c.name, "Type": c.type, "Comment": c.comment} if c.comment else {"Name": c.name, "Type": c.type}
        for c in columns
    ]


def table_input(statement: s.CreateTable) -> dict[str, Any]:
    """A TableInput as Athena writes it for CREATE EXTERNAL TABLE."""
    if statement.stored_as and statement.stored_as not in _FORMATS:
        raise hive_failure(f"SemanticException Unrecognized file format in STORED AS clause: '{statement.stored_as}'")
    input_format, output_format, serde = _FORMATS[statement.stored_as or "TEXTFILE"]
    parameters = {"EXTERNAL": "TRUE", "transient_lastDdlTime": str(int(time.time())), **statement.properties}
    if statement.comment:
        parameters["comment"] = statement.comment
    return {
        "Name": statement.name.name,
        "Owner": "hadoop",
        "Retention": 0,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": _glue_columns(statement.partition_keys),
        "StorageDescriptor": {
            "Columns": _glue_columns(statement.columns),
            "Location": statement.location,
            "InputFormat": statement.input_format or input_format,
            "OutputFormat": statement.output_format or output_format,
            "Compressed": False,
            "NumberOfBuckets": -1,
            "SerdeInfo": {
                "SerializationLibrary": statement.serde or serde,
                "Parameters": {"serialization.format": "1", **statement.serde_properties},
            },
            "BucketColumns": [],
            "SortColumns": [],
            "Parameters": {},
            "StoredAsSubDirectories": False,
        },
    }


def _updatable(table: Table) -> dict[str, Any]:
    """The TableInput that would leave a table as it is."""
    keys = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
            "ViewExpandedText", "TableType", "Parameters")  # fmt: skip
    given = {key: table.raw[key] for key in keys if key in table.raw}
    given["StorageDescriptor"] = dict(given.get("StorageDescriptor") or {})
    given["StorageDescriptor"].setdefault("Columns", [])
    return given


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


def _literal(text: str) -> str:
    """A Hive string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _create_text(table: Table) -> list[str]:
    def listed(columns: tuple[Any, ...]) -> list[str]:
        last = len(columns) - 1
        return [
            f"  `{c.name}` {c.type}"
            + (f" COMMENT {_literal(c.comment)}" if c.comment else "")
            + (", " if i < last else "")
            for i, c in enumerate(columns)
        ]

    def pairs(given: dict[str, str]) -> list[str]:
        last = len(given) - 1
        return [
            f"  {_literal(k)}={_literal(v)}" + (")" if i == last else ", ")
            for i, (k, v) in enumerate(sorted(given.items()))
        ]

    columns = listed(table.columns)
    lines = [f"CREATE EXTERNAL TABLE `{table.name}`(", *columns[:-1], columns[-1] + ")"]
    if table.partition_keys:
        keys = listed(table.partition_keys)
        lines += ["PARTITIONED BY ( ", *keys[:-1], keys[-1] + ")"]
    lines += ["ROW FORMAT SERDE ", f"  '{table.storage.serde}' "]
    if table.storage.serde_parameters:
        lines += ["WITH SERDEPROPERTIES ( ", *pairs(table.storage.serde_parameters)]
    raw = table.raw.get("StorageDescriptor") or {}
    lines += [
        "STORED AS INPUTFORMAT ",
        f"  '{table.storage.input_format}' ",
        "OUTPUTFORMAT ",
        f"  '{raw.get('OutputFormat', '')}'",
    ]
    lines += ["LOCATION", f"  '{table.storage.location}'"]
    properties = {key: value for key, value in table.parameters.items() if key != "EXTERNAL"}
    if properties:
        lines += ["TBLPROPERTIES (", *pairs(properties)]
    return lines
