"""The operators of the load DAGs. Each is one step of the engine, which decides what the step means.

They are classes rather than decorated functions so that file names and batches never pass through Jinja.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.branch import BaseBranchOperator
from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lakelanes.alerts import incidents, page_links, where_to_look
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.aws.failures import is_retryable
from lakelanes.catalog.registrar import VIEWS_DUE
from lakelanes.errors import PlanGoneError, RetryableLoadError, ViewError
from lakelanes.files import dead_letters
from lakelanes.files.batch import load_batch
from lakelanes.files.batch_plan import Planned
from lakelanes.files.outcomes import FileOutcome, raise_for_outcomes
from lakelanes.files.preview import Preview, preview_files, summarize
from lakelanes.files.publish import Published, Scope, publish
from lakelanes.files.queue_lane import dead_letter_alert
from lakelanes.files.sweep import UNMATCHED, find_unloaded, finish, record_unmatched, register_done
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.assets import announce, table_asset
from lakelanes_airflow.lineage.hooks import Remembered, WithLineage
from lakelanes_airflow.notifications import channels
from lakelanes_airflow.notifications.cure_incidents import cure_incidents
from lakelanes_airflow.process_lake import open_lake
from lakelanes_airflow.runs.early_end import end_early, show_preview
from lakelanes_airflow.runs.params import check_params
from lakelanes_airflow.runs.plans import Batch, files_of, hand_over, is_reference, keep_plan, scope_of
from lakelanes_airflow.runs.progress import progress, run_id_of
from lakelanes_airflow.runs.xcoms import FAILURE, FAULTS, SCOPE, explained, shortened

if TYPE_CHECKING:
    from lakelanes.catalog.views import ViewOutcome
    from lakelanes.lineage.datasets import Lineage

# Refused files per entity that a dry run of the sweep names: the sweep leaves them to a corrected upload.
_SHOWN_REFUSED = 50
# Files that a task's log names.
_NAMED = 1000


class ConvertOperator(WithLineage, BaseOperator):
    """Loads one batch (see ``runs.plans.keep_plan``): claims, converts and commits each of its files.

    Every file of the batch is tried. Afterwards the task fails if any could not be loaded, and is tried again only if
    that can help; files that are loaded by then are not loaded twice.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, batch: Batch, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch
        self._load: Remembered[tuple[dict[str, list[SourceFile]], list[FileOutcome]]] | None = None

    def execute(self, context: Any) -> dict[str, int]:
        lake = open_lake()
        by_entity = _by_entity(files_of(lake, self.batch))
        outcomes: list[FileOutcome] = []
        failures: list[Exception] = []
        self._load = Remembered((by_entity, outcomes))
        for name, files in by_entity.items():
            entity, reload = lake.config.entities[name], wants_reload(context)
            try:
                outcomes += load_batch(lake, entity, files, lane="batch", run_id=run_id_of(context), reload=reload)
            except Exception as error:
                self.log.exception("Files of %s could not be loaded", name)
                failures.append(error)
        if failures:
            raise min(failures, key=lambda error: not is_retryable(error))
        raise_for_outcomes(outcomes)
        return {
            "files": len(outcomes),
            "rows_loaded": sum(outcome.rows_loaded or 0 for outcome in outcomes),
            "rows_rejected": sum(outcome.rows_rejected or 0 for outcome in outcomes),
        }

    def lineage(self) -> Lineage:
        from lakelanes.lineage.loads import of_batch

        lake = open_lake()
        if self._load:
            return of_batch(lake.config, *self._load.it)
        known = not is_reference(self.batch["files"])
        return of_batch(lake.config, _by_entity(files_of(lake, self.batch)) if known else {})


