"""The dashboards on the page: what they draw, what they say while they wait, and what odd values do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from fastapi.testclient import TestClient

from lakelanes.catalog import views
from lakelanes.catalog.registrar import Registrar
from lakelanes.dashboards import answers, questions, vega
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes_airflow.page import charts
from lakelanes_airflow.page.background import BackgroundWork
from tests.support.lakes import put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
BY_DAY = "SELECT transaction_date, customer_id, sum(amount) AS revenue, count(*) AS sales FROM sales_data GROUP BY 1, 2"
REVENUE = {"aggregation": "sum", "column": "revenue", "title": "Revenue", "decimals": 2}
LINE = {
    "id": "by_day",
    "title": "Revenue by day",
    "kind": "line",
    "dataset": "days",
    "x": {"column": "transaction_date", "unit": "day", "title": "Day"},
    "y": [REVENUE],
}
BARS = {
    "id": "by_customer",
    "title": "Revenue by customer",
    "kind": "bar",
    "dataset": "days",
    "x": {"column": "customer_id", "title": "Customer"},
    "y": [REVENUE],
}
FIGURE = {**LINE, "id": "of_the_day", "title": "Revenue of the day", "kind": "figure"}
TABLE = {
    "id": "customers",
    "title": "Customers",
    "kind": "table",
    "dataset": "days",
    "columns": [{"column": "customer_id", "title": "Customer"}],
    "y": [REVENUE, {"aggregation": "sum", "column": "sales", "title": "Sales"}],
}
AsUser = Callable[[str | None], TestClient]
Make = Callable[..., None]


def load(lake: Lake, day: int, rows: str) -> None:
    key = f"sales_data_2024_03_{day:02}.csv"
    put(lake, key, HEADER + rows)
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, list(list_prefix(lake, key)), lane="batch", run_id="run-1")
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])
    summaries.refresh(lake.ledger, lake.config.entities.values())


@pytest.fixture
def make_board(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A dashboard 'board' of a view 'days', which refresh_views has made: ``make_board(*visuals, sql=...)``."""
    monkeypatch.setattr(questions, "VIEWS", tmp_path / "views")
    monkeypatch.setattr(questions, "DASHBOARDS", tmp_path / "dashboards")

    def make(*visuals: dict[str, Any], sql: str = BY_DAY, views_made: bool = True, **dataset: Any) -> None:
        for folder in ("views", "dashboards"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "views" / "days.sql").write_text(f"-- What was sold?\n{sql}")
        board = {
            "title": "Board",
            "datasets": {"days": {"view": "days", **dataset}},
            "sheets": [{"title": "First", "visuals": list(visuals)}],
        }
        (tmp_path / "dashboards" / "board.json").write_text(json.dumps(board))
        if views_made:
            views.refresh(lake, tmp_path / "views")

    return make


def look(as_user: AsUser, background: BackgroundWork, path: str = "/lake/dashboards/board") -> str:
    """The page once what a look wanted is done."""
    client = as_user("viewer")
    client.get(path)
    background.wait()
    page = client.get(path)
    assert page.status_code == 200
    return page.text


def images(page: str) -> list[str]:
    """The addresses of a page's charts."""
    return [found.replace("&amp;", "&") for found in re.findall(r'<img src="([^"]+)"', page)]


def test_without_dashboards_it_says_so(
    as_user: AsUser, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "DASHBOARDS", tmp_path / "none")
    page = as_user("viewer").get("/lake/dashboards").text
    assert "No dashboard to see" in page


def test_the_first_look_asks_athena_and_the_next_one_sees_the_chart(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make
) -> None:
    load(lake, 15, "a,c1,-1.50,2024-03-15\n")
    load(lake, 16, "a,c1,3.00,2024-03-16\nb,c2,1.00,2024-03-16\n")
    make_board(LINE, FIGURE, TABLE)
    client = as_user("viewer")
    assert '<a href="/lake/dashboards/board">Board</a>' in client.get("/lake/dashboards").text
    page = client.get("/lake/dashboards/board").text
    assert page.count("Athena is being asked.") == 3 and "data-live" in page, "so the page looks again by itself"
    background.wait()
    page = client.get("/lake/dashboards/board").text
    assert "Athena is being asked." not in page and "data-live" not in page
    assert 'alt="line: Revenue by day; 2 values, from -1.50 to 4.00"' in page
    assert re.search(r'<td class="short">2024-03-15</td><td class="n">-1.50</td>', page), "the table beside the chart"
    assert '<p class="value">4.00</p>' in page and "Before: -1.50 (2024-03-15)" in page and "▲ +366.7 %" in page
    assert re.search(r'<td class="short">c1</td><td class="n">1.50</td><td class="n">2</td>', page)
    assert len(images(page)) == 2, "one for each theme"


