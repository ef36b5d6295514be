"""What an alert says, and that it reaches the topic's subscribers."""

from __future__ import annotations

import json
from dataclasses import replace

from lakelanes.alerts.messages import Alert, FileFault, publish, where_rejects_are
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.support.waiting import wait_for

FAULT = FileFault("s3://in/sales_data_2024_03_15.csv", "sales", "rejected", "12.345 has too many digits", 17, "amount")
ALERT = Alert(
    dag_id="load_sales",
    run_id="manual__1",
    entity="sales",
    reason="1 file was not loaded",
    what_to_do="Upload a corrected file.",
    run_url="http://airflow/dags/load_sales/runs/manual__1",
    partition_key="2024-03-15",
    files=[FAULT],
)


def test_the_text_names_everything_one_needs_to_act() -> None:
    for part in (
        "load_sales",
        "manual__1",
        "sales",
        "2024-03-15",
        "1 file was not loaded",
        "Upload a corrected file.",
        "s3://in/sales_data_2024_03_15.csv, line 17, column amount: 12.345 has too many digits",
        "http://airflow/",
    ):
        assert part in ALERT.text


def test_bad_rows_are_told_apart_from_those_withheld_with_the_file() -> None:
    entry = Entry("s3://in/a.csv", entity="sales", state="rejected", error="no date", rejects="s3://out/a.parquet")
    fault = FileFault.from_entry(replace(entry, rows_rejected=300, rows_withheld=88))
    assert str(fault) == "s3://in/a.csv: no date (212 bad rows, 88 withheld)"
    alert = replace(ALERT, files=[fault])
    assert "no date (212 bad rows, 88 withheld)" in alert.text
    [told] = json.loads(alert.json)["files"]
    assert (told["rows_rejected"], told["rows_withheld"]) == (300, 88)
    assert str(replace(fault, state="failed")) == "s3://in/a.csv: no date", "nothing is known of its rows"
    assert "lake.sales_rejects, column source_file; of those without" in where_rejects_are("lake.sales_rejects")
    assert "'the file was refused'" in where_rejects_are("lake.sales_rejects")


def test_the_subject_is_what_sns_accepts() -> None:
    long = Alert("load_" + "ü" * 120, "r", None, "", "")
    assert long.subject.isascii()
    assert len(long.subject) < 100


def test_a_message_stays_below_the_limit_of_sns_however_many_files_failed() -> None:
    many = Alert("load_sales", "r", "sales", "x", "y", files=[FAULT] * 10_000)
    assert len(many.text) + len(many.json) < 200_000
    assert "and 9980 more" in many.text


def test_a_published_alert_reaches_a_queue_on_the_topic(lake: Lake) -> None:
    sqs = lake.sqs
    url = sqs.create_queue(QueueName="alerts-of-the-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lake.sns.subscribe(TopicArn=lake.config.alert_topic_arn, Protocol="sqs", Endpoint=arn)
    publish(lake, ALERT)
    [message] = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), what="the alert")
    notification = json.loads(message["Body"])
    assert notification["Subject"] == "Lakelanes: load_sales failed for 2024-03-15"
    told = json.loads(notification["Message"])
    assert (told["dag_id"], told["run_id"], told["entity"]) == ("load_sales", "manual__1", "sales")
    assert told["files"] == [
        {
            "file": FAULT.file,
            "entity": "sales",
            "state": "rejected",
            "reason": FAULT.reason,
            "line": 17,
            "column": "amount",
            "rejects": None,
            "rows_rejected": None,
            "rows_withheld": None,
        }
    ]
