"""How much memory a program takes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PLUGINS = Path(__file__).parents[2] / "plugins"
_PRINT_PEAK = """
import resource
try:
    status = open("/proc/self/status").read()
except FileNotFoundError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_048_576)
else:
    # On Linux getrusage() counts the peak of the process that started this one, too.
    print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def peak_mib(program: str, *arguments: str) -> int:
    """The most memory, in MiB, that Python held while it ran the text ``program``, which is to print nothing."""
    run = subprocess.run(
        [sys.executable, "-c", program + _PRINT_PEAK, *arguments],
        env={"PYTHONPATH": str(_PLUGINS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout)
