"""Plans of any size: what the run's XComs have of them, and what of them lies in S3."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowFailException

from lakelanes.alerts.messages import FileFault
from lakelanes.errors import PlanGoneError
from lakelanes.files.batch_plan import MAX_BATCHES
from lakelanes.files.outcomes import FileOutcome
from lakelanes.files.publish import Published, Scope
from lakelanes.files.sweep import Sweep
from lakelanes.lake import Lake
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.notifications.run_alerts import failures
from lakelanes_airflow.operators import load
from lakelanes_airflow.operators.load import (
    ConvertOperator,
    FindUnloadedOperator,
    PublishOperator,
    ReportFailuresOperator,
)
from lakelanes_airflow.runs import plans, source_look
from lakelanes_airflow.runs.early_end import show_preview
from lakelanes_airflow.runs.plans import (
    FOLDER,
    KEPT_DAYS,
    LIMIT,
    files_of,
    hand_over,
    is_reference,
    keep_plan,
    scope_of,
    taken,
)
from lakelanes_airflow.runs.progress import Progress
from lakelanes_airflow.runs.source_look import SourceLook
from lakelanes_airflow.runs.xcoms import FAILURE, FAULTS, PREVIEW, SCOPE
from lakelanes_airflow.sensors.source_files import SourceFilesSensor
from scripts.deploy import lake_template
from tests.support.airflow import FakeTaskInstance, task_context
from tests.support.lakes import SALES, make_config, put
from tests.support.properties import EFFORT

# Files of a whole run; of a plan alone there are 200,000 in any case.
MANY = 200_000 if EFFORT >= 100 else 20_000
# Each of these characters takes twelve bytes in an XCom.
LONG = "\N{GRINNING FACE}" * 40


def files(count: int, name: str = "sales_data_2024_03_15") -> list[SourceFile]:
    when = datetime(2024, 3, 15, tzinfo=UTC)
    return [SourceFile("landing", f"in/{name}_{n:07}.csv", f"{n:032x}", 100_000 + n, when) for n in range(count)]


def bytes_of(value: Any) -> int:
    """Of an XCom as Airflow's database has it: a column of JSON, which SQLAlchemy writes with json.dumps."""
    return len(json.dumps(BaseXCom.serialize_value(value)))


def context_of(run: dict[Any, Any], task: Any, **given: Any) -> dict[str, Any]:
    return {**task_context(task, **given), "ti": FakeTaskInstance(task.task_id, run)}


def objects(lake: Lake) -> list[str]:
    listed = lake.s3.list_objects_v2(Bucket=lake.config.resources.analytics_bucket, Prefix=FOLDER)
    return [found["Key"] for found in listed.get("Contents", ())]


def keep(
    lake: Lake, found: Mapping[str, list[SourceFile]], scope: Scope | None = None
) -> tuple[list[plans.Batch], Any]:
    run: dict[Any, Any] = {}
    task = FindUnloadedOperator(task_id="find")
    batches = keep_plan(lake, context_of(run, task, dag_id="load_sales"), found, scope or Scope(entity="sales"))
    return batches, run["find", SCOPE]


def test_a_small_plan_is_in_the_xcoms_whole(lake: Lake) -> None:
    wanted = files(3)
    [batch], kept = keep(lake, {"sales": wanted}, Scope(entity="sales", partitions=("a=1",), files={"s3://b/k": "a=1"}))
    assert batch["label"] == "3 files, 0.3 MB: sales_data_2024_03_15_0000000.csv … sales_data_2024_03_15_0000002.csv"
    assert [file["key"] for file in batch["files"]] == [file.key for file in wanted]  # type: ignore[index]
    assert files_of(lake, json.loads(json.dumps(batch))) == [("sales", file) for file in wanted]
    assert scope_of(lake, kept) == Scope(entity="sales", partitions=("a=1",), files={"s3://b/k": "a=1"})
    assert objects(lake) == []


