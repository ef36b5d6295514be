"""Sample source files for the entities of include/lake.json: a chain of stores with a web shop, and its exact totals.

    python scripts/sample_data.py --out DIR [--seed N] [--days N] [--end YYYY-MM-DD]
    python scripts/sample_data.py --bucket NAME [...]        # AWS_ENDPOINT_URL and credentials as for any AWS tool

The same seed and end date give the same files, byte for byte, whatever the number of days. The files are as files come
in practice: with and without a byte order mark, LF and CRLF, columns in another order, quoted delimiters and line ends,
text in several scripts, empty fields; a few rows are broken on purpose, and one file belongs to no entity. Every broken
row is listed with its line, so that what the lake rejects can be checked against what was broken.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3

DEFAULT_SEED = 20240315
DEFAULT_DAYS = 60
DEFAULT_END = date(2024, 3, 31)

WEB_SHOP = "WEB"
# Store -> name, share of the stores' sales.
STORES = {
    "S01": ("Zürich Hauptbahnhof", 0.22),
    "S02": ("Genève Rive", 0.16),
    "S03": ("Köln Neumarkt", 0.15),
    "S04": ("København K", 0.12),
    "S05": ("São Paulo, Jardins", 0.11),
    "S06": ("東京 銀座", 0.10),
    "S07": ('Lyon "Part-Dieu"', 0.08),
    "S08": ("Kraków Rynek", 0.06),
}
# Category -> share of the sales, typical price of one piece in cents.
CATEGORIES = {
    "Groceries": (0.38, 780),
    "Household": (0.19, 1650),
    "Clothing": (0.17, 4200),
    "Toys": (0.10, 2450),
    "Books": (0.09, 1890),
    "Electronics": (0.07, 12900),
}
STORE_SALES_A_DAY = 1300
SESSIONS_AN_HOUR = 100
# Monday first.
WEEKDAYS = (0.80, 0.82, 0.88, 0.97, 1.22, 1.48, 0.66)
HOURS = (
    *(0.35, 0.22, 0.16, 0.14, 0.16, 0.28, 0.52, 0.83, 1.02, 1.12, 1.20, 1.28),
    *(1.42, 1.30, 1.18, 1.14, 1.20, 1.36, 1.58, 1.86, 2.02, 1.78, 1.22, 0.66),
)
CONVERSION = 0.042
NOTES = (
    'Gift wrap, with the "birthday" card',
    "Grüezi, bitte 2x läuten",
    "Leave it at the door\nring twice",
    "à retirer; pièce d'identité",
    "返品は7日以内、レシート必要",
    "O'Brien & sons, 1st floor",
    "line one\r\nline two\n\nline four",
    "tip included ☕",
)
REFERRERS = (
    None,
    "https://search.example/?q=shoes,red",
    "https://news.example/a/b",
    'newsletter "spring"',
    "https://例え.example/",
)


@dataclass(frozen=True)
class Defect:
    """A row broken on purpose: the line it starts on (the first being 1), and the table's column at fault, if any."""

    key: str
    line: int
    column: str | None
    kind: str


@dataclass(frozen=True)
class SampleFile:
    """A source file. ``total`` is the exact sum of ``Totals.summed`` in its good rows; entity None: it is no one's."""

    key: str
    body: bytes
    entity: str | None
    good: int = 0
    total: Decimal = Decimal(0)
    defects: tuple[Defect, ...] = ()


@dataclass
class Totals:
    """What was written for one entity; ``summed`` is the column that ``total`` is the sum of, over good rows."""

    entity: str
    table: str
    summed: str
    files: int = 0
    good: int = 0
    bad: int = 0
    total: Decimal = Decimal(0)
    bytes: int = 0


@dataclass
class Manifest:
    """What was written: totals by entity, every broken row, and the files that belong to no entity."""

    entities: dict[str, Totals] = field(
        default_factory=lambda: {
            "sales": Totals("sales", "sales_data", "amount"),
            "web_sessions": Totals("web_sessions", "web_sessions", "page_views"),
            "store_targets": Totals("store_targets", "store_targets", "revenue_target"),
        }
    )
    defects: list[Defect] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)

    def add(self, file: SampleFile) -> None:
        """Counts a file in."""
        if file.entity is None:
            self.unmatched.append(file.key)
            return
        totals = self.entities[file.entity]
        totals.files += 1
        totals.good += file.good
        totals.bad += len(file.defects)
        totals.total += file.total
        totals.bytes += len(file.body)
        self.defects.extend(file.defects)

    def __str__(self) -> str:
        lines = [f"{'entity':14}{'files':>7}{'good rows':>11}{'bad rows':>10}{'bytes':>13}  total of the good rows"]
        for t in self.entities.values():
            lines.append(f"{t.entity:14}{t.files:>7,}{t.good:>11,}{t.bad:>10,}{t.bytes:>13,}  {t.summed} {t.total:,}")
        return "\n".join([*lines, *(f"no entity's: {key}" for key in self.unmatched)])


