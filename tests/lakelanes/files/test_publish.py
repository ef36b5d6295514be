"""A scope as the XCom between the planning task and those that follow; which of several faults is raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakelanes.errors import CatalogError
from lakelanes.files import publish as publishing
from lakelanes.files.publish import Scope, publish
from lakelanes.lake import Lake
from tests.support.lakes import SALES, make_config

OTHERS = r"others_(\d{4})_(\d{2})_(\d{2})\.csv"


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


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "injected"}}, "BatchGetPartition")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (refusal("AccessDeniedException"), refusal("ThrottlingException")),
        (refusal("ThrottlingException"), CatalogError("another location")),
    ],
)
def test_of_two_entities_faults_the_one_that_passes_is_raised(
    monkeypatch: pytest.MonkeyPatch, first: Exception, second: Exception
) -> None:
    """So the task is tried again, and publishes the one of them; the other is met again then."""
    faults = iter([first, second])
    config = make_config({"sales": SALES, "others": {**SALES, "table_name": "others", "filename_pattern": OTHERS}})
    monkeypatch.setattr(publishing, "_summarize", lambda *_: None)

    def fail(*_: Any) -> bool:
        raise next(faults)

    monkeypatch.setattr(publishing, "_publish_entity", fail)
    fast = {"sales": {"s3://b/a.csv": "day=15"}, "others": {"s3://b/b.csv": "day=15"}}
    with pytest.raises(ClientError, match="ThrottlingException"):
        publish(Lake.open(config), [], Scope(loaded_fast=fast, until="2024-03-15T10:00:00.000000Z"), set())
