"""Whose tasks go first when there are more than slots for them."""

from __future__ import annotations

from airflow.task.priority_strategy import PriorityWeightStrategy
from airflow.utils.types import DagRunType

# A task's place within its run is far below the distance between two of these.
_SCHEDULED, _MANUAL, _BACKFILL = 3000, 2000, 1000
_WEIGHTS = {
    DagRunType.SCHEDULED: _SCHEDULED,
    DagRunType.ASSET_TRIGGERED: _SCHEDULED,
    DagRunType.ASSET_MATERIALIZATION: _SCHEDULED,
    DagRunType.BACKFILL_JOB: _BACKFILL,
}


class DailyLoadFirst(PriorityWeightStrategy):
    """Tasks of scheduled runs before those of manual ones, and these before those of backfills; within a kind,
    later tasks of a run before earlier ones, so that runs end.

    The scheduler queues the heaviest tasks first, across all DAGs, so a backfill of a year takes only slots
    that nothing else needs. A pool would keep slots free that nobody uses, and would have to be made in each
    environment: a task waits for ever for a pool that does not exist.

    A weight is computed before the task instance has its run, so the kind of run is read from the run's id, whose form
    Airflow itself relies on (``DagRunType.from_run_id``); an id of any other form is a manual run's.
    """

    def get_weight(self, ti: object) -> int:
        kind = DagRunType.from_run_id(getattr(ti, "run_id", None) or "")
        task = getattr(ti, "task")  # noqa: B009  # Airflow's class is for type checkers only
        place = len(task.get_flat_relative_ids(upstream=True)) if task.dag is not None else 0
        return _WEIGHTS.get(kind, _MANUAL) + int(task.priority_weight) + place
