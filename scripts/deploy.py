"""Deploy infrastructure/template.yaml through CloudFormation, with its names taken from the configuration.

    python scripts/deploy.py [--config FILE] [--stack-name NAME] [--parameter NAME=VALUE ...]
                             [--bundle FILE] [--layer FILE] [--without-functions]

The functions' bundle and their layer (made by `make package`) go into a bucket of its own first: CloudFormation wants
them in S3 before the stack's buckets exist. Their keys hold hashes of their content, so that the functions change
exactly when these do, and what is there is not sent again. The layer is the one for the stack's processor, the
parameter Architecture, and what was compiled for another is refused. Then infrastructure/stream.yaml maps the stream of
each DynamoDB table that has the lane, in a stack of its own.

Region and account come from the configuration, credentials and endpoint from the environment, as for any AWS tool.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.config.loading import load_config, parse_config
from lakelanes.config.model import LakeConfig, Table
from lakelanes.errors import ConfigError
from lakelanes.tables.catalog import changes_table
from lakelanes.tables.export_requests import export_folder

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infrastructure" / "template.yaml"
STREAM_TEMPLATE = ROOT / "infrastructure" / "stream.yaml"
# What of the parameters is the streams' template's; all others are the lake's.
STREAM_PARAMETERS = frozenset({"StreamLane", "StreamBatchSize", "StreamBatchSeconds"})
STREAM_VIEW = "NEW_AND_OLD_IMAGES"
MADE = ROOT / "build" / "lambda"
BUNDLE = MADE / "functions.zip"
# The values and the default of the template's parameter.
ARCHITECTURES = ("arm64", "x86_64")
# e_machine of an ELF header (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html), in Lambda's words.
_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
# What of the bundle's configuration must be that of the deployment: all of it.
BUNDLED_CONFIG = "include/lake.json"
NO_CHANGES = "No updates are to be performed"
POLL_SECONDS = (0.1, 0.2, 0.4, 1.0, 2.0, 5.0)
TIMEOUT_SECONDS = 900.0


class DeployError(Exception):
    """The stack is not as the template says; the text names the resources at fault and why."""


@dataclass(frozen=True)
class Deployment:
    """What a deployment did ("created", "updated" or "unchanged") and the stack's outputs."""

    stack_name: str
    action: str
    outputs: Mapping[str, str]


def stack_name(config: LakeConfig) -> str:
    """The stack of this lake; a bucket belongs to one lake only, so two lakes never share a stack."""
    return "lakelanes-" + config.resources.analytics_bucket.replace(".", "-")


def template_parameters(config: LakeConfig) -> dict[str, str]:
    """The template's parameters that the configuration decides."""
    resources = config.resources
    return {
        "SourceBucketName": resources.source_bucket,
        "AnalyticsBucketName": resources.analytics_bucket,
        "LedgerTableName": resources.ledger_table,
        "DatabaseName": resources.glue_database,
        "WorkgroupName": resources.workgroup_name,
        "AlertTopicName": resources.alert_topic,
        "FileQueueName": resources.sqs_queue,
        **_export_parameters(config),
        **_stream_parameters(config),
    }


def _export_parameters(config: LakeConfig) -> dict[str, str]:
    """ARNs of the tables that are exported, of their exports, and of the objects that DynamoDB writes."""
    tables = config.exported_tables
    if not tables:
        return {}
    region = f"arn:aws:dynamodb:{config.aws.region}:{config.aws.account_id}"
    arns = [f"{region}:table/{table.dynamodb_table}" for table in tables]
    folders = [f"{config.resources.analytics_bucket}/{export_folder(table)}" for table in tables]
    return {
        "ExportedTableArns": ",".join(arns),
        "TableExportArns": ",".join(f"{arn}/export/*" for arn in arns),
        "TableExportObjectArns": ",".join(f"arn:aws:s3:::{folder}/*" for folder in folders),
    }


def _stream_parameters(config: LakeConfig) -> dict[str, str]:
    """ARNs of the streams that are read, and of what the function makes of them."""
    tables = stream_tables(config)
    if not tables:
        return {}
    place, resources = f"{config.aws.region}:{config.aws.account_id}", config.resources
    folders = [f"{changes_table(table).folder}/lane=stream/*" for table in tables]
    names = [f"table/{resources.glue_database}/{table.changes_table}" for table in tables]
    return {
        "StreamArns": ",".join(f"arn:aws:dynamodb:{place}:table/{table.dynamodb_table}/stream/*" for table in tables),
        "StreamObjectArns": ",".join(f"arn:aws:s3:::{resources.analytics_bucket}/{folder}" for folder in folders),
        "StreamGlueTableArns": ",".join(f"arn:aws:glue:{place}:{name}" for name in names),
    }


