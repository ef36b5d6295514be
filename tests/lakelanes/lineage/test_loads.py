"""What a batch and a publishing step say of what they read and wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lakelanes.config.partitions import Partition
from lakelanes.files.outcomes import FileOutcome, OutcomeState
from lakelanes.ledger.source_file import SourceFile
from lakelanes.lineage.datasets import Dataset, Rejected
from lakelanes.lineage.loads import of_batch, of_publish, of_tables
from tests.support.lakes import SALES, make_config

CONFIG = make_config(
    {
        "sales": SALES,
        "raw": {
            **SALES,
            "table_name": "raw_data",
            "filename_pattern": r"raw_(\d{4})_(\d\d)_(\d\d)\.csv",
            "format": "csv",
        },
        "orders": {
            **SALES,
            "table_name": "order_data",
            "filename_pattern": r"orders_([a-z]+)\.csv",
            "partition_keys": ["market", {"name": "dt", "column": "transaction_date", "format": "%Y-%m-%d"}],
        },
    }
)
SOURCE = CONFIG.resources.source_bucket
FIRST, SECOND = "year=2024/month=03/day=15", "year=2024/month=03/day=16"


def file(key: str, size: int = 100) -> SourceFile:
    return SourceFile(SOURCE, key, "e", size, datetime(2024, 3, 16, tzinfo=UTC))


def outcome(key: str, state: OutcomeState = "loaded", *partitions: str, **more: Any) -> FileOutcome:
    return FileOutcome(file(key).uri, state, partitions, 100, **more)


def tables(outputs: tuple[Dataset, ...]) -> dict[str, tuple[int | None, list[str]]]:
    """Rows and partitions by the table's name."""
    return {
        one.at.name.rsplit("/", 1)[1]: (one.rows, [partition.path for partition in one.partitions]) for one in outputs
    }


def test_a_batch_tells_its_files_with_their_rows_and_its_table_with_rows_and_partitions() -> None:
    found = of_batch(
        CONFIG,
        {"sales": [file("a.csv"), file("b.csv", 50)]},
        [
            outcome("a.csv", "loaded", FIRST, rows_loaded=7, rows_rejected=0),
            outcome("b.csv", "loaded", SECOND, rows_loaded=5),
        ],
    )
    assert [(one.at, one.rows, one.size, one.files, one.rejected) for one in found.inputs] == [
        ((f"s3://{SOURCE}", "a.csv"), 7, 100, 1, None),
        ((f"s3://{SOURCE}", "b.csv"), 5, 50, 1, None),
    ]
    assert tables(found.outputs) == {"sales_data": (12, [FIRST, SECOND])}


def test_rejected_rows_are_read_and_are_rows_of_their_own_table() -> None:
    found = of_batch(
        CONFIG,
        {"sales": [file("a.csv"), file("bad.csv")]},
        [
            outcome("a.csv", "loaded", FIRST, rows_loaded=7, rows_rejected=2, column="amount"),
            outcome("bad.csv", "rejected", SECOND, rows_loaded=0, rows_rejected=3, error="'x' is no date", column="d"),
        ],
    )
    assert [(one.rows, one.rejected) for one in found.inputs] == [
        (9, Rejected(2, 0, "amount")),
        (3, Rejected(3, 1, "d")),
    ]
    assert tables(found.outputs) == {"sales_data": (7, [FIRST]), "sales_data_rejects": (5, [FIRST, SECOND])}


def test_rejected_rows_have_no_value_for_partition_keys_of_the_data() -> None:
    found = of_batch(
        CONFIG,
        {"orders": [file("orders_eu.csv")]},
        [
            outcome(
                "orders_eu.csv",
                "loaded",
                *("market=eu/dt=2024-03-15", "market=eu/dt=__HIVE_DEFAULT_PARTITION__"),
                rows_loaded=4,
                rows_rejected=1,
            )
        ],
    )
    assert tables(found.outputs) == {
        "order_data": (4, ["market=eu/dt=2024-03-15"]),
        "order_data_rejects": (1, ["market=eu/dt=__HIVE_DEFAULT_PARTITION__"]),
    }


def test_a_file_that_was_not_read_is_not_told() -> None:
    states: list[OutcomeState] = ["already_loaded", "claimed_elsewhere", "superseded", "deleted"]
    found = of_batch(
        CONFIG, {"sales": [file(state) for state in states]}, [outcome(state, state, FIRST) for state in states]
    )
    assert (found.inputs, found.outputs) == ((), ())


def test_a_file_that_failed_is_told_without_rows() -> None:
    found = of_batch(
        CONFIG, {"sales": [file("a.csv")]}, [outcome("a.csv", "failed", error="throttled", retryable=True)]
    )
    assert [(one.at.name, one.rows, one.rejected) for one in found.inputs] == [("a.csv", None, Rejected(0, 1, None))]
    assert found.outputs == ()


def test_files_of_an_entity_without_outcomes_are_told_as_what_was_to_be_done() -> None:
    found = of_batch(
        CONFIG,
        {"sales": [file("a.csv")], "raw": [file("r.csv")]},
        [outcome("a.csv", "loaded", FIRST, rows_loaded=1)],
    )
    assert [(one.at.name, one.rows, one.size) for one in found.inputs] == [("a.csv", 1, 100), ("r.csv", None, 100)]
    assert tables(found.outputs) == {"sales_data": (1, [FIRST]), "raw_data": (None, [])}


def test_rows_of_a_csv_table_are_not_known() -> None:
    found = of_batch(CONFIG, {"raw": [file("r.csv")]}, [outcome("r.csv", "loaded", FIRST)])
    assert [one.rows for one in found.inputs] == [None]
    assert tables(found.outputs) == {"raw_data": (None, [FIRST])}


def test_columns_that_files_brought_are_told() -> None:
    found = of_batch(
        CONFIG,
        {"sales": [file("a.csv")]},
        [outcome("a.csv", "loaded", FIRST, rows_loaded=1, added_columns=("note",))],
    )
    assert ("note", "string", "") in found.outputs[0].columns


def test_publishing_tells_the_changed_partitions_and_the_files_of_the_low_latency_lane() -> None:
    partitions = {Partition.from_path(FIRST), Partition.from_path("year=2024/month=03/day=__HIVE_DEFAULT_PARTITION__")}
    found = of_publish(CONFIG, {"sales": partitions}, {"sales": {f"s3://{SOURCE}/in/fast.csv": FIRST}})
    assert [one.at for one in found.inputs] == [(f"s3://{SOURCE}", "in/fast.csv")]
    assert tables(found.outputs) == {"sales_data": (None, [FIRST])}


def test_before_it_publishes_the_tables_are_known() -> None:
    assert tables(of_tables(CONFIG, ["sales", "raw"]).outputs) == {"sales_data": (None, []), "raw_data": (None, [])}
