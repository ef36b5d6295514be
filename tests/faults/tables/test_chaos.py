"""A table that changes while exports, compactions and the stream's lane die and are started again: small."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.faults.tables.chaos import run
from tests.faults.tables.plan import make_plan
from tests.support.localaws import LocalAws

ITEMS = 60


def test_the_view_is_the_table(local_aws: LocalAws, tmp_path: Path) -> None:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    report = run(local_aws, make_plan(ITEMS, seed), tmp_path, 2)
    print(report.describe())
    assert report.passed, report.describe()
    assert report.points
    assert report.windows
    assert report.shown["stream"]
    assert report.lanes.keys() == {"export", "stream", "snapshot"}


def test_a_plan_is_a_pure_function_of_its_seed() -> None:
    assert make_plan(120, "a") == make_plan(120, "a")
    assert make_plan(120, "a").windows != make_plan(120, "b").windows
    assert make_plan(120, "a").fault("plan", "x") == make_plan(500, "a").fault("plan", "x")
