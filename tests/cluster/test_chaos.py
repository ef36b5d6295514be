"""The fault harness on a cluster of its own, small: both lanes, a killed worker, one that stands still; and an engine
that it finds out."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.cluster.conftest import WORKERS
from tests.end_to_end.world import FINAL, wait_for
from tests.faults.cluster import run
from tests.faults.cluster.accidents import Accident
from tests.faults.cluster.lane import LOAD
from tests.faults.oracle import examine
from tests.faults.plan import Version, make_plan
from tests.faults.points import QUIET, Fault
from tests.faults.workers import open_lake

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


def test_an_engine_that_is_broken_on_the_nodes_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task is killed after it has committed what it would have put into S3."""
    files: dict[str, list[Version | None]] = {
        f"orders_2024_01_01_{number:06d}.csv": [Version(f"{number:06d}", 1, "good")] for number in range(3)
    }
    with run.started(tmp_path, "bites", 1, "commit_before_upload") as cluster:
        for name, value in cluster.site.roles.aws.environment.items():
            monkeypatch.setenv(name, value)
        lake = open_lake(cluster.site.text, run.LEASE_SECONDS)
        for key, [version] in files.items():
            assert version is not None
            lake.s3.put_object(Bucket=lake.config.resources.source_bucket, Key=key, Body=version.body)
        cluster.proxy.begin(QUIET)
        cluster.proxy.arm(Fault("after_commit", "kill", key) for key in files)
        begun = cluster.machines.begin(LOAD, conf={"first_partition": "2024-01-01", "last_partition": "2024-01-01"})
        # By then it has registered the partition, and has found as many rows as the ledger has, or not.
        published = wait_for(
            lambda: cluster.machines.states(begun).get("publish", [None]),
            lambda states: states[0] in ("up_for_retry", *FINAL),
            "a try to publish",
        )
        lost = examine(lake, files).counts()["lost"]
    assert lost and published == ["up_for_retry"], (lost, published)
