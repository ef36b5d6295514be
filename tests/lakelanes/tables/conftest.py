"""A local AWS of which these tests move the clock, and tables on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lakelanes.lake import Lake
from tests.lakelanes.tables.lanes import ORDERS as MODEL_ORDERS
from tests.lakelanes.tables.lanes import Lanes, Model
from tests.localaws.controls import control
from tests.support.localaws import LocalAws
from tests.support.source_tables import ORDERS, SourceTable

_numbers = itertools.count()


@pytest.fixture(scope="session")
def local_aws(clocked_aws: LocalAws) -> LocalAws:
    """The one whose clock tests move."""
    return clocked_aws


@pytest.fixture
def make_source(local_aws: LocalAws, make_lake: Callable[..., Lake]) -> Iterator[Callable[..., SourceTable]]:
    """Makes a table, in the configuration and in DynamoDB: ``make_source(**settings)``."""

    def make(*, recovery: bool = True, **settings: Any) -> SourceTable:
        named = {"dynamodb_table": f"orders-{next(_numbers)}", **ORDERS, **settings}
        source = SourceTable(local_aws, make_lake(tables={"orders": named}))
        source.create(recovery=recovery)
        return source

    yield make
    control(local_aws, "dynamodb/exports", hold=False)


@pytest.fixture
def source(make_source: Callable[..., SourceTable]) -> SourceTable:
    """A table with point-in-time recovery."""
    return make_source()


@pytest.fixture
def make_lanes(make_lake: Callable[..., Lake]) -> Callable[..., Lanes]:
    """Makes a lake and a model of a table with this seed: ``make_lanes(seed, **settings)``."""

    def make(seed: int, **settings: object) -> Lanes:
        lake = make_lake(tables={"orders": {**MODEL_ORDERS, **settings}})
        return Lanes(lake, lake.config.tables["orders"], Model(seed))

    return make