def test_charts_are_images_that_stay_as_long_as_their_answer(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make
) -> None:
    load(lake, 15, "a,<img src=x>,1.50,2024-03-15\nb,c&2,2.50,2024-03-15\n")
    make_board(BARS, FIGURE)
    page = look(as_user, background)
    assert "<img src=x" not in page and "&lt;img src=x&gt;" in page
    client = as_user("viewer")
    sizes = set()
    for address in images(page):
        for size in ("wide", "narrow"):
            found = client.get(f"{address}&size={size}")
            assert found.headers["content-type"] == "image/svg+xml"
            assert found.headers["cache-control"] == "private, max-age=86400"
            assert found.headers["content-security-policy"].startswith("default-src 'none'")
            root = ElementTree.fromstring(found.text)
            sizes.add(root.attrib["width"])
            texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
            assert {"<img src=x>", "c&2", "Customer", "Revenue", "2.50"} <= texts, "names and values are text"
            assert not re.search(r"<script|\son\w+=|style=|href=", found.text)
    assert len(sizes) == 2
    stale = client.get(images(page)[0].split("answer=")[0] + "answer=other")
    assert stale.status_code == 200 and stale.headers["cache-control"] == "no-store"
    for missing in ("of_the_day.svg", "nothing.svg", "nothing.vl.json"):
        assert client.get(f"/lake/dashboards/board/{missing}").status_code == 404


