"""All files in one list, in any order, and by a text in their keys: never more is read than is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, State, timestamp
from lakelanes.overview import file_list
from lakelanes.overview.file_list import Choice, FilesFound, find_files, list_files
from tests.support.lakes import SALES, put

START = datetime(2024, 3, 15, tzinfo=UTC)
PLANS = {**SALES, "table_name": "plans", "filename_pattern": r"plan_(\d{4})_(\d{2})_(\d{2})\.csv"}
ALL = Choice(("sales", "plans"), of_none=True)
BOTH = frozenset({"sales", "plans"})


@pytest.fixture
def lake(make_lake: Callable[..., Lake]) -> Lake:
    return make_lake({"sales": {**SALES, "source_prefix": "shop/"}, "plans": PLANS})


def note(lake: Lake, key: str, entity: str, state: State, minute: int, **values: Any) -> Entry:
    """Writes an entry of the ledger as a lane leaves it, so many minutes after the first."""
    entry = Entry(
        f"s3://{lake.config.resources.source_bucket}/{key}",
        entity=entity,
        state=state,
        updated_at=timestamp(START + timedelta(minutes=minute)),
        **values,
    )
    lake.ledger.client.put_item(TableName=lake.ledger.table, Item=entry.to_item())
    return entry


@pytest.fixture
def eight(lake: Lake) -> list[str]:
    """Eight files of both entities and of none; their keys, oldest change first."""
    files: list[tuple[str, str, State, dict[str, Any]]] = [
        ("shop/b.csv", "sales", "loaded", {"rows_loaded": 5, "rows_rejected": 3, "size": 70}),
        ("plan_a.csv", "plans", "loaded", {"rows_loaded": 9, "size": 10}),
        ("in/notes.txt", "", "unmatched", {"size": 30}),
        ("shop/d.csv", "sales", "rejected", {"rows_loaded": 0, "rows_rejected": 8, "rows_withheld": 7, "size": 20}),
        ("plan_c.csv", "plans", "failed", {"size": 60}),
        ("shop/a.csv", "sales", "claimed", {"size": 40}),
        ("in/more.txt", "", "unmatched", {"size": 50}),
        ("shop/c.csv", "sales", "loaded", {"rows_loaded": 7, "size": 80}),
    ]
    for minute, (key, entity, state, values) in enumerate(files):
        note(lake, key, entity, state, minute, **values)
    note(lake, "in/_SUCCESS", "", "unmatched", 9)
    return [key for key, *_ in files]


def keys(entries: Iterable[Entry]) -> list[str]:
    return [entry.source.split("/", 3)[3] for entry in entries]


def pages(lake: Lake, choice: Choice, order: file_list.Order, *, descending: bool, limit: int) -> list[str]:
    seen: list[str] = []
    after = ""
    while True:
        page = list_files(lake, choice, order, descending=descending, limit=limit, after=after)
        assert len(page.entries) <= limit
        seen += keys(page.entries)
        after = page.after
        if not after:
            return seen


@pytest.mark.parametrize("limit", [1, 3, 8, 50])
@pytest.mark.parametrize("descending", [True, False])
def test_all_entities_and_files_of_none_come_by_their_change(
    lake: Lake, eight: list[str], limit: int, descending: bool
) -> None:
    assert pages(lake, ALL, "changed", descending=descending, limit=limit) == (eight[::-1] if descending else eight)


def test_a_choice_has_the_files_of_an_entity_of_a_state_or_of_none(lake: Lake, eight: list[str]) -> None:
    def found(*entities: str, of_none: bool = False, state: Any = "") -> list[str]:
        return keys(list_files(lake, Choice(entities, of_none, state)).entries)

    assert found("plans") == ["plan_c.csv", "plan_a.csv"]
    assert found(of_none=True) == ["in/more.txt", "in/notes.txt"], "a marker is of none on purpose"
    assert found("sales", "plans", of_none=True, state="loaded") == ["shop/c.csv", "plan_a.csv", "shop/b.csv"]
    assert found("sales", "plans", of_none=True, state="unmatched") == ["in/more.txt", "in/notes.txt"]
    assert found("sales", of_none=False, state="unmatched") == []


@pytest.mark.parametrize(
    ("order", "ascending", "descending"),
    [
        (
            "file",
            "sales/a sales/b sales/c sales/d in/more in/notes",
            "in/notes in/more sales/d sales/c sales/b sales/a",
        ),
        (
            "size",
            "sales/d in/notes sales/a in/more sales/b sales/c",
            "sales/c sales/b in/more sales/a in/notes sales/d",
        ),
        (
            "entity",
            "in/more in/notes sales/c sales/a sales/d sales/b",
            "sales/c sales/a sales/d sales/b in/more in/notes",
        ),
        (
            "state",
            "sales/a sales/c sales/b sales/d in/more in/notes",
            "in/more in/notes sales/d sales/c sales/b sales/a",
        ),
        (
            "rows",
            "in/more sales/a sales/d in/notes sales/b sales/c",
            "sales/c sales/b in/more sales/a sales/d in/notes",
        ),
        ("bad", "sales/c in/more sales/a in/notes sales/d sales/b", "sales/b sales/d sales/c in/more sales/a in/notes"),
    ],
)
def test_every_column_sorts_and_of_equal_files_the_newest_comes_first(
    lake: Lake, eight: list[str], order: Any, ascending: str, descending: str
) -> None:
    choice = Choice(("sales",), of_none=True)
    for limit in (2, 50):
        for down, expected in ((False, ascending), (True, descending)):
            found = pages(lake, choice, order, descending=down, limit=limit)
            assert " ".join(key.rpartition(".")[0].replace("shop", "sales") for key in found) == expected


def test_an_order_that_no_index_has_says_among_how_many_files_it_is(
    lake: Lake, eight: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list_files(lake, ALL, "size", limit=3)
    assert (whole.among, whole.since) == (8, "")
    assert list_files(lake, ALL, "changed", limit=3).among is None
    monkeypatch.setattr(file_list, "MOST_SORTED", 8)
    assert list_files(lake, ALL, "size", limit=3).since == "", "just all of them"
    monkeypatch.setattr(file_list, "MOST_SORTED", 3)
    newest = list_files(lake, ALL, "size", limit=50)
    assert (newest.among, newest.since) == (3, timestamp(START + timedelta(minutes=5)))
    assert keys(newest.entries) == ["shop/c.csv", "in/more.txt", "shop/a.csv"]


def test_a_file_that_changed_between_two_requests_is_listed_once(lake: Lake) -> None:
    """It is in the index under both states for a moment."""
    old = note(lake, "shop/a.csv", "sales", "claimed", 1)
    twin = replace(old, state="loaded", updated_at=timestamp(START + timedelta(minutes=2)), version="twin")
    lake.ledger.client.put_item(TableName=lake.ledger.table, Item=twin.to_item())
    [entry] = list_files(lake, ALL).entries
    assert entry.state == "loaded"


def requests(lake: Lake, work: Callable[[], object]) -> int:
    """How many items of the ledger's index a piece of work has read."""
    read = 0

    def count(parsed: Any, **_: Any) -> None:
        nonlocal read
        read += parsed.get("ScannedCount", 0)

    lake.ledger.client.meta.events.register("after-call.dynamodb.Query", count, unique_id="read")
    work()
    lake.ledger.client.meta.events.unregister("after-call.dynamodb.Query", unique_id="read")
    return read


