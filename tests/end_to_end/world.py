"""What a user of a running stack does: puts files, runs DAGs by the REST API, asks Athena, reads alerts."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from scripts.airflow_api import AirflowError
from scripts.stack import Stack
from tests.support import waiting
from tests.support.queries import fetch_rows, run_query

T = TypeVar("T")
FINAL = ("success", "failed")
# A run is several processes, and each wants a core.
PATIENCE_SECONDS = 300.0
# Each look is a request that Airflow has to answer.
PAUSE_SECONDS = 0.2


def wait_for(look: Callable[[], T], good: Callable[[T], Any], what: str) -> T:
    """``waiting.wait_for`` with the patience that a whole stack needs."""
    return waiting.wait_for(look, good, what, seconds=PATIENCE_SECONDS, pause=PAUSE_SECONDS)


class World:
    """A running stack and the clients to use it with."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = stack.open_api(PATIENCE_SECONDS)
        self.resources = stack.config.resources
        self.s3, self.glue = stack.client("s3"), stack.client("glue")
        self._athena, self._sqs = stack.client("athena"), stack.client("sqs")
        self._dynamodb = stack.client("dynamodb")
        self._alerts: list[Any] = []
        self._recoveries: list[Any] = []
        self._queue = self._sqs.create_queue(QueueName="alert-reader")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        stack.client("sns").subscribe(TopicArn=stack.config.alert_topic_arn, Protocol="sqs", Endpoint=arn)

    def put(self, key: str, text: str) -> None:
        """Puts a source file, gzipped when its name says so."""
        data = gzip.compress(text.encode(), mtime=0) if key.endswith(".gz") else text.encode()
        self.s3.put_object(Bucket=self.resources.source_bucket, Key=key, Body=data)

    def trigger(self, dag_id: str, **settings: Any) -> Any:
        """Triggers a run, with settings of the REST API (conf, partition_key); returns it once it has ended."""
        return self.ended(self.begin(dag_id, **settings))

    def begin(self, dag_id: str, **settings: Any) -> Any:
        """Triggers a run, and does not wait for it."""
        return self.api.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, **settings})

    def state(self, run: Any) -> str:
        return str(self.api.get(_path(run))["state"])

    def ended(self, run: Any) -> Any:
        """The run once it has ended."""
        path = _path(run)
        return wait_for(lambda: self.api.get(path), lambda found: found["state"] in FINAL, f"the end of {path}")

    def backfill(self, dag_id: str, first: str, last: str, **settings: Any) -> Any:
        """Starts a backfill of the partitions between two dates, both included."""
        bounds = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        return self.api.post("/backfills", {"dag_id": dag_id, **bounds, **settings})

    def completed(self, backfill: Any) -> Any:
        """The backfill once all of its runs have ended.

        Airflow looks for that every 30 s only, and starts no other backfill of the DAG before. Of one without runs that
        are to come, a cancellation says no more than that it is over.
        """
        path, going_on = f"/backfills/{backfill['id']}", ["queued", "running"]
        wait_for(
            lambda: self.runs(backfill["dag_id"], run_type="backfill", state=going_on),
            lambda runs: not runs,
            f"the end of {path}",
        )
        if not self.api.get(path)["completed_at"]:
            with contextlib.suppress(AirflowError):
                self.api.request("PUT", f"{path}/cancel")
        return wait_for(lambda: self.api.get(path), lambda found: found["completed_at"], f"the end of {path}")

    def latest_runs(self, dag_id: str, keys: str) -> dict[str, Any]:
        """Of each partition whose key starts so, the backfill run that was started last."""
        runs = self.runs(dag_id, run_type="backfill", order_by="id")
        return {run["partition_key"]: run for run in runs if (run["partition_key"] or "").startswith(keys)}

    def ran(self, run: Any) -> set[str]:
        """The run's tasks that were started."""
        return {task for task, states in self.states(run).items() if set(states) - {"skipped", "removed", None}}

    def xcom(self, run: Any, task: str, key: str) -> Any:
        """An XCom of a task that is not mapped."""
        return self.api.get(f"{_path(run)}/taskInstances/{task}/xcomEntries/{key}", deserialize=True)["value"]

    def airflow(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs Airflow's command line beside the running components."""
        return subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            env={**_without_airflow(), **self.stack.environment},
            cwd=self.stack.state,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def runs(self, dag_id: str, **query: Any) -> list[Any]:
        """The DAG's runs."""
        return list(self.api.get(f"/dags/{dag_id}/dagRuns", limit=100, **query)["dag_runs"])

    def tasks(self, run: Any) -> dict[str, list[Any]]:
        """The run's task instances by task."""
        found: dict[str, list[Any]] = {}
        for task in self.api.get(f"{_path(run)}/taskInstances")["task_instances"]:
            found.setdefault(task["task_id"], []).append(task)
        return found

    def states(self, run: Any) -> dict[str, list[str]]:
        """The states of the run's task instances by task."""
        return {task: [instance["state"] for instance in found] for task, found in self.tasks(run).items()}

    def clear(self, run: Any) -> Any:
        """Clears all tasks of an ended run; returns it once it has ended again."""
        body = {"dry_run": False, "dag_run_id": run["dag_run_id"], "only_failed": False, "reset_dag_runs": True}
        self.api.post(f"/dags/{run['dag_id']}/clearTaskInstances", body)
        return self.ended(run)

    def pause(self, dag_id: str, paused: bool = True) -> None:
        self.api.patch(f"/dags/{dag_id}", {"is_paused": paused})

    def asset_keys(self, table: str) -> list[str | None]:
        """The partition keys of the table's asset events, oldest first."""
        return [event["partition_key"] for event in self.asset_events(table)]

    def asset_events(self, table: str) -> list[Any]:
        """The table's asset events, oldest first."""
        name = f"{self.resources.glue_database}.{table}"
        [asset] = [found for found in self.api.get("/assets", limit=100)["assets"] if found["name"] == name]
        events = self.api.get("/assets/events", asset_id=asset["id"], limit=100, order_by="timestamp")
        return list(events["asset_events"])

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Athena's answer to a SELECT, without the header."""
        return fetch_rows(self._athena, self.execute(sql))[1:]

    def execute(self, sql: str) -> str:
        """Runs a statement; returns its id."""
        execution = run_query(
            self._athena,
            sql,
            WorkGroup=self.resources.workgroup_name,
            QueryExecutionContext={"Database": self.resources.glue_database},
        )
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return str(execution["QueryExecutionId"])

    def delete_partitions(self, table: str, values: Iterable[list[str]]) -> None:
        for value in values:
            self.glue.delete_partition(
                DatabaseName=self.resources.glue_database, TableName=table, PartitionValues=value
            )

    def loads(self, table: str) -> dict[str, str]:
        """Of every object of the table, the number of the claim that wrote it: loading it again raises that."""
        bucket = self.resources.analytics_bucket
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{table}/")
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return {key: self.s3.head_object(Bucket=bucket, Key=key)["Metadata"]["lake-token"] for key in keys}

    def alert_of(self, run: Any) -> Any:
        """The alert about the run, once it has come."""

        def look() -> Any:
            self._read_alerts()
            return next(iter(self.alerts_of(run)), None)

        return wait_for(look, bool, f"an alert of {run['dag_run_id']}")

    def alerts_about(self, uri: str) -> list[Any]:
        """The alerts so far that name a file."""
        self._read_alerts()
        return [alert for alert in self._alerts if uri in [fault["file"] for fault in alert["files"]]]

    def told_of(self, cause: str) -> tuple[list[Any], list[Any]]:
        """The alerts so far that tell of a cause, and the messages that it is cured."""
        self._read_alerts()
        alerts, recoveries = (
            [alert for alert in told if cause in alert["causes"]] for told in (self._alerts, self._recoveries)
        )
        return alerts, recoveries

    def entry(self, uri: str) -> dict[str, Any]:
        """The ledger's attributes of a file; {} when it knows none."""
        key = {"source": {"S": uri}, "version": {"S": "current"}}
        item = self._dynamodb.get_item(TableName=self.resources.ledger_table, Key=key, ConsistentRead=True)
        return {name: next(iter(value.values())) for name, value in item.get("Item", {}).items()}

    def dead_letters(self) -> int:
        """Messages in the dead-letter queue."""
        return self.messages("FileDeadLetterQueueUrl")

    def messages(self, output: str) -> int:
        """Messages in a queue, those in somebody's hands too; it is named by an output of the infrastructure."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.stack.outputs[output]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _read_alerts(self) -> None:
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                alert = json.loads(json.loads(message["Body"])["Message"])
                (self._recoveries if alert["recovered"] else self._alerts).append(alert)
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def alerts_of(self, run: Any) -> list[Any]:
        """The run's alerts that were read so far."""
        return [alert for alert in self._alerts if alert["run_id"] == run["dag_run_id"]]


def _path(run: Any) -> str:
    return f"/dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'], safe='')}"


def _without_airflow() -> dict[str, str]:
    """This process's environment without the Airflow that other tests may have set up in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
