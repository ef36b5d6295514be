#!/usr/bin/env python3
"""Set Lakelanes up in .local/ from a Python and the package index alone; does nothing when nothing changed.

Makes .local/boot (uv), .local/venv (Airflow, the development tools and the command `lakelanes`) and .local/aws (the
local AWS, whose botocore is newer than Airflow's constraints allow); .local/bench (what the benchmarks compare with)
for `--with bench`, .local/compiler (a C compiler) for `--with compiler` or where the system has none, and
.local/powerbi (a parser of Power BI's models, which tests ask) for `--with powerbi`. Compiles the library of
plugins/lakelanes/native. The syntax and the imports stay within Python 3.8, so that an old `python3` can still find the
newer one that it needs.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
UV = "uv==0.13.9"
OLDEST = (3, 11)
# The last one has the version, which the installed command's metadata repeat.
INPUTS = ("requirements.txt", "constraints.txt", "pyproject.toml", "scripts/setup.py", "plugins/lakelanes/__init__.py")
# Each environment's installs, in order. Airflow starts a process per task, so what it imports is compiled once, here;
# the development tools are compiled as they are used.
VENVS = {
    "venv": [
        ["--compile-bytecode", "-r", "requirements.txt", "-c", "constraints.txt"],
        ["--group", "pyproject.toml:dev", "-c", "constraints.txt"],
        ["--no-deps", "--editable", "."],
    ],
    "aws": [["--compile-bytecode", "--group", "pyproject.toml:localaws"]],
}
# Made only for those who ask with --with.
ON_REQUEST = {
    "bench": [["--compile-bytecode", "--group", "pyproject.toml:bench"]],
    "compiler": [["--group", "pyproject.toml:compiler"]],
    "powerbi": [["--group", "pyproject.toml:powerbi"]],
}
NATIVE = ROOT / "plugins" / "lakelanes" / "native"


class SetupError(Exception):
    """Set-up cannot go on; the text says what was tried and what to do."""


def python_version(command: str) -> tuple[int, ...] | None:
    """The (major, minor, micro) a Python command reports, or None if it does not run (a pyenv shim may not)."""
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        code = "import sys; print(*sys.version_info[:3])"
        done = subprocess.run([command, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        if done.returncode == 0:
            return tuple(int(part) for part in done.stdout.split())
    return None


def dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def candidates() -> Iterator[str]:
    """Python commands worth trying, best first: 3.12 is what MWAA runs."""
    for minor in ("3.12", "3.11"):
        yield "python" + minor
        with contextlib.suppress(OSError):
            pyenv = subprocess.run(["pyenv", "prefix", minor], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if pyenv.returncode == 0:
                yield os.path.join(pyenv.stdout.decode().strip(), "bin", "python")
    yield "python3"
    yield sys.executable


def find_python(wanted: str | None = None) -> tuple[str, tuple[int, ...]]:
    """The Python to build on and its version: the wanted one, else the first candidate that runs and is new enough."""
    tried = []
    for command in [wanted] if wanted else candidates():
        version = python_version(command)
        if version and version >= OLDEST:
            return shutil.which(command) or command, version
        tried.append(f"{command} ({dotted(version) if version else 'does not run'})")
    raise SetupError(
        f"no Python {dotted(OLDEST)} or newer found; tried {', '.join(tried)}. "
        "Install Python 3.12, or name one: make setup PYTHON=/path/to/python3.12"
    )


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> str:
    """Run a command in the repository; raise SetupError with all it printed when it fails."""
    shown = " ".join(map(str, command))
    try:
        done = subprocess.run(command, cwd=str(ROOT), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise SetupError(f"cannot run {shown}: {error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise SetupError(f"failed: {shown}\n{output}")
    return output


def say(text: str) -> None:
    print("setup: " + text, flush=True)


def install_uv(python: str) -> str | Path:
    """Put uv into .local/boot and return its path; a Python without venv or ensurepip gets it through pip --target."""
    boot = LOCAL / "boot"
    uv = boot / "bin" / "uv"
    with contextlib.suppress(SetupError):
        if run([uv, "--version"]).split()[1] == UV.split("==")[1]:
            return uv
    shutil.rmtree(str(boot), ignore_errors=True)
    say(f"installing {UV} into .local/boot")
    faults = []
    ways: list[list[list[str | Path]]] = [
        [[python, "-m", "venv", boot], [boot / "bin" / "python", "-m", "pip", "install", UV]],
        [[python, "-m", "pip", "install", "--target", boot, UV]],
    ]
    for steps in ways:
        try:
            for step in steps:
                run(step)
            return uv
        except SetupError as error:
            faults.append(str(error))
            shutil.rmtree(str(boot), ignore_errors=True)
    on_path = shutil.which("uv")
    if on_path:
        say(f"neither venv nor pip works; using {on_path}")
        return on_path
    faults.append("cannot install uv; install Python's venv module (Debian: python3-venv)")
    raise SetupError("\n".join(faults))


def uv_environment(python: str) -> dict[str, str]:
    """The environment for uv: the user's own, with pip's index and certificate settings where uv has none."""
    env = dict(os.environ, UV_PYTHON_DOWNLOADS="never")
    env.setdefault("UV_SYSTEM_CERTS", "true")
    settings = {}
    with contextlib.suppress(SetupError, ValueError, SyntaxError):
        # Later lines win in pip: user files over global ones, the environment over both.
        for line in run([python, "-m", "pip", "config", "list"]).splitlines():
            key, _, value = line.partition("=")
            settings[key.rpartition(".")[2]] = ast.literal_eval(value)
    for uv_name, pip_name in (
        ("UV_DEFAULT_INDEX", "index-url"),
        ("UV_INDEX", "extra-index-url"),
        ("SSL_CERT_FILE", "cert"),
    ):
        if pip_name in settings and not (uv_name == "UV_DEFAULT_INDEX" and "UV_INDEX_URL" in env):
            env.setdefault(uv_name, " ".join(settings[pip_name].split()))
    return env


def build(name: str, installs: list[list[str]], uv: str | Path, python: str, env: Mapping[str, str]) -> None:
    """Create .local/<name> anew, install into it, and stamp it as the last step."""
    started = time.monotonic()
    target = LOCAL / name
    run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", python, target], env)
    for install in installs:
        run([uv, "pip", "install", "--quiet", "--python", target / "bin" / "python", *install], env)
    (target / "stamp.json").write_text(json.dumps(stamp(python)))
    say(f".local/{name} ready ({time.monotonic() - started:.1f} s)")


def stamp(python: str) -> dict[str, str]:
    """What a finished environment was made from. The place counts too: scripts in a moved environment do not run."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
    return {"inputs": digest.hexdigest(), "python": os.path.realpath(python)}


