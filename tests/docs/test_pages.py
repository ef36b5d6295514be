"""Every page names only what is there: files, links, commands of ``lakelanes``; and the index lists every page."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from lakelanes.__main__ import build_parser
from tests.docs.pages import DOCS, PAGES, ROOT, commands, links, name_of, paths

# In the changelog are names of the past.
PRESENT = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = links(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_every_path_that_is_named_exists(page: Path) -> None:
    named = paths(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("folder", [DOCS, DOCS / "decisions"], ids=name_of)
def test_the_index_of_a_folder_lists_each_of_its_pages_once(folder: Path) -> None:
    index = folder / "README.md"
    lines = [line for line in index.read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    listed = [target for line in lines for target in links(line)]
    pages = [page.name for page in folder.glob("*.md") if page != index]
    assert sorted(target for target in listed if "/" not in target) == sorted(pages)
    assert all(len(line.strip("|").split("|")) == 2 for line in lines), "a page and one line on it"


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_no_page_asks_for_a_python_path(page: Path) -> None:
    assert "PYTHONPATH" not in page.read_text(encoding="utf-8")


QUOTED = [(name_of(page), command) for page in PRESENT for command in commands(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "command"), QUOTED)
def test_every_quoted_command_is_one(page: str, command: str) -> None:
    arguments = shlex.split(command.replace("<", "").replace(">", ""))
    try:
        build_parser().parse_args(arguments)
    except SystemExit as stopped:
        # --version and --help end with 0.
        assert stopped.code == 0, f"{page}: lakelanes {command}"


def test_what_a_page_names_is_found() -> None:
    text = "See `lambdas/x.py`, plugins/lakelanes/files/load.py. Not include/<table>.sql, [a](docs/b.md#c), https://docs/z."
    assert paths(text) == ["lambdas/x.py", "plugins/lakelanes/files/load.py"]
    assert links(text) == ["docs/b.md"]
    text = "`lakelanes status` and `lakelanes`\n    LAKE_CONFIG=a.json lakelanes check x.json   # why\n"
    assert commands(text + "    .local/venv/bin/lakelanes plan > f\n") == ["status", "check x.json", "plan"]
    assert len(QUOTED) > 5
