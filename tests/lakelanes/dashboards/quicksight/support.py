"""A visual of a small view, as QuickSight's fields."""

from __future__ import annotations

from typing import Any

from lakelanes.dashboards.model import Dataset, Visual
from lakelanes.dashboards.quicksight.calculated import CalculatedFields
from lakelanes.dashboards.quicksight.fields import Fields
from lakelanes.dashboards.view_columns import Columns

COLUMNS: Columns = {
    "day": "date",
    "sold_at": "timestamp",
    "city": "text",
    "sales": "whole",
    "revenue": "decimal",
    "rate": "double",
    "online": "boolean",
}
TOTAL = {"aggregation": "sum", "column": "revenue"}


def fields(calculated: CalculatedFields | None = None, **settings: Any) -> Fields:
    """The fields of a visual; by default a bar of revenue by city."""
    given: dict[str, Any] = {"id": "v", "title": "Title", "kind": "bar", "dataset": "shop", "y": [TOTAL], **settings}
    if given["kind"] not in ("figure", "table"):
        given.setdefault("x", {"column": "city"})
    dataset = Dataset(view="shop_view", date_column="day")
    return Fields(Visual.model_validate(given), dataset, COLUMNS, calculated or CalculatedFields(COLUMNS))


def column(name: str) -> dict[str, str]:
    """A column of the data set."""
    return {"DataSetIdentifier": "shop", "ColumnName": name}
