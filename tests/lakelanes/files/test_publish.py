"""A scope as the XCom between the planning task and those that follow."""

from __future__ import annotations

import json

import pytest

from lakelanes.files.publish import Scope


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope("sales", keyed=True, partitions=("day=15", "day=16"), files={"s3://b/a.csv": "day=15"}),
        Scope(loaded_fast={"sales": {"s3://b/a.csv": "day=15"}}, until="2024-03-15T10:00:00.000000Z"),
    ],
)
def test_it_is_the_same_after_the_database(scope: Scope) -> None:
    assert Scope.from_dict(json.loads(json.dumps(scope.to_dict()))) == scope


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(TypeError, match="entities"):
        Scope.from_dict({"partitions": [], "entities": ["sales"]})
