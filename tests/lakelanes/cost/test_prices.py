"""The price file that comes along is whole, and a file of one's own is refused with the path of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakelanes.cost.prices import PRICES, read_prices
from lakelanes.errors import PricesError


def changed(tmp_path: Path, **changes: Any) -> Path:
    """The price file with other values at these paths, e.g. s3__source; None takes it out."""
    found = json.loads(PRICES.read_text(encoding="utf-8"))
    for path, value in changes.items():
        *owners, last = path.split("__")
        place = found
        for owner in owners:
            place = place[owner]
        place.pop(last, None)
        if value is not None:
            place[last] = value
    written = tmp_path / "prices.json"
    written.write_text(json.dumps(found))
    return written


def test_the_prices_that_come_along_say_of_what_date_region_and_page_they_are() -> None:
    prices = read_prices()
    assert (prices.region, prices.currency) == ("us-east-1", "USD")
    raw = json.loads(PRICES.read_text(encoding="utf-8"))
    services = {name: value for name, value in raw.items() if isinstance(value, dict)}
    assert len(services) == 10
    assert all(one["source"].startswith("https://aws.amazon.com/") for one in services.values())
    assert raw["date"] == prices.date.isoformat()
    assert "could not be asked" in prices.note, "whoever reads the prices is told how they came about"


def test_another_file_takes_their_place(tmp_path: Path) -> None:
    prices = read_prices(changed(tmp_path, s3__storage_per_gb_month=0.5, currency="EUR"))
    assert (prices.s3.storage_per_gb_month, prices.currency) == (0.5, "EUR")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"s3__put_requests_per_1000": -1}, "s3.put_requests_per_1000: found -1, expected greater than or equal to 0"),
        (
            {"lambda__requests_per_million": "much"},
            "lambda.requests_per_million: found 'much', expected a valid number",
        ),
        ({"glue": None}, "glue: is missing"),
        ({"athena__scanned_per_tb": None}, "athena.scanned_per_tb: is missing"),
        ({"athena__scaned_per_tb": 5}, "athena.scaned_per_tb: unknown setting; did you mean 'scanned_per_tb'?"),
        ({"date": "soon"}, "date: found 'soon', expected a valid date"),
        ({"currency": "dollars"}, "currency: "),
        ({"mwaa__environment_per_hour": {}}, "mwaa.environment_per_hour: "),
        ({"mwaa__environment_per_hour": {"mw1.small": -1}}, "mwaa.environment_per_hour.mw1.small: found -1"),
        ({"sqs__source": "a friend"}, "sqs.source: "),
    ],
)
def test_a_fault_is_told_with_its_path(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    path = changed(tmp_path, **changes)
    with pytest.raises(PricesError) as raised:
        read_prices(path)
    assert raised.value.faults[0].startswith(fault)
    assert str(raised.value).startswith(f"{path}: 1 fault in the prices\n  {fault}")


def test_what_is_no_json_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text('{\n  "date": 2025-07-21\n}')
    with pytest.raises(PricesError, match=r"line 2, column 15"):
        read_prices(path)
    with pytest.raises(PricesError, match="cannot be read"):
        read_prices(tmp_path / "none.json")
