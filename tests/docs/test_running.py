"""docs/running.md names the Params, the DAGs and the words that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from tests.support.airflow import use_temporary_home

use_temporary_home()

import airflow  # noqa: E402
from airflow.api_fastapi.core_api.datamodels.backfills import BackfillPostBody  # noqa: E402
from airflow.models.backfill import Backfill  # noqa: E402
from sqlalchemy import inspect  # noqa: E402

from lakelanes.files.preview import Action  # noqa: E402
from lakelanes_airflow.runs.selection import load_params  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


def first_cells(start: str) -> list[str]:
    """The names in the first column of the table that follows a text."""
    table = PAGE[PAGE.index(start) :].split("\n\n")[1]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_param_of_a_load_is_in_the_tables() -> None:
    listed = first_cells("One of these limits it") + first_cells("and these go with any of them")
    assert sorted(listed) == sorted(load_params())


def test_what_a_backfill_begins_with_is_what_airflow_has() -> None:
    """The form's own default is in the scripts of its page alone."""
    scripts = (Path(airflow.__file__).parent / "ui" / "dist" / "assets").glob("index-*.js")
    [proposed] = {
        found
        for script in scripts
        for found in re.findall(r"max_active_runs:(\d+),reprocess_behavior:", script.read_text())
    }
    others = {
        BackfillPostBody.model_fields["max_active_runs"].default,
        inspect(Backfill).columns["max_active_runs"].default.arg,  # the terminal sends none
    }
    assert f"**the form proposes\n{proposed}**, REST and the terminal take {others.pop()} where" in PAGE and not others


def test_every_word_of_a_dry_run_is_explained() -> None:
    assert sorted(first_cells("What a dry run says of a file")) == sorted(get_args(Action))


def test_the_dags_are_those_that_there_are() -> None:
    files = {"load_entities": "load_<entity>", "export_tables": "export_<table>"}
    there = {files.get(path.stem, path.stem) for path in (ROOT / "dags").glob("*.py")}
    assert set(first_cells("# Running the lake from Airflow")) <= there
