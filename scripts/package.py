"""Make what AWS is given: the Lambda functions' bundle and layers, and MWAA's files, in build/.

    python scripts/package.py [--config FILE] [--output DIR]

The same input makes the same bytes. The configuration goes along with its ${NAME} replaced, so a bundle belongs to one
lake: Lambda's environment variables hold 4 KB in all, which a configuration of many entities exceeds. The bundle runs
on both processors that Lambda has; of the layer (scripts/layer.py) there is one for each.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lakelanes.config.loading import parse_config, resolved_text
from lakelanes.errors import ConfigError
from scripts import build_kernel
from scripts.archives import files_below, unpacked_bytes, write
from scripts.bytecode import with_bytecode
from scripts.layer import (
    PLATFORMS,
    PYTHON,
    UNPACKED_LIMIT,
    LayerError,
    check_size,
    function_layer,
    install_libraries,
    python_of_functions,
)

ROOT = Path(__file__).resolve().parent.parent
MWAA_HOME = "/usr/local/airflow"


class PackageError(Exception):
    """A bundle cannot be made; the text says why."""


def function_bundle(
    target: Path, config_text: str, kernels: Iterable[Path] = (), *, python: Path | None = None
) -> Path:
    """The zip archive of the functions: their handlers, the engine, the configuration and what goes with it.

    ``kernels`` are the compiled half of the readers, for each processor that the functions may have, and ``python`` is
    an interpreter whose bytecode goes along. All that they import of others is in the layer, which changes with
    constraints.txt alone.
    """
    files: dict[str, bytes | Path] = {
        name: path for name, path in files_below(ROOT / "lambdas") if name.endswith(".py")
    }
    files |= {f"lakelanes/{name}": path for name, path in files_below(ROOT / "plugins" / "lakelanes")}
    files = with_bytecode(files, python) if python else files
    return write(target, {**files, **_kernels(kernels), **_include(config_text)})


def mwaa_files(target: Path, config_text: str, kernels: Iterable[Path] = ()) -> Path:
    """The folder that an MWAA environment is given: dags/, plugins.zip, requirements.txt, constraints.txt,
    startup.sh. ``kernels`` are the compiled half of the readers, for each processor that its workers may have."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "dags", target / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    plugins = dict(files_below(ROOT / "plugins"))
    write(target / "plugins.zip", {**plugins, **_kernels(kernels), **_include(config_text)})
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


def _kernels(libraries: Iterable[Path]) -> dict[str, Path]:
    return {f"lakelanes/native/{library.name}": library for library in libraries}


def _include(config_text: str) -> dict[str, bytes | Path]:
    """All of include/ but what editors check it by, with this configuration."""
    files = {f"include/{name}": path for name, path in files_below(ROOT / "include") if ".schema." not in name}
    return {**files, "include/lake.json": config_text.encode()}


def _package(config_text: str, output: Path) -> None:
    """Makes everything, and says what was made and how large it is. Raises ConfigError, LayerError, PackageError."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        kernels = [build_for(name, folder) for name in build_kernel.TARGETS]
        python = python_of_functions()
        if python is None:
            print(f"no Python {PYTHON} is here: without its bytecode the functions start the slower")
        bundle = function_bundle(output / "lambda" / "functions.zip", config_text, kernels, python=python)
        print(f"{bundle} ({_megabytes(bundle.stat().st_size)}, unpacked {_megabytes(unpacked_bytes(bundle))})")
        for architecture in PLATFORMS:
            libraries = install_libraries(folder / architecture, architecture)
            layer = function_layer(output / "lambda" / f"layer-{architecture}.zip", libraries, python=python)
            total = check_size(bundle, layer)
            print(
                f"{layer} ({_megabytes(layer.stat().st_size)}, unpacked {_megabytes(unpacked_bytes(layer))}; "
                f"with the bundle {_megabytes(total)} of Lambda's {_megabytes(UNPACKED_LIMIT)})"
            )
        mwaa = mwaa_files(output / "mwaa", config_text, kernels)
    print(f"{mwaa}: {', '.join(sorted(path.name for path in mwaa.iterdir()))}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    parser.add_argument("--output", type=Path, default=ROOT / "build", help="default: build")
    arguments = parser.parse_args()
    try:
        _package(resolved_text(arguments.config), arguments.output)
    except (ConfigError, LayerError, PackageError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
