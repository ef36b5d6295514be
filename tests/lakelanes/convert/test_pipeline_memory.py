"""Memory does not grow with the file: a process of its own converts a file that is generated as it is read."""

from __future__ import annotations

import pytest

from tests.support.memory import peak_mib

LIMIT_MIB = 300
PROGRAM = """
import sys
from datetime import date, timedelta
from types import SimpleNamespace
from lakelanes.convert import Destination, PartitionedTarget, Source, TargetTable, convert
from lakelanes.convert.partition_values import PartitionValue
from lakelanes.types import parse_type

kind, megabytes = sys.argv[1], int(sys.argv[2])
days = [str(date(2024, 1, 1) + timedelta(n)).encode() for n in range(1000)]
good = b"".join(b"T%09d,C%05d,%d.25,2024-03-15\\n" % (n, n * 37 % 99991, n) for n in range(25_000))
piece = {
    "clean": good,
    "sorted": good,
    "rejected": good.replace(b".25", b".255"),
    "refused": good,
    "partitioned": b"".join(b"T%09d,C%05d,%d.25,%s\\n" % (n, n * 37, n, days[n * 617 % 1000]) for n in range(25_000)),
}[kind]
header = b"id,customer,amount,day\\n" if kind != "refused" else b"id,customer,day,when\\n"


class Generated:
    def __init__(self):
        self.left, self.rest = megabytes * 1_000_000, memoryview(header)

    def read(self, size):
        if not self.rest and self.left > 0:
            self.rest, self.left = memoryview(piece), self.left - len(piece)
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


class Nowhere:
    written = 0

    def write(self, data):
        Nowhere.written += len(data)

    def close(self):
        pass

    abort = close


types = {"id": "string", "customer": "string", "amount": "decimal(10,2)", "day": "date"}
columns = [SimpleNamespace(name=name, type=parse_type(text)) for name, text in types.items()]
target = Nowhere
if kind == "partitioned":
    target = PartitionedTarget([PartitionValue("day")], lambda values: None, lambda values: Nowhere())
sort_by = ["customer"] if kind == "sorted" else []
conversion = convert(Source(Generated, "s"), Destination(target, Nowhere), TargetTable(columns, sort_by))
assert conversion.records > megabytes * 20_000, conversion
assert (conversion.rows_loaded > 0) == (kind in ("clean", "sorted", "partitioned")), conversion
assert len(conversion.partitions or ()) == (1000 if kind == "partitioned" else 0)
assert Nowhere.written > megabytes * 1000
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "megabytes"),
    [("clean", 300), ("sorted", 150), ("rejected", 60), ("refused", 60), ("partitioned", 300)],
)
def test_memory_stays_constant(kind: str, megabytes: int) -> None:
    assert peak_mib(PROGRAM, kind, str(megabytes)) < LIMIT_MIB