class SampleData:
    """The sample files of the ``days`` days that end with ``end``."""

    def __init__(self, seed: int = DEFAULT_SEED, days: int = DEFAULT_DAYS, end: date = DEFAULT_END) -> None:
        if days < 1:
            raise ValueError(f"days is {days}, expected 1 or more")
        self.seed = seed
        self.dates = [end - timedelta(days=back) for back in reversed(range(days))]

    def files(self) -> Iterator[SampleFile]:
        """All files: per month its targets, per day its sales and 24 hours of sessions, and the one nobody takes."""
        for month in dict.fromkeys(day.replace(day=1) for day in self.dates):
            yield self._targets(month)
        for day in self.dates:
            visits = self._visits(day)
            yield self._sales(day, visits)
            for hour in range(24):
                yield self._sessions(day, hour, [visit for visit in visits if visit.started.hour == hour])
        name = f"sales/Sales data {self.dates[-1]:%B} (final) ünbereinigt.csv"
        yield SampleFile(name, b"Region,Total\nNorth,1200\nSouth,900\n", None)

    def _random(self, *what: object) -> random.Random:
        # A generator of its own for each file, so that no file depends on which others are made.
        return random.Random("/".join(map(str, (self.seed, *what))))

    def _visits(self, day: date) -> list[Visit]:
        rng = self._random("visits", day)
        visits: list[Visit] = []
        for hour in range(24):
            expected = SESSIONS_AN_HOUR * HOURS[hour] * _trend(day) * (0.9 + 0.2 * rng.random())
            for _ in range(round(expected)):
                started = datetime(day.year, day.month, day.day, hour) + timedelta(seconds=rng.randrange(3600))
                converted = rng.random() < CONVERSION
                visits.append(Visit(started, converted, _customer(rng) if converted or rng.random() < 0.3 else None))
        visits.sort(key=lambda visit: visit.started)
        return visits

    def _sales(self, day: date, visits: list[Visit]) -> SampleFile:
        rng = self._random("sales", day)
        midnight = datetime(day.year, day.month, day.day)
        shops, shares = list(STORES), [share for _, share in STORES.values()]
        sold: list[tuple[datetime, str, str | None]] = []
        for _ in range(round(STORE_SALES_A_DAY * _trend(day) * (0.93 + 0.14 * rng.random()))):
            at = midnight + timedelta(seconds=rng.randrange(8 * 3600, 20 * 3600))
            sold.append((at, rng.choices(shops, shares)[0], _customer(rng) if rng.random() < 0.8 else None))
        # Every converted visit is one order of the web shop, in the same hour.
        sold += [(visit.started, WEB_SHOP, visit.customer) for visit in visits if visit.converted]
        sold.sort(key=lambda sale: sale[0])

        columns = [
            *("transaction_id", "customer_id", "amount", "transaction_date", "sold_at"),
            *("store_id", "product_category", "quantity", "note"),
        ]
        # What a Sunday sends comes from another till, with its columns in another order.
        order = list(reversed(columns)) if day.weekday() == 6 else columns
        table = _Table(
            f"sales/sales_data_{day:%Y_%m_%d}.csv",
            order,
            line_end="\r\n" if day.day % 10 == 5 else "\n",
            bom=day.day == 1,
        )
        broken = _choose_defects(rng, SALES_DEFECTS, day.toordinal(), every=4, rows=len(sold))
        total = 0
        for number, (at, shop, customer) in enumerate(sold):
            category = rng.choices(list(CATEGORIES), [share for share, _ in CATEGORIES.values()])[0]
            quantity = rng.choices((1, 2, 3, 4, 6, 10), (60, 22, 9, 5, 3, 1))[0]
            if rng.random() < 0.012:
                quantity = -1
            cents = quantity * max(95, round(CATEGORIES[category][1] * rng.lognormvariate(-0.1, 0.45)))
            row = {
                "transaction_id": f"T{day:%Y%m%d}-{number:05d}",
                "customer_id": customer,
                "amount": _money(cents),
                "transaction_date": day.isoformat(),
                "sold_at": at.isoformat(" "),
                "store_id": shop,
                "product_category": category,
                "quantity": quantity,
                "note": rng.choice(NOTES) if rng.random() < 0.03 else None,
            }
            if number in broken:
                table.write_broken(row, broken[number])
            else:
                table.write(row)
                total += cents
        return table.finish("sales", Decimal(total).scaleb(-2))

    def _sessions(self, day: date, hour: int, visits: list[Visit]) -> SampleFile:
        rng = self._random("sessions", day, hour)
        columns = [
            *("session_id", "started_at", "ended_at", "customer_id"),
            *("page_views", "is_mobile", "converted", "referrer"),
        ]
        table = _Table(
            f"web/{day:%Y-%m}/web_sessions_{day:%Y%m%d}T{hour:02d}.csv",
            columns,
            line_end="\r\n" if (day.day + hour) % 29 == 0 else "\n",
        )
        broken = _choose_defects(rng, SESSION_DEFECTS, day.toordinal() * 24 + hour, every=113, rows=len(visits))
        total = 0
        for number, visit in enumerate(visits):
            bounced = not visit.converted and rng.random() < 0.35
            page_views = 1 if bounced else 2 + int(rng.expovariate(0.25)) + 4 * visit.converted
            ended = visit.started + timedelta(milliseconds=rng.randrange(5_000, 1_500_000))
            row = {
                "session_id": f"{rng.getrandbits(64):016x}",
                "started_at": visit.started.isoformat(" "),
                "ended_at": None if bounced else ended.isoformat(" ", "milliseconds"),
                "customer_id": visit.customer,
                "page_views": page_views,
                "is_mobile": _boolean(rng.random() < 0.62),
                "converted": _boolean(visit.converted),
                "referrer": rng.choices(REFERRERS, (50, 25, 12, 8, 5))[0],
            }
            if number in broken:
                table.write_broken(row, broken[number])
            else:
                table.write(row)
                total += page_views
        return table.finish("web_sessions", Decimal(total))

    def _targets(self, month: date) -> SampleFile:
        rng = self._random("targets", month)
        table = _Table(
            f"targets/store_targets_{month:%Y_%m}.csv.gz",
            ["store_id", "store_name", "product_category", "revenue_target"],
            delimiter=";",
            line_end="\r\n",
            bom=True,
            quoting=csv.QUOTE_ALL,
        )
        following = (month + timedelta(days=31)).replace(day=1)
        days = [month + timedelta(days=number) for number in range((following - month).days)]
        trend = sum(map(_trend, days))
        orders = SESSIONS_AN_HOUR * sum(HOURS) * CONVERSION
        shops = {store: (name, share * STORE_SALES_A_DAY) for store, (name, share) in STORES.items()}
        shops[WEB_SHOP] = ("Web shop", orders)
        rows = [(shop, name, category, a_day) for shop, (name, a_day) in shops.items() for category in CATEGORIES]
        broken = _choose_defects(rng, TARGET_DEFECTS, month.month, every=1, rows=len(rows))
        total = 0
        for number, (shop, name, category, sales_a_day) in enumerate(rows):
            share, price = CATEGORIES[category]
            # To the next hundred, as people set targets; 1.8 is about what an average sale has in pieces.
            cents = round(trend * sales_a_day * share * price * 1.8 * (0.9 + 0.2 * rng.random()) / 10_000) * 10_000
            row = {"store_id": shop, "store_name": name, "product_category": category, "revenue_target": _money(cents)}
            if number in broken:
                table.write_broken(row, broken[number])
            else:
                table.write(row)
                total += cents
        file = table.finish("store_targets", Decimal(total).scaleb(-2))
        # Without a time of day in its header the archive is the same each time.
        body = gzip.compress(file.body, 6, mtime=0)
        return SampleFile(file.key, body, file.entity, file.good, file.total, file.defects)


