"""CloudFormation stacks, created, updated and filled with what is there already, each time by a change set.

A change set says beforehand what would happen to every resource, so an update that would replace or remove what holds
data is refused before anything has changed.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import difflib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from scripts import templates
from scripts.templates import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        DescribeChangeSetOutputTypeDef,
        ResourceChangeTypeDef,
        StackTypeDef,
    )

Kind = Literal["CREATE", "UPDATE", "IMPORT"]
# Puts a template's text where CloudFormation finds it; returns the address.
Upload = Callable[[str], str]

# Types whose resources hold data, or all that is known of it.
HOLDING_DATA = frozenset({"AWS::DynamoDB::Table", "AWS::Glue::Database", "AWS::S3::Bucket"})
# How CloudFormation says that a change set has nothing to do; AWS's own command looks for the same texts
# (https://github.com/aws/aws-cli/blob/develop/awscli/customizations/cloudformation/deployer.py).
_NO_CHANGES = ("The submitted information didn't contain changes.", "No updates are to be performed")
# A stack that was never made.
_IN_REVIEW = "REVIEW_IN_PROGRESS"
_ROLLED_BACK = "ROLLBACK_COMPLETE"
NEVER_MADE = frozenset({_IN_REVIEW, _ROLLED_BACK})
_STUCK = frozenset({"ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"})
_STARTS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"})
_DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
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


@dataclass(frozen=True)
class Existing:
    """A resource that is there and belongs to no stack: its logical id and type in the template, and its name with the
    property that has it."""

    logical_id: str
    kind: str
    identifier: tuple[str, str]


def apply(
    cloudformation: CloudFormationClient,
    name: str,
    template: Template,
    values: Mapping[str, str],
    *,
    accepted: Collection[str] = (),
    upload: Upload | None = None,
) -> Deployment:
    """Create or update a stack, and wait until it is done.

    ``values`` are parameters; those of the template that they do not name keep the value that the stack has. A stack
    whose creation was rolled back, and that nothing is left of, is deleted first. ``upload`` takes a template that is
    too long for a request. Raises DeployError when the stack
    cannot be changed now, when the change set would replace or remove what holds data (but for the logical ids in
    ``accepted``), and when the deployment fails.
    """
    before = _to_update(cloudformation, name)
    kind: Kind = "CREATE" if before is None else "UPDATE"
    place = _place(name, template, upload)
    made = _create(cloudformation, name, kind, place, _parameters(template, values, before))
    if made["Status"] == "FAILED":
        faults = _faults(cloudformation, made)
        _discard(cloudformation, made, kind)
        if before is not None and any(text in faults[0] for text in _NO_CHANGES):
            return Deployment(name, "unchanged", _outputs(before))
        raise DeployError("\n  ".join([f"CloudFormation refuses stack {name}:", *_with_hint(faults)]))
    if losses := list(_losses(cloudformation, made, accepted)):
        _discard(cloudformation, made, kind)
        raise DeployError(
            "\n  ".join(
                [
                    f"stack {name} is left as it is, for the update would lose what holds data:",
                    *losses,
                    "Take the change back, or make a lake of its own with the new names (--stack-name). If it is meant "
                    "so, name the resource with --accept",
                ]
            )
        )
    after = _execute(cloudformation, made, kind)
    return Deployment(name, "created" if kind == "CREATE" else "updated", _outputs(after))


def adopt(
    cloudformation: CloudFormationClient,
    name: str,
    template: Template,
    values: Mapping[str, str],
    existing: Collection[Existing],
) -> None:
    """Make a stack of resources that are there; nothing about them changes. ``apply`` then adds all others.

    Raises DeployError when there is such a stack already, and when CloudFormation refuses a resource.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
    """
    before = describe(cloudformation, name)
    if before is not None and before["StackStatus"] == _ROLLED_BACK:
        # What it left behind is what is imported now; its policy keeps it.
        delete(cloudformation, name)
    elif before is not None and before["StackStatus"] != _IN_REVIEW:
        raise DeployError(
            f"stack {name} is {before['StackStatus']}: only a stack that is not there yet can be imported"
        )
    wanted = templates.for_import(template, {each.logical_id for each in existing})
    to_import = [
        {
            "ResourceType": each.kind,
            "LogicalResourceId": each.logical_id,
            "ResourceIdentifier": dict([each.identifier]),
        }
        for each in existing
    ]
    place, given = _place(name, wanted, None), _parameters(template, values, None)
    made = _create(cloudformation, name, "IMPORT", place, given, ResourcesToImport=to_import)
    if made["Status"] == "FAILED":
        faults = _faults(cloudformation, made)
        _discard(cloudformation, made, "IMPORT")
        raise DeployError("\n  ".join([f"CloudFormation refuses to import into stack {name}:", *faults]))
    _execute(cloudformation, made, "IMPORT")


def describe(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The stack; None when there is none of this name."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise


def delete(cloudformation: CloudFormationClient, name: str) -> None:
    """Delete a stack, and wait until it is gone. Raises DeployError when it cannot be deleted."""
    cloudformation.delete_stack(StackName=name)
    after = _wait(cloudformation, name)
    if after is not None and after["StackStatus"] != "DELETE_COMPLETE":
        raise DeployError(f"stack {name} could not be deleted: it is {after['StackStatus']}")


def _to_update(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The stack when it can be updated, None when it is to be created. Raises DeployError for anything else."""
    stack = describe(cloudformation, name)
    if stack is None or stack["StackStatus"] == _IN_REVIEW:
        # A change set that nobody has executed holds nothing, and another one may take its place.
        return None
    status = stack["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        raise DeployError(f"stack {name} is {status}: another deployment runs; try again when it has ended")
    if status in _STUCK:
        raise DeployError(f"stack {name} is {status} and cannot be updated: delete it or finish its rollback first")
    if status != _ROLLED_BACK:
        return stack
    if left := list(_left_behind(cloudformation, name)):
        raise DeployError(
            "\n  ".join(
                [
                    f"stack {name} is {status}, and its creation has left behind:",
                    *left,
                    "Delete these and deploy again, or have them taken over by a new stack with --import",
                ]
            )
        )
    delete(cloudformation, name)
    return None


def _left_behind(cloudformation: CloudFormationClient, name: str) -> Iterator[str]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
        for each in page["StackResourceSummaries"]:
            there = each.get("PhysicalResourceId")
            if there and each["ResourceStatus"] != "DELETE_COMPLETE":
                yield f"{each['LogicalResourceId']} ({each['ResourceType']} {there}): {each['ResourceStatus']}"


def _parameters(template: Template, values: Mapping[str, str], before: StackTypeDef | None) -> list[dict[str, Any]]:
    """The parameters of a request: those given, and for others of the template the value that the stack has.

    CloudFormation gives a parameter that an update does not name its default, whatever its value was.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
    """
    declared = template.get("Parameters", {})
    for unknown in sorted(values.keys() - declared.keys()):
        near = difflib.get_close_matches(unknown, declared, 1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(declared))}"
        raise DeployError(f"--parameter {unknown}: the template has no such parameter; {hint}")
    earlier = {each["ParameterKey"] for each in before.get("Parameters", [])} if before else set()
    return [
        *({"ParameterKey": key, "ParameterValue": value} for key, value in values.items()),
        *({"ParameterKey": key, "UsePreviousValue": True} for key in declared if key in earlier - values.keys()),
    ]


