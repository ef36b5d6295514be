"""What the local AWS's Lambda refuses, as AWS does or because this machine cannot run it."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from localaws.function_limits import this_architecture
from tests.support.localaws import STACK_WAIT, LocalAws

OTHER = ({"arm64", "x86_64"} - {this_architecture()}).pop()
ROLE = "arn:aws:iam::000000000000:role/none"
HANDLER = "def handler(event, context):\n    return 'fine'\n"
# Of 250 MB, unpacked; zeros are small until then.
LARGE = 262_144_000


@functools.cache
def archive(**files: str | int) -> bytes:
    """A zip archive of Python's texts, or of so many zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(
                name if "." in name else f"{name}.py", bytes(content) if isinstance(content, int) else content
            )
    return buffer.getvalue()


@pytest.fixture
def functions(local_aws: LocalAws) -> Any:
    return local_aws.client("lambda")


@pytest.fixture
def create(functions: Any, unique: Callable[[str], str]) -> Callable[..., str]:
    """Makes a function that this machine runs, with these settings; returns its name."""

    def make(code: bytes | None = None, **settings: Any) -> str:
        name = unique("limited-")
        given = {"Architectures": [this_architecture()], "Code": {"ZipFile": code or archive(app=HANDLER)}, **settings}
        functions.create_function(FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=ROLE, **given)
        return name

    return make


@pytest.fixture
def publish(functions: Any, unique: Callable[[str], str]) -> Callable[..., str]:
    """Publishes a layer; returns its version's ARN."""

    def make(content: bytes, **settings: Any) -> str:
        published = functions.publish_layer_version(
            LayerName=unique("layer-"), Content={"ZipFile": content}, **settings
        )
        return str(published["LayerVersionArn"])

    return make


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return str(caught.value.response["Error"]["Message"])


def test_a_function_for_another_processor_is_neither_made_nor_changed_to_one(
    functions: Any, create: Callable[..., str]
) -> None:
    assert f"--parameter Architecture={this_architecture()}" in refused(lambda: create(Architectures=[OTHER]))
    name = create()
    code = archive(app="def handler(event, context):\n    return 'other'\n")
    change = {"FunctionName": name, "ZipFile": code}
    assert OTHER in refused(lambda: functions.update_function_code(**change, Architectures=[OTHER]))
    found = functions.get_function_configuration(FunctionName=name)
    assert found["Architectures"] == [this_architecture()]
    assert json.load(functions.invoke(FunctionName=name)["Payload"]) == "fine"


def test_a_layer_for_another_processor_is_refused(
    functions: Any, create: Callable[..., str], publish: Callable[..., str]
) -> None:
    wrong = publish(archive(x="a = 1"), CompatibleArchitectures=[OTHER])
    assert f"is for ['{OTHER}']" in refused(lambda: create(Layers=[wrong]))
    right = [
        publish(archive(y="a = 1")),
        publish(archive(z="a = 1"), CompatibleArchitectures=[OTHER, this_architecture()]),
    ]
    name = create(Layers=right)
    assert f"is for ['{OTHER}']" in refused(
        lambda: functions.update_function_configuration(FunctionName=name, Layers=[wrong])
    )


def test_a_layer_that_is_compiled_for_another_python_or_is_elsewhere_is_refused(
    create: Callable[..., str], publish: Callable[..., str]
) -> None:
    other_python = publish(archive(**{"python/fast.cpython-309-x86_64-linux-gnu.so": ""}))
    assert "is compiled for Python 3.9" in refused(lambda: create(Layers=[other_python]))
    public = "arn:aws:lambda:us-east-1:336392948345:layer:AWSSDKPandas-Python312:16"
    assert "is not in the local AWS" in refused(lambda: create(Layers=[public]))


def test_code_and_layers_count_together(
    functions: Any, create: Callable[..., str], publish: Callable[..., str]
) -> None:
    half = archive(half=LARGE // 2)
    layer = publish(half)
    name = create(Layers=[layer])
    other = publish(archive(other=LARGE // 2 + 1))
    limit = f"Unzipped size must be smaller than {LARGE} bytes"
    assert refused(lambda: create(Layers=[layer, other])) == limit
    assert refused(lambda: create(archive(app=HANDLER, half=LARGE // 2), Layers=[layer])) == limit
    change = {"FunctionName": name, "Layers": [layer, other]}
    assert refused(lambda: functions.update_function_configuration(**change)) == limit
    assert refused(lambda: publish(archive(all=LARGE + 1))) == limit


class TestTemplates:
    """CloudFormation makes functions and layers by another way, which looked at nothing."""

    @pytest.fixture
    def place(self, s3: Any, bucket: str) -> str:
        """A bucket with code.zip, small.zip, large.zip and text.zip."""
        s3.put_object(Bucket=bucket, Key="code.zip", Body=archive(app=HANDLER))
        s3.put_object(Bucket=bucket, Key="small.zip", Body=archive(half=LARGE // 2))
        s3.put_object(Bucket=bucket, Key="large.zip", Body=archive(all=LARGE + 1))
        s3.put_object(Bucket=bucket, Key="text.zip", Body=b"no archive")
        return bucket

    def fault(self, aws: LocalAws, name: str, resources: dict[str, Any]) -> str:
        """Why a stack of these resources fails; empty when it does not."""
        client = aws.client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
        try:
            client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=STACK_WAIT)
        except WaiterError:
            events = client.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == "CREATE_FAILED"
            ]
            return " ".join(reasons)
        return ""

    def layer(self, bucket: str, key: str, **properties: Any) -> dict[str, Any]:
        content = {"S3Bucket": bucket, "S3Key": key}
        return {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content, **properties}}

    def function(self, bucket: str, key: str, *layers: str, **properties: Any) -> dict[str, Any]:
        given = {
            "Runtime": "python3.12",
            "Handler": "app.handler",
            "Role": ROLE,
            "Architectures": [this_architecture()],
            "Code": {"S3Bucket": bucket, "S3Key": key},
            "Layers": [{"Ref": name} for name in layers],
            **properties,
        }
        return {"Type": "AWS::Lambda::Function", "Properties": given}

    def test_what_fits_is_made(self, local_aws: LocalAws, place: str, unique: Callable[[str], str]) -> None:
        layer = self.layer(place, "small.zip", CompatibleArchitectures=[this_architecture()])
        resources = {"Layer": layer, "Function": self.function(place, "code.zip", "Layer")}
        assert self.fault(local_aws, unique("fits-"), resources) == ""

    def test_what_does_not_is_refused(self, local_aws: LocalAws, place: str, unique: Callable[[str], str]) -> None:
        cases: list[tuple[str, dict[str, Any]]] = [
            ("NoSuchKey", {"Layer": self.layer(place, "none.zip")}),
            ("NoSuchKey", {"Function": self.function(place, "none.zip")}),
            ("Could not unzip", {"Layer": self.layer(place, "text.zip")}),
            ("Unzipped size", {"Layer": self.layer(place, "large.zip")}),
            (
                "Unzipped size",
                {
                    "One": self.layer(place, "small.zip"),
                    "Two": self.layer(place, "small.zip"),
                    "Function": self.function(place, "code.zip", "One", "Two"),
                },
            ),
            ("this machine's processor", {"Function": self.function(place, "code.zip", Architectures=[OTHER])}),
            (
                f"is for ['{OTHER}']",
                {
                    "Layer": self.layer(place, "small.zip", CompatibleArchitectures=[OTHER]),
                    "Function": self.function(place, "code.zip", "Layer"),
                },
            ),
        ]
        for expected, resources in cases:
            assert expected in self.fault(local_aws, unique("misfits-"), resources), expected
