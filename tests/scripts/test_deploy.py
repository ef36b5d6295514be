"""What a deployment is given, and what is refused before AWS is asked; tests/infrastructure deploys the templates."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from lakelanes.config.loading import parse_config
from lakelanes.config.model import LOG_DAYS
from scripts import deploy, templates
from scripts.archives import write
from scripts.change_sets import DeployError
from scripts.deploy import (
    ARCHITECTURES,
    architectures,
    bundle_bucket,
    function_architecture,
    stack_name,
    stream_tables,
    template_parameters,
    upload_functions,
)
from scripts.package import function_bundle
from tests.infrastructure.test_template import CloudFormationLoader
from tests.support.lakes import SALES, config_text, make_config
from tests.support.source_tables import ORDERS

TABLES: dict[str, Any] = {
    "orders": {"dynamodb_table": "shop-orders", **ORDERS, "lanes": ["export", "stream"]},
    "clicks": {"dynamodb_table": "shop-clicks", **ORDERS, "table_name": "clicks", "lanes": ["export"]},
}


def test_the_configuration_names_what_is_made() -> None:
    config = make_config({"sales": SALES})
    parameters, resources = template_parameters(config), config.resources
    assert parameters["SourceBucketName"] == resources.source_bucket
    assert parameters["AlertTopicName"] == resources.alert_topic
    arns = {name for name in parameters if "Arn" in name}
    assert arns, "what is left out keeps its value, so a table that left the configuration would keep its rights"
    assert {parameters[name] for name in arns} == {""}
    assert stack_name(config) == f"lakelanes-{resources.analytics_bucket}"


def test_tables_are_named_by_the_arns_that_their_lanes_need() -> None:
    config = make_config({"sales": SALES}, TABLES)
    parameters = template_parameters(config)
    exported = parameters["ExportedTableArns1"].split(",")
    assert [arn.rsplit("/", 1)[1] for arn in exported] == ["shop-orders", "shop-clicks"]
    assert parameters["ExportObjectArns"].endswith(f":::{config.resources.analytics_bucket}/dynamodb-exports/*")
    assert [table.name for table in stream_tables(config)] == ["orders"]
    assert parameters["StreamArns1"].endswith(":table/shop-orders/stream/*")


def test_exports_without_a_prefix_of_their_own_do_not_open_the_bucket() -> None:
    tables = {
        "orders": {**TABLES["orders"], "export": {"prefix": ""}},
        "clicks": {**TABLES["clicks"], "export": {"prefix": "shop/"}},
    }
    config = make_config({"sales": SALES}, tables)
    objects = template_parameters(config)["ExportObjectArns"].split(",")
    assert [arn.partition("/")[2] for arn in objects] == ["orders/*", "shop/*"]


def many(count: int, length: int) -> dict[str, Any]:
    """So many tables whose names in DynamoDB have so many characters."""
    names = [f"{number:04d}".rjust(length, "n") for number in range(count)]
    return {
        f"t{i}": {**TABLES["orders"], "table_name": f"t{i}", "dynamodb_table": name} for i, name in enumerate(names)
    }


def test_two_hundred_tables_are_spread_over_the_templates_policies() -> None:
    config = make_config({"sales": SALES}, many(200, 40))
    parameters = template_parameters(config)
    for name in ("ExportedTableArns", "StreamArns"):
        values = [parameters[f"{name}{number}"] for number in range(1, deploy.SLOTS + 1)]
        assert max(len(value.encode()) for value in values) <= deploy.PARAMETER_BYTES
        assert len(set(",".join(filter(None, values)).split(","))) == 200


@pytest.mark.parametrize(("count", "length", "what"), [(400, 40, "export"), (79, 255, "export"), (260, 40, "stream")])
def test_more_tables_than_the_policies_hold_are_refused_before_anything_is_deployed(
    count: int, length: int, what: str
) -> None:
    config = make_config({"sales": SALES}, many(count, length))
    with pytest.raises(DeployError, match=rf"^tables: {count} tables with lane '{what}' are too many for one lake"):
        template_parameters(config)


@pytest.mark.parametrize("text", ["RequireTls", ""])
def test_a_parameter_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
        deploy.parameter(text)
    assert deploy.parameter("A=b=c") == ("A", "b=c")


def test_settings_of_the_deployment_are_parameters() -> None:
    text = json.loads(config_text())
    text["deployment"] = {"log_days": 7, "fast_lane_concurrency": 3, "deletion_protection": False}
    parameters = template_parameters(parse_config(json.dumps(text), {}))
    assert (parameters["LogDays"], parameters["FastLaneConcurrency"]) == ("7", "3")
    assert parameters["DeletionProtection"] == "off"
    declared = templates.load(deploy.TEMPLATE)["Parameters"]
    defaults = template_parameters(parse_config(config_text(), {}))
    lake = deploy.DECIDED.keys() - deploy.STREAM_PARAMETERS
    assert {name: defaults[name] for name in lake} == {name: str(declared[name]["Default"]) for name in lake}
    assert [str(days) for days in LOG_DAYS] == [str(days) for days in declared["LogDays"]["AllowedValues"]]


def test_a_parameter_that_the_configuration_decides_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "lake.json"
    config.write_text(config_text())
    monkeypatch.setattr("sys.argv", ["deploy", "--config", str(config), "--parameter", "LogDays=7"])
    assert deploy.main() == 1
    assert "LogDays is deployment.log_days" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_every_arn_is_of_the_regions_partition(region: str, partition: str) -> None:
    text = json.loads(config_text(tables=TABLES))
    text["aws"]["region"] = region
    config = parse_config(json.dumps(text), {})
    arns = [arn for value in template_parameters(config).values() for arn in value.split(",") if arn.startswith("arn:")]
    assert len(arns) >= 4
    assert {arn.split(":")[1] for arn in [*arns, config.alert_topic_arn]} == {partition}


class Buckets:
    """Takes the place of S3: remembers what was sent."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.sent: list[str] = []

    def create_bucket(self, **_: Any) -> None: ...

    def put_public_access_block(self, **_: Any) -> None: ...

    def head_object(self, Bucket: str, Key: str) -> None:
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")

    def upload_file(self, Filename: str, Bucket: str, Key: str) -> None:
        self.objects[Bucket, Key] = Path(Filename).read_bytes()
        self.sent.append(Key)


