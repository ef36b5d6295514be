"""What is in the repository concerns the project, not the machine it was written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Split, so that this file does not find itself.
HOMES = re.compile("(?<![a-z0-9_.-])/" + r"(root|work|home/[a-z]+|Users/[A-Za-z]+|opt/wheels|tmp/[a-z]+)/", re.ASCII)
INDEXES = re.compile("(py" + r"pi|pythonhosted|regis" + r"try\.[a-z]+)\.(org|com|io|net)", re.ASCII)
# Folders inside a container, and on MWAA.
ALLOWED = re.compile(r"/opt/(airflow|lakelanes)/|/usr/local/airflow/|/var/lib/postgresql/")


def _texts() -> list[tuple[str, str]]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    texts = []
    for name in filter(None, names):
        path = REPOSITORY / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts.append((name, content.decode("utf-8", "replace")))
    return texts


def test_no_file_holds_a_path_of_a_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if HOMES.search(ALLOWED.sub("", line))
    ]
    assert found == []


def test_no_file_names_a_package_index() -> None:
    found = [name for name, text in _texts() if INDEXES.search(text)]
    assert found == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert HOMES.search("cd /" + "root/project")
    assert HOMES.search('Path("/' + 'home/ann/lake")')
    assert not HOMES.search("key = 'a/work/b'")
    assert INDEXES.search("https://" + "pypi" + ".org/simple")


def test_scripts_that_are_run_by_name_are_executable_and_say_with_what() -> None:
    for name in (".ci/run", "scripts/setup.py"):
        path = REPOSITORY / name
        assert path.read_text().startswith("#!/usr/bin/env ")
        assert path.stat().st_mode & 0o111, name
