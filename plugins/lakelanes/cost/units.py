"""What DynamoDB bills and allows for the ledger's items: bytes, units, and the load on each key of its indexes.

A write takes a unit per 1 KB begun, a strongly consistent read one per 4 KB begun, and an eventually consistent one
half of that (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html). Each index
is written as well: once where an item comes, goes or changes under its key, and twice, at the old place and at the new
one, where its key changes (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html). A partition of a
table or an index takes 1,000 write units a second, and a key's items are in one as long as they are not split
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html); an index that does not
keep up throttles the writes to its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lakelanes.ledger.entries import Entry, timestamp
from lakelanes.ledger.items import Item

# Bytes of a write unit and of a read unit.
_WRITE_UNIT, _READ_UNIT = 1024, 4096
# Of a partition of a table or an index, a second.
PARTITION_WRITES, PARTITION_READS = 1000, 3000
# Beside its attributes, for storage
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
STORED_BESIDE = 100
# By index of the ledger's table its keys, as infrastructure/template.yaml has them. Both hold whole items.
INDEXES: Mapping[str, tuple[str, str]] = {
    "by_partition": ("entity_partition", "source"),
    "by_state": ("entity_state", "updated_at"),
}


@dataclass(frozen=True)
class Write:
    """Write units on one key of the table or of an index ('' for the table). key: with ENTITY, PARTITION and FILE for
    what differs."""

    index: str
    key: str
    units: int


def item_bytes(item: Item) -> int:
    """The size of an item: names and values of its attributes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def write_units(size: float) -> int:
    return max(1, -int(-size // _WRITE_UNIT))


def read_units(size: float, *, consistent: bool = True) -> float:
    """Of one request; a Query reads the sum of its items' sizes."""
    units = max(1, -int(-size // _READ_UNIT))
    return units if consistent else units / 2


def writes_of(before: Item | None, after: Item) -> list[Write]:
    """What putting an item in the place of another one (None: of none) writes."""
    found = [Write("", "FILE", max(write_units(item_bytes(item)) for item in (before or after, after)))]
    for index, keys in INDEXES.items():
        old, new = _place(before, keys), _place(after, keys)
        if before is not None and old is not None and old != new:
            found.append(Write(index, old[0], write_units(item_bytes(before))))
        if new is not None:
            changed = after if before is None or old != new else max((before, after), key=item_bytes)
            found.append(Write(index, new[0], write_units(item_bytes(changed))))
    return found


def file_items(source: str = "", entity: str = "", partition: str = "", target: str = "") -> tuple[Item, Item]:
    """The items of a file as a lane claims and as it loads it, without rejected rows; texts of usual lengths for those
    that are not given."""
    now = timestamp(datetime(2024, 3, 16, 1, 2, 3, tzinfo=UTC))
    etag = "0123456789abcdef" * 2
    claimed = Entry(
        source=source or "s3://example-lake-source/sales/sales_data_2024_03_15.csv",
        entity=entity or "ENTITY",
        lane="batch",
        owner="batch-12345-0123456789ab",
        run_id=f"load_{entity or 'ENTITY'}/scheduled__2024-03-16T00:00:00+00:00",
        token=1,
        attempts=1,
        lease_until=now,
        etag=etag,
        size=123_456,
        last_modified=now,
        partition=partition or "PARTITION",
        claimed_at=now,
        updated_at=now,
        tries=(now,),
    )
    loaded = replace(
        claimed,
        state="loaded",
        lease_until="",
        attempts=0,
        rows_loaded=12_345,
        rows_rejected=0,
        target=target
        or "s3://example-lake-analytics/sales_data/year=2024/month=03/day=15/sales_data_2024_03_15.parquet",
        target_etag=etag,
        live_etag=etag,
        live_rows=12_345,
        loaded_at=now,
        # Later than the claim, or the index by_state would see no change.
        updated_at=timestamp(datetime(2024, 3, 16, 1, 2, 4, tzinfo=UTC)),
    )
    return claimed.to_item(), loaded.to_item()


def file_writes(items: tuple[Item, Item] | None = None) -> list[Write]:
    """What the claim and the commit of a file write, key by key."""
    claimed, loaded = items or file_items()
    return [*writes_of(None, claimed), *writes_of(claimed, loaded)]


def by_key(writes: Sequence[Write]) -> dict[tuple[str, str], int]:
    """Units per index and key, the busiest key first."""
    sums: dict[tuple[str, str], int] = {}
    for write in writes:
        sums[write.index, write.key] = sums.get((write.index, write.key), 0) + write.units
    return dict(sorted(sums.items(), key=lambda one: -one[1]))


def _place(item: Item | None, keys: tuple[str, str]) -> tuple[str, str] | None:
    """Where an index has an item; None where it has it not."""
    if item is None or any(key not in item for key in keys):
        return None
    return str(item[keys[0]]["S"]), str(item[keys[1]]["S"])


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, plain),) = value.items()
    if kind == "S":
        return len(plain.encode())
    if kind == "N":
        # A byte for two digits, and one more.
        return -(-len(plain.strip("-").strip("0") or "0") // 2) + 1
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "L":
        return 3 + sum(1 + _value_bytes(one) for one in plain)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_bytes(one) for name, one in plain.items())
    raise TypeError(f"the ledger's table holds no attributes of type {kind}")