def library(machine: int) -> bytes:
    """The head of a compiled library."""
    return b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little")


X86_64, AARCH64 = library(0x3E), library(0xB7)


def layer_of(folder: Path, *libraries: bytes) -> Path:
    return write(folder / "layer.zip", {f"python/{number}.so.1": data for number, data in enumerate(libraries)})


def kernel_of(folder: Path, name: str, data: bytes) -> Path:
    path = folder / f"kernel-0-linux-{name}.so"
    path.write_bytes(data)
    return path


def test_the_keys_follow_the_contents_and_what_is_there_is_not_sent_again(tmp_path: Path) -> None:
    text = config_text(name="keyed")
    config, s3 = parse_config(text, {}), Buckets()
    bundle, layer = function_bundle(tmp_path / "f.zip", text), layer_of(tmp_path, X86_64)
    client: Any = s3
    first = upload_functions(config, client, bundle, layer, "x86_64")
    assert upload_functions(config, client, bundle, layer, "x86_64") == first
    bucket, keys = first["FunctionCodeBucket"], [first["FunctionCodeKey"], first["FunctionLayerKey"]]
    assert (bucket, first["Architecture"]) == (bundle_bucket(config), "x86_64")
    assert s3.objects == {(bucket, keys[0]): bundle.read_bytes(), (bucket, keys[1]): layer.read_bytes()}
    assert s3.sent == keys, "each once"
    changed = function_bundle(tmp_path / "f.zip", text + " ")
    again = upload_functions(config, client, changed, layer, "x86_64")
    assert again["FunctionCodeKey"] != first["FunctionCodeKey"]
    assert again["FunctionLayerKey"] == first["FunctionLayerKey"]


