"""Loads of small sales files, and what Athena and the rejects then hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition, date_values, partition_of
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger.files import Ledger
from lakelanes.ledger.source_file import SourceFile

HEADER = "transaction_id,customer_id,amount,transaction_date\n"

KEY = "sales_data_2024_03_15.csv"


def rows(count: int, first: int = 1) -> str:
    return "".join(f"t{n},c{n},{n}.50,2024-03-15\n" for n in range(first, first + count))


def load(
    lake: Lake, files: Sequence[SourceFile] | None = None, entity: str = "sales", **options: Any
) -> list[FileOutcome]:
    """Loads (by default) whatever is in the source bucket, registers and validates it."""
    settings = lake.config.entities[entity]
    files = list_entity(lake, settings) if files is None else files
    outcomes = load_batch(lake, settings, files, lane="batch", run_id="test", **options)
    partitions = {Partition.from_path(path) for outcome in outcomes for path in outcome.partitions}
    Registrar(lake, "look").register_entity(settings, partitions)
    validate(lake, settings, partitions, pause_seconds=0.05)
    return outcomes


def select(lake: Lake, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in athena.query(lake, sql)]


def table(lake: Lake, name: str = "sales_data") -> list[tuple[str | None, ...]]:
    return select(lake, f"SELECT transaction_id, customer_id, amount, transaction_date FROM {name} ORDER BY 1, 2, 3")


def rejects(lake: Lake) -> list[tuple[str | None, ...]]:
    return select(lake, 'SELECT line, "column", reason, raw FROM sales_data_rejects ORDER BY source_file, record')


def accounted(lake: Lake) -> int:
    """Rows in the table and among the rejects together."""
    return len(table(lake)) + len(rejects(lake))


def leave_uncommitted(lake: Lake, monkeypatch: pytest.MonkeyPatch, run_id: str = "killed") -> None:
    """A worker that dies between its upload and its commit."""
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "loaded", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            load_batch(
                lake,
                lake.config.entities["sales"],
                list_entity(lake, lake.config.entities["sales"]),
                lane="batch",
                run_id=run_id,
            )


def later(lake: Lake) -> Lake:
    """The same lake when every lease has run out."""
    return Lake.open(lake.config, clock=lambda: lake.clock() + timedelta(hours=1))


def partition(lake: Lake, key: str = "2024-03-15") -> Partition:
    sales = lake.config.entities["sales"]
    return partition_of(sales, date_values(sales, key).values())
