"""How long a function takes until it can take a call: the import of its module, which reads its configuration, and the
first call, which has nothing to do, brings in the converter and makes the clients.

Each sample is a process of its own, with the bytecode compiled and the files in the page cache. No request is sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.cases import Case
from benchmarks.measure import REPOSITORY
from benchmarks.report import Sample, summary

# CPU seconds are of the process from its beginning, the interpreter's own start included.
_PROGRAM = """
import sys, time
begun = time.perf_counter()
module = __import__(f"lambdas.{sys.argv[1]}", fromlist=["handler"])
imported, imported_cpu = time.perf_counter() - begun, time.process_time()
context = type("Context", (), {"aws_request_id": "", "get_remaining_time_in_millis": lambda: 60_000})
module.handler({"Records": []}, context)
called, called_cpu = time.perf_counter() - begun, time.process_time()
import json
figures = {"import_s": imported, "import_cpu_s": imported_cpu, "ready_s": called, "ready_cpu_s": called_cpu}
print(json.dumps(figures))
"""
_ENVIRONMENT = {
    "AWS_ACCOUNT_ID": "000000000000",
    "AWS_ACCESS_KEY_ID": "unused",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "LAKE_MAX_RECEIVES": "3",
    "LAKE_FILE_QUEUE_URL": "https://sqs.invalid/queue",
}


def run(case: Case, say: Callable[[str], None]) -> tuple[dict[str, dict[str, Any]], dict[str, list[Sample]]]:
    """Figures and samples by function, the functions in turn; a first round, which compiles, is not counted."""
    samples: dict[str, list[Sample]] = {function: [] for function in case.tools}
    for number in range(case.repeats + 1):
        for function in case.tools:
            sample = _start(function)
            if number:
                samples[function].append(sample)
                say(f"{function} {number}: {sample}")
    return {function: summary(found, None) for function, found in samples.items()}, samples


def _start(function: str) -> Sample:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LAKE_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    path = os.pathsep.join([str(REPOSITORY / "plugins"), str(REPOSITORY)])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, function],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**kept, **_ENVIRONMENT, "PYTHONPATH": path},
    )
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1][:300]}
    figures: Sample = json.loads(done.stdout.splitlines()[-1])
    return figures
