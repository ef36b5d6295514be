"""The careful reader keeps a row's own fault, whatever else is wrong with it."""

from __future__ import annotations

import pytest

from lakelanes.convert import Tuning
from lakelanes.convert.partition_values import PartitionValue
from tests.lakelanes.convert.support import load
from tests.lakelanes.convert.test_partitioned import divide, row, text


@pytest.mark.parametrize("fast", [True, False])
def test_a_bad_row_keeps_its_fault_where_a_good_row_of_the_same_values_has_no_partition(fast: bool) -> None:
    data = text(row("good"), row("none", day=""), row("bad", day="", number="x"), row("none", day=""))
    _, found, rejected = divide(data, [PartitionValue("day")], tuning=Tuning(threads=1, fast=fast))
    assert [(each["line"], each["column"]) for each in rejected] == [(3, "day"), (4, "number"), (5, "day")]
    assert [name for name, *_ in found["2024-01-01",]] == ["good"]


@pytest.mark.parametrize("fast", [True, False])
def test_a_row_of_two_faults_has_the_first_columns(fast: bool) -> None:
    outcome = load(b"id,amount,day\n\xff,x,2024-13-01\na,x,2024-13-01\nb,1,\n", tuning=Tuning(fast=fast))
    assert [reject["column"] for reject in outcome.rejects] == ["id", "amount"]
