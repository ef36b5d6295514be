"""How values are written on the page, and that every state has its word."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from lakelanes.alerts.messages import FileFault
from lakelanes.overview.standing import CellState, EntityState, TableState
from lakelanes.overview.streams import StreamState
from lakelanes.overview.tables import WindowState
from lakelanes_airflow.page import labels
from lakelanes_airflow.page.labels import NOTHING


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (CellState, labels.STATES),
        (EntityState, labels.ENTITIES),
        (EntityState, labels.STATES),
        (TableState, labels.TABLES),
        (WindowState, labels.WINDOWS),
        (StreamState, labels.STREAMS),
    ],
)
def test_every_state_has_a_word_and_a_meaning(states: Any, words: dict[str, labels.Label]) -> None:
    known = get_args(states)
    assert known and set(known) <= words.keys()
    assert all(words[name].word and words[name].meaning for name in known)


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, NOTHING), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_500_000, "1.5 MB"), (2 * 10**15, "2,000.0 TB")],
)
def test_sizes_are_written_in_the_largest_unit_that_fits(count: int | None, text: str) -> None:
    assert labels.size(count) == text


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        *((None, NOTHING), (-5, "none"), (0, "none"), (1, "1 minute"), (119, "119 minutes"), (120, "2 hours")),
        *((71 * 60 + 59, "71 hours"), (72 * 60, "3 days"), (2000 * 24 * 60, "2,000 days")),
    ],
)
def test_how_long_something_lasts_is_said_in_one_unit(minutes: int | None, text: str) -> None:
    assert labels.lasting(minutes) == text


@pytest.mark.parametrize(
    ("state", "rejected", "withheld", "text"),
    [
        ("rejected", 212, 200, ", 12 bad rows, 200 withheld"),
        ("rejected", 1, 1, ", 1 row withheld"),
        ("rejected", 0, 0, ""),
        ("failed", 5, 0, ""),
    ],
)
def test_rejected_rows_of_a_refused_file_follow_other_words(
    state: str, rejected: int, withheld: int, text: str
) -> None:
    fault = FileFault("s3://b/a.csv", "sales", state, "why", rows_rejected=rejected, rows_withheld=withheld)
    assert labels.rejects(fault) == text


def test_a_name_of_an_element_is_the_same_for_the_same_text() -> None:
    assert (
        labels.anchor("file/s3://b/a b.csv")
        == labels.anchor("file/s3://b/a b.csv")
        != labels.anchor("file/s3://b/a.csv")
    )
    assert labels.anchor("x").isalnum() and labels.anchor("x")[0] == "a"


def test_numbers_have_separators_and_nothing_is_a_dash() -> None:
    assert (labels.number(1234567), labels.number(0), labels.number(None)) == ("1,234,567", "0", NOTHING)
    assert (labels.plural(1, "row"), labels.plural(2000, "row")) == ("1 row", "2,000 rows")
    assert (labels.moment("2024-03-15T10:20:30.000000Z"), labels.moment(None)) == ("2024-03-15 10:20", NOTHING)


@pytest.mark.parametrize(
    ("run", "path"),
    [
        ("load_sales/scheduled__2024-03-15T00:00:00+00:00", "scheduled__2024-03-15T00%3A00%3A00%2B00%3A00"),
        ("sweep_sources/manual__1", "manual__1"),
        ("some-request-id", None),
        ("elsewhere/run", None),
    ],
)
def test_only_runs_of_airflow_have_a_path_there(run: str, path: str | None) -> None:
    expected = path and f"/dags/{run.split('/')[0]}/runs/{path}"
    assert labels.run_path(run) == expected


def test_a_query_keeps_what_it_is_not_given_anew_and_drops_the_run_that_was_started() -> None:
    values = {"q": "a b", "state": "failed", "run": "load_sales/1"}
    assert labels.query(values, state="") == "?q=a+b"
    assert labels.query(values, run="x/1", q=None) == "?state=failed&run=x%2F1"
    assert labels.query({}) == "?"
