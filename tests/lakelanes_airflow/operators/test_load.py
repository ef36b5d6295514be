"""The steps of a load, one after the other as a run makes them, on a real local AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lakelanes.alerts import incidents
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.catalog import athena
from lakelanes.errors import PermanentLoadError, RetryableLoadError
from lakelanes.files.listing import list_entity
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes_airflow.assets import table_asset
from lakelanes_airflow.notifications import channels
from lakelanes_airflow.operators.load import (
    ConvertOperator,
    FindUnloadedOperator,
    PublishOperator,
    RefreshViewsOperator,
    ReportFailuresOperator,
)
from lakelanes_airflow.runs.xcoms import FAILURE, FAULTS, PREVIEW, SCOPE
from lakelanes_airflow.sensors.source_files import SourceFilesSensor
from tests.support.airflow import FakeTaskInstance, task_context
from tests.support.lakes import put
from tests.support.queues import Alerts, Queues
from tests.support.requests_made import RequestsMade

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
GOOD = f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,2.50,2024-03-15\n"
NO_AMOUNT = "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-15\n"


class Run:
    """A run of load_sales (or of the sweep), task by task, sharing XComs as a run does."""

    def __init__(self, lake: Lake, plan: str = "sense", run_id: str = "run-1", **context: Any) -> None:
        self.lake, self.plan, self.run_id, self.given = lake, plan, run_id, context
        self.xcoms: dict[tuple[str, str], Any] = {}
        self.assets = [table_asset(lake.config, entity) for entity in lake.config.entities.values()]
        self.events: dict[Asset, list[str]] = {}

    def context(self, task: Any) -> dict[str, Any]:
        context = task_context(task, run_id=self.run_id, **self.given)
        context["ti"] = FakeTaskInstance(task.task_id, self.xcoms)
        return context

    def sense(self) -> list[dict[str, Any]]:
        task: Any = SourceFilesSensor(task_id="sense", entity="sales")
        if self.plan == "find":
            task = FindUnloadedOperator(task_id="find")
        self.xcoms[self.plan, "return_value"] = batches = task.execute(self.context(task))
        return batches

    def convert(self) -> list[dict[str, int]]:
        tasks = [ConvertOperator(task_id="convert", batch=batch) for batch in self.xcoms[self.plan, "return_value"]]
        return [task.execute(self.context(task)) for task in tasks]

    def publish(self) -> list[str]:
        """Ids of the tasks to follow; ``events`` holds the asset events then."""
        task = PublishOperator(
            task_id="publish", plan=self.plan, on_failure="report", on_new_table="refresh", outlets=self.assets
        )
        context = self.context(task)
        followed = task.choose_branch(context)
        self.events = {asset: sorted(context["outlet_events"][asset].keys) for asset in task.outlets}
        return followed

    def report(self) -> None:
        task = ReportFailuresOperator(task_id="report", plan=self.plan, publish="publish")
        task.execute(self.context(task))


def rows(lake: Lake, table: str = "sales_data") -> int:
    [row] = athena.query(lake, f"SELECT count(*) AS n FROM {table}")
    return int(row["n"] or 0)


def test_a_run_loads_registers_validates_and_announces_its_partition(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    run = Run(lake, partition_key="2024-03-15")
    run.sense()
    assert run.convert() == [{"files": 1, "rows_loaded": 2, "rows_rejected": 0}]
    assert run.publish() == ["refresh"], "the table is new, so the views want a look"
    assert run.events == {run.assets[0]: ["2024-03-15"]}
    assert rows(lake) == 2


def test_a_later_partition_leaves_the_views_alone(lake: Lake) -> None:
    for day in (15, 16):
        put(lake, f"sales_data_2024_03_{day}.csv", GOOD)
        run = Run(lake, partition_key=f"2024-03-{day}")
        run.sense()
        run.convert()
        followed = run.publish()
    assert followed == []
    assert rows(lake) == 4


def test_a_run_without_key_announces_each_partition_it_loaded(lake: Lake) -> None:
    for day in (15, 16):
        put(lake, f"sales_data_2024_03_{day}.csv", GOOD)
    run = Run(lake)
    run.sense()
    run.convert()
    run.publish()
    assert run.events == {run.assets[0]: ["2024-03-15", "2024-03-16"]}


def test_a_run_that_finds_nothing_to_do_announces_nothing(lake: Lake) -> None:
    run = Run(lake)
    assert run.sense() == []
    with pytest.raises(AirflowSkipException):
        run.publish()
    assert run.events == {}


def test_a_deleted_partition_is_registered_again_by_a_run_with_nothing_to_load(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    for context in ({"partition_key": "2024-03-15"}, {"partition_key": "2024-03-15"}, {}):
        run = Run(lake, run_id=f"run-{len(context)}", **context)
        run.sense()
        run.convert()
        run.publish()
        assert rows(lake) == 2
        assert run.events == {run.assets[0]: ["2024-03-15"]}
        lake.glue.delete_partition(
            DatabaseName=lake.config.resources.glue_database,
            TableName="sales_data",
            PartitionValues=["2024", "03", "15"],
        )
        assert rows(lake) == 0


def test_a_refused_file_fails_the_run_after_the_others_were_published(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    uri = put(lake, "sales_data_2024_03_16.csv", NO_AMOUNT)
    run = Run(lake)
    run.sense()
    with pytest.raises(PermanentLoadError, match=rf"{uri}.*amount"):
        run.convert()
    assert set(run.publish()) == {"report", "refresh"}
    assert run.events == {run.assets[0]: ["2024-03-15"]}
    assert rows(lake) == 2
    assert rows(lake, "sales_data_rejects") == 1, "the refused rows can be queried"
    with pytest.raises(AirflowFailException, match=rf"{uri}.*amount"):
        run.report()
    [fault] = run.xcoms["report", FAULTS]
    assert (fault["file"], fault["entity"], fault["state"]) == (uri, "sales", "rejected")


def test_a_run_of_a_refused_partition_fails_again_until_the_file_is_corrected(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", NO_AMOUNT)
    for _ in range(2):
        run = Run(lake, partition_key="2024-03-15")
        run.sense()
        with pytest.raises(PermanentLoadError):
            run.convert()
        assert "report" in run.publish()
        assert run.events == {}
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    run = Run(lake, partition_key="2024-03-15")
    run.sense()
    run.convert()
    assert run.publish() == []
    assert rows(lake) == 2


def test_a_killed_convert_task_hides_nothing(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    killed_before_its_claim, killed_after_its_claim = Run(lake), Run(lake, run_id="run-2")
    for run in (killed_before_its_claim, killed_after_its_claim):
        run.sense()
    assert killed_before_its_claim.publish()[0] == "report"
    [file] = list_entity(lake, lake.config.entities["sales"])
    claim = lake.ledger.claim(file, "sales", "p", owner="o", lane="batch", run_id="load_sales/run-2")
    assert isinstance(claim, Entry)
    assert killed_after_its_claim.publish()[0] == "report"
    with pytest.raises(AirflowFailException, match="the task was killed"):
        killed_after_its_claim.report()


def test_a_killed_task_is_not_excused_by_the_version_before(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    first = Run(lake, run_id="run-0")
    first.sense()
    first.convert()
    first.publish()
    put(lake, "sales_data_2024_03_15.csv", GOOD.replace("1.50", "7.50"))
    run = Run(lake)
    run.sense()
    run.xcoms["sense", "return_value"][0]["files"][0]["last_modified"] = "2999-01-01T00:00:00+00:00"
    assert run.publish() == ["report"]


def test_a_partition_that_another_lane_is_loading_is_waited_for(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    [file] = list_entity(lake, lake.config.entities["sales"])
    lake.ledger.claim(file, "sales", "p", owner="o", lane="fast", run_id="a-lambda")
    run = Run(lake, partition_key="2024-03-15")
    run.sense()
    assert run.convert()[0]["rows_loaded"] == 0
    with pytest.raises(RetryableLoadError, match=r"is loading .*sales_data_2024_03_15\.csv"):
        run.publish()


def test_a_run_whose_sensor_failed_publishes_nothing_and_says_why(lake: Lake) -> None:
    run = Run(lake)
    run.xcoms["sense", FAILURE] = "no file by the deadline"
    with pytest.raises(AirflowSkipException):
        run.publish()
    with pytest.raises(AirflowFailException, match="task sense: no file by the deadline"):
        run.report()
    assert run.xcoms["report", FAULTS] == []


def test_what_publishing_failed_of_is_in_the_report(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    run = Run(lake)
    run.sense()
    run.convert()
    lake.glue.delete_database(Name=lake.config.resources.glue_database)
    with pytest.raises(Exception, match=r"(?i)database"):
        run.publish()
    with pytest.raises(AirflowFailException, match=r"(?is)task publish: .*database"):
        run.report()


def test_a_dry_sweep_says_what_it_would_load_and_changes_nothing(lake: Lake) -> None:
    queues = Queues(lake)
    refused = put(lake, "sales_data_2024_03_15.csv", NO_AMOUNT)
    run = Run(lake)
    run.sense()
    with pytest.raises(PermanentLoadError):
        run.convert()
    new, stranger = put(lake, "sales_data_2024_03_16.csv", GOOD), put(lake, "notes.txt", "x")
    lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody="{}")
    requests = RequestsMade(lake)
    dry = Run(lake, plan="find", dag_id="sweep_sources", full=True, dry_run=True)
    assert dry.sense() == []
    assert requests.names and requests.writes == []
    seen = {found["file"]: found["action"] for found in dry.xcoms["find", PREVIEW]["files"]}
    assert seen == {refused: "refused before", new: "load", stranger: "no entity"}
    assert ("find", SCOPE) not in dry.xcoms


def test_the_sweep_loads_what_nobody_did_and_names_strangers_once(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    put(lake, "late/sales_data_2024_03_15.csv", GOOD)
    put(lake, "readme.txt", "hello")
    run = Run(lake, plan="find", full=False, dag_id="sweep_sources")
    [batch] = run.sense()
    assert batch["label"].startswith("sales: 1 file")
    assert "readme.txt: the name matches no entity" in capsys.readouterr().out
    run.convert()
    assert run.publish() == ["refresh"]
    assert run.events == {run.assets[0]: ["2024-03-15"]}
    assert rows(lake) == 2
    assert Run(lake, plan="find", full=True, dag_id="sweep_sources").sense() == []
    assert "readme.txt" not in capsys.readouterr().out


def test_views_wait_for_tables_that_are_not_there_yet(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    task = RefreshViewsOperator(task_id="refresh")
    assert task.execute(task_context(task, dag_id="refresh_views")) == []
    assert "waiting for" in capsys.readouterr().out


IN_ROWS = {
    "filename_pattern": r"export_\d+\.csv",
    "partition_keys": [{"name": "dt", "column": "transaction_date", "type": "date"}],
}


def exported(*days: str) -> str:
    return HEADER + "".join(f"t{n},c{n},1.50,{day}\n" for n, day in enumerate(days))


def in_turn(lake: Lake, run_id: str, **context: Any) -> Run:
    run = Run(lake, run_id=run_id, **context)
    run.sense()
    run.convert()
    run.publish()
    return run


def test_a_file_of_many_partitions_is_announced_by_all_of_them(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(**IN_ROWS)
    put(lake, "export_1.csv", exported("2024-03-15", "2024-03-16", "2024-03-15"))
    run = in_turn(lake, "first")
    assert run.events == {run.assets[0]: ["2024-03-15", "2024-03-16"]}
    assert rows(lake) == 3
    put(lake, "export_1.csv", exported("2024-03-16", "2024-04-01") + "t9,c9,1.50,\n")
    run = in_turn(lake, "second")
    assert run.events == {run.assets[0]: ["2024-03-15", "2024-03-16", "2024-04-01"]}, "one of them lost its rows"
    assert (rows(lake), rows(lake, "sales_data_rejects")) == (2, 1)
    third = Run(lake, run_id="third")
    assert third.sense() == []
    assert ("sense", SCOPE) not in third.xcoms, "nothing is left to publish"


def test_the_sweep_finds_files_of_many_partitions(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(**IN_ROWS)
    put(lake, "export_1.csv", exported("2024-03-15", "2024-03-16"))
    run = Run(lake, plan="find", full=True)
    run.sense()
    run.convert()
    run.publish()
    assert run.events == {run.assets[0]: ["2024-03-15", "2024-03-16"]}
    assert rows(lake) == 2


def test_a_refused_file_of_many_partitions_has_its_rows_among_the_rejects(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(**IN_ROWS)
    put(lake, "export_1.csv", NO_AMOUNT)
    run = Run(lake)
    run.sense()
    with pytest.raises(PermanentLoadError, match="amount"):
        run.convert()
    assert "report" in run.publish()
    assert run.events == {}
    assert rows(lake, "sales_data_rejects WHERE dt IS NULL") == 1


def test_a_keyed_run_answers_for_every_partition_of_its_date(make_lake: Callable[..., Lake]) -> None:
    keys = ["year", "month", "day", {"name": "customer", "column": "customer_id"}]
    lake = make_lake(partition_keys=keys)
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    for run_id in ("first", "again"):
        run = in_turn(lake, run_id, partition_key="2024-03-15")
        assert run.events == {run.assets[0]: ["2024-03-15"]}
        assert rows(lake) == 2
        lake.glue.delete_partition(
            DatabaseName=lake.config.resources.glue_database,
            TableName="sales_data",
            PartitionValues=["2024", "03", "15", "c2"],
        )
        assert rows(lake) == 1


def test_the_sweep_takes_dead_letters_over_and_tells_of_them_once(lake: Lake) -> None:
    alerts, queues = Alerts(lake), Queues(lake)
    uri = put(lake, "sales_data_2024_03_15.csv", GOOD)
    for message in queues.receive():
        lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody=message.body)
    sweep = Run(lake, plan="find", run_id="sweep-1", full=False)
    [batch] = sweep.sense()
    assert [file["key"] for file in batch["files"]] == ["sales_data_2024_03_15.csv"]
    assert queues.dead_letters() == 0
    [alert] = alerts.wait()
    assert [fault["file"] for fault in alert["files"]] == [uri]
    sweep.convert()
    sweep.publish()
    assert Run(lake, plan="find", run_id="sweep-2", full=False).sense() == []
    assert [(told["recovered"], told["causes"]) for told in alerts.read()] == [
        (False, [f"file/{uri}"]),
        (True, [f"file/{uri}"]),
    ]


def test_files_of_no_entity_are_told_of_once_with_where_to_look(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = Alerts(lake)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://ui.example/")
    uri = put(lake, "readme.txt", "x")
    for number in range(2):
        Run(lake, plan="find", run_id=f"sweep-{number}", full=True).sense()
    [alert] = alerts.wait()
    assert [fault["file"] for fault in alert["files"]] == [uri]
    assert alert["page_url"] == "https://ui.example/lake/files?state=unmatched"
    assert alert["command"] == "lakelanes files --state unmatched"


def test_a_marker_is_no_file_of_no_entity(lake: Lake) -> None:
    alerts = Alerts(lake)
    put(lake, "out/_SUCCESS", "")
    put(lake, "out/.DS_Store", "x")
    assert Run(lake, plan="find", run_id="sweep", full=True).sense() == []
    assert list(lake.ledger.in_state("", "unmatched")) == []
    assert alerts.read() == []


def test_a_dead_letter_that_was_told_of_is_only_cleared_up(lake: Lake) -> None:
    alerts, queues = Alerts(lake), Queues(lake)
    put(lake, "sales_data_2024_03_15.csv", NO_AMOUNT)
    queues.deliver_all(queues.lane())
    assert queues.dead_letters() == 1
    assert len(alerts.wait()) == 1
    assert Run(lake, plan="find", run_id="sweep-1", full=False).sense() == []
    assert queues.dead_letters() == 0
    assert len(alerts.read()) == 1


def test_a_dead_letter_whose_alert_cannot_be_told_is_told_of_later(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts, queues = Alerts(lake), Queues(lake)
    lake.sqs.send_message(QueueUrl=queues.dead_letters_url, MessageBody="rubbish")

    def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    with monkeypatch.context() as broken:
        broken.setattr("lakelanes_airflow.notifications.channels.publish", fail)
        Run(lake, plan="find", run_id="sweep-1", full=False).sense()
    assert queues.dead_letters() == 0 and alerts.read() == []
    assert incidents.catch_up(lake, channels.send) == 1
    [alert] = alerts.wait()
    assert alert["causes"] == ["dead-letters"]
    Run(lake, plan="find", run_id="sweep-2", full=False).sense()
    assert [message["recovered"] for message in alerts.read()] == [False, True]


def test_a_run_closes_what_its_success_cures(lake: Lake) -> None:
    alerts, uri = Alerts(lake), put(lake, "sales_data_2024_03_15.csv", GOOD)
    file = Alert("load_sales", "run-0", "sales", "", "", files=[FileFault(uri, "sales", "failed", "a lost connection")])
    causes = ["run/load_sales/2024-03-15", "deadline/sales/2024-03-15", f"file/{uri}"]
    for cause in causes[:2]:
        incidents.report(lake, cause, replace(file, files=[]), channels.send)
    incidents.report_all(lake, incidents.file_alerts(file), channels.send)
    others = ["run/load_sales/2024-03-16", "deadline/sales/2024-03-16", "run/sweep_sources/-"]
    for cause in others:
        incidents.report(lake, cause, replace(file, files=[]), channels.send)
    run = Run(lake, partition_key="2024-03-15")
    run.sense()
    run.convert()
    run.publish()
    assert {incident.cause for incident in incidents.open_incidents(lake)} == set(others)
    told = [message for message in alerts.wait() if message["recovered"]]
    assert sorted(cause for message in told for cause in message["causes"]) == sorted(causes)
    # One that found nothing left to do.
    Run(lake, run_id="run-2").sense()
    assert {incident.cause for incident in incidents.open_incidents(lake)} == set(others[1:])


def test_a_run_with_a_fault_does_not_close_the_failure_of_the_one_before(lake: Lake) -> None:
    put(lake, "sales_data_2024_03_15.csv", NO_AMOUNT)
    incidents.report(lake, "run/load_sales/-", Alert("load_sales", "run-0", "sales", "x", "y"), channels.send)
    run = Run(lake)
    run.sense()
    with pytest.raises(PermanentLoadError):
        run.convert()
    assert "report" in run.publish()
    assert [incident.cause for incident in incidents.open_incidents(lake)] == ["run/load_sales/-"]


def test_incidents_that_cannot_be_read_do_not_fail_the_run(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    run = Run(lake)
    run.sense()
    run.convert()

    def fail(*_: Any) -> None:
        raise ConnectionError("lost")

    monkeypatch.setattr(incidents, "uncured_incidents", fail)
    assert run.publish() == ["refresh"]


def test_the_sweep_validates_and_announces_what_the_low_latency_lane_loaded(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues = Queues(lake)
    put(lake, "sales_data_2024_03_15.csv", GOOD)
    queues.deliver(queues.lane())
    sweep = Run(lake, plan="find", run_id="sweep-1", full=False)
    assert sweep.sense() == []
    assert sweep.publish() == ["refresh"], "the tables are new to the views"
    assert list(sweep.events.values()) == [["2024-03-15"]]
    # The sample's views are of other columns.
    monkeypatch.setattr("lakelanes.catalog.views.refresh", lambda lake: [])
    refresh = RefreshViewsOperator(task_id="refresh")
    refresh.execute(task_context(refresh))
    # Once more what an index that trails its table might have hidden; then it is settled.
    lake.ledger.write_note("sweep-fast", {"until": "2100-01-01T00:00:00.000000Z"})
    later = Run(lake, plan="find", run_id="sweep-2", full=False)
    assert later.sense() == []
    assert later.publish() == []
    assert later.events == {}