@dataclass(frozen=True)
class Visit:
    """A visit to the web shop."""

    started: datetime
    converted: bool
    customer: str | None


@dataclass(frozen=True)
class _Kind:
    """A kind of broken row: the column that is at fault (None: the row as a whole) and how it is broken."""

    name: str
    column: str | None
    value: str | None = None
    fields: Callable[[list[Any]], list[Any]] = list


SALES_DEFECTS = (
    _Kind("letters in a decimal", "amount", "12.5O"),
    _Kind("a digit too many behind the point", "amount", "19.995"),
    _Kind("a digit too many before the point", "amount", "123456789.00"),
    _Kind("a day that does not exist", "transaction_date", "2024-02-30"),
    _Kind("a date written another way", "transaction_date", "15/03/2024"),
    _Kind("a field missing", None, fields=lambda row: row[:-1]),
    _Kind("a field too many", None, fields=lambda row: [*row, "unquoted"]),
    _Kind("words in a whole number", "quantity", "two"),
)
SESSION_DEFECTS = (
    _Kind("a word for a timestamp", "started_at", "yesterday"),
    _Kind("a number beyond bigint", "page_views", "9223372036854775808"),
    _Kind("a word that is no boolean", "converted", "maybe"),
    _Kind("a field missing", None, fields=lambda row: row[:-1]),
    _Kind("an hour that does not exist", "ended_at", "2024-03-15 24:30:00"),
)
TARGET_DEFECTS = (
    _Kind("text in a decimal", "revenue_target", "to be agreed"),
    _Kind("thousands separators", "revenue_target", "12'500.00"),
)


