"""What the steps of a load, and of the views, tell OpenLineage, step by step on a local AWS."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.openlineage.utils.utils import TaskInfoComplete
from openlineage.client.serde import Serde

from lakelanes.catalog import views
from lakelanes.config.partitions import Partition
from lakelanes.errors import PermanentLoadError, ViewError
from lakelanes.files.publish import Published, Scope
from lakelanes.lake import Lake
from lakelanes.lineage.datasets import Lineage
from lakelanes_airflow.assets import table_asset
from lakelanes_airflow.lineage.hooks import Remembered
from lakelanes_airflow.operators.load import ConvertOperator, PublishOperator, RefreshViewsOperator
from lakelanes_airflow.runs.plans import Reference
from lakelanes_airflow.sensors.source_files import SourceFilesSensor
from tests.support.airflow import FakeTaskInstance, task_context
from tests.support.lakes import put
from tests.support.openlineage import event_of

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
Event = dict[str, Any]


@pytest.fixture(scope="module")
def shared(make_shared_lake: Callable[..., Lake]) -> Lake:
    return make_shared_lake()


@pytest.fixture(scope="module")
def load(shared: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The events of a load of three files, of which one has a bad row and one is refused."""
    put(shared, "sales_data_2024_03_15.csv", f"{HEADER}t1,c1,1.50,2024-03-15\nt2,c2,2.50,2024-03-15\n")
    put(shared, "sales_data_2024_03_16.csv", f"{HEADER}t1,c1,1.50,2024-03-16\nt2,c2,secret,2024-03-16\n")
    put(shared, "sales_data_2024_03_17.csv", "transaction_id,customer_id,transaction_date\nt1,c1,2024-03-17\n")
    xcoms: dict[Any, Any] = {}
    tell = partial(event_of, folder=tmp_path_factory.mktemp("events"))

    def context(task: Any) -> dict[str, Any]:
        return {**task_context(task), "ti": FakeTaskInstance(task.task_id, xcoms)}

    sense = SourceFilesSensor(task_id="sense", entity="sales")
    xcoms["sense", "return_value"] = [batch] = sense.execute(context(sense))
    convert = ConvertOperator(task_id="convert", batch=batch)
    outlets = [table_asset(shared.config, shared.config.entities["sales"])]
    publish = PublishOperator(task_id="publish", plan="sense", on_failure="r", on_new_table="v", outlets=outlets)
    events = {"convert before": tell(convert, "start"), "publish before": tell(publish, "start")}
    with pytest.raises(PermanentLoadError):
        convert.execute(context(convert))
    publish.choose_branch(context(publish))
    # As [openlineage] include_full_task_info has a task.
    in_full = [Serde.to_json(TaskInfoComplete(task)) for task in (convert, publish)]
    return {**events, "convert": tell(convert, "fail"), "publish": tell(publish, "complete"), "in full": in_full}


def inputs(event: Event) -> dict[str, Any]:
    """Facets of the inputs by name."""
    return {one["name"].rsplit("/", 1)[-1]: one["inputFacets"] for one in event["inputs"]}


def outputs(event: Event) -> dict[str, tuple[int | None, list[str]]]:
    """Rows and partitions of the outputs by name."""
    found = {}
    for one in event["outputs"]:
        facets = one["outputFacets"]
        condition = facets.get("subset", {}).get("outputCondition", {})
        partitions = [partition["identifier"] for partition in condition.get("partitions", ())]
        found[one["name"].rsplit("/", 1)[-1]] = facets.get("outputStatistics", {}).get("rowCount"), partitions
    return found


def day(number: int) -> str:
    return f"year=2024/month=03/day={number}"


