"""Deploy infrastructure/template.yaml through CloudFormation, with its names taken from the configuration.

    python -m scripts.deploy [--config FILE] [--stack-name NAME] [--parameter NAME=VALUE ...]
                             [--bundle FILE] [--layer FILE] [--without-functions] [--accept RESOURCE ...]
                             [--import | --write FILE]

Every deployment is a change set. Parameters of the template that neither the configuration nor --parameter names keep
their values. An update that would replace or remove a bucket, a table or the database is refused unless --accept names
it. --import makes a new stack of those that an earlier one has kept. --write deploys nothing: it writes the template
as another tool may deploy it, with the values as defaults of its parameters (docs/deploying.md).

The functions' bundle and their layer (made by `make package`) go into a bucket of its own first: CloudFormation wants
them in S3 before the stack's buckets exist. Their keys hold hashes of their content, so that the functions change
exactly when these do, and what is there is not sent again. The layer is the one for the stack's processor, the
parameter Architecture, and what was compiled for another is refused. Then infrastructure/stream.yaml maps the stream of
each DynamoDB table that has the lane, in a stack of its own. Where the configuration names a principal of QuickSight
(deployment.dashboards_principal), the dashboards follow in another one, once the views that they read are there.

Region and account come from the configuration, credentials and endpoint from the environment, as for any AWS tool.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.config.loading import load_config, parse_config
from lakelanes.config.model import LakeConfig, Table
from lakelanes.dashboards.quicksight import names
from lakelanes.errors import ConfigError
from lakelanes.tables.export_requests import export_folder
from scripts import templates
from scripts.change_sets import NEVER_MADE, Existing, adopt, apply, delete, describe

# Those who deploy take these from here.
from scripts.change_sets import DeployError as DeployError
from scripts.change_sets import Deployment as Deployment
from scripts.dashboards import deploy_dashboards
from scripts.lifecycle import MOST_RULES, table_rules
from scripts.templates import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infrastructure" / "template.yaml"
STREAM_TEMPLATE = ROOT / "infrastructure" / "stream.yaml"
# What of the parameters is the streams' template's; all others are the lake's.
STREAM_PARAMETERS = frozenset({"StreamLane", "StreamBatchSize", "StreamBatchSeconds"})
# What of the template outlives its stack, with the property that names it.
IDENTIFIERS = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Glue::Database": "DatabaseName",
    "AWS::S3::Bucket": "BucketName",
}
STREAM_VIEW = "NEW_AND_OLD_IMAGES"
MADE = ROOT / "build" / "lambda"
BUNDLE = MADE / "functions.zip"
# The values and the default of the template's parameter.
ARCHITECTURES = ("arm64", "x86_64")
# e_machine of an ELF header (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html), in Lambda's words.
_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
# What of the bundle's configuration must be that of the deployment: all of it.
BUNDLED_CONFIG = "include/lake.json"
# What of the parameters the configuration decides, with the settings: a value that was given beside it would be gone
# with the next deployment.
DECIDED = {
    "BytesScannedCutoff": "deployment.bytes_scanned_cutoff",
    "DeletionProtection": "deployment.deletion_protection",
    "FastLaneConcurrency": "deployment.fast_lane_concurrency",
    "LogDays": "deployment.log_days",
    "QueryResultDays": "deployment.query_result_days",
    "ReplacedSourceDays": "deployment.replaced_source_days",
    "StreamBatchSeconds": "tables.NAME.stream.batch_seconds",
    "StreamBatchSize": "tables.NAME.stream.batch_records",
}
WITHOUT_FUNCTIONS = {"FunctionCodeBucket": "none", "FunctionCodeKey": "", "FunctionLayerKey": "none"}
# The longest value of a parameter
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
PARAMETER_BYTES = 4096
# Parameters, each with a policy of its own, that the template has for tables. A managed policy holds 6,144 characters,
# so a full parameter fits, and a role takes ten policies
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
SLOTS = 6


def stack_name(config: LakeConfig) -> str:
    """The stack of this lake; a bucket belongs to one lake only, so two lakes never share a stack."""
    return "lakelanes-" + config.resources.analytics_bucket.replace(".", "-")


def template_parameters(config: LakeConfig) -> dict[str, str]:
    """The template's parameters that the configuration decides."""
    resources, settings = config.resources, config.deployment
    return {
        "SourceBucketName": resources.source_bucket,
        "AnalyticsBucketName": resources.analytics_bucket,
        "LedgerTableName": resources.ledger_table,
        "DatabaseName": resources.glue_database,
        "WorkgroupName": resources.workgroup_name,
        "AlertTopicName": resources.alert_topic,
        "DashboardsPrefix": names.prefix(config),
        "FileQueueName": resources.sqs_queue,
        "DeletionProtection": "on" if settings.deletion_protection else "off",
        "FastLaneConcurrency": str(settings.fast_lane_concurrency),
        "BytesScannedCutoff": str(settings.bytes_scanned_cutoff),
        "LogDays": str(settings.log_days),
        "QueryResultDays": str(settings.query_result_days),
        "ReplacedSourceDays": str(settings.replaced_source_days),
        **_export_parameters(config),
        **_stream_parameters(config),
    }


