"""Stacks and change sets where ministack's CloudFormation is kinder than AWS's.

What AWS refuses is from its documents where these say so; where only its answers tell, the wording is what people
quote of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

Properties = dict[str, Any]
Parameters = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html
_UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
# Properties whose change replaces the resource, as its schema's createOnlyProperties lists them: ministack has them of
# other types, and calls every change of a bucket a replacement, perhaps.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
REPLACING = {"AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace")}


def attach(uses_workgroup: Callable[[str], bool], forget_workgroup: Callable[[str], None]) -> None:
    """Take over what ministack's CloudFormation lets pass.

    uses_workgroup: whether a workgroup of the request's account and region has queries; forget_workgroup drops them.
    """
    from ministack.services import glue, s3
    from ministack.services.cloudformation import changesets, handlers, provisioners, stacks

    # Both modules hold the function under their own name.
    handlers._resolve_parameters = _strict_parameters(handlers._resolve_parameters)
    changesets._resolve_parameters = _strict_parameters(changesets._resolve_parameters)
    changesets._resolve_props_for_diff = _without_excluded(changesets._resolve_props_for_diff)
    stacks._roll_back_operation = _remembering(stacks._roll_back_operation)
    actions = handlers._ACTION_HANDLERS
    actions["CreateStack"] = _in_no_use(actions["CreateStack"], handlers)
    actions["CreateChangeSet"] = _in_a_fit_state(actions["CreateChangeSet"], handlers)
    provisioners._REPLACING_PROPERTIES.update(REPLACING)
    resources = provisioners._RESOURCE_HANDLERS
    _attach_buckets(resources["AWS::S3::Bucket"], s3)
    _attach_tables(resources["AWS::DynamoDB::Table"])
    _attach_workgroups(resources["AWS::Athena::WorkGroup"], uses_workgroup, forget_workgroup)
    _attach_databases(resources["AWS::Glue::Database"], changesets, glue)


def _strict_parameters(resolve: Callable[..., Parameters]) -> Callable[..., Parameters]:
    """Refuses parameters that the template lacks, and the earlier value of one that has none.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html
    """

    def strict(template: Properties, provided: list[Properties], previous: Parameters | None = None) -> Parameters:
        declared = template.get("Parameters", {})
        names = [one["Key"] for one in provided if "Key" in one]
        if unknown := [name for name in names if name not in declared]:
            raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        for one in provided:
            if one.get("UsePreviousValue") and one["Key"] not in (previous or {}):
                raise ValueError(
                    f"Invalid input for parameter key {one['Key']}. Cannot specify usePreviousValue as true for a "
                    "parameter key not in the previous template"
                )
        return resolve(template, provided, previous)

    return strict


def _without_excluded(resolve: Callable[..., Properties]) -> Callable[..., Properties]:
    """A change set leaves out resources whose condition is false, so that one which changes adds or removes them.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
    """

    def resolved(template: Properties, parameters: Parameters, name: str, stack_id: str) -> Properties:
        from ministack.services.cloudformation.engine import _evaluate_conditions

        found = resolve(template, parameters, name, stack_id)
        conditions = _evaluate_conditions(template, parameters) if found else {}
        resources = found.get("Resources", {})
        made = {key: each for key, each in resources.items() if conditions.get(each.get("Condition"), True)}
        return {**found, "Resources": made} if found else found

    return resolved


def _remembering(roll_back: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """What a rolled-back creation leaves behind stays listed among the stack's resources, with its last status."""

    async def remembering(name: str, stack_id: str, stack: Properties, operation: Properties, *more: Any) -> None:
        made = dict(stack.get("_resources", {}))
        await roll_back(name, stack_id, stack, operation, *more)
        if operation.get("is_update"):
            return
        from ministack.services.cloudformation import _stack_events

        # A change set's is set only when all went well, and a deletion looks there for the policies.
        stack["_template"] = stack.get("_template") or operation["template"]
        stack["_resolved_params"] = stack.get("_resolved_params") or operation["param_values"]

        last = {event["LogicalResourceId"]: event for event in _stack_events[stack_id]}
        for logical_id, resource in made.items():
            status = last.get(logical_id, {}).get("ResourceStatus")
            if status in ("DELETE_SKIPPED", "DELETE_FAILED"):
                stack["_resources"][logical_id] = {**resource, "ResourceStatus": status}

    return remembering


