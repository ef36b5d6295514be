"""Validation: Athena counts what the ledger says was loaded."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.errors import ValidationError
from lakelanes.files import validation
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.pending import pending
from lakelanes.files.target_keys import target_key
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.lakelanes.files.support import HEADER, KEY, load, partition, rows
from tests.support.lakes import put


def test_a_partition_whose_files_are_loaded_again_meanwhile_is_validated_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = lake.config.entities["sales"]
    put(lake, KEY, HEADER + rows(3))
    load(lake)

    def count_while_it_is_loaded_again(*_: Any) -> dict[tuple[str, ...], int]:
        load_batch(lake, entity, list_entity(lake, entity), lane="batch", run_id="other", reload=True)
        return {}

    monkeypatch.setattr(validation, "_athena_counts", count_while_it_is_loaded_again)
    assert validate(lake, entity, [partition(lake)], pause_seconds=0.01) == []


def test_rows_that_vanish_from_the_bucket_fail_the_validation(lake: Lake) -> None:
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    sales, analytics = lake.config.entities["sales"], lake.config.resources.analytics_bucket
    lake.s3.delete_object(Bucket=analytics, Key=target_key(sales, partition(lake), KEY))
    with pytest.raises(ValidationError, match="year=2024/month=03/day=15: the ledger holds 3 rows, Athena counts 0"):
        validate(lake, sales, [partition(lake)], attempts=2, pause_seconds=0.01)


def test_a_partition_that_files_keep_arriving_in_is_validated_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    entity = lake.config.entities["sales"]
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    [partition] = [partition_for(entity, KEY)]
    counts, arrivals = validation._athena_counts, iter(range(100))

    def count_while_files_arrive(*arguments: Any) -> dict[tuple[str, ...], int]:
        counted = counts(*arguments)
        put(lake, f"{next(arrivals)}/{KEY}", HEADER + rows(1))
        load_batch(lake, entity, pending(lake, list_entity(lake, entity)), lane="fast", run_id="other")
        return counted

    with monkeypatch.context() as busy:
        busy.setattr(validation, "_athena_counts", count_while_files_arrive)
        assert validate(lake, entity, [partition], pause_seconds=0.01) == []
    assert [count.athena for count in validate(lake, entity, [partition])] == [3 + next(arrivals)]

    def count_one_too_few(*arguments: Any) -> dict[tuple[str, ...], int]:
        return {values: count - 1 for values, count in counts(*arguments).items()}

    with monkeypatch.context() as wrong:
        wrong.setattr(validation, "_athena_counts", count_one_too_few)
        with pytest.raises(ValidationError, match="the ledger holds 8 rows, Athena counts 7"):
            validate(lake, entity, [partition], pause_seconds=0.01)


def test_a_partition_in_which_a_file_is_being_loaded_is_validated_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder may have put the object and not have committed yet: the counts differ, and nobody is at fault."""
    entity = lake.config.entities["sales"]
    put(lake, KEY, HEADER + rows(3))
    load(lake)
    put(lake, f"other/{KEY}", HEADER + rows(1))
    [file] = pending(lake, list_entity(lake, entity))
    where = partition(lake)
    claim = lake.ledger.claim(file, "sales", where.path, owner="o", lane="fast", run_id="other")
    assert isinstance(claim, Entry)
    counts = validation._athena_counts
    monkeypatch.setattr(
        validation, "_athena_counts", lambda *given: {values: count + 1 for values, count in counts(*given).items()}
    )
    assert validate(lake, entity, [where], pause_seconds=0.01) == []
    lake.ledger.failed(claim, "given back", retryable=True)
    with pytest.raises(ValidationError, match="the ledger holds 3 rows, Athena counts 4"):
        validate(lake, entity, [where], pause_seconds=0.01)
