"""Types: their texts in Trino and Hive, coercion, and Java's numbers."""

from __future__ import annotations

import pytest

from localaws.athena import types as t
from localaws.athena.values import java_double, java_float

HIVE = {
    "string": "varchar",
    "varchar(10)": "varchar(10)",
    "char(3)": "char(3)",
    "int": "integer",
    "float": "real",
    "binary": "varbinary",
    "timestamp": "timestamp(3)",
    "decimal(10,2)": "decimal(10,2)",
    "array<string>": "array(varchar)",
    "map<string,array<int>>": "map(varchar, array(integer))",
    "struct<a:int,b:struct<c:date>>": "row(a integer, b row(c date))",
}


@pytest.mark.parametrize("hive", HIVE)
def test_hive_and_trino_types_name_each_other(hive: str) -> None:
    kind = t.parse_hive(hive)
    assert str(kind) == HIVE[hive]
    assert t.to_hive(kind) == hive
    assert t.parse_trino(str(kind)) == kind


@pytest.mark.parametrize(
    "text", ["", "strin", "decimal(39,2)", "decimal(5,6)", "array<>", "map<int>", "int)", "varchar"]
)
def test_what_is_no_hive_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"type|decimal"):
        t.parse_hive(text)


@pytest.mark.parametrize(
    ("a", "b", "common"),
    [
        ("integer", "bigint", "bigint"),
        ("bigint", "decimal(10,2)", "decimal(21,2)"),
        ("decimal(10,2)", "decimal(5,4)", "decimal(12,4)"),
        ("decimal(38,2)", "double", "double"),
        ("varchar(3)", "varchar", "varchar"),
        ("varchar(3)", "varchar(5)", "varchar(5)"),
        ("date", "timestamp(3)", "timestamp(3)"),
        ("unknown", "date", "date"),
        ("array(integer)", "array(bigint)", "array(bigint)"),
        ("varchar", "integer", None),
        ("boolean", "integer", None),
        ("date", "varchar", None),
    ],
)
def test_common_types(a: str, b: str, common: str | None) -> None:
    found = t.common_type(t.parse_trino(a), t.parse_trino(b))
    assert (str(found) if found else None) == common
    assert t.common_type(t.parse_trino(b), t.parse_trino(a)) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"), (100.0, "100.0"), (1e7, "1.0E7"), (9999999.0, "9999999.0"), (1e10, "1.0E10"), (0.001, "0.001"),
        (0.0001, "1.0E-4"), (-1.5e-7, "-1.5E-7"), (0.0, "0.0"), (-0.0, "-0.0"), (1.23456789012e12, "1.23456789012E12"),
        (float("nan"), "NaN"), (float("-inf"), "-Infinity"),
    ],
)  # fmt: skip
def test_doubles_print_as_java_prints_them(value: float, text: str) -> None:
    assert java_double(value) == text


def test_floats_print_with_their_own_precision() -> None:
    assert java_float(0.1) == "0.1"
    assert java_float(16777216.0) == "1.6777216E7"
