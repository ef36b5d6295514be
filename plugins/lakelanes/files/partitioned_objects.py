"""The objects of a file whose rows are of many partitions: each replaced, added or taken away exactly once.

The ledger has a Part for every object that such a file has, or may have, in the table. A load goes in this order:

1. claim: the file's current item says from then on that there may be Parts.
2. The file is converted to its end; only now are its partitions known. A file that is refused is refused here, and what
   its older version left stays. The object of its rejected rows is written.
3. An unconfirmed Part (without an ETag) is written for each partition that the file has no object in, while the
   claim's token still counts. So the ledger knows of every object before there is one.
4. The objects are written: each replaces the one that its Part names, or creates one where there is none.
5. Partitions that the file no longer has rows in are left: the object goes, and the Part says that it did until the
   next load. Nobody knows whether the object of an unconfirmed Part is still to come from a worker that is taken for
   dead, so an object without rows takes its place, and stays until the file has rows there again.
6. The Parts get their objects' ETags and rows, and the current item is committed, while the token still counts.

A worker that dies before 3 leaves nothing. After that the next claim reads the Parts, those of the dead worker too,
and does 2 to 6 for the version of the file it finds. An object that the dead worker left under a Part keeps the
condition of 4 from holding; it is looked at, and replaced if its metadata has no later token. One that it left in a
partition that the file does not have any more is found through its Part in 5. One that it took away in 5 is not there,
which is as good. If it died within 6, which takes several transactions for more than 99 partitions, some Parts are
confirmed and some are not, and both are as just said.

A worker that was taken for dead and lives can do no harm either. 3 and 6 check its token. In 4 it meets an object that
its successor wrote, or, where its successor took one away, none where it was to replace one: both end its load. Where
it was to create an object it had written an unconfirmed Part before, so its successor wrote to that place or put the
object without rows there, and there is something where nothing may be. Every object holds the stamp of its claim
(``Entry.stamp``): of the same bytes S3's ETag would be the same, and let a stale worker replace another claim's.

A ledger that was restored from a backup may have forgotten Parts. Until a load of the file was committed since, the
table's folder is listed, and each object of the file that has no Part gets an unconfirmed one before anything else.

A load that fails half-way notes the objects that it did write, and one that is refused those of a worker that died
before, so that the counts of their partitions hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.aws.storage import (
    ObjectWriter,
    WrittenObject,
    delete_exactly,
    list_folder,
    parquet_rows,
    place_of,
    written_object,
)
from lakelanes.config.model import Entity
from lakelanes.config.partitions import Partition, data_fault, partition_of
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, Part, PartChanges

_WORKERS = 8

Values = tuple[str, ...]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Planned:
    """A partition of the version that is being loaded. expected: ETag of the object to replace, None to create one."""

    partition: Partition
    uri: str
    rows: int
    expected: str | None

    @property
    def folder(self) -> str:
        return _folder(self.uri)


class FileParts:
    """One attempt at loading one file.

    claim: of the file. known: its Parts by their folders. spelled: the partition that its name spells, as far as it
    does. uri_of: names the object of a partition. found: objects that were looked at, by URI: their ETags, None where
    there is none; they count instead of those of the Parts.
    """

    def __init__(
        self,
        lake: Lake,
        entity: Entity,
        claim: Entry,
        known: Mapping[str, Part],
        spelled: Partition,
        uri_of: Callable[[Partition], str],
        found: Mapping[str, str | None],
    ) -> None:
        self._lake, self._entity, self._claim, self._known = lake, entity, claim, known
        self._spelled, self._uri_of, self._found = spelled, uri_of, found
        self._planned: dict[Values, _Planned] = {}
        self._writers: dict[Values, ObjectWriter] = {}

    @property
    def rows_before(self) -> int:
        """How many rows the file has in the table, as far as the ledger knows of its objects in many partitions."""
        return sum(part.live_rows or 0 for part in self._known.values())

    def fault_of(self, values: Values) -> tuple[int, str] | None:
        """Why no partition can have these values of the entity's data_keys, with the position of the one at fault."""
        return data_fault(self._entity, self._whole(values))

    def begin(self, rows: Mapping[Values, int]) -> None:
        """Step 3. rows: of each partition."""
        for values, count in rows.items():
            partition = self._partition(values)
            uri = self._uri_of(partition)
            before = self._known.get(_folder(uri))
            expected = before.target_etag if before and before.target == uri else None
            self._planned[values] = _Planned(partition, uri, count, self._found.get(uri, expected))
        unknown = []
        for planned in self._planned.values():
            before = self._known.get(planned.folder)
            if planned.expected is None and (before is None or before.is_confirmed):
                now = before or self._part(planned.partition, planned.uri)
                unknown.append(replace(now, token=self._claim.token, target=planned.uri, target_etag=None))
        self._lake.ledger.write_parts(self._claim, unknown)

    def open(self, values: Values) -> ObjectWriter:
        """Step 4: the object of a partition."""
        planned = self._planned[values]
        bucket, key = place_of(planned.uri)
        writer = ObjectWriter(self._lake.s3, bucket, key, expected_etag=planned.expected, metadata=self._claim.stamp)
        self._writers[values] = writer
        return writer

    @property
    def uris(self) -> set[str]:
        """The objects of this load."""
        return {planned.uri for planned in self._planned.values()}

    def changes(self, kept: Set[str]) -> PartChanges:
        """Step 5, and what step 6 is to write. kept: the load's objects, which may be one without a Part."""
        folders = {planned.folder for planned in self._planned.values()}
        stale = [part for folder, part in self._known.items() if folder not in folders]
        forgotten = [part.folder for part in stale if part.target is None or part.target in kept]
        left = _each(self._leave, [part for part in stale if part.folder not in forgotten])
        gone = not self._entity.data_keys and len(forgotten) == len(stale)
        return PartChanges([*self._written(), *left], forgotten, None if gone else len(self._planned))

    def note_written(self) -> None:
        """Tells the ledger of the objects that were written by a load that will not be committed."""
        if written := self._written():
            self._lake.ledger.write_parts(self._claim, written)

    def confirm(self) -> None:
        """Confirms the objects that a dead worker left under its Parts, for a claim that ends without writing any.

        LeaseLostError when the claim is over.
        """
        unknown = [part for part in self._known.values() if not part.is_confirmed]
        if confirmed := [part for part in _each(self._confirmed, unknown) if part]:
            self._lake.ledger.write_parts(self._claim, confirmed)

    def _confirmed(self, part: Part) -> Part | None:
        assert part.target is not None
        found = self._head(part.target)
        if found is None:
            return None
        rows = parquet_rows(self._lake.s3, *place_of(part.target), found.etag)
        return replace(part, target_etag=found.etag, live_etag=found.source_etag, live_rows=rows)

    def find_objects(self) -> dict[str, str | None]:
        """The ETags of the objects that are there now, None where there is none; to try again with.

        LeaseLostError when the claim is over: then they may be those of a successor.
        """
        self._lake.ledger.renew(self._claim)
        uris = [planned.uri for planned in self._planned.values()]
        return {uri: found.etag if found else None for uri, found in zip(uris, _each(self._head, uris), strict=True)}

    def paths(self, changes: PartChanges) -> tuple[str, ...]:
        """The partitions that a load changed, and the one of its rejected rows."""
        return (*(part.partition for part in changes.written), self._spelled.path)

    def _partition(self, values: Values) -> Partition:
        return partition_of(self._entity, self._whole(values))

    def _whole(self, values: Values) -> list[str]:
        """The whole partition's values: what the name spells, and these of the data."""
        given = iter(values)
        names = {key.name for key in self._entity.data_keys}
        return [next(given) if name in names else value for name, value in self._spelled.items]

    def _part(self, partition: Partition, uri: str) -> Part:
        return Part(self._claim.source, _folder(uri), self._entity.name, partition.path, self._claim.token, uri)

    def _written(self) -> list[Part]:
        return [
            replace(
                self._part(self._planned[values].partition, writer.uri),
                target_etag=writer.etag,
                live_etag=self._claim.etag,
                live_rows=self._planned[values].rows,
            )
            for values, writer in self._writers.items()
            if writer.etag
        ]

    def _leave(self, part: Part) -> Part:
        """Takes the file's rows out of a partition; the Part that says so."""
        assert part.target is not None
        found = self._head(part.target)
        if found and found.token > self._claim.token:
            self._lake.ledger.renew(self._claim)  # raises, unless the ledger has forgotten that claim
        after = replace(part, token=self._claim.token, live_etag=self._claim.etag, live_rows=0)
        if part.is_confirmed and part.live_rows:
            if found:
                delete_exactly(self._lake.s3, part.target, found.etag)
            return replace(after, target=None, target_etag=None)
        bucket, key = place_of(part.target)
        writer = ObjectWriter(
            self._lake.s3, bucket, key, expected_etag=found.etag if found else None, metadata=self._claim.stamp
        )
        writer.write(self._no_rows())
        writer.close()
        return replace(after, target_etag=writer.etag)

    def _head(self, uri: str) -> WrittenObject | None:
        return written_object(self._lake.s3, *place_of(uri))

    def _no_rows(self) -> bytes:
        sink: Any = pa.BufferOutputStream()
        schema = pa.schema([pa.field(column.name, column.type.arrow) for column in self._entity.table_columns])
        with pq.ParquetWriter(sink, schema, store_schema=False) as writer:
            writer.add_key_value_metadata(self._claim.stamp)
        return bytes(sink.getvalue())


