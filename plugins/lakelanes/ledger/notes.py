"""Notes: small records of the lake itself, beside the files in the ledger's table, and turns to do a piece of work.

Most notes stand for good: there are as many as there are tables, views and watermarks, and each is written over. Those
that grow in number are given a time to be kept, after which DynamoDB deletes them, some day
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html). Whoever reads such a note has to do right
without it, and when it is still there:

    registered/<table>/...    that a partition is registered; without it Glue is asked once more
    told/...                  that an alert was sent of a message or a record; these come again for 14 days at most

No entry of a file, and nothing else of the ledger's table, has the attribute.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from lakelanes.ledger.entries import timestamp
from lakelanes.ledger.items import CURRENT, from_item, key, to_item
from lakelanes.ledger.table import LedgerTable

_PREFIX = "note:"
# Seconds since 1970, in the attribute that infrastructure/template.yaml names for DynamoDB's TTL.
EXPIRES = "expires_at"


def note_key(name: str) -> tuple[str, str]:
    """The key of a note's item: source and version."""
    return _PREFIX + name, CURRENT


class Notes(LedgerTable):
    """The notes of the ledger's table, by name: a watermark, a view's fingerprint, who is doing a piece of work."""

    def read_note(self, name: str) -> dict[str, Any]:
        """A note's values; {} when there is none. Strongly consistent."""
        return _values(self._get(_PREFIX + name, CURRENT))

    def read_notes(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Many notes by name, 100 a request; those that do not exist are left out."""
        items = self.read_items((_PREFIX + name, CURRENT) for name in names)
        return {item["source"]["S"].removeprefix(_PREFIX): _values(item) for item in items}

    def write_note(self, name: str, values: Mapping[str, Any], *, keep: timedelta | None = None) -> None:
        """Writes a note in the place of what was there. Values: texts, whole numbers, booleans, lists and maps. keep:
        how long it has to stay; None: for good."""
        expiry = {} if keep is None else {EXPIRES: math.ceil((self._clock() + keep).timestamp())}
        item = {**to_item({**values, **expiry}), **key(_PREFIX + name)}
        self._db.put_item(TableName=self.table, Item=item)

    def write_note_once(self, name: str, values: Mapping[str, Any]) -> bool:
        """Writes a note for good where there is none; False where there is another one."""
        item = {**to_item(values), **key(_PREFIX + name)}
        return self.put_if(item, "attribute_not_exists(#s)", {"#s": "source"}, {}) is None

    def take_turn(self, name: str, seconds: float) -> bool:
        """Takes a piece of work that is named by a note, for so many seconds; False when somebody else has it or has
        done it. ``write_note`` says that it is done: any note without ``until`` stands for good."""
        until = timestamp(self._clock() + timedelta(seconds=seconds))
        holder = uuid.uuid4().hex
        item = {**to_item({"until": until, "holder": holder}), **key(_PREFIX + name)}
        condition = "attribute_not_exists(#s) OR #u < :now"
        return self.put_if(item, condition, {"#s": "source", "#u": "until"}, {":now": self.now()}) is None

    def give_up_turn(self, name: str) -> None:
        """Lets somebody else take the work at once."""
        self.write_note(name, {"until": ""})


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in from_item(item).items() if name not in ("source", "version", EXPIRES)}
