"""Publishing: what a run loaded is registered, validated, and named by its partition keys.

The last steps of the way of a file; they need each other's results, so a run does them in one task.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lakelanes.aws.failures import is_retryable
from lakelanes.catalog.registrar import VIEWS_DUE, Registrar
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, partition_key
from lakelanes.files.matching import partition_paths
from lakelanes.files.partitioned_objects import partitions_of_rows
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.source_file import SourceFile

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scope:
    """What a run answers for, beside the files that it planned to load.

    entity: its name; None for the sweep, which is about all of them. keyed: a partition or single files were asked for,
    so all of them have to be in the lake when the run ends. partitions: paths of the partitions that have files. files:
    of a keyed run every file that was asked for, by URI the path of its partition. loaded_fast: of a sweep the files
    that the low-latency lane loaded or refused, by entity, then by URI the path of the partition; until: up to when
    (ISO 8601, UTC), '' for other runs.
    """

    entity: str | None = None
    keyed: bool = False
    partitions: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    loaded_fast: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    until: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, for an XCom."""
        return {**asdict(self), "partitions": list(self.partitions)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scope:
        """What ``to_dict`` made. TypeError for a name that is unknown."""
        return cls(**{**data, "partitions": tuple(data["partitions"])})


@dataclass(frozen=True)
class Published:
    """What publishing did. partition_keys: by the name of each entity whose rows changed, the Airflow partition keys;
    none of an entity that is not partitioned by date. views_due: whether views are to be refreshed for it. changed: by
    entity the partitions whose rows changed."""

    partition_keys: dict[str, set[str]] = field(default_factory=dict)
    views_due: bool = False
    changed: dict[str, set[Partition]] = field(default_factory=dict)


def publish(lake: Lake, planned: Iterable[tuple[str, SourceFile]], scope: Scope, unloaded: Set[str]) -> Published:
    """Registers every partition that the run answers for, and validates those that changed, and all of a keyed run.

    A run that finds nothing to load so repairs a partition that went missing in Glue. planned: the run's files, each
    with its entity's name. unloaded: URIs of those that are not in the lake; what was loaded is published all the same.
    Raises one entity's fault only after all entities were published, one that a retry can cure first.
    """
    _summarize(lake, scope.entity)
    files: dict[str, list[SourceFile]] = defaultdict(list)
    for name, file in planned:
        files[name].append(file)
    for name in filter(None, (scope.entity, *scope.loaded_fast)):
        files.setdefault(name, [])
    result, tables_changed, failures = Published(), False, []
    for name, own in files.items():
        entity = lake.config.entities[name]
        try:
            tables_changed |= _publish_entity(lake, entity, own, scope, unloaded, result)
        except Exception as error:
            # One entity's fault must not hide what was loaded of the others: no later run would look at it again.
            log.exception("%s could not be published", name)
            failures.append(error)
    if failures:
        raise min(failures, key=lambda error: not is_retryable(error))
    # The low-latency lane creates tables too, and leaves their views to the next run.
    return replace(result, views_due=tables_changed or bool(lake.ledger.read_note(VIEWS_DUE)))


def _summarize(lake: Lake, entity: str | None) -> None:
    """Counts what changed: of the run's entity, or, in a sweep, of all. The page shows the counts' age if it fails, and
    looking at it counts as well, so it keeps nothing from being published."""
    entities = lake.config.entities
    try:
        summaries.refresh(lake.ledger, [entities[entity]] if entity else entities.values())
    except Exception:
        log.exception("The summaries of the ledger could not be refreshed")


def _publish_entity(
    lake: Lake, entity: Entity, own: Iterable[SourceFile], scope: Scope, unloaded: Set[str], result: Published
) -> bool:
    """Publishes one entity's partitions into ``result``; whether one of its tables was created or changed."""
    files = partition_paths(entity, own)
    touched = {Partition.from_path(path) for path in files.values()}
    known: set[Partition] = set()
    if entity.name == scope.entity:
        known = {Partition.from_path(path) for path in scope.partitions}
        files |= scope.files
    fast = scope.loaded_fast.get(entity.name, {})
    known |= {Partition.from_path(path) for path in fast.values()}
    loaded = {uri: path for uri, path in {**fast, **files}.items() if uri not in unloaded}
    changed = partitions_of_rows(lake, entity, loaded)
    # A refused file's partition too: its rejected rows are to be found.
    wanted = known | touched | changed
    if not wanted:
        return False
    registered = Registrar(lake, "look").register_entity(entity, wanted)
    if registered.created or registered.relocated:
        changed |= {partition for partition in known - touched if partition.is_complete}
    counts = validate(lake, entity, changed)
    log.info(
        "%s: %s partition(s) registered, %s of them new; %s validated, %s rows; tables created or changed: %s",
        entity.table_name,
        len(wanted),
        registered.created,
        len(counts),
        sum(count.athena for count in counts),
        ", ".join(registered.tables_changed) or "none",
    )
    if changed:
        result.changed[entity.name] = changed
        keys = {partition_key(entity, partition) for partition in changed}
        result.partition_keys[entity.name] = {key for key in keys if key}
    return bool(registered.tables_changed)
