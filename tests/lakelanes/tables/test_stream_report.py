"""What a batch's report and its alerts say of the records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lakelanes.tables.stream_report import (
    BatchReport,
    RecordFault,
    keys_of,
    latency_of,
    refusal_alert,
    sequence_of,
    unreadable_alert,
)
from tests.lakelanes.tables.support import make_table

NOW = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)


def changed_at(seconds: Any) -> dict[str, Any]:
    return {"dynamodb": {"ApproximateCreationDateTime": seconds}}


def test_the_latency_is_that_of_the_oldest_record() -> None:
    noon = NOW.timestamp() - 10
    assert latency_of([changed_at(noon + 7), changed_at(noon + 1.5), changed_at(noon + 9), {}], NOW) == 8.5
    assert latency_of([changed_at("noon"), {"dynamodb": None}], NOW) is None


@pytest.mark.parametrize("record", [{}, {"dynamodb": []}, {"dynamodb": {}}, {"dynamodb": {"SequenceNumber": 7}}])
def test_a_record_without_a_sequence_number_has_an_empty_one(record: dict[str, Any]) -> None:
    # Lambda takes it for the whole batch.
    assert sequence_of(record) == ""


def test_keys_are_json_cut_after_200_characters() -> None:
    assert keys_of({"dynamodb": {"Keys": {"id": {"S": "ä"}}}}) == '{"id": {"S": "ä"}}'
    assert keys_of({"dynamodb": {"Keys": "x" * 198}}) == f'"{"x" * 198}"'
    assert keys_of({"dynamodb": {"Keys": "x" * 199}}) == f'"{"x" * 199}…'


def test_failures_are_the_records_that_are_not_visible() -> None:
    assert BatchReport(records=5, rows=3).failures == 2
    assert BatchReport(records=5, state="ignored").failures == 0


@pytest.mark.parametrize(("lanes", "repaired_by_export"), [(["export", "stream"], True), (["stream"], False)])
def test_an_alert_counts_the_records_and_says_when_the_item_is_right_again(
    lanes: list[str], repaired_by_export: bool
) -> None:
    table = make_table(lanes=lanes)
    object.__setattr__(table, "name", "orders")
    faults = [RecordFault("1", '{"id": {"S": "a"}}', "the first reason"), RecordFault("2", "{}", "another")]
    alert = unreadable_alert(table, BatchReport(stream="arn"), faults)
    assert alert.reason == "2 records of the stream of shop-orders cannot be read; the first: the first reason"
    assert [file.reason for file in alert.files] == ["the first reason", "another"]
    assert ("export_orders" in alert.what_to_do) is repaired_by_export
    assert unreadable_alert(table, BatchReport(), faults[:1]).reason.startswith("1 record of the stream")


def test_an_alert_on_a_stream_has_its_reason() -> None:
    alert = refusal_alert(BatchReport(stream="arn", state="refused", reason="it has no images"))
    assert (alert.run_id, alert.entity, alert.reason) == ("arn", None, "it has no images")
