"""All faults of all dialects, and of all columns' own settings, are reported at once."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.lakelanes.config.support import changed, faults, parse

WRONG = {"delimiter": "", "quote": "xx", "date_format": "%q", "null_values": [""], "thousands_separator": "x"}
PATH = "entities.sales.dialect"


def test_every_fault_of_a_dialect_is_reported() -> None:
    found = faults(changed(PATH, WRONG))
    assert [fault.split(" is ")[0] for fault in found] == [
        f"{PATH}: delimiter",
        f"{PATH}: quote",
        f"{PATH}: date_format",
        f"{PATH}: thousands_separator",
    ]


def test_so_are_those_beside_a_setting_that_is_unknown_or_of_another_type() -> None:
    found = faults(changed(PATH, {"delimiter": "", "quot": "'", "skip_rows": -1, "quote": "xx"}))
    assert sorted(fault.split(": ")[0] for fault in found) == [PATH, PATH, f"{PATH}.quot", f"{PATH}.skip_rows"]


def test_so_are_those_of_every_entity() -> None:
    raw = changed(PATH, {"delimiter": ""})
    raw["entities"]["more"] = copy.deepcopy(raw["entities"]["sales"]) | {
        "table_name": "more",
        "filename_pattern": r"more_(\d{4})_(\d{2})_(\d{2})\.csv",
        "dialect": {"encoding": "utf-99"},
    }
    raw["entities"]["more"].pop("example", None)
    assert {fault.split(":")[0] for fault in faults(raw)} == {PATH, "entities.more.dialect"}


def test_settings_that_exclude_each_other_are_one_fault() -> None:
    both: dict[str, Any] = {"pad_short_rows": True, "trailing_delimiter": True, "quote": ","}
    assert len(faults(changed(PATH, both))) == 2


def test_every_fault_of_the_columns_own_settings_is_reported_with_the_column() -> None:
    raw = changed("entities.sales.schema.2.thousands_separator", "x")
    raw["entities"]["sales"]["schema"][3]["date_format"] = "%q"
    raw["entities"]["sales"]["dialect"] = {"delimiter": ""}
    found = faults(raw)
    assert any(fault.startswith("entities.sales: schema[2], column 'amount': thousands_separator") for fault in found)
    assert any(fault.startswith("entities.sales: schema[3], column 'transaction_date': date_format") for fault in found)
    assert any(fault.startswith(f"{PATH}: delimiter") for fault in found)
    assert len(found) == len(set(found)) == 3


def test_a_column_that_contradicts_the_dialect_is_a_fault() -> None:
    raw = changed("entities.sales.schema.2.thousands_separator", ",")
    raw["entities"]["sales"]["dialect"] = {"decimal_separator": ","}
    assert len(faults(raw)) == 1


@pytest.mark.parametrize("dialect", [None, [], "x", {"null_values": "x"}, {"delimiter": 5}])
def test_what_is_no_dialect_is_one_fault_and_no_crash(dialect: Any) -> None:
    assert len(faults(changed(PATH, dialect))) >= 1


def test_a_good_dialect_has_none() -> None:
    assert parse(changed(PATH, {"delimiter": ";", "null_values": ["", "NA"]}))
