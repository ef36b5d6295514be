"""The kept answers to the dashboards' questions: when Athena is asked again, and what is kept when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.catalog import athena, view_sources, views
from lakelanes.catalog.registrar import Registrar
from lakelanes.dashboards import answers, questions
from lakelanes.dashboards.model import Dataset, Visual
from lakelanes.dashboards.questions import Question, view_question
from lakelanes.errors import QueryError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake, utc_now
from lakelanes.ledger import summaries
from lakelanes.ledger.entries import timestamp
from tests.support.lakes import SALES, put
from tests.support.source_tables import ORDERS

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
VIEW = "revenue_by_customer"
ASKED = view_question(VIEW)


class Clock:
    """The real time, and so much later."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(make_lake: Callable[..., Lake], clock: Clock) -> Lake:
    return make_lake(clock=clock)


def load(lake: Lake, day: int, rows: str = "a,c1,1.50,2024-03-15\nb,c2,2.50,2024-03-15\n") -> None:
    key = f"sales_data_2024_03_{day:02}.csv"
    put(lake, key, HEADER + rows)
    files = list(list_prefix(lake, key))
    entity = lake.config.entities["sales"]
    load_batch(lake, entity, files, lane="batch", run_id="run-1")
    Registrar(lake, "look").register_entity(entity, [partition_for(entity, key)])
    summaries.refresh(lake.ledger, lake.config.entities.values())


def make_view(
    lake: Lake,
    folder: Path,
    sql: str = "SELECT customer_id, sum(amount) AS revenue FROM sales_data GROUP BY 1",
    name: str = VIEW,
) -> None:
    (folder / f"{name}.sql").write_text(sql)
    assert [outcome.action for outcome in views.refresh(lake, folder) if outcome.name == name] == ["created"]


def read(lake: Lake) -> answers.Answer:
    [found] = answers.read(lake, [ASKED])
    return found


def test_an_answer_is_kept_until_something_was_loaded_and_some_time_passed(
    lake: Lake, clock: Clock, tmp_path: Path
) -> None:
    assert questions.made_views(lake) == []
    load(lake, 15)
    make_view(lake, tmp_path)
    assert questions.made_views(lake) == [VIEW] and answers.stale(lake, [ASKED]) == [ASKED], "it was never asked"
    assert (read(lake).rows, read(lake).asked_at) == ([], "")
    assert answers.update(lake, ASKED)
    found = read(lake)
    assert sorted((row["customer_id"], row["revenue"]) for row in found.rows) == [("c1", "1.50"), ("c2", "2.50")]
    assert found.error is None and found.is_whole and found.asked_at <= timestamp(clock())
    clock.ahead = timedelta(hours=5)
    assert answers.stale(lake, [ASKED]) == [], "nothing was loaded since"
    clock.ahead = timedelta(0)
    load(lake, 16)
    assert answers.stale(lake, [ASKED]) == [], "it was asked a moment ago"
    clock.ahead = answers.MAX_AGE
    assert answers.stale(lake, [ASKED]) == [ASKED]
    assert answers.update(lake, ASKED)
    assert sorted(str(row["revenue"]) for row in read(lake).rows) == ["3.00", "5.00"]
    assert answers.stale(lake, [ASKED]) == []


