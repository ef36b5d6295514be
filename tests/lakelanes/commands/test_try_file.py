"""``try`` says what would become of a local file, and its exit code says it to programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lakelanes.commands.terminal import HEADER, Terminal
from tests.support.lakes import SALES, config_text

NAME = "sales_data_2024_03_15.csv"
GOOD_ROW, BAD_ROW = "a,c,1.50,2024-03-15\n", "b,c,\x1b[1m1,5,2024-03-15\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "lake.json"
    path.write_text(config_text({"sales": {**SALES, "max_bad_rows": 1}}, name="tried"))
    return str(path)


def tried(terminal: Terminal, config: str, text: str, *options: str) -> Any:
    path = Path(config).parent / NAME
    path.write_text(HEADER + text)
    return terminal.data("try", str(path), "--config", config, *options)


def test_a_file_that_is_loaded_whole(terminal: Terminal, config: str) -> None:
    assert tried(terminal, config, GOOD_ROW) == {
        "entity": "sales",
        "partition": "year=2024/month=03/day=15",
        "state": "loaded",
        "reason": None,
        "rows_loaded": 1,
        "rows_rejected": 0,
        "rejects": [],
        "rows": [{"transaction_id": "a", "customer_id": "c", "amount": "1.50", "transaction_date": "2024-03-15"}],
    }
    assert terminal.code == 0


def test_a_file_that_is_loaded_with_rejects(terminal: Terminal, config: str) -> None:
    data = tried(terminal, config, GOOD_ROW + BAD_ROW)
    assert terminal.code == 2
    assert (data["state"], data["rows_loaded"], data["rows_rejected"]) == ("loaded", 1, 1)
    assert [(one["line"], one["column"], one["raw"]) for one in data["rejects"]] == [(3, None, BAD_ROW.strip("\n"))]


def test_a_file_that_is_refused(terminal: Terminal, config: str) -> None:
    data = tried(terminal, config, GOOD_ROW + BAD_ROW * 2)
    assert terminal.code == 1
    assert (data["state"], data["rows_loaded"], data["rows_rejected"], data["rows"]) == ("rejected", 0, 3, [])
    assert "max_bad_rows" in data["reason"]


def test_a_fault_of_the_configuration_has_an_exit_code_of_its_own(terminal: Terminal, config: str) -> None:
    Path(config).write_text(config_text({"sales": {**SALES, "schema": [{"name": "a", "type": "text"}]}}))
    assert "entities.sales.schema[0].type" in tried(terminal, config, GOOD_ROW)["error"]
    assert terminal.code == 3


def test_what_cannot_be_tried_is_one_line(terminal: Terminal, config: str) -> None:
    assert terminal.text("try", "none.csv", "--config", config) == "there is no file none.csv\n"
    assert terminal.code == 1
    tried(terminal, config, GOOD_ROW)
    text = terminal.text("try", str(Path(config).parent / NAME), "--config", config, "--entity", "seles")
    assert text == "the configuration has no entity 'seles'; it has sales\n"


def test_people_get_the_same_in_lines_that_fit_and_that_steer_no_terminal(
    terminal: Terminal, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    tried(terminal, config, GOOD_ROW + BAD_ROW)
    text = terminal.text("try", str(Path(config).parent / NAME), "--config", config)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "\x1b" not in text
    assert "partition  year=2024/month=03/day=15 (of the run 2024-03-15)" in text
    assert "s3://tried-analytics/sales_data/year=2024/month=03/day=15/sales_data_2024_03_15-" in "".join(text.split())
    assert "rows       1 loaded, 1 rejected" in text
    assert "\\x1b[1m1,5" in text


def test_values_that_json_lacks_are_texts(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "lake.json"
    columns = [{"name": "d", "type": "double"}, {"name": "l", "type": "array<date>"}]
    path.write_text(config_text({"sales": {**SALES, "schema": columns}}))
    (tmp_path / NAME).write_text('d,l\nnan,"[""2024-03-15""]"\n')
    data = terminal.data("try", str(tmp_path / NAME), "--config", str(path))
    assert data["rows"] == [{"d": "nan", "l": ["2024-03-15"]}]
    assert json.dumps(data, allow_nan=False)


def test_a_name_that_no_lane_would_take_is_said(terminal: Terminal, config: str) -> None:
    path = Path(config).parent / "sample"
    path.write_text(HEADER + GOOD_ROW)
    text = terminal.text("try", str(path), "--config", config, "--entity", "sales")
    assert "note       under this name no lane would take it" in text
    assert terminal.code == 0
    assert terminal.data("try", str(path), "--config", config)["entity"] is None
    assert terminal.code == 1
