"""The operators of refresh_dashboards: each is one step of the engine."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert
from lakelanes.dashboards import enhanced_refresh, spice
from lakelanes.dashboards.refresh_plan import Refresh
from lakelanes.errors import RefreshError
from lakelanes.lake import Lake
from lakelanes_airflow.notifications import channels
from lakelanes_airflow.notifications.cure_incidents import cure_incidents
from lakelanes_airflow.process_lake import open_lake
from lakelanes_airflow.runs.early_end import end_early
from lakelanes_airflow.runs.params import check_params
from lakelanes_airflow.runs.progress import run_id_of
from lakelanes_airflow.runs.xcoms import explained
from lakelanes_airflow.triggers.ingestions import IngestionTrigger
from lakelanes_airflow.triggers.polling import PollEvent
from lakelanes_airflow.triggers.powerbi import CONNECTION, PowerBITrigger, power_bi

# XCom: by data set, what was found of it.
NOTES = "notes"
# SPICE takes minutes; QuickSight ends an ingestion itself after its own limit.
INGESTION_DEADLINE = timedelta(hours=6)
_LOST_TRIGGER = timedelta(minutes=10)


class PlanRefreshesOperator(BaseOperator, SkipMixin):
    """Finds the data sets that are due, and returns their refreshes for mapped tasks; the XCom NOTES says of each why.

    When nothing is due, which is no error, the run ends here.
    """

    template_fields: Sequence[str] = ()

    def execute(self, context: Any) -> list[dict[str, str]]:
        params = context["params"]
        with explained(context):
            check_params(context)
            lake = open_lake()
            found = spice.plan(lake, only=_named(params), full=bool(params.get("full")))
        notes = {name: look.note for name, look in found.items()}
        for name, note in notes.items():
            self.log.info("%s: %s", name, note)
        context["ti"].xcom_push(key=NOTES, value=notes)
        refreshes = [look.refresh.to_dict() for look in found.values() if look.refresh]
        # What kept an earlier run from planning is over; a data set's own alert is closed by its own refresh.
        cure_incidents(lake, context)
        if not refreshes:
            end_early(self, context)
        return refreshes


class RefreshDatasetOperator(BaseOperator):
    """Refreshes one data set, or goes on with the refresh that an earlier try has begun; holds no worker meanwhile.

    A refresh that fails opens an alert of its own, which the next one that completes cures.

    :param refresh: an element of what PlanRefreshesOperator returns.
    """

    template_fields: Sequence[str] = ("refresh",)

    def __init__(self, *, refresh: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refresh = refresh

    def execute(self, context: Any) -> dict[str, Any]:
        with explained(context):
            lake, refresh = open_lake(), Refresh.from_dict(self.refresh)
            if not spice.begin(lake, refresh):
                raise AirflowSkipException(
                    f"{refresh.dataset}: the refreshes of the day are used up; it is tried again"
                )
            if spice.is_active(lake, refresh):
                deadline = lake.clock() + INGESTION_DEADLINE
                self.log.info("%s: %s, since %s", refresh.ingestion_id, refresh.kind, refresh.reason)
                self.defer(
                    trigger=IngestionTrigger(self.refresh, deadline.isoformat()),
                    method_name="resume",
                    timeout=INGESTION_DEADLINE + _LOST_TRIGGER,
                )
        return self._finish(context, lake, refresh)

    def resume(self, context: Any, event: PollEvent) -> dict[str, Any]:
        """Goes on with IngestionTrigger's event."""
        with explained(context):
            if event["status"] != "ready":
                why = event.get("message", f"it takes longer than {INGESTION_DEADLINE}")
                raise AirflowFailException(f"waiting for {self.refresh['ingestion_id']} ended: {why}. Clear the task")
        return self._finish(context, open_lake(), Refresh.from_dict(self.refresh))

    def _finish(self, context: Any, lake: Lake, refresh: Refresh) -> dict[str, Any]:
        dataset = spice.datasets(lake).get(refresh.dataset)
        if dataset is None:
            raise AirflowFailException(f"the dashboards have no data set {refresh.dataset} any more")
        with _told(context, lake):
            done = spice.finish(lake, refresh, dataset)
        cause = incidents.refresh_cause(refresh.dataset)
        incidents.cure(lake, cause, f"{refresh.ingestion_id} completed", channels.send)
        self.log.info("%s has %s rows, its view %s", refresh.dataset, f"{done.rows:,}", f"{done.athena:,}")
        return {"dataset": done.dataset, "kind": done.kind, "rows": done.rows, "athena": done.athena}


