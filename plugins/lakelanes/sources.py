"""Source files: what they are, which entity they belong to, and how they are found without listing history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lakelanes.aws import error_code
from lakelanes.config import Entity, LakeConfig
from lakelanes.errors import AmbiguousFileError, PartitionValueError
from lakelanes.partitions import Partition, date_values, partition_key, partition_of_name

if TYPE_CHECKING:
    from lakelanes.lake import Lake

# Sorts after every key that continues the prefix it is appended to: S3 orders keys by their UTF-8 bytes.
_LAST = "\U0010ffff"
# A source prefix with more folders than this is discovered by the sweep alone, which lists without a delimiter.
MAX_FOLDERS = 200


@dataclass(frozen=True)
class SourceFile:
    """One version of a source object. ``etag`` without quotes, ``size`` in bytes, ``last_modified`` aware (UTC).

    ``sequencer`` orders the versions of one key and comes with S3 events only.
    """

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime
    sequencer: str | None = None

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """File name without its folders."""
        return self.key.rsplit("/", 1)[-1]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form (XCom, task parameters)."""
        return {**asdict(self), "last_modified": self.last_modified.astimezone(UTC).isoformat()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SourceFile:
        return cls(**{**data, "last_modified": datetime.fromisoformat(data["last_modified"])})


def compare_sequencers(one: str | None, other: str | None) -> int | None:
    """1 when the event of sequencer ``one`` came after that of ``other``, -1 before, 0 when they are one event.

    None when that cannot be told, since not both versions of the file came with an event.

    Hexadecimal, compared after padding the shorter with zeros on the right
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
    """
    if not (one and other):
        return None
    width = max(len(one), len(other))
    ours, theirs = (text.upper().ljust(width, "0") for text in (one, other))
    return (ours > theirs) - (ours < theirs)


@dataclass(frozen=True)
class Match:
    """The entity a key belongs to and the partition its name spells."""

    entity: Entity
    partition: Partition


def matches_name(entity: Entity, key: str) -> re.Match[str] | None:
    """The match of ``key`` against the entity's pattern: the file name, or the key below source_prefix when the
    pattern itself holds a '/'."""
    if not key.startswith(entity.source_prefix):
        return None
    below = key[len(entity.source_prefix) :]
    return entity.pattern.fullmatch(below if "/" in entity.filename_pattern else below.rsplit("/", 1)[-1])


def entity_of(config: LakeConfig, key: str) -> Entity | None:
    """The one entity whose pattern ``key`` matches, None when there is none; AmbiguousFileError for more than one."""
    found = [entity for entity in config.entities.values() if matches_name(entity, key)]
    if len(found) > 1:
        raise AmbiguousFileError(key, [entity.name for entity in found])
    return found[0] if found else None


def taker_of(config: LakeConfig, key: str) -> Entity | None:
    """The entity under which ``key`` is loaded: for one that several match the first, where it ends as a refusal that
    names the others; None when there is none."""
    try:
        return entity_of(config, key)
    except AmbiguousFileError as error:
        return config.entities[error.entities[0]]


def match(config: LakeConfig, key: str) -> Match | None:
    """Entity and partition of ``key``; None when no entity takes it.

    Raises AmbiguousFileError when two do, PartitionValueError when the captured values are no partition.
    """
    entity = entity_of(config, key)
    return Match(entity, partition_for(entity, key)) if entity else None


def partition_for(entity: Entity, key: str) -> Partition:
    """The partition that the name of one of the entity's files spells; PartitionValueError when it spells none.

    Keys that come from the data have no value in it (see ``partition_of_name``).
    """
    found = matches_name(entity, key)
    if found is None:
        raise ValueError(f"{key!r} does not match entity {entity.name}")
    if found.re.groupindex:
        groups = {name.lower(): value for name, value in found.groupdict().items()}
        values = [groups[key.name] for key in entity.name_keys]
    else:
        values = list(found.groups())
    return partition_of_name(entity, [value or "" for value in values])


def partition_path(entity: Entity, key: str) -> str | None:
    """The path of the partition that a key's name spells; None when it spells none."""
    with suppress(PartitionValueError):
        return partition_for(entity, key).path
    return None


def literal_prefix(entity: Entity, values: dict[str, str] | None = None) -> str:
    r"""The text that every matching name starts with, as far as the pattern spells it out.

    Groups take their value from ``values`` (partition key -> value) as long as they have a fixed width:
    ``sales_(\d{4})_(\d{2})\.csv`` gives ``sales_`` without values and ``sales_2024_03.csv`` with year and month.
    """
    pattern, values = entity.filename_pattern, values or {}
    keys = iter([key.name for key in entity.name_keys])
    text, position = "", 0
    while position < len(pattern):
        group = re.compile(r"\((?:\?P<(\w+)>)?((?:\\d|\[0-9\])+(?:\{\d+\})?)\)(?![*+?{])").match(pattern, position)
        literal = re.compile(r"(?:\\([^0-9A-Za-z])|([^\\.^$*+?{}\[\]|()]))(?![*+?{])").match(pattern, position)
        if group:
            value = values.get(group[1].lower() if group[1] else next(keys, ""))
            if value is None or not re.fullmatch(group[2], value):
                break
            text, position = text + value, group.end()
        elif literal:
            text, position = text + (literal[1] or literal[2]), literal.end()
        else:
            break
    # Alternatives at the top level may start in another way.
    return "" if "|" in re.sub(r"\(.*?\)|\\\||\[.*?\]", "", pattern) else text


def list_partition(lake: Lake, entity: Entity, key: str) -> list[SourceFile]:
    """Files of the Airflow partition ``key`` (e.g. '2024-03-15').

    Lists only names that start as this partition's do, in every folder below the entity's source prefix: the number of
    LIST requests follows the folders and the files of this partition, never the files of other days. (In a folder of
    more than a page, a sub-folder that is itself named like an entity's files is left to the sweep.)
    """
    values = date_values(entity, key)
    start = literal_prefix(entity, values)
    named = {file.key: file for file in _list_names(lake, entity, start)}  # a sub-folder may be named alike
    return [file for file in named.values() if _key_of(entity, file.key) == key]


def list_recent(lake: Lake, entity: Entity, since: datetime) -> list[SourceFile]:
    """The entity's files from those named for the date ``since`` on.

    That is the whole of the entity where its names do not start with a date, largest unit first, that the pattern
    spells with fixed widths: only then do they sort by date.
    """
    family = literal_prefix(entity)
    after = ""
    if entity.grain and entity.partition_key_format and _sorts_by_date(entity):
        local = since.astimezone(ZoneInfo(entity.timezone))
        after = literal_prefix(entity, date_values(entity, local.strftime(entity.partition_key_format)))
    if "/" in entity.filename_pattern:
        folders = [entity.source_prefix]
    else:
        folders = [folder for folder, _ in _folders(lake, entity.source_prefix, _families(lake.config))]
    return [
        file
        for folder in folders
        for file in list_prefix(lake, folder + family, folder + after[:-1] if len(after) > len(family) else "")
        if matches_name(entity, file.key)
    ]


def list_between(lake: Lake, entity: Entity, first: str | None, last: str | None) -> list[SourceFile]:
    """Files of the Airflow partitions from ``first`` to ``last``, both included; None leaves that end open.

    Where the entity's names sort by date the listing begins with ``first``; else all of the entity is listed. Raises
    PartitionValueError for a key that is not of the entity's grain.
    """
    for end in filter(None, (first, last)):
        date_values(entity, end)
    if first is None:
        listed = list_entity(lake, entity)
    else:
        begin = datetime.strptime(first, str(entity.partition_key_format)).replace(tzinfo=ZoneInfo(entity.timezone))
        listed = list_recent(lake, entity, begin)
    # Every form of key has its largest unit first, so they sort as their dates do.
    return [
        file
        for file in listed
        if (key := _key_of(entity, file.key)) and (not first or first <= key) and (not last or key <= last)
    ]


def find_source(lake: Lake, key: str, bucket: str | None = None) -> SourceFile | None:
    """The file with this key, in the source bucket unless another is given, as it is now; None when there is none."""
    bucket = bucket or lake.config.resources.source_bucket
    try:
        head = lake.s3.head_object(Bucket=bucket, Key=key)
    except lake.s3.exceptions.ClientError as error:
        if error_code(error) in ("404", "NoSuchKey"):
            return None
        raise
    return SourceFile(bucket, key, head["ETag"].strip('"'), head["ContentLength"], head["LastModified"])


def list_entity(lake: Lake, entity: Entity) -> list[SourceFile]:
    """Every file whose name is the entity's, of whatever age."""
    prefix = entity.source_prefix + (literal_prefix(entity) if "/" in entity.filename_pattern else "")
    files = list_prefix(lake, prefix)
    return [file for file in files if matches_name(entity, file.key)]


def list_prefix(lake: Lake, prefix: str, start_after: str = "") -> Iterator[SourceFile]:
    """Objects of the source bucket below ``prefix`` and after the key ``start_after``, 1,000 a request."""
    bucket = lake.config.resources.source_bucket
    extra = {"StartAfter": start_after} if start_after else {}
    for page in lake.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **extra):
        yield from _files(bucket, page)


