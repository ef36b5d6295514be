"""What the tasks of export_<table> and maintain_lake do with the engine, and the stream's function, without Airflow and
without Lambda."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from lakelanes.config.model import Table
from lakelanes.lake import Lake
from lakelanes.tables.current import publish
from lakelanes.tables.export_requests import poll_export, request_export
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.ledger import Export, ExportKind, TableLedger
from lakelanes.tables.planning import check, plan
from lakelanes.tables.snapshot import compact, expire
from lakelanes.tables.stream import StreamLane
from lakelanes.tables.windows import Window

# Kind and start of an export, as the tasks of a run hand them on.
Named = tuple[ExportKind, str]

# Much longer than a query takes while the table's clock runs ahead.
KEEP = timedelta(hours=3)
_SECONDS = 60.0


def plan_task(lake: Lake, table: Table, run_id: str, period: Window | None, kind: str) -> Any:
    """The exports of a run as Named, or the time until which it has to wait."""
    found = plan(
        lake,
        table,
        run_id=run_id,
        period=period,
        catch_up=kind == "scheduled",
        backfill=kind == "backfill",
        full=kind == "anew",
    )
    return found.wait_until or [(export.kind, export.start) for export in found.exports]


def export_task(lake: Lake, table: Table, named: Named) -> tuple[str, str | None]:
    """The state that the export is in now, and its ARN; the task is to go on when DynamoDB is done."""
    export = export_of(lake, table, named)
    while export.state in {"planned", "exporting"}:
        export = poll_export(lake, table, request_export(lake, table, export))
        if export.state == "exporting":
            break
    return export.state, export.export_arn


def convert_task(lake: Lake, table: Table, named: Named) -> int | None:
    return import_into_lake(lake, table, export_of(lake, table, named)).rows


def publish_task(lake: Lake, table: Table, exports: Sequence[Named]) -> None:
    found = [export_of(lake, table, named) for named in exports]
    done = [export for export in found if export.is_converted]
    publish(lake, table, [export.start for export in done if export.kind == "window"])
    for export in done:
        if export.state == "converted":
            TableLedger(lake, table.name).write(export, state="published")


def maintain_task(lake: Lake, table: Table) -> bool:
    """Whether there was anything to compact."""
    done = compact(lake, table)
    expire(lake, table, KEEP)
    check(lake, table)
    return done.snapshot is not None


def stream_task(lane: StreamLane, records: Sequence[str]) -> str | None:
    """The sequence number of the record from which on the batch comes again; None when none does."""
    return lane.process([json.loads(record) for record in records], lambda: _SECONDS).failed_from


def export_of(lake: Lake, table: Table, named: Named) -> Export:
    found = TableLedger(lake, table.name).export(*named)
    assert found is not None, named
    return found
