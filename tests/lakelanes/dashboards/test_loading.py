"""Reading the dashboards' files: all faults of all files at once, with file and path; and their schema for editors."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lakelanes.dashboards.loading import DASHBOARDS, datasets_of, json_schema, read_dashboards, without_views
from lakelanes.errors import DashboardError

VISUAL: dict[str, Any] = {
    "id": "one",
    "title": "One",
    "kind": "line",
    "dataset": "own",
    "x": {"column": "day", "unit": "day"},
    "y": [{"aggregation": "sum", "column": "amount"}],
}
BOARD: dict[str, Any] = {
    "title": "Board",
    "datasets": {"own": {"view": "days"}},
    "sheets": [{"title": "Sheet", "visuals": [VISUAL]}],
}
SCHEMA = Path(__file__).resolve().parents[3] / "include" / "dashboard.schema.json"
FIRST = "sheets[0].visuals[0]"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The board with another value at a path such as 'sheets/0/title'; ``...`` takes the setting away."""
    board = deepcopy(BOARD)
    *owners, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    owner: Any = board
    for part in owners:
        owner = owner[part]
    if value is ...:
        del owner[last]
    else:
        owner[last] = value
    return board


def faults(folder: Path, **files: Any) -> list[str]:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    with pytest.raises(DashboardError) as caught:
        read_dashboards(folder)
    return list(caught.value.faults)


# Where the schema can tell, editors refuse what reading refuses.
STRUCTURE = [
    ("title", ..., "title: is missing"),
    ("title", 5, "title: found 5, expected a valid string"),
    ("titel", "Board", "titel: unknown setting; did you mean 'title'?"),
    ("datasets", {}, "datasets: found {}, expected at least one"),
    ("datasets/own/view", ..., "datasets.own.view: is missing"),
    ("datasets/own/mode", "push", "datasets.own.mode: found 'push', expected 'import' or 'direct'"),
    ("sheets", [], "sheets: found [], expected at least one"),
    ("sheets/0/visuals", [], "sheets[0].visuals: found [], expected at least one"),
    ("sheets/0/visuals/0/kind", ..., f"{FIRST}.kind: is missing"),
    (
        "sheets/0/visuals/0/kind",
        "pie",
        f"{FIRST}.kind: found 'pie', expected 'line', 'bar', 'stacked_bar', 'table', 'figure' or 'heat_map'",
    ),
    ("sheets/0/visuals/0/colour", "red", f"{FIRST}.colour: unknown setting; did you mean 'column'?"),
    ("sheets/0/visuals/0/y", [], f"{FIRST}.y: found [], expected at least one"),
    (
        "sheets/0/visuals/0/x/unit",
        "century",
        f"{FIRST}.x.unit: found 'century', expected 'hour', 'day', 'week', 'month', 'quarter' or 'year'",
    ),
    ("sheets/0/visuals/0/x/top", 0, f"{FIRST}.x.top: found 0, expected greater than or equal to 1"),
    ("sheets/0/visuals/0/y/0/decimals", 9, f"{FIRST}.y[0].decimals: found 9, expected less than or equal to 6"),
    (
        "sheets/0/visuals/0/filters",
        [{"column": "day", "last_days": 0}],
        f"{FIRST}.filters[0].last_days: found 0, expected greater than or equal to 1",
    ),
    (
        "sheets/0/visuals/0/filters",
        [{"column": "day", "in": [1.5]}],
        f"{FIRST}.filters[0].in[0]: 1.5 is neither a text, nor a whole number, nor true or false",
    ),
]
# What is between settings, or of names.
RULES = [
    (
        "sheets/0/visuals/0/id",
        "The One",
        f"{FIRST}.id: 'The One' is not a name of a dashboard, dataset or visual: use lower-case letters, digits and "
        "underscores, starting with a letter, at most 60",
    ),
    ("sheets/0/visuals/0/y/0/column", ..., f"{FIRST}.y[0]: sum needs column"),
    ("sheets/0/visuals/0/x", ..., f"{FIRST}: a line needs x"),
    (
        "sheets/0/visuals/0/filters",
        [{"column": "day", "to": "soon"}],
        f"{FIRST}.filters[0].to: 'soon' is neither a date such as '2024-03-15' nor a number",
    ),
    (
        "datasets/own/changes_days",
        7,
        "datasets.own: changes_days needs a date_column, by which a refresh finds what is that old",
    ),
    ("sheets/0/visuals/0/dataset", "other", f"{FIRST}.dataset: there is no dataset 'other'; there is own"),
    ("sheets/0/visuals", [VISUAL, VISUAL], f"sheets[0].visuals[1].id: 'one' is the id of {FIRST} already"),
    ("name", "board", "name: is the file's; leave it out"),
]


