"""The compiled library under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lakelanes.native.sources import sources
from scripts.build_kernel import build, compiler

_PLUGINS = Path(__file__).parents[2] / "plugins"
_LOADED_FROM = """
import sys
from pathlib import Path
from lakelanes.native import library
library.FOLDER = Path(sys.argv.pop(1))
"""


def run_sanitized(program: str, folder: Path, *arguments: str) -> None:
    """Runs the Python text ``program`` with a sanitized library, built into ``folder``, in the place of the usual one.

    ``arguments`` are the program's. A finding ends it with an exit code other than 0, which fails here with what was
    found.
    """
    command = compiler(None)
    assert command and build(into=folder, sanitize=True), "there is no C compiler"
    for source in sources():
        shutil.copy(source, folder)
    asan = subprocess.run([*command, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": asan.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(_PLUGINS),
    }
    done = subprocess.run(
        [sys.executable, "-c", _LOADED_FROM + program, str(folder), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
