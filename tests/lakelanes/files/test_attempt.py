"""The whole way of a file, asked for in Athena: every row is in the table or among the rejects, once."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakelanes.catalog import athena
from lakelanes.errors import PermanentLoadError, QueryError, RetryableLoadError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.outcomes import raise_for_outcomes
from lakelanes.files.pending import pending
from lakelanes.files.sweep import find_unloaded
from lakelanes.files.target_keys import target_key
from lakelanes.lake import Lake
from tests.lakelanes.files.support import (
    HEADER,
    KEY,
    accounted,
    later,
    leave_uncommitted,
    load,
    rejects,
    rows,
    select,
    table,
)
from tests.support.lakes import SALES, put


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


@pytest.mark.parametrize("body", ["", HEADER, "\n"])
def test_a_version_without_rows_over_one_with_rows_is_refused_on_request(
    make_lake: Callable[..., Lake], body: str
) -> None:
    lake = make_lake({"sales": {**SALES, "empty_versions": "refuse"}})
    uri = put(lake, KEY, body)
    assert [outcome.state for outcome in load(lake)] == ["loaded"], "there is no version before it"
    put(lake, KEY, HEADER + rows(2) + "t9,c9,bad,2024-03-15\n")
    assert [outcome.state for outcome in load(lake)] == ["loaded"], "nor one with rows"
    put(lake, KEY, body)
    [outcome] = load(lake)
    reason = (
        "the file has no rows, and the version of it that is in the table has 2 rows: it stays, as "
        "entities.sales.empty_versions is 'refuse'"
    )
    assert (outcome.state, outcome.error, outcome.rows_rejected) == ("rejected", reason, 0)
    assert len(table(lake)) == 2
    entry = lake.ledger.get(uri)
    assert entry is not None
    assert (entry.state, entry.error, entry.live_rows) == ("rejected", reason, 2)
    assert find_unloaded(lake).files == {}
    assert [outcome.state for outcome in load(lake)] == ["rejected"], "also when it is asked for again"
    put(lake, KEY, HEADER + rows(1))
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    assert len(table(lake)) == 1


def test_by_default_a_version_without_rows_replaces_one_with_rows(lake: Lake) -> None:
    for body, count in ((HEADER + rows(2), 2), ("", 0)):
        put(lake, KEY, body)
        assert [outcome.rows_loaded for outcome in load(lake)] == [count]
    assert table(lake) == []


def test_a_version_without_rows_is_refused_where_rows_are_in_many_partitions(make_lake: Callable[..., Lake]) -> None:
    keys = [{"name": "day", "column": "transaction_date"}]
    settings = {**SALES, "partition_keys": keys, "filename_pattern": r"sales_.*\.csv", "empty_versions": "refuse"}
    lake = make_lake({"sales": settings})
    put(lake, "sales_1.csv", HEADER + "t1,c1,1.00,2024-03-15\nt2,c2,2.00,2024-03-16\nt3,c3,3.00,2024-03-16\n")
    assert [outcome.rows_loaded for outcome in load(lake)] == [3]
    put(lake, "sales_1.csv", HEADER)
    [outcome] = load(lake)
    assert outcome.state == "rejected" and "in the table has 3 rows" in str(outcome.error)
    assert select(lake, "SELECT count(*) FROM sales_data") == [("3",)]


def test_a_copied_file_is_refused_where_it_has_no_byte(make_lake: Callable[..., Lake]) -> None:
    schema = [{"name": column["name"], "type": "string"} for column in SALES["schema"]]
    lake = make_lake({"sales": {**SALES, "schema": schema, "format": "csv", "empty_versions": "refuse"}})
    put(lake, KEY, "")
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    assert [outcome.state for outcome in load(lake, reload=True)] == ["loaded"]
    put(lake, KEY, HEADER + rows(2))
    assert [outcome.state for outcome in load(lake)] == ["loaded"]
    put(lake, KEY, "")
    [outcome] = load(lake)
    assert outcome.state == "rejected" and "the version of it that is in the table has rows" in str(outcome.error)
    assert select(lake, "SELECT count(*) FROM sales_data") == [("2",)]


def test_a_packed_file_that_unpacks_too_far_is_refused_with_its_setting(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakelanes.convert.source.UNPACKED_FREELY", 1 << 20)
    packed = gzip.compress((HEADER + "t1,c1,1.00,2024-03-15\n" * 100_000).encode())
    lake = make_lake({"sales": {**SALES, "max_compression_ratio": 20}})
    put(lake, KEY, packed)
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "unpacks to more than 20 times its bytes" in str(outcome.error)
    assert str(outcome.error).endswith("if that is right, raise max_compression_ratio")
    lake = make_lake({"sales": {**SALES, "max_compression_ratio": None}})
    put(lake, KEY, packed)
    assert [outcome.rows_loaded for outcome in load(lake)] == [100_000]


def test_rows_that_are_left_out_are_counted_in_the_ledger(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "dialect": {"comment": "#", "skip_footer": 1}}})
    uri = put(lake, KEY, "# export\n" + HEADER + rows(2) + "Total,,4.00\n")
    [outcome] = load(lake)
    assert (outcome.rows_loaded, outcome.rows_rejected) == (2, 0)
    entry = lake.ledger.get(uri)
    assert entry is not None and entry.rows_left_out == 2
    put(lake, KEY, "# export\n" + rows(2) + "Total,,4.00\n")
    assert [outcome.state for outcome in load(lake)] == ["rejected"]
    entry = lake.ledger.get(uri)
    assert entry is not None and entry.rows_left_out == 2
    put(lake, KEY, HEADER + "\nTotal\n")
    load(lake)
    entry = lake.ledger.get(uri)
    assert entry is not None and entry.rows_left_out == 1


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
    assert (entry.rows_bad, entry.rows_withheld, outcome.rows_withheld) == (2, 5, 5)
    assert str(entry.error).startswith("'bad' is not a decimal(10,2): 1 of 7 rows, on line 7; 2 rows are bad in all; ")
    with pytest.raises(PermanentLoadError, match=r"line 7, column amount"):
        raise_for_outcomes([outcome])


def test_as_many_bad_rows_as_allowed_are_set_aside(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake({"sales": {**SALES, "max_bad_rows": 1}})
    put(lake, KEY, HEADER + rows(5) + "t8,c8,bad,2024-03-15\n")
    [outcome] = load(lake)
    assert (outcome.state, outcome.rows_loaded, outcome.rows_rejected) == ("loaded", 5, 1)


def test_a_corrected_file_takes_the_place_of_a_refused_one(lake: Lake) -> None:
    put(lake, KEY, "nonsense\n1\n")
    [refused] = load(lake)
    assert (refused.state, refused.rows_rejected, refused.rows_withheld) == ("rejected", 1, 1)
    put(lake, KEY, HEADER + rows(3))
    [loaded] = load(lake)
    assert (loaded.state, loaded.rows_withheld) == ("loaded", None)
    entry = lake.ledger.get(loaded.source)
    assert entry is not None and entry.rows_withheld is None
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


def test_a_truncated_gzip_file_is_refused_and_says_so(lake: Lake) -> None:
    whole = gzip.compress((HEADER + rows(5000)).encode(), mtime=0)
    put(lake, KEY + ".gz", whole[: len(whole) // 2])
    [outcome] = load(lake)
    assert outcome.state == "rejected"
    assert "gzip" in str(outcome.error)
    assert table(lake) == []
    assert accounted(lake) > 0
