"""The whole way of a file, asked for in Athena: every row is in the table or among the rejects, once."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.catalog import athena
from lakelanes.config.partitions import Partition, date_values, partition_of
from lakelanes.errors import PermanentLoadError, QueryError, RetryableLoadError, ValidationError
from lakelanes.files import validation
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.outcomes import FileOutcome, raise_for_outcomes
from lakelanes.files.pending import pending
from lakelanes.files.registration import register
from lakelanes.files.sweep import find_unloaded, record_unmatched, register_done
from lakelanes.files.target_keys import rejects_key, target_key
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.source_file import SourceFile
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
KEY = "sales_data_2024_03_15.csv"


def rows(count: int, first: int = 1) -> str:
    return "".join(f"t{n},c{n},{n}.50,2024-03-15\n" for n in range(first, first + count))


def load(
    lake: Lake, files: Sequence[SourceFile] | None = None, entity: str = "sales", **options: Any
) -> list[FileOutcome]:
    """Loads (by default) whatever is in the source bucket, registers and validates it."""
    settings = lake.config.entities[entity]
    files = list_entity(lake, settings) if files is None else files
    outcomes = load_batch(lake, settings, files, lane="batch", run_id="test", **options)
    partitions = {Partition.from_path(path) for outcome in outcomes for path in outcome.partitions}
    register(lake, settings, partitions)
    validate(lake, settings, partitions, pause_seconds=0.05)
    return outcomes


def select(lake: Lake, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in athena.query(lake, sql)]


def table(lake: Lake, name: str = "sales_data") -> list[tuple[str | None, ...]]:
    return select(lake, f"SELECT transaction_id, customer_id, amount, transaction_date FROM {name} ORDER BY 1, 2, 3")


def rejects(lake: Lake) -> list[tuple[str | None, ...]]:
    return select(lake, 'SELECT line, "column", reason, raw FROM sales_data_rejects ORDER BY source_file, record')


def accounted(lake: Lake) -> int:
    """Rows in the table and among the rejects together."""
    return len(table(lake)) + len(rejects(lake))


def test_a_file_becomes_typed_rows_of_its_partition(lake: Lake) -> None:
    put(lake, KEY, HEADER + "t1,c1,12.50,2024-03-15\nt2,,-0.07,\n")
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 2, 0)
    assert table(lake) == [("t1", "c1", "12.50", "2024-03-15"), ("t2", None, "-0.07", None)]
    assert select(
        lake, "SELECT sum(amount), count(*) FROM sales_data WHERE year='2024' AND month='03' AND day='15'"
    ) == [("12.43", "2")]
    assert select(lake, "SELECT count(*) FROM sales_data WHERE day='16'") == [("0",)]


@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        ("t9,c9,12.3x,2024-03-15", "amount", "12.3x"),
        ("t9,c9,12.345,2024-03-15", "amount", "12.345"),
        ("t9,c9,123456789.00,2024-03-15", "amount", "123456789.00"),
        ("t9,c9,1.00,2024-02-30", "transaction_date", "2024-02-30"),
        ("t9,c9,1.00,15.03.2024", "transaction_date", "15.03.2024"),
        ("t9,c9,1.00", None, "4"),
        ("t9,c9,1.00,2024-03-15,extra", None, "5"),
    ],
)
def test_a_bad_row_is_set_aside_with_line_column_reason_and_text(
    lake: Lake, bad: str, column: str | None, reason: str
) -> None:
    put(lake, KEY, HEADER + rows(2) + bad + "\n" + rows(2, first=3))
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 4, 1)
    assert (outcome.line, outcome.column) == (4, column)
    [(line, where, why, raw)] = rejects(lake)
    assert (line, where, raw) == ("4", column, bad)
    assert reason in str(why)
    assert [row[0] for row in table(lake)] == ["t1", "t2", "t3", "t4"]


SURVIVED = {
    "reordered columns": "amount,transaction_date,customer_id,transaction_id\n1.50,2024-03-15,c1,t1\n",
    "extra column": "transaction_id,note,customer_id,amount,transaction_date\nt1,hi,c1,1.50,2024-03-15\n",
    "BOM": "\ufeff" + HEADER + rows(1),
    "CRLF": (HEADER + rows(1)).replace("\n", "\r\n"),
    "no line end at the end": (HEADER + rows(1)).rstrip("\n"),
    "header in capitals": HEADER.upper() + rows(1),
    "spaces around values": HEADER + "t1,c1, 1.50 ,2024-03-15\n",
}


@pytest.mark.parametrize("kind", SURVIVED)
def test_a_file_written_in_another_way_loads_the_same(lake: Lake, kind: str) -> None:
    put(lake, KEY, SURVIVED[kind])
    [outcome] = load(lake)
    assert outcome.state == "loaded", outcome
    assert table(lake) == [("t1", "c1", "1.50", "2024-03-15")]


def test_a_column_may_have_another_name_in_the_files(make_lake: Callable[..., Lake]) -> None:
    schema = [{**SALES["schema"][0], "header": "Transaction No."}, *SALES["schema"][1:]]
    lake = make_lake({"sales": {**SALES, "schema": schema}})
    put(lake, KEY, " transaction no. ,customer_id,amount,transaction_date\nt1,c1,1.50,2024-03-15\nt2,c2,x,2024-03-15\n")
    assert [o.state for o in load(lake)] == ["loaded"]
    assert table(lake) == [("t1", "c1", "1.50", "2024-03-15")]
    assert [column for _, column, *_ in rejects(lake)] == ["amount"]
    put(lake, KEY, HEADER + rows(1))
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "missing column Transaction No." in str(outcome.error)


def test_the_rows_of_an_entity_are_sorted_as_it_says(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "sort_by": ["customer_id", "amount"]}})
    put(lake, KEY, HEADER + "t1,c2,1.50,\nt2,,2.00,\nt3,c1,9.00,\nt4,c2,1.25,\n")
    assert [outcome.rows_loaded for outcome in load(lake)] == [4]
    entity = lake.config.entities["sales"]
    key = target_key(entity, partition_for(entity, KEY), KEY)
    body = lake.s3.get_object(Bucket=lake.config.resources.analytics_bucket, Key=key)["Body"].read()
    assert pq.read_table(pa.BufferReader(body)).column("transaction_id").to_pylist() == ["t3", "t4", "t1", "t2"]


def test_a_quoted_line_end_is_part_of_its_value_and_lines_are_still_counted_right(lake: Lake) -> None:
    put(lake, KEY, HEADER + '"t\n1","say ""hi"", you",1.50,2024-03-15\nt2,c2,bad,2024-03-15\n')
    load(lake)
    assert table(lake) == [("t\n1", 'say "hi", you', "1.50", "2024-03-15")]
    assert [(line, column) for line, column, *_ in rejects(lake)] == [("4", "amount")]


@pytest.mark.parametrize("body", ["", HEADER, HEADER.rstrip("\n")])
def test_a_file_without_rows_loads_no_rows(lake: Lake, body: str) -> None:
    put(lake, KEY, body)
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 0, 0)
    assert table(lake) == []


def test_gzip_is_read_as_it_comes(lake: Lake) -> None:
    put(lake, KEY + ".gz", HEADER + rows(3))
    load(lake)
    assert len(table(lake)) == 3


def test_a_missing_column_refuses_the_file_and_every_row_is_among_the_rejects(lake: Lake) -> None:
    put(lake, KEY, "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\nt2,c2,2024-03-15\n")
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "amount" in str(outcome.error)
    assert table(lake) == []
    assert [raw for *_, raw in rejects(lake)] == ["t1,c1,2024-03-15", "t2,c2,2024-03-15"]


def test_a_missing_column_is_null_where_the_entity_says_so(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "missing_columns": "null"}})
    put(lake, KEY, "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\n")
    assert [o.state for o in load(lake)] == ["loaded"]
    assert table(lake) == [("t1", "c1", None, "2024-03-15")]


@pytest.mark.parametrize(
    "policy", [{"on_bad_rows": "fail"}, {"max_bad_rows": 1}], ids=["fail", "more than max_bad_rows"]
)
def test_a_file_with_too_many_bad_rows_is_refused_whole(make_lake: Callable[..., Lake], policy: dict[str, Any]) -> None:
    lake = make_lake({"sales": {**SALES, **policy}})
    put(lake, KEY, HEADER + rows(5) + "t8,c8,bad,2024-03-15\n" + "t9,c9,1.00,bad\n")
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert table(lake) == []
    assert len(rejects(lake)) == 7
    entry = lake.ledger.get(outcome.source)
    assert entry is not None
    assert (entry.state, entry.rows_rejected, entry.error_line, entry.error_column) == ("rejected", 7, 7, "amount")
    with pytest.raises(PermanentLoadError, match=r"line 7, column amount"):
        raise_for_outcomes([outcome])


def test_as_many_bad_rows_as_allowed_are_set_aside(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "max_bad_rows": 1}})
    put(lake, KEY, HEADER + rows(5) + "t8,c8,bad,2024-03-15\n")
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 5, 1)


def test_a_corrected_file_takes_the_place_of_a_refused_one(lake: Lake) -> None:
    put(lake, KEY, "nonsense\n1\n")
    assert [o.state for o in load(lake)] == ["rejected"]
    put(lake, KEY, HEADER + rows(3))
    assert [o.state for o in load(lake)] == ["loaded"]
    assert (len(table(lake)), rejects(lake)) == (3, [])


def test_the_same_key_with_new_content_replaces_its_rows(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(5) + "t9,c9,bad,2024-03-15\n")
    load(lake)
    put(lake, KEY, HEADER + rows(2, first=100))
    load(lake)
    assert [row[0] for row in table(lake)] == ["t100", "t101"]
    assert rejects(lake) == []


def test_a_refused_new_version_leaves_the_old_rows_in_the_table(lake: Lake) -> None:
    uri = put(lake, KEY, HEADER + rows(5))
    load(lake)
    put(lake, KEY, "nonsense\n1\n")
    assert [o.state for o in load(lake)] == ["rejected"]
    assert len(table(lake)) == 5
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.live_rows) == ("rejected", 5)


def test_loading_again_doubles_nothing(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(5))
    assert [o.state for o in load(lake)] == ["loaded"]
    assert [o.state for o in load(lake)] == ["already_loaded"]
    assert pending(lake, list_entity(lake, lake.config.entities["sales"])) == []
    assert [o.state for o in load(lake, reload=True)] == ["loaded"]
    assert len(table(lake)) == 5


def test_two_folders_may_hold_files_of_one_name(lake: Lake) -> None:
    put(lake, f"a b+c/{KEY}", HEADER + rows(2))
    put(lake, f"Zürich/日本/100%/{KEY}", HEADER + rows(3, first=10))
    assert [o.state for o in load(lake)] == ["loaded", "loaded"]
    assert len(table(lake)) == 5


def test_a_file_deleted_after_it_was_listed_hinders_nobody(lake: Lake) -> None:
    gone = put(lake, KEY, HEADER + rows(2))
    put(lake, "sales_data_2024_03_16.csv", HEADER + rows(3))
    files = list_entity(lake, lake.config.entities["sales"])
    lake.s3.delete_object(Bucket=lake.config.resources.source_bucket, Key=KEY)
    assert sorted(o.state for o in load(lake, files)) == ["deleted", "loaded"]
    assert len(table(lake)) == 3
    entry = lake.ledger.get(gone)
    assert entry is not None
    assert entry.state == "deleted"


def test_a_file_overwritten_after_it_was_listed_is_loaded_in_its_new_version(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(2))
    files = list_entity(lake, lake.config.entities["sales"])
    uri = put(lake, KEY, HEADER + rows(4))
    assert [o.state for o in load(lake, files)] == ["loaded"]
    assert len(table(lake)) == 4
    entry, [listed] = lake.ledger.get(uri), list_entity(lake, lake.config.entities["sales"])
    assert entry is not None
    assert entry.etag == listed.etag


def test_an_older_version_seen_late_changes_nothing(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(2))
    [old] = list_entity(lake, lake.config.entities["sales"])
    put(lake, KEY, HEADER + rows(4))
    load(lake)
    late = replace(old, last_modified=old.last_modified - timedelta(seconds=30))
    assert [o.state for o in load(lake, [late])] == ["superseded"]
    assert len(table(lake)) == 4


def test_a_newer_version_that_looks_older_is_loaded(lake: Lake) -> None:
    """S3 gives a multipart upload the time at which it began: the version before it may have been put meanwhile."""
    put(lake, KEY, HEADER + rows(2))
    load(lake)
    put(lake, KEY, HEADER + rows(4))
    [new] = list_entity(lake, lake.config.entities["sales"])
    looks_older = replace(new, last_modified=new.last_modified - timedelta(hours=1))
    assert [o.state for o in load(lake, [looks_older])] == ["loaded"]
    assert len(table(lake)) == 4


def test_two_loads_of_one_version_leave_two_objects(lake: Lake) -> None:
    """Of equal bytes the ETags are equal: a worker could not tell the object it was to replace from its successor's."""
    uri = put(lake, KEY, HEADER + rows(2) + "t9,c9,bad,2024-03-15\n")
    load(lake)
    first = lake.ledger.get(uri)
    load(lake, reload=True)
    second = lake.ledger.get(uri)
    assert first is not None and second is not None
    assert first.target_etag != second.target_etag
    assert first.rejects_etag != second.rejects_etag


