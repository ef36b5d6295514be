"""Tables' engines that are broken on purpose are found out, and the same runs with a sound one find nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.points import Fault
from tests.faults.tables.chaos import run
from tests.faults.tables.plan import Batch, Plan, Window
from tests.support.localaws import LocalAws
from tests.support.properties import EFFORT

_HOLE = (Window(("scheduled",)), Window(()), Window(("backfill",)), Window((), look=True))


@dataclass(frozen=True)
class Directed(Plan):
    """Few items that change often, many of them in the tail. ``directed``: the fault of each task's first try, by kind;
    ``losing``: whether every other batch of the stream is lost as long as exports follow."""

    items: int = 8
    changes: int = 160
    windows: tuple[Window, ...] = (Window(("scheduled",)),) * 2
    faulty: bool = False
    tail: int = 40
    calm: bool = True
    export_seconds: float = 0.0
    seed: str = "directed"
    directed: tuple[tuple[str, Fault], ...] = ()
    losing: bool = False

    def fault(self, kind: str, name: str) -> Fault | None:
        return dict(self.directed).get(kind) if name.endswith("/0") else None

    def batch(self, number: int) -> Batch:
        return Batch(3 if self.losing else 10, lost=self.losing and number % 2 == 1)


_FAILING = Directed(directed=(("stream", Fault("before_rows", "raise")),))
_KILLED = Directed(directed=(("convert", Fault("before_rows", "kill")),))
_ASKED_AGAIN = Directed(directed=(("export", Fault("after_request", "kill")),))


# First those that each find what the others do not.
_BROKEN = [
    ("skip_holes", Directed(windows=_HOLE, items=24), "old"),
    ("round_decimals", Directed(), "different"),
    ("new_tokens", _ASKED_AGAIN, "repeated"),
    ("rank_by_time", Directed(), "old"),
    ("believe_the_stream", Directed(losing=True, tail=5), "old"),
    ("keep_the_oldest", Directed(windows=(Window(("scheduled",)),) * 3), "old"),
    ("forget_failures", _FAILING, "old"),
    ("convert_later", _KILLED, "old"),
]


@pytest.mark.parametrize(("mutation", "plan", "found"), _BROKEN if EFFORT > 1 else _BROKEN[:3])
def test_a_broken_engine_is_found_out(
    local_aws: LocalAws, tmp_path: Path, mutation: str, plan: Plan, found: str
) -> None:
    report = run(local_aws, plan, tmp_path, 1, mutation=f"tests.faults.tables.mutations:{mutation}")
    print(report.describe())
    counts = report.counts
    # What is behind lacks items as well as changes.
    assert counts["stale"] + counts["lost"] if found == "old" else counts[found], report.describe()


def test_the_same_plans_find_nothing_in_a_sound_engine(local_aws: LocalAws, tmp_path: Path) -> None:
    directed = (*_FAILING.directed, *_KILLED.directed, *_ASKED_AGAIN.directed)
    report = run(local_aws, Directed(losing=True, windows=_HOLE, directed=directed), tmp_path, 1)
    assert report.passed, report.describe()
    assert {line.split("_")[1] for line in report.points} == {"rows", "request"}
    assert report.stream["records lost"]
