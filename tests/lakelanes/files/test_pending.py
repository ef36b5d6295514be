"""Pending files: those whose listed version is not loaded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lakelanes.files.pending import is_done, pending
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry, State
from lakelanes.ledger.source_file import SourceFile
from tests.lakelanes.files.support import HEADER, KEY, list_entity, load, rows
from tests.support.lakes import put

FILE = SourceFile("bucket", KEY, "etag-1", 100, datetime(2024, 3, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("state", "etag", "done"),
    [
        ("loaded", "etag-1", True),
        ("loaded", "etag-0", False),
        ("rejected", "etag-1", False),
        ("claimed", "etag-1", False),
    ],
)
def test_only_this_version_loaded_is_done(state: State, etag: str, done: bool) -> None:
    assert is_done(Entry(FILE.uri, state=state, etag=etag), FILE) is done
    assert not is_done(None, FILE)
    assert not is_done(Entry(FILE.uri, state=state, etag=etag), replace(FILE, etag="etag-2"))


def test_a_file_is_pending_until_it_is_loaded_and_again_in_its_next_version(lake: Lake) -> None:
    sales = lake.config.entities["sales"]
    put(lake, KEY, HEADER + rows(1))
    assert [file.key for file in pending(lake, list_entity(lake, sales))] == [KEY]
    load(lake)
    assert pending(lake, list_entity(lake, sales)) == []
    put(lake, KEY, HEADER + rows(2))
    assert [file.key for file in pending(lake, list_entity(lake, sales))] == [KEY]
