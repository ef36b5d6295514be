"""The archive: the same for the same dashboards, without credentials, and never written over what is none."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakelanes.dashboards.superset.bundle import BundleError, archive, write
from tests.lakelanes.dashboards.powerbi.made import everything
from tests.lakelanes.dashboards.superset.made import config, documents


def read(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as file:
        return {name: yaml.safe_load(file.read(name)) for name in file.namelist()}


def test_the_archive_is_the_same_in_every_run_and_has_all_documents(tmp_path: Path) -> None:
    found = documents(*everything())
    write(found, tmp_path / "made" / "bundle.zip")
    assert (tmp_path / "made" / "bundle.zip").read_bytes() == archive(documents(*everything()))
    assert read(tmp_path / "made" / "bundle.zip") == {f"lakelanes/{path}": one for path, one in found.items()}


def test_its_metadata_say_no_type_so_that_both_ways_of_importing_take_it() -> None:
    assert documents(*everything())["metadata.yaml"] == {"version": "1.0.0"}


def test_the_connection_names_workgroup_and_region_and_no_credentials() -> None:
    found = documents(*everything())["databases/analytics_db.yaml"]
    made = config()
    assert found["sqlalchemy_uri"] == (
        f"awsathena+rest://@athena.{made.aws.region}.amazonaws.com:443/analytics_db"
        f"?work_group={made.resources.workgroup_name}"
    )
    assert [found[f"allow_{what}"] for what in ("dml", "ctas", "cvas", "file_upload")] == [False] * 4


def test_references_are_to_documents_of_the_bundle() -> None:
    found = documents(*everything())
    ids = {one["uuid"] for one in found.values() if "uuid" in one}
    assert {one[name] for one in found.values() for name in ("dataset_uuid", "database_uuid") if name in one} <= ids


def test_a_bundle_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    write({"metadata.yaml": {}}, path)
    write(documents(*everything()), path)
    assert len(read(path)) > 1
    for content in (b"", b"PK other"):
        path.write_bytes(content)
        with pytest.raises(BundleError, match="name another file"):
            write(documents(*everything()), path)
        assert path.read_bytes() == content
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other.txt", "")
    with pytest.raises(BundleError, match="no bundle"):
        write(documents(*everything()), path)
