"""Converts a finished export into the lake: a window into change rows, a full export into a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakelanes.errors import ExportDataError, LakeError
from lakelanes.tables.convert import convert_export
from lakelanes.tables.export_requests import manifest_key
from lakelanes.tables.ledger import Export, Snapshot, TableLedger, second_text
from lakelanes.tables.manifests import read_manifests
from lakelanes.tables.snapshot import delete_others, snapshot_folder, window_folder

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake


def import_into_lake(lake: Lake, table: Table, export: Export) -> Export:
    """Converts the export unless it is converted already, and returns it as ``converted``.

    Converted twice, it writes the same objects. Raises ExportDataError when the export is not the planned one or cannot
    be read, and LakeError when it is not finished; the ledger then has the reason.
    """
    lake.check_owner()
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
    manifest = read_manifests(lake.s3, bucket, manifest_key(lake, export.export_arn))
    window = export.window
    times = (manifest.export_time, manifest.export_time) if manifest.is_full else (manifest.from_time, manifest.to_time)
    if times != (window.start, window.end):
        raise ExportDataError(manifest.arn, f"it covers {times[0]} to {times[1]}, expected the {export}")
    if export.kind == "full":
        folder = snapshot_folder(table, _as_of(export))
        # Readers take every row of a snapshot, so the rows of an earlier export must not stay in its folder.
        delete_others(lake, folder, manifest.export_id)
    else:
        folder = window_folder(table, export.start)
    written = convert_export(lake.s3, manifest, table, bucket, folder)
    if export.kind == "window":
        # An export that the ledger has forgotten, for it was restored, has the same changes.
        delete_others(lake, folder, manifest.export_id)
    return sum(file.rows for file in written), len(written)


def _as_of(export: Export) -> str:
    return second_text(export.window.start)
