"""Topics that tell the file queue of files, as the template's parameter FileEventSources lets them."""

from __future__ import annotations

import pytest

from lakelanes.lake import Lake
from scripts.deploy import deploy
from tests.support.lakes import deploy_lake, put
from tests.support.localaws import LocalAws
from tests.support.queues import Queues
from tests.support.waiting import wait_for

ROWS = "transaction_id,customer_id,amount,transaction_date\nt1,c1,1.50,2024-03-15\n"


@pytest.fixture
def lake(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Lake:
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    return deploy_lake(local_aws)


@pytest.mark.parametrize("raw", ["true", "false"])
def test_a_file_that_a_topic_tells_of_is_loaded_and_other_topics_are_not_heard(
    local_aws: LocalAws, lake: Lake, raw: str
) -> None:
    queues = Queues(lake)
    uri = put(lake, "sales_data_2024_03_15.csv", ROWS)
    [message] = queues.receive()
    queues.delete(message)
    arn = lake.sqs.get_queue_attributes(QueueUrl=queues.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    names = [f"{lake.config.resources.source_bucket}-{name}" for name in ("other", "events")]
    other, topic = (lake.sns.create_topic(Name=name)["TopicArn"] for name in names)
    clients = (local_aws.client("cloudformation"), local_aws.client("sts"))
    deploy(lake.config, *clients, parameters={"FileEventSources": topic})
    for each, text in ((other, "nobody's"), (topic, message.body)):
        lake.sns.subscribe(TopicArn=each, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": raw})
        lake.sns.publish(TopicArn=each, Message=text, Subject="Amazon S3 Notification")
    [told] = wait_for(queues.receive, bool, "the topic's message")
    assert (told.body == message.body) is (raw == "true")
    [report] = queues.lane().process([told], lambda: 60.0)
    assert report.done and [(file.source, file.state) for file in report.files] == [(uri, "loaded")]
