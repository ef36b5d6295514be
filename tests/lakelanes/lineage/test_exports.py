"""What the steps of a DynamoDB table say: from the table by an export to change rows, a snapshot and the view."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lakelanes.lineage.datasets import Dataset, Lineage, dynamodb_name, glue_name
from lakelanes.lineage.exports import of_compaction, of_conversion, of_current, of_export
from lakelanes.tables.current import Coverage
from lakelanes.tables.ledger import Export, Snapshot
from lakelanes.tables.windows import minute_text
from tests.support.lakes import make_config
from tests.support.source_tables import ORDERS

CONFIG = make_config(tables={"orders": {"dynamodb_table": "shop-orders", **ORDERS}})
TABLE = CONFIG.tables["orders"]
ARN = f"arn:aws:dynamodb:{CONFIG.aws.region}:{CONFIG.aws.account_id}:table/shop-orders"
START, END = datetime(2024, 3, 15, 10, tzinfo=UTC), datetime(2024, 3, 15, 11, tzinfo=UTC)


def export(kind: Any = "window", **more: Any) -> Export:
    end = START if kind == "full" else END
    texts = {"start": minute_text(START), "end": minute_text(end)}
    return Export(table="orders", kind=kind, table_arn=ARN, table_id="i", **{**texts, **more})


DONE = {"export_arn": f"{ARN}/export/01710500000000-a1b2c3d4", "lines": 5, "state": "converted", "rows": 4, "files": 1}
FOLDER = f"{TABLE.export.prefix}orders/AWSDynamoDB/01710500000000-a1b2c3d4"


def told(datasets: tuple[Dataset, ...]) -> list[tuple[str, int | None, list[str]]]:
    """Name, rows and partitions."""
    return [(one.at.name, one.rows, [partition.path for partition in one.partitions]) for one in datasets]


def test_an_export_reads_the_dynamodb_table_and_writes_its_folder_in_s3() -> None:
    found = of_export(CONFIG, TABLE, export(**DONE))
    assert [one.at for one in found.inputs] == [dynamodb_name(CONFIG, "shop-orders")]
    assert "order_id" in {column.name for column in found.inputs[0].columns}
    assert [one.at.namespace for one in found.outputs] == [f"s3://{CONFIG.resources.analytics_bucket}"]
    assert told(found.outputs) == [(FOLDER, 5, [])]


def test_before_there_is_an_export_the_table_is_known() -> None:
    for known in (None, export()):
        found = of_export(CONFIG, TABLE, known)
        assert ([one.at.name for one in found.inputs], found.outputs) == (["table/shop-orders"], ())


def test_a_window_becomes_change_rows() -> None:
    found = of_conversion(CONFIG, TABLE, export(**DONE))
    assert told(found.inputs) == [(FOLDER, 5, [])]
    name = glue_name(CONFIG, TABLE.changes_table).name
    assert told(found.outputs) == [(name, 4, [f"lane=export/window={minute_text(START)}"])]


def test_a_full_export_becomes_a_snapshot() -> None:
    found = of_conversion(CONFIG, TABLE, export("full", **DONE))
    assert told(found.outputs) == [(glue_name(CONFIG, TABLE.snapshot_table).name, 4, ["as_of=20240315T100000Z"])]


def test_nothing_is_told_of_an_export_that_is_not_known() -> None:
    assert of_conversion(CONFIG, TABLE, None) == Lineage()


def test_the_view_is_made_of_snapshot_and_changes_column_by_column() -> None:
    found = of_current(CONFIG, TABLE, Coverage(START, END))
    changes, snapshot = glue_name(CONFIG, TABLE.changes_table), glue_name(CONFIG, TABLE.snapshot_table)
    assert {one.at for one in found.inputs} == {changes, snapshot}
    [view] = found.outputs
    assert (view.at, view.kind) == (glue_name(CONFIG, TABLE.current_view), "VIEW")
    assert {(source.at, source.column, source.kind) for source in view.sources["total"]} == {
        (changes, "total", "TRANSFORMATION"),
        (snapshot, "total", "TRANSFORMATION"),
        (changes, TABLE.keys[0], "CONDITIONAL"),
    }
    assert list(view.sources) == [column.name for column in view.columns]


def test_without_a_view_what_it_would_read_is_known() -> None:
    found = of_current(CONFIG, TABLE, None)
    assert (len(found.inputs), found.outputs) == (2, ())


def test_a_compaction_writes_a_snapshot_of_the_changes() -> None:
    snapshot = Snapshot(table="orders", as_of="20240316T000000Z", made_by="compaction", table_id="i", rows=9, files=1)
    found = of_compaction(CONFIG, TABLE, snapshot)
    assert told(found.inputs) == [(glue_name(CONFIG, TABLE.changes_table).name, None, [])]
    assert told(found.outputs) == [(glue_name(CONFIG, TABLE.snapshot_table).name, 9, ["as_of=20240316T000000Z"])]
    assert of_compaction(CONFIG, TABLE, None) == Lineage()
