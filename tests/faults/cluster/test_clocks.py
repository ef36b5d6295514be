"""A wrong clock is wrong in the time of day alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.cluster.clocks import build, set_clock, variables

LOOK = """
import datetime, json, threading, time
before = time.monotonic()
time.sleep(0.01)
held = threading.Lock()
held.acquire()
held.acquire(timeout=0.01)
slept = time.monotonic() - before
print(json.dumps([time.time(), datetime.datetime.now(datetime.UTC).timestamp(), time.monotonic(), slept]))
"""


@pytest.mark.parametrize("seconds", [150, -150])
def test_the_time_of_day_is_wrong_and_sleeps_are_not(tmp_path: Path, seconds: int) -> None:
    library = build(tmp_path)
    if library is None:
        pytest.skip("no C compiler")
    wrong = {**os.environ, **variables(library, seconds)}
    done = subprocess.run([sys.executable, "-c", LOOK], env=wrong, stdout=subprocess.PIPE, timeout=60, check=True)
    now, same, monotonic, slept = json.loads(done.stdout)
    for found in (now, same):
        assert abs(found - time.time() - seconds) < 60
    assert abs(monotonic - time.monotonic()) < 60
    assert 0.02 <= slept < 60


def test_a_nodes_clock_is_set_and_put_right(tmp_path: Path) -> None:
    environment, library = tmp_path / "environment", tmp_path / "clock.so"
    environment.write_text("export A='1'\n")
    set_clock(environment, library, -150)
    set_clock(environment, library, 150)
    assert environment.read_text() == f"export A='1'\nexport CLOCK_AHEAD='150'\nexport LD_PRELOAD='{library}'\n"
    set_clock(environment, library, 0)
    assert environment.read_text() == "export A='1'\n"
