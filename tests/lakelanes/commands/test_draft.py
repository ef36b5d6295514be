"""``draft``: the proposal on standard output, what it rests on on standard error, or both as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakelanes.__main__ import main
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import GOOD, Terminal
from tests.support.lakes import put

SAMPLE = "id;betrag\n001;1.234,50\n002;12,00\n"


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "umsatz_2024-03-15.csv"
    path.write_text(SAMPLE)
    return str(path)


def test_the_entity_is_on_standard_output_and_the_evidence_on_standard_error(
    sample: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draft", sample, "--name", "sales"]) == 0
    captured = capsys.readouterr()
    entity = json.loads(captured.out)
    assert (entity["table_name"], entity["schema"][1]["type"]) == ("sales", "decimal(12,2)")
    assert "2 of 2 are decimal(12,2); widest on line 2 (1.234,50)" in captured.err
    assert "? has leading zeros ('001', line 2), so it stays text" in captured.err
    assert [line for line in captured.err.splitlines() if len(line) > 80] == []


def test_json_has_the_entity_and_the_evidence(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draft", sample, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    found = json.loads(captured.out)
    assert sorted(found) == ["entity", "evidence", "name"]
    assert found["name"] == "umsatz"
    assert sorted(found["evidence"]) == ["columns", "doubts", "files", "found"]
    assert found["evidence"]["columns"][0]["name"] == "id"


def test_what_is_written_can_be_tried_at_once(sample: str, terminal: Terminal, tmp_path: Path) -> None:
    config = str(tmp_path / "my-lake.json")
    assert f"made {config} with entities.umsatz" in terminal.text("draft", sample, "--config", config, "--write")
    data = terminal.data("try", sample, "--config", config)
    assert (data["entity"], data["state"], data["rows_loaded"], terminal.code) == ("umsatz", "loaded", 2, 0)
    assert "already: choose another name with --name" in terminal.text("draft", sample, "--config", config, "--write")
    assert terminal.code == 1
    text = terminal.text("draft", sample, "--config", config, "--write", "--name", "again")
    assert "is the pattern of entities.umsatz too" in text, "two entities would take one file"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv"], "there is no file none.csv"),
        ([], "one of the two"),
        (["x.csv", "--table", "t"], "one of the two"),
        (["x.csv", "--name", "1 x"], "--name: '1 x' is not an entity name"),
    ],
)
def test_what_cannot_be_drafted_is_one_line(arguments: list[str], said: str, terminal: Terminal) -> None:
    [line] = terminal.text("draft", *arguments).splitlines()
    assert said in line
    assert terminal.code == 1


def test_samples_may_lie_in_s3_and_their_folder_is_the_prefix(lake: Lake, terminal: Terminal) -> None:
    uri = put(lake, "erp/in/shop_2024_03_15.csv.gz", GOOD)
    entity = terminal.data("draft", uri)["entity"]
    assert entity["source_prefix"] == "erp/in/"
    assert [column["type"] for column in entity["schema"]] == ["string", "string", "decimal(12,2)", "date"]
    assert "no" in terminal.text("draft", uri + "x")
    assert terminal.code == 1


def test_a_table_is_drafted_from_its_items(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    lake.dynamodb.create_table(
        TableName="drafted-shop",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    lake.dynamodb.put_item(TableName="drafted-shop", Item={"id": {"S": "1"}, "total": {"N": "1.5"}})
    found = terminal.data("draft", "--table", "drafted-shop", "--name", "shop")
    assert (found["name"], found["table"]["table_name"], found["table"]["keys"]) == ("shop", "shop", ["id"])
    assert found["table"]["schema"][1] == {"name": "total", "type": "decimal(38,2)"}