def _place(name: str, template: Template, upload: Upload | None) -> dict[str, str]:
    """How a request says what the template is. Raises DeployError when it is too long for that."""
    body = templates.text(template)
    size = len(body.encode())
    if size <= templates.MOST_BYTES:
        return {"TemplateBody": body}
    if upload is None:
        raise DeployError(f"the template of stack {name} has {size} bytes, and a request {templates.MOST_BYTES}")
    return {"TemplateURL": upload(body)}


def _create(
    cloudformation: CloudFormationClient,
    name: str,
    kind: Kind,
    template: dict[str, str],
    parameters: list[dict[str, Any]],
    **more: Any,
) -> DescribeChangeSetOutputTypeDef:
    """A change set, once CloudFormation has looked at it. Raises DeployError when it does not take the request."""
    try:
        identifier = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            Parameters=parameters,  # type: ignore[arg-type]
            Capabilities=["CAPABILITY_IAM"],
            **template,  # type: ignore[arg-type]
            **more,
        )["Id"]
    except ClientError as error:
        raise DeployError(f"CloudFormation refuses stack {name}: {error.response['Error']['Message']}") from error
    for _ in _pauses(f"change set {identifier}"):
        made = cloudformation.describe_change_set(ChangeSetName=identifier)
        if not made["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
            return made
    raise AssertionError("pauses end with an error")


def _faults(cloudformation: CloudFormationClient, made: DescribeChangeSetOutputTypeDef) -> list[str]:
    """Why a change set failed: CloudFormation's reason, then the resources at fault."""
    reason = made.get("StatusReason", "no reason given")
    return [reason, *_failed(cloudformation, ChangeSetName=made["ChangeSetId"])]


def _discard(cloudformation: CloudFormationClient, made: DescribeChangeSetOutputTypeDef, kind: Kind) -> None:
    """Delete a change set that is not to be executed, and with it the stack that it was to make."""
    cloudformation.delete_change_set(ChangeSetName=made["ChangeSetId"])
    if kind != "UPDATE":
        stack = describe(cloudformation, made["StackId"])
        if stack is not None and stack["StackStatus"] == _IN_REVIEW:
            delete(cloudformation, made["StackId"])


def _losses(
    cloudformation: CloudFormationClient, made: DescribeChangeSetOutputTypeDef, accepted: Collection[str]
) -> Iterator[str]:
    """What a change set would do to resources that hold data, but for updating them in place; a line for each."""
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=made["ChangeSetId"])
    for change in (each["ResourceChange"] for page in pages for each in page["Changes"] if "ResourceChange" in each):
        if change["ResourceType"] not in HOLDING_DATA or change["LogicalResourceId"] in accepted:
            continue
        named = f"{change['LogicalResourceId']} ({change['ResourceType']} {change.get('PhysicalResourceId', '')})"
        if change["Action"] == "Remove":
            yield f"{named} would leave the stack: the template with these parameters does not have it"
        elif change["Action"] == "Modify" and (replacement := change.get("Replacement", "False")) != "False":
            would = "would be" if replacement == "True" else "might be"
            yield f"{named} {would} replaced by an empty one: {', '.join(_causes(change)) or 'no reason given'}"


