"""Names and texts stay what they are, whatever signs they have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from lakelanes.dashboards.powerbi.quoting import (
    dax_column,
    dax_measure,
    dax_table,
    literal,
    m_identifier,
    m_string,
    text_literal,
    tmdl_name,
    tmdl_text,
)
from lakelanes.dashboards.view_columns import ColumnKind


def test_names_in_dax() -> None:
    assert dax_table("o'brien") == "'o''brien'"
    assert dax_measure("a]b[c") == "[a]]b[c]"
    assert dax_column("o'brien", "a]b") == "'o''brien'[a]]b]"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('say "so"', '"say ""so"""'),
        ("#(lf)", '"#(#)(lf)"'),
        ("a\nb", '"a#(000A)b"'),
        ("\N{GREEK SMALL LETTER BETA}", '"\N{GREEK SMALL LETTER BETA}"'),
    ],
)
def test_texts_in_m(text: str, quoted: str) -> None:
    assert m_string(text) == quoted
    assert m_identifier(text) == f"#{quoted}"


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("sales", "sales"),
        ("a b", "'a b'"),
        ("a=b", "'a=b'"),
        ("a:b", "'a:b'"),
        ("a.b", "'a.b'"),
        ("o'b", "'o''b'"),
        ("", "''"),
    ],
)
def test_names_in_tmdl(name: str, quoted: str) -> None:
    assert tmdl_name(name) == quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("#,0", "#,0"),
        ('#,0 "CHF"', '#,0 "CHF"'),
        ('"CHF" 0', '"""CHF"" 0"'),
        (" 0", '" 0"'),
        ("0 ", '"0 "'),
        ("", '""'),
    ],
)
def test_texts_in_tmdl(text: str, quoted: str) -> None:
    assert tmdl_text(text) == quoted


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        ("o'brien", "text", "'o''brien'"),
        (True, "boolean", "true"),
        (False, "boolean", "false"),
        (7, "whole", "7L"),
        (7, "double", "7D"),
        (7, "decimal", "7D"),
        (Decimal("2.50"), "decimal", "2.50D"),
        (Decimal("2.50"), "whole", "2.50D"),
        (Decimal("3.0"), "whole", "3L"),
        (Decimal("1E+3"), "double", "1000D"),
        ("2024-02-29", "date", "datetime'2024-02-29T00:00:00'"),
        (date(2024, 2, 29), "timestamp", "datetime'2024-02-29T00:00:00'"),
    ],
)
def test_literals_of_queries(value: str | int | bool | date | Decimal, kind: ColumnKind, written: str) -> None:
    assert literal(value, kind) == written
    assert text_literal("it's") == "'it''s'"
