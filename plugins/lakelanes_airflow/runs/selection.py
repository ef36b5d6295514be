"""What a run of load_<entity> was asked for: its partition key and its Params, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Param

from lakelanes.config.model import Entity
from lakelanes.config.partitions import date_values
from lakelanes.errors import AmbiguousFileError, PartitionValueError, SelectionError
from lakelanes.files.listing import find_source, list_between, list_entity, list_partition, list_prefix
from lakelanes.files.matching import entity_of, matches_name
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.runs.params import run_param

# Keys of one run; a HEAD request each. For more there is ``prefix``.
MAX_KEYS = 1000
_WORKERS = 16
_WAYS = ("partition", "keys", "prefix", "first_partition", "last_partition")


def load_params() -> dict[str, Param]:
    """The Params of load_<entity>. None of them is needed: without any, a run loads what is not loaded yet."""
    return {
        "partition": run_param(
            None,
            type=["null", "string"],
            title="Partition",
            description="Only this partition, as far as its files are there: 2024-03-15, 2024-03-15T09 of an hourly "
            "entity, 2024-03 of a monthly one.",
        ),
        "first_partition": run_param(
            None,
            type=["null", "string"],
            title="First partition",
            description="Only partitions from this one on, e.g. 2024-03-01. Alone, it is without an end.",
        ),
        "last_partition": run_param(
            None,
            type=["null", "string"],
            title="Last partition",
            description="Only partitions up to this one, itself included, e.g. 2024-03-31.",
        ),
        "keys": run_param(
            None,
            type=["null", "array"],
            items={"type": "string", "minLength": 1},
            maxItems=MAX_KEYS,
            title="Files",
            description="Only these files: object keys, or s3:// URIs in the source bucket, one per line.",
        ),
        "prefix": run_param(
            None,
            type=["null", "string"],
            title="Start of the keys",
            description="Only files whose key starts so, e.g. erp/2024/; an s3:// URI is understood.",
        ),
        "reload": run_param(
            False,
            type="boolean",
            title="Load again",
            description="Load also what is loaded already. Its rows are replaced, not doubled.",
        ),
        "dry_run": run_param(
            False,
            type="boolean",
            title="Dry run",
            description="Change nothing: say in the log of the first task, per file, what would happen and why.",
        ),
    }


@dataclass(frozen=True)
class Selection:
    """The files that a run is about. At most one of ``partition`` (the run's partition key, or the Param), ``keys``,
    ``prefix`` and the ends of a range (``first``, ``last``) is given; none means all files of the entity.

    ``waits``: the partition is the run's key, whose files may be still to come.
    """

    partition: str | None = None
    keys: tuple[str, ...] = ()
    prefix: str | None = None
    first: str | None = None
    last: str | None = None
    reload: bool = False
    dry_run: bool = False
    waits: bool = False

    @classmethod
    def of(cls, lake: Lake, entity: Entity, partition_key: str | None, params: Mapping[str, Any]) -> Selection:
        """Checks without asking AWS. SelectionError, which names the Param, for what contradicts itself or the
        configuration; PartitionValueError for a partition key that is not of the entity's grain."""
        given = [name for name in _WAYS if params.get(name)]
        if partition_key is not None and given:
            raise SelectionError(
                given[0],
                f"the run has the partition key {partition_key}, which says already what it loads; trigger "
                f"load_{entity.name} without a partition key, or without this Param",
            )
        ways = list(dict.fromkeys("range" if name.endswith("_partition") else name for name in given))
        if len(ways) > 1:
            raise SelectionError(
                given[-1], f"it cannot go with {', '.join(given[:-1])}: each says alone which files are meant"
            )
        for name in ("partition", "first_partition", "last_partition"):
            _check_partition(entity, name, params.get(name))
        first, last = params.get("first_partition"), params.get("last_partition")
        if first and last and first > last:
            raise SelectionError("first_partition", f"{first} is after last_partition, {last}")
        return cls(
            partition=partition_key or params.get("partition"),
            keys=tuple(dict.fromkeys(_own_key(lake, entity, key) for key in params.get("keys") or ())),
            prefix=_key(lake, "prefix", params["prefix"]) if params.get("prefix") else None,
            first=first,
            last=last,
            reload=bool(params.get("reload")),
            dry_run=bool(params.get("dry_run")),
            waits=partition_key is not None,
        )

    @property
    def is_all(self) -> bool:
        """Whether nothing limits the run to some of the entity's files."""
        return not (self.partition or self.keys or self.prefix or self.first or self.last)

    @property
    def answers_for_all(self) -> bool:
        """Whether the run answers for files that others are loading too: those of a partition, and named ones."""
        return bool(self.partition or self.keys)

    def __str__(self) -> str:
        if self.partition:
            return f"partition {self.partition}"
        if self.keys:
            return f"{len(self.keys)} named file(s)"
        if self.prefix:
            return f"files below {self.prefix}"
        if self.first or self.last:
            return f"partitions {self.first or '…'} to {self.last or '…'}"
        return "all files"

    def find(self, lake: Lake, entity: Entity) -> list[SourceFile]:
        """The files that are there. SelectionError when a named one is not."""
        if self.partition:
            return list_partition(lake, entity, self.partition)
        if self.keys:
            return _named(lake, self.keys)
        if self.prefix:
            return [file for file in list_prefix(lake, self.prefix) if matches_name(entity, file.key)]
        if self.first or self.last:
            return list_between(lake, entity, self.first, self.last)
        return list_entity(lake, entity)


def _check_partition(entity: Entity, param: str, key: str | None) -> None:
    if not key:
        return
    try:
        date_values(entity, key)
    except PartitionValueError as error:
        raise SelectionError(param, str(error)) from None


def _key(lake: Lake, param: str, text: str) -> str:
    """The object key of a key or a URI."""
    if not text.startswith("s3://"):
        return text
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if bucket != lake.config.resources.source_bucket:
        raise SelectionError(
            param, f"{text} is not in the source bucket, which is s3://{lake.config.resources.source_bucket}"
        )
    return key


def _own_key(lake: Lake, entity: Entity, text: str) -> str:
    key = _key(lake, "keys", text)
    try:
        owner = entity_of(lake.config, key)
    except AmbiguousFileError as error:
        raise SelectionError("keys", str(error)) from None
    if owner is None:
        raise SelectionError(
            "keys",
            f"{key!r} is of no entity; names of {entity.name} match {entity.filename_pattern} below "
            f"{entity.source_prefix or 'the top of the bucket'}",
        )
    if owner.name != entity.name:
        raise SelectionError("keys", f"{key!r} is of entity {owner.name}: trigger load_{owner.name} for it")
    return key


def _named(lake: Lake, keys: Iterable[str]) -> list[SourceFile]:
    keys = list(keys)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="head") as pool:
        found = list(pool.map(lambda key: find_source(lake, key), keys))
    if missing := [key for key, file in zip(keys, found, strict=True) if file is None]:
        shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
        raise SelectionError("keys", f"not in s3://{lake.config.resources.source_bucket}: {shown}")
    return [file for file in found if file]
