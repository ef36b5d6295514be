"""Numbers, dates and timestamps in the forms that a dialect names, and the forms that it cannot name."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakelanes.convert import Dialect, Tuning
from tests.lakelanes.convert.support import load

SWISS = {"thousands_separator": "'"}


GERMAN = {"decimal_separator": ",", "thousands_separator": "."}


FRACTIONS = "%Y-%m-%d %H:%M:%S.%f"


TWO_PAST = datetime(2024, 1, 2, 3, 4, 5, 250_000)


BOTH_PATHS = pytest.mark.parametrize("fast", [True, False], ids=["fast", "careful"])


@BOTH_PATHS
@pytest.mark.parametrize(
    ("options", "hive_type", "text", "value"),
    [
        ({"date_format": "%d.%m.%Y"}, "date", "29.02.2024", date(2024, 2, 29)),
        ({"date_format": "%d.%m.%Y"}, "date", " 1.2.2024 ", date(2024, 2, 1)),
        ({"date_format": "%d.%m.%Y"}, "date", "31.12.0001", date(1, 12, 31)),
        ({"date_format": "%Y%m%d"}, "date", "20240315", date(2024, 3, 15)),
        ({"date_format": "%d-%b-%y"}, "date", "15-MAR-69", date(1969, 3, 15)),
        ({"date_format": "%Y年%m月%d日"}, "date", "2024年03月15日", date(2024, 3, 15)),
        ({"date_format": "%y%j"}, "date", "24366", date(2024, 12, 31)),
        ({"timestamp_format": "%d/%m/%Y %H:%M"}, "timestamp", "01/02/2024 23:59", datetime(2024, 2, 1, 23, 59)),
        ({"timestamp_format": "%m/%d/%Y %I:%M %p"}, "timestamp", "1/2/2024 12:05 am", datetime(2024, 1, 2, 0, 5)),
        ({"timestamp_format": "%Y%m%d%H%M%S"}, "timestamp", "20240102030405", datetime(2024, 1, 2, 3, 4, 5)),
        ({"timestamp_format": "%Y.%m.%d %H:%M:%S,%f"}, "timestamp", "2024.01.02 03:04:05,25", TWO_PAST),
        ({"timestamp_format": "%Y-%m-%d %H:%M:%S.%f %z"}, "timestamp", "2024-01-02 05:04:05.25 +0200", TWO_PAST),
        ({"date_format": "%d.%m.%Y"}, "timestamp", "2024-01-02 03:04:05.25", TWO_PAST),
        ({"decimal_separator": ","}, "decimal(10,2)", "-1234,5", Decimal("-1234.50")),
        ({"decimal_separator": ","}, "double", "1,5e3", 1500.0),
        ({"decimal_separator": ","}, "float", "-inf", float("-inf")),
        ({"decimal_separator": ","}, "int", "12", 12),
        (SWISS, "decimal(10,2)", "1'234'567.80", Decimal("1234567.80")),
        (SWISS, "decimal(10,2)", "1234567.80", Decimal("1234567.80")),
        (SWISS, "bigint", "-12'345", -12345),
        (GERMAN, "decimal(10,2)", "+1.234.567,80", Decimal("1234567.80")),
        (GERMAN, "double", "1.234,5", 1234.5),
        ({"thousands_separator": "\u00a0"}, "int", "1\u00a0234", 1234),
    ],
)
def test_forms_of_values(options: dict[str, Any], hive_type: str, text: str, value: Any, fast: bool) -> None:
    types = {"x": hive_type, "y": "string"}
    outcome = load(f"x;y\n{text};\n".encode(), types, Tuning(fast=fast), dialect=Dialect(delimiter=";", **options))
    assert outcome.rows == [(value, None)], outcome.reasons()


@BOTH_PATHS
@pytest.mark.parametrize(
    ("options", "hive_type", "text", "reason"),
    [
        ({"date_format": "%d.%m.%Y"}, "date", "30.02.2024", "'30.02.2024' is not a date: there is no such day"),
        ({"date_format": "%d.%m.%Y"}, "date", "01.13.2024", "'01.13.2024' is not a date: expected %d.%m.%Y"),
        ({"date_format": "%d.%m.%Y"}, "date", "2024-01-01", "'2024-01-01' is not a date: expected %d.%m.%Y"),
        ({"date_format": "%d.%m.%Y"}, "date", "0٣.01.2024", "expected %d.%m.%Y"),
        ({"date_format": "%d.%m.%Y"}, "date", "01.01.0000", "there is no such day"),
        ({"date_format": "%Y%m%d"}, "date", "2024131", "'2024131' is not a date: expected %Y%m%d"),
        ({"timestamp_format": "%d/%m/%Y %H:%M"}, "timestamp", "01/02/2024 24:00", "expected %d/%m/%Y %H:%M"),
        ({"timestamp_format": "%d/%m/%Y %H:%M:%S"}, "timestamp", "01/02/2024 23:59:60", "there is no such time"),
        ({"timestamp_format": "%d/%m/%Y %H:%M:%S.%f"}, "timestamp", "01/02/2024 23:59:10.12345Z", "expected %d/%m"),
        ({"timestamp_format": "%d/%m/%Y %H:%M"}, "timestamp", "30/02/2024 10:00", "there is no such time"),
        ({"timestamp_format": "%d%m%Y%z"}, "timestamp", "01010001+0100", "as UTC it is outside the years"),
        ({"decimal_separator": ","}, "decimal(10,2)", "12.50", "'12.50' is not a decimal(10,2)"),
        ({"decimal_separator": ","}, "decimal(10,2)", "1,234", "'1,234' is not a decimal(10,2): 3 digits after the"),
        ({"decimal_separator": ","}, "double", "1.5", "'1.5' is not a double"),
        (SWISS, "decimal(10,2)", "12'34.5", '"12\'34.5" is not a decimal(10,2)'),
        (SWISS, "int", "'123", '"\'123" is not an int'),
        (SWISS, "int", "1234'567", '"1234\'567" is not an int'),
        (GERMAN, "decimal(10,2)", "1.23", "'1.23' is not a decimal(10,2)"),
        (GERMAN, "double", "1.5", "'1.5' is not a double"),
        (GERMAN, "smallint", "99.999", "'99.999' is not a smallint: the range is"),
        ({}, "decimal(10,2)", "1,234.5", "'1,234.5' is not a decimal(10,2)"),
    ],
)
def test_other_forms_are_refused(options: dict[str, Any], hive_type: str, text: str, reason: str, fast: bool) -> None:
    types = {"x": hive_type, "y": "string"}
    data = f"x;y\n{text};\n;\n".encode()
    outcome = load(data, types, Tuning(fast=fast), dialect=Dialect(delimiter=";", **options))
    assert outcome.rows == [(None, None)]
    assert reason in outcome.reasons()[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"date_format": "%d.%m."}, "date_format is '%d.%m.', which does not say year, month and day"),
        ({"date_format": "%d.%m.%Y %H"}, "date_format is '%d.%m.%Y %H', which has %H; known are"),
        ({"date_format": "%Y-%m-%d%"}, "which has %; known are"),
        ({"date_format": "%Y-%m-%d %Y"}, "cannot be read back"),
        ({"timestamp_format": "%d.%m.%Y %I:%M"}, "which does not say the hour: use %H, or %I with %p"),
        ({"timestamp_format": "%d.%m.%Y %Z"}, "which has %Z"),
        ({"timestamp_format": "%s"}, "for what counts from 1970 there are 'epoch_seconds', 'epoch_milliseconds'"),
        ({"date_format": "epoch_seconds"}, "which does not say year, month and day"),
        ({"decimal_separator": ";"}, "decimal_separator is ';', expected '.' or ','"),
        ({"thousands_separator": "."}, "thousands_separator is '.', which is the decimal_separator already"),
        ({"thousands_separator": "0"}, "thousands_separator is '0', expected one of"),
        ({"skip_rows": -1}, "skip_rows is -1, expected 0 or more"),
    ],
)
def test_forms_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=next(iter(options))) as raised:
        Dialect(**options)
    assert message in str(raised.value)


@BOTH_PATHS
@pytest.mark.parametrize(
    ("settings", "text", "value"),
    [
        ({"beyond_microseconds": "cut"}, "9999-12-31 23:59:59.9999999", datetime(9999, 12, 31, 23, 59, 59, 999_999)),
        ({"beyond_microseconds": "cut"}, "2024-03-15T07:30:00.123456789Z", datetime(2024, 3, 15, 7, 30, 0, 123_456)),
        ({"beyond_microseconds": "cut"}, "2024-03-15 07:30:00.1234569+01:00", datetime(2024, 3, 15, 6, 30, 0, 123_456)),
        ({"beyond_microseconds": "cut"}, "2024-03-15 07:30:00.5", datetime(2024, 3, 15, 7, 30, 0, 500_000)),
        ({}, "2024-03-15 07:30:00.1230000", datetime(2024, 3, 15, 7, 30, 0, 123_000)),
        ({"timestamp_format": FRACTIONS}, "2024-03-15 07:30:00.1230000", datetime(2024, 3, 15, 7, 30, 0, 123_000)),
        ({"timestamp_format": FRACTIONS, "beyond_microseconds": "cut"}, "2024-03-15 07:30:00.1234567",
         datetime(2024, 3, 15, 7, 30, 0, 123_456)),
        ({"timestamp_format": "%Y%m%d%H%M%S%f", "beyond_microseconds": "cut"}, "20240315073000123456789",
         datetime(2024, 3, 15, 7, 30, 0, 123_456)),
        ({"timestamp_format": "%Y%m%d %H:%M:%S.%f%z", "beyond_microseconds": "cut"}, "20240315 07:30:00.1234567Z",
         datetime(2024, 3, 15, 7, 30, 0, 123_456)),
        ({"timestamp_format": "epoch_seconds"}, "1710487800", datetime(2024, 3, 15, 7, 30)),
        ({"timestamp_format": "epoch_seconds"}, "1710487800.125", datetime(2024, 3, 15, 7, 30, 0, 125_000)),
        ({"timestamp_format": "epoch_seconds"}, "-1", datetime(1969, 12, 31, 23, 59, 59)),
        ({"timestamp_format": "epoch_seconds"}, "+.5", datetime(1970, 1, 1, 0, 0, 0, 500_000)),
        ({"timestamp_format": "epoch_seconds"}, " 0 ", datetime(1970, 1, 1)),
        ({"timestamp_format": "epoch_milliseconds"}, "1710487800125", datetime(2024, 3, 15, 7, 30, 0, 125_000)),
        ({"timestamp_format": "epoch_milliseconds"}, "-62135596800000", datetime(1, 1, 1)),
        ({"timestamp_format": "epoch_microseconds"}, "253402300799999999",
         datetime(9999, 12, 31, 23, 59, 59, 999_999)),
        ({"timestamp_format": "epoch_seconds", "beyond_microseconds": "cut"}, "1.9999999",
         datetime(1970, 1, 1, 0, 0, 1, 999_999)),
        ({"timestamp_format": "iso"}, "2024-03-15", datetime(2024, 3, 15)),
        ({"timestamp_format": "%Y%m%dT%H%M%S%z"}, "20240315T073000Z", datetime(2024, 3, 15, 7, 30)),
    ],
)  # fmt: skip
def test_digits_of_a_second_and_what_counts_from_1970(
    settings: dict[str, Any], text: str, value: datetime, fast: bool
) -> None:
    outcome = load(f"x\n{text}\n".encode(), {"x": "timestamp"}, Tuning(fast=fast), dialect=Dialect(**settings))
    assert outcome.rows == [(value,)], outcome.reasons()


@BOTH_PATHS
@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        ({}, "2024-03-15 07:30:00.1234567", '7 digits of a second, 6 allowed; set beyond_microseconds to "cut"'),
        ({"timestamp_format": FRACTIONS}, "2024-03-15 07:30:00.12345678",
         '8 digits of a second, 6 allowed; set beyond_microseconds to "cut"'),
        ({"timestamp_format": FRACTIONS}, "2024-03-15 07:30:00", f"expected {FRACTIONS}"),
        ({"timestamp_format": FRACTIONS}, "2024-03-15 0730:00.12345678", f"expected {FRACTIONS}"),
        ({"timestamp_format": "epoch_seconds"}, "1.0000001", '7 digits of a second, 6 allowed; set beyond'),
        ({"timestamp_format": "epoch_milliseconds"}, "1.0001", '7 digits of a second, 6 allowed; set beyond'),
        ({"timestamp_format": "epoch_seconds"}, "1e9", "expected epoch_seconds"),
        ({"timestamp_format": "epoch_seconds"}, ".", "expected epoch_seconds"),
        ({"timestamp_format": "epoch_seconds"}, "253402300800", "as UTC it is outside the years"),
        ({"timestamp_format": "epoch_seconds"}, "9" * 5000, "as UTC it is outside the years"),
        ({"timestamp_format": "epoch_microseconds"}, "-62135596800000001", "as UTC it is outside the years"),
    ],
)  # fmt: skip
def test_moments_that_are_refused(settings: dict[str, Any], text: str, reason: str, fast: bool) -> None:
    outcome = load(f"x\n{text}\n".encode(), {"x": "timestamp"}, Tuning(fast=fast), dialect=Dialect(**settings))
    assert outcome.conversion.rows_loaded == 0
    assert reason in outcome.reasons()[0]


@BOTH_PATHS
def test_each_column_has_its_own_form(fast: bool) -> None:
    types = {"a": "date", "b": "date", "c": "timestamp", "d": "double", "e": "double", "f": "date"}
    own = {
        "b": {"date_format": "%m/%d/%Y"},
        "c": {"timestamp_format": "epoch_milliseconds"},
        "e": {"decimal_separator": ".", "thousands_separator": ""},
        "f": {"date_format": "iso"},
    }
    data = b'a;b;c;d;e;f\n01.03.2024;3/1/2024;1000;"1.234,5";1.5;2024-03-01\n'
    dialect = Dialect(delimiter=";", date_format="%d.%m.%Y", decimal_separator=",", thousands_separator=".")
    day = date(2024, 3, 1)
    assert load(data, types, Tuning(fast=fast), dialect=dialect, own=own).rows == [
        (day, day, datetime(1970, 1, 1, 0, 0, 1), 1234.5, 1.5, day)
    ]


@pytest.mark.parametrize(
    ("form", "last", "beyond"),
    [
        ("epoch_seconds", "253402300799.999999", "253402300800"),
        ("epoch_milliseconds", "253402300799999", "253402300800000"),
        ("epoch_microseconds", "-62135596800000000", "-62135596800000001"),
    ],
)
def test_a_long_column_ends_where_the_years_do(form: str, last: str, beyond: str) -> None:
    outcome = load(f"x\n{last}\n{beyond}\n".encode(), {"x": "timestamp"}, dialect=Dialect(timestamp_format=form))
    rows = "".join(f"{last}\n{beyond}\n" for _ in range(100))
    many = load(f"x\n{rows}".encode(), {"x": "timestamp"}, dialect=Dialect(timestamp_format=form))
    assert outcome.rows is not None and many.rows == outcome.rows * 100
    assert outcome.conversion.rows_rejected == 1 and many.reasons() == outcome.reasons() * 100
