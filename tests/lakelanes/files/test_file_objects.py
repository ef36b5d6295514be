"""A file's objects: replaced and deleted only by the claim that may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakelanes.errors import TargetChangedError
from lakelanes.files.file_objects import FileObjects
from lakelanes.files.matching import partition_for
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry

KEY = "sales_data_2024_03_15.csv"


def objects_of(lake: Lake, claim: Entry) -> FileObjects:
    sales = lake.config.entities["sales"]
    return FileObjects(lake, sales, partition_for(sales, KEY), KEY, claim)


def claim_of(lake: Lake, token: int) -> Entry:
    return Entry(f"s3://{lake.config.resources.source_bucket}/{KEY}", entity="sales", token=token, etag="e")


def leave_rejects(lake: Lake, token: int) -> None:
    """What a worker with that token wrote and never committed."""
    objects = objects_of(lake, claim_of(lake, token))
    with objects.open(objects.rejects, claim_of(lake, token).stamp) as writer:
        writer.write(b"rejected rows")


def are_left(lake: Lake) -> bool:
    objects = objects_of(lake, claim_of(lake, 1))
    return objects.find(objects.rejects) is not None


def test_a_second_claim_deletes_the_rejects_that_the_first_left_uncommitted(lake: Lake) -> None:
    leave_rejects(lake, token=1)
    objects_of(lake, claim_of(lake, 2)).drop_rejects(claim_of(lake, 2))
    assert not are_left(lake)


def test_a_second_pass_deletes_the_rejects_that_its_own_claim_wrote(lake: Lake) -> None:
    leave_rejects(lake, token=2)
    objects_of(lake, claim_of(lake, 2)).drop_rejects(claim_of(lake, 2))
    assert not are_left(lake)


def test_rejects_of_a_later_claim_stay(lake: Lake) -> None:
    leave_rejects(lake, token=3)
    objects_of(lake, claim_of(lake, 2)).drop_rejects(claim_of(lake, 2))
    assert are_left(lake)


def test_committed_rejects_are_deleted_unless_they_are_others_by_now(lake: Lake) -> None:
    leave_rejects(lake, token=1)
    first = objects_of(lake, claim_of(lake, 1))
    found = first.find(first.rejects)
    assert found is not None
    committed = replace(claim_of(lake, 2), rejects=first.rejects, rejects_etag=found.etag)
    other = replace(committed, rejects_etag="another")
    with pytest.raises(TargetChangedError, match="written by another worker"):
        objects_of(lake, other).drop_rejects(other)
    assert are_left(lake)
    objects_of(lake, committed).drop_rejects(committed)
    assert not are_left(lake)


def test_an_object_that_is_not_expected_is_not_replaced(lake: Lake) -> None:
    leave_rejects(lake, token=1)
    with pytest.raises(TargetChangedError):
        leave_rejects(lake, token=2)
    objects = objects_of(lake, claim_of(lake, 2))
    assert objects.expects_none(objects.rejects)
    objects.expect_what_is_there()
    assert not objects.expects_none(objects.rejects)
    with objects.open(objects.rejects, claim_of(lake, 2).stamp) as writer:
        writer.write(b"others")
    found = objects.find(objects.rejects)
    assert found is not None
    assert found.token == 2