def _in_no_use(create: Callable[[Parameters], Answer], handlers: ModuleType) -> Callable[[Parameters], Answer]:
    """A stack that was rolled back has to be deleted before its name can be used again.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (ROLLBACK_COMPLETE)
    """

    def creating(params: Parameters) -> Answer:
        name, stack = _named(params, handlers)
        if stack is not None and stack["StackStatus"] == "ROLLBACK_COMPLETE":
            return _refused(handlers, "AlreadyExistsException", f"Stack [{name}] already exists")
        return create(params)

    return creating


def _in_a_fit_state(create: Callable[[Parameters], Answer], handlers: ModuleType) -> Callable[[Parameters], Answer]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html (ChangeSetType)"""

    def creating(params: Parameters) -> Answer:
        name, stack = _named(params, handlers)
        kind = handlers._p(params, "ChangeSetType", "UPDATE")
        if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
            return create(params)
        status, change_set = stack["StackStatus"], handlers._p(params, "ChangeSetName")
        if kind == "CREATE" and status == "ROLLBACK_COMPLETE":
            reason = f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
            return _refused(handlers, "ValidationError", reason)
        if kind == "UPDATE" and status == "REVIEW_IN_PROGRESS":
            return _refused(handlers, "ValidationError", f"Stack [{name}] does not exist")
        in_review = kind == "IMPORT" and status == "REVIEW_IN_PROGRESS"
        if kind in ("UPDATE", "IMPORT") and status not in _UPDATABLE and not in_review:
            reason = f"Stack:{stack['StackId']} is in {status} state and can not be updated."
            return _refused(handlers, "ValidationError", reason)
        return create(params)

    return creating


def _named(params: Parameters, handlers: ModuleType) -> tuple[str, Properties | None]:
    name = handlers._p(params, "StackName")
    return name, handlers._resolve_stack(name) if name else None


def _refused(handlers: ModuleType, code: str, message: str) -> Answer:
    answer: Answer = handlers._error(code, message)
    return answer


def _attach_buckets(handler: dict[str, Any], s3: Any) -> None:
    """Buckets have the lifecycle rules of their templates, and go only when they are empty.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """
    create, update = handler["create"], handler["update"]

    def creating(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        rules = _lifecycle(s3, properties)
        name, attributes = create(logical_id, properties, stack)
        _set_lifecycle(s3, name, rules)
        return name, attributes

    def updating(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Properties]:
        rules = _lifecycle(s3, new)
        name, attributes = update(physical_id, old, new, stack)
        if old.get("LifecycleConfiguration") != new.get("LifecycleConfiguration"):
            _set_lifecycle(s3, name, rules)
        return name, attributes

    def deleting(physical_id: str, properties: Properties) -> None:
        if physical_id in s3._buckets:
            status, _, _ = s3._delete_bucket(physical_id)
            if status >= 400:
                raise ValueError("The bucket you tried to delete is not empty (Service: S3, Status Code: 409)")

    handler.update({"create": creating, "update": updating, "delete": deleting})


def _set_lifecycle(s3: Any, bucket: str, rules: list[Properties]) -> None:
    if rules:
        s3._bucket_lifecycle[bucket] = rules
    else:
        s3._bucket_lifecycle.pop(bucket, None)


def _lifecycle(s3: Any, properties: Properties) -> list[Properties]:
    """The rules of a bucket's template in the form of S3's API, without those that are disabled in effect.

    Raises ValueError where S3 refuses them, and for kinds of rules that no template of ours has.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
    """
    given = (properties.get("LifecycleConfiguration") or {}).get("Rules") or []
    if len(given) > 1000:
        raise ValueError(f"a lifecycle configuration has 1,000 rules at most, not {len(given)}")
    rules = [_lifecycle_rule(rule) for rule in given]
    if s3._lifecycle_rules_error(rules):
        raise ValueError("The XML you provided was not well-formed or did not validate against our published schema")
    names = [rule["ID"] for rule in rules if "ID" in rule]
    if len(set(names)) < len(names):
        raise ValueError("Rule ID must be unique. Found same ID for more than one rule")
    seen = set()
    for rule in rules:
        for action in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            key = rule["Filter"].get("Prefix", ""), action, str(rule.get(action, {}).keys())
            if action in rule and key in seen:
                raise ValueError(f"Found two rules with same prefix '{key[0]}' for same action type '{action}'")
            seen.add(key)
    return rules


def _lifecycle_rule(rule: Properties) -> Properties:
    known = {"Id", "Status", "Prefix", "ExpirationInDays", "NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker"}
    if unknown := sorted(rule.keys() - known - {"AbortIncompleteMultipartUpload"}):
        raise ValueError(f"lifecycle rules with {', '.join(unknown)} are not supported by the local AWS")
    made: Properties = {"Status": rule.get("Status"), "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        if len(rule["Id"]) > 255:
            raise ValueError("ID length should not exceed allowed limit of 255")
        made["ID"] = rule["Id"]
    expiration: Properties = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = str(rule["ExpiredObjectDeleteMarker"]).lower() == "true"
    if expiration:
        made["Expiration"] = expiration
    if "NoncurrentVersionExpiration" in rule:
        days = int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    if made.keys() == {"Status", "Filter", "ID"}:
        raise ValueError(f"lifecycle rule {rule['Id']}: at least one action needs to be specified in a rule")
    return made


def _attach_tables(handler: dict[str, Any]) -> None:
    """A table that is there already is not made again, and one that is protected is not deleted.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html
    """
    from ministack.services import dynamodb

    create, delete = handler["create"], handler["delete"]

    def creating(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        name = properties.get("TableName")
        if name in dynamodb._tables:
            raise ValueError(f"Resource of type 'AWS::DynamoDB::Table' with identifier '{name}' already exists.")
        made: tuple[str, Properties] = create(logical_id, properties, stack)
        return made

    def deleting(physical_id: str, properties: Properties) -> None:
        protected = dynamodb._tables.get(physical_id, {}).get("DeletionProtectionEnabled", False)
        if str(protected).lower() == "true":
            raise ValueError(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection "
                "first. (Service: DynamoDb, Status Code: 400)"
            )
        delete(physical_id, properties)

    handler.update({"create": creating, "delete": deleting})


def _attach_workgroups(
    handler: dict[str, Any], uses_workgroup: Callable[[str], bool], forget_workgroup: Callable[[str], None]
) -> None:
    """A workgroup with queries goes only with RecursiveDeleteOption.

    https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteWorkGroup.html
    """
    delete = handler["delete"]

    def deleting(physical_id: str, properties: Properties) -> None:
        recursive = str(properties.get("RecursiveDeleteOption", False)).lower() == "true"
        if uses_workgroup(physical_id) and not recursive:
            raise ValueError(f"WorkGroup {physical_id} is not empty (Service: Athena, Status Code: 400)")
        delete(physical_id, properties)
        forget_workgroup(physical_id)

    handler["delete"] = deleting


def _attach_databases(handler: dict[str, Any], changesets: Any, glue: Any) -> None:
    """Databases can be imported, by the primary identifier of their schema, DatabaseName.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-supported-resources.html
    """
    kind = "AWS::Glue::Database"

    def problem(name: str) -> str | None:
        if name in glue._databases:
            return None
        missing: str = changesets._IMPORT_NOT_FOUND.format(type=kind, value=name)
        return missing

    changesets._IMPORT_LOOKUPS[kind] = (("DatabaseName",), problem)
    handler["import"] = lambda identifier: (identifier["DatabaseName"], {})
