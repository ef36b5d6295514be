"""Runs that end with their first task: nothing is due, or it was a dry run."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import BaseOperator

from lakelanes.files.preview import Preview
from lakelanes_airflow.runs.plans import LIMIT, first_within
from lakelanes_airflow.runs.xcoms import PREVIEW


def end_early(task: Any, context: Any) -> None:
    """Ends the run after this task (a SkipMixin), as a success: all tasks that follow are skipped.

    Raises DownstreamTasksSkipped, as Airflow's mixin does. Outside of a DAG nothing follows, and it returns.
    """
    if task.has_dag():
        task.skip(context["ti"], task.get_flat_relatives(upstream=False))


def show_preview(task: BaseOperator, context: Any, what: str, report: dict[str, Any]) -> None:
    """Writes what a dry run found (see ``preview.summarize``) to the task's log, and to its XCom PREVIEW as far as
    one has room."""
    counts = ", ".join(f"{action} {count}" for action, count in report["counts"].items()) or "no file"
    task.log.info("Dry run of %s, nothing was changed: %s", what, counts)
    for file in report["files"]:
        task.log.info("%s", Preview(**file))
    if report["left_off"]:
        task.log.info("… and %s more file(s)", report["left_off"])
    for name in report.get("unregistered", ()):
        task.log.info("register: %s is not in Glue, or lies elsewhere there", name)
    files = first_within(report["files"], LIMIT - len(json.dumps({**report, "files": []})))
    left_off = report["left_off"] + len(report["files"]) - len(files)
    context["ti"].xcom_push(key=PREVIEW, value={**report, "files": files, "left_off": left_off})