class RefreshPowerBIOperator(BaseOperator):
    """Asks Power BI for a refresh of the tables that are due, and waits for it without a worker.

    Skipped where Airflow has no connection ``lakelanes_powerbi``, where nothing is due, and while another refresh keeps
    the model busy. A failure opens an alert of its own, which the next refresh that completes cures.
    """

    template_fields: Sequence[str] = ()

    def execute(self, context: Any) -> list[str]:
        model = power_bi()
        if model is None:
            raise AirflowSkipException(f"Airflow has no connection {CONNECTION}")
        params = context["params"]
        with explained(context):
            lake = open_lake()
            only, full = _named(params), bool(params.get("full"))
            datasets = spice.chosen(spice.datasets(lake), only)
            request, notes = enhanced_refresh.plan(lake, datasets, asked=bool(only), full=full)
            for name, note in notes.items():
                self.log.info("%s: %s", name, note)
            if request is None:
                raise AirflowSkipException("nothing is due")
        with _told(context, lake):
            begun = enhanced_refresh.begin(lake, model, request)
            if begun is None:
                raise AirflowSkipException("another refresh keeps the model busy; it is tried again")
            if model.is_active(begun.id):
                deadline = lake.clock() + INGESTION_DEADLINE
                self.defer(
                    trigger=PowerBITrigger(begun.id, deadline.isoformat()),
                    method_name="resume",
                    kwargs={"request": begun.to_dict()},
                    timeout=INGESTION_DEADLINE + _LOST_TRIGGER,
                )
        return self._finish(context, lake, model, begun)

    def resume(self, context: Any, event: PollEvent, request: dict[str, Any]) -> list[str]:
        """Goes on with PowerBITrigger's event."""
        model, lake, begun = power_bi(), open_lake(), enhanced_refresh.Request.from_dict(request)
        if model is None:
            raise AirflowFailException(f"Airflow has no connection {CONNECTION} any more")
        if event["status"] == "deadline":
            with _told(context, lake):
                enhanced_refresh.cancel(model, begun)
        elif event["status"] == "error":
            raise AirflowFailException(f"the refresh {begun.id} could not be looked at: {event.get('message')}")
        return self._finish(context, lake, model, begun)

    def _finish(self, context: Any, lake: Lake, model: Any, request: enhanced_refresh.Request) -> list[str]:
        with _told(context, lake):
            tables = enhanced_refresh.finish(lake, model, request)
        cause = incidents.refresh_cause(enhanced_refresh.NAME)
        incidents.cure(lake, cause, f"refresh {request.id} completed", channels.send)
        return tables


@contextmanager
def _told(context: Any, lake: Lake) -> Generator[None]:
    """A step whose failure opens the alert of the data set that it is about."""
    with explained(context):
        try:
            yield
        except RefreshError as error:
            incidents.report(lake, incidents.refresh_cause(error.dataset), _alert(context, error), channels.send)
            raise


def _named(params: Any) -> list[str]:
    """The data sets that the Param names."""
    return [name for part in str(params.get("dataset") or "").split(",") if (name := part.strip())]


def _alert(context: Any, error: RefreshError) -> Alert:
    return Alert(
        dag_id=context["dag"].dag_id,
        run_id=run_id_of(context),
        entity=error.dataset,
        event="could not refresh a data set",
        reason=f"{error.dataset}: {error.reason}",
        meaning="Dashboards of it go on showing the numbers of the last refresh that completed.",
        what_to_do=error.remedy,
    )
