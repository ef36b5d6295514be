"""The sensor that starts a load: it waits for a partition's files and plans how to load them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from lakelanes.config import Entity
from lakelanes.errors import TableError
from lakelanes.lake import Lake
from lakelanes.sources import SourceFile
from lakelanes_airflow import sensing
from lakelanes_airflow.lakes import open_lake
from lakelanes_airflow.schedules import deadline_of, partition_start
from lakelanes_airflow.triggers import FIRST_INTERVAL, SourceFilesTrigger

# XCom beside the batches (the return value), what the run answers for: {"entity": name, "keyed": bool (a partition was
# asked for), "partitions": [path of each partition with files], "files": {URI: path, of each file of the partition
# asked for}}.
SCOPE = "scope"
# XComs: why a task failed, and what to do about it where the error knows, for the report of the run's failures.
FAILURE = "failure"
REMEDY = "remedy"
# XCom: the type of the error, for the alert's cause.
ERROR = "error"
# The scheduler ends a wait that the triggerer forgot.
_LOST_TRIGGER = timedelta(minutes=10)


class SourceFilesSensor(BaseSensorOperator):
    """Finds the files to load and returns them as batches (see ``sensing.batches_of``); [] when the lake has them all.

    A run with a partition key waits until at least one file of that partition is there and all that are have settled.
    It looks once before it defers, so a file that is there costs one task start; while it waits it holds no worker. A
    partition whose files are all loaded is complete at once. After the deadline (see ``schedules.deadline_of``) it
    fails.

    A run without a partition key does not wait for files: it takes what is there, of the partition in the Param
    ``partition`` or of the entire entity, once that has settled. Planning is part of sensing because the listing and
    the ledger's answer are at hand here; a task of its own would fetch both again.

    :param entity: name of the entity.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, entity: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entity = entity

    def execute(self, context: Any) -> list[dict[str, Any]]:
        with explained(context):
            lake = open_lake()
            entity = lake.config.entities[self.entity]
            now = lake.clock()
            if context["dag_run"].partition_key is None:
                return self._take_settled(context, lake, entity, now + timedelta(seconds=entity.settle_seconds))
            return self._take_complete(context, lake, entity, deadline_of(entity, context["dag_run"].run_after, now))

    def resume(self, context: Any, event: dict[str, Any], deadline: str) -> list[dict[str, Any]]:
        """Goes on after SourceFilesTrigger's event."""
        with explained(context):
            if event["status"] == "error":
                raise AirflowFailException(f"looking for files of {self.entity} failed repeatedly: {event['message']}")
            lake = open_lake()
            entity = lake.config.entities[self.entity]
            return self._take_complete(context, lake, entity, datetime.fromisoformat(deadline))

    def resume_settled(self, context: Any, event: Any, until: str) -> list[dict[str, Any]]:
        """Goes on after the files had time to settle."""
        with explained(context):
            lake = open_lake()
            entity = lake.config.entities[self.entity]
            return self._take_settled(context, lake, entity, datetime.fromisoformat(until))

    def _take_complete(self, context: Any, lake: Lake, entity: Entity, deadline: datetime) -> list[dict[str, Any]]:
        key, reload = context["dag_run"].partition_key, context["params"]["reload"]
        sighting = sensing.look(lake, entity, key, reload=reload)
        if sighting.complete:
            return self._plan(context, entity, sighting, sighting.pending, key)
        now, where = lake.clock(), sensing.expected(lake, entity, key)
        if not sighting.found and partition_start(entity, key) > now:
            raise AirflowFailException(
                f"partition {key} of {entity.name} is in the future and has no file yet: {where}"
            )
        if now >= deadline:
            raise AirflowSensorTimeout(_missed(entity, key, sighting, where, deadline))
        self.log.info("%s file(s), %s still settling; waiting: %s", len(sighting.found), len(sighting.unsettled), where)
        self.defer(
            trigger=SourceFilesTrigger(
                entity.name,
                key,
                deadline.isoformat(),
                reload,
                first_interval=max(1, entity.settle_seconds) if sighting.found else FIRST_INTERVAL,
            ),
            method_name="resume",
            kwargs={"deadline": deadline.isoformat()},
            timeout=deadline - now + _LOST_TRIGGER,
        )

    def _take_settled(self, context: Any, lake: Lake, entity: Entity, until: datetime) -> list[dict[str, Any]]:
        key = context["params"]["partition"]
        sighting = sensing.look(lake, entity, key, reload=context["params"]["reload"])
        now = lake.clock()
        if sighting.unsettled and now < until:
            self.log.info("%s file(s) still settling; waiting until %s", len(sighting.unsettled), until)
            self.defer(
                trigger=DateTimeTrigger(moment=until),
                method_name="resume_settled",
                kwargs={"until": until.isoformat()},
                timeout=until - now + _LOST_TRIGGER,
            )
        if key is not None and not sighting.found:
            where = sensing.expected(lake, entity, key)
            raise AirflowFailException(f"there is no file for partition {key} of {entity.name}: expected {where}")
        return self._plan(context, entity, sighting, sighting.settled, key)

    def _plan(
        self, context: Any, entity: Entity, sighting: sensing.Sighting, files: list[SourceFile], key: str | None
    ) -> list[dict[str, Any]]:
        batches = sensing.batches_of(entity, files)
        self.log.info("%s file(s) found, %s to load in %s batch(es)", len(sighting.found), len(files), len(batches))
        scope = {
            "entity": entity.name,
            "keyed": key is not None,
            "partitions": [partition.path for partition in sensing.partitions_of(entity, sighting.found)],
            "files": sensing.partition_paths(entity, sighting.found) if key is not None else {},
        }
        context["ti"].xcom_push(key=SCOPE, value=scope)
        return batches


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


def _missed(entity: Entity, key: str, sighting: sensing.Sighting, where: str, deadline: datetime) -> str:
    until = f"by {deadline:%Y-%m-%d %H:%M} UTC, its deadline"
    if sighting.found:
        names = ", ".join(file.uri for file in sighting.unsettled)
        return f"partition {key} of {entity.name} was still being written {until}: {names}"
    return (
        f"no file for partition {key} of {entity.name} {until}: expected {where}. Upload it and clear this task; "
        "sweep_sources also loads it within 15 minutes, but this run stays failed"
    )
