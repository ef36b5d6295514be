"""The failure callback, with a real topic and a queue that listens to it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from lakelanes.alerts.messages import FileFault
from lakelanes.aws.reasons import restore_command
from lakelanes.catalog.registrar import FAILED_VIEWS
from lakelanes.errors import ArchivedError
from lakelanes.files.listing import list_entity
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes_airflow.notifications.run_alerts import REPORT, alert_on_failure, failures
from lakelanes_airflow.operators.load import FindUnloadedOperator
from lakelanes_airflow.runs.xcoms import ERROR, FAILURE, FAULTS, REMEDY
from tests.support.airflow import build_alert, task_context
from tests.support.lakes import put
from tests.support.localaws import LocalAws
from tests.support.source_tables import ORDERS
from tests.support.waiting import wait_for

FAULT = FileFault(
    "s3://b/in/sales_data_2024_03_15.csv", "sales", "rejected", "no column 'amount'", 1, "amount", "s3://lake/rejects"
)


class Subscriber:
    """A queue subscribed to a lake's alert topic."""

    def __init__(self, aws: LocalAws, lake: Lake) -> None:
        self._sqs = aws.client("sqs")
        name = f"{lake.config.resources.alert_topic}-subscriber"
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        lake.sns.subscribe(TopicArn=lake.config.alert_topic_arn, Protocol="sqs", Endpoint=arn)

    def messages(self, count: int = 1) -> list[Any]:
        """Every message so far, once there are as many."""
        found: list[Any] = []

        def look() -> list[Any]:
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
            found.extend(json.loads(message["Body"]) for message in answer.get("Messages", ()))
            return found

        return wait_for(look, lambda found: len(found) >= count, f"message number {count}")


@pytest.fixture
def subscriber(local_aws: LocalAws, lake: Lake) -> Subscriber:
    return Subscriber(local_aws, lake)


def failed_run(task_id: str = REPORT, **context: Any) -> dict[str, Any]:
    """The context that Airflow gives the callback when ``task_id`` failed last."""
    return {**task_context(BaseOperator(task_id=task_id), **context), "reason": "task_failure"}


def test_one_alert_names_run_file_line_column_reason_and_remedy(lake: Lake, subscriber: Subscriber) -> None:
    context = failed_run(run_id="scheduled__2024-03-16T00:00:00+00:00__2024-03-15", partition_key="2024-03-15")
    context["ti"].xcom_push(FAULTS, [asdict(FAULT)])
    alert_on_failure(context)
    [message] = subscriber.messages()
    assert message["Subject"] == "Lakelanes: load_sales failed for 2024-03-15"
    alert = json.loads(message["Message"])
    assert (alert["dag_id"], alert["run_id"], alert["entity"]) == ("load_sales", context["run_id"], "sales")
    assert alert["files"] == [asdict(FAULT)]
    assert "line 1, column amount: no column 'amount'" in alert["reason"]
    assert "Upload a corrected file" in alert["what_to_do"] and "sales_data_rejects" in alert["what_to_do"]
    assert alert["run_url"].endswith("/dags/load_sales/runs/scheduled__2024-03-16T00%3A00%3A00%2B00%3A00__2024-03-15")


def test_a_run_without_a_report_is_told_from_the_ledger(lake: Lake) -> None:
    uri = put(lake, "sales_data_2024_03_15.csv", "x")
    [file] = list_entity(lake, lake.config.entities["sales"])
    claim = lake.ledger.claim(file, "sales", "p", owner="o", lane="batch", run_id="load_sales/run-1")
    assert isinstance(claim, Entry)
    lake.ledger.rejected(claim, "no column 'amount'", line=1, column="amount")
    # All that Airflow gives when no task instance is to blame.
    alert = build_alert(lake, {"dag": SimpleNamespace(dag_id="load_sales"), "run_id": "run-1", "reason": "timed_out"})
    assert [(fault.file, fault.line, fault.column) for fault in alert.files] == [(uri, 1, "amount")]


