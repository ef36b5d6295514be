"""The view ``<table>_current``: the newest version of every item, made of a snapshot, export windows and the stream.

Its SELECT has as literals what it reads: a snapshot ``as_of``, the windows from there up to ``through``, and the
changes of the stream since. One update in Glue moves it from one such state to the next, so a query sees exactly one of
them. Both literals only grow: publishing reads the view first, then the ledger, and Glue refuses the update if the view
has changed since. A ledger that was restored, and knows less than the view reads, leaves the view as it is.

Exports overrule the stream for the windows that they have closed. A stream record has its time in seconds, rounded down
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html), and windows end with a
minute, so that cut is exact. Stream records of the time after it are newer than any export; the sequence number orders
them.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lakelanes.catalog import glue_tables, stored_views
from lakelanes.catalog.registrar import Registrar
from lakelanes.convert.policy import RESCUED
from lakelanes.names import sql_identifier, sql_string
from lakelanes.tables.catalog import AS_OF, changes_table, snapshot_partition, snapshot_table, window_partition
from lakelanes.tables.ledger import TableLedger, parse_second, second_text
from lakelanes.tables.planning import exported_until
from lakelanes.tables.windows import minute_text, parse_minute
from lakelanes.types import parse_type

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# Parameters of the view that repeat its literals, for ``snapshot.expire`` and for people.
_THROUGH = "lakelanes.through"
_UPDATES = 20


@dataclass(frozen=True)
class Coverage:
    """What the view reads: the snapshot ``as_of``, windows up to ``through``, the stream from there on."""

    as_of: datetime
    through: datetime


@dataclass(frozen=True)
class Published:
    """The result of publishing. columns_changed: the view is new, or has other columns than before."""

    coverage: Coverage
    columns_changed: bool = False


def coverage(lake: Lake, table: Table) -> Coverage | None:
    """What the view reads now; None while there is no view."""
    return _coverage(glue_tables.describe(lake, table.current_view))


def publish(lake: Lake, table: Table, windows: Iterable[str] = ()) -> Published | None:
    """Makes the view read the newest snapshot and all windows that follow it; registers their partitions.

    windows: starts of further windows to register. Returns None while there is no snapshot. A view that reads the same
    already is not updated.
    """
    registrar = Registrar(lake, "look")
    registrar.register(changes_table(table), [window_partition("export", start) for start in windows])
    ledger, glue, database = TableLedger(lake, table.name), lake.glue, lake.config.resources.glue_database
    for attempt in range(_UPDATES):
        found = glue_tables.describe(lake, table.current_view)
        snapshots = ledger.snapshots()
        if not snapshots:
            return None
        newest, before = snapshots[-1].moment, _coverage(found)
        wanted = Coverage(newest, exported_until(ledger, newest))
        if before is not None and (before.as_of, before.through) > (wanted.as_of, wanted.through):
            # The ledger was restored from a backup: the older snapshot may be gone, and the windows are there.
            return Published(before)
        _register(registrar, table, ledger, wanted)
        view = view_input(lake, table, wanted)
        # A Description, of an older version or by hand, makes it no view (see stored_views).
        compared = ("ViewOriginalText", "Parameters", "Description")
        if found is not None and all(found.get(name) == view.get(name) for name in compared):
            return Published(wanted)
        try:
            if found is None:
                glue.create_table(DatabaseName=database, TableInput=view)
            else:
                glue.update_table(
                    DatabaseName=database, TableInput=view, VersionId=found["VersionId"], SkipArchive=True
                )
        except (glue.exceptions.ConcurrentModificationException, glue.exceptions.AlreadyExistsException):
            if attempt == _UPDATES - 1:
                raise
            time.sleep(random.uniform(0, min(1.0, 0.02 * 2**attempt)))
        else:
            log.info("%s: snapshot of %s, windows until %s", table.current_view, wanted.as_of, wanted.through)
            return Published(wanted, found is None or _columns(found) != _columns(view))
    raise AssertionError("unreachable")


def view_sql(database: str, table: Table, coverage: Coverage) -> str:
    """The view's SELECT."""
    columns = [name for name, _ in view_columns(table)]
    listed = ", ".join(map(sql_identifier, columns))
    keys = [sql_identifier(key) for key in table.keys]
    changes = f"{sql_identifier(database)}.{sql_identifier(table.changes_table)}"
    snapshot = f"{sql_identifier(database)}.{sql_identifier(table.snapshot_table)}"
    start, end = (sql_string(minute_text(moment)) for moment in (coverage.as_of, coverage.through))
    hour = sql_string(minute_text(coverage.through.replace(minute=0)))
    cut = f"TIMESTAMP {sql_string(f'{coverage.through:%Y-%m-%d %H:%M:%S}.000')}"
    own = f'{listed}, "_op", "_sequence", "lane", "window"'
    lanes = [f"""SELECT {own} FROM {changes} WHERE "lane" = 'export' AND "window" >= {start} AND "window" < {end}"""]
    if "stream" in table.lanes:
        lanes.append(
            f"""SELECT {own} FROM {changes} WHERE "lane" = 'stream' AND "window" >= {hour} AND "_written_at" >= {cut}"""
        )
    union = "\n      UNION ALL\n      ".join(lanes)
    given = ",\n  ".join(
        f"CASE WHEN changed.{keys[0]} IS NULL THEN kept.{name} ELSE changed.{name} END AS {name}"
        for name in map(sql_identifier, columns)
    )
    # Reads each table once: stream rows arrive while a query runs, so two reads could differ.
    return f"""\
SELECT
  {given}
FROM (
  SELECT {listed}
  FROM {snapshot}
  WHERE "as_of" = {sql_string(second_text(coverage.as_of))}
) AS kept
FULL JOIN (
  SELECT {listed}, "_op"
  FROM (
    SELECT {listed}, "_op", row_number() OVER (
      PARTITION BY {", ".join(keys)}
      ORDER BY "lane" DESC, "_sequence" DESC, "window" DESC, "_written_at" DESC
    ) AS "_rank"
    FROM (
      {union}
    )
  )
  WHERE "_rank" = 1
) AS changed ON {" AND ".join(f"kept.{key} = changed.{key}" for key in keys)}
WHERE changed.{keys[0]} IS NULL OR changed."_op" = 'put'"""


