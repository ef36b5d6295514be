"""Names that are no entity's on purpose: markers of tools, and patterns of one's own."""

from __future__ import annotations

import pytest

from lakelanes.config.model import LakeConfig
from lakelanes.files.ignored_names import is_ignored
from tests.support.lakes import make_config


def ignoring(*patterns: str) -> LakeConfig:
    return make_config().model_copy(update={"ignored_names": patterns})


@pytest.mark.parametrize(
    "key",
    [
        *("_SUCCESS", "sales/_SUCCESS", "_started_1234", "_committed_5678901", "sales_$folder$", "a/.part-0.csv.crc"),
        *(".DS_Store", "sales/._sales.csv", "Thumbs.db", "desktop.ini", ".keep", "a/.gitkeep", "_metadata"),
        *("__MACOSX/._a.csv", "out/_temporary/0/task/part-0.csv"),
    ],
)
def test_markers_are_ignored(key: str) -> None:
    assert is_ignored(make_config(), key)


@pytest.mark.parametrize(
    "key",
    [
        "success",
        "_SUCCESS.csv",
        "x_SUCCESS",
        "_sales.csv",
        ".sales.csv",
        "folder$",
        "_started_x",
        "my__MACOSX/a",
        "a.crc",
    ],
)
def test_other_names_are_not(key: str) -> None:
    assert not is_ignored(make_config(), key)


def test_a_pattern_is_for_the_name_and_one_with_a_slash_for_the_key() -> None:
    config = ignoring(r"readme.*\.txt", r"tmp/.*")
    for key, expected in {
        "readme.txt": True,
        "a/b/readme_2.txt": True,
        "not_readme.txt": False,
        "readme.txt.csv": False,
        "tmp/a/b.csv": True,
        "a/tmp/b.csv": False,
        "a/_SUCCESS": True,
    }.items():
        assert is_ignored(config, key) == expected, key
