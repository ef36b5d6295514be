"""What a partition key may be made of, and how its value is written."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert.partition_values import form_fault, spelled
from tests.support.properties import examples


@pytest.mark.parametrize(
    ("form", "column", "key", "bits", "reason"),
    [
        ("%Y", "date", "string", None, None),
        ("%Y%m%d", "date", "int", 31, None),
        ("%Y-%m-%d", "timestamp", "date", None, None),
        ("%Y-W%V %H:%M %%", "timestamp", "string", None, None),
        ("%Y", "string", "string", None, "date or timestamp column"),
        ("%H", "date", "string", None, "time of day"),
        ("%B", "date", "string", None, "'%B'"),
        ("year", "date", "string", None, "no field"),
        ("%Y%", "date", "string", None, "'%'"),
        ("%Y\n", "date", "string", None, "printed"),
        ("%d.%m.%Y", "date", "date", None, "%Y-%m-%d"),
        ("%Y-%m", "date", "int", 31, "'9999-12'"),
        ("%Y", "date", "tinyint", 7, "'9999'"),
        ("%Y%m%d%H", "timestamp", "int", 31, "'9999123123'"),
    ],
)
def test_a_form_is_checked_against_column_and_key(
    form: str, column: str, key: str, bits: int | None, reason: str | None
) -> None:
    fault = form_fault(form, column, key, bits)
    assert (fault is None) if reason is None else (reason in str(fault))


@examples(100)
@given(moment=st.datetimes(datetime(1000, 1, 1)))
def test_a_form_writes_what_strftime_does(moment: datetime) -> None:
    form = "%Y|%y|%m|%d|%j|%G|%V|%u|%H|%M|%%"
    assert spelled(moment, form) == moment.strftime(form)
