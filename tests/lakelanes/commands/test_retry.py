"""``retry`` loads files by their keys, by state and by partition, as a run does."""

from __future__ import annotations

import pytest

from lakelanes.catalog import athena
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from tests.lakelanes.commands.terminal import BAD, GOOD, Terminal, load
from tests.support.lakes import put


def test_retry_loads_a_file_that_was_refused_and_athena_sees_it(lake: Lake, terminal: Terminal) -> None:
    uri = put(lake, "sales_data_2024_03_15.csv", BAD)
    load(lake)
    assert terminal.data("retry", uri)[0]["state"] == "rejected"
    assert terminal.code == 1
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    [outcome] = terminal.data("retry", "--state", "rejected")
    assert (outcome["state"], outcome["rows_loaded"], terminal.code) == ("loaded", 2, 0)
    [row] = athena.query(lake, "SELECT count(*) AS n FROM sales_data")
    assert row == {"n": "2"}
    assert summaries.total(lake.ledger, "sales").counts.rows == 2
    assert terminal.data("retry", "sales_data_2024_03_15.csv")[0]["state"] == "already_loaded"
    [again] = terminal.data("retry", "--entity", "sales", "--partition", "2024-03-15", "--reload")
    assert again["state"] == "loaded"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["retry"], "name files by their keys"),
        (["retry", "readme.txt"], "is of no entity"),
        (["retry", "sales_data_2024_03_15.csv"], "there is no s3://"),
        (["retry", "--partition", "2024-03-15"], "--partition needs --entity"),
        (["retry", "--entity", "sales", "--partition", "2024-03-15"], "has no file for partition"),
        (["retry", "--entity", "sales", "--partition", "yesterday"], "is not a partition of entity sales"),
    ],
)
def test_a_retry_of_what_is_absent_says_so(lake: Lake, terminal: Terminal, arguments: list[str], message: str) -> None:
    assert message in terminal.text(*arguments)
    assert terminal.code == 1
