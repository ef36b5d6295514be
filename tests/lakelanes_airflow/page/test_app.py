"""The page as a user gets it, over a real lake and Airflow's own API."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from botocore.exceptions import ClientError
from fastapi.testclient import TestClient

from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes_airflow.page.background import BackgroundWork
from tests.support.lakes import config_text, put
from tests.support.queues import Queues

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = HEADER + "a,c,1.50,2024-03-15\n"
DAY = "sales_data_2024_03_{}.csv"
AsUser = Callable[[str | None], TestClient]


def load(lake: Lake, **files: str) -> None:
    """Loads files by the day of their name."""
    for day, body in files.items():
        put(lake, DAY.format(day[1:]), body)
    listed = [file for file in list_prefix(lake, "sales_data")]
    load_batch(lake, lake.config.entities["sales"], listed, lane="batch", run_id="load_sales/manual__1")
    summaries.refresh(lake.ledger, lake.config.entities.values())


def uri(lake: Lake, day: str) -> str:
    return f"s3://{lake.config.resources.source_bucket}/{DAY.format(day)}"


def text(html: str) -> str:
    """What a reader sees, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_first_page_says_how_each_entity_stands(as_user: AsUser, lake: Lake) -> None:
    page = as_user("viewer").get("/lake/")
    assert page.status_code == 200
    assert "No file has come yet." in text(page.text)
    load(lake, d15=GOOD, d16="wrong\n1\n")
    shown = text(as_user("viewer").get("/lake/").text)
    assert re.search("16 March 2024 came and was refused; it was due by 2024-03-18 00:00 UTC.", shown)
    assert "Refused 1" in shown
    assert DAY.format("16") in shown and "none of the table&#39;s columns" in shown


def test_a_look_has_the_changes_counted_for_the_next_one(
    as_user: AsUser, lake: Lake, background: BackgroundWork
) -> None:
    client = as_user("viewer")
    put(lake, DAY.format(15), GOOD)
    files = list(list_prefix(lake, ""))
    load_batch(lake, lake.config.entities["sales"], files, lane="fast", run_id="file_processor/1")
    assert client.get("/lake/").status_code == 200
    background.wait()
    shown = text(client.get("/lake/").text)
    assert "Files 1" in shown and "Counted at" in shown


def test_the_calendar_shows_loaded_refused_and_missing_days(as_user: AsUser, lake: Lake) -> None:
    load(lake, d15=GOOD, d16="wrong\n1\n", d18=GOOD)
    page = as_user("viewer").get("/lake/entities/sales?span=2024").text
    labels = re.findall(r'class="cell is-([a-z]+)(?: marked)?" href="([^"]+)" aria-label="([^"]+)"', page)
    by_day = {href.rsplit("/", 1)[1]: (state, label) for state, href, label in labels}
    assert by_day["2024-03-15"] == ("loaded", "15 March 2024: loaded, 1 file, 1 row")
    assert by_day["2024-03-16"][0] == "rejected"
    assert by_day["2024-03-17"] == ("missing", "17 March 2024: missing, 0 files, 0 rows")
    assert "2024-03-14" not in by_day
    assert 'href="?span=2025"' in page


def test_filters_live_in_the_url(as_user: AsUser, lake: Lake) -> None:
    load(lake, d15=GOOD, d16="wrong\n1\n")
    client = as_user("viewer")

    def shown(query: str) -> set[str]:
        return set(re.findall(r"sales_data_2024_03_\d\d\.csv(?=</a>)", client.get(f"/lake/files{query}").text))

    both = {DAY.format(15), DAY.format(16)}
    assert shown("") == shown("?entity=sales") == shown("?q=sales_data_2024") == both
    assert shown("?entity=sales&state=rejected") == {DAY.format(16)}
    assert shown("?q=sales_data_2024_03_15") == {DAY.format(15)}
    assert client.get("/lake/files?entity=nobody").status_code == 404
    assert client.get("/lake/files?state=nonsense").status_code == 422


def test_a_file_has_its_reason_and_its_rejected_rows(as_user: AsUser, lake: Lake) -> None:
    bad = "".join(f"b{number},<b>c</b>,x{number},2024-03-15\n" for number in range(120))
    load(lake, d15=GOOD + bad)
    client = as_user("viewer")
    page = client.get("/lake/file", params={"uri": uri(lake, "15"), "offset": 100}).text
    assert "101 to 120 of 120" in text(page)
    assert "b100,&lt;b&gt;c&lt;/b&gt;,x100,2024-03-15" in page, "a row is text, whatever it holds"
    assert re.search(r' class="n line">103</th><td [^>]*>amount</td>', page)
    assert 'href="/dags/load_sales/runs/manual__1"' in page
    assert client.get("/lake/file", params={"uri": "s3://nowhere/x"}).status_code == 404


