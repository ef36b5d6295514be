"""Runs one tool once over local files in a process of its own, and looks at what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.cases import OURS

REPOSITORY = Path(__file__).resolve().parent.parent
_TIMEOUT_SECONDS = 3600
# Ours runs where it is deployed, with Airflow's constraints; so do the limits, which are pyarrow's.
_IN_OUR_ENVIRONMENT = frozenset({OURS, "limit", "limit_at_once"})

Sample = dict[str, Any]


def python_of(tool: str) -> str:
    """The interpreter that has the tool. Raises FileNotFoundError, saying what to do, when it is not there."""
    if tool in _IN_OUR_ENVIRONMENT:
        return sys.executable
    python = REPOSITORY / ".local" / "bench" / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"no interpreter at {python}: run `python3 scripts/setup.py --with bench`")
    return str(python)


def run(task: dict[str, Any], environment: Mapping[str, str] | None = None) -> Sample:
    """The figures of one run of `task`, as worker.py returns them; {"error": ...} when it failed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "plugins"), str(REPOSITORY)])
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env.update(environment or {})
    done = subprocess.run(
        [python_of(task["tool"]), "-m", "benchmarks.worker"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=env,
        timeout=_TIMEOUT_SECONDS,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        reason = done.stderr.strip().splitlines()[-1:] or ["it wrote nothing"]
        return {"error": f"ended with exit code {done.returncode}: {reason[0][:300]}"}
    figures: Sample = json.loads(lines[-1])
    return figures


def versions(names: Mapping[str, list[str]]) -> dict[str, str]:
    """Versions of packages, by tool: {tool: [package, ...]} -> {package: version}."""
    found: dict[str, str] = {}
    code = "import sys, json\nfrom importlib.metadata import version\n"
    code += "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    for tool, packages in names.items():
        done = subprocess.run([python_of(tool), "-c", code, *packages], capture_output=True, text=True, check=True)
        found.update(json.loads(done.stdout))
    return found
