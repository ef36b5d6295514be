"""A month's cost against hand calculations, and how it follows what it is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lakelanes.cost.estimate import (
    IDLE_POLLS,
    entity_cost,
    function_seconds,
    lake_cost,
    stream_batches,
    table_cost,
)
from lakelanes.cost.prices import GB, read_prices
from lakelanes.cost.units import STORED_BESIDE, file_items, item_bytes
from lakelanes.cost.workload import EntityLoad, LakeLoad, TableLoad

PRICES = read_prices()
# A file a day of 10 MB, of which 90 are there: three months of a lake.
DAILY = EntityLoad(
    days=30,
    files_batch=30,
    bytes=30 * 10e6,
    rows=3e6,
    partitions=30,
    runs=30,
    kept_files=90,
    kept_bytes=90 * 10e6,
    kept_partitions=90,
)


def test_a_file_a_day_costs_what_is_calculated_by_hand() -> None:
    cost = entity_cost(PRICES, "sales", DAILY)
    sweeps, watches, counts = 2880, 8640, 2880 + 8640 + 30
    # S3: a LIST a run and its share of each sweep's, a PUT a file; three GETs for 10 MB, and one by its task.
    puts, gets = 30 + sweeps * 90 / 1000 + 30, (3 + 1) * 30
    assert cost.usage["put_requests"] == pytest.approx(puts)
    assert cost.usage["get_requests"] == gets
    stored = 90 * 10e6 * 1.24 / GB
    assert cost.services["S3"] == pytest.approx(puts * 5e-6 + gets * 4e-7 + stored * 0.023)
    # Glue, for each of two tables: GetTable and BatchGetPartition by each run and each sweep, two more when it is new.
    glue = 2 * (30 * 2 + sweeps * 2 + 30 * 2)
    assert cost.usage["glue_requests"] == glue
    assert cost.usage["glue_objects"] == 2 * 91
    assert cost.services["Glue"] == pytest.approx(glue / 1e6 + 182 / 1e5)
    # Athena: 30 queries of 10 MB.
    assert cost.services["Athena"] == pytest.approx(30 * 10e6 / 2**40 * 5)
    # DynamoDB: seven units a file; each count of what changed has one, and each count that found something six.
    assert cost.usage["write_units"] == pytest.approx(7 * 30 + counts + 6 * 60)
    reads = 30 + 2 * 30  # the run's questions of each file
    reads += 60 * 0.5 + 30 * 0.5  # the files of a partition, by counts and validations
    reads += sweeps * 90  # what each sweep lists
    reads += counts * 4.5 + 60 * 3 + 30 * 1 + sweeps * 3.5 + watches * 5
    reads += 30  # by each task, once
    assert cost.usage["read_units"] == pytest.approx(reads)
    ledger = 90 * (item_bytes(file_items()[1]) + STORED_BESIDE) / GB
    dynamodb = cost.usage["write_units"] * 0.625e-6 + reads * 0.125e-6 + ledger * (3 * 0.25 + 0.20)
    assert cost.services["DynamoDB"] == pytest.approx(dynamodb)
    assert set(cost.services) == {"S3", "DynamoDB", "Glue", "Athena"}
    assert cost.total == pytest.approx(sum(cost.services.values()))
    assert 0.05 < cost.total < 0.25


def test_a_file_of_the_low_latency_lane_costs_its_function_and_its_message() -> None:
    fast = replace(DAILY, files_batch=0, files_fast=30)
    cost = entity_cost(PRICES, "sales", fast)
    seconds = 30 * (3 * 0.01 + 2 * 0.15 + 0.06)
    assert cost.services["Lambda"] == pytest.approx(30 * 0.2e-6 + seconds * 1769 / 1024 * 0.0000133334)
    assert cost.services["SQS"] == pytest.approx(3 * 30 * 0.4e-6)
    # Five metrics in 30 of 720 hours.
    assert cost.services["CloudWatch"] == pytest.approx(5 * 0.30 * 30 / 720)


def test_half_the_days_with_half_the_files_cost_the_same_but_what_is_kept() -> None:
    half = replace(DAILY, days=15, files_batch=15, bytes=15 * 10e6, partitions=15, runs=15)
    assert entity_cost(PRICES, "sales", half).total == pytest.approx(entity_cost(PRICES, "sales", DAILY).total)


def test_a_lake_of_many_files_is_swept_by_the_last_three_days() -> None:
    many = replace(DAILY, kept_files=15_000)
    alone, among = entity_cost(PRICES, "sales", many), entity_cost(PRICES, "sales", many, lake_files=50_000)
    assert alone.usage["read_units"] - among.usage["read_units"] == pytest.approx(2880 * (15_000 - 3))


def test_every_reading_of_a_partition_reads_all_its_files() -> None:
    one = replace(DAILY, files_batch=3000, files_fast=0, partitions=1, bytes=3e6)
    spread = replace(one, partitions=3000)
    crowded, apart = (entity_cost(PRICES, "sales", load).usage["read_units"] for load in (one, spread))
    assert crowded > 2 * apart


@pytest.mark.parametrize(
    "more",
    [{"files_batch": 60}, {"files_fast": 10}, {"files_refused": 5}, {"kept_bytes": 1e12}, {"kept_partitions": 1e5}],
)
def test_more_costs_more(more: dict[str, Any]) -> None:
    assert entity_cost(PRICES, "sales", replace(DAILY, **more)).total > entity_cost(PRICES, "sales", DAILY).total


def test_an_entity_without_files_costs_what_looks_for_them() -> None:
    cost = entity_cost(PRICES, "sales", EntityLoad(days=30, runs=30))
    assert cost.files == 0 and set(cost.services) == {"S3", "DynamoDB", "Glue"}
    assert 0 < cost.total < 0.05


def test_a_large_file_is_read_and_written_in_parts() -> None:
    cost = entity_cost(PRICES, "sales", EntityLoad(days=30, files_batch=1, bytes=1e9, partitions=1, runs=1))
    assert cost.requests["GetObject"] == 239 + 1  # of 4 MiB, and one by the task
    assert cost.requests["UploadPart"] + cost.requests["PutObject"] == 39 + 2  # 240 MB by 6 MiB, begun and ended


def test_an_hourly_table_costs_ten_megabytes_a_window_at_least() -> None:
    quiet = TableLoad(days=30, windows=720, changes=0, items=1000, item_bytes=500, snapshot_files=1)
    cost = table_cost(PRICES, "orders", quiet)
    assert cost.usage["export_gb"] == pytest.approx(720 * 10e6 / GB)
    assert cost.usage["export_gb"] * 0.10 == pytest.approx(0.67, abs=0.01)
    assert cost.usage["recovery_gb"] == pytest.approx(500_000 / GB)
    busy = replace(quiet, changes=1e9)
    assert table_cost(PRICES, "orders", busy).usage["export_gb"] == pytest.approx(1e9 * 500 * 2 / GB)
    assert table_cost(PRICES, "orders", replace(quiet, measured=False)).doubts


def test_a_table_with_the_stream_alone_has_no_exports() -> None:
    cost = table_cost(PRICES, "orders", TableLoad(days=30, changes=2592, batch_records=1000, batch_seconds=1000))
    assert "export_gb" not in cost.usage and "recovery_gb" not in cost.usage
    # A change every 1,000 seconds, and batches that last as long: two changes each.
    assert cost.usage["invocations"] == pytest.approx(2592 / 2)


def test_batches_of_a_stream_are_full_or_their_time_is_over() -> None:
    assert stream_batches(0, 1000, 10) == 0
    assert stream_batches(1e12, 1000, 10) == 1e9
    assert stream_batches(100, 1000, 0) == 100


def test_the_lake_costs_its_environment_most_of_all() -> None:
    cost = lake_cost(PRICES, LakeLoad(questions=10, datasets=2, has_fast=True))
    assert cost.services["MWAA"] == pytest.approx(0.49 * 720 + 10 * 0.10)
    assert cost.services["SQS"] == pytest.approx((IDLE_POLLS + 2 * 2880) * 0.4e-6)
    assert cost.services["Athena"] == pytest.approx(300 * 10e6 / 2**40 * 5)
    assert cost.services["CloudWatch"] == pytest.approx(4 * 0.10)
    assert lake_cost(PRICES, LakeLoad(), "mw1.large").total > cost.total
    with_spice = lake_cost(PRICES, LakeLoad(datasets=2, datasets_in_use=1, spice_bytes=GB))
    assert with_spice.services["QuickSight"] == pytest.approx(0.38)


def test_the_function_works_as_long_as_it_waits_and_converts() -> None:
    assert function_seconds(0) == pytest.approx(0.33)
    assert function_seconds(32e6) == pytest.approx(0.33 + 0.192)
