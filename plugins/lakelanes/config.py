"""The one shared configuration: its model, its loading, and its faults.

``load_config`` reads the file that ``LAKE_CONFIG`` names (``include/lake.json`` otherwise), replaces ``${NAME}`` by
environment variables (``$${`` stands for a literal ``${``) and checks everything at once: a ``ConfigError`` lists each
fault with the path of the setting, what was found and what was expected. Names that end up in SQL, S3 keys or AWS calls
are held to what those accept (see ``lakelanes.names``).
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from lakelanes import names
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.partition_values import INTEGER_BITS, PartitionValue, form_fault
from lakelanes.convert.policy import RESCUED, Reaction, SchemaPolicy, variant_name
from lakelanes.errors import ConfigError
from lakelanes.include import INCLUDE
from lakelanes.tables.faults import UNDECLARED, table_faults
from lakelanes.types import HiveType, parse_type

DEFAULT_PATH = INCLUDE / "lake.json"

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
        told = datetime.strptime(day.strftime(value), value) == day
    except ValueError:
        told = False
    if not told:
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


def _attribute(value: str) -> str:
    if any(not part or len(part.encode()) > 65535 for part in value.split(".")):
        raise ValueError(f"{value!r} is no attribute: use a name such as 'city', or a path such as 'address.city'")
    return value


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError(f"{', '.join(values)}: one is there twice")
    return values


def _pattern(value: str) -> str:
    try:
        compiled = re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    if compiled.fullmatch(""):
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


class Resources(_Model):
    """Names of the AWS resources, created by infrastructure/template.yaml."""

    source_bucket: BucketName
    analytics_bucket: BucketName
    glue_database: DatabaseName
    workgroup_name: WorkgroupName
    sqs_queue: QueueName
    ledger_table: DynamoDBTableName = "lakelanes_ledger"
    alert_topic: TopicName = "lakelanes_alerts"

    @property
    def dead_letter_queue(self) -> str:
        """Queue of the notifications that the low-latency lane could not deal with."""
        return f"{self.sqs_queue}-dlq"


class Column(_Model):
    """A column of the table; ``header`` is its name in the CSV's header when that differs."""

    name: ColumnName
    type: Type
    header: str | None = Field(default=None, min_length=1)
    comment: str | None = Field(default=None, max_length=255)


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


_REJECTS_COLUMNS = frozenset({"source_file", "record", "line", "column", "reason", "raw"})
_NESTED_TYPE = re.compile(r"\s*(array|map|struct)\s*<", re.IGNORECASE)
_PARTITION_TYPES = re.compile(r"string|varchar\(\d+\)|char\(\d+\)|tinyint|smallint|int|bigint|date")


def _partition_key(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class CsvDialect(_Model):
    """How the entity's CSV files are written; see ``lakelanes.convert.Dialect``."""

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    null_values: tuple[str, ...] = Field(default=("",), strict=False)
    encoding: str = "utf-8"
    header: bool = True
    skip_rows: Annotated[int, Field(ge=0)] = 0
    trailing_delimiter: bool = False
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal_separator: Literal[".", ","] = "."
    thousands_separator: str | None = None

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
    missing_columns: Literal["error", "null"] = "error"
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
        groups = re.compile(self.filename_pattern)
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
            readable = {"delimiter", "quote", "escape"}  # what OpenCSVSerDe can be told
            plain = CsvDialect()
            for name in sorted(CsvDialect.model_fields.keys() - readable):
                if getattr(self.dialect, name) != getattr(plain, name):
                    raise ValueError(f"dialect.{name} needs format 'parquet': a 'csv' table is the file as it came")
            if self.schema_policy != EntitySchemaPolicy():
                raise ValueError("schema_policy needs format 'parquet': a 'csv' table is the file as it came")
            if self.sort_by:
                raise ValueError("sort_by needs format 'parquet': a 'csv' table is the file as it came")
        return self

    @property
    def rejects_table(self) -> str:
        """Table that holds this entity's rejected rows."""
        return f"{self.table_name}_rejects"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.filename_pattern)

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
    entities: dict[EntityName, Entity] = Field(min_length=1)
    tables: dict[EntityName, Table] = {}

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
        return f"arn:aws:sns:{self.aws.region}:{self.aws.account_id}:{self.resources.alert_topic}"


def load_config(path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None) -> LakeConfig:
    """The configuration in ``path`` (default: ``$LAKE_CONFIG``, else include/lake.json).

    Raises ConfigError with every fault of the file, or with the line and column where its JSON breaks.
    """
    env = os.environ if env is None else env
    source = Path(path or env.get("LAKE_CONFIG") or DEFAULT_PATH)
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(source), [f"cannot be read: {error}"]) from None
    return parse_config(text, env, str(source))