def leave_uncommitted(lake: Lake, monkeypatch: pytest.MonkeyPatch, run_id: str = "killed") -> None:
    """A worker that dies between its upload and its commit."""
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "loaded", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            load_batch(
                lake,
                lake.config.entities["sales"],
                list_entity(lake, lake.config.entities["sales"]),
                lane="batch",
                run_id=run_id,
            )


def later(lake: Lake) -> Lake:
    """The same lake when every lease has run out."""
    return Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(hours=1))


@pytest.mark.parametrize("loaded_before", [True, False])
def test_what_a_dead_worker_put_is_live_when_the_next_version_is_refused(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, loaded_before: bool
) -> None:
    if loaded_before:
        put(lake, KEY, HEADER + rows(5))
        load(lake)
    uri = put(lake, KEY, HEADER + rows(3))
    [file] = list_entity(lake, lake.config.entities["sales"])
    leave_uncommitted(lake, monkeypatch)
    put(lake, KEY, "nonsense\n1\n")
    assert [o.state for o in load(later(lake))] == ["rejected"]  # and validates
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.live_etag, entry.live_rows) == ("rejected", file.etag, 3)
    assert len(table(lake)) == 3


def test_the_sweep_settles_a_file_that_was_deleted_after_its_worker_died(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(lake, KEY, HEADER + rows(3) + "t9,c9,bad,2024-03-15\n")
    leave_uncommitted(lake, monkeypatch)
    lake.s3.delete_object(Bucket=lake.config.resources.source_bucket, Key=KEY)
    found = find_unloaded(later(lake))
    assert [file.uri for file in found.files["sales"]] == [uri]
    assert [o.state for o in load(later(lake), found.files["sales"])] == ["deleted"]
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.live_rows, entry.rejects is not None) == ("deleted", 3, True)
    assert find_unloaded(later(lake)).files == {}


