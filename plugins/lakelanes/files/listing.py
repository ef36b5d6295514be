"""How source files are found without listing history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from lakelanes.aws.failures import is_missing
from lakelanes.config.deadlines import period_at
from lakelanes.config.model import Entity, LakeConfig
from lakelanes.config.partitions import date_values, partition_key
from lakelanes.errors import PartitionValueError
from lakelanes.files.matching import literal_prefix, matches_name, partition_for
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile

# Sorts after every key that continues the prefix it is appended to: S3 orders keys by their UTF-8 bytes.
_LAST = "\U0010ffff"
# A source prefix with more folders than this is discovered by the sweep alone, which lists without a delimiter.
MAX_FOLDERS = 200


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
    return _list_from(lake, entity, period_at(entity, since) if entity.grain else "")


def _list_from(lake: Lake, entity: Entity, first: str) -> list[SourceFile]:
    """The entity's files from those of the Airflow partition ``first`` on, where its names sort by date; else all."""
    family = literal_prefix(entity)
    after = ""
    if first and _sorts_by_date(entity):
        after = literal_prefix(entity, date_values(entity, first))
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
    listed = list_entity(lake, entity) if first is None else _list_from(lake, entity, first)
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
        if is_missing(error):
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
