"""The bundles: what is in them, that they are enough, and that they are the same every time."""

from __future__ import annotations

import ast
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lakelanes.config.loading import load_config, parse_config, resolved_text
from lakelanes.native.sources import library_name
from scripts.build_kernel import TARGETS
from scripts.deploy import architectures
from scripts.layer import local_layer, local_python
from scripts.package import ROOT, build_for, function_bundle, mwaa_files
from tests.support.lakes import config_text

HANDLERS = {"file_processor.py", "stream_processor.py"}
# Imported only where views are refreshed, dashboards drawn, the terminal or lineage asked, which the functions do not.
NOT_FOR_THE_FUNCTION = (
    *("lakelanes/catalog/views.py", "lakelanes/__main__.py"),
    *("lakelanes/dashboards/", "lakelanes/lineage/"),
)


def test_the_same_input_makes_the_same_bytes(tmp_path: Path) -> None:
    text = config_text(name="same")
    first = function_bundle(tmp_path / "1.zip", text).read_bytes()
    assert function_bundle(tmp_path / "2.zip", text).read_bytes() == first
    assert function_bundle(tmp_path / "3.zip", config_text(name="other")).read_bytes() != first
    assert len(first) < 1 << 20
    plugins = [(mwaa_files(tmp_path / name, text) / "plugins.zip").read_bytes() for name in ("a", "b")]
    assert plugins[0] == plugins[1]


@pytest.mark.long
def test_the_kernel_is_for_the_processor_of_whoever_gets_it(tmp_path: Path) -> None:
    machines = {"linux-aarch64": 0xB7, "linux-x86_64": 0x3E}
    kernels = {target: build_for(target, tmp_path) for target in machines}
    for target, machine in machines.items():
        head = kernels[target].read_bytes()[:20]
        assert (head[:4], head[18]) == (b"\x7fELF", machine)
    bundle = function_bundle(tmp_path / "f.zip", config_text(), kernels.values())
    assert compiled_in(bundle) == {f"lakelanes/native/{library_name(*target.split('-'))}" for target in TARGETS}
    assert architectures(bundle) == {"arm64", "x86_64"}
    assert architectures(function_bundle(tmp_path / "one.zip", config_text(), [kernels["linux-aarch64"]])) == {"arm64"}
    plugins = mwaa_files(tmp_path / "mwaa", config_text(), kernels.values()) / "plugins.zip"
    assert compiled_in(plugins) == {f"lakelanes/native/{kernel.name}" for kernel in kernels.values()}


def test_the_library_is_found_where_the_bundle_is_unpacked(tmp_path: Path) -> None:
    target = f"linux-{platform.machine()}"
    library = build_for(target, tmp_path / "built")
    plugins = mwaa_files(tmp_path / "mwaa", config_text(), [library]) / "plugins.zip"
    for name, bundle in (("mwaa", plugins), ("lambda", function_bundle(tmp_path / "f.zip", config_text(), [library]))):
        unpacked = tmp_path / "unpacked" / name
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(unpacked)
        program = "from lakelanes.native import library; print(library.native('items', {}).library._name)"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == str(unpacked / "lakelanes" / "native" / library.name)


def compiled_in(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as inside:
        return {name for name in inside.namelist() if name.endswith(".so")}


def test_every_import_of_the_functions_is_in_the_bundle_or_the_layer(tmp_path: Path) -> None:
    with zipfile.ZipFile(local_layer(local_python())) as layer:
        provided = {name.split("/")[1].removesuffix(".py") for name in layer.namelist()}
    with zipfile.ZipFile(function_bundle(tmp_path / "f.zip", config_text())) as bundle:
        names = bundle.namelist()
        inside = {name.split("/")[0].removesuffix(".py") for name in names}
        assert inside.isdisjoint(provided), "what the layer has is not carried along"
        for name in names:
            engine = (
                name.startswith("lakelanes/") and name.endswith(".py") and not name.startswith(NOT_FOR_THE_FUNCTION)
            )
            if name in HANDLERS or engine:
                missing = imports(bundle.read(name)) - inside - provided - sys.stdlib_module_names
                # Only for the type checker.
                assert missing <= {"mypy_boto3_s3"}, name
        assert {name for name in names if name.startswith("include/sql/")} >= {"include/sql/tables/parquet.sql"}
        assert set(names) >= HANDLERS


def imports(source: bytes) -> set[str]:
    """Top-level names that a module imports at its top."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_configuration_goes_along_without_its_variables(tmp_path: Path) -> None:
    raw = json.loads(config_text())
    raw["aws"]["account_id"] = "${WHERE}"
    raw["entities"]["sales"]["schema"][0]["comment"] = "costs $${5} in Zürich"
    path = tmp_path / "lake.json"
    path.write_text(json.dumps(raw))
    text = resolved_text(path, {"WHERE": "111122223333"})
    bundled = parse_config(text, {})
    assert bundled == load_config(path, {"WHERE": "111122223333"})
    assert bundled.aws.account_id == "111122223333"
    assert bundled.entities["sales"].columns[0].comment == "costs ${5} in Zürich"


_WHAT_THE_ENGINE_READS = """
from lakelanes.cost.prices import read_prices
from lakelanes.dashboards.loading import read_dashboards
print(*sorted(one.name for one in read_dashboards()), read_prices().currency)
"""


def test_mwaa_is_given_everything_that_the_engine_reads(tmp_path: Path) -> None:
    folder = mwaa_files(tmp_path / "mwaa", config_text())
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {"plugins.zip", "requirements.txt", "constraints.txt", "startup.sh", "dags/load_entities.py"}
    assert "dags/constraints.txt" in names
    requirements = (folder / "requirements.txt").read_text().splitlines()
    assert requirements[0] == '--constraint "/usr/local/airflow/dags/constraints.txt"'
    assert "pyarrow" in requirements
    with zipfile.ZipFile(folder / "plugins.zip") as plugins:
        inside = set(plugins.namelist())
        plugins.extractall(tmp_path / "plugins")
    assert inside >= {"lakelanes/files/attempt.py", "lakelanes_airflow/plugin.py", ".airflowignore"}
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "include").rglob("*") if path.is_file()}
    assert there - inside == {"include/lake.schema.json", "include/dashboard.schema.json"}
    # As where a worker has it: the engine finds its files by where it lies itself.
    found = subprocess.run(
        [sys.executable, "-c", _WHAT_THE_ENGINE_READS], cwd=tmp_path / "plugins", capture_output=True, text=True
    )
    assert found.stdout.split() == [*sorted(path.stem for path in (ROOT / "include" / "dashboards").iterdir()), "USD"]
    startup = (folder / "startup.sh").read_text()
    assert "LAKE_CONFIG=/usr/local/airflow/plugins/include/lake.json" in startup
    assert "LAKE_ALERT_TOPIC_ARN=arn:aws:sns:" in startup and "LAKE_LEDGER_TABLE=" in startup
