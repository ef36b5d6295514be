"""What every suite is told of the lake: its names, and the rows that the generator wrote, as the lake's types.

Runs in the environment of a client, so it imports nothing of this project.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

Row = dict[str, Any]

# As in include/lake.json. An empty field is NULL.
TYPES: dict[str, dict[str, Callable[[str], Any]]] = {
    "sales": {
        "amount": Decimal,
        "transaction_date": date.fromisoformat,
        "sold_at": datetime.fromisoformat,
        "quantity": int,
    },
    "web_sessions": {
        "started_at": datetime.fromisoformat,
        "ended_at": datetime.fromisoformat,
        "page_views": int,
        "is_mobile": "true".__eq__,
        "converted": "true".__eq__,
    },
    "store_targets": {"revenue_target": Decimal},
}


@dataclass(frozen=True)
class Written:
    """The lake's names, and what was written to it."""

    database: str
    workgroup: str
    results: str
    models_database: str
    models_workgroup: str
    models: str
    sales: list[Row]
    web_sessions: list[Row]
    store_targets: list[Row]
    orders: list[Row]

    def day(self, day: str) -> list[Row]:
        """The sales of a day, such as 2024-02-29."""
        return [row for row in self.sales if str(row["transaction_date"]) == day]


def _typed(entity: str, row: dict[str, str]) -> Row:
    types = TYPES[entity]
    typed = {name: None if text == "" else types.get(name, str)(text) for name, text in row.items() if name != "key"}
    # Of the file's name, as the partition keys are; the day and the hour are in the rows.
    year, month = re.search(r"(\d{4})[-_]?(\d{2})", row["key"]).groups()  # type: ignore[union-attr]
    return {**typed, "year": year, "month": month}


@pytest.fixture(scope="session")
def written() -> Written:
    facts = json.loads(Path(os.environ["CLIENTS_FACTS"]).read_text())
    names = facts["names"]
    return Written(
        database=names["analytics_db"],
        workgroup=names["analytics_workgroup"],
        results=f"s3://{names['lakelanes-analytics']}/athena-results/",
        models_database=names["models_db"],
        models_workgroup=names["models_workgroup"],
        models=f"s3://{names['lakelanes-models']}",
        **{entity: [_typed(entity, row) for row in facts["rows"][entity]] for entity in TYPES},
        orders=facts["orders"],
    )


@pytest.fixture(scope="session")
def aws() -> boto3.session.Session:
    """A session as AWS's own variables have it: endpoint, region, and the client's user."""
    return boto3.session.Session()


@pytest.fixture(scope="module")
def arrow_at_endpoint() -> Iterator[None]:
    """Arrow's own client of S3 does not know AWS_ENDPOINT_URL, and PyAthena's Arrow cursor gives it none: told here, in
    the way that docs/clients.md has."""
    import pyarrow.fs

    scheme, _, place = os.environ["AWS_ENDPOINT_URL"].partition("://")
    local = functools.partial(pyarrow.fs.S3FileSystem, scheme=scheme, endpoint_override=place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyarrow.fs, "S3FileSystem", local)
        yield
