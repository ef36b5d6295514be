"""The lists of this folder are about the tests that there are, and docs/what-runs-where.md has their numbers."""

from __future__ import annotations

from importlib.metadata import version

from tests.witness.chosen import CHOSEN
from tests.witness.counts import SUBJECTS, Counts, written
from tests.witness.gaps import FAILS, MOTO, NOT_RUN, reason_not_collected


def test_the_lists_were_made_with_the_moto_that_is_installed() -> None:
    assert version("moto") == MOTO


def test_every_test_that_is_listed_exists(counts: Counts) -> None:
    tests = set(counts.witness)
    assert {known.test for known in FAILS} | NOT_RUN.keys() <= tests
    assert {test.partition("[")[0] for test in tests} >= CHOSEN


def test_every_test_of_the_engine_with_a_lake_is_run_on_moto_or_is_left_out_with_a_reason(counts: Counts) -> None:
    unexplained = [module for module in counts.not_collected if reason_not_collected(module) is None]
    assert unexplained == [], "give each a module in tests/witness that imports it, or a reason in gaps.py"
    assert all(test.startswith(tuple(SUBJECTS)) for test in counts.witness)


def test_a_module_here_has_all_tests_of_the_one_that_it_repeats(counts: Counts) -> None:
    modules = {test.partition("::")[0] for test in counts.witness}
    repeated = {test for test in counts.engine if test.partition("::")[0] in modules}
    assert set(counts.witness) == repeated


def test_the_page_has_these_numbers(counts: Counts) -> None:
    hint = "python -m pytest tests/witness tests/lakelanes --witness count --collect-only  # writes them"
    assert written() == counts.section(), hint
