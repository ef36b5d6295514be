"""Loading the dashboards' files: every fault of all of them at once, each with its file and the path of the setting."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lakelanes import names
from lakelanes.config.faults import setting_fault
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.dashboards.model import Dashboard, Dataset, Dimension, Filter, Measure, Sheet, Visual
from lakelanes.errors import DashboardError

DASHBOARDS = INCLUDE / "dashboards"


def read_dashboards(directory: Path = DASHBOARDS) -> list[Dashboard]:
    """The dashboards of a directory, by name.

    Raises DashboardError with every fault of every file. What refers to columns is checked by ``reference_faults``.
    """
    faults: list[str] = []
    found: list[Dashboard] = []
    for path in sorted(directory.glob("*.json")):
        dashboard, own = _read(path)
        faults += [f"{path.name}: {fault}" for fault in own]
        found += [dashboard] if dashboard else []
    faults += _between(found)
    if faults:
        raise DashboardError(faults)
    return found


def json_schema() -> dict[str, Any]:
    """JSON Schema of a dashboard's file, for editors; written to include/dashboard.schema.json."""
    schema = Dashboard.model_json_schema(by_alias=True)
    schema["properties"].pop("name")
    schema["properties"]["$schema"] = {"type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Lakelanes dashboard"}


def _read(path: Path) -> tuple[Dashboard | None, list[str]]:
    try:
        names.dashboard_name(path.stem)
        raw = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        return None, [f"line {error.lineno}, column {error.colno}: {error.msg}"]
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"cannot be read: {error}"]
    except (ValueError, RecursionError) as error:
        return None, [str(error) or "objects or lists are nested too deep"]
    if not isinstance(raw, dict):
        return None, ["expected an object with title, datasets and sheets"]
    raw = {key: value for key, value in raw.items() if key != "$schema"}
    if "name" in raw:
        return None, ["name: is the file's; leave it out"]
    try:
        dashboard = Dashboard.model_validate({**raw, "name": path.stem})
    except ValidationError as error:
        return None, [setting_fault(detail, _known()) for detail in _details(error)]
    return dashboard, list(_within(dashboard))


def _details(error: ValidationError) -> list[Any]:
    """What pydantic found; but not that a list is too short whose items have faults, for it counts the good ones."""
    found: list[Any] = list(error.errors(include_url=False))
    owners = {detail["loc"][:length] for detail in found for length in range(len(detail["loc"]))}
    return [detail for detail in found if detail["type"] != "too_short" or detail["loc"] not in owners]


def _known() -> list[str]:
    models = (Dashboard, Dataset, Sheet, Visual, Dimension, Measure, Filter)
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)}: is given twice in one object")
    return found


def _within(dashboard: Dashboard) -> Iterable[str]:
    """Faults between the settings of a file."""
    seen: dict[str, str] = {}
    for at, sheet in enumerate(dashboard.sheets):
        for index, visual in enumerate(sheet.visuals):
            path = f"sheets[{at}].visuals[{index}]"
            if visual.id in seen:
                yield f"{path}.id: {visual.id!r} is the id of {seen[visual.id]} already"
            seen.setdefault(visual.id, path)
            if visual.dataset not in dashboard.datasets:
                names_there = ", ".join(dashboard.datasets)
                yield f"{path}.dataset: there is no dataset {visual.dataset!r}; there is {names_there}"


def _between(dashboards: Iterable[Dashboard]) -> Iterable[str]:
    """Datasets of one name that differ: there is one of each name in QuickSight."""
    first: dict[str, Dashboard] = {}
    for dashboard in dashboards:
        for name, dataset in dashboard.datasets.items():
            other = first.setdefault(name, dashboard)
            if dataset != other.datasets[name]:
                yield f"{dashboard.name}.json: datasets.{name}: differs from that of {other.name}.json; name it anew"


def without_views(dashboards: Iterable[Dashboard], left_out: Collection[str]) -> list[Dashboard]:
    """The dashboards without what reads these views: without such data sets and visuals, and what is empty then."""
    found = []
    for dashboard in dashboards:
        datasets = {name: one for name, one in dashboard.datasets.items() if one.view not in left_out}
        sheets = []
        for sheet in dashboard.sheets:
            if visuals := tuple(visual for visual in sheet.visuals if visual.dataset in datasets):
                sheets.append(sheet.model_copy(update={"visuals": visuals}))
        if sheets:
            found.append(dashboard.model_copy(update={"datasets": datasets, "sheets": tuple(sheets)}))
    return found


def datasets_of(dashboards: Iterable[Dashboard]) -> Mapping[str, Dataset]:
    """The datasets of all dashboards by name."""
    return {name: dataset for dashboard in dashboards for name, dataset in dashboard.datasets.items()}
