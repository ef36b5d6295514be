"""The commands of the terminal: what they say, for people and for programs, and what they repair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakelanes.__main__ import main
from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.catalog import athena
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_prefix
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from tests.support.lakes import SALES, config_text, put
from tests.support.localaws import LocalAws

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = HEADER + "a,c,1.50,2024-03-15\nb,c,1.50,2024-03-15\n"
BAD = "wrong\n1\n"


@pytest.fixture
def lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """The lake that LAKE_CONFIG names."""
    from lakelanes.config.loading import load_config
    from scripts.deploy import deploy

    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "lake.json"
    path.write_text(config_text({"sales": SALES}))
    monkeypatch.setenv("LAKE_CONFIG", str(path))
    config = load_config()
    deploy(config, local_aws.client("cloudformation"), local_aws.client("sts"), parameters={"RequireTls": "false"})
    return Lake.open(config)


def load(lake: Lake) -> None:
    files = list(list_prefix(lake, "sales"))
    load_batch(lake, lake.config.entities["sales"], files, lane="batch", run_id="run-1")


class Terminal:
    """Runs a command; keeps its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self.code = capsys, -1

    def text(self, *arguments: str) -> str:
        self.code = main(list(arguments))
        captured = self._capsys.readouterr()
        return captured.out + captured.err

    def data(self, *arguments: str) -> Any:
        self.code = main([*arguments, "--json"])
        return json.loads(self._capsys.readouterr().out)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def test_status_says_how_an_entity_stands(lake: Lake, terminal: Terminal) -> None:
    assert terminal.data("status")["entities"][0]["freshness"]["state"] == "empty"
    assert terminal.code == 0
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "sales_data_2024_03_16.csv", BAD)
    load(lake)
    [status] = terminal.data("status", "sales")["entities"]
    assert (status["counts"]["rows"], status["counts"]["rejected"]) == (2, 1)
    assert (status["freshness"]["state"], status["freshness"]["next"]) == ("late", "2024-03-16")
    assert terminal.code == 1, "something needs attention"
    heading, line = terminal.text("status").splitlines()
    assert heading.split()[:4] == ["ENTITY", "STATE", "NEWEST", "NEXT"]
    assert line.split()[:4] == ["sales", "late", "2024-03-15", "2024-03-16"]


def test_status_begins_with_what_is_open(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    alert = Alert("watch_lake", "run-1", "sales", "2024-03-16 did not\narrive", "Upload its files")
    incidents.report(lake, "deadline/sales/2024-03-16", alert, lambda *_: None)
    heading, line, *_ = terminal.text("status").splitlines()
    assert heading.startswith("ALERT SINCE") and terminal.code == 1
    assert "deadline/sales/2024-03-16  2024-03-16 did not arrive  Upload its files" in line
    [open_one] = terminal.data("status", "sales")["alerts"]
    assert (open_one["cause"], open_one["dag_id"]) == ("deadline/sales/2024-03-16", "watch_lake")
    incidents.cure(lake, "deadline/sales/2024-03-16", "it came", lambda *_: None)
    assert terminal.data("status", "sales")["alerts"] == []
    assert terminal.code == 0


def test_status_tells_of_dead_letters(lake: Lake, terminal: Terminal) -> None:
    url = lake.sqs.get_queue_url(QueueName=lake.config.resources.dead_letter_queue)["QueueUrl"]
    lake.sqs.send_message(QueueUrl=url, MessageBody="rubbish")
    assert "1 dead letter in the queue" in terminal.text("status")
    assert terminal.code == 1
    assert terminal.data("status")["dead_letters"]["waiting"] == 1
    assert terminal.data("status", "sales")["dead_letters"]["waiting"] is None
    assert terminal.code == 0, "the queue is nobody's in particular"


def test_files_are_listed_by_state_by_partition_and_by_the_start_of_their_key(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "sales_data_2024_03_16.csv", BAD)
    load(lake)
    put(lake, "sales_data_2024_03_17.csv", GOOD)

    def names(*arguments: str) -> list[str]:
        found = terminal.data("files", *arguments)
        return sorted(one.get("source", one.get("uri", ""))[-6:-4] for one in found)

    assert names() == ["15", "16"]
    assert names("--state", "rejected") == ["16"]
    assert names("--partition", "2024-03-15") == names("--partition", "year=2024/month=03/day=15") == ["15"]
    assert names("sales_data_2024_03") == ["15", "16", "17"]
    assert names("--limit", "1") == ["16"]
    text = terminal.text("files", "--state", "rejected")
    assert "line 2: none of the table's columns" in text
    assert terminal.text("files", "nothing") == "no file's key starts with 'nothing'\n"
    assert "no lane has seen it" in terminal.text("files", "sales_data_2024_03_17")


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
        (["status", "nobody"], "has no entity 'nobody'; it has sales"),
    ],
)
def test_what_is_not_there_is_said(lake: Lake, terminal: Terminal, arguments: list[str], message: str) -> None:
    assert message in terminal.text(*arguments)
    assert terminal.code == 1


def test_plan_says_what_the_next_sweep_would_load_and_changes_nothing(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "readme.txt", "x")
    before = lake.ledger.client.scan(TableName=lake.ledger.table)["Items"]
    plan = terminal.data("plan", "--full")
    assert [[file["key"] for file in batch["files"]] for batch in plan["batches"]] == [["sales_data_2024_03_15.csv"]]
    assert [uri.rsplit("/", 1)[1] for uri in plan["unmatched"]] == ["readme.txt"]
    assert "1 file, 0.1 kB: sales_data_2024_03_15.csv" in terminal.text("plan")
    assert lake.ledger.client.scan(TableName=lake.ledger.table)["Items"] == before
    load(lake)
    assert terminal.text("plan").startswith("nothing is to be loaded")


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
