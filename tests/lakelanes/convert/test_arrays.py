"""numpy's arrays become Arrow's, and what makes them so does not bring in what takes long to import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from lakelanes.convert.arrays import of_numbers, of_truths

_CONVERT = """
import io, sys
from lakelanes.convert import Destination, Source, TargetTable, convert
from tests.lakelanes.convert.support import SALES, Sinks, table_columns

bad = ["1,unknown,2024-02-30", "2,x", "3,1e400,2024-01-01", "4,123456789012.50,2024-13-01", '5,"12,5x",2024-01-01,6']
rows = [f"{number},{number}.50,2024-01-{number % 28 + 1:02}" for number in range(100)]
data = "\\n".join(["id,amount,day", *rows, *bad, *rows, "7,1e2,2024-01-01", *rows]).encode()
table = TargetTable(table_columns(SALES))
done = convert(Source(lambda: io.BytesIO(data), "s.csv"), Destination(Sinks(), Sinks()), table)
print(done.rows_loaded, done.rows_rejected, *sorted({"numpy.ma", "_strptime"} & set(sys.modules)))
"""


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.float64])
def test_numbers_keep_their_type_and_order(kind: type[np.number]) -> None:
    values = np.arange(-4, 9).astype(kind)
    assert of_numbers(values).equals(pa.array(values))
    assert of_numbers(values[::-3]).equals(pa.array(values[::-3]))


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64, 65])
def test_truths_are_packed_bit_by_bit(count: int) -> None:
    values = np.arange(count) % 3 == 0
    assert of_truths(values).equals(pa.array(values))


def test_a_file_with_bad_rows_imports_nothing_that_takes_long() -> None:
    done = subprocess.run([sys.executable, "-c", _CONVERT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["301", "5"]
