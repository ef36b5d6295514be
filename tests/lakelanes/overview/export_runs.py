"""Runs of a table's exports, as the tasks of export_<table> make them."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from lakelanes.lake import Lake
from lakelanes.tables.current import publish
from lakelanes.tables.export_requests import poll_export, request_export
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import plan
from lakelanes.tables.windows import Window
from tests.support.source_tables import SourceTable

_runs = itertools.count()


def lake_at(source: SourceTable, moment: datetime) -> Lake:
    """The lake at a moment; the local DynamoDB has a clock of its own."""
    return Lake.open(source.lake.config, lambda: moment)


def export(source: SourceTable, **options: Any) -> list[Export]:
    """A whole run."""
    done = convert(source, **options)
    publish(source.lake, source.table)
    return [source.ledger.write(one, state="published")[0] for one in done]


def convert(source: SourceTable, **options: Any) -> list[Export]:
    """A run until before it publishes."""
    lake, table, done = source.lake, source.table, []
    for planned in plan(lake, table, run_id=f"export_orders/{next(_runs)}", **options).exports:
        made = request_export(lake, table, planned)
        while made.state == "exporting":
            made = poll_export(lake, table, made)
        done.append(import_into_lake(lake, table, made))
    return done


def begin(source: SourceTable) -> Window:
    """Makes the full export; returns the first window, which is open."""
    source.put("a", "1.00")
    source.settle()
    export(source)
    return source.next_window()


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
