"""Outcomes: what a batch's failures come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakelanes.errors import PermanentLoadError, RetryableLoadError
from lakelanes.files.outcomes import FileOutcome, raise_for_outcomes

LOADED = FileOutcome("s3://in/a.csv", "loaded", rows_loaded=3)
REFUSED = FileOutcome("s3://in/b.csv", "rejected", error="no column amount", line=1, column="amount")
THROTTLED = FileOutcome("s3://in/c.csv", "failed", error="SlowDown", retryable=True)
DENIED = FileOutcome("s3://in/d.csv", "failed", error="AccessDenied")


def test_a_batch_without_failures_raises_nothing() -> None:
    raise_for_outcomes([LOADED, FileOutcome("s3://in/x.csv", "already_loaded")])


def test_a_refused_file_does_not_keep_a_retry_from_the_others() -> None:
    with pytest.raises(
        RetryableLoadError, match=r"2 of the files were not loaded:\n.*b\.csv.*\n.*c\.csv: failed: SlowDown"
    ):
        raise_for_outcomes([LOADED, REFUSED, THROTTLED])


def test_what_no_retry_cures_is_permanent_and_names_file_line_and_column() -> None:
    with pytest.raises(PermanentLoadError, match=r"b\.csv, line 1, column amount: rejected: no column amount"):
        raise_for_outcomes([REFUSED, DENIED])


def test_the_rows_of_a_refused_file_are_counted_in_its_line() -> None:
    refused = replace(REFUSED, rows_rejected=300, rows_withheld=88)
    assert refused.describe().endswith(": rejected: no column amount (212 bad rows, 88 withheld)")
    assert replace(refused, state="loaded", error=None).describe() == "s3://in/b.csv, line 1, column amount: loaded"


@pytest.mark.parametrize(("failures", "more"), [(50, None), (51, "and 1 more, see the ledger")])
def test_many_failures_are_named_up_to_fifty(failures: int, more: str | None) -> None:
    with pytest.raises(PermanentLoadError) as raised:
        raise_for_outcomes([REFUSED] * failures)
    lines = str(raised.value).splitlines()
    assert len(lines) == 51 + bool(more)
    assert (lines[-1].strip() == more) == bool(more)
