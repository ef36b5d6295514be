"""What Lambda does with a function's rights: a role that lacks them gets no messages and no log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localaws.streams.conftest import make_function
from tests.localaws.streams.test_mappings import role
from tests.support.localaws import ACCOUNT, ENFORCED, REGION, LocalAws, running_localaws
from tests.support.waiting import wait_for

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:work"
TAKING = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/*"
LOGGING = ["logs:CreateLogStream", "logs:PutLogEvents"]
HANDLER = "def handler(event, context): print('said', len(event.get('Records', [])))"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with running_localaws(tmp_path_factory.mktemp("guarded"), environment=ENFORCED) as server:
        server.client("sqs").create_queue(QueueName="work")
        yield server


def logged(aws: LocalAws, name: str) -> list[str]:
    """The lines that a function has said."""
    logs, group = aws.client("logs"), f"/aws/lambda/{name}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    lines = [event["message"].strip() for event in logs.filter_log_events(logGroupName=group)["events"]]
    return [line for line in lines if line.startswith("said")]


@pytest.mark.parametrize("missing", [action.partition(":")[2] for action in TAKING])
def test_a_mapping_without_a_right_to_the_queue_is_refused(guarded: LocalAws, missing: str) -> None:
    functions, name = guarded.client("lambda"), f"without-{missing}"
    allowed = [action for action in TAKING if not action.endswith(missing)]
    make_function(functions, name, HANDLER, Role=role(guarded, name, {QUEUE: allowed}))
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match=f"to call {missing} on SQS"):
        functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName=name)


def test_a_mapping_with_all_of_them_takes_messages_until_one_is_taken_away(guarded: LocalAws) -> None:
    functions, sqs, name = guarded.client("lambda"), guarded.client("sqs"), "taker"
    make_function(functions, name, HANDLER, Role=role(guarded, name, {QUEUE: TAKING, LOG: LOGGING}))
    functions.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName=name)
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    wait_for(lambda: logged(guarded, name), lambda lines: lines == ["said 1"], "the first message")
    guarded.client("iam").delete_role_policy(RoleName=name, PolicyName="only")
    sqs.send_message(QueueUrl=url, MessageBody="two")
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"] == "two"


@pytest.mark.parametrize("allowed", [LOGGING, LOGGING[:1], LOGGING[1:]])
def test_a_log_needs_both_rights(guarded: LocalAws, allowed: list[str]) -> None:
    functions, name = guarded.client("lambda"), f"logs-{len(allowed)}-{allowed[0][-6:]}"
    make_function(functions, name, HANDLER, Role=role(guarded, name, {LOG: allowed}))
    functions.invoke(FunctionName=name, Payload=b"{}")
    assert logged(guarded, name) == (["said 0"] if allowed == LOGGING else [])
