"""Who may read one DAG sees what that DAG fills, on every route, and nothing of anything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.catalog import views
from lakelanes.catalog.registrar import Registrar
from lakelanes.dashboards import answers, questions
from lakelanes.dashboards.questions import view_question, visual_question
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes_airflow.page import files as page_files
from lakelanes_airflow.page.app import the_app
from lakelanes_airflow.page.background import BackgroundWork
from tests.lakelanes_airflow.page.test_app_dashboards import look
from tests.support.lakes import SALES, put
from tests.support.source_tables import ORDERS

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD, BAD = "a,c,1.50,2024-03-15\n", "secret,secret,x,2024-03-15\n"
OPEN, SECRET = "in/sales_data_2024_03_15.csv", "in/payroll_2024_03_15.csv"
PAYROLL = {
    **SALES,
    "source_prefix": "in/",
    "table_name": "payroll_data",
    "filename_pattern": r"payroll_(\d{4})_(\d{2})_(\d{2})\.csv",
}
VIEWS = {
    "open_view": "SELECT transaction_date, sum(amount) AS amount FROM sales_data GROUP BY 1",
    "payroll_view": "SELECT transaction_id, line FROM (SELECT raw AS transaction_id, line FROM payroll_data_rejects)",
    "mixed_payroll": "SELECT o.amount FROM open_view o WHERE EXISTS (SELECT 1 FROM payroll_view)",
    "unknown_view": "SELECT 42 AS secret_number",
}
# What belongs to the entity payroll, to the table orders, or to both and everything.
HIDDEN = ("payroll", "secret", "shop-orders", "orders", "nobody_knows")
AsUser = Callable[[str | None], TestClient]


@dataclass
class Rights:
    """The DAGs that users may read; None for all of them."""

    dags: set[str] | None = None


@pytest.fixture
def rights(monkeypatch: pytest.MonkeyPatch) -> Rights:
    """As an auth manager with rights on single DAGs decides, e.g. FabAuthManager: no DAG named is any DAG."""
    own = Rights()

    def decide(self: Any, *, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        named = getattr(details, "id", None)
        return own.dags is None or (named in own.dags if named else method == "GET" and bool(own.dags))

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", decide)
    return own


def board(view: str, column: str, kind: str) -> str:
    """A dashboard of one visual, which counts the rows of a view."""
    groups = {"columns": [{"column": column}]} if kind == "table" else {"x": {"column": column}}
    visual = {"id": "rows", "title": f"Rows of {view}", "kind": kind, "dataset": view, **groups}
    visual["y"] = [{"aggregation": "count", "title": "Rows"}]
    sheets = [{"title": view, "visuals": [visual]}]
    return json.dumps({"title": f"Board of {view}", "datasets": {view: {"view": view}}, "sheets": sheets})


@pytest.fixture
def lake(make_lake: Callable[..., Lake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Two entities with a file, rejected rows and an alert each, a table, views of one and of both, dead views."""
    return _fill(make_lake, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def asked(make_shared_lake: Callable[..., Lake], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Such a lake, to be looked at only, of which all was asked that the page may ask."""
    with pytest.MonkeyPatch.context() as patch:
        lake = _fill(make_shared_lake, tmp_path_factory.mktemp("views"), patch)
        for question in questions_of(lake):
            assert answers.update(lake, question)
        yield lake


def _fill(make_lake: Callable[..., Lake], folder: Path, patch: pytest.MonkeyPatch) -> Lake:
    lake = make_lake({"orders": {"dynamodb_table": "shop-orders", **ORDERS}}, {"payroll": PAYROLL}, source_prefix="in/")
    for name, key in (("sales", OPEN), ("payroll", SECRET)):
        put(lake, key, HEADER + GOOD + (BAD if name == "payroll" else ""))
        entity, partition = lake.config.entities[name], partition_for(lake.config.entities[name], key)
        load_batch(lake, entity, list(list_prefix(lake, key)), lane="batch", run_id=f"load_{name}/manual__1")
        Registrar(lake, "look").register_entity(entity, [partition], [partition])
    summaries.refresh(lake.ledger, lake.config.entities.values())
    for name, sql in VIEWS.items():
        (folder / f"{name}.sql").write_text(sql)
    views.refresh(lake, folder)
    patch.setattr(questions, "VIEWS", folder)
    patch.setattr(questions, "DASHBOARDS", folder / "boards")
    (folder / "boards").mkdir()
    (folder / "boards" / "open_board.json").write_text(board("open_view", "transaction_date", "bar"))
    (folder / "boards" / "payroll_board.json").write_text(board("payroll_view", "transaction_id", "bar"))
    note = lake.ledger.read_note("view-inputs")
    lake.ledger.write_note("view-inputs", {**note, "unknown_view": ["nobody_knows"]})

    def report(cause: str, entity: str | None, **more: Any) -> None:
        said = {"dag_id": "watch_lake", "run_id": "r", "reason": f"reason: {cause}", "what_to_do": "Look at it"}
        assert incidents.report(lake, cause, Alert(entity=entity, **{**said, **more}), lambda *_: None)

    report("drift/sales", "sales")
    report("drift/payroll", "payroll")
    report("gap/orders", "orders")
    report("drift/both", "sales, payroll", reason="secret of both")
    report("stale/open_view", "open_view")
    report("stale/payroll_view", "payroll_view")
    report("stale/mixed_payroll", None, dag_id="load_sales")
    report("refresh/open_view", "open_view")
    report("refresh/payroll_view", "payroll_view")
    report("refresh/gone", "gone", reason="secret")
    report("stale/unknown_view", "unknown_view", reason="secret")
    report("run/refresh_views/-", None, dag_id="refresh_views", reason="secret")
    fault = FileFault("s3://b/secret", "payroll", "failed", "secret")
    report("file/s3://b/x", None, dag_id="load_sales", files=[fault])
    return lake


def bucket(lake: Lake) -> str:
    return f"s3://{lake.config.resources.source_bucket}/"


def questions_of(lake: Lake) -> list[questions.Question]:
    """All that the page may ask of this lake."""
    boards = questions.library(lake).dashboards
    drawn = [visual_question(one, visual) for one in boards for visual in one.visuals]
    return [*drawn, *map(view_question, VIEWS)]


GETS = sorted(route.path for route in the_app().routes if isinstance(route, APIRoute) and "GET" in route.methods)


def requests_of(path: str, lake: Lake) -> list[tuple[str, dict[str, str]]]:
    """Every request of a route that this lake has something for, hidden or not."""
    files = [{"uri": bucket(lake) + key} for key in (OPEN, SECRET)]
    queries: dict[str, list[dict[str, str]]] = {
        "/files": [
            {},
            {"q": f"{bucket(lake)}in/"},
            {"q": "in/p"},
            {"q": "p"},
            {"q": "ay"},
            {"sort": "size"},
            {"entity": "payroll"},
            {"state": "unmatched"},
        ],
        **dict.fromkeys(("/file", "/file/source", "/file/rejects"), files),
    }
    names = {"/static": ["lake.css"], "/dashboards": ["open_board", "payroll_board"], "/views": list(VIEWS)}
    values = {"period": "2024-03-15", "kind": "window", "start": "20240315T1000Z", "visual": "rows"}
    places = [
        path.format(**values, entity=entity, table="orders", name=name)
        for entity in ("sales", "payroll")
        for name in names.get("/" + path.split("/")[1], [""])
    ]
    return [(place, query) for place in dict.fromkeys(places) for query in queries.get(path, [{}])]


@pytest.mark.parametrize("path", GETS)
def test_who_may_read_one_dag_sees_nothing_else_on_any_route(
    as_user: AsUser, asked: Lake, rights: Rights, background: BackgroundWork, path: str
) -> None:
    rights.dags = {"load_sales"}
    codes = []
    for place, query in requests_of(path, asked):
        answer = as_user("viewer").get(f"/lake{place}", params=query)
        background.wait()
        # What the user has asked for by name may be repeated.
        named = [text for text in (place, *query.values()) if any(word in text for word in HIDDEN)]
        shown = answer.text
        for text in (*named, "load_payroll", "export_orders"):
            shown = shown.replace(text, "").replace(text.replace("/", "%2F"), "")
        if named and answer.status_code != 200:
            assert answer.status_code in (403, 404)
            shown = shown.replace("payroll", "").replace("orders", "")
        leaked = [word for word in HIDDEN if word in shown.replace("DynamoDB tables", "")]
        assert leaked == [], (place, query, shown)
        codes.append(answer.status_code)
    if path not in ("/tables/{table}", "/tables/{table}/exports/{kind}/{start}", "/file/rejects"):
        assert 200 in codes, "who sees nothing proves nothing"


def test_the_same_requests_show_it_to_who_may_read_all(as_user: AsUser, asked: Lake, rights: Rights) -> None:
    """So the test above looks for what is there."""
    client = as_user("viewer")
    shown = {
        path: "".join(client.get(f"/lake{p}", params=q).text for p, q in requests_of(path, asked)) for path in GETS
    }
    assert all(word in shown["/"] for word in ("payroll", "secret", "shop-orders", "stale/payroll_view"))
    assert all(f"Board of {name}" in shown["/dashboards"] for name in ("open_view", "payroll_view"))
    assert all(f"<code>{name}</code>" in shown["/dashboards"] for name in ("mixed_payroll", "unknown_view"))
    assert "secret,secret" in shown["/dashboards/{name}"] and "secret,secret" in shown["/views/{name}"]
    assert "secret,secret" in shown["/dashboards/{name}/{visual}.svg"]
    assert "secret,secret" in shown["/dashboards/{name}/{visual}.vl.json"]
    assert "secret,secret" in shown["/file/source"] and "secret,secret" in shown["/file/rejects"]
    assert "secret,secret,x" in shown["/file"] and SECRET in shown["/files"]
    assert "payroll" in shown["/entities/{entity}"] and "shop-orders" in shown["/tables/{table}"]


@pytest.mark.parametrize(
    ("dags", "seen"),
    [
        ({"load_sales"}, {"open_view"}),
        ({"load_payroll"}, {"payroll_view"}),
        ({"load_sales", "load_payroll"}, {"open_view", "payroll_view", "mixed_payroll"}),
        ({"export_orders"}, set()),
        ({"load_sales", "load_payroll", "export_orders"}, set(VIEWS)),
    ],
)
def test_a_view_is_seen_by_those_who_may_see_all_that_it_reads(
    as_user: AsUser, lake: Lake, rights: Rights, background: BackgroundWork, dags: set[str], seen: set[str]
) -> None:
    rights.dags = dags
    page = look(as_user, background, "/lake/dashboards")
    listed = {name for name in VIEWS if f"<code>{name}</code>" in page or f"Board of {name}<" in page}
    assert listed == seen
    client = as_user("viewer")
    for name in VIEWS:
        client.get(f"/lake/views/{name}")
    for name in ("open_board", "payroll_board"):
        client.get(f"/lake/dashboards/{name}")
    background.wait()
    asked = {one.view for one in questions_of(lake) if lake.ledger.read_note(f"answer/{one.id}")}
    assert asked == seen, "nobody's look asks for what they do not see"


def test_rows_of_before_a_view_was_changed_stay_hidden(
    as_user: AsUser, lake: Lake, rights: Rights, tmp_path: Path, background: BackgroundWork
) -> None:
    """A kept answer has the rows of what the view read when Athena was asked."""
    [asked] = [one for one in questions_of(lake) if one.id == "view/payroll_view"]
    assert answers.update(lake, asked)
    (tmp_path / "payroll_view.sql").write_text("SELECT transaction_id, customer_id FROM sales_data")
    views.refresh(lake, tmp_path)
    rights.dags = {"load_sales"}
    assert as_user("viewer").get("/lake/views/payroll_view").status_code == 404
    background.wait()
    rights.dags = None
    page = look(as_user, background, "/lake/views/payroll_view")
    assert "secret,secret" not in page and "<td>a</td>" in page, "it is asked for anew at once"
    rights.dags = {"load_sales"}
    assert "<td>a</td>" in as_user("viewer").get("/lake/views/payroll_view").text


def test_a_search_goes_on_behind_what_is_hidden_and_its_cursor_names_no_hidden_key(
    as_user: AsUser, lake: Lake, rights: Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_files, "_ROWS", 2)
    for day in range(16, 20):
        put(lake, f"in/payroll_2024_03_{day}.csv", GOOD)
    rights.dags = {"load_sales"}
    shown = as_user("viewer").get("/lake/files", params={"q": "in/"}).text
    assert OPEN in shown and "payroll" not in shown
    for day in range(10, 60):
        put(lake, f"in/payroll_2024_04_{day}.csv", GOOD)
    answer = as_user("viewer").get("/lake/files", params={"q": "in/"})
    assert answer.status_code == 200 and "payroll" not in answer.text


def test_a_file_that_was_another_entitys_needs_the_rights_on_both(as_user: AsUser, lake: Lake, rights: Rights) -> None:
    entry = lake.ledger.get(bucket(lake) + SECRET)
    assert entry is not None
    lake.ledger.client.update_item(
        TableName=lake.ledger.table,
        Key={"source": {"S": entry.source}, "version": {"S": entry.version}},
        UpdateExpression="SET entity = :e",
        ExpressionAttributeValues={":e": {"S": "sales"}},
    )
    rights.dags = {"load_sales"}
    client = as_user("viewer")
    for path in ("", "/source", "/rejects"):
        assert client.get(f"/lake/file{path}", params={"uri": bucket(lake) + SECRET}).status_code == 403
    assert SECRET not in client.get("/lake/files", params={"q": "in/pay"}).text
    rights.dags = {"load_sales", "load_payroll"}
    for path in ("", "/source", "/rejects"):
        assert client.get(f"/lake/file{path}", params={"uri": bucket(lake) + SECRET}).status_code == 200
