"""What Airflow's DAG processor and scheduler do with a DAG whose runs are partitions, at moments that a test chooses.

By Airflow's own classes: a DagModel holds what runs next (``calculate_dagrun_date_fields``), which the DAG processor
computes anew at each parsing, from the last run in the database, and the scheduler for each run that it makes. Only the
database is a list here (``dag_processing.collection._get_latest_runs_stmt_partitioned`` is its query of the last run).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models import dag as models_dag
from airflow.models.dag import DagModel
from airflow.sdk import DAG
from airflow.serialization.definitions import dag as serialized_dag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables import trigger
from airflow.timetables.base import DagRunInfo
from pendulum import instance


class _Log:
    """Of what Airflow logs here, a line for each step, nothing; where it logs an error that it goes on after, the test
    ends with it."""

    def info(self, *args: Any, **values: Any) -> None:
        pass

    def exception(self, *args: Any, **values: Any) -> None:
        raise


@dataclass
class Scheduler:
    """One DAG on a schedule. now: what its timetable takes for the present. runs: all that were made, scheduled or not,
    in that order."""

    schedule: Any
    now: datetime
    catchup: bool = False
    runs: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = DagModel(dag_id="load")
        self.restart()

    @property
    def scheduled(self) -> list[Any]:
        return [run for run in self.runs if run.run_type == "scheduled"]

    def follow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Makes ``now`` the present of Airflow's timetables until the test ends, and their faults the test's."""
        monkeypatch.setattr(trigger, "utcnow", lambda: instance(self.now))
        for module in (models_dag, serialized_dag):
            monkeypatch.setattr(module, "log", _Log())

    def restart(self) -> None:
        """A new process, which has the DAG from the database."""
        begin = datetime(1970, 1, 1, tzinfo=UTC) if self.catchup else None
        with DAG("load", schedule=self.schedule, catchup=self.catchup, start_date=begin) as dag:
            self.dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    def parse(self, now: datetime) -> None:
        """The DAG processor parses the DAG's file."""
        self.now = now
        last = max(self.runs, key=lambda run: (run.partition_date, run.run_after), default=None)
        self.model.calculate_dagrun_date_fields(dag=self.dag, reference_run=last)

    def work(self, now: datetime) -> None:
        """The scheduler makes the runs that are due."""
        self.now = now
        while (info := self.dag.timetable.next_run_info_from_dag_model(dag_model=self.model)) and info.run_after <= now:
            run = self.record(info)
            self.model.calculate_dagrun_date_fields(dag=self.dag, reference_run=run)

    def backfill(self, now: datetime, first: datetime, last: datetime) -> None:
        """Somebody asks for the partitions between two local times."""
        self.now = now
        for info in self.dag.iter_dagrun_infos_between(instance(first), instance(last)):
            self.record(info, "backfill")

    def record(self, info: DagRunInfo, run_type: str = "scheduled") -> Any:
        """A run in the database."""
        run: Any = SimpleNamespace(**info._asdict(), run_type=run_type, logical_date=None)
        self.runs.append(run)
        return run

    def live(self, moments: list[datetime]) -> None:
        """Parses the DAG a little before each of these moments, and makes runs and parses it again right after it."""
        for moment in sorted(set(moments)):
            self.parse(moment - timedelta(seconds=5))
            self.work(moment + timedelta(seconds=1))
            self.parse(moment + timedelta(seconds=20))
        self.work(self.now)
