"""What all tests share: the local AWS of this test process, the worker each test belongs to, and which need a stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.localaws import LocalAws, running_localaws

TESTS = Path(__file__).resolve().parent
# Whoever has one of these, by fixture or by name in its module, starts processes: a local AWS, an Airflow, a browser.
SERVERS = {
    *("local_aws", "clocked_aws", "airflow_app"),
    *("running_localaws", "start_localaws", "running_browser", "Stack", "World"),
}
# Each test of these imports Airflow or starts processes.
STACKS = ("dags", "end_to_end", "faults", "infrastructure", "lakelanes_airflow", "lambdas")
# Starting a stack is part of the first test that needs it.
STACK_SECONDS = 900


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """The local AWS of this test process, stopped at the end. Tests keep apart by the names they use."""
    with running_localaws(tmp_path_factory.mktemp("localaws")) as server:
        yield server


@pytest.fixture(scope="session")
def clocked_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Another one, whose clock tests move. Exports are quick, streams are soon tried again, and nothing expires but by
    a sweep that is asked for."""
    environment = {
        "LOCALAWS_EXPORT_SECONDS": "0",
        "LOCALAWS_TTL_SECONDS": "3600",
        "LOCALAWS_STREAM_RETRY_SECONDS": "0.01",
    }
    with running_localaws(tmp_path_factory.mktemp("clocked"), environment=environment) as server:
        yield server


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spares ``-m "not stack"`` the import of Airflow, which takes seconds, for folders of which no test is left."""
    left_out = config.option.markexpr == "not stack" and collection_path.parent == TESTS
    return True if left_out and collection_path.name in STACKS else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        folder = _folder(item)
        names = set(getattr(item, "fixturenames", ())) | set(vars(getattr(item, "module", object)))
        if folder in STACKS or names & SERVERS:
            item.add_marker(pytest.mark.stack)
        if folder == "end_to_end" and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(STACK_SECONDS))
        # What a module makes once is made by one worker.
        if _shares(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(TESTS))))
    if config.getoption("dist", "no") == "loadgroup":
        # Nothing takes longer than the groups of whole stacks: the others run beside them.
        items.sort(key=lambda item: (_folder(item) != "end_to_end", item.get_closest_marker("xdist_group") is None))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def _shares(item: pytest.Item) -> bool:
    """Whether a fixture of the test outlives it, but not its module."""
    info = getattr(item, "_fixtureinfo", None)
    found = info.name2fixturedefs.values() if info else ()
    return any(fixture.scope in ("class", "module") for fixtures in found for fixture in fixtures)
