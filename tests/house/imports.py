"""The import graph of a tree of modules: every import counts, nested ones and those for type checking too."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def modules(root: Path, *packages: str) -> dict[str, Path]:
    """The modules of packages below ``root`` by their dotted names."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def graph(root: Path, *packages: str) -> Graph:
    """Which module imports which, of the packages' own."""
    known = modules(root, *packages)
    return {name: _imported(path, known) - {name} for name, path in known.items()}


def _imported(path: Path, known: Mapping[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                found.add(member if member in known else node.module)
    return found & known.keys()


def circle(graph: Mapping[str, Set[str]]) -> list[str]:
    """Modules that import each other in a circle, in that order; [] when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def by_room(graph: Graph) -> Graph:
    """The graph of rooms: the packages right below the top, and the modules beside them."""
    rooms: Graph = {}
    packages = {name.rpartition(".")[0] for name in graph}
    for name, imported in graph.items():
        own = rooms.setdefault(room(name, packages), set())
        own |= {room(other, packages) for other in imported} - {room(name, packages)}
    return rooms


def room(module: str, packages: Set[str]) -> str:
    """'lakelanes.files' for lakelanes.files.batch; the module itself where it stands beside the rooms."""
    parts = module.split(".")
    inner = ".".join(parts[:2])
    return inner if inner in packages else module
