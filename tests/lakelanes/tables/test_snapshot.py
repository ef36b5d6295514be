"""Snapshots: compacted again after a failure, and deleted when they are old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lakelanes.errors import PartialAnswerError
from lakelanes.lake import Lake
from lakelanes.tables import snapshot
from lakelanes.tables.current import publish
from lakelanes.tables.ledger import Snapshot, second_text
from lakelanes.tables.snapshot import compact, delete_others, expire, snapshot_folder
from lakelanes.tables.windows import next_window
from tests.lakelanes.tables.lanes import T0, Lanes, check_view


def test_old_snapshots_go_after_their_days_and_never_the_one_in_the_view(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(14)
    lake, table = lanes.lake, lanes.table
    lanes.export_full(T0)
    end = T0
    for _ in range(2):
        following = next_window(end, 60)
        lanes.model.write(10, (following.end - lanes.model.now).total_seconds())
        lanes.export_window(following)
        compact(lake, table)
        end = following.end
    # A compaction that died before its end.
    orphan = "orders_snapshot/as_of=20260301T103000Z/part-00000.parquet"
    lake.s3.put_object(Bucket=lake.config.resources.analytics_bucket, Key=orphan, Body=b"x")
    keep = timedelta(days=3)
    assert expire(lake, table, keep) == ["20260301T103000Z"], "what nobody knows of, and nothing that is young"
    later = Lake.open(lake.config, lambda: lake.clock() + timedelta(days=4))
    assert expire(later, table, keep) == ["20260301T101700Z", "20260301T110000Z"]
    [left] = lanes.ledger.snapshots()
    assert (left.as_of, left.made_by) == ("20260301T120000Z", "compaction")
    listed = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix="orders_snapshot/")
    assert {item["Key"].split("/")[1] for item in listed["Contents"]} == {"as_of=20260301T120000Z"}
    assert expire(later, table, timedelta(0)) == []
    check_view(lanes, "after old snapshots went")


def test_compaction_that_died_is_made_again(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(15)
    lanes.model.write(30, 300)
    lanes.export_full(T0)
    lanes.model.write(30, 2580)
    lanes.export_window(next_window(T0, 60))
    lanes.model.delivered = 0
    folder = "orders_snapshot/as_of=20260301T110000Z/"
    for part in ("part-00000.parquet", "part-00007.parquet"):
        bucket = lanes.lake.config.resources.analytics_bucket
        lanes.lake.s3.put_object(Bucket=bucket, Key=folder + part, Body=b"half a file")
    done = compact(lanes.lake, lanes.table)
    assert done.snapshot is not None and done.snapshot.rows == len(lanes.model.state(None))
    check_view(lanes, "compacted again")
    assert compact(lanes.lake, lanes.table).snapshot is None, "nothing is left to do"


def test_the_snapshot_that_the_view_reads_stays_however_old_it_is(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(17)
    lake, table = lanes.lake, lanes.table
    lanes.export_full(T0)
    publish(lake, table)
    # A compaction that failed before it moved the view: the ledger knows a newer snapshot.
    following = second_text(T0 + timedelta(minutes=43))
    lanes.ledger.write(
        Snapshot(table=table.name, as_of=following, made_by="compaction", table_id="id", rows=0, files=0)
    )
    later = Lake.open(lake.config, lambda: lake.clock() + timedelta(days=30))
    assert expire(later, table, timedelta(days=3)) == []
    assert [snapshot.as_of for snapshot in lanes.ledger.snapshots()] == [second_text(T0), following]


def test_a_folder_that_is_newer_than_the_view_is_left_to_whoever_writes_it(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(18)
    lanes.export_full(T0)
    publish(lanes.lake, lanes.table)
    folder = snapshot_folder(lanes.table, second_text(T0 + timedelta(minutes=43)))
    bucket = lanes.lake.config.resources.analytics_bucket
    lanes.lake.s3.put_object(Bucket=bucket, Key=f"{folder}part-00000.parquet", Body=b"half")
    assert expire(lanes.lake, lanes.table, timedelta(0)) == []
    assert lanes.lake.s3.list_objects_v2(Bucket=bucket, Prefix=folder)["KeyCount"] == 1


def test_objects_are_deleted_in_as_many_requests_as_they_need(
    make_lanes: Callable[..., Lanes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = make_lanes(19)
    s3, bucket = lanes.lake.s3, lanes.lake.config.resources.analytics_bucket
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"folder/other-{number}", Body=b"x")
    s3.put_object(Bucket=bucket, Key="folder/own-0", Body=b"x")
    requests: list[str] = []
    s3.meta.events.register("before-call.s3.DeleteObjects", lambda model, **_: requests.append(model.name))
    monkeypatch.setattr(snapshot, "DELETE_LIMIT", 2)
    delete_others(lanes.lake, "folder/", "own")
    left = s3.list_objects_v2(Bucket=bucket, Prefix="folder/")["Contents"]
    assert [item["Key"] for item in left] == ["folder/own-0"]
    assert len(requests) == 3


def test_an_object_that_s3_does_not_delete_is_an_error(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(20)
    s3, bucket = lanes.lake.s3, lanes.lake.config.resources.analytics_bucket
    s3.put_object(Bucket=bucket, Key="folder/other-0", Body=b"x")

    def refuse(parsed: dict[str, object], **_: object) -> None:
        parsed["Errors"] = [{"Key": "folder/other-0", "Code": "AccessDenied", "Message": "no"}]

    s3.meta.events.register("after-call.s3.DeleteObjects", refuse)
    with pytest.raises(PartialAnswerError, match="not deleted: folder/other-0: AccessDenied: no") as error:
        delete_others(lanes.lake, "folder/", "own")
    assert not error.value.retryable


def test_objects_that_s3_left_out_for_a_moment_are_deleted(make_lanes: Callable[..., Lanes]) -> None:
    lanes = make_lanes(21)
    s3, bucket = lanes.lake.s3, lanes.lake.config.resources.analytics_bucket
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"folder/other-{number}", Body=b"x")
    requests: list[str] = []

    def be_busy(parsed: dict[str, object], **_: object) -> None:
        requests.append("DeleteObjects")
        if len(requests) < 3:
            parsed["Errors"] = [{"Key": "folder/other-1", "Code": "SlowDown", "Message": "not now"}]

    s3.meta.events.register("after-call.s3.DeleteObjects", be_busy)
    delete_others(lanes.lake, "folder/", "own")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="folder/")["KeyCount"] == 0
    assert len(requests) == 3
