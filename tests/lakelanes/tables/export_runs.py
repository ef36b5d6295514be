"""Runs of a table's exports against the local DynamoDB, and what they made."""

from __future__ import annotations

from decimal import Decimal

from lakelanes.catalog import athena
from lakelanes.tables.current import publish
from lakelanes.tables.export_requests import poll_export, request_export
from lakelanes.tables.import_export import import_into_lake
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import plan
from tests.support.source_tables import SourceTable


def plan_due(source: SourceTable) -> list[Export]:
    return list(plan(source.lake, source.table, run_id="run").exports)


def plan_full(source: SourceTable) -> Export:
    source.settle()
    [export] = plan_due(source)
    return export


def finish_export(source: SourceTable, export: Export) -> Export:
    """Waits until DynamoDB has made the export."""
    export = request_export(source.lake, source.table, export)
    while export.state == "exporting":
        export = poll_export(source.lake, source.table, export)
    return export


def run_exports(source: SourceTable) -> list[Export]:
    """A whole run: exports, converts and publishes whatever is due."""
    done = [import_into_lake(source.lake, source.table, finish_export(source, export)) for export in plan_due(source)]
    publish(source.lake, source.table, [export.start for export in done if export.kind == "window"])
    for export in done:
        source.ledger.write(export, state="published")
    return done


def settle_and_run(source: SourceTable) -> list[Export]:
    source.settle()
    return run_exports(source)


def export_arns(source: SourceTable) -> list[str]:
    """ARNs of the table's exports."""
    table = source.lake.dynamodb.describe_table(TableName=source.table.dynamodb_table)["Table"]
    return [
        export["ExportArn"]
        for export in source.lake.dynamodb.list_exports(TableArn=table["TableArn"])["ExportSummaries"]
    ]


def view_totals(source: SourceTable) -> dict[str | None, Decimal]:
    rows = athena.query(source.lake, "SELECT order_id, total FROM orders_current")
    return {row["order_id"]: Decimal(str(row["total"])) for row in rows}
