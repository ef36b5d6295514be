"""The state of a DynamoDB table's stream lane: what it wrote last, and what it lacks that the exports have.

Costs two LIST requests of S3, for the hours of the last day and for the objects of the newest one, and a read of the
footer of one object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.aws.storage import ObjectFile
from lakelanes.errors import SourceChangedError, SourceGoneError
from lakelanes.ledger.entries import timestamp
from lakelanes.tables.catalog import changes_table, window_partition
from lakelanes.tables.windows import minute_text

if TYPE_CHECKING:
    from lakelanes.config.model import Table
    from lakelanes.lake import Lake
    from lakelanes.tables.ledger import Export

StreamState = Literal["arriving", "quiet", "missing"]

_STREAM_HOURS = 24
# S3's largest page.
_OBJECTS = 1000
_QUIET_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class StreamStatus:
    """What the stream lane wrote last. Times are ISO 8601 in UTC, None when it wrote nothing in the last day.

    state: arriving (the newest object was written within the last hour), quiet (longer ago, and nothing is known to be
    missing), missing (the exports have changes of the window ``missing``, and the stream lane has none of its hours).
    uri, rows: the newest object and its number of changes. changed_at: time of the newest change in it. arrived_at:
    when it was written.
    """

    state: StreamState
    changed_at: str | None = None
    arrived_at: str | None = None
    uri: str | None = None
    rows: int | None = None
    missing: str | None = None


def status(lake: Lake, table: Table, exports: Iterable[Export]) -> StreamStatus | None:
    """What the stream lane wrote in the last day; None for a table without that lane.

    exports: those of the last day's windows, to compare with. Of an hour with more than 1,000 objects only the first
    1,000 are read.
    """
    if "stream" not in table.lanes:
        return None
    now = lake.clock()
    since = (now - timedelta(hours=_STREAM_HOURS)).replace(minute=0, second=0, microsecond=0)
    hours = _stream_hours(lake, table, since)
    missing = _unstreamed(exports, since, set(hours))
    if not hours:
        return StreamStatus("missing" if missing else "quiet", missing=missing)
    newest = max(
        _objects(lake, _stream_folder(table, hours[-1])), key=lambda found: found["LastModified"], default=None
    )
    if newest is None:  # deleted in between
        return StreamStatus("quiet", missing=missing)
    state: StreamState = "arriving" if now - newest["LastModified"] < _QUIET_AFTER else "quiet"
    count = newest["Key"].rpartition("-")[2].removesuffix(".parquet")
    return StreamStatus(
        "missing" if missing else state,
        changed_at=_newest_change(lake, newest["Key"]),
        arrived_at=timestamp(newest["LastModified"]),
        uri=f"s3://{lake.config.resources.analytics_bucket}/{newest['Key']}",
        rows=int(count) if count.isdecimal() else None,
        missing=missing,
    )


def _stream_hours(lake: Lake, table: Table, since: datetime) -> list[str]:
    """The hours from ``since`` on that the stream lane has changes of, in order: values of the partition column."""
    folder = f"{changes_table(table).folder}/lane=stream/window="
    answer = lake.s3.list_objects_v2(
        Bucket=lake.config.resources.analytics_bucket,
        Prefix=folder,
        StartAfter=folder + minute_text(since),
        Delimiter="/",
    )
    return sorted(found["Prefix"].removeprefix(folder).rstrip("/") for found in answer.get("CommonPrefixes", ()))


def _stream_folder(table: Table, hour: str) -> str:
    return f"{changes_table(table).folder}/{window_partition('stream', hour).path}/"


def _objects(lake: Lake, prefix: str) -> Sequence[Any]:
    bucket = lake.config.resources.analytics_bucket
    found: Sequence[Any] = lake.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_OBJECTS).get("Contents", ())
    return found


def _unstreamed(exports: Iterable[Export], since: datetime, hours: set[str]) -> str | None:
    """The newest window since then of which the exports have changes and the stream lane has none."""
    for export in sorted(exports, key=lambda one: one.start, reverse=True):
        hour, own = export.window.start.replace(minute=0), set()
        while hour < export.window.end:
            own.add(minute_text(hour))
            hour += timedelta(hours=1)
        if export.is_converted and export.rows and export.window.start >= since and not own & hours:
            return str(export.window)
    return None


def _newest_change(lake: Lake, key: str) -> str | None:
    """The time of the newest change in an object, from its footer; None when the object was deleted or replaced."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with ObjectFile(lake.s3, lake.config.resources.analytics_bucket, key) as source:
            footer = pq.ParquetFile(pa.PythonFile(source, mode="r")).metadata
    except (SourceGoneError, SourceChangedError):
        return None
    place = footer.schema.names.index("_written_at")
    found = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    newest = max((one.max for one in found if one is not None and one.has_min_max), default=None)
    return f"{newest:%Y-%m-%dT%H:%M:%S.%fZ}" if newest is not None else None
