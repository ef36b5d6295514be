"""A DynamoDB table on the page: its windows and what is wrong with them, and the buttons that export."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi.testclient import TestClient

from lakelanes.lake import Lake
from lakelanes.tables.catalog import window_partition
from lakelanes.tables.changes import change_schema
from lakelanes.tables.windows import minute_text
from lakelanes_airflow.page import window_layout
from lakelanes_airflow.page.background import BackgroundWork
from lakelanes_airflow.page.labels import WINDOWS
from tests.support.exported_table import HOUR, ExportedTable
from tests.support.source_tables import ORDERS

AsUser = Callable[[str | None], TestClient]


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    """A lake with a table, whose windows are hours."""
    return make_lake({"orders": {"dynamodb_table": "shop-orders", **ORDERS, "export": {"window_minutes": 60}}})


@pytest.fixture
def table(lake: Lake) -> ExportedTable:
    return ExportedTable(lake, datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 8 * HOUR)


def text(html: str) -> str:
    """What a reader sees, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def cells(html: str) -> list[tuple[str, str]]:
    """State and label of the windows that are shown."""
    return re.findall(r'class="cell is-([a-z]+)(?: marked)?"[^>]* aria-label="([^"]+)"', html)


def test_the_first_page_says_how_each_table_stands(as_user: AsUser, table: ExportedTable) -> None:
    assert "Nothing was exported yet" in text(as_user("viewer").get("/lake/").text)
    table.begin()
    for number in range(8):
        table.window(number)
    shown = text(as_user("viewer").get("/lake/").text)
    until = table.base + 8 * HOUR
    assert f"Everything until {until:%Y-%m-%d %H:%M} UTC is in" in shown


def test_the_windows_are_shown_with_their_states_reasons_and_rows(as_user: AsUser, table: ExportedTable) -> None:
    table.begin()
    table.window(0)
    table.window(1)
    table.window(2, "failed", reason="DynamoDB <b>said</b> no", attempt=5)
    table.window(3)
    page = as_user("viewer").get("/lake/tables/orders").text
    found = cells(page)
    assert [state for state, _ in found] == [
        "published",
        "published",
        "failed",
        "published",
        *["missing"] * 3,
        "waiting",
    ]
    start = table.base
    assert found[0][1] == window_layout.window_name(table.window(0).window) + ": published, 1 row"
    assert found[2][1].endswith(": failed")
    assert "DynamoDB &lt;b&gt;said&lt;/b&gt; no" in page and "<b>said" not in page
    assert f"The window until {start + 3 * HOUR:%Y-%m-%d %H:%M} UTC failed" in text(page)
    assert "Export what is due exports them" in text(page)
    assert "the full export" in text(page) and " 40 " in text(page)


def test_filters_of_windows_live_in_the_url(as_user: AsUser, table: ExportedTable) -> None:
    table.begin()
    table.window(0)
    table.window(1, "failed", reason="no")

    def listed(query: str) -> list[str]:
        page = as_user("viewer").get(f"/lake/tables/orders{query}").text
        return re.findall(r'<th scope="row"><a href="[^"]+/exports/window/(\w+)"', page)

    first, second = (minute_text(table.base + number * HOUR) for number in (0, 1))
    assert listed("") == [second, first]
    assert listed("?state=failed") == [second]
    assert listed("?state=planned") == []
    assert listed(f"?until={table.base - timedelta(days=20):%Y-%m-%d}") == []
    assert set(listed("?until=nonsense")) == {first, second}
    assert as_user("viewer").get("/lake/tables/orders?state=nonsense").status_code == 422


def test_a_gap_is_shown_with_the_command_that_repairs_it(as_user: AsUser, table: ExportedTable) -> None:
    table.begin(gap="recovery_off", reason="recovery_off: point-in-time recovery of shop-orders is off")
    page = as_user("viewer").get("/lake/tables/orders").text
    assert "point-in-time recovery of shop-orders is off" in page
    assert "<code>lakelanes tables repair orders</code>" in page
    assert {state for state, _ in cells(page)} == {"gap"}
    first = as_user("viewer").get("/lake/").text
    assert re.search(r'card trouble" aria-labelledby="table-orders"', first)


def test_an_export_has_its_reason_its_arn_and_its_run(as_user: AsUser, table: ExportedTable) -> None:
    table.begin()
    failed = table.window(0, "failed", reason="no", export_arn="arn:aws:dynamodb:export/1", lines=7)
    client = as_user("viewer")
    where = f"/lake/tables/orders/exports/window/{failed.start}"
    page = client.get(where).text
    assert "arn:aws:dynamodb:export/1" in page and 'href="/dags/export_orders/runs/scheduled__1"' in page
    assert WINDOWS["failed"].meaning in page.lower().replace("dynamodb", "DynamoDB")
    assert "Full export as of" in text(client.get(f"/lake/tables/orders/exports/full/{minute_text(table.base)}").text)
    for path in (where.replace(failed.start, "20200101T0000Z"), where.replace(failed.start, "x"), "/lake/tables/x"):
        assert client.get(path).status_code == 404
    assert client.get(where.replace("window", "nothing")).status_code == 422


