"""Values as Athena prints them in its results, and Java's way of printing floating point numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from localaws.athena.types import Type

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 2038-01-01, and the 400 years after which the calendar begins anew, in microseconds.
_LISTED, _CYCLE = 2_145_916_800_000_000, 146_097 * 86_400_000_000


def java_double(value: float) -> str:
    """What Java's Double.toString prints: 0.1, 100.0, 1.0E10, NaN, -Infinity."""
    return _java_float(value, repr(float(value)))


def java_float(value: float) -> str:
    """What Java's Float.toString prints for a 32-bit value."""
    return _java_float(value, str(np.float32(value)))


def trino_double(value: float) -> str:
    """What CAST(double AS varchar) gives: always an exponent, 1.0E0 and 0E0 (Trino's DecimalFormat 0.0##E0)."""
    return _java_float(value, repr(float(value)), scientific=True)


def trino_float(value: float) -> str:
    """What CAST(real AS varchar) gives: seven digits of the value, the last one rounded half to even."""
    return _java_float(value, f"{Decimal(float(value)):.6e}", scientific=True)


def _java_float(value: float, shortest: str, scientific: bool = False) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = Decimal(shortest).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    minus = "-" if sign else ""
    if not text:
        return f"{minus}0E0" if scientific else f"{minus}0.0"
    point = len(text) + int(exponent)
    text = text.rstrip("0")
    if not scientific and -3 < point <= 7:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{text}"
        whole = text[:point].ljust(point, "0")
        return f"{minus}{whole}.{text[point:] or '0'}"
    return f"{minus}{text[0]}.{text[1:] or '0'}E{point - 1}"


def _timestamps(column: pa.ChunkedArray, kind: Type) -> list[str | None]:
    """Moments with the milliseconds that Athena's results have, whatever the precision of the type.

    Trino prints years with the pattern uuuu, which puts a sign before those of more than four digits:
    https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatterBuilder.html#appendPattern-java.lang.String-
    """
    zone = ""
    if kind.name == "timestamp with time zone":
        column, zone = _wall_clock(column.cast(pa.timestamp("us", kind.zone)), kind.zone), f" {kind.zone}"
    rounded = pc.floor_temporal(pc.add(column, pa.scalar(500, pa.duration("us"))), unit="millisecond")
    texts = rounded.cast(pa.timestamp("ms")).cast(pa.string()).to_pylist()
    return [None if text is None else _signed(text, len("2024-12-31 23:59:59.999")) + zone for text in texts]


def _wall_clock(column: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    """Arrow takes the changes that a zone's file lists, which end with 2037, and not the rule for those that follow
    (https://www.rfc-editor.org/rfc/rfc8536#section-3.3). zoneinfo takes both; its years end with 9999."""
    local, moments = pc.local_timestamp(column), column.cast(pa.int64())
    if (pc.max(moments).as_py() or 0) < _LISTED:
        return local
    rule = ZoneInfo(zone)

    def shown(moment: int) -> int:
        within = _LISTED + (moment - _LISTED) % _CYCLE
        offset = (_EPOCH + timedelta(microseconds=within)).astimezone(rule).utcoffset()
        return moment + (offset or timedelta()) // timedelta(microseconds=1)

    kept = zip(moments.to_pylist(), local.cast(pa.int64()).to_pylist(), strict=True)
    found = [one if moment is None or moment < _LISTED else shown(moment) for moment, one in kept]
    return pa.chunked_array([pa.array(found, pa.int64()).cast(pa.timestamp("us"))])


def _signed(text: str, usual: int) -> str:
    return f"+{text}" if len(text) > usual and text[0] != "-" else text


def _timestamp(kind: Type) -> Callable[[int], str]:
    """For moments within other values, in microseconds since 1970."""
    stored = pa.timestamp("us", None if kind.name == "timestamp" else "UTC")
    return lambda value: str(_timestamps(pa.chunked_array([pa.array([value], stored)]), kind)[0])


def _interval_day(value: Any) -> str:
    _, days, nanoseconds = value
    millis = days * 86_400_000 + nanoseconds // 1_000_000
    sign, millis = ("-", -millis) if millis < 0 else ("", millis)
    days, rest = divmod(millis, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, rest = divmod(rest, 1000)
    return f"{sign}{days} {hours:02d}:{minutes:02d}:{seconds:02d}.{rest:03d}"


def _interval_year(value: Any) -> str:
    months = abs(value[0])
    return f"{'-' if value[0] < 0 else ''}{months // 12}-{months % 12}"


_PLAIN: dict[str, Callable[[Any], str]] = {
    "boolean": lambda value: "true" if value else "false", "double": java_double, "real": java_float,
    "decimal": lambda value: f"{value:f}", "varbinary": lambda value: value.hex(" "),
    "time": lambda value: value.isoformat(timespec="milliseconds"), "interval day to second": _interval_day,
    "interval year to month": _interval_year,
}  # fmt: skip


def formatter(kind: Type) -> Callable[[Any], str]:
    """A function from the Python value of an Arrow cell (never None) to its text."""
    name = kind.name
    if name in _PLAIN:
        return _PLAIN[name]
    if name in ("timestamp", "timestamp with time zone"):
        return _timestamp(kind)
    if name == "char":
        return lambda value: value.ljust(kind.args[0]) if kind.args else value
    if name == "array":
        element = _nullable(formatter(kind.element))
        return lambda value: "[" + ", ".join(map(element, value)) + "]"
    if name == "map":
        key, item = formatter(kind.args[0]), _nullable(formatter(kind.args[1]))
        return lambda value: "{" + ", ".join(f"{key(k)}={item(v)}" for k, v in value) + "}"
    if name == "row":
        fields = [(n or f"field{i}", _nullable(formatter(t))) for i, (n, t) in enumerate(kind.args)]
        return lambda value: (
            "{" + ", ".join(f"{n}={f(v)}" for (n, f), v in zip(fields, value.values(), strict=True)) + "}"
        )
    return str


def _nullable(text: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "null" if value is None else text(value)


def column_texts(column: pa.ChunkedArray, kind: Type) -> list[str | None]:
    """The cells of a result column as Athena prints them; NULL stays None."""
    if kind.name in ("timestamp", "timestamp with time zone"):
        return _timestamps(column, kind)
    if kind.name not in ("tinyint", "smallint", "integer", "bigint", "boolean", "date", "varchar", "json"):
        text = formatter(kind)
        column = column.cast(_counted(column.type)) if "timestamp" in str(kind) else column
        return [None if value is None else text(value) for value in column.to_pylist()]
    texts: list[str | None] = pc.cast(column, pa.string()).to_pylist()
    # As of timestamps; Java's LocalDate does so too.
    return [text and _signed(text, len("2024-12-31")) for text in texts] if kind.name == "date" else texts


def _counted(kind: pa.DataType) -> pa.DataType:
    """The same type with microseconds since 1970 for timestamps: Python has none beyond the year 9999."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_counted(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(_counted(kind.key_type), _counted(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_counted(field.type)) for field in kind])
    return kind
