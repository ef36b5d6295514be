"""The sensor and its trigger against a real local AWS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, DownstreamTasksSkipped, TaskDeferred
from airflow.sdk.module_loading import import_string

from lakelanes.alerts.incidents import open_incidents
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.partitions import Partition
from lakelanes.errors import SelectionError
from lakelanes.files.listing import list_entity, list_partition
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes_airflow.load_tasks import load_planned
from lakelanes_airflow.notifications.run_alerts import alert_on_failure
from lakelanes_airflow.runs.selection import Selection
from lakelanes_airflow.runs.xcoms import FAILURE, PREVIEW, SCOPE
from lakelanes_airflow.sensors.source_files import SourceFilesSensor
from lakelanes_airflow.triggers.polling import PollEvent
from tests.support.airflow import task_context
from tests.support.lakes import put
from tests.support.queues import Alerts
from tests.support.requests_made import RequestsMade

DAY = "sales_data_2024_03_15.csv"
KEY = "2024-03-15"


def sensor() -> SourceFilesSensor:
    return SourceFilesSensor(task_id="sense", entity="sales")


def sense(**context: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the sensor returns, and the context it ran in."""
    task = sensor()
    given = task_context(task, **context)
    return task.execute(given), given


def mark_loaded(lake: Lake, key: str = KEY, run_id: str = "") -> None:
    """Tells the ledger that the partition's files are loaded."""
    for file in list_partition(lake, lake.config.entities["sales"], key):
        claim = lake.ledger.claim(file, "sales", "p", owner="test", lane="fast", run_id=run_id)
        assert isinstance(claim, Entry)
        lake.ledger.loaded(
            claim, rows_loaded=1, rows_rejected=0, target="t", target_etag="e", rejects=None, rejects_etag=None
        )


def names(batches: list[dict[str, Any]]) -> list[str]:
    return [file["key"].rpartition("/")[2] for batch in batches for file in batch["files"]]


def test_a_file_that_is_there_is_planned_at_the_first_look(lake: Lake) -> None:
    put(lake, f"in/{DAY}", "x")
    batches, context = sense(partition_key=KEY)
    assert names(batches) == [DAY]
    assert batches[0]["label"].startswith("1 file") and DAY in batches[0]["label"]
    scope = context["ti"].xcoms["sense", SCOPE]
    assert scope["partitions"] == ["year=2024/month=03/day=15"]
    assert list(scope["files"].values()) == scope["partitions"]
    json.dumps([batches, scope])


def test_the_run_waits_for_a_file_that_is_not_there(lake: Lake) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sense(partition_key=KEY)
    classpath, arguments = deferred.value.trigger.serialize()
    restored = import_string(classpath)(**json.loads(json.dumps(arguments)))
    assert (restored.entity, restored.key, restored.reload) == ("sales", KEY, False)
    wait = datetime.fromisoformat(restored.deadline) - datetime.now(UTC)
    assert timedelta(hours=23) < wait <= timedelta(hours=24), "a day's files have 24 hours by default"


