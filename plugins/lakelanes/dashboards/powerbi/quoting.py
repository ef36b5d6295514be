"""Names and texts in the languages of a Power BI project: DAX, M, TMDL, and the literals of its queries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from lakelanes.dashboards.view_columns import DATES, ColumnKind

# https://learn.microsoft.com/en-us/analysis-services/tmdl/tmdl-overview: a name with one of these has to be in quotes.
_QUOTED_IN_TMDL = set(".=:'")


def dax_table(name: str) -> str:
    """A table's name in DAX: in single quotes, an inner one doubled (https://learn.microsoft.com/en-us/dax/dax-syntax-reference)."""
    return "'" + name.replace("'", "''") + "'"


def dax_column(table: str, name: str) -> str:
    """A column with its table, in DAX."""
    return dax_table(table) + dax_measure(name)


def dax_measure(name: str) -> str:
    """A measure in DAX: in brackets, a closing one doubled."""
    return "[" + name.replace("]", "]]") + "]"


def m_string(text: str) -> str:
    """A text literal of M: quotes doubled, control characters and what looks like an escape escaped.

    https://learn.microsoft.com/en-us/powerquery-m/m-spec-lexical-structure
    """
    escaped = text.replace("#(", "#(#)(").replace('"', '""')
    return '"' + "".join(f"#({ord(sign):04X})" if sign < " " else sign for sign in escaped) + '"'


def m_identifier(name: str) -> str:
    """A quoted identifier of M."""
    return "#" + m_string(name)


def tmdl_name(name: str) -> str:
    """A name in TMDL: in single quotes, inner ones doubled, where it is more than one plain word."""
    if name and not any(sign in _QUOTED_IN_TMDL or sign.isspace() for sign in name):
        return name
    return "'" + name.replace("'", "''") + "'"


def tmdl_text(text: str) -> str:
    """A text as the value of a property of TMDL: in double quotes where it would not be read as it is."""
    if text and text == text.strip() and not text.startswith('"'):
        return text
    return '"' + text.replace('"', '""') + '"'


def literal(value: str | int | bool | date | Decimal, kind: ColumnKind) -> str:
    """A literal of a semantic query (the reports' JSON schema ``semanticQuery``) for a column of this kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind in DATES or isinstance(value, date):
        return f"datetime'{value}T00:00:00'"
    if isinstance(value, int | Decimal):
        is_whole = kind == "whole" and value == int(value)
        return f"{int(value)}L" if is_whole else f"{Decimal(value):f}D"
    return text_literal(value)


def text_literal(text: str) -> str:
    """A text as a literal of a semantic query."""
    return "'" + text.replace("'", "''") + "'"
