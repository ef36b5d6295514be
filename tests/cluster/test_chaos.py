"""The fault harness on a cluster of its own, small: both lanes, a killed worker, one that stands still."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.cluster.conftest import WORKERS
from tests.faults.cluster import run
from tests.faults.cluster.accidents import Accident
from tests.faults.plan import make_plan

FILES = 20
ACCIDENTS = [Accident(1, "kill_worker", 1), Accident(1, "stand_still", 2)]


def test_nothing_is_lost_doubled_or_stale_on_machines_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(FILES, secrets.token_hex(4))
    print(f"seed {plan.seed}")
    with run.started(tmp_path, plan.seed, int(os.environ[WORKERS])) as cluster:
        for name, value in cluster.site.roles.aws.environment.items():
            monkeypatch.setenv(name, value)
        report = run.run(cluster, plan, 2, lease_seconds=1.0, accidents=ACCIDENTS)
    print(report.describe())
    assert report.passed, report.describe()
    assert report.rows
    assert any("(2 of 2 accidents): kill_worker 1, stand_still 1" in line for line in report.lane), report.lane