def _export_parameters(config: LakeConfig) -> dict[str, str]:
    """ARNs of the tables that are exported, and of the objects that DynamoDB writes."""
    tables = config.exported_tables
    partition, place = config.aws.partition, f"{config.aws.region}:{config.aws.account_id}"
    arns = [f"arn:{partition}:dynamodb:{place}:table/{table.dynamodb_table}" for table in tables]
    # One for all tables of a prefix, for the exports of all are the lake's; without a prefix that would be the bucket.
    folders = [table.export.prefix or f"{export_folder(table)}/" for table in tables]
    objects = [f"arn:{partition}:s3:::{config.resources.analytics_bucket}/{folder}*" for folder in folders]
    return {
        **_in_slots("ExportedTableArns", arns, "tables with lane 'export'"),
        **_in_slots("ExportObjectArns", list(dict.fromkeys(objects)), "values of export.prefix", slots=None),
    }


def _stream_parameters(config: LakeConfig) -> dict[str, str]:
    """ARNs of the streams that are read."""
    place = f"{config.aws.partition}:dynamodb:{config.aws.region}:{config.aws.account_id}"
    arns = [f"arn:{place}:table/{table.dynamodb_table}/stream/*" for table in stream_tables(config)]
    return _in_slots("StreamArns", arns, "tables with lane 'stream'")


def _in_slots(name: str, arns: Sequence[str], what: str, slots: int | None = SLOTS) -> dict[str, str]:
    """The values of the template's parameters ``name`` and a number (``slots`` of them; None: one without a number).

    Each holds a list, and each is a policy's, as much as fits (PARAMETER_BYTES). All are there, for one that is left
    out would keep what it was. Raises DeployError when they do not hold all.
    """
    values = [""]
    for arn in arns:
        joined = f"{values[-1]},{arn}" if values[-1] else arn
        if len(joined.encode()) <= PARAMETER_BYTES:
            values[-1] = joined
        else:
            values.append(arn)
    if len(values) > (slots or 1):
        there = sum(value.count(",") + 1 for value in values[: slots or 1])
        raise DeployError(
            f"tables: {len(arns)} {what} are too many for one lake: {name} of {TEMPLATE.name} holds the first {there} "
            f"({slots or 1} parameters of {PARAMETER_BYTES} bytes each). Take 'export' or 'stream' out of the lanes of "
            "some, or configure a second lake for them"
        )
    if slots is None:
        return {name: values[0]}
    return {f"{name}{number}": value for number, value in enumerate([*values, *[""] * slots][:slots], start=1)}


def stream_tables(config: LakeConfig) -> list[Table]:
    """The tables of the configuration whose streams are read."""
    return [table for table in config.tables.values() if "stream" in table.lanes]


def bundle_bucket(config: LakeConfig) -> str:
    """The bucket of the bundles: one for the lakes of an account in a region, apart from all data."""
    return f"lakelanes-bundles-{config.aws.account_id}-{config.aws.region}"


def function_architecture(cloudformation: CloudFormationClient, name: str, wanted: str | None = None) -> str:
    """The processor, in Lambda's words, that the functions of a stack are to have: the wanted one, else the one that
    they have, else the template's default. Raises DeployError."""
    stack = None if wanted else describe(cloudformation, name)
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