def test_bad_rows_are_told_apart_from_those_withheld_with_their_file(
    as_user: AsUser, make_lake: Callable[..., Lake]
) -> None:
    lake = make_lake(max_bad_rows=1)
    load(lake, d15=GOOD + "b,c,x,2024-03-15\nd,c,y,2024-03-15\n")
    client = as_user("viewer")
    shown = text(client.get("/lake/file", params={"uri": uri(lake, "15")}).text)
    assert "Bad rows 2 Rows withheld 1" in shown
    assert "1 to 3 of 3, 2 of them bad; the others have no known fault of their own" in shown
    assert "&#39;x&#39; is not a decimal(10,2): 2 of 3 rows, from line 3; 1 is allowed (max_bad_rows)" in shown
    assert "the file was refused: too many bad rows" in shown
    assert "Bad rows 2" in text(client.get("/lake/").text)
    assert "Bad rows Rows withheld batch 0 0 2 1" in text(client.get("/lake/entities/sales").text)


def test_a_file_says_how_many_rows_were_left_out(as_user: AsUser, make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(dialect={"comment": "#"})
    load(lake, d15=GOOD + "# one\n# two\n", d16=GOOD)
    client = as_user("viewer")
    assert "Rows left out 2" in text(client.get("/lake/file", params={"uri": uri(lake, "15")}).text)
    assert "Rows left out" not in text(client.get("/lake/file", params={"uri": uri(lake, "16")}).text)


def test_a_marker_is_ignored_and_no_file_of_no_entity(as_user: AsUser, lake: Lake) -> None:
    put(lake, "out/_SUCCESS", "")
    put(lake, "out/readme.txt", "x")
    shown = text(as_user("viewer").get("/lake/files?q=out/").text)
    assert re.search(r"_SUCCESS . . ignored . . . . of no entity on purpose", shown), shown
    assert re.search(r"readme.txt . . unmatched", shown), shown


@pytest.mark.parametrize("query", ["%3Cscript%3Ealert(1)%3C/script%3E", "%22%3E%3Cimg%20src=x%3E"])
def test_what_comes_in_a_url_stays_text(as_user: AsUser, lake: Lake, query: str) -> None:
    page = as_user("viewer").get(f"/lake/files?q={query}&run={query}/{query}").text
    assert "<script>alert" not in page and "<img" not in page


def test_retry_starts_a_run_of_the_file_alone(
    as_user: AsUser, lake: Lake, dags: dict[str, Any], background: BackgroundWork
) -> None:
    load(lake, d16="wrong\n1\n")
    answer = as_user("user").post("/lake/entities/sales/retry", data={"uri": uri(lake, "16")})
    assert answer.status_code == 303, text(answer.text)
    where = answer.headers["location"]
    assert where.startswith(f"/lake/file?uri={quote(uri(lake, '16'), safe='')}&run=load_sales")
    run_id = unquote(where.rsplit("run=", 1)[1]).removeprefix("load_sales/")
    with create_session() as session:
        run = session.query(DagRun).filter_by(dag_id="load_sales", run_id=run_id).one()
        assert run.conf == {"keys": [uri(lake, "16")], "reload": False}
        assert run.triggering_user_name == "user"
    page = as_user("user").get(where).text
    assert f'href="/dags/load_sales/runs/{quote(run_id, safe="")}"' in page


def test_reload_starts_a_run_of_everything_in_a_partition(as_user: AsUser, lake: Lake, dags: dict[str, Any]) -> None:
    load(lake, d15=GOOD)
    client = as_user("user")
    page = client.get("/lake/entities/sales/periods/2024-03-15").text
    assert "Load again</button>" in page and "Load now" not in page and "disabled" not in page
    answer = client.post("/lake/entities/sales/reload", data={"period": "2024-03-15", "reload": "true"})
    assert answer.status_code == 303, text(answer.text)
    run_id = unquote(answer.headers["location"].rsplit("run=", 1)[1]).removeprefix("load_sales/")
    with create_session() as session:
        run = session.query(DagRun).filter_by(dag_id="load_sales", run_id=run_id).one()
        assert run.conf == {"reload": True, "partition": "2024-03-15"}


def test_a_viewers_buttons_are_disabled_and_say_why(as_user: AsUser, lake: Lake) -> None:
    load(lake, d15=GOOD)
    page = as_user("viewer").get("/lake/entities/sales/periods/2024-03-15").text
    assert len(re.findall(r"<button[^>]* disabled aria-describedby=\"why\"", page)) == 1
    assert "You may look, but not trigger load_sales." in page


def test_airflows_refusal_is_shown(as_user: AsUser, lake: Lake, dags: dict[str, Any]) -> None:
    load(lake, d15=GOOD)
    with create_session() as session:
        from airflow.models.dag import DagModel

        session.query(DagModel).filter_by(dag_id="load_sales").update({"is_stale": True})
        session.commit()
    answer = as_user("user").post("/lake/entities/sales/reload", data={"period": "2024-03-15"})
    assert answer.status_code >= 400
    assert "Airflow did not start the run" in answer.text


@pytest.mark.parametrize("period", ["2024-02-30", "2024", "yesterday", "2024-3-5"])
def test_what_is_no_period_is_not_found(as_user: AsUser, lake: Lake, period: str) -> None:
    client = as_user("user")
    assert client.get(f"/lake/entities/sales/periods/{period}").status_code == 404
    assert client.post("/lake/entities/sales/reload", data={"period": period}).status_code == 404


def test_an_hour_that_clocks_skip_is_not_found_unless_files_are_named_for_it(
    as_user: AsUser, make_lake: Callable[..., Lake]
) -> None:
    make_lake(
        filename_pattern=r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv",
        partition_keys=["year", "month", "day", "hour"],
        timezone="Europe/Zurich",
    )
    answer = as_user("user").get("/lake/entities/sales/periods/2024-03-31T02")
    assert (answer.status_code, "Clocks of Europe/Zurich skip 2024-03-31T02" in answer.text) == (404, True)
    assert as_user("user").get("/lake/entities/sales/periods/2024-03-31T03").status_code == 200


def test_a_day_without_a_file_says_so(as_user: AsUser, lake: Lake) -> None:
    load(lake, d15=GOOD, d18=GOOD)
    where = "/lake/entities/sales/periods/2024-03-16"
    page = as_user("user").get(where).text
    assert "No file of 16 March 2024" in text(page) and "missing" in text(page)
    assert "There is nothing to load: the source bucket has no file of it." in text(page)
    assert "<button" not in page.split('id="main"')[1]
    put(lake, DAY.format(16), GOOD)
    page = as_user("user").get(where).text
    assert "In the source bucket, and not in the ledger sales_data_2024_03_16.csv" in text(page)
    assert re.findall(r"<button[^>]*>(Load[^<]*)<", page) == ["Load now"]


def test_a_day_has_no_dash_for_what_is_not_there(as_user: AsUser, lake: Lake) -> None:
    load(lake, d15=GOOD, d16="wrong\n1\n")
    for day in (15, 16, 17):
        page = as_user("viewer").get(f"/lake/entities/sales/periods/2024-03-{day}").text
        assert not set("\N{EN DASH}\N{EM DASH}") & set(text(page)), text(page)


def test_entities_of_other_shapes_have_their_calendars(as_user: AsUser, make_lake: Callable[..., Lake]) -> None:
    shapes: list[tuple[list[str], str, str, str]] = [
        (["year", "month", "day", "hour"], r"s_(\d{4})(\d\d)(\d\d)(\d\d)\.csv", "s_2024031509.csv", "2024-03-15T09"),
        (["year", "month"], r"s_(\d{4})(\d\d)\.csv", "s_202403.csv", "2024-03"),
        (["year"], r"s_(\d{4})\.csv", "s_2024.csv", "2024"),
        (["region"], r"s_([a-z]+)\.csv", "s_north.csv", ""),
    ]
    for keys, pattern, name, period in shapes:
        lake = make_lake(partition_keys=keys, filename_pattern=pattern)
        put(lake, name, GOOD)
        load_batch(lake, lake.config.entities["sales"], list(list_prefix(lake, "s_")), lane="batch", run_id="r")
        summaries.refresh(lake.ledger, lake.config.entities.values())
        client = as_user("viewer")
        page = client.get("/lake/entities/sales").text
        assert (f"/periods/{period}" in page) if period else ("region=north" in page)
        if period:
            assert client.get(f"/lake/entities/sales/periods/{period}").status_code == 200


def test_dead_letters_are_counted_and_their_files_named(as_user: AsUser, lake: Lake) -> None:
    client = as_user("viewer")
    assert "There are none." in text(client.get("/lake/").text)
    queues = Queues(lake)
    put(lake, DAY.format(15), GOOD)
    [message] = queues.receive()
    lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=message.body)
    page = text(client.get("/lake/").text)
    assert "1 message of the low-latency lane waits in the dead-letter queue" in page
    letters = dead_letters.receive(lake)
    assert "1 message of the low-latency lane waits" in text(client.get("/lake/").text), "until it is dealt with"
    dead_letters.delete(lake, letters)
    summaries.refresh(lake.ledger, lake.config.entities.values())
    page = text(client.get("/lake/").text)
    assert "waits in the dead-letter queue" not in page
    assert "The sweep took these files out of the queue" in page and DAY.format(15) in page
    load(lake)
    assert "There are none." in text(client.get("/lake/").text)


@pytest.mark.parametrize("name", ["GetQueueUrl", "GetQueueAttributes"])
def test_a_queue_that_may_not_be_read_is_said_so_and_hides_nothing_else(as_user: AsUser, lake: Lake, name: str) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, name)

    lake.sqs.meta.events.register(f"before-call.sqs.{name}", refuse)
    load(lake, d15=GOOD)
    page = as_user("viewer").get("/lake/")
    assert page.status_code == 200
    assert "How many wait is not known" in page.text and "sqs:GetQueueAttributes" in page.text
    assert DAY.format(15) in page.text


def test_a_lake_that_cannot_be_read_is_said_so(
    as_user: AsUser, lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere.json"
    nowhere.write_text(config_text())
    monkeypatch.setenv("LAKE_CONFIG", str(nowhere))
    answer = as_user("viewer").get("/lake/")
    assert answer.status_code == 502
    assert "The lake cannot be read at the moment" in answer.text
