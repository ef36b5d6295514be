"""Our converter, disk to disk, as the engine calls it; a task's `layout` changes how it writes (see layouts.py)."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lakelanes.convert.pipeline as pipeline
from lakelanes.convert.partition_values import PartitionValue
from lakelanes.convert.partitioned import PartitionedTarget
from lakelanes.convert.task import Destination, Source, TargetTable, Tuning, threads_for_one_file
from lakelanes.convert.writer import ParquetSettings
from lakelanes.types import HiveType, parse_type


@dataclass(frozen=True)
class _Column:
    name: str
    type: HiveType


class FileSink:
    """A file that appears under its name when it is closed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path + ".partial", "wb", buffering=0)  # noqa: SIM115

    def write(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        while view:
            view = view[self._file.write(view) :]

    def close(self) -> None:
        self._file.close()
        os.replace(self._path + ".partial", self._path)

    def abort(self) -> None:
        self._file.close()
        os.unlink(self._path + ".partial")


def _partition(target: str, values: tuple[str, ...]) -> FileSink:
    folder = os.path.join(
        target, *(f"{key}={value}" for key, value in zip(("year", "month", "day"), values, strict=True))
    )
    os.makedirs(folder, exist_ok=True)
    return FileSink(os.path.join(folder, "rows.parquet"))


def load(task: dict[str, Any]) -> Callable[[str, str, str], tuple[int, int]]:
    columns = [_Column(name, parse_type(text)) for name, text in task["columns"].items()]
    # The engine's choice: a thread per core for a file that is alone, one thread each for several at once.
    layout = task.get("layout", {})
    tuning = Tuning(
        threads=threads_for_one_file() if len(task["files"]) == 1 else 1,
        parquet=ParquetSettings(**layout.get("parquet", {})),
        **layout.get("tuning", {}),
    )

    def open_target(target: str) -> Any:
        if not task.get("partition_by"):
            return lambda: FileSink(target)
        keys = [PartitionValue(task["partition_by"], form) for form in ("%Y", "%m", "%d")]
        return PartitionedTarget(keys, lambda values: None, lambda values: _partition(target, values))

    def convert(source: str, target: str, rejects: str) -> tuple[int, int]:
        done = pipeline.convert(
            Source(lambda: io.FileIO(source), source),
            Destination(open_target(target), lambda: FileSink(rejects)),
            TargetTable(columns, layout.get("sort_by", ())),
            tuning=tuning,
        )
        if done.refused and not task.get("hostile"):
            raise RuntimeError(done.refused)
        return done.rows_loaded, done.rows_rejected

    return convert
