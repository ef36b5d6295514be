"""The M of a dataset: its view, read through Power BI's connector for Athena."""

from __future__ import annotations

from collections.abc import Mapping

from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.powerbi.quoting import m_identifier, m_string
from lakelanes.dashboards.view_columns import ColumnKind

# The parameters of the model. With a blank in it a name is none of a dataset's.
DSN, CATALOGUE, SCHEMA = "Athena DSN", "Athena catalogue", "Athena schema"
# The two that Power BI's incremental refresh sets, under these names
# (https://learn.microsoft.com/en-us/power-bi/connect-data/incremental-refresh-configure).
RANGE_START, RANGE_END = "RangeStart", "RangeEnd"
_TYPES: dict[ColumnKind, str] = {
    "whole": "Int64.Type",
    "decimal": "type number",
    "double": "type number",
    "boolean": "type logical",
    "date": "type date",
    "timestamp": "type datetime",
}


def source(dataset: Dataset, columns: Mapping[str, ColumnKind]) -> str:
    """The query of a dataset's rows with these of its columns, in the types of their kinds."""
    steps = [
        ("Source", f"AmazonAthena.Databases({m_identifier(DSN)}, null, [])"),
        ("Catalogue", f'Source{{[Name={m_identifier(CATALOGUE)}, Kind="Database"]}}[Data]'),
        ("Schema", f'Catalogue{{[Name={m_identifier(SCHEMA)}, Kind="Schema"]}}[Data]'),
        ("View", f'Schema{{[Name={m_string(dataset.view)}, Kind="Table"]}}[Data]'),
    ]
    if dataset.changes_days and dataset.date_column:
        at, kind = f"[{m_identifier(dataset.date_column)}]", columns[dataset.date_column]
        start, end = (name if kind == "timestamp" else f"Date.From({name})" for name in (RANGE_START, RANGE_END))
        steps.append(("InRange", f"Table.SelectRows(View, each {at} >= {start} and {at} < {end})"))
    listed = ", ".join(map(m_string, columns))
    steps.append(("Columns", f"Table.SelectColumns({steps[-1][0]}, {{{listed}}})"))
    if dataset.mode == "import":
        # Of a direct query every step has to become SQL, so there the driver's types stay.
        types = ", ".join(f"{{{m_string(name)}, {_TYPES.get(kind, 'type text')}}}" for name, kind in columns.items())
        steps.append(("Typed", f"Table.TransformColumnTypes(Columns, {{{types}}})"))
    body = ",\n".join(f"    {name} = {step}" for name, step in steps)
    return f"let\n{body}\nin\n    {steps[-1][0]}"
