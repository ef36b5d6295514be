"""What refreshing the views did: each view that is there, what it reads, and of which columns its columns are made."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlglot.errors import SqlglotError

from lakelanes.catalog.glue_tables import GlueTable
from lakelanes.config.model import LakeConfig
from lakelanes.lineage.datasets import Column, Dataset, Lineage, glue_dataset, view_dataset
from lakelanes.lineage.view_columns import sources_of
from lakelanes.tables.catalog import tables_of

if TYPE_CHECKING:
    from lakelanes.catalog.views import ViewOutcome

log = logging.getLogger(__name__)


def of_refresh(config: LakeConfig, outcomes: Iterable[ViewOutcome]) -> Lineage:
    """The views that are there after a refresh, those that stayed as they were among them, and the tables they read."""
    there = [outcome for outcome in outcomes if outcome.columns]
    views = {outcome.name for outcome in there}
    tables = {table.name: table for table in tables_of(config)}
    inputs: dict[str, Dataset] = {}
    outputs = []
    for outcome in there:
        for name, columns in outcome.inputs.items():
            if name not in views and name not in inputs:
                inputs[name] = _input(config, tables, name, columns)
        names = {name: [column for column, _ in columns] for name, columns in outcome.inputs.items()}
        try:
            sources = sources_of(config, outcome.sql, names)
        except (SqlglotError, ValueError) as error:
            # Athena has taken the SQL; what this parser cannot tell keeps nothing else from being told.
            log.warning("%s: the sources of its columns cannot be told: %s", outcome.name, error)
            sources = {}
        outputs.append(view_dataset(config, outcome.name, [Column(*column) for column in outcome.columns], sources))
    return Lineage(tuple(inputs.values()), tuple(outputs))


def _input(config: LakeConfig, tables: Mapping[str, GlueTable], name: str, columns: Iterable[Iterable[str]]) -> Dataset:
    """A table that a view reads; <table>_current, which no file makes, is a view itself."""
    if name in tables:
        return glue_dataset(config, tables[name])
    return view_dataset(config, name, [Column(*column) for column in columns])
