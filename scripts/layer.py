"""The functions' layer: what lambdas/requirements.txt names, at the versions of constraints.txt, as Lambda unpacks it.

Made from the wheels of the package index, which have every codec of Arrow. AWS's own layer of pandas is no substitute:
its Arrow has neither zstd nor lz4, and it leaves boto3 to the runtime, whose version is nobody's choice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.archives import files_below, unpacked_bytes, write
from scripts.bytecode import with_bytecode
from scripts.setup import SetupError, uv_environment

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "lambdas" / "requirements.txt"
CONSTRAINTS = ROOT / "constraints.txt"
# The functions' runtime (infrastructure/template.yaml), and for each processor that it is offered on, in Lambda's
# words, the platform as uv names it. Amazon Linux 2023, python3.12's system, has glibc 2.34
# (https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html).
PYTHON = "3.12"
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
# Of code and layers together: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNPACKED_LIMIT = 250 << 20
_CACHE = ROOT / ".local" / "cache"
# Of pyarrow and numpy, what no interpreter imports: sources, headers, static libraries, tests.
_SOURCES = (".a", ".c", ".cc", ".h", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx")
# And remote calls, which the engine never makes. Everything of pyarrow is linked with the rest, query plans (substrait)
# as well.
_REMOTE_CALLS = re.compile(r"pyarrow/[^/]*flight")
# pyarrow has its own libraries under three names (a.so, a.so.1, a.so.1.2.3), for a zip archive has no links. The loader
# asks for the second.
_OTHER_NAMES = re.compile(r"pyarrow/lib\w+\.so(\.\d+\.\d+\.\d+)?")


class LayerError(Exception):
    """The layer cannot be made; the text says why."""


def this_architecture() -> str:
    """This machine's processor in Lambda's words."""
    machine = platform.machine()
    return {"aarch64": "arm64", "AMD64": "x86_64"}.get(machine, machine)


def function_layer(target: Path, libraries: Path, level: int = 6, *, python: Path | None = None) -> Path:
    """The zip archive of a layer with these libraries, in the folder that Lambda's Python looks in:
    https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html

    python: an interpreter whose bytecode goes along.
    """
    files: dict[str, bytes | Path] = {
        f"python/{name}": path for name, path in files_below(libraries) if is_needed(name)
    }
    return write(target, with_bytecode(files, python) if python else files, level)


def is_needed(name: str) -> bool:
    """Whether a file of the installed libraries, by its path in their folder, goes into the layer."""
    package, *rest = name.split("/")
    if package not in ("numpy", "pyarrow") or not rest:
        return True
    if {"include", "tests"} & set(rest) or name.endswith(_SOURCES) or name.startswith("pyarrow/src/"):
        return False
    return not (_REMOTE_CALLS.match(name) or _OTHER_NAMES.fullmatch(name))


def install_libraries(target: Path, architecture: str | None, python: str = PYTHON) -> Path:
    """Installs lambdas/requirements.txt into a folder, for a processor in Lambda's words and a version of Python.

    Without a processor it is for this machine, and ``python`` may be an interpreter. Raises LayerError.
    """
    uv = ROOT / ".local" / "boot" / "bin" / "uv"
    command = [uv if uv.exists() else "uv", "pip", "install", "--quiet", "--target", target, "--only-binary", ":all:"]
    if architecture:
        command += ["--python-platform", PLATFORMS[architecture], "--python-version", python]
        python = sys.executable
    command += ["--python", python, "-r", REQUIREMENTS, "-c", CONSTRAINTS]
    try:
        env = uv_environment(sys.executable)
        subprocess.run(list(map(str, command)), env=env, check=True, stderr=subprocess.PIPE, text=True)
    except (OSError, SetupError) as error:
        raise LayerError(f"cannot run uv ({error}): run `make setup`") from error
    except subprocess.CalledProcessError as error:
        raise LayerError(f"the functions' libraries cannot be installed:\n{error.stderr}") from error
    return target


def check_size(bundle: Path, layer: Path) -> int:
    """The unpacked bytes of both together. Raises LayerError when Lambda would not take them."""
    sizes = {path: unpacked_bytes(path) for path in (bundle, layer)}
    total = sum(sizes.values())
    if total > UNPACKED_LIMIT:
        parts = " and ".join(f"{path} {size:,}" for path, size in sizes.items())
        raise LayerError(
            f"the functions unpack to {total:,} bytes, and Lambda takes {UNPACKED_LIMIT:,}: {parts}; "
            "see what lambdas/requirements.txt and constraints.txt bring, and is_needed() in scripts/layer.py"
        )
    return total


def local_python(environment: Mapping[str, str] = os.environ) -> Path:
    """The interpreter of the local AWS, which runs the functions there: LOCALAWS_PYTHON, or the one of set-up."""
    named = environment.get("LOCALAWS_PYTHON")
    return Path(named) if named else ROOT / ".local" / "aws" / "bin" / "python"


def version_of(python: Path) -> str:
    """The version of an interpreter, as in 3.12. Raises LayerError when it does not run."""
    try:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise LayerError(f"{python} does not run ({error}): run `make setup`") from error


def python_of_functions() -> Path | None:
    """An interpreter of the functions' version on this machine, None without one: this one or the local AWS's."""
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return Path(sys.executable)
    local = local_python()
    return local if local.exists() and version_of(local) == PYTHON else None


def local_layer(python: Path) -> Path:
    """The layer for this machine's processor and the local AWS's Python, made once and kept in .local/cache.

    On Linux with Python 3.12 it is file by file the one for AWS. Raises LayerError.
    """
    version = version_of(python)
    as_on_aws = sys.platform == "linux" and version == PYTHON and this_architecture() in PLATFORMS
    architecture = this_architecture() if as_on_aws else None
    made_by = (Path(__file__), Path(__file__).with_name("bytecode.py"))
    made_from = [path.read_bytes() for path in (REQUIREMENTS, CONSTRAINTS, *made_by)]
    made_from.append(f"{sys.platform} {this_architecture()} {version}".encode())
    digest = hashlib.sha256(b"\0".join(made_from)).hexdigest()[:16]
    _CACHE.mkdir(parents=True, exist_ok=True)
    target = _CACHE / f"layer-{digest}.zip"
    with (_CACHE / "layer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=_CACHE) as made:
                install_libraries(Path(made), architecture, version if architecture else str(python))
                # It goes no further than this machine, so it need not be small.
                function_layer(target, Path(made), level=1, python=python)
            for old in _CACHE.glob("layer-*.zip"):
                if old != target:
                    old.unlink()
    return target
