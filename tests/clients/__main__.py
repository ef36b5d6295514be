"""Runs the clients' suites on the sample lake of a local AWS that enforces IAM, and prints a table.

    python -m tests.clients [pyathena awswrangler dbt ibis] [--prepare]

Makes the environments that are not there (.local/clients). Each client has the rights of docs/clients.md and no others;
a right there that no client used is told, too. Exits 0 when every test passed and every right was used, 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from scripts.console import table
from scripts.setup import SetupError
from tests.clients import environments, rights
from tests.clients.lake import ClientLake, client_lake
from tests.support.localaws import ENFORCED, REPOSITORY, running_localaws

REPORT = REPOSITORY / "build" / "clients.txt"


@dataclass(frozen=True)
class Result:
    """What came of a client's suites: counts of tests, the seconds they took, and what they wrote."""

    client: str
    passed: int
    failed: int
    seconds: float
    output: str

    def row(self) -> tuple[str, ...]:
        version = environments.version_of(self.client)
        return version, f"{self.passed:,}", f"{self.failed:,}", f"{self.seconds:.0f} s"


def run_client(lake: ClientLake, client: str, folder: Path, *suites: str) -> Result:
    """Runs suites of a client, by default all, in its environment, as a new user with its rights."""
    chosen = suites or tuple(path.name for path in sorted(environments.SUITES.glob(f"suite_{client}*.py")))
    report = folder / f"{client}.xml"
    options = ["-c", "pytest.ini", "--rootdir", ".", "--confcutdir", ".", "-q", "--tb=short", f"--junitxml={report}"]
    command = [environments.python_of(client), "-m", "pytest", *options, *chosen]
    environment = {**lake.environment(client, folder / f"{client}.json"), "PYTHONDONTWRITEBYTECODE": "1"}
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=environments.SUITES, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    passed, failed = _counts(report) if report.exists() else (0, 1)
    # A suite that could not be collected has no failure among its tests.
    return Result(client, passed, failed or int(done.returncode != 0), time.monotonic() - started, done.stdout)


def _counts(report: Path) -> tuple[int, int]:
    """Tests that passed, and others, skipped ones among them."""
    suites = [*ElementTree.parse(report).getroot().iter("testsuite")]
    tests, *others = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return tests - sum(others), sum(others)


def unused_rights(lake: ClientLake) -> list[str]:
    """What docs/clients.md grants and nobody used, but for what it says that only AWS asks for."""
    with urllib.request.urlopen(f"{lake.aws.endpoint_url}/_localaws/iam") as answer:
        records = json.load(answer)["records"]
    policies = [rights.policy(name, lake.names) for name in rights.documents()]
    return rights.unused(policies, records)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "clients", nargs="*", metavar="CLIENT", help=f"{', '.join(environments.CLIENTS)}; by default all"
    )
    parser.add_argument("--prepare", action="store_true", help="make the environments, and no more")
    options = parser.parse_args()
    clients = options.clients or environments.CLIENTS
    if unknown := set(clients) - set(environments.CLIENTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(environments.CLIENTS)}")
    try:
        for client in clients:
            environments.prepare(client)
            print(f"clients: {environments.version_of(client)} in {environments.FOLDER / client}", flush=True)
    except SetupError as error:
        print(f"clients: {error}", file=sys.stderr)
        return 1
    if options.prepare:
        return 0
    with tempfile.TemporaryDirectory(prefix="clients-") as name:
        folder = Path(name)
        with running_localaws(folder / "aws", environment=ENFORCED) as aws, client_lake(aws) as lake:
            print("clients: the sample lake is loaded", flush=True)
            results = []
            for client in clients:
                results.append(run_client(lake, client, folder))
                print(f"clients: {client}: {results[-1].passed} passed, {results[-1].failed} failed", flush=True)
            # Of some clients alone nothing can be said.
            unused = unused_rights(lake) if len(clients) == len(environments.CLIENTS) else []
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(result.output for result in results))
    for result in results:
        if result.failed:
            print(result.output)
    print(table(("client", "passed", "failed", ""), [result.row() for result in results]))
    for right in unused:
        print(f"clients: granted in docs/clients.md and used by none: {right}")
    print(f"clients: all they wrote is in {REPORT.relative_to(REPOSITORY)}")
    return 1 if unused or any(result.failed for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