def lake_template(config: LakeConfig) -> Template:
    """infrastructure/template.yaml with the lifecycle rules that the configuration's tables bring.

    Raises DeployError when these are more than a bucket may have.
    """
    template = templates.load(TEMPLATE)
    rules = template["Resources"]["AnalyticsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    rules += table_rules(config)
    if len(rules) > MOST_RULES:
        raise DeployError(
            f"the analytics bucket would have {len(rules)} lifecycle rules, and S3 takes {MOST_RULES}: give fewer "
            "tables a stream.keep_days, and one export.prefix to many"
        )
    for resource in template["Resources"].values():
        # For those who read it: a request holds no more than the rest.
        resource.pop("Metadata", None)
    return template


def filled_template(config: LakeConfig, parameters: Mapping[str, str]) -> str:
    """``lake_template`` as text, with the values of its parameters as their defaults: it needs none to be deployed."""
    template = lake_template(config)
    for key, value in {**template_parameters(config), **parameters}.items():
        parameter = template["Parameters"][key]
        parameter["Default"] = int(value) if parameter["Type"] == "Number" else value
    return templates.text(template) + "\n"


def deploy(
    config: LakeConfig,
    cloudformation: CloudFormationClient,
    sts: STSClient,
    *,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
    accepted: Collection[str] = (),
    s3: S3Client | None = None,
) -> Deployment:
    """Create or update the stack and wait until it is done.

    ``parameters`` add to, and win over, those from the configuration; all others keep the value that the stack has.
    ``accepted``: resources with data that may be replaced or removed. A template that is too long for a request goes by
    ``s3`` into the bundles' bucket. Raises DeployError when the credentials belong to another account than the
    configuration, when it has more tables than the template's policies hold, and for what ``change_sets.apply`` says.
    """
    _check_account(config, sts)
    values = {**template_parameters(config), **(parameters or {})}
    stack, template = name or stack_name(config), lake_template(config)
    upload = None if s3 is None else partial(upload_template, config, s3)
    # A creation that fails takes its tables with it, which it could not if they were protected.
    unprotected = {**values, "DeletionProtection": "off"}
    before = describe(cloudformation, stack)
    if before is None or before["StackStatus"] in NEVER_MADE:
        made = apply(cloudformation, stack, template, unprotected, upload=upload)
        if values["DeletionProtection"] == "off":
            return made
        protected = apply(cloudformation, stack, template, values, upload=upload)
        return Deployment(stack, made.action, protected.outputs)
    return apply(cloudformation, stack, template, values, accepted=accepted, upload=upload)


def import_kept(
    config: LakeConfig,
    clients: Mapping[str, Any],
    *,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
) -> list[str]:
    """Make a stack of the buckets, tables and the database that an earlier one has kept; returns their names.

    ``clients``: those of cloudformation, dynamodb, glue, s3 and sts. ``deploy`` then adds what is missing. Raises
    DeployError when none of them is there, and for what ``change_sets.adopt`` says.
    """
    _check_account(config, clients["sts"])
    values = {**template_parameters(config), **(parameters or {})}
    template = lake_template(config)
    existing = []
    for logical_id, resource in templates.kept_resources(template).items():
        kind = resource["Type"]
        named = resource["Properties"][IDENTIFIERS[kind]]
        identifier = values.get(named["Ref"], "")
        if identifier and _is_there(kind, identifier, clients):
            existing.append(Existing(logical_id, kind, (IDENTIFIERS[kind], identifier)))
    if not existing:
        raise DeployError("nothing of this lake is there to be imported: deploy without --import")
    adopt(clients["cloudformation"], name or stack_name(config), template, values, existing)
    return [each.identifier[1] for each in existing]


def _is_there(kind: str, name: str, clients: Mapping[str, Any]) -> bool:
    """Whether there is a resource of a type in IDENTIFIERS that has the name."""
    try:
        if kind == "AWS::S3::Bucket":
            clients["s3"].head_bucket(Bucket=name)
        elif kind == "AWS::DynamoDB::Table":
            clients["dynamodb"].describe_table(TableName=name)
        else:
            clients["glue"].get_database(Name=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "ResourceNotFoundException", "EntityNotFoundException"):
            return False
        raise
    return True


def _check_account(config: LakeConfig, sts: STSClient) -> None:
    account = sts.get_caller_identity()["Account"]
    if account != config.aws.account_id:
        raise DeployError(
            f"the credentials belong to account {account}, but aws.account_id is {config.aws.account_id}; "
            "use that account's credentials or correct the configuration"
        )


def upload_template(config: LakeConfig, s3: S3Client, text: str) -> str:
    """The address of a template, which is put into the bundles' bucket."""
    bucket = bundle_bucket(config)
    key = f"{stack_name(config)}/template-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    _make_bundle_bucket(config, s3, bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"


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
                "StreamBatchSize": str(table.stream.batch_records),
                "StreamBatchSeconds": str(table.stream.batch_seconds),
                **(parameters or {}),
            }
            stack = stream_stack_name(name or stack_name(config), table)
            done[table.name] = apply(cloudformation, stack, templates.load(STREAM_TEMPLATE), values)
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
        if describe(cloudformation, stack) is not None:
            delete(cloudformation, stack)


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


