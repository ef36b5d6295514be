"""Errors say whether a retry can cure them, and what is at fault."""

from __future__ import annotations

from lakelanes import errors


def test_an_error_says_in_its_message_what_it_carries() -> None:
    assert str(errors.ConfigError("lake.json", ["a: is missing"])) == (
        "lake.json: 1 fault in the configuration\n  a: is missing"
    )
    assert "2 faults" in str(errors.ConfigError("lake.json", ["a: x", "b: y"]))
    assert str(errors.SelectionError("prefix", "no such folder")) == "Param prefix: no such folder"
    assert str(errors.ExportDataError("s3://b/k", "it is cut off")) == "s3://b/k: it is cut off"
    assert str(errors.ExportDataError("s3://b/k", "no JSON", 7)) == "s3://b/k, line 7: no JSON"
    assert str(errors.GapError("recovery_off", "It is off", "Turn it on")) == "recovery_off: It is off. Turn it on"
    assert str(errors.ClaimContendedError("s3://b/k", 12)).startswith(
        "s3://b/k: its ledger entry was changed by others 12"
    )


def test_a_querys_error_quotes_the_beginning_of_its_statement() -> None:
    error = errors.QueryError("q-1", "FAILED", "no such table", "SELECT " + "x" * 3000, retryable=True)
    assert str(error).startswith("Athena query q-1 FAILED: no such table\nSELECT xxx")
    assert len(str(error)) < 2100
    assert error.retryable
    assert not errors.QueryError("q-1", "FAILED", "", "").retryable


def test_what_was_done_in_part_may_be_done_or_not() -> None:
    assert errors.PartialAnswerError("2 partitions were not created", retryable=True).retryable
    assert not errors.PartialAnswerError("2 partitions were not created", retryable=False).retryable
    assert errors.ViewError("Athena was busy", retryable=True).retryable
    assert not errors.ViewError("a cycle").retryable


def test_what_a_retry_can_cure_is_what_others_or_time_are_at_fault_for() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LakeError)]
    assert {kind.__name__ for kind in kinds if kind.retryable} == {
        "ClaimContendedError",
        "LeaseLostError",
        "LedgerConflictError",
        "OutOfTimeError",
        "RetryableLoadError",
        "SourceChangedError",
        "TargetChangedError",
        "ValidationError",
    }
