"""Make what AWS is given: the Lambda functions' bundle and MWAA's files, in build/.

    python scripts/package.py [--config FILE] [--output DIR]

The same input makes the same bytes. The configuration goes along with its ${NAME} replaced, so a bundle belongs to one
lake: Lambda's environment variables hold 4 KB in all, which a configuration of many entities exceeds.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lakelanes.config.loading import parse_config, resolved_text
from lakelanes.errors import ConfigError
from scripts import build_kernel
from scripts.setup import SetupError, uv_environment

ROOT = Path(__file__).resolve().parent.parent
# Lambda's python3.12 on arm64 (infrastructure/template.yaml), as uv and as scripts/build_kernel.py name it.
LAMBDA_PLATFORM = ("aarch64-manylinux_2_28", "3.12")
LAMBDA_TARGET = "linux-aarch64"
MWAA_HOME = "/usr/local/airflow"
# What says where and when something was installed.
_VOLATILE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class PackageError(Exception):
    """A bundle cannot be made; the text says why."""


def function_bundle(target: Path, config_text: str, kernel: Path | None, libraries: Path | None = None) -> Path:
    """The zip archive of the functions: their handlers, the engine, the configuration and its SQL.

    ``kernel`` is the compiled half of the readers for the functions' processor, and ``libraries`` a folder with what
    lambdas/requirements.txt names. Without that the interpreter that runs the functions has to bring it, as the local
    AWS's does: compiled libraries are for one processor, and a laptop's is another.
    """
    files = dict(_tree(libraries)) if libraries else {}
    files |= {name: data for name, data in _tree(ROOT / "lambdas") if name.endswith(".py")}
    files |= {f"lakelanes/{name}": data for name, data in _tree(ROOT / "plugins" / "lakelanes")}
    files |= _kernels([kernel] if kernel else []) | _include(config_text)
    return _write(target, files)


def mwaa_files(target: Path, config_text: str, kernels: Iterable[Path] = ()) -> Path:
    """The folder that an MWAA environment is given: dags/, plugins.zip, requirements.txt, constraints.txt,
    startup.sh. ``kernels`` are the compiled half of the readers, for each processor that its workers may have."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "dags", target / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    plugins = {name: data for name, data in _tree(ROOT / "plugins")}
    _write(target / "plugins.zip", plugins | _kernels(kernels) | _include(config_text))
    constraints = (ROOT / "constraints.txt").read_text()
    # MWAA looks for it there: https://docs.aws.amazon.com/mwaa/latest/userguide/working-dags-dependencies.html
    (target / "dags" / "constraints.txt").write_text(constraints)
    (target / "constraints.txt").write_text(constraints)
    requirements = (ROOT / "requirements.txt").read_text()
    (target / "requirements.txt").write_text(f'--constraint "{MWAA_HOME}/dags/constraints.txt"\n{requirements}')
    config = parse_config(config_text, {})
    variables = {
        "LAKE_CONFIG": f"{MWAA_HOME}/plugins/include/lake.json",
        # For the alert on a configuration that cannot be read.
        "LAKE_ALERT_TOPIC_ARN": config.alert_topic_arn,
        "LAKE_LEDGER_TABLE": config.resources.ledger_table,
    }
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    (target / "startup.sh").write_text("".join(["#!/bin/sh\n", *exports]))
    return target


def install_libraries(target: Path, platform: tuple[str, str] = LAMBDA_PLATFORM) -> Path:
    """Installs lambdas/requirements.txt for a platform (uv's name, Python version) into a folder. Raises
    PackageError."""
    uv = ROOT / ".local" / "boot" / "bin" / "uv"
    command = [uv if uv.exists() else "uv", "pip", "install", "--quiet", "--target", target, "--only-binary", ":all:"]
    command += ["--python-platform", platform[0], "--python-version", platform[1], "--python", sys.executable]
    command += ["-r", ROOT / "lambdas" / "requirements.txt", "-c", ROOT / "constraints.txt"]
    try:
        env = uv_environment(sys.executable)
        subprocess.run(list(map(str, command)), env=env, check=True, stderr=subprocess.PIPE, text=True)
    except (OSError, SetupError) as error:
        raise PackageError(f"cannot run uv ({error}): run `make setup`") from error
    except subprocess.CalledProcessError as error:
        raise PackageError(f"the functions' libraries cannot be installed:\n{error.stderr}") from error
    return target


def build_for(target: str, folder: Path) -> Path:
    """The compiled half of the readers for a machine of AWS. Raises PackageError."""
    try:
        path = build_kernel.build(target, folder)
    except subprocess.CalledProcessError as error:
        raise PackageError(f"the compiled half of the readers cannot be built for {target}") from error
    if path is None:
        raise PackageError(
            f"the compiled half of the readers cannot be built for {target}: "
            "run `python3 scripts/setup.py --with compiler`"
        )
    return path


def _kernels(libraries: Iterable[Path]) -> dict[str, bytes]:
    return {f"lakelanes/native/{library.name}": library.read_bytes() for library in libraries}


def _include(config_text: str) -> dict[str, bytes]:
    folder = ROOT / "include"
    files = {f"include/{name}": data for name, data in _tree(folder) if name.startswith("sql/")}
    return {**files, "include/lake.json": config_text.encode()}


def _tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below the folder by its path there, but for what an interpreter or an installer left and the library
    of this machine."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        volatile = name.name in _VOLATILE or "__pycache__" in name.parts or name.parts[0] == "bin"
        volatile = volatile or path.match("kernel-*.so*")
        if path.is_file() and not volatile:
            yield name.as_posix(), path.read_bytes()


def _write(target: Path, files: Mapping[str, bytes]) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name], compresslevel=9)
    os.replace(partial, target)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    parser.add_argument("--output", type=Path, default=ROOT / "build", help="default: build")
    arguments = parser.parse_args()
    try:
        text = resolved_text(arguments.config)
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            libraries = install_libraries(folder / "libraries")
            kernels = {name: build_for(name, folder) for name in build_kernel.TARGETS}
            archive = arguments.output / "lambda" / "functions.zip"
            bundle = function_bundle(archive, text, kernels[LAMBDA_TARGET], libraries)
            mwaa = mwaa_files(arguments.output / "mwaa", text, kernels.values())
    except (ConfigError, PackageError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    print(f"{bundle} ({bundle.stat().st_size / 1e6:.1f} MB)")
    print(f"{mwaa}: {', '.join(sorted(path.name for path in mwaa.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
