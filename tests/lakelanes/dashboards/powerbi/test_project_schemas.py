"""Every JSON file of a project by Microsoft's schemas: github.com/microsoft/json-schemas, folder fabric.

They are not in the repository: LAKELANES_PBIR_SCHEMAS names a folder that has them, with ``fabric`` in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from lakelanes.dashboards.powerbi.project import Project
from tests.lakelanes.dashboards.powerbi.test_project import nasty, sample

BASE = "https://developer.microsoft.com/json-schemas/"
SCHEMAS = os.environ.get("LAKELANES_PBIR_SCHEMAS")
pytestmark = pytest.mark.skipif(
    SCHEMAS is None or not Path(SCHEMAS, "fabric").is_dir(),
    reason="LAKELANES_PBIR_SCHEMAS names no folder with 'fabric' of github.com/microsoft/json-schemas",
)


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """By address; references between them are relative to where the files are."""
    root = Path(SCHEMAS or "")
    found = {}
    for path in sorted(root.rglob("*.json")):
        address = BASE + path.relative_to(root).as_posix()
        found[address] = {**json.loads(path.read_text(encoding="utf-8")), "$id": address}
    return found


def faults(files: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    resources = {name: Resource.from_contents(one, default_specification=DRAFT7) for name, one in schemas.items()}
    registry: Any = Registry().with_resources(resources.items())
    for path, document in files.items():
        validator = Draft7Validator(schemas[document["$schema"]], registry=registry)
        yield from (f"{path}: {error.json_path}: {error.message}" for error in validator.iter_errors(document))


def documents(made: Project) -> dict[str, Any]:
    return {path: json.loads(text) for path, text in made.files.items() if not path.endswith(".tmdl")}


@pytest.mark.parametrize("make", [sample, nasty])
def test_every_file_is_valid(make: Any, schemas: dict[str, Any]) -> None:
    files = documents(make())
    assert len(files) > 10
    assert list(faults(files, schemas)) == []


def test_faults_are_found(schemas: dict[str, Any]) -> None:
    files = documents(sample())
    path = next(path for path, one in files.items() if "filterConfig" in one)
    for change in (
        lambda one: one.update(surplus=1),
        lambda one: one.pop("position"),
        lambda one: one["visual"]["query"]["sortDefinition"]["sort"][0].update(direction="Up"),
        lambda one: one["filterConfig"]["filters"][0].update(type="Some"),
        lambda one: one["filterConfig"]["filters"][0]["filter"].pop("From"),
    ):
        broken = json.loads(json.dumps(files[path]))
        change(broken)
        assert list(faults({path: broken}, schemas)) != []
