"""PyAthena's cursors that answer with frames: pandas and Arrow, from result files as from UNLOAD."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyathena
import pytest
from pyathena.arrow.cursor import ArrowCursor
from pyathena.pandas.cursor import PandasCursor

SALES = "transaction_id, customer_id, amount, transaction_date, sold_at, quantity, note"
SESSIONS = "session_id, started_at, ended_at, page_views, is_mobile"


@pytest.fixture(scope="module")
def connection(written: Any) -> Iterator[Any]:
    made = pyathena.connect(
        work_group=written.workgroup,
        schema_name=written.database,
        # Where UNLOAD puts its files; results themselves are where the workgroup says.
        s3_staging_dir=written.results,
        poll_interval=0.05,
    )
    yield made
    made.close()


def expected(rows: list[dict[str, Any]], columns: str, key: str) -> dict[str, list[Any]]:
    ordered = sorted(rows, key=lambda row: str(row[key]))
    return {name: [row[name] for row in ordered] for name in columns.split(", ")}


def plain(series: pd.Series) -> list[Any]:
    """The values as Python has them, with None for what is missing."""
    return [None if pd.isna(value) else value for value in series]


def test_pandas_has_every_sale_from_the_result_file(connection: Any, written: Any) -> None:
    with connection.cursor(PandasCursor) as cursor:
        frame = cursor.execute(f"SELECT {SALES} FROM sales_data ORDER BY transaction_id").as_pandas()
    wanted = expected(written.sales, SALES, "transaction_id")
    assert [*frame.columns] == [*wanted]
    for name in ("transaction_id", "customer_id", "amount", "quantity", "note"):
        assert plain(frame[name]) == wanted[name], name
    assert [pd.Timestamp(value).date() for value in frame["transaction_date"]] == wanted["transaction_date"]
    assert [value.to_pydatetime() for value in frame["sold_at"]] == wanted["sold_at"]


def test_pandas_keeps_decimals_exact(connection: Any, written: Any) -> None:
    with connection.cursor(PandasCursor) as cursor:
        frame = cursor.execute("SELECT amount FROM sales_data").as_pandas()
    assert {type(value) for value in frame["amount"]} == {Decimal}
    assert frame["amount"].sum() == sum(row["amount"] for row in written.sales)


def test_pandas_reads_a_large_result_in_pieces(connection: Any, written: Any) -> None:
    with connection.cursor(PandasCursor) as cursor:
        frames = cursor.execute("SELECT page_views FROM web_sessions", chunksize=1000).as_pandas()
        sizes = [(len(frame), int(frame["page_views"].sum())) for frame in frames]
    assert [size for size, _ in sizes[:-1]] == [1000] * (len(sizes) - 1)
    assert sum(size for size, _ in sizes) == len(written.web_sessions)
    assert sum(views for _, views in sizes) == sum(row["page_views"] for row in written.web_sessions)


def test_pandas_has_every_session_from_an_unload(connection: Any, written: Any) -> None:
    with connection.cursor(PandasCursor, unload=True) as cursor:
        frame = cursor.execute(f"SELECT {SESSIONS} FROM web_sessions").as_pandas().sort_values("session_id")
    wanted = expected(written.web_sessions, SESSIONS, "session_id")
    assert plain(frame["session_id"]) == wanted["session_id"]
    assert plain(frame["ended_at"]) == wanted["ended_at"]
    assert plain(frame["page_views"]) == wanted["page_views"]
    assert plain(frame["is_mobile"]) == wanted["is_mobile"]


def test_arrow_has_types_and_every_value_from_the_result_file(
    connection: Any, written: Any, arrow_at_endpoint: None
) -> None:
    with connection.cursor(ArrowCursor) as cursor:
        table = cursor.execute(f"SELECT {SALES} FROM sales_data ORDER BY transaction_id").as_arrow()
    wanted = expected(written.sales, SALES, "transaction_id")
    assert pa.types.is_timestamp(table.schema.field("sold_at").type)
    for name in ("transaction_id", "transaction_date", "sold_at", "quantity"):
        assert table[name].to_pylist() == wanted[name], name
    # From a result file it has texts: of decimals, and of nothing. From an UNLOAD it has types.
    assert [Decimal(text) for text in table["amount"].to_pylist()] == wanted["amount"]
    assert table["note"].to_pylist() == [note or "" for note in wanted["note"]]


def test_arrow_has_types_and_every_value_from_an_unload(connection: Any, written: Any, arrow_at_endpoint: None) -> None:
    with connection.cursor(ArrowCursor, unload=True) as cursor:
        table = cursor.execute(f"SELECT {SALES} FROM sales_data").as_arrow().sort_by("transaction_id")
    wanted = expected(written.sales, SALES, "transaction_id")
    assert table.schema.field("amount").type == pa.decimal128(10, 2)
    assert table.schema.field("transaction_date").type == pa.date32()
    assert table.schema.field("quantity").type == pa.int32()
    for name, values in wanted.items():
        assert table[name].to_pylist() == values, name


def test_an_unload_without_rows_is_an_empty_table(connection: Any, arrow_at_endpoint: None) -> None:
    with connection.cursor(ArrowCursor, unload=True) as cursor:
        assert cursor.execute("SELECT amount FROM sales_data WHERE amount > 99999999").as_arrow().num_rows == 0
