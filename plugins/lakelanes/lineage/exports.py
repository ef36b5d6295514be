"""What the steps of a DynamoDB table read and wrote: the table, its exports in S3, the tables and the view of it."""

from __future__ import annotations

from lakelanes.config.model import LakeConfig, Table
from lakelanes.lineage.datasets import Column, Dataset, Lineage, dynamodb_name, glue_dataset, object_name, view_dataset
from lakelanes.lineage.view_columns import sources_of
from lakelanes.tables.catalog import changes_table, snapshot_partition, snapshot_table, window_partition
from lakelanes.tables.current import Coverage, view_columns, view_sql
from lakelanes.tables.export_requests import export_folder
from lakelanes.tables.ledger import Export, Snapshot, second_text


def of_export(config: LakeConfig, table: Table, export: Export | None = None) -> Lineage:
    """DynamoDB's export of a table into S3; before there is one, what it is of."""
    source = Dataset(dynamodb_name(config, table.dynamodb_table), "TABLE", columns=_attributes(table))
    return Lineage((source,), _exported(config, table, export))


def of_conversion(config: LakeConfig, table: Table, export: Export | None) -> Lineage:
    """An export as change rows, a full one as a snapshot; nothing before it is known which. Rows are counted once it is
    converted."""
    if export is None:
        return Lineage()
    if export.kind == "full":
        written = glue_dataset(
            config, snapshot_table(table), [snapshot_partition(second_text(export.window.start))], export.rows
        )
    else:
        written = glue_dataset(config, changes_table(table), [window_partition("export", export.start)], export.rows)
    return Lineage(_exported(config, table, export), (written,))


def of_current(config: LakeConfig, table: Table, coverage: Coverage | None) -> Lineage:
    """The view of a table's items, with its columns' sources; without coverage, for want of a view, what it reads."""
    read = (glue_dataset(config, snapshot_table(table)), glue_dataset(config, changes_table(table)))
    if coverage is None:
        return Lineage(read)
    columns = [Column(name, kind) for name, kind in view_columns(table)]
    names = {one.at.name.rsplit("/", 1)[1]: [column.name for column in one.columns] for one in read}
    sources = sources_of(config, view_sql(config.resources.glue_database, table, coverage), names)
    return Lineage(read, (view_dataset(config, table.current_view, columns, sources),))


def of_compaction(config: LakeConfig, table: Table, snapshot: Snapshot | None) -> Lineage:
    """A new snapshot of the last one and the changes since; without one, for nothing was to do, nothing."""
    if snapshot is None:
        return Lineage()
    written = glue_dataset(config, snapshot_table(table), [snapshot_partition(snapshot.as_of)], snapshot.rows)
    # The last snapshot is not named: a table that a step reads and writes is a circle in the graph.
    return Lineage((glue_dataset(config, changes_table(table)),), (written,))


def _exported(config: LakeConfig, table: Table, export: Export | None) -> tuple[Dataset, ...]:
    """The export in S3; its ARN ends with the name of its folder.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
    """
    if export is None or export.export_arn is None:
        return ()
    folder = f"{export_folder(table)}/AWSDynamoDB/{export.export_arn.rsplit('/', 1)[1]}"
    return (Dataset(object_name(config.resources.analytics_bucket, folder), "FILE", rows=export.lines),)


def _attributes(table: Table) -> tuple[Column, ...]:
    """The attributes of the items that the configuration knows."""
    return tuple(Column(column.attribute, column.type.text, column.comment or "") for column in table.columns)