def test_the_sweep_sees_what_was_put_after_a_refusal(lake: Lake) -> None:
    """A worker hangs before its upload; its successor refuses the next version; then the upload comes."""
    put(lake, KEY, HEADER + rows(3))
    successor = later(lake)

    def overtake(**_: Any) -> None:
        lake.s3.meta.events.unregister("before-call.s3.PutObject", overtake)
        put(successor, KEY, "nonsense\n1\n")
        assert [o.state for o in load(successor)] == ["rejected"]

    lake.s3.meta.events.register("before-call.s3.PutObject", overtake)
    sales = lake.config.entities["sales"]
    assert [o.state for o in load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="slow")] == [
        "claimed_elsewhere"
    ]
    [file] = find_unloaded(successor).files["sales"]
    assert [o.state for o in load(successor, [file])] == ["rejected"]  # and validates
    assert len(table(lake)) == 3
    assert find_unloaded(successor).files == {}


def test_the_sweep_registers_what_a_worker_left_unregistered(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    sales = lake.config.entities["sales"]
    load_batch(lake, sales, list_entity(lake, sales), lane="fast", run_id="killed")
    sweep = find_unloaded(lake)
    assert sweep.files == {}
    assert register_done(lake, sweep) == 1
    assert len(table(lake)) == 3
    assert register_done(lake, find_unloaded(lake)) == 0


def test_an_impossible_date_in_the_name_refuses_the_file(lake: Lake) -> None:
    uri = put(lake, "sales_data_2024_02_30.csv", HEADER + rows(2))
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "year=2024, month=02, day=30 is not a date" in str(outcome.error)
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert entry.state == "rejected"


def test_many_workers_on_the_same_files_load_each_once(lake: Lake) -> None:
    for day in range(1, 11):
        put(lake, f"sales_data_2024_03_{day:02}.csv", HEADER + rows(10, first=day * 100))
    sales = lake.config.entities["sales"]
    files = list_entity(lake, sales)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda n: load_batch(lake, sales, files, lane="batch", run_id=f"r{n}"), range(4)))
    states = [outcome.state for run in runs for outcome in run]
    assert states.count("loaded") == 10
    assert set(states) <= {"loaded", "already_loaded", "claimed_elsewhere"}
    assert [o.state for o in load(lake)] == ["already_loaded"] * 10
    assert len(table(lake)) == 100


