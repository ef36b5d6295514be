"""Files as a user gets them: in one list, by a part of their keys, one with all that became of it, and to take away."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.sweep import find_unloaded, record_unmatched
from lakelanes.lake import Lake
from lakelanes.overview import file_list
from lakelanes_airflow.page import files
from lakelanes_airflow.page.files import attachment
from tests.lakelanes_airflow.page.test_visibility import Rights, rights
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = HEADER + "a,c,1.50,2024-03-15\n"
BAD = "b,c,x,2024-03-15\nd,c,2.50,never\ne,c,yy,2024-03-15\n"
PLANS = {**SALES, "table_name": "plans", "filename_pattern": r"plan_(\d{4})_(\d{2})_(\d{2})\.csv"}
AsUser = Callable[[str | None], TestClient]

__all__ = ["rights"]


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake(others={"plans": PLANS})


def load(lake: Lake, key: str, body: str = GOOD, entity: str = "sales") -> str:
    """Loads a file; its URI."""
    uri = put(lake, key, body)
    load_batch(
        lake,
        lake.config.entities[entity],
        list(list_prefix(lake, key)),
        lane="batch",
        run_id=f"load_{entity}/manual__1",
    )
    return uri


@pytest.fixture
def four(lake: Lake) -> list[str]:
    """A file of each entity, one that is refused and one of none; their keys, oldest change first."""
    load(lake, "sales_data_2024_03_15.csv", GOOD + BAD)
    load(lake, "plan_2024_03_15.csv", GOOD + "f,c,3.00,2024-03-15\n", "plans")
    load(lake, "sales_data_2024_03_16.csv", "wrong\n1\n")
    put(lake, "in/leftover.txt", "x" * 5000)
    record_unmatched(lake, find_unloaded(lake).unmatched)
    return ["sales_data_2024_03_15.csv", "plan_2024_03_15.csv", "sales_data_2024_03_16.csv", "leftover.txt"]


def listed(html: str) -> list[str]:
    """The names of the files in the list's order."""
    return re.findall(r'href="/lake/file\?uri=[^"]+">([^<]+)</a>', html)


