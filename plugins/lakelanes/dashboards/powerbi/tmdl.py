"""The semantic model as TMDL (https://learn.microsoft.com/en-us/analysis-services/tmdl/tmdl-overview)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from lakelanes.dashboards.model import Unit
from lakelanes.dashboards.powerbi import mashup
from lakelanes.dashboards.powerbi.quoting import m_string, tmdl_name, tmdl_text
from lakelanes.dashboards.powerbi.semantic_model import CALENDAR, DAY, Column, ModelMeasure, SemanticModel, Table

# The oldest with all that is used here and that Power BI Desktop writes by itself.
COMPATIBILITY_LEVEL = 1600
# How much an incremental refresh keeps, at the least; what is older is dropped by it.
KEPT_YEARS = 10
# How many days before a change the date may lie that its row has, where dates are cut to the starts of periods.
_DAYS_BEFORE: dict[Unit, int] = {"hour": 0, "day": 0, "week": 6, "month": 30, "quarter": 91, "year": 365}
# Power BI replaces them by the bounds of each partition; until then all rows lie between them.
_RANGES = {mashup.RANGE_START: "#datetime(1970, 1, 1, 0, 0, 0)", mashup.RANGE_END: "#datetime(2100, 1, 1, 0, 0, 0)"}
_HIERARCHIES = {"Months": ("Year", "Quarter", "Month", DAY), "Weeks": ("Week", DAY)}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/lakelanes/powerbi")


def files(model: SemanticModel, *, dsn: str, catalogue: str, schema: str) -> dict[str, str]:
    """The files of the model's folder ``definition``, by path. dsn, catalogue, schema: its parameters' first values."""
    tables = [*model.tables, *([CALENDAR] if model.calendar else [])]
    found = {
        "database.tmdl": f"database\n\tcompatibilityLevel: {COMPATIBILITY_LEVEL}\n",
        "model.tmdl": _model(tables),
        "expressions.tmdl": _joined(_expressions(model, dsn, catalogue, schema)),
    }
    for table in model.tables.values():
        found[f"tables/{table.name}.tmdl"] = _joined(_table(table))
    if model.calendar:
        found[f"tables/{CALENDAR}.tmdl"] = _joined(_calendar(model))
        related = [_relationship(table) for table in model.tables.values() if table.day]
        found["relationships.tmdl"] = _joined(related)
    return found


def _model(tables: Iterable[str]) -> str:
    references = "\n".join(f"ref table {tmdl_name(name)}" for name in tables)
    return (
        "model Model\n"
        "\tculture: en-US\n"
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3\n"
        # Nobody shall sum a ratio by dragging its column onto a chart: numbers come from measures.
        "\tdiscourageImplicitMeasures\n"
        "\tsourceQueryCulture: en-US\n"
        # Of the calendar there is one, so Desktop needs none of its hidden ones.
        "\nannotation __PBI_TimeIntelligenceEnabled = 0\n"
        f"\n{references}\n"
    )


def _expressions(model: SemanticModel, dsn: str, catalogue: str, schema: str) -> Iterator[str]:
    for name, value in ((mashup.DSN, dsn), (mashup.CATALOGUE, catalogue), (mashup.SCHEMA, schema)):
        yield _parameter(name, m_string(value), "Text")
    if any(table.dataset.changes_days for table in model.tables.values()):
        for name, value in _RANGES.items():
            yield _parameter(name, value, "DateTime")


def _parameter(name: str, value: str, kind: str) -> str:
    meta = f'[IsParameterQuery=true, Type="{kind}", IsParameterQueryRequired=true]'
    return (
        f"expression {tmdl_name(name)} = {value} meta {meta}\n"
        f"\tlineageTag: {_tag('expression', name)}\n"
        f"\n\tannotation PBI_ResultType = {kind}\n"
    )


def _table(table: Table) -> Iterator[str]:
    name, tag = tmdl_name(table.name), _tag("table", table.name)
    yield f"/// The view {table.dataset.view} of the lake\ntable {name}\n\tlineageTag: {tag}\n"
    if table.dataset.changes_days is not None:
        days = table.dataset.changes_days + _DAYS_BEFORE[table.dataset.date_unit]
        yield _indented(_policy(days, table.source))
    for measure in table.measures.values():
        yield _indented(_measure(table.name, measure))
    for column in table.columns.values():
        yield _indented(_column(table.name, column, column.name))
    mode = "import" if table.dataset.mode == "import" else "directQuery"
    yield _indented(f"partition {name} = m\n\tmode: {mode}\n\tsource ={_block(table.source)}")


def _calendar(model: SemanticModel) -> Iterator[str]:
    yield (
        "/// The days of all tables' dates, and the starts of the periods in which they lie; weeks begin on Monday\n"
        f"table {tmdl_name(CALENDAR)}\n\tlineageTag: {_tag('table', CALENDAR)}\n\tdataCategory: Time\n"
    )
    for column in model.calendar:
        yield _indented(_column(CALENDAR, column, f"[{DAY}]"))
    for name, levels in _HIERARCHIES.items():
        parts = [f"hierarchy {tmdl_name(name)}\n\tlineageTag: {_tag('hierarchy', CALENDAR, name)}\n"]
        for level in levels:
            tag = _tag("level", CALENDAR, name, level)
            parts.append(_indented(f"level {tmdl_name(level)}\n\tlineageTag: {tag}\n\tcolumn: {tmdl_name(level)}\n"))
        yield _indented("\n".join(parts))
    source = _block(model.calendar_source)
    yield _indented(f"partition {tmdl_name(CALENDAR)} = calculated\n\tmode: import\n\tsource ={source}")


def _measure(table: str, measure: ModelMeasure) -> str:
    head = f"measure {tmdl_name(measure.name)} ={_expression(measure.expression)}"
    tag = _tag("measure", table, measure.name)
    shown = f"\tformatString: {tmdl_text(measure.format)}\n\tlineageTag: {tag}\n"
    return "\n".join([*_description(measure.description), head, shown])


def _column(table: str, column: Column, source: str) -> str:
    head = f"column {tmdl_name(column.name)}"
    lines = [f"{head} ={_expression(column.expression)}" if column.expression else head]
    lines.append(f"\tdataType: {column.data_type}")
    lines += ["\tisHidden"] if column.is_hidden else []
    lines += ["\tisKey"] if column.is_key else []
    lines += [f"\tformatString: {tmdl_text(column.format)}"] if column.format else []
    lines += [f"\tlineageTag: {_tag('column', table, column.name)}", "\tsummarizeBy: none"]
    lines += [] if column.expression else [f"\tsourceColumn: {tmdl_text(source)}"]
    return "\n".join(lines) + "\n"


def _policy(days: int, source: str) -> str:
    """Which rows a refresh reads again: those of the last days, as far back as values may still change."""
    return (
        "refreshPolicy\n"
        "\tpolicyType: basic\n"
        "\trollingWindowGranularity: year\n"
        f"\trollingWindowPeriods: {max(KEPT_YEARS, days // 365 + 1)}\n"
        "\tincrementalGranularity: day\n"
        f"\tincrementalPeriods: {days}\n"
        f"\tsourceExpression ={_block(source, 2)}"
    )


def _relationship(table: Table) -> str:
    return (
        f"relationship {_tag('relationship', table.name)}\n"
        f"\tfromColumn: {tmdl_name(table.name)}.{tmdl_name(table.day or '')}\n"
        f"\ttoColumn: {tmdl_name(CALENDAR)}.{tmdl_name(DAY)}\n"
    )


def _expression(text: str) -> str:
    """An expression after its '=': on the same line, or below, deeper than the object's properties."""
    return f" {text}" if "\n" not in text else _block(text, 2).removesuffix("\n")


def _block(text: str, depth: int = 3) -> str:
    return "\n" + "".join("\t" * depth + f"{line}\n" for line in text.split("\n"))


def _description(text: str) -> list[str]:
    # A description is what stands between three slashes and the end of the line.
    return [f"/// {' '.join(text.split())}"]


def _indented(text: str) -> str:
    return "\n".join(f"\t{line}" if line else "" for line in text.split("\n"))


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _tag(*names: str) -> str:
    """The id by which Power BI knows an object again when it is renamed: the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))
