"""Topics and queues: one without a policy takes what a topic of its account sends, one with a policy is held to it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.localaws import ACCOUNT, ENFORCED, REGION, LocalAws, running_localaws
from tests.support.waiting import wait_for

DENYING = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with running_localaws(tmp_path_factory.mktemp("guarded"), environment=ENFORCED) as server:
        yield server


@pytest.mark.parametrize("policy", [True, False])
def test_only_a_policy_keeps_a_topic_out(guarded: LocalAws, policy: bool) -> None:
    sns, sqs = guarded.client("sns"), guarded.client("sqs")
    name = f"listener-{policy}"
    topic, url = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    if policy:
        document = {"Version": "2012-10-17", "Statement": [{**DENYING, "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="alert")

    def received() -> int:
        return len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()))

    if policy:
        assert received() == 0
    else:
        assert wait_for(received) == 1
