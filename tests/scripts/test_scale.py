"""The tables of docs/scale.md are what the model gives."""

from __future__ import annotations

import re

import pytest

from lakelanes.config.model import DeploymentSettings
from lakelanes.cost.prices import read_prices
from scripts import scale
from scripts.scale import CLASSES, PAGE, TABLES, steady, sweep_seconds, written

PRICES = read_prices()
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_has_each_table_once_as_the_model_gives_it() -> None:
    assert sorted(re.findall(r"<!-- scale: (\w+) -->", TEXT.replace("<!-- scale: end -->", ""))) == sorted(TABLES)
    assert written(TEXT, PRICES) == TEXT, "run .local/venv/bin/python -m scripts.scale"


def test_another_price_would_change_the_page() -> None:
    dearer = PRICES.model_copy(update={"sqs": PRICES.sqs.model_copy(update={"requests_per_million": 4.0})})
    assert written(TEXT, dearer) != TEXT


def rows(name: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLES[name](PRICES).splitlines()[2:]]


def test_limits_are_in_the_order_in_which_they_are_met() -> None:
    found = [float(row[0].replace(",", "")) for row in rows("limits")]
    assert found == sorted(found)
    first, second, *_ = rows("limits")
    assert "sweep" in first[1] and sweep_seconds(found[0]) == pytest.approx(900, rel=0.01)
    assert f"{DeploymentSettings().fast_lane_concurrency} instances" in second[1]
    [keys] = [row for row in rows("limits") if "busiest keys" in row[1]]
    assert keys[0] == "30,000", "1,000 write units a second, two a file"


def test_the_parts_of_a_rate_are_all_of_it() -> None:
    for row in rows("parts"):
        amounts = [float(cell.replace(",", "")) for cell in row[1:]]
        assert sum(amounts[:-1]) == pytest.approx(amounts[-1], abs=0.05)
        assert min(amounts) >= 0


def test_a_rate_is_a_month_of_files_by_the_hour() -> None:
    load = steady(100)
    assert (load.files, load.partitions, load.kept_files) == (100 * 60 * 24 * 30, 720, 4_320_000)
    assert steady(100, "batch").files_batch == load.files_fast


def test_the_classes_are_those_that_have_a_price() -> None:
    assert CLASSES.keys() == PRICES.mwaa.environment_per_hour.keys()
    assert [row[0] for row in rows("classes")] == list(CLASSES)
    assert scale.MOST_WORKERS == 25
