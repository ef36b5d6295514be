"""Bringing a table in Glue to what the configuration and the files need: created once, given columns, never rewritten.

Columns that a table has beyond the configuration stay: files brought them (schema_policy).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakelanes.catalog import athena
from lakelanes.catalog.glue_tables import GlueTable, create_statement, data_table, describe
from lakelanes.config.model import Entity
from lakelanes.convert.policy import EVOLVED_TYPE, RESCUED
from lakelanes.errors import CatalogError, QueryError

if TYPE_CHECKING:
    from lakelanes.lake import Lake

log = logging.getLogger(__name__)

# What UpdateTable takes of what GetTable returns.
_TABLE_INPUT = ("Name", "Description", "Owner", "Retention", "PartitionKeys", "TableType", "Parameters")
# How often a table is read again when others change it, and the longest pause in seconds. Each loss is somebody's gain.
_UPDATES = 40
_LONGEST_PAUSE = 1.0


def ensure_table(lake: Lake, table: GlueTable) -> bool:
    """Creates the table through Athena, or adds the columns that the configuration gained; True when it did either.

    Raises CatalogError when the table that exists has other partition keys or column types, or lies elsewhere.
    """
    found = describe(lake, table.name)
    if found is None:
        athena.execute(lake, create_statement(lake, table))
        return True
    _check(lake, table, found)
    return bool(_add_columns(lake, table, {name: kind for name, kind, _ in table.columns}, found))


class Evolution:
    """Gives an entity's table the columns that files bring: each once, whoever else does the same. Thread-safe.

    For one batch of files: what the table has is asked for when a column comes that is not known to be there.
    """

    def __init__(self, lake: Lake, entity: Entity) -> None:
        self._lake = lake
        self._table = data_table(entity)
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def add(self, columns: Mapping[str, str], source: str) -> list[str]:
        """Makes the table have these nullable columns (name -> Hive type), which `source` needs; creates it if need be.

        Returns those that it had not. Raises CatalogError when it has one with another type.
        """
        with self._lock:
            if columns.keys() <= self._known:
                return []
            found = describe(self._lake, self._table.name)
            if found is None:
                found = self._created()
            _check(self._lake, self._table, found)
            added = _add_columns(self._lake, self._table, columns, found)
            self._known |= columns.keys()
        if added:
            log.warning("table %s gained %s, brought by %s", self._table.name, ", ".join(added), source)
        return added

    def _created(self) -> Any:
        failure: QueryError | None = None
        try:
            ensure_table(self._lake, self._table)
        except QueryError as error:
            # Of workers that create the table at the same moment, Athena may fail all but one.
            failure = error
        found = describe(self._lake, self._table.name)
        if found is None:
            raise failure or CatalogError(f"table {self._table.name} was dropped as soon as it was there; load again")
        return found


def differences(lake: Lake, table: GlueTable, found: Any) -> list[str]:
    """How a table, as Glue describes it, differs from what the configuration says of it; [] when it does not.

    A column that it lacks is no difference: the next load adds it.
    """
    lines: list[str] = []
    try:
        _check(lake, table, found)
    except CatalogError as error:
        lines.append(str(error))
    configured = {name: kind for name, kind, _ in table.columns}
    for column in found.get("StorageDescriptor", {}).get("Columns", ()):
        name, kind = column["Name"], column.get("Type", "")
        if name in configured and _folded(kind) != configured[name]:
            lines.append(_other_type(lake, table, name, configured[name], kind))
        elif name not in configured and name != RESCUED:
            lines.append(
                f"table {lake.config.resources.glue_database}.{table.name} has a column {name} ({kind}) that the "
                "configuration does not name: a file brought it (schema_policy), or somebody added it"
            )
    return lines


def _check(lake: Lake, table: GlueTable, found: Any) -> None:
    keys = [key["Name"] for key in found.get("PartitionKeys", ())]
    wanted = [key.name for key in table.entity.partition_keys]
    location = found.get("StorageDescriptor", {}).get("Location", "")
    name = f"{lake.config.resources.glue_database}.{table.name}"
    if keys != wanted:
        raise CatalogError(
            f"table {name} is partitioned by ({', '.join(keys)}), but entities.{table.entity.name}.partition_keys says "
            f"({', '.join(wanted)}); give the entity another table_name, or drop the table and load again"
        )
    if location.rstrip("/") != table.location(lake).rstrip("/"):
        raise CatalogError(
            f"table {name} lies at {location}, but the lake writes to {table.location(lake)}; give the entity another "
            "table_name, or drop the table"
        )


def _add_columns(lake: Lake, table: GlueTable, columns: Mapping[str, str], found: Any) -> list[str]:
    """Appends those of the columns (name -> Hive type) that the table lacks; returns their names.

    found: the table as it was described. Glue takes the change only of that version: of two that change the table at
    the same time one reads it again (ConcurrentModificationException), so that no column is lost.
    https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
    """
    glue, database = lake.glue, lake.config.resources.glue_database
    for attempt in range(1, _UPDATES + 1):
        storage = found["StorageDescriptor"]
        present = {column["Name"]: column["Type"] for column in storage["Columns"]}
        for name, kind in columns.items():
            if name in present and _folded(present[name]) != kind:
                raise CatalogError(_other_type(lake, table, name, kind, present[name]))
        new = [{"Name": name, "Type": kind} for name, kind in columns.items() if name not in present]
        if not new:
            return []
        given = {name: found[name] for name in _TABLE_INPUT if name in found}
        try:
            # Through Glue: Athena's ADD COLUMNS takes no date columns, and fails when somebody else was faster
            # (https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-columns.html).
            glue.update_table(
                DatabaseName=database,
                TableInput={**given, "StorageDescriptor": {**storage, "Columns": [*storage["Columns"], *new]}},
                VersionId=found["VersionId"],
                SkipArchive=True,
            )
            return [column["Name"] for column in new]
        except glue.exceptions.ConcurrentModificationException:
            if attempt == _UPDATES:
                raise
        time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * 2**attempt)))
        found = describe(lake, table.name)
        if found is None:
            raise CatalogError(f"table {database}.{table.name} was dropped while it was given columns; load again")
    raise AssertionError("unreachable")


def _folded(kind: str) -> str:
    """A type of Glue's as ``HiveType.text`` writes it."""
    return kind.replace(" ", "").lower()


def _other_type(lake: Lake, table: GlueTable, name: str, kind: str, found: str) -> str:
    entity = table.entity
    where = f"column {name} of table {lake.config.resources.glue_database}.{table.name} is {found}"
    if name not in {configured for configured, *_ in table.columns}:
        return (
            f"{where}, but a file of {entity.name} brings a {kind} column of that name; name a column of "
            f"entities.{entity.name}.schema for it, with its 'header', or drop the table and load again"
        )
    remedy = "give the column another name, or drop the table and load again"
    if found == EVOLVED_TYPE:
        remedy = (
            f"if files brought it (schema_policy), declare it as {found}, or under another name with the 'header' "
            f"{name!r}; else {remedy}"
        )
    return (
        f"{where}, but the configuration of {entity.name} says {kind}; the files already loaded hold the old type, so "
        f"{remedy}"
    )
