"""The data sets of the lake by the names that OpenLineage gives them, and what a step has to say of each.

The names are those of https://openlineage.io/docs/spec/naming for S3, AWS Glue and Athena, so that what other producers
say of the same table joins what is said here. For DynamoDB there is no rule there; its tables are named after their ARN
in the way of Glue's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lakelanes.catalog.glue_tables import GlueTable
from lakelanes.config.model import LakeConfig
from lakelanes.config.partitions import Partition

# How Athena calls the Glue catalogue of its own account.
CATALOG = "AwsDataCatalog"
SourceKind = Literal["IDENTITY", "TRANSFORMATION", "AGGREGATION", "CONDITIONAL", "WINDOW"]
INDIRECT: frozenset[SourceKind] = frozenset({"CONDITIONAL", "WINDOW"})
# The name of a bucket's root, which has no key.
ROOT = "/"


class Name(NamedTuple):
    """A data set's identity."""

    namespace: str
    name: str


class Column(NamedTuple):
    """A column of a table, with its Hive type. comment: '' for none."""

    name: str
    type: str
    comment: str = ""


class ColumnSource(NamedTuple):
    """A column of another data set that a view's column is made of, and how.

    Taken as it is, computed, aggregated; or, indirectly (INDIRECT), by a condition within the column's expression or by
    the order and the groups of a window. The words are those of
    https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet.
    """

    at: Name
    column: str
    kind: SourceKind


class Rejected(NamedTuple):
    """What was wrong with source files: rows that were rejected, and files that are not loaded. column: of the first
    bad row, where there is one file."""

    rows: int
    files_not_loaded: int
    column: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set that a step read or wrote, and what is known of that; None for what is not known.

    aliases: other names of it. partitions: those that were written, of a table; () for all or for what is not known.
    rows, size (bytes), files: that were read or written. group: files of one group can be told as one (see ``bounds``).
    sources: of a view's columns.
    """

    at: Name
    kind: Literal["FILE", "TABLE", "VIEW"]
    aliases: tuple[Name, ...] = ()
    columns: tuple[Column, ...] = ()
    partitions: tuple[Partition, ...] = ()
    rows: int | None = None
    size: int | None = None
    files: int | None = None
    rejected: Rejected | None = None
    group: str = ""
    sources: Mapping[str, Sequence[ColumnSource]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lineage:
    """What a step read and what it wrote."""

    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()


def object_name(bucket: str, key: str) -> Name:
    """An object in S3, or a folder by its key without the slash at the end."""
    return Name(f"s3://{bucket}", key.rstrip("/") or ROOT)


def glue_name(config: LakeConfig, table: str) -> Name:
    """A table or view of the lake's database. The rule has ``arn:aws`` in every partition of AWS."""
    aws, database = config.aws, config.resources.glue_database
    return Name(f"arn:aws:glue:{aws.region}:{aws.account_id}", f"table/{database}/{table}")


def athena_name(config: LakeConfig, table: str) -> Name:
    """The same as Athena's clients call it."""
    database = config.resources.glue_database
    return Name(f"awsathena://athena.{config.aws.region}.amazonaws.com", f"{CATALOG}.{database}.{table}")


def dynamodb_name(config: LakeConfig, table: str) -> Name:
    """A DynamoDB table by its ARN, parted where Glue's is."""
    aws = config.aws
    return Name(f"arn:{aws.partition}:dynamodb:{aws.region}:{aws.account_id}", f"table/{table}")


def glue_dataset(
    config: LakeConfig,
    table: GlueTable,
    partitions: Iterable[Partition] = (),
    rows: int | None = None,
    *,
    added: Iterable[Column] = (),
) -> Dataset:
    """A table of the lake. added: columns that it has and the configuration does not name."""
    keys = (Column(key.name, key.type.text) for key in table.entity.partition_keys)
    own = (Column(name, kind, comment or "") for name, kind, comment in table.columns)
    return Dataset(
        glue_name(config, table.name),
        "TABLE",
        (athena_name(config, table.name), object_name(config.resources.analytics_bucket, table.folder)),
        (*own, *added, *keys),
        tuple(sorted(partitions)),
        rows,
    )


def view_dataset(
    config: LakeConfig,
    name: str,
    columns: Iterable[Column],
    sources: Mapping[str, Sequence[ColumnSource]] | None = None,
) -> Dataset:
    """A view of the lake."""
    return Dataset(
        glue_name(config, name), "VIEW", (athena_name(config, name),), tuple(columns), sources=dict(sources or {})
    )