def test_a_missed_deadline_is_told_in_the_sensors_words(lake: Lake) -> None:
    context = failed_run("sense", partition_key="2024-03-15")
    context["ti"].xcom_push(FAILURE, "no file for partition 2024-03-15 of sales")
    alert = build_alert(lake, context)
    assert alert.reason == "no file for partition 2024-03-15 of sales"
    assert alert.entity == "sales" and not alert.files


def test_a_failure_without_a_reason_points_to_the_log(lake: Lake) -> None:
    alert = build_alert(lake, failed_run("convert"))
    assert alert.reason.startswith("task convert failed (task_failure); its log says why")
    assert "Open the run" in alert.what_to_do


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        ({"state": "rejected", "rejects": None}, "correct entities.sales.filename_pattern"),
        ({"state": "deleted", "rejects": None}, "Upload the deleted file again"),
        ({"state": "failed", "rejects": None}, "remove the cause that its log names"),
    ],
)
def test_the_remedy_fits_the_fault(lake: Lake, fault: dict[str, Any], remedy: str) -> None:
    context = failed_run()
    context["ti"].xcom_push(FAULTS, [{**asdict(FAULT), **fault}])
    assert remedy in build_alert(lake, context).what_to_do


def test_a_file_of_no_entity_is_told_once(lake: Lake, subscriber: Subscriber) -> None:
    uri = put(lake, "notes/readme.txt", "hello")
    for _ in range(2):
        task = FindUnloadedOperator(task_id="find")
        task.execute(task_context(task, dag_id="sweep_sources", full=True))
    [message] = subscriber.messages()
    assert message["Subject"] == "Lakelanes: sweep_sources left files alone"
    [told] = json.loads(message["Message"])["files"]
    assert (told["file"], told["reason"]) == (uri, "the name matches no entity's filename_pattern")


def test_the_sweeps_alert_names_the_files_entities(lake: Lake) -> None:
    context = failed_run(dag_id="sweep_sources")
    context["ti"].xcom_push(FAULTS, [asdict(FAULT)])
    assert build_alert(lake, context).entity == "sales"


