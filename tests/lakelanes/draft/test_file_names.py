"""What names tell: the pattern of all such names, and their partition."""

from __future__ import annotations

import re

import pytest

from lakelanes.config.filename_patterns import FilenamePattern
from lakelanes.draft.file_names import column_name_of, plain, read_names, with_file_key


@pytest.mark.parametrize(
    ("names", "keys", "stem", "other"),
    [
        (["sales_2024-03-15.csv"], ["year", "month", "day"], "sales", "sales_2025-01-02.csv"),
        (["sales_20240315.csv.gz"], ["year", "month", "day"], "sales", "sales_20250102.csv"),
        (["Umsätze 15.03.2024.csv"], ["day", "month", "year"], "umsaetze", "Umsätze 01.02.2025.csv"),
        (["log-2024-03-15_07.csv"], ["year", "month", "day", "hour"], "log", "log-2024-03-16_23.csv"),
        (["export_20240315_073000.csv"], ["year", "month", "day"], "export", "export_20250102_112233.csv"),
        (["invoices_CH_2024-03.csv"], ["year", "month"], "invoices_ch", "invoices_CH_2025-12.csv"),
        (["budget_2024.csv"], ["year"], "budget", "budget_2025.csv"),
        (["20240315_orders_7.csv"], ["year", "month", "day"], "orders", "20250102_orders_12.csv"),
        (["a_x_2024-03-15.csv", "a_y_2024-03-16.csv"], ["year", "month", "day"], "a_x", "a_z_2024-03-17.csv"),
        (["(all) a+b.2024-03-15.csv"], ["year", "month", "day"], "all_a_b", "(all) a+b.2025-03-15.csv"),
    ],
)  # fmt: skip
def test_a_date_in_the_name_is_the_partition(names: list[str], keys: list[str], stem: str, other: str) -> None:
    found = read_names(names)
    assert (sorted(found.keys), found.stem) == (sorted(keys), stem)
    pattern = FilenamePattern(found.pattern)
    for name in (*names, other):
        match = pattern.fullmatch(name)
        assert match is not None, (found.pattern, name)
        assert sorted(match.groupdict()) == sorted(keys)
    assert pattern.fullmatch("x" + other) is None


def test_what_is_open_is_said() -> None:
    assert "time in" in " ".join(read_names(["export_20240315_073000.csv"]).doubts)
    assert "day, month, year" in " ".join(read_names(["x_01.02.2024.csv"]).doubts)
    assert "varies" in " ".join(read_names(["a_x_2024-03-15.csv", "a_y_2024-03-16.csv"]).doubts)
    assert "no date at the same place" in " ".join(read_names(["a_2024-03-15.csv", "a_latest.csv"]).doubts)


@pytest.mark.parametrize("name", ["customers.csv", "invoice_99999999.csv", "v2.csv", "data_20241399.csv"])
def test_numbers_that_are_no_date_are_no_partition(name: str) -> None:
    found = read_names([name])
    assert found.keys == []
    whole = with_file_key(found)
    match = FilenamePattern(whole.pattern).fullmatch(name)
    assert match is not None
    assert match.groupdict() == {"file": name.removesuffix(".csv")}


def test_names_of_different_lengths_have_a_pattern_as_well() -> None:
    found = read_names(["sales.csv", "sales new.csv"])
    assert re.fullmatch(found.pattern, "sales old one.csv")
    assert not re.fullmatch(found.pattern, "orders.csv")


def test_columns_have_names_that_athena_takes() -> None:
    assert column_name_of("Betrag (€)", 1, set()) == "betrag"
    assert column_name_of("Straße", 1, set()) == "strasse"
    assert column_name_of("2nd", 1, set()) == "c_2nd"
    assert column_name_of("名前", 3, set()) == "column_3"
    assert column_name_of("year", 1, {"year"}) == "year_2"
    assert plain("Ärger é") == "Aerger e"