def parameter(text: str) -> tuple[str, str]:
    """NAME=VALUE of a command line as a pair. Raises ArgumentTypeError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main() -> int:
    arguments = _arguments()
    try:
        config = load_config(arguments.config)
        given = dict(arguments.parameter)
        if decided := sorted(given.keys() & DECIDED.keys()):
            settings = ", ".join(f"{key} is {DECIDED[key]}" for key in decided)
            raise DeployError(f"the configuration decides these parameters: {settings}")
        for done in _run(config, arguments, given):
            if isinstance(done, str):
                print(done)
                continue
            print(f"stack {done.stack_name}: {done.action}")
            for key, value in sorted(done.outputs.items()):
                print(f"  {key} = {value}")
    except (BotoCoreError, ClientError, ConfigError, DeployError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def _run(config: LakeConfig, arguments: argparse.Namespace, given: dict[str, str]) -> Iterator[Deployment | str]:
    """Do what the arguments say; yields each deployment when it is done, and what was not done as a text."""
    region, name = config.aws.region, arguments.stack_name
    services = ("cloudformation", "dynamodb", "glue", "s3", "sts")
    clients: dict[str, Any] = {service: boto3.client(service, region_name=region) for service in services}  # type: ignore[call-overload]
    cloudformation = clients["cloudformation"]
    own = {key: given.pop(key) for key in STREAM_PARAMETERS & given.keys()}
    functions = not arguments.without_functions
    bundle: Mapping[str, str] = WITHOUT_FUNCTIONS
    if functions:
        architecture = function_architecture(cloudformation, name or stack_name(config), given.get("Architecture"))
        layer = arguments.layer or MADE / f"layer-{architecture}.zip"
        bundle = upload_functions(config, clients["s3"], arguments.bundle, layer, architecture)
    if arguments.write:
        arguments.write.write_text(filled_template(config, {**bundle, **given}))
        print(f"wrote {arguments.write}")
        return
    if arguments.adopt:
        for kept in import_kept(config, clients, name=name, parameters=given):
            print(f"imported {kept}")
    detach_streams(config, cloudformation, tables=None if functions else config.tables.values(), name=name)
    options: Any = {"name": name, "accepted": arguments.accept, "s3": clients["s3"]}
    done = deploy(config, cloudformation, clients["sts"], parameters={**bundle, **given}, **options)
    yield done
    if functions:
        streams = attach_streams(config, done.outputs, cloudformation, clients["dynamodb"], name=name, parameters=own)
        yield from streams.values()
    upload = partial(upload_template, config, clients["s3"])
    boards = deploy_dashboards(config, cloudformation, clients["glue"], name or stack_name(config), upload=upload)
    if boards is not None:
        yield boards


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="default: $LAKE_CONFIG, else include/lake.json")
    parser.add_argument("--stack-name", help="default: lakelanes-<analytics bucket>")
    functions = parser.add_mutually_exclusive_group()
    functions.add_argument("--bundle", type=Path, default=BUNDLE, help="of the functions (default: build/lambda/...)")
    functions.add_argument("--without-functions", action="store_true", help="deploy what the DAGs need alone")
    parser.add_argument("--layer", type=Path, help="of the functions (default: build/lambda/... for their processor)")
    parser.add_argument("--parameter", type=parameter, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--accept", action="append", default=[], metavar="RESOURCE", help="replace or remove it, data and all"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--import", dest="adopt", action="store_true", help="what an earlier stack has kept, first")
    instead.add_argument("--write", type=Path, metavar="FILE", help="the template for another tool; deploy nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
