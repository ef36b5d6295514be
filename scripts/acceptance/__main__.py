"""Try a whole lake on an AWS account, report what it did, and delete everything again.

    python -m scripts.acceptance [--yes] [--exports all|full|none] [--minutes M] [--report FOLDER] ...

Region and credentials come from the environment, as for any AWS tool; they need the rights of an administrator, for
the run makes roles. Everything that it makes has a name that begins with lakelanes-acc-<letters>. Exits 0 when all was
as expected and nothing is left, 1 otherwise, 130 when interrupted; the report is written in any case.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import boto3
import botocore
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes import __version__
from lakelanes.errors import LakeError
from scripts.acceptance import figures, questions
from scripts.acceptance.cleanup import Cleanup
from scripts.acceptance.deployment import Deployed, Packager, package
from scripts.acceptance.report import Report
from scripts.acceptance.trial import Trial
from scripts.acceptance.ways import Exports, WayError, Ways
from scripts.acceptance.workers import Workers
from scripts.console import Stages
from scripts.deploy import DeployError, parameter
from scripts.layer import LayerError
from scripts.package import PackageError

ROOT = Path(__file__).resolve().parents[2]
COST = """\
This makes a small lake of its own in the account: two buckets, two DynamoDB tables, a Glue database, a workgroup, two
queues, a topic, two functions, roles and alarms. It loads some 40 files of a few KB, writes some 100 items, asks
Athena about 150 statements (each billed as 10 MB: together about 0.01 USD) and has DynamoDB export a table of a few KB
once or twice (billed by the GB, as is point-in-time recovery for the hour). All together stays below 0.50 USD in any
region. At the end all of it is deleted; what could not be deleted is named.
"""
# What a part of the run can fail with.
_FAULTS = (BotoCoreError, ClientError, DeployError, LakeError, WayError)


@dataclass(frozen=True)
class Options:
    """How a run is made.

    exports: which are made. minutes: how long exports may be begun. seconds: how long files may take to be seen.
    export_poll_seconds: between two looks whether an export is due. parameters: of the template. packager: makes what
    the functions need.
    """

    exports: Exports = "all"
    minutes: float = 90.0
    seconds: float = 300.0
    export_poll_seconds: float = 15.0
    parameters: dict[str, str] = field(default_factory=dict)
    packager: Packager = package


def run(trial: Trial, report: Report, options: Options, stages: Stages) -> None:
    """Tries everything, and deletes it again, whatever happens; what was seen is in the report."""
    cleanup = Cleanup(trial)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _try_all(trial, report, options, stages, Path(folder))
    except (*_FAULTS, LayerError, PackageError) as error:
        report.fault(stages.name, error)
    except BaseException as error:
        report.fault(stages.name, error)
        raise
    finally:
        with stages.stage("clean-up", "deleting all of it"):
            report.left += cleanup.run()
            stages.result("nothing is left" if not report.left else f"{len(report.left)} thing(s) are left")


def _try_all(trial: Trial, report: Report, options: Options, stages: Stages, folder: Path) -> None:
    config = folder / "lake.json"
    config.write_text(trial.config_text)
    with stages.stage("deploy", "building the functions and deploying the stack"):
        deployed = Deployed.deploy(trial, folder, options.parameters, options.packager)
    workers = Workers(trial, config)
    with stages.stage("role", "making the workers' role"):
        workers.make_role(deployed.worker_policies)
        deployed.listen_to_alerts()
    ways = Ways(
        trial,
        report,
        deployed.outputs,
        workers.environment,
        folder,
        seconds=options.seconds,
        export_poll_seconds=options.export_poll_seconds,
    )
    parts: list[tuple[str, str, Callable[[], None]]] = [
        ("batch", "the batch lane", ways.batch_lane),
        ("switch", "switching the low-latency lane on", lambda: deployed.switch_fast_lane("on")),
        ("fast", "the low-latency lane", ways.fast_lane),
        ("orders", "the stream and the exports of a table", lambda: ways.orders(options.exports, options.minutes)),
        ("athena", "asking Athena", lambda: questions.ask_athena(trial, report)),
        ("files", "asking Athena about files", lambda: questions.ask_about_files(trial, report)),
        ("s3", "conditional writes", lambda: questions.ask_s3(trial, report)),
        ("dynamodb", "conditions and keys", lambda: questions.ask_dynamodb(trial, report)),
        ("glue", "errors of the catalogue", lambda: questions.ask_glue(trial, report)),
        ("comments", "comments of a view", lambda: questions.ask_about_comments(trial, report)),
        ("figures", "reading logs and statistics", lambda: figures.measure(trial, report)),
    ]
    for name, doing, part in parts:
        with stages.stage(name, doing), _noting(report, name):
            before = len(report.checks)
            part()
            own = report.checks[before:]
            stages.result(f"{doing}: {len(own)} checks, {sum(each.verdict == 'differs' for each in own)} differ")


@contextlib.contextmanager
def _noting(report: Report, name: str) -> Iterator[None]:
    """A part that fails is noted, and the next is tried all the same."""
    try:
        yield
    except _FAULTS as error:
        report.fault(name, error)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stages = Stages()
    try:
        region = options.region or boto3.session.Session().region_name
        if not region:
            raise WayError("no region: set AWS_REGION, or give --region")
        account = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
        if options.clean:
            left = Cleanup(Trial(options.clean, region, account), late=True).run()
            print("\n".join(left) or "nothing is left")
            return int(bool(left))
        trial = Trial.begin(region, account)
    except (BotoCoreError, ClientError, ValueError, WayError) as error:
        print(f"acceptance: {error}", file=sys.stderr)
        return 1
    print(f"{COST}\nAccount {account}, region {region}, prefix {trial.prefix}.")
    if not options.yes and input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        return 1
    report = Report(account, _about(trial))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = Options(options.exports, options.minutes, options.seconds, parameters=dict(options.parameter))
    try:
        run(trial, report, given, stages)
    except KeyboardInterrupt:
        return 130
    finally:
        data, text = report.write(options.report)
        print(f"{text} and {data.name}: {report.counts()}")
        for line in (*report.faults, *report.left):
            print(f"  {line}", file=sys.stderr)
    return 0 if report.passed else 1


def _about(trial: Trial) -> dict[str, str]:
    return {
        "lakelanes": __version__,
        "region": trial.region,
        "prefix": trial.prefix,
        "python": platform.python_version(),
        "botocore": botocore.__version__,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.acceptance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--region", help="default: that of the environment")
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    parser.add_argument("--exports", choices=get_args(Exports), default="all", help="default: all")
    parser.add_argument("--minutes", type=float, default=90.0, help="begin no export later than this (default: 90)")
    parser.add_argument(
        "--seconds", type=float, default=300.0, help="a file may take this long to be seen (default: 300)"
    )
    parser.add_argument("--parameter", type=parameter, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--report", type=Path, default=ROOT / "build" / "acceptance", help="default: build/acceptance")
    parser.add_argument("--clean", metavar="PREFIX", help="only delete what an earlier run left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