def test_of_several_who_ask_one_does(lake: Lake, clock: Clock, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert lake.ledger.take_turn(f"answer-turn/view/{VIEW}", 900)
    assert not answers.update(lake, ASKED)
    clock.ahead = timedelta(seconds=901)
    assert answers.update(lake, ASKED), "who had the turn has died"


def test_what_athena_refuses_is_said_and_the_last_answer_stays(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    lake.glue.delete_table(DatabaseName=lake.config.resources.glue_database, Name="sales_data")
    assert answers.update(lake, ASKED)
    found = read(lake)
    assert found.error is not None and "sales_data" in found.error
    assert len(found.rows) == 2
    load(lake, 16)
    assert answers.update(lake, ASKED)
    assert read(lake).error is None


def test_an_answer_that_athena_has_forgotten_is_said_so(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    note = lake.ledger.read_note(f"answer/view/{VIEW}")
    lake.ledger.write_note(f"answer/view/{VIEW}", {**note, "query_id": "11111111-2222-3333-4444-555555555555"})
    found = read(lake)
    assert found.rows == [] and found.error is not None and "no longer kept" in found.error


def test_rows_beyond_the_limit_are_left_out(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_ROWS", 2)
    load(lake, 15, "".join(f"t{n},c{n},1.00,2024-03-15\n" for n in range(5)))
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    found = read(lake)
    assert len(found.rows) == 2 and not found.is_whole


def test_a_view_without_rows_has_none(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path, "SELECT customer_id, amount FROM sales_data WHERE amount > 100")
    assert answers.update(lake, ASKED)
    found = read(lake)
    assert (found.rows, found.error) == ([], None) and found.asked_at


def asked(lake: Lake) -> list[str]:
    """The statements that Athena gets from now on."""
    statements: list[str] = []

    def note(params: Any, **_: Any) -> None:
        statements.append(params["QueryString"])

    lake.athena.meta.events.register("provide-client-params.athena.StartQueryExecution", note)
    return statements


def test_of_two_who_found_it_stale_one_asks(lake: Lake, tmp_path: Path) -> None:
    """The one looks before the other has asked, and gets its turn after that."""
    load(lake, 15)
    make_view(lake, tmp_path)
    statements = asked(lake)
    assert answers.stale(lake, [ASKED]) == [ASKED]
    assert answers.update(lake, ASKED, if_stale=True)
    assert not answers.update(lake, ASKED, if_stale=True)
    assert len(statements) == 1
    assert answers.update(lake, ASKED), "the turn was given up"


def test_a_view_is_asked_for_again_when_what_it_reads_was_loaded(
    make_lake: Callable[..., Lake], clock: Clock, tmp_path: Path
) -> None:
    stores = {**SALES, "table_name": "stores", "filename_pattern": r"stores_(\d{4})_(\d{2})_(\d{2})\.csv"}
    lake = make_lake({"sales": SALES, "stores": stores}, clock=clock)
    load(lake, 15)
    make_view(lake, tmp_path)
    (tmp_path / "outer_view.sql").write_text(f"SELECT revenue FROM {VIEW}")
    views.refresh(lake, tmp_path)
    both = [ASKED, view_question("outer_view")]
    for question in both:
        assert answers.update(lake, question)
    clock.ahead = answers.MAX_AGE * 2
    put(lake, "stores_2024_03_15.csv", HEADER + "a,c1,1.50,2024-03-15\n")
    load_batch(lake, lake.config.entities["stores"], list(list_prefix(lake, "stores")), lane="batch", run_id="r")
    summaries.refresh(lake.ledger, lake.config.entities.values())
    assert answers.stale(lake, both) == [], "neither reads it"
    load(lake, 16)
    assert answers.stale(lake, both) == both


def test_a_view_of_a_dynamodb_table_counts_as_changed_after_its_pause(
    make_lake: Callable[..., Lake], clock: Clock, tmp_path: Path
) -> None:
    """Nothing of the ledger says when a stream wrote last."""
    lake = make_lake(None, tables={"orders": {"dynamodb_table": "shop-orders", **ORDERS}}, clock=clock)
    load(lake, 15)
    make_view(lake, tmp_path)
    view_sources.note(lake, VIEW, ["sales_data", "orders_current"])
    assert answers.update(lake, ASKED)
    assert answers.stale(lake, [ASKED]) == []
    clock.ahead = answers.MAX_AGE
    assert answers.stale(lake, [ASKED]) == [ASKED]


def test_a_view_that_was_made_anew_is_asked_for_at_once(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    assert answers.stale(lake, [ASKED]) == []
    make_view(lake, tmp_path, "SELECT customer_id FROM sales_data")
    assert answers.stale(lake, [ASKED]) == [ASKED]


def test_what_reads_more_is_asked_for_less_often(
    lake: Lake, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    scanned = read(lake).scanned
    assert scanned > 0 and read(lake).pause == answers.MAX_AGE
    monkeypatch.setattr(answers, "BYTES_PER_MAX_AGE", scanned / 4)
    load(lake, 16)
    assert read(lake).pause == 4 * answers.MAX_AGE
    clock.ahead = 3.9 * answers.MAX_AGE
    assert answers.stale(lake, [ASKED]) == []
    clock.ahead = 4.1 * answers.MAX_AGE
    assert answers.stale(lake, [ASKED]) == [ASKED]


def test_what_a_cancelled_query_read_counts_as_well_and_it_is_tried_once(
    lake: Lake, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workgroup cancels a query at its limit, and Athena bills what was read until then."""
    load(lake, 15)
    make_view(lake, tmp_path)
    query_id, tries = athena.execute(lake, "SELECT customer_id FROM sales_data"), []

    def cancel(lake: Lake, sql: str, _: float) -> str:
        tries.append(sql)
        raise QueryError(query_id, "CANCELLED", "Bytes scanned limit was exceeded", sql, retryable=True)

    monkeypatch.setattr(answers, "BYTES_PER_MAX_AGE", 1)
    monkeypatch.setattr(athena, "_execute_once", cancel)
    assert answers.update(lake, ASKED)
    assert len(tries) == 1
    found = read(lake)
    assert found.error == "Bytes scanned limit was exceeded" and found.scanned > 0
    clock.ahead = 2 * answers.MAX_AGE
    assert answers.stale(lake, [ASKED]) == []
    clock.ahead = found.pause
    assert answers.stale(lake, [ASKED]) == [ASKED], "what failed is tried again"


def test_a_failed_query_read_nothing_that_is_billed(lake: Lake) -> None:
    with pytest.raises(QueryError) as failed:
        athena.execute(lake, "SELECT nothing FROM nowhere")
    assert athena.bytes_scanned(lake, failed.value.query_id) == 0


def refuse(client: Any, operation: str) -> None:
    def answer(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "too fast"}}, operation)

    client.meta.events.register(f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}", answer)


def test_athena_that_cannot_be_asked_is_said_so_and_is_no_fault_of_the_view(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    refuse(lake.athena, "StartQueryExecution")
    assert answers.update(lake, ASKED)
    found = read(lake)
    assert found.error is not None and "too fast" in found.error and len(found.rows) == 2
    assert answers.errors(lake, [ASKED]) == {}, "so no alert is sent"
    assert answers.stale(lake, [ASKED]) == [], "it has its pause, too"


def test_an_answer_that_cannot_be_read_keeps_no_other_from_being_read(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    assert answers.update(lake, ASKED)
    refuse(lake.athena, "GetQueryResults")
    make_view(lake, tmp_path, name="other")
    other_question = view_question("other")
    assert answers.update(lake, other_question)
    found, other = answers.read(lake, [ASKED, other_question])
    assert found.error is not None and "too fast" in found.error
    assert other.error is not None


def test_a_large_answer_is_not_read(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    monkeypatch.setattr(answers, "MAX_BYTES", 20)
    assert answers.update(lake, ASKED)
    refuse(lake.athena, "GetQueryResults")
    found = read(lake)
    assert found.rows == [] and found.error is not None and "the page reads 20 at most" in found.error


def test_a_long_text_is_kept_cut(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15, f"a,{'x' * 3000},1.50,2024-03-15\n")
    make_view(lake, tmp_path, "SELECT customer_id, amount FROM sales_data")
    assert answers.update(lake, ASKED)
    [row] = read(lake).rows
    assert row == {"customer_id": "x" * answers.MAX_TEXT + "… (3,000 characters)", "amount": "1.50"}


def test_an_answer_names_the_tables_that_it_and_the_view_read(lake: Lake, tmp_path: Path) -> None:
    load(lake, 15)
    make_view(lake, tmp_path)
    known = answers.tables_of(lake, [ASKED, view_question("unheard_of")])
    assert known == {ASKED.id: {"sales_data"}, "view/unheard_of": None}
    assert answers.update(lake, ASKED)
    assert read(lake).tables == {"sales_data"}
    view_sources.note(lake, VIEW, ["other"])
    assert read(lake).tables == {"sales_data", "other"}, "the rows are those of before"
    note = lake.ledger.read_note(f"answer/view/{VIEW}")
    lake.ledger.write_note(f"answer/view/{VIEW}", {name: value for name, value in note.items() if name != "tables"})
    assert read(lake).tables is None, "as an earlier version left it"


def visual_question(column: str) -> Question:
    visual = Visual.model_validate(
        {
            "id": "by_customer",
            "title": "By customer",
            "kind": "bar",
            "dataset": "customers",
            "x": {"column": "customer_id"},
            "y": [{"aggregation": "sum", "column": column}],
        }
    )
    return Question("board/by_customer", VIEW, visual, Dataset(view=VIEW))


def test_an_answer_to_another_question_is_no_answer_to_this_one(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dashboard was changed: what was m1 then is something else now."""
    load(lake, 15)
    make_view(lake, tmp_path, "SELECT customer_id, sum(amount) AS revenue, count(*) AS n FROM sales_data GROUP BY 1")
    monkeypatch.setattr(questions, "VIEWS", tmp_path)
    before, after = visual_question("revenue"), visual_question("n")
    assert answers.update(lake, before)
    [found] = answers.read(lake, [before])
    assert sorted(str(row["m1"]) for row in found.rows) == ["1.50", "2.50"]
    [found] = answers.read(lake, [after])
    assert (found.rows, found.asked_at) == ([], "") and answers.stale(lake, [after]) == [after]
    refuse(lake.athena, "StartQueryExecution")
    assert answers.update(lake, after)
    [found] = answers.read(lake, [after])
    assert found.rows == [] and found.error, "nor does a failure bring it back"
