"""The kinds of columns have one list, in kinds.h: both sources number them alike, and know every type."""

from __future__ import annotations

import pytest

from lakelanes.native.library import Native, native
from lakelanes.types import parse_type

TYPES = [
    *("string", "char(3)", "varchar(3)", "tinyint", "smallint", "int", "bigint", "decimal(10,2)", "float", "double"),
    *("boolean", "date", "timestamp", "array<int>", "map<string,int>", "struct<a:int>"),
]


@pytest.fixture(params=["kernel", "items"])
def loaded(request: pytest.FixtureRequest) -> Native:
    found = native(request.param, {})
    assert found is not None, "the library is not built: python3 scripts/setup.py"
    return found


def test_both_sources_have_the_same_numbers() -> None:
    kernel, items = native("kernel", {}), native("items", {})
    assert kernel and items

    def kinds(source: Native) -> dict[str, int]:
        return {name: number for name, number in source.constants.items() if name.startswith("kind ")}

    assert kinds(kernel) == kinds(items)
    assert sorted(kinds(kernel).values()) == list(range(17))


def test_every_type_has_a_kind_of_its_own_and_texts_share_one(loaded: Native) -> None:
    numbers = [loaded.kind_of(parse_type(text)) for text in TYPES]
    assert numbers[:3] == [loaded.constants["kind string"]] * 3
    assert len(set(numbers)) == len(TYPES) - 2
    assert loaded.kind_of(parse_type("binary", binary=True)) == loaded.constants["kind binary"]
