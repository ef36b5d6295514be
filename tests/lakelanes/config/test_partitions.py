"""Which values make a partition, to the last one that fits, and what a partition is called in S3 and in Airflow."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from lakelanes.config.deadlines import following, period_of
from lakelanes.config.model import Entity
from lakelanes.config.partitions import (
    HIVE_NULL,
    Partition,
    date_values,
    hive_escape,
    hive_unescape,
    partition_date,
    partition_key,
    partition_of,
    partition_of_name,
    rejects_partition,
)
from lakelanes.errors import PartitionValueError
from tests.support.lakes import SALES, make_config


def entity(*keys: Any, **settings: Any) -> Entity:
    named = [key for key in keys if isinstance(key, str) or "column" not in key]
    pattern = "s_" + "_".join(["(.*)"] * len(named)) if named else "s_.*"
    return make_config({"sales": {**SALES, "partition_keys": keys, "filename_pattern": pattern, **settings}}).entities[
        "sales"
    ]


def accepts(kind: str, value: str) -> bool:
    try:
        return partition_of(entity({"name": "code", "type": kind}), [value]).values == [value]
    except PartitionValueError as error:
        assert error.key == "code"
        return False


@pytest.mark.parametrize(("kind", "bits"), [("tinyint", 7), ("smallint", 15), ("int", 31), ("bigint", 63)])
def test_an_integer_key_holds_what_its_type_does_and_not_one_more(kind: str, bits: int) -> None:
    least, greatest = -(2**bits), 2**bits - 1
    assert accepts(kind, str(greatest))
    assert not accepts(kind, str(greatest + 1))
    assert accepts(kind, str(least))
    assert not accepts(kind, str(least - 1))


@pytest.mark.parametrize("value", ["", "x", "1.0", "+1", " 1", "1" * 20, "٣"])
def test_what_is_no_number_is_no_value_of_an_integer_key(value: str) -> None:
    assert not accepts("bigint", value)


def test_an_integer_may_have_leading_zeros() -> None:
    assert accepts("tinyint", "007")


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("varchar(3)", "abc", True),
        ("varchar(3)", "abcd", False),
        ("char(2)", "zü", True),
        ("date", "2024-02-29", True),
        ("date", "2023-02-29", False),
        ("date", "2024-2-29", False),
        ("string", "x" * 512, True),
        ("string", "x" * 513, False),
        ("string", "ü" * 256, True),
        ("string", "ü" * 257, False),
        ("string", "a\x1fb", False),
        ("string", "a\x7fb", False),
        ("string", "a\x20b", True),
        ("string", HIVE_NULL, False),
    ],
)
def test_a_value_fits_its_key_and_the_names_that_are_made_of_it(kind: str, value: str, fits: bool) -> None:
    assert accepts(kind, value) is fits


def test_a_folder_of_keys_from_the_rows_has_a_name_of_512_bytes_at_most() -> None:
    one = entity({"name": "k", "column": "customer_id"})
    assert len(partition_of(one, ["x" * 510]).path) == 512
    with pytest.raises(PartitionValueError, match="longer than 512 bytes"):
        partition_of(one, ["x" * 511])


def test_a_file_of_keys_from_the_rows_has_a_partition_for_its_rejected_rows_alone() -> None:
    one = entity("region", {"name": "day", "column": "transaction_date", "format": "%d"})
    named = partition_of_name(one, ["ch"])
    assert named.path == f"region=ch/day={HIVE_NULL}"
    assert not named.is_complete
    rows = partition_of(one, ["ch", "15"])
    assert rows.is_complete
    assert rejects_partition(one, rows) == named
    plain = entity("region")
    assert rejects_partition(plain, partition_of(plain, ["ch"])).path == "region=ch"


def test_the_date_of_a_partition_is_that_of_its_keys_together() -> None:
    one = entity("year", "month", "region")
    partition = partition_of(one, ["2024", "03", "ch"])
    assert partition_date(one, partition) == datetime(2024, 3, 1)
    assert partition_key(one, partition) == "2024-03"
    assert date_values(one, "2024-03") == {"year": "2024", "month": "03"}
    with pytest.raises(PartitionValueError, match="year=2024, month=13 is not a date") as error:
        partition_of(one, ["2024", "13", "ch"])
    assert error.value.key == "month"


def test_a_partition_without_a_date_has_no_airflow_key() -> None:
    one = entity("region")
    assert partition_key(one, partition_of(one, ["ch"])) is None
    with pytest.raises(PartitionValueError, match="not partitioned by date"):
        date_values(one, "2024-03")


def test_dates_in_the_rows_find_no_file() -> None:
    one = entity({"name": "dt", "column": "transaction_date"})
    assert partition_date(one, Partition((("dt", HIVE_NULL),))) is None
    with pytest.raises(PartitionValueError, match="are in its rows"):
        date_values(one, "2024-03-15")


@pytest.mark.parametrize(
    ("value", "escaped"), [("a/b", "a%2Fb"), ("50%", "50%25"), ("k=v", "k%3Dv"), ("Zürich 1", "Zürich 1"), ("..", "..")]
)
def test_a_partition_value_is_escaped_as_hive_does(value: str, escaped: str) -> None:
    assert hive_escape(value) == escaped
    assert hive_unescape(escaped) == value
    partition = Partition((("city", value), ("year", "2024")))
    assert Partition.from_path(partition.path) == partition


def test_partition_and_airflow_key_name_each_other() -> None:
    sales = make_config().entities["sales"]
    partition = partition_of(sales, date_values(sales, "2024-03-15").values())
    assert partition.path == "year=2024/month=03/day=15"
    assert partition_key(sales, partition) == "2024-03-15"
    assert partition_date(sales, partition) == datetime(2024, 3, 15)
    with pytest.raises(
        PartitionValueError, match="'2024-3' is not a partition of entity sales: write it as 2024-03-15"
    ):
        date_values(sales, "2024-3")


OLD = [date(1, 1, 1), date(99, 12, 31), date(999, 3, 4), date(1000, 1, 1)]


@pytest.mark.parametrize("day", OLD)
def test_a_day_before_the_year_1000_is_a_partition_in_four_digits(day: date) -> None:
    by_day = entity({"name": "day", "type": "date"})
    partition = partition_of(by_day, [day.isoformat()])
    assert partition_key(by_day, partition) == day.isoformat()
    assert date_values(by_day, day.isoformat()) == {"day": day.isoformat()}
    assert period_of(by_day, partition.path) == day.isoformat()
    assert following(by_day, day.isoformat()) == (day + timedelta(days=1)).isoformat()
    compact = entity("dt", date_format="%Y%m%d")
    text = day.isoformat().replace("-", "")
    assert date_values(compact, day.isoformat()) == {"dt": text}
    assert partition_key(compact, partition_of(compact, [text])) == day.isoformat()


@pytest.mark.parametrize("kind", ["int", "string"])
@pytest.mark.parametrize("day", OLD)
def test_a_year_that_is_a_number_has_no_leading_zeros(day: date, kind: str) -> None:
    columns = [{"name": "day", "type": "date"}]
    forms = {"year": "%Y", "month": "%m"}
    keys = [{"name": name, "type": kind, "column": "day", "format": form} for name, form in forms.items()]
    by_month = entity(*keys, schema=columns)
    values = [value.text(day) for key in by_month.data_keys if (value := key.value)]
    assert values == ([str(day.year), str(day.month)] if kind == "int" else [f"{day.year:04d}", f"{day.month:02d}"])
    partition = partition_of(by_month, values)
    assert partition.values == values
    assert partition_key(by_month, partition) == day.isoformat()[:7]
    assert partition_date(by_month, partition) == datetime(day.year, day.month, 1)