def view_input(lake: Lake, table: Table, coverage: Coverage) -> dict[str, Any]:
    """The view as Glue's TableInput."""
    database = lake.config.resources.glue_database
    return stored_views.view_input(
        table.current_view,
        view_sql(database, table, coverage),
        database=database,
        columns=[(name, parse_type(kind, binary=True)) for name, kind in view_columns(table)],
        owner=lake.config.aws.account_id,
        parameters={AS_OF: second_text(coverage.as_of), _THROUGH: minute_text(coverage.through)},
    )


def view_columns(table: Table) -> list[tuple[str, str]]:
    """Name and Hive type of the view's columns: the table's own, and those on where a row comes from."""
    columns = [(column.name, column.type.text) for column in table.columns]
    return [
        *columns,
        (table.undeclared, "string"),
        (RESCUED, "string"),
        ("_written_at", "timestamp"),
        ("_source", "string"),
    ]


def _columns(view: Any) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in view["StorageDescriptor"]["Columns"]]


def _register(registrar: Registrar, table: Table, ledger: TableLedger, wanted: Coverage) -> None:
    windows = [export for export in ledger.windows(wanted.as_of) if export.is_converted]
    registrar.register(changes_table(table), [window_partition("export", export.start) for export in windows])
    registrar.register(snapshot_table(table), [snapshot_partition(second_text(wanted.as_of))])


def _coverage(found: Any) -> Coverage | None:
    if found is None:
        return None
    parameters = found.get("Parameters", {})
    return Coverage(parse_second(parameters[AS_OF]), parse_minute(parameters[_THROUGH]))
