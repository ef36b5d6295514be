"""The compiled kernel under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.build_kernel import build, compiler

_PLUGINS = Path(__file__).parents[2] / "plugins"


def run_sanitized(program: str, folder: Path, *arguments: str) -> None:
    """Runs the Python text ``program``; its first argument is the path of a sanitized kernel, built into ``folder``.

    A finding ends it with an exit code other than 0, which fails here with what was found.
    """
    library = build(into=folder, sanitize=True)
    command = compiler(None)
    assert library and command, "there is no C compiler"
    asan = subprocess.run([*command, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": asan.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(_PLUGINS),
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(library), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
