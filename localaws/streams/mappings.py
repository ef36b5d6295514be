"""Event source mappings of DynamoDB streams: what Lambda accepts, and what it fills in.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localaws.dynamodb import tables
from localaws.iam.rights import allowed_to_role

Mapping = dict[str, Any]

_BOUNDS = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
}
_LEAST_AGE = 60
_DEFAULTS: Mapping = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
_READING = ("GetRecords", "GetShardIterator", "DescribeStream")
# This one has no type of resource
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html).
_LISTING = "ListStreams"
_SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}


class MappingRefused(Exception):
    """A mapping that Lambda, or only the local one, does not accept; ``code`` is Lambda's error."""

    def __init__(self, message: str, code: str = "InvalidParameterValueException") -> None:
        super().__init__(message)
        self.code = code


def attach(functions: Any, wake: Callable[[], None]) -> None:
    """Take over ministack's calls that create and update mappings, where the source is a DynamoDB stream."""
    create, update, respond = functions._create_esm, functions._update_esm, functions.error_response_json

    def creating(request: Mapping) -> Any:
        if not is_stream(request.get("EventSourceArn")):
            return create(request)
        try:
            request = {**_DEFAULTS, **{name: value for name, value in request.items() if value is not None}}
            check(request)
            _check_source(functions, request)
            _check_role(functions, request)
        except MappingRefused as error:
            return respond(error.code, str(error), 409 if error.code == "ResourceConflictException" else 400)
        reply = create(request)
        wake()
        return reply

    def updating(identifier: str, request: Mapping) -> Any:
        current = functions._esms.get(identifier)
        if current is None or not is_stream(current["EventSourceArn"]):
            return update(identifier, request)
        try:
            check({**current, **request})
            _check_role(functions, {**current, **request})
        except MappingRefused as error:
            return respond(error.code, str(error), 400)
        reply = update(identifier, request)
        wake()
        return reply

    functions._create_esm, functions._update_esm = creating, updating


def is_stream(arn: object) -> bool:
    """Whether the event source is a DynamoDB stream."""
    return isinstance(arn, str) and ":dynamodb:" in arn and "/stream/" in arn


def of_template(functions: Any, properties: Mapping, updated: str | None = None) -> Mapping:
    """A template's properties with their types and defaults; raises MappingRefused like the API.

    ``updated`` is the identifier of the mapping that they are for, None for a new one.
    """
    typed = {**_DEFAULTS, **{name: value for name, value in properties.items() if value is not None}}
    for name in (*_BOUNDS, "ParallelizationFactor", "TumblingWindowInSeconds"):
        try:
            typed[name] = int(typed[name])
        except (TypeError, ValueError) as error:
            raise MappingRefused(f"{name} is {typed[name]!r}, expected a number") from error
    for name in ("BisectBatchOnFunctionError", "Enabled"):
        typed[name] = str(typed.get(name, True)).lower() == "true"
    check(typed)
    if updated is None:
        _check_source(functions, typed)
    _check_role(functions, typed)
    return typed


def check(mapping: Mapping) -> None:
    """Raise MappingRefused for a mapping that cannot be served."""
    for name, (least, most) in _BOUNDS.items():
        value = mapping.get(name)
        if value is not None and not (isinstance(value, int) and least <= value <= most):
            raise MappingRefused(f"{name} is {value!r}, expected {least} to {most}", "ValidationException")
    age = mapping.get("MaximumRecordAgeInSeconds")
    if age is not None and -1 < age < _LEAST_AGE:
        raise MappingRefused(f"MaximumRecordAgeInSeconds must be -1 or at least {_LEAST_AGE}")
    if mapping.get("StartingPosition") not in ("TRIM_HORIZON", "LATEST"):
        raise MappingRefused("StartingPosition must be TRIM_HORIZON or LATEST for a DynamoDB stream")
    if set(mapping.get("FunctionResponseTypes") or ()) - {"ReportBatchItemFailures"}:
        raise MappingRefused("FunctionResponseTypes can only be ReportBatchItemFailures")
    for name, plain in (("ParallelizationFactor", 1), ("TumblingWindowInSeconds", 0)):
        if (mapping.get(name) or plain) != plain:
            raise MappingRefused(f"{name} other than {plain} is not supported by the local AWS")
    if (mapping.get("FilterCriteria") or {}).get("Filters"):
        raise MappingRefused("FilterCriteria of a DynamoDB stream is not supported by the local AWS")
    _check_destination(mapping)


def destination(mapping: Mapping) -> str | None:
    """The ARN that given-up batches are reported to."""
    on_failure = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
    return on_failure.get("Destination")


def _check_destination(mapping: Mapping) -> None:
    if ((mapping.get("DestinationConfig") or {}).get("OnSuccess") or {}).get("Destination"):
        raise MappingRefused("A stream's event source mapping has no OnSuccess destination")
    arn = destination(mapping)
    if arn is None:
        return
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] not in _SENDING:
        raise MappingRefused(f"The destination {arn} is neither a queue nor a topic; no other is supported locally")
    if arn.endswith(".fifo"):
        raise MappingRefused(f"The destination {arn} is FIFO; a stream needs a standard queue or topic")


def _check_source(functions: Any, mapping: Mapping) -> None:
    arn = mapping["EventSourceArn"]
    table = tables.module()._tables.get(arn.split("/")[1])
    streams = table is not None and (table.get("StreamSpecification") or {}).get("StreamEnabled")
    if table is None or not streams or table.get("LatestStreamArn") != arn:
        raise MappingRefused(f"Stream not found: {arn}")
    name, _ = functions._resolve_request_scoped_name_and_qualifier(mapping.get("FunctionName", ""))
    for other in functions._esms.values():
        if other["EventSourceArn"] == arn and other["FunctionName"] == name:
            raise MappingRefused(
                f"The event source arn ({arn}) and function ({name}) provided mapping already exists. Please update "
                f"or delete the existing mapping with UUID {other['UUID']}",
                "ResourceConflictException",
            )


def _check_role(functions: Any, mapping: Mapping) -> None:
    """With AUTH=true: the function's role must be allowed to read the stream and to report failures."""
    name, qualifier = functions._resolve_request_scoped_name_and_qualifier(mapping.get("FunctionName", ""))
    _, configuration = functions._get_func_record_for_qualifier(name, qualifier)
    if configuration is None:
        return
    role = str(configuration.get("Role", ""))
    arn = str(mapping["EventSourceArn"])
    needed: dict[str, str] = {**dict.fromkeys(_READING, arn), _LISTING: "*"}
    if not all([allowed_to_role(role, f"dynamodb:{action}", resource) for action, resource in needed.items()]):
        raise MappingRefused(
            f"Cannot access stream {arn}. Please ensure the role can perform the {', '.join(needed)} Actions on "
            "your stream in IAM."
        )
    target = destination(mapping)
    if target is not None:
        action = _SENDING[target.split(":")[2]]
        if not allowed_to_role(role, action, target):
            raise MappingRefused(f"The provided execution role does not have permissions to call {action} on {target}")
