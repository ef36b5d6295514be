"""The filters of a visual, as its ``filterConfig``: those of the dashboard, and the top values of a dimension."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from lakelanes.dashboards.model import Dimension, Filter, Visual
from lakelanes.dashboards.powerbi.quoting import literal
from lakelanes.dashboards.powerbi.semantic_model import Field, SemanticModel
from lakelanes.dashboards.view_columns import ColumnKind

# ComparisonKind, TimeUnit and the direction of a sort in the JSON schema ``semanticQuery``.
EQUAL, GREATER, AT_LEAST, LESS, AT_MOST = range(5)
_DAY = 0
_ASCENDING, _DESCENDING = 1, 2
Json = dict[str, Any]


def field_json(field: Field, source: Json | None = None) -> Json:
    """A reference to a field: of the model, or of a source of a query."""
    what = "Measure" if field.is_measure else "Column"
    return {what: {"Expression": {"SourceRef": source or {"Entity": field.table}}, "Property": field.name}}


def filter_config(model: SemanticModel, dashboard: str, visual: Visual) -> Json | None:
    """The filters of a visual; None where it has none."""
    found = []
    for one in visual.filters:
        field = model.column(visual.dataset, one.column)
        kind, conditions = _conditions(one, field_json(field, {"Source": "t"}), model.kinds(visual.dataset)[one.column])
        query = {
            "Version": 2,
            "From": [{"Name": "t", "Entity": field.table, "Type": 0}],
            "Where": [{"Condition": _all(conditions)}],
        }
        found.append({"field": field_json(field), "type": kind, "filter": query, **_inverted(one)})
    found += [_top(model, visual, one) for one in visual.topped]
    ids = [hashlib.sha256(f"{dashboard}/{visual.id}/{at}".encode()).hexdigest()[:20] for at in range(len(found))]
    named = [{"name": name, **made, "howCreated": "User"} for name, made in zip(ids, found, strict=True)]
    return {"filters": named} if named else None


def _conditions(one: Filter, column: Json, kind: ColumnKind) -> tuple[str, list[Json]]:
    """The type of a filter, and what has to be true."""
    if one.in_ is not None:
        return "Categorical", [_in(column, one.in_, kind)]
    if one.not_in is not None:
        return "Categorical", [{"Not": {"Expression": _in(column, one.not_in, kind)}}]
    if one.last_days is not None:
        start = {"DateAdd": {"Expression": {"Now": {}}, "Amount": 1 - one.last_days, "TimeUnit": _DAY}}
        return "Advanced", [_compared(AT_LEAST, column, {"DateSpan": {"Expression": start, "TimeUnit": _DAY}})]
    return "Advanced", list(_bounds(one, column, kind))


def _bounds(one: Filter, column: Json, kind: ColumnKind) -> Iterator[Json]:
    if one.from_ is not None:
        yield _compared(AT_LEAST, column, _literal(one.from_, kind))
    if isinstance(one.to, date):
        # Of a timestamp, the whole day.
        yield _compared(LESS, column, _literal(one.to + timedelta(days=1), kind))
    elif one.to is not None:
        yield _compared(AT_MOST, column, _literal(one.to, kind))
    if one.from_ is None or (isinstance(one.from_, Decimal) and one.from_ <= 0):
        # A blank is compared as 0.
        yield {"Not": {"Expression": _compared(EQUAL, column, {"Literal": {"Value": "null"}})}}


def _in(column: Json, values: Iterable[str | int | bool], kind: ColumnKind) -> Json:
    return {"In": {"Expressions": [column], "Values": [[_literal(value, kind)] for value in values]}}


def _inverted(one: Filter) -> Json:
    """Tells the filter's card that the values which are ticked are those left out."""
    if one.not_in is None:
        return {}
    return {"objects": {"general": [{"properties": {"isInvertedSelectionMode": {"expr": _value("true")}}}]}}


def _top(model: SemanticModel, visual: Visual, wanted: Dimension) -> Json:
    """The values of a dimension with the largest, or smallest, first measure."""
    field, measure = model.dimension(visual.dataset, wanted), model.measure(visual.dataset, visual.y[0])
    sources = [{"Name": "t", "Entity": field.table, "Type": 0}]
    if measure.table != field.table:
        sources.append({"Name": "m", "Entity": measure.table, "Type": 0})
    by = field_json(measure, {"Source": sources[-1]["Name"]})
    query = {
        "Version": 2,
        "From": sources,
        "Select": [{**field_json(field, {"Source": "t"}), "Name": "field"}],
        "OrderBy": [{"Direction": _ASCENDING if wanted.sort == "smallest_first" else _DESCENDING, "Expression": by}],
        "Top": wanted.top,
    }
    top = {"Name": "top", "Expression": {"Subquery": {"Query": query}}, "Type": 2}
    is_in = {"Expressions": [field_json(field, {"Source": "t"})], "Table": {"SourceRef": {"Source": "top"}}}
    outer = {"Version": 2, "From": [top, sources[0]], "Where": [{"Condition": {"In": is_in}}]}
    return {"field": field_json(field), "type": "TopN", "filter": outer}


def _all(conditions: list[Json]) -> Json:
    found = conditions[0]
    for one in conditions[1:]:
        found = {"And": {"Left": found, "Right": one}}
    return found


def _compared(kind: int, left: Json, right: Json) -> Json:
    return {"Comparison": {"ComparisonKind": kind, "Left": left, "Right": right}}


def _literal(value: str | int | bool | date | Decimal, kind: ColumnKind) -> Json:
    return _value(literal(value, kind))


def _value(text: str) -> Json:
    return {"Literal": {"Value": text}}
