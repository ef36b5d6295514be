"""The page of an entity says what it costs a month, once that was computed in the background."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from lakelanes.cost import prices
from lakelanes.lake import Lake
from lakelanes_airflow.page.background import BackgroundWork
from lakelanes_airflow.page.costs import amount, monthly_cost, told
from tests.lakelanes_airflow.page.ledgered import entry, know
from tests.support.requests_made import RequestsMade

AsUser = Callable[[str | None], TestClient]


def yesterdays_file(lake: Lake) -> None:
    day = datetime.now(UTC) - timedelta(days=1)
    path = f"year={day:%Y}/month={day:%m}/day={day:%d}"
    know(lake, [entry(lake, "sales", f"sales_data_{day:%Y_%m_%d}.csv", path, datetime.now(UTC), rows=10)])


def shown(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_an_entity_says_what_it_costs_from_the_second_look_on(
    as_user: AsUser, lake: Lake, background: BackgroundWork
) -> None:
    yesterdays_file(lake)
    client = as_user("viewer")
    assert "What it costs It is being computed." in shown(client.get("/lake/entities/sales").text)
    background.wait()
    text = shown(client.get("/lake/entities/sales").text)
    assert re.search(r"What it costs About \$0\.\d\d(\d\d)? a month\.", text)
    assert re.search(r"What that is made of DynamoDB \$0\.\d+ ", text), "the largest part first"
    assert "1 file, " in text and "prices of us-east-1, 2025-07-21." in text
    assert "Airflow itself are not in it" in text


def test_it_costs_a_handful_of_requests_to_know(lake: Lake) -> None:
    yesterdays_file(lake)
    made = RequestsMade(lake)
    found = monthly_cost(lake, lake.config.entities["sales"])
    assert sorted(made.names) == ["BatchGetItem", "BatchGetItem", "Query"]
    assert found.parts[0][0] == "DynamoDB" and {service for service, _ in found.parts} >= {"S3", "Glue", "Athena"}


def test_without_usable_prices_the_page_is_there_all_the_same(
    as_user: AsUser, lake: Lake, background: BackgroundWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "PRICES", prices.PRICES.with_name("none.json"))
    client = as_user("viewer")
    client.get("/lake/entities/sales")
    background.wait()
    page = client.get("/lake/entities/sales")
    assert page.status_code == 200 and "It is being computed." in page.text


@pytest.mark.parametrize(
    ("value", "currency", "words"),
    [
        (1.2, "USD", "about $1.20"),
        (1234.5, "USD", "about $1,234.50"),
        (0.0312, "USD", "about $0.0312"),
        (0.001, "USD", "less than a cent"),
        (3, "EUR", "about EUR 3.00"),
        (0.0, "EUR", "less than EUR 0.01"),
    ],
)
def test_amounts_are_told_with_as_many_digits_as_they_need(value: float, currency: str, words: str) -> None:
    assert told(value, currency) == words
    assert amount(0, "USD") == "$0.00"