def resolved_text(path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None) -> str:
    """The configuration file with its ``${NAME}`` replaced, as JSON that loads without those variables: for a bundle.

    Raises ConfigError as load_config does.
    """
    env = os.environ if env is None else env
    load_config(path, env)
    source = Path(path or env.get("LAKE_CONFIG") or DEFAULT_PATH)
    raw = _expand(json.loads(source.read_text(encoding="utf-8-sig")), env, "", [])
    return json.dumps(raw, indent=2, ensure_ascii=False).replace("${", "$${") + "\n"


def parse_config(text: str, env: Mapping[str, str], source: str = "configuration") -> LakeConfig:
    """The configuration in ``text``; ``source`` is what errors call it."""
    faults: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                faults.append(f"{key}: is given twice in one object")
            seen[key] = value
        return seen

    try:
        raw = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ConfigError(source, [f"line {error.lineno}, column {error.colno}: {error.msg}"]) from None
    except RecursionError:
        raise ConfigError(source, ["objects or lists are nested too deep"]) from None
    if not isinstance(raw, dict):
        raise ConfigError(source, [f"found {_shown(raw)}, expected an object with aws, resources and entities"])
    raw = _expand(raw, env, "", faults)
    unset = tuple(fault.split(":", 1)[0] for fault in faults)
    config: LakeConfig | None = None
    try:
        config = LakeConfig.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            line = _fault(detail)
            # A value that could not be expanded has been reported already.
            if line.split(":", 1)[0] not in unset:
                faults.append(line)
    faults.extend(_cross_faults(raw))
    if faults or config is None:
        raise ConfigError(source, faults)
    return config


def json_schema() -> dict[str, Any]:
    """JSON Schema of the configuration file, for editors; written to include/lake.schema.json."""
    schema = LakeConfig.model_json_schema(by_alias=True)
    for model in ("Entity", "Table"):
        schema["$defs"][model]["properties"].pop("name")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Lakelanes configuration"}


def _expand(value: Any, env: Mapping[str, str], path: str, faults: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, env, f"{path}.{key}" if path else key, faults) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, env, f"{path}[{index}]", faults) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return "${"
        name = match[1]
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name or ""):
            faults.append(f"{path}: {match[0]!r} does not name an environment variable; write $${{ for a literal ${{")
        elif name not in env:
            faults.append(f"{path}: environment variable {name} is not set")
        else:
            return env[name]
        return match[0]

    return re.sub(r"\$\$\{|\$\{([^}]*)\}", variable, value)


def _dotted(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part}" if path else part
    return path


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _fault(detail: Any) -> str:
    path = _dotted(detail["loc"]) or "the file"
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden" and detail["loc"][-1] == "extra_columns":
        new = json.dumps({"new_columns": {"error": "freeze"}.get(str(found), "discard_value")})
        return f'{path}: is schema_policy.new_columns now; write "schema_policy": {new}'
    if kind == "missing":
        return f"{path}: is missing"
    if kind == "value_error":
        return f"{path}: {detail['ctx']['error']}"
    if kind == "extra_forbidden":
        name = str(detail["loc"][-1])
        near = difflib.get_close_matches(name, _known_settings(), n=1)
        return f"{path}: unknown setting" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind == "too_short":
        return f"{path}: found {_shown(found)}, expected at least one"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{path}: found {_shown(found)}, expected {message}"


def _known_settings() -> Iterator[str]:
    for model in (
        LakeConfig,
        Aws,
        Resources,
        Entity,
        Column,
        PartitionKey,
        CsvDialect,
        EntitySchemaPolicy,
        Table,
        AttributeColumn,
        TableExport,
        Compaction,
    ):
        for name, field in model.model_fields.items():
            yield field.alias or name


def _cross_faults(raw: dict[str, Any]) -> list[str]:
    """Faults between settings, found in the raw file so that they are reported beside those of single settings."""
    faults: list[str] = []
    resources = raw.get("resources")
    if isinstance(resources, dict):
        source, analytics = resources.get("source_bucket"), resources.get("analytics_bucket")
        if source is not None and source == analytics:
            faults.append(
                f"resources.analytics_bucket: {_shown(analytics)} is the source bucket too; what the lake writes "
                "would be taken for new source files, so use two buckets"
            )
    tables: dict[str, str] = {}
    entities = raw.get("entities")
    if isinstance(entities, dict):
        faults.extend(_entity_faults(entities, tables))
    faults.extend(table_faults(raw, tables))
    return faults


