"""The one shared configuration: its model.

Names that end up in SQL, S3 keys or AWS calls are held to what those accept (see ``lakelanes.names``). What is wrong
with a file as a whole is found in ``lakelanes.config.faults``; ``lakelanes.config.loading`` reads it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from lakelanes import names
from lakelanes.aws.clients import partition_of
from lakelanes.config.filename_patterns import FilenamePattern
from lakelanes.config.table_faults import UNDECLARED
from lakelanes.convert.dialect import COLUMN_SETTINGS, MAX_FOOTER_LINES, Dialect
from lakelanes.convert.partition_values import INTEGER_BITS, PartitionValue
from lakelanes.convert.policy import MAX_COMPRESSION_RATIO, LoadPolicy, Reaction, SchemaPolicy
from lakelanes.types import HiveType, parse_type

Grain = Literal["hour", "day", "month", "year"]
Lane = Literal["batch", "fast"]

# Partition keys that, in this order, spell a date; how many of them lead decides the grain.
_DATE_KEYS: tuple[tuple[str, str, Grain], ...] = (
    ("year", "%Y", "year"),
    ("month", "%m", "month"),
    ("day", "%d", "day"),
    ("hour", "%H", "hour"),
)
# A single partition key with one of these names, or of type date, holds a whole day.
_DAY_KEYS = frozenset({"dt", "ds", "date", "partition_date"})
_KEY_FORMATS: dict[Grain, str] = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_DEADLINE_MINUTES: dict[Grain | None, int] = {None: 1440, "hour": 180, "day": 1440, "month": 4320, "year": 10080}


def _parse_hive_type(value: Any, *, binary: bool = False) -> HiveType:
    if isinstance(value, HiveType):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a Hive type; write it as text, e.g. 'decimal(10,2)'")
    return parse_type(value, binary=binary)


def _cron(value: str) -> str:
    field = r"[0-9A-Za-z*/,#?L-]+"
    if not re.fullmatch(rf"@(hourly|daily|weekly|monthly|yearly)|{field}( {field}){{4}}", value):
        raise ValueError(f"{value!r} is not a cron expression: use five fields such as '0 6 * * *'")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone: use an IANA name such as 'Europe/Zurich'") from None
    return value


def _date_format(value: str) -> str:
    day = datetime(2024, 3, 15)
    try:
        is_day = datetime.strptime(day.strftime(value), value) == day
    except ValueError:
        is_day = False
    if not is_day:
        raise ValueError(f"{value!r} does not spell a day: use strftime fields such as '%Y-%m-%d' or '%Y%m%d'")
    return value


def _window(minutes: int) -> int:
    # Cron has no other steps that are the same all day long.
    if 1440 % minutes or (60 % minutes and minutes % 60):
        raise ValueError(
            f"{minutes} minutes do not divide a day into hours or parts of an hour: "
            "use 15, 20, 30, 60, 120, 180, 240, 360, 480, 720 or 1440"
        )
    return minutes


def _log_days(days: int) -> int:
    if days not in LOG_DAYS:
        raise ValueError(f"CloudWatch keeps logs for {', '.join(map(str, LOG_DAYS))} days, not {days}")
    return days


def _attribute(value: str) -> str:
    if any(not part or len(part.encode()) > 65535 for part in value.split(".")):
        raise ValueError(f"{value!r} is no attribute: use a name such as 'city', or a path such as 'address.city'")
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or "@" in parts.netloc) and value.isascii() and value.isprintable()
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or " " in value:
        raise ValueError(f"{value!r} is no address of a web page: use one such as 'https://airflow.example.com'")
    return value.rstrip("/")


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"{', '.join(values)}: one is there twice")
    return values


def _pattern(value: str) -> str:
    if FilenamePattern(value).fullmatch(""):
        raise ValueError(f"{value!r} matches an empty file name")
    return value


AccountId = Annotated[str, AfterValidator(names.account_id)]
BucketName = Annotated[str, AfterValidator(names.bucket_name)]
ChangesTableName = Annotated[str, AfterValidator(names.changes_table_name)]
ColumnName = Annotated[str, AfterValidator(names.column_name)]
Cron = Annotated[str, AfterValidator(_cron)]
DatabaseName = Annotated[str, AfterValidator(names.database_name)]
DynamoDBTableName = Annotated[str, AfterValidator(names.dynamodb_table_name)]
EntityName = Annotated[str, AfterValidator(names.entity_name)]
QueueName = Annotated[str, AfterValidator(names.queue_name)]
RegionName = Annotated[str, AfterValidator(names.region_name)]
TableName = Annotated[str, AfterValidator(names.table_name)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
TopicName = Annotated[str, AfterValidator(names.topic_name)]
WorkgroupName = Annotated[str, AfterValidator(names.workgroup_name)]
Type = Annotated[
    HiveType,
    BeforeValidator(_parse_hive_type),
    PlainSerializer(lambda t: t.text),
    WithJsonSchema({"type": "string", "description": "a Hive type such as string, bigint, decimal(10,2), date"}),
]
AttributeType = Annotated[
    HiveType,
    BeforeValidator(partial(_parse_hive_type, binary=True)),
    PlainSerializer(lambda t: t.text),
    WithJsonSchema({"type": "string", "description": "a Hive type such as string, decimal(38,2), binary, array<int>"}),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Aws(_Model):
    """Where the lake lives."""

    region: RegionName
    account_id: AccountId

    @property
    def partition(self) -> str:
        """The partition of AWS that the region is in, as ARNs name it: ``aws``, ``aws-cn``, ..."""
        return partition_of(self.region)


class Resources(_Model):
    """Names of the AWS resources, created by infrastructure/template.yaml."""

    source_bucket: BucketName
    analytics_bucket: BucketName
    glue_database: DatabaseName
    workgroup_name: WorkgroupName
    sqs_queue: QueueName
    ledger_table: DynamoDBTableName = "lakelanes_ledger"
    replaces_ledger: str | None = None
    alert_topic: TopicName = "lakelanes_alerts"

    @property
    def dead_letter_queue(self) -> str:
        """Queue of the notifications that the low-latency lane could not deal with."""
        return f"{self.sqs_queue}-dlq"


class DeploymentSettings(_Model):
    """What the deployment gives the resources beside their names. Days are those after which S3 and CloudWatch delete.

    export_days is long: what point-in-time recovery has forgotten cannot be exported again.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
    """

    deletion_protection: bool = True
    fast_lane_concurrency: Annotated[int, Field(ge=2, le=1000)] = 10
    bytes_scanned_cutoff: Annotated[int, Field(ge=10_000_000)] = 100 << 30
    log_days: Annotated[int, AfterValidator(_log_days)] = 30
    query_result_days: Annotated[int, Field(ge=1)] = 14
    replaced_source_days: Annotated[int, Field(ge=1)] = 90
    export_days: Annotated[int, Field(ge=7)] | None = 35
    dashboards_principal: Annotated[str, AfterValidator(names.quicksight_principal)] | None = None


class Column(_Model):
    """A column of the table; ``header`` is its name in the CSV's header when that differs.

    Below ``required`` is what the dialect says of values, for this column alone; null leaves it to the dialect.
    """

    name: ColumnName
    type: Type
    header: str | None = Field(default=None, min_length=1)
    comment: str | None = Field(default=None, max_length=255)
    required: bool = False
    null_values: tuple[str, ...] | None = Field(default=None, strict=False)
    quoted_nulls: bool | None = None
    trim: bool | None = None
    true_values: tuple[str, ...] | None = Field(default=None, strict=False)
    false_values: tuple[str, ...] | None = Field(default=None, strict=False)
    date_format: str | None = None
    timestamp_format: str | None = None
    beyond_microseconds: Literal["refuse", "cut"] | None = None
    decimal_separator: Literal[".", ","] | None = None
    thousands_separator: str | None = None
    trailing_minus: bool | None = None
    parentheses: bool | None = None
    currencies: tuple[str, ...] | None = Field(default=None, strict=False)
    percent: Literal["number", "fraction"] | None = None

    @cached_property
    def value_settings(self) -> dict[str, Any]:
        """What the column has of its own of the dialect's settings."""
        return {name: value for name in COLUMN_SETTINGS if (value := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _of_its_type(self) -> Column:
        for name in self.value_settings:
            kinds = COLUMN_SETTINGS[name]
            if kinds is not None and self.type.kind not in kinds:
                raise ValueError(f"{name} is for columns of type {', '.join(kinds)}, not {self.type.text}")
        return self


class PartitionKey(_Model):
    """A partition column. Values come from the file name, or row by row from ``column``, a date or timestamp in the
    strftime form ``format``; as ``string`` they keep leading zeros."""

    name: ColumnName
    type: Type = Field(default_factory=lambda: parse_type("string"))
    column: ColumnName | None = None
    format: str | None = Field(default=None, min_length=1)

    @property
    def value(self) -> PartitionValue | None:
        """How the value is made of a row; None when it comes from the file name."""
        if self.column is None:
            return None
        return PartitionValue(self.column, self.format, self.type.kind in INTEGER_BITS)


def _partition_key(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class CsvDialect(_Model):
    """How the entity's CSV files are written; see ``lakelanes.convert.Dialect``."""

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    quotes: Literal["strict", "lenient"] = "strict"
    null_values: tuple[str, ...] = Field(default=("",), strict=False)
    encoding: str = "utf-8"
    header: bool = True
    skip_rows: Annotated[int, Field(ge=0)] = 0
    skip_footer: Annotated[int, Field(ge=0, le=MAX_FOOTER_LINES)] = 0
    comment: str | None = None
    skip_empty_rows: bool = False
    skip_repeated_headers: bool = False
    pad_short_rows: bool = False
    trailing_delimiter: bool = False
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal_separator: Literal[".", ","] = "."
    thousands_separator: str | None = None
    quoted_nulls: bool = False
    trim: bool = False
    true_values: tuple[str, ...] | None = Field(default=None, strict=False)
    false_values: tuple[str, ...] | None = Field(default=None, strict=False)
    trailing_minus: bool = False
    parentheses: bool = False
    currencies: tuple[str, ...] = Field(default=(), strict=False)
    percent: Literal["number", "fraction"] | None = None
    beyond_microseconds: Literal["refuse", "cut"] = "refuse"

    @model_validator(mode="after")
    def _usable(self) -> CsvDialect:
        self.converter()
        return self

    def converter(self) -> Dialect:
        """The dialect as the converter takes it."""
        return Dialect(**self.model_dump())


class EntitySchemaPolicy(_Model):
    """What becomes of columns and values that are not the table's; see ``lakelanes.convert.policy``."""

    new_columns: Reaction = "discard_value"
    type_misfits: Reaction = "discard_row"
    rescue: bool = False

    def converter(self) -> SchemaPolicy:
        """The policy as the converter takes it."""
        return SchemaPolicy(**self.model_dump())


class Entity(_Model):
    """One kind of source file and the table it becomes."""

    table_name: TableName
    filename_pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        description="regular expression for the whole file name (for the key below source_prefix when it contains a "
        "'/'); its groups, or named groups, are the values of the partition keys that have no column"
    )
    partition_keys: tuple[Annotated[PartitionKey, BeforeValidator(_partition_key)], ...] = Field(
        min_length=1, strict=False, json_schema_extra={"items": {"anyOf": [{"type": "string"}, {"type": "object"}]}}
    )
    columns: tuple[Column, ...] = Field(alias="schema", min_length=1, strict=False)
    source_prefix: Annotated[str, AfterValidator(names.key_prefix)] = ""
    example: str | None = Field(default=None, description="a file name that must match this entity, and only this one")
    format: Literal["parquet", "csv"] = "parquet"
    registration: Literal["add_partition", "msck", "projection"] = "add_partition"
    dialect: CsvDialect = CsvDialect()
    on_bad_rows: Literal["quarantine", "fail"] = "quarantine"
    max_bad_rows: Annotated[int, Field(ge=0)] | None = None
    max_compression_ratio: Annotated[int, Field(ge=1)] | None = MAX_COMPRESSION_RATIO
    missing_columns: Literal["error", "null"] = "error"
    empty_versions: Literal["load", "refuse"] = "load"
    schema_policy: EntitySchemaPolicy = EntitySchemaPolicy()
    sort_by: tuple[ColumnName, ...] = Field(
        default=(), strict=False, description="columns by which the rows of each row group are sorted"
    )
    date_format: Annotated[str, AfterValidator(_date_format)] = Field(
        default="%Y-%m-%d", description="strftime form of a single date partition key's values"
    )
    schedule: Cron | None = None
    timezone: TimeZone = "UTC"
    deadline_minutes: Annotated[int, Field(ge=1)] | None = None
    stale_minutes: Annotated[int, Field(ge=0)] | None = 1440
    alert_rejected_percent: Annotated[int, Field(ge=0, le=100)] | None = 10
    settle_seconds: Annotated[int, Field(ge=0, le=3600)] = 10
    batch_bytes: Annotated[int, Field(ge=1 << 20)] = 256 << 20
    max_partitions_per_file: Annotated[int, Field(ge=1, le=20_000)] = 1000
    lanes: tuple[Lane, ...] = Field(default=("batch", "fast"), min_length=1, strict=False)
    fast_max_bytes: Annotated[int, Field(ge=0, le=64 << 20)] = 32 << 20
    name: Annotated[str, Field(exclude=True)] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Entity:
        groups = FilenamePattern(self.filename_pattern)
        wanted = [key.name for key in self.name_keys]
        if groups.groupindex:
            missing = [name for name in wanted if name not in {g.lower() for g in groups.groupindex}]
            if missing:
                raise ValueError(f"filename_pattern has no group named {', '.join(map(repr, missing))}")
        elif groups.groups != len(wanted):
            raise ValueError(
                f"filename_pattern has {groups.groups} groups for {len(wanted)} partition_keys "
                f"({', '.join(wanted) or 'all others come from columns'}); "
                "give one group to each, in order, or name them (?P<name>...)"
            )
        if self.format == "csv":
            readable = {"delimiter", "quote", "escape"}  # what OpenCSVSerDe has settings for
            plain = CsvDialect()
            for name in sorted(CsvDialect.model_fields.keys() - readable):
                if getattr(self.dialect, name) != getattr(plain, name):
                    raise ValueError(f"dialect.{name} needs format 'parquet': a 'csv' table is the file as it came")
            if self.dialect.converter().stand_in is not None:
                raise ValueError(
                    f"dialect.delimiter {self.dialect.delimiter!r} needs format 'parquet': what reads a 'csv' table, "
                    "OpenCSVSerDe, takes one ASCII character"
                )
            if self.schema_policy != EntitySchemaPolicy():
                raise ValueError("schema_policy needs format 'parquet': a 'csv' table is the file as it came")
            if self.sort_by:
                raise ValueError("sort_by needs format 'parquet': a 'csv' table is the file as it came")
        return self

    @model_validator(mode="after")
    def _columns_are_readable(self) -> Entity:
        dialect = self.dialect.converter()
        for place, column in enumerate(self.columns):
            own = [*column.value_settings, *["required"] * column.required]
            if own and self.format == "csv":
                where = f"schema[{place}].{own[0]}"
                raise ValueError(f"{where} needs format 'parquet': a 'csv' table is the file as it came")
            try:
                dialect.of_column(column.value_settings)
            except ValueError as error:
                raise ValueError(f"schema[{place}], column {column.name!r}: {error}") from None
        return self

    def load_policy(self, empty_refusal: str | None = None) -> LoadPolicy:
        """When a file is refused and what becomes of what is not the table's, as the converter takes it.

        empty_refusal: why a file without rows is refused; None where it is loaded.
        """
        return LoadPolicy(
            self.on_bad_rows,
            self.max_bad_rows,
            self.missing_columns,
            self.schema_policy.converter(),
            empty_refusal,
            max_compression_ratio=self.max_compression_ratio,
        )

    @property
    def rejects_table(self) -> str:
        """Table that holds this entity's rejected rows."""
        return f"{self.table_name}_rejects"

    @cached_property
    def pattern(self) -> FilenamePattern:
        return FilenamePattern(self.filename_pattern)

    @cached_property
    def name_keys(self) -> tuple[PartitionKey, ...]:
        """Partition keys whose values the file's name holds."""
        return tuple(key for key in self.partition_keys if key.column is None)

    @cached_property
    def data_keys(self) -> tuple[PartitionKey, ...]:
        """Partition keys whose values the rows hold: one file then has rows of many partitions."""
        return tuple(key for key in self.partition_keys if key.column is not None)

    @cached_property
    def table_columns(self) -> tuple[Column, ...]:
        """The columns of the table's files: a column named like a partition key is that key, and not there."""
        keys = {key.name for key in self.data_keys}
        return tuple(column for column in self.columns if column.name not in keys)

    @cached_property
    def date_keys(self) -> dict[str, str]:
        """Partition keys that make up the partition's date, each with the strftime form of its values."""
        keys = {key.name: key for key in self.partition_keys}
        found: dict[str, str] = {}
        for name, form, _ in _DATE_KEYS:
            if name not in keys or (keys[name].column and keys[name].format != form):
                break
            found[name] = form
        if not found:
            days = [(name, day) for name, key in keys.items() if (day := self._day_form(key))]
            if len(days) == 1:
                found = dict(days)
        return found

    def _day_form(self, key: PartitionKey) -> str | None:
        """The strftime form of a key that holds a whole day; None for any other."""
        if key.column is None:
            return self.date_format if key.name in _DAY_KEYS or key.type.text == "date" else None
        dates = {column.name for column in self.columns if column.type.text == "date"}
        if key.type.text == "date" or (key.name in _DAY_KEYS and key.format is None and key.column in dates):
            return "%Y-%m-%d"
        with suppress(ValueError):
            return _date_format(key.format) if key.name in _DAY_KEYS and key.format else None
        return None

    @cached_property
    def partition_grain(self) -> Grain | None:
        """What one partition covers; None when the partition keys spell no date."""
        if not self.date_keys:
            return None
        grains: dict[str, Grain] = {name: grain for name, _, grain in _DATE_KEYS}
        return grains.get(list(self.date_keys)[-1], "day")

    @cached_property
    def grain(self) -> Grain | None:
        """What one run covers: a partition's date, where the file names spell it; None where they do not."""
        from_rows = {key.name for key in self.data_keys}
        return None if from_rows & self.date_keys.keys() else self.partition_grain

    @property
    def partition_key_format(self) -> str | None:
        """strftime form of a partition's date as an Airflow partition key: of this entity's asset events, and of its
        runs where it has a grain."""
        return _KEY_FORMATS[self.partition_grain] if self.partition_grain else None

    @property
    def deadline(self) -> int:
        """Minutes a run waits for its files before it fails."""
        return self.deadline_minutes or _DEADLINE_MINUTES[self.grain]


class AttributeColumn(_Model):
    """A column of a DynamoDB table; ``attribute`` is where an item has its value: a name, or a path of maps' names."""

    name: ColumnName
    type: AttributeType
    attribute: Annotated[str, AfterValidator(_attribute)] = ""
    comment: str | None = Field(default=None, max_length=255)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        # Here and not below: attributes know upper and lower case, which a column's name loses.
        if isinstance(raw, dict) and raw.get("attribute", "") == "" and isinstance(raw.get("name"), str):
            return {**raw, "attribute": raw["name"]}
        return raw

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The attribute's name, after those of the maps that it lies in."""
        return tuple(self.attribute.split("."))


class TableExport(_Model):
    """How a table's changes are exported; windows are in UTC and follow each other from midnight on.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_IncrementalExportSpecification.html
    """

    window_minutes: Annotated[int, Field(ge=15, le=1440), AfterValidator(_window)] = 60
    view_type: Literal["NEW_IMAGE", "NEW_AND_OLD_IMAGES"] = "NEW_AND_OLD_IMAGES"
    prefix: Annotated[str, AfterValidator(names.key_prefix)] = "dynamodb-exports/"
    schedule: Cron | None = None
    timezone: TimeZone = "UTC"


class Compaction(_Model):
    """What becomes of a table's snapshots; maintain_lake makes a new one every night."""

    keep_days: Annotated[int, Field(ge=1)] = 7


class TableStream(_Model):
    """How a table's stream is read, and for how long its rows are kept.

    keep_days is longer than point-in-time recovery lasts: until its window is exported, a row may be all that the view
    knows of a change. https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
    """

    batch_records: Annotated[int, Field(ge=1, le=10_000)] = 1000
    batch_seconds: Annotated[int, Field(ge=0, le=300)] = 10
    keep_days: Annotated[int, Field(ge=36)] | None = None


TableLane = Literal["export", "stream"]


class Table(_Model):
    """A DynamoDB table and what the lake makes of it."""

    dynamodb_table: DynamoDBTableName
    table_name: ChangesTableName
    keys: tuple[ColumnName, ...] = Field(min_length=1, max_length=2, strict=False)
    columns: tuple[AttributeColumn, ...] = Field(alias="schema", min_length=1, strict=False)
    undeclared: ColumnName = UNDECLARED
    lanes: Annotated[tuple[TableLane, ...], AfterValidator(_distinct)] = Field(
        default=("export", "stream"), min_length=1, strict=False
    )
    export: TableExport = TableExport()
    stream: TableStream = TableStream()
    compaction: Compaction = Compaction()
    name: Annotated[str, Field(exclude=True)] = ""

    @property
    def changes_table(self) -> str:
        return f"{self.table_name}_changes"

    @property
    def snapshot_table(self) -> str:
        return f"{self.table_name}_snapshot"

    @property
    def current_view(self) -> str:
        return f"{self.table_name}_current"


class LakeConfig(_Model):
    """The whole configuration."""

    schema_ref: str | None = Field(default=None, alias="$schema")
    aws: Aws
    resources: Resources
    deployment: DeploymentSettings = DeploymentSettings()
    entities: dict[EntityName, Entity] = Field(min_length=1)
    tables: dict[EntityName, Table] = {}
    airflow_url: Annotated[str, AfterValidator(_web_address)] | None = None
    ignored_names: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        default=(), strict=False, description="regular expressions for names of files that are no entity's on purpose"
    )

    @model_validator(mode="after")
    def _named(self) -> LakeConfig:
        for name, entity in self.entities.items():
            object.__setattr__(entity, "name", name)
        for name, table in self.tables.items():
            object.__setattr__(table, "name", name)
        return self

    @property
    def exported_tables(self) -> list[Table]:
        """The tables that export_<table> exports, in the configuration's order."""
        return [table for table in self.tables.values() if "export" in table.lanes]

    @property
    def alert_topic_arn(self) -> str:
        return f"arn:{self.aws.partition}:sns:{self.aws.region}:{self.aws.account_id}:{self.resources.alert_topic}"
