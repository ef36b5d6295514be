"""Files of a small company, which no configuration knows, and what they hold."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Handed:
    """A file: its name and bytes, and what a question about it answers. sql: asks the table, named {table}."""

    name: str
    data: bytes
    rows: int
    sql: str
    answer: list[str]

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_bytes(self.data)
        return path


def invoices(month: int = 3) -> Handed:
    """Semicolons, decimal commas, German headers and words, Windows-1252."""
    places, lines, total = ("Zürich", "Genève", "Bern"), ["Rechnung;Ort;Betrag;Bezahlt;Fällig am"], Decimal(0)
    for number in range(240):
        amount = Decimal(number * 13_777 % 9_999_999) / 100
        total += amount
        due = date(2024, month, 1 + number % 28)
        text = f"{amount:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        paid = "ja" if number % 3 else "nein"
        lines.append(f"R{number:05};{places[number % 3]};{text};{paid};{due:%d.%m.%Y}")
    data = ("\r\n".join(lines) + "\r\n").encode("cp1252")
    return Handed(f"Rechnungen_CH_2024-{month:02}.csv", data, 240, "SELECT sum(betrag) FROM {table}", [str(total)])


def sensors() -> Handed:
    """Compressed; NA where a sensor was silent."""
    lines, silent = ["sensor,measured_at,temperature"], 0
    for number in range(500):
        silent += number % 10 == 0
        value = "NA" if number % 10 == 0 else f"{20 + number % 7}.{number % 10}"
        lines.append(f"s{number % 5},2024-03-15 {number % 24:02}:{number % 60:02}:00,{value}")
    data = gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)
    sql = "SELECT count(*) - count(temperature) FROM {table}"
    return Handed("sensors_2024-03-15.csv.gz", data, 500, sql, [str(silent)])


def orders() -> Handed:
    """The date is in the rows, and the name has none."""
    first = date(2024, 3, 1)
    lines = ["order_id,ordered_on,channel,quantity"]
    lines += [
        f"{10_000 + number},{first + timedelta(number % 20)},{'web' if number % 4 else 'shop'},{number % 9}"
        for number in range(400)
    ]
    total = sum(number % 9 for number in range(400) if number % 4 == 0)
    sql = "SELECT sum(quantity) FROM {table} WHERE channel = 'shop'"
    return Handed("orders_export.csv", ("\n".join(lines) + "\n").encode(), 400, sql, [str(total)])


def stock() -> Handed:
    """Tabs, a title above the header, a sum below the rows."""
    lines = ["Lagerbestand vom 15.03.2024", "", "Artikel\tLager\tBestand"]
    lines += [f"{number:06}\tL{number % 4}\t{number * 3}" for number in range(1, 121)]
    total = sum(number * 3 for number in range(1, 121))
    lines.append(f"Summe\t\t{total}")
    sql = "SELECT sum(bestand), min(artikel) FROM {table}"
    return Handed("lagerbestand_20240315.txt", ("\n".join(lines) + "\n").encode(), 120, sql, [str(total), "000001"])


def customers() -> Handed:
    """A byte order mark; quotes with delimiters and line ends within; leading zeros."""
    lines = ['"customer","name","postcode","since"']
    for number in range(60):
        name = f"Smith, {number}" if number % 2 else f"Meier\n& Co {number}"
        lines.append(f'"{number}","{name}","0{1000 + number}","{date(2020, 1, 1) + timedelta(number)}"')
    sql = "SELECT count(*), min(postcode) FROM {table} WHERE name LIKE 'Meier%'"
    return Handed(
        "customers-2024-03.csv", b"\xef\xbb\xbf" + ("\r\n".join(lines) + "\r\n").encode(), 60, sql, ["30", "01000"]
    )


def all_files() -> list[Handed]:
    return [invoices(), sensors(), orders(), stock(), customers()]
