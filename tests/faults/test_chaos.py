"""Both lanes at once, with everything that can go wrong: small, and with engines that are broken on purpose."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.faults.chaos import run
from tests.faults.plan import make_plan
from tests.support.localaws import LocalAws

FILES = 60
LEASE_SECONDS = 1.0


def test_nothing_is_lost_doubled_or_stale(local_aws: LocalAws, tmp_path: Path) -> None:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    report = run(local_aws, make_plan(FILES, seed), tmp_path, 2, lease_seconds=LEASE_SECONDS)
    print(report.describe())
    assert report.passed, report.describe()
    assert report.points
    assert report.faults["partial"], "batches were done in part"
    assert report.rows


def test_a_plan_is_a_pure_function_of_its_seed() -> None:
    assert make_plan(120, "a") == make_plan(120, "a")
    assert make_plan(120, "a") != make_plan(120, "b")


@pytest.mark.parametrize("number", range(3))
def test_a_day_of_a_plan_does_not_depend_on_how_many_follow(number: int) -> None:
    assert make_plan(150, "a").days[number] == make_plan(400, "a").days[number]