def _entity_faults(entities: dict[str, Any], tables: dict[str, str]) -> list[str]:
    """Faults of ``entities`` as a whole; ``tables`` comes to hold their tables' names and whose each is."""
    faults: list[str] = []
    patterns: dict[tuple[str, str], str] = {}
    folded: dict[str, str] = {}
    for name, entity in entities.items():
        path = f"entities.{name}"
        if name.lower() in folded:
            faults.append(f"{path}: differs from entities.{folded[name.lower()]} only in upper and lower case")
        folded.setdefault(name.lower(), name)
        if not isinstance(entity, dict):
            continue
        table = entity.get("table_name")
        if isinstance(table, str):
            for taken in (table.lower(), f"{table.lower()}_rejects"):
                if taken in tables:
                    faults.append(f"{path}.table_name: table {taken!r} belongs to {tables[taken]} already")
                tables[taken] = path
        pattern, prefix = entity.get("filename_pattern"), entity.get("source_prefix") or ""
        if isinstance(pattern, str) and isinstance(prefix, str):
            if (prefix, pattern) in patterns:
                faults.append(
                    f"{path}.filename_pattern: {_shown(pattern)} is the pattern of {patterns[prefix, pattern]} too; "
                    "every file would match two entities"
                )
            patterns[prefix, pattern] = path
        faults.extend(_column_faults(path, entity))
        faults.extend(_data_key_faults(path, entity))
        faults.extend(_sort_faults(path, entity))
    faults.extend(_example_faults(entities))
    return faults


def _column_faults(path: str, entity: dict[str, Any]) -> list[str]:
    faults: list[str] = []
    seen: dict[str, str] = {}
    headers: dict[str, str] = {}
    columns, keys = entity.get("schema"), entity.get("partition_keys")
    columns_at = f"{path}.schema["
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        if not isinstance(column, dict) or not isinstance(column.get("name"), str):
            continue
        where, name = f"{path}.schema[{index}]", column["name"].lower()
        if name in seen:
            faults.append(f"{where}.name: {name!r} is the name of {seen[name]} already")
        seen.setdefault(name, where)
        header = column.get("header") or name
        if isinstance(header, str):
            header = header.strip().lower()
            if header in headers and name not in headers:
                faults.append(f"{where}.header: {header!r} is the header of {headers[header]} already")
            headers.setdefault(header, where)
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        where = f"{path}.partition_keys[{index}]"
        name = key.get("name") if isinstance(key, dict) else key
        source = key.get("column") if isinstance(key, dict) else None
        same = isinstance(name, str) and isinstance(source, str) and name.lower() == source.lower()
        if isinstance(name, str) and name.lower() in seen and not (same and seen[name.lower()].startswith(columns_at)):
            faults.append(
                f"{where}: {name!r} is a column as well ({seen[name.lower()]}); Athena refuses a table where a "
                "partition key is also a column"
            )
        if isinstance(name, str):
            seen.setdefault(name.lower(), where)
        if isinstance(name, str) and name.lower() in _REJECTS_COLUMNS:
            faults.append(
                f"{where}: {name!r} is a column of the table of rejected rows, so it cannot be a partition key"
            )
        kind = key.get("type") if isinstance(key, dict) else None
        if isinstance(kind, str) and not _PARTITION_TYPES.fullmatch(kind.strip().lower()):
            faults.append(f"{where}.type: {kind!r} cannot be a partition key's type: use string, an integer or date")
    for name, adder in _added_columns(entity).items():
        if name in seen:
            faults.append(f"{seen[name]}: {name!r} is the name of a column that {adder} adds to the table")
        try:
            names.column_name(name)
        except ValueError as error:
            faults.append(f"{path}.schema_policy: the column that {adder} would add to the table: {error}")
    return faults


