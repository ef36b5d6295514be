"""AWS SDK for pandas: queries by its default, which is a table made of each (CTAS), by UNLOAD and by result files; and
what it writes, with a table in the catalogue."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import awswrangler as wr
import boto3
import pandas as pd
import pytest

SALES = "transaction_id, customer_id, amount, transaction_date, sold_at, store_id, product_category, quantity, note"
SESSIONS = "session_id, started_at, ended_at, customer_id, page_views, is_mobile, converted, referrer"
WAYS = {
    "ctas": {},
    "unload": {"ctas_approach": False, "unload_approach": True},
    "result file": {"ctas_approach": False},
}


@pytest.fixture(autouse=True, scope="module")
def configured(written: Any) -> Iterator[None]:
    """What a user says once: the workgroup. Endpoint, region and keys are AWS's own variables."""
    wr.config.workgroup = written.workgroup
    wr.config.athena_query_wait_polling_delay = 0.05
    yield
    wr.config.reset()


def read(way: str, sql: str, written: Any, **options: Any) -> pd.DataFrame:
    options = {**WAYS[way], **options}
    if way == "unload":
        # A folder that is empty, of each query its own.
        options["s3_output"] = f"{written.results}unload/{pd.Timestamp.now().value}"
    frame: pd.DataFrame = wr.athena.read_sql_query(sql, database=written.database, **options)
    return frame


def plain(series: pd.Series) -> list[Any]:
    """The values as Python has them, with None for what is missing."""
    return [None if pd.isna(value) else value for value in series]


def expected(rows: list[dict[str, Any]], columns: str, key: str) -> dict[str, list[Any]]:
    ordered = sorted(rows, key=lambda row: str(row[key]))
    return {name: [row[name] for row in ordered] for name in columns.split(", ")}


@pytest.mark.parametrize("way", WAYS)
def test_every_sale_is_there_with_every_value(way: str, written: Any) -> None:
    frame = read(way, f"SELECT {SALES} FROM sales_data", written).sort_values("transaction_id")
    wanted = expected(written.sales, SALES, "transaction_id")
    if way == "result file":
        # It reads the file with Python's universal newlines, also inside of quotes.
        wanted["note"] = [note and note.replace("\r\n", "\n") for note in wanted["note"]]
    for name, values in wanted.items():
        assert plain(frame[name]) == values, name
    assert {type(value) for value in frame["amount"]} == {Decimal}
    assert str(frame["quantity"].dtype) == "Int32"
    assert frame["sold_at"].dtype.kind == "M"


@pytest.mark.parametrize("way", WAYS)
def test_every_session_is_there_with_every_value(way: str, written: Any) -> None:
    frame = read(way, f"SELECT {SESSIONS} FROM web_sessions", written).sort_values("session_id")
    for name, values in expected(written.web_sessions, SESSIONS, "session_id").items():
        assert plain(frame[name]) == values, name
    assert str(frame["page_views"].dtype) == "Int64"
    assert str(frame["is_mobile"].dtype) == "boolean"


@pytest.mark.parametrize("way", WAYS)
def test_sums_of_decimals_are_exact(way: str, written: Any) -> None:
    frame = read(way, "SELECT store_id, sum(revenue_target) AS target FROM store_targets GROUP BY 1", written)
    sums: collections.Counter[str] = collections.Counter()
    for row in written.store_targets:
        sums[row["store_id"]] += row["revenue_target"]
    assert dict(zip(frame["store_id"], frame["target"], strict=True)) == sums


@pytest.mark.parametrize("way", WAYS)
def test_no_rows_are_an_empty_frame_with_columns(way: str, written: Any) -> None:
    if way == "unload":
        with pytest.raises(wr.exceptions.EmptyDataFrame):
            read(way, "SELECT amount FROM sales_data WHERE amount > 99999999", written)
    else:
        frame = read(way, "SELECT amount FROM sales_data WHERE amount > 99999999", written)
        assert (len(frame), [*frame.columns]) == (0, ["amount"])


def test_nothing_is_left_of_a_table_that_was_made_for_a_query(written: Any) -> None:
    def left() -> tuple[set[str], set[str]]:
        tables = {table["Name"] for table in wr.catalog.get_tables(database=written.database)}
        return tables, set(wr.s3.list_objects(f"{written.results}tables/"))

    before = left()
    frame = read("ctas", "SELECT count(*) AS n FROM sales_data", written, keep_files=False)
    assert [*frame["n"]] == [len(written.sales)]
    assert left() == before


def test_a_table_of_a_query_may_stand_in_another_database(written: Any) -> None:
    frame = read(
        "ctas",
        "SELECT max(amount) AS most FROM sales_data",
        written,
        ctas_parameters={"database": written.models_database},
    )
    assert [*frame["most"]] == [max(row["amount"] for row in written.sales)]


def test_a_table_is_read_whole(written: Any) -> None:
    frame = wr.athena.read_sql_table("store_targets", database=written.database)
    assert sorted(frame["revenue_target"]) == sorted(row["revenue_target"] for row in written.store_targets)
    assert {*frame["month"]} == {row["month"] for row in written.store_targets}