def test_a_large_plan_lies_in_s3_and_each_task_reads_its_part_alone(lake: Lake) -> None:
    lake.config.entities["sales"].__dict__["batch_bytes"] = 20_000_000
    wanted = files(1000)
    scope = Scope(entity="sales", keyed=True, files={file.uri: "year=2024" for file in wanted})
    batches, kept = keep(lake, {"sales": wanted}, scope)
    asked: list[str] = []
    lake.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: asked.append(params.get("Range"))
    )
    assert len(batches) == 9 and all(is_reference(batch["files"]) for batch in batches)
    found = [planned for batch in batches for planned in files_of(lake, json.loads(json.dumps(batch)))]
    assert found == [("sales", file) for file in wanted]
    assert scope_of(lake, kept) == scope
    [key] = objects(lake)
    spans = [tuple(map(int, text.removeprefix("bytes=").split("-"))) for text in asked]
    body = lake.s3.get_object(Bucket=lake.config.resources.analytics_bucket, Key=key)["Body"].read()
    *parts, own = spans
    assert parts[0][0] == own[1] + 1 and own[0] == 0 and parts[-1][1] == len(body) - 1
    assert all(last + 1 == first for (_, last), (first, _) in pairwise(parts))
    lines = gzip.decompress(body).splitlines()
    assert [json.loads(line)["key"] for line in lines[1:]] == [file.key for file in wanted], "a gzip file of JSON lines"


def test_a_plan_that_is_made_again_is_the_same_object_and_another_one_leaves_it_alone(lake: Lake) -> None:
    first, again, other = keep(lake, {"sales": files(2000)}), keep(lake, {"sales": files(2000)}), files(2000)[1:]
    assert first == again and len(objects(lake)) == 1
    assert keep(lake, {"sales": other}) != first
    assert len(objects(lake)) == 2
    assert [file for batch in first[0] for _, file in files_of(lake, batch)] == files(2000)


def test_a_plan_that_is_gone_is_said_with_what_to_do(lake: Lake) -> None:
    batches, _ = keep(lake, {"sales": files(2000)})
    [key] = objects(lake)
    bucket = lake.config.resources.analytics_bucket
    lake.s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(PlanGoneError, match=rf"no s3://{bucket}/{key}.*kept for 14 days.*clear the run's first task"):
        files_of(lake, batches[0])


def test_the_failure_of_a_run_whose_plan_is_gone_says_so(lake: Lake) -> None:
    run: dict[Any, Any] = {}
    run["sense", "return_value"], run["sense", SCOPE] = keep(lake, {"sales": files(2000)})
    lake.s3.delete_object(Bucket=lake.config.resources.analytics_bucket, Key=objects(lake)[0])
    publish = PublishOperator(task_id="publish", plan="sense", on_failure="report", on_new_table="refresh")
    with pytest.raises(PlanGoneError):
        publish.choose_branch(context_of(run, publish))
    report = ReportFailuresOperator(task_id="report_failures", plan="sense", publish="publish")
    context = context_of(run, report)
    with pytest.raises(AirflowFailException, match="the run's plan is gone"):
        report.execute(context)
    [alert] = failures(lake, context).values()
    assert alert.reason.count("the run's plan is gone") == 1


@pytest.mark.parametrize("spare", [0, -1])
def test_what_is_beyond_the_limit_by_one_byte_goes_to_s3(lake: Lake, spare: int) -> None:
    rows = [{"text": "x" * 100}] * 10
    room = sum(len(json.dumps(row)) + 2 for row in rows) + spare
    [kept] = hand_over(lake, "load_sales", [lambda: rows], room)
    assert (kept == rows) is (spare == 0)
    assert taken(lake, kept) == rows


