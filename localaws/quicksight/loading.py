"""Reads a data set's table and makes its next copy for SPICE of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from localaws.clock import ServiceClock
from localaws.quicksight.data_sources import connection
from localaws.quicksight.reading import Answer, Athena, ReadingFailed
from localaws.quicksight.spice import Copy, Row, Spice, outside_window
from localaws.quicksight.store import Resource, Store
from localaws.quicksight.tables import Table
from localaws.quicksight.values import LONGEST_STRING, TooLong, Unfit, converter

INCREMENTAL = "INCREMENTAL_REFRESH"
_UNITS = {"HOUR": timedelta(hours=1), "DAY": timedelta(days=1), "WEEK": timedelta(weeks=1)}


@dataclass(frozen=True)
class Loaded:
    """What was read: ``kept`` are the rows that an incremental refresh left as they were."""

    columns: tuple[tuple[str, str], ...]
    kept: list[Row]
    rows: list[Row]
    dropped: int

    @property
    def ingested(self) -> int:
        """How many rows came in."""
        return len(self.rows)

    def copy(self, ingestion: str, completed: float) -> Copy:
        """The data set's next copy."""
        return Copy(self.columns, (*self.kept, *self.rows), ingestion, completed)


class Loader:
    """Reads tables with the rights of their data source's role."""

    def __init__(self, clock: ServiceClock, store: Store, athena: Athena, spice: Spice) -> None:
        self._clock = clock
        self._store = store
        self._athena = athena
        self._spice = spice

    def load(self, data_set: Resource, kind: str, dropped: int, cancelled: threading.Event) -> Loaded:
        """A data set's rows, less the ``dropped`` first; raises ReadingFailed and ReadingCancelled."""
        table: Table = data_set.more["table"]
        source = self._store.by_arn(data_set.scope, table.data_source)
        if source is None:
            raise ReadingFailed("DATA_SOURCE_NOT_FOUND", f"The data source {table.data_source} was deleted")
        workgroup, role = connection(source.record["DataSourceParameters"])
        columns = tuple((column.name, column.output) for column in table.columns)
        kept: list[Row] = []
        if kind == INCREMENTAL:
            column, since = self._window(data_set)
            copy = self._spice.get(data_set.arn)
            if copy is None or copy.columns != columns:
                # AWS documents neither; its error is the one for what SPICE does not have.
                message = "There is no complete copy with these columns in SPICE that could be refreshed incrementally"
                raise ReadingFailed("SPICE_TABLE_NOT_FOUND", message)
            kept = outside_window(copy, column, since)
            sql = table.query(column, since)
        else:
            sql = table.query()
        answer = self._athena.read(data_set.scope, workgroup, role, sql, cancelled)
        rows, unfit = typed(table, answer)
        return Loaded(columns, kept, rows[dropped:], unfit + min(dropped, len(rows)))

    def _window(self, data_set: Resource) -> tuple[str, datetime]:
        """The column of the lookback window, and its begin (UTC): so long before now, to the second.

        AWS does not document from when it is measured. Somebody saw it counted back from the refresh before
        (https://devio-20240701.developers.io/articles/quicksight-spice-incremental-update-behaviour-images), so that
        AWS may read more than this, and never less.
        """
        window = data_set.more["refresh"]["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]
        now = datetime.fromtimestamp(int(self._clock.seconds()), UTC).replace(tzinfo=None)
        return window["ColumnName"], now - window["Size"] * _UNITS[window["SizeUnit"]]


def typed(table: Table, answer: Answer) -> tuple[list[Row], int]:
    """The rows with values of the declared types, and how many rows are left out because a value is none."""
    converters = [converter(column.type, column.subtype) for column in table.columns]
    rows: list[Row] = []
    dropped = 0
    for texts in zip(*answer.columns, strict=True):
        try:
            rows.append(
                tuple(None if text is None else convert(text) for convert, text in zip(converters, texts, strict=True))
            )
        except Unfit:
            dropped += 1
        except TooLong as error:
            message = f"The local AWS does not know what SPICE makes of strings beyond {LONGEST_STRING} characters"
            raise ReadingFailed("INTERNAL_SERVICE_ERROR", message) from error
    return rows, dropped