def test_a_list_and_a_search_cost_the_same_however_many_files_there_are(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_list, "MOST_SORTED", 30)
    monkeypatch.setattr(file_list, "SEARCHED", 30)
    choice = Choice(("sales",), of_none=False, state="loaded")
    for number in range(150):
        note(lake, f"shop/{number:03}.csv", "sales", "loaded", number)
    costs = []
    for _ in range(2):
        costs.append(
            [
                requests(lake, lambda: list_files(lake, choice, limit=5)),
                requests(lake, lambda: list_files(lake, choice, "size", limit=5)),
                requests(lake, lambda: find_files(lake, "nothing", choice, BOTH, limit=5)),
            ]
        )
        for number in range(150, 250):
            note(lake, f"shop/{number:03}.csv", "sales", "loaded", number)
    assert costs[0] == costs[1] and max(costs[0]) < 130


def found(lake: Lake, text: str, choice: Choice = ALL, visible: frozenset[str] = BOTH, limit: int = 50) -> list[str]:
    """The keys that a search finds, all its pages, those that start with the text before the bar."""
    starting: list[str] = []
    having: list[str] = []
    after = ""
    for _ in range(100):
        page = find_files(lake, text, choice, visible, limit=limit, after=after)
        assert len(page.starting) + len(page.having) <= limit
        assert not (page.starting and having), "those that start with it come before all others"
        starting += [one.key for one in page.starting]
        having += [one.key for one in page.having]
        after = page.after
        if not after:
            return [*starting, "|", *having]
    raise AssertionError("a search without an end")


def test_a_search_finds_any_part_of_a_key(lake: Lake, eight: list[str]) -> None:
    assert found(lake, "C.csv") == ["|", "shop/c.csv", "plan_c.csv"], "newest first, in upper and lower case"
    assert found(lake, "notes") == ["|", "in/notes.txt"]
    assert found(lake, "/") == [
        "|",
        "shop/c.csv",
        "in/more.txt",
        "shop/a.csv",
        "shop/d.csv",
        "in/notes.txt",
        "shop/b.csv",
    ]
    assert found(lake, "csv.") == found(lake, "_SUCCESS") == found(lake, "  ") == ["|"]
    bucket = lake.config.resources.source_bucket
    assert found(lake, bucket) == ["|"], "the bucket is no part of a key"
    # The whole key of a file that is not in the bucket is found as before.
    assert found(lake, f" s3://{bucket}/shop/c.csv ") == ["shop/c.csv", "|"]
    assert found(lake, "c.csv", replace(ALL, state="failed")) == ["|", "plan_c.csv"]
    assert found(lake, "C.csv", replace(ALL, entities=("sales",))) == ["|", "shop/c.csv"]
    assert found(lake, "txt", Choice((), of_none=True)) == ["|", "in/more.txt", "in/notes.txt"]


