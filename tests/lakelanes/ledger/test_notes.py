"""Notes say what was written last, and a turn is one holder's until its time is over."""

from __future__ import annotations

from datetime import timedelta

from lakelanes.ledger.files import Ledger
from tests.lakelanes.ledger.support import Clock


def test_a_note_is_what_was_written_last(ledger: Ledger) -> None:
    assert ledger.read_note("sweep") == {}
    ledger.write_note("sweep", {"until": "2024", "listed": 3, "full": True, "names": ["a"], "more": {"n": 1}})
    assert ledger.read_note("sweep") == {"until": "2024", "listed": 3, "full": True, "names": ["a"], "more": {"n": 1}}
    ledger.write_note("sweep", {"listed": 4})
    assert ledger.read_note("sweep") == {"listed": 4}


def test_many_notes_are_read_by_their_names_and_unknown_ones_are_left_out(ledger: Ledger) -> None:
    for number in range(120):
        ledger.write_note(f"n/{number}", {"number": number})
    found = ledger.read_notes([*(f"n/{number}" for number in range(120)), "n/unknown", "n/0"])
    assert found == {f"n/{number}": {"number": number} for number in range(120)}


def test_a_turn_is_one_holders_until_its_time_is_over(ledger: Ledger, clock: Clock) -> None:
    assert ledger.take_turn("refresh", 30)
    assert not ledger.take_turn("refresh", 30)
    clock.time += timedelta(seconds=30)
    assert not ledger.take_turn("refresh", 30), "its last moment is its holder's"
    clock.time += timedelta(microseconds=1)
    assert ledger.take_turn("refresh", 30)


def test_a_turn_that_was_given_up_is_anybodys(ledger: Ledger) -> None:
    assert ledger.take_turn("refresh", 30)
    ledger.give_up_turn("refresh")
    assert ledger.take_turn("refresh", 30)


def test_what_is_done_is_nobodys_turn_any_more(ledger: Ledger, clock: Clock) -> None:
    assert ledger.take_turn("refresh", 30)
    ledger.write_note("refresh", {})
    clock.time += timedelta(days=1)
    assert not ledger.take_turn("refresh", 30)
