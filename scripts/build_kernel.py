"""Build the compiled half of the readers: the library of the C sources in plugins/lakelanes/native (see its README).

    python scripts/build_kernel.py [--target linux-x86_64 | linux-aarch64] [--into FOLDER] [--sanitize]

Without --target it is built for this machine, by the C compiler that $CC names or that is installed as cc; where there
is none, and for a named target, by the one in .local/compiler (scripts/setup.py --with compiler). Without any of them
nothing is built, which is said and is no failure: the readers work without it, only slower.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from lakelanes.native.sources import FOLDER, digest, library_name, sources

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ("-std=gnu11", "-O3", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
# What the two machines of AWS are to ziglang; glibc as old as Amazon Linux 2's.
TARGETS = {"linux-x86_64": "x86_64-linux-gnu.2.17", "linux-aarch64": "aarch64-linux-gnu.2.17"}


def compiler(target: str | None) -> list[str] | None:
    """The command that compiles for the target (None: this machine), or None where there is none."""
    if target is None:
        command = shlex.split(os.environ.get("CC", "cc"))
        if command and shutil.which(command[0]):
            return [*command, "-march=x86-64"] if platform.machine() == "x86_64" else command
    python = ROOT / ".local" / "compiler" / "bin" / "python"
    if not python.exists():
        return None
    command = [str(python), "-m", "ziglang", "cc"]
    return [*command, "-target", TARGETS[target]] if target else command


def build(target: str | None = None, into: Path = FOLDER, *, sanitize: bool = False) -> Path | None:
    """The library, built unless it is there already; None when there is no compiler.

    Raises subprocess.CalledProcessError when the compiler fails.
    """
    system, _, machine = (target or "").partition("-")
    path = into / (library_name(system, machine) if target else library_name())
    if path.exists() and not sanitize:
        return path
    command = compiler(target)
    if command is None:
        return None
    extra = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if sanitize else ()
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("kernel-*.so"):
        if old.name.split("-")[2:] == path.name.split("-")[2:]:
            old.unlink()
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        named = f'-DLAKELANES_DIGEST="{digest()}"'
        compiled = [str(source) for source in sources() if source.suffix == ".c"]
        subprocess.run([*command, *FLAGS, named, *extra, "-o", str(partial), *compiled, "-lm"], check=True)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def of_this_machine() -> list[Path]:
    """The library beside its sources that is for this machine; none where it has not been built."""
    path = FOLDER / library_name()
    return [path] if path.exists() else []


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--target", choices=sorted(TARGETS))
    parser.add_argument("--into", type=Path, default=FOLDER)
    parser.add_argument("--sanitize", action="store_true", help="with checks of every access, for the tests")
    arguments = parser.parse_args()
    try:
        path = build(arguments.target, arguments.into, sanitize=arguments.sanitize)
    except subprocess.CalledProcessError as error:
        print(f"the library could not be compiled: {shlex.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    if path is None:
        print(
            "no C compiler: the library is not built, so files and exports are read more slowly",
            file=sys.stderr,
        )
    else:
        print(path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
