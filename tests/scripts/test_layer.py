"""The functions' layer: for which processor, how large, whole, and the same every time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import layer as layers
from scripts.archives import unpacked_bytes, write
from scripts.deploy import architectures
from scripts.layer import (
    PLATFORMS,
    UNPACKED_LIMIT,
    LayerError,
    check_size,
    function_layer,
    install_libraries,
    is_needed,
    local_layer,
    local_python,
    this_architecture,
)
from tests.support.elf import needed
from tests.support.localaws import REPOSITORY

# What Amazon Linux 2023 brings, and every Linux that runs wheels may be asked for (PEP 600).
SYSTEM = {
    f"lib{name}"
    for name in ("c.so.6", "dl.so.2", "gcc_s.so.1", "m.so.6", "pthread.so.0", "rt.so.1", "stdc++.so.6", "z.so.1")
}


@pytest.fixture(scope="module", params=PLATFORMS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A processor, and the layer for it."""
    folder = tmp_path_factory.mktemp(request.param)
    libraries = install_libraries(folder / "libraries", request.param)
    return request.param, function_layer(folder / "layer.zip", libraries, level=1)


@pytest.mark.long
def test_it_is_for_one_processor_and_the_functions_python(made: tuple[str, Path]) -> None:
    architecture, layer = made
    assert architectures(layer) == {architecture}
    with zipfile.ZipFile(layer) as inside:
        names = inside.namelist()
    assert {name.split("/")[0] for name in names} == {"python"}
    assert {name.split(".cpython-")[1].split("-")[0] for name in names if ".cpython-" in name} == {"312"}


@pytest.mark.long
def test_every_compiled_library_finds_those_that_it_needs(made: tuple[str, Path]) -> None:
    """Those for another processor cannot be loaded here, but it can be seen whether they could be there."""
    _, layer = made
    with zipfile.ZipFile(layer) as inside:
        compiled = [name for name in inside.namelist() if ".so" in Path(name).suffixes]
        there = {Path(name).name for name in compiled}
        missing = {name: needed(inside.read(name)) - there - SYSTEM for name in compiled}
    assert len(compiled) > 40
    missing = {name: {each for each in names if not each.startswith("ld-linux-")} for name, names in missing.items()}
    assert {name: names for name, names in missing.items() if names} == {}


@pytest.mark.long
def test_it_is_far_below_the_limit_and_has_nothing_that_only_compilers_and_tests_read(made: tuple[str, Path]) -> None:
    _, layer = made
    assert unpacked_bytes(layer) < 0.8 * UNPACKED_LIMIT
    with zipfile.ZipFile(layer) as inside:
        arrow = [name for name in inside.namelist() if name.startswith(("python/pyarrow/", "python/numpy/"))]
    assert [name for name in arrow if "/tests/" in name or "/include/" in name or "flight" in Path(name).name] == []
    assert [name for name in arrow if Path(name).suffix in {".a", ".h", ".pyx", ".pxd"}] == []


@pytest.mark.long
def test_it_has_the_versions_of_the_constraints_and_botocore_whole(made: tuple[str, Path]) -> None:
    _, layer = made
    with zipfile.ZipFile(layer) as inside:
        names = set(inside.namelist())
    found = dict(name.split("/")[1].removesuffix(".dist-info").split("-") for name in names if ".dist-info/" in name)
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate({"python_version": "3.12"}):
                pins[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    assert {name: pins[canonicalize_name(name)] for name in found} == found
    assert {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python_dateutil", "six"} <= found.keys()
    assert len([name for name in names if name.startswith("python/botocore/data/") and "service-2" in name]) > 400


@pytest.mark.long
def test_the_same_input_makes_the_same_bytes(made: tuple[str, Path], tmp_path: Path) -> None:
    architecture, layer = made
    if architecture != this_architecture():
        pytest.skip("one of them says it")
    again = function_layer(tmp_path / "layer.zip", install_libraries(tmp_path / "libraries", architecture), level=1)
    assert again.read_bytes() == layer.read_bytes()


def test_the_local_one_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = local_layer(local_python())
    monkeypatch.setattr(layers, "install_libraries", lambda *_: pytest.fail("it is there already"))
    assert local_layer(local_python()) == first
    assert architectures(first) == {this_architecture()}


def test_what_is_left_out_is_of_arrow_and_numpy_alone() -> None:
    left_out = [
        "pyarrow/include/arrow/api.h",
        "pyarrow/lib.pyx",
        "pyarrow/libarrow_flight.so.2500",
        "pyarrow/_flight.cpython-312-x86_64-linux-gnu.so",
        "pyarrow/libarrow_python.so",
        "pyarrow/libarrow_python.so.2500.0.0",
        "pyarrow/tests/test_array.py",
        "numpy/_core/tests/test_api.py",
        "numpy/_core/lib/libnpymath.a",
    ]
    kept = [
        "pyarrow/libarrow_python.so.2500",
        "pyarrow/lib.cpython-312-x86_64-linux-gnu.so",
        "pyarrow/libarrow_substrait.so.2500",
        "numpy/testing/__init__.py",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "six.py",
        "elsewhere/tests/a.h",
    ]
    assert [name for name in left_out + kept if is_needed(name)] == kept


def test_too_much_is_refused_with_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, layer = write(tmp_path / "b.zip", {"a": bytes(400)}), write(tmp_path / "l.zip", {"b": bytes(1601)})
    monkeypatch.setattr(layers, "UNPACKED_LIMIT", 2001)
    assert check_size(bundle, layer) == 2001
    monkeypatch.setattr(layers, "UNPACKED_LIMIT", 2000)
    with pytest.raises(LayerError, match=r"2,001 bytes, and Lambda takes 2,000: .*b\.zip 400 and .*l\.zip 1,601"):
        check_size(bundle, layer)