def test_a_bundle_of_another_configuration_is_refused(tmp_path: Path) -> None:
    bundle, layer, s3 = function_bundle(tmp_path / "f.zip", config_text(name="one")), layer_of(tmp_path), Buckets()
    client: Any = s3
    with pytest.raises(DeployError, match="another configuration"):
        upload_functions(parse_config(config_text(name="two"), {}), client, bundle, layer, "arm64")
    for there, missing in ((tmp_path / "none.zip", layer), (bundle, tmp_path / "none.zip")):
        with pytest.raises(DeployError, match=r"none\.zip is no .*make package"):
            upload_functions(parse_config(config_text(name="one"), {}), client, there, missing, "arm64")
    assert s3.sent == []


@pytest.mark.parametrize(
    ("kernels", "libraries", "wanted", "fault"),
    [
        ({"aarch64": AARCH64}, [AARCH64], "arm64", None),
        ({"aarch64": AARCH64, "x86_64": X86_64}, [X86_64], "x86_64", None),
        ({}, [X86_64], "x86_64", None),
        ({"aarch64": AARCH64}, [X86_64], "x86_64", r"f\.zip is for arm64, but the functions' processor is x86_64"),
        ({"aarch64": AARCH64, "x86_64": X86_64}, [X86_64], "arm64", r"layer\.zip is for x86_64, but .* is arm64: run"),
        ({}, [X86_64, AARCH64], "arm64", r"layer\.zip is for arm64 and x86_64, but"),
    ],
)
def test_what_was_compiled_for_another_processor_is_refused(
    tmp_path: Path, kernels: dict[str, bytes], libraries: list[bytes], wanted: str, fault: str | None
) -> None:
    text, s3 = config_text(), Buckets()
    client: Any = s3
    compiled = [kernel_of(tmp_path, name, data) for name, data in kernels.items()]
    bundle, layer = function_bundle(tmp_path / "f.zip", text, compiled), layer_of(tmp_path, *libraries)
    if fault is None:
        assert upload_functions(parse_config(text, {}), client, bundle, layer, wanted)["Architecture"] == wanted
        return
    with pytest.raises(DeployError, match=fault):
        upload_functions(parse_config(text, {}), client, bundle, layer, wanted)
    assert s3.sent == []


def test_an_archive_says_for_which_processors_it_is(tmp_path: Path) -> None:
    assert architectures(layer_of(tmp_path)) == set()
    assert architectures(layer_of(tmp_path, X86_64, AARCH64, b"text", library(0x28))) == {
        "arm64",
        "machine 0x28",
        "x86_64",
    }


class Stacks:
    """Takes the place of CloudFormation: one stack, with these parameters."""

    def __init__(self, **parameters: str) -> None:
        self.parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]

    def describe_stacks(self, StackName: str) -> Any:
        if StackName != "there":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "It does not exist"}}, "DescribeStacks")
        return {"Stacks": [{"StackName": StackName, "Parameters": self.parameters}]}


def test_the_processor_is_the_wanted_one_or_the_stacks_or_the_templates() -> None:
    client: Any = Stacks(Architecture="x86_64", FastLane="on")
    assert function_architecture(client, "there") == "x86_64"
    assert function_architecture(client, "there", "arm64") == "arm64"
    assert function_architecture(client, "not there") == "arm64"
    before: Any = Stacks(FastLane="on")
    assert function_architecture(before, "there") == "arm64", "all that there was before the parameter"
    with pytest.raises(DeployError, match="Architecture=arm: expected arm64 or x86_64"):
        function_architecture(client, "there", "arm")


def test_the_template_knows_the_same_processors() -> None:
    parameter = yaml.load(deploy.TEMPLATE.read_text(), CloudFormationLoader)["Parameters"]["Architecture"]
    assert parameter["AllowedValues"] == list(ARCHITECTURES)
    assert parameter["Default"] == ARCHITECTURES[0]
