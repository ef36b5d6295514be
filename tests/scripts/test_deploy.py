"""What a deployment is given, and what is refused before AWS is asked; tests/infrastructure deploys the templates."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from lakelanes.config.loading import parse_config
from scripts import deploy
from scripts.deploy import DeployError, bundle_bucket, stack_name, stream_tables, template_parameters, upload_bundle
from scripts.package import function_bundle
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
    assert not {name for name in parameters if "Arn" in name}, "it has no tables"
    assert stack_name(config) == f"lakelanes-{resources.analytics_bucket}"


def test_tables_are_named_by_the_arns_that_their_lanes_need() -> None:
    config = make_config({"sales": SALES}, TABLES)
    parameters = template_parameters(config)
    exported = parameters["ExportedTableArns"].split(",")
    assert [arn.rsplit("/", 1)[1] for arn in exported] == ["shop-orders", "shop-clicks"]
    assert all(arn.endswith("/export/*") for arn in parameters["TableExportArns"].split(","))
    assert [table.name for table in stream_tables(config)] == ["orders"]
    assert parameters["StreamArns"].endswith(":table/shop-orders/stream/*")
    assert parameters["StreamObjectArns"].endswith("/orders_changes/lane=stream/*")


@pytest.mark.parametrize("text", ["RequireTls", ""])
def test_a_parameter_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
        deploy._parameter(text)
    assert deploy._parameter("A=b=c") == ("A", "b=c")


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("CREATE_COMPLETE", None),
        ("UPDATE_ROLLBACK_COMPLETE", None),
        ("UPDATE_IN_PROGRESS", "another deployment runs"),
        ("ROLLBACK_COMPLETE", "cannot be updated"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_named(status: str, refused: str | None) -> None:
    stack: Any = {"StackName": "lakelanes-x", "StackStatus": status}
    if refused is None:
        deploy._check_updatable(stack)
        return
    with pytest.raises(DeployError, match=refused):
        deploy._check_updatable(stack)


class Buckets:
    """Takes the place of S3: remembers what was put."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def create_bucket(self, **_: Any) -> None: ...

    def put_public_access_block(self, **_: Any) -> None: ...

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Bucket, Key] = Body


def test_the_bundles_key_follows_its_content(tmp_path: Path) -> None:
    text = config_text(name="keyed")
    config, s3 = parse_config(text, {}), Buckets()
    bundle = function_bundle(tmp_path / "f.zip", text, None)
    first = upload_bundle(config, s3, bundle)  # type: ignore[arg-type]
    assert upload_bundle(config, s3, bundle) == first  # type: ignore[arg-type]
    assert first["FunctionCodeBucket"] == bundle_bucket(config)
    assert s3.objects == {(first["FunctionCodeBucket"], first["FunctionCodeKey"]): bundle.read_bytes()}
    changed = function_bundle(tmp_path / "f.zip", text + " ", None)
    assert upload_bundle(config, s3, changed)["FunctionCodeKey"] != first["FunctionCodeKey"]  # type: ignore[arg-type]


def test_a_bundle_of_another_configuration_is_refused(tmp_path: Path) -> None:
    bundle = function_bundle(tmp_path / "f.zip", config_text(name="one"), None)
    with pytest.raises(DeployError, match="another configuration"):
        upload_bundle(parse_config(config_text(name="two"), {}), Buckets(), bundle)  # type: ignore[arg-type]
    with pytest.raises(DeployError, match="make package"):
        upload_bundle(parse_config(config_text(), {}), Buckets(), tmp_path / "none.zip")  # type: ignore[arg-type]
