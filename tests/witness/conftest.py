"""Tests of the engine once more, with lakes on moto's server in the place of the local AWS.

A module here imports the tests of one of tests/lakelanes, with their own fixtures; those of the folders' conftest.py
are replaced by the ones below. What cannot pass is in gaps.py, and what runs in every run of the suite in chosen.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.lakelanes.conftest import lake
from tests.lakelanes.ledger.conftest import clock, ledger
from tests.support.lakes import make_config
from tests.support.template_resources import Resources
from tests.support.witness import Witness, running_witness
from tests.witness.chosen import CHOSEN
from tests.witness.counts import WITNESS, Counts, is_own, needs_aws, place, write
from tests.witness.gaps import NOT_RUN, expected_failure

__all__ = ["clock", "lake", "ledger"]

COUNTS = pytest.StashKey[Counts]()


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """In the place of the local AWS."""
    with running_witness(tmp_path_factory.mktemp("witness")) as server:
        yield server


@pytest.fixture
def make_lake(local_aws: Witness, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lake]:
    """Makes a lake: ``make_lake(entities)``, as tests/lakelanes/conftest.py does, but without CloudFormation."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)

    def make(entities: dict[str, Any] | None = None, tables: dict[str, Any] | None = None, **options: Any) -> Lake:
        config = make_config(entities, tables)
        Resources(local_aws, config).make()
        lake = Lake.open(config, **options)
        lake.check_owner()
        return lake

    return make


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Counts:
    """Those of a run that collected everything; else the test is skipped."""
    found = request.config.stash[COUNTS]
    if not found.whole:
        pytest.skip("counts what tests/witness and tests/lakelanes have, and not all of that was collected")
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    counts = config.stash[COUNTS] = Counts.of(items)
    wanted = config.getoption("witness")
    if wanted == "count":
        if not counts.whole:
            raise pytest.UsageError("--witness count: name no other tests than tests/witness and tests/lakelanes")
        write(counts)
    left_out = [item for item in items if item.path.is_relative_to(WITNESS) and not _is_run(item, wanted)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def _is_run(item: pytest.Item, wanted: str) -> bool:
    if is_own(item):
        return True
    test = place(item)
    chosen = wanted == "all" or test.partition("[")[0] in CHOSEN
    return needs_aws(item) and chosen and test not in NOT_RUN


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """A test that moto keeps from passing has to fail, and in that way."""
    known = expected_failure(place(pyfuncitem))
    if known is None:
        return (yield)
    with pytest.raises((AssertionError, pytest.fail.Exception), match=known.says):
        yield
    pytest.xfail(f"moto: {known.lacks}")
