"""What the page says of a table's stream lane: its newest change, and what it lacks that the exports have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from lakelanes.overview import streams
from lakelanes.overview.streams import StreamStatus
from lakelanes.tables.stream import StreamLane
from tests.lakelanes.overview.export_runs import begin, export, lake_at, text
from tests.support.source_tables import SourceTable


def streamed(source: SourceTable, moment: datetime) -> StreamStatus | None:
    known = source.ledger.windows(moment - timedelta(days=1))
    return streams.status(lake_at(source, moment), source.table, known)


def test_the_streams_newest_change_is_found_and_one_that_the_exports_alone_have(source: SourceTable) -> None:
    first = begin(source)
    found = streamed(source, source.now())
    assert found is not None and (found.state, found.arrived_at) == ("quiet", None)
    source.put("b", "2.00")
    source.close(first)
    export(source)
    assert streamed(source, source.now()) == StreamStatus("missing", missing=str(first))

    arn = f"{source.ledger.chain().table_arn}/stream/2024-03-15T00:00:00.000"  # type: ignore[union-attr]
    written = first.start.replace(second=7)

    def record(number: int, key: str) -> dict[str, Any]:
        image = {"order_id": {"S": key}, "total": {"N": "2.00"}}
        return {
            "eventName": "MODIFY",
            "eventSourceARN": arn,
            "dynamodb": {
                "SequenceNumber": str(10**20 + number),
                "ApproximateCreationDateTime": written.timestamp() + number,
                "Keys": {"order_id": {"S": key}},
                "NewImage": image,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }

    report = StreamLane(source.lake).process([record(0, "b"), record(3, "c")], lambda: 60.0)
    assert (report.state, report.rows) == ("written", 2)
    found = streamed(source, source.lake.clock())
    assert found is not None
    assert (found.state, found.rows, found.missing) == ("arriving", 2, None)
    assert found.changed_at == text(written + timedelta(seconds=3))
    assert found.uri == report.objects[0]
    later = streamed(source, source.lake.clock() + timedelta(hours=2))
    assert later is not None and later.state == "quiet"


def test_without_objects_and_without_exports_to_compare_with_the_stream_is_quiet(
    make_source: Callable[..., SourceTable],
) -> None:
    source = make_source(lanes=["stream"])
    assert streams.status(source.lake, source.table, []) == StreamStatus("quiet")


def test_a_table_without_the_stream_lane_has_no_stream_status(make_source: Callable[..., SourceTable]) -> None:
    source = make_source(lanes=["export"])
    assert streams.status(source.lake, source.table, []) is None


def test_a_window_without_changes_is_not_missing_in_the_stream(source: SourceTable) -> None:
    source.close(begin(source))
    [window] = export(source)
    assert (window.kind, window.rows) == ("window", 0)
    found = streamed(source, source.now())
    assert found is not None and (found.state, found.missing) == ("quiet", None)
