"""What a query reads is computed from a file's own metadata: held against pyarrow's sizes and pages counted by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.pages import Reads, reads

PAGES, PAGE_ROWS = 8, 500
ROWS = PAGES * PAGE_ROWS
# Page n has the numbers from n * 1000 - 4000 on, names of the like, and the days from 1970 on: none is in two pages,
# and some are in none.
NUMBERS = [row // PAGE_ROWS * 1000 + row % PAGE_ROWS - 4000 for row in range(ROWS)]
NO_PAGE = (-3500, -3500)


def write(path: Path, groups: int = 1, **options: Any) -> pq.FileMetaData:
    """8 pages of 500 rows for each column, in one row group or several."""
    names = [f"name {number + 4000:05d}" for number in NUMBERS]
    days = [date(1970, 1, 1) + timedelta(number + 4000) for number in NUMBERS]
    table = pa.table({"id": pa.array(NUMBERS, pa.int64()), "name": names, "day": days})
    given = {"write_page_index": True, "use_dictionary": False, "compression": "none", **options}
    pq.write_table(table, path, row_group_size=ROWS // groups, max_rows_per_page=PAGE_ROWS, **given)
    return pq.read_metadata(path)


def sizes(metadata: pq.FileMetaData, group: int = 0) -> dict[str, int]:
    chunks = [metadata.row_group(group).column(place) for place in range(3)]
    return {chunk.path_in_schema: chunk.total_compressed_size for chunk in chunks}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


def test_without_a_condition_whole_column_chunks_are_read(path: Path) -> None:
    chunks = sizes(write(path))
    whole = chunks["id"] + chunks["day"]
    assert reads(path, ["id", "day"], {}) == Reads(whole, whole)


def test_row_groups_are_left_out_by_their_minima_and_maxima(path: Path) -> None:
    metadata = write(path, groups=4)
    found = {bounds: reads(path, ["id"], {"id": bounds}).by_chunk for bounds in [(0, 0), (-9999, -2500), (5000, 6000)]}
    assert found == {
        (0, 0): sizes(metadata, 2)["id"],
        (-9999, -2500): sizes(metadata, 0)["id"],
        (5000, 6000): 0,
    }


@pytest.mark.parametrize(
    ("bounds", "pages"),
    [
        ({"id": (-4000, -4000)}, 1),
        ({"id": (-9999, -4000)}, 1),
        ({"id": (-1, 0)}, 1),
        ({"id": (-501, 1000)}, 3),
        ({"id": (-501, 999)}, 2),
        ({"id": (-9999, 9999)}, 8),
        ({"id": NO_PAGE}, 0),
        ({"name": (b"name 01499", b"name 02000")}, 2),
        ({"name": (b"name 01500", b"name 01999")}, 0),
        ({"day": (7000, 7000)}, 1),
        ({"id": (-3000, -1), "day": (2000, 9000)}, 2),
        ({"id": (-4000, -4000), "day": (7000, 7000)}, 0),
    ],
)
def test_pages_are_read_that_every_condition_leaves(path: Path, bounds: dict[str, Any], pages: int) -> None:
    chunks = sizes(write(path))
    nothing = {"id": NO_PAGE, "name": (b"name 00500", b"name 00500"), "day": (500, 500)}
    found = reads(path, list(chunks), bounds)
    index = reads(path, list(chunks), {name: nothing[name] for name in bounds}).by_page
    assert found.by_chunk == sum(chunks.values())
    # Pages of a column are alike but for a few bytes in their headers.
    assert found.by_page - index == pytest.approx(pages * sum(chunks.values()) / PAGES, rel=0.01)
    assert 0 < index < sum(chunks.values()) / PAGES


def test_a_page_with_a_dictionary_needs_the_dictionary_too(path: Path) -> None:
    chunk = write(path, use_dictionary=["name"]).row_group(0).column(1)
    dictionary = chunk.data_page_offset - chunk.dictionary_page_offset
    columns, page = ["id", "name"], {"id": (0, 0)}
    with_dictionary = reads(path, columns, page).by_page - reads(path, columns, {"id": NO_PAGE}).by_page
    write(path)
    plain_id = reads(path, ["id"], page).by_page - reads(path, ["id"], {"id": NO_PAGE}).by_page
    assert chunk.has_dictionary_page
    assert dictionary < with_dictionary - plain_id < chunk.total_compressed_size


def test_without_a_page_index_the_chunk_is_read_and_without_statistics_every_chunk(path: Path) -> None:
    whole = sizes(write(path, write_page_index=False))["id"]
    assert reads(path, ["id"], {"id": NO_PAGE}) == Reads(whole, whole)
    whole = sizes(write(path, write_statistics=False))["id"]
    assert reads(path, ["id"], {"id": (9999, 9999)}) == Reads(whole, whole)


def test_a_page_of_nulls_is_left_out(path: Path) -> None:
    values = [None] * PAGE_ROWS + list(range(PAGE_ROWS))
    table = pa.table({"id": pa.array(values, pa.int32())})
    options: Any = {"use_dictionary": False, "compression": "none"}
    pq.write_table(table, path, write_page_index=True, max_rows_per_page=PAGE_ROWS, **options)
    found = reads(path, ["id"], {"id": (0, 9999)})
    assert PAGE_ROWS * 4 < found.by_page < PAGE_ROWS * 4 + 200


def test_other_files_and_types_are_refused(path: Path) -> None:
    path.write_bytes(b"id,name\n1,one\n")
    with pytest.raises(ValueError, match=r"ends with b'one\\n', expected b'PAR1'"):
        reads(path, ["id"], {})
    pq.write_table(pa.table({"id": [1.5]}), path)
    with pytest.raises(ValueError, match="minima and maxima of Parquet type 5 are not read here"):
        reads(path, ["id"], {"id": (1, 2)})
