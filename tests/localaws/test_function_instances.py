"""What a function finds around it: its code, its layers, the standard library, AWS's variables, and nothing else."""

from __future__ import annotations

import io
import json
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localaws.function_instances import Unpacked, layer_path
from localaws.function_limits import this_architecture
from tests.support.localaws import LocalAws, running_localaws

ROLE = "arn:aws:iam::000000000000:role/none"
LOOKS_AROUND = """
import importlib.util, os, sys
def handler(event, context):
    def importable(name):
        try:
            return importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            return False
    return {
        "importable": [name for name in event["names"] if importable(name)],
        "path": sys.path,
        "variables": dict(os.environ),
        "folder": os.getcwd(),
    }
"""


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return buffer.getvalue()


def make(aws: LocalAws, name: str, code: dict[str, str], *layers: dict[str, str], **settings: Any) -> None:
    functions = aws.client("lambda")
    arns = [
        functions.publish_layer_version(LayerName=f"{name}-{number}", Content={"ZipFile": archive(layer)})[
            "LayerVersionArn"
        ]
        for number, layer in enumerate(layers)
    ]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.handler",
        Role=ROLE,
        Architectures=[this_architecture()],
        Code={"ZipFile": archive(code)},
        Layers=arns,
        **{"Timeout": 30, **settings},
    )


def call(aws: LocalAws, name: str, event: Any = None) -> Any:
    reply = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.load(reply["Payload"])
    assert "FunctionError" not in reply, payload
    return payload


def test_nothing_of_the_host_is_importable(tmp_path: Path, unique: Callable[[str], str]) -> None:
    """Everything that is installed where the local AWS runs, and what its own path and environment point at."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "of_the_host.py").write_text("")
    site = Path(sys.prefix).parent / "aws" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    names = sorted({path.name.split(".")[0] for path in site.iterdir() if not path.name.startswith(("_", "."))})
    assert {"boto3", "pyarrow", "ministack", "duckdb"} <= set(names)
    names = [name for name in names if name.isidentifier() and name not in sys.stdlib_module_names]
    host = {"PYTHONPATH": f"{tmp_path / 'host'}:{Path.cwd()}", "PYTHONUSERBASE": str(tmp_path), "OF_THE_HOST": "yes"}
    with running_localaws(tmp_path / "aws", environment=host) as aws:
        make(aws, "looks", {"app.py": LOOKS_AROUND, "mine.py": ""}, Environment={"Variables": {"MINE": "yes"}})
        asked = ["mine", *names, "localaws", "of_the_host", "lakelanes", "scripts", "tests"]
        found = call(aws, "looks", {"names": asked})
        state = (tmp_path / "aws").resolve()
    assert found["importable"] == ["mine"]
    assert [place for place in found["path"] if "site-packages" in place or "dist-packages" in place] == []
    variables = found["variables"]
    assert variables["MINE"] == "yes"
    assert not {"OF_THE_HOST", "PYTHONPATH", "VIRTUAL_ENV", "LOCALAWS_LAYERS"} & variables.keys()
    assert variables["LAMBDA_TASK_ROOT"] == found["folder"] == found["path"][0]
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert (variables["AWS_LAMBDA_FUNCTION_NAME"], variables["_HANDLER"]) == ("looks", "app.handler")
    for name in ("HOME", "TMPDIR", "LAMBDA_TASK_ROOT"):
        assert Path(variables[name]).is_relative_to(state), "and not in whoever's home"


def test_code_goes_before_layers_and_a_later_layer_before_an_earlier_one(
    local_aws: LocalAws, unique: Callable[[str], str]
) -> None:
    site = f"python/lib/python3.{sys.version_info.minor}/site-packages"
    code = {"app.py": "import a, b, c, d\ndef handler(*_):\n    return [a.by, b.by, c.by, d.by]", "a.py": "by = 'code'"}
    first = {f"python/{name}.py": "by = 'first'" for name in "abc"} | {f"{site}/d.py": "by = 'site'"}
    second = {f"python/{name}.py": "by = 'second'" for name in "abd"}
    name = unique("ordered-")
    make(local_aws, name, code, first, second)
    assert call(local_aws, name) == ["code", "second", "first", "second"]


def test_the_standard_library_comes_after_layers(local_aws: LocalAws, unique: Callable[[str], str]) -> None:
    name = unique("shadowed-")
    layer = {"python/colorsys.py": "by = 'layer'"}
    make(local_aws, name, {"app.py": "import colorsys\ndef handler(*_):\n    return colorsys.by"}, layer)
    assert call(local_aws, name) == "layer"


def test_an_import_that_fails_is_said(local_aws: LocalAws, unique: Callable[[str], str]) -> None:
    name = unique("broken-")
    make(local_aws, name, {"app.py": "import pyarrow\n"})
    reply = local_aws.client("lambda").invoke(FunctionName=name)
    assert reply["FunctionError"]
    assert "No module named 'pyarrow'" in json.load(reply["Payload"])["errorMessage"]


class TestUnpacked:
    def test_an_archive_is_unpacked_once_whoever_asks(self, tmp_path: Path) -> None:
        content = archive({f"python/{number}.py": f"n = {number}" for number in range(300)})
        found: list[Path] = []
        several = [Unpacked(tmp_path / "shared") for _ in range(2) for _ in range(4)]
        threads = [threading.Thread(target=lambda each=each: found.append(each.folder_of(content))) for each in several]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1 and len(found) == 8
        assert len(list(found[0].rglob("*.py"))) == 300
        assert [path.name for path in (tmp_path / "shared").iterdir() if path.is_dir()] == [found[0].name]

    def test_half_an_archive_is_never_found(self, tmp_path: Path) -> None:
        whole = archive({"a.py": "a = 1", "b.py": "b = 1"})
        damaged = whole.replace(b"b = 1", b"b = 2")
        store = Unpacked(tmp_path)
        with pytest.raises(zipfile.BadZipFile):
            store.folder_of(damaged)
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
        assert (store.folder_of(whole) / "b.py").read_text() == "b = 1"

    def test_names_stay_below_the_folder(self, tmp_path: Path) -> None:
        store = Unpacked(tmp_path / "inside")
        folder = store.folder_of(archive({"../../outside.py": "", "python/a.py": ""}))
        assert not (tmp_path / "outside.py").exists()
        assert layer_path(folder) == [str(folder / "python")]