def test_a_chart_can_be_taken_along_as_vega_lite(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_board(LINE)
    look(as_user, background)
    found = as_user("viewer").get("/lake/dashboards/board/by_day.vl.json")
    assert found.headers["content-disposition"] == 'attachment; filename="board-by_day.vl.json"'
    spec = found.json()
    assert spec["$schema"] == vega.SCHEMA
    assert spec["data"]["values"] == [{"x": "2024-03-15T00:00:00Z", "y": 1.5, "label": "1.50"}]
    assert charts.svg(spec).startswith(b"<svg")


def test_an_answer_stays_until_the_next_one_is_there(
    as_user: AsUser,
    lake: Lake,
    background: BackgroundWork,
    make_board: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_board(TABLE)
    assert '<td class="n">1.50</td>' in look(as_user, background)
    load(lake, 16, "a,c1,1.50,2024-03-16\n")
    assert '<td class="n">1.50</td>' in look(as_user, background), "Athena was asked a moment ago"
    monkeypatch.setattr(answers, "MAX_AGE", timedelta(0))
    client = as_user("viewer")
    assert '<td class="n">1.50</td>' in client.get("/lake/dashboards/board").text
    background.wait()
    assert '<td class="n">3.00</td>' in client.get("/lake/dashboards/board").text


def test_what_athena_refuses_stands_beside_the_last_answer(
    as_user: AsUser,
    lake: Lake,
    background: BackgroundWork,
    make_board: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    nothing = {**BARS, "id": "none", "filters": [{"column": "customer_id", "in": ["nobody"]}]}
    make_board(TABLE, nothing)
    page = look(as_user, background)
    assert '<td class="n">1.50</td>' in page and "There are no rows." in page
    load(lake, 16, "a,c1,1.50,2024-03-16\n")
    lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name="sales_data")
    monkeypatch.setattr(answers, "MAX_AGE", timedelta(0))
    page = look(as_user, background)
    assert re.search(r'<p class="notice bad" role="note">[^<]*sales_data', page)
    assert '<td class="n">1.50</td>' in page and "There are no rows." not in page


def test_a_view_that_is_not_made_and_a_fault_say_so(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make
) -> None:
    make_board(LINE, {**BARS, "x": {"column": "customer", "title": "Customer"}}, views_made=False)
    page = look(as_user, background)
    assert "It waits for the view <code>days</code>" in page
    fault = "board.json: sheets[0].visuals[1].x.column: view days has no column &#39;customer&#39;"
    assert fault in page and fault in as_user("viewer").get("/lake/dashboards").text
    assert as_user("viewer").get("/lake/dashboards/board?sheet=2").status_code == 404
    assert as_user("viewer").get("/lake/dashboards/nothing").status_code == 404


def test_a_view_that_no_dashboard_draws_is_shown_as_rows(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make, tmp_path: Path
) -> None:
    load(lake, 15, "".join(f"t{n:03},c,1.50,2024-03-15\n" for n in range(220)))
    make_board(LINE)
    (tmp_path / "views" / "names.sql").write_text("-- Who?\nSELECT transaction_id, customer_id FROM sales_data")
    views.refresh(lake, tmp_path / "views")
    page = as_user("viewer").get("/lake/dashboards").text
    assert '<a href="/lake/views/names"><code>names</code></a> \N{EN DASH} Who?' in page and "/views/days" not in page
    page = look(as_user, background, "/lake/views/names")
    assert page.count("<td>c</td>") == 200 and "The first 200." in page
    assert as_user("viewer").get("/lake/views/nothing").status_code == 404


@pytest.mark.parametrize(
    "value",
    ["9" * 400, "1e9999999", "NaN", "-Infinity", "+12024-03-15", "x" * 300_000, "<b>", "-0044-01-01", "1e-9999999"],
)
def test_a_value_harms_its_own_group_alone(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make, value: str
) -> None:
    load(lake, 15, f"a,{value},1.50,2024-03-15\nb,2.5,1.50,2024-03-15\n")
    load(lake, 16, "c,3.5,1.50,2024-03-16\n")
    sql = (
        "SELECT transaction_date, customer_id, sum(amount) AS revenue, count(*) AS sales, "
        "max(try_cast(customer_id AS double)) AS odd FROM sales_data GROUP BY 1, 2"
    )
    odd = {**LINE, "id": "odd", "y": [{"aggregation": "maximum", "column": "odd", "title": "Odd"}]}
    make_board(LINE, BARS, odd, sql=sql)
    page = look(as_user, background)
    assert 'alt="line: Revenue by day; 2 values, from 1.50 to 3.00"' in page
    assert len(page) < 30_000 and "notice bad" not in page
    client = as_user("viewer")
    assert all(client.get(address).status_code == 200 for address in images(page))


def test_a_large_answer_marks_itself_and_its_cost_is_said(
    as_user: AsUser,
    lake: Lake,
    background: BackgroundWork,
    make_board: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(lake, 15, f"a,{'x' * 300_000},1.50,2024-03-15\n")
    make_board(LINE, TABLE)
    monkeypatch.setattr(answers, "MAX_BYTES", 100_000)
    page = look(as_user, background)
    assert "the page reads 100,000 at most" in page and "by_day.svg" in page
    assert "at most every 15 minutes" in page and "For all visitors together" in page
    assert len(re.findall(r"as of \d{4}-\d\d-\d\d \d\d:\d\d UTC; that query read [\d.,]+ k?B", page)) == 2
    monkeypatch.setattr(answers, "BYTES_PER_MAX_AGE", 1)
    assert re.search(r"so it is asked anew at most every [\d,]+ hours", look(as_user, background))


def test_visitors_together_ask_once_and_only_for_the_sheet_they_see(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make, tmp_path: Path
) -> None:
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_board(LINE)
    path = tmp_path / "dashboards" / "board.json"
    board = json.loads(path.read_text())
    board["sheets"].append({"title": "Second", "visuals": [TABLE, BARS]})
    path.write_text(json.dumps(board))
    queries: list[str] = []
    lake.athena.meta.events.register(
        "provide-client-params.athena.StartQueryExecution", lambda params, **_: queries.append(params["QueryString"])
    )
    for user in ("viewer", "user", "viewer"):
        as_user(user).get("/lake/dashboards")
        as_user(user).get("/lake/dashboards/board")
        background.wait()
    assert len(queries) == 1
    as_user("viewer").get("/lake/dashboards/board?sheet=2")
    background.wait()
    assert len(queries) == 3


def test_the_specification_keeps_to_vega_lites_schema(
    as_user: AsUser, lake: Lake, background: BackgroundWork, make_board: Make
) -> None:
    """As far as it is told here: marks, channels and types that Vega-Lite has."""
    load(lake, 15, "a,c1,1.50,2024-03-15\n")
    make_board(LINE, BARS)
    look(as_user, background)
    for name in ("by_day", "by_customer"):
        spec = as_user("viewer").get(f"/lake/dashboards/board/{name}.vl.json").json()
        jsonschema.validate(spec, {"required": ["$schema", "data", "layer", "width", "config"]})
