"""``retry``: loads files at once, in this process, with the engine that every lane uses.

Not through Airflow, so that it works when Airflow does not. The ledger keeps it from loading a file that another
process is loading. It emits no asset event: these are for Airflow's own runs, and the views that they refresh read the
tables as they are.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from lakelanes.aws.storage import place_of
from lakelanes.catalog.registrar import Registrar
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, entity_named, plural
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import find_source, list_partition
from lakelanes.files.matching import partition_path, taker_of
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.partitioned_objects import partitions_of_rows
from lakelanes.files.pending import pending
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser("retry", help="load files, or load them again")
    parser.add_argument("key", nargs="*", help="keys or URIs of source files")
    parser.add_argument("--entity", help="with --state or --partition: of this entity")
    parser.add_argument(
        "--state", choices=("failed", "rejected", "deferred", "deleted"), help="every file in this state"
    )
    parser.add_argument("--partition", help="every file of this partition, by its date (2024-03-15)")
    parser.add_argument("--reload", action="store_true", help="load again what is loaded already")
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    files = _chosen(lake, options)
    outcomes: list[FileOutcome] = []
    for name, own in files.items():
        outcomes += load_and_publish(lake, lake.config.entities[name], own, reload=options.reload)
    failed = [outcome for outcome in outcomes if outcome.is_failure]
    lines = [outcome.describe() for outcome in outcomes]
    lines.append(f"{plural(len(outcomes), 'file')}, {len(failed)} of them not loaded")
    return Report("\n".join(lines), [asdict(outcome) for outcome in outcomes], status=int(bool(failed)))


def load_and_publish(lake: Lake, entity: Entity, files: list[SourceFile], *, reload: bool) -> list[FileOutcome]:
    """Loads files of one entity, registers their partitions and compares Athena's counts with the ledger's.

    Raises ValidationError when they differ; what was loaded stays.
    """
    outcomes = load_batch(lake, entity, files, lane="batch", run_id=f"terminal/{uuid.uuid4().hex[:12]}", reload=reload)
    try:
        paths = {path for outcome in outcomes for path in outcome.partitions}
        if paths:
            Registrar(lake, "look").register_entity(entity, map(Partition.from_path, paths))
        loaded = {
            outcome.source: path
            for outcome in outcomes
            if outcome.state == "loaded" and (path := partition_path(entity, place_of(outcome.source)[1]))
        }
        validate(lake, entity, partitions_of_rows(lake, entity, loaded))
    finally:
        summaries.refresh(lake.ledger, [entity])
    return outcomes


def _chosen(lake: Lake, options: argparse.Namespace) -> dict[str, list[SourceFile]]:
    """The files to load, by entity."""
    if bool(options.key) + bool(options.state) + bool(options.partition) != 1:
        raise UsageError("name files by their keys, by --state or by --partition, one of the three")
    if options.key:
        files: dict[str, list[SourceFile]] = {}
        for key in dict.fromkeys(options.key):
            name, file = _named(lake, key)
            files.setdefault(name, []).append(file)
        return files
    if options.partition:
        if not options.entity:
            raise UsageError("--partition needs --entity")
        entity = entity_named(lake, options.entity)
        listed = list_partition(lake, entity, options.partition)
        if not listed:
            raise UsageError(f"the source bucket has no file for partition {options.partition} of {entity.name}")
        return {entity.name: listed if options.reload else pending(lake, listed)}
    names = [entity_named(lake, options.entity).name] if options.entity else list(lake.config.entities)
    return {name: _present(lake, lake.ledger.in_state(name, options.state)) for name in names}


def _named(lake: Lake, key: str) -> tuple[str, SourceFile]:
    bucket = lake.config.resources.source_bucket
    key = key.removeprefix(f"s3://{bucket}/")
    entity = taker_of(lake.config, key)
    if entity is None:
        raise UsageError(f"s3://{bucket}/{key} is of no entity: its name matches no filename_pattern")
    file = find_source(lake, key)
    if file is None:
        raise UsageError(f"there is no s3://{bucket}/{key}")
    return entity.name, file


def _present(lake: Lake, entries: Iterable[Entry]) -> list[SourceFile]:
    """The files as they are now; those that are gone are left out."""
    found = (find_source(lake, place_of(entry.source)[1]) for entry in entries)
    return [file for file in found if file]
