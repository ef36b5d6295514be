"""CSV files to measure with, and what is true of them: the digest of their good rows and the number of bad ones.

A file follows from its Input alone (seeded), and the truth from the values the texts were made of: the CSV is not read
back for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.digest import Digest
from benchmarks.exports import CHANGES, write_export

VERSION = 1
_ROWS = 100_000
_EPOCH_DAY = 19723  # 2024-01-01
_DAYS = 366
_MICROSECONDS = 1_000_000
_WORDS = ("late", "gift", "fragile", "second floor", "ring twice", "leave at door", "näher am Tor", "café", "north")

NARROW = {
    "transaction_id": "string",
    "customer_id": "string",
    "amount": "decimal(10,2)",
    "transaction_date": "date",
}
WIDE = {
    "order_id": "string",
    "customer_id": "string",
    "store_id": "string",
    "product_category": "string",
    "product_name": "string",
    "note": "string",
    "quantity": "int",
    "line_number": "smallint",
    "session_number": "bigint",
    "unit_price": "decimal(10,2)",
    "discount": "decimal(10,2)",
    "tax": "decimal(12,4)",
    "amount": "decimal(12,2)",
    "weight": "double",
    "rating": "double",
    "is_gift": "boolean",
    "order_date": "date",
    "delivery_date": "date",
    "ordered_at": "timestamp",
    "updated_at": "timestamp",
}
EXPORT = "dynamodb"
SHAPES = {"narrow": NARROW, "wide": WIDE, EXPORT: CHANGES}
# What is done to a bad row of the narrow shape, in turn. Every one is an error to any reader that checks its types.
BAD_KINDS = ("amount_text", "date_impossible", "too_few", "amount_too_large", "date_format", "too_many", "amount_comma")
# What some readers take without a word: they round, pad or guess. Only in the case that is about that.
TRAP_KINDS = ("amount_too_precise", "too_few", "date_impossible")


@dataclass(frozen=True)
class Input:
    """A file to generate. size: bytes of CSV (of lines, if of an export) before any compression, reached within a row.

    bad: share of bad rows. traps: the bad rows are of TRAP_KINDS. multiline: one text in a thousand spans two lines.
    shuffled: the days of the rows are in no order.
    """

    shape: str
    size: int
    seed: int = 1
    bad: float = 0.0
    traps: bool = False
    gzip: bool = False
    multiline: bool = False
    shuffled: bool = False

    @property
    def name(self) -> str:
        parts = [self.shape, str(self.size), f"s{self.seed}"]
        parts += [f"bad{self.bad:g}"] if self.bad else []
        parts += [word for word in ("traps", "multiline", "shuffled") if getattr(self, word)]
        return "-".join(parts) + (".json" if self.shape == EXPORT else ".csv") + (".gz" if self.gzip else "")


@dataclass
class Truth:
    """What a converter must make of a file: the digest of the rows that are good, and how many are not."""

    csv_bytes: int = 0
    rows_rejected: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    digest: Digest = field(default_factory=Digest)

    @property
    def rows_ok(self) -> int:
        return self.digest.rows


def make(wanted: Input, folder: Path) -> tuple[Path, Truth]:
    """The file and its truth; generated unless the folder has it already."""
    path, noted = folder / wanted.name, folder / f"{wanted.name}.json"
    asked = {"version": VERSION, **asdict(wanted)}
    if path.exists() and noted.exists():
        found = json.loads(noted.read_text())
        if found["input"] == asked and found["stored_bytes"] == path.stat().st_size:
            return path, _truth_from(found["truth"])
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    truth = generate(wanted, partial)
    os.replace(partial, path)
    noted.write_text(json.dumps({"input": asked, "stored_bytes": path.stat().st_size, "truth": asdict(truth)}))
    return path, truth


def _truth_from(data: dict[str, Any]) -> Truth:
    return Truth(**{**data, "digest": Digest.from_dict(data["digest"])})


def generate(wanted: Input, path: Path) -> Truth:
    """Writes the file and returns what is true of it."""
    if wanted.shape == EXPORT:
        return Truth(*_export(wanted, path))
    random = np.random.default_rng([wanted.seed, VERSION])
    columns = list(SHAPES[wanted.shape])
    truth = Truth()
    make_rows = _narrow if wanted.shape == "narrow" else _wide
    with pa.OSFile(str(path), "wb") as file:
        out = pa.CompressedOutputStream(file, "gzip") if wanted.gzip else file
        header = ",".join(columns).encode() + b"\n"
        out.write(header)
        truth.csv_bytes, first, row_bytes = len(header), 0, 40.0
        while truth.csv_bytes < wanted.size:
            left = int((wanted.size - truth.csv_bytes) / row_bytes) + 1
            count = min(_ROWS, left)
            values, texts = make_rows(random, first, count, wanted)
            lines = pc.binary_join_element_wise(*texts, ",")
            good = np.ones(count, bool)
            if wanted.bad:
                lines, good = _spoil(random, lines, texts, wanted, first, truth)
            lines = pc.binary_join_element_wise(lines, "", "\n")
            _, offsets, data = lines.buffers()
            written = int(np.frombuffer(offsets, np.int32)[count])
            out.write(data.slice(0, written))
            truth.digest.add_arrays(columns, [array.filter(pa.array(good)) for array in values])
            truth.csv_bytes += written
            first += count
            row_bytes = truth.csv_bytes / first
        if wanted.gzip:
            out.close()
    return truth


def _export(wanted: Input, path: Path) -> tuple[int, int, dict[str, int], Digest]:
    written, digest = write_export(path, wanted.size, wanted.seed, VERSION, traps=wanted.bad)
    return written, 0, {}, digest


def _narrow(random: Any, first: int, count: int, wanted: Input) -> tuple[list[pa.Array], list[pa.Array]]:
    transaction = _numbered("T", _permuted(first, count), 10)
    customer = _with_nulls(_numbered("C", _skewed(random, count, 200_000), 6), random, 0.01)
    cents = random.integers(-50_00, 2_000_00, count)
    amount, amount_text = _money(cents, 10, 2, random, 0.005)
    if wanted.shuffled:
        days = random.integers(0, _DAYS, count) + _EPOCH_DAY
    else:
        days = _days(random, first, count, wanted.size // 36)
    day, day_text = _dates(days)
    return [transaction, customer, amount, day], [transaction, _or_empty(customer), amount_text, day_text]


def _wide(random: Any, first: int, count: int, wanted: Input) -> tuple[list[pa.Array], list[pa.Array]]:
    days = _days(random, first, count, wanted.size // 200)
    seconds = days.astype(np.int64) * 86_400 + random.integers(0, 86_400, count)
    note = _with_nulls(_notes(random, count, wanted.multiline), random, 0.6)
    category = _choice(random, count, [f"category {letter}" for letter in "ABCDEFGHIJKL"])
    product = _choice(random, count, [f"Product {n:04d} of series {n % 37}" for n in range(3000)])
    pairs = [
        _text(_numbered("O", _permuted(first, count), 10)),
        _text(_with_nulls(_numbered("C", _skewed(random, count, 200_000), 6), random, 0.01)),
        _text(_choice(random, count, [f"S{n:03d}" for n in range(120)])),
        _text(category),
        _text(product),
        _quoted(note),
        _integer(pa.array(random.integers(1, 50, count), pa.int32())),
        _integer(pa.array(random.integers(1, 30, count), pa.int16())),
        _integer(_with_nulls(pa.array(random.integers(10**9, 10**12, count), pa.int64()), random, 0.1)),
        _money(random.integers(1, 1_000_00, count), 10, 2, random, 0),
        _money(random.integers(0, 50_00, count), 10, 2, random, 0.3),
        _money(random.integers(0, 200_0000, count), 12, 4, random, 0),
        _money(random.integers(-1_000_00, 50_000_00, count), 12, 2, random, 0),
        _double(random.integers(1, 100_000, count), 8.0),
        _double(random.integers(0, 50, count), 10.0),
        _boolean(random.random(count) < 0.1),
        _dates(days),
        _dates(days + random.integers(1, 14, count)),
        _timestamps(seconds),
        _timestamps(seconds + random.integers(0, 10**6, count)),
    ]
    return [value for value, _ in pairs], [text for _, text in pairs]


def _permuted(first: int, count: int) -> Any:
    """Numbers that are all different and in no order, as identifiers from several writers are."""
    return ((first + np.arange(count, dtype=np.int64)) * 7_368_787) % 9_999_999_967


def _skewed(random: Any, count: int, kinds: int) -> Any:
    return (random.random(count) ** 2 * kinds).astype(np.int64)


def _days(random: Any, first: int, count: int, rows: int) -> Any:
    """Days over a year, in the order of the file but for a few: an export is written as things happen."""
    through = (first + np.arange(count)) / max(rows, 1) * _DAYS
    return _EPOCH_DAY + np.clip(through.astype(np.int64) - random.integers(0, 3, count), 0, _DAYS - 1)


def _numbered(letter: str, numbers: Any, digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(letter, padded, "")


def _choice(random: Any, count: int, texts: list[str]) -> pa.Array:
    return pa.array(texts).take(pa.array(random.integers(0, len(texts), count)))


def _notes(random: Any, count: int, multiline: bool) -> pa.Array:
    two = pc.binary_join_element_wise(_choice(random, count, list(_WORDS)), _choice(random, count, list(_WORDS)), " ")
    notes = pc.if_else(
        pa.array(random.random(count) < 0.1), pc.binary_join_element_wise(two, 'called "X", twice', ", "), two
    )
    if multiline:
        lines = pc.binary_join_element_wise(two, notes, "\n")
        notes = pc.if_else(pa.array(random.random(count) < 0.001), lines, notes)
    return notes


def _with_nulls(array: pa.Array, random: Any, share: float) -> pa.Array:
    return pc.if_else(pa.array(random.random(len(array)) < share), pa.scalar(None, array.type), array)


def _or_empty(array: pa.Array) -> pa.Array:
    return array.fill_null("")


def _text(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    return array, _or_empty(array)


def _quoted(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """A text and how it is written: in quotes where it must be."""
    special = pc.match_substring_regex(array, '[,"\n]')
    doubled = pc.replace_substring(array, '"', '""')
    return array, _or_empty(pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), array))


def _integer(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    return array, _or_empty(array.cast(pa.string()))


def _double(numbers: Any, divisor: float) -> tuple[pa.Array, pa.Array]:
    array = pa.array(numbers / divisor, pa.float64())
    return array, array.cast(pa.string())


def _boolean(values: Any) -> tuple[pa.Array, pa.Array]:
    array = pa.array(values)
    return array, array.cast(pa.string())


def _dates(days: Any) -> tuple[pa.Array, pa.Array]:
    array = pa.array(days.astype(np.int32)).cast(pa.date32())
    return array, array.cast(pa.string())


def _timestamps(seconds: Any) -> tuple[pa.Array, pa.Array]:
    array = pa.array(seconds * _MICROSECONDS).cast(pa.timestamp("us"))
    return array, pa.array(seconds).cast(pa.timestamp("s")).cast(pa.string())


def _money(units: Any, precision: int, scale: int, random: Any, nulls: float) -> tuple[pa.Array, pa.Array]:
    """A decimal of that many units of its last digit, and how it is written."""
    halves = np.empty((len(units), 2), np.int64)
    halves[:, 0], halves[:, 1] = units, units >> 63
    array = pa.Array.from_buffers(pa.decimal128(precision, scale), len(units), [None, pa.py_buffer(halves)])
    array = _with_nulls(array, random, nulls) if nulls else array
    whole, part = np.divmod(np.abs(units), 10**scale)
    sign = pa.array(["", "-"]).take(pa.array((units < 0).astype(np.int8)))
    digits = pc.utf8_lpad(pa.array(part).cast(pa.string()), scale, "0")
    left = pc.binary_join_element_wise(sign, pa.array(whole).cast(pa.string()), "")
    text = pc.binary_join_element_wise(left, digits, ".")
    return array, pc.if_else(array.is_valid(), text, "")


def _spoil(
    random: Any, lines: pa.Array, texts: list[pa.Array], wanted: Input, first: int, truth: Truth
) -> tuple[pa.Array, Any]:
    """The lines with some of them made bad, and which are still good."""
    chosen = np.flatnonzero(random.random(len(lines)) < wanted.bad)
    good = np.ones(len(lines), bool)
    good[chosen] = False
    kinds = TRAP_KINDS if wanted.traps else BAD_KINDS
    rows = zip(*(text.take(pa.array(chosen)).to_pylist() for text in texts), strict=True)
    spoiled = []
    for number, row in enumerate(rows):
        kind = kinds[(first + number) % len(kinds)]
        spoiled.append(",".join(_SPOILERS[kind](list(row))))
        truth.kinds[kind] = truth.kinds.get(kind, 0) + 1
    truth.rows_rejected += len(chosen)
    mask = pa.array(~good)
    return pc.replace_with_mask(lines, mask, pa.array(spoiled, pa.string())), good


_SPOILERS: dict[str, Callable[[list[str]], list[str]]] = {
    "amount_text": lambda row: [row[0], row[1], "unknown", row[3]],
    "amount_too_large": lambda row: [row[0], row[1], "123456789012.50", row[3]],
    "amount_comma": lambda row: [row[0], row[1], '"12,5x"', row[3]],
    "amount_too_precise": lambda row: [row[0], row[1], "12.345", row[3]],
    "date_impossible": lambda row: [row[0], row[1], row[2], "2024-02-30"],
    "date_format": lambda row: [row[0], row[1], row[2], "15/03/2024x"],
    "too_few": lambda row: row[:3],
    "too_many": lambda row: [*row, "extra"],
}
