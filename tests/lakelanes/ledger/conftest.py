"""A lake's ledger on the local AWS, with a clock that tests set."""

from __future__ import annotations

import pytest

from lakelanes.lake import Lake
from lakelanes.ledger.files import Ledger
from tests.lakelanes.ledger.support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(lake: Lake, clock: Clock) -> Ledger:
    """With leases of a minute."""
    return Ledger(lake.dynamodb, lake.config.resources.ledger_table, clock, lease_seconds=60)
