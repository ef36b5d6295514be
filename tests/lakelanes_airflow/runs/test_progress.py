"""What the ledger says of the files of a run: loaded, failed, or busy elsewhere; on a real local AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from lakelanes.alerts.messages import FileFault
from lakelanes.files.listing import list_entity
from lakelanes.files.publish import Scope
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.source_file import SourceFile
from lakelanes_airflow.runs.progress import died_before_publishing, progress
from tests.support.airflow import FakeTaskInstance
from tests.support.lakes import put

RUN = "load_sales/run-1"
PATH = "year=2024/month=03/day=15"
RESULT: dict[str, Any] = {"target": "t", "target_etag": "e", "rejects": None, "rejects_etag": None}


@pytest.fixture
def file(lake: Lake) -> SourceFile:
    put(lake, "sales_data_2024_03_15.csv", "x")
    [found] = list_entity(lake, lake.config.entities["sales"])
    return found


def claim(lake: Lake, file: SourceFile, run_id: str = RUN, *, reload: bool = False) -> Entry:
    claimed = lake.ledger.claim(file, "sales", PATH, owner="o", lane="batch", run_id=run_id, reload=reload)
    assert isinstance(claimed, Entry)
    return claimed


def load(lake: Lake, file: SourceFile, run_id: str = RUN, **options: Any) -> None:
    lake.ledger.loaded(claim(lake, file, run_id, **options), rows_loaded=1, rows_rejected=0, **RESULT)


def test_a_planned_file_that_nobody_claimed_was_interrupted(lake: Lake, file: SourceFile) -> None:
    state = progress(lake, RUN, [("sales", file)], Scope("sales"))
    assert [(fault.file, fault.state) for fault in state.faults] == [(file.uri, "interrupted")]
    assert state.unloaded == {file.uri}


def test_a_loaded_file_is_no_fault(lake: Lake, file: SourceFile) -> None:
    load(lake, file, "sweep_sources/other")
    assert progress(lake, RUN, [("sales", file)], Scope("sales")).unloaded == set()


def test_a_reload_has_to_be_of_this_very_run(lake: Lake, file: SourceFile) -> None:
    load(lake, file, "load_sales/run-0")
    [fault] = progress(lake, RUN, [("sales", file)], Scope("sales"), reload=True).faults
    assert fault.state == "interrupted"
    load(lake, file, reload=True)
    assert progress(lake, RUN, [("sales", file)], Scope("sales"), reload=True).faults == []


def test_a_claim_of_this_run_was_interrupted_and_one_of_another_is_busy(lake: Lake, file: SourceFile) -> None:
    claim(lake, file)
    assert [f.state for f in progress(lake, RUN, [("sales", file)], Scope("sales")).faults] == ["interrupted"]
    state = progress(lake, "load_sales/run-2", [("sales", file)], Scope("sales"))
    assert (state.faults, state.busy, state.unloaded) == ([], [file.uri], {file.uri})


def test_a_failure_has_its_reason(lake: Lake, file: SourceFile) -> None:
    lake.ledger.failed(claim(lake, file), "a lost connection", retryable=True)
    [fault] = progress(lake, RUN, [("sales", file)], Scope("sales")).faults
    assert (fault.state, fault.reason) == ("failed", "a lost connection")


def test_a_refusal_is_told_with_all_that_the_ledger_knows_of_it(lake: Lake, file: SourceFile) -> None:
    claimed = replace(claim(lake, file), rejects="s3://analytics/rejects", rejects_etag="e")
    rows = {"rows_rejected": 3, "rows_withheld": 2}
    lake.ledger.rejected(claimed, "not a number", line=7, column="amount", **rows)
    expected = FileFault(
        file.uri, "sales", "rejected", "not a number", line=7, column="amount", rejects="s3://analytics/rejects", **rows
    )
    assert progress(lake, RUN, [("sales", file)], Scope("sales")).faults == [expected]
    asked = Scope("sales", keyed=True, files={file.uri: PATH})
    assert progress(lake, RUN, [], asked).faults == [expected]


def test_a_claim_of_another_run_that_ran_out_was_interrupted(
    lake: Lake, file: SourceFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(lake, file)
    monkeypatch.setattr(lake.ledger, "_clock", lambda: datetime.now(UTC) + timedelta(hours=1))
    state = progress(lake, "load_sales/run-2", [("sales", file)], Scope("sales"))
    assert ([fault.state for fault in state.faults], state.busy) == (["interrupted"], [])


@pytest.mark.parametrize(
    ("known", "planned", "states"),
    [
        # By the times of the two versions, and by the order of their events where both have one.
        ({}, {"last_modified": timedelta(seconds=1)}, ["interrupted"]),
        ({}, {"last_modified": -timedelta(seconds=1)}, ["failed"]),
        ({"sequencer": "01"}, {"sequencer": "02"}, ["interrupted"]),
        ({"sequencer": "02"}, {"sequencer": "01"}, ["failed"]),
    ],
)
def test_what_became_of_an_older_version_is_not_what_became_of_the_planned_one(
    lake: Lake, file: SourceFile, known: dict[str, Any], planned: dict[str, Any], states: list[str]
) -> None:
    lake.ledger.failed(claim(lake, replace(file, **known)), "a lost connection", retryable=True)
    later = {**planned, "last_modified": file.last_modified + planned.get("last_modified", timedelta())}
    other = replace(file, etag="another", **later)
    state = progress(lake, "load_sales/run-2", [("sales", other)], Scope("sales"))
    assert [fault.state for fault in state.faults] == states


@pytest.mark.parametrize(("keyed", "states"), [(True, ["deleted"]), (False, [])])
def test_a_deleted_file_is_missed_by_a_run_that_was_asked_for_it(
    lake: Lake, file: SourceFile, keyed: bool, states: list[str]
) -> None:
    lake.ledger.deleted(claim(lake, file))
    state = progress(lake, RUN, [("sales", file)], Scope("sales", keyed=keyed))
    assert [fault.state for fault in state.faults] == states


def test_a_keyed_run_answers_for_files_that_it_did_not_plan(lake: Lake, file: SourceFile) -> None:
    scope = Scope("sales", keyed=True, files={file.uri: PATH})
    assert progress(lake, RUN, [], scope).unloaded == set(), "the ledger does not know it"
    claim(lake, file, "load_sales/run-2")
    assert progress(lake, RUN, [], scope).busy == [file.uri]


def context(**runs: str) -> dict[str, Any]:
    named = {name.replace("__of__", "/"): state for name, state in runs.items()}
    return {
        "dag": SimpleNamespace(dag_id="load_sales"),
        "run_id": "run-1",
        "ti": FakeTaskInstance("sense", runs=named),
    }


@pytest.mark.parametrize(
    ("loaders", "died"),
    [
        ([], False),
        (["load_sales/run-1"], True),
        (["load_sales/bad"], True),
        (["load_sales/good"], False),
        (["load_sales/forgotten"], False),
        (["sweep_sources/bad"], True),
        (["load_others/bad"], False),
        (["a-request-of-lambda"], False),
    ],
)
def test_only_failed_runs_of_this_dag_and_of_the_sweep_may_not_have_published(loaders: list[str], died: bool) -> None:
    given = context(
        load_sales__of__bad="failed",
        load_sales__of__good="success",
        sweep_sources__of__bad="failed",
        load_others__of__bad="failed",
    )
    assert died_before_publishing(given, loaders) is died


def test_an_airflow_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    given = context()

    def refuse(**_: Any) -> str:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 500}))

    monkeypatch.setattr(given["ti"], "get_dagrun_state", refuse)
    with pytest.raises(AirflowRuntimeError):
        died_before_publishing(given, ["load_sales/run-0"])
