"""`make package` and a deployment on a local stack that runs already, as the pages say."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import build_kernel, deploy
from scripts.archives import write
from scripts.layer import local_layer, local_python, this_architecture
from scripts.package import function_bundle
from tests.support.function import PARAMETERS, DeployedLake, deploy_with_function
from tests.support.localaws import LocalAws

MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
OTHER = ({"arm64", "x86_64"} - {this_architecture()}).pop()


def library(architecture: str) -> bytes:
    """The head of a compiled library, enough to say for which processor it is."""
    return b"\x7fELF" + bytes(14) + MACHINES[architecture].to_bytes(2, "little")


@pytest.fixture
def stack(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DeployedLake:
    """A lake with its functions, as `make up` makes it."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    return deploy_with_function(local_aws, tmp_path / "up")


@pytest.fixture
def made(stack: DeployedLake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What `make package` makes of the stack's configuration: a bundle for both processors, a layer for each."""
    folder = tmp_path / "lambda"
    folder.mkdir()
    kernel = tmp_path / "kernel-0-linux-other.so"
    kernel.write_bytes(library(OTHER))
    with zipfile.ZipFile(tmp_path / "up" / "functions.zip") as bundle:
        text = bundle.read(deploy.BUNDLED_CONFIG).decode()
    (tmp_path / "lake.json").write_text(text)
    function_bundle(folder / "functions.zip", text, [*build_kernel.of_this_machine(), kernel])
    shutil.copy(local_layer(local_python()), folder / f"layer-{this_architecture()}.zip")
    write(folder / f"layer-{OTHER}.zip", {"python/a.so": library(OTHER)})
    monkeypatch.setattr(deploy, "MADE", folder)
    monkeypatch.setattr(deploy, "BUNDLE", folder / "functions.zip")
    return folder


@pytest.fixture
def deployed(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Deploys as the command does, with these arguments more; returns its exit code."""

    def run(*arguments: str) -> int:
        # The others are the configuration's to decide, and the command refuses them.
        given = {name: value for name, value in PARAMETERS.items() if name not in deploy.DECIDED}
        parameters = [part for name, value in given.items() for part in ("--parameter", f"{name}={value}")]
        command = ["deploy", "--config", str(tmp_path / "lake.json"), *parameters, *arguments]
        monkeypatch.setattr(sys, "argv", command)
        return deploy.main()

    return run


def architectures(stack: DeployedLake) -> list[str]:
    found = stack.aws.client("lambda").get_function_configuration(FunctionName=stack.outputs["FileProcessor"])
    return list(found["Architectures"])


def test_it_goes_to_the_processor_of_the_functions_that_are_there(
    stack: DeployedLake, deployed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = stack.aws.client("lambda").get_function_configuration(FunctionName=stack.outputs["FileProcessor"])
    assert deployed() == 0, capsys.readouterr().err
    after = stack.aws.client("lambda").get_function_configuration(FunctionName=stack.outputs["FileProcessor"])
    assert after["CodeSha256"] != before["CodeSha256"], "the new bundle is there"
    assert after["Layers"] == before["Layers"], "and the layer, which is the same, was left alone"
    assert architectures(stack) == [this_architecture()]
    stack.check()


def test_another_processor_is_refused_before_the_functions_change(
    stack: DeployedLake, made: Path, deployed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = str(made / f"layer-{OTHER}.zip")
    assert deployed("--layer", wrong) == 1
    assert f"is for {OTHER}, but the functions' processor is {this_architecture()}" in capsys.readouterr().err
    assert deployed("--parameter", f"Architecture={OTHER}") == 1
    said = capsys.readouterr().err
    assert f"processor, {this_architecture()}, and Architectures is" in said
    assert f"--parameter Architecture={this_architecture()}" in said
    assert architectures(stack) == [this_architecture()]
    stack.check()
