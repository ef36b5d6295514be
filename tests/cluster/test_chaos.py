"""The fault harness on a cluster of its own, small: both lanes, a killed worker, one that stands still; and an engine
that it finds out."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.conftest import WORKERS
from tests.faults.cluster import run
from tests.faults.cluster.accidents import Accident
from tests.faults.plan import Change, Day, Plan, Version, make_plan
from tests.faults.points import QUIET, Fault

FILES = 20
ACCIDENTS = [Accident(1, "kill_worker", 1), Accident(1, "stand_still", 2)]


def only_on_the_nodes(fault: Fault, files: int) -> Plan:
    """A day of files that no event tells of, and the fault for each."""
    versions = {f"orders_2024_01_01_{n:06d}.csv": Version(f"{n:06d}", 1, "good") for n in range(files)}
    day = Day(
        "year=2024/month=01/day=01",
        "2024-01-01",
        tuple(Change(key, version, 0, in_flight=False) for key, version in versions.items()),
        frozenset({0}),
        ({key: replace(fault, key=key) for key in versions},),
        (None,),
    )
    return Plan("bites", (day,), QUIET, 1, {key: [version] for key, version in versions.items()})


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


def test_an_engine_that_is_broken_on_the_nodes_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = only_on_the_nodes(Fault("after_commit", "kill"), 3)
    with run.started(tmp_path, plan.seed, 1, "commit_before_upload") as cluster:
        for name, value in cluster.site.roles.aws.environment.items():
            monkeypatch.setenv(name, value)
        report = run.run(cluster, plan, 1, lease_seconds=1.0, accidents=[])
    assert report.points and report.findings.counts()["lost"], report.describe()