def test_unreadable_xcoms_do_not_stop_the_alert(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    context = failed_run("publish")

    def broken(**_: Any) -> None:
        raise RuntimeError("the API server is away")

    monkeypatch.setattr(context["ti"], "xcom_pull", broken, raising=False)
    assert "task publish failed" in build_alert(lake, context).reason


def test_a_file_that_fails_in_run_after_run_is_one_alert(lake: Lake, subscriber: Subscriber) -> None:
    other = FileFault("s3://b/in/sales_data_2024_03_16.csv", "sales", "failed", "a lost connection")
    runs = [
        ("load_sales", "run-1", [FAULT]),
        ("sweep_sources", "run-2", [FAULT]),
        ("load_sales", "run-3", [FAULT, other]),
    ]
    for dag_id, run_id, faults in runs:
        context = failed_run(dag_id=dag_id, run_id=run_id)
        context["ti"].xcom_push(FAULTS, [asdict(fault) for fault in faults])
        alert_on_failure(context)
    told = [json.loads(message["Message"]) for message in subscriber.messages(2)]
    assert [(alert["run_id"], [fault["file"] for fault in alert["files"]]) for alert in told] == [
        ("run-1", [FAULT.file]),
        ("run-3", [other.file]),
    ]


def test_a_run_that_fails_again_without_a_file_at_fault_is_one_alert(lake: Lake, subscriber: Subscriber) -> None:
    for run_id, key in (("run-1", "2024-03-15"), ("run-1b", "2024-03-15"), ("run-2", "2024-03-16")):
        context = failed_run("publish", run_id=run_id, partition_key=key)
        context["dag_run"].partition_key = key
        alert_on_failure(context)
    causes = [json.loads(message["Message"])["causes"] for message in subscriber.messages(2)]
    assert causes == [["run/load_sales/2024-03-15"], ["run/load_sales/2024-03-16"]]


@pytest.mark.parametrize(
    ("dag_id", "error", "key", "causes"),
    [
        ("load_sales", "AirflowSensorTimeout", "2024-03-15", {"deadline/sales/2024-03-15"}),
        ("load_sales", "AirflowFailException", "2024-03-15", {"run/load_sales/2024-03-15"}),
        ("load_sales", "AirflowSensorTimeout", None, {"run/load_sales/-"}),
        ("refresh_views", "ViewError", None, {"stale/a", "stale/b"}),
        ("sweep_sources", "ConnectionError", None, {"run/sweep_sources/-"}),
    ],
)
def test_the_cause_is_what_has_to_be_cured(
    lake: Lake, dag_id: str, error: str, key: str | None, causes: set[str]
) -> None:
    lake.ledger.write_note(FAILED_VIEWS, {"a": "COLUMN_NOT_FOUND", "b": "SYNTAX_ERROR"})
    context = failed_run("sense", dag_id=dag_id, partition_key=key)
    context["ti"].xcom_push(FAILURE, "it failed")
    context["ti"].xcom_push(ERROR, error)
    found = failures(lake, context)
    assert found.keys() == causes
    for name, reason in {"a": "COLUMN_NOT_FOUND", "b": "SYNTAX_ERROR"}.items():
        if stale := found.get(f"stale/{name}"):
            assert stale.reason == f"view {name} cannot be made: {reason}", "and of no other view"


def test_a_gap_is_a_tables_whichever_run_meets_it(make_lake: Callable[..., Lake]) -> None:
    tables = {name: {**ORDERS, "dynamodb_table": f"shop-{name}", "table_name": name} for name in ("orders", "carts")}
    lake = make_lake(tables=tables)
    export = failed_run("plan", dag_id="export_carts", partition_key="2024-03-15T10:00")
    maintain = failed_run("maintain", dag_id="maintain_lake")
    maintain["ti"].map_index = 1
    said = {FAILURE: "recovery is off", REMEDY: "Turn it on.", ERROR: "GapError"}
    export["ti"].xcoms = {("plan", key): text for key, text in said.items()}
    maintain["ti"].xcoms = {("maintain", key, 1): text for key, text in said.items()}
    maintain["ti"].xcoms["maintain", FAILURE, 0] = "no permission"
    assert failures(lake, export).keys() == {"gap/carts"}
    found = failures(lake, maintain)
    assert found.keys() == {"gap/carts", "run/maintain_lake/orders"}
    assert (found["gap/carts"].reason, found["gap/carts"].what_to_do) == ("recovery is off", "Turn it on.")
    assert found["run/maintain_lake/orders"].reason == "no permission"


def test_a_killed_task_is_told_as_one_and_what_to_do_about_its_memory(lake: Lake) -> None:
    context = failed_run()
    context["ti"].xcom_push(FAULTS, [asdict(replace(FAULT, state="interrupted", reason="the task was killed"))])
    alert = build_alert(lake, context)
    assert "the task was killed" in alert.reason and "entities.sales.batch_bytes" in alert.what_to_do
    assert "killed" in build_alert(lake, failed_run("sense")).reason


def test_an_archived_file_is_told_with_its_command_and_that_nothing_else_is_to_be_done(lake: Lake) -> None:
    error = ArchivedError(FAULT.file, "DEEP_ARCHIVE", restore_command("b", "k", "DEEP_ARCHIVE"))
    context = failed_run()
    context["ti"].xcom_push(FAULTS, [asdict(replace(FAULT, state="failed", rejects=None, reason=str(error)))])
    alert = build_alert(lake, context)
    assert "aws s3api restore-object --bucket b" in alert.reason
    assert alert.what_to_do.startswith("Restore the file by the command")


def test_an_alert_that_cannot_be_published_is_logged_and_changes_nothing(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    lake.sns.delete_topic(TopicArn=lake.config.alert_topic_arn)
    with caplog.at_level(logging.ERROR):
        alert_on_failure(failed_run())
    assert "run/load_sales/- could not be sent" in caplog.text