def test_the_newest_change_of_the_stream_is_shown_and_what_it_did_not_bring(
    as_user: AsUser, table: ExportedTable, background: BackgroundWork
) -> None:
    table.begin()
    for number in range(7):
        table.window(number)
    client, described = as_user("viewer"), table.lake.config.tables["orders"]

    def shown() -> str:
        client.get("/lake/tables/orders")
        background.wait()
        return text(client.get("/lake/tables/orders").text)

    assert "The stream ○ missing" in shown() and "and the stream brought none of that time" in shown()
    row = {"order_id": "1", "_op": "put", "_written_at": (table.base + 6.5 * HOUR).replace(tzinfo=None)}
    body = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row], schema=change_schema(described)), body)
    for number in range(7):
        folder = f"orders_changes/{window_partition('stream', minute_text(table.base + number * HOUR)).path}"
        bucket, key = table.lake.config.resources.analytics_bucket, f"{folder}/20240101-1-2-1.parquet"
        table.lake.s3.put_object(Bucket=bucket, Key=key, Body=body.getvalue().to_pybytes())
    assert "The stream ✓ arriving" in shown()
    assert f"Newest change (UTC) {table.base + 6.5 * HOUR:%Y-%m-%d %H:%M}" in shown()
    before = as_user("viewer").get(f"/lake/tables/orders?until={table.base - timedelta(days=9):%Y-%m-%d}").text
    assert "The stream" not in before, "it is of today"


@pytest.mark.parametrize("full", [False, True])
def test_the_buttons_start_a_run_as_the_user(
    as_user: AsUser, table: ExportedTable, dags: dict[str, Any], full: bool
) -> None:
    answer = as_user("user").post("/lake/tables/orders/export", data={"full": "true"} if full else {})
    assert answer.status_code == 303, text(answer.text)
    where = answer.headers["location"]
    run_id = unquote(where.rsplit("run=", 1)[1]).removeprefix("export_orders/")
    with create_session() as session:
        run = session.query(DagRun).filter_by(dag_id="export_orders", run_id=run_id).one()
        assert (run.conf, run.triggering_user_name, run.partition_key) == ({"full": full}, "user", None)
    assert "A run of export_orders was started." in text(as_user("user").get(where).text)


def test_starting_anew_asks_twice_and_a_viewer_can_press_neither(as_user: AsUser, table: ExportedTable) -> None:
    table.begin()
    page = as_user("viewer").get("/lake/tables/orders").text
    assert len(re.findall(r"<button[^>]* disabled aria-describedby=\"why\"", page)) == 2
    assert "You may look, but not trigger export_orders." in page
    page = as_user("user").get("/lake/tables/orders").text
    assert "disabled" not in page
    [form] = re.findall(r"<form[^>]*data-ask=[^>]*>.*?</form>", page, re.S)
    assert 'name="full" value="true"' in form


def buttons(page: str) -> list[str]:
    return re.findall(r"<button[^>]*>([^<]+)</button>", page.split('id="main"')[1])


def test_a_table_has_the_buttons_that_would_do_something(as_user: AsUser, table: ExportedTable) -> None:
    client = as_user("user")

    def shown() -> str:
        return client.get("/lake/tables/orders").text

    assert buttons(shown()) == ["Make the full export"]
    assert "Exported until (UTC) nothing yet" in text(shown()) and "Base (UTC) no full export yet" in text(shown())
    table.begin()
    assert buttons(shown()) == ["Export what is due", "Start anew (full export)"]
    for number in range(8):
        table.window(number)
    assert buttons(shown()) == ["Start anew (full export)"]
    assert f"The next one ends at {table.base + 9 * HOUR:%Y-%m-%d %H:%M} UTC." in text(shown())
    assert "did not arrive by" not in text(shown())


def test_an_export_that_a_run_has_or_that_is_done_has_no_button(as_user: AsUser, table: ExportedTable) -> None:
    table.begin()
    client = as_user("user")
    for number, (state, found, why) in enumerate(
        [
            ("published", [], "There is nothing to export: it is in the lake."),
            ("exporting", [], "There is nothing to start: a run has it."),
            ("gap", [], "There is nothing to export: start orders anew"),
            ("failed", ["Export what is due"], "Attempt"),
        ]
    ):
        export = table.window(number, state)
        page = client.get(f"/lake/tables/orders/exports/window/{export.start}").text
        assert (buttons(page), why in text(page)) == (found, True), (state, text(page))


def test_neither_a_table_nor_an_export_has_a_dash_for_what_is_not_there(as_user: AsUser, table: ExportedTable) -> None:
    client, seen = as_user("viewer"), []
    seen.append(client.get("/lake/tables/orders").text)
    table.begin()
    planned = table.window(0, "planned")
    seen.append(client.get("/lake/tables/orders").text)
    seen.append(client.get(f"/lake/tables/orders/exports/window/{planned.start}").text)
    assert [one for one in map(text, seen) if set("\N{EN DASH}\N{EM DASH}") & set(one)] == []


def test_a_table_of_the_stream_alone_has_no_buttons(
    as_user: AsUser, make_lake: Callable[..., Lake], background: BackgroundWork
) -> None:
    make_lake({"orders": {"dynamodb_table": "shop-orders", **ORDERS, "lanes": ["stream"]}})
    assert "Its objects are being listed." in as_user("user").get("/lake/tables/orders").text
    background.wait()
    page = as_user("user").get("/lake/tables/orders").text
    assert "<form method" not in page and "No change came by the stream within a day." in page
    assert as_user("user").post("/lake/tables/orders/export").status_code == 404
