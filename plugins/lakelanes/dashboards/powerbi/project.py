"""A Power BI project as the files of a folder.

https://learn.microsoft.com/en-us/power-bi/developer/projects/projects-overview
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.powerbi import report, tmdl
from lakelanes.dashboards.powerbi.filters import Json
from lakelanes.dashboards.powerbi.semantic_model import SemanticModel, semantic_model
from lakelanes.dashboards.view_columns import Columns
from lakelanes.errors import LakeError

CATALOGUE = "AwsDataCatalog"
DSN = "lakelanes"
# In the folder: what was written into it, with digests, so that nothing else is ever replaced.
NOTE = "lakelanes-powerbi.json"
_FABRIC = "https://developer.microsoft.com/json-schemas/fabric"


class ProjectError(LakeError):
    """The project cannot be written to where it shall be; the text says what is in the way."""


@dataclass(frozen=True)
class Project:
    """The texts of a project's files by path, and the model that they have."""

    name: str
    files: Mapping[str, str]
    model: SemanticModel


def project(
    config: LakeConfig,
    dashboards: Iterable[Dashboard],
    views: Mapping[str, Columns],
    *,
    dsn: str = DSN,
    catalogue: str = CATALOGUE,
) -> Project:
    """The project of dashboards without faults, at least one; it is named after the lake's database.

    dsn, catalogue: what the parameters of its data source are until somebody changes them in Power BI.
    """
    dashboards, name = list(dashboards), config.resources.glue_database
    model = semantic_model(config, dashboards, views)
    definition = tmdl.files(model, dsn=dsn, catalogue=catalogue, schema=name)
    found = {f"{name}.SemanticModel/definition/{path}": text for path, text in definition.items()}
    documents: dict[str, Json] = {
        f"{name}.pbip": {
            "$schema": f"{_FABRIC}/pbip/pbipProperties/1.0.0/schema.json",
            "version": "1.0",
            "artifacts": [{"report": {"path": f"{name}.Report"}}],
            "settings": {"enableAutoRecovery": True},
        },
        f"{name}.SemanticModel/definition.pbism": {
            "$schema": f"{_FABRIC}/item/semanticModel/definitionProperties/1.0.0/schema.json",
            "version": "4.2",
            "settings": {},
        },
        f"{name}.Report/definition.pbir": {
            "$schema": f"{_FABRIC}/item/report/definitionProperties/2.0.0/schema.json",
            "version": "4.0",
            "datasetReference": {"byPath": {"path": f"../{name}.SemanticModel"}},
        },
    }
    pages = report.files(model, dashboards)
    documents |= {f"{name}.Report/definition/{path}": document for path, document in pages.items()}
    found |= {path: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for path, one in documents.items()}
    return Project(name, dict(sorted(found.items())), model)


def write(made: Project, folder: Path, *, replace: bool = False) -> None:
    """Writes a project into a folder that is new, empty, or was written by this before.

    Files of an earlier run that are no more are removed; files that others put there stay. Raises ProjectError, with
    nothing written, for another folder, and, without ``replace``, for files that somebody has changed since.
    """
    before = _written_before(folder)
    changed = [path for path, digest in before.items() if _digest_of(folder / path) not in (None, digest)]
    changed += [path for path in made.files if path not in before and (folder / path).exists()]
    # What a run that was cut short has written already.
    changed = [path for path in changed if _digest_of(folder / path) != _digest(made.files.get(path, "").encode())]
    if changed and not replace:
        listed = "\n  ".join(sorted(changed)[:10])
        raise ProjectError(
            f"{folder}: {len(changed)} files are not as they were written, by Power BI Desktop or by hand; "
            f"write into another folder, or replace them with --replace:\n  {listed}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    digests = {path: _digest(text.encode()) for path, text in made.files.items()}
    # Until all is written: what a run that is cut short leaves is of this one or of the one before.
    _write_note(folder, {**digests, **before})
    for path in before.keys() - made.files.keys():
        (folder / path).unlink(missing_ok=True)
        _remove_empty((folder / path).parent, folder)
    for path, text in made.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="\n")
    _write_note(folder, digests)


def _write_note(folder: Path, digests: Mapping[str, str]) -> None:
    note = {"written_by": "lakelanes powerbi", "files": dict(sorted(digests.items()))}
    (folder / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8", newline="\n")


def _written_before(folder: Path) -> dict[str, str]:
    """The files, with digests, that an earlier run wrote into a folder."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise ProjectError(f"{folder}: is a file; name a folder")
    if not (folder / NOTE).is_file():
        if any(folder.iterdir()):
            raise ProjectError(f"{folder}: holds files of others, for it has no {NOTE}; name another folder")
        return {}
    try:
        found = json.loads((folder / NOTE).read_text(encoding="utf-8"))["files"]
        files = {str(path): str(digest) for path, digest in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProjectError(f"{folder / NOTE}: cannot be read ({error}); delete the folder, or name another") from None
    if outside := [path for path in files if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts]:
        raise ProjectError(f"{folder / NOTE}: names {outside[0]!r}, which is outside of the folder")
    return files


def _digest_of(path: Path) -> str | None:
    return _digest(path.read_bytes()) if path.is_file() else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