class TableObjects:
    """The objects in an entity's folder, listed once and only when they are asked for. Thread-safe."""

    def __init__(self, lake: Lake, entity: Entity) -> None:
        self._s3, self._bucket, self._prefix = lake.s3, lake.config.resources.analytics_bucket, f"{entity.table_name}/"
        self._lock = Lock()
        self._folders: dict[str, list[str]] | None = None

    def folders_of(self, name: str) -> list[str]:
        """The folders, from the bucket on, that have an object of this name: of one source file, in each partition."""
        with self._lock:
            if self._folders is None:
                self._folders = defaultdict(list)
                for listed in list_folder(self._s3, self._bucket, self._prefix):
                    folder, _, last = listed["Key"].rpartition("/")
                    self._folders[last].append(f"{self._bucket}/{folder}")
            return self._folders.get(name, [])


def forgotten_part(claim: Entry, entity: Entity, folder: str, name: str) -> Part:
    """The unconfirmed Part of an object that the ledger does not know of."""
    partition = folder.split("/", 2)[2]
    return Part(claim.source, folder, entity.name, partition, claim.token, f"s3://{folder}/{name}")


def partitions_of_rows(lake: Lake, entity: Entity, spelled: Mapping[str, str]) -> set[Partition]:
    """The partitions that the last loads of these files changed. spelled: by the file's URI the path its name spells.

    Where keys come from the data the ledger is asked, once per file.
    """
    if not entity.data_keys:
        return {Partition.from_path(path) for path in spelled.values()}
    keys = [key.name for key in entity.partition_keys]
    found = [
        Partition.from_path(part.partition)
        for parts in _each(lake.ledger.parts, spelled)
        for part in parts.values()
        if part.entity == entity.name
    ]
    return {partition for partition in found if [name for name, _ in partition.items] == keys}


def _folder(uri: str) -> str:
    return uri.removeprefix("s3://").rpartition("/")[0]


def _each(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results for all items, several at a time."""
    every = list(items)
    if len(every) < 2:
        return [work(item) for item in every]
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="parts") as pool:
        return list(pool.map(work, every))
