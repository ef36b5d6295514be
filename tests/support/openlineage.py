"""OpenLineage's specification: whether events keep to it, by its own JSON Schemas.

openlineage_spec.json has those of the files that events here use; it says where they are from, and their licence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_SPEC = Path(__file__).with_name("openlineage_spec.json")
_HOME = "https://openlineage.io/spec/"


def faults(event: dict[str, Any]) -> list[str]:
    """What in a run's event is against the specification: the event itself, or a facet of it, by the schema it names.

    The facets of Airflow's provider alone have schemas elsewhere.
    """
    checked = [("event", event["schemaURL"], event), *_facets(event)]
    return [
        f"{place}{error.json_path[1:]}: {error.message}"
        for place, schema, value in checked
        if schema.startswith(_HOME)
        for error in _validator(schema).iter_errors(value)
    ]


def facets_of(event: dict[str, Any]) -> list[str]:
    """Where each facet of the event is that the specification knows."""
    return [place for place, schema, _ in _facets(event) if schema.startswith(_HOME)]


def _facets(event: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Place, schema and value of each facet."""
    holders = {"run": event["run"], "job": event["job"]}
    for side in ("inputs", "outputs"):
        holders |= {f"{side}[{index}]": one for index, one in enumerate(event[side])}
    for place, holder in holders.items():
        for kind in ("facets", "inputFacets", "outputFacets"):
            for name, facet in holder.get(kind, {}).items():
                yield f"{place}.{kind}.{name}", facet["_schemaURL"], facet


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": schema}, registry=_registry(), format_checker=FormatChecker())


@cache
def _registry() -> Registry[Any]:
    schemas = json.loads(_SPEC.read_text(encoding="utf-8"))["schemas"]
    return Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema, default_specification=DRAFT202012)) for schema in schemas
    )


def event_of(task: Any, state: Literal["start", "complete", "fail"], folder: Path) -> dict[str, Any]:
    """The event of a task as it is now: Airflow's provider asks it, and writes the event through the file transport of
    OpenLineage's client. Fails where it is against the specification."""
    # Airflow may only be imported once its home is set.
    from airflow.providers.openlineage.extractors.manager import ExtractorManager
    from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
    from airflow.utils.state import TaskInstanceState
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    states = {
        "start": TaskInstanceState.RUNNING,
        "complete": TaskInstanceState.SUCCESS,
        "fail": TaskInstanceState.FAILED,
    }
    known = ExtractorManager().extract_metadata(
        SimpleNamespace(run_id="run-1"), task, states[state], SimpleNamespace(task_id=task.task_id)
    )
    path, moment = folder / "events.jsonl", "2024-03-16T00:00:00+00:00"
    adapter = OpenLineageAdapter(OpenLineageClient(transport=FileTransport(FileConfig(str(path), append=True))))
    common: dict[str, Any] = {
        **{"run_id": "01a227b4-24cc-7d80-aac5-4b2a8c146ca8", "job_name": f"load_sales.{task.task_id}", "task": known},
        **{"nominal_start_time": None, "nominal_end_time": None, "owners": ["lakelanes"], "tags": ["lake"]},
        "job_description": "what the DAG does",
    }
    if state == "start":
        adapter.start_task(event_time=moment, **common)
    elif state == "complete":
        adapter.complete_task(end_time=moment, **common)
    else:
        adapter.fail_task(end_time=moment, error=ValueError("why"), **common)
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    assert faults(event) == []
    return event