def test_a_dead_workers_objects_are_replaced_by_whoever_takes_the_file_over(lake: Lake) -> None:
    """It died after its upload and before its commit: the ledger knows nothing of the object that is there."""
    put(lake, KEY, HEADER + rows(3))
    sales = lake.config.entities["sales"]
    [file] = list_entity(lake, sales)
    analytics = lake.config.resources.analytics_bucket
    key = target_key(sales, partition_for(sales, KEY), KEY)
    lake.s3.put_object(Bucket=analytics, Key=key, Body=b"left behind", Metadata={"lake-token": "0"})
    assert [o.state for o in load(lake, [file])] == ["loaded"]
    assert len(table(lake)) == 3


def test_a_worker_taken_for_dead_does_not_overwrite_its_successor(lake: Lake) -> None:
    """Its lease ends while it converts; another worker loads a newer version; then it comes to its upload."""
    put(lake, KEY, HEADER + rows(3))
    sales = lake.config.entities["sales"]
    successor = Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(hours=1))

    def overtake(**_: Any) -> None:
        lake.s3.meta.events.unregister("before-call.s3.PutObject", overtake)
        put(successor, KEY, HEADER + rows(4, first=100))
        assert [o.state for o in load(successor)] == ["loaded"]

    lake.s3.meta.events.register("before-call.s3.PutObject", overtake)
    [outcome] = load_batch(lake, sales, list_entity(lake, sales), lane="batch", run_id="slow")
    assert outcome.state == "claimed_elsewhere"
    assert [row[0] for row in table(lake)] == ["t100", "t101", "t102", "t103"]


