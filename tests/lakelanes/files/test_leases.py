"""Leases: held claims outlive their lease, and end when the batch is called off."""

from __future__ import annotations

import pytest

from lakelanes.errors import LeaseLostError
from lakelanes.files.leases import Leases
from lakelanes.files.listing import list_entity
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.files import Ledger
from tests.lakelanes.files.support import HEADER, KEY, rows
from tests.support.lakes import put
from tests.support.waiting import wait_for


def claimed(lake: Lake, ledger: Ledger) -> Entry:
    put(lake, KEY, HEADER + rows(1))
    [file] = list_entity(lake, lake.config.entities["sales"])
    claim = ledger.claim(file, "sales", "p", owner="o", lane="batch", run_id="r")
    assert isinstance(claim, Entry)
    return claim


def lease_end(ledger: Ledger, claim: Entry) -> str:
    entry = ledger.get(claim.source)
    assert entry is not None
    return entry.lease_until


def test_a_held_claim_is_renewed_before_its_lease_ends(lake: Lake) -> None:
    ledger = Ledger(lake.dynamodb, lake.config.resources.ledger_table, lake.clock, lease_seconds=1)
    claim = claimed(lake, ledger)
    with Leases(ledger) as leases, leases.held(claim):
        wait_for(lambda: lease_end(ledger, claim) > claim.lease_until, what="the lease is renewed")


def test_a_claim_that_is_given_back_can_be_taken_at_once_and_not_be_committed_any_more(lake: Lake) -> None:
    claim = claimed(lake, lake.ledger)
    with Leases(lake.ledger) as leases:
        with leases.held(claim):
            leases.give_back("called off")
        leases.give_back("not held any more")
    entry = lake.ledger.get(claim.source)
    assert entry is not None
    assert (entry.state, entry.error, entry.retryable) == ("failed", "called off", True)
    with pytest.raises(LeaseLostError):
        lake.ledger.rejected(claim, "too late")
