"""Every fail point with every kind of fault: whatever happens to the file meanwhile, it ends right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.points import KINDS, POINTS
from tests.faults.scenarios import World, make_world, play
from tests.support.localaws import LocalAws
from tests.support.properties import EFFORT


@pytest.fixture(scope="module")
def world(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_aws.environment.items():
            patch.setenv(name, value)
        with make_world(local_aws, tmp_path_factory.mktemp("points")) as made:
            yield made


# A process that dies loses most, so it is tried at each point, and beside it one of the other kinds in turn.
OTHERS = [kind for kind in KINDS if kind != "kill"]
TRIED = [
    (point, kind)
    for number, point in enumerate(POINTS)
    for kind in (KINDS if EFFORT > 1 else ("kill", OTHERS[(number + number // 4) % 4]))
]


@pytest.mark.parametrize(("point", "kind"), TRIED)
def test_a_fault_at_any_point_costs_nothing(world: World, point: str, kind: str) -> None:
    findings = play(world, point, kind)
    assert findings.clean, findings.describe()
