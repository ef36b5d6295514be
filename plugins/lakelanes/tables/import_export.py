"""A finished export into the lake: its change rows, or for a full export the snapshot that others follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakelanes.errors import ExportDataError, LakeError
from lakelanes.tables.convert import convert_export
from lakelanes.tables.export_requests import manifest_key
from lakelanes.tables.exports import read_export
from lakelanes.tables.ledger import Export, Snapshot, TableLedger, second_text
from lakelanes.tables.snapshot import delete_others, snapshot_folder, window_folder

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake


def bring_in(lake: Lake, table: Table, export: Export) -> Export:
    """Converts the export unless that is done; done again it writes the same objects. Returns it as ``converted``.

    Raises ExportDataError when the export is not what was planned, or cannot be read; the ledger then has the reason.
    """
    ledger = TableLedger(lake, table.name)
    export = ledger.export(export.kind, export.start) or export
    if export.is_converted:
        return export
    try:
        rows, files = _convert(lake, table, export)
    except LakeError as error:
        ledger.write(export, reason=error)
        raise
    if export.kind == "full":
        snapshot = Snapshot(
            table=table.name, as_of=_as_of(export), made_by="full", table_id=export.table_id, rows=rows, files=files
        )
        ledger.write(snapshot)
    done, ours = ledger.write(export, state="converted", rows=rows, files=files, reason=None)
    if not ours and not done.is_converted:
        done, _ = ledger.write(done, state="converted", rows=rows, files=files, reason=None)
    return done


def _convert(lake: Lake, table: Table, export: Export) -> tuple[int, int]:
    if export.state != "exported" or export.export_arn is None:
        raise LakeError(f"the {export} cannot be converted: it is {export.state}, not exported")
    bucket = lake.config.resources.analytics_bucket
    found = read_export(lake.s3, bucket, manifest_key(lake, export.export_arn))
    window = export.window
    times = (found.export_time, found.export_time) if found.is_full else (found.from_time, found.to_time)
    if times != (window.start, window.end):
        raise ExportDataError(found.arn, f"it is of the time from {times[0]} to {times[1]}, expected the {export}")
    if export.kind == "full":
        folder = snapshot_folder(table, _as_of(export))
        # Readers of a snapshot take its rows as they are, so no other export may have left any there.
        delete_others(lake, folder, found.export_id)
    else:
        folder = window_folder(table, export.start)
    written = convert_export(lake.s3, found, table, bucket, folder)
    return sum(file.rows for file in written), len(written)


def _as_of(export: Export) -> str:
    return second_text(export.window.start)
