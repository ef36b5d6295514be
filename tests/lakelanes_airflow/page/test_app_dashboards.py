"""The dashboards' page: charts and rows of the views' last answers, stale ones and failures included."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from lakelanes.catalog import view_results, views
from lakelanes.catalog.registrar import Registrar
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes_airflow.page.background import BackgroundWork
from tests.support.lakes import put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
AsUser = Callable[[str | None], TestClient]


def load(lake: Lake, day: int, rows: str) -> None:
    key = f"sales_data_2024_03_{day:02}.csv"
    put(lake, key, HEADER + rows)
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, list(list_prefix(lake, key)), lane="batch", run_id="run-1")
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])
    summaries.refresh(lake.ledger, lake.config.entities.values())


@pytest.fixture
def make_view(lake: Lake, tmp_path: Path) -> Callable[[str, str], None]:
    """Makes a view as refresh_views does: ``make_view(name, sql)``."""

    def make(name: str, sql: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.sql").write_text(sql)
        assert [outcome.action for outcome in views.refresh(lake, folder)] == ["created"]

    return make


def look(as_user: AsUser, background: BackgroundWork) -> str:
    """The page once what a look wanted is done."""
    client = as_user("viewer")
    client.get("/lake/dashboards")
    background.wait()
    page = client.get("/lake/dashboards")
    assert page.status_code == 200
    return page.text


def test_without_views_it_says_so(as_user: AsUser, lake: Lake) -> None:
    assert "No view to see" in as_user("viewer").get("/lake/dashboards").text


def test_the_first_look_asks_athena_and_the_next_one_sees_the_chart(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_view: Callable[[str, str], None]
) -> None:
    load(lake, 15, "a,c1,-1.50,2024-03-15\n")
    load(lake, 16, "a,c1,3.00,2024-03-16\nb,c2,1.00,2024-03-16\n")
    make_view("revenue_by_day", "SELECT transaction_date, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    page = as_user("viewer").get("/lake/dashboards").text
    assert "Athena is being asked." in page and "data-live" in page, "so the page looks again by itself"
    background.wait()
    page = as_user("viewer").get("/lake/dashboards").text
    assert "Athena is being asked." not in page
    title = "revenue by transaction_date, 2 values from 2024-03-15 to 2024-03-16; least -1.5, most 4"
    assert title in page and '<polyline class="line s0"' in page
    assert re.search(r"<td>2024-03-15</td><td>-1.50</td>", page), "the rows are there, too"


def test_names_in_the_rows_are_text(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_view: Callable[[str, str], None]
) -> None:
    load(lake, 15, "a,<img src=x>,1.50,2024-03-15\n")
    make_view("by_customer", "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    page = look(as_user, background)
    assert "<img" not in page and page.count("&lt;img src=x&gt;") >= 2


def test_an_answer_stays_until_the_next_one_is_there(
    as_user: AsUser,
    lake: Lake,
    background: BackgroundWork,
    make_view: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_view("by_customer", "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    assert "<td>1.50</td>" in look(as_user, background)
    load(lake, 16, "a,c1,1.50,2024-03-16\n")
    assert "<td>1.50</td>" in look(as_user, background), "Athena was asked a moment ago"
    monkeypatch.setattr(view_results, "MAX_AGE", timedelta(0))
    client = as_user("viewer")
    assert "<td>1.50</td>" in client.get("/lake/dashboards").text
    background.wait()
    assert "<td>3.00</td>" in client.get("/lake/dashboards").text


def test_what_athena_refuses_stands_beside_the_last_answer(
    as_user: AsUser,
    lake: Lake,
    background: BackgroundWork,
    make_view: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_view("by_customer", "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    make_view("large", "SELECT transaction_id, amount FROM sales_data WHERE amount > 100")
    page = look(as_user, background)
    assert "<td>1.50</td>" in page and "It has no rows." in page
    load(lake, 16, "a,c1,1.50,2024-03-16\n")
    lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name="sales_data")
    monkeypatch.setattr(view_results, "MAX_AGE", timedelta(0))
    page = look(as_user, background)
    assert re.search(r'<p class="notice bad" role="note">[^<]*sales_data', page)
    assert "<td>1.50</td>" in page and "It has no rows." not in page


def test_rows_that_no_chart_suits_are_shown_as_rows(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_view: Callable[[str, str], None]
) -> None:
    load(lake, 15, "".join(f"t{n:03},c,1.50,2024-03-15\n" for n in range(120)))
    make_view("names", "SELECT transaction_id, customer_id FROM sales_data ORDER BY 1")
    page = look(as_user, background)
    assert '<svg class="chart"' not in page
    assert "<td>t099</td>" in page and "<td>t100</td>" not in page and "The first 100." in page


@pytest.mark.parametrize(
    "value",
    ["9" * 400, "1e9999999", "NaN", "-Infinity", "+12024-03-15", "x" * 300_000, "<b>", "-0044-01-01", "1e-9999999"],
)
def test_a_value_harms_its_own_view_alone(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_view: Callable[[str, str], None], value: str
) -> None:
    load(lake, 15, f"a,{value},1.50,2024-03-15\nb,2.5,1.50,2024-03-15\n")
    load(lake, 16, "c,3.5,1.50,2024-03-16\n")
    make_view("odd", "SELECT transaction_date, customer_id FROM sales_data")
    make_view("by_odd", "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    make_view("good", "SELECT transaction_date, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    page = look(as_user, background)
    assert "revenue by transaction_date, 2 values from 2024-03-15 to 2024-03-16; least 1.5, most 3" in page
    assert all(f"<code>{name}</code>" in page for name in ("odd", "by_odd", "good"))
    assert len(page) < 30_000 and "cannot be drawn" not in page
    if value in ("1e9999999", "NaN", "-Infinity", "9" * 400):
        assert "customer_id by transaction_date; 1 value that no scale shows is left out" in page


def test_a_large_answer_marks_itself_and_its_cost_is_said(
    as_user: AsUser,
    lake: Lake,
    background: BackgroundWork,
    make_view: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(lake, 15, f"a,{'x' * 300_000},1.50,2024-03-15\n")
    make_view("large", "SELECT customer_id FROM sales_data")
    make_view("good", "SELECT transaction_date, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    monkeypatch.setattr(view_results, "MAX_BYTES", 100_000)
    page = look(as_user, background)
    assert "the page reads 100,000 at most" in page and '<svg class="chart"' in page
    assert "at most every 15 minutes" in page and "For all visitors together" in page
    assert len(re.findall(r"as of \d{4}-\d\d-\d\d \d\d:\d\d UTC; that query read [\d.,]+ k?B", page)) == 2
    monkeypatch.setattr(view_results, "BYTES_PER_MAX_AGE", 1)
    assert re.search(r"so it is asked anew at most every [\d,]+ hours", look(as_user, background))


def test_visitors_together_ask_once(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_view: Callable[[str, str], None]
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_view("by_customer", "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1")
    queries: list[str] = []
    lake.athena.meta.events.register(
        "provide-client-params.athena.StartQueryExecution", lambda params, **_: queries.append(params["QueryString"])
    )
    for user in ("viewer", "user", "viewer"):
        as_user(user).get("/lake/dashboards")
        background.wait()
    assert len(queries) == 1
