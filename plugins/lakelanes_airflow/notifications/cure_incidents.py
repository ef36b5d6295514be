"""Closing the incidents that the success of a run cures."""

from __future__ import annotations

import logging
from typing import Any

from lakelanes.alerts import incidents
from lakelanes.lake import Lake

log = logging.getLogger(__name__)


def cure_incidents(
    lake: Lake, context: Any, *, complete: bool = True, whole: bool = False, task: str | None = None
) -> None:
    """Closes the open incidents that the run has cured, and sends their recovery messages.

    complete: nothing of the run failed, so an earlier failure of the same DAG and partition is over too. whole: so is
    an earlier failure of any partition, for the run did whatever was left to do. task: what the run's mapped task is
    for, where each has a cause of its own. Never fails the run that did the work. Costs one Query of the ledger when no
    incident is open.
    """
    try:
        opened = incidents.uncured_incidents(lake)
        if not opened:
            return
        # Imported here, for most runs find no open incident and can do without.
        from lakelanes.watch import cures
        from lakelanes_airflow.notifications.channels import send

        cured = cures(lake, opened)
        if complete:
            dag_id, key = context["dag"].dag_id, context["dag_run"].partition_key
            own = {incidents.run_cause(dag_id, name) for name in {task or key, None}}
            how = f"run {context['run_id']} of {dag_id} succeeded"
            every = f"run/{dag_id}/"
            cured += [(one, how) for one in opened if one.cause in own or (whole and one.cause.startswith(every))]
        if causes := incidents.cure_all(lake, cured, send):
            log.info("Cured: %s", ", ".join(causes))
    except Exception:
        # watch_lake closes what it can, and the next run the rest.
        log.exception("The incidents that this run cured could not be closed")