def stream_tables(config: LakeConfig) -> list[Table]:
    """The tables of the configuration whose streams are read."""
    return [table for table in config.tables.values() if "stream" in table.lanes]


def bundle_bucket(config: LakeConfig) -> str:
    """The bucket of the bundles: one for the lakes of an account in a region, apart from all data."""
    return f"lakelanes-bundles-{config.aws.account_id}-{config.aws.region}"


def function_architecture(cloudformation: CloudFormationClient, name: str, wanted: str | None = None) -> str:
    """The processor, in Lambda's words, that the functions of a stack are to have: the wanted one, else the one that
    they have, else the template's default. Raises DeployError."""
    stack = None if wanted else _describe(cloudformation, name)
    parameters = stack.get("Parameters", []) if stack else []
    there = {each["ParameterKey"]: each["ParameterValue"] for each in parameters}
    chosen = wanted or there.get("Architecture") or ARCHITECTURES[0]
    if chosen not in ARCHITECTURES:
        raise DeployError(f"--parameter Architecture={chosen}: expected {' or '.join(ARCHITECTURES)}")
    return chosen


def architectures(archive: Path) -> set[str]:
    """The processors, in Lambda's words, that its compiled libraries are for; none when nothing in it is compiled.

    Read from the libraries themselves, so no name and no note can be wrong about it.
    """
    found = set()
    with zipfile.ZipFile(archive) as inside:
        for name in inside.namelist():
            if ".so" in Path(name).suffixes:
                with inside.open(name) as library:
                    head = library.read(20)
                if head[:4] == b"\x7fELF":
                    machine = int.from_bytes(head[18:20], "little")
                    found.add(_MACHINES.get(machine, f"machine {machine:#x}"))
    return found


def upload_functions(config: LakeConfig, s3: S3Client, bundle: Path, layer: Path, architecture: str) -> dict[str, str]:
    """Put the functions' bundle and layer where CloudFormation finds them, unless they are there; returns the
    template's parameters that name the places and the processor.

    Raises DeployError when one of them is missing or for another processor, or the bundle holds another configuration.
    """
    try:
        with zipfile.ZipFile(bundle) as archive:
            bundled = parse_config(archive.read(BUNDLED_CONFIG).decode(), {}, f"{bundle}:{BUNDLED_CONFIG}")
        for_bundle = architectures(bundle)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DeployError(
            f"{bundle} is no bundle of the functions ({error}): run `make package`, or use --without-functions"
        ) from error
    try:
        for_layer = architectures(layer)
    except (OSError, zipfile.BadZipFile) as error:
        raise DeployError(
            f"{layer} is no layer of the functions ({error}): run `make package`, or use --without-functions"
        ) from error
    if bundled != config:
        raise DeployError(f"{bundle} holds another configuration than the one to deploy: run `make package` with it")
    # Without anything compiled a bundle runs everywhere. A layer of two processors would run on one half.
    for path, found, right in (
        (bundle, for_bundle, {architecture} <= for_bundle or not for_bundle),
        (layer, for_layer, for_layer <= {architecture}),
    ):
        if not right:
            raise DeployError(
                f"{path} is for {' and '.join(sorted(found))}, but the functions' processor is {architecture}: run "
                "`make package`, name another file with --bundle or --layer, or have another processor with "
                "--parameter Architecture=..."
            )
    bucket = bundle_bucket(config)
    _make_bundle_bucket(config, s3, bucket)
    return {
        "Architecture": architecture,
        "FunctionCodeBucket": bucket,
        "FunctionCodeKey": _upload(s3, bucket, f"{stack_name(config)}/functions", bundle),
        # The same for every lake of these versions.
        "FunctionLayerKey": _upload(s3, bucket, f"layers/{architecture}", layer),
    }


def _upload(s3: S3Client, bucket: str, name: str, archive: Path) -> str:
    """The key of an archive in the bucket. It holds a hash, so an object that is there is the archive."""
    with archive.open("rb") as file:
        key = f"{name}-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}.zip"
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Without the right to list the bucket, S3 says 403 of what is not there.
        if error.response["Error"]["Code"] not in ("403", "404"):
            raise
        s3.upload_file(str(archive), bucket, key)
    return key


def _make_bundle_bucket(config: LakeConfig, s3: S3Client, bucket: str) -> None:
    region = config.aws.region
    place: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **place)
    except ClientError as error:
        # Elsewhere than in us-east-1, S3 says so of a bucket that is ours already.
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(closed, True),  # type: ignore[arg-type]
    )


