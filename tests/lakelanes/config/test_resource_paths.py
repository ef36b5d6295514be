"""The folder include is beside the package in a bundle, and beside plugins/ in the repository."""

from __future__ import annotations

from pathlib import Path

from lakelanes.config import resource_paths


def test_a_bundles_own_folder_takes_precedence(tmp_path: Path) -> None:
    package = tmp_path / "root" / "lakelanes"
    package.mkdir(parents=True)
    assert resource_paths._find(package) == tmp_path / "include"
    (tmp_path / "root" / "include").mkdir()
    assert resource_paths._find(package) == tmp_path / "root" / "include"


def test_the_repositorys_folder_holds_the_configuration_and_the_tables() -> None:
    assert (resource_paths.INCLUDE / "lake.json").is_file()
    assert (resource_paths.INCLUDE / "sql" / "tables" / "parquet.sql").is_file()
