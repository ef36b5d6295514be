"""Visuals neither overlap nor leave the page, however many there are."""

from __future__ import annotations

from itertools import combinations, product
from typing import get_args

import pytest

from lakelanes.dashboards.model import MAX_VISUALS, Kind
from lakelanes.dashboards.powerbi.layout import WIDTH, Place, places

KINDS: tuple[Kind, ...] = get_args(Kind)


def overlap(one: Place, other: Place) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (beside or one.y + one.height <= other.y or other.y + other.height <= one.y)


@pytest.mark.parametrize("kinds", [*product(KINDS, repeat=3), KINDS * (MAX_VISUALS // len(KINDS))])
def test_every_visual_has_a_place_of_its_own_on_the_page(kinds: tuple[Kind, ...]) -> None:
    found, height = places(kinds)
    assert len(found) == len(kinds)
    assert not any(overlap(*pair) for pair in combinations(found, 2))
    for one in found:
        assert one.x >= 0 and one.y >= 0 and one.width >= 300 and one.height >= 100
        assert one.x + one.width <= WIDTH and one.y + one.height <= height


def test_they_are_in_the_order_of_reading_and_a_row_is_filled() -> None:
    (a, b, c, d), _ = places(["figure", "figure", "line", "table"])
    assert a.y == b.y < c.y < d.y and a.x < b.x
    assert c.width == d.width == WIDTH - 2 * c.x


def test_a_row_is_of_one_size_and_of_two_at_most() -> None:
    (a, b, c, d), _ = places(["line", "bar", "stacked_bar", "figure"])
    assert a.y == b.y < c.y < d.y and a.height == b.height == c.height > d.height


def test_overlap_is_found() -> None:
    assert overlap(Place(0, 0, 10, 10), Place(9, 9, 10, 10))
    assert not overlap(Place(0, 0, 10, 10), Place(10, 0, 10, 10))
