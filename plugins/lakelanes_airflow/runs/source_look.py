"""What a look at the source bucket shows, measured against the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, date_values
from lakelanes.files.matching import literal_prefix, partition_paths
from lakelanes.files.partitioned_objects import partitions_of_rows
from lakelanes.files.pending import is_done
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.runs.selection import Selection


@dataclass(frozen=True)
class SourceLook:
    """What was found: all files, the pending ones, which the lake does not have yet, and of these the unsettled ones,
    which may still be written to.

    loaders: the runs that loaded the others, as the ledger names them.
    """

    found: list[SourceFile] = field(default_factory=list)
    pending: list[SourceFile] = field(default_factory=list)
    unsettled: list[SourceFile] = field(default_factory=list)
    loaders: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether something is there, and nothing of it is still being written."""
        return bool(self.found) and not self.unsettled

    @property
    def settled(self) -> list[SourceFile]:
        """Pending files that can be loaded now."""
        unsettled = set(self.unsettled)
        return [file for file in self.pending if file not in unsettled]


def look_at_source(lake: Lake, entity: Entity, selection: Selection) -> SourceLook:
    """Lists the selected files and asks the ledger about them.

    A partition costs the LIST requests of its names, and one ledger request per 100 files. With ``reload`` every file
    counts as pending. An S3 object appears whole, and writing it again renews its LastModified; so a file has settled
    once its LastModified is ``entity.settle_seconds`` old. Until then its writer may be about to replace it.
    """
    found = selection.find(lake, entity)
    pending: list[SourceFile] = []
    loaders: set[str] = set()
    if selection.reload:
        pending = [*found]
    else:
        entries = lake.ledger.each((file.uri for file in found), fields=("source", "state", "etag", "run_id"))
        for file, (_, entry) in zip(found, entries, strict=True):
            if not is_done(entry, file):
                pending.append(file)
            if entry is not None and entry.state == "loaded":
                loaders.add(entry.run_id)
    settled_before = lake.clock() - timedelta(seconds=entity.settle_seconds)
    unsettled = [file for file in pending if file.last_modified > settled_before]
    return SourceLook(found, pending, unsettled, frozenset(loaders))


def expected_place(lake: Lake, entity: Entity, key: str) -> str:
    """Where the files of a partition are expected, for messages: ``s3://bucket/prefix/**/sales_data_2024_03_15*``."""
    start = literal_prefix(entity, date_values(entity, key))
    folders = "" if "/" in entity.filename_pattern else "**/"
    return f"s3://{lake.config.resources.source_bucket}/{entity.source_prefix}{folders}{start}*"


def partitions_to_check(
    lake: Lake, entity: Entity, selection: Selection, loaded: Iterable[SourceFile]
) -> set[Partition]:
    """The partitions that Glue should have when these files are loaded.

    Where keys come from the data, a run that answers for its files checks the partitions of their rows too.
    """
    paths = partition_paths(entity, loaded)
    found = {Partition.from_path(path) for path in paths.values()}
    if entity.data_keys and selection.answers_for_all:
        found |= partitions_of_rows(lake, entity, paths)
    return found
