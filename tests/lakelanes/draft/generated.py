"""Files as companies send them: their rows, and what surrounds and spells them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

# Letters that cp1252, latin-1 and UTF-8 have, and what makes quotes necessary.
TEXTS = st.text("abcXYZ äöüßéÄÜ5.-/", min_size=0, max_size=12).map(str.strip)
AWKWARD = st.sampled_from(["a;b", 'say "hi"', "a,b", "zwei\nZeilen", "O'Neil", "\\N", "50 %", "#1", "NA", "-", "x|y"])
GERMAN = (
    "Kunden-Nr",
    "Straße",
    "Betrag (€)",
    "Datum",
    "Bezahlt",
    "Menge",
    "Änderung",
    "Größe",
    "E-Mail",
    "Preis netto",
)
PLAIN = ("id", "name", "amount", "Ordered At", "paid", "qty", "2nd", "note", "price_net", "shop.id")


@dataclass
class Written:
    """A file: its name and bytes, and the values of each column as the table is to have them; None for columns whose
    type is open."""

    name: str
    data: bytes
    values: list[list[Any]]
    kinds: list[str]


def _number(value: Decimal, comma: bool, grouped: bool) -> str:
    text = f"{value:,}" if grouped else f"{value}"
    return text.translate(str.maketrans(",.", ".,")) if comma else text


@st.composite
def column(draw: st.DrawFn, kind: str, rows: int, comma: bool, na: str) -> tuple[list[str], list[Any]]:
    """Texts of a column, and the values that they mean."""
    if kind == "amount":
        grouped = draw(st.booleans())
        drawn = draw(st.lists(st.decimals(-(10**6), 10**6, places=2), min_size=rows, max_size=rows))
        pairs = [(_number(value, comma, grouped), value) for value in drawn]
        # One of them shows which separator is which, as the amounts of real files do.
        pairs[0] = (_number(Decimal("12345.67"), comma, grouped), Decimal("12345.67"))
    elif kind == "whole":
        pairs = [
            (str(value), value)
            for value in draw(st.lists(st.integers(-(10**12), 10**12), min_size=rows, max_size=rows))
        ]
    elif kind == "id":
        pairs = [
            (text := f"{value:05d}", text)
            for value in draw(st.lists(st.integers(0, 9999), min_size=rows, max_size=rows))
        ]
    elif kind == "date":
        form = draw(st.sampled_from(["%d.%m.%Y", "%Y-%m-%d"]))
        drawn = draw(st.lists(st.dates(min_value=_day(2000), max_value=_day(2040)), min_size=rows, max_size=rows))
        pairs = [(value.strftime(form), value) for value in drawn]
    elif kind == "flag":
        true, false = draw(st.sampled_from([("ja", "nein"), ("true", "false"), ("Y", "N")]))
        drawn = [True, False, *draw(st.lists(st.booleans(), min_size=rows, max_size=rows))][:rows]
        pairs = [(true if value else false, value) for value in drawn]
    else:
        pairs = [(text, text) for text in draw(st.lists(TEXTS | AWKWARD, min_size=rows, max_size=rows))]
    if kind in ("amount", "whole", "date") and na:
        nulls = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
        pairs = [
            pair if at == 0 or not null else (na, None)
            for at, (pair, null) in enumerate(zip(pairs, nulls, strict=True))
        ]
    return [text for text, _ in pairs], [value for _, value in pairs]


def _day(year: int) -> Any:
    from datetime import date

    return date(year, 1, 1)


@st.composite
def files(draw: st.DrawFn) -> Written:
    """A file of 3 to 12 rows, in one of the usual encodings, with or without a title, a footer and packing."""
    rows = draw(st.integers(3, 12))
    german = draw(st.booleans())
    delimiter = ";" if german else draw(st.sampled_from([",", "\t", "|"]))
    kinds = draw(st.lists(st.sampled_from(["amount", "whole", "id", "date", "flag", "text"]), min_size=2, max_size=6))
    names = list((GERMAN if german else PLAIN)[: len(kinds)])
    na = draw(st.sampled_from(["", "", "NA", "-", "n/a"]))
    made = [draw(column(kind, rows, german, na)) for kind in kinds]
    records = [names, *map(list, zip(*(texts for texts, _ in made), strict=True))]
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    quote_all = draw(st.booleans())
    lines = [delimiter.join(_cell(cell, delimiter, quote_all) for cell in record) for record in records]
    if draw(st.booleans()):
        title = draw(st.sampled_from(["Umsätze März", "Report 2024"]))
        lines = [title, *([""] if draw(st.booleans()) else []), *lines]
    if len(kinds) > 2 and draw(st.booleans()):
        lines.append(draw(st.sampled_from(["Ende der Liste", f"{rows} Zeilen"])))
    data = (line_end.join(lines) + (line_end if draw(st.booleans()) else "")).encode(
        encoding := draw(st.sampled_from(["utf-8", "cp1252", "latin-1", "utf-8-sig", "utf-16"])), "replace"
    )
    packed = draw(st.booleans())
    name = f"umsatz_{draw(st.dates(min_value=_day(2000), max_value=_day(2040))):%Y-%m-%d}.csv" + ".gz" * packed
    del encoding
    return Written(name, gzip.compress(data, mtime=0) if packed else data, [values for _, values in made], kinds)


def _cell(cell: str, delimiter: str, quote_all: bool) -> str:
    awkward = any(sign in cell for sign in (delimiter, '"', "\n", "\r"))
    return '"' + cell.replace('"', '""') + '"' if awkward or quote_all else cell
