"""What all tests share: the local AWS of this test process, the worker each test belongs to, and which need a stack."""

from __future__ import annotations

import gc
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from tests.support.localaws import CLOCKED, ENFORCED, LocalAws, running_localaws

TESTS = Path(__file__).resolve().parent
# Whoever has one of these, by fixture or by name in its module, starts processes: a local AWS, an Airflow, a browser.
SERVERS = {
    *("local_aws", "clocked_aws", "airflow_app"),
    *("running_localaws", "start_localaws", "running_browser", "run_case", "Stack", "World"),
}
# Each test of these imports Airflow or starts processes.
STACKS = ("cluster", "dags", "end_to_end", "faults", "infrastructure", "lakelanes_airflow", "lambdas", "witness")
# What one worker does one after the other. The end-to-end tests are two series, about equally long, each with one stack
# at a time: the first's tests share it. The tests of the page are three, two of them in a browser, each with an
# application of Airflow's API server; those on moto share its server.
SERIES = (
    tuple(f"tests/end_to_end/test_{name}.py" for name in ("airflow", "fast_lane", "lake_page", "tables")),
    tuple(f"tests/end_to_end/test_{name}.py" for name in ("alerts", "first_hour", "stack")),
    tuple(f"tests/lakelanes_airflow/page/test_{name}_in_browser.py" for name in ("app", "app_entity", "app_overview")),
    tuple(f"tests/lakelanes_airflow/page/test_{name}_in_browser.py" for name in ("dashboards", "files")),
    ("tests/lakelanes_airflow/page/",),
    ("tests/witness/",),
)
# What takes longest begins first, where there are several workers, and the others run beside it.
FIRST = ("end_to_end/", "lakelanes_airflow/page/", "referee/", "faults/", "scripts/acceptance/", "witness/")
# Where each local AWS of a run notes what it evaluated, and what is wrong with the rights that were used.
IAM_RECORDS = "LOCALAWS_IAM_RECORDS"
IAM_FAULTS = pytest.StashKey[list[str]]()
# Time limit of the tests that take a minute or two by themselves; starting a stack is part of the first that needs it.
LONG_SECONDS = 900


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """The local AWS of this test process, which enforces IAM. Tests keep apart by the names they use."""
    with running_localaws(tmp_path_factory.mktemp("localaws"), environment=ENFORCED) as server:
        yield server


@pytest.fixture(scope="session")
def clocked_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Another one, whose clock tests move."""
    with running_localaws(tmp_path_factory.mktemp("clocked"), environment={**ENFORCED, **CLOCKED}) as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--witness",
        choices=("chosen", "all", "count"),
        default="chosen",
        help="which of tests/witness run on moto's server; count: write their numbers into docs/what-runs-where.md",
    )
    parser.addoption("--iam-report", action="store_true", help="look for rights that no test uses; write docs/iam.md")


def pytest_configure(config: pytest.Config) -> None:
    # Whatever local AWS this run starts, in whichever process, writes there what it evaluates.
    if not (hasattr(config, "workerinput") or config.option.collectonly):
        os.environ[IAM_RECORDS] = tempfile.mkdtemp(prefix="iam-records-")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes build/iam.json; the run fails when a right was missing, or, when every test ran, when one is left over."""
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    options = config.option
    whole = config.args_source is config.ArgsSource.TESTPATHS and not (options.markexpr or options.keyword)
    records = Path(os.environ.pop(IAM_RECORDS))
    if not (whole or options.iam_report or any(records.iterdir())):
        records.rmdir()
        return
    # It reads the templates, which a run without a local AWS need not wait for.
    from tests.support import iam_report

    report = iam_report.read(records)
    shutil.rmtree(records)
    (TESTS.parent / "build").mkdir(exist_ok=True)
    (TESTS.parent / "build" / "iam.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    faults = [f"denied, and no test expects it: {' '.join(one)}" for one in report.denied]
    if options.iam_report or (whole and not session.testsfailed):
        faults += [
            f"granted and used by no test: {role} {statement.sid}: {action} on {statement.resources[place]}"
            for role, statement, action, place in report.unused()
        ]
    if options.iam_report and not faults:
        (TESTS.parent / "docs" / "iam.md").write_text(iam_report.page())
    config.stash[IAM_FAULTS] = faults
    if faults and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if faults := config.stash.get(IAM_FAULTS, []):
        terminalreporter.section("rights (IAM)", red=True)
        for fault in faults:
            terminalreporter.line(fault)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Packed bytes hold the time of their packing, and each test process packs them itself: they name no test."""
    return argname if isinstance(val, bytes) and val.startswith((b"\x1f\x8b", b"PK\x03\x04")) else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spares ``-m "not stack"`` the import of Airflow, which takes seconds, for folders of which no test is left."""
    left_out = config.option.markexpr.startswith("not stack") and collection_path.parent == TESTS
    return True if left_out and collection_path.name in STACKS else None


def pytest_sessionstart(session: pytest.Session) -> None:
    # What is imported and collected stays until the end: to look for garbage in it is a seventh of a run's time. Who
    # only hands tests out to workers collects nothing.
    if session.config.option.dist == "no":
        gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        names = set(getattr(item, "fixturenames", ())) | set(vars(getattr(item, "module", object)))
        if folder in STACKS or names & SERVERS:
            item.add_marker(pytest.mark.stack)
        if folder in ("cluster", "end_to_end") or item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    place = item.path.relative_to(TESTS).as_posix()
    return next((turn for turn, one in enumerate(FIRST) if place.startswith(one)), len(FIRST))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """As "loadfile", which leaves to one worker what a module makes once, with the series above."""

    def _split_scope(self, nodeid: str) -> str:
        series = next((series for series in SERIES if nodeid.startswith(series)), None)
        return series[0] if series else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    if config.option.dist != "loadfile":
        return None
    # In the order of collection.
    config.option.loadscopereorder = False
    return Scheduling(config, log)
