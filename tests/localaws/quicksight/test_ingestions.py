"""Rows from Athena into SPICE, by real clients: what comes in, what readers see meanwhile, and what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localaws.controls import ControlRefused, control, now
from tests.localaws.quicksight.conftest import COLUMNS, Sales
from tests.support.localaws import ACCOUNT

NOON = datetime(2026, 1, 31, 12)
ROWS = [
    (1, "Köln", "10.50", NOON, True),
    (2, None, None, None, None),
    (3, "", "-3.10", NOON + timedelta(milliseconds=250), False),
]


def code(caught: Any) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_the_first_ingestion_fills_spice_with_the_rows_of_the_view(sales: Sales) -> None:
    sales.put(ROWS)
    reply = sales.create()
    assert reply["Status"] == 201
    found = sales.ended(reply["DataSetId"], reply["IngestionId"])
    assert found["IngestionStatus"] == "COMPLETED", found
    assert found["RequestType"] == "INITIAL_INGESTION"
    assert found["RowInfo"] == {"RowsIngested": 3, "RowsDropped": 0, "TotalRowsInDataset": 3}
    assert found["Arn"] == reply["IngestionArn"] == f"{reply['Arn']}/ingestion/{reply['IngestionId']}"
    shown = control(sales.aws, "quicksight/spice", data_set=reply["DataSetId"])
    assert [column["type"] for column in shown["columns"]] == ["INTEGER", "STRING", "DECIMAL", "DATETIME", "INTEGER"]
    assert sorted(shown["rows"]) == [
        [1, "Köln", "10.5000", "2026-01-31T12:00:00", 1],
        [2, None, None, None, None],
        [3, "", "-3.1000", "2026-01-31T12:00:00.250000", 0],
    ]
    assert shown["ingestion"] == reply["IngestionId"]


def test_a_select_of_ones_own_is_read_like_a_table(sales: Sales) -> None:
    sales.put(ROWS)
    custom = {
        "DataSourceArn": sales.source,
        "Name": "cities",
        "SqlQuery": f"SELECT city, count(*) AS sales FROM {sales.database}.sales WHERE city <> '' GROUP BY city",
        "Columns": [{"Name": "city", "Type": "STRING"}, {"Name": "sales", "Type": "INTEGER"}],
    }
    assert sales.spice(sales.loaded(PhysicalTableMap={"one": {"CustomSql": custom}})) == [["Köln", 1]]


def test_one_column_of_nulls_has_as_many_rows_as_the_table(sales: Sales) -> None:
    sales.put([(1, None, None, None, None), (2, None, None, None, None)])
    data_set = sales.loaded(PhysicalTableMap=sales.physical(columns={"city": "STRING"}))
    assert sales.spice(data_set) == [[None], [None]]


def test_a_data_set_that_is_read_directly_has_no_rows_and_no_ingestion(sales: Sales) -> None:
    reply = sales.create(ImportMode="DIRECT_QUERY")
    assert "IngestionId" not in reply
    assert sales.spice(reply["DataSetId"]) == []
    with pytest.raises(ClientError) as caught:
        sales.start(reply["DataSetId"])
    assert code(caught) == "InvalidParameterValueException"


def test_readers_see_the_old_rows_until_a_refresh_is_complete(sales: Sales) -> None:
    sales.put(ROWS[:1])
    data_set = sales.loaded()
    sales.put(ROWS)
    control(sales.aws, "quicksight/ingestions", hold=data_set)
    try:
        identifier = sales.start(data_set)
        sales.ended(data_set, identifier, ("RUNNING",))
        assert len(sales.spice(data_set)) == 1
    finally:
        control(sales.aws, "quicksight/ingestions", hold=False)
    assert sales.ended(data_set, identifier)["RowInfo"]["TotalRowsInDataset"] == 3
    assert len(sales.spice(data_set)) == 3


@pytest.mark.parametrize(
    ("table", "columns", "kind"),
    [
        ("sales_view", {**COLUMNS, "gone": "STRING"}, "SQL_SCHEMA_MISMATCH_ERROR"),
        ("gone_view", COLUMNS, "SQL_TABLE_NOT_FOUND"),
    ],
)
def test_what_athena_does_not_have_fails_the_ingestion(
    sales: Sales, table: str, columns: dict[str, str], kind: str
) -> None:
    sales.put(ROWS)
    reply = sales.create(PhysicalTableMap=sales.physical(table, columns))
    found = sales.ended(reply["DataSetId"], reply["IngestionId"])
    assert (found["IngestionStatus"], found["ErrorInfo"]["Type"]) == ("FAILED", kind)


def test_a_view_that_lost_a_column_fails_and_leaves_the_rows(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    control(sales.aws, "quicksight/ingestions", fail={"data_set": data_set, "type": "SQL_SCHEMA_MISMATCH_ERROR"})
    found = sales.refresh(data_set)
    assert found["ErrorInfo"]["Type"] == "SQL_SCHEMA_MISMATCH_ERROR"
    assert len(sales.spice(data_set)) == 3
    assert sales.refresh(data_set)["IngestionStatus"] == "COMPLETED"


def test_rows_with_values_of_another_type_are_dropped(sales: Sales) -> None:
    sales.put([(1, "7", None, None, None), (2, "seven", None, None, None), (3, None, None, None, None)])
    columns = {"id": "INTEGER", "city": "INTEGER"}
    reply = sales.create(PhysicalTableMap=sales.physical(columns=columns))
    found = sales.ended(reply["DataSetId"], reply["IngestionId"])
    assert found["RowInfo"] == {"RowsIngested": 2, "RowsDropped": 1, "TotalRowsInDataset": 2}
    assert sorted(sales.spice(reply["DataSetId"])) == [[1, 7], [3, None]]


def test_an_incremental_refresh_reads_the_window_again_and_nothing_else(clocked_sales: Sales) -> None:
    sales = clocked_sales
    today = now(sales.aws).replace(tzinfo=None, microsecond=0)
    old, new = today - timedelta(days=3), today - timedelta(days=1)
    sales.put([(1, "old", "1.00", old, True), (2, "new", "2.00", new, True), (3, "deleted", "3.00", new, True)])
    data_set = sales.loaded()
    sales.look_back(data_set, 2, "DAY")
    late = (4, "late", "4.00", old, True)
    sales.put([(1, "changed", "1.00", old, True), (2, "changed", "2.00", new, True), late])
    found = sales.refresh(data_set, "INCREMENTAL_REFRESH")
    assert found["RowInfo"] == {"RowsIngested": 1, "RowsDropped": 0, "TotalRowsInDataset": 2}
    assert sorted((row[0], row[1]) for row in sales.spice(data_set)) == [(1, "old"), (2, "changed")]
    control(sales.aws, "clock", advance=2 * 24 * 3600)
    assert sales.refresh(data_set, "INCREMENTAL_REFRESH")["RowInfo"]["RowsIngested"] == 0
    assert sales.refresh(data_set)["RowInfo"] == {"RowsIngested": 3, "RowsDropped": 0, "TotalRowsInDataset": 3}


def test_an_incremental_refresh_needs_a_window_on_a_date(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    with pytest.raises(ClientError) as caught:
        sales.start(data_set, "INCREMENTAL_REFRESH")
    assert code(caught) == "InvalidParameterValueException"
    for column in ("city", "gone"):
        with pytest.raises(ClientError, match=column) as caught:
            sales.look_back(data_set, 1, "DAY", column)
        assert code(caught) == "InvalidParameterValueException"


def test_an_id_works_once(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    identifier = sales.refresh(data_set)["IngestionId"]
    with pytest.raises(ClientError) as caught:
        sales.start(data_set, identifier=identifier)
    assert code(caught) == "ResourceExistsException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_a_data_set_is_refreshed_32_times_in_24_hours(clocked_sales: Sales) -> None:
    sales = clocked_sales
    sales.put(ROWS)
    data_set = sales.loaded()
    for _ in range(32):
        sales.refresh(data_set)
    with pytest.raises(ClientError) as caught:
        sales.start(data_set)
    assert code(caught) == "LimitExceededException"
    assert dict(caught.value.response)["ResourceType"] == "INGESTION"
    control(sales.aws, "clock", advance=24 * 3600)
    assert sales.refresh(data_set)["IngestionStatus"] == "COMPLETED"


def test_a_second_ingestion_waits_for_the_first_and_a_third_is_refused(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    control(sales.aws, "quicksight/ingestions", hold=data_set)
    try:
        first, second = sales.start(data_set), sales.start(data_set)
        waiting = sales.ingestion(data_set, second)
        assert waiting["IngestionStatus"] == "QUEUED"
        assert waiting["QueueInfo"] == {"WaitingOnIngestion": second, "QueuedIngestion": first}
        with pytest.raises(ClientError) as caught:
            sales.start(data_set)
        assert code(caught) == "LimitExceededException"
    finally:
        control(sales.aws, "quicksight/ingestions", hold=False)
    assert sales.ended(data_set, second)["IngestionStatus"] == "COMPLETED"
    assert sales.ended(data_set, first)["IngestionStatus"] == "COMPLETED"


def test_a_cancelled_ingestion_changes_nothing(sales: Sales) -> None:
    sales.put(ROWS[:1])
    data_set = sales.loaded()
    sales.put(ROWS)
    control(sales.aws, "quicksight/ingestions", hold=data_set)
    try:
        first, second = sales.start(data_set), sales.start(data_set)
        for identifier in (second, first):
            sales.quicksight.cancel_ingestion(AwsAccountId=ACCOUNT, DataSetId=data_set, IngestionId=identifier)
    finally:
        control(sales.aws, "quicksight/ingestions", hold=False)
    assert sales.ended(data_set, first)["IngestionStatus"] == "CANCELLED"
    assert sales.ended(data_set, second)["IngestionStatus"] == "CANCELLED"
    assert len(sales.spice(data_set)) == 1


def test_an_edit_ends_the_ingestion_that_runs_and_suppresses_refreshes(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    control(sales.aws, "quicksight/ingestions", hold=data_set)
    try:
        running = sales.start(data_set)
        edited = sales.quicksight.update_data_set(
            AwsAccountId=ACCOUNT,
            DataSetId=data_set,
            Name="Cities",
            PhysicalTableMap=sales.physical(columns={"city": "STRING"}),
            ImportMode="SPICE",
        )
        suppressed = sales.start(data_set)
    finally:
        control(sales.aws, "quicksight/ingestions", hold=False)
    assert sales.ended(data_set, running)["ErrorInfo"]["Type"] == "INGESTION_SUPERSEDED"
    assert sales.ended(data_set, suppressed)["ErrorInfo"]["Type"] == "REFRESH_SUPPRESSED_BY_EDIT"
    assert sales.ended(data_set, edited["IngestionId"])["RequestType"] == "EDIT"
    assert sorted(sales.spice(data_set), key=str) == [[""], ["Köln"], [None]]


def test_ingestions_are_listed_from_the_newest_on_page_by_page(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    made = [sales.refresh(data_set)["IngestionId"] for _ in range(2)]
    pages = sales.quicksight.get_paginator("list_ingestions").paginate(
        AwsAccountId=ACCOUNT, DataSetId=data_set, PaginationConfig={"PageSize": 2}
    )
    found = [each["IngestionId"] for page in pages for each in page["Ingestions"]]
    assert found[:2] == made[::-1]
    assert len(found) == 3


def test_a_string_that_is_too_long_fails_the_ingestion(sales: Sales) -> None:
    sales.put([(1, "x" * 2048, None, None, None)])
    reply = sales.create()
    found = sales.ended(reply["DataSetId"], reply["IngestionId"])
    assert found["ErrorInfo"]["Type"] == "INTERNAL_SERVICE_ERROR"
    assert "2047 characters" in found["ErrorInfo"]["Message"]


def test_a_call_can_be_refused_before_or_after_the_ingestion_began(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    for after, left in ((False, 0), (True, 1)):
        plan = {"data_set": data_set, "code": "ThrottlingException", "after_accepting": after}
        control(sales.aws, "quicksight/ingestions", refuse=plan)
        with pytest.raises(ClientError) as caught:
            sales.start(data_set, identifier=f"refused-{after}")
        assert code(caught) == "ThrottlingException"
        listed = sales.quicksight.list_ingestions(AwsAccountId=ACCOUNT, DataSetId=data_set)["Ingestions"]
        assert sum(each["IngestionId"].startswith("refused") for each in listed) == left
    sales.ended(data_set, "refused-True")


def test_rows_are_dropped_as_planned(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    control(sales.aws, "quicksight/ingestions", drop={"data_set": data_set, "rows": 2})
    found = sales.refresh(data_set)
    assert found["RowInfo"] == {"RowsIngested": 1, "RowsDropped": 2, "TotalRowsInDataset": 1}


def test_a_deleted_data_set_can_be_made_anew_and_gains_no_refreshes(clocked_sales: Sales) -> None:
    sales = clocked_sales
    sales.put(ROWS[:1])
    data_set = sales.loaded()
    for _ in range(32):
        sales.refresh(data_set)
    sales.quicksight.delete_data_set(AwsAccountId=ACCOUNT, DataSetId=data_set)
    with pytest.raises(ControlRefused, match="0 data sets"):
        sales.spice(data_set)
    sales.loaded(DataSetId=data_set)
    with pytest.raises(ClientError) as caught:
        sales.start(data_set)
    assert code(caught) == "LimitExceededException"


def test_an_incremental_refresh_of_other_columns_than_spice_has_fails(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    sales.look_back(data_set, 1, "DAY")
    control(sales.aws, "quicksight/ingestions", fail={"data_set": data_set})
    sales.quicksight.update_data_set(
        AwsAccountId=ACCOUNT,
        DataSetId=data_set,
        Name="Sales",
        PhysicalTableMap=sales.physical(columns={"id": "INTEGER", "sold_at": "DATETIME"}),
        ImportMode="SPICE",
    )
    (edit,) = (
        each
        for each in sales.quicksight.list_ingestions(AwsAccountId=ACCOUNT, DataSetId=data_set)["Ingestions"]
        if each["RequestType"] == "EDIT"
    )
    assert sales.ended(data_set, edit["IngestionId"])["IngestionStatus"] == "FAILED"
    assert sales.refresh(data_set, "INCREMENTAL_REFRESH")["ErrorInfo"]["Type"] == "SPICE_TABLE_NOT_FOUND"
    assert sales.refresh(data_set)["IngestionStatus"] == "COMPLETED"


def test_a_data_set_that_leaves_spice_has_no_rows_there(sales: Sales) -> None:
    sales.put(ROWS)
    data_set = sales.loaded()
    control(sales.aws, "quicksight/ingestions", hold=data_set)
    try:
        running, waiting = sales.start(data_set), sales.start(data_set)
        sales.quicksight.update_data_set(
            AwsAccountId=ACCOUNT,
            DataSetId=data_set,
            Name="Sales",
            PhysicalTableMap=sales.physical(),
            ImportMode="DIRECT_QUERY",
        )
    finally:
        control(sales.aws, "quicksight/ingestions", hold=False)
    for identifier in (running, waiting):
        assert sales.ended(data_set, identifier)["ErrorInfo"]["Type"] == "DATA_SET_NOT_SPICE"
    assert sales.spice(data_set) == []
