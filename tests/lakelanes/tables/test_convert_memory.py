"""Memory does not grow with the export: a process of its own converts data files that are made as they are read."""

from __future__ import annotations

import json

import pytest

from tests.lakelanes.tables.support import ORDERS
from tests.support.memory import peak_mib

LIMIT_MIB = 300
PROGRAM = """
import hashlib, json, sys
from lakelanes.config.model import Table
from lakelanes.tables import convert
from lakelanes.tables.manifests import DataFile, md5_text

megabytes = int(sys.argv[1])
table = Table.model_validate(
    {"dynamodb_table": "t-1", "table_name": "t", "keys": ["order_id"], "schema": json.loads(sys.argv[2])})
piece = b"".join(
    json.dumps({"Item": {"order_id": {"S": f"o-{n}"}, "total": {"N": f"{n}.25"}, "note": {"S": "x" * (n * 37 % 400)}}})
    .encode() + b"\\n" for n in range(5000))
pieces = megabytes * 1_000_000 // len(piece)
digest = hashlib.md5()
for _ in range(pieces):
    digest.update(piece)


class Source:
    def __init__(self, file):
        self.left, self.rest = pieces, memoryview(b"")

    def read(self, size):
        if not self.rest and self.left:
            self.rest, self.left = memoryview(piece), self.left - 1
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


class Nowhere:
    def __init__(self, number):
        pass

    def write(self, data):
        pass

    def close(self):
        pass

    abort = close


files = [DataFile("b", f"{n}", pieces * 5000, md5_text(digest)) for n in range(2)]
rows = convert.convert_files(table, 1, files, Source, Nowhere, threads=2)
assert sum(rows.values()) == 2 * pieces * 5000, rows
"""


@pytest.mark.long
def test_memory_stays_constant() -> None:
    assert peak_mib(PROGRAM, "150", json.dumps(ORDERS)) < LIMIT_MIB
