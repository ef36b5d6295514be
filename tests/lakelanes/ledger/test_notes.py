"""Notes say what was written last, and a turn is one holder's until its time is over."""

from __future__ import annotations

from datetime import timedelta

from lakelanes.alerts.messages import mark_alerted
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition
from lakelanes.lake import Lake
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.notes import EXPIRES
from tests.lakelanes.ledger.support import NOON, Clock, commit, held
from tests.localaws.controls import control
from tests.support.localaws import LocalAws


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


def expiries(ledger: Ledger) -> dict[str, str | None]:
    """By source, when an item of the ledger's table may go."""
    items = ledger.client.scan(TableName=ledger.table)["Items"]
    return {item["source"]["S"]: item.get(EXPIRES, {}).get("N") for item in items}


def test_only_a_note_that_is_kept_for_a_time_expires(ledger: Ledger, local_aws: LocalAws) -> None:
    ledger.write_note("watermark", {"until": "2024"})
    ledger.write_note("registered", {"n": 1}, keep=timedelta(days=1))
    assert ledger.take_turn("refresh", 30)
    entry = commit(ledger, held(ledger))
    expected = str(int((NOON + timedelta(days=1)).timestamp()))
    found = expiries(ledger)
    assert {source: when for source, when in found.items() if when} == {"note:registered": expected}
    assert ledger.read_note("registered") == {"n": 1}
    # This ledger's clock stands long before DynamoDB's.
    assert control(local_aws, "dynamodb/ttl-sweep")["deleted"] >= 1
    assert expiries(ledger).keys() == found.keys() - {"note:registered"}
    assert ledger.read_note("watermark") == {"until": "2024"}
    assert not ledger.take_turn("refresh", 30)
    assert ledger.get(entry.source) == entry


def test_a_note_that_is_written_again_for_good_does_not_expire(ledger: Ledger, local_aws: LocalAws) -> None:
    ledger.write_note("n", {}, keep=timedelta(days=1))
    ledger.write_note("n", {"n": 2})
    control(local_aws, "dynamodb/ttl-sweep")
    assert ledger.read_note("n") == {"n": 2}


def test_the_lakes_notes_are_kept_for_as_long_as_their_writers_say(lake: Lake) -> None:
    """What grows with files and alerts goes some day; the table has as many other notes as tables and views."""
    entity = lake.config.entities["sales"]
    registrar = Registrar(lake, "remember")
    registrar.register_entity(entity, [Partition.from_path("year=2024/month=03/day=15")])
    mark_alerted(lake, ["message-1"])
    days = {
        source.split("/")[0]: (int(when) - lake.clock().timestamp()) / 86_400 if when else None
        for source, when in expiries(lake.ledger).items()
    }
    assert {name: when and round(when) for name, when in days.items()} == {
        "note:lake": None,
        "note:registered": 90,
        "note:table": None,
        "note:told": 30,
        "note:views-due": None,
    }
