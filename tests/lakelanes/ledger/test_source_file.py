"""A version of a source file goes through JSON unharmed, and sequencers order two of them where both have one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from lakelanes.ledger.source_file import SourceFile, compare_sequencers
from tests.lakelanes.ledger.support import FILE


def test_a_file_has_its_uri_and_its_name() -> None:
    file = replace(FILE, key="incoming/sales/a b.csv")
    assert (file.uri, file.name) == ("s3://bucket/incoming/sales/a b.csv", "a b.csv")
    assert FILE.name == FILE.key


@pytest.mark.parametrize("sequencer", [None, "0055AED6DCD90281E5"])
def test_a_file_comes_back_from_json(sequencer: str | None) -> None:
    file = replace(
        FILE, sequencer=sequencer, last_modified=datetime(2024, 3, 15, 1, 2, 3, 4, timezone(timedelta(hours=2)))
    )
    again = SourceFile.from_dict(json.loads(json.dumps(file.to_dict())))
    assert again == file
    assert again.last_modified.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("0A", "09FF", 1),
        ("09FF", "0A", -1),
        ("0a", "0A00", 0),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", 0),
        (None, "0A", None),
        ("0A", None, None),
        ("", "0A", None),
        (None, None, None),
    ],
)
def test_sequencers_order_versions_where_both_have_one(one: str | None, other: str | None, order: int | None) -> None:
    assert compare_sequencers(one, other) == order
