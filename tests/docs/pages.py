"""The pages of the documentation, and what they name."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted(DOCS.rglob("*.md")),
]
# Folders and files of the root that a path in a page may begin with.
_TOP = "benchmarks|dags|data|docs|include|infrastructure|lambdas|localaws|plugins|scripts|tests|\\.ci|\\.github"
_PATH = re.compile(rf"(?<![\w./-])(?:{_TOP})/[\w./<>*-]*")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def links(text: str) -> list[str]:
    """Targets of the links that stay in the repository, without their anchor."""
    return re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)


def paths(text: str) -> list[str]:
    """Paths of the repository that a text names, in a sentence or in code; not those with a placeholder."""
    found = (match[0].rstrip(".") for match in _PATH.finditer(re.sub(r"\]\([^)]*\)", "]", text)))
    return [path for path in found if not re.search("[<>*]", path)]


def commands(text: str) -> list[str]:
    """What follows ``lakelanes`` in code, in backticks or in a block; without comments and redirections."""
    name = r"(?:\.local/venv/bin/)?lakelanes "
    found = re.findall(rf"`{name}([^`]+)`", text)
    found += re.findall(rf"^ {{4,}}(?:\w+=\S+ )*{name}(.+)", text, flags=re.MULTILINE)
    return [" ".join(re.split(r" [#>|] ", command)[0].split()) for command in found]
