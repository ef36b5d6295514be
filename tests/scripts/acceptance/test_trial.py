"""The trial's names and its files."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date

import pytest

from scripts.acceptance.trial import Trial, double_text, prices, sales, visits, without_amount
from tests.support.localaws import ACCOUNT, REGION


def test_every_name_begins_with_the_prefix() -> None:
    trial = Trial.begin(REGION, ACCOUNT)
    resources = trial.lake.config.resources.model_dump(exclude_none=True)
    under = trial.prefix.replace("-", "_")
    assert all(str(name).startswith((trial.prefix, under)) for name in resources.values())
    for name in (trial.orders_table, trial.worker_role, trial.alert_queue):
        assert name.startswith(trial.prefix)
    assert Trial.begin(REGION, ACCOUNT).prefix != trial.prefix


@pytest.mark.parametrize("prefix", ["", "lakelanes", "lakelanes-acc-", "lakelanes-acc-*", "production-abcd"])
def test_only_a_trial_can_be_deleted(prefix: str) -> None:
    with pytest.raises(ValueError, match="is no prefix of an acceptance run"):
        Trial(prefix, REGION, ACCOUNT)


def test_the_files_have_the_rows_that_are_expected_of_them() -> None:
    day = date(2024, 3, 15)
    for seed in (0, 1):
        data = sales(day, 50, seed)
        text = gzip.decompress(data.body) if data.key.endswith(".gz") else data.body
        [_, *rows, unreadable] = csv.reader(io.StringIO(text.decode()))
        assert [row[0] for row in rows] == [row[0] for row in data.rows]
        assert unreadable[1] == "12.345"
        assert sales(day, 50, seed) == data
    assert len(visits(1, [day], 7, 1).rows) == 7
    assert prices(day, 3, 1).key == "prices_2024_03.csv"
    assert without_amount(day).rows == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (2.5, "2.5"), (1e-7, "1.0E-7"), (123456789.0, "1.23456789E8"), (0.0, "0.0"), (1e7, "1.0E7")],
)
def test_a_double_is_written_as_java_writes_it(value: float, text: str) -> None:
    assert double_text(value) == text