def outdated(wanted: str | None, asked: Iterable[str] = ()) -> list[str]:
    """Names of the environments that are missing, half made, or made from something else; `asked`: of ON_REQUEST."""
    names = []
    for name in [*VENVS, *asked]:
        try:
            made = json.loads((LOCAL / name / "stamp.json").read_text())
        except (OSError, ValueError):
            names.append(name)
            continue
        python = shutil.which(wanted) or wanted if wanted else made["python"]
        if made != stamp(python) or not os.path.exists(str(LOCAL / name / "bin" / "python")):
            names.append(name)
    return names


def kernel_built() -> bool:
    """Whether the library that the readers will look for is there; its name has the digest of its sources."""
    name = runpy.run_path(str(NATIVE / "sources.py"))["library_name"]()
    return bool((NATIVE / name).exists())


def build_kernel() -> None:
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT / "plugins"), str(ROOT)]))
    said = run([LOCAL / "venv" / "bin" / "python", "-m", "scripts.build_kernel"], env).strip()
    say("compiled " + said if said.endswith(".so") else said)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold .local/setup.lock, so that two commands started together do not build the same environment."""
    LOCAL.mkdir(exist_ok=True)
    with open(str(LOCAL / "setup.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="the Python to build on (default: 3.12 if one works, else 3.11 or newer)")
    parser.add_argument("--with", dest="asked", action="append", default=[], choices=ON_REQUEST, help="make it as well")
    arguments = parser.parse_args()
    wanted, asked = arguments.python, arguments.asked
    if not shutil.which(os.environ.get("CC", "cc").split()[0]):
        asked.append("compiler")
    with only_one():
        names = outdated(wanted, asked)
        if not names:
            if not kernel_built():
                build_kernel()
            return
        python, version = find_python(wanted)
        say(f"Python {dotted(version)} at {python}")
        uv = install_uv(python)
        env = uv_environment(python)
        say("installing into " + " and ".join(".local/" + name for name in names))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            jobs = [pool.submit(build, name, dict(VENVS, **ON_REQUEST)[name], uv, python, env) for name in names]
            for job in jobs:
                job.result()
        build_kernel()


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"setup: {error}")
