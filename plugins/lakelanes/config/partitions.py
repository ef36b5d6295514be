"""Partitions of a table: their values, their folders, and the Airflow partition key that names their date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lakelanes.config.model import Entity, PartitionKey
from lakelanes.convert.partition_values import INTEGER_BITS, spelled
from lakelanes.errors import PartitionValueError

# What Hive escapes in a folder name (org.apache.hadoop.hive.common.FileUtils.charToEscape); MSCK unescapes it.
_HIVE_ESCAPED = frozenset([*map(chr, range(1, 32)), *"\"#%'*/:=?\\\x7f{[]^"])

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
# A key in S3 and a sort key in DynamoDB hold 1,024 bytes, and other names beside the partition's folder.
_MAX_PATH = 512


@dataclass(frozen=True, order=True)
class Partition:
    """One partition: (key, value) pairs in the order of the table's partition keys."""

    items: tuple[tuple[str, str], ...]

    @property
    def values(self) -> list[str]:
        """Values in key order, as Glue takes them."""
        return [value for _, value in self.items]

    @property
    def is_complete(self) -> bool:
        """Whether every key has a value, as in a partition of rows. A partition of rejected rows lacks the values that
        are not in their file's name."""
        return HIVE_NULL not in self.values

    @property
    def path(self) -> str:
        """Hive-style folder without a trailing slash, e.g. ``year=2024/month=03/day=15``."""
        return "/".join(f"{key}={hive_escape(value)}" for key, value in self.items)

    @classmethod
    def from_path(cls, path: str) -> Partition:
        """The inverse of ``path``."""
        pairs = (part.split("=", 1) for part in path.split("/"))
        return cls(tuple((key, hive_unescape(value)) for key, value in pairs))


def hive_escape(value: str) -> str:
    """``value`` as Hive writes it in a folder name: ``%XX`` for characters that mean something in a path."""
    return "".join(f"%{ord(c):02X}" if c in _HIVE_ESCAPED else c for c in value)


def hive_unescape(value: str) -> str:
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), value)


def partition_of(entity: Entity, values: Iterable[str]) -> Partition:
    """The partition with these values (in key order).

    Raises PartitionValueError for a value that is empty, holds control characters, does not fit the key's type, or
    does not spell a real date together with the others.
    """
    items = tuple(zip((key.name for key in entity.partition_keys), values, strict=True))
    for key, (_, value) in zip(entity.partition_keys, items, strict=True):
        _check_value(key, value)
    partition = Partition(items)
    partition_date(entity, partition)
    # Athena's own limit lies far higher: this is about the names that we derive from the folder's.
    if entity.data_keys and len(partition.path.encode()) > _MAX_PATH:
        raise PartitionValueError(f"the partition's folder has a name longer than {_MAX_PATH} bytes")
    return partition


def data_fault(entity: Entity, values: Iterable[str]) -> tuple[int, str] | None:
    """Why there can be no partition with these values (in key order), with the position among the entity's data_keys
    of the one at fault; None when there can."""
    try:
        partition_of(entity, values)
    except PartitionValueError as error:
        names = [key.name for key in entity.data_keys]
        return (names.index(error.key) if error.key in names else 0), str(error)
    return None


def partition_of_name(entity: Entity, values: Iterable[str]) -> Partition:
    """The partition that a file's name spells by these values of the entity's name_keys (in their order).

    Keys that come from the data have Hive's null in it, so that of an entity with such keys it is the partition of the
    file's rejected rows. Raises PartitionValueError as partition_of() does.
    """
    if not entity.data_keys:
        return partition_of(entity, values)
    given = dict(zip((key.name for key in entity.name_keys), values, strict=True))
    for key in entity.name_keys:
        _check_value(key, given[key.name])
    partition = Partition(tuple((key.name, given.get(key.name, HIVE_NULL)) for key in entity.partition_keys))
    partition_date(entity, partition)
    return partition


def rejects_partition(entity: Entity, partition: Partition) -> Partition:
    """Where the rejected rows of a file with rows in ``partition`` are: they have no value for keys of the data."""
    unknown = {key.name for key in entity.data_keys}
    return Partition(tuple((name, HIVE_NULL if name in unknown else value) for name, value in partition.items))


def _check_value(key: PartitionKey, value: str) -> None:
    def refuse(reason: str) -> PartitionValueError:
        shown = value if len(value) <= 100 else f"{value[:100]}…"
        return PartitionValueError(f"partition key {key.name}: {shown!r} {reason}", key.name)

    if not value or any(ord(c) < 32 or ord(c) == 127 for c in value) or len(value.encode()) > 512:
        raise refuse("is empty, too long or holds control characters")
    if value == HIVE_NULL:
        raise refuse("is Hive's word for null")
    # Athena fails every query that lists a partition whose value is not of its key's type.
    bits = INTEGER_BITS.get(key.type.text)
    if bits and not (re.fullmatch(r"-?[0-9]{1,19}", value) and -(1 << bits) <= int(value) < 1 << bits):
        raise refuse(f"is not of type {key.type.text}")
    if key.type.length and len(value) > key.type.length:
        raise refuse(f"is not of type {key.type.text}")
    if key.type.text == "date" and not _is_date(value):
        raise refuse("is not a date written YYYY-MM-DD")


def partition_date(entity: Entity, partition: Partition) -> datetime | None:
    """Start of what the partition covers (naive, in the entity's time zone); None when it has no date."""
    values = dict(partition.items)
    if not entity.date_keys or HIVE_NULL in [values[name] for name in entity.date_keys]:
        return None
    numbers = {key.name for key in entity.partition_keys if key.type.text in INTEGER_BITS}
    # strptime wants four digits of a year, and numbers have no leading zeros.
    text = " ".join(
        values[name].zfill(4) if form == "%Y" and name in numbers else values[name]
        for name, form in entity.date_keys.items()
    )
    form = " ".join(entity.date_keys.values())
    try:
        return datetime.strptime(text, form)
    except ValueError:
        shown = ", ".join(f"{name}={values[name]}" for name in entity.date_keys)
        raise PartitionValueError(f"{shown} is not a date of the form {form!r}", list(entity.date_keys)[-1]) from None


def partition_key(entity: Entity, partition: Partition) -> str | None:
    """The partition's date as an Airflow partition key, e.g. ``2024-03-15``; None without a date."""
    date = partition_date(entity, partition)
    return spelled(date, entity.partition_key_format) if date and entity.partition_key_format else None


def date_values(entity: Entity, key: str) -> dict[str, str]:
    """The values that the date of an Airflow partition key gives to the partition keys, e.g. {'year': '2024', ...}.

    Raises PartitionValueError for a key that is not of the entity's grain.
    """
    form = entity.partition_key_format
    if form is None:
        raise PartitionValueError(f"entity {entity.name} is not partitioned by date, so it has no partition {key!r}")
    if entity.grain is None:
        raise PartitionValueError(
            f"the dates of entity {entity.name} are in its rows, so no file can be found by the partition {key!r}"
        )
    try:
        date = datetime.strptime(key, form)
    except ValueError:
        raise PartitionValueError(
            f"{key!r} is not a partition of entity {entity.name}: write it as {datetime(2024, 3, 15).strftime(form)}"
        ) from None
    return {name: spelled(date, date_form) for name, date_form in entity.date_keys.items()}


def _is_date(value: str) -> bool:
    try:
        return spelled(datetime.strptime(value, "%Y-%m-%d"), "%Y-%m-%d") == value
    except ValueError:
        return False