def deploy(
    config: LakeConfig,
    cloudformation: CloudFormationClient,
    sts: STSClient,
    *,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Deployment:
    """Create or update the stack and wait until it is done.

    ``parameters`` add to, and win over, those from the configuration. Raises DeployError when the credentials belong to
    another account than the configuration, when the stack is in a state that cannot be updated, and when the
    deployment fails.
    """
    account = sts.get_caller_identity()["Account"]
    if account != config.aws.account_id:
        raise DeployError(
            f"the credentials belong to account {account}, but aws.account_id is {config.aws.account_id}; "
            "use that account's credentials or correct the configuration"
        )
    values = {**template_parameters(config), **(parameters or {})}
    return _deploy(cloudformation, name or stack_name(config), TEMPLATE, values)


def attach_streams(
    config: LakeConfig,
    outputs: Mapping[str, str],
    cloudformation: CloudFormationClient,
    dynamodb: DynamoDBClient,
    *,
    tables: Iterable[Table] | None = None,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, Deployment]:
    """Map the streams of tables (by default all that have one to read) to the function; returns the stacks by table.

    ``outputs`` and ``name`` are those of the lake's stack, ``parameters`` some of STREAM_PARAMETERS. Raises DeployError
    when tables have no stream that can be read; the others' are mapped all the same.
    """
    done: dict[str, Deployment] = {}
    faults: list[str] = []
    for table in stream_tables(config) if tables is None else tables:
        try:
            values = {
                "StreamArn": _stream_arn(dynamodb, table),
                "FunctionName": outputs["StreamProcessor"],
                "FailureQueueArn": outputs["StreamFailureQueueArn"],
                **(parameters or {}),
            }
            stack = stream_stack_name(name or stack_name(config), table)
            done[table.name] = _deploy(cloudformation, stack, STREAM_TEMPLATE, values)
        except DeployError as error:
            faults.append(str(error))
    if faults:
        raise DeployError("\n  ".join(["not all streams are read:", *faults]))
    return done


def detach_streams(
    config: LakeConfig,
    cloudformation: CloudFormationClient,
    *,
    tables: Iterable[Table] | None = None,
    name: str | None = None,
) -> None:
    """Delete the mappings of tables (by default those without the lane), where there are any."""
    if tables is None:
        tables = [table for table in config.tables.values() if "stream" not in table.lanes]
    for table in tables:
        stack = stream_stack_name(name or stack_name(config), table)
        if _describe(cloudformation, stack) is None:
            continue
        cloudformation.delete_stack(StackName=stack)
        after = _wait(cloudformation, stack)
        if after is not None and after["StackStatus"] != "DELETE_COMPLETE":
            raise DeployError(f"stack {stack} could not be deleted: it is {after['StackStatus']}")


def stream_stack_name(lake_stack: str, table: Table) -> str:
    """The stack of a table's mapping: two tables' names may differ in what a stack's name cannot have."""
    digest = hashlib.sha256(table.name.encode()).hexdigest()[:6]
    return f"{lake_stack}-stream-{re.sub(r'[^A-Za-z0-9]+', '-', table.name)[:30]}-{digest}"


def _stream_arn(dynamodb: DynamoDBClient, table: Table) -> str:
    """The table's stream. Raises DeployError, with what to do, when it has none with both images."""
    where, source = f"tables.{table.name}", table.dynamodb_table
    instead = f"or take 'stream' out of {where}.lanes"
    try:
        found = dynamodb.describe_table(TableName=source)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise DeployError(f"{where}.dynamodb_table: there is no table {source}: create it and deploy again") from None
    stream = found.get("StreamSpecification", {})
    command = f"aws dynamodb update-table --table-name {source} --stream-specification"
    if not stream.get("StreamEnabled"):
        raise DeployError(
            f"{where}: table {source} has no stream: turn it on with `{command} "
            f"StreamEnabled=true,StreamViewType={STREAM_VIEW}` and deploy again, {instead}"
        )
    if stream["StreamViewType"] != STREAM_VIEW:
        raise DeployError(
            f"{where}: the stream of table {source} has StreamViewType {stream['StreamViewType']}, expected "
            f"{STREAM_VIEW}: turn it off with `{command} StreamEnabled=false`, on with that view type, and deploy "
            f"again, {instead}"
        )
    return found["LatestStreamArn"]


def _deploy(cloudformation: CloudFormationClient, name: str, template: Path, values: Mapping[str, str]) -> Deployment:
    before = _describe(cloudformation, name)
    if before is not None:
        _check_updatable(before)
    request = {
        "StackName": name,
        "TemplateBody": template.read_text(),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        if before is None:
            cloudformation.create_stack(**request)  # type: ignore[arg-type]
        else:
            cloudformation.update_stack(**request)  # type: ignore[arg-type]
    except ClientError as error:
        if NO_CHANGES not in error.response["Error"]["Message"]:
            raise DeployError(f"CloudFormation refuses stack {name}: {error.response['Error']['Message']}") from error
        return Deployment(name, "unchanged", _outputs(before))
    after = _wait(cloudformation, name)
    if after is None:
        raise DeployError(f"stack {name} was deleted while it was being deployed")
    if after["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reasons = _failures(cloudformation, after["StackId"]) or _failed_resources(cloudformation, after["StackId"])
        reasons = reasons or [after.get("StackStatusReason") or "no reason given"]
        raise DeployError("\n  ".join([f"stack {name} ended as {after['StackStatus']}:", *reasons]))
    return Deployment(name, "created" if before is None else "updated", _outputs(after))


def _describe(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise


def _check_updatable(stack: StackTypeDef) -> None:
    name, status = stack["StackName"], stack["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        raise DeployError(f"stack {name} is {status}: another deployment runs; try again when it has ended")
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"):
        raise DeployError(f"stack {name} is {status} and cannot be updated: delete it or finish its rollback first")


def _wait(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The stack once nothing is in progress any more; None when it is gone."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    pauses = list(POLL_SECONDS)
    while True:
        stack = _describe(cloudformation, name)
        if stack is None or not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        if time.monotonic() > deadline:
            raise DeployError(f"stack {name} is still {stack['StackStatus']} after {TIMEOUT_SECONDS:.0f} s")
        time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])


def _failures(cloudformation: CloudFormationClient, stack_id: str) -> list[str]:
    """What failed in the stack's latest operation, with CloudFormation's reasons, the first failure first."""
    failures: list[str] = []
    operation = None
    # Newest first. Validation speaks of single resources here only, not in the events of the stack.
    pages = cloudformation.get_paginator("describe_events").paginate(StackName=stack_id, Filters={"FailedEvents": True})
    for event in (event for page in pages for event in page["OperationEvents"]):
        operation = operation or event.get("OperationId")
        if event.get("OperationId") != operation:
            break
        reason = event.get("ValidationStatusReason") or event.get("ResourceStatusReason", "")
        failed = event.get("ValidationStatus") == "FAILED" or event.get("ResourceStatus", "").endswith("_FAILED")
        if failed and "cancelled" not in reason:
            failures.insert(0, f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
    return failures


def _failed_resources(cloudformation: CloudFormationClient, stack_id: str) -> list[str]:
    """The same from the stack's own events, which speak of resources where those of the operation do not."""
    failures: list[str] = []
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    for event in (event for page in pages for event in page["StackEvents"]):
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if event["ResourceType"] == "AWS::CloudFormation::Stack":
            if status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                break
        elif status.endswith("_FAILED") and "cancelled" not in reason:
            failures.insert(0, f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
    return failures


def _outputs(stack: StackTypeDef | None) -> dict[str, str]:
    outputs = stack.get("Outputs", []) if stack else []
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    parser.add_argument("--stack-name", help="default: lakelanes-<analytics bucket>")
    functions = parser.add_mutually_exclusive_group()
    functions.add_argument("--bundle", type=Path, default=BUNDLE, help="of the functions (default: build/lambda/...)")
    functions.add_argument("--without-functions", action="store_true", help="deploy what the DAGs need alone")
    parser.add_argument("--layer", type=Path, help="of the functions (default: build/lambda/... for their processor)")
    parser.add_argument("--parameter", type=_parameter, action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    try:
        config = load_config(arguments.config)
        region, name = config.aws.region, arguments.stack_name
        given = dict(arguments.parameter)
        own = {key: given.pop(key) for key in STREAM_PARAMETERS & given.keys()}
        cloudformation = boto3.client("cloudformation", region_name=region)
        bundle: dict[str, str] = {}
        if not arguments.without_functions:
            stack = name or stack_name(config)
            architecture = function_architecture(cloudformation, stack, given.get("Architecture"))
            layer = arguments.layer or MADE / f"layer-{architecture}.zip"
            s3 = boto3.client("s3", region_name=region)
            bundle = upload_functions(config, s3, arguments.bundle, layer, architecture)
        unmapped = config.tables.values() if arguments.without_functions else None
        detach_streams(config, cloudformation, tables=unmapped, name=name)
        sts = boto3.client("sts", region_name=region)
        done = deploy(config, cloudformation, sts, name=name, parameters={**bundle, **given})
        _print(done)
        if bundle:
            dynamodb = boto3.client("dynamodb", region_name=region)
            streams = attach_streams(config, done.outputs, cloudformation, dynamodb, name=name, parameters=own)
            for each in streams.values():
                _print(each)
    except (BotoCoreError, ClientError, ConfigError, DeployError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def _print(done: Deployment) -> None:
    print(f"stack {done.stack_name}: {done.action}")
    for key, value in sorted(done.outputs.items()):
        print(f"  {key} = {value}")


if __name__ == "__main__":
    sys.exit(main())
