"""Numbers and dates from words of eight characters: right where they are sure, and unsure of every other form."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert.digits import plain_dates, plain_fixed_point
from tests.support.properties import examples


def laid_out(texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lengths = np.array([len(text) for text in texts], np.int64)
    octets = np.frombuffer("".join(texts).encode("ascii"), np.uint8)
    return octets, np.cumsum(lengths) - lengths, lengths


digits = st.text("0123456789", max_size=9)
numbers = st.tuples(st.sampled_from(["", "-"]), digits, digits, st.sampled_from(["", "."]), digits).map("".join)


@pytest.mark.parametrize("scale", range(7))
@examples(100)
@given(texts=st.lists(numbers | st.text("0123456789-.+ eE", max_size=20), min_size=1, max_size=20))
def test_numbers_with_exactly_so_many_decimals(scale: int, texts: list[str]) -> None:
    values, sure = plain_fixed_point(*laid_out(texts), scale)
    form = re.compile(r"-?[0-9]+" if not scale else rf"-?[0-9]+\.[0-9]{{{scale}}}")
    for text, value, is_sure in zip(texts, values.tolist(), sure.tolist(), strict=True):
        if is_sure:
            assert re.fullmatch(r"-?[0-9]*" + (rf"\.[0-9]{{{scale}}}" if scale else ""), text)
            assert value == int(text.replace(".", ""))
        else:
            assert value == 0
            assert not form.fullmatch(text) or len(text.lstrip("-")) > 16


near_days = st.tuples(st.integers(0, 9999), st.integers(0, 19), st.integers(0, 39)).map(
    lambda day: "{:04d}-{:02d}-{:02d}".format(*day)
)
days = st.dates().map(str) | near_days | st.text("0123456789-", max_size=11)


@examples(100)
@given(texts=st.lists(days, min_size=1, max_size=20))
def test_days_of_the_calendar_and_nothing_else(texts: list[str]) -> None:
    found, sure = plain_dates(*laid_out(texts))
    for text, value, is_sure in zip(texts, found.tolist(), sure.tolist(), strict=True):
        try:
            fits = re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text)
            expected = (date.fromisoformat(text) - date(1970, 1, 1)).days if fits else None
        except ValueError:
            expected = None
        assert (value if is_sure else None) == expected
        assert is_sure or value == 0


def test_more_rows_than_are_worked_on_at_a_time() -> None:
    texts = [f"{number}.25" for number in range(10_000)]
    values, sure = plain_fixed_point(*laid_out(texts), 2)
    assert sure.all()
    assert values.tolist() == [number * 100 + 25 for number in range(10_000)]