def test_a_task_that_failed_tells_what_it_did_all_the_same(load: dict[str, Event]) -> None:
    event = load["convert"]
    read = {name: facets["inputStatistics"]["rowCount"] for name, facets in inputs(event).items()}
    assert read == {f"sales_data_2024_03_{number}.csv": rows for number, rows in ((15, 2), (16, 2), (17, 1))}
    assert outputs(event) == {
        "sales_data": (3, [day(15), day(16)]),
        "sales_data_rejects": (2, [day(16), day(17)]),
    }
    assert event["eventType"] == "FAIL"


def test_rejected_rows_are_told_without_their_values(load: dict[str, Event]) -> None:
    found = inputs(load["convert"])
    assert "dataQualityAssertions" not in found["sales_data_2024_03_15.csv"]
    [check] = found["sales_data_2024_03_16.csv"]["dataQualityAssertions"]["assertions"]
    assert (check["assertion"], check["actual"], check["column"]) == ("rejected_rows", "1", "amount")
    refused = found["sales_data_2024_03_17.csv"]["dataQualityAssertions"]["assertions"]
    assert [one["assertion"] for one in refused] == ["rejected_rows", "files_not_loaded"]
    assert "secret" not in str(found)


def test_a_task_that_starts_tells_what_it_is_to_do(load: dict[str, Event]) -> None:
    assert [facets["inputStatistics"]["fileCount"] for facets in inputs(load["convert before"]).values()] == [1, 1, 1]
    assert outputs(load["convert before"]) == outputs(load["publish before"]) == {"sales_data": (None, [])}


def test_what_a_task_remembers_is_in_no_event_where_these_have_all_of_a_task(load: dict[str, Any]) -> None:
    for told in load["in full"]:
        assert "non-serializable: Remembered" in told
        assert not re.search(r"(FileOutcome|SourceFile|Published|Scope)\(", told)


def test_publishing_tells_the_partitions_that_changed(load: dict[str, Event]) -> None:
    assert outputs(load["publish"]) == {"sales_data": (None, [day(15), day(16)])}


def test_a_sweep_tells_the_files_that_the_low_latency_lane_loaded(shared: Lake, tmp_path: Path) -> None:
    task = PublishOperator(task_id="publish", plan="find", on_failure="r", on_new_table="v")
    fast = {"sales": {f"s3://{shared.config.resources.source_bucket}/in/fast.csv": day(18)}}
    task._published = Remembered(
        (Published(changed={"sales": {Partition.from_path(day(18))}}), Scope(loaded_fast=fast))
    )
    event = event_of(task, "complete", tmp_path)
    assert (inputs(event).keys(), outputs(event)) == ({"fast.csv"}, {"sales_data": (None, [day(18)])})


def test_a_batch_that_lies_in_the_bucket_is_not_fetched_to_tell_of_it(shared: Lake) -> None:
    task = ConvertOperator(
        task_id="convert", batch={"label": "many", "files": Reference(plan="no/such/object", offset=0, length=1)}
    )
    assert task.lineage() == Lineage()


def test_the_views_that_are_there_are_told_with_the_sources_of_their_columns(
    shared: Lake, load: dict[str, Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lineage_good.sql").write_text("SELECT day, SUM(amount) AS revenue FROM sales_data GROUP BY day")
    monkeypatch.setattr(views, "refresh", partial(views.refresh, directory=tmp_path))
    task = RefreshViewsOperator(task_id="refresh")
    for created in (["lineage_good"], []):
        assert task.execute(task_context(task)) == created
        event = event_of(task, "complete", tmp_path)
        assert inputs(event).keys() == {"sales_data"}
        [view] = event["outputs"]
        fields = view["facets"]["columnLineage"]["fields"]
        assert {name: [one["field"] for one in field["inputFields"]] for name, field in fields.items()} == {
            "day": ["day"],
            "revenue": ["amount"],
        }
    (tmp_path / "lineage_bad.sql").write_text("SELECT no_such_column AS x FROM sales_data")
    task = RefreshViewsOperator(task_id="refresh")
    with pytest.raises(ViewError):
        task.execute(task_context(task))
    assert outputs(event_of(task, "fail", tmp_path)).keys() == {"lineage_good"}
