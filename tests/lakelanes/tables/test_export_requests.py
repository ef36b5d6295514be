"""Requests for exports by the local DynamoDB: made once, found again, and made anew when an export fails."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lakelanes.errors import ExportFailedError, GapError
from lakelanes.lake import Lake
from lakelanes.tables.export_requests import MAX_ATTEMPTS, client_token, is_in_progress, poll_export, request_export
from lakelanes.tables.ledger import Export
from lakelanes.tables.planning import plan
from lakelanes.tables.windows import Window
from tests.lakelanes.tables.export_runs import export_arns, finish_export, plan_full
from tests.localaws.controls import control
from tests.support.source_tables import SourceTable


def test_a_token_is_a_function_of_table_window_and_attempt() -> None:
    first = Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="id")
    others = [
        Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="id", attempt=2),
        Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="other"),
        Export(table="t", kind="window", start="b", end="c", table_arn="arn", table_id="id"),
        Export(table="t", kind="full", start="a", end="b", table_arn="arn", table_id="id"),
    ]
    same = Export(table="t", kind="window", start="a", end="b", table_arn="arn", table_id="id", run_id="r", revision=3)
    assert client_token(first) == client_token(same)
    assert len({client_token(first), *map(client_token, others)}) == 5


def test_a_second_run_and_a_retry_find_the_export_that_is_under_way(source: SourceTable) -> None:
    control(source.aws, "dynamodb/exports", hold=True)
    planned = plan_full(source)
    first = request_export(source.lake, source.table, planned)
    assert first.state == "exporting"
    assert request_export(source.lake, source.table, planned).export_arn == first.export_arn
    assert poll_export(source.lake, source.table, first).state == "exporting"
    control(source.aws, "dynamodb/exports", hold=False)
    assert finish_export(source, first).state == "exported"
    assert len(export_arns(source)) == 1


def test_a_request_whose_answer_was_lost_finds_its_export(source: SourceTable) -> None:
    planned = plan_full(source)
    refusal = {"code": "ExportConflictException", "after_accepting": True}
    control(source.aws, "dynamodb/exports", hold=True, refuse=refusal)
    with pytest.raises(source.lake.dynamodb.exceptions.ExportConflictException):
        request_export(source.lake, source.table, planned)
    assert request_export(source.lake, source.table, planned).export_arn == export_arns(source)[0]
    assert len(export_arns(source)) == 1


def test_an_export_whose_token_has_expired_is_found_in_the_list_of_exports(source: SourceTable) -> None:
    planned = plan_full(source)
    refusal = {"code": "ExportConflictException", "after_accepting": True}
    control(source.aws, "dynamodb/exports", hold=True, refuse=refusal)
    with pytest.raises(source.lake.dynamodb.exceptions.ExportConflictException):
        request_export(source.lake, source.table, planned)
    source.advance(timedelta(hours=9))
    later = Lake.open(source.lake.config, lambda: source.lake.clock() + timedelta(hours=9))
    assert request_export(later, source.table, planned).export_arn == export_arns(source)[0]
    assert len(export_arns(source)) == 1


def test_a_failed_export_is_begun_again_a_few_times_and_then_waits_for_a_person(source: SourceTable) -> None:
    planned = plan_full(source)
    failure = {"code": "InternalServerError", "message": "not now", "count": MAX_ATTEMPTS}
    control(source.aws, "dynamodb/exports", fail=failure)
    export = planned
    for attempt in range(2, MAX_ATTEMPTS + 1):
        export = finish_export(source, export)
        assert (export.state, export.attempt, export.reason) == ("planned", attempt, "InternalServerError: not now")
    with pytest.raises(ExportFailedError, match="4 times, the last time with InternalServerError: not now"):
        finish_export(source, export)
    failed = source.ledger.export("full", planned.start)
    assert failed is not None and failed.state == "failed"
    assert len(export_arns(source)) == MAX_ATTEMPTS
    period = Window(planned.window.start, source.now())
    assert plan(source.lake, source.table, run_id="the next scheduled run", period=period).exports == ()
    [again] = plan(source.lake, source.table, run_id="a run that was triggered").exports
    assert (again.version, again.state) == (planned.version, "planned")
    assert finish_export(source, again).state == "exported"


@pytest.mark.parametrize("code", ["S3NoSuchBucket", "S3AccessDenied", "KmsNotFoundException"])
def test_an_export_that_would_fail_again_is_begun_once(source: SourceTable, code: str) -> None:
    planned = plan_full(source)
    control(source.aws, "dynamodb/exports", fail={"code": code, "message": "no", "count": 1})
    with pytest.raises(ExportFailedError, match=f"DynamoDB failed the full export .* with {code}: no"):
        finish_export(source, planned)
    failed = source.ledger.export("full", planned.start)
    assert failed is not None and failed.state == "failed"
    assert len(export_arns(source)) == 1
    [again] = plan(source.lake, source.table, run_id="a run that was triggered").exports
    assert finish_export(source, again).state == "exported"


def test_an_export_that_dynamodb_refuses_for_good_is_a_gap(source: SourceTable) -> None:
    planned = plan_full(source)
    source.recovery(False)
    with pytest.raises(GapError, match="recovery_off: DynamoDB refuses") as raised:
        request_export(source.lake, source.table, planned)
    assert "lakelanes tables repair orders" in raised.value.remedy
    found = source.ledger.export("full", planned.start)
    assert found is not None and found.state == "gap" and "recovery_off" in str(found.reason)


def test_a_token_is_searched_in_all_pages_of_the_list(source: SourceTable) -> None:
    planned = full_export_whose_answer_is_lost(source)
    [first] = export_arns(source)
    # A newer export of the same table, and a page of its own for each.
    source.settle()
    chain = source.ledger.chain()
    assert chain is not None
    source.lake.dynamodb.export_table_to_point_in_time(
        TableArn=chain.table_arn,
        S3Bucket=source.lake.config.resources.analytics_bucket,
        ExportType="FULL_EXPORT",
        ExportFormat="DYNAMODB_JSON",
    )
    source.advance(timedelta(hours=9))
    later = Lake.open(source.lake.config, lambda: source.lake.clock() + timedelta(hours=9))
    pages: list[int] = []

    def one_a_page(params: dict[str, object], **_: object) -> None:
        params["MaxResults"] = 1
        pages.append(1)

    later.dynamodb.meta.events.register("before-parameter-build.dynamodb.ListExports", one_a_page)
    assert request_export(later, source.table, planned).export_arn == first
    assert len(pages) >= 2


def full_export_whose_answer_is_lost(source: SourceTable) -> Export:
    planned = plan_full(source)
    refusal = {"code": "ExportConflictException", "after_accepting": True}
    control(source.aws, "dynamodb/exports", refuse=refusal)
    with pytest.raises(source.lake.dynamodb.exceptions.ExportConflictException):
        request_export(source.lake, source.table, planned)
    return planned


def test_an_export_of_another_incarnation_of_the_table_is_a_gap(source: SourceTable) -> None:
    export = request_export(source.lake, source.table, plan_full(source))
    planned_before, _ = source.ledger.write(export, table_id="of the table before")
    with pytest.raises(GapError, match="than was planned") as raised:
        while planned_before.state == "exporting":
            planned_before = poll_export(source.lake, source.table, planned_before)
    assert raised.value.state == "table_recreated"


def test_an_export_that_dynamodb_does_not_know_is_made_anew(source: SourceTable) -> None:
    export = request_export(source.lake, source.table, plan_full(source))
    unknown = f"{export.table_arn}/export/01700000000000-00000000"
    export, _ = source.ledger.write(export, export_arn=unknown)
    again = poll_export(source.lake, source.table, export)
    assert (again.state, again.attempt, again.export_arn) == ("planned", 2, None)
    assert again.reason == f"ExportNotFound: {unknown}"
    assert not is_in_progress(source.lake, unknown)