def test_a_partition_that_is_loaded_already_is_ready_at_once_and_published_where_glue_lacks_it(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    batches, context = sense(partition_key=KEY)
    assert batches == []
    assert context["ti"].xcoms["sense", SCOPE]["partitions"] == ["year=2024/month=03/day=15"]


def test_the_run_of_an_hour_that_clocks_skip_waits_for_nothing(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(
        filename_pattern=r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv",
        partition_keys=["year", "month", "day", "hour"],
        timezone="Europe/Zurich",
    )
    tasks, given = skipped(in_a_dag(), partition_key="2024-03-31T02")
    assert tasks == FOLLOWING
    assert FAILURE not in {key for _, key in given["ti"].xcoms}
    put(lake, "hits_20240331T02.csv", "x")
    assert names(sense(partition_key="2024-03-31T02")[0]) == ["hits_20240331T02.csv"], "of a sender who has that hour"


def test_a_backfills_files_have_as_long_as_a_scheduled_runs(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow lets a backfill start with its partition, long before that is due."""
    early = Lake(make_lake().config, clock=lambda: datetime(2024, 3, 16, 6, tzinfo=UTC))
    monkeypatch.setattr("lakelanes_airflow.sensors.source_files.open_lake", lambda: early)
    given = task_context(sensor(), partition_key=KEY)
    given["dag_run"].run_after = datetime(2024, 3, 15, tzinfo=UTC)
    with pytest.raises(TaskDeferred) as deferred:
        sensor().execute(given)
    _, arguments = deferred.value.trigger.serialize()
    assert arguments["deadline"] == "2024-03-17T00:00:00+00:00"


def in_a_dag() -> SourceFilesSensor:
    """The sensor with the tasks that follow it."""
    with DAG(dag_id="load_sales", schedule=None):
        task = SourceFilesSensor(task_id="sense", entity="sales")
        load_planned(task, [])
    return task


FOLLOWING = {"convert", "publish", "report_failures", "refresh_views"}


def skipped(task: SourceFilesSensor, **context: Any) -> tuple[set[str], dict[str, Any]]:
    """The tasks that the sensor has Airflow skip, and its context."""
    given = task_context(task, **context)
    with pytest.raises(DownstreamTasksSkipped) as ended:
        task.execute(given)
    return set(ended.value.tasks), given


@pytest.mark.parametrize("registration", ["add_partition", "projection"])
def test_a_partition_that_is_in_the_lake_costs_one_task_and_few_requests(
    make_lake: Callable[..., Lake], registration: str
) -> None:
    lake = make_lake(registration=registration)
    put(lake, DAY, "x")
    mark_loaded(lake)
    entity = lake.config.entities["sales"]
    Registrar(lake, "look").register_entity(entity, [Partition.from_path("year=2024/month=03/day=15")])
    requests = RequestsMade(lake)
    for context in ({"partition_key": KEY}, {"partition": KEY}, {}, {"keys": [DAY]}, {"first_partition": KEY}):
        tasks, given = skipped(in_a_dag(), **context)
        assert tasks == FOLLOWING
        assert FAILURE not in {key for _, key in given["ti"].xcoms}, "to skip is no failure"
    assert requests.writes == []
    requests.names.clear()
    skipped(in_a_dag(), partition_key=KEY)
    # One of them asks for open incidents.
    assert Counter(requests.names).total() <= 5, requests.names


def test_reload_and_a_partition_that_glue_lacks_are_not_skipped(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    Registrar(lake, "look").register_entity(
        lake.config.entities["sales"], [Partition.from_path("year=2024/month=03/day=15")]
    )
    task = in_a_dag()
    assert names(task.execute(task_context(task, partition_key=KEY, reload=True))) == [DAY]
    lake.glue.delete_partition(
        DatabaseName=lake.config.resources.glue_database, TableName="sales_data", PartitionValues=["2024", "03", "15"]
    )
    context = task_context(task, partition_key=KEY)
    assert task.execute(context) == []
    assert context["ti"].xcoms["sense", SCOPE]["partitions"] == ["year=2024/month=03/day=15"]


@pytest.mark.parametrize(
    ("loader", "state", "published"),
    [
        ("load_sales/before", "success", True),
        ("load_sales/before", "failed", False),
        ("sweep_sources/before", "failed", False),
        ("load_sales/before", "running", True),  # it answers for that itself
        ("load_sales/forgotten", None, True),
        ("load_sales/run-1", "running", False),  # this very run, after it was cleared
        ("function/message-7", None, True),
    ],
)
def test_what_a_failed_run_loaded_is_published_by_the_next(
    lake: Lake, loader: str, state: str | None, published: bool
) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake, run_id=loader)
    Registrar(lake, "look").register_entity(
        lake.config.entities["sales"], [Partition.from_path("year=2024/month=03/day=15")]
    )
    task = in_a_dag()
    context = task_context(task, partition_key=KEY)
    context["ti"].runs = {loader: state} if state else {}
    if published:
        with pytest.raises(DownstreamTasksSkipped):
            task.execute(context)
    else:
        assert task.execute(context) == []
        assert context["ti"].xcoms["sense", SCOPE]["files"]


def test_a_run_may_be_of_named_files_of_a_prefix_or_of_a_range(lake: Lake) -> None:
    days = [f"sales_data_2024_03_{day}.csv" for day in (14, 15, 16, 17)]
    for number, day in enumerate(days):
        put(lake, f"{'ab'[number % 2]}/{day}", "x")
    put(lake, "a/notes.txt", "x")
    assert names(sense(keys=[f"a/{days[0]}", f"b/{days[3]}"])[0]) == [days[0], days[3]]
    assert names(sense(prefix="a/")[0]) == [days[0], days[2]]
    assert sorted(names(sense(first_partition="2024-03-15", last_partition="2024-03-16")[0])) == days[1:3]
    assert sorted(names(sense(first_partition="2024-03-16")[0])) == days[2:]
    assert sorted(names(sense(last_partition="2024-03-14")[0])) == days[:1]


def test_named_files_that_are_not_there_fail_the_run_at_once(lake: Lake) -> None:
    put(lake, DAY, "x")
    with pytest.raises(SelectionError, match=r"Param keys: not in s3://.*: sales_data_2024_03_16\.csv$"):
        sense(keys=[DAY, "sales_data_2024_03_16.csv"])
    with pytest.raises(AirflowFailException, match=r"no file of sales for .*: files below nowhere/"):
        sense(prefix="nowhere/")
    with pytest.raises(AirflowFailException, match=r"partitions 2024-03-17 to …"):
        sense(first_partition="2024-03-17")


def test_a_run_of_named_files_answers_for_those_that_others_are_loading(lake: Lake) -> None:
    put(lake, DAY, "x")
    [file] = list_partition(lake, lake.config.entities["sales"], KEY)
    lake.ledger.claim(file, "sales", "p", owner="other", lane="fast", run_id="")
    _, context = sense(keys=[DAY])
    assert context["ti"].xcoms["sense", SCOPE]["keyed"]
    assert list(context["ti"].xcoms["sense", SCOPE]["files"]) == [file.uri]


def preview(**context: Any) -> dict[str, Any]:
    """What a dry run reports, of a sensor whose following tasks it skipped."""
    tasks, given = skipped(in_a_dag(), dry_run=True, **context)
    assert tasks == FOLLOWING
    assert ("sense", SCOPE) not in given["ti"].xcoms
    report: dict[str, Any] = given["ti"].xcoms["sense", PREVIEW]
    assert json.loads(json.dumps(report)) == report
    return report


def test_a_dry_run_says_what_would_become_of_each_file_and_changes_nothing(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(settle_seconds=60)
    entity = lake.config.entities["sales"]
    uris = {day: put(lake, f"sales_data_2024_03_{day}.csv", "x") for day in (10, 11, 12, 13, 14)}
    impossible = put(lake, "sales_data_2024_02_31.csv", "x")
    later = Lake(lake.config, clock=lambda: datetime.now(UTC) + timedelta(seconds=90))
    files = {file.uri: file for file in list_entity(lake, entity)}

    def claim(day: int, run_id: str) -> Entry:
        entry = later.ledger.claim(files[uris[day]], "sales", "p", owner="x", lane="batch", run_id=run_id)
        assert isinstance(entry, Entry)
        return entry

    later.ledger.loaded(
        claim(10, "load_sales/a"),
        rows_loaded=7,
        rows_rejected=0,
        target="t",
        target_etag="e",
        rejects=None,
        rejects_etag=None,
    )
    later.ledger.rejected(claim(11, "load_sales/b"), "line 3 has two columns")
    claim(12, "load_sales/c")
    later.ledger.failed(claim(13, "load_sales/d"), "throttled", retryable=True)

    def look(clock: Lake, **asked: Any) -> dict[str, tuple[str, str]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lakelanes_airflow.sensors.source_files.open_lake", lambda: clock)
            requests = RequestsMade(clock)
            report = preview(**asked)
        assert requests.writes == []
        return {found["file"]: (found["action"], found["why"]) for found in report["files"]}

    seen = look(later)
    assert {uri: action for uri, (action, _) in seen.items()} == {
        uris[10]: "already loaded",
        uris[11]: "load",
        uris[12]: "being loaded",
        uris[13]: "load",
        uris[14]: "load",
        impossible: "refuse",
    }
    why = {uri: text for uri, (_, text) in seen.items()}
    assert "7 rows" in why[uris[10]] and "load_sales/a" in why[uris[10]]
    assert why[uris[11]] == "refused before, and tried again: line 3 has two columns"
    assert "load_sales/c is loading it" in why[uris[12]]
    assert why[uris[13]] == "failed before, attempt 1: throttled"
    assert why[uris[14]] == "new"
    assert "2024-02-31" in why[impossible] or "31" in why[impossible]
    assert look(lake)[uris[14]][0] == "settling"
    assert look(later, partition_key="2024-03-10", reload=True)[uris[10]] == (
        "load",
        "reload was asked for; it is loaded",
    )
    put(lake, "sales_data_2024_03_10.csv", "y")
    assert look(later)[uris[10]] == ("load", "another version than the one that is loaded")


def test_a_dry_run_of_a_partition_without_files_does_not_wait(lake: Lake) -> None:
    assert preview(partition_key=KEY)["counts"] == {}
    assert preview(partition_key="2999-01-01")["files"] == []


def test_a_dry_run_that_fails_tells_nobody(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts, task = Alerts(lake), in_a_dag()

    def fail(*_: Any) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(Selection, "find", fail)
    for dry_run in (True, False):
        context = task_context(task, run_id=f"dry-{dry_run}", dry_run=dry_run)
        with pytest.raises(RuntimeError):
            task.execute(context)
        alert_on_failure({**context, "reason": "task_failure"})
    [alert] = alerts.wait()
    assert alert["run_id"] == "dry-False"


def test_what_was_mistyped_tells_nobody_but_who_triggered_the_run(lake: Lake) -> None:
    task = in_a_dag()
    context = task_context(task, keys=["notes.txt"])
    with pytest.raises(SelectionError):
        task.execute(context)
    alert_on_failure({**context, "reason": "task_failure"})
    assert open_incidents(lake) == []


def test_a_dry_run_names_partitions_that_glue_lacks(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    assert preview(partition_key=KEY)["unregistered"] == ["sales_data", "sales_data_rejects"]
    Registrar(lake, "look").register_entity(
        lake.config.entities["sales"], [Partition.from_path("year=2024/month=03/day=15")]
    )
    assert preview(partition_key=KEY)["unregistered"] == []
    lake.glue.delete_partition(
        DatabaseName=lake.config.resources.glue_database, TableName="sales_data", PartitionValues=["2024", "03", "15"]
    )
    assert preview(partition_key=KEY)["unregistered"] == ["sales_data/year=2024/month=03/day=15"]


def test_only_what_the_ledger_lacks_is_planned(lake: Lake) -> None:
    put(lake, f"a/{DAY}", "x")
    mark_loaded(lake)
    put(lake, f"b/{DAY}", "x")
    put(lake, "b/sales_data_2024_03_16.csv", "x")
    batches, _ = sense(partition_key=KEY)
    assert [file["key"] for batch in batches for file in batch["files"]] == [f"b/{DAY}"]


def test_a_new_version_of_a_loaded_file_is_planned(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    put(lake, DAY, "y")
    assert names(sense(partition_key=KEY)[0]) == [DAY]


def test_reload_plans_what_is_loaded(lake: Lake) -> None:
    put(lake, DAY, "x")
    mark_loaded(lake)
    assert names(sense(partition_key=KEY, reload=True)[0]) == [DAY]


def test_a_file_that_may_still_be_written_is_waited_for(make_lake: Callable[..., Lake]) -> None:
    put(make_lake(settle_seconds=3600), DAY, "x")
    with pytest.raises(TaskDeferred) as deferred:
        sense(partition_key=KEY)
    assert deferred.value.trigger.first_interval == 3600
    with pytest.raises(TaskDeferred):
        sense()


def test_a_file_that_never_settles_misses_the_deadline(make_lake: Callable[..., Lake]) -> None:
    put(make_lake(settle_seconds=3600), DAY, "x")
    task = sensor()
    with pytest.raises(AirflowSensorTimeout, match=r"still being written .*sales_data_2024_03_15\.csv"):
        task.resume(task_context(task, partition_key=KEY), {"status": "deadline"}, deadline="2024-03-17T00:00:00+00:00")


def test_looking_for_a_partition_lists_its_names_only(lake: Lake, listed: list[str]) -> None:
    put(lake, DAY, "x")
    sense(partition_key=KEY)
    before = len(listed)
    for hour in range(30):
        put(lake, f"sales_data_2023_01_{hour + 1:02}.csv", "x")
    listed.clear()
    sense(partition_key=KEY)
    assert len(listed) == before, "the cost follows the partition's files, not those of other days"


def test_a_missed_deadline_says_what_was_expected_where(lake: Lake) -> None:
    task = sensor()
    context = task_context(task, partition_key=KEY)
    with pytest.raises(AirflowSensorTimeout) as missed:
        task.resume(context, {"status": "deadline"}, deadline="2024-03-17T00:00:00+00:00")
    assert "no file for partition 2024-03-15 of sales by 2024-03-17 00:00 UTC" in str(missed.value)
    assert f"s3://{lake.config.resources.source_bucket}/**/sales_data_2024_03_15" in str(missed.value)
    assert context["ti"].xcoms["sense", FAILURE] == str(missed.value)


def test_a_file_that_came_with_the_deadline_is_loaded(lake: Lake) -> None:
    put(lake, DAY, "x")
    task = sensor()
    context = task_context(task, partition_key=KEY)
    assert names(task.resume(context, {"status": "deadline"}, deadline="2024-03-17T00:00:00+00:00")) == [DAY]


def test_a_partition_of_the_future_is_refused(lake: Lake) -> None:
    with pytest.raises(AirflowFailException, match="2999-01-01 of sales is in the future"):
        sense(partition_key="2999-01-01")


def test_a_run_without_partition_key_takes_what_is_there(lake: Lake) -> None:
    assert sense()[0] == []
    put(lake, DAY, "x")
    mark_loaded(lake)
    put(lake, "sales_data_2024_03_16.csv", "x")
    put(lake, "sales_data_2024_02_31.csv", "x")
    put(lake, "notes.txt", "x")
    batches, context = sense()
    assert sorted(names(batches)) == ["sales_data_2024_02_31.csv", "sales_data_2024_03_16.csv"]
    partitions = ["year=2024/month=03/day=15", "year=2024/month=03/day=16"]
    assert context["ti"].xcoms["sense", SCOPE]["partitions"] == partitions, "the loaded one is repaired if need be"


def test_the_partition_parameter_limits_a_run_and_does_not_wait(lake: Lake) -> None:
    put(lake, DAY, "x")
    put(lake, "sales_data_2024_03_16.csv", "x")
    assert names(sense(partition=KEY)[0]) == [DAY]
    with pytest.raises(AirflowFailException, match="no file for partition 2024-03-17 of sales"):
        sense(partition="2024-03-17")
    with pytest.raises(SelectionError, match="Param partition: '15 March' is not a partition of entity sales"):
        sense(partition="15 March")


def test_many_files_become_few_batches(make_lake: Callable[..., Lake]) -> None:
    lake = make_lake(batch_bytes=1 << 20)
    for day in range(1, 29):
        put(lake, f"sales_data_2024_02_{day:02}.csv", "x" * (100 << 10))
    batches, _ = sense()
    assert 1 < len(batches) < 10
    assert sum(len(batch["files"]) for batch in batches) == 28


def test_a_wait_that_failed_fails_the_task_with_its_reason(lake: Lake) -> None:
    task = sensor()
    event: PollEvent = {"status": "error", "message": "NoSuchBucket: it is gone"}
    context = task_context(task, partition_key=KEY)
    with pytest.raises(AirflowFailException, match="files of sales failed several times in a row: NoSuchBucket"):
        task.resume(context, event, deadline="2100-01-01T00:00:00+00:00")
    assert "NoSuchBucket" in context["ti"].xcoms["sense", FAILURE]
