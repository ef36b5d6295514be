"""What loading files read and wrote: source files, the tables of their rows and of their rejected rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lakelanes.catalog.glue_tables import data_table, rejects_table
from lakelanes.config.model import Entity, LakeConfig
from lakelanes.config.partitions import Partition, rejects_partition
from lakelanes.convert.policy import EVOLVED_TYPE
from lakelanes.files.outcomes import FileOutcome
from lakelanes.ledger.source_file import SourceFile
from lakelanes.lineage.datasets import Column, Dataset, Lineage, Rejected, glue_dataset, object_name

# Of the others nothing was read: the lake has them, or something newer, or another run does it.
_READ = frozenset({"loaded", "rejected", "failed"})


def of_batch(
    config: LakeConfig, files: Mapping[str, Sequence[SourceFile]], outcomes: Iterable[FileOutcome] = ()
) -> Lineage:
    """A batch: its files by the name of their entity, and what became of them.

    An entity of whose files no outcome is known is told by what was to be done: its files and its table, without
    counts.
    """
    known = {outcome.source: outcome for outcome in outcomes}
    inputs: list[Dataset] = []
    outputs: list[Dataset] = []
    for name, own in files.items():
        entity, found = config.entities[name], [known[file.uri] for file in own if file.uri in known]
        if not found:
            inputs += [_source(entity, file) for file in own]
            outputs.append(glue_dataset(config, data_table(entity)))
            continue
        read = [outcome for outcome in found if outcome.state in _READ]
        of_uri = {file.uri: file for file in own}
        inputs += [_read(entity, of_uri[outcome.source], outcome) for outcome in read]
        outputs += _written(config, entity, read)
    return Lineage(tuple(inputs), tuple(outputs))


def of_publish(
    config: LakeConfig, changed: Mapping[str, Iterable[Partition]], loaded_fast: Mapping[str, Mapping[str, str]]
) -> Lineage:
    """Publishing: the partitions with changed rows by entity. loaded_fast: files that the low-latency lane loaded or
    refused, which no batch tells of; by entity, then by URI (see ``files.publish.Scope``)."""
    inputs = [
        Dataset(object_name(*uri.removeprefix("s3://").split("/", 1)), "FILE", files=1, group=name)
        for name, uris in loaded_fast.items()
        for uri in uris
    ]
    outputs = [
        glue_dataset(config, data_table(config.entities[name]), _complete(partitions))
        for name, partitions in changed.items()
    ]
    return Lineage(tuple(inputs), tuple(outputs))


def of_tables(config: LakeConfig, entities: Iterable[str]) -> Lineage:
    """What a step that changes tables of these entities may write, before it has."""
    return Lineage(outputs=tuple(glue_dataset(config, data_table(config.entities[name])) for name in entities))


def _source(entity: Entity, file: SourceFile) -> Dataset:
    return Dataset(object_name(file.bucket, file.key), "FILE", size=file.size, files=1, group=entity.name)


def _read(entity: Entity, file: SourceFile, outcome: FileOutcome) -> Dataset:
    loaded, rejected = outcome.rows_loaded, outcome.rows_rejected or 0
    fault = Rejected(rejected, int(outcome.is_failure), outcome.column) if rejected or outcome.is_failure else None
    return Dataset(
        object_name(file.bucket, file.key),
        "FILE",
        rows=None if loaded is None else loaded + rejected,
        size=file.size,
        files=1,
        rejected=fault,
        group=entity.name,
    )


def _written(config: LakeConfig, entity: Entity, read: Sequence[FileOutcome]) -> list[Dataset]:
    """The tables with rows of the files. Rows of a 'csv' table are not counted on the way."""
    tables = []
    if loaded := [outcome for outcome in read if outcome.state == "loaded"]:
        counts = [outcome.rows_loaded for outcome in loaded]
        added = sorted({name for outcome in loaded for name in outcome.added_columns})
        tables.append(
            glue_dataset(
                config,
                data_table(entity),
                _complete(_partitions(loaded)),
                None if None in counts else sum(count or 0 for count in counts),
                added=[Column(name, EVOLVED_TYPE) for name in added],
            )
        )
    if rejected := [outcome for outcome in read if outcome.rows_rejected]:
        partitions = {rejects_partition(entity, one) for one in _partitions(rejected)}
        rows = sum(outcome.rows_rejected or 0 for outcome in rejected)
        tables.append(glue_dataset(config, rejects_table(entity), partitions, rows))
    return tables


def _partitions(outcomes: Iterable[FileOutcome]) -> set[Partition]:
    return {Partition.from_path(path) for outcome in outcomes for path in outcome.partitions}


def _complete(partitions: Iterable[Partition]) -> list[Partition]:
    return [partition for partition in partitions if partition.is_complete]