def text(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


def test_the_list_has_the_files_of_all_entities_and_of_none(as_user: AsUser, lake: Lake, four: list[str]) -> None:
    client = as_user("viewer")
    page = client.get("/lake/files").text
    assert listed(page) == four[::-1]
    assert listed(client.get("/lake/files?entity=plans").text) == [four[1]]
    assert listed(client.get("/lake/files?entity=-").text) == [four[3]]
    assert listed(client.get("/lake/files?state=unmatched").text) == [four[3]]
    assert listed(client.get("/lake/files?state=loaded").text) == [four[1], four[0]]
    assert "No such files" in client.get("/lake/files?entity=plans&state=failed").text


def test_every_column_sorts_by_a_link_and_says_how_it_is_sorted(as_user: AsUser, lake: Lake, four: list[str]) -> None:
    client = as_user("viewer")

    def headings(query: str) -> dict[str, tuple[str, str]]:
        """Of each column that sorts its link and its aria-sort."""
        page = client.get(f"/lake/files{query}").text
        found = re.findall(r'<th role="columnheader"([^>]*)><a class="sort" href="([^"]+)">([\w ()]+)', page)
        return {
            title.strip(): (unescape(link), (re.search(r'aria-sort="(\w+)"', attributes) or ["", ""])[1])
            for attributes, link, title in found
        }

    first = headings("?entity=sales")
    assert list(first) == ["File", "Entity", "State", "Rows", "Bad rows", "Size", "Changed (UTC)"]
    assert {title: order for title, (_, order) in first.items() if order} == {"Changed (UTC)": "descending"}
    assert first["File"][0] == "?entity=sales&sort=file"
    assert first["Changed (UTC)"][0] == "?entity=sales&direction=up"
    again = headings("?entity=sales&sort=file")
    assert again["File"] == ("?entity=sales&sort=file&direction=down", "ascending")
    assert again["Changed (UTC)"] == ("?entity=sales", "")
    assert headings("?sort=file&direction=down")["File"] == ("?sort=file", "descending")

    def shown(query: str) -> list[str]:
        return listed(client.get(f"/lake/files{query}").text)

    assert shown("?direction=up") == four
    assert shown("?sort=file") == ["leftover.txt", "plan_2024_03_15.csv", four[0], four[2]]
    assert shown("?sort=size")[0] == "leftover.txt" and shown("?sort=size&direction=up")[-1] == "leftover.txt"
    assert shown("?sort=rows")[:2] == ["plan_2024_03_15.csv", four[0]]
    assert shown("?sort=bad")[0] == four[0]
    assert client.get("/lake/files?sort=etag").status_code == 422


def test_the_list_says_among_how_many_files_it_is_sorted(
    as_user: AsUser, lake: Lake, four: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_user("viewer")
    assert "Sorted among" not in client.get("/lake/files").text
    assert "Sorted among all 4 files." in text(client.get("/lake/files?sort=size").text)
    monkeypatch.setattr(file_list, "MOST_SORTED", 2)
    page = client.get("/lake/files?sort=size").text
    assert listed(page) == ["leftover.txt", "sales_data_2024_03_16.csv"]
    assert "Sorted among the 2 files that changed last, back to 20" in text(page)


@pytest.mark.parametrize("query", ["", "sort=file", "sort=size&direction=up", "q=2024", "q=sales_data"])
def test_pages_follow_each_other_with_the_query_that_they_are_of(
    as_user: AsUser, lake: Lake, four: list[str], monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    client = as_user("viewer")
    whole = listed(client.get(f"/lake/files?{query}").text)
    monkeypatch.setattr(files, "_ROWS", 1)
    found: list[str] = []
    link = f"?{query}"
    for _ in range(9):
        page = client.get(f"/lake/files{link}").text
        found += listed(page)
        more = re.search(r'<a href="([^"]+)" rel="next">', page)
        if not more:
            break
        link = unescape(more[1])
    assert found == whole and len(whole) == (2 if query == "q=sales_data" else 3 if query == "q=2024" else 4)


def test_a_search_finds_a_part_of_a_key_and_says_what_it_did_not_search(
    as_user: AsUser, lake: Lake, four: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_user("viewer")
    page = client.get("/lake/files?q=2024_03_15").text
    assert listed(page) == ["plan_2024_03_15.csv", "sales_data_2024_03_15.csv"]
    assert "looked for among 4 files: all that the ledger knows" in text(page)
    assert "Not searched: what is in the files" in text(page)
    page = client.get("/lake/files?q=sales_data").text
    assert listed(page) == [four[0], four[2]] and "The key starts with it" in page
    assert listed(client.get("/lake/files?q=2024_03_15&entity=plans").text) == ["plan_2024_03_15.csv"]
    monkeypatch.setattr(file_list, "SEARCHED", 2)
    page = client.get("/lake/files?q=data_2024_03_15").text
    assert "among the 2 files that changed last, back to 20" in text(page)
    assert "There are more files to look through." in page
    back = re.search(r'<a href="([^"]+)" rel="next">Search further back</a>', page)
    assert back
    assert listed(client.get(f"/lake/files{unescape(back[1])}").text) == [four[0]]


def shown(client: TestClient, uri: str) -> str:
    answer = client.get("/lake/file", params={"uri": uri})
    assert answer.status_code == 200
    return text(answer.text)


def test_a_file_that_is_loaded_with_rejects_warns_and_counts_the_reasons(as_user: AsUser, lake: Lake) -> None:
    uri = load(lake, "sales_data_2024_03_15.csv", GOOD + BAD)
    page = as_user("viewer").get("/lake/file", params={"uri": uri}).text
    assert 'class="notice warn"' in page and 'class="notice bad"' not in page
    told = text(page)
    assert "3 of 4 rows rejected , by reason; the others are in the table." in told
    assert "2 rows · column amount : 'x' is not a decimal(10,2)" in told and "(from line 3)" in told
    assert re.search(r"1 row · column transaction_date : 'never' is not a date[^(]* \(on line 4\)", told)


def test_a_refused_file_says_why_in_words_and_what_stays(as_user: AsUser, make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(max_bad_rows=1)
    uri = load(lake, "sales_data_2024_03_15.csv", GOOD + BAD)
    told = shown(as_user("viewer"), uri)
    assert "Refused for what is in the file; no row of it was loaded." in told
    assert "2 of 4 rows, from line 3; 3 rows are bad in all; 1 is allowed (max_bad_rows)" in told
    assert "2 rows · column amount" in told and "1 row withheld with the file" in told
    load(lake, "sales_data_2024_03_15.csv")
    load(lake, "sales_data_2024_03_15.csv", GOOD + BAD)
    told = shown(as_user("viewer"), uri)
    assert "the version before it stays in the table" in told
    assert "Rows of the version before, in the table 1" in told


def test_a_failed_file_says_whether_it_is_tried_again(as_user: AsUser, lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    [file] = list_prefix(lake, "sales_data_2024_03_15.csv")
    client = as_user("viewer")
    lake.ledger.set_aside(file, "sales", None, "failed", "from the dead-letter queue", lane="fast", run_id="message-1")
    told = shown(client, file.uri)
    assert "The sweep tries it by itself, until 5 attempts" in told and "Attempts (UTC) none yet" in told
    for number in range(1, 6):
        claim: Any = lake.ledger.claim(
            file, "sales", "year=2024", owner="w", lane="batch", run_id=f"sweep_sources/scheduled__{number}"
        )
        lake.ledger.failed(claim, "SlowDown: reduce your request rate", retryable=True)
        told = shown(client, file.uri)
        assert "Not loaded, for a reason that is not the file" in told and "SlowDown: reduce your request rate" in told
        if number < 5:
            assert f"until 5 attempts have failed; this was number {number}." in told
    assert "It failed 5 times, and is not tried again by itself" in told
    assert re.search(r"Attempts \(UTC\) 5, the last on 20\d\d-", told)
    load(lake, "sales_data_2024_03_15.csv")
    told = shown(client, file.uri)
    assert re.search(r"Attempts \(UTC\) 6, the last on 20\d\d-", told), "a load makes none of them undone"
    page = client.get("/lake/file", params={"uri": file.uri}).text
    assert page.count("<li>20") == 6
    assert '<a href="/dags/load_sales/runs/manual__1" data-leave><code>load_sales/manual__1</code></a>' in page


def test_what_can_be_taken_away_has_its_link(as_user: AsUser, lake: Lake, four: list[str]) -> None:
    client = as_user("viewer")
    bucket = lake.config.resources.source_bucket

    def links(key: str) -> list[str]:
        page = client.get("/lake/file", params={"uri": f"s3://{bucket}/{key}"}).text
        return re.findall(r'href="/lake/file/(\w+)\?uri=[^"]+" data-leave', page)

    assert links(four[0]) == ["source", "rejects"]
    assert links(four[1]) == ["source"]
    put(lake, four[1], GOOD)
    assert links(four[1]) == []
    told = shown(client, f"s3://{bucket}/{four[1]}")
    assert "The source bucket has a newer version, which no lane has seen yet." in told
    lake.s3.delete_object(Bucket=bucket, Key=four[0])
    assert links(four[0]) == ["rejects"]
    told = shown(client, f"s3://{bucket}/{four[0]}")
    assert "The file is not in the source bucket any more" in told and "its rows stay in the table" in told


def test_a_file_is_sent_as_it_came_under_its_name(as_user: AsUser, lake: Lake, four: list[str]) -> None:
    client = as_user("viewer")
    bucket = lake.config.resources.source_bucket
    uri = f"s3://{bucket}/{four[0]}"
    answer = client.get("/lake/file/source", params={"uri": uri})
    assert (answer.status_code, answer.text) == (200, GOOD + BAD)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(GOOD + BAD))
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{four[0]}"')
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    rejects = client.get("/lake/file/rejects", params={"uri": uri})
    assert rejects.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in rejects.text.splitlines()] == ["line", "3", "4", "5"]
    assert client.get("/lake/file/rejects", params={"uri": f"s3://{bucket}/{four[1]}"}).status_code == 404
    assert client.get("/lake/file/source", params={"uri": f"s3://{bucket}/never"}).status_code == 404
    lake.s3.delete_object(Bucket=bucket, Key=four[0])
    gone = client.get("/lake/file/source", params={"uri": uri})
    assert gone.status_code == 404 and "is not in the bucket any more" in gone.text
    load(lake, four[0])
    assert client.get("/lake/file/rejects", params={"uri": uri}).status_code == 404


def test_a_file_of_no_entity_is_sent_to_those_who_see_everything(
    as_user: AsUser, lake: Lake, four: list[str], rights: Rights
) -> None:
    client = as_user("viewer")
    uri = f"s3://{lake.config.resources.source_bucket}/in/leftover.txt"
    assert client.get("/lake/file/source", params={"uri": uri}).text == "x" * 5000
    assert "Of no entity: the name matches no entity's filename_pattern." in shown(client, uri)
    rights.dags = {"load_sales"}
    assert "Download the file" not in client.get("/lake/file", params={"uri": uri}).text
    answer = client.get("/lake/file/source", params={"uri": uri})
    assert answer.status_code == 403 and "xxx" not in answer.text
    own, other = four[0], four[1]
    for key, status in ((own, 200), (other, 403)):
        uri = f"s3://{lake.config.resources.source_bucket}/{key}"
        assert client.get("/lake/file/source", params={"uri": uri}).status_code == status
    assert listed(client.get("/lake/files").text) == ["leftover.txt", four[2], four[0]]
    assert client.get("/lake/files?entity=plans").status_code == 404


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("sales_2024.csv", "sales_2024.csv"),
        ('a"; filename=evil.exe; x="', "a___filename_evil.exe__x__"),
        ("line\r\nSet-Cookie: a=b", "line__Set-Cookie__a_b"),
        ("Umsätze März.csv", "Ums_tze_M_rz.csv"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("日本.csv", "__.csv"),
    ],
)
def test_whatever_a_files_name_is_it_is_a_name_in_the_header(name: str, plain: str) -> None:
    header = attachment(name)
    assert header.isascii() and "\r" not in header and "\n" not in header
    parts = re.fullmatch(r"attachment; filename=\"([^\"\\]*)\"; filename\*=UTF-8''([A-Za-z0-9._~%-]*)", header)
    assert parts and parts[1] == plain
    from urllib.parse import unquote

    assert unquote(parts[2]) == name