def test_rows_move_along_when_the_configuration_moves_their_partition(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    put(lake, KEY, HEADER + rows(3) + "t9,c9,bad,2024-03-15\n")
    load(lake)
    day_first = {**SALES, "filename_pattern": r"sales_data_(?P<year>\d{4})_(?P<day>\d{2})_(?P<month>\d{2})\.csv"}
    put(lake, "sales_data_2024_03_05.csv", HEADER + rows(2, first=50))
    load(lake)
    moved = Lake.open(lake.config.model_copy(update={"entities": make_lake({"sales": day_first}).config.entities}))
    [file] = [f for f in list_entity(moved, moved.config.entities["sales"]) if f.key == "sales_data_2024_03_05.csv"]
    assert [o.state for o in load(moved, [file], reload=True)] == ["loaded"]
    assert select(moved, "SELECT month, day, count(*) FROM sales_data GROUP BY 1, 2 ORDER BY 1, 2") == [
        ("03", "15", "3"),
        ("05", "03", "2"),
    ]


def test_throttling_fails_the_file_in_a_way_that_can_be_retried(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    sales = lake.config.entities["sales"]
    [file] = list_entity(lake, sales)
    error = lake.s3.exceptions.ClientError({"Error": {"Code": "SlowDown", "Message": "Reduce your rate"}}, "PutObject")

    def fail(**_: Any) -> None:
        raise error

    lake.s3.meta.events.register("before-call.s3.PutObject", fail)
    [outcome] = load_batch(lake, sales, [file], lane="batch", run_id="test")
    assert (outcome.state, outcome.retryable) == ("failed", True)
    with pytest.raises(RetryableLoadError, match="SlowDown"):
        raise_for_outcomes([outcome])
    lake.s3.meta.events.unregister("before-call.s3.PutObject", fail)
    assert [o.state for o in load(lake)] == ["loaded"]
    assert len(table(lake)) == 3


def partition(lake: Lake, key: str = "2024-03-15") -> Partition:
    sales = lake.config.entities["sales"]
    return partition_of(sales, date_values(sales, key).values())


def test_a_partition_that_points_elsewhere_is_pointed_to_its_folder(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    where = {"DatabaseName": lake.config.resources.glue_database, "TableName": "sales_data"}
    values = ["2024", "03", "15"]
    wrong = lake.glue.get_partition(**where, PartitionValues=values)["Partition"]["StorageDescriptor"]
    right = wrong["Location"]
    elsewhere = f"s3://{lake.config.resources.analytics_bucket}/elsewhere/file.csv"
    wrong["Location"] = elsewhere
    lake.glue.update_partition(
        **where, PartitionValueList=values, PartitionInput={"Values": values, "StorageDescriptor": wrong}
    )
    assert table(lake) == []
    done = register(lake, lake.config.entities["sales"], [partition(lake)])
    assert done.relocated == [f"sales_data/year=2024/month=03/day=15: {elsewhere} -> {right}"]
    assert len(table(lake)) == 3


@pytest.mark.parametrize("cure", ["register", "msck"])
def test_a_deleted_partition_takes_its_rows_along_until_it_is_registered_again(lake: Lake, cure: str) -> None:
    put(lake, KEY, HEADER + rows(3))
    put(lake, "sales_data_2024_03_16.csv", HEADER + rows(4))
    load(lake)
    lake.glue.delete_partition(
        DatabaseName=lake.config.resources.glue_database, TableName="sales_data", PartitionValues=["2024", "03", "15"]
    )
    assert len(table(lake)) == 4
    if cure == "register":
        assert register(lake, lake.config.entities["sales"], [partition(lake)]).created == 1
    else:
        athena.execute(lake, "MSCK REPAIR TABLE sales_data")
    assert len(table(lake)) == 7


@pytest.mark.parametrize("registration", ["add_partition", "msck", "projection"])
def test_each_way_of_registration_makes_rows_visible(make_lake: Callable[..., Lake], registration: str) -> None:
    lake = make_lake({"sales": {**SALES, "registration": registration}})
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    assert select(lake, "SELECT count(*) FROM sales_data WHERE year='2024' AND month='03' AND day='15'") == [("3",)]


def test_partitions_are_registered_a_hundred_a_call(lake: Lake) -> None:
    days = [f"2024-{month:02}-{day:02}" for month in range(1, 10) for day in range(1, 28)]
    calls: list[str] = []
    lake.glue.meta.events.register("before-call.glue", lambda model, **_: calls.append(model.name))
    done = register(lake, lake.config.entities["sales"], [partition(lake, day) for day in days])
    assert done.created == len(days) == 243
    assert calls.count("BatchCreatePartition") == 6  # 3 for the table, 3 for its rejects
    calls.clear()
    assert register(lake, lake.config.entities["sales"], [partition(lake, day) for day in days]).created == 0
    assert "BatchCreatePartition" not in calls


def test_rows_that_vanish_from_the_bucket_fail_the_validation(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    sales, analytics = lake.config.entities["sales"], lake.config.resources.analytics_bucket
    lake.s3.delete_object(Bucket=analytics, Key=target_key(sales, partition(lake), KEY))
    with pytest.raises(ValidationError, match="year=2024/month=03/day=15: the ledger holds 3 rows, Athena counts 0"):
        validate(lake, sales, [partition(lake)], attempts=2, pause_seconds=0.01)


def test_a_query_that_athena_fails_is_an_error_with_its_reason(lake: Lake) -> None:
    with pytest.raises(QueryError, match=r"TABLE_NOT_FOUND.*no_such_table"):
        athena.query(lake, "SELECT count(*) FROM no_such_table")


def test_a_csv_table_holds_the_file_as_it_came(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "format": "csv"}})
    put(lake, KEY, HEADER + '"t1","c, 1",1.50,2024-03-15\nt2,c2,bad,\n')
    assert [o.state for o in load(lake)] == ["loaded"]
    assert [row[:3] for row in table(lake)] == [("t1", "c, 1", "1.50"), ("t2", "c2", "bad")]
    put(lake, KEY, HEADER + rows(1))
    assert [o.state for o in load(lake)] == ["loaded"]
    assert len(table(lake)) == 1


def test_a_column_that_the_configuration_gained_is_null_in_older_rows(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake()
    put(lake, KEY, HEADER + rows(1))
    load(lake)
    grown = {**SALES, "missing_columns": "null", "schema": [*SALES["schema"], {"name": "note", "type": "string"}]}
    text = lake.config.model_copy(update={"entities": make_lake({"sales": grown}).config.entities})
    lake = Lake.open(text)
    put(lake, "sales_data_2024_03_16.csv", HEADER.rstrip("\n") + ",note\nt2,c2,2.00,2024-03-16,hello\n")
    load(lake)
    assert select(lake, "SELECT transaction_id, note FROM sales_data ORDER BY 1") == [("t1", None), ("t2", "hello")]


def test_a_large_file_goes_through_in_parts(lake: Lake) -> None:
    count = 300_000
    body = HEADER + "".join(
        f"t{n:07}{n * 7919 % 1000003:06},c{n * 31 % 9973},{n % 1000}.25,2024-03-15\n" for n in range(count)
    )
    put(lake, KEY, body)
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded) == ("loaded", count)
    assert select(lake, "SELECT count(*), sum(amount) FROM sales_data") == [
        (str(count), f"{sum((n % 1000) * 100 + 25 for n in range(count)) / 100:.2f}")
    ]


def test_targets_of_rows_and_rejects_are_told_apart_by_folder() -> None:
    from tests.support.lakes import make_config

    sales = make_config().entities["sales"]
    where = partition_for(sales, f"a b/{KEY}")
    assert target_key(sales, where, f"a b/{KEY}") == (
        "sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-421118ce.parquet"
    )
    assert rejects_key(sales, where, f"a b/{KEY}") == (
        "lake-rejects/sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-421118ce.parquet"
    )


def test_a_sweep_finds_what_is_in_no_table_and_reports_strangers_once(make_lake: Callable[..., Lake]) -> None:
    everything = {
        **SALES,
        "table_name": "both",
        "filename_pattern": r"(?:sales_data|twice)_(\d{4})_(\d{2})_(\d{2})\.csv",
    }
    lake = make_lake({"sales": SALES, "both": everything})
    put(lake, "sales_data_2024_03_15.csv.gz", HEADER + rows(1))
    put(lake, "twice_2024_03_15.csv", HEADER + rows(1))
    put(lake, "sales_data_2024_03_16.csv", HEADER + rows(1))
    stranger = put(lake, "notes/readme.txt", "hello")
    found = find_unloaded(lake)
    assert {name: [f.name for f in files] for name, files in found.files.items()} == {
        "sales": ["sales_data_2024_03_15.csv.gz", "sales_data_2024_03_16.csv"],
        "both": ["twice_2024_03_15.csv"],
    }
    assert [file.uri for file in found.unmatched] == [stranger]
    record_unmatched(lake, found.unmatched)
    load(lake, found.files["sales"])
    again = find_unloaded(lake)
    assert again.files.keys() == {"both"}
    assert again.unmatched == []
    assert (
        lake.s3.get_object(Bucket=lake.config.resources.source_bucket, Key="notes/readme.txt")["Body"].read()
        == b"hello"
    )


def test_a_file_that_two_entities_take_is_refused_as_a_fault_of_the_configuration(
    make_lake: Callable[..., Lake],
) -> None:
    other = {**SALES, "table_name": "other", "filename_pattern": r"sales_.*?(\d{4})_(\d{2})_(\d{2})\.csv"}
    lake = make_lake({"sales": SALES, "other": other})
    uri = put(lake, KEY, HEADER + rows(1))
    [outcome] = load_batch(
        lake, lake.config.entities["sales"], find_unloaded(lake).files["sales"], lane="batch", run_id="test"
    )
    assert (outcome.state, outcome.retryable) == ("rejected", False)
    assert "entities.sales.filename_pattern, entities.other.filename_pattern" in str(outcome.error)
    assert find_unloaded(lake).files == {}
    assert lake.s3.get_object(Bucket=lake.config.resources.source_bucket, Key=KEY)["ETag"]
    fixed = Lake.open(lake.config.model_copy(update={"entities": {"sales": lake.config.entities["sales"]}}))
    assert [o.state for o in load(fixed)] == ["loaded"]
    entry = fixed.ledger.get(uri)
    assert entry is not None
    assert entry.state == "loaded"


def test_a_sweep_leaves_a_file_alone_that_is_still_being_written(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "settle_seconds": 60}})
    put(lake, KEY, HEADER + rows(1))
    found = find_unloaded(lake)
    assert (found.files, found.settling) == ({}, 1)
    later = Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(seconds=61))
    assert [file.key for file in find_unloaded(later).files["sales"]] == [KEY]