def _sort_faults(path: str, entity: dict[str, Any]) -> list[str]:
    """sort_by names columns of the table that have an order, each once."""
    faults: list[str] = []
    columns, wanted = entity.get("schema"), entity.get("sort_by")
    types = {
        column["name"].lower(): str(column.get("type"))
        for column in (columns if isinstance(columns, list) else ())
        if isinstance(column, dict) and isinstance(column.get("name"), str)
    }
    keys = {
        str(key.get("name") if isinstance(key, dict) else key).lower()
        for key in (entity["partition_keys"] if isinstance(entity.get("partition_keys"), list) else ())
    }
    seen: set[str] = set()
    for index, name in enumerate(wanted if isinstance(wanted, list) else ()):
        if not isinstance(name, str):
            continue
        where, folded = f"{path}.sort_by[{index}]", name.lower()
        if folded not in types:
            near = difflib.get_close_matches(folded, types, n=1)
            faults.append(
                f"{where}: {name!r} is no column of schema" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        elif folded in keys:
            faults.append(f"{where}: {name!r} is a partition key, the same in all rows of a file; name another column")
        elif _NESTED_TYPE.match(types[folded]):
            faults.append(f"{where}: {name!r} is of type {types[folded]}, which has no order; name another column")
        elif folded in seen:
            faults.append(f"{where}: {name!r} is there twice; once is enough")
        seen.add(folded)
    return faults


def _added_columns(entity: dict[str, Any]) -> dict[str, str]:
    """Columns that the schema policy can add whatever the files are called in their header, and what adds them."""
    policy, columns = entity.get("schema_policy"), entity.get("schema")
    added: dict[str, str] = {}
    if not isinstance(policy, dict):
        return added
    if policy.get("rescue") is True:
        added[RESCUED] = "schema_policy.rescue"
    if policy.get("type_misfits") == "evolve":
        for column in columns if isinstance(columns, list) else ():
            if not isinstance(column, dict) or not isinstance(column.get("name"), str):
                continue
            # Any text is a string, so there is no misfit that a variant column would take.
            if str(column.get("type")).strip().lower() != "string":
                added[variant_name(column["name"].lower())] = f"schema_policy.type_misfits, for {column['name']!r},"
    return added


def _data_key_faults(path: str, entity: dict[str, Any]) -> list[str]:
    """Faults of partition keys that come from columns."""
    faults: list[str] = []
    columns, keys = entity.get("schema"), entity.get("partition_keys")
    named = [column for column in (columns if isinstance(columns, list) else ()) if isinstance(column, dict)]
    types = {str(column.get("name")).lower(): column.get("type") for column in named}
    taken: set[str] = set()
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        if not isinstance(key, dict):
            continue
        where, column, form = f"{path}.partition_keys[{index}]", key.get("column"), key.get("format")
        if column is None and form is not None:
            faults.append(f"{where}.format: is of a key whose value comes from a column; name it in 'column'")
        if not isinstance(column, str):
            continue
        if str(key.get("name")).lower() == column.lower():
            taken.add(column.lower())
        if column.lower() not in types:
            near = difflib.get_close_matches(column.lower(), types, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            faults.append(f"{where}.column: {column!r} is no column of {path}.schema{hint}")
            continue
        try:
            kind, wanted = parse_type(str(types[column.lower()])), parse_type(key.get("type", "string"))
        except ValueError:
            continue  # reported where it stands
        if isinstance(form, str) and form:
            if fault := form_fault(form, kind.kind, wanted.kind, INTEGER_BITS.get(wanted.kind)):
                faults.append(f"{where}.format: {fault}")
        elif fault := _unfit(kind, wanted):
            faults.append(f"{where}: {fault}")
    from_rows = [key for key in (keys if isinstance(keys, list) else ()) if isinstance(key, dict) and key.get("column")]
    if not from_rows:
        return faults
    if entity.get("format") == "csv":
        faults.append(f"{path}.format: 'csv' keeps a file as it came, so no partition key can come from a column")
    if entity.get("registration") == "projection":
        faults.append(
            f"{path}.registration: 'projection' cannot show the rejected rows of a file whose partition keys come from "
            "columns, since they are in a partition without values; use 'add_partition' or 'msck'"
        )
    if types and not types.keys() - taken:
        faults.append(f"{path}.schema: every column is a partition key; a table needs a column of its own")
    return faults


def _unfit(column: HiveType, key: HiveType) -> str | None:
    """Why a column's value as it is cannot be a key's; None when it can."""
    if column.kind == "timestamp":
        return "a timestamp needs a 'format' to be a partition key's value, e.g. '%Y-%m-%d'"
    if column.kind not in INTEGER_BITS and not column.is_text and column.kind != "date":
        return f"a column of type {column.text} cannot be a partition key; use text, an integer, a date or a timestamp"
    if key.is_text:
        return None
    if key.kind == column.kind or INTEGER_BITS.get(column.kind, 64) <= INTEGER_BITS.get(key.kind, 0):
        return None
    return f"a key of type {key.text} cannot hold the values of a column of type {column.text}"


def _example_faults(entities: dict[str, Any]) -> list[str]:
    """An entity's example must match its own pattern and no other."""
    faults: list[str] = []
    for name, entity in entities.items():
        example = entity.get("example") if isinstance(entity, dict) else None
        if not isinstance(example, str):
            continue
        for other, settings in entities.items():
            pattern = settings.get("filename_pattern") if isinstance(settings, dict) else None
            if not isinstance(pattern, str) or (
                other != name and (settings.get("source_prefix") or "") != (entity.get("source_prefix") or "")
            ):
                continue
            try:
                matches = re.fullmatch(pattern, example) is not None
            except re.error:
                continue
            if matches != (other == name):
                verb = "also matches" if matches else "does not match"
                faults.append(f"entities.{name}.example: {example!r} {verb} entities.{other}.filename_pattern")
    return faults
