"""``check`` finds faults of the configuration, and of the summaries beside the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import DEFAULT_PATH
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import GOOD, Terminal, load
from tests.support.lakes import SALES, config_text, put


def test_check_counts_what_a_configuration_has_and_finds_no_fault(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "other.json"
    path.write_text(config_text({"sales": SALES}))
    assert terminal.text("check", str(path)).startswith("1 entities, 0 DynamoDB tables, ")
    assert terminal.code == 0
    monkeypatch.setenv("LAKE_CONFIG", str(path))
    assert terminal.data("check")["entities"] == 1


def test_check_says_which_setting_is_at_fault(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(config_text({"sales": {**SALES, "schema": [{"name": "a", "type": "decimal(10;2)"}]}}))
    assert "entities.sales.schema[0].type: 'decimal(10;2)'" in terminal.text("check", str(path))
    assert terminal.code == 1
    assert "decimal(10;2)" in terminal.data("check", str(path))["error"]


def test_check_compares_the_summaries_with_the_ledger_and_makes_them_anew(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    load(lake)
    assert terminal.data("check", "--ledger") == {"differences": []}
    lake.ledger.client.update_item(
        TableName=lake.ledger.table,
        Key={"source": {"S": "total:sales"}, "version": {"S": "current"}},
        UpdateExpression="SET loaded = :n",
        ExpressionAttributeValues={":n": {"N": "7"}},
    )
    assert "total:sales current: loaded: the summary says 7, the ledger 1" in terminal.text("check", "--ledger")
    assert terminal.code == 1
    assert terminal.data("check", "--rebuild", "--entity", "sales") == {"changed": {"sales": 1}}
    assert terminal.text("check", "--ledger") == "the summaries say what the ledger says\n"
    assert terminal.data("check")["faults"] == []


def board(**visual: Any) -> dict[str, Any]:
    one = {"id": "one", "title": "One", "kind": "figure", "dataset": "own", "y": [{"aggregation": "count"}], **visual}
    sheets = [{"title": "S", "visuals": [one]}]
    return {"title": "Board", "datasets": {"own": {"view": "rows_by_day"}}, "sheets": sheets}


@pytest.mark.parametrize(
    ("boards", "faults"),
    [
        (
            {"a": {**board(), "titel": "A"}, "b": board(kind="pie"), "c": board(y=[])},
            [
                "a.json: titel: unknown setting; did you mean 'title'?",
                "b.json: sheets[0].visuals[0].kind: found 'pie', expected 'line', 'bar', 'stacked_bar', 'table', "
                "'figure' or 'heat_map'",
                "c.json: sheets[0].visuals[0].y: found [], expected at least one",
            ],
        ),
        (
            {
                "a": board(y=[{"aggregation": "sum", "column": "nothing"}]),
                "b": {**board(dataset="other"), "datasets": {"other": {"view": "row_by_day", "date_column": "day"}}},
            },
            [
                "a.json: sheets[0].visuals[0].y[0].column: view rows_by_day has no column 'nothing'",
                "b.json: datasets.other.view: include/sql/views has no view 'row_by_day'; did you mean 'rows_by_day'?",
            ],
        ),
    ],
)
def test_check_lists_every_fault_of_every_dashboard(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    boards: dict[str, Any],
    faults: list[str],
) -> None:
    for name, found in boards.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
    monkeypatch.setattr("lakelanes.dashboards.configured.read_dashboards", lambda _: read_dashboards(tmp_path))
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    told = terminal.text("check", str(DEFAULT_PATH))
    assert terminal.code == 1
    assert [line.strip() for line in told.splitlines() if ".json: " in line] == faults
    assert all(fault in terminal.data("check", str(DEFAULT_PATH))["error"] for fault in faults)


def test_check_counts_the_dashboards_of_the_sample(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCOUNT_ID", "000000000000")
    assert f", {len(read_dashboards())} dashboards: no faults" in terminal.text("check", str(DEFAULT_PATH))
    assert terminal.code == 0
