"""What the tasks of a run tell each other and the alert: names of XComs, and the failure that one of them holds."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from lakelanes.errors import TableError

# XCom beside the batches (the return value): what the run answers for, a Scope as a dictionary.
SCOPE = "scope"

# XComs: why a task failed, and what to do about it where the error knows, for the report of the run's failures.
FAILURE = "failure"
REMEDY = "remedy"

# XCom: the type of the error, for the alert's cause.
ERROR = "error"

# XCom of the report: the files that were not loaded, for the alert. FileFaults as dictionaries.
FAULTS = "faults"

# XCom of a dry run: what would have happened (see ``preview.summarize``).
PREVIEW = "preview"


@contextmanager
def explained(context: Any) -> Generator[None]:
    """Leaves the reason of a failure in the task's XComs, for the run's report and its alert."""
    try:
        yield
    except Exception as error:
        context["ti"].xcom_push(key=FAILURE, value=str(error))
        context["ti"].xcom_push(key=ERROR, value=type(error).__name__)
        if isinstance(error, TableError):
            context["ti"].xcom_push(key=REMEDY, value=error.remedy)
        raise