class PublishOperator(WithLineage, BaseBranchOperator):
    """Registers, validates and publishes the partitions of a run; one task, since each step needs the one before.

    Registers in Glue every partition that the run answers for, so a run that finds nothing to load repairs a partition
    that went missing there. Validates those that changed, and all of a run with a partition key: Athena's count must be
    the ledger's. Then emits one asset event per partition, and follows ``on_failure`` when a file was not loaded and
    ``on_new_table`` when a table was created or changed. What was loaded is published even when other files failed.

    :param plan: id of the task whose return value is the list of batches.
    :param on_failure: id of the task to run when files were not loaded.
    :param on_new_table: id of the task to run when the catalogue changed.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, plan: str, on_failure: str, on_new_table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.on_failure = on_failure
        self.on_new_table = on_new_table
        self._published: Remembered[tuple[Published, Scope]] | None = None

    def choose_branch(self, context: Any) -> list[str]:
        batches, kept = planned_batches(context, self.plan)
        with explained(context):
            lake = open_lake()
            scope = scope_of(lake, kept)
            planned = files_of(lake, *batches)
            state = progress(lake, run_id_of(context), planned, scope, reload=wants_reload(context))
            if state.busy and scope.keyed:
                names = ", ".join(state.busy[:20])
                raise RetryableLoadError(
                    f"another run or lane is loading {names}; the partition is complete after that"
                )
            for fault in state.faults[:_NAMED]:
                self.log.error("Not loaded: %s", fault)
            if len(state.faults) > _NAMED:
                self.log.error("Not loaded: %s more, see the ledger", len(state.faults) - _NAMED)
            published = publish(lake, planned, scope, state.unloaded)
            self._published = Remembered((published, scope))
            changed = published.partition_keys.items()
            announce(context, {table_asset(lake.config, lake.config.entities[name]): keys for name, keys in changed})
            if scope.until:
                finish(lake, scope.until)
        # A load that nothing limits also loads what earlier runs left.
        limited = scope.keyed or any(value for name, value in context["params"].items() if name != "reload")
        cure_incidents(lake, context, complete=not state.faults, whole=bool(scope.entity) and not limited)
        return [
            *([self.on_failure] if state.faults else []),
            *([self.on_new_table] if published.views_due else []),
        ]

    def lineage(self) -> Lineage:
        from lakelanes.lineage.loads import of_publish, of_tables

        config = open_lake().config
        if self._published is None:
            return of_tables(config, [asset.extra["entity"] for asset in self.outlets])
        published, scope = self._published.it
        return of_publish(config, published.changed, scope.loaded_fast)


class ReportFailuresOperator(BaseOperator):
    """The gate: fails the run, once everything was published that could be, and names each file and its reason.

    Runs only when something failed. Its XCom FAULTS is what the alert lists.

    :param plan: id of the task whose return value is the list of batches.
    :param publish: id of the publishing task.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, plan: str, publish: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.publish = publish

    def execute(self, context: Any) -> None:
        ti = context["ti"]
        reasons = [
            f"task {task}: {reason}"
            for task in (self.plan, self.publish)
            if (reason := ti.xcom_pull(task_ids=task, key=FAILURE, map_indexes=-1))
        ]
        faults: list[FileFault] = []
        listed: Any = []
        try:
            batches, kept = planned_batches(context, self.plan)
        except AirflowSkipException:
            reasons = reasons or [f"task {self.plan} failed; its log says why"]
        else:
            lake = open_lake()
            try:
                planned = files_of(lake, *batches)
                scope = scope_of(lake, kept)
            except PlanGoneError as error:
                reasons = reasons or [str(error)]
            else:
                faults = progress(lake, run_id_of(context), planned, scope, reload=wants_reload(context)).faults
                [listed] = hand_over(lake, context["dag"].dag_id, [lambda: map(asdict, faults)])
        ti.xcom_push(key=FAULTS, value=listed)
        ti.xcom_push(key=FAILURE, value=shortened("\n".join(reasons)))
        lines = [*reasons, *map(str, faults[:_NAMED])]
        if len(faults) > _NAMED:
            lines.append(f"and {len(faults) - _NAMED} more, see the ledger")
        raise AirflowFailException("\n  ".join(["the run is not complete:", *lines]))