@pytest.fixture
def stages(make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A listing of MANY files; loads that succeed without loading, and a ledger that then knows of none."""
    found = files(MANY, f"2024_03_15_{LONG}")
    lake = make_lake(filename_pattern=r"(\d{4})_(\d{2})_(\d{2})_.+\.csv")
    given = SimpleNamespace(found=found, loaded=[], lake=lake)

    def load_batch(lake: Lake, entity: Any, files: list[SourceFile], **_: Any) -> list[FileOutcome]:
        given.loaded += [file.key for file in files]
        return [FileOutcome(file.uri, "loaded", rows_loaded=1) for file in files]

    def progress(lake: Lake, run_id: str, planned: Any, scope: Scope, **_: Any) -> Progress:
        assert len(scope.files) in (0, MANY)
        return Progress([FileFault(file.uri, name, "interrupted", "killed") for name, file in planned])

    monkeypatch.setattr(source_look, "look_at_source", lambda *_: SourceLook(found, found, []))
    monkeypatch.setattr(load, "load_batch", load_batch)
    monkeypatch.setattr(load, "progress", progress)
    monkeypatch.setattr(load, "publish", lambda *_: Published())
    return given


def test_no_xcom_of_a_plan_of_200_000_files_has_100_kb(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that take the most room, and all of them in the scope too, as of a run with a partition key."""
    found = files(200_000, LONG)
    sent: list[bytes] = []
    monkeypatch.setattr(lake.s3, "put_object", lambda Body, **_: sent.append(Body))
    batches, kept = keep(lake, {"sales": found}, Scope("sales", True, files={file.uri: "year=2024" for file in found}))
    assert len(batches) == MAX_BATCHES
    print(bytes_of(batches), bytes_of(kept), len(sent[0]))
    assert max(bytes_of(batches), bytes_of(kept)) < LIMIT
    rows = [json.loads(line) for line in gzip.decompress(sent[0]).splitlines()]
    assert len(rows) == 1 + len(found)
    assert [row["key"] for row in rows[1:]] == [file.key for file in found]


def test_what_batches_are_called_takes_room_beside_their_files(lake: Lake) -> None:
    lake.config.entities["sales"].__dict__["batch_bytes"] = 1
    long = [replace(file, key=file.key[:-4] + "\N{GRINNING FACE}" * 120) for file in files(MAX_BATCHES)]
    batches, _ = keep(lake, {"sales": long})
    assert len(batches) == MAX_BATCHES
    assert sum(bytes_of({"entity": "sales", **file.to_dict()}) for file in long) < LIMIT, "they alone would have room"
    assert bytes_of(batches) < LIMIT and is_reference(batches[0]["files"])


def test_no_xcom_of_a_run_with_many_files_has_100_kb(stages: SimpleNamespace) -> None:
    """All of them belong to the run's partition, none is loaded in the end, and their names take the most room."""
    run: dict[Any, Any] = {}
    sense = SourceFilesSensor(task_id="sense", entity="sales")
    key = "2024-03-15"
    run["sense", "return_value"] = batches = sense.execute(context_of(run, sense, partition_key=key))
    assert 1 < len(batches) <= MAX_BATCHES
    for index, batch in enumerate(batches):
        convert = ConvertOperator(task_id="convert", batch=json.loads(json.dumps(batch)))
        run["convert", "return_value", index] = convert.execute(context_of(run, convert, partition_key=key))
    assert stages.loaded == [file.key for file in stages.found]
    publish = PublishOperator(task_id="publish", plan="sense", on_failure="report", on_new_table="refresh")
    assert publish.choose_branch(context_of(run, publish, partition_key=key)) == ["report"]
    report = ReportFailuresOperator(task_id="report_failures", plan="sense", publish="publish")
    context = context_of(run, report, partition_key=key)
    with pytest.raises(AirflowFailException) as said:
        report.execute(context)
    assert len(str(said.value).splitlines()) == 1002 and f"{MANY - 1000} more" in str(said.value)
    sizes = {name: bytes_of(value) for name, value in run.items()}
    print(sizes)
    assert {("sense", SCOPE), ("report_failures", FAULTS), ("report_failures", FAILURE)} < sizes.keys()
    assert max(sizes.values()) < LIMIT
    listed = run["report_failures", FAULTS]
    assert is_reference(listed)
    assert [fault["file"] for fault in taken(stages.lake, listed)] == [file.uri for file in stages.found]


def test_the_alert_is_of_every_file_wherever_the_report_keeps_them(lake: Lake) -> None:
    faults = [FileFault(file.uri, "sales", "interrupted", "killed") for file in files(1000)]
    [kept] = hand_over(lake, "load_sales", [lambda: [vars(fault) for fault in faults]])
    assert is_reference(kept)
    task = ReportFailuresOperator(task_id="report_failures", plan="sense", publish="publish")
    context = context_of({("report_failures", FAULTS): kept}, task)
    assert [alert.files for alert in failures(lake, context).values()] == [[fault] for fault in faults]
    lake.s3.delete_object(Bucket=lake.config.resources.analytics_bucket, Key=kept["plan"])
    assert [alert.files for alert in failures(lake, context).values()] == [()], "sent all the same"


def test_a_sweep_over_many_entities_has_few_tasks_and_small_xcoms(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake()
    names = [f"entity_{n:03}" for n in range(200)]
    entity = lake.config.entities["sales"]
    many = replace(lake, config=lake.config.model_copy(update={"entities": dict.fromkeys(names, entity)}))
    found = {name: files(20, name) for name in names}
    fast = {name: {file.uri: "year=2024" for file in files(100)} for name in names}
    seen = Sweep(True, 4000, files=found, loaded_fast=fast, until="2024-03-15")
    monkeypatch.setattr(load, "open_lake", lambda: many)
    monkeypatch.setattr(load, "find_unloaded", lambda *_, **__: seen)
    monkeypatch.setattr(load, "register_done", lambda *_: 0)
    run: dict[Any, Any] = {}
    task = FindUnloadedOperator(task_id="find")
    batches = task.execute(context_of(run, task, dag_id="sweep_sources", full=False))
    assert len(batches) <= MAX_BATCHES
    assert [planned for batch in batches for planned in files_of(lake, batch)] == [
        (name, file) for name in names for file in found[name]
    ]
    assert scope_of(lake, run["find", SCOPE]).loaded_fast == fast
    assert max(map(bytes_of, [batches, *run.values()])) < LIMIT


def test_a_batch_of_several_entities_loads_them_all_though_one_fails(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**SALES, "filename_pattern": r"other_(\d{4})_(\d{2})_(\d{2})\.csv", "table_name": "other_data"}
    lake = make_lake(others={"another": other})
    rows = "transaction_id,customer_id,amount,transaction_date\nt1,c1,1.50,2024-03-15\n"
    uri = put(lake, "sales_data_2024_03_15.csv", rows)
    put(lake, "other_2024_03_15.csv", rows)
    task, run = FindUnloadedOperator(task_id="find"), dict[Any, Any]()
    [batch] = task.execute(context_of(run, task, dag_id="sweep_sources", full=True))
    assert batch["label"].startswith("2 entities: 2 files")
    real = load.load_batch

    def load_batch(lake: Lake, entity: Any, *arguments: Any, **given: Any) -> Any:
        if entity.name == "another":  # the first of the two
            raise ConnectionError("lost")
        return real(lake, entity, *arguments, **given)

    monkeypatch.setattr(load, "load_batch", load_batch)
    convert = ConvertOperator(task_id="convert", batch=batch)
    with pytest.raises(ConnectionError):
        convert.execute(context_of(run, convert, dag_id="sweep_sources"))
    entry = lake.ledger.get(uri)
    assert entry is not None and entry.state == "loaded"


def test_a_dry_runs_report_is_cut_to_what_an_xcom_holds(lake: Lake) -> None:
    run: dict[Any, Any] = {}
    task = FindUnloadedOperator(task_id="find")
    seen = [{"file": LONG, "entity": "sales", "partition": None, "action": "load", "why": "new"}] * 1000
    report = {"counts": {"load": 1000}, "files": seen, "left_off": 7, "unregistered": ["year=2024"] * 1000}
    show_preview(task, context_of(run, task), "the sweep", report)
    kept = run["find", PREVIEW]
    assert 0 < len(kept["files"]) < 1000 and len(kept["files"]) + kept["left_off"] == 1007
    assert LIMIT * 0.9 < bytes_of(kept) < LIMIT


def test_a_reason_is_cut_to_what_an_xcom_holds(lake: Lake) -> None:
    run: dict[Any, Any] = {}
    task = SourceFilesSensor(task_id="sense", entity="sales")
    with pytest.raises(ValueError, match="x"), load.explained(context_of(run, task)):
        raise ValueError("x" + LONG * 10_000)
    assert run["sense", FAILURE].startswith("x\N{GRINNING FACE}")
    assert max(map(bytes_of, run.values())) < LIMIT


def test_the_template_keeps_plans_as_long_as_the_message_says() -> None:
    rules = lake_template(make_config({"sales": SALES}))["Resources"]["AnalyticsBucket"]["Properties"][
        "LifecycleConfiguration"
    ]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if rule.get("Prefix") == f"{FOLDER}/"] == [KEPT_DAYS]
