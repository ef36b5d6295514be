"""``python -m tests.faults --files 10000 --seed 7``: the fault harness at any size. Exit code 1: the oracle objects."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from pathlib import Path

from tests.faults.chaos import run
from tests.faults.plan import make_plan
from tests.support.localaws import running_localaws


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="The fault harness.")
    parser.add_argument("--files", type=int, default=1000, help="number of source files")
    parser.add_argument("--seed", default="", help="repeats a plan; by default a new one is made up and printed")
    parser.add_argument("--workers", type=int, default=3, help="worker processes")
    parser.add_argument("--lease", type=float, default=1.0, help="seconds of a lease; hangs last half as long again")
    parser.add_argument("--mutation", help="module:function that breaks the engine, to see the oracle object")
    options = parser.parse_args()
    seed = options.seed or secrets.token_hex(4)
    plan = make_plan(options.files, seed)
    print(f"seed {seed}: {options.files} files, {plan.faults} faults planned", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, running_localaws(Path(folder) / "aws") as aws:
        os.environ.update(aws.environment)
        report = run(
            aws, plan, Path(folder) / "run", options.workers, lease_seconds=options.lease, mutation=options.mutation
        )
    print(report.describe(), flush=True)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