def _choose_defects(
    rng: random.Random, kinds: Sequence[_Kind], number: int, *, every: int, rows: int
) -> dict[int, _Kind]:
    """One or two rows to break in each ``every``-th file, the kinds taking turns."""
    if number % every or not rows:
        return {}
    turn = number // every
    return {
        rng.randrange(rows): kinds[turn % len(kinds)],
        **({rng.randrange(rows): kinds[(turn + 3) % len(kinds)]} if turn % 3 == 0 else {}),
    }


class _Lines:
    """A text sink that counts lines."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.next_line = 1

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.next_line += text.count("\n")


class _Table:
    """A CSV file being written."""

    def __init__(
        self,
        key: str,
        columns: list[str],
        *,
        delimiter: str = ",",
        line_end: str = "\n",
        bom: bool = False,
        quoting: Any = csv.QUOTE_MINIMAL,
    ) -> None:
        self.key, self._columns, self._bom = key, columns, bom
        self._lines = _Lines()
        self._writer = csv.writer(self._lines, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
        self._writer.writerow(columns)
        self._good = 0
        self._defects: list[Defect] = []

    def write(self, row: dict[str, Any]) -> None:
        self._writer.writerow([row[column] for column in self._columns])
        self._good += 1

    def write_broken(self, row: dict[str, Any], kind: _Kind) -> None:
        if kind.column is not None:
            row = {**row, kind.column: kind.value}
        self._defects.append(Defect(self.key, self._lines.next_line, kind.column, kind.name))
        self._writer.writerow(kind.fields([row[column] for column in self._columns]))

    def finish(self, entity: str, total: Decimal) -> SampleFile:
        text = ("\ufeff" if self._bom else "") + "".join(self._lines.parts)
        return SampleFile(self.key, text.encode(), entity, self._good, total, tuple(self._defects))


def _trend(day: date) -> float:
    """How busy a day is: the rhythm of the week, paydays, and a little growth."""
    payday = 1.12 if day.day >= 26 else 1.0
    return WEEKDAYS[day.weekday()] * payday * (1 + 0.0012 * (day.timetuple().tm_yday - 45))


def _customer(rng: random.Random) -> str:
    return f"C{int(rng.paretovariate(0.9)) % 40000:05d}"


def _money(cents: int) -> str:
    sign, cents = "-" if cents < 0 else "", abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}"


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def write_files(files: Iterable[SampleFile], folder: Path) -> Manifest:
    """Writes the files below ``folder``; returns what was written."""
    manifest = Manifest()
    for file in files:
        path = folder / file.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body)
        manifest.add(file)
    return manifest


def upload_files(
    files: Iterable[SampleFile], s3: Any, bucket: str, on_file: Callable[[SampleFile], None] = lambda file: None
) -> Manifest:
    """Uploads the files, eight at a time; ``on_file`` is called for each, in order. Returns what was uploaded."""
    manifest = Manifest()
    waiting: list[tuple[SampleFile, Any]] = []

    def take(number: int) -> None:
        for file, job in waiting[:number]:
            job.result()
            manifest.add(file)
            on_file(file)
        del waiting[:number]

    with ThreadPoolExecutor(8, thread_name_prefix="upload") as pool:
        for file in files:
            waiting.append((file, pool.submit(s3.put_object, Bucket=bucket, Key=file.key, Body=file.body)))
            if len(waiting) >= 64:
                take(32)
        take(len(waiting))
    return manifest


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="write the files below this folder")
    where.add_argument("--bucket", help="upload the files to this bucket")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="default: %(default)s")
    parser.add_argument("--end", type=date.fromisoformat, default=DEFAULT_END, help="last day; default: %(default)s")
    options = parser.parse_args(arguments)
    if options.days < 1:
        parser.error(f"--days is {options.days}, expected 1 or more")
    data = SampleData(options.seed, options.days, options.end)
    print(f"seed {options.seed}, {data.dates[0]} to {data.dates[-1]}")
    if options.out:
        print(write_files(data.files(), options.out))
    else:
        print(upload_files(data.files(), boto3.session.Session().client("s3"), options.bucket))
    return 0


if __name__ == "__main__":
    sys.exit(main())