def test_a_large_result_is_read_in_pieces(written: Any) -> None:
    frames = [*read("ctas", "SELECT page_views FROM web_sessions", written, chunksize=1000)]
    assert max(map(len, frames)) <= 1000
    assert sum(int(frame["page_views"].sum()) for frame in frames) == sum(
        row["page_views"] for row in written.web_sessions
    )


@pytest.mark.parametrize("way", WAYS)
def test_values_are_bound(way: str, written: Any) -> None:
    sql = "SELECT count(*) AS n FROM sales_data WHERE transaction_date = {} AND amount > {}"
    day = [row for row in written.day("2024-02-29") if row["amount"] > 100]
    named = read(
        way, sql.format(":day", ":least"), written, params={"day": pd.Timestamp("2024-02-29").date(), "least": 100}
    )
    marked = read(way, sql.format("?", "?"), written, params=["DATE '2024-02-29'", "100"], paramstyle="qmark")
    assert [*named["n"]] == [*marked["n"]] == [len(day)]


def test_a_prepared_statement_is_run(written: Any) -> None:
    wr.athena.create_prepared_statement(
        "SELECT count(*) AS n FROM sales_data WHERE store_id = ?", "sales_of_store", workgroup=written.workgroup
    )
    try:
        listed = wr.athena.list_prepared_statements(workgroup=written.workgroup)
        frame = read("result file", "EXECUTE sales_of_store USING 'WEB'", written)
    finally:
        wr.athena.delete_prepared_statement("sales_of_store", workgroup=written.workgroup)
    assert [one["StatementName"] for one in listed] == ["sales_of_store"]
    assert [*frame["n"]] == [sum(row["store_id"] == "WEB" for row in written.sales)]


def test_a_result_is_used_again_when_that_is_asked_for(written: Any) -> None:
    reuse = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 60}}
    sql = "SELECT count(*) AS reused_by_wrangler FROM sales_data"
    first = read("result file", sql, written)
    again = read("result file", sql, written, result_reuse_configuration=reuse)
    assert [*first.iloc[0]] == [*again.iloc[0]] == [len(written.sales)]
    assert again.query_metadata["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"]


def test_a_frame_becomes_a_table_that_athena_reads(written: Any) -> None:
    columns = [*SALES.split(", "), "year", "month"]
    frame = pd.DataFrame(written.sales)[columns]
    path = f"{written.models}/frames/sales/"
    made = wr.s3.to_parquet(
        frame,
        path=path,
        dataset=True,
        mode="overwrite_partitions",
        partition_cols=["year", "month"],
        database=written.models_database,
        table="sales_frame",
        dtype={"amount": "decimal(10,2)", "transaction_date": "date"},
    )
    assert {*made["partitions_values"]} == {f"{path}year=2024/month=02/", f"{path}year=2024/month=03/"}
    types = wr.catalog.get_table_types(database=written.models_database, table="sales_frame")
    assert (types["amount"], types["transaction_date"], types["sold_at"], types["month"]) == (
        *("decimal(10,2)", "date", "timestamp", "string"),
    )
    found = wr.athena.read_sql_query(
        f"SELECT {SALES} FROM sales_frame ORDER BY transaction_id", database=written.models_database
    )
    for name, values in expected(written.sales, SALES, "transaction_id").items():
        assert plain(found[name]) == values, name


def test_a_frame_is_appended_and_takes_the_place_of_another(written: Any) -> None:
    stores = pd.DataFrame(written.store_targets)[["store_id", "store_name", "revenue_target"]]
    place = {"path": f"{written.models}/frames/stores/", "dataset": True, "database": written.models_database}
    total = sum(row["revenue_target"] for row in written.store_targets)
    for mode, times in (("overwrite", 1), ("append", 2), ("overwrite", 1)):
        wr.s3.to_parquet(stores, **place, table="stores_frame", mode=mode, dtype={"revenue_target": "decimal(12,2)"})
        found = wr.athena.read_sql_query(
            "SELECT count(*) AS n, sum(revenue_target) AS target FROM stores_frame", database=written.models_database
        )
        assert [*found.iloc[0]] == [times * len(stores), times * total]


def test_the_catalogue_is_looked_at(written: Any) -> None:
    assert wr.catalog.does_table_exist(database=written.database, table="sales_data")
    assert not wr.catalog.does_table_exist(database=written.database, table="no_such_table")
    partitions = wr.catalog.get_parquet_partitions(database=written.database, table="sales_data")
    days = {f"{row['transaction_date']:%Y-%m-%d}".split("-")[2] for row in written.sales}
    assert {values[2] for values in partitions.values()} == days


def test_the_lakes_own_tables_cannot_be_changed(written: Any) -> None:
    frame = pd.DataFrame({"transaction_id": ["T1"]})
    bucket = written.results.split("/")[2]
    with pytest.raises(boto3.exceptions.botocore.exceptions.ClientError, match="Denied"):
        wr.s3.to_parquet(
            frame,
            path=f"s3://{bucket}/sales_data/",
            dataset=True,
            database=written.database,
            table="sales_data",
            mode="append",
        )
    with pytest.raises(wr.exceptions.QueryFailed, match=r"(?i)denied"):
        read("result file", "SELECT count(raw) FROM store_targets_rejects", written)