@pytest.mark.parametrize(("path", "value", "fault"), [*STRUCTURE, *RULES])
def test_a_fault_has_its_file_its_path_and_what_was_expected(tmp_path: Path, path: str, value: Any, fault: str) -> None:
    assert faults(tmp_path, board=changed(path, value)) == [f"board.json: {fault}"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"title": "x",\n oops}', "line 2, column 2: Expecting property name enclosed in double quotes"),
        ("[1]", "expected an object with title, datasets and sheets"),
        ('{"title": "x", "title": "y"}', "title: is given twice in one object"),
        ("[" * 200_000, "maximum recursion depth exceeded"),
    ],
)
def test_what_is_no_description_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    [found] = faults(tmp_path, board=text)
    assert found.startswith(f"board.json: {fault}")


def test_what_cannot_be_read_and_what_has_no_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes('{"title": "Zürich"}'.encode("latin-1"))
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "My board.json").write_text(json.dumps(BOARD))
    named, folder, latin = faults(tmp_path)
    assert named.startswith("My board.json: 'My board' is not a name of a dashboard, dataset or visual: use lower-case")
    assert folder.startswith("folder.json: cannot be read: ") and latin.startswith("latin.json: cannot be read: ")


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    twice = changed("titel", "x")
    del twice["title"]
    other = changed("datasets/own/view", "weeks")
    assert faults(tmp_path, a=twice, b="{", c=BOARD, d=other, e=changed("sheets", [])) == [
        "a.json: title: is missing",
        "a.json: titel: unknown setting; did you mean 'title'?",
        "b.json: line 1, column 2: Expecting property name enclosed in double quotes",
        "e.json: sheets: found [], expected at least one",
        "d.json: datasets.own: differs from that of c.json; name it anew",
    ]


def test_boards_are_read_by_name_with_a_mark_of_the_editor_and_their_datasets_are_shared(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps({"$schema": "../x.json", **BOARD}), encoding="utf-8-sig")
    (tmp_path / "a.json").write_text(json.dumps(BOARD))
    (tmp_path / "notes.txt").write_text("no board")
    found = read_dashboards(tmp_path)
    assert [(one.name, one.title) for one in found] == [("a", "Board"), ("b", "Board")]
    assert {name: one.view for name, one in datasets_of(found).items()} == {"own": "days"}
    assert read_dashboards(tmp_path / "nowhere") == []


def test_what_reads_a_view_that_is_left_out_is_left_out_with_what_is_empty_then(tmp_path: Path) -> None:
    second = {**VISUAL, "id": "two", "dataset": "other"}
    both = {**BOARD, "datasets": {"own": {"view": "days"}, "other": {"view": "weeks"}}}
    both["sheets"] = [
        {"title": "A", "visuals": [VISUAL, second]},
        {"title": "B", "visuals": [{**second, "id": "three"}]},
    ]
    for name, found in (("a", BOARD), ("b", both)):
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
    boards = read_dashboards(tmp_path)
    assert without_views(boards, []) == boards
    _, kept = without_views(boards, ["weeks"])
    assert ([*kept.datasets], [sheet.title for sheet in kept.sheets], [one.id for one in kept.visuals]) == (
        ["own"],
        ["A"],
        ["one"],
    )
    assert [one.name for one in without_views(boards, ["days"])] == ["b"]
    assert without_views(boards, ["days", "weeks"]) == []


def test_the_schema_in_include_is_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(json_schema(), indent=2) + "\n", (
        "lakelanes schema --dashboard > include/dashboard.schema.json"
    )


def test_the_schema_is_valid_and_the_samples_files_keep_to_it() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    paths = sorted(DASHBOARDS.glob("*.json"))
    assert len(paths) == len(read_dashboards()) >= 4
    for path in paths:
        raw = json.loads(path.read_text(encoding="utf-8"))
        assert list(Draft202012Validator(schema).iter_errors(raw)) == []
        assert (path.parent / raw["$schema"]).resolve() == SCHEMA


@pytest.mark.parametrize(("path", "value", "fault"), STRUCTURE)
def test_the_schema_refuses_what_the_model_refuses(path: str, value: Any, fault: str) -> None:
    validator = Draft202012Validator(json_schema())
    assert validator.is_valid(BOARD)
    assert not validator.is_valid(changed(path, value)), fault
