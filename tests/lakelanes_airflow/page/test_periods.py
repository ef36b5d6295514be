"""What a period's page says, and that it has the buttons that would do something."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.config.model import Entity
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.summaries import Counts, Summary
from lakelanes.overview.files import Cell
from lakelanes_airflow.page.periods import LOAD_AGAIN, LOAD_NOW, Standing, standing
from tests.support.lakes import SALES, make_config

NOW = datetime(2024, 3, 15, 10, tzinfo=UTC)
WHOLE = Summary("total:sales", "current", first="2024-03-01", last="2024-03-14")
DEADLINE = "2024-03-16T00:00:00.000000Z"


def entity(**settings: Any) -> Entity:
    return make_config({"sales": {**SALES, **settings}}).entities["sales"]


def stand(
    state: Any, period: str = "2024-03-14", *, deadline: str = DEADLINE, unseen: int = 0, **counts: int
) -> Standing:
    cell = Cell(period, state, Counts(**counts), deadline)
    return standing(entity(), cell, WHOLE, NOW, (), unseen)


def said(one: Standing) -> str:
    return " ".join(one.sentences)


def test_a_loaded_day_can_be_loaded_again_and_tells_no_deadline_that_is_to_come() -> None:
    found = stand("loaded", loaded=2, rows=1849, rejects_batch=3)
    assert said(found) == "It is in the table: 2 files, 1,849 rows. 3 rows were rejected."
    assert found.buttons == (LOAD_AGAIN,)
    over = stand("late", loaded=1, rows=1, deadline="2024-03-15T09:00:00.000000Z")
    assert said(over) == (
        "It is in the table: 1 file, 1 row, which came after the deadline. Its files were due by 2024-03-15 09:00 UTC."
    )


def test_a_deadline_is_past_only_when_it_is_over() -> None:
    assert "Its files are due by 2024-03-16 00:00 UTC." in said(stand("waiting"))
    assert "Its files were due by 2024-03-15 10:00 UTC." in said(
        stand("missing", deadline="2024-03-15T10:00:00.000000Z")
    )
    assert "are due by" in said(stand("rejected", rejected=1)) and "were due" not in said(stand("rejected", rejected=1))


@pytest.mark.parametrize(
    ("counts", "buttons"),
    [
        ({"rejected": 1}, (LOAD_NOW,)),
        ({"failed": 1, "loaded": 2}, (LOAD_NOW, LOAD_AGAIN)),
        ({"deferred": 1}, (LOAD_NOW,)),
        ({"unseen": 1}, (LOAD_NOW,)),
        ({"claimed": 1}, ()),
        ({"deleted": 1}, ()),
        ({}, ()),
    ],
)
def test_there_is_a_button_for_what_can_be_loaded(counts: dict[str, int], buttons: Any) -> None:
    found = stand("missing", **counts)
    assert found.buttons == buttons
    assert bool(found.why_none) == (not buttons)


def test_a_claim_whose_worker_died_can_be_loaded() -> None:
    cell = Cell("2024-03-14", "loading", Counts(claimed=1), DEADLINE)
    held = Entry("s3://b/k", state="claimed", lease_until="2024-03-15T10:05:00.000000Z")
    assert standing(entity(), cell, WHOLE, NOW, [held]).buttons == ()
    assert "a worker has its file" in standing(entity(), cell, WHOLE, NOW, [held]).why_none
    over = replace(held, lease_until="2024-03-15T09:59:00.000000Z")
    assert standing(entity(), cell, WHOLE, NOW, [over]).buttons == (LOAD_NOW,)


@pytest.mark.parametrize(
    ("period", "deadline", "sentences"),
    [
        ("2024-03-16", "2024-03-18", "The day has not begun. Its files are due by 2024-03-18 00:00 UTC."),
        ("2024-03-15", "2024-03-17", "The day is not over yet. Its files are due by 2024-03-17 00:00 UTC."),
        ("2024-02-28", "2024-03-01", "Nothing is expected of it: the first day with files is 1 March 2024."),
    ],
)
def test_a_day_that_is_not_expected_says_why(period: str, deadline: str, sentences: str) -> None:
    found = stand("none", period, deadline=f"{deadline}T00:00:00.000000Z")
    assert said(found) == sentences and found.buttons == ()


def test_a_day_whose_run_is_later_and_one_of_an_entity_without_files_say_so() -> None:
    cell = Cell("2024-03-14", "none", Counts(), DEADLINE)
    found = standing(entity(schedule="0 12 * * *"), cell, WHOLE, NOW)
    assert "The day is over; its run starts at 2024-03-15 12:00 UTC." in said(found)
    empty = standing(entity(), cell, Summary("total:sales", "current"), NOW)
    assert said(empty) == "No file of sales has been loaded yet, so nothing is expected of it."


def test_a_day_of_the_rows_is_loaded_again_from_its_files_pages() -> None:
    keys = [{"name": "day", "type": "date", "column": "transaction_date"}]
    by_rows = entity(filename_pattern=r"sales\.csv", partition_keys=keys)
    found = standing(by_rows, Cell("2024-03-14", "loaded", Counts(loaded=1, rows=3), None), WHOLE, NOW)
    assert found.buttons == () and "rows of many days" in found.why_none
    none = standing(by_rows, Cell("2024-03-14", "none", Counts(), None), WHOLE, NOW)
    assert said(none) == "No row of it is in the table, and nothing says when its files are due."


def test_what_is_in_the_bucket_and_not_in_the_ledger_is_told() -> None:
    assert "The source bucket has 2 files of it that no lane has noted." in said(stand("missing", unseen=2))
    assert "source bucket" not in said(stand("missing"))
    assert "No row of it is in the table" in said(stand("failed", failed=1))
