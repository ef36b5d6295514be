"""A table as its runs leave it in the ledger and the catalogue, without DynamoDB and its exports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lakelanes.lake import Lake
from lakelanes.tables.current import publish
from lakelanes.tables.ledger import Chain, Export, Snapshot, TableLedger, second_text
from lakelanes.tables.windows import minute_text

HOUR = timedelta(hours=1)


@dataclass
class ExportedTable:
    """A table with windows of an hour, from a base on: those that a test gives it."""

    lake: Lake
    base: datetime
    name: str = "orders"

    @property
    def ledger(self) -> TableLedger:
        return TableLedger(self.lake, self.name)

    def window(self, number: int, state: Any = "published", **more: Any) -> Export:
        """The window so many hours after the base; published ones have a row more than that."""
        start = self.base + number * HOUR
        known = {"rows": number + 1, "files": 1, "lines": number + 1} if state == "published" else {}
        export = Export(
            table=self.name,
            kind="window",
            start=minute_text(start),
            end=minute_text(start + HOUR),
            table_arn="arn",
            table_id="id",
            run_id=f"export_{self.name}/scheduled__1",
            state=state,
            **{**known, **more},
        )
        return self.ledger.write(export)[0]

    def begin(self, **chain: Any) -> None:
        """Has the full export in the lake."""
        base = minute_text(self.base)
        self.ledger.write(Chain(table=self.name, base=base, table_arn="arn", table_id="id", **chain))
        full = {"table": self.name, "kind": "full", "start": base, "end": base, "table_arn": "arn", "table_id": "id"}
        self.ledger.write(Export(**full, state="published", rows=40, files=1))
        as_of = second_text(self.base)
        self.ledger.write(Snapshot(table=self.name, as_of=as_of, made_by="full", table_id="id", rows=40, files=1))
        publish(self.lake, self.lake.config.tables[self.name])
