"""``plan`` says what the next sweep would load."""

from __future__ import annotations

from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import GOOD, Terminal, load
from tests.support.lakes import put


def test_plan_says_what_the_next_sweep_would_load_and_changes_nothing(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    put(lake, "readme.txt", "x")
    put(lake, "_SUCCESS", "")
    before = lake.ledger.client.scan(TableName=lake.ledger.table)["Items"]
    plan = terminal.data("plan", "--full")
    assert [[file["key"] for file in batch["files"]] for batch in plan["batches"]] == [["sales_data_2024_03_15.csv"]]
    assert [uri.rsplit("/", 1)[1] for uri in plan["unmatched"]] == ["readme.txt"]
    assert plan["ignored"] == 1
    assert "1 name of no entity is ignored" in terminal.text("plan", "--full")
    assert "1 file, 0.1 kB: sales_data_2024_03_15.csv" in terminal.text("plan")
    assert lake.ledger.client.scan(TableName=lake.ledger.table)["Items"] == before
    load(lake)
    assert terminal.text("plan").startswith("nothing is to be loaded")
