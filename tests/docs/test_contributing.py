"""What a contributor meets first works: hooks, the workflow, issue forms."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import lakelanes
from tests.docs.pages import ROOT

TOOLS = Path(sys.executable).parent


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    return [hook for repository in config["repos"] for hook in repository["hooks"]]


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: str(hook["id"]))
def test_a_hook_runs_a_tool_of_the_environment_and_needs_no_network(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system"
    [tool] = [word for word in shlex.split(hook["entry"]) if word.startswith(".local/venv/bin/")]
    assert (TOOLS / Path(tool).name).exists()


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    [job] = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("name", ["bug.yml", "feature.yml", "config.yml"])
def test_an_issue_form_is_one(name: str) -> None:
    schema = "vendor.github-issue-config" if name == "config.yml" else "vendor.github-issue-forms"
    command = [TOOLS / "check-jsonschema", "--builtin-schema", schema, ROOT / ".github" / "ISSUE_TEMPLATE" / name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_changelog_speaks_of_the_version_that_is_being_made() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{lakelanes.__version__.partition('.dev')[0]}] - " in text
