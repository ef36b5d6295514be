"""docs/architecture.md shows the rooms that there are, and every import follows its picture."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
ROOMS = PAGE[PAGE.index("## The rooms of the engine") :]
ENGINE = ROOT / "plugins" / "lakelanes"
AIRFLOW = ROOT / "plugins" / "lakelanes_airflow"


def rooms(package: Path) -> set[str]:
    """Modules and packages directly in a package."""
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    return modules | {path.parent.name for path in package.glob("*/__init__.py")}


def listed(heading: str) -> list[str]:
    """First column of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)


def boxes() -> dict[str, list[str]]:
    """The picture's boxes by their id: the rooms that each stands for."""
    picture = ROOMS.split("```mermaid\n")[1].split("```")[0]
    named = dict(re.findall(r'(\w+)\["([^"]+)"\]', picture))
    ids = {name for arrow in arrows() for name in arrow}
    return {name: named.get(name, name).split(", ") for name in ids}


def arrows() -> set[tuple[str, str]]:
    picture = ROOMS.split("```mermaid\n")[1].split("```")[0]
    return set(re.findall(r"^ *(\w+) --> (\w+)", picture, flags=re.MULTILINE))


def below(box: str) -> set[str]:
    """What the arrows lead to from a box."""
    found: set[str] = set()
    waiting = [box]
    while waiting:
        here = waiting.pop()
        for start, end in arrows():
            if start == here and end not in found:
                found.add(end)
                waiting.append(end)
    return found


def imports(package: Path) -> Iterator[tuple[str, str, str]]:
    """Place, room and imported room of every import between rooms, wherever it stands."""
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == package.name and len(parts) > 1 and parts[1] in rooms(package) - {room}:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", room, parts[1]


@pytest.mark.parametrize(
    ("heading", "package"), [("The rooms of the engine", ENGINE), ("The rooms of the Airflow package", AIRFLOW)]
)
def test_the_tables_list_the_rooms_that_there_are(heading: str, package: Path) -> None:
    assert sorted(listed(heading)) == sorted(rooms(package))


def test_the_picture_shows_the_rooms_of_the_engine() -> None:
    assert sorted(room for box in boxes().values() for room in box) == sorted(rooms(ENGINE))


def test_the_picture_has_no_circle() -> None:
    assert [box for box in boxes() if box in below(box)] == []


def test_every_import_follows_the_arrows() -> None:
    box_of = {room: box for box, named in boxes().items() for room in named}
    wrong = [
        f"{place}: {room} imports {imported}"
        for place, room, imported in imports(ENGINE)
        if box_of[room] != box_of[imported] and box_of[imported] not in below(box_of[room])
    ]
    assert wrong == []
