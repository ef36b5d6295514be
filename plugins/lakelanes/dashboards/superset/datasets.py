"""Datasets: a view each, and the rows of a visual for which Superset has no words.

A measure that takes the last rows of its group needs them marked, and of a dimension's top values Superset keeps those
of one series alone, without rows that have no value. Such a visual has a dataset of its own: the SQL by which the Lake
page asks, up to where it adds up.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from lakelanes.dashboards.model import Dataset, Dimension, Measure, Visual, in_words
from lakelanes.dashboards.queries import (
    filter_tests,
    grouped_sql,
    measure_sql,
    operand_name,
    rows_sql,
)
from lakelanes.dashboards.superset.formats import measure_label
from lakelanes.dashboards.view_columns import DATES, ColumnKind, Columns
from lakelanes.names import sql_identifier

Json = dict[str, Any]
VERSION = "1.0.0"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/lakelanes/superset")
# What is nested groups nothing, and Superset draws nothing of it.
_TYPES: dict[ColumnKind, str] = {
    "text": "VARCHAR",
    "whole": "BIGINT",
    "decimal": "DECIMAL",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def object_id(*names: str) -> str:
    """By which Superset knows an object again: the same in every run, others for another lake's."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))


def view_dataset(database: str, database_id: str, dataset: Dataset, columns: Columns) -> Json:
    """The dataset of a view. ``database``: Glue's; ``database_id``: of Superset's connection to it."""
    return {
        "table_name": dataset.view,
        "main_dttm_col": dataset.date_column,
        "description": f"The view {dataset.view} of the lake",
        "schema": database,
        "sql": None,
        "uuid": object_id(database, "view", dataset.view),
        "columns": list(_columns({name: (kind, in_words(name)) for name, kind in columns.items()})),
        "metrics": [{"metric_name": "count", "verbose_name": "Rows", "expression": "count(*)"}],
        "version": VERSION,
        "database_uuid": database_id,
    }


class Source:
    """Where a visual's rows come from, and by which expressions they are grouped and added up."""

    def __init__(self, database: str, dashboard: str, visual: Visual, dataset: Dataset, columns: Columns) -> None:
        """database: Glue's. dashboard: its name. columns: of the dataset's view."""
        self._database, self._dashboard, self._visual = database, dashboard, visual
        self._dataset, self.columns = dataset, columns
        self.has_own = bool(visual.topped) or any(one.aggregation == "last" for one in visual.y)

    @property
    def dataset_id(self) -> str:
        if self.has_own:
            return object_id(self._database, "rows", self._dashboard, self._visual.id)
        return object_id(self._database, "view", self._dataset.view)

    def own_dataset(self, database_id: str) -> Json:
        """The dataset with the visual's rows; only where ``has_own``."""
        visual = self._visual
        columns: dict[str, tuple[ColumnKind, str]] = {}
        for one in visual.dimensions:
            kind = self.columns[one.column]
            columns[self.column(one)] = ("date" if one.unit not in (None, "hour") else kind, one.label)
        for measure in visual.y:
            for _, name in measure.operands:
                columns[operand_name(name)] = self.columns[name], in_words(name)
        return {
            "table_name": f"{self._dashboard}.{visual.id}",
            "main_dttm_col": next((name for name, (kind, _) in columns.items() if kind in DATES), None),
            "description": f"The rows of '{visual.title}': those of the view {self._dataset.view} that it shows",
            "schema": self._database,
            "sql": rows_sql(self._database, visual, self._dataset, self.columns),
            "uuid": self.dataset_id,
            "columns": list(_columns(columns)),
            "metrics": [{"metric_name": "count", "verbose_name": "Rows", "expression": "count(*)"}],
            "version": VERSION,
            "database_uuid": database_id,
        }

    def column(self, one: Dimension) -> str:
        """The dataset's column of a dimension."""
        return f"d{self._visual.dimensions.index(one) + 1}" if self.has_own else one.column

    def grouped(self, one: Dimension, *, qualified: bool = False) -> str:
        """The SQL by which rows are grouped, and that people read: periods as texts, which sort as they follow.

        qualified: with the table's name, so that it is not taken for what the query calls so.
        """
        table = self._dataset.view if qualified else ""
        cut = sql_identifier(self.column(one)) if self.has_own else grouped_sql(one, table)
        if self.columns[one.column] not in DATES:
            return cut
        text = f"CAST({cut} AS varchar)"
        match one.unit:
            case "year":
                return f"substr({text}, 1, 4)"
            case "quarter":
                return f"substr({text}, 1, 4) || ' Q' || CAST(quarter({cut}) AS varchar)"
            case "month":
                return f"substr({text}, 1, 7)"
            case "hour":
                return f"substr({text}, 1, 16)"
            case _:
                return text

    def metric(self, measure: Measure) -> Json:
        """A measure as Superset's metric by SQL."""
        return self.expression(measure_sql(measure, of_view=not self.has_own), measure_label(measure))

    def expression(self, sql: str, label: str) -> Json:
        """An expression over rows that are added up."""
        # What the browser knows it by.
        name = object_id(self._database, self._dashboard, self._visual.id, label)
        return {
            "expressionType": "SQL",
            "sqlExpression": sql,
            "label": label,
            "hasCustomLabel": True,
            "optionName": f"metric_{name}",
        }

    def tests(self) -> list[Json]:
        """The filters; a dataset of the visual's own has passed them."""
        found = [] if self.has_own else list(filter_tests(self._visual.filters, self.columns))
        return [{"expressionType": "SQL", "clause": "WHERE", "sqlExpression": one} for one in found]


def _columns(columns: dict[str, tuple[ColumnKind, str]]) -> Iterator[Json]:
    for name, (kind, label) in columns.items():
        if kind in _TYPES:
            yield {
                "column_name": name,
                "verbose_name": label,
                "is_dttm": kind in DATES,
                "is_active": True,
                "type": _TYPES[kind],
                "groupby": True,
                "filterable": True,
                "expression": None,
            }
