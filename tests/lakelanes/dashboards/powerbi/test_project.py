"""The project as a whole, of these tests' dashboards and of the repository's; and what writing it replaces."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import load_config
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.dashboards.powerbi.project import NOTE, Project, ProjectError, project, write
from lakelanes.dashboards.view_columns import view_columns
from tests.lakelanes.dashboards.powerbi.made import NASTY, SUM, VIEWS, config, dashboard, everything
from tests.lakelanes.dashboards.powerbi.references import fields_of, references

BAR = {"kind": "bar", "x": {"column": "store"}, "y": [SUM]}


@cache
def sample() -> Project:
    """Of the repository's dashboards."""
    of = load_config(None, {"AWS_ACCOUNT_ID": "000000000000"})
    return project(of, read_dashboards(), view_columns(of).columns)


# Of ``config()`` each has a name of its own.
CONFIG = config()


def nasty() -> Project:
    """Of dashboards with bad names."""
    return project(CONFIG, everything(), VIEWS, dsn='o\'brien "x"')


@pytest.fixture(params=[sample, nasty], ids=["sample", "nasty"])
def made(request: pytest.FixtureRequest) -> Project:
    found: Project = request.param()
    return found


def documents(made: Project, ending: str) -> dict[str, Any]:
    return {path: json.loads(text) for path, text in made.files.items() if path.endswith(ending)}


def test_everything_that_a_report_names_is_in_the_model(made: Project) -> None:
    fields = fields_of(made.files)
    named = {path: set(references(document)) for path, document in documents(made, "visual.json").items()}
    assert {path: names - fields for path, names in named.items() if names - fields} == {}
    assert all(named.values()) and len(fields) > 15


def test_no_measure_has_the_name_of_another_or_of_a_column_beside_it(made: Project) -> None:
    fields = fields_of(made.files)
    measures = [name.casefold() for kind, _, name in fields if kind == "Measure"]
    assert len(set(measures)) == len(measures) > 0
    columns = {(table, name.casefold()) for kind, table, name in fields if kind == "Column"}
    assert {(table, name.casefold()) for kind, table, name in fields if kind == "Measure"}.isdisjoint(columns)


def test_names_and_places_are_unique(made: Project) -> None:
    root = f"{made.name}.Report/definition/pages"
    pages = documents(made, "page.json")
    order = json.loads(made.files[f"{root}/pages.json"])["pageOrder"]
    assert sorted(f"{root}/{name}/page.json" for name in order) == sorted(pages)
    filters = []
    for path, page in pages.items():
        folder = path.removesuffix("page.json")
        assert folder.endswith(f"/{page['name']}/")
        visuals = [one for name, one in documents(made, "visual.json").items() if name.startswith(folder)]
        assert len({one["name"] for one in visuals}) == len(visuals) > 0
        boxes = [one["position"] for one in visuals]
        for box in boxes:
            assert box["x"] >= 0 and box["x"] + box["width"] <= page["width"]
            assert box["y"] >= 0 and box["y"] + box["height"] <= page["height"]
        for one, other in combinations(boxes, 2):
            beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            assert beside or one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        filters += [card["name"] for one in visuals for card in one.get("filterConfig", {"filters": []})["filters"]]
    assert len(set(filters)) == len(filters) > 0


def test_a_role_shows_each_label_once(made: Project) -> None:
    for path, document in documents(made, "visual.json").items():
        shown = [one for role in document["visual"]["query"]["queryState"].values() for one in role["projections"]]
        assert len({one["nativeQueryRef"] for one in shown}) == len(shown), path


def test_the_parts_of_the_project_find_each_other(made: Project) -> None:
    name = made.name
    assert json.loads(made.files[f"{name}.pbip"])["artifacts"] == [{"report": {"path": f"{name}.Report"}}]
    reference = json.loads(made.files[f"{name}.Report/definition.pbir"])["datasetReference"]
    assert reference == {"byPath": {"path": f"../{name}.SemanticModel"}}
    assert f"{name}.SemanticModel/definition/model.tmdl" in made.files
    assert f"{name}.SemanticModel/definition.pbism" in made.files


def test_files_hold_letters_as_they_are() -> None:
    assert any(NASTY.splitlines()[0][-2:] in text for path, text in nasty().files.items() if path.endswith("page.json"))


