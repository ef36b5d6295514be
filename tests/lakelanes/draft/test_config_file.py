"""A proposal goes into a configuration file, and the rest of the file stays as people wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakelanes.draft.config_file import formatted, with_added, write
from lakelanes.draft.samples import DraftError
from lakelanes.errors import ConfigError
from tests.support.lakes import SALES, config_text

ENTITY = {**SALES, "table_name": "more", "filename_pattern": r"more_(\d{4})_(\d{2})_(\d{2})\.csv"}
FILE = """{
    "entities": {
        "a": {"table_name":   "a", "note": "a } brace and a \\" quote"}
    },   "z": [1,
  2]
}
"""


def test_nothing_but_the_new_entity_differs() -> None:
    added = with_added(FILE, "entities", "more", {"x": [1, 2]})
    assert added == FILE.replace(
        'quote"}\n    }', 'quote"},\n        "more": {\n            "x": [1, 2]\n        }\n    }'
    )
    assert json.loads(added)["entities"]["more"] == {"x": [1, 2]}


@pytest.mark.parametrize(
    "text",
    [
        '{"entities": {"a": {"b": {}}}, "z": 1}',
        '{"entities": {}}',
        '{\n  "entities": {}\n}',
        '{\n  "entities": {\n  }\n}\n',
        '{"z": {"entities": {"no": 1}}, "entities": {"a": 1}}',
        '{\n\t"a": 1,\n\t"entities": {\n\t\t"b": 2\n\t}\n}',
        '{\r\n  "entities": {\r\n    "b": 2\r\n  }\r\n}\r\n',
        '{\n  "z": 1\n}',
        "{}",
    ],
)
@pytest.mark.parametrize("setting", ["entities", "tables"])
def test_a_file_of_any_layout_takes_it(text: str, setting: str) -> None:
    before = json.loads(text)
    added = with_added(text, setting, "new", {"k": {"l": ["m"]}})
    expected = {**before, setting: {**before.get(setting, {}), "new": {"k": {"l": ["m"]}}}}
    assert json.loads(added) == expected
    assert list(json.loads(added)) == list(expected), "the order stays"
    assert ("\r\n" in text) == ("\r\n" in added)
    assert "\n" not in added.replace("\r\n", "") or "\r\n" not in text
    # Twice is as good as once.
    assert list(json.loads(with_added(added, setting, "more", {}))[setting])[-2:] == ["new", "more"]


@pytest.mark.parametrize("text", ["[]", "{", '{"entities": []}'])
def test_what_is_no_configuration_takes_nothing(text: str) -> None:
    with pytest.raises(DraftError):
        with_added(text, "entities", "new", {})


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(DraftError, match=r"entities\.a already: choose another name with --name"):
        with_added(FILE, "entities", "a", {})


def test_a_file_is_made_that_needs_no_variable(tmp_path: Path) -> None:
    path = tmp_path / "My Lake.json"
    assert write(path, "entities", "more", ENTITY, {}) is True
    raw = json.loads(path.read_text())
    assert raw["resources"]["source_bucket"] == "my-lake-source"
    assert write(path, "entities", "sales", SALES, {}) is False
    assert list(json.loads(path.read_text())["entities"]) == ["more", "sales"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_entity_that_contradicts_others_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "lake.json"
    text = config_text({"sales": SALES})
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"belongs to entities\.sales already"):
        write(path, "entities", "again", SALES, {})
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_variable_that_is_not_set_keeps_nothing_from_being_added(tmp_path: Path) -> None:
    path = tmp_path / "lake.json"
    path.write_text("\ufeff" + config_text({"sales": SALES}).replace('"000000000000"', '"${AWS_ACCOUNT_ID}"'))
    path.chmod(0o600)
    write(path, "entities", "more", ENTITY, {})
    assert path.read_text().startswith("\ufeff")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "more" in json.loads(path.read_text("utf-8-sig"))["entities"]


def test_short_objects_stand_in_a_line() -> None:
    text = formatted({"keys": ["a", "b"], "schema": [{"name": "a"}, {"name": "b"}], "long": {"x": "y" * 120}})
    assert text.splitlines()[1:5] == [
        '  "keys": ["a", "b"],',
        '  "schema": [',
        '    {"name": "a"},',
        '    {"name": "b"}',
    ]
    assert text.splitlines()[7] == f'    "x": "{"y" * 120}"'