def source_file(bucket: str, listed: Any) -> SourceFile:
    """A SourceFile from an entry of ListObjectsV2."""
    return SourceFile(bucket, listed["Key"], listed["ETag"].strip('"'), listed["Size"], listed["LastModified"])


def _files(bucket: str, page: Any) -> Iterator[SourceFile]:
    for entry in page.get("Contents", ()):
        if not entry["Key"].endswith("/"):  # the console's folder markers
            yield source_file(bucket, entry)


def _key_of(entity: Entity, key: str) -> str | None:
    """The Airflow partition key of a source key; None when it is not the entity's, or spells no date."""
    try:
        return partition_key(entity, partition_for(entity, key)) if matches_name(entity, key) else None
    except PartitionValueError:
        return None


def _sorts_by_date(entity: Entity) -> bool:
    """Whether the pattern's first groups are the date's, in order, so that later dates sort after earlier ones."""
    groups = entity.pattern.groupindex
    order = sorted(groups, key=lambda name: groups[name]) if groups else [key.name for key in entity.name_keys]
    return [name.lower() for name in order[: len(entity.date_keys)]] == list(entity.date_keys)


def _families(config: LakeConfig) -> set[str]:
    return {literal_prefix(entity) for entity in config.entities.values()} - {""}


def _list_names(lake: Lake, entity: Entity, start: str) -> Iterator[SourceFile]:
    if "/" in entity.filename_pattern:
        yield from list_prefix(lake, entity.source_prefix + start)
        return
    for folder, files in _folders(lake, entity.source_prefix, _families(lake.config)):
        yield from list_prefix(lake, folder + start) if files is None else files