def test_paths_are_short_enough_for_windows(made: Project) -> None:
    assert max(map(len, made.files)) < 180


@pytest.mark.parametrize("make", [sample.__wrapped__, nasty], ids=["sample", "nasty"])
def test_two_runs_write_the_same_bytes(make: Callable[[], Project], tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(make(), tmp_path / folder)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bars(*ids: str) -> Project:
    return project(CONFIG, [dashboard(*({"id": name, **BAR} for name in ids))], VIEWS)


def visuals(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("visuals/*"))


def test_another_run_replaces_what_this_wrote_and_removes_what_is_no_more(tmp_path: Path) -> None:
    write(bars("one", "two"), tmp_path / "new" / "folder")
    (tmp_path / "new" / "folder" / ".gitignore").write_text("*.abf\n")
    write(bars("two", "three"), tmp_path / "new" / "folder")
    assert visuals(tmp_path) == ["three", "two"]
    assert (tmp_path / "new" / "folder" / ".gitignore").read_text() == "*.abf\n"
    write(bars("one", "two"), tmp_path / "new" / "folder")
    assert visuals(tmp_path) == ["one", "two"]
    (tmp_path / "empty").mkdir()
    write(bars("one"), tmp_path / "empty")
    assert visuals(tmp_path / "empty") == ["one"]


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for replace in (False, True):
        with pytest.raises(ProjectError, match=f"holds files of others, for it has no {NOTE}"):
            write(bars("one"), tmp_path, replace=replace)
    assert contents(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(ProjectError, match="is a file"):
        write(bars("one"), tmp_path / "notes.txt")


def test_what_somebody_changed_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    write(bars("one"), tmp_path)
    changed = next(tmp_path.rglob("visual.json"))
    changed.write_text("{}")
    before = contents(tmp_path)
    with pytest.raises(ProjectError, match=r"(?s)1 files are not as .*--replace.*visuals/one/visual\.json"):
        write(bars("two"), tmp_path)
    assert contents(tmp_path) == before
    write(bars("one", "two"), tmp_path, replace=True)
    assert visuals(tmp_path) == ["one", "two"] and changed.read_text() != "{}"


def test_a_file_of_somebody_else_where_a_new_one_shall_be_is_not_replaced(tmp_path: Path) -> None:
    write(bars("one"), tmp_path)
    theirs = next(tmp_path.rglob("visuals")) / "two" / "visual.json"
    theirs.parent.mkdir()
    theirs.write_text("{}")
    with pytest.raises(ProjectError, match=r"visuals/two/visual\.json"):
        write(bars("one", "two"), tmp_path)
    assert theirs.read_text() == "{}"


@pytest.mark.parametrize("before", [False, True])
def test_a_run_that_was_cut_short_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    made, folder = bars("one", "two"), tmp_path / "folder"
    if before:
        old = {path: f"{text}\n" for path, text in bars("zero", "two").files.items()}
        write(Project(made.name, old, made.model), folder)
    with monkeypatch.context() as patched:
        # The folder, then the files' own.
        patched.setattr(Path, "mkdir", failing_after(Path.mkdir, 9))
        with pytest.raises(OSError, match="disk full"):
            write(made, folder)
    left = contents(folder)
    assert 1 < sum(left.get(path) == text.encode() for path, text in made.files.items()) < len(made.files)
    write(made, folder)
    assert {path: text for path, text in contents(folder).items() if path != NOTE} == {
        path: text.encode() for path, text in made.files.items()
    }


def failing_after(function: Any, calls: int) -> Any:
    left = [calls]

    def call(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("disk full")
        return function(*arguments, **options)

    return call


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ("[]", "cannot be read"),
        ("{", "cannot be read"),
        ('{"files": ["a"]}', "cannot be read"),
        ('{"files": {"../notes.txt": ""}}', r"names '\.\./notes\.txt', which is outside"),
        ('{"files": {"/etc/passwd": ""}}', "outside of the folder"),
    ],
)
def test_a_note_that_is_not_this_commands_removes_nothing(tmp_path: Path, note: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder" / NOTE).write_text(note)
    with pytest.raises(ProjectError, match=says):
        write(bars("one"), tmp_path / "folder", replace=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
