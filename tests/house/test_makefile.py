"""The Makefile says what it can do, and only that."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTED = {"setup", "demo", "test", "test-fast", "up", "down", "check"}


def _make(*arguments: str) -> str:
    done = subprocess.run(["make", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout


def _targets() -> set[str]:
    lines = (REPOSITORY / "Makefile").read_text().splitlines()
    return {match[1] for line in lines if (match := re.match(r"([a-z-]+):(?!=)", line))}


def test_help_lists_every_target_with_what_it_does() -> None:
    listed = dict(re.findall(r"^make (\S+) +(\S.*)$", _make("help"), re.MULTILINE))
    assert listed.keys() == _targets()
    assert listed.keys() >= DOCUMENTED


def test_help_is_what_make_does_by_itself() -> None:
    assert _make() == _make("help")


def test_no_target_is_mistaken_for_a_file() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == _targets()


def test_every_script_that_a_target_runs_exists() -> None:
    text = (REPOSITORY / "Makefile").read_text()
    scripts = {REPOSITORY / path for path in re.findall(r"scripts/\w+\.py", text)}
    modules = {REPOSITORY / name.replace(".", "/") for name in re.findall(r"-m (scripts\.\w+)", text)}
    scripts |= {module / "__main__.py" if module.is_dir() else module.with_suffix(".py") for module in modules}
    assert scripts
    assert [path for path in scripts if not path.exists()] == []


def test_everything_that_is_made_is_ignored_by_git() -> None:
    made = [".local/venv", ".local/env", "build/mwaa", ".env", "dags/__pycache__/"]
    done = subprocess.run(["git", "check-ignore", *made], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.split() == made