class FindUnloadedOperator(BaseOperator, SkipMixin):
    """Finds what no lane has loaded, over all entities, and returns it as batches; one alert names files of no entity.

    With the Param ``dry_run`` the run ends here, and its XCom PREVIEW says what would have been loaded.
    """

    template_fields: Sequence[str] = ()

    def execute(self, context: Any) -> list[Batch]:
        with explained(context):
            check_params(context)
        lake = open_lake()
        if context["params"].get("dry_run"):
            self._preview(context, lake)
            end_early(self, context)
            return []
        self._take_over_dead_letters(context, lake)
        sweep = find_unloaded(lake, full=context["params"]["full"])
        try:
            if created := register_done(lake, sweep):
                self.log.warning(
                    "Registered %s partition(s) whose files were loaded by a worker that died then", created
                )
        except Exception:
            # It keeps no file from being loaded; the next sweep tries again.
            self.log.exception("Partitions of loaded files could not be registered")
        if sweep.archived:
            self.log.warning("%s file(s) are archived and wait for somebody to restore them", sweep.archived)
        for file in sweep.unmatched:
            self.log.warning("Not loaded: %s: %s", file.uri, UNMATCHED)
        if sweep.unmatched:
            self._alert_unmatched(context, lake, sweep.unmatched)
        return keep_plan(lake, context, sweep.files, Scope(loaded_fast=sweep.loaded_fast, until=sweep.until))

    def _preview(self, context: Any, lake: Lake) -> None:
        sweep = find_unloaded(lake, full=context["params"]["full"], note=False)
        seen = [Preview(file.uri, None, None, "no entity", UNMATCHED) for file in sweep.unmatched]
        for name, files in sweep.files.items():
            seen += preview_files(lake, lake.config.entities[name], files)
        for name in lake.config.entities:
            seen += [
                Preview(entry.source, name, entry.partition, "refused before", entry.error or "")
                for entry in lake.ledger.latest(name, "rejected", _SHOWN_REFUSED)
            ]
        if sweep.settling:
            self.log.info("%s file(s) are too young to be read", sweep.settling)
        show_preview(self, context, "the sweep", summarize(seen))

    def _take_over_dead_letters(self, context: Any, lake: Lake) -> None:
        """Takes over the dead letters of the low-latency lane: the ledger has their files before they are deleted, and
        one alert names those that none has named yet."""
        letters = dead_letters.receive(lake)
        for letter in letters:
            self.log.info("Dead letter %s: %s", letter.id, "; ".join(map(str, letter.faults)) or "nothing left to do")
        faults = [fault for letter in letters if not letter.alerted for fault in letter.faults]
        if faults:
            alert = dead_letter_alert(lake, run_id_of(context), faults)
            incidents.report_all(lake, incidents.file_alerts(alert), channels.send)
        if not any(fault.state == incidents.MALFORMED for letter in letters for fault in letter.faults):
            incidents.cure(lake, incidents.DEAD_LETTERS, "the dead-letter queue holds no others", channels.send)
        dead_letters.delete(lake, letters)

    def _alert_unmatched(self, context: Any, lake: Lake, files: Sequence[SourceFile]) -> None:
        """Sends one alert for the files that this sweep is the first to see; the ledger notes that it was sent."""
        count = "1 file is" if len(files) == 1 else f"{len(files)} files are"
        alert = Alert(
            dag_id=context["dag"].dag_id,
            run_id=context["run_id"],
            entity=None,
            event="left files alone",
            reason=f"{count} of no entity and stay where they are: {UNMATCHED}",
            what_to_do="Rename the files, or correct an entity's filename_pattern: the next sweep loads them then. "
            "Keep files that do not belong in the lake in another bucket.",
            files=[FileFault(file.uri, "", "unmatched", UNMATCHED) for file in files],
            page_url=page_links.UNMATCHED,
            command=where_to_look.UNMATCHED,
        )
        try:
            channels.send(lake, alert)
        except Exception:
            # The ledger does not note them either, so the next sweep sends the alert.
            self.log.exception("The alert on files of no entity could not be sent")
        else:
            record_unmatched(lake, files)


class RefreshViewsOperator(WithLineage, BaseOperator):
    """Creates the views whose SQL or inputs changed; returns the names of those it created."""

    template_fields: Sequence[str] = ()
    _outcomes: Remembered[Sequence[ViewOutcome]] | None = None

    def execute(self, context: Any) -> list[str]:
        # Imported here, for only this task needs the SQL parser.
        from lakelanes.catalog.views import refresh

        with explained(context):
            lake = open_lake()
            lake.ledger.write_note(VIEWS_DUE, {})
            try:
                outcomes = refresh(lake)
            except ViewError as error:
                self._outcomes = Remembered(error.outcomes)
                raise
        self._outcomes = Remembered(outcomes)
        for outcome in outcomes:
            self.log.info("%s: %s %s", outcome.name, outcome.action, outcome.reason)
        cure_incidents(lake, context)
        return [outcome.name for outcome in outcomes if outcome.action == "created"]

    def lineage(self) -> Lineage:
        from lakelanes.lineage.views import of_refresh

        return of_refresh(open_lake().config, self._outcomes.it if self._outcomes else ())


def _by_entity(planned: Iterable[Planned]) -> dict[str, list[SourceFile]]:
    found: dict[str, list[SourceFile]] = {}
    for name, file in planned:
        found.setdefault(name, []).append(file)
    return found


def wants_reload(context: Any) -> bool:
    """Whether the run is to load again what is loaded already."""
    return bool(context["params"].get("reload", False))


def planned_batches(context: Any, plan: str) -> tuple[list[Batch], Any]:
    """The planning task's batches, and its XCom SCOPE (see ``runs.plans``).

    Raises AirflowSkipException, which skips the task, when the planning task did not finish.
    """
    ti = context["ti"]
    scope = ti.xcom_pull(task_ids=plan, key=SCOPE, map_indexes=-1)
    batches = ti.xcom_pull(task_ids=plan, map_indexes=-1)
    if scope is None or batches is None:
        raise AirflowSkipException(f"nothing was planned: task {plan} did not finish")
    return list(batches), scope
