"""A trial of a local file: the real converter over it, with the entity's settings, and nothing kept.

Which entity takes a file, and the partition that its name spells, are found as every lane finds them
(``lakelanes.files.matching``). What the converter writes goes to a temporary file without a name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.config.model import Entity, LakeConfig
from lakelanes.config.partitions import HIVE_NULL, Partition, data_fault, partition_key
from lakelanes.convert import (
    Conversion,
    Destination,
    PartitionedTarget,
    Reject,
    Source,
    TargetTable,
    Tuning,
    convert,
    threads_for_one_file,
)
from lakelanes.convert.partition_reader import Values
from lakelanes.convert.policy import WITHHELD
from lakelanes.convert.reason_counts import kind_of
from lakelanes.errors import LakeError, PartitionValueError
from lakelanes.files.local_files import key_for, takers, why_none
from lakelanes.files.matching import matches_name, partition_for
from lakelanes.files.rows_target import rows_target

# How many rows, rejected rows, kinds of reasons and lines of each a trial keeps; the counts are of all.
ROWS, REJECTS, KINDS, LINES = 10, 1000, 50, 5
_BATCH = 10_000


class TrialError(LakeError):
    """The file cannot be tried as it was asked for."""


@dataclass
class ReasonSeen:
    """A reason of rejected rows. first: the first row that has one of its kind; count: how many do; lines: where the
    first of them stand."""

    first: Reject
    count: int = 0
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Trial:
    """What would become of a file.

    entity, partition: None where none takes it, and where its name spells none or its rows are of several.
    partitions: rows by the path of each partition, of an entity whose partitions come from the rows. key: what it is
    called in the source bucket. run: the Airflow partition key. reason: why it is rejected; None when it is loaded.
    rows_loaded: None where the rows are not read (format "csv"). rows: the first rows as typed, by column; those of
    an entity with partitions from the rows have these keys too. rejects: the first rejected rows. reasons: the
    rejected rows by kind of reason. notes: what else there is to know.
    """

    entity: str | None
    partition: str | None
    state: Literal["loaded", "rejected"]
    reason: str | None
    rows_loaded: int | None = 0
    rows_rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    key: str = ""
    run: str | None = None
    partitions: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[ReasonSeen, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()


def try_file(config: LakeConfig, path: Path, entity: Entity | None = None) -> Trial:
    """What would become of the file at ``path``, as one of ``entity`` or of the entity that its name is of.

    Raises TrialError where there is no such file, and FolderDecidesError where its folder in the bucket decides whose
    it is.
    """
    if not path.is_file():
        raise TrialError(f"there is no file {path}")
    if entity is None:
        found = takers(config, path)
        if len(found) != 1:
            why, key = why_none(config, path, found)
            return Trial(None, None, "rejected", why, key=key)
        [(entity, _)] = found
    key = key_for(entity, path) or entity.source_prefix + path.name
    notes: tuple[str, ...] = ()
    partition: Partition | None = None
    only: str | None
    try:
        if matches_name(entity, key):
            partition = partition_for(entity, key)
        else:
            notes = (f"under this name no lane would take it: filename_pattern of {entity.name} does not match it",)
    except PartitionValueError as error:
        return Trial(entity.name, None, "rejected", str(error), key=key)
    if entity.format == "csv":  # S3 copies the file, and nothing reads its rows
        done = Trial(entity.name, None, "loaded", None, rows_loaded=None)
    else:
        done = run(entity, lambda: path.open("rb"), path.name, partition)
    if len(done.partitions) == 1:
        [only] = done.partitions
    else:
        only = partition.path if partition and partition.is_complete else None
    spelled = Partition.from_path(only) if only else None
    return replace(done, partition=only, key=key, notes=notes, run=partition_key(entity, spelled) if spelled else None)


def run(entity: Entity, open_source: Callable[[], Any], name: str, partition: Partition | None = None) -> Trial:
    """The converter over a file of this name, with the settings of the entity. partition: what the name spells."""
    with tempfile.TemporaryFile() as target, tempfile.TemporaryFile() as rejected:
        kept = _Kept(entity, partition, target)
        done = convert(
            Source(open_source, name, entity.dialect.converter()),
            Destination(kept.partitioned() if entity.data_keys else kept.whole, lambda: _FileSink(rejected)),
            TargetTable(entity.columns, entity.sort_by, [key.name for key in entity.partition_keys]),
            entity.load_policy(),
            # One writer at a time, so that the first partition's rows are the first ones.
            Tuning(threads=1 if entity.data_keys else threads_for_one_file()),
        )
        rows = tuple(kept.rows()) if done.refused is None else ()
        rejects, reasons = _rejected(rejected) if done.rows_rejected else ((), ())
        return _trial(entity, done, kept, rows, rejects, reasons)


def _trial(
    entity: Entity,
    done: Conversion,
    kept: _Kept,
    rows: tuple[dict[str, Any], ...],
    rejects: tuple[Reject, ...],
    reasons: tuple[ReasonSeen, ...],
) -> Trial:
    found = {kept.path(values): count for values, count in (done.partitions or {}).items()}
    return Trial(
        entity.name,
        None,
        "loaded" if done.refused is None else "rejected",
        done.refused,
        done.rows_loaded,
        done.rows_rejected,
        rejects,
        rows,
        partitions=found,
        reasons=reasons,
        left_out=done.left_out,
    )


class _FileSink:
    """A sink into a file, which begins anew each time."""

    def __init__(self, file: Any) -> None:
        file.seek(0)
        file.truncate()
        self.write = file.write

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _Nowhere:
    def write(self, data: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class _Kept:
    """Keeps the first rows of what is converted. Of rows in many partitions these are the rows of the first ones."""

    def __init__(self, entity: Entity, partition: Partition | None, file: Any) -> None:
        self._entity, self._file = entity, file
        self._given = dict(partition.items) if partition else {}
        self._wanted: list[Values] = []
        self._files: dict[Values, Any] = {}

    def whole(self) -> _FileSink:
        return _FileSink(self._file)

    def partitioned(self) -> PartitionedTarget:
        return rows_target(self._entity, self._fault_of, self._open, self._begin)

    def path(self, values: Values) -> str:
        """The path of the partition with these values of the entity's data_keys. Where the name spells no values, those
        of its keys are left open."""
        return Partition(tuple(self._items(values).items())).path

    def rows(self) -> Iterator[dict[str, Any]]:
        """The first ROWS rows, as typed."""
        left = ROWS
        for values, file in [*self._files.items()] or [((), self._file)]:
            items = self._items(values) if self._entity.data_keys else {}
            from_rows = {key.name: items[key.name] for key in self._entity.data_keys}
            for batch in pq.ParquetFile(pa.PythonFile(file, mode="r")).iter_batches(batch_size=left):
                for row in batch.to_pylist():
                    yield {**row, **from_rows}
                    left -= 1
                break
            if left <= 0:
                break

    def _items(self, values: Values) -> dict[str, str]:
        of_rows = dict(zip((key.name for key in self._entity.data_keys), values, strict=True))
        names = [key.name for key in self._entity.partition_keys]
        return {name: of_rows.get(name, self._given.get(name, HIVE_NULL)) for name in names}

    def _fault_of(self, values: Values) -> tuple[int, str] | None:
        """As a load finds it; none where the values of the name are left open."""
        if not self._given and self._entity.name_keys:
            return None
        return data_fault(self._entity, self._items(values).values())

    def _begin(self, rows: dict[Values, int]) -> None:
        self._wanted, total = [], 0
        for values, count in rows.items():
            if total < ROWS:
                self._wanted.append(values)
                total += count

    def _open(self, values: Values) -> Any:
        if values not in self._wanted:
            return _Nowhere()
        self._files[values] = tempfile.SpooledTemporaryFile(1 << 20)  # noqa: SIM115
        return _FileSink(self._files[values])


def _rejected(file: Any) -> tuple[tuple[Reject, ...], tuple[ReasonSeen, ...]]:
    """The first rejected rows, and the reasons of all, those of most rows first; those that a row has for the file's
    fault alone come last."""
    first: list[Reject] = []
    kinds: dict[Hashable, ReasonSeen] = {}
    columns = ["line", "record", "column", "reason", "raw"]
    for batch in pq.ParquetFile(pa.PythonFile(file, mode="r")).iter_batches(batch_size=_BATCH, columns=columns):
        for row in batch.to_pylist():
            reject = Reject(**row)
            if len(first) < REJECTS:
                first.append(reject)
            kind = kind_of(reject.column, reject.reason)
            if kind not in kinds and len(kinds) == KINDS:
                continue
            seen = kinds.setdefault(kind, ReasonSeen(reject))
            seen.count += 1
            if len(seen.lines) < LINES:
                seen.lines.append(reject.line)
    ordered = sorted(kinds.values(), key=lambda seen: (seen.first.reason.startswith(WITHHELD), -seen.count))
    return tuple(first), tuple(ordered)
