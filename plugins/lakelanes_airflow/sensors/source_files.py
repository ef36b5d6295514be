"""The sensor that starts a load: it waits for a partition's files and plans how to load them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from lakelanes.catalog.registrar import unregistered
from lakelanes.config.deadlines import exists, start_of
from lakelanes.config.model import Entity
from lakelanes.files.matching import partition_paths
from lakelanes.files.preview import MAX_FILES, preview_files, summarize
from lakelanes.files.publish import Scope
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.notifications.cure_incidents import cure_incidents
from lakelanes_airflow.process_lake import open_lake
from lakelanes_airflow.runs import source_look
from lakelanes_airflow.runs.early_end import end_early, show_preview
from lakelanes_airflow.runs.params import check_params
from lakelanes_airflow.runs.plans import Batch, keep_plan
from lakelanes_airflow.runs.progress import died_before_publishing
from lakelanes_airflow.runs.selection import Selection
from lakelanes_airflow.runs.xcoms import explained
from lakelanes_airflow.timetables.schedules import deadline_of, due_of
from lakelanes_airflow.triggers.polling import FIRST_INTERVAL, PollEvent
from lakelanes_airflow.triggers.source_files import SourceFilesTrigger

# So long after the deadline the scheduler ends a wait whose trigger was lost.
_LOST_TRIGGER = timedelta(minutes=10)
# Files that a message names.
_NAMED = 20


class SourceFilesSensor(BaseSensorOperator, SkipMixin):
    """Finds the files to load and returns them as batches (see ``runs.plans.keep_plan``).

    A run with a partition key waits until the partition has at least one file and all its files have settled. It looks
    once before it defers, so a file that is there costs one task start; while it waits it holds no worker. A partition
    whose files are all loaded is complete at once. After the deadline (see ``schedules.deadline_of``) the task fails.

    A run without a partition key does not wait for files to come: of those that its Params select (see ``selection``)
    it takes what is there, once that has settled. Planning is part of sensing because the listing and the ledger's
    answer are at hand here; a task of its own would fetch both again.

    The run ends here, and the other tasks are skipped, where the lake has all files, Glue has their partitions, and no
    run that loaded them failed: so a partition that is loaded costs this one task. With the Param ``dry_run`` the run
    always ends here, and its XCom PREVIEW says what would have happened.

    :param entity: name of the entity.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, entity: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entity = entity

    def execute(self, context: Any) -> list[Batch]:
        with explained(context):
            check_params(context)
            lake = open_lake()
            entity = lake.config.entities[self.entity]
            run, now = context["dag_run"], lake.clock()
            selection = Selection.of(lake, entity, run.partition_key, context["params"])
            if selection.dry_run:
                self._preview(context, lake, entity, selection)
                batches = None
            elif selection.waits:
                due = due_of(entity, run.partition_key, run.run_after)
                batches = self._take_complete(context, lake, entity, selection, deadline_of(entity, due, now))
            else:
                until = now + timedelta(seconds=entity.settle_seconds)
                batches = self._take_settled(context, lake, entity, selection, until)
        return self._go_on(context, batches)

    def resume(self, context: Any, event: PollEvent, deadline: str) -> list[Batch]:
        """Goes on with SourceFilesTrigger's event."""
        with explained(context):
            if event["status"] == "error":
                raise AirflowFailException(
                    f"looking for files of {self.entity} failed several times in a row: {event['message']}"
                )
            lake, entity, selection = self._again(context)
            batches = self._take_complete(context, lake, entity, selection, datetime.fromisoformat(deadline))
        return self._go_on(context, batches)

    def resume_settled(self, context: Any, event: object, until: str) -> list[Batch]:
        """Goes on after the files had time to settle."""
        with explained(context):
            lake, entity, selection = self._again(context)
            batches = self._take_settled(context, lake, entity, selection, datetime.fromisoformat(until))
        return self._go_on(context, batches)

    def _again(self, context: Any) -> tuple[Lake, Entity, Selection]:
        lake = open_lake()
        entity = lake.config.entities[self.entity]
        return lake, entity, Selection.of(lake, entity, context["dag_run"].partition_key, context["params"])

    def _go_on(self, context: Any, batches: list[Batch] | None) -> list[Batch]:
        """Hands the batches to the tasks that follow; skips these for None."""
        if batches is None:
            end_early(self, context)
        return batches or []

    def _take_complete(
        self, context: Any, lake: Lake, entity: Entity, selection: Selection, deadline: datetime
    ) -> list[Batch] | None:
        key = str(selection.partition)
        seen = source_look.look_at_source(lake, entity, selection)
        if not seen.found and not exists(entity, key):
            self.log.info("Clocks of %s skip %s, and no file is named for it", entity.timezone, key)
            return self._plan(context, lake, entity, selection, seen, [])
        if seen.complete:
            return self._plan(context, lake, entity, selection, seen, seen.pending)
        now, where = lake.clock(), source_look.expected_place(lake, entity, key)
        if not seen.found and start_of(entity, key) > now:
            raise AirflowFailException(
                f"partition {key} of {entity.name} is in the future and has no file yet: {where}"
            )
        if now >= deadline:
            raise AirflowSensorTimeout(_missed(entity, key, seen, where, deadline))
        self.log.info("%s file(s), %s still settling; waiting: %s", len(seen.found), len(seen.unsettled), where)
        self.defer(
            trigger=SourceFilesTrigger(
                entity.name,
                key,
                deadline.isoformat(),
                selection.reload,
                first_interval=max(1, entity.settle_seconds) if seen.found else FIRST_INTERVAL,
            ),
            method_name="resume",
            kwargs={"deadline": deadline.isoformat()},
            timeout=deadline - now + _LOST_TRIGGER,
        )

    def _take_settled(
        self, context: Any, lake: Lake, entity: Entity, selection: Selection, until: datetime
    ) -> list[Batch] | None:
        seen = source_look.look_at_source(lake, entity, selection)
        now = lake.clock()
        if seen.unsettled and now < until:
            self.log.info("%s file(s) still settling; waiting until %s", len(seen.unsettled), until)
            self.defer(
                trigger=DateTimeTrigger(moment=until),
                method_name="resume_settled",
                kwargs={"until": until.isoformat()},
                timeout=until - now + _LOST_TRIGGER,
            )
        if not seen.found and selection.partition:
            where = source_look.expected_place(lake, entity, selection.partition)
            raise AirflowFailException(
                f"there is no file for partition {selection.partition} of {entity.name}: expected {where}"
            )
        if not seen.found and not selection.is_all:
            raise AirflowFailException(f"there is no file of {entity.name} for what the run was asked for: {selection}")
        return self._plan(context, lake, entity, selection, seen, seen.settled)

    def _plan(
        self,
        context: Any,
        lake: Lake,
        entity: Entity,
        selection: Selection,
        seen: source_look.SourceLook,
        files: list[SourceFile],
    ) -> list[Batch] | None:
        """The files in batches; None when nothing is to be done for the run's files."""
        if not files:
            missing = unregistered(lake, entity, source_look.partitions_to_check(lake, entity, selection, seen.found))
            count, young = len(seen.found), len(seen.unsettled)
            if missing:
                self.log.warning("%s: nothing to load, but Glue lacks %s", selection, ", ".join(missing[:20]))
            elif selection.answers_for_all and died_before_publishing(context, seen.loaders):
                self.log.warning("%s: nothing to load, but the run that loaded it may not have published it", selection)
            else:
                self.log.info("%s: nothing to do: %s file(s) there, %s loaded", selection, count, count - young)
                cure_incidents(lake, context, complete=not young, whole=selection.is_all)
                return None
        paths = partition_paths(entity, seen.found)
        scope = Scope(
            entity=entity.name,
            keyed=selection.answers_for_all,
            partitions=tuple(sorted(set(paths.values()))),
            files=paths if selection.answers_for_all else {},
        )
        batches = keep_plan(lake, context, {entity.name: files} if files else {}, scope)
        self.log.info("%s file(s) found, %s to load in %s batch(es)", len(seen.found), len(files), len(batches))
        return batches

    def _preview(self, context: Any, lake: Lake, entity: Entity, selection: Selection) -> None:
        found = selection.find(lake, entity)
        previews = preview_files(lake, entity, found, reload=selection.reload)
        loaded = {preview.file for preview in previews if preview.action == "already loaded"}
        kept = [file for file in found if file.uri in loaded]
        missing = unregistered(lake, entity, source_look.partitions_to_check(lake, entity, selection, kept))
        report = {**summarize(previews), "unregistered": missing[:MAX_FILES]}
        if not found and selection.partition:
            where = source_look.expected_place(lake, entity, selection.partition)
            self.log.info("No file of %s is there; expected %s", selection, where)
        show_preview(self, context, f"{entity.name}, {selection}", report)


def _missed(entity: Entity, key: str, seen: source_look.SourceLook, where: str, deadline: datetime) -> str:
    until = f"by {deadline:%Y-%m-%d %H:%M} UTC, its deadline"
    if seen.found:
        names = ", ".join(file.uri for file in seen.unsettled[:_NAMED])
        if len(seen.unsettled) > _NAMED:
            names += f" and {len(seen.unsettled) - _NAMED} more"
        return f"partition {key} of {entity.name} was still being written {until}: {names}"
    return (
        f"no file for partition {key} of {entity.name} {until}: expected {where}. Upload it and clear this task; "
        "sweep_sources also loads it within 15 minutes, but this run stays failed"
    )
