"""Whose rows a view shows: the entities and DynamoDB tables that it reads, itself or by the views that it reads.

refresh_views notes what each view reads as it makes it (note ``view-inputs`` of the ledger). So the answer is that of
the view which Athena has, not that of a file which was changed since, and the page needs no SQL parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakelanes.config.model import LakeConfig

if TYPE_CHECKING:
    from lakelanes.lake import Lake

Inputs = Mapping[str, frozenset[str]]
_NOTE = "view-inputs"


@dataclass(frozen=True)
class Owner:
    """What fills a table of the catalogue: an entity, or else a DynamoDB table, by its name in the configuration."""

    name: str
    is_entity: bool


def owners(config: LakeConfig) -> dict[str, Owner]:
    """The tables and views that the configuration makes, there or not, by their names in the catalogue."""
    found = {
        name: Owner(entity.name, True)
        for entity in config.entities.values()
        for name in (entity.table_name, entity.rejects_table)
    }
    return found | {
        name: Owner(table.name, False)
        for table in config.tables.values()
        for name in (table.changes_table, table.snapshot_table, table.current_view)
    }


def noted(lake: Lake) -> dict[str, frozenset[str]]:
    """The tables and views that each view reads itself, as noted when it was made."""
    return {name: frozenset(inputs) for name, inputs in lake.ledger.read_note(_NOTE).items()}


def note(lake: Lake, view: str, inputs: Iterable[str]) -> dict[str, frozenset[str]]:
    """Notes what a view reads; returns what is noted of all views then."""
    known = noted(lake) | {view: frozenset(inputs)}
    lake.ledger.write_note(_NOTE, {name: sorted(own) for name, own in known.items()})
    return known


def forget(lake: Lake, views: Iterable[str]) -> None:
    """Takes back what is noted of views that are no more."""
    known, gone = noted(lake), set(views)
    if gone & known.keys():
        lake.ledger.write_note(_NOTE, {name: sorted(own) for name, own in known.items() if name not in gone})


def tables_read(inputs: Inputs, view: str) -> frozenset[str] | None:
    """The tables that a view reads, itself or by other views; None for a view of which nothing is noted."""
    if view not in inputs:
        return None
    tables, seen, left = set(), {view}, list(inputs[view])
    while left:
        name = left.pop()
        if name in inputs and name not in seen:
            seen.add(name)
            left += inputs[name]
        elif name not in inputs:
            tables.add(name)
    return frozenset(tables)


def owners_of(config: LakeConfig, tables: Iterable[str] | None) -> frozenset[Owner] | None:
    """Whose rows these tables hold; None when that cannot be told of each."""
    if tables is None:
        return None
    known = owners(config)
    found = [known.get(name) for name in tables]
    return None if None in found else frozenset(owner for owner in found if owner is not None)
