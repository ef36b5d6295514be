"""How many tests run on moto and what becomes of them, as docs/what-runs-where.md says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.witness.chosen import CHOSEN
from tests.witness.gaps import FAILS, MOTO, NOT_RUN, expected_failure, reason_not_collected

TESTS = Path(__file__).resolve().parents[1]
WITNESS, ENGINE = TESTS / "witness", TESTS / "lakelanes"
PAGE = TESTS.parent / "docs" / "what-runs-where.md"
BEGIN, END = "<!-- moto: written by pytest --witness count -->", "<!-- moto: end -->"
OWN = ("test_counts.py", "test_moto.py")
SUBJECTS = {
    "files": "loads: files, partitions by column, overwritten, refused, dead letters, the queue's lane, sweeps",
    "ledger": "the ledger in DynamoDB",
    "catalog": "tables, partitions and views in Glue",
    "drop": "entities and tables that are dropped",
    "alerts": "alerts",
    "dashboards": "answers to the dashboards' questions",
    "aws": "objects in S3",
    "test_watch.py": "the watch",
}


def place(item: pytest.Item) -> str:
    """A test below tests/witness or tests/lakelanes as the tables of this folder name it."""
    folder = WITNESS if item.path.is_relative_to(WITNESS) else ENGINE
    return "::".join([item.path.relative_to(folder).as_posix(), *item.nodeid.split("::")[1:]])


def is_own(item: pytest.Item) -> bool:
    """Whether it is a test of this folder itself, not one of the engine's."""
    return item.path.parent == WITNESS and item.path.name in OWN


def needs_aws(item: pytest.Item) -> bool:
    return "local_aws" in getattr(item, "fixturenames", ())


@dataclass
class Counts:
    """Tests of one run of the suite, by their places. ``seen`` are the test modules that were collected."""

    witness: list[str] = field(default_factory=list)
    engine: list[str] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, items: Iterable[pytest.Item]) -> Counts:
        found = cls()
        for item in items:
            found.seen.add(item.path)
            if is_own(item):
                continue
            if needs_aws(item) and item.path.is_relative_to(WITNESS):
                found.witness.append(place(item))
            elif needs_aws(item) and item.path.is_relative_to(ENGINE):
                found.engine.append(place(item))
        return found

    @property
    def whole(self) -> bool:
        """Whether all modules with tests were collected."""
        modules = {path for folder in (WITNESS, ENGINE) for path in folder.rglob("test_*.py")}
        return modules <= self.seen

    @property
    def not_collected(self) -> Counter[str]:
        """Modules of tests/lakelanes that have no module here, with the number of their tests that need AWS."""
        modules = {test.partition("::")[0] for test in self.witness}
        return Counter(module for test in self.engine if (module := test.partition("::")[0]) not in modules)

    @property
    def left_out(self) -> Counter[str]:
        """Tests that are not run on moto, by the reason."""
        reasons: Counter[str] = Counter()
        for module, tests in self.not_collected.items():
            reasons[reason_not_collected(module) or "not said yet"] += tests
        reasons.update(NOT_RUN[test] for test in self.witness if test in NOT_RUN)
        return reasons

    def section(self) -> str:
        """The lines of the page between BEGIN and END."""
        run = [test for test in self.witness if test not in NOT_RUN]
        lines = [BEGIN, "", f"| Tests of | on moto {MOTO} | pass | fail as listed |", "|---|---|---|---|"]
        rows = [(text, [test for test in run if test.startswith(subject)]) for subject, text in SUBJECTS.items()]
        for text, tests in [*rows, ("all", run)]:
            failing = sum(expected_failure(test) is not None for test in tests)
            lines.append(f"| {text} | {len(tests)} | {len(tests) - failing} | {failing} |")
        chosen = sum(test.partition("[")[0] in CHOSEN for test in run)
        lines += ["", f"`make test` runs {chosen} of them. What moto lacks, by the tests that show it:", ""]
        lines += ["| Tests | | moto lacks, or why they are left out |", "|---|---|---|"]
        failing_by = Counter(known.lacks for known in FAILS)
        lines += [f"| {count} | fail | {reason} |" for reason, count in sorted(failing_by.items())]
        lines += [f"| {count} | left out | {reason} |" for reason, count in sorted(self.left_out.items())]
        return "\n".join([*lines, "", END])


def written() -> str:
    """The section as it stands in the page."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index(BEGIN) : text.index(END) + len(END)]


def write(counts: Counts) -> None:
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(written(), counts.section()), encoding="utf-8")
