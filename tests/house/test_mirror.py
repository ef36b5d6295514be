"""The tests mirror the tree: test_<module>.py, or test_<module>_<aspect>.py, in the folder of the module's room."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {"lakelanes": "plugins/lakelanes", "lakelanes_airflow": "plugins/lakelanes_airflow"}
# What has no behaviour of its own but in the hands of a neighbour: tested there.
TESTED_BY = {
    "commands/report": "commands/test_status",
    "convert/arrow_pool": "convert/test_pipeline_memory",
    "convert/errors": "convert/test_pipeline_refusals",
    "convert/file_pass": "convert/test_pipeline",
    "convert/task": "convert/test_pipeline",
}


def without_a_test(modules: Path, tests: Path) -> list[str]:
    """Modules that no test module is named after, as ``room/module``."""
    found = []
    for module in sorted(modules.rglob("*.py")):
        name = module.relative_to(modules).with_suffix("")
        folder = tests / name.parent
        named = [*folder.glob(f"test_{name.name}.py"), *folder.glob(f"test_{name.name}_*.py")]
        if module.name != "__init__.py" and not named:
            found.append(name.as_posix())
    return found


def of_no_module(modules: Path, tests: Path) -> list[str]:
    """Test modules whose name begins with that of no module of their room."""
    found = []
    for test in sorted(tests.rglob("test_*.py")):
        name = test.relative_to(tests).with_suffix("")
        room = {module.stem for module in (modules / name.parent).glob("*.py")}
        subject = name.name.removeprefix("test_")
        if not any(subject == module or subject.startswith(f"{module}_") for module in room):
            found.append(name.as_posix())
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_a_test_module_of_its_name(package: str) -> None:
    tests = REPOSITORY / "tests" / package
    missing = without_a_test(REPOSITORY / PACKAGES[package], tests)
    assert [name for name in missing if name not in TESTED_BY] == []
    assert [test for test in TESTED_BY.values() if not (REPOSITORY / f"tests/lakelanes/{test}.py").exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_test_module_is_about_a_module_of_its_room(package: str) -> None:
    assert of_no_module(REPOSITORY / PACKAGES[package], REPOSITORY / "tests" / package) == []


def test_what_does_not_mirror_is_found(tmp_path: Path) -> None:
    for name in ("src/room/one.py", "src/room/two.py", "tests/room/test_one_more.py", "tests/test_two.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert without_a_test(tmp_path / "src", tmp_path / "tests") == ["room/two"]
    assert of_no_module(tmp_path / "src", tmp_path / "tests") == ["test_two"]
