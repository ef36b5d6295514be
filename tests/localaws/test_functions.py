"""The local AWS's Lambda where it has to be like AWS's."""

from __future__ import annotations

import io
import json
import uuid
import zipfile

from localaws.function_limits import this_architecture
from tests.support.localaws import STACK_WAIT, LocalAws
from tests.support.waiting import wait_for

HANDLER = 'def handler(event, context):\n    return {"batchItemFailures": []}\n'


def test_an_event_source_mapping_takes_its_numbers_from_parameters(local_aws: LocalAws) -> None:
    """CloudFormation hands the value of a !Ref over as text; ministack's poller compared it with a number and
    stopped."""
    name = f"numbers-{uuid.uuid4().hex[:8]}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", HANDLER)
    s3, cloudformation, sqs = (local_aws.client(service) for service in ("s3", "cloudformation", "sqs"))
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="code.zip", Body=buffer.getvalue())
    role = {"Version": "2012-10-17", "Statement": []}
    function = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Architectures": [this_architecture()],
        "Code": {"S3Bucket": name, "S3Key": "code.zip"},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    source = {
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "FunctionName": {"Ref": "Function"},
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "Most"}},
    }
    template = {
        "Parameters": {"Most": {"Type": "Number"}},
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": role}},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Source": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": source},
        },
    }
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Most", "ParameterValue": "2"}],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="taken")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    wait_for(
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"],
        lambda found: set(found.values()) == {"0"},
        "the function to take the message",
    )
