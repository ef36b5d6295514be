"""Where the rows of a file go whose partition comes from the rows themselves."""

from __future__ import annotations

from collections.abc import Callable

from lakelanes.config.model import Entity
from lakelanes.convert import PartitionedTarget, Sink
from lakelanes.convert.partition_reader import Values


def rows_target(
    entity: Entity,
    fault_of: Callable[[Values], tuple[int, str] | None],
    open_target: Callable[[Values], Sink],
    begin: Callable[[dict[Values, int]], None],
) -> PartitionedTarget:
    """The converter's target for an entity with data_keys; the functions are PartitionedTarget's."""
    keys = entity.data_keys
    return PartitionedTarget(
        [key.value for key in keys if key.value],
        fault_of,
        open_target,
        begin,
        left_out=frozenset(key.name for key in keys),
        limit=entity.max_partitions_per_file,
    )
