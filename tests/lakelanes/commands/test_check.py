"""``check`` finds faults of the configuration, and of the summaries beside the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

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
