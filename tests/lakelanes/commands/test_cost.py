"""``cost`` says what a month costs by entity, with prices of one's own, and refuses what it cannot use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakelanes.commands.cost import money
from lakelanes.cost.prices import PRICES
from lakelanes.lake import Lake
from tests.lakelanes.commands.terminal import GOOD, Terminal, load
from tests.support.lakes import put


def test_cost_has_a_line_for_each_entity_one_for_the_lake_and_a_total(lake: Lake, terminal: Terminal) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    load(lake)
    text = terminal.text("cost", "--days", "400")
    assert terminal.code == 0
    heading, sales, whole, total, _, *notes = text.splitlines()
    assert heading.split()[:4] == ["A", "MONTH", "FILES", "REQUESTS"] and heading.split()[-1] == "USD"
    assert sales.split()[0] == "sales" and whole.startswith("the lake") and total.split()[0] == "total"
    assert "MWAA" in heading and "353.80" in whole
    said = " ".join(notes)
    assert "of 30 days that are as the last 400; prices of us-east-1, 2025-07-21." in said
    assert "Not in it: what people ask of Athena" in said


def test_cost_in_json_has_requests_usage_and_services(lake: Lake, terminal: Terminal) -> None:
    found = terminal.data("cost", "--environment", "mw1.large")
    assert [one["name"] for one in found["costs"]] == ["sales", "the lake"]
    assert found["total"] == pytest.approx(sum(one["total"] for one in found["costs"]))
    [sales, whole] = found["costs"]
    assert sales["services"]["DynamoDB"] > 0 and sales["requests"]["Query"] > 0 and sales["usage"]["read_units"] > 0
    assert whole["services"]["MWAA"] == pytest.approx(0.99 * 720 + 1)
    assert (found["currency"], found["region"], found["days"], found["month_days"]) == ("USD", "us-east-1", 30, 30)


def test_cost_of_an_entity_alone_leaves_the_lake_out(lake: Lake, terminal: Terminal) -> None:
    assert [one["name"] for one in terminal.data("cost", "sales")["costs"]] == ["sales"]
    assert "MWAA" not in terminal.text("cost", "sales")


def test_cost_takes_other_prices(lake: Lake, terminal: Terminal, tmp_path: Path) -> None:
    raw = json.loads(PRICES.read_text(encoding="utf-8"))
    raw |= {"region": "eu-central-1", "currency": "EUR"}
    raw["dynamodb"]["read_units_per_million"] *= 1000
    path = tmp_path / "own.json"
    path.write_text(json.dumps(raw))
    before = terminal.data("cost", "sales")["total"]
    found = terminal.data("cost", "sales", "--prices", str(path))
    assert found["currency"] == "EUR" and found["total"] > 10 * before
    text = terminal.text("cost", "--prices", str(path))
    assert "The lake is in us-east-1, where prices differ" in " ".join(text.split())
    raw["athena"]["scanned_per_tb"] = -5
    path.write_text(json.dumps(raw))
    assert "athena.scanned_per_tb: found -5" in terminal.text("cost", "--prices", str(path))
    assert terminal.code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seles"], "has no entity 'seles'; it has sales"),
        (["--days", "0"], "--days: found 0, expected 1 to 400"),
        (["--environment", "mw1.huge"], "the prices have no class 'mw1.huge'; they have mw1.micro"),
        (["--prices", "none.json"], "none.json: 1 fault in the prices"),
    ],
)
def test_cost_refuses_what_it_cannot_use(lake: Lake, terminal: Terminal, arguments: list[str], said: str) -> None:
    assert said in terminal.text("cost", *arguments)
    assert terminal.code == 1


def test_money_is_to_the_cent() -> None:
    assert [money(amount) for amount in (0, 0.001, 0.005, 1.204, 1234.5)] == [
        "0.00",
        "< 0.01",
        "0.01",
        "1.20",
        "1,234.50",
    ]
