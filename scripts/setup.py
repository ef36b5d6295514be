#!/usr/bin/env python3
"""Set Lakelanes up in .local/ from a Python and the package index alone; does nothing when nothing changed.

Makes .local/boot (uv), .local/venv (Airflow, the development tools and the command `lakelanes`) and .local/aws (the
local AWS, whose botocore is newer than Airflow's constraints allow); .local/bench (what the benchmarks compare with)
for `--with bench`, .local/compiler (a C compiler) for `--with compiler` or where the system has none, and
.local/powerbi (a parser of Power BI's models, which tests ask) for `--with powerbi`, .local/bi (Superset) for
`--with bi`, and .local/cluster (Airflow with all that MWAA's image has) for `--with cluster`. Compiles the library of
plugins/lakelanes/native. The syntax and the imports stay within Python 3.8, so that an old `python3` can still find the
newer one that it needs.

With `--check-config`, as `make up` has it, the configuration is looked at before the installation: that it is there and
is JSON at once, with this Python alone; all the rest after a few seconds, with the three packages that it takes.
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
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
UV = "uv==0.13.9"
OLDEST = (3, 11)
# The last one has the version, which the installed command's metadata repeat.
INPUTS = (
    *("requirements.txt", "constraints.txt", "constraints-bi.txt", "constraints-cluster.txt", "pyproject.toml"),
    *("scripts/setup.py", "plugins/lakelanes/__init__.py"),
)
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
    "bi": [["--compile-bytecode", "--group", "pyproject.toml:bi", "-c", "constraints-bi.txt"]],
    "cluster": [
        [
            *("--compile-bytecode", "-r", "requirements.txt", "--group", "pyproject.toml:cluster"),
            *("-c", "constraints.txt", "-c", "constraints-cluster.txt"),
        ]
    ],
}
NATIVE = ROOT / "plugins" / "lakelanes" / "native"
# What the check of a configuration imports: seconds, where everything takes a minute or more.
FOR_THE_CHECK = ("pydantic", "google-re2", "botocore")
CHECK = """
import sys
from lakelanes.config.loading import load_config
from lakelanes.errors import ConfigError
try:
    load_config(sys.argv[1])
except ConfigError as error:
    sys.exit(str(error))
"""
# As the local AWS has it where nobody says otherwise (scripts/stack.py).
ACCOUNT = "000000000000"
# A command that takes longer is asked about: first after so many seconds, then after twice as many, and so on.
QUIET_SECONDS = 10.0


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
    """Run a command in the repository; raise SetupError with all it printed when it fails.

    What it waits for is said when it takes long: pip and uv try a silent index again and again, and say nothing.
    """
    shown = " ".join(map(str, command))
    try:
        process = subprocess.Popen(command, cwd=str(ROOT), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise SetupError(f"cannot run {shown}: {error}") from error
    started, quiet = time.monotonic(), QUIET_SECONDS
    with process:
        try:
            while True:
                try:
                    output = process.communicate(timeout=quiet)[0].decode(errors="replace")
                    break
                except subprocess.TimeoutExpired:
                    quiet *= 2
                    if "install" in command and (waits := waits_for(env)):
                        say(f"{time.monotonic() - started:.0f} s so far: {waits}")
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise SetupError(f"failed: {shown}\n{output}")
    return output


def waits_for(env: Mapping[str, str] | None = None) -> str:
    """The package index that packages come from, when nothing answers there, and why; else ''. Of its address only the
    host, for there may be a password in it."""
    env = os.environ if env is None else env
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    place = urlsplit(next((env[name] for name in names if env.get(name)), "") or public_index())
    host = place.hostname
    if host is None:
        return ""
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(place.scheme)
    asked = urlsplit(proxy) if proxy else place
    via = f" by way of the proxy {asked.hostname}" if proxy else ""
    try:
        port = asked.port or (80 if asked.scheme == "http" else 443)
        socket.create_connection((asked.hostname or "", port), timeout=3).close()
    except OSError as error:
        return (
            f"waiting for the package index {host}, which cannot be reached{via} ({error}). It is tried again; "
            "PIP_INDEX_URL names another index, HTTPS_PROXY a proxy"
        )
    return ""


def public_index() -> str:
    """Where pip and uv look when nobody says otherwise, as pip has it; '' where there is no pip to ask."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    asked = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return asked.stdout.decode().strip()


def say(text: str) -> None:
    print("setup: " + text, flush=True)


def install_uv(python: str, env: Mapping[str, str] | None = None) -> str | Path:
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
                run(step, env)
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


def config_path() -> Path:
    """The configuration that `make up` will serve: $LAKE_CONFIG, else that of the last time, else include/lake.json."""
    last = ""
    with contextlib.suppress(OSError):
        last = (LOCAL / "configuration").read_text(encoding="utf-8").strip()
    return Path(os.environ.get("LAKE_CONFIG") or last or ROOT / "include" / "lake.json")


def look_at(config: Path) -> None:
    """What this Python can tell of a configuration without any library: whether it is there, and JSON."""
    try:
        json.loads(config.read_text(encoding="utf-8-sig"))
        return
    except json.JSONDecodeError as error:
        fault = f"line {error.lineno}, column {error.colno}: {error.msg}"
    except (OSError, UnicodeDecodeError) as error:
        fault = f"cannot be read: {error}"
    raise SetupError(f"{config}: 1 fault in the configuration\n  {fault}")


@contextlib.contextmanager
def few_packages(uv: str | Path, python: str, env: Mapping[str, str]) -> Iterator[Path]:
    """A Python with what the check of a configuration imports, for a moment. When all is installed, these packages come
    from uv's cache."""
    target = LOCAL / "check"
    interpreter = target / "bin" / "python"
    try:
        run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", python, target], env)
        install = [uv, "pip", "install", "--quiet", "--python", interpreter, "-c", "constraints.txt"]
        run([*install, *FOR_THE_CHECK], env)
        yield interpreter
    finally:
        shutil.rmtree(str(target), ignore_errors=True)


def check(config: Path, interpreter: Path) -> None:
    """The whole check of a configuration. Raises SetupError with every fault."""
    env = dict(os.environ, PYTHONPATH=str(ROOT / "plugins"))
    env.setdefault("AWS_ACCOUNT_ID", ACCOUNT)
    command = [str(interpreter), "-c", CHECK, str(config)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SetupError(done.stdout.decode(errors="replace").strip())


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
    parser.add_argument("--check-config", action="store_true", help="before anything is installed, as `make up` has it")
    arguments = parser.parse_args()
    wanted, asked = arguments.python, arguments.asked
    if not shutil.which(os.environ.get("CC", "cc").split()[0]):
        asked.append("compiler")
    config = config_path() if arguments.check_config else None
    if config is not None:
        look_at(config)
    with only_one():
        names = outdated(wanted, asked)
        if not names:
            if not kernel_built():
                build_kernel()
            return
        python, version = find_python(wanted)
        say(f"Python {dotted(version)} at {python}")
        env = uv_environment(python)
        uv = install_uv(python, env)
        if config is not None:
            if "venv" in names:
                with few_packages(uv, python, env) as interpreter:
                    check(config, interpreter)
            else:
                check(config, LOCAL / "venv" / "bin" / "python")
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
