"""One measurement, in a process of its own: the task comes as JSON on stdin, the figures go to stdout.

wall_s and cpu_s (user and system, all threads) are those of the work; startup_s, the imports, comes before. peak_rss_mb
is of the whole process, imports included.
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def main() -> None:
    task = json.load(sys.stdin)
    try:
        result = measure(task)
    except Exception as error:
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300] if str(error) else ''}"}
    print("\n" + json.dumps(result), flush=True)


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Runs the task's tool over its files, all at once, and returns the figures."""
    started = time.perf_counter()
    module = importlib.import_module(f"benchmarks.tools.{task['module']}")
    convert_all = module.load_all(task) if hasattr(module, "load_all") else _each(module.load(task), task)
    startup = time.perf_counter() - started
    cpu, wall = _cpu(), time.perf_counter()
    results = convert_all()
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    figures = {
        "wall_s": wall,
        "cpu_s": cpu,
        "startup_s": startup,
        "peak_rss_mb": peak_rss_mb(),
        "rows_ok": sum(ok for ok, _ in results),
        "rows_rejected": sum(rejected for _, rejected in results),
    }
    return figures | (module.figures() if hasattr(module, "figures") else {})


def _each(convert: Callable[..., tuple[int, int]], task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    """Converts every file by itself, several at once in threads; a single one in the main thread, as a script would."""
    files = task["files"]

    def convert_all() -> list[tuple[int, int]]:
        if len(files) == 1:
            return [convert(*files[0])]
        with ThreadPoolExecutor(min(len(files), task["threads"])) as pool:
            return list(pool.map(lambda file: convert(*file), files))

    return convert_all


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_rss_mb() -> float:
    """The most memory this process has held, in MB of 10^6 bytes.

    From the kernel's own mark where there is one: ru_maxrss begins with what the parent held.
    """
    status = Path("/proc/self/status")
    if status.exists() and (match := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(match[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