def test_a_sweep_tries_failed_files_again_and_refused_ones_only_in_a_new_version(lake: Lake) -> None:
    put(lake, KEY, "nonsense\n1\n")
    load(lake)
    assert find_unloaded(lake).files == {}
    put(lake, KEY, HEADER + rows(1))
    assert len(find_unloaded(lake).files["sales"]) == 1


def test_a_truncated_gzip_file_is_refused_and_says_so(lake: Lake) -> None:
    whole = gzip.compress((HEADER + rows(5000)).encode(), mtime=0)
    put(lake, KEY + ".gz", whole[: len(whole) // 2])
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "gzip" in str(outcome.error)
    assert table(lake) == []
    assert accounted(lake) > 0


def test_a_partition_that_files_keep_arriving_in_is_validated_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = lake.config.entities["sales"]
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    [partition] = [partition_for(entity, KEY)]
    counts, arrivals = validation._athena_counts, iter(range(100))

    def count_while_files_arrive(*arguments: Any) -> dict[tuple[str, ...], int]:
        counted = counts(*arguments)
        put(lake, f"{next(arrivals)}/{KEY}", HEADER + rows(1))
        load_batch(lake, entity, pending(lake, list_entity(lake, entity)), lane="fast", run_id="other")
        return counted

    with monkeypatch.context() as busy:
        busy.setattr(validation, "_athena_counts", count_while_files_arrive)
        assert validate(lake, entity, [partition], pause_seconds=0.01) == []
    assert [count.athena for count in validate(lake, entity, [partition])] == [3 + next(arrivals)]

    def count_one_too_few(*arguments: Any) -> dict[tuple[str, ...], int]:
        return {values: count - 1 for values, count in counts(*arguments).items()}

    with monkeypatch.context() as wrong:
        wrong.setattr(validation, "_athena_counts", count_one_too_few)
        with pytest.raises(ValidationError, match="the ledger holds 8 rows, Athena counts 7"):
            validate(lake, entity, [partition], pause_seconds=0.01)
