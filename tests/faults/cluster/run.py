"""A cluster for a plan: its lake is deployed, Airflow runs, and what happens to both begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakelanes.lake import Lake
from scripts.deploy import deploy
from scripts.stack import AWS
from tests.cluster.conftest import NOTICED_SOON
from tests.cluster.machines import Machines
from tests.end_to_end.conftest import AIRFLOW
from tests.faults.batch_lane import BatchLane
from tests.faults.chaos import Report, Site, run_on
from tests.faults.cluster.accidents import Accident, accidents_of, make_accidents, make_clocks
from tests.faults.cluster.lane import LOAD, SWEEP, ClusterLane
from tests.faults.cluster.package import BROKEN, Change, lease, rewrite
from tests.faults.cluster.proxy import FaultyProxy
from tests.faults.cluster.wreckers import Wreckers
from tests.faults.plan import ENTITIES, Plan
from tests.faults.roles import Roles
from tests.faults.workers import Pool
from tests.support.lakes import config_text
from tests.support.localaws import LocalAws
from tests.support.proxied_cluster import ProxiedCluster
from tests.support.roles import worker_credentials

# Of a claim in the nodes; the product's is 900. Airflow gives a task up before it ends.
LEASE_SECONDS = 45
STILL_SECONDS = LEASE_SECONDS * 1.5
_OPTIONS = {**AIRFLOW, **NOTICED_SOON}


def _say(text: str) -> None:
    print(f"{time.strftime('%X')} {text}", flush=True)


class ChaosCluster(ProxiedCluster[FaultyProxy]):
    """A cluster behind a proxy that makes faults, and whose package is changed."""

    def __init__(self, seed: str, log: Path, changes: Sequence[Change], **options: Any) -> None:
        super().__init__(**options)
        self._seed, self._log, self._changes = seed, log, changes

    def _package(self, text: str) -> Path:
        folder = super()._package(text)
        rewrite(folder / "plugins.zip", self._changes)
        return folder

    def make_proxy(self) -> FaultyProxy:
        bucket = self.config.resources.source_bucket
        return FaultyProxy(self.endpoint_url, bucket, self._log, STILL_SECONDS, self._seed)


@dataclass(frozen=True)
class Started:
    """A cluster that runs, with the lake of the harness's plan; ``say`` is told what happens."""

    machines: Machines
    proxy: FaultyProxy
    site: Site
    say: Callable[[str], None]


@contextmanager
def started(
    folder: Path, seed: str, workers: int, mutation: str | None = None, say: Callable[[str], None] = _say
) -> Iterator[Started]:
    """A cluster for a plan, in a folder. ``mutation``: of BROKEN."""
    notes = folder / "run"
    notes.mkdir(parents=True)
    config = folder / "lake.json"
    config.write_text(config_text(ENTITIES))
    changes = [lease(LEASE_SECONDS), *([BROKEN[mutation]] if mutation else [])]
    cluster = ChaosCluster(
        seed,
        notes / "faults.jsonl",
        changes,
        config_path=config,
        state=folder / "state",
        airflow=_OPTIONS,
        workers=workers,
        say=say,
    )
    with cluster:
        # The harness delivers the events.
        deploy(
            cluster.config,
            cluster.client("cloudformation"),
            cluster.client("sts"),
            parameters={"RequireTls": "false", "FastLane": "off"},
        )
        machines = Machines(cluster)
        process = machines.process(AWS)
        assert process.popen is not None and cluster.proxy is not None
        aws = LocalAws(cluster.endpoint_url, process.popen, Path(process.log))  # type: ignore[arg-type]
        worker = {**aws.environment, **worker_credentials(aws, cluster.outputs)}
        site = Site(cluster.served_file.read_text(), Roles(aws, cluster.outputs, worker), notes)
        for dag_id in (LOAD, SWEEP, "refresh_views"):
            machines.pause(dag_id, False)
        yield Started(machines, cluster.proxy, site, say)


def run(
    cluster: Started, plan: Plan, workers: int, *, lease_seconds: float, accidents: Sequence[Accident] | None = None
) -> Report:
    """Carries out ``plan``, with so many processes of the harness for the other lane. The process's environment must
    point at the cluster's AWS. ``accidents``: by default as many as go with the plan's days, and wrong clocks."""
    machines, proxy, nodes = cluster.machines, cluster.proxy, cluster.machines.stack.workers
    clocks = make_clocks(plan.seed, nodes) if accidents is None else []
    if accidents is None:
        accidents = make_accidents(plan.seed, accidents_of(plan.days), nodes)
    with Wreckers(machines, proxy, accidents, clocks, STILL_SECONDS, cluster.say) as wreckers:

        def lane_of(own: Lake, pool: Pool, executor: ThreadPoolExecutor, plan: Plan) -> BatchLane:
            return ClusterLane(machines, proxy, wreckers, own, f"chaos-{plan.seed}", cluster.say)

        proxy.begin(plan.noise)
        return run_on(
            cluster.site,
            plan,
            workers,
            max(4, 2 * nodes),
            lease_seconds=lease_seconds,
            lane_of=lane_of,
            refreshes=False,
        )
