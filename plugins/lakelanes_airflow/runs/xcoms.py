"""What the tasks of a run pass to each other and to the alert as XComs: their names, and what they hold."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypedDict

from botocore.exceptions import ClientError

from lakelanes.aws.reasons import reason_of
from lakelanes.errors import RefreshError, TableError

# Of the planning task, beside the batches (its return value): what the run answers for (see ``plans.scope_of``).
SCOPE = "scope"

# Why a task failed, and what to do about it where the error knows, for the report of the run's failures.
FAILURE = "failure"
REMEDY = "remedy"

# The type of the error, for the alert's cause.
ERROR = "error"

# Of the report: the files that were not loaded, for the alert. FileFaults as dictionaries (see ``plans.taken``).
FAULTS = "faults"

# Of a dry run: what would have happened (see ``preview.summarize``).
PREVIEW = "preview"

# Characters of a text that an XCom has.
MAX_TEXT = 8000


class PlannedExport(TypedDict):
    """An export that one pair of mapped tasks makes and converts. kind: "full" or "window"; start: its key in the
    ledger."""

    kind: str
    start: str
    label: str


@contextmanager
def explained(context: Any) -> Generator[None]:
    """Leaves the reason of a failure in the task's XComs, for the run's report and its alert."""
    try:
        yield
    except Exception as error:
        reason = reason_of(error) if isinstance(error, ClientError) else str(error)
        context["ti"].xcom_push(key=FAILURE, value=shortened(reason))
        context["ti"].xcom_push(key=ERROR, value=type(error).__name__)
        if isinstance(error, TableError | RefreshError):
            context["ti"].xcom_push(key=REMEDY, value=shortened(error.remedy))
        raise


def shortened(text: str) -> str:
    """A text as an XCom has it: its beginning where it is longer than MAX_TEXT; the task's log has all of it."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