def test_keys_that_start_with_the_text_come_first_and_once(lake: Lake, eight: list[str]) -> None:
    for key in ("shop/a.csv", "shop/b.csv", "shop/new.csv", "in/notes.txt"):
        put(lake, key, "x")
    # What is not in the bucket any more is among the others.
    assert found(lake, "shop/") == ["shop/a.csv", "shop/b.csv", "shop/new.csv", "|", "shop/c.csv", "shop/d.csv"]
    assert found(lake, "a.csv") == ["shop/a.csv", "|", "plan_a.csv"], "a name alone, below a source prefix"
    assert found(lake, "shop/", replace(ALL, state="loaded")) == ["shop/b.csv", "|", "shop/c.csv"]
    assert found(lake, "shop/", Choice(("plans",), of_none=False)) == ["|"]
    assert found(lake, "shop/", Choice((), of_none=True)) == ["shop/new.csv", "|"], "a name that no entity takes"
    assert found(lake, "in/", Choice((), of_none=True)) == ["in/notes.txt", "|", "in/more.txt"]
    for limit in (1, 2, 3):
        paged = found(lake, "shop/", limit=limit)
        # With more than a page of them it cannot be told which are gone, so none of them is among the others.
        assert paged == [
            "shop/a.csv",
            "shop/b.csv",
            "shop/new.csv",
            "|",
            *(["shop/c.csv", "shop/d.csv"] if limit == 3 else []),
        ]


def test_a_search_goes_on_from_where_it_ended_and_says_how_far_it_came(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        note(lake, f"shop/{'odd' if number % 2 else 'even'}-{number:02}.csv", "sales", "loaded", number)
    note(lake, "shop/rare.csv", "sales", "loaded", -1)
    odd = [f"shop/odd-{number:02}.csv" for number in range(39, 0, -2)]
    for limit in (3, 20, 50):
        assert found(lake, "odd", limit=limit) == ["|", *odd]
    monkeypatch.setattr(file_list, "SEARCHED", 7)
    assert found(lake, "odd") == ["|", *odd]
    first = find_files(lake, "rare", ALL, BOTH)
    assert (first.having, first.read, first.since) == ([], 7, timestamp(START + timedelta(minutes=33)))
    assert first.after, "there are more to look through"
    assert found(lake, "rare") == ["|", "shop/rare.csv"]
    monkeypatch.setattr(file_list, "SEARCHED", 41)
    whole = find_files(lake, "rare", ALL, BOTH)
    assert (whole.read, whole.since, whole.after) == (41, "", "")


def test_no_page_and_no_cursor_tells_of_what_may_not_be_seen(
    lake: Lake, eight: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changed its entity is told of to those who may see both."""
    only = frozenset({"plans"})
    choice = Choice(("plans",), of_none=True)
    note(lake, "plan_2024_01_01.csv", "sales", "loaded", 20)
    for day in range(10, 16):
        note(lake, f"shop/sales_data_2024_02_{day}.csv", "plans", "loaded", day)
    for key in ("shop/a.csv", "shop/b.csv", "plan_2024_01_01.csv", "plan_2024_01_02.csv"):
        put(lake, key, "x")
    assert found(lake, "shop/", choice, only) == ["|"]
    assert found(lake, ".csv", choice, only) == ["|", "plan_c.csv", "plan_a.csv"]
    assert found(lake, "plan_2024", choice, only) == ["plan_2024_01_02.csv", "|"]

    def cursors(text: str) -> Iterable[str]:
        page = FilesFound([], [], "start")
        after = ""
        while page.after:
            page = find_files(lake, text, choice, only, limit=1, after=after)
            after = page.after
            yield after

    assert found(lake, "data_2024_02", choice, only) == ["|"]
    monkeypatch.setattr(file_list, "SEARCHED", 3)
    assert found(lake, ".csv", choice, only) == ["|", "plan_c.csv", "plan_a.csv"]
    for text in ("shop/", "plan_", ".csv", "s", "nothing"):
        assert not any("shop/" in cursor or "2024_01_01" in cursor for cursor in cursors(text)), text


def test_a_load_is_found_as_the_lanes_leave_it(lake: Lake) -> None:
    put(
        lake,
        "shop/sales_data_2024_03_15.csv",
        "transaction_id,customer_id,amount,transaction_date\na,c,1.50,2024-03-15\n",
    )
    put(lake, "shop/sales_data_2024_03_16.csv", "x")
    files = list(list_prefix(lake, "shop/sales_data_2024_03_15"))
    load_batch(lake, lake.config.entities["sales"], files, lane="batch", run_id="run-1")
    page = find_files(lake, "data_2024", ALL, BOTH)
    [one] = page.having
    assert one.entry and (one.entry.rows_loaded, one.state, one.entity) == (1, "loaded", "sales")
    page = find_files(lake, "sales_data_2024", ALL, BOTH)
    assert [(each.key[-6:-4], each.state) for each in page.starting] == [("15", "loaded"), ("16", "new")]
