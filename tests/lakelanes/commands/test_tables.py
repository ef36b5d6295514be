"""``tables`` says how far the exports of a DynamoDB table are, and refuses a name that is none."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from lakelanes.__main__ import main
from tests.lakelanes.commands.terminal import Terminal
from tests.support.lakes import SALES, config_text
from tests.support.localaws import LocalAws


@pytest.fixture
def configured(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """LAKE_CONFIG names a lake with a table that DynamoDB does not have."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    table = {
        "dynamodb_table": f"orders-{uuid.uuid4().hex[:8]}",
        "table_name": "orders",
        "keys": ["order_id"],
        "schema": [{"name": "order_id", "type": "string"}],
    }
    config = json.loads(config_text({"sales": SALES}))
    path = tmp_path / "lake.json"
    path.write_text(json.dumps({**config, "tables": {"orders": table}}))
    monkeypatch.setenv("LAKE_CONFIG", str(path))


@pytest.mark.parametrize("action", ["status", "repair"])
def test_a_table_that_dynamodb_lacks_is_an_error_of_one_line(
    configured: None, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert main(["tables", action, "orders"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert "DynamoDB has no table 'orders-" in line


def test_a_name_that_is_not_configured_is_refused_with_the_names_there_are(
    configured: None, terminal: Terminal
) -> None:
    assert "has no table 'order'; it has orders" in terminal.text("tables", "status", "order")
    assert terminal.code == 1
    assert "no table 'order'" in terminal.data("tables", "repair", "order")["error"]