def _folders(lake: Lake, top: str, families: Iterable[str]) -> Iterator[tuple[str, list[SourceFile] | None]]:
    """Every folder from ``top`` down, with its files where one LIST held them all, else None.

    A folder with more than a page of files is walked by skipping: from a file whose name starts like an entity's, the
    listing goes on after all names that start so. So finding the sub-folders takes as many requests as there are
    folders and families of names, however many files have piled up.
    """
    bucket = lake.config.resources.source_bucket
    waiting, seen = [top], 0
    while waiting and seen < MAX_FOLDERS:
        folder, after, pages = waiting.pop(), "", 0
        files: list[SourceFile] = []
        seen += 1
        while True:
            extra = {"StartAfter": after} if after else {}
            page = lake.s3.list_objects_v2(Bucket=bucket, Prefix=folder, Delimiter="/", **extra)
            pages += 1
            files.extend(_files(bucket, page))
            below = [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
            waiting.extend(below)
            if not page["IsTruncated"]:
                break
            last_file = page["Contents"][-1]["Key"] if page.get("Contents") else ""
            last_folder = below[-1] if below else ""
            if last_folder > last_file:
                after = last_folder + _LAST
            else:
                name = last_file[len(folder) :]
                family = max((f for f in families if name.startswith(f)), key=len, default=None)
                after = folder + family + _LAST if family else last_file
        yield folder, files if pages == 1 else None
