"""A trial says what the lanes would do with a file, row for row, and keeps nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakelanes.draft.trial import REJECTS, ROWS, TrialError, try_file
from lakelanes.files.local_files import FolderDecidesError
from tests.support.lakes import SALES, make_config

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
PATTERN = r"sales_data_(\d{4})_(\d{2})_(\d{2})\.csv"


def written(folder: Path, text: str, name: str = "sales_data_2024_03_15.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def from_rows(**settings: Any) -> dict[str, Any]:
    keys = [{"name": "day", "column": "transaction_date", "format": "%d"}]
    return {**SALES, "filename_pattern": r"by_day\.csv", "partition_keys": keys, **settings}


def test_a_good_file_is_loaded_whole_and_its_first_rows_are_typed(tmp_path: Path) -> None:
    lines = [f"t{number},c,{number}.50,2024-03-15\n" for number in range(ROWS + 5)]
    found = try_file(make_config(), written(tmp_path, HEADER + "".join(lines)))
    assert (found.entity, found.partition, found.run) == ("sales", "year=2024/month=03/day=15", "2024-03-15")
    assert (found.state, found.reason, found.rows_loaded, found.rows_rejected) == ("loaded", None, ROWS + 5, 0)
    assert [row["transaction_id"] for row in found.rows] == [f"t{number}" for number in range(ROWS)]
    assert found.rows[3]["amount"] == Decimal("3.50")
    assert (found.rejects, found.reasons, found.notes) == ((), (), ())


def test_rejected_rows_are_told_one_by_one_and_by_reason(tmp_path: Path) -> None:
    bad = "".join(f"t,c,x{number},2024-03-15\n" for number in range(REJECTS + 7))
    found = try_file(make_config(), written(tmp_path, f"{HEADER}a,b\n{bad}t,c,1,2024-03-15\n"))
    assert (found.state, found.rows_loaded, found.rows_rejected) == ("loaded", 1, REJECTS + 8)
    assert len(found.rejects) == REJECTS
    assert (found.rejects[1].line, found.rejects[1].column, found.rejects[1].raw) == (3, "amount", "t,c,x0,2024-03-15")
    assert [(seen.first.column, seen.count, seen.lines) for seen in found.reasons] == [
        ("amount", REJECTS + 7, [3, 4, 5, 6, 7]),
        (None, 1, [2]),
    ]


def test_a_refused_file_has_no_rows_and_its_reason(tmp_path: Path) -> None:
    config = make_config({"sales": {**SALES, "on_bad_rows": "fail"}})
    found = try_file(config, written(tmp_path, f"{HEADER}t,c,1,2024-03-15\nt,c,x,2024-03-15\n"))
    assert (found.state, found.rows_loaded, found.rows_rejected, found.rows) == ("rejected", 0, 2, ())
    assert "on_bad_rows is 'fail'" in str(found.reason)
    assert [seen.first.line for seen in found.reasons] == [3, 2], "the fault comes first"


def test_a_name_that_spells_no_partition_refuses_its_file(tmp_path: Path) -> None:
    found = try_file(make_config(), written(tmp_path, HEADER, "sales_data_2024_02_31.csv"))
    assert (found.state, found.entity, found.partition) == ("rejected", "sales", None)
    assert "is not a date" in str(found.reason)


def test_a_file_of_no_entity_or_of_two_is_refused(tmp_path: Path) -> None:
    found = try_file(make_config(), written(tmp_path, HEADER, "other.csv"))
    assert (found.entity, found.state) == (None, "rejected")
    assert "no entity takes a file named 'other.csv'" in str(found.reason)
    twice = {"a": {**SALES, "table_name": "a"}, "b": {**SALES, "table_name": "b", "filename_pattern": PATTERN}}
    found = try_file(make_config(twice), written(tmp_path, HEADER))
    assert "matches 2 entities" in str(found.reason)
    assert "is ignored" in str(try_file(make_config(), written(tmp_path, "", "_SUCCESS")).reason)


def test_the_folder_decides_between_entities_of_one_pattern(tmp_path: Path) -> None:
    both = {name: {**SALES, "table_name": name, "source_prefix": f"{name}/"} for name in ("erp", "shop")}
    assert try_file(make_config(both), written(tmp_path / "in" / "shop", HEADER)).key == (
        "shop/sales_data_2024_03_15.csv"
    )
    with pytest.raises(FolderDecidesError, match=r"erp/ of erp, shop/ of shop.*--entity"):
        try_file(make_config(both), written(tmp_path, HEADER))


def test_a_pattern_with_folders_is_held_against_those_of_the_file(tmp_path: Path) -> None:
    config = make_config({"sales": {**SALES, "filename_pattern": r"(\d{4})/(\d{2})/(\d{2})/sales\.csv"}})
    found = try_file(config, written(tmp_path / "2024" / "03" / "15", HEADER, "sales.csv"))
    assert (found.key, found.partition) == ("2024/03/15/sales.csv", "year=2024/month=03/day=15")


def test_a_file_can_be_tried_as_one_of_an_entity_whatever_its_name(tmp_path: Path) -> None:
    config = make_config()
    path = written(tmp_path, f"{HEADER}t,c,1,2024-03-15\n", "sample.csv")
    found = try_file(config, path, config.entities["sales"])
    assert (found.state, found.rows_loaded, found.partition) == ("loaded", 1, None)
    assert "does not match it" in found.notes[0]


def test_rows_of_several_partitions_are_counted_by_partition(tmp_path: Path) -> None:
    config = make_config({"sales": from_rows()})
    days = [16, 15, 16, 17]
    rows = "".join(f"t{number},c,1,2024-03-{day}\n" for number, day in enumerate(days))
    found = try_file(config, written(tmp_path, HEADER + rows, "by_day.csv"))
    assert (found.partition, found.partitions) == (None, {"day=15": 1, "day=16": 2, "day=17": 1})
    assert [(row["transaction_id"], row["day"]) for row in found.rows] == [
        ("t1", "15"), ("t0", "16"), ("t2", "16"), ("t3", "17"),
    ]  # fmt: skip
    one = try_file(config, written(tmp_path, f"{HEADER}t,c,1,2024-03-15\n", "by_day.csv"))
    assert (one.partition, one.partitions) == ("day=15", {"day=15": 1})


def test_rows_of_too_many_partitions_refuse_the_file(tmp_path: Path) -> None:
    config = make_config({"sales": from_rows(max_partitions_per_file=1)})
    rows = "".join(f"t,c,1,2024-03-{day}\n" for day in (15, 16))
    found = try_file(config, written(tmp_path, HEADER + rows, "by_day.csv"))
    assert (found.state, found.rows) == ("rejected", ())
    assert "max_partitions_per_file" in str(found.reason)


def test_a_row_that_no_partition_can_have_is_rejected(tmp_path: Path) -> None:
    keys = [{"name": "customer", "column": "customer_id"}]
    config = make_config({"sales": from_rows(partition_keys=keys)})
    found = try_file(config, written(tmp_path, f"{HEADER}t,c,1,2024-03-15\nt,\x01,1,2024-03-15\n", "by_day.csv"))
    assert (found.rows_loaded, found.rows_rejected, found.rejects[0].line) == (1, 1, 3)


def test_a_table_of_format_csv_takes_the_file_as_it_is(tmp_path: Path) -> None:
    found = try_file(make_config({"sales": {**SALES, "format": "csv"}}), written(tmp_path, "anything\n"))
    assert (found.entity, found.state, found.rows_loaded) == ("sales", "loaded", None)


def test_a_file_that_is_not_there_cannot_be_tried(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="there is no file"):
        try_file(make_config(), tmp_path / "none.csv")
