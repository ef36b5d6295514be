"""What runs plan, without the exports that they plan."""

from __future__ import annotations

import pytest

from lakelanes.errors import GapError
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import Plan, check, plan
from lakelanes.tables.windows import Window
from tests.support.source_tables import SourceTable


def planned(source: SourceTable, run_id: str = "run", **options: object) -> Plan:
    return plan(source.lake, source.table, run_id=run_id, **options)  # type: ignore[arg-type]


def windows(found: Plan) -> list[Window]:
    return [export.window for export in found.exports if export.kind == "window"]


def publish(source: SourceTable, *exports: Export) -> None:
    for export in exports:
        source.ledger.write(export, state="published")


def begin(source: SourceTable) -> Window:
    """Makes the base; returns the first window, closed."""
    source.settle()
    publish(source, *planned(source).exports)
    return source.close(source.next_window())


def gap(source: SourceTable) -> GapError:
    with pytest.raises(GapError) as raised:
        planned(source)
    with pytest.raises(GapError, match=raised.value.state):
        check(source.lake, source.table)
    return raised.value
