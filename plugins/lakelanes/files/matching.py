"""Which entity a source file belongs to, and which partition its name spells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from lakelanes.config.filename_patterns import NameMatch
from lakelanes.config.model import Entity, LakeConfig
from lakelanes.config.partitions import Partition, partition_of_name
from lakelanes.errors import AmbiguousFileError, PartitionValueError
from lakelanes.ledger.source_file import SourceFile


@dataclass(frozen=True)
class Match:
    """The entity a key belongs to and the partition its name spells."""

    entity: Entity
    partition: Partition


def matches_name(entity: Entity, key: str) -> NameMatch | None:
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
    if entity.pattern.groupindex:
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


def partition_paths(entity: Entity, files: Iterable[SourceFile]) -> dict[str, str]:
    """The path of the partition that each file's name spells, by its URI; a name that spells none is left out."""
    return {file.uri: path for file in files if (path := partition_path(entity, file.key))}


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
