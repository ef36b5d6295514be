"""A column's type is the narrowest that takes every text, and what is open is said."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.draft.columns import is_day_first
from tests.lakelanes.draft.support import proposed


@pytest.mark.parametrize(
    ("values", "kind", "settings"),
    [
        (["1", "-20", ""], "bigint", {}),
        (["12345678901234567890"], "decimal(38,0)", {}),
        (["1" * 39], "string", {}),
        (["007", "12"], "string", {}),
        (["+41791234567"], "string", {}),
        (["1.5", "20"], "decimal(12,2)", {}),
        (["1234567890.25"], "decimal(18,2)", {}),
        (["0.12345", "1"], "decimal(12,5)", {}),
        (["1.234,50", "7,5"], "decimal(12,2)", {"decimal_separator": ",", "thousands_separator": "."}),
        (["1'234.50"], "decimal(12,2)", {"thousands_separator": "'"}),
        (["1\u00a0234,50"], "decimal(12,2)", {"decimal_separator": ",", "thousands_separator": "\u00a0"}),
        (["1,234,567", "12,345,678"], "bigint", {"thousands_separator": ","}),
        (["12.50-", "1.00"], "decimal(12,2)", {"trailing_minus": True}),
        (["(12.50)", "1.00"], "decimal(12,2)", {"parentheses": True}),
        (["$12.50", "-$1.00"], "decimal(12,2)", {"currencies": ["$"]}),
        (["12,50 EUR"], "decimal(12,2)", {"decimal_separator": ",", "currencies": ["EUR"]}),
        (["12.5%", "3 %"], "decimal(12,2)", {"percent": "number"}),
        (["1.5e-30", "nan", "2"], "double", {}),
        (["true", "False"], "boolean", {}),
        (["Y", "n"], "boolean", {}),
        (["Ja", "nein"], "boolean", {"true_values": ["ja"], "false_values": ["nein"]}),
        (["y"], "string", {}),
        (["2024-03-15"], "date", {}),
        (["15.03.2024", "1.2.2024"], "date", {"date_format": "%d.%m.%Y"}),
        (["03/15/2024", "01/02/2024"], "date", {"date_format": "%m/%d/%Y"}),
        (["2024-03-15", "2024-02-30"], "string", {}),
        (["2024-03-15 07:30:00", "2024-03-15T07:30:00Z"], "timestamp", {}),
        (["15.03.2024 07:30"], "timestamp", {"timestamp_format": "%d.%m.%Y %H:%M"}),
        (["2024-03-15 07:30:00.1234567"], "timestamp", {"beyond_microseconds": "cut"}),
        (["a", "1"], "string", {}),
    ],
)
def test_a_type_takes_every_text(values: list[str], kind: str, settings: dict[str, Any]) -> None:
    found = proposed(values)
    assert (found.type.text, found.settings) == (kind, settings)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([""], "nothing shows its type"),
        (["007"], "leading zeros ('007', line 2)"),
        (["01/02/2024"], "fit %d/%m/%Y and %m/%d/%Y"),
        (["1,234"], "may be 1.234 or 1234"),
        (["0", "1"], "may be a boolean"),
        (["1710487800"], "epoch_seconds"),
        (["12%"], "'fraction' makes 0.12"),
        (["$1.00", "1.00 EUR"], "several currencies"),
        (["15.03.24"], "69 to 99 are 19.."),
        (["2024-03-15 07:30:00.1234567"], "cut off"),
        (["NA", "Zug"], "if it means null"),
    ],
)
def test_what_is_doubtful_is_said(values: list[str], said: str) -> None:
    assert said in " ".join(proposed(values).doubts)


def test_words_for_null_are_null_in_columns_that_are_no_text() -> None:
    found = proposed(["NA", "5", "-"])
    assert (found.type.text, found.nulls) == ("bigint", ("NA", "-"))
    assert proposed(["NA", "Zug"]).nulls == ()


def test_other_columns_decide_what_a_column_leaves_open() -> None:
    assert proposed(["1,234"], style=(".", ",")).type.text == "bigint"
    assert proposed(["1,234"], style=(",", None)).type.text == "decimal(12,3)"
    assert not proposed(["1,234"], style=(",", None)).doubts
    assert proposed(["01/02/2024"], day_first=False).settings == {"date_format": "%m/%d/%Y"}


def test_days_without_separators_are_days_only_where_the_name_says_so() -> None:
    assert proposed(["20240315"], "Buchungsdatum").settings == {"date_format": "%Y%m%d"}
    assert proposed(["20240315"], "number").type.text == "bigint"


def test_the_widest_value_is_named_with_its_line() -> None:
    assert proposed(["1.5", "123456.78", "2.25"]).widest == "123456.78"


@pytest.mark.parametrize(("form", "expected"), [("%d/%m/%Y", True), ("%m/%d/%y", False), ("%Y-%m-%d", None)])
def test_the_order_of_day_and_month(form: str, expected: bool | None) -> None:
    assert is_day_first(form) is expected
