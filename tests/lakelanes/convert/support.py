"""What the converter's tests share: sinks in memory, a conversion in one call, and an independent reader of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from types import SimpleNamespace
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from lakelanes.convert import Conversion, Destination, LoadPolicy, Source, TargetTable, Tuning, convert
from lakelanes.convert.policy import WITHHELD
from lakelanes.types import parse_type

Group = TypeVar("Group")
SALES = {"id": "string", "amount": "decimal(10,2)", "day": "date"}


class MemorySink:
    """A sink that remembers what became of it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.state = "open"

    def write(self, data: Any) -> None:
        assert self.state == "open", f"written to when {self.state}"
        self.data += data

    def close(self) -> None:
        assert self.state == "open", f"closed when {self.state}"
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"


class Sinks(list[MemorySink]):
    """Opens sinks and keeps them."""

    def __call__(self) -> MemorySink:
        self.append(MemorySink())
        return self[-1]

    def table(self) -> pa.Table | None:
        """The one committed file; None when there is none. Fails when a sink was left open."""
        assert all(sink.state != "open" for sink in self), "a sink was neither closed nor aborted"
        closed = [sink for sink in self if sink.state == "closed"]
        assert len(closed) <= 1, "more than one file was committed"
        return pq.read_table(pa.BufferReader(bytes(closed[0].data))) if closed else None


@dataclass
class Outcome:
    """rows: of the table, None when there is no table. rejects: the rows set aside."""

    conversion: Conversion
    table: pa.Table | None
    rejects: list[dict[str, Any]]
    target: Sinks = field(repr=False)

    @property
    def rows(self) -> list[tuple[Any, ...]] | None:
        if self.table is None:
            return None
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))

    def column(self, name: str) -> list[Any]:
        assert self.table is not None, self.conversion.refused
        return self.table.column(name).to_pylist()

    def reasons(self) -> list[str]:
        return [reject["reason"] for reject in self.rejects]


def table_columns(types: dict[str, str], own: dict[str, dict[str, Any]] | None = None) -> list[Any]:
    """own: by column, its own settings of values, and `required`."""
    columns = []
    for name, text in types.items():
        settings = dict((own or {}).get(name, {}))
        required = settings.pop("required", False)
        columns.append(SimpleNamespace(name=name, type=parse_type(text), required=required, value_settings=settings))
    return columns


def grouped(kind: Callable[..., Group], options: dict[str, Any], **given: Any) -> Group:
    """A group of convert()'s parameters: of what is given, and of those of the options that are its fields."""
    own = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**given, **{name: options.pop(name) for name in own & set(options)})


def load(data: bytes, types: dict[str, str] | None = None, tuning: Tuning | None = None, **options: Any) -> Outcome:
    """Converts these bytes into a table of these columns (SALES unless given), checking what always holds.

    options: fields of Source, TargetTable and LoadPolicy by their names; `own` for table_columns().
    """
    target, rejects = Sinks(), Sinks()
    columns = table_columns(types or SALES, options.pop("own", None))
    conversion = convert(
        grouped(Source, options, open=lambda: io.BytesIO(data), name="source.csv"),
        Destination(target, rejects),
        grouped(TargetTable, options, columns=columns),
        grouped(LoadPolicy, options),
        tuning,
    )
    assert not options
    table, rejected = target.table(), rejects.table()
    rejected_rows = rejected.to_pylist() if rejected is not None else []
    assert conversion.records == conversion.rows_loaded + conversion.rows_rejected
    assert (table is None) == (conversion.refused is not None)
    assert conversion.rows_loaded == (table.num_rows if table is not None else 0)
    assert conversion.rows_rejected == len(rejected_rows)
    assert (rejected is None) == (not rejected_rows), "a rejects file is written for rejected rows only"
    assert all(row["source_file"] == "source.csv" for row in rejected_rows)
    withheld = [row for row in rejected_rows if row["reason"].startswith(WITHHELD)]
    assert conversion.rows_withheld == len(withheld)
    assert conversion.refused or not withheld, "rows are withheld with a refused file only"
    assert all(row["column"] is None for row in withheld)
    return Outcome(conversion, table, rejected_rows, target)


def csv_text(*records: tuple[str, ...], header: tuple[str, ...] = tuple(SALES), line_end: str = "\n") -> bytes:
    """A file as Python's csv module writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(records)
    return text.getvalue().encode()
