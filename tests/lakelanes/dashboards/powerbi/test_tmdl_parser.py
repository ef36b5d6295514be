"""Microsoft's own parser reads the models and writes the same text again; and it refuses planted faults.

It runs in .local/powerbi, which ``make setup WITH=powerbi`` makes. It checks neither DAX nor M, and not that measures
of two tables have different names: test_project.py does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lakelanes.dashboards.powerbi.project import Project
from tests.lakelanes.dashboards.powerbi.test_project import nasty, sample

REPOSITORY = Path(__file__).resolve().parents[4]
PYTHON = REPOSITORY / ".local" / "powerbi" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="there is no .local/powerbi: make setup WITH=powerbi")
YEAR = "\tcolumn year\n"
# File, a text of it and what stands there instead; what the parser says of it.
FAULTS = [
    ("tables/sales.tmdl", "dataType: double", "dataType: money", "Failed to convert the value 'money'"),
    ("relationships.tmdl", "fromColumn: sales.sales_date", "fromColumn: sales.sold_on", "[FromColumn]"),
    ("relationships.tmdl", "toColumn: 'Calendar dates'.Date", "toColumn: Calendar.Date", "[ToColumn]"),
    (
        "tables/sales.tmdl",
        "\tcolumn year\n",
        "\tmeasure 'SUM of units (sales)' = 5\n\n\tcolumn year\n",
        "already exists",
    ),
    (
        "tables/sales.tmdl",
        "\tcolumn year\n",
        "\tcolumn revenue\n\t\tdataType: int64\n\n\tcolumn year\n",
        "cannot be merged",
    ),
    ("tables/sales.tmdl", "policyType: basic", "policyType: other", "Failed to convert the value 'other'"),
    ("tables/Calendar dates.tmdl", "column: Quarter", "column: Decade", "level 'Quarter' in hierarchy 'Months'"),
    ("tables/sales.tmdl", "summarizeBy: none", "summarizedBy: none", "summarizedBy is not a supported property"),
    ("tables/sales.tmdl", "measure 'Sum of units (sales)' =", "measure Sum of units (sales) =", "Format Error"),
]


def definition(made: Project) -> dict[str, str]:
    start = f"{made.name}.SemanticModel/definition/"
    return {path.removeprefix(start): text for path, text in made.files.items() if path.startswith(start)}


def answers(models: Mapping[str, dict[str, str]], folder: Path) -> dict[str, Any]:
    """What the parser says of each model, by its name; one process for all."""
    for name, files in models.items():
        for path, text in files.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_text(text, encoding="utf-8")
    script = REPOSITORY / "tests" / "support" / "microsoft_tmdl.py"
    command = [str(PYTHON), str(script), *(str(folder / name) for name in models)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(zip(models, map(json.loads, done.stdout.splitlines()), strict=True))


def test_models_are_read_and_written_again_as_they_were(tmp_path: Path) -> None:
    models = {"sample": definition(sample()), "nasty": definition(nasty())}
    for name, found in answers(models, tmp_path).items():
        assert found["error"] is None
        # The level of compatibility is the database's, which is not written with the model.
        written = {path: text.replace("\r\n", "\n").rstrip("\n") for path, text in found["files"].items()}
        assert written == {path: text.rstrip("\n") for path, text in models[name].items() if path != "database.tmdl"}


def test_planted_faults_are_refused(tmp_path: Path) -> None:
    right, models = definition(sample()), {}
    for number, (path, text, other, _) in enumerate(FAULTS):
        assert text in right[path]
        models[f"fault{number}"] = {**right, path: right[path].replace(text, other, 1)}
    found = [str(one["error"]) for one in answers(models, tmp_path).values()]
    assert [says for (*_, says), error in zip(FAULTS, found, strict=True) if says not in error] == [], found
