"""The view and the dashboard that are proposed for an entity."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.views import read_views, refresh
from lakelanes.dashboards import proposal
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.dashboards.proposal import Profile, ProposalError
from lakelanes.dashboards.queries import visual_sql
from lakelanes.dashboards.view_columns import view_columns
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.files.publish import Scope, publish
from lakelanes.lake import Lake
from tests.support.lakes import SALES, make_config, put

HEADER = "invoice,country,day,amount,quantity,store_nr,paid,issued_on\n"
COLUMNS = [
    {"name": "invoice", "type": "string"},
    {"name": "country", "type": "string"},
    # A column with the name that the view gives to its dates.
    {"name": "day", "type": "string"},
    {"name": "amount", "type": "decimal(12,2)"},
    {"name": "quantity", "type": "int"},
    {"name": "store_nr", "type": "int"},
    {"name": "paid", "type": "boolean"},
    {"name": "issued_on", "type": "date"},
]
INVOICES: dict[str, Any] = {
    **SALES,
    "table_name": "invoices",
    "filename_pattern": r"invoices_(\d{4})-(\d{2})\.csv",
    "partition_keys": ["year", "month"],
    "schema": COLUMNS,
}
ROWS = [
    (
        f"A{number}",
        "CH" if number % 3 else "DE",
        "early",
        f"{number}.25",
        number % 5,
        7 + number % 2,
        "ft"[number % 2],
        day,
    )
    for number, day in ((number, date(2024, 3, 1 + number % 20)) for number in range(200))
]


@pytest.fixture
def invoices(make_lake: Callable[..., Lake]) -> Lake:
    """A lake whose invoices are loaded, registered and counted."""
    lake = make_lake({"invoices": INVOICES})
    lines = "".join(",".join(map(str, row)) + "\n" for row in ROWS)
    put(lake, "invoices_2024-03.csv", HEADER + lines)
    [file] = list_prefix(lake, "invoices_")
    load_batch(lake, lake.config.entities["invoices"], [file], lane="batch", run_id="run-1")
    publish(lake, [("invoices", file)], Scope(), set())
    return lake


def test_what_is_proposed_answers_with_the_sums_of_the_rows(invoices: Lake, tmp_path: Path) -> None:
    found = proposal.propose(invoices, invoices.config.entities["invoices"])
    views, dashboards = tmp_path / "views", tmp_path / "dashboards"
    assert [path.name for path in proposal.write(invoices.config, found, views, dashboards)] == [
        "invoices_by_day.sql",
        "invoices.json",
    ]
    assert [outcome.action for outcome in refresh(invoices, views)] == ["created"]
    [dashboard] = read_dashboards(dashboards)
    columns = view_columns(invoices.config, views).columns["invoices_by_day"]
    visuals = {visual.title: visual for visual in dashboard.visuals}

    def answer(title: str) -> list[list[str | None]]:
        visual = visuals[title]
        sql = visual_sql(invoices.config.resources.glue_database, visual, dashboard.datasets[visual.dataset], columns)
        return athena.ask(invoices, sql).rows

    total = sum(100 * number + 25 for number in range(200))
    assert answer("Amount") == [["2024-03-01", f"{total // 100}.{total % 100:02}"]]
    by_country = dict(answer("Amount by country"))
    german = sum(100 * number + 25 for number in range(0, 200, 3))
    assert by_country["DE"] == f"{german // 100}.{german % 100:02}"
    assert len(answer("Amount by day")) == 20
    assert sum(int(count or 0) for *_, count in answer("Quantity by day")) == sum(number % 5 for number in range(200))


def test_columns_are_chosen_by_what_they_hold(invoices: Lake) -> None:
    found = proposal.propose(invoices, invoices.config.entities["invoices"])
    said = dict(text.split(": ", 1) for text in found.evidence[1:])
    assert said["amount"] == said["quantity"] == "a number, added up"
    assert said["store_nr"] == said["country"] == said["paid"] == "about 2 different values, a category"
    assert "left out" in said["day"]
    assert said["the date of a row"] == "issued_on, from 2024-03-01 to 2024-03-20"
    assert said["invoice"].endswith("left out")


def test_without_a_date_in_the_rows_the_partitions_tell_the_day(make_lake: Callable[..., Lake]) -> None:
    [entity] = make_config({"sales": {**SALES, "schema": COLUMNS[:2]}}).entities.values()
    day = date(2024, 3, 15)
    found = proposal.proposed(entity, Profile(3, {"invoice": 3, "country": 2}, {"": day}, {"": day}))
    assert """CAST(concat("year", '-', "month", '-', "day") AS date) AS "day\"""" in found.sql
    assert [visual["kind"] for visual in found.description["sheets"][0]["visuals"]].count("line") == 1


@pytest.mark.parametrize(
    ("keys", "pattern", "expected"),
    [
        ([{"name": "year", "type": "int"}], r"(\d{4})\.csv",
         """CAST(concat(lpad(CAST("year" AS varchar), 2, '0'), '-', '01', '-', '01') AS date)"""),
        (["year"], r"(\d{4})\.csv", """CAST(concat("year", '-', '01', '-', '01') AS date)"""),
        (["year", "month", "day", "hour"], r"(\d{4})(\d{2})(\d{2})(\d{2})\.csv",
         """CAST(concat("year", '-', "month", '-', "day") AS date)"""),
        (["country"], r"([a-z]+)\.csv", None),
    ],
)  # fmt: skip
def test_the_day_of_a_partition_is_told_from_its_keys(keys: list[Any], pattern: str, expected: str | None) -> None:
    changed = {**SALES, "partition_keys": keys, "filename_pattern": pattern}
    [entity] = make_config({"sales": changed}).entities.values()
    assert proposal._partition_day(entity) == expected


def test_a_line_of_years_is_one_of_months() -> None:
    [entity] = make_config().entities.values()
    bounds = {"transaction_date": date(2020, 1, 1)}, {"transaction_date": date(2024, 1, 1)}
    found = proposal.proposed(entity, Profile(9, {"amount": 5}, *bounds))
    [line] = [one for one in found.description["sheets"][0]["visuals"] if one["kind"] == "line"]
    assert line["x"]["unit"] == "month"


def test_what_is_there_is_never_overwritten(invoices: Lake, tmp_path: Path) -> None:
    found = proposal.propose(invoices, invoices.config.entities["invoices"])
    (tmp_path / "invoices.json").write_text("mine")
    with pytest.raises(ProposalError, match=r"invoices\.json is there already"):
        proposal.write(invoices.config, found, tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["invoices.json"]
    assert (tmp_path / "invoices.json").read_text() == "mine"


def test_a_table_without_rows_is_said(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", "transaction_id,customer_id,amount,transaction_date\n")
    [file] = list_prefix(lake, "sales_")
    load_batch(lake, lake.config.entities["sales"], [file], lane="batch", run_id="run-1")
    publish(lake, [("sales", file)], Scope(), set())
    with pytest.raises(ProposalError, match="has no rows yet"):
        proposal.propose(lake, lake.config.entities["sales"])


def test_the_files_are_written_as_people_write_them(invoices: Lake, tmp_path: Path) -> None:
    found = proposal.propose(invoices, invoices.config.entities["invoices"])
    proposal.write(invoices.config, found, tmp_path, tmp_path)
    text = (tmp_path / "invoices.json").read_text()
    assert json.loads(text) == found.description
    assert text.endswith("}\n")
    assert [view.name for view in read_views(tmp_path)] == ["invoices_by_day"]
