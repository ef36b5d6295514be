"""How values are written on the page, and that every state has its word."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from lakelanes.overview.files import CellState, FreshnessState
from lakelanes.overview.streams import StreamState
from lakelanes.overview.tables import TableState, WindowState
from lakelanes_airflow.page import labels
from lakelanes_airflow.page.labels import NOTHING


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (CellState, labels.STATES),
        (FreshnessState, labels.STATES),
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