def _causes(change: ResourceChangeTypeDef) -> Iterator[str]:
    """The properties of a resource that cannot be changed in place, with the parameters or resources behind them."""
    seen: dict[str, list[str]] = {}
    for detail in change.get("Details", []):
        target = detail.get("Target", {})
        if target.get("RequiresRecreation", "Never") != "Never":
            causes = seen.setdefault(target.get("Name") or target.get("Attribute", ""), [])
            if (cause := detail.get("CausingEntity")) and cause not in causes:
                causes.append(cause)
    for name, causes in seen.items():
        yield f"{name} changes" + (f" by {' and '.join(causes)}" if causes else "")


def _execute(cloudformation: CloudFormationClient, made: DescribeChangeSetOutputTypeDef, kind: Kind) -> StackTypeDef:
    """Execute a change set; returns the stack as it is then. Raises DeployError unless everything went well."""
    identifier, name = made["ChangeSetId"], made["StackName"]
    # Said to be the default elsewhere, and not for change sets.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
    rollback: Any = {} if kind == "IMPORT" else {"DisableRollback": False}
    cloudformation.execute_change_set(ChangeSetName=identifier, **rollback)
    # The stack may still have its old status; the change set knows whether it is done.
    for _ in _pauses(f"stack {name}"):
        try:
            status = cloudformation.describe_change_set(ChangeSetName=identifier)["ExecutionStatus"]
        except cloudformation.exceptions.ChangeSetNotFoundException:
            break
        if status != "EXECUTE_IN_PROGRESS":
            break
    after = _wait(cloudformation, made["StackId"])
    if after is None or after["StackStatus"] == "DELETE_COMPLETE":
        raise DeployError(f"stack {name} was deleted while it was being deployed")
    if after["StackStatus"] not in _DONE:
        reasons = _failed(cloudformation, StackName=after["StackId"])
        reasons = reasons or _failed_resources(cloudformation, after["StackId"])
        reasons = reasons or [after.get("StackStatusReason") or "no reason given"]
        raise DeployError("\n  ".join([f"stack {name} ended as {after['StackStatus']}:", *_with_hint(reasons)]))
    return after


def _with_hint(reasons: list[str]) -> list[str]:
    if any("already exists" in reason for reason in reasons):
        return [*reasons, "What an earlier stack has kept is taken over by a new one with --import"]
    return reasons


def _wait(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The stack once nothing is in progress any more; None when it is gone."""
    for _ in _pauses(f"stack {name}"):
        stack = describe(cloudformation, name)
        if stack is None or not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
    raise AssertionError("pauses end with an error")


def _pauses(what: str) -> Iterator[None]:
    """Waits before every turn but the first; raises DeployError when that takes too long."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    pauses = list(POLL_SECONDS)
    while True:
        yield
        if time.monotonic() > deadline:
            raise DeployError(f"{what} is still not done after {TIMEOUT_SECONDS:.0f} s")
        time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])


def _failed(cloudformation: CloudFormationClient, **scope: str) -> list[str]:
    """What failed in the latest operation of a stack, or in a change set, with CloudFormation's reasons, the first
    failure first."""
    failures: list[str] = []
    operation = None
    # Newest first. Validation speaks of single resources here only, not in the events of the stack.
    pages = cloudformation.get_paginator("describe_events").paginate(Filters={"FailedEvents": True}, **scope)  # type: ignore[arg-type]
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
    """The same of the stack's own events."""
    failures: list[str] = []
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    for event in (event for page in pages for event in page["StackEvents"]):
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        if event.get("PhysicalResourceId") == stack_id and status in _STARTS:
            break
        if status.endswith("_FAILED") and "cancelled" not in reason and event.get("PhysicalResourceId") != stack_id:
            failures.insert(0, f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): {reason}")
    return failures


def _outputs(stack: StackTypeDef) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
