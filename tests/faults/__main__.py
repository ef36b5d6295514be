"""The fault harness at any size. Exit code 1: the oracle objects.

python -m tests.faults --files 10000 --seed 7
python -m tests.faults --files 5000 --cluster 3 --seed 7
python -m tests.faults tables --items 50000 --seed 7
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from scripts.stack import end_by_signal
from tests.faults import chaos, plan
from tests.faults.tables import chaos as table_chaos
from tests.faults.tables import plan as table_plan
from tests.support.localaws import ENFORCED, LocalAws, running_localaws


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="The fault harness.")
    parser.set_defaults(run=_files)
    parser.add_argument("--files", type=int, default=1000, help="number of source files")
    parser.add_argument("--lease", type=float, default=1.0, help="seconds of a lease; hangs last half as long again")
    parser.add_argument("--cluster", type=int, default=0, help="Airflow's workers, for the batch lane")
    _add_common(parser)
    tables = parser.add_subparsers().add_parser("tables", help="a DynamoDB table, its exports and its stream")
    tables.set_defaults(run=_tables)
    tables.add_argument("--items", type=int, default=2000, help="items that the table begins with")
    _add_common(tables)
    options = parser.parse_args()
    options.seed = options.seed or secrets.token_hex(4)
    on_cluster = options.run is _files and options.cluster
    report = _cluster(options) if on_cluster else _own_processes(options)
    print(report.describe(), flush=True)
    return 0 if report.passed else 1


def _own_processes(options: argparse.Namespace) -> chaos.Report | table_chaos.Report:
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        running_localaws(Path(folder) / "aws", environment=ENFORCED) as aws,
    ):
        os.environ.update(aws.environment)
        report: chaos.Report | table_chaos.Report = options.run(options, aws, Path(folder) / "run")
    return report


def _cluster(options: argparse.Namespace) -> chaos.Report:
    # Only here: it imports what only a cluster needs.
    from tests.faults.cluster import run

    # What was started is stopped, and what was made is removed.
    signal.signal(signal.SIGTERM, end_by_signal)
    made = plan.make_plan(options.files, options.seed)
    print(f"seed {made.seed}: {options.files} files, {made.faults} faults planned", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        run.started(Path(folder), made.seed, options.cluster, options.mutation) as cluster,
    ):
        os.environ.update(cluster.site.roles.aws.environment)
        return run.run(cluster, made, options.workers, lease_seconds=options.lease)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", default="", help="repeats a plan; by default a new one is made up and printed")
    parser.add_argument("--workers", type=int, default=3, help="worker processes")
    parser.add_argument("--mutation", help="module:function that breaks the engine, to see the oracle object")


def _files(options: argparse.Namespace, aws: LocalAws, folder: Path) -> chaos.Report:
    made = plan.make_plan(options.files, options.seed)
    print(f"seed {made.seed}: {options.files} files, {made.faults} faults planned", flush=True)
    return chaos.run(aws, made, folder, options.workers, lease_seconds=options.lease, mutation=options.mutation)


def _tables(options: argparse.Namespace, aws: LocalAws, folder: Path) -> table_chaos.Report:
    made = table_plan.make_plan(options.items, options.seed)
    print(f"seed {made.seed}: {made.items} items, {made.changes} changes, {len(made.windows)} windows", flush=True)
    return table_chaos.run(aws, made, folder, options.workers, mutation=options.mutation)


if __name__ == "__main__":
    sys.exit(main())
