"""Partition projection (https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html)."""

from __future__ import annotations

from typing import Any

import pytest


def table(lake: Any, keys: str, properties: dict[str, str]) -> None:
    given = ", ".join(f"'{key}'='{value}'" for key, value in {"projection.enabled": "true", **properties}.items())
    lake.run(
        f"CREATE EXTERNAL TABLE t (a string) PARTITIONED BY ({keys}) STORED AS PARQUET LOCATION 's3://{{bucket}}/t/' "
        f"TBLPROPERTIES ({given})"
    )


def days(lake: Any, template: bool = True) -> None:
    properties = {
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy/MM/dd",
        "projection.dt.range": "2024/02/27,2024/03/02",
        "storage.location.template": "s3://{bucket}/t/${dt}/",
    }
    table(lake, "dt string", properties)


def test_a_date_column_makes_one_partition_a_day_and_nothing_outside_its_range(lake: Any) -> None:
    days(lake)
    for day in ("2024/02/26", "2024/02/29", "2024/03/01"):
        lake.put_parquet(f"t/{day}/x.parquet", {"a": [day]})
    assert lake.rows("SELECT dt, a FROM t ORDER BY dt") == [("2024/02/29", "2024/02/29"), ("2024/03/01", "2024/03/01")]
    one = lake.run("SELECT a FROM t WHERE dt = '2024/02/29'")
    assert (one.rows, one.bytes_scanned) == ([("2024/02/29",)], lake.compressed_bytes("t/2024/02/29/x.parquet", "a"))
    assert lake.rows("SELECT a FROM t WHERE dt = '2024/02/26'") == []


def test_registered_partitions_are_ignored_under_projection(lake: Any) -> None:
    days(lake)
    lake.put_parquet("elsewhere/x.parquet", {"a": ["registered"]})
    lake.run("ALTER TABLE t ADD PARTITION (dt='2024/02/29') LOCATION 's3://{bucket}/elsewhere/'")
    assert lake.rows("SELECT * FROM t") == []


def test_integer_and_enum_columns_use_hive_folders_without_a_template(lake: Any) -> None:
    table(
        lake,
        "region string, n int",
        {
            "projection.region.type": "enum",
            "projection.region.values": "eu,us",
            "projection.n.type": "integer",
            "projection.n.range": "1,9",
            "projection.n.digits": "2",
            "projection.n.interval": "2",
        },
    )
    for region, n in (("eu", "01"), ("us", "03"), ("us", "04"), ("asia", "01")):
        lake.put_parquet(f"t/region={region}/n={n}/x.parquet", {"a": [region + n]})
    assert lake.rows("SELECT region, n, a FROM t ORDER BY n") == [("eu", "1", "eu01"), ("us", "3", "us03")]
    assert lake.rows("SELECT a FROM t WHERE n > 1") == [("us03",)]


def test_hours_and_months(lake: Any) -> None:
    table(
        lake,
        "h string",
        {
            "projection.h.type": "date",
            "projection.h.format": "yyyy-MM-dd-HH",
            "projection.h.range": "2024-01-31-22,2024-02-01-01",
            "projection.h.interval": "1",
            "projection.h.interval.unit": "HOURS",
        },
    )
    for hour in ("2024-01-31-23", "2024-02-01-00", "2024-02-01-02"):
        lake.put_parquet(f"t/h={hour}/x.parquet", {"a": [hour]})
    assert lake.rows("SELECT h FROM t ORDER BY h") == [("2024-01-31-23",), ("2024-02-01-00",)]


def test_an_injected_column_needs_an_equality(lake: Any) -> None:
    table(lake, "device string", {"projection.device.type": "injected"})
    lake.put_parquet("t/device=d-1/x.parquet", {"a": ["one"]})
    assert lake.rows("SELECT a FROM t WHERE device = 'd-1'") == [("one",)]
    assert lake.rows("SELECT a, device FROM t WHERE device IN ('d-1', 'd-2')") == [("one", "d-1")]
    assert lake.failure("SELECT a FROM t").startswith(
        "CONSTRAINT_VIOLATION: For the injected projected partition column device"
    )


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({}, "the property projection.p.type is missing"),
        ({"projection.p.type": "magic"}, "projection.p.type 'magic' is none of"),
        ({"projection.p.type": "integer", "projection.p.range": "1"}, "projection.p.range '1' is not 'from,to'"),
    ],
)
def test_wrong_properties_are_named(lake: Any, properties: dict[str, str], message: str) -> None:
    table(lake, "p string", properties)
    assert message in lake.failure("SELECT * FROM t")
